"""A run: which windows are due, and reading them into the warehouse, several at once."""

import logging
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice
from typing import Any

from loader.commits import Commits, cannot_go_on
from loader.errors import (
    AccessError,
    GranularityTooFine,
    Incomplete,
    LoaderError,
    LostJob,
    SourceContractError,
    SourceUnavailable,
    TooLarge,
    WindowUnavailable,
)
from loader.fetch import Batch, Fetcher
from loader.genesys.client import Client
from loader.ledger import DiscoveredField, OpenWindow, described
from loader.planning import Plan, Planner, Request
from loader.progress import Reporter
from loader.resources.resource import Resource, query_hash
from loader.settings import Settings
from loader.warehouses.dataset import Dataset
from loader.windows import Due, Window, floor

logger = logging.getLogger(__name__)

# How often a window begins again because its job or token was lost before we call it a fault.
MAX_RESTARTS = 3
# So many answers 429 in one window say that windows are too long for the quota.
LIMITED_OFTEN = 5
# So long a finished window waits for the next one to share its commit with. And what a commit for
# a job's id alone would cost about twice over.
A_MOMENT_SECONDS = 1.0


@dataclass
class Summary:
    """What a run did; `problems` are the windows or resources that did not come through."""

    windows: int = 0
    pages: int = 0
    records: int = 0
    quarantined: int = 0
    erased: int = 0
    problems: list[LoaderError] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        """Count a commit."""
        self.pages += batch.page_count
        self.records += batch.record_count
        self.quarantined += batch.quarantined_count
        self.erased += len(batch.erased)


@dataclass
class Turn:
    """A window in the order of reading, and who reads it.

    Attributes:
        due: the window.
        adjustment: how it was cut anew, for the ledger.
        fetcher: reads it, perhaps ahead of its turn.
        is_ahead: whether others were read before it when it was begun.
        restarts: how often it has begun again.
        rate_limited: how many answers 429 it has met.
    """

    due: Due
    adjustment: str | None = None
    fetcher: Fetcher | None = None
    is_ahead: bool = False
    restarts: int = 0
    rate_limited: int = 0

    def close(self) -> None:
        """Have nobody read it any more."""
        if self.fetcher is not None:
            self.fetcher.close()
            self.fetcher = None


