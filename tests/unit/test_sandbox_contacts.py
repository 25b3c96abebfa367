"""The sandbox's external contacts over the wire: scans, merges, lookups, and who vanishes."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.sandbox.clock import EPOCH, to_millis, to_text
from tests.sandbox.contract import descend, problems
from tests.sandbox.organisation import build_organisation
from tests.sandbox.process import SandboxProcess, running_sandbox
from tests.unit.test_sandbox_api import Client

Told = dict[str, Any]
NOW = "2026-11-20T12:00:00Z"
BEGIN = "2026-11-13T12:00:00Z"
BASE = "/api/v2/externalcontacts"
SCAN = f"{BASE}/scan/contacts"
IDS = [contact.contact_id for contact in build_organisation(7).contacts]


@pytest.fixture(scope="module")
def process() -> Iterator[SandboxProcess]:
    with running_sandbox(conversations=600, now=NOW, quota=100_000) as process:
        yield process


@pytest.fixture
def client(process: SandboxProcess) -> Client:
    process.set_clock(NOW)
    return Client(process)


def share(of: float) -> str:
    """Return the instant at a share of the world's period."""
    begin, end = to_millis(BEGIN), to_millis(NOW)
    return to_text(begin + round((end - begin) * of) + 1_000)


def pages(client: Client, path: str = SCAN, **query: Any) -> list[Told]:  # noqa: ANN401
    found = [client.get(path, "CursorContactListing", **query)]
    while "cursors" in found[-1]:
        query["cursor"] = found[-1]["cursors"]["after"]
        found.append(client.get(path, "CursorContactListing", **query))
    return found


def scan(client: Client, **query: Any) -> dict[str, Told]:  # noqa: ANN401
    """Read a whole scan; no contact may come twice."""
    found = [each for page in pages(client, limit=200, **query) for each in page["entities"]]
    by_id = {each["id"]: each for each in found}
    assert len(by_id) == len(found)
    return by_id


def read(client: Client, place: int, end: str = "") -> Told:
    return client.get(f"{BASE}/contacts/{IDS[place]}{end}", "ExternalContact")


def refused(client: Client, path: str, **query: object) -> int:
    return int(client.ask("GET", path, params=query).status_code)


def test_a_scan_goes_on_through_short_and_empty_pages_and_tells_each_contact_once(
    client: Client,
) -> None:
    found = pages(client, limit=50)
    sizes = [len(page["entities"]) for page in found]
    assert 0 in sizes[:-1]
    assert 25 in sizes[:-1]
    assert all("cursors" in page for page in found[:-1])
    assert "cursors" not in found[-1]
    everybody = [each["id"] for page in found for each in page["entities"]]
    assert len(set(everybody)) == len(everybody)
    assert set(everybody) == set(scan(client))
    assert len(everybody) > 500
    assert len(client.get(SCAN, "CursorContactListing")["entities"]) == 100


@pytest.mark.parametrize("limit", [9, 201, 0, "x"])
def test_a_scan_takes_10_to_200_a_page(client: Client, limit: object) -> None:
    assert refused(client, SCAN, limit=limit) == 400


def test_a_cursor_lives_24_hours_and_belongs_to_its_path(
    client: Client, process: SandboxProcess
) -> None:
    cursor = client.get(SCAN, "CursorContactListing", limit=10)["cursors"]["after"]
    process.advance_clock(24 * 3600 - 1)
    assert refused(client, SCAN, limit=10, cursor=cursor) == 200
    assert refused(client, f"{SCAN}/divisionviews/all", limit=10, cursor=cursor) == 400
    assert refused(client, SCAN, limit=10, cursor="bm9ib2R5") == 400
    process.advance_clock(1)
    assert refused(client, SCAN, limit=10, cursor=cursor) == 400


def test_a_scan_shows_the_moment_it_began(client: Client, process: SandboxProcess) -> None:
    process.set_clock(share(0.55))
    before = scan(client)
    first = client.get(SCAN, "CursorContactListing", limit=200)
    process.set_clock(share(0.65))
    rest = pages(client, limit=200, cursor=first["cursors"]["after"])
    seen = [each for page in (first, *rest) for each in page["entities"]]
    assert {each["id"]: each for each in seen} == before
    assert scan(client) != before


