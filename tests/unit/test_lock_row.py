"""The lock of warehouses that keep none: a row, here in a DuckDB through dlt's client."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import dlt
import duckdb
import pytest
from dlt.common.schema import Schema
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.destinations.job_client_impl import SqlJobClientBase
from dlt.destinations.sql_client import SqlClientBase

from loader.errors import AlreadyRunning
from loader.warehouses.configuration import configure
from loader.warehouses.lock_row import LockRow


class Place:
    """A database that every lock has a connection of its own to."""

    def __init__(self, file: Path) -> None:
        configure({})
        self.database = duckdb.connect(str(file))
        self._one_at_a_time = threading.Lock()

    @contextmanager
    def client(self) -> Iterator[SqlClientBase[Any]]:
        """Connect a client of dlt's."""
        with self._one_at_a_time:
            connection = self.database.cursor()
        destination = dlt.destinations.duckdb(credentials=DuckDbCredentials(connection))
        settings = destination.spec()
        settings._bind_dataset_name("genesys_raw")
        made = cast(SqlJobClientBase, destination.client(Schema("lock"), settings))
        with made.sql_client as client:
            yield client

    def lock(self, seconds: float = 600) -> LockRow:
        """Return somebody who wants the lock."""
        return LockRow(self.client, "epoch_ms(now())", "varchar", "the warehouse", seconds)

    def row(self) -> tuple[str, str, int]:
        """Return the one row."""
        [row] = self.database.execute("from genesys_raw.run_lock").fetchall()
        return cast(tuple[str, str, int], row)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "warehouse.duckdb")
    yield made
    made.database.close()


def test_one_holds_it_and_the_other_is_told_who(place: Place) -> None:
    with (
        place.lock().held(),
        pytest.raises(
            AlreadyRunning, match=r"another run \(process \d+ on .+\) holds the warehouse; wait for"
        ),
        place.lock().held(),
    ):
        pytest.fail("two hold it")
    # Given back: nobody waits for the lease.
    with place.lock().held():
        assert place.row()[1].startswith("process ")
    assert place.row()[1] == ""


def test_who_waits_gets_it_when_the_other_is_done(place: Place) -> None:
    first = place.lock().held()
    first.__enter__()
    done = threading.Timer(0.5, first.__exit__, (None, None, None))
    done.start()
    with place.lock().held(wait_seconds=10):
        assert not done.is_alive()


def test_who_makes_the_schema_in_the_same_moment_is_waited_for(place: Place) -> None:
    other = place.database.cursor()
    other.execute("begin; create schema genesys_raw")
    done = threading.Timer(0.5, other.execute, ("commit",))
    done.start()
    with place.lock().held():
        assert not done.is_alive()


def test_what_a_dead_process_held_is_free_after_its_lease(place: Place) -> None:
    dead = place.lock(seconds=1)
    with place.client() as dead._client:
        dead._make(dead._client)
        assert dead._take()
    # Killed here: nothing renews it, nothing gives it back.
    with pytest.raises(AlreadyRunning), place.lock(seconds=60).held():
        pytest.fail("its lease has not run out")
    time.sleep(1.1)
    with place.lock(seconds=1).held():
        assert place.row()[0] != dead._nonce


def test_who_slept_too_long_commits_nothing_more(place: Place) -> None:
    sleeper = place.lock(seconds=60)
    with sleeper.held():
        sleeper.check()
        # As though a minute had passed without a renewal, and another run had come.
        place.database.execute("update genesys_raw.run_lock set renewed_ms = renewed_ms - 61000")
        with place.lock(seconds=60).held():
            taken = place.row()
            with pytest.raises(AlreadyRunning, match="was not renewed in time, and another run"):
                sleeper.check()
            with pytest.raises(AlreadyRunning):
                sleeper.check()
            assert place.row() == taken
    # And what it gives back at its end is not the other's.
    assert place.row()[0] == taken[0]


def test_it_is_renewed_while_its_holder_lives(place: Place) -> None:
    with place.lock(seconds=1).held():
        time.sleep(1.5)
        with pytest.raises(AlreadyRunning), place.lock(seconds=1).held():
            pytest.fail("it was renewed")


def test_many_at_once_and_one_gets_it(place: Place) -> None:
    held: list[str] = []
    start = threading.Barrier(6)

    def run(name: str) -> None:
        start.wait()
        try:
            with place.lock().held():
                held.append(name)
                time.sleep(1)
        except AlreadyRunning:
            pass

    threads = [threading.Thread(target=run, args=(str(number),)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(held) == 1
    assert len(place.database.execute("from genesys_raw.run_lock").fetchall()) == 1
