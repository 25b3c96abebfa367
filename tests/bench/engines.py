"""What the same conversations cost on DuckDB, on a Postgres and on a Spark of this machine."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from os import sysconf
from pathlib import Path

from loader.windows import iso
from tests.bench import spark_log
from tests.bench.command import Spent, spent
from tests.harness.postgres import PostgresDatabase, postgres_server
from tests.sandbox.process import running_sandbox

END = datetime(2026, 1, 28, tzinfo=UTC)
DAYS = 10
BUILD = ("transform", "build", "--exclude-resource-type", "test", "unit_test")
STEPS = {
    "load": ("load",),
    "build": BUILD,
    "one more day, load": ("load",),
    "one more day, build": BUILD,
    "nothing new, build": BUILD,
}
ENGINES = ("duckdb", "postgres", "spark")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a step cost on an engine, its server's time with it."""

    engine: str
    step: str
    spent: Spent


def costs_of_engines(
    folder: Path, conversations: int, settings: Mapping[str, str]
) -> Iterator[Cost]:
    """Load and build all days but one, then that one; each step on one engine after the other."""
    with ExitStack() as stack:
        sandbox = stack.enter_context(
            running_sandbox(
                conversations=conversations,
                days=DAYS,
                now=iso(END - timedelta(days=1)),
                end=iso(END),
                quota=100_000,
            )
        )
        database = stack.enter_context(postgres_server()).create_database("bench")
        engines: dict[str, dict[str, str]] = {
            "duckdb": {"ELT_DUCKDB_PATH": str(folder / "genesys.duckdb")},
            "postgres": database.environment(),
            "spark": {
                "ELT_TARGET": "spark",
                "ELT_BUCKET_URL": str(folder / "bucket"),
                "ELT_SPARK_CONF": spark_log.LOCAL,
            },
        }
        for step, words in STEPS.items():
            if step == "one more day, load":
                sandbox.set_clock(iso(END))
            for engine in ENGINES:
                environment = {
                    **settings,
                    **sandbox.environment(),
                    "ELT_START": iso(END - timedelta(days=DAYS)),
                    "ELT_WORK_DIR": str(folder / engine / "work"),
                    "DBT_TARGET_PATH": str(folder / engine / "target"),
                    "DBT_LOG_PATH": str(folder / engine / "logs"),
                    **engines[engine],
                }
                beside = _server_seconds(database) if engine == "postgres" else _no_server
                yield Cost(engine, step, _with_server(words, environment, beside))


def _with_server(
    words: tuple[str, ...], environment: Mapping[str, str], server_seconds: Callable[[], float]
) -> Spent:
    before = server_seconds()
    one = spent(words, environment)
    return Spent(one.seconds, one.cpu_seconds + server_seconds() - before, one.peak_megabytes)


def _no_server() -> float:
    return 0.0


def _server_seconds(database: PostgresDatabase) -> Callable[[], float]:
    """Return what tells the CPU seconds of a server, and of the processes of it that have ended."""
    [(told,)] = database.query("select pg_read_file('postmaster.pid')")
    process = Path("/proc") / str(told).split(maxsplit=1)[0] / "stat"

    def seconds() -> float:
        fields = process.read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / sysconf("SC_CLK_TCK")

    return seconds
