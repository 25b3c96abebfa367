"""A run: which windows are due, and reading each of them into the warehouse."""

import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import Any

import pyarrow as pa

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
    WrongClock,
)
from loader.fetch import Batch, Fetcher
from loader.genesys.client import Client
from loader.ledger import (
    DiscoveredField,
    ErasedRecord,
    OpenWindow,
    RateLimit,
    ResourceState,
    WindowCommit,
    described,
    ledger_table,
)
from loader.planning import Plan, Planner, Request
from loader.progress import Reporter
from loader.resources.resource import Resource, query_hash
from loader.settings import Settings
from loader.warehouses.dataset import Dataset
from loader.windows import Due, Window, floor, iso

logger = logging.getLogger(__name__)

# How often a window begins again because its job or token was lost before we call it a fault.
MAX_RESTARTS = 3
# So many answers 429 in one window say that windows are too long for the quota.
LIMITED_OFTEN = 5


@dataclass
class Summary:
    """What a run did; `problems` are the windows or resources that did not come through."""

    windows: int = 0
    pages: int = 0
    records: int = 0
    quarantined: int = 0
    erased: int = 0
    rate_limited: int = 0
    problems: list[LoaderError] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        """Count a commit."""
        self.pages += batch.page_count
        self.records += batch.record_count
        self.quarantined += batch.quarantined_count
        self.erased += len(batch.erased)
        self.rate_limited += batch.metrics.rate_limited_count


