"""`doctor`: whether settings, lock, state, dlt's schema and the tables tell one story.

Nothing is changed but what every command does on opening a warehouse: packages that a killed run
left are finished first, if they can be. And what `--redate` asks for.
"""

import argparse
import hashlib
import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from loader.commands.console import console
from loader.commands.session import client_of, dataset_of
from loader.contracts import contract_of
from loader.errors import DestinationError, ExitCode, LoaderError
from loader.ledger import described
from loader.seeds import check_seeds
from loader.settings import Settings
from loader.warehouses.dataset import DATASET, Dataset
from loader.warehouses.lock import locked
from loader.windows import Coverage, Window, iso

# Rows that are gone because somebody was erased: known by the load that had brought them, which may
# hold several windows.
ERASED = """
    select coalesce(loaded_in, _dlt_load_id) as load_id, count(*) as row_count
    from {erased_records} where resource = %s group by coalesce(loaded_in, _dlt_load_id)
"""
NOBODY_ERASED = "select null as load_id, 0 as row_count from {extract_windows} where %s = ''"

# How many payloads of how many loads are compared with their hashes.
SAMPLE, SAMPLED_LOADS = 50, 5

Verdict = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """What was looked at, what was found, and what to do about it."""

    subject: str
    verdict: Verdict
    text: str
    remedy: str = ""


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Look whether settings, lock, state, dlt's schema and the tables agree; say what to do."""
    findings = [
        Finding("settings", "ok", f"contract {settings.contract}, warehouse {settings.target}")
    ]
    code = ExitCode.OK
    try:
        for finding in _examined(settings, redate=options.redate, deep=options.deep):
            findings.append(finding)
    except LoaderError as problem:
        findings.append(Finding("doctor", "problem", str(problem), "as it says"))
        code = problem.exit_code
    screen = console()
    styles = {"ok": "green", "note": "yellow", "problem": "bold red"}
    for finding in findings:
        screen.print(f"{finding.verdict:<8}", style=styles[finding.verdict], end="")
        screen.print(f"{finding.subject}: {finding.text}", soft_wrap=True, markup=False)
        if finding.remedy:
            screen.print(f"{'':8}→ {finding.remedy}", soft_wrap=True, markup=False)
    problems = sum(finding.verdict == "problem" for finding in findings)
    if problems and code == ExitCode.OK:
        code = ExitCode.DESTINATION
    return code


def _examined(settings: Settings, *, redate: bool, deep: bool) -> Iterator[Finding]:
    check_seeds()
    yield Finding("seeds", "ok", "every line can be read")
    names = contract_of(settings).resource_names
    dataset = dataset_of(settings)
    dataset.check_paths()
    if not dataset.exists():
        place = dataset.warehouse.place
        yield Finding("warehouse", "note", f"{place} does not exist yet", "`load`")
        return
    with locked(settings, dataset.warehouse), closing(dataset):
        yield Finding("lock", "ok", "no run is going on")
        pending = dataset.pending_packages()
        dataset.connect(to_look=True)
        if any(dataset.found_columns().values()) and (loads := dataset.future_loads()):
            yield _of_the_future(dataset, loads, redate=redate)
        elif pending:
            yield _finished(dataset, pending)
        yield from look(dataset, names, settings.now(), deep=deep)
    if settings.client_id:
        settings.check_source()
        with closing(client_of(settings)) as client:
            client.login()
        yield Finding("Genesys", "ok", "takes the client's credentials; the clocks agree")


def _of_the_future(dataset: Dataset, loads: Sequence[str], *, redate: bool) -> Finding:
    """Say that loads are dated later than now, or date them back: until then no run may load."""
    newest = iso(datetime.fromtimestamp(float(loads[-1]), UTC))
    if not redate:
        return Finding(
            "clock",
            "problem",
            f"{len(loads)} loads are dated later than now, up to {newest}; no run may load before",
            "set the clock of this machine right; if it is right, another's was wrong: `doctor "
            "--redate` dates them back, then `make transform ARGS=--full-refresh`",
        )
    dataset.redate(loads)
    return Finding(
        "clock",
        "note",
        f"{len(loads)} loads, dated up to {newest}, were dated back",
        "`make transform ARGS=--full-refresh`, if the marts were built with them",
    )


def _finished(dataset: Dataset, pending: int) -> Finding:
    """Load what a killed run has left; what keeps it from that is what is looked for."""
    try:
        dataset.finish_pending()
    except DestinationError as problem:
        return Finding(
            "packages",
            "problem",
            f"{pending} left by a run cannot be loaded: {problem}",
            "put right what is named here and below; the next `load` begins with them",
        )
    if not dataset.recorded_columns():
        told = f"{pending} left by a run that could make no tables; the next `load` asks anew"
        return Finding("packages", "note", told)
    return Finding("packages", "note", f"{pending} left by a run, finished just now")


