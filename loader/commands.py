"""What the commands do, once their settings are in order."""

import hashlib
import json
import logging
import math
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from datetime import datetime, timedelta
from itertools import groupby

from rich import box
from rich.console import Console
from rich.table import Table

from loader.doctor import Finding, look
from loader.erasure import entities, parts
from loader.erasure import erase as write_off
from loader.errors import DestinationError, ExitCode, LoaderError, SettingsError
from loader.genesys.client import Client, Grant, Patience
from loader.genesys.quota import Quota
from loader.ledger import described
from loader.load import Plan, Request, Run
from loader.pipeline import DATASET, Warehouse, run_lock
from loader.progress import Lines, Live, Reporter
from loader.raw import entity_hash
from loader.resources import RESOURCE_NAMES
from loader.resources.aggregates import aggregates
from loader.resources.conversation_details import ConversationDetails
from loader.resources.external_contacts import ExternalContacts
from loader.resources.guides_flow_outcomes import CARE, GuidesFlowOutcomes
from loader.resources.guides_flow_outcomes import PATH as OUTCOMES
from loader.resources.guides_interactions import GuidesInteractions
from loader.resources.guides_intervals import intervals
from loader.resources.guides_journeys import GuidesContacts, GuidesConversations
from loader.resources.guides_participants import GuidesParticipants
from loader.resources.reading import Resource
from loader.resources.reference import listings
from loader.seeds import attribute_names, check_seeds, contact_attributes, export_columns
from loader.settings import Settings
from loader.windows import Window
from loader.worklist import Contacts

logger = logging.getLogger(__name__)


def load(settings: Settings, start: datetime | None, end: datetime | None, only: list[str]) -> int:
    """Load what is due, or a range; return the exit code of the worst that happened."""
    console = Console(stderr=True)
    reporter: Reporter = Live(console) if console.is_terminal else Lines()
    with _connected(settings) as (client, warehouse):
        run = Run(settings, client, warehouse, _resources(settings, warehouse), reporter)
        with reporter if isinstance(reporter, Live) else nullcontext():
            summary = run.load(Request(start, end, tuple(only)))
    for problem in summary.problems[1:]:
        logger.warning("%s", problem)
    if summary.problems:
        raise summary.problems[0]
    if not summary.windows:
        logger.info("nothing is due: loaded as far as Genesys guarantees its data")
    else:
        logger.info(
            "loaded %s records in %d windows, %d quarantined%s",
            f"{summary.records - summary.quarantined - summary.erased:,}",
            summary.windows,
            summary.quarantined,
            f", {summary.erased} left out (erased)" if summary.erased else "",
        )
    return ExitCode.OK


def plan(settings: Settings, start: datetime | None, end: datetime | None, only: list[str]) -> int:
    """Show the windows due, the requests they take and how long those take at the quota."""
    with _connected(settings, create=False) as (client, warehouse):
        run = Run(settings, client, warehouse, _resources(settings, warehouse), Lines())
        plans = run.plan(Request(start, end, tuple(only)))
        pages_per_hour = _pages_per_hour(warehouse)
    table = _table("resource", "why", "windows", "from", "to", "requests")
    requests = 0
    for item in plans:
        for reason, group in groupby(item.windows, key=lambda due: due.reason):
            windows = [due.window for due in group]
            start, end = min(w.start for w in windows), max(w.end for w in windows)
            pages = pages_per_hour.get(item.resource.name, 0.0)
            needed = sum(_requests(item, window, pages) for window in windows)
            requests += needed
            table.add_row(
                item.resource.name, reason, str(len(windows)), _minute(start), _minute(end),
                f"~{needed}",
            )  # fmt: skip
    console = _console()
    if not requests:
        console.print("Nothing is due: loaded as far as Genesys guarantees its data.")
        return ExitCode.OK
    minutes = requests / Quota.share_of(settings.quota)
    console.print(table)
    console.print(
        f"About {requests} requests, {minutes:.1f} min or more: "
        f"{Quota.share_of(settings.quota)} a minute are 85 % of "
        "GENESYS_REQUESTS_PER_MINUTE."
        + ("" if pages_per_hour else " Pages are estimated once a window has been loaded."),
        soft_wrap=True,
    )
    return ExitCode.OK


