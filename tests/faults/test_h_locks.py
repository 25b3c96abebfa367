"""Faults H12, H13, M3, M13: two runs at once, here or elsewhere, and the lock of a dead run."""

import contextlib
import fcntl
import os
import subprocess
import sys
import time

import pytest

from loader.warehouses.lock import file_lock
from tests.faults.conftest import Expected
from tests.faults.site import DETAILS, FIRST_PAGE, Site
from tests.harness.place import fault
from tests.harness.postgres import PostgresDatabase

COMPLETED = "_dlt_load_id in (select load_id from genesys_raw._dlt_loads where status = 0)"


def test_h12_a_second_run_leaves_the_first_alone(site: Site, expected: Expected) -> None:
    site.sandbox.add_faults(fault(FIRST_PAGE, "delay", 1, seconds=6))
    first = site.start(*DETAILS)
    while not site.requests(FIRST_PAGE) and first.poll() is None:
        # The log shows a request once it is answered, a fault as soon as it strikes.
        if site.sandbox.faults()[0]["hits"]:
            break
    before = len(site.sandbox.log())
    said = site.run().error(7)
    assert (
        f"another run (process {first.pid}) holds {site.lock_path.relative_to(site.folder)}" in said
    )
    assert len(site.sandbox.log()) == before
    assert first.poll() is None
    site.ended(first).succeeded()
    assert site.raw() == expected()
    assert site.row_count() == len(expected())
    site.run().succeeded()


def test_h12_status_does_not_look_into_a_run_either(site: Site) -> None:
    site.run().succeeded()
    with site.lock_path.open("a+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        site.run("status").error(7)
    site.run("status").succeeded()


@pytest.mark.slow
@pytest.mark.first_run
def test_h13_the_lock_of_a_dead_run_is_taken_over(site: Site, expected: Expected) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    site.lock_path.parent.mkdir(parents=True)
    # Once with the id of a process that is gone, once with one that lives and has nothing to do
    # with it: only who holds the lock counts.
    for number in (dead.pid, os.getpid()):
        site.lock_path.write_text(str(number))
        site.ends_with(expected())


def test_m13_a_second_work_directory_does_not_help_on_the_same_file(site: Site) -> None:
    path = site.database.with_name("genesys.duckdb.lock")
    with file_lock(path, "the test's"):
        for command in (DETAILS, ("transform", "build"), ("erase", "--contact", "somebody")):
            said = site.run(*command, ELT_WORK_DIR="data/elsewhere").error(7)
            assert f"another run (process {os.getpid()}) holds data/{path.name}" in said


# As another machine's run holds it, by the documented key.
HELD = f"select pg_advisory_lock({int.from_bytes(b'genesys')})"


@pytest.mark.slow
def test_m3_a_run_on_another_machine_is_seen_and_not_overtaken(
    site: Site, expected: Expected, postgres: PostgresDatabase
) -> None:
    site.postgres = postgres
    with contextlib.closing(postgres.connect()) as elsewhere:
        elsewhere.cursor().execute("set application_name = 'genesys-elt process 7 on elsewhere'")
        elsewhere.cursor().execute(HELD)
        for command in (DETAILS, ("transform", "build"), ("erase", "--contact", "somebody")):
            said = site.run(*command, ELT_LOCK_WAIT_SECONDS="1").error(7)
            assert "another run (process 7 on elsewhere) holds Postgres at" in said
    assert site.query("select 1 from pg_tables where schemaname like 'genesys%'") == []
    site.run("load", "--only", "divisions").succeeded()

    # It sleeps, the server gives up on it; or another run's load is listed meanwhile.
    asleep = (
        ("select pg_terminate_backend(pid) from pg_stat_activity"
         " where application_name like 'genesys-elt process%'", "has closed the connection"),
        ("insert into genesys_raw._dlt_loads select '9' || load_id, schema_name, status,"
         " inserted_at, schema_version_hash from genesys_raw._dlt_loads limit 1",
         "another run has loaded into Postgres"),
    )  # fmt: skip
    for happens, told in asleep:
        site.sandbox.clear_faults()
        site.sandbox.add_faults(fault(FIRST_PAGE, "delay", 1, seconds=4))
        sleeper = site.start(*DETAILS)
        while sleeper.poll() is None and not site.sandbox.faults()[0]["hits"]:
            time.sleep(0.1)
        postgres.execute(happens)
        assert told in site.ended(sleeper).error(7)
        assert site.ledger(where=COMPLETED) == [("loaded",)]
    postgres.execute("delete from genesys_raw._dlt_loads where load_id like '9%'")
    site.ends_with(expected())
