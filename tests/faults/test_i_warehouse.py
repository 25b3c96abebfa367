"""Faults I: the warehouse and the file system."""

import contextlib
import ctypes
import errno
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import dlt
import duckdb
import pytest

from tests.faults.conftest import Expected
from tests.faults.site import SUBMIT, Site, fault
from tests.postgres import PostgresDatabase
from tests.sandbox.process import ROOT

_HOLD = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def test_i1_a_file_another_process_holds_is_named_with_its_holder(
    site: Site, expected: Expected
) -> None:
    site.run("load", "--only", "skills").succeeded()
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(site.duckdb_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        said = site.run().error(6)
        assert "ELT_DUCKDB_PATH data/genesys.duckdb is open in another process" in said
        assert f"(PID {holder.pid})" in said
        assert "ELT_LOCK_WAIT_SECONDS" in said
        assert holder.stdin is not None
        holder.stdin.close()
    assert site.row_count() == 0
    site.run().succeeded()
    assert site.raw() == expected()


def test_i2_a_file_that_cannot_grow_keeps_what_is_committed(site: Site, expected: Expected) -> None:
    """Stands for a full disk, which needs a file system of its own: writing fails in mid-load."""
    skills = expected("skills")
    site.run("load", "--only", "skills").succeeded()

    def limit() -> None:
        # Without the signal, a write beyond the limit fails with EFBIG.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    process = subprocess.Popen(
        [sys.executable, "-m", "loader", "load", "--only", "conversation_details"],
        cwd=site.directory,
        env={**site.environment({}), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit,
    )
    said = site.ended(process).error(6)
    assert "no space left on data/work" in said
    assert site.raw("skills") == skills
    site.run().succeeded()
    assert site.raw() == expected()


def test_i3_a_path_that_cannot_be_written_is_named_before_any_request(site: Site) -> None:
    (site.directory / "a_file").write_text("not a directory")
    (site.directory / "a_directory").mkdir()
    for setting, value in (
        ("ELT_DUCKDB_PATH", "a_directory"),
        ("ELT_DUCKDB_PATH", "a_file/genesys.duckdb"),
        ("ELT_WORK_DIR", "a_file"),
        ("ELT_WORK_DIR", "a_file/work"),
    ):
        said = site.run(**{setting: value}).error(6)
        assert f"{setting} {value}" in said
    assert site.requests() == []
    assert (site.directory / "a_file").read_text() == "not a directory"


@pytest.mark.parametrize("setting", ["ELT_DUCKDB_PATH", "ELT_WORK_DIR"])
def test_i3_a_place_without_permission_is_named_before_any_request(
    site: Site, setting: str
) -> None:
    place = site.directory / "read_only"
    place.mkdir()
    place.chmod(stat.S_IRUSR | stat.S_IXUSR)
    path = "read_only/genesys.duckdb" if setting == "ELT_DUCKDB_PATH" else "read_only/work"
    process = subprocess.Popen(
        [sys.executable, "-m", "loader", "load"],
        cwd=site.directory,
        env={**site.environment({setting: path}), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_obey_permissions,
    )
    said = site.ended(process).error(6)
    assert f"{setting} {path}" in said
    assert site.requests() == []
    assert list(place.iterdir()) == []


def _obey_permissions() -> None:
    """Take from root the capability that lets it write everywhere; others lack it anyway."""
    cap_dac_override, pr_capbset_drop = 1, 24
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(pr_capbset_drop, cap_dac_override, 0, 0, 0)


@pytest.mark.first_run
def test_i3_a_file_that_is_no_warehouse_is_left_as_it_is(site: Site) -> None:
    site.duckdb_path.parent.mkdir()
    site.duckdb_path.write_bytes(b"the only copy of something else\n" * 500)
    said = site.run().error(6)
    assert "ELT_DUCKDB_PATH data/genesys.duckdb is not a DuckDB database file" in said
    assert site.duckdb_path.read_bytes() == b"the only copy of something else\n" * 500
    assert site.requests("/details/") == []


def test_i5_a_deleted_warehouse_is_loaded_again_from_the_start(
    site: Site, expected: Expected
) -> None:
    site.run().succeeded()
    _delete(site.duckdb_path)
    site.run().succeeded()
    assert site.raw() == expected()
    assert site.ledger() == [("loaded",)]


def test_i6_a_deleted_work_directory_is_restored_from_the_warehouse(
    site: Site, expected: Expected
) -> None:
    site.run().succeeded()
    shutil.rmtree(site.directory / "data" / "work")
    site.forget_requests()
    site.run().succeeded()
    # It knows that nothing is due.
    assert site.requests("/details/jobs$") == []
    assert site.raw() == expected()
    assert site.row_count() == len(expected())


def test_i6_a_work_directory_deleted_in_mid_window_costs_nothing(
    site: Site, expected: Expected
) -> None:
    site.sandbox.add_faults(
        {"match": "results.*cursor=", "nth": "all", "action": "status", "args": {"status": 503}}
    )
    site.run(ELT_RETRY_ATTEMPTS="1").error(4)
    shutil.rmtree(site.directory / "data" / "work")
    site.sandbox.clear_faults()
    site.forget_requests()
    site.run().succeeded()
    assert site.requests("POST .*/details/jobs$") == []
    assert site.raw() == expected()
    assert site.row_count() == len(expected())


def test_i7_with_both_deleted_it_is_the_first_load(site: Site, expected: Expected) -> None:
    site.run().succeeded()
    shutil.rmtree(site.directory / "data")
    site.run().succeeded()
    assert site.raw() == expected()
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


@pytest.mark.parametrize("change", CHANGES_BY_HAND)
def test_i4_a_table_that_hands_have_changed_stops_the_load_until_it_is_put_right(
    site: Site, change: str, expected: Expected
) -> None:
    site.settings["ELT_START"] = "2026-11-19"
    site.run("load", "--only", "conversation_details", "--to", "2026-11-20").succeeded()
    backup = site.directory / "backup.duckdb"
    shutil.copy(site.duckdb_path, backup)
    before = site.raw()
    with duckdb.connect(str(site.duckdb_path)) as connection:
        table = "genesys_raw.conversation_details"
        connection.execute(CHANGES_BY_HAND[change][0].format(table=table))
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
    shutil.copy(backup, site.duckdb_path)
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
    with duckdb.connect(str(site.duckdb_path)) as connection:
        connection.execute("alter table genesys_raw.extract_windows rename column error to why")
    said = site.run().error(6)
    assert "`python -m loader doctor` says where" in said
    found = site.run("doctor")
    assert found.exit_code == 6
    assert "problem packages: 1 left by a run cannot be loaded" in found.stdout
    assert "problem table extract_windows: has no column error" in found.stdout
    with duckdb.connect(str(site.duckdb_path)) as connection:
        connection.execute("alter table genesys_raw.extract_windows rename column why to error")
    site.run().succeeded()
    assert site.raw() == expected()
    assert site.row_count() == len(expected())


@pytest.fixture
def killed(site: Site) -> Site:
    """Leave a warehouse whose newest commits lie in its log: the run was killed between two."""
    site.settings["ELT_START"] = "2026-11-19"
    site.sandbox.add_faults(fault(SUBMIT, "delay", 2, seconds=30))
    process = site.start()
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
    killed.duckdb_path.rename(killed.directory / "damaged.duckdb")
    killed.log_path.rename(killed.directory / "damaged.duckdb.wal")
    killed.run().succeeded()
    assert killed.raw() == expected(ELT_START="2026-11-19")


def test_i8_what_is_lost_with_a_log_is_loaded_again(killed: Site, expected: Expected) -> None:
    """The state lies in the same file as the rows, so it cannot know of rows that are gone."""
    for left in (0.0, 0.2, 0.5, 0.8, 0.99):
        other = Site(killed.sandbox, killed.directory / f"{left}")
        other.settings |= {"ELT_START": "2026-11-19", "ELT_PAGE_SIZE": "1000"}
        shutil.copytree(killed.directory / "data", other.directory / "data")
        if left:
            os.truncate(other.log_path, int(other.log_path.stat().st_size * left))
        else:
            other.log_path.unlink()
        other.run().succeeded()
        assert other.raw() == expected(ELT_START="2026-11-19"), left
    assert other.run("doctor").exit_code == 0


@pytest.mark.first_run
def test_i9_a_copy_of_a_dataset_is_loaded_on_and_the_original_left_alone(
    site: Site, tmp_path: Path, expected: Expected
) -> None:
    """A copied dataset holds the state of the original, which names the original."""
    site.duckdb_path.parent.mkdir()
    pipeline = dlt.pipeline(
        "genesys",
        destination=dlt.destinations.duckdb(str(site.duckdb_path)),
        dataset_name="production_raw",
        pipelines_dir=str(tmp_path / "production"),
    )
    pipeline.run([{"id": 1}], table_name="conversations_of_production")
    in_production = "select table_name, estimated_size from duckdb_tables() where schema_name = "
    before = site.query(f"{in_production} 'production_raw' order by all")
    with duckdb.connect(str(site.duckdb_path)) as connection:
        connection.execute("create schema genesys_raw")
        for table, _ in before:
            connection.execute(
                f"create table genesys_raw.{table} as select * from production_raw.{table}"
            )
    site.run().succeeded()
    assert site.raw() == expected()
    assert site.query(f"{in_production} 'production_raw' order by all") == before


def test_i12_a_state_on_disk_that_cannot_be_read_is_taken_from_the_warehouse(
    site: Site, expected: Expected
) -> None:
    site.run().succeeded()
    state = site.directory / "data" / "work" / "dlt" / "genesys" / "state.json"
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
    with duckdb.connect(str(site.duckdb_path)) as connection:
        connection.execute("update genesys_raw._dlt_pipeline_state set state = left(state, 40)")
    site.forget_requests()
    said = site.run().error(6)
    assert "ELT_DUCKDB_PATH data/genesys.duckdb" in said
    assert site.requests("/api/") == []
    assert site.raw() == before


def _delete(path: Path) -> None:
    path.unlink()
    path.with_name(path.name + ".wal").unlink(missing_ok=True)


def held(postgres: PostgresDatabase) -> set[tuple[str, str]]:
    """Return the conversations that Postgres holds: which, and in which form."""
    with contextlib.closing(postgres.connect()) as connection:
        cursor = connection.cursor()
        cursor.execute("select record_id, payload_hash from genesys_raw.conversation_details")
        return set(cursor.fetchall())


def change(postgres: PostgresDatabase, *statements: str) -> None:
    """Do to Postgres what the loader never would."""
    with contextlib.closing(postgres.connect()) as connection:
        for statement in statements:
            connection.cursor().execute(statement)
        connection.commit()


@pytest.mark.parametrize(
    "happens",
    [
        "perform pg_terminate_backend(pg_backend_pid())",
        "raise exception using errcode = 'deadlock_detected'",
        "raise exception using errcode = 'serialization_failure'",
        "raise exception using errcode = 'too_many_connections'",
    ],
)
def test_i10_what_stops_postgres_in_the_middle_of_a_copy_loses_nothing(
    site: Site, expected: Expected, postgres: PostgresDatabase, happens: str
) -> None:
    settings = postgres.environment()
    site.run("load", "--only", "skills", **settings).succeeded()
    change(
        postgres,
        "create function genesys_raw.strike() returns trigger language plpgsql"
        f" as $$ begin {happens}; return new; end $$",
        "create trigger strike before insert on genesys_raw.conversation_details"
        " for each row execute function genesys_raw.strike()",
    )
    assert "Postgres at ELT_POSTGRES_HOST" in site.run(**settings).error(6)
    assert held(postgres) == set()
    change(postgres, "drop trigger strike on genesys_raw.conversation_details")
    site.run(**settings).succeeded()
    assert held(postgres) == expected()


def test_i11_another_warehouse_is_loaded_from_its_own_beginning(
    site: Site, expected: Expected, postgres: PostgresDatabase
) -> None:
    site.run().succeeded()
    site.run(**postgres.environment()).succeeded()
    assert held(postgres) == site.raw() == expected()
    site.forget_requests()
    site.run().succeeded()
    assert site.requests(SUBMIT) == []
