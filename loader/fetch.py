"""Reads a window ahead of the warehouse, in a thread of its own; several may be read at once."""

import logging
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from loader.errors import (
    Abandoned,
    Incomplete,
    LoaderError,
    LostJob,
    NoJobFree,
    SourceContractError,
    WrongClock,
)
from loader.genesys.client import Client
from loader.genesys.request_metrics import FETCH_THREAD, RateLimitEvent, RequestMetrics
from loader.ledger import OpenWindow, described
from loader.limits import USUAL, Limits
from loader.own_jobs import OwnJobs
from loader.raw import Page, QuarantinedRecord, RawPages, Rows, checksum_with
from loader.resources.resource import Answer, Reading, Resource

logger = logging.getLogger(__name__)

# The longest a batch is read: no more than this is read again after a kill.
COMMIT_SECONDS = 60.0
# What may be read ahead at any setting.
USUAL_COMMIT_BYTES = 64 << 20
# What the windows of a resource that are read ahead may have in memory together.
MOST_AHEAD_BYTES = 128 << 20


@dataclass
class Batch:
    """The pages of one commit, what they cost, and what stopped them, if anything did.

    Pages read before a problem are kept: they are loaded.

    Attributes:
        opened: how far the window is read with them.
        fault: what is no page's problem but the window's, or ours.
    """

    opened: OpenWindow
    page_count: int = 0
    record_count: int = 0
    byte_count: int = 0
    rows: list[Rows] = field(default_factory=list)
    quarantined_count: int = 0
    quarantined: list[QuarantinedRecord] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)
    is_last: bool = False
    last_answer: Answer | None = None
    metrics: RequestMetrics = field(default_factory=RequestMetrics)
    rate_limits: list[RateLimitEvent] = field(default_factory=list)
    problem: LoaderError | LostJob | None = None
    fault: BaseException | None = None
    until: float = 0.0

    @property
    def has_ended(self) -> bool:
        """Whether nothing comes after it."""
        return self.is_last or self.problem is not None or self.fault is not None

    def add(self, page: Page, answer: Answer) -> None:
        """Append what a page became."""
        if self.page_count == 0:
            self.until = time.monotonic() + COMMIT_SECONDS
        self.page_count += 1
        self.record_count += page.record_count
        self.byte_count += page.byte_count
        self.quarantined_count += len(page.quarantined)
        self.quarantined += page.quarantined
        self.erased += page.erased
        if page.rows.num_rows:
            self.rows.append(page.rows)
        # Without its records, which keep the whole body of the answer.
        self.last_answer = replace(answer, records=())
        self.opened = replace(
            self.opened,
            token=answer.token,
            page_count=self.opened.page_count + 1,
            record_count=self.opened.record_count + page.record_count,
            quarantined_count=self.opened.quarantined_count + len(page.quarantined),
            checksum=self.opened.checksum and checksum_with(self.opened.checksum, page),
        )

    def forget_records(self) -> None:
        """Leave out the records, of a list that must be read again whole in any case."""
        self.rows, self.quarantined, self.erased = [], [], []
        self.record_count = self.quarantined_count = self.byte_count = 0

    def take_rows(self) -> list[Rows]:
        """Hand over the raw rows of each page and keep none.

        While they are committed the next batch is read, so nobody else may hold on to them.
        """
        rows, self.rows = self.rows, []
        return rows

    def take_quarantined(self) -> list[QuarantinedRecord]:
        """Hand over the records refused and keep none, as `take_rows`."""
        quarantined, self.quarantined = self.quarantined, []
        return quarantined


class RoomAhead:
    """Keeps what is read ahead to so much memory, however large pages are.

    How large they are nobody knows before the first: until then none is read ahead. Who reads no
    longer ahead waits for nobody.
    """

    def __init__(self, most_bytes: int = MOST_AHEAD_BYTES) -> None:
        self._most_bytes = most_bytes
        self._largest: int | None = None
        # By who reads ahead.
        self._held: dict[object, int] = {}
        self._changed = threading.Condition()

    def join(self, reader: object) -> None:
        """Count `reader` from now on."""
        with self._changed:
            self._held[reader] = 0

    def leave(self, reader: object) -> None:
        """Count `reader` no longer: its turn has come, or it has been closed."""
        with self._changed:
            self._held.pop(reader, None)
            self._changed.notify_all()

    def enter(self, reader: object) -> None:
        """Wait until there is room for one more page of `reader`."""
        with self._changed:
            self._changed.wait_for(lambda: reader not in self._held or self._has_room())
            self._hold(reader, self._held.get(reader, 0) + (self._largest or 0))

    def has_read(self, reader: object, page_bytes: int, held_bytes: int) -> None:
        """Note how large a page was, and what `reader` has in memory with it."""
        with self._changed:
            self._largest = max(self._largest or 0, page_bytes)
            self._hold(reader, held_bytes)

    def _has_room(self) -> bool:
        held = sum(self._held.values())
        return self._largest is not None and held + self._largest <= self._most_bytes

    def _hold(self, reader: object, held_bytes: int) -> None:
        if reader in self._held:
            self._held[reader] = held_bytes
        self._changed.notify_all()


