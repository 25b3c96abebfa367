"""Participant attributes: all that are registered, whole, of whatever type, or a line that says no.

GUIDES G-A.
"""

import csv
from typing import Any

import pytest

from tests.guides.site import CONTACTS, MATCH, PARTICIPANTS, GuidesSite
from tests.harness.ask import ask
from tests.harness.place import fault
from tests.sandbox.process import ROOT

DETAILS = "/api/v2/analytics/details/query"
ATTRIBUTE = "participant.customAttributes."
REGISTRY = ROOT / "dbt_project" / "seeds" / "attribute_registry.csv"

Told = dict[str, Any]


@pytest.fixture
def site(site: GuidesSite) -> GuidesSite:
    """Load all of a window in one page, unless it is cut short."""
    site.settings["ELT_PAGE_SIZE"] = "1000"
    return site


def attributes(row: Told) -> Told:
    """Return a participant's attributes; one that has none lacks the object."""
    told: Told = row["participant"].get("customAttributes", {})
    return told


def fullest(site: GuidesSite) -> dict[str, Told]:
    """Return of each participant the version in raw that has most attributes."""
    rows = sorted(site.payloads(PARTICIPANTS), key=lambda row: len(attributes(row)))
    return {row["participantId"]: row for row in rows}


def registered() -> list[str]:
    """Return the names in the attribute registry."""
    with REGISTRY.open(encoding="utf-8") as file:
        return list(dict.fromkeys(line["name"] for line in csv.DictReader(file)))


def told_directly(site: GuidesSite) -> dict[str, Told]:
    """Return what the organisation says of each participant when it is asked for all at once."""
    body = {
        "view": "interaction",
        "dateRange": {"from": "2026-11-20T00:00:00Z", "to": "2026-11-20T11:45:00Z"},
        "select": [
            *(ATTRIBUTE + name for name in registered()),
            "participant.type", "participant.duration", "interactionId", "wrapupCode", "queueId",
        ],
        "size": 5000,
    }  # fmt: skip
    answer = ask(site.sandbox, "POST", DETAILS, body=body)
    assert "nextPageToken" not in answer.headers
    return {row["participantId"]: row for row in answer.json()["results"]}


def shapes(site: GuidesSite) -> list[tuple[int, str | None]]:
    """Return of each request the size of its page and the queue it is of."""
    return [
        (body["size"], next((each["value"] for each in body["filters"]), None))
        for body in site.bodies(PARTICIPANTS)
    ]


def test_every_registered_attribute_is_asked_for_and_all_that_is_told_is_in_raw(
    site: GuidesSite,
) -> None:
    site.read(PARTICIPANTS, ELT_PAGE_SIZE="10000").succeeded()
    body, sample = site.bodies(PARTICIPANTS)
    selected = [name for name in body["select"] if name.startswith(ATTRIBUTE)]
    assert selected == [ATTRIBUTE + name for name in registered()]
    # Grouped by its type as well, a participant would come in two halves.
    assert body["groupBy"] == ["participantId"]
    assert body["size"] == 5000
    # So many participants that some are asked for again, whether they have more.
    assert sample["size"] == 100
    rows = site.payloads(PARTICIPANTS)
    assert {row["participantId"]: row for row in rows} == told_directly(site) != {}
    assert len(rows) == len(fullest(site))


@pytest.mark.slow
def test_windows_overlap_by_an_hour_and_end_15_minutes_ago_at_the_latest(site: GuidesSite) -> None:
    site.at("2026-11-20T06:00:00Z").read(PARTICIPANTS, ELT_SETTLE_MINUTES="0").succeeded()
    site.at("2026-11-20T08:00:00Z").read(PARTICIPANTS).succeeded()
    ranges = [body["dateRange"] for body in site.bodies(PARTICIPANTS)]
    assert ranges == [
        {"from": "2026-11-20T00:00:00.000Z", "to": "2026-11-20T05:45:00.000Z"},
        {"from": "2026-11-20T04:45:00.000Z", "to": "2026-11-20T07:45:00.000Z"},
    ]


def test_under_load_pages_get_smaller_until_a_sample_has_no_more_than_they(
    site: GuidesSite,
) -> None:
    # What type an attribute has must not hide that others are missing.
    values = {name: {"is_text": False} for name in registered()}
    site.sandbox.add_faults(
        fault(MATCH[PARTICIPANTS], "guide", "all", truncate_above=105, values=values)
    )
    site.read(PARTICIPANTS).succeeded()
    asked = shapes(site)
    assert asked[0] == (1000, None)
    assert asked[1][0] == 100  # the sample
    assert asked[2] == (500, None)
    sizes = [size for size, _ in asked if size > 100]
    assert sizes == sorted(sizes, reverse=True)
    site.sandbox.clear_faults()
    site.sandbox.add_faults(fault(MATCH[PARTICIPANTS], "guide", "all", values=values))
    assert fullest(site) == told_directly(site)
    [(status, adjustment)] = site.windows(PARTICIPANTS, "status, adjustment")
    assert status == "loaded"
    assert "larger ones came without all attributes" in adjustment


def test_a_crash_while_reading_again_in_smaller_pages_goes_on_there(site: GuidesSite) -> None:
    site.sandbox.add_faults(
        fault(MATCH[PARTICIPANTS], "guide", "all", truncate_above=105),
        fault(MATCH[PARTICIPANTS], "status", 4, status=503),
    )
    site.read(PARTICIPANTS, ELT_RETRY_ATTEMPTS="1").error(4)
    assert [size for size, _ in shapes(site)][:3] == [1000, 100, 500]
    site.forget_requests()
    site.read(PARTICIPANTS).succeeded()
    assert 1000 not in [size for size, _ in shapes(site)]
    site.sandbox.clear_faults()
    assert fullest(site) == told_directly(site)


def test_an_attribute_that_changes_its_type_loads_and_both_histories_stay(site: GuidesSite) -> None:
    site.read(PARTICIPANTS).succeeded()
    before = fullest(site)
    values = {
        "Intent": True, "Language": {"code": "sv", "is_native": False}, "VIP": [1, None],
        "Balance": 12.5, "CSAT": None, "customerId": 4711,
    }  # fmt: skip
    site.sandbox.add_faults(fault(MATCH[PARTICIPANTS], "guide", "all", values=values))
    site.run(
        "load", "--only", PARTICIPANTS, "--from", "2026-11-20", "--to", "2026-11-20T11:45:00Z"
    ).succeeded()
    rows = site.payloads(PARTICIPANTS)
    for name, value in values.items():
        had = [row["participantId"] for row in before.values() if name in attributes(row)]
        told = [attributes(row)[name] for row in rows if name in attributes(row)]
        assert told.count(value) == len(had) > 0
        assert len([each for each in told if isinstance(each, str)]) == len(had)
    assert site.windows(PARTICIPANTS, "status, quarantined_count") == [("loaded", 0)] * 2
    # The contacts' ids are an attribute too.
    site.read(CONTACTS).succeeded()
    assert site.requests(r"externalId=4711&")
