"""Contacts and their conversations: who is asked for, when again, and that nobody is forgotten.

GUIDES G-E. Where a test is about one contact, all who call in it give the same id.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.guides.site import (
    BY_EXTERNAL_ID,
    BY_ID,
    CONTACTS,
    CONVERSATIONS,
    MATCH,
    PARTICIPANTS,
    GuidesSite,
)
from tests.harness.ask import ask
from tests.harness.place import fault
from tests.sandbox.organisation import build_organisation
from tests.sandbox.process import SandboxProcess

PEOPLE = build_organisation(7).contacts
# tests/sandbox/cast.py tells what becomes of them.
LASTING, OTHER, MERGED, CANONICAL, DELETED = 23, 22, 8, 7, 25
IDS_OF_CUSTOMERS = ("customerId", "CustomerId", "CUSTOMERID")


@pytest.fixture
def site(site: GuidesSite) -> GuidesSite:
    site.settings |= {"ELT_PAGE_SIZE": "1000", "ELT_INTERVAL_MINUTES": "60"}
    return site


def crm(place: int) -> str:
    """Return the external id of a contact."""
    return PEOPLE[place].crm_id


def contact(place: int) -> str:
    """Return Genesys' id of a contact."""
    return PEOPLE[place].contact_id


def let_all_callers_be(site: GuidesSite, place: int) -> None:
    """Let all participants who name a contact name this one from now on."""
    site.sandbox.clear_faults()
    values = dict.fromkeys(IDS_OF_CUSTOMERS, crm(place))
    site.sandbox.add_faults(fault(MATCH[PARTICIPANTS], "guide", "all", values=values))


def load_journeys(site: GuidesSite, **changes: str) -> None:
    """Load participants, contacts and conversations, with new requests to look at."""
    site.forget_requests()
    site.read(PARTICIPANTS, CONTACTS, CONVERSATIONS, **changes).succeeded()


def resolved(site: GuidesSite) -> list[str]:
    """Return the external ids that were asked for, in order."""
    return [
        value
        for entry in site.requests(BY_EXTERNAL_ID)
        for name, value in parse_qsl(entry["query"])
        if name == "externalId"
    ]


def read_by_id(site: GuidesSite) -> list[str]:
    """Return the contacts that were read by their own id, in order."""
    return [entry["path"].rpartition("/")[2] for entry in site.requests(BY_ID)]


def listed(site: GuidesSite) -> list[str]:
    """Return the contacts whose conversations were asked for, page by page."""
    return [
        dict(parse_qsl(entry["query"]))["externalContactId"]
        for entry in site.requests(MATCH[CONVERSATIONS])
    ]


def distinct(ids: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(ids))


def test_contacts_are_asked_for_by_the_external_ids_that_callers_gave_and_by_nothing_else(
    site: GuidesSite,
) -> None:
    site.read(PARTICIPANTS).succeeded()
    named = set()
    for row in site.payloads(PARTICIPANTS):
        values = row["participant"].get("customAttributes", {})
        named |= set([values[name] for name in IDS_OF_CUSTOMERS if values.get(name)][:1])
    site.forget_requests()
    site.read(CONTACTS).succeeded()
    assert resolved(site) == sorted(named)
    for entry in site.requests("external-contacts"):
        query = re.sub("externalId=[^&]+", "externalId=X", entry["query"])
        by_id = entry["path"].startswith("/api/v2/external-contacts/")
        assert query == ("" if by_id else "externalId=X&pageSize=1")
        assert entry["body"] == ""
    # Some callers are nobody's contact; that is no reason to stop.
    statuses = [entry["status"] for entry in site.requests(BY_EXTERNAL_ID)]
    assert set(statuses) == {200, 404}
    canonical = {one["id"] for one in site.payloads(CONTACTS) if one["mergedTo"] is None}
    assert len(canonical) == statuses.count(200)


