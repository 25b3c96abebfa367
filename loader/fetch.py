"""Fetches the pages of one window, one commit ahead of the warehouse, in a thread of its own."""

import time
from collections.abc import Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pyarrow as pa

from loader.errors import Incomplete, LoaderError, LostJob, SourceContractError
from loader.genesys.client import Client
from loader.genesys.request_metrics import FETCH_THREAD, RateLimitEvent, RequestMetrics
from loader.ledger import OpenWindow
from loader.limits import USUAL, Limits
from loader.raw import Page, QuarantinedRecord, RawPages
from loader.resources.resource import Answer, Reading, Resource

# The longest a batch is read: no more than this is read again after a kill.
COMMIT_SECONDS = 60.0
# What may be read ahead at any setting.
USUAL_COMMIT_BYTES = 64 << 20
# What a commit for a job's id alone would cost about twice over.
A_MOMENT_SECONDS = 1.0


@dataclass
class Batch:
    """The pages of one commit, what they cost, and what stopped them, if anything did.

    `token` asks for the page after them. Pages read before a problem are kept: they are loaded.
    """

    token: str | None
    page_count: int = 0
    record_count: int = 0
    byte_count: int = 0
    rows: list[pa.Table] = field(default_factory=list)
    quarantined_count: int = 0
    quarantined: list[QuarantinedRecord] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)
    is_last: bool = False
    last_answer: Answer | None = None
    metrics: RequestMetrics = field(default_factory=RequestMetrics)
    rate_limits: list[RateLimitEvent] = field(default_factory=list)
    problem: LoaderError | LostJob | None = None

    def add(self, page: Page) -> None:
        """Append what a page became."""
        self.page_count += 1
        self.record_count += page.record_count
        self.byte_count += page.byte_count
        self.quarantined_count += len(page.quarantined)
        self.quarantined += page.quarantined
        self.erased += page.erased
        if page.rows.num_rows:
            self.rows.append(page.rows)

    def forget_records(self) -> None:
        """Leave out the records, of a list that must be read again whole in any case."""
        self.rows, self.quarantined, self.erased = [], [], []
        self.record_count = self.quarantined_count = self.byte_count = 0

    def take_rows(self) -> pa.Table | None:
        """Hand over the raw rows and keep none; None where no page holds any.

        While they are committed the next batch is read, so nobody else may hold on to them.
        """
        rows, self.rows = self.rows, []
        return pa.concat_tables(rows) if rows else None

    def take_quarantined(self) -> list[QuarantinedRecord]:
        """Hand over the records refused and keep none, as `take_rows`."""
        quarantined, self.quarantined = self.quarantined, []
        return quarantined


class Fetcher:
    """Reads a window's pages in batches of about `commit_bytes`, or a minute's worth.

    Args:
        client: the HTTP client; used by this thread alone while it reads.
        resource: whose pages.
        opened: where to begin.
        found: what the resource found out before.
        commit_bytes: size of a batch; it ends with the page that passes it.
        erased: `entity_hash` of those whose records are left out.
        job_age: how long ago the window's job was started; None without one.
        limits: how large a record may be.
    """

    def __init__(
        self,
        client: Client,
        resource: Resource[Any],
        opened: OpenWindow,
        found: Any,  # noqa: ANN401 - each resource finds something of its own
        commit_bytes: int,
        erased: Collection[str] = (),
        job_age: timedelta | None = None,
        limits: Limits = USUAL,
    ) -> None:
        self._client = client
        self._resource = resource
        self._reading = Reading(opened.window, opened.job_id, found, job_age)
        self._commit_bytes = commit_bytes
        self._token = opened.token
        self._seen = {opened.token}
        self._page_number = opened.page_count
        self._empty_pages = 0
        self._record_count = opened.record_count
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
        self._stopped = False
        self._first: Future[Batch] | None = None

    @contextmanager
    def batches(self) -> Iterator[Iterator[Batch]]:
        """Give the batches, each fetched while the one before it is being worked on."""
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=FETCH_THREAD)
        self._first = executor.submit(self._next_batch)
        try:
            yield self._one_ahead(executor, self._first)
        finally:
            self._stopped = True
            executor.shutdown(wait=False, cancel_futures=True)

    def is_slow(self) -> bool:
        """Wait a moment for the first batch; tell whether it takes longer."""
        if self._first is None:
            raise RuntimeError("batches() comes first")
        return not wait([self._first], timeout=A_MOMENT_SECONDS).done

    def _one_ahead(self, executor: ThreadPoolExecutor, pending: Future[Batch]) -> Iterator[Batch]:
        while True:
            batch = pending.result()
            ended = batch.is_last or batch.problem is not None
            # Of pages larger than a commit one is enough in memory.
            is_large = batch.byte_count * 2 > 3 * max(self._commit_bytes, USUAL_COMMIT_BYTES)
            if not ended and not is_large:
                pending = executor.submit(self._next_batch)
            yield batch
            if ended:
                return
            if is_large:
                pending = executor.submit(self._next_batch)

    def _next_batch(self) -> Batch:
        batch = Batch(token=self._token)
        deadline = time.monotonic() + COMMIT_SECONDS
        try:
            while (
                batch.byte_count < self._commit_bytes
                and time.monotonic() < deadline
                and not batch.is_last
                and not self._stopped
            ):
                answer = self._resource.read(self._client, self._reading, self._token)
                self._page_number += 1
                self._check(answer)
                page = self._raw.page(answer.records, self._page_number)
                self._record_count += page.record_count
                batch.add(page)
                batch.token = self._token = answer.token
                # Without its records, which keep the whole body of the answer.
                batch.last_answer = replace(answer, records=())
                batch.is_last = answer.token is None
            if batch.is_last:
                self._check_total(batch)
        except (LoaderError, LostJob) as problem:
            batch.problem = problem
            batch.is_last = False
        batch.metrics = self._client.log.metrics.take()
        batch.rate_limits = self._client.log.take_rate_limits()
        return batch

    def _check(self, answer: Answer) -> None:
        """Refuse what would be read for ever: the same page token, or pages that stay empty."""
        if answer.token is None:
            return
        if answer.token in self._seen:
            raise SourceContractError(f"page token repeated at page {self._page_number}.")
        self._seen.add(answer.token)
        self._empty_pages = 0 if answer.records else self._empty_pages + 1
        if self._empty_pages >= self._resource.most_empty_pages:
            raise SourceContractError(
                f"{self._empty_pages} empty pages with a page token, up to page "
                f"{self._page_number}."
            )

    def _check_total(self, batch: Batch) -> None:
        """Refuse fewer records than announced: a page was lost, or the list changed under us."""
        announced = batch.last_answer.announced_count if batch.last_answer else None
        if announced is not None and self._record_count < announced:
            raise Incomplete(f"got {self._record_count} of {announced} records")
