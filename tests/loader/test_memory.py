"""What a commit took is given back: a load of any length needs the memory of a commit or two."""

import gc
import json
import os
import random
import subprocess
import sys
import threading
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
import pytest
from dlt.destinations.impl.duckdb.duck import DuckDbCopyJob

from loader.fetch import RoomAhead
from loader.genesys.client import Client
from loader.genesys.quota import Quota
from loader.genesys.replies import Reply
from loader.genesys.retries import RetryPolicy
from loader.planning import Request
from loader.progress import Lines
from loader.resources.platform.conversation_details import ConversationDetails
from loader.resources.resource import Answer, Reading
from loader.run import Run
from loader.settings import Settings
from loader.warehouses.dataset import Dataset
from loader.windows import Window

ROOT = Path(__file__).parents[2]
PAGES = 8
PAGE_BYTES = 4 << 20
RECORDS = 8
COMMITS = 12
# What may still be warming up after the first ones: caches, modules.
FIRST = 4


class LargePages(ConversationDetails):
    """A job of pages that are a commit each; tells how much memory each page found in use."""

    def __init__(self, commits: "Commits", pages: int = PAGES) -> None:
        super().__init__(page_size=RECORDS, job_seconds=1)
        self.commits = commits
        self.pages = pages
        self.python_bytes: list[int] = []
        self.arrow_bytes: list[int] = []

    def available_through(self, client: Client) -> datetime | None:
        """Give no guarantee."""
        return None

    def submit(self, client: Client, window: Window) -> str | None:
        """Need no job."""
        return None

    def read(self, client: Client, reading: Reading[None], token: str | None) -> Answer:
        """Note what is in use during a commit and after it, then make a page."""
        self.arrow_bytes.append(pa.total_allocated_bytes())
        # A commit passes pages on in pieces of its own: what is kept is told when it has ended.
        if token is not None:
            self.commits.wait_for_one()
        gc.collect()
        self.python_bytes.append(tracemalloc.get_traced_memory()[0])
        number = int(token or 0)
        records = b",".join(
            b'{"conversationId":"c-%d-%d","text":"%b"}'
            % (number, n, b"x" * (PAGE_BYTES // RECORDS))
            for n in range(RECORDS)
        )
        _, page = self._results(Reply(b'{"conversations":[' + records + b"]}"))
        return Answer(page or (), str(number + 1) if number + 1 < self.pages else None)


class SmallWindows(ConversationDetails):
    """A page of one record for any window."""

    def available_through(self, client: Client) -> datetime | None:
        """Give no guarantee."""
        return None

    def submit(self, client: Client, window: Window) -> str | None:
        """Need no job."""
        return None

    def read(self, client: Client, reading: Reading[None], token: str | None) -> Answer:
        """Make the record."""
        day = reading.window.start.date().isoformat().encode()
        _, page = self._results(Reply(b'{"conversations":[{"conversationId":"%b"}]}' % day))
        return Answer(page or (), None)


class CountedObjects(Lines):
    """Counts, after each window, what Python's collector sees in use."""

    def __init__(self) -> None:
        super().__init__()
        self.after_each: list[int] = []

    def window_done(self) -> None:
        """A window is loaded."""
        super().window_done()
        gc.collect()
        self.after_each.append(len(gc.get_objects()))


class Commits(Lines):
    """Counts the commits of a run."""

    def __init__(self) -> None:
        super().__init__()
        self._done = threading.Semaphore(0)

    def read(self, pages: int, records: int, waited_seconds: float) -> None:
        """A commit has ended."""
        super().read(pages, records, waited_seconds)
        self._done.release()

    def wait_for_one(self) -> None:
        """Wait until one more has ended."""
        assert self._done.acquire(timeout=300)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Commit after every page, into a new DuckDB file."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "GENESYS_API_URL": "http://127.0.0.1:9",
        "GENESYS_LOGIN_URL": "http://127.0.0.1:9",
        "GENESYS_CLIENT_ID": "nobody",
        "GENESYS_CLIENT_SECRET": "nothing",
        "ELT_NOW": "2026-03-20T00:00:00Z",
        "ELT_DUCKDB_PATH": str(tmp_path / "genesys.duckdb"),
        "ELT_WORK_DIR": str(tmp_path / "work"),
        "ELT_COMMIT_MEGABYTES": "1",
    }.items():
        monkeypatch.setenv(name, value)
    return Settings.read()


@pytest.mark.slow
def test_nothing_of_a_page_is_kept_once_it_is_committed(settings: Settings) -> None:
    commits = Commits()
    resource = LargePages(commits)
    client = Client(settings.hosts, "nobody", "nothing", Quota(300), RetryPolicy())
    warehouse = Dataset(settings, [resource.name])
    request = Request(datetime(2026, 3, 9, tzinfo=UTC), datetime(2026, 3, 10, tzinfo=UTC))
    arrow_before = pa.total_allocated_bytes()
    tracemalloc.start()
    try:
        # dlt's settings are set in the environment, which other tests hand on to processes.
        with mock.patch.dict(os.environ):
            warehouse.connect()
            summary = Run(settings, client, warehouse, [resource], commits).load(request)
    finally:
        tracemalloc.stop()
        warehouse.close()
        client.close()
    assert (summary.problems, summary.pages, summary.records) == ([], PAGES, PAGES * RECORDS)
    # What Python has yet to collect, and no page.
    first, last = resource.python_bytes[2], resource.python_bytes[-1]
    assert last - first < PAGES * PAGE_BYTES / 3
    assert max(resource.arrow_bytes) - arrow_before < 4 * PAGE_BYTES
    gc.collect()
    assert pa.total_allocated_bytes() - arrow_before < PAGE_BYTES


def test_no_row_is_kept_while_it_is_inserted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They lie in dlt's package then, and the warehouse needs the memory."""
    insert, kept = DuckDbCopyJob.run, []

    def looked_at(job: DuckDbCopyJob) -> None:
        kept.append(pa.total_allocated_bytes() - arrow_before)
        insert(job)

    resource = LargePages(Commits(), pages=1)
    client = Client(settings.hosts, "nobody", "nothing", Quota(300), RetryPolicy())
    warehouse = Dataset(settings, [resource.name])
    request = Request(datetime(2026, 3, 9, tzinfo=UTC), datetime(2026, 3, 10, tzinfo=UTC))
    try:
        warehouse.connect()
        arrow_before = pa.total_allocated_bytes()
        monkeypatch.setattr(DuckDbCopyJob, "run", looked_at)
        summary = Run(settings, client, warehouse, [resource], resource.commits).load(request)
    finally:
        warehouse.close()
        client.close()
    assert (summary.problems, summary.records) == ([], RECORDS)
    assert max(kept) < PAGE_BYTES / 4


def test_m11_windows_read_ahead_share_their_room(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of four windows each would hold a page otherwise, whatever its size."""
    monkeypatch.setattr("loader.turns.RoomAhead", partial(RoomAhead, 3 * PAGE_BYTES // 2))
    resource = LargePages(Commits(), pages=1)
    client = Client(settings.hosts, "nobody", "nothing", Quota(300), RetryPolicy())
    warehouse = Dataset(settings, [resource.name])
    end = datetime(2026, 3, 15, tzinfo=UTC)
    read_before: list[int] = []
    try:
        warehouse.connect()
        commit = warehouse.commit

        def when_all_wait(*what: Any) -> None:  # noqa: ANN401 - handed on
            """Commit once nobody reads any more."""
            count = -1
            while count < len(resource.python_bytes):
                count = len(resource.python_bytes)
                time.sleep(0.5)
            read_before.append(count)
            commit(*what)

        monkeypatch.setattr(warehouse, "commit", when_all_wait)
        request = Request(end - timedelta(days=PAGES), end)
        summary = Run(settings, client, warehouse, [resource], resource.commits).load(request)
    finally:
        warehouse.close()
        client.close()
    assert settings.concurrent_jobs == 4
    assert (summary.problems, summary.windows, summary.records) == ([], PAGES, PAGES * RECORDS)
    # The first, and one ahead: of another there is no room.
    assert read_before[0] == 2


@pytest.mark.slow
def test_m11_a_load_takes_three_times_its_page_and_not_more(
    settings: Settings, tmp_path: Path
) -> None:
    """Of records so long that DuckDB's row groups, which count rows, would hold hundreds of MB."""
    floor = peak_megabytes(tmp_path, pages=1, records=1, record_bytes=1_000)
    peak = peak_megabytes(tmp_path, pages=3, records=600, record_bytes=200_000)
    assert peak - floor < 3 * 120


def peak_megabytes(folder: Path, pages: int, records: int, record_bytes: int) -> float:
    """Return the most memory that a process had which has loaded so much."""
    text = random.Random(1).randbytes(record_bytes // 2).hex()
    with (folder / "pages.ndjson").open("w") as file:
        for page in range(pages):
            told = (
                f'{{"conversationId":"c-{page}-{number}","text":"{text}"}}'
                for number in range(records)
            )
            file.write(f'{{"conversations":[{",".join(told)}]}}\n')
    alone = {
        "ELT_OVERLAP_MINUTES": "0",
        "ELT_SETTLE_MINUTES": "0",
        "ELT_DUCKDB_PATH": str(folder / f"{pages}.duckdb"),
        "ELT_WORK_DIR": str(folder / f"{pages}"),
    }
    ended = subprocess.run(
        [sys.executable, "-m", "tests.bench.contenders", "local", str(folder), "1"],
        cwd=ROOT, env={**os.environ, **alone}, stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    return float(json.loads(ended.stdout)["peak_megabytes"])


def test_no_object_outlives_its_window(settings: Settings) -> None:
    """A year is thousands of windows: what each left behind would be a load's memory."""
    counted = CountedObjects()
    resource = SmallWindows(page_size=RECORDS, job_seconds=1)
    client = Client(settings.hosts, "nobody", "nothing", Quota(300), RetryPolicy())
    warehouse = Dataset(settings, [resource.name])
    end = datetime(2026, 3, 15, tzinfo=UTC)
    try:
        warehouse.connect()
        request = Request(end - timedelta(days=COMMITS), end)
        summary = Run(settings, client, warehouse, [resource], counted).load(request)
    finally:
        warehouse.close()
        client.close()
    assert (summary.problems, len(counted.after_each)) == ([], summary.windows)
    assert summary.windows >= COMMITS
    first, *_, last = counted.after_each[FIRST:]
    # Coverage keeps some twenty for the code that dlt makes at each commit; dlt's notes on where it
    # looked for its configuration, and what they hold, were hundreds.
    assert last - first < 50 * (len(counted.after_each) - FIRST)


def test_who_only_looks_leaves_the_machine_its_memory(settings: Settings) -> None:
    """DuckDB keeps what it reads of the file as long as it may: by itself most of the machine."""
    limits = []
    for to_look in (False, True):
        dataset = Dataset(settings, [])
        dataset.connect(to_look=to_look)
        [(limit,)] = dataset.query("select current_setting('memory_limit')")
        limits.append(limit)
        dataset.close()
    assert limits[1] == "476.8 MiB" != limits[0]
