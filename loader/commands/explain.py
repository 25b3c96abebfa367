"""`explain`: one conversation from what was read of it to every row it became in the marts.

What is personal is shown as the marts show it; the raw payload is not.
"""

import argparse
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from loader.commands.console import console, table
from loader.commands.erase import Part, parts
from loader.commands.session import dataset_of
from loader.contracts import contract_of
from loader.errors import DestinationError, ExitCode, SettingsError
from loader.raw import DataSubjects
from loader.settings import Settings
from loader.warehouses.dataset import DATASET, Dataset
from loader.warehouses.lock import locked

MARTS = "genesys_marts"
INTERACTIONS = "fct_interactions"
LEGS = "fct_conversation_legs"
# What is shown as well where it is a view, as legs are on DuckDB; what other views tell of a
# conversation stands in its timeline.
VIEWS = tuple(
    f"{MARTS}.{name}" for name in (LEGS, "fct_conversation_evaluations", "fct_conversation_surveys")
)
# Rows of a mart side by side.
ABREAST = 3
# Of each row, what says nothing of this conversation.
LEFT_OUT = ("conversation_id", "loaded_at", "rules_version")

_SESSIONS = """
    select sessions.session_id, sessions.participant_purpose, sessions.media_type,
        coalesce(users.user_name, flows.flow_name)
    from {genesys_intermediate.int_sessions_unioned} as sessions
    left join {genesys_marts.dim_users} as users on sessions.user_id = users.user_id
    left join {genesys_marts.dim_flows} as flows on sessions.flow_id = flows.flow_id
    where sessions.conversation_id = %s
"""
_SEGMENTS = """
    select segments.session_id, segments.started_at, segments.ended_at, segments.segment_type,
        queues.queue_name, codes.wrapup_code_name, segments.disconnect_type, segments.error_code
    from {genesys_intermediate.int_segments_unioned} as segments
    left join {genesys_marts.dim_queues} as queues on segments.queue_id = queues.queue_id
    left join {genesys_marts.dim_wrapup_codes} as codes
        on segments.wrapup_code_id = codes.wrapup_code_id
    where segments.conversation_id = %s
"""
_METRICS = """
    select session_id, emitted_at, metric_name, metric_value
    from {genesys_intermediate.int_session_metrics_unioned} as metrics
    where conversation_id = %s
"""
_ASKED = (
    "genesys_intermediate.int_sessions_unioned",
    "genesys_intermediate.int_segments_unioned",
    "genesys_intermediate.int_session_metrics_unioned",
    "genesys_marts.dim_users",
    "genesys_marts.dim_flows",
    "genesys_marts.dim_queues",
    "genesys_marts.dim_wrapup_codes",
    f"{MARTS}.{INTERACTIONS}",
)


