"""What a build on Spark did, by the event log that Spark writes of itself."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# A cluster would have this by itself: what is left of it is a machine's cores and memory.
LOCAL = "spark.master=local[2];spark.driver.memory=4g"


@dataclass(frozen=True, slots=True)
class Work:
    """What Spark's tasks did in one build.

    Attributes:
        cpu_seconds: of all tasks, without what plans and commits.
        busy_seconds: how long any job was at work; the rest of the time was planning and commits.
        tasks: how many there were.
        shuffled_bytes: what stages handed to each other.
        largest_shuffle: the most bytes that one stage handed on.
        spilled_bytes: what did not fit into memory.
    """

    cpu_seconds: float
    busy_seconds: float
    tasks: int
    shuffled_bytes: int
    largest_shuffle: int
    spilled_bytes: int


def logged_to(folder: Path) -> str:
    """Return the settings by which Spark writes its log into a folder, which must be there."""
    return f"spark.eventLog.enabled=true;spark.eventLog.dir=file://{folder}"


def work(folder: Path) -> Work:
    """Return what the one log of a folder tells."""
    [log] = folder.iterdir()
    cpu_nanoseconds = tasks = spilled = 0
    shuffled: Counter[int] = Counter()
    began: dict[int, int] = {}
    jobs: list[tuple[int, int]] = []
    for event in _events(log):
        match event["Event"]:
            case "SparkListenerJobStart":
                began[event["Job ID"]] = event["Submission Time"]
            case "SparkListenerJobEnd":
                jobs.append((began[event["Job ID"]], event["Completion Time"]))
            case "SparkListenerTaskEnd" if measured := event.get("Task Metrics"):
                tasks += 1
                cpu_nanoseconds += measured["Executor CPU Time"]
                spilled += measured["Disk Bytes Spilled"]
                written = measured["Shuffle Write Metrics"]["Shuffle Bytes Written"]
                shuffled[event["Stage ID"]] += written
    return Work(
        cpu_nanoseconds / 1e9,
        _covered(jobs) / 1e3,
        tasks,
        shuffled.total(),
        max(shuffled.values(), default=0),
        spilled,
    )


def _events(log: Path) -> Iterator[dict[str, Any]]:
    with log.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _covered(stretches: list[tuple[int, int]]) -> int:
    """Return how long at least one of some stretches of time lasted."""
    total = reached = 0
    for start, end in sorted(stretches):
        total += max(end - max(start, reached), 0)
        reached = max(reached, end)
    return total
