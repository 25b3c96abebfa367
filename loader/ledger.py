"""What was asked, loaded and refused: the ledger tables and the state a run resumes from.

Ledger rows travel in the load package of the records they describe, so they are never ahead of them
or behind. Counts are of one commit; a window's totals are the sum over its `window_attempt_id`.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Literal

import pyarrow as pa

from loader.raw import NO_RECORDS, RAW_SCHEMA, QuarantinedRecord
from loader.windows import Coverage, Window, iso

_TIMESTAMP = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class WindowCommit:
    """One commit of a window: `loaded` is its last, `failed` says why it stopped.

    `checksum` is of all records of the window, as `raw.checksum_with` adds them up: only its last
    commit has it.
    """

    window_attempt_id: str
    run_id: str
    resource: str
    contract: str
    window_start: datetime
    window_end: datetime
    status: Literal["partial", "loaded", "failed"]
    page_count: int
    record_count: int
    quarantined_count: int
    byte_count: int
    request_count: int
    retry_count: int
    rate_limited_count: int
    waited_seconds: float
    announced_count: int | None
    checksum: str | None
    limited_by: str | None
    adjustment: str | None
    source_available_through: datetime | None
    query_hash: str
    job_id: str | None
    exit_code: int | None
    error: str | None
    started_at: datetime
    finished_at: datetime


@dataclass(frozen=True)
class RateLimit:
    """One answer 429, and how long the loader then waited."""

    run_id: str
    resource: str
    endpoint: str
    occurred_at: datetime
    retry_after_seconds: float | None
    waited_seconds: float
    allowed_count: int | None


@dataclass(frozen=True)
class DiscoveredField:
    """A field of an endpoint as a run found it: in our mapping, at the source, or both."""

    run_id: str
    resource: str
    field_name: str
    is_mapped: bool
    is_live: bool
    discovered_at: datetime


@dataclass(frozen=True)
class ErasedRecord:
    """A record that was deleted, or left out of a load, because it is about somebody erased.

    `resource` is null for what was erased without a record; `loaded_in` is the load that had
    brought a record deleted, null where it was left out of this one.
    """

    entity_hash: str
    resource: str | None
    loaded_in: str | None
    erased_at: datetime


@dataclass(frozen=True)
class HashSalt:
    """What personal data are hashed with in the marts; one for the life of a warehouse."""

    salt: str
    created_at: datetime


_ARROW: dict[Any, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    datetime: _TIMESTAMP,
}


def _schema(row: type) -> pa.Schema:
    """Derive the table from the dataclass, so that the two cannot differ."""
    columns = []
    for column in fields(row):
        kinds = [kind for kind in getattr(column.type, "__args__", ()) if kind is not type(None)]
        kind = column.type if column.type in _ARROW else kinds[0]
        columns.append(pa.field(column.name, _ARROW.get(kind, pa.string())))
    return pa.schema(columns)


LEDGER_SCHEMAS = {
    "extract_windows": _schema(WindowCommit),
    "quarantined_records": _schema(QuarantinedRecord),
    "rate_limit_events": _schema(RateLimit),
    "discovered_fields": _schema(DiscoveredField),
    "erased_records": _schema(ErasedRecord),
    "hash_salts": _schema(HashSalt),
}


def ledger_table(name: str, rows: Iterable[Any]) -> pa.Table:
    """Return ledger dataclasses as the Arrow table `name`."""
    return pa.Table.from_pylist([asdict(row) for row in rows], schema=LEDGER_SCHEMAS[name])


def empty_tables(raw_tables: Iterable[str]) -> dict[str, pa.Table]:
    """Return every table without rows, so that dbt finds them all after the first load."""
    schemas = dict.fromkeys(raw_tables, RAW_SCHEMA) | LEDGER_SCHEMAS
    return {name: schema.empty_table() for name, schema in schemas.items()}


@dataclass(frozen=True)
class OpenWindow:
    """A window whose reading stopped in the middle: rows before `token` are in the warehouse.

    A token belongs to one window and one query: with another `query_hash` it is worthless.
    `checksum` is of the records so far; None where their first pages were read by a version of the
    loader that made none. `through_load` is the newest load that a snapshot deals with.
    """

    window: Window
    attempt_id: str
    query_hash: str
    started_at: datetime
    job_id: str | None = None
    token: str | None = None
    page_count: int = 0
    record_count: int = 0
    quarantined_count: int = 0
    checksum: str | None = NO_RECORDS
    rereading: str | None = None
    through_load: str | None = None


@dataclass(frozen=True)
class ResourceState:
    """Where a resource stands: kept in dlt's resource state, saved with the rows it follows.

    `snapshot_at` is when the last whole snapshot was begun, `snapshot_through` the id of the newest
    load it dealt with.
    """

    coverage: Coverage = field(default_factory=Coverage)
    open: OpenWindow | None = None
    snapshot_at: datetime | None = None
    snapshot_through: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the state as dlt stores it, times as text."""
        return {"version": 1, **_plain(asdict(self))}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> "ResourceState":
        """Return the state dlt has saved; an empty one before the first load."""
        if not saved:
            return cls()
        coverage = saved["coverage"]
        opened = saved["open"]
        return cls(
            coverage=Coverage(
                loaded_from=_moment(coverage["loaded_from"]),
                loaded_through=_moment(coverage["loaded_through"]),
                reread_on=coverage["reread_on"],
                reread_through=_moment(coverage["reread_through"]),
            ),
            open=None
            if opened is None
            else OpenWindow(
                **{
                    "checksum": None,
                    **opened,
                    "window": Window(
                        datetime.fromisoformat(opened["window"]["start"]),
                        datetime.fromisoformat(opened["window"]["end"]),
                    ),
                    "started_at": datetime.fromisoformat(opened["started_at"]),
                }
            ),
            snapshot_at=_moment(saved["snapshot_at"]),
            snapshot_through=saved.get("snapshot_through"),
        )


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def described(window: Window) -> str:
    """Return the window for a message: minutes are enough for a person."""
    if window.start == window.end:
        return f"snapshot of {window.start:%Y-%m-%d %H:%M}Z"
    return f"{iso(window.start)[:16]}Z..{iso(window.end)[:16]}Z"
