"""Faults I: the warehouse and the file system."""

import errno
import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import dlt
import pytest

from tests.faults.conftest import Expected
from tests.faults.site import DETAILS, SUBMIT, Site
from tests.harness.place import fault
from tests.harness.postgres import PostgresDatabase
from tests.harness.tiers import first

_HOLD = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""

_LOADER = """
import sys
from loader.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
# Without the signal, a write beyond the limit fails with EFBIG.
_LITTLE_SPACE = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
"""
# Takes from root the capability that lets it write everywhere; others lack it anyway.
_OBEYING_PERMISSIONS = """
import ctypes, os, sys
cap_dac_override, pr_capbset_drop = 1, 24
if os.geteuid() == 0:
    ctypes.CDLL(None).prctl(pr_capbset_drop, cap_dac_override, 0, 0, 0)
os.execv(sys.executable, [sys.executable, "-m", "loader", *sys.argv[1:]])
"""


def test_i1_a_file_another_process_holds_is_named_with_its_holder(
    site: Site, expected: Expected
) -> None:
    site.run("load", "--only", "skills").succeeded()
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(site.database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        said = site.run().error(6)
        assert "ELT_DUCKDB_PATH data/genesys.duckdb is open in another process" in said
        assert f", PID {holder.pid})" in said
        assert "ELT_LOCK_WAIT_SECONDS" in said
        assert holder.stdin is not None
        holder.stdin.close()
    assert site.row_count() == 0
    site.ends_with(expected())


@pytest.mark.slow
def test_i2_a_file_that_cannot_grow_keeps_what_is_committed(site: Site, expected: Expected) -> None:
    """Stands for a full disk, which needs a file system of its own: writing fails in mid-load."""
    skills = expected("skills")
    site.run("load", "--only", "skills").succeeded()

    said = site.ended(site.start_python("-c", _LITTLE_SPACE + _LOADER, *DETAILS)).error(6)
    assert "no space left on data/work" in said
    assert site.raw("skills") == skills
    site.ends_with(expected())


def test_i3_a_path_that_cannot_be_written_is_named_before_any_request(site: Site) -> None:
    (site.folder / "a_file").write_text("not a directory")
    (site.folder / "a_directory").mkdir()
    for setting, value in (
        ("ELT_DUCKDB_PATH", "a_directory"),
        ("ELT_DUCKDB_PATH", "a_file/genesys.duckdb"),
        ("ELT_WORK_DIR", "a_file"),
        ("ELT_WORK_DIR", "a_file/work"),
    ):
        said = site.run(**{setting: value}).error(6)
        assert f"{setting} {value}" in said
    assert site.requests() == []
    assert (site.folder / "a_file").read_text() == "not a directory"


@pytest.mark.parametrize("setting", first(1, ["ELT_DUCKDB_PATH", "ELT_WORK_DIR"]))
def test_i3_a_place_without_permission_is_named_before_any_request(
    site: Site, setting: str
) -> None:
    place = site.folder / "read_only"
    place.mkdir()
    place.chmod(stat.S_IRUSR | stat.S_IXUSR)
    path = "read_only/genesys.duckdb" if setting == "ELT_DUCKDB_PATH" else "read_only/work"
    ended = site.ended(site.start_python("-c", _OBEYING_PERMISSIONS, "load", **{setting: path}))
    said = ended.error(6)
    assert f"{setting} {path}" in said
    assert site.requests() == []
    assert list(place.iterdir()) == []


@pytest.mark.first_run
def test_i3_a_file_that_is_no_warehouse_is_left_as_it_is(site: Site) -> None:
    site.database.parent.mkdir()
    site.database.write_bytes(b"the only copy of something else\n" * 500)
    said = site.run().error(6)
    assert "ELT_DUCKDB_PATH data/genesys.duckdb is not a DuckDB database file" in said
    assert site.database.read_bytes() == b"the only copy of something else\n" * 500
    assert site.requests("/details/") == []


def test_i5_a_deleted_warehouse_is_loaded_again_from_the_start(
    site: Site, expected: Expected
) -> None:
    site.run().succeeded()
    _delete(site.database)
    site.ends_with(expected())
    assert site.ledger() == [("loaded",)]


def test_i6_a_deleted_work_directory_is_restored_from_the_warehouse(
    site: Site, expected: Expected
) -> None:
    site.run().succeeded()
    shutil.rmtree(site.work)
    site.forget_requests()
    site.run().succeeded()
    # It knows that nothing is due.
    assert site.requests("/details/jobs$") == []
    assert site.raw() == expected()
    assert site.row_count() == len(expected())


@pytest.mark.slow
def test_i6_a_work_directory_deleted_in_mid_window_costs_nothing(
    site: Site, expected: Expected
) -> None:
    site.sandbox.add_faults(fault("results.*cursor=", "status", "all", status=503))
    site.run(ELT_RETRY_ATTEMPTS="1").error(4)
    shutil.rmtree(site.work)
    site.sandbox.clear_faults()
    site.forget_requests()
    site.run().succeeded()
    assert site.requests("POST .*/details/jobs$") == []
    assert site.raw() == expected()
    assert site.row_count() == len(expected())


@pytest.mark.slow
def test_i7_with_both_deleted_it_is_the_first_load(site: Site, expected: Expected) -> None:
    site.run().succeeded()
    shutil.rmtree(site.data)
    site.ends_with(expected())
    assert site.ledger() == [("loaded",)]


CHANGES_BY_HAND = {
    "table dropped": (
        "drop table {table}",
        "is gone, though dlt has recorded it",
    ),
    "column dropped": (
        "alter table {table} drop column payload_hash",
        "has no column payload_hash, though dlt has recorded it",
    ),
    "column renamed": (
        "alter table {table} rename column payload to body",
        "has no column payload, though dlt has recorded it",
    ),
    "column retyped": (
        "alter table {table} alter window_start type varchar",
        "has window_start as text, though dlt has recorded it as timestamp",
    ),
}


@pytest.mark.parametrize("change", first(1, CHANGES_BY_HAND))
def test_i4_a_table_that_hands_have_changed_stops_the_load_until_it_is_put_right(
    site: Site, change: str, expected: Expected
) -> None:
    site.settings["ELT_START"] = "2026-11-19"
    site.run("load", "--only", "conversation_details", "--to", "2026-11-20").succeeded()
    backup = site.folder / "backup.duckdb"
    shutil.copy(site.database, backup)
    before = site.raw()
    table = "genesys_raw.conversation_details"
    site.change(CHANGES_BY_HAND[change][0].format(table=table))
    site.forget_requests()
    said = site.run().error(6)
    assert "the tables of genesys_raw differ from the schema dlt has recorded" in said
    assert "`python -m loader doctor`" in said
    # Nothing was asked for that could not be kept.
    assert site.requests("/api/") == []
    found = site.run("doctor")
    assert found.exit_code == 6
    [line] = [line for line in found.stdout.splitlines() if line.startswith("problem")]
    assert line == f"problem table conversation_details: {CHANGES_BY_HAND[change][1]}"
    assert "restore" in found.stdout
    # As it says.
    shutil.copy(backup, site.database)
    assert site.raw() == before
    site.run().succeeded()
    assert site.run("doctor").exit_code == 0
    assert site.raw() == expected(ELT_START="2026-11-19")


def test_i4_rows_on_their_way_into_such_a_table_wait_for_it(
    site: Site, expected: Expected, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They can be neither loaded nor dropped; `doctor` says what keeps them, all the same."""
    site.run("load", "--only", "skills").succeeded()

    def stop(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "work")

    with monkeypatch.context() as patched:
        patched.setattr("dlt.load.Load.run", stop)
        site.run().error(6)
    site.change("alter table genesys_raw.extract_windows rename column error to why")
    said = site.run().error(6)
    assert "`python -m loader doctor` says where" in said
    found = site.run("doctor")
    assert found.exit_code == 6
    assert "problem packages: 1 left by a run cannot be loaded" in found.stdout
    assert "problem table extract_windows: has no column error" in found.stdout
    site.change("alter table genesys_raw.extract_windows rename column why to error")
    site.ends_with(expected())
    assert site.row_count() == len(expected())


@pytest.fixture
def killed(site: Site) -> Site:
    """Leave a warehouse whose newest commits lie in its log: the run was killed between two."""
    site.settings["ELT_START"] = "2026-11-19"
    site.sandbox.add_faults(fault(SUBMIT, "delay", 2, seconds=30))
    # One after the other: the first is committed by then.
    process = site.start(*DETAILS, ELT_CONCURRENT_JOBS="1")
    while not any(line["hits"] for line in site.sandbox.faults()):
        assert process.poll() is None, site.ended(process)
        time.sleep(0.05)
    process.kill()
    process.communicate()
    site.sandbox.clear_faults()
    assert site.log_path.stat().st_size > 10_000
    return site


def test_i8_a_log_that_is_damaged_stops_the_load_and_is_left_as_it_is(
    killed: Site, expected: Expected
) -> None:
    content = bytearray(killed.log_path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    killed.log_path.write_bytes(content)
    for _ in range(2):
        said = killed.run().error(6)
        assert "ELT_DUCKDB_PATH data/genesys.duckdb is damaged" in said
        assert "restore it from a backup, or move it away and load again" in said
        assert killed.log_path.read_bytes() == content
    # As it says.
    killed.database.rename(killed.folder / "damaged.duckdb")
    killed.log_path.rename(killed.folder / "damaged.duckdb.wal")
    killed.run().succeeded()
    assert killed.raw() == expected(ELT_START="2026-11-19")


@pytest.mark.slow
def test_i8_what_is_lost_with_a_log_is_loaded_again(killed: Site, expected: Expected) -> None:
    """The state lies in the same file as the rows, so it cannot know of rows that are gone."""
    for left in (0.0, 0.2, 0.5, 0.8, 0.99):
        other = Site(killed.sandbox, killed.folder / f"{left}")
        other.settings |= {"ELT_START": "2026-11-19", "ELT_PAGE_SIZE": "1000"}
        shutil.copytree(killed.data, other.data)
        if left:
            os.truncate(other.log_path, int(other.log_path.stat().st_size * left))
        else:
            other.log_path.unlink()
        other.run().succeeded()
        assert other.raw() == expected(ELT_START="2026-11-19"), left
    assert other.run("doctor").exit_code == 0


@pytest.mark.slow
@pytest.mark.first_run
def test_i9_a_copy_of_a_dataset_is_loaded_on_and_the_original_left_alone(
    site: Site, tmp_path: Path, expected: Expected
) -> None:
    """A copied dataset holds the state of the original, which names the original."""
    site.database.parent.mkdir()
    pipeline = dlt.pipeline(
        "genesys",
        destination=dlt.destinations.duckdb(str(site.database)),
        dataset_name="production_raw",
        pipelines_dir=str(tmp_path / "production"),
    )
    pipeline.run([{"id": 1}], table_name="conversations_of_production")
    in_production = "select table_name, estimated_size from duckdb_tables() where schema_name = "
    before = site.query(f"{in_production} 'production_raw' order by all")
    copies = [
        f"table genesys_raw.{name} as select * from production_raw.{name}" for name, _ in before
    ]
    site.change(*(f"create {what}" for what in ("schema genesys_raw", *copies)))
    site.ends_with(expected())
    assert site.query(f"{in_production} 'production_raw' order by all") == before


@pytest.mark.slow
def test_i12_a_state_on_disk_that_cannot_be_read_is_taken_from_the_warehouse(
    site: Site, expected: Expected
) -> None:
    site.run().succeeded()
    state = site.work / "dlt" / "genesys" / "state.json"
    for content in (b"", b'{"_state_version": 1', b"\x00\xff"):
        assert state.exists()
        state.write_bytes(content)
        site.forget_requests()
        site.run().succeeded()
        assert site.requests(SUBMIT) == []
    assert site.raw() == expected()
    assert site.row_count() == len(expected())


def test_i12_a_state_in_the_warehouse_that_cannot_be_read_ends_the_run(site: Site) -> None:
    site.run().succeeded()
    before = site.raw()
    site.change("update genesys_raw._dlt_pipeline_state set state = left(state, 40)")
    site.forget_requests()
    said = site.run().error(6)
    assert "ELT_DUCKDB_PATH data/genesys.duckdb" in said
    assert site.requests("/api/") == []
    assert site.raw() == before


def _delete(path: Path) -> None:
    path.unlink()
    path.with_name(path.name + ".wal").unlink(missing_ok=True)


@pytest.mark.parametrize(
    "happens",
    first(
        1,
        [
            "perform pg_terminate_backend(pg_backend_pid())",
            "raise exception using errcode = 'deadlock_detected'",
            "raise exception using errcode = 'serialization_failure'",
            "raise exception using errcode = 'too_many_connections'",
        ],
    ),
)
def test_i10_what_stops_postgres_in_the_middle_of_a_copy_loses_nothing(
    site: Site, expected: Expected, postgres: PostgresDatabase, happens: str
) -> None:
    site.postgres = postgres
    site.run("load", "--only", "skills").succeeded()
    site.change(
        "create function genesys_raw.strike() returns trigger language plpgsql"
        f" as $$ begin {happens}; return new; end $$",
        "create trigger strike before insert on genesys_raw.conversation_details"
        " for each row execute function genesys_raw.strike()",
    )
    assert "Postgres at ELT_POSTGRES_HOST" in site.run().error(6)
    assert site.raw() == set()
    site.change("drop trigger strike on genesys_raw.conversation_details")
    site.ends_with(expected())


def test_i11_another_warehouse_is_loaded_from_its_own_beginning(
    site: Site, expected: Expected, postgres: PostgresDatabase
) -> None:
    site.run().succeeded()
    on_duckdb, site.postgres = site.raw(), postgres
    site.run().succeeded()
    assert site.raw() == on_duckdb == expected()
    site.postgres = None
    site.forget_requests()
    site.run().succeeded()
    assert site.requests(SUBMIT) == []
