"""A run: which windows are due, and reading them into the warehouse, several at once."""

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
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
from loader.fetch import Batch
from loader.genesys.client import Client
from loader.ledger import DiscoveredField, OpenWindow
from loader.planning import Plan, Planner, Request
from loader.progress import Reporter
from loader.resources.resource import Resource
from loader.settings import Settings
from loader.turns import Pace, Turns
from loader.warehouses.dataset import Dataset

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
        self._pace = Pace(client, settings.concurrent_jobs)

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
        resource = plan.resource
        self._reporter.begin(resource.name, len(plan.windows))
        turns = Turns(
            self._settings, self._client, plan, self._commits.state, self._pace, self._erased,
            self._reporter,
        )  # fmt: skip
        try:
            while turns:
                try:
                    batch = turns.take(A_MOMENT_SECONDS)
                except GranularityTooFine as coarser:
                    turns.cut_at_buckets(coarser.step)
                    continue
                if isinstance(batch, OpenWindow):
                    self._commits.keep_job(resource, batch)
                    continue
                may_wait = turns.others_are_read or cannot_go_on(resource)
                self._commits.add(plan, batch, turns.first.adjustment, may_wait=may_wait)
                summary.add(batch)
                self._reporter.read(
                    batch.page_count, batch.record_count, batch.metrics.waited_seconds
                )
                if batch.problem is not None:
                    self._heed(turns, batch)
                elif batch.is_last:
                    self._finish(turns, batch, summary)
        finally:
            turns.close()

    def _finish(self, turns: Turns, batch: Batch, summary: Summary) -> None:
        """Go on with the next window."""
        what = turns.described()
        summary.windows += 1
        self._check_quarantine(what, batch.opened, summary)
        if turns.first.rate_limited >= LIMITED_OFTEN:
            logger.warning("%s met many answers 429; the windows after it are halved", what)
            turns.halve_others()
        turns.done(batch.byte_count)

    def _heed(self, turns: Turns, batch: Batch) -> None:
        """Read the first window in another way, or once more.

        Raises:
            LoaderError: there is no other way.
        """
        turn, what, problem = turns.first, turns.described(), batch.problem
        assert problem is not None, "what else is there to heed"
        turn.close()
        if isinstance(problem, TooLarge):
            if not turns.cut_first():
                raise SourceContractError(
                    f"{what}: {problem} The window cannot be made shorter."
                ) from None
        elif isinstance(problem, LostJob):
            turn.restarts += 1
            if turn.restarts > MAX_RESTARTS:
                kind = SourceContractError if isinstance(problem, Incomplete) else WindowUnavailable
                raise kind(f"{what}: began again {MAX_RESTARTS} times; {problem}") from None
            logger.warning("%s begins again: %s", what, problem)
        elif isinstance(problem, SourceUnavailable) and turn.is_joined and not batch.rate_limits:
            turns.part_first()
        elif turn.is_ahead and self._was_crowded_out(batch):
            logger.warning("%s is asked for again, now that it is its turn", what)
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