def test_divisions_part_the_contacts(client: Client) -> None:
    listing = client.get("/api/v2/authorization/divisions", "AuthzDivisionEntityListing")
    parts = [scan(client, divisionId=one["id"]) for one in listing["entities"]]
    assert sum(map(len, parts)) == len(scan(client))
    everywhere = pages(client, f"{SCAN}/divisionviews/all", limit=200)
    assert {e["id"] for p in everywhere for e in p["entities"]} == set(scan(client))
    assert refused(client, SCAN, divisionId="nowhere") == 400
    assert refused(client, f"{SCAN}/divisionviews/all", divisionId="*") == 400


def test_contacts_are_of_three_types_with_ids_of_two_sources(client: Client) -> None:
    everybody = scan(client)
    kinds = {kind: [e for e in everybody.values() if e["type"] == kind]
             for kind in ("Curated", "Identified", "Ephemeral")}  # fmt: skip
    assert all(len(found) > 50 for found in kinds.values())
    assert not any("externalIds" in each for each in kinds["Ephemeral"] if "mergedFrom" not in each)
    assert all("externalIds" in each for each in kinds["Curated"])
    sources = client.get(f"{BASE}/externalsources", "CursorExternalSourceListing")["entities"]
    used = {known["externalSource"]["id"] for e in everybody.values()
            for known in e.get("externalIds", [])}  # fmt: skip
    assert used == {source["id"] for source in sources}
    assert len(used) == 2
    custom = [each["customFields"] for each in everybody.values() if "customFields" in each]
    assert {type(value) for fields in custom for value in fields.values()} == {
        str, int, float, bool, list, dict}  # fmt: skip


def test_contacts_are_those_of_the_conversations_but_a_few_are_gone(client: Client) -> None:
    talked = {
        participant["externalContactId"]
        for record in client.read(f"{BEGIN}/{NOW}")
        for participant in descend(record, "participants")
        if "externalContactId" in participant
    }
    gone = talked - set(scan(client))
    assert 0 < len(gone) < len(talked) / 10
    for contact_id in gone:
        assert refused(client, f"{BASE}/contacts/{contact_id}") == 404
        assert refused(client, f"{BASE}/contacts/{contact_id}/unresolved") == 404


def test_merge_trees_are_told_the_same_by_all_their_members(client: Client) -> None:
    everybody = scan(client)
    merged = [each for each in everybody.values() if "mergedTo" in each]
    assert len(merged) > 100
    for each in merged:
        parent = everybody.get(each["mergedTo"]["id"])
        if parent is None:
            continue  # deleted on request
        assert each["id"] in {one["id"] for one in parent["mergedFrom"]}
        assert parent["canonicalContact"] == each["canonicalContact"]
        assert parent["mergeSet"] == each["mergeSet"]
        assert each["id"] in {one["id"] for one in each["mergeSet"]}
    heads = [e for e in everybody.values() if "mergedFrom" in e and "mergedTo" not in e]
    assert all(head["canonicalContact"]["id"] == head["id"] for head in heads)
    alone = [e for e in everybody.values() if "mergedTo" not in e and "mergedFrom" not in e]
    assert alone
    assert not any("canonicalContact" in each or "mergeSet" in each for each in alone)
    assert [e for e in merged if e["mergedTo"]["id"] not in everybody]


def test_a_chain_grows_link_by_link_and_a_merged_id_is_read_as_the_canonical_one(
    client: Client, process: SandboxProcess
) -> None:
    process.set_clock(share(0.25))
    assert read(client, 2)["id"] == IDS[2]
    assert "canonicalContact" not in read(client, 2)
    process.set_clock(share(0.35))
    assert read(client, 2)["id"] == IDS[3]
    process.set_clock(share(0.65))
    assert read(client, 2)["id"] == read(client, 3)["id"] == IDS[4]
    link = read(client, 2, "/unresolved")
    assert (link["id"], link["mergedTo"]["id"]) == (IDS[2], IDS[3])
    assert link["canonicalContact"]["id"] == IDS[4]
    assert {one["id"] for one in link["mergeSet"]} == {IDS[2], IDS[3], IDS[4]}
    assert link["modifyDate"] == read(client, 4)["modifyDate"] > share(0.59)