class Run:
    """One run of the loader over all its resources.

    The windows of a resource are read several at once and committed in order, so that coverage has
    no gap. What befalls a window is dealt with when its turn has come.

    Args:
        settings: the settings.
        client: where records come from.
        dataset: where they go; connected.
        resources: in the order they are read.
        reporter: told of each step.
    """

    def __init__(
        self,
        settings: Settings,
        client: Client,
        dataset: Dataset,
        resources: Sequence[Resource[Any]],
        reporter: Reporter,
    ) -> None:
        self._settings = settings
        self._client = client
        self._dataset = dataset
        self._resources = resources
        self._reporter = reporter
        self._run_id = uuid.uuid4().hex
        self._erased: frozenset[str] = frozenset()
        self._commits = Commits(settings, dataset, self._run_id)
        self._planner = Planner(settings, client, dataset.query, self._commits.state)
        self._jobs = settings.concurrent_jobs
        self._refused_before = 0

    def load(self, request: Request) -> Summary:
        """Load everything that is due, each resource as far as it comes.

        A resource that fails does not stop the others, unless the fault is one they share (the
        warehouse, the credentials, the host).
        """
        summary = Summary()
        self._erased = self._dataset.erased()
        self._planner.check_clock(self._resources)
        for resource in self._resources:
            if request.only and resource.name not in request.only:
                continue
            try:
                self._load_resource(resource, request, summary)
            except (AccessError, SourceContractError, TooLarge, SourceUnavailable) as problem:
                summary.problems.append(problem)
                if isinstance(problem, SourceUnavailable) and not isinstance(
                    problem, WindowUnavailable
                ):
                    break
        self._commits.flush()
        return summary

    def _load_resource(self, resource: Resource[Any], request: Request, summary: Summary) -> None:
        if not cannot_go_on(resource):
            # What it looks up must be there.
            self._commits.flush()
        plan = self._planner.plans(resource, request)[0]
        if plan.windows:
            plan = self._discovered(plan, summary)
        self._load_windows(plan, summary)
        if plan.is_resumed:
            # Not `only`: a snapshot just finished is not asked for a second time.
            found = plan.found
            plan = self._planner.plans(resource, replace(request, only=()))[0]
            if resource.kind == "window":
                plan = replace(plan, found=found)
            self._load_windows(plan, summary)
        self._reporter.end()

    def _discovered(self, plan: Plan, summary: Summary) -> Plan:
        """Ask which fields there are, keep that in the ledger, report what has gone."""
        resource = plan.resource
        found, fields = resource.discover(self._client, plan.found, self._settings.now())
        if not fields:
            return replace(plan, found=found)
        rows = [
            DiscoveredField(
                self._run_id, resource.name, one.name, one.is_mapped, one.is_live,
                self._settings.now(),
            )
            for one in fields
        ]  # fmt: skip
        self._commits.add_ledger("discovered_fields", rows)
        mapped = [one for one in fields if one.is_mapped]
        gone = [one.name for one in mapped if not one.is_live]
        if gone:
            problem = (
                f"{resource.name}: {len(gone)} of {len(mapped)} mapped columns are gone: "
                f"{', '.join(gone)}; give interaction_columns.csv a new version. The others are "
                "loaded."
            )
            if len(gone) * 100 > self._settings.drift_percent * len(mapped):
                summary.problems.append(SourceContractError(problem))
            else:
                logger.warning("%s", problem)
        return replace(plan, found=found)

    def _load_windows(self, plan: Plan, summary: Summary) -> None:
        """Load the windows of a plan in their order.

        Raises:
            LoaderError: one stopped; what came before is loaded and the next run goes on there.
        """
        self._reporter.begin(plan.resource.name, len(plan.windows))
        turns = deque(Turn(due) for due in plan.windows)
        try:
            shown: Due | None = None
            while turns:
                if turns[0].due != shown:
                    shown = turns[0].due
                    self._reporter.window(described(shown.window))
                try:
                    batch = self._next_batch(plan, turns)
                except GranularityTooFine as coarser:
                    self._cut_at_buckets(plan, turns, coarser.step)
                    continue
                # Its successor has not yet been asked for, if it was read alone.
                is_read_alone = len(turns) == 1 or turns[1].fetcher is None
                self._commits.add(
                    plan,
                    batch,
                    turns[0].adjustment,
                    may_wait=not is_read_alone or cannot_go_on(plan.resource),
                )
                summary.add(batch)
                self._reporter.read(
                    batch.page_count, batch.record_count, batch.metrics.waited_seconds
                )
                self._heed(plan, turns, batch, summary)
        finally:
            for turn in turns:
                turn.close()

    def _next_batch(self, plan: Plan, turns: deque[Turn]) -> Batch:
        """Wait for the first window's next batch; meanwhile others are read ahead."""
        while True:
            self._read_ahead(plan, turns)
            fetcher = turns[0].fetcher
            assert fetcher is not None, "the first is always read"
            batch = fetcher.take(A_MOMENT_SECONDS)
            if batch is not None:
                # While this one is committed Genesys has something to do.
                self._read_ahead(plan, turns)
                return batch
            self._commits.keep_job(plan.resource, fetcher.opened)

    def _read_ahead(self, plan: Plan, turns: deque[Turn]) -> None:
        """Have the next windows read: as many at once as may be, and as many done but not taken."""
        self._slow_down()
        most = 2 * self._jobs if self._jobs > 1 else 1
        reading = sum(turn.fetcher is not None and turn.fetcher.is_reading for turn in turns)
        before: Fetcher | None = None
        for turn in islice(turns, most):
            if turn.fetcher is None:
                if before is not None and reading >= self._jobs:
                    return
                turn.is_ahead = before is not None
                turn.fetcher = self._fetcher(plan, turn, before)
                reading += 1
            before = turn.fetcher

    def _slow_down(self) -> None:
        """Read fewer windows at once, for the rest of the run, where Genesys refuses so many."""
        refused = self._client.quota.refused_count
        if refused == self._refused_before:
            return
        self._refused_before = refused
        if self._jobs > 1:
            self._jobs -= 1
            logger.warning(
                "Genesys refuses requests for going too fast: reading %d windows at once from now "
                "on (ELT_CONCURRENT_JOBS is %d)", self._jobs, self._settings.concurrent_jobs,
            )  # fmt: skip

    def _fetcher(self, plan: Plan, turn: Turn, before: Fetcher | None) -> Fetcher:
        resource, window = plan.resource, turn.due.window
        asked = query_hash(resource.query(window, plan.found))
        opened = self._commits.state(resource.name).open
        if (
            opened is None
            or (opened.window, opened.query_hash) != (window, asked)
            # Nobody has answered yet: what will be told is as of now, not of the first attempt.
            or (opened.job_id is None and opened.page_count == 0)
        ):
            opened = OpenWindow(
                window=window,
                attempt_id=uuid.uuid4().hex,
                query_hash=asked,
                started_at=self._settings.now(),
                rereading=turn.due.rereading,
                through_load=plan.through_load,
            )
        return Fetcher(
            self._client,
            resource,
            opened,
            plan.found,
            commit_bytes=self._settings.commit_bytes,
            ahead_bytes=self._settings.commit_bytes // self._settings.concurrent_jobs,
            erased=self._erased,
            job_age=self._settings.now() - opened.started_at if opened.job_id else None,
            after=before.has_job if before else None,
        )

    def _heed(self, plan: Plan, turns: deque[Turn], batch: Batch, summary: Summary) -> None:
        """Go on after a batch: in the window, with the next, or with this one in another way.

        Raises:
            LoaderError: there is no other way.
        """
        turn, resource, problem = turns[0], plan.resource, batch.problem
        turn.rate_limited += len(batch.rate_limits)
        if problem is None and not batch.is_last:
            return
        turn.close()
        what = f"{resource.name} {described(turn.due.window)}"
        if problem is None:
            turns.popleft()
            summary.windows += 1
            self._reporter.window_done()
            self._check_quarantine(what, batch.opened, summary)
            if turn.rate_limited >= LIMITED_OFTEN:
                self._halve_all(plan, turns, what)
        elif isinstance(problem, TooLarge):
            self._halve_first(plan, turns, problem)
        elif isinstance(problem, LostJob):
            turn.restarts += 1
            if turn.restarts > MAX_RESTARTS:
                kind = SourceContractError if isinstance(problem, Incomplete) else WindowUnavailable
                raise kind(f"{what}: began again {MAX_RESTARTS} times; {problem}") from None
            logger.warning("%s begins again: %s", what, problem)
        elif turn.is_ahead and self._was_crowded_out(batch):
            logger.warning("%s is asked for again, by itself", what)
        else:
            raise problem

    def _was_crowded_out(self, batch: Batch) -> bool:
        """Tell whether Genesys refused a window for going too fast, as others were read with it."""
        waits = [event.retry_after_seconds or 0.0 for event in batch.rate_limits]
        return (
            isinstance(batch.problem, SourceUnavailable)
            and bool(waits)
            and max(waits) <= self._settings.retry_seconds
        )

    def _cut_at_buckets(self, plan: Plan, turns: deque[Turn], step: timedelta) -> None:
        """Read of the first window its whole buckets only."""
        turn = turns.popleft()
        turn.close()
        window = turn.due.window
        whole = Window(floor(window.start, step), floor(window.end, step))
        why = f"whole buckets of {step}, shorter ones are refused"
        logger.warning("%s %s: %s", plan.resource.name, described(window), why)
        if whole.start < whole.end:
            turns.appendleft(Turn(replace(turn.due, window=whole), why))
        else:
            self._reporter.more(-1)

    def _halve_first(self, plan: Plan, turns: deque[Turn], problem: TooLarge) -> None:
        """Read the first window as two.

        Raises:
            SourceContractError: it cannot be made shorter.
        """
        due = turns.popleft().due
        halves = self._halves(plan.resource, due)
        if not halves:
            raise SourceContractError(
                f"{plan.resource.name} {described(due.window)}: {problem} "
                "The window cannot be made shorter."
            ) from None
        why = f"half of {described(due.window)}, too much for one request"
        logger.warning("%s %s", plan.resource.name, why)
        turns.extendleft(Turn(half, why) for half in reversed(halves))
        self._reporter.more(len(halves) - 1)

    def _halve_all(self, plan: Plan, turns: deque[Turn], what: str) -> None:
        """Read all windows as two each, but for those that are being read already."""
        logger.warning("%s met many answers 429; the windows after it are halved", what)
        before = len(turns)
        halved = [
            part
            for turn in turns
            for part in (
                [turn]
                if turn.fetcher is not None
                else [
                    Turn(half, "half a window, for the rate limit")
                    for half in self._halves(plan.resource, turn.due) or [turn.due]
                ]
            )
        ]
        turns.clear()
        turns.extend(halved)
        self._reporter.more(len(turns) - before)

    @staticmethod
    def _halves(resource: Resource[Any], item: Due) -> list[Due]:
        """Return the halves of a window in the order to read them; none if it is too short."""
        halves = item.window.halves(resource.step) or ()
        if item.reason == "start moved back":
            # Backwards, as all of it: the older half would lie beyond a gap.
            halves = halves[::-1]
        return [replace(item, window=half) for half in halves]

    def _check_quarantine(self, what: str, opened: OpenWindow, summary: Summary) -> None:
        """Report a window in which too many records were refused; its good ones are loaded."""
        allowed = opened.record_count * self._settings.quarantine_percent / 100
        if opened.quarantined_count > allowed:
            summary.problems.append(
                SourceContractError(
                    f"{what}: {opened.quarantined_count} of {opened.record_count} records are not "
                    "valid, more than ELT_QUARANTINE_PERCENT allows; see "
                    "genesys_raw.quarantined_records. The others are loaded."
                )
            )