def look(
    dataset: Dataset, resources: Sequence[str], now: datetime, *, deep: bool = False
) -> Iterator[Finding]:
    """Compare what is in a connected warehouse.

    Args:
        dataset: connected.
        resources: names of the resources, which are those of their raw tables.
        now: the present.
        deep: whether to compare every payload with its hash; else a few of each resource.
    """
    if not dataset.recorded_columns():
        yield Finding("tables", "note", "nothing has been loaded yet", "`load`")
        return
    differences = list(_tables(dataset, resources))
    yield from differences or [Finding("tables", "ok", f"{DATASET} is as dlt has recorded it")]
    if any(difference.verdict == "problem" for difference in differences):
        # Counting what is not there says nothing more.
        return
    short = list(_counts(dataset, resources))
    yield from short or [Finding("rows", "ok", "every commit has the rows its ledger row tells")]
    for resource in resources:
        yield from _unlisted(dataset, resource)
    changed = [
        finding for resource in resources for finding in _changed(dataset, resource, deep=deep)
    ]
    looked_at = "every payload looked at" if deep else "those looked at (all with --deep)"
    yield from changed or [Finding("payloads", "ok", f"{looked_at} fit their payload_hash")]
    for resource in resources:
        yield from _state(dataset, resource, now)


def _tables(dataset: Dataset, resources: Sequence[str]) -> Iterator[Finding]:
    """Compare the tables there are with those dlt believes in."""
    found, recorded = dataset.found_columns(), dataset.recorded_columns()
    if recorded and not any(found.values()):
        yield Finding(
            "tables",
            "problem",
            f"{DATASET} has none, though dlt has recorded {len(recorded)}",
            "if the first load was kept from making them, the next one makes them; if they were "
            "dropped, restore them from a backup, or delete ELT_WORK_DIR and load again",
        )
        return
    for table, columns in sorted(recorded.items()):
        if not found[table]:
            like = next((name for name in resources if found.get(name) and name != table), None)
            yield Finding(
                f"table {table}",
                "problem",
                "is gone, though dlt has recorded it",
                f"restore it from a backup, or `create table {DATASET}.{table} as select * from "
                f"{DATASET}.{like} where 1 = 0` and `reload` what it held"
                if table in resources and like
                else "restore it from a backup",
            )
            continue
        for column, kind in sorted(columns.items()):
            if column not in found[table]:
                yield Finding(
                    f"table {table}",
                    "problem",
                    f"has no column {column}, though dlt has recorded it",
                    "rename it back, or restore the table from a backup",
                )
            elif found[table][column] != kind:
                yield Finding(
                    f"table {table}",
                    "problem",
                    f"has {column} as {found[table][column]}, though dlt has recorded it as {kind}",
                    "give it back its type, or restore the table from a backup",
                )
        for column in sorted(found[table].keys() - columns.keys()):
            yield Finding(
                f"table {table}",
                "note",
                f"has a column {column} that is not the loader's",
                "drop it if nobody needs it; loads leave it null",
            )


def _counts(dataset: Dataset, resources: Sequence[str]) -> Iterator[Finding]:
    """Compare the rows of each window with what the ledger tells, if nobody read it again.

    What the ledger tells twice is a package that was loaded twice, by a kill at the wrong moment.
    """
    # A warehouse that an older loader made has no such table before the next load.
    erased = ERASED if "erased_records" in dataset.found_columns() else NOBODY_ERASED
    for resource in resources:
        rows = dataset.query(
            f"""
            select told.window_start, told.window_end, told.row_count,
                coalesce(held.row_count, 0) + coalesce(erased.row_count, 0)
            from (
                select _dlt_load_id, window_start, max(window_end) as window_end,
                    sum(record_count - quarantined_count) as row_count
                from (
                    select distinct _dlt_load_id, window_attempt_id, status, window_start,
                        window_end, record_count, quarantined_count
                    from {{extract_windows}} where resource = %s
                ) as commits
                group by _dlt_load_id, window_start
            ) as told
            left join (
                select _dlt_load_id, window_start, count(*) as row_count
                from {{{resource}}} group by _dlt_load_id, window_start
            ) as held
                on told._dlt_load_id = held._dlt_load_id and told.window_start = held.window_start
            left join ({erased}) as erased on told._dlt_load_id = erased.load_id
            where coalesce(held.row_count, 0) + coalesce(erased.row_count, 0) < told.row_count
                and not exists (
                    select 1 from {{extract_windows}} as later
                    where later.resource = %s and later.status = 'loaded'
                        and later._dlt_load_id > told._dlt_load_id
                        and (
                            later.window_start <= told.window_start
                            and later.window_end >= told.window_end
                            or told.window_start = told.window_end
                            and later.window_start >= told.window_start
                        )
                )
            order by told.window_start
            """,
            resource,
            resource,
            resource,
        )
        for start, end, told, held in rows:
            yield Finding(
                resource,
                "problem",
                f"{described(Window(start, end))}: {held} of the {int(told)} rows that were loaded "
                "are there",
                _reload(resource, start, end),
            )