def test_a_merge_is_undone_and_late_ones_come_after_the_period(
    client: Client, process: SandboxProcess
) -> None:
    process.set_clock(share(0.5))
    assert read(client, 12)["id"] == IDS[14]
    process.set_clock(share(0.85))
    assert read(client, 12)["id"] == IDS[12]
    assert read(client, 12)["modifyDate"] > share(0.79)
    assert "mergedFrom" not in read(client, 14)
    assert read(client, 17)["id"] == IDS[17]
    process.set_clock("2026-11-25T12:00:00Z")
    assert read(client, 15)["id"] == read(client, 17)["id"] == IDS[16]
    assert read(client, 18)["id"] == IDS[19]


def test_a_number_is_corrected_and_the_date_tells(client: Client, process: SandboxProcess) -> None:
    process.set_clock(share(0.45))
    before = read(client, 22)
    process.set_clock(share(0.55))
    after = read(client, 22)
    assert before["cellPhone"]["e164"] != after["cellPhone"]["e164"]
    assert before["modifyDate"] < after["modifyDate"]


def test_who_is_not_curated_vanishes_60_days_after_the_last_conversation(
    client: Client, process: SandboxProcess
) -> None:
    latest: dict[str, int] = {}
    for record in client.read(f"{BEGIN}/{NOW}"):
        for participant in descend(record, "participants"):
            if "externalContactId" in participant:
                at = to_millis(record.get("conversationEnd", "1970-01-01T00:00:00Z"))
                contact_id = participant["externalContactId"]
                latest[contact_id] = max(at, latest.get(contact_id, 0))
    place = next(n for n in range(600) if n % 50 > 25 and n % 50 != 38 and n % 3 == 1
                 and latest.get(IDS[n], 0) > 0)  # fmt: skip
    assert read(client, place)["type"] == "Identified"
    until = EPOCH + timedelta(milliseconds=latest[IDS[place]], days=60)
    process.set_clock((until - timedelta(seconds=1)).isoformat())
    read(client, place)
    process.set_clock(until.isoformat())
    assert refused(client, f"{BASE}/contacts/{IDS[place]}") == 404
    # Sixty days after the last line was closed.
    process.set_clock("2027-07-01T00:00:00Z")
    left = scan(client).values()
    assert {each["type"] for each in left if "mergedFrom" not in each} == {"Curated"}
    assert {each["type"] for each in left if "mergedFrom" in each} == {"Curated", "Identified"}


def test_an_ephemeral_contact_is_born_with_its_first_conversation(
    client: Client, process: SandboxProcess
) -> None:
    process.set_clock(share(0))
    early = {e["id"] for e in scan(client).values() if e["type"] == "Ephemeral"}
    process.set_clock(NOW)
    late = {e["id"] for e in scan(client).values() if e["type"] == "Ephemeral"}
    assert len(late) > len(early) + 50


def test_a_lookup_by_identifier_finds_the_canonical_contact(client: Client) -> None:
    path = f"{BASE}/identifierlookup/contacts"
    secondary = read(client, 3, "/unresolved")
    crm = next(one for one in secondary["externalIds"] if one["externalSource"]["name"] == "CRM")
    asked: Told = {"type": "ExternalId", **crm}
    answer = client.ask("POST", path, json=asked)
    assert problems(answer.json(), "ExternalContact") == []
    assert answer.json()["id"] == IDS[4]
    assert crm in answer.json()["externalIds"]
    phone = {"type": "Phone", "value": secondary["cellPhone"]["e164"]}
    assert client.ask("POST", path, json=phone).json()["id"] == IDS[4]
    for body, status in (
        ({**asked, "value": "CRM-0"}, 404),
        ({"type": "ExternalId", "value": "CRM-0"}, 400),
        ({"type": "Phone", "value": "2025550000"}, 400),
        ({"type": "Fax", "value": "1"}, 400),
        ({"type": "Email"}, 400),
        ({**asked, "externalId": 1}, 400),
    ):
        assert client.ask("POST", path, json=body).status_code == status


def test_identifiers_are_told_when_expanded(client: Client) -> None:
    told = client.get(f"{BASE}/contacts/{IDS[4]}", "ExternalContact", expand="identifiers")
    assert {one["type"] for one in told["identifiers"]} == {"Email", "Phone", "ExternalId"}
    assert refused(client, f"{BASE}/contacts/{IDS[4]}", expand="everything") == 400
    assert refused(client, f"{BASE}/contacts/nobody") == 404
