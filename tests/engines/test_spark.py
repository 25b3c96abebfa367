"""The whole project on Spark, with Iceberg tables: equal to what DuckDB makes of the same loads.

Java runs Spark, and the jars come by their Maven coordinates; the first run downloads them. Most of
the time is Spark's planning, whatever the rows: so the organisation is small, and built once.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from loader.resources.guides.intervals import METRICS
from tests.engines import small_spark
from tests.engines.marts import MARTS, differences
from tests.engines.raw_files import loads_of, spoil_column, write_files
from tests.harness.place import Place
from tests.sandbox.process import running_sandbox
from tests.transform.warehouses import MODELS_AND_SEEDS, PROJECT, ROOT, DuckDBWarehouse, dbt

pytestmark = [pytest.mark.xdist_group("spark"), pytest.mark.usefixtures("java")]

SETTINGS = {
    "ELT_START": "2026-03-14",
    "ELT_WINDOW_HOURS": "24",
    "GENESYS_REQUESTS_PER_MINUTE": "100000",
    "GENESYS_REPORT_METRICS": ",".join(METRICS),
}
# Read in three runs, so that conversations change between them; the last when all has ended.
CLOCK = ("2026-03-14T18:00:00Z", "2026-03-15T18:00:00Z", "2026-03-30T06:00:00Z")
END = "2026-03-18T00:00:00Z"
FIRST_LOADS = 14

# Spark's own client of the catalog comes first, as Iceberg's makes none.
VERSIONS = """
import sys
from tests.engines.spark_session import session
session().table(sys.argv[1])
print(session().table(sys.argv[1] + ".snapshots").count())
"""


@dataclass
class SparkPlace:
    """A bucket with a catalog beside its tables, and dbt in a process of its own."""

    folder: Path
    table_format: str = "iceberg"

    @property
    def bucket(self) -> Path:
        """Where the raw files are."""
        return self.folder / "bucket"

    def environment(self) -> dict[str, str]:
        """Return the settings of dbt and of a session."""
        machine = {name: value for name, value in os.environ.items() if not name.startswith("ELT_")}
        return {
            **machine,
            "ELT_TARGET": "spark",
            "ELT_BUCKET_URL": str(self.bucket),
            "ELT_SPARK_TABLE_FORMAT": self.table_format,
            "ELT_SPARK_CONF": small_spark.CONF,
            "DBT_PROJECT_DIR": str(PROJECT),
            "DBT_PROFILES_DIR": str(ROOT / "profiles"),
            "PYTHONPATH": str(ROOT),
            # Not UTC: nothing may depend on the process's zone.
            "TZ": "America/St_Johns",
        }

    def dbt(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command of dbt's; its output goes to a file, which is returned by `log`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "out.log").open("w", encoding="utf-8") as out:
            return subprocess.Popen(
                [
                    str(Path(sys.executable).with_name("dbt")),
                    "--no-use-colors",
                    *arguments,
                    *("--target-path", str(self.folder / "target")),
                    *("--log-path", str(self.folder / "logs")),
                ],
                cwd=self.folder,
                env=self.environment(),
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def log(self) -> str:
        """Return what the last command has said so far."""
        return (self.folder / "out.log").read_text(encoding="utf-8", errors="replace")

    def build(self, *arguments: str) -> str:
        """Run `dbt build`, which must succeed, and return what it said."""
        process = self.dbt("build", *arguments)
        assert process.wait() == 0, self.log()[-6000:]
        return self.log()

    def build_killed(self, nodes: int, *arguments: str) -> None:
        """Run `dbt build` and kill it, with its Java, once so many nodes are through."""
        process = self.dbt("build", *arguments)
        while self.log().count(" OK created ") < nodes:
            assert process.poll() is None, self.log()[-6000:]
            time.sleep(0.2)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def exported(self) -> Path:
        """Write the marts as Parquet files, a folder each, and return where."""
        out = self.folder / "exported"
        self._python("-m", "tests.engines.spark_session", str(out))
        return out

    def version_count(self, table: str) -> int:
        """Return how many versions of a table there have been since it was made."""
        return int(self._python("-c", VERSIONS, table).split()[-1])

    def _python(self, *arguments: str) -> str:
        return subprocess.run(
            [sys.executable, *arguments],
            env=self.environment(),
            cwd=self.folder,
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ).stdout


def _loaded(folder: Path, contract: str, conversations: int) -> Iterator[Path]:
    """Load an organisation into DuckDB in three runs, and build its marts there."""
    with running_sandbox(
        conversations=conversations,
        days=2,
        end="2026-03-16T00:00:00Z",
        now=CLOCK[-1],
        quota=1_000_000,
        tenant_quota=1_000_000,
        outcome_queries=1_000,
    ) as sandbox:
        place = Place(sandbox, folder, None, {**SETTINGS, "GENESYS_CONTRACT": contract})
        for now in CLOCK:
            sandbox.set_clock(now)
            place.load(*(("--from", "2026-03-14", "--to", END) if now == CLOCK[-1] else ()))
    dbt(DuckDBWarehouse(place.database), "build", *MODELS_AND_SEEDS)
    yield place.database


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the DuckDB file of the platform's contract."""
    yield from _loaded(tmp_path_factory.mktemp("platform"), "platform", 150)


@pytest.fixture(scope="module")
def incremental(platform: Path, tmp_path_factory: pytest.TempPathFactory) -> SparkPlace:
    """Build the first loads, then the rest with a kill in the middle."""
    spark = SparkPlace(tmp_path_factory.mktemp("spark"))
    loads = loads_of(platform)
    write_files(platform, spark.bucket, loads[:FIRST_LOADS])
    spark.build(*MODELS_AND_SEEDS)
    # Whoever opens these again, for a day after them, fails.
    spoil_column(spark.bucket, "conversation_details", "payload")
    write_files(platform, spark.bucket, loads[FIRST_LOADS:])
    spark.build_killed(60, *MODELS_AND_SEEDS)
    # With all data tests and unit tests.
    spark.build()
    return spark


def test_an_incremental_build_that_was_killed_makes_what_duckdb_makes(
    platform: Path, incremental: SparkPlace
) -> None:
    assert list(differences(platform, incremental.exported(), MARTS)) == []


def test_a_table_that_is_made_anew_is_there_all_the_time(incremental: SparkPlace) -> None:
    """One that is dropped first begins with its first version again."""
    assert incremental.version_count("genesys_marts.dim_queues") > 1


def test_the_guides_contract_makes_what_duckdb_makes(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("guides")
    for database in _loaded(folder, "guides", 60):
        spark = SparkPlace(folder / "spark")
        write_files(database, spark.bucket, loads_of(database))
        spark.build(*MODELS_AND_SEEDS)
        assert list(differences(database, spark.exported(), MARTS)) == []