def _unlisted(dataset: Dataset, resource: str) -> Iterator[Finding]:
    """Look at rows whose load dlt does not list as completed: they count nowhere.

    A load that was killed may leave some, and its records came again under another. What did not
    come again was taken away by somebody who deleted rows of `_dlt_loads`.
    """
    unlisted = "_dlt_load_id not in (select load_id from {_dlt_loads} where status = 0)"
    [(row_count,)] = dataset.query(f"select count(*) from {{all.{resource}}} where {unlisted}")
    if not row_count:
        return
    lost = dataset.query(
        f"""
        select lost.window_start, lost.window_end, count(*)
        from {{all.{resource}}} as lost
        where lost.{unlisted}
            and not exists (
                select 1 from {{{resource}}} as known
                where known.record_id = lost.record_id and known.extracted_at >= lost.extracted_at
            )
            and not exists (
                select 1 from {{extract_windows}} as later
                where later.resource = %s and later.status = 'loaded'
                    and later.started_at > lost.extracted_at
                    and later.window_start <= lost.window_start
                    and later.window_end >= lost.window_end
            )
        group by lost.window_start, lost.window_end order by lost.window_start
        """,
        resource,
    )
    for start, end, count in lost:
        yield Finding(
            resource,
            "problem",
            f"{described(Window(start, end))}: {count} rows of loads that are not in _dlt_loads, "
            "which count nowhere",
            f"if rows of _dlt_loads were deleted, restore them from a backup; else "
            f"{_reload(resource, start, end)}",
        )
    if not lost:
        yield Finding(
            resource, "note", f"{row_count} rows of loads that were killed; they came again and "
            "count once",
        )  # fmt: skip


def _changed(dataset: Dataset, resource: str, *, deep: bool) -> Iterator[Finding]:
    """Compare payloads with their hashes: somebody has changed them, or a disk has."""
    loads = [load for (load,) in dataset.query(f"select distinct _dlt_load_id from {{{resource}}}")]
    # Another order each time, and so others that come first.
    shuffled = f"order by substring(payload_hash, {random.randint(1, 32)}, 32) limit {SAMPLE}"
    # By loads, which are of bounded size; other ones each time.
    for load in loads if deep else random.sample(loads, min(SAMPLED_LOADS, len(loads))):
        rows = dataset.query(
            f"select record_id, window_start, window_end, extracted_at, payload_hash, payload"
            f" from {{{resource}}} where _dlt_load_id = %s {'' if deep else shuffled}",
            load,
        )
        for record_id, start, end, extracted_at, payload_hash, payload in rows:
            if hashlib.sha256(payload.encode()).hexdigest() == payload_hash:
                continue
            [(newer,)] = dataset.query(
                f"select count(*) from {{{resource}}} where record_id = %s and extracted_at > %s",
                record_id,
                extracted_at,
            )
            if not newer:
                yield Finding(
                    resource,
                    "problem",
                    f"{record_id} of {described(Window(start, end))} is not what was loaded: its "
                    "payload_hash is of another payload",
                    f"{_reload(resource, start, end)}, which outdoes it; see who changes payloads",
                )


def _state(dataset: Dataset, resource: str, now: datetime) -> Iterator[Finding]:
    """Compare how far a resource claims to be with the windows the ledger knows."""
    state = dataset.state(resource)
    through = state.coverage.loaded_through or state.snapshot_at
    if through is None and state.open is None:
        yield Finding(resource, "note", "nothing was ever loaded", "`load`")
        return
    if through is not None and through > now:
        yield Finding(
            resource,
            "problem",
            f"is loaded through {iso(through)}, ahead of now ({iso(now)})",
            "check the clock of this machine and ELT_NOW",
        )
    if state.open is not None:
        yield Finding(
            resource,
            "note",
            f"stopped in {described(state.open.window)} after page {state.open.page_count}",
            "`load` goes on there",
        )
    gaps = list(_gaps(dataset, resource, state.coverage))
    for start, end in gaps:
        yield Finding(
            resource,
            "problem",
            f"claims {described(Window(start, end))}, which no window of the ledger covers",
            _reload(resource, start, end),
        )
    if through is not None and through <= now and not gaps:
        yield Finding(resource, "ok", f"loaded through {iso(through)[:16]}Z without a gap")


def _gaps(
    dataset: Dataset, resource: str, coverage: Coverage
) -> Iterator[tuple[datetime, datetime]]:
    """Return what lies between `loaded_from` and `loaded_through` in no loaded window."""
    reached, through = coverage.loaded_from, coverage.loaded_through
    if reached is None or through is None:
        return
    windows: list[tuple[Any, ...]] = dataset.query(
        """
        select min(window_start), max(case when status = 'loaded' then window_end end)
        from {extract_windows} where resource = %s
        group by window_attempt_id having max(case when status = 'loaded' then 1 else 0 end) = 1
        order by 1
        """,
        resource,
    )
    for start, end in [*windows, (through, through)]:
        if start > reached:
            yield reached, min(start, through)
        reached = max(reached, end)
        if reached >= through:
            return


def _reload(resource: str, start: datetime, end: datetime) -> str:
    if start == end:
        return f"`load --only {resource}`"
    return f"`reload --only {resource} --from {iso(start)} --to {iso(end)}`"
