"""What `load`, `run` and `test` cost of one more day, and of none, at two lengths of history."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from loader.windows import iso
from tests.bench.command import spent
from tests.bench.history import lengthen
from tests.sandbox.process import running_sandbox

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
        # Or each contact came every few days, and every month.
        pool=MONTH * per_day,
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
    cost = spent(words, environment)
    told = " ".join(word for word in words if word not in GAPS)
    return Cost(told, months * MONTH, cost.cpu_seconds, cost.peak_megabytes)
