"""A warehouse that an older loader made: a newer one adds its columns, also where it was killed."""

import signal
from pathlib import Path

import pytest

from tests.harness.place import Place
from tests.sandbox.process import SandboxProcess
from tests.transform.warehouses import MODELS_AND_SEEDS, dbt, warehouse_of

ONLY = ("load", "--only", "queues")
BUILD = ("build", *MODELS_AND_SEEDS, "--select", "+audit_extract_windows")
COLUMNS = "select column_name from information_schema.columns where table_name = 'extract_windows'"
AUDITED = (
    "select checksum is not null, is_unchanged"
    " from genesys_marts.audit_extract_windows order by started_at"
)

# The loader of before windows had checksums.
OLDER = """
import sys
import loader.ledger as ledger

columns = ledger.LEDGER_SCHEMAS["extract_windows"]
without = columns.remove(columns.get_field_index("checksum"))
ledger.LEDGER_SCHEMAS["extract_windows"] = without
from loader.__main__ import main
sys.exit(main(sys.argv[1:]))
"""

# Dies when the column is there and nothing has been loaded into it.
KILLED_AT_THE_COLUMN = """
import os, signal, sys
from dlt.destinations.impl.filesystem.filesystem import FilesystemClient
from dlt.destinations.job_client_impl import SqlJobClientBase

def dying(update):
    def update_and_die(self, *arguments, **options):
        update(self, *arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)
    return update_and_die

for client in (SqlJobClientBase, FilesystemClient):
    client.update_stored_schema = dying(client.update_stored_schema)
from loader.__main__ import main
main(sys.argv[1:])
"""


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.slow)])
def older(request: pytest.FixtureRequest, sandbox: SandboxProcess, tmp_path: Path) -> Place:
    """Return a place that the older loader has loaded once, the day after."""
    database = request.getfixturevalue("postgres") if request.param == "postgres" else None
    place = Place(sandbox, tmp_path / "older", database)
    place.ended(place.start_python("-c", OLDER, *ONLY)).succeeded()
    assert ("checksum",) not in place.query(COLUMNS)
    return place.at("2026-03-15T06:00:00Z")


@pytest.mark.slow
def test_l10_a_column_that_a_newer_loader_adds_is_in_raw_and_in_the_models(older: Place) -> None:
    # Also before it has loaded once.
    dbt(warehouse_of(older), *BUILD)
    assert older.query(AUDITED) == [(False, None)]
    older.run(*ONLY).succeeded()
    older.at("2026-03-16T06:00:00Z").run(*ONLY).succeeded()
    dbt(warehouse_of(older), *BUILD)
    assert older.query(AUDITED) == [(False, None), (True, None), (True, True)]
    older.run("doctor").succeeded()


def test_i13_an_upgrade_that_was_killed_is_finished_by_the_next_run(older: Place) -> None:
    """Of the tables; packages of another version of dlt want a set of packages of their own."""
    killed = older.ended(older.start_python("-c", KILLED_AT_THE_COLUMN, *ONLY))
    assert killed.exit_code == -signal.SIGKILL
    assert ("checksum",) in older.query(COLUMNS)
    older.run(*ONLY).succeeded()
    [before, after] = older.ledger("checksum")
    assert before == (None,) != after
    older.run("doctor").succeeded()
