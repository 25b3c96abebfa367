"""Readers: whoever has the DuckDB file open is waited for, and a copy of the marts is for tools."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from loader.warehouses.lock import run_lock
from tests.faults.site import USERS, Site

_CLIENT = (
    "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True);"
    " print('open', flush=True); sys.stdin.read()"
)
MARTS = (
    "create schema genesys_marts",
    "create table genesys_marts.dim_queues as select 'q-1' as queue_id, 'Support' as queue_name",
    "create view genesys_marts.fct_interactions as select 1 as conversation_id",
)


@contextmanager
def client(database: Path) -> "Iterator[subprocess.Popen[str]]":
    """Hold a DuckDB file open, reading only, in another process."""
    with subprocess.Popen(
        [sys.executable, "-c", _CLIENT, str(database)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == "open\n"
        try:
            yield process
        finally:
            process.stdin.close()


@pytest.mark.parametrize("command", [("load",), ("transform", "build"), ("status",), ("publish",)])
def test_a_client_that_reads_is_waited_for_and_then_named(
    site: Site, command: tuple[str, ...]
) -> None:
    with client(site.database) as reader:
        said = site.run(*command, ELT_LOCK_WAIT_SECONDS="1").error(6)
    assert "ELT_DUCKDB_PATH data/genesys.duckdb is open in another process (python" in said
    assert f"PID {reader.pid}); close it. Waited 1 s (ELT_LOCK_WAIT_SECONDS)." in said


def test_what_waits_goes_on_once_the_client_has_gone(site: Site) -> None:
    with client(site.database) as reader:
        assert reader.stdin is not None
        threading.Timer(1, reader.stdin.close).start()
        site.run(*USERS, ELT_LOCK_WAIT_SECONDS="30").succeeded()


def test_status_waits_for_a_run_and_says_so_when_that_takes_too_long(site: Site) -> None:
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        with run_lock(site.work):
            held.set()
            over.wait(30)

    run = threading.Thread(target=hold)
    run.start()
    held.wait(30)
    said = site.run("status", ELT_LOCK_WAIT_SECONDS="1").error(7)
    assert "run.lock; waited 1 s" in said
    threading.Timer(1, over.set).start()
    site.run("status", ELT_LOCK_WAIT_SECONDS="30").succeeded()
    run.join()


def test_publish_writes_the_marts_and_nothing_else(site: Site) -> None:
    site.change(*MARTS)
    outcome = site.run("publish", "--format", "duckdb", "parquet").succeeded()
    file, folder = site.data / "genesys-marts.duckdb", site.data / "genesys-marts"
    assert "published genesys_marts as data/genesys-marts.duckdb" in outcome.stderr
    assert "published genesys_marts as data/genesys-marts" in outcome.stderr
    with duckdb.connect(str(file), read_only=True) as copy:
        assert copy.execute(
            "select table_schema, table_name from information_schema.tables order by all"
        ).fetchall() == [("genesys_marts", "dim_queues"), ("genesys_marts", "fct_interactions")]
        assert copy.execute("select queue_name from genesys_marts.dim_queues").fetchall() == [
            ("Support",)
        ]
    assert sorted(path.name for path in folder.iterdir()) == [
        "dim_queues.parquet", "fct_interactions.parquet"
    ]  # fmt: skip


def test_k7_a_name_that_is_a_formula_stays_text_and_no_format_would_compute_it(site: Site) -> None:
    formula = "=cmd|''/C calc''!A0"
    site.change(MARTS[0], MARTS[1].replace("Support", formula))
    site.run("publish", "--format", "duckdb", "parquet").succeeded()
    told = "select queue_name, typeof(queue_name) from "
    with duckdb.connect() as reader:
        reader.execute(f"attach '{site.data / 'genesys-marts.duckdb'}' as copy (read_only)")
        for table in ("copy.genesys_marts.dim_queues", f"'{site.data}/genesys-marts/*.parquet'"):
            assert reader.execute(told + table).fetchall() == [
                (formula.replace("''", "'"), "VARCHAR")
            ]
    # What a spreadsheet opens as it stands.
    refused = site.ended(site.start("publish", "--format", "csv"))
    assert refused.exit_code == 2
    assert "invalid choice: 'csv' (choose from 'duckdb', 'parquet')" in refused.stderr


def test_publish_replaces_the_copy_while_somebody_reads_it(site: Site) -> None:
    site.change(*MARTS)
    both = ("publish", "--format", "duckdb", "parquet")
    site.run(*both).succeeded()
    file, folder = site.data / "genesys-marts.duckdb", site.data / "genesys-marts"
    older = folder.resolve()
    with client(file):
        for name in ("Sales", "Claims"):
            site.change(f"update genesys_marts.dim_queues set queue_name = '{name}'")
            site.run(*both).succeeded()
    with duckdb.connect() as reader:
        reader.execute(f"attach '{file}' as copy (read_only)")
        for table in ("copy.genesys_marts.dim_queues", f"'{folder}/dim_queues.parquet'"):
            assert reader.execute(f"select queue_name from {table}").fetchall() == [("Claims",)]
    # The one before the newest is kept for who reads it, no older one; and nothing half made.
    assert not older.exists()
    left = sorted(path.name for path in site.data.iterdir() if "marts" in path.name)
    assert left[-2:] == ["genesys-marts", "genesys-marts.duckdb"]
    assert len([name for name in left if name.startswith(".genesys-marts-")]) == len(left) - 2 == 2


def test_publish_says_what_it_lacks(site: Site) -> None:
    assert "has no tables in genesys_marts; transform first." in site.run("publish").error(6)
    site.change(*MARTS)
    (site.data / "genesys-marts").mkdir()
    said = site.run("publish", "--format", "parquet").error(6)
    assert "data/genesys-marts was not made by publish; move it away." in said


def test_publish_is_for_files(site: Site) -> None:
    said = site.run(
        "publish", ELT_TARGET="postgres", ELT_POSTGRES_USER="u", ELT_POSTGRES_PASSWORD="p",
        ELT_POSTGRES_DATABASE="d",
    ).error(2)  # fmt: skip
    assert "ELT_TARGET=postgres serves its readers itself; publish is for DuckDB files." in said