@dataclass(frozen=True)
class Event:
    """Something that a session tells, at its time.

    Attributes:
        session_id: which session.
        started_at: UTC; None where the record does not say.
        ended_at: UTC; None for what has no length, or no end yet.
        what: a segment's type, or a metric's name and value in Genesys' unit.
        about: what else is known of it.
    """

    session_id: str
    started_at: datetime | None
    ended_at: datetime | None
    what: str
    about: str


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Show what was read of a conversation, its timeline, its rows in the marts and their sums.

    Raises:
        SettingsError: nothing in the warehouse is about it.
        DestinationError: the models have not been built.
    """
    conversation: str = options.conversation
    dataset = dataset_of(settings)
    found: list[Part] = []
    if dataset.exists():
        wait = dataset.warehouse.wait_seconds
        with locked(settings, dataset.warehouse, wait), closing(dataset):
            dataset.connect()
            inside = {
                resource.name: DataSubjects(resource.identity, resource.subjects)
                for resource in contract_of(settings).resources(settings)
            }
            found = parts(dataset, inside, {conversation}, *VIEWS)
            if found:
                if not dataset.has_all(*_ASKED):
                    raise DestinationError("the marts are not built yet; `make transform`.")
                _show(console(), dataset, conversation, found)
    if not found:
        raise SettingsError(
            f"CONVERSATION {conversation!r}: nothing in the warehouse is about it; load its day "
            "first (`make plan`), or look its id up in genesys_marts.fct_interactions."
        )
    return ExitCode.OK


def _show(screen: Console, dataset: Dataset, conversation: str, found: Sequence[Part]) -> None:
    screen.print(f"Conversation {conversation}, times in UTC", markup=False)
    raw = [part for part in found if part.table.schema == DATASET]
    screen.print("\n[bold]Read from Genesys[/bold] (the newest counts)")
    screen.print(_reads(dataset, raw))
    screen.print("[bold]Timeline[/bold]")
    _show_timeline(screen, dataset, conversation)
    rows: dict[str, list[dict[str, object]]] = {}
    columns = dataset.columns(*VIEWS)
    for part in found:
        if part.table.schema == MARTS:
            rows[part.table.name] = _rows(dataset, part, columns[part.table])
    screen.print(f"[bold]Rows of {MARTS}[/bold] (columns that are null are left out)")
    if not rows:
        screen.print("None: it was loaded after the last `make transform`.\n")
    for name in sorted(rows, key=lambda name: (name != INTERACTIONS, name != LEGS, name)):
        for shown in _side_by_side(name, rows[name]):
            screen.print(shown)
    for line in _sums(rows.get(INTERACTIONS, []), rows.get(LEGS, [])):
        screen.print(line, markup=False, highlight=False, soft_wrap=True)


def _reads(dataset: Dataset, raw: Iterable[Part]) -> Table:
    """Return what the raw tables hold of it, oldest first."""
    shown = table("table", "read at", "window", "load", "version", "characters", "committed")
    rows = []
    for part in raw:
        if part.table.name == "quarantined_records":
            continue
        for row in dataset.query(
            "select records.extracted_at, records.window_start, records.window_end, "
            "records._dlt_load_id, records.payload_hash, length(records.payload), loads.status "
            f"from (select * from {part.table.qualified} where {part.condition}) as records "
            "left join {_dlt_loads} as loads on records._dlt_load_id = loads.load_id",
            *part.parameters,
        ):
            rows.append((row[0], part.table.name, *row[1:]))
    for read_at, name, start, end, load, version, characters, status in sorted(
        rows, key=lambda row: (row[0], row[4])
    ):
        shown.add_row(
            name, _second(read_at), f"{_second(start)} to {_second(end)}", str(load),
            str(version)[:8], f"{characters:,}", "yes" if status == 0 else "no",
        )  # fmt: skip
    return shown


def _show_timeline(screen: Console, dataset: Dataset, conversation: str) -> None:
    sessions = {row[0]: row[1:] for row in dataset.query(_SESSIONS, conversation)}
    events = [
        Event(session, start, end, str(what), ", ".join(str(one) for one in about if one))
        for session, start, end, what, *about in dataset.query(_SEGMENTS, conversation)
    ] + [
        Event(session, at, None, f"{name} {_amount(name, value)}", "")
        for session, at, name, value in dataset.query(_METRICS, conversation)
    ]
    if not events:
        screen.print("No segments are known of it.\n")
        return
    shown = table("from", "seconds", "who", "channel", "what", "about")
    for event in sorted(events, key=lambda one: (_moment(one.started_at), one.ended_at is None)):
        purpose, media_type, name = sessions.get(event.session_id, ("unknown", None, None))
        shown.add_row(
            _moment(event.started_at),
            _seconds(event),
            escape(f"{purpose}: {name}" if name else str(purpose)),
            escape(str(media_type or "-")),
            escape(event.what),
            escape(event.about),
        )
    screen.print(shown)


def _rows(dataset: Dataset, part: Part, columns: Mapping[str, str]) -> list[dict[str, object]]:
    """Return the rows of a part by column, without those columns that are null in all of them."""
    names = [*columns]
    found = dataset.query(
        f"select {', '.join(columns.values())} from {part.table.qualified} where {part.condition}",
        *part.parameters,
    )
    rows = [dict(zip(names, row, strict=True)) for row in found]
    filled = [name for name in names if any(row[name] is not None for row in rows)]
    shown = [name for name in filled if name not in LEFT_OUT]
    # By their times, then as they come: the grain's columns are the first.
    return sorted(
        ({name: row[name] for name in shown} for row in rows),
        key=lambda row: [_text(row.get("started_at")), *map(_text, row.values())],
    )


def _side_by_side(name: str, rows: Sequence[Mapping[str, object]]) -> Iterable[Table]:
    """Give a mart's rows as columns, a few to a table: rows of marts are too wide for a line."""
    for first in range(0, len(rows), ABREAST):
        some = rows[first : first + ABREAST]
        numbers = [str(first + number) for number in range(1, len(some) + 1)]
        shown = table(name, *(numbers if len(rows) > 1 else [""]))
        for column in rows[0]:
            if any(row[column] is not None for row in some):
                shown.add_row(column, *(escape(_text(row[column])) for row in some))
        yield shown


def _sums(
    interactions: Collection[Mapping[str, object]], legs: Collection[Mapping[str, object]]
) -> Iterable[str]:
    """Say of each time of the conversation which legs' times it adds up."""
    for conversation in interactions:
        for column, total in conversation.items():
            parts_of_legs = (leg.get(column) for leg in legs)
            added = [part for part in parts_of_legs if isinstance(part, Decimal)]
            if column.endswith("_seconds") and isinstance(total, Decimal) and added:
                legs_added = " + ".join(str(part) for part in added)
                sign = "=" if sum(added) == total else "is not the sum of"
                yield f"{column} {total} {sign} {legs_added} ({LEGS})"


def _amount(metric: str, value: object) -> str:
    """Return a metric's value in its unit: `t…` are milliseconds, `n…` are counted."""
    if metric.startswith("t") and isinstance(value, int | float | Decimal):
        return f"{Decimal(value) / 1000:.3f} s"
    return str(value)


def _seconds(event: Event) -> str:
    if event.started_at is None or event.ended_at is None:
        return ""
    return f"{(event.ended_at - event.started_at).total_seconds():.3f}"


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}" if moment else "-"


def _second(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return _moment(value) if isinstance(value, datetime) else str(value)