def status(settings: Settings) -> int:
    """Show how far each resource is loaded, what is open, refused, and what went wrong last."""
    warehouse = Warehouse(settings, RESOURCE_NAMES[settings.contract])
    console = _console()
    if not warehouse.exists():
        console.print("The warehouse is empty: nothing has been loaded yet (`make load`).")
        return ExitCode.OK
    with run_lock(settings.work_dir), closing(warehouse):
        warehouse.connect()
        facts = {row[0]: row[1:] for row in warehouse.query(_STATUS)}
    table = _table(
        "resource", "loaded through", "guaranteed through", "records", "quarantined", "open window"
    )
    errors = []
    for name in RESOURCE_NAMES[settings.contract]:
        state = warehouse.state(name)
        guaranteed, records, quarantined, error = facts.get(name, (None, 0, 0, None))
        through = state.coverage.loaded_through or state.snapshot_at
        table.add_row(
            name,
            _minute(through),
            _minute(guaranteed),
            f"{int(records or 0):,}",
            f"{int(quarantined or 0):,}",
            f"{described(state.open.window)}, page {state.open.page_count}" if state.open else "-",
        )
        if error:
            errors.append(f"last error of {error}")
    console.print(f"{settings.target}, dataset {DATASET}:")
    console.print(table)
    for error in errors:
        console.print(error, style="red", soft_wrap=True, markup=False)
    return ExitCode.OK


def reload(
    settings: Settings, start: datetime | None, end: datetime | None, only: list[str]
) -> int:
    """Read a range again and show what that has changed; return the exit code as `load` does.

    Raises:
        SettingsError: no range was given.
    """
    if start is None or end is None:
        raise SettingsError("reload needs --from and --to: the range to read again.")
    names = RESOURCE_NAMES[settings.contract]
    with _connected(settings) as (client, warehouse):
        resources = _resources(settings, warehouse)
        windowed = [one.name for one in resources if one.kind == "window"]
        wanted = tuple(only or windowed)
        [(newest,)] = warehouse.query("select max(load_id) from {dataset}._dlt_loads")
        run = Run(settings, client, warehouse, resources, Lines())
        summary = run.load(Request(start, end, wanted))
        healed = [(name, *_healed(warehouse, name, newest)) for name in names if name in wanted]
    table = _table("resource", "read", "new", "changed", "as before")
    for name, *counts in healed:
        table.add_row(name, *(f"{count:,}" for count in counts))
    _console().print(table)
    for problem in summary.problems[1:]:
        logger.warning("%s", problem)
    if summary.problems:
        raise summary.problems[0]
    return ExitCode.OK


def _healed(warehouse: Warehouse, table: str, before: str) -> tuple[int, int, int, int]:
    """Count the records read since a load: all, new ones, changed ones, those known as they are."""
    [(read, new, changed)] = warehouse.query(
        f"""
        select count(*), count(case when known.record_id is null then 1 end),
            count(case when known.record_id is not null and known.is_same = 0 then 1 end)
        from (
            select distinct record_id, payload_hash from {{dataset}}.{table}
            where _dlt_load_id > %s
        ) as fresh
        left join (
            select older.record_id,
                max(case when older.payload_hash = newer.payload_hash then 1 else 0 end) as is_same
            from {{dataset}}.{table} as older
            inner join {{dataset}}.{table} as newer on older.record_id = newer.record_id
            where older._dlt_load_id <= %s and newer._dlt_load_id > %s
            group by older.record_id
        ) as known on fresh.record_id = known.record_id
        """,
        before, before, before,
    )  # fmt: skip
    return read, new, changed, read - new - changed


def doctor(settings: Settings) -> int:
    """Look whether settings, lock, state, dlt's schema and the tables agree; say what to do."""
    findings = [
        Finding("settings", "ok", f"contract {settings.contract}, warehouse {settings.target}")
    ]
    code = ExitCode.OK
    try:
        for finding in _examined(settings):
            findings.append(finding)
    except LoaderError as problem:
        findings.append(Finding("doctor", "problem", str(problem), "as it says"))
        code = problem.exit_code
    console = _console()
    styles = {"ok": "green", "note": "yellow", "problem": "bold red"}
    for finding in findings:
        console.print(f"{finding.verdict:<8}", style=styles[finding.verdict], end="")
        console.print(f"{finding.subject}: {finding.text}", soft_wrap=True, markup=False)
        if finding.remedy:
            console.print(f"{'':8}→ {finding.remedy}", soft_wrap=True, markup=False)
    problems = sum(finding.verdict == "problem" for finding in findings)
    if problems and code == ExitCode.OK:
        code = ExitCode.DESTINATION
    return code


