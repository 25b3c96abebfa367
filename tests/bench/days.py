"""What `load`, `run` and `test` cost of one more day, and of none, at two lengths of history."""

import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from loader.windows import iso
from tests.bench.history import lengthen
from tests.sandbox.process import running_sandbox

ROOT = Path(__file__).parents[2]
# Copies lie a month earlier each: so the days are some that every month has, in one month.
END = datetime(2026, 1, 28, tzinfo=UTC)
MONTH = 27
# Between the months some days are missing.
GAPS = ("--exclude", "assert_no_time_is_left_out")
COMMANDS = (("load",), ("transform", "run"), ("transform", "test", *GAPS), ("transform", "run"))


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command cost.

    Attributes:
        command: its words.
        days: of history before it.
        cpu_seconds: of its process.
        peak_megabytes: of its process.
    """

    command: str
    days: int
    cpu_seconds: float
    peak_megabytes: int


def one_more_day(
    folder: Path, per_day: int, months: int, settings: Mapping[str, str]
) -> Iterator[Cost]:
    """Build a month and `months` of them, add a day to each, and tell what that costs.

    The last command of each history finds nothing new.
    """
    with running_sandbox(
        conversations=MONTH * per_day,
        days=MONTH,
        now=iso(END - timedelta(days=1)),
        end=iso(END),
        quota=100_000,
    ) as sandbox:

        def run(warehouse: Path, *words: str) -> Cost:
            place = folder / warehouse.stem
            environment = {
                **settings,
                **sandbox.environment(),
                "ELT_START": iso(END - timedelta(days=MONTH)),
                "ELT_DUCKDB_PATH": str(warehouse),
                "ELT_WORK_DIR": str(place / "work"),
                "DBT_TARGET_PATH": str(place / "target"),
                "DBT_LOG_PATH": str(place / "logs"),
            }
            return _cost(months if warehouse.stem == "long" else 1, words, environment)

        short, long = folder / "short.duckdb", folder / "long.duckdb"
        run(short, "load")
        lengthen(short, long, months)
        shutil.copytree(folder / "short", folder / "long")
        for warehouse in (short, long):
            run(warehouse, "transform", "build", *GAPS)
        sandbox.set_clock(iso(END))
        for warehouse in (short, long):
            for words in COMMANDS:
                yield run(warehouse, *words)


def _cost(months: int, words: tuple[str, ...], environment: Mapping[str, str]) -> Cost:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # A process between, as a process is told only the greatest peak of all its children.
    between = (
        "import resource, subprocess, sys;"
        "code = subprocess.call(sys.argv[1:], stdout=2);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", between, sys.executable, "-m", "loader", *words],
        cwd=ROOT, env=dict(environment), check=False, text=True, capture_output=True,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(
        " ".join(word for word in words if word not in GAPS),
        months * MONTH,
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        int(done.stdout.split()[-1]),
    )
