"""Commits of a run: records, the ledger rows that describe them and the state behind them, at once.

What is small waits for what comes next, and shares its commit.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from loader.errors import LoaderError, LostJob, SourceContractError, TooLarge
from loader.fetch import COMMIT_SECONDS, Batch
from loader.ledger import (
    ErasedRecord,
    OpenWindow,
    RateLimit,
    ResourceState,
    WindowCommit,
    described,
    ledger_table,
)
from loader.planning import Plan
from loader.raw import Rows
from loader.resources.resource import Resource
from loader.settings import Settings
from loader.warehouses.dataset import Dataset
from loader.windows import Window, iso


class Commits:
    """Commits in the order of what happened.

    Args:
        settings: the settings.
        dataset: where commits go; connected.
        run_id: of the run, for the ledger.
    """

    def __init__(self, settings: Settings, dataset: Dataset, run_id: str) -> None:
        self._settings = settings
        self._dataset = dataset
        self._run_id = run_id
        # What was read to its end and waits for company, and the states behind it.
        self._waiting: list[dict[str, list[Rows]]] = []
        self._states: dict[str, ResourceState] = {}
        self._places: set[tuple[str, datetime]] = set()
        self._waiting_since = 0.0

    def state(self, resource: str) -> ResourceState:
        """Return where `resource` stands, with what waits."""
        return self._states.get(resource) or self._dataset.state(resource)

    def add(self, plan: Plan, batch: Batch, adjustment: str | None, *, may_wait: bool) -> None:
        """Put a batch, its ledger rows and the state behind it into the warehouse at once.

        Args:
            plan: what the batch is part of.
            batch: loses its records; its problem, if it has one, is told of which window it is.
            adjustment: how the window was changed, for the ledger.
            may_wait: whether it may share its commit with what comes after it.
        """
        resource, opened, problem = plan.resource, batch.opened, batch.problem
        if problem is not None and cannot_go_on(resource):
            # Else each run that fails would append them again.
            batch.forget_records()
        if isinstance(problem, LoaderError) and not isinstance(problem, TooLarge):
            problem.args = (f"{resource.name} {described(opened.window)}: {problem}",)
        row = self._row(plan, batch, adjustment)
        place = (resource.name, row.window_start)
        if place in self._places:
            # A record is known for a window's by its load and where the window starts.
            self.flush()
        self._states[resource.name] = self._state_behind(resource, batch, row)
        self._add(self._tables(resource, row, batch))
        self._places.add(place)
        is_old = time.monotonic() - self._waiting_since >= COMMIT_SECONDS
        size = sum(
            rows.nbytes for tables in self._waiting for parts in tables.values() for rows in parts
        )
        # The end of a window waits for company, be it all of the window or what was left of it.
        if not (may_wait and batch.is_last) or is_old or size >= self._settings.commit_bytes:
            self.flush()

    def add_ledger(self, name: str, rows: list[Any]) -> None:
        """Commit rows of a ledger table that belong to no window."""
        self._add({name: [ledger_table(name, rows)]})
        self.flush()

    def keep_job(self, resource: Resource[Any], opened: OpenWindow) -> None:
        """Commit what waits, and the id of a job that still runs: the next run asks for it again.

        Args:
            resource: whose window comes next.
            opened: that window.
        """
        state = self.state(resource.name)
        if opened.job_id is not None and opened.page_count == 0 and state.open != opened:
            self._states[resource.name] = replace(state, open=opened)
        self.flush()

    def flush(self) -> None:
        """Commit what waits."""
        if not self._waiting and not self._states:
            return
        tables, self._waiting = _joined(self._waiting), []
        states, self._states = self._states, {}
        self._places.clear()
        # Nothing but the commit may hold on to the rows, not even a variable of this function.
        self._dataset.commit(tables, states)

    def _add(self, tables: dict[str, list[Rows]]) -> None:
        if not self._waiting:
            self._waiting_since = time.monotonic()
        self._waiting.append(tables)

    def _row(self, plan: Plan, batch: Batch, adjustment: str | None) -> WindowCommit:
        """Return what the ledger says of a batch."""
        opened, answer, problem = batch.opened, batch.last_answer, batch.problem
        window = opened.window
        available = plan.horizon.source_available_through
        loaded_to = window.end
        if batch.is_last and answer and answer.available_through:
            # The answer itself is complete only up to here.
            available = answer.available_through
            loaded_to = max(window.start, min(window.end, available))
        if answer and answer.adjustment:
            adjustment = answer.adjustment
        if loaded_to < window.end:
            adjustment = f"ends {iso(loaded_to)}, where the source's data end"
        return WindowCommit(
            window_attempt_id=opened.attempt_id,
            run_id=self._run_id,
            resource=plan.resource.name,
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
            announced_count=answer.announced_count if answer else None,
            checksum=opened.checksum if batch.is_last and not problem else None,
            limited_by=plan.horizon.limited_by if window.end == plan.horizon.end else None,
            adjustment=adjustment,
            source_available_through=available,
            query_hash=opened.query_hash,
            job_id=opened.job_id,
            exit_code=int(problem.exit_code) if isinstance(problem, LoaderError) else None,
            error=str(problem) if problem else None,
            started_at=opened.started_at,
            finished_at=self._settings.now(),
        )

    def _state_behind(
        self, resource: Resource[Any], batch: Batch, row: WindowCommit
    ) -> ResourceState:
        """Return where the resource stands once a batch is in the warehouse."""
        state, opened = self.state(resource.name), batch.opened
        if not batch.is_last:
            # A lost job's tokens are worthless, and so are page numbers by the next run; one that
            # led to a broken answer would lead there again.
            worthless = isinstance(batch.problem, LostJob | SourceContractError)
            return replace(state, open=opened if resource.resumes and not worthless else None)
        if resource.kind == "snapshot":
            return replace(
                state,
                open=None,
                snapshot_at=opened.window.start,
                snapshot_through=opened.through_load,
            )
        loaded = Window(row.window_start, row.window_end)
        return replace(state, open=None, coverage=state.coverage.after(loaded, opened.rereading))

    def _tables(
        self, resource: Resource[Any], row: WindowCommit, batch: Batch
    ) -> dict[str, list[Rows]]:
        tables: dict[str, list[Rows]] = {}
        tables["extract_windows"] = [ledger_table("extract_windows", [row])]
        if rows := batch.take_rows():
            tables[resource.name] = rows
        if quarantined := batch.take_quarantined():
            tables["quarantined_records"] = [ledger_table("quarantined_records", quarantined)]
        if batch.erased:
            now = self._settings.now()
            erased = [ErasedRecord(subject, resource.name, None, now) for subject in batch.erased]
            tables["erased_records"] = [ledger_table("erased_records", erased)]
        if batch.rate_limits:
            events = [
                RateLimit(self._run_id, resource.name, **asdict(event))
                for event in batch.rate_limits
            ]
            tables["rate_limit_events"] = [ledger_table("rate_limit_events", events)]
        return tables


def _joined(waiting: Sequence[Mapping[str, list[Rows]]]) -> dict[str, list[Rows]]:
    """Return the rows of all that waits by their table."""
    joined: dict[str, list[Rows]] = {}
    for tables in waiting:
        for name, parts in tables.items():
            joined.setdefault(name, []).extend(parts)
    return joined


def cannot_go_on(resource: Resource[Any]) -> bool:
    """Tell whether a commit of its own is of no use: a run cannot go on in its middle anyway."""
    return resource.kind == "snapshot" and not resource.resumes