def test_an_external_id_is_resolved_again_after_24_hours_and_not_before(site: GuidesSite) -> None:
    let_all_callers_be(site, LASTING)
    site.settings["ELT_START"] = "2026-11-18T12:00:00Z"
    load_journeys(site.at("2026-11-19T08:00:00Z"))
    assert resolved(site) == [crm(LASTING)]
    load_journeys(site.at("2026-11-19T10:00:00Z"))
    assert resolved(site) == []
    assert read_by_id(site) == [contact(LASTING)]
    load_journeys(site.at("2026-11-20T10:01:00Z"))
    assert resolved(site) == [crm(LASTING)]


@pytest.mark.slow
def test_an_external_id_that_has_become_another_contacts_is_resolved_at_once(
    site: GuidesSite,
) -> None:
    let_all_callers_be(site, LASTING)
    load_journeys(site.at("2026-11-20T06:00:00Z"))
    # The contact has got another id in the CRM meanwhile.
    site.sandbox.add_faults(fault(BY_ID, "mutate", 1, set={"externalId": "CRM-1"}))
    load_journeys(site.at("2026-11-20T08:00:00Z"))
    assert resolved(site) == [crm(LASTING)]


def test_a_merge_leads_to_the_canonical_contact_and_to_all_who_went_into_it(
    site: GuidesSite,
) -> None:
    let_all_callers_be(site, MERGED)
    site.settings["ELT_START"] = "2026-11-19"
    load_journeys(site.at("2026-11-19T20:00:00Z"))
    assert {one["id"]: one["mergedTo"] for one in site.payloads(CONTACTS)} == {
        contact(MERGED): None
    }
    assert set(listed(site)) == {contact(MERGED)}

    load_journeys(site.at("2026-11-20T06:00:00Z"))
    first, *others = read_by_id(site)
    assert first == contact(MERGED)
    # Its record says where it went.
    assert resolved(site) == []
    newest = {
        one["id"]: one
        for one in sorted(site.payloads(CONTACTS), key=lambda one: one["mergedTo"] or "")
    }
    canonical = newest[contact(CANONICAL)]
    assert contact(MERGED) in canonical["mergedFromIds"]
    assert {first, *others} == {contact(CANONICAL), *canonical["mergedFromIds"]}
    assert newest[contact(MERGED)]["mergedTo"] == contact(CANONICAL)
    # The whole time line is the canonical contact's from now on.
    assert set(listed(site)) == {contact(CANONICAL)}


@pytest.mark.slow
def test_conversations_are_listed_of_contacts_read_since_the_last_lists(site: GuidesSite) -> None:
    let_all_callers_be(site, LASTING)
    load_journeys(site.at("2026-11-20T06:00:00Z"))
    assert set(listed(site)) == {contact(LASTING)}
    let_all_callers_be(site, OTHER)
    load_journeys(site.at("2026-11-20T09:00:00Z"))
    assert set(listed(site)) == {contact(OTHER)}


def test_a_run_that_has_nothing_to_do_asks_nothing(site: GuidesSite) -> None:
    site.run("load").succeeded()
    site.forget_requests()
    outcome = site.run("load").succeeded()
    assert "nothing is due" in outcome.stderr
    assert [entry["path"] for entry in site.requests()] == ["/oauth/token"]


@pytest.fixture
def lists_due(sandbox: SandboxProcess, contacts_read: GuidesSite, tmp_path: Path) -> GuidesSite:
    """Return a place where contacts are read and their conversations are not."""
    return GuidesSite(sandbox, tmp_path / "lists", begin=contacts_read)


def test_all_conversations_of_all_contacts_are_in_raw_however_small_the_pages(
    lists_due: GuidesSite,
) -> None:
    lists_due.read(CONVERSATIONS, ELT_PAGE_SIZE="1").succeeded()
    contacts = lists_due.payloads(CONTACTS)
    told: dict[str, Any] = {}
    for one in contacts:
        params = {"externalContactId": one["id"], "pageSize": 200}
        answer = ask(lists_due.sandbox, "GET", "/api/v2/conversations", **params).json()
        told |= {entity["id"]: entity for entity in answer["entities"]}
    assert len(told) > 20
    assert {entity["id"]: entity for entity in lists_due.payloads(CONVERSATIONS)} == told