class Run:
    """One run of the loader over all its resources.

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
        self._planner = Planner(settings, client, dataset.query, dataset.state)
        # Snapshots that were read whole and wait to be committed together.
        self._held: list[tuple[dict[str, pa.Table], str, ResourceState]] = []

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
        self._commit_held()
        return summary

    def _load_resource(self, resource: Resource[Any], request: Request, summary: Summary) -> None:
        if not _may_wait(resource):
            # What it looks up must be there.
            self._commit_held()
        plan = self._planner.plans(resource, request)[0]
        if plan.windows:
            plan = self._discovered(plan, summary)
        self._reporter.begin(resource.name, len(plan.windows))
        self._load_windows(plan, summary)
        if plan.is_resumed:
            # Not `only`: a snapshot just finished is not asked for a second time.
            found = plan.found
            plan = self._planner.plans(resource, replace(request, only=()))[0]
            if resource.kind == "window":
                plan = replace(plan, found=found)
            self._reporter.begin(resource.name, len(plan.windows))
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
        self._commit_now({"discovered_fields": ledger_table("discovered_fields", rows)}, {})
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
        todo = [(item, "") for item in plan.windows]
        while todo:
            item, adjustment = todo.pop(0)
            self._reporter.window(described(item.window))
            limited_before = summary.rate_limited
            try:
                self._read_window(plan, item, adjustment or None, summary)
            except GranularityTooFine as coarser:
                whole = Window(
                    floor(item.window.start, coarser.step), floor(item.window.end, coarser.step)
                )
                why = f"whole buckets of {coarser.step}, shorter ones are refused"
                logger.warning("%s %s: %s", plan.resource.name, described(item.window), why)
                if whole.start < whole.end:
                    todo.insert(0, (replace(item, window=whole), why))
                else:
                    self._reporter.more(-1)
                continue
            except TooLarge as problem:
                halves = self._halves(plan.resource, item)
                if not halves:
                    raise SourceContractError(
                        f"{plan.resource.name} {described(item.window)}: {problem} "
                        "The window cannot be made shorter."
                    ) from None
                why = f"half of {described(item.window)}, too much for one request"
                logger.warning("%s %s", plan.resource.name, why)
                todo[:0] = [(half, why) for half in halves]
                self._reporter.more(len(halves) - 1)
                continue
            summary.windows += 1
            self._reporter.window_done()
            if summary.rate_limited - limited_before >= LIMITED_OFTEN:
                logger.warning(
                    "%s %s met many answers 429; the windows after it are halved",
                    plan.resource.name, described(item.window),
                )  # fmt: skip
                why = "half a window, for the rate limit"
                halved = [
                    (half, why)
                    for due_later, _ in todo
                    for half in self._halves(plan.resource, due_later) or [due_later]
                ]
                self._reporter.more(len(halved) - len(todo))
                todo = halved

    @staticmethod
    def _halves(resource: Resource[Any], item: Due) -> list[Due]:
        """Return the halves of a window in the order to read them; none if it is too short."""
        halves = item.window.halves(resource.step) or ()
        if item.reason == "start moved back":
            # Backwards, as all of it: the older half would lie beyond a gap.
            halves = halves[::-1]
        return [replace(item, window=half) for half in halves]

    def _read_window(self, plan: Plan, item: Due, adjustment: str | None, summary: Summary) -> None:
        """Read one window to its end, from its beginning again if its job or token is lost."""
        resource = plan.resource
        asked = query_hash(resource.query(item.window, plan.found))
        opened = self._dataset.state(resource.name).open
        if (
            opened is None
            or (opened.window, opened.query_hash) != (item.window, asked)
            # Nobody has answered yet: what will be told is as of now, not of the first attempt.
            or (opened.job_id is None and opened.page_count == 0)
        ):
            opened = self._fresh(plan, item, asked)
        for restart in range(MAX_RESTARTS + 1):
            try:
                self._read_pages(plan, opened, adjustment, summary)
            except LostJob as lost:
                if restart == MAX_RESTARTS:
                    kind = (
                        SourceContractError if isinstance(lost, Incomplete) else WindowUnavailable
                    )
                    raise kind(
                        f"{resource.name} {described(item.window)}: began again {restart} times; "
                        f"{lost}"
                    ) from None
                logger.warning(
                    "%s %s begins again: %s", resource.name, described(item.window), lost
                )
                opened = self._fresh(plan, item, asked)
            else:
                return

    def _fresh(self, plan: Plan, item: Due, asked: str) -> OpenWindow:
        return OpenWindow(
            window=item.window,
            attempt_id=uuid.uuid4().hex,
            query_hash=asked,
            started_at=self._settings.now(),
            rereading=item.rereading,
            through_load=plan.through_load,
        )

    def _read_pages(
        self, plan: Plan, opened: OpenWindow, adjustment: str | None, summary: Summary
    ) -> None:
        """Load the pages of a window, commit by commit.

        Raises:
            LostJob: the window must begin again.
            LoaderError: it stopped; what came before is loaded and the next run goes on there.
        """
        resource, log = plan.resource, self._client.log
        job_age = self._settings.now() - opened.started_at
        if opened.job_id is None:
            job_age = timedelta(0)
            try:
                opened = replace(opened, job_id=resource.submit(self._client, opened.window))
            except LoaderError as problem:
                batch = Batch(token=None, problem=problem)
                batch.metrics, batch.rate_limits = log.metrics.take(), log.take_rate_limits()
                self._commit(plan, opened, batch, adjustment)
                raise
        fetcher = Fetcher(
            self._client,
            resource,
            opened,
            plan.found,
            commit_bytes=self._settings.commit_megabytes << 20,
            erased=self._erased,
            job_age=None if opened.job_id is None else job_age,
            limits=self._settings.limits,
        )
        with fetcher.batches() as batches:
            if opened.job_id is not None and opened.page_count == 0 and fetcher.is_slow():
                # While the job runs: after a kill the next run asks for this job again.
                state = replace(self._dataset.state(resource.name), open=opened)
                self._commit_now({}, {resource.name: state})
            for batch in batches:
                opened = replace(
                    opened,
                    token=batch.token,
                    page_count=opened.page_count + batch.page_count,
                    record_count=opened.record_count + batch.record_count,
                    quarantined_count=opened.quarantined_count + batch.quarantined_count,
                )
                self._commit(plan, opened, batch, adjustment)
                summary.add(batch)
                self._reporter.read(
                    batch.page_count, batch.record_count, batch.metrics.waited_seconds
                )
                if batch.problem is not None:
                    raise batch.problem
        self._check_quarantine(resource, opened, summary)

    def _commit(self, plan: Plan, opened: OpenWindow, batch: Batch, adjustment: str | None) -> None:
        """Put a batch, its ledger rows and the state behind it into the warehouse at once.

        Raises:
            WrongClock: the batch ended with that; a load dated by it would be the newest for long.
        """
        resource, window = plan.resource, opened.window
        problem = batch.problem
        if isinstance(problem, WrongClock):
            raise problem
        if problem is not None and _may_wait(resource):
            # Else each run that fails would append them again.
            batch.forget_records()
        if isinstance(problem, LoaderError) and not isinstance(problem, TooLarge):
            problem.args = (f"{resource.name} {described(window)}: {problem}",)
        available = plan.horizon.source_available_through
        loaded_to = window.end
        if batch.is_last and batch.last_answer and batch.last_answer.available_through:
            # The answer itself is complete only up to here.
            available = batch.last_answer.available_through
            loaded_to = max(window.start, min(window.end, available))
        if batch.last_answer and batch.last_answer.adjustment:
            adjustment = batch.last_answer.adjustment
        if loaded_to < window.end:
            adjustment = f"ends {iso(loaded_to)}, where the source's data end"
        loaded = Window(window.start, loaded_to)
        now = self._settings.now()
        row = WindowCommit(
            window_attempt_id=opened.attempt_id,
            run_id=self._run_id,
            resource=resource.name,
            contract=self._settings.contract,
            window_start=window.start,
            window_end=loaded_to,
            status="failed" if problem else "loaded" if batch.is_last else "partial",
            page_count=batch.page_count,
            record_count=batch.record_count,
            quarantined_count=batch.quarantined_count,
            byte_count=batch.byte_count,
            request_count=batch.metrics.request_count,
            retry_count=batch.metrics.retry_count,
            rate_limited_count=batch.metrics.rate_limited_count,
            waited_seconds=batch.metrics.waited_seconds,
            announced_count=batch.last_answer.announced_count if batch.last_answer else None,
            limited_by=plan.horizon.limited_by if window.end == plan.horizon.end else None,
            adjustment=adjustment,
            source_available_through=available,
            query_hash=opened.query_hash,
            job_id=opened.job_id,
            exit_code=int(problem.exit_code) if isinstance(problem, LoaderError) else None,
            error=str(problem) if problem else None,
            started_at=opened.started_at,
            finished_at=now,
        )
        state = self._dataset.state(resource.name)
        if not batch.is_last:
            # A lost job's tokens are worthless, and so are page numbers by the next run; one that
            # led to a broken answer would lead there again.
            worthless = isinstance(problem, LostJob | SourceContractError)
            keep = resource.resumes and not worthless
            state = replace(state, open=opened if keep else None)
        elif resource.kind == "snapshot":
            state = replace(
                state,
                open=None,
                snapshot_at=window.start,
                snapshot_through=opened.through_load,
            )
        else:
            coverage = state.coverage.after(loaded, opened.rereading)
            state = replace(state, open=None, coverage=coverage)
        tables = self._tables(resource, row, batch)
        if _may_wait(resource) and batch.is_last and opened.page_count == batch.page_count:
            self._hold(tables, resource.name, state)
        else:
            self._commit_now(tables, {resource.name: state})

    def _hold(self, tables: dict[str, pa.Table], name: str, state: ResourceState) -> None:
        """Keep a whole snapshot for a commit with those after it, up to the size of one."""
        self._held.append((tables, name, state))
        size = sum(table.nbytes for held, _, _ in self._held for table in held.values())
        if size >= self._settings.commit_megabytes << 20:
            self._commit_held()

    def _commit_held(self) -> None:
        if not self._held:
            return
        held, self._held = self._held, []
        parts: dict[str, list[pa.Table]] = {}
        for tables, _, _ in held:
            for table in tables:
                parts.setdefault(table, []).append(tables[table])
        states = {name: state for _, name, state in held}
        del held
        # Popped, so that nothing but the commit holds on to the rows.
        tables = {name: pa.concat_tables(parts.pop(name)) for name in [*parts]}
        self._dataset.commit(tables, states)

    def _commit_now(self, tables: dict[str, pa.Table], states: Mapping[str, ResourceState]) -> None:
        """Commit, after what waits: the ledger tells what happened in its order."""
        self._commit_held()
        self._dataset.commit(tables, states)

    def _tables(
        self, resource: Resource[Any], row: WindowCommit, batch: Batch
    ) -> dict[str, pa.Table]:
        tables = {"extract_windows": ledger_table("extract_windows", [row])}
        if (rows := batch.take_rows()) is not None:
            tables[resource.name] = rows
        if quarantined := batch.take_quarantined():
            tables["quarantined_records"] = ledger_table("quarantined_records", quarantined)
        if batch.erased:
            now = self._settings.now()
            erased = [ErasedRecord(subject, resource.name, None, now) for subject in batch.erased]
            tables["erased_records"] = ledger_table("erased_records", erased)
        if batch.rate_limits:
            events = [
                RateLimit(self._run_id, resource.name, **asdict(event))
                for event in batch.rate_limits
            ]
            tables["rate_limit_events"] = ledger_table("rate_limit_events", events)
        return tables

    def _check_quarantine(
        self, resource: Resource[Any], opened: OpenWindow, summary: Summary
    ) -> None:
        """Report a window in which too many records were refused; its good ones are loaded."""
        allowed = opened.record_count * self._settings.quarantine_percent / 100
        if opened.quarantined_count > allowed:
            summary.problems.append(
                SourceContractError(
                    f"{resource.name} {described(opened.window)}: {opened.quarantined_count} of "
                    f"{opened.record_count} records are not valid, more than "
                    f"ELT_QUARANTINE_PERCENT allows; see genesys_raw.quarantined_records. The "
                    "others are loaded."
                )
            )


def _may_wait(resource: Resource[Any]) -> bool:
    """Tell whether a commit of its own is of no use: it cannot go on in its middle anyway."""
    return resource.kind == "snapshot" and not resource.resumes