def _examined(settings: Settings) -> Iterator[Finding]:
    check_seeds()
    yield Finding("seeds", "ok", "every line can be read")
    names = RESOURCE_NAMES[settings.contract]
    warehouse = Warehouse(settings, names)
    warehouse.check_paths()
    if not warehouse.exists():
        yield Finding("warehouse", "note", f"{settings.duckdb_path} does not exist yet", "`load`")
        return
    with run_lock(settings.work_dir), closing(warehouse):
        yield Finding("lock", "ok", "no run is going on")
        pending = warehouse.pending_packages()
        warehouse.connect(to_look=True)
        if pending:
            yield _finished(warehouse, pending)
        yield from look(warehouse, names, settings.now())
    if settings.client_id:
        settings.check_source()
        with closing(_client(settings)) as client:
            client.login()
        yield Finding("Genesys", "ok", "takes the client's credentials; the clocks agree")


def _finished(warehouse: Warehouse, pending: int) -> Finding:
    """Load what a killed run has left; what keeps it from that is what is looked for."""
    try:
        warehouse.finish_pending()
    except DestinationError:
        return Finding(
            "packages",
            "problem",
            f"{pending} left by a run cannot be loaded",
            "put right what is named below; the next `load` begins with them",
        )
    return Finding("packages", "note", f"{pending} left by a run, finished just now")


def export(settings: Settings, external_id: str) -> int:
    """Write the journey of one contact, found by its id in another system, to standard output.

    Raises:
        SettingsError: no contact has that id, or several people do.
        DestinationError: the journeys have not been built.
    """
    warehouse = Warehouse(settings, RESOURCE_NAMES[settings.contract])
    rows: list[tuple[str, ...]] = []
    if warehouse.exists():
        with run_lock(settings.work_dir), closing(warehouse):
            warehouse.connect()
            if not warehouse.query(_JOURNEYS_BUILT)[0][0]:
                raise DestinationError("the journeys are not built yet; `make transform`.")
            # pii_policy may have the ids hashed.
            hashed = hashlib.sha256(f"{warehouse.salt()}{external_id}".encode()).hexdigest()
            rows = warehouse.query(_JOURNEY, external_id, hashed)
    if not rows:
        raise SettingsError(
            f"CONTACT {external_id!r}: no contact has this external id in the marts; load and "
            "transform first, or look it up in genesys_marts.bridge_contact_external_ids."
        )
    if len(rows) > 1:
        raise SettingsError(
            f"CONTACT {external_id!r}: {len(rows)} people have this external id, in "
            f"{', '.join(sorted({str(source) for source, _ in rows}))}."
        )
    document = json.loads(rows[0][1])
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return ExitCode.OK


_JOURNEYS_BUILT = """
    select count(*) from information_schema.tables
    where table_schema = 'genesys_marts' and table_name = 'journey_timelines'
"""
_JOURNEY = """
    select min(ids.external_source_name), cast(timelines.timeline_json as text)
    from genesys_marts.bridge_contact_external_ids as ids
    inner join genesys_marts.journey_timelines as timelines
        on ids.canonical_contact_id = timelines.canonical_contact_id
    where ids.external_id in (%s, %s)
    group by cast(timelines.timeline_json as text)
"""


def erase(settings: Settings, contacts: list[str], conversations: list[str], is_sure: bool) -> int:
    """Show what the warehouse holds about people or conversations; erase it, if that is sure.

    Raises:
        SettingsError: nobody was named, or nothing knows an id.
        DestinationError: the warehouse refused it, or its models are not built.
    """
    if not contacts and not conversations:
        raise SettingsError("erase needs --contact or --conversation: whom to erase.")
    warehouse = Warehouse(settings, RESOURCE_NAMES[settings.contract])
    if not warehouse.exists():
        raise SettingsError("the warehouse is empty: nothing has been loaded, nothing to erase.")
    with run_lock(settings.work_dir), closing(warehouse):
        # Finishes what a killed run has left, so that nothing is waiting in files.
        warehouse.connect()
        ids = entities(warehouse, contacts, conversations)
        found = parts(warehouse, ids)
        known = warehouse.erased()
        strangers = [one for one in conversations if entity_hash(one) not in known]
        if strangers and not found:
            raise SettingsError(
                f"--conversation {' '.join(strangers)}: nothing in the warehouse is about that."
            )
        table = _table("table", "rows")
        for part in found:
            table.add_row(".".join(part.table), f"{part.row_count:,}")
        if found:
            _console().print(table)
        else:
            _console().print("Nothing is left to delete: this was erased before.")
        if not is_sure:
            _console().print(
                "Nothing was erased; --yes erases it."
                if found
                else "If that was interrupted, --yes brings it to its end."
            )
            return ExitCode.OK
        write_off(warehouse, ids, found, settings.now())
    _console().print(
        "Erased; no load brings it back. Backups and copies of the warehouse still hold it, and "
        "so does Genesys. `make transform` makes the tables good that count it.",
        soft_wrap=True,
    )
    return ExitCode.OK