def test_a_list_shorter_than_it_says_is_read_again_and_no_other(lists_due: GuidesSite) -> None:
    match = MATCH[CONVERSATIONS]
    lists_due.sandbox.add_faults(fault(match, "mutate", 2, set={"total": 99}))
    lists_due.read(CONVERSATIONS).succeeded()
    asked = listed(lists_due)
    assert asked[1] == asked[2]
    assert len(asked) == len(distinct(asked)) + 1
    assert lists_due.windows(CONVERSATIONS) == [("loaded",)]


@pytest.mark.slow
def test_a_list_that_stays_shorter_than_it_says_is_a_broken_contract(lists_due: GuidesSite) -> None:
    match = MATCH[CONVERSATIONS]
    lists_due.sandbox.add_faults(fault(match, "mutate", "all", set={"total": 99}))
    said = lists_due.read(CONVERSATIONS).error(5)
    assert re.search(r"got \d+ of 99 conversations of one contact, 3 times", said)
    # The list three times, and so much again for each time the window began again.
    assert len(listed(lists_due)) == 12
    lists_due.sandbox.clear_faults()
    lists_due.read(CONVERSATIONS).succeeded()


def test_a_contact_that_is_gone_before_its_list_is_read_is_left_out(lists_due: GuidesSite) -> None:
    lists_due.sandbox.add_faults(fault(MATCH[CONVERSATIONS], "status", 1, status=404))
    lists_due.read(CONVERSATIONS).succeeded()
    assert len(distinct(listed(lists_due))) == len(listed(lists_due)) > 20


@pytest.mark.slow
def test_who_is_found_while_lists_are_stopped_is_not_forgotten(site: GuidesSite) -> None:
    let_all_callers_be(site, LASTING)
    site.sandbox.add_faults(fault(MATCH[CONVERSATIONS], "status", "all", status=503))
    site.at("2026-11-20T06:00:00Z")
    site.read(PARTICIPANTS, CONTACTS, CONVERSATIONS, ELT_RETRY_ATTEMPTS="1").error(4)
    assert site.row_count(CONTACTS) == 1

    let_all_callers_be(site, OTHER)
    site.at("2026-11-20T09:00:00Z").forget_requests()
    site.read(PARTICIPANTS, CONTACTS).succeeded()
    site.read(CONVERSATIONS).succeeded()
    assert listed(site) == [contact(LASTING), contact(OTHER)]


@pytest.mark.slow
def test_contacts_are_read_again_after_some_days_also_when_nobody_calls(site: GuidesSite) -> None:
    let_all_callers_be(site, LASTING)
    load_journeys(site.at("2026-11-20T06:00:00Z"))

    site.at("2026-11-27T05:59:00Z").forget_requests()
    site.read(CONTACTS, CONVERSATIONS).succeeded()
    assert read_by_id(site) == []

    site.at("2026-11-27T06:01:00Z").forget_requests()
    site.read(CONTACTS, CONVERSATIONS).succeeded()
    assert resolved(site) == [crm(LASTING)]
    assert set(listed(site)) == {contact(LASTING)}


@pytest.mark.slow
def test_no_days_mean_that_contacts_are_read_when_they_call_and_never_else(
    site: GuidesSite,
) -> None:
    let_all_callers_be(site, LASTING)
    load_journeys(site.at("2026-11-20T06:00:00Z"))
    site.at("2027-11-20T06:00:00Z").forget_requests()
    site.read(CONTACTS, CONVERSATIONS, GENESYS_CONTACT_DAYS="0").succeeded()
    assert read_by_id(site) == resolved(site) == listed(site) == []


@pytest.mark.slow
def test_a_contact_that_is_gone_is_asked_for_once_in_so_many_days(site: GuidesSite) -> None:
    let_all_callers_be(site, DELETED)
    site.settings["ELT_START"] = "2026-11-19"
    load_journeys(site.at("2026-11-19T10:00:00Z"))
    assert site.row_count(CONTACTS) == 1
    asked = []
    for now in ("11-26T10:01", "11-29T00:00", "12-03T10:01"):
        site.at(f"2026-{now}:00Z").forget_requests()
        site.read(CONTACTS).succeeded()
        asked.append(resolved(site))
    assert asked == [[crm(DELETED)], [], [crm(DELETED)]]
    assert site.row_count(CONTACTS) == 1
