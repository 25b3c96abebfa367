"""Whom to ask for where a source lists nobody: the contacts that the records loaded so far name.

What a snapshot has to read is derived from the warehouse alone: the loads up to one id, behind that
of the snapshot before. The id is the snapshot's job id, so that it reads the same in a later run.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

CACHE = timedelta(hours=24)
# Before any load.
BEGINNING = "0"

Query = Callable[..., list[tuple[Any, ...]]]


class _About(msgspec.Struct, rename="camel", frozen=True):
    custom_attributes: dict[str, object] = {}


class _Row(msgspec.Struct):
    participant: _About = _About()


class _Contact(msgspec.Struct, rename="camel"):
    id: str
    external_id: str | None = None
    merged_to: str | None = None


class Contacts:
    """The contacts to be read, of the integration guides' contract.

    Args:
        query: of the warehouse; names of raw tables stand in braces.
        attributes: whose value is a contact's external id, the one to be preferred first.
        refresh: how old what is known of a contact may become; None for any age.
    """

    def __init__(self, query: Query, attributes: Sequence[str], refresh: timedelta | None) -> None:
        self._query = query
        self._attributes = attributes
        self._refresh = refresh
        self._row = msgspec.json.Decoder(_Row)
        self._contact = msgspec.json.Decoder(_Contact)

    def newest_load(self) -> str:
        """Return the id of the newest load, up to which a snapshot deals with what is there."""
        rows = self._query("select max(load_id) from {_dlt_loads}")
        return _only(rows) or BEGINNING

    def external_ids(self, through: str, now: datetime) -> Sequence[str]:
        """Return the external ids named since the last snapshot, and those not read for long.

        Contacts that are gone (404) leave no record to tell when that was found: so each is asked
        for once in `refresh`, counted from its last record, and not in every run.

        Args:
            through: id of the newest load to deal with.
            now: the present.
        """
        found = set()
        for payload in self._payloads("guides_participants", "guides_contacts", through):
            try:
                values = self._row.decode(payload).participant.custom_attributes
            except msgspec.DecodeError:
                continue  # attributes of another shape; staging shows them
            texts = (str(values.get(name) or "").strip() for name in self._attributes)
            found.add(next((text for text in texts if text), ""))
        if self._refresh is not None:
            last = self._newest_snapshot() or now
            for external_id, (_, read_at) in self._newest_contacts().items():
                age, age_then = now - read_at, max(last - read_at, timedelta(0))
                if age // self._refresh > age_then // self._refresh:
                    found.add(external_id)
        return sorted(found - {""})

    def resolved(self, now: datetime) -> Mapping[str, str]:
        """Return Genesys' id by external id, where it was resolved less than 24 hours ago."""
        newest = self._newest_contacts().items()
        return {
            external_id: contact_id
            for external_id, (contact_id, read_at) in newest
            if read_at > now - CACHE
        }

    def contact_ids(self, through: str) -> Sequence[str]:
        """Return the canonical contacts read since the last snapshot of conversations."""
        contacts = map(
            self._contact.decode,
            self._payloads("guides_contacts", "guides_conversations", through),
        )
        return sorted({contact.id for contact in contacts if contact.merged_to is None})

    def _newest_snapshot(self) -> datetime | None:
        """Return when contacts were last read to the end; those due by then were asked for."""
        newest: datetime | None = _only(
            self._query(
                "select max(window_start) from {extract_windows} "
                "where resource = 'guides_contacts' and status = 'loaded'"
            )
        )
        return newest

    def _newest_contacts(self) -> dict[str, tuple[str, datetime]]:
        """Return id and time of reading by external id, of each its newest record."""
        rows = self._query(
            """
            select payload, extracted_at from (
                select payload, extracted_at, row_number() over (
                    partition by record_id order by extracted_at desc, payload_hash desc
                ) as version_number
                from {guides_contacts}
            ) as versions
            where version_number = 1 order by extracted_at
            """
        )
        newest = {}
        for payload, read_at in rows:
            contact = self._contact.decode(payload)
            if contact.external_id and contact.merged_to is None:
                newest[contact.external_id] = (contact.id, read_at)
        return newest

    def _payloads(self, table: str, resource: str, through: str) -> Iterator[str]:
        """Walk through the records of `table` that a snapshot of `resource` deals with.

        A load at a time: all at once might not fit in memory.
        """
        behind = _only(
            self._query(
                "select max(job_id) from {extract_windows} "
                "where resource = %s and status = 'loaded'",
                resource,
            )
        )
        loads = self._query(
            f"select distinct _dlt_load_id from {{{table}}} "
            "where _dlt_load_id > %s and _dlt_load_id <= %s order by 1",
            behind or BEGINNING,
            through,
        )
        for (load_id,) in loads:
            rows = self._query(
                f"select payload from {{{table}}} where _dlt_load_id = %s",
                load_id,
            )
            yield from (payload for (payload,) in rows)


def _only(rows: list[tuple[Any, ...]]) -> Any:  # noqa: ANN401 - a column of any type
    """Return the one value of a query; None also where no warehouse is connected."""
    return rows[0][0] if rows else None
