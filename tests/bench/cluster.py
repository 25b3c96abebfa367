"""What a cluster would do with many conversations, from what they cost this machine's Spark.

Two histories of the same days are built, a short and a long one, and then one more day of each.
What the long one takes beyond the short is what its conversations cost; the rest is what a build
costs by itself. So no number of the estimate is a guess but those of `Cluster`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from loader.windows import iso
from tests.bench import spark_log
from tests.bench.command import Spent, spent
from tests.bench.engines import BUILD, END
from tests.sandbox.process import running_sandbox

FIRST, DAY, NOTHING = "all", "one more day", "nothing new"
# Of a shuffle, what a task takes in; of a table, what Iceberg writes into one file.
TASK_BYTES, FILE_BYTES = 128 << 20, 512 << 20


@dataclass(frozen=True, slots=True)
class Cluster:
    """What is assumed of a cluster, and what it is to do.

    Attributes:
        nodes: machines that work.
        cores: of each, as fast as this machine's.
        use: share of their time in which cores have work: stages end with their slowest task.
        network: bytes a second that a node hands on and takes in.
        conversations: of all time.
        per_day: of these, a day brings.
    """

    nodes: int = 20
    cores: int = 16
    use: float = 0.5
    network: int = 300_000_000
    conversations: int = 100_000_000
    per_day: int = 100_000


@dataclass(frozen=True, slots=True)
class Built:
    """A build that was measured.

    Attributes:
        step: which.
        conversations: of the history, the new ones among them.
        new: of these.
        spent: by all processes.
        work: by Spark's tasks.
        written_bytes: Parquet files of the tables.
    """

    step: str
    conversations: int
    new: int
    spent: Spent
    work: spark_log.Work
    written_bytes: int

    @property
    def driver_seconds(self) -> float:
        """How long no task was at work: plans, commits, dbt."""
        return self.spent.seconds - self.work.busy_seconds


@dataclass(frozen=True, slots=True)
class Slope:
    """What a build costs by itself, and what each conversation adds."""

    fixed: float
    each: float

    @classmethod
    def of(cls, short: tuple[int, float], long: tuple[int, float]) -> "Slope":
        """Return the line through two measurements, each a number of conversations and a cost."""
        each = max((long[1] - short[1]) / (long[0] - short[0]), 0.0)
        return cls(max(short[1] - each * short[0], 0.0), each)


def builds(
    folder: Path, per_day: int, days: tuple[int, int], settings: Mapping[str, str]
) -> Iterator[Built]:
    """Build a short and a long history, a day more of each, and once with nothing new."""
    for length in days:
        with running_sandbox(
            conversations=length * per_day,
            days=length,
            now=iso(END - timedelta(days=1)),
            end=iso(END),
            quota=100_000,
        ) as sandbox:
            place = folder / str(length)
            for step in (FIRST, DAY, NOTHING):
                environment = {
                    **settings,
                    # Its time with it, which the loader goes by.
                    **sandbox.environment(),
                    "ELT_TARGET": "spark",
                    "ELT_BUCKET_URL": str(place / "bucket"),
                    "ELT_START": iso(END - timedelta(days=length)),
                    "ELT_WORK_DIR": str(place / "work"),
                    "DBT_TARGET_PATH": str(place / "target"),
                    "DBT_LOG_PATH": str(place / "logs"),
                }
                if step != NOTHING:
                    spent(("load",), environment)
                log = place / step.replace(" ", "-")
                log.mkdir()
                conf = f"{spark_log.LOCAL};{spark_log.logged_to(log)}"
                cost = spent(BUILD, {**environment, "ELT_SPARK_CONF": conf})
                before = (length - 1) * per_day
                yield Built(
                    step,
                    before if step == FIRST else before + per_day,
                    {FIRST: before, DAY: per_day, NOTHING: 0}[step],
                    cost,
                    spark_log.work(log),
                    sum(path.stat().st_size for path in place.rglob("warehouse/**/*.parquet")),
                )
                sandbox.set_clock(iso(END))


def estimate(measured: list[Built], cluster: Cluster) -> Iterator[tuple[str, str]]:
    """Tell what the cluster would do by what was measured, as names and values."""
    short, long = ({one.step: one for one in measured[place : place + 3]} for place in (0, 3))

    def expected(step: str, cost: str) -> float:
        few, many = short[step], long[step]
        line = Slope.of(
            (few.conversations, float(getattr(few.work, cost))),
            (many.conversations, float(getattr(many.work, cost))),
        )
        # Both had the same day: what does not grow with the history does with the day.
        times = cluster.per_day / few.new if step == DAY else 1
        return line.each * cluster.conversations + line.fixed * times

    for step in (FIRST, DAY):
        tasks, shuffled = expected(step, "cpu_seconds"), expected(step, "shuffled_bytes")
        largest = expected(step, "largest_shuffle")
        driver = long[step].driver_seconds
        seconds = (
            driver
            + tasks / (cluster.nodes * cluster.cores * cluster.use)
            + shuffled / (cluster.nodes * cluster.network)
        )
        yield f"{step}: tasks", f"{tasks / 3600:,.1f} CPU h"
        yield f"{step}: no task at work, as here", f"{driver / 60:,.1f} min"
        yield f"{step}: shuffled", f"{shuffled / 1e9:,.1f} GB"
        yield f"{step}: the largest shuffle", f"{largest / 1e9:,.1f} GB"
        yield f"{step}: ELT_SPARK_PARTITIONS for it", f"{max(largest / TASK_BYTES, 1):,.0f}"
        yield f"{step}: all in all", f"{seconds / 60:,.0f} min"
    tables = Slope.of(
        (short[FIRST].conversations, short[FIRST].written_bytes),
        (long[FIRST].conversations, long[FIRST].written_bytes),
    )
    written = tables.fixed + tables.each * cluster.conversations
    yield "tables", f"{written / 1e9:,.0f} GB"
    yield "files of them, at Iceberg's size", f"{max(written / FILE_BYTES, 1):,.0f}"
