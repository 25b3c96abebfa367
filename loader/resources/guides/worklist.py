"""Whom to ask for where a source lists nobody: the contacts that the records loaded so far name.

It is derived from the loads between two snapshots and nothing else, so that a snapshot which goes
on in a later run finds the same people.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from loader.resources.resource import Query, SnapshotSpan

# Before any load.
BEGINNING = "0"


class _About(msgspec.Struct, rename="camel", frozen=True):
    custom_attributes: dict[str, object] = {}


class _Row(msgspec.Struct):
    participant: _About = _About()


class _Contact(msgspec.Struct, rename="camel"):
    id: str
    external_id: str | None = None
    merged_to: str | None = None


_decode_row = msgspec.json.Decoder(_Row).decode
_decode_contact = msgspec.json.Decoder(_Contact).decode


@dataclass(frozen=True)
class KnownContact:
    """A contact as it was last read; it may have gone into another."""

    contact_id: str
    is_merged: bool
    read_at: datetime


def known_contacts(query: Query, span: SnapshotSpan) -> dict[str, KnownContact]:
    """Return the contacts loaded until the snapshot, by their external ids.

    Of several that have one external id it is the one that did not go into another, else the one
    read last.
    """
    rows = query(
        """
        select payload, extracted_at from (
            select payload, extracted_at, row_number() over (
                partition by record_id order by extracted_at desc, payload_hash desc
            ) as version_number
            from {guides_contacts} where _dlt_load_id <= %s
        ) as versions
        where version_number = 1 order by extracted_at
        """,
        span.through,
    )
    known: dict[str, KnownContact] = {}
    for payload, read_at in rows:
        contact = _decode_contact(payload)
        is_merged = contact.merged_to is not None
        held = known.get(contact.external_id or "")
        if contact.external_id and (held is None or held.is_merged or not is_merged):
            known[contact.external_id] = KnownContact(contact.id, is_merged, read_at)
    return known


def named_since(query: Query, span: SnapshotSpan, attributes: Sequence[str]) -> set[str]:
    """Return the external ids that participants gave since the last snapshot.

    Args:
        query: of the warehouse.
        span: what lies between the snapshots.
        attributes: whose value is an external id, the one to be preferred first.
    """
    named = set()
    for payload in _payloads(query, "guides_participants", span):
        try:
            values = _decode_row(payload).participant.custom_attributes
        except msgspec.DecodeError:
            continue  # attributes of another shape; staging shows them
        texts = (str(values.get(name) or "").strip() for name in attributes)
        named.add(next((text for text in texts if text), ""))
    return named - {""}


def grown_old(
    known: Mapping[str, KnownContact], span: SnapshotSpan, refresh: timedelta
) -> set[str]:
    """Return the external ids of canonical contacts that have not been read for `refresh`.

    Contacts that are gone (404) leave no record to tell when that was found: so each is asked for
    once in `refresh`, counted from its last record, and not in every run.
    """
    last = span.last_at or span.at
    return {
        external_id
        for external_id, contact in known.items()
        if not contact.is_merged
        and (span.at - contact.read_at) // refresh
        > max(last - contact.read_at, timedelta(0)) // refresh
    }


def read_since(query: Query, span: SnapshotSpan) -> set[str]:
    """Return the canonical contacts read since the last snapshot."""
    contacts = map(_decode_contact, _payloads(query, "guides_contacts", span))
    return {contact.id for contact in contacts if contact.merged_to is None}


def _payloads(query: Query, table: str, span: SnapshotSpan) -> Iterator[str]:
    """Walk through the records of `table` that came between two snapshots.

    A load at a time: all at once might not fit in memory.
    """
    loads = query(
        f"select distinct _dlt_load_id from {{{table}}} "
        "where _dlt_load_id > %s and _dlt_load_id <= %s order by 1",
        span.behind or BEGINNING,
        span.through,
    )
    for (load_id,) in loads:
        rows = query(f"select payload from {{{table}}} where _dlt_load_id = %s", load_id)
        yield from (payload for (payload,) in rows)
