"""Whom snapshots of the guides' contract ask for: by what was loaded between two of them."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest

from loader.resources.guides.contacts import ContactsToRead, GuidesContacts, GuidesConversations
from loader.resources.guides.worklist import KnownContact
from loader.resources.resource import SnapshotSpan

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WEEK = timedelta(days=7)
YESTERDAY = NOW - timedelta(days=1)
SPAN = SnapshotSpan("1763000001.5", "1763000003.5", NOW - timedelta(days=1), NOW)
BEFORE, FIRST, LAST, AFTER = (f"176300000{number}.5" for number in (1, 2, 3, 4))


class Loaded:
    """Two raw tables and what was loaded into them."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        for table in ("guides_participants", "guides_contacts"):
            self.connection.execute(
                f"create table {table} (record_id text, payload text, payload_hash text,"
                " extracted_at timestamptz, _dlt_load_id text)"
            )

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query as the loader words it."""
        sql = re.sub(r"\{(\w+)\}", r"\1", sql).replace("%s", "?")
        return self.connection.execute(sql, parameters).fetchall()

    def participant(self, load: str, **attributes: str) -> None:
        """Load a participant with attributes."""
        told = {"participant": {"customAttributes": attributes}}
        self._insert("guides_participants", "p", load, NOW, told)

    def contact(
        self, load: str, contact_id: str, external_id: str, age: timedelta, **more: str
    ) -> None:
        """Load a contact as it was read so long ago."""
        told = {"id": contact_id, "externalId": external_id, **more}
        self._insert("guides_contacts", contact_id, load, NOW - age, told)

    def _insert(
        self, table: str, record_id: str, load: str, read_at: datetime, told: object
    ) -> None:
        row = [record_id, json.dumps(told), "hash", read_at, load]
        self.connection.execute(f"insert into {table} values (?, ?, ?, ?, ?)", row)


@pytest.fixture
def loaded() -> Iterator[Loaded]:
    tables = Loaded()
    yield tables
    tables.connection.close()


def test_who_was_named_between_two_snapshots_is_asked_for(loaded: Loaded) -> None:
    loaded.participant(BEFORE, crm="long-known")
    loaded.participant(FIRST, crm=" one ", other="less-preferred")
    loaded.participant(LAST, crm="", other="two")
    loaded.participant(LAST, name="nobody")
    loaded.participant(AFTER, crm="next-time")
    contacts = GuidesContacts(["crm", "other"], refresh=None)
    found = contacts.look_up(loaded.query, SPAN)
    assert found == ContactsToRead(("one", "two"), {}, YESTERDAY)
    assert contacts.is_due(found, NOW, NOW, WEEK)
    assert contacts.overhead(found) == 4
    first = contacts.look_up(loaded.query, replace(SPAN, behind=None))
    assert first.external_ids == ("long-known", "one", "two")
    # The resource itself remembers nothing of it.
    assert contacts.look_up(loaded.query, SPAN) == found


def test_a_contact_is_good_for_its_time_and_one_merged_for_as_long_as_the_canonical_one(
    loaded: Loaded,
) -> None:
    day = timedelta(days=1)
    loaded.contact(BEFORE, "x-fresh", "fresh", day - timedelta(minutes=1))
    loaded.contact(BEFORE, "x-due", "due", WEEK)
    loaded.contact(BEFORE, "x-asked-yesterday", "asked", WEEK + day)
    loaded.contact(BEFORE, "x-merged", "merged", WEEK, mergedTo="x-due")
    found = GuidesContacts(["crm"], WEEK).look_up(loaded.query, SPAN)
    known = {"due": KnownContact("x-due", False, NOW - WEEK)}
    assert found == ContactsToRead(("due",), known, YESTERDAY)


def test_who_is_named_is_known_by_the_contact_that_went_into_no_other(loaded: Loaded) -> None:
    """Where all did, by the one read last: its record says where it went."""
    hour = timedelta(hours=1)
    loaded.contact(BEFORE, "x-gone", "one", 3 * hour, mergedTo="x-1")
    loaded.contact(BEFORE, "x-head", "one", 2 * hour)
    loaded.contact(BEFORE, "x-last", "one", hour, mergedTo="x-head")
    loaded.contact(BEFORE, "x-first", "two", 2 * hour, mergedTo="x-head")
    loaded.contact(BEFORE, "x-second", "two", hour, mergedTo="x-head")
    for name in ("one", "two"):
        loaded.participant(FIRST, crm=name)
    found = GuidesContacts(["crm"], WEEK).look_up(loaded.query, SPAN)
    assert {one: known.contact_id for one, known in found.known.items()} == {
        "one": "x-head",
        "two": "x-second",
    }


def test_a_snapshot_that_goes_on_finds_whom_it_began_with(loaded: Loaded) -> None:
    loaded.participant(LAST, crm="named")
    loaded.contact(BEFORE, "x-1", "aged", WEEK)
    loaded.contact(BEFORE, "x-2", "named", timedelta(hours=1))
    contacts, conversations = GuidesContacts(["crm"], WEEK), GuidesConversations(100)
    begun = contacts.look_up(loaded.query, SPAN)
    assert begun.external_ids == ("aged", "named")
    assert {one.contact_id for one in begun.known.values()} == {"x-1", "x-2"}
    listed = conversations.look_up(loaded.query, SPAN)
    # What it has loaded itself before it was stopped, and what others have since.
    loaded.contact(AFTER, "x-1", "aged", timedelta(0))
    loaded.contact(AFTER, "x-2", "named", timedelta(0), mergedTo="x-1")
    loaded.participant(AFTER, crm="new")
    assert contacts.look_up(loaded.query, SPAN) == begun
    assert conversations.look_up(loaded.query, SPAN) == listed


def test_conversations_are_listed_of_canonical_contacts_read_meanwhile(loaded: Loaded) -> None:
    for load, contact in ((BEFORE, "x-0"), (FIRST, "x-2"), (LAST, "x-1"), (AFTER, "x-3")):
        loaded.contact(load, contact, contact, timedelta(0))
    loaded.contact(LAST, "x-9", "x-9", timedelta(0), mergedTo="x-1")
    conversations = GuidesConversations(100)
    found = conversations.look_up(loaded.query, SPAN)
    assert found.contact_ids == ("x-1", "x-2")
    assert conversations.is_due(found, NOW, NOW, WEEK)
    assert conversations.overhead(found) == 2


def test_where_no_warehouse_is_connected_nobody_is_asked_for() -> None:
    def nothing(sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        return []

    contacts, conversations = GuidesContacts(["crm"], WEEK), GuidesConversations(100)
    assert not contacts.is_due(contacts.look_up(nothing, SPAN), None, NOW, WEEK)
    assert not conversations.is_due(conversations.look_up(nothing, SPAN), None, NOW, WEEK)


def test_who_was_not_looked_for_is_not_taken_for_nobody() -> None:
    with pytest.raises(RuntimeError, match="look_up"):
        GuidesContacts(["crm"], WEEK).is_due(None, None, NOW, WEEK)