# The last error is the newest failure that no later success of the resource has made good.
_STATUS = """
    with latest as (
        select resource, max(finished_at) as loaded_at
        from {dataset}.extract_windows where status = 'loaded' group by resource
    ),
    failures as (
        select failed.resource, failed.error,
            row_number() over (
                partition by failed.resource
                order by failed.finished_at desc, failed._dlt_load_id desc
            ) as newest
        from {dataset}.extract_windows as failed
        left join latest on failed.resource = latest.resource
        where failed.status = 'failed'
            and (latest.loaded_at is null or failed.finished_at > latest.loaded_at)
    )
    select windows.resource, max(windows.source_available_through), sum(windows.record_count),
        sum(windows.quarantined_count), max(failures.error)
    from {dataset}.extract_windows as windows
    left join failures on windows.resource = failures.resource and failures.newest = 1
    group by windows.resource
"""


def _pages_per_hour(warehouse: Warehouse) -> dict[str, float]:
    """Return how many pages an hour of each resource's time has taken so far."""
    rows = warehouse.query(
        """
        select resource, window_attempt_id, max(window_start), max(window_end), sum(page_count)
        from {dataset}.extract_windows where window_end > window_start
        group by resource, window_attempt_id
        """
    )
    hours: dict[str, float] = {}
    pages: dict[str, float] = {}
    for resource, _, start, end, count in rows:
        hours[resource] = hours.get(resource, 0.0) + (end - start).total_seconds() / 3600
        pages[resource] = pages.get(resource, 0.0) + float(count)
    return {resource: pages[resource] / hours[resource] for resource in hours}


def _requests(item: Plan, window: Window, pages_per_hour: float) -> int:
    """Estimate the requests of a window from what windows of the resource have taken so far."""
    hours = (window.end - window.start).total_seconds() / 3600
    return item.resource.overhead + max(1, math.ceil(hours * pages_per_hour))


def _table(*headings: str) -> Table:
    """Return a plain table whose cells are never cut or wrapped: they are copied and searched."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in headings:
        counts = heading in ("windows", "requests", "records", "quarantined")
        table.add_column(heading, no_wrap=True, justify="right" if counts else "left")
    return table


def _console() -> Console:
    """Return a console for standard output; wide where nobody's window is the limit."""
    console = Console()
    return console if console.is_terminal else Console(width=160)


def _minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}Z" if moment else "-"


def _resources(settings: Settings, warehouse: Warehouse) -> list[Resource]:
    """Return all resources of the contract, in the order of `RESOURCE_NAMES`."""
    minutes = settings.interval_minutes
    granularity = f"PT{minutes}M" if minutes < 60 else "PT1H"
    if settings.contract == "platform":
        details = ConversationDetails(
            page_size=settings.page_size, job_seconds=settings.job_minutes * 60.0
        )
        return [*listings(), ExternalContacts(), details, *aggregates(granularity)]
    days = settings.contact_days
    contacts = Contacts(
        warehouse.query,
        contact_attributes(settings.contact_column),
        timedelta(days=days) if days else None,
    )
    return [
        GuidesParticipants(attribute_names(), settings.page_size),
        GuidesInteractions(export_columns(), settings.page_size),
        GuidesFlowOutcomes(timedelta(hours=settings.window_hours), settings.page_size),
        *intervals(granularity),
        GuidesContacts(contacts),
        GuidesConversations(contacts, settings.page_size),
    ]


@contextmanager
def _connected(settings: Settings, *, create: bool = True) -> Iterator[tuple[Client, Warehouse]]:
    """Hold the lock; log in before the warehouse is touched: a refusal changes nothing.

    Args:
        settings: checked for the source too.
        create: whether a DuckDB file that is not there is made; else it reads as empty.
    """
    warehouse = Warehouse(settings, RESOURCE_NAMES[settings.contract])
    warehouse.check_paths()
    client = _client(settings)
    with run_lock(settings.work_dir):
        try:
            client.login()
            if create or warehouse.exists():
                warehouse.connect()
            yield client, warehouse
        finally:
            client.close()
            warehouse.close()


def _client(settings: Settings) -> Client:
    is_guides = settings.contract == "guides"
    care = {OUTCOMES: CARE} if is_guides else {}
    return Client(
        settings.hosts,
        settings.client_id,
        settings.client_secret.get_secret_value(),
        Quota(settings.quota, {path: care.per_second for path, care in care.items()}),
        Patience(
            request_seconds=settings.request_seconds,
            attempts=settings.retry_attempts,
            retry_seconds=settings.retry_seconds,
        ),
        now=settings.now,
        grant=Grant("form" if is_guides else "basic", settings.scope),
        care=care,
        is_clock_checked=settings.now_override is None,
    )
