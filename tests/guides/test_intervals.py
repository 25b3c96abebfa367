"""Interval reports: buckets that add up to the whole, and refusals that say what to do.

GUIDES G-D.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

from tests.guides.site import AGENTS, MATCH, QUEUES, GuidesSite
from tests.harness.ask import ask
from tests.harness.place import fault
from tests.harness.tiers import first

REPORT = MATCH[QUEUES]
PATH = "/api/v2/analytics/conversations/aggregates/query"
GROUPS = {QUEUES: "queue", AGENTS: "user"}

Told = dict[str, Any]


@pytest.fixture
def site(site: GuidesSite) -> GuidesSite:
    site.settings["ELT_INTERVAL_MINUTES"] = "60"
    return site


def sums(rows: Iterable[Told], group: str) -> Counter[tuple[str, str]]:
    """Add up every metric of every queue or user, whatever the buckets; times in milliseconds."""
    totals: Counter[tuple[str, str]] = Counter()
    for row in rows:
        for metric, told in row["metrics"].items():
            for kind, value in told.items():
                scale = 1 if kind == "count" else 1000
                totals[row[group]["id"], f"{metric} {kind}"] += round(value * scale)
    return +totals


def told_directly(site: GuidesSite, body: Told) -> list[Told]:
    """Return the report over the whole range at once: without an interval."""
    body = {key: value for key, value in body.items() if key not in ("interval", "pageToken")}
    rows: list[Told] = []
    while True:
        answer = ask(site.sandbox, "POST", PATH, body=body).json()
        rows += answer["entities"]
        if answer["nextPage"] is None:
            return rows
        body["pageToken"] = answer["nextPage"]


@pytest.mark.parametrize("resource", [QUEUES, AGENTS])
def test_the_buckets_add_up_to_the_report_without_intervals(
    site: GuidesSite, resource: str
) -> None:
    site.read(resource).succeeded()
    body = site.bodies(resource)[0]
    assert body["interval"] == "PT1H"
    rows = site.payloads(resource)
    assert len({row["interval"]["startTime"] for row in rows}) > 3
    whole = told_directly(site, body)
    assert sums(rows, GROUPS[resource]) == sums(whole, GROUPS[resource]) != Counter()


def test_intervals_are_as_fine_as_the_setting_says(site: GuidesSite) -> None:
    site.read(QUEUES, ELT_INTERVAL_MINUTES="15").succeeded()
    assert {body["interval"] for body in site.bodies(QUEUES)} == {"PT15M"}
    starts = {row["interval"]["startTime"][14:16] for row in site.payloads(QUEUES)}
    assert starts == {"00", "15", "30", "45"}


@pytest.mark.parametrize("resource", first(1, [QUEUES, AGENTS]))
def test_where_an_interval_is_refused_a_coarser_one_is_taken_and_recorded(
    coarse_site: GuidesSite, resource: str
) -> None:
    # One at a time, or the attempts of several windows would mix.
    alone = {"ELT_CONCURRENT_JOBS": "1", "ELT_INTERVAL_MINUTES": "15"}
    coarse_site.read(resource, ELT_START="2026-11-19", **alone).succeeded()
    assert [body["interval"] for body in coarse_site.bodies(resource)][:4] == [
        "PT15M", "PT30M", "PT1H", "P1D",
    ]  # fmt: skip
    # Of the day that goes on nothing is read: its bucket would be counted again tomorrow.
    assert coarse_site.windows(resource, "status, adjustment") == [
        ("loaded", "granularity P1D, PT15M is too fine")
    ]
    body = next(body for body in coarse_site.bodies(resource) if body["interval"] == "P1D")
    rows = coarse_site.payloads(resource)
    whole = told_directly(coarse_site, body)
    assert sums(rows, GROUPS[resource]) == sums(whole, GROUPS[resource]) != Counter()


def test_a_page_is_asked_for_with_the_interval_of_its_token(site: GuidesSite) -> None:
    """A token of a coarser interval is worthless with a finer one."""
    refusal = {"code": "granularityTooFine", "message": "too fine", "status": 400}
    site.sandbox.add_faults(fault(REPORT, "status", [2, 3], status=400, body=refusal))
    whole_hours = ("--from", "2026-11-20", "--to", "2026-11-20T11:00:00Z")
    more = {"ELT_INTERVAL_MINUTES": "15", "GENESYS_REPORT_METRICS": "idleTime,offQueueTime"}
    site.run("load", "--only", AGENTS, *whole_hours, **more).succeeded()
    search, *bodies = site.bodies(AGENTS)
    assert search["interval"] == "PT15M"
    asked = [(body["interval"], "pageToken" in body) for body in bodies]
    assert asked[:3] == [("PT15M", False), ("PT30M", False), ("PT1H", False)]
    assert len(asked) > 4
    assert set(asked[3:]) == {("PT1H", True)}


def test_a_report_about_nothing_is_a_success_that_says_why(site: GuidesSite) -> None:
    range_without = ("--from", "2026-11-10", "--to", "2026-11-11")
    outcome = site.run("load", "--only", QUEUES, *range_without).succeeded()
    assert "nothing was reported" in outcome.stderr
    assert "the OAuth client sees no division with activity" in outcome.stderr
    assert site.windows(QUEUES, "status, record_count") == [("loaded", 0)]


def test_a_missing_permission_is_named(site: GuidesSite) -> None:
    message = "Missing the permission analytics:conversationAggregate:view"
    body = {"code": "missing.permission", "message": message, "status": 403}
    site.sandbox.add_faults(fault(REPORT, "status", "all", status=403, body=body))
    said = site.read(QUEUES).error(3)
    assert "give the OAuth client's role analytics:conversationAggregate:view" in said
    assert len(site.requests(REPORT)) == 1


def test_the_field_a_report_was_refused_for_is_named(site: GuidesSite) -> None:
    body = {"code": "invalid.value", "message": "Unknown metric [talkTime]", "status": 400}
    site.sandbox.add_faults(fault(REPORT, "status", "all", status=400, body=body))
    said = site.read(QUEUES).error(5)
    assert "answered 400 invalid.value about [talkTime]" in said
    assert len(site.requests(REPORT)) == 1
    # Only words of the question are repeated, no matter what the answer quotes.
    site.sandbox.clear_faults()
    quoted = {**body, "message": "No such person as [Ada Lovelace]"}
    site.sandbox.add_faults(fault(REPORT, "status", "all", status=400, body=quoted))
    assert "Lovelace" not in site.read(QUEUES).error(5)


def test_a_busy_service_is_asked_again_and_then_left_to_the_next_run(site: GuidesSite) -> None:
    site.sandbox.add_faults(
        fault(REPORT, "status", 1, status=429, retry_after=0),
        fault(REPORT, "status", 2, status=500),
    )
    site.read(QUEUES).succeeded()
    assert [entry["status"] for entry in site.requests(REPORT)] == [429, 500, 200]