class Fetcher:
    """Reads a window: starts its job if it needs one, then page after page.

    It reads on until it holds as much as it may; what has been read is taken in batches. Who takes
    first tells it that the window's turn has come, and that it may hold a whole commit.

    Args:
        client: the HTTP client.
        resource: whose pages.
        opened: where to begin.
        found: what the resource found out before.
        commit_bytes: size of a batch; it ends with the page that passes it.
        ahead_bytes: the most it holds until its turn has come, but for the page that passes it.
        room: what all that are read ahead may hold.
        jobs: those of all windows.
        patience: for so many seconds a job is asked for that others of `jobs` stand in the way of.
        erased: `entity_hash` of those whose records are left out.
        job_age: how long ago the window's job was started; None without one.
        limits: how large a record may be.
        after: set once the window before has its job: the oldest gets its job first.
    """

    def __init__(
        self,
        client: Client,
        resource: Resource[Any],
        opened: OpenWindow,
        found: Any,  # noqa: ANN401 - each resource finds something of its own
        *,
        commit_bytes: int,
        ahead_bytes: int,
        room: RoomAhead,
        jobs: OwnJobs,
        patience: float,
        erased: Collection[str] = (),
        job_age: timedelta | None = None,
        limits: Limits = USUAL,
        after: threading.Event | None = None,
    ) -> None:
        self._client = client
        self._resource = resource
        self._reading = Reading(opened.window, opened.job_id, found, job_age)
        self._commit_bytes = commit_bytes
        self._most_bytes = max(1, ahead_bytes)
        self._room = room
        room.join(self)
        self._jobs = jobs
        self._patience = patience
        self._seen = {opened.token}
        self._empty_pages = 0
        # Stamped with the time of asking, not of reading: a job resumed tomorrow still shows what
        # was true when it was submitted, and must not outdo a newer copy.
        self._raw = RawPages(
            resource.name,
            resource.identity,
            resource.subjects,
            opened.window,
            opened.started_at,
            erased,
            limits,
        )
        self._after = after
        self.has_job = threading.Event()
        self._stop = threading.Event()
        # Guards what has been read and not been taken yet.
        self._changed = threading.Condition()
        self._unread = Batch(opened)
        # What was asked for this window before: whoever opens it planned it.
        self._unread.metrics = client.log.metrics.take()
        self._unread.rate_limits = client.log.take_rate_limits()
        # A daemon: one that still waits for a slow host must not hold the process back.
        threading.Thread(target=self._run, name=FETCH_THREAD, daemon=True).start()

    @property
    def opened(self) -> OpenWindow:
        """How far the window is read, with what has not been taken yet."""
        with self._changed:
            return self._unread.opened

    @property
    def fault(self) -> BaseException | None:
        """What ended the reading and is no page's problem, whether or not its turn has come."""
        with self._changed:
            return self._unread.fault

    @property
    def is_reading(self) -> bool:
        """Whether it still asks Genesys for something, or will."""
        with self._changed:
            return not self._unread.has_ended

    def take(self, timeout: float) -> Batch | None:
        """Return the next batch; None if it is not there after `timeout` seconds.

        Raises:
            GranularityTooFine: the window has to be cut anew.
        """
        self._room.leave(self)
        with self._changed:
            self._most_bytes = self._commit_bytes
            self._changed.notify_all()
            if not self._changed.wait_for(self._is_ready, timeout):
                return None
            batch = self._unread
            self._unread = Batch(batch.opened)
            if batch.byte_count * 2 > 3 * max(self._commit_bytes, USUAL_COMMIT_BYTES):
                # Of pages larger than a commit one is enough in memory: on when it is committed.
                self._most_bytes = 0
            self._changed.notify_all()
        if batch.fault is not None:
            raise batch.fault
        return batch

    def close(self) -> None:
        """Have the thread end; it does not answer any more."""
        self._stop.set()
        self._room.leave(self)
        with self._changed:
            self._changed.notify_all()

    def _is_ready(self) -> bool:
        batch = self._unread
        return (
            batch.has_ended
            or batch.byte_count >= self._commit_bytes
            or (batch.page_count > 0 and time.monotonic() >= batch.until)
        )

    def _run(self) -> None:
        self._client.log.stop = self._stop
        try:
            self._start_job()
            while self._read_page():
                pass
        except Abandoned:
            pass
        except WrongClock as fault:
            # A load dated by it would be the newest for long.
            self._end(fault=fault)
        except (LoaderError, LostJob) as problem:
            self._end(problem=problem)
        except BaseException as fault:
            self._end(fault=fault)
        finally:
            self._jobs.ended(self)
            self.has_job.set()

    def _end(
        self, problem: LoaderError | LostJob | None = None, fault: BaseException | None = None
    ) -> None:
        with self._changed:
            self._add_log()
            self._unread.problem, self._unread.fault = problem, fault
            self._changed.notify_all()

    def _start_job(self) -> None:
        if self._after is not None:
            self._after.wait()
        self._client.log.wait(0)
        if self._reading.job_id is None:
            job_id = self._submitted()
            age = None if job_id is None else timedelta(0)
            self._reading = replace(self._reading, job_id=job_id, job_age=age)
            with self._changed:
                self._unread.opened = replace(self._unread.opened, job_id=job_id)
        if self._reading.job_id is not None:
            self._jobs.began(self)
        self.has_job.set()

    def _submitted(self) -> str | None:
        """Start the job; where Genesys takes no more, as soon as it is done with one of ours.

        Raises:
            NoJobFree: none of ours stood in its way.
        """
        window, ends, is_told = self._reading.window, time.monotonic() + self._patience, False
        while True:
            ours = self._jobs.running()
            try:
                return self._resource.submit(self._client, window)
            except NoJobFree:
                if not ours or time.monotonic() > ends:
                    raise
            if not is_told:
                logger.warning(
                    "%s %s gets its job when one of the %d that this run has is done",
                    self._resource.name, described(window), len(ours),
                )  # fmt: skip
                is_told = True
            self._jobs.wait_for_one(ours, self._client.log.wait)

    def _read_page(self) -> bool:
        """Read one page; tell whether there is another."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._unread.byte_count < self._most_bytes or self._stop.is_set()
            )
            token = self._unread.opened.token
            number = self._unread.opened.page_count + 1
        self._room.enter(self)
        self._client.log.wait(0)
        answer = self._resource.read(self._client, self._reading, token)
        self._jobs.ended(self)
        self._check(answer, number)
        page = self._raw.page(answer.records, number)
        with self._changed:
            self._unread.add(page, answer)
            self._room.has_read(self, page.byte_count, self._unread.byte_count)
            self._add_log()
            self._unread.is_last = answer.token is None and self._is_whole(self._unread)
            self._changed.notify_all()
        return answer.token is not None

    def _add_log(self) -> None:
        log = self._client.log
        self._unread.metrics.add(log.metrics.take())
        self._unread.rate_limits += log.take_rate_limits()

    def _check(self, answer: Answer, number: int) -> None:
        """Refuse what would be read for ever: the same page token, or pages that stay empty."""
        if answer.token is None:
            return
        if answer.token in self._seen:
            raise SourceContractError(f"page token repeated at page {number}.")
        self._seen.add(answer.token)
        self._empty_pages = 0 if answer.records else self._empty_pages + 1
        if self._empty_pages >= self._resource.most_empty_pages:
            raise SourceContractError(
                f"{self._empty_pages} empty pages with a page token, up to page {number}."
            )

    @staticmethod
    def _is_whole(batch: Batch) -> bool:
        """Tell whether as many records came as announced.

        Else a page was lost, or the list changed under us.
        """
        announced = batch.last_answer.announced_count if batch.last_answer else None
        count = batch.opened.record_count
        if announced is None or count >= announced:
            return True
        batch.problem = Incomplete(f"got {count} of {announced} records")
        return False
