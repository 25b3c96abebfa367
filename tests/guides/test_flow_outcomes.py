"""Flow outcomes: one flow a query, as fine as allowed, and with care for what a query costs.

GUIDES G-B.
"""

import functools
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import pytest

from loader.genesys.retries import RetryPolicy
from tests.guides.conftest import Clean, CleanLoad
from tests.guides.site import MATCH, OUTCOMES, QUEUES, GuidesSite, is_search
from tests.harness.ask import ask
from tests.harness.place import fault

QUERY = MATCH[OUTCOMES]
PATH = "/api/v2/analytics/query-builder/query"
SMALL = {"ELT_PAGE_SIZE": "2"}
YESTERDAY = ("--from", "2026-11-19", "--to", "2026-11-20")
TOO_FINE = {"code": "granularityTooFine", "message": "Invalid date range", "status": 400}

Told = dict[str, Any]


@pytest.fixture(scope="module")
def whole(clean: CleanLoad) -> Clean:
    return clean(OUTCOMES, **SMALL)


@pytest.fixture
def site(whole: Clean, site: GuidesSite) -> GuidesSite:
    """Load in small pages; what `whole` asked for is not among the requests."""
    site.settings |= SMALL
    site.forget_requests()
    return site


def queries(site: GuidesSite) -> list[Told]:
    """Return the queries, in the order they were sent."""
    return [body["queryBuilder"] for body in site.bodies(OUTCOMES)]


def flows(query: Told) -> list[str]:
    return [flow for each in query["filters"] for flow in each["values"]]


def counts(rows: Iterable[Told]) -> Counter[tuple[str, str, str]]:
    """Return the counts by flow, interval and name."""
    return Counter(
        {
            (row["flow-id"], row["interval"], name): told["count"]
            for row in rows
            for name, told in row["metrics"]["flow-outcomes"].items()
        }
    )


def told_directly(site: GuidesSite, query: Told) -> Counter[tuple[str, str, str]]:
    """Return the counts of all flows, asked for at once."""
    body = {"queryBuilder": {**query, "filters": [], "limit": 1000}}
    body["queryBuilder"].pop("nextPageToken", None)
    return counts(ask(site.sandbox, "POST", PATH, body=body).json()["data"])


def test_a_query_is_about_one_flow_so_that_its_shares_add_up_to_one(site: GuidesSite) -> None:
    site.read(OUTCOMES).succeeded()
    assert all(query["groupBy"] == ["flow-id"] for query in queries(site))
    searches = [query for query in queries(site) if not flows(query)]
    others = [query for query in queries(site) if flows(query)]
    assert queries(site) == searches + others
    assert {len(flows(query)) for query in others} == {1}
    shares: defaultdict[tuple[str, str], float] = defaultdict(float)
    rows = site.payloads(OUTCOMES)
    for row in rows:
        for told in row["metrics"]["flow-outcomes"].values():
            shares[row["flow-id"], row["interval"]] += told["percentOfTotal"]
    assert len(shares) > 5
    assert all(abs(share - 1) < 0.00001 for share in shares.values())
    assert counts(rows) == told_directly(site, searches[0]) != Counter()


def test_a_second_sees_ten_queries_at_most_and_none_twice(site: GuidesSite) -> None:
    site.read(OUTCOMES, ELT_PAGE_SIZE="1").succeeded()
    entries = site.requests(QUERY)
    assert len(entries) > 10
    assert {entry["status"] for entry in entries} == {200}
    assert len({entry["body"] for entry in entries}) == len(entries)
    times = sorted(float(entry["at"]) for entry in entries)
    assert all(later - earlier >= 1 for earlier, later in zip(times, times[10:], strict=False))


def test_what_is_still_being_answered_is_asked_for_again_later(
    site: GuidesSite, whole: Clean
) -> None:
    site.sandbox.add_faults(fault(QUERY, "status", 9, status=409))
    site.read(OUTCOMES).succeeded()
    assert site.pages(OUTCOMES) == whole.pages
    assert site.raw(OUTCOMES) == whole.content


def test_outcomes_are_read_once_they_have_settled_for_an_hour(site: GuidesSite) -> None:
    site.at("2026-11-20T11:20:00Z").read(OUTCOMES).succeeded()
    # Whole hours that ended an hour ago.
    assert {query["dateTo"] for query in queries(site)} == {"2026-11-20T10:00:00.000Z"}
    # It would leave out the last hour of each window.
    assert not any("metricsDelay" in query for query in queries(site))
    assert {query["timeGroup"] for query in queries(site)} == {"hourly"}


def test_a_query_that_takes_too_long_is_given_up_at_once_and_left_to_the_next_run(
    site: GuidesSite, whole: Clean
) -> None:
    slow = 7
    site.sandbox.add_faults(fault(QUERY, "delay", slow, seconds=3))
    said = site.read(OUTCOMES, QUEUES, ELT_REQUEST_SECONDS="2").error(4)
    assert "the query is given up, the next run asks again" in said
    assert site.windows(OUTCOMES) == [("failed",)]
    assert site.windows(QUEUES) == [("loaded",)]
    while len(site.requests(QUERY)) < slow:
        time.sleep(0.1)
    assert len(site.requests(QUERY)) == slow

    site.forget_requests()
    site.read(OUTCOMES).succeeded()
    # One page came before the slow one; which flows there are is known.
    assert site.pages(OUTCOMES) == whole.pages[1:]
    assert not [entry for entry in site.requests(QUERY) if is_search(entry)]
    assert site.raw(OUTCOMES) == whole.content


@pytest.mark.slow
def test_after_five_failures_in_a_row_the_endpoint_is_left_alone_until_the_next_run(
    site: GuidesSite, whole: Clean, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As patient as usual, with shorter waits.
    policy = functools.partial(RetryPolicy, first_wait_seconds=0.01)
    monkeypatch.setattr("loader.commands.session.RetryPolicy", policy)
    site.sandbox.add_faults(fault(QUERY, "status", "7+", status=503))
    said = site.read(OUTCOMES, QUEUES, ELT_RETRY_ATTEMPTS="20").error(4)
    assert "failed 5 times in a row and is left alone for 60 s" in said
    assert [entry["status"] for entry in site.requests(QUERY)] == [200] * 6 + [503] * 5
    assert site.windows(QUEUES) == [("loaded",)]

    site.sandbox.clear_faults()
    site.forget_requests()
    site.read(OUTCOMES).succeeded()
    assert site.pages(OUTCOMES) == whole.pages[1:]
    assert site.raw(OUTCOMES) == whole.content


@pytest.mark.slow
def test_windows_too_long_for_hours_are_counted_by_days(site: GuidesSite) -> None:
    site.read(OUTCOMES, ELT_WINDOW_HOURS="744", ELT_START="2026-11-18").succeeded()
    assert {query["timeGroup"] for query in queries(site)} == {"daily"}
    # Whole days only, or half of one would be counted.
    assert {query["dateTo"] for query in queries(site)} == {"2026-11-20T00:00:00.000Z"}
    rows = site.payloads(OUTCOMES)
    assert counts(rows) == told_directly(site, queries(site)[0]) != Counter()
    assert site.windows(OUTCOMES, "adjustment") == [("granularity daily, hourly is too fine",)]


def test_where_hours_are_refused_days_are_counted_and_the_ledger_says_so(
    coarse_site: GuidesSite,
) -> None:
    coarse_site.read(OUTCOMES, ELT_START="2026-11-19").succeeded()
    read = [query for query in queries(coarse_site) if flows(query)]
    assert {(query["timeGroup"], query["dateTo"]) for query in read} == {
        ("daily", "2026-11-20T00:00:00.000Z")
    }
    assert coarse_site.windows(OUTCOMES, "status, adjustment") == [
        ("loaded", "granularity daily, hourly is too fine")
    ]
    rows = coarse_site.payloads(OUTCOMES)
    assert counts(rows) == told_directly(coarse_site, read[0]) != Counter()


@pytest.mark.slow
def test_where_days_are_refused_too_months_are_counted(site: GuidesSite) -> None:
    site.sandbox.add_faults(fault(QUERY, "status", [1, 2], status=400, body=TOO_FINE))
    site.run("load", "--only", OUTCOMES, *YESTERDAY).succeeded()
    assert [query["timeGroup"] for query in queries(site)][:3] == ["hourly", "daily", "monthly"]
    assert {query["timeGroup"] for query in queries(site) if flows(query)} == {"monthly"}
    [(adjustment,)] = site.windows(OUTCOMES, "adjustment")
    assert adjustment == "granularity monthly, hourly is too fine"
    assert site.row_count(OUTCOMES) > 3


def test_a_page_token_refused_while_flows_are_searched_begins_the_search_again(
    site: GuidesSite, whole: Clean
) -> None:
    body = {"code": "cursor.invalid", "message": "cursor invalid", "status": 400}
    site.sandbox.add_faults(fault(QUERY, "status", 3, status=400, body=body))
    site.read(OUTCOMES).succeeded()
    assert site.pages(OUTCOMES) == whole.pages
    assert site.raw(OUTCOMES) == whole.content


def test_a_page_token_that_repeats_while_flows_are_searched_ends_the_run(site: GuidesSite) -> None:
    body = {"data": [], "nextPageToken": "again"}
    site.sandbox.add_faults(fault(QUERY, "body", "all", body=body))
    said = site.read(OUTCOMES).error(5)
    assert "page token repeated while flows are searched" in said
    assert len(queries(site)) == 2


def test_the_bare_answer_about_one_flow_is_a_row_of_that_flow_and_window(site: GuidesSite) -> None:
    outcomes = {"Sold": {"count": 145, "percentOfTotal": 0.62}}
    body = {"metrics": {"flow-outcomes": outcomes}}
    site.sandbox.add_faults(fault(QUERY, "body", 2, body=body))
    site.read(OUTCOMES, ELT_PAGE_SIZE="100").succeeded()
    (flow,) = flows(queries(site)[1])
    rows = [row for row in site.payloads(OUTCOMES) if row["flow-id"] == flow]
    assert rows == [
        {
            "flow-id": flow,
            "interval": "2026-11-20T00:00:00.000Z/2026-11-20T11:00:00.000Z",
            "metrics": {"flow-outcomes": outcomes},
        }
    ]


@pytest.mark.slow
def test_a_time_without_flows_is_loaded_with_one_query(site: GuidesSite) -> None:
    site.run("load", "--only", OUTCOMES, "--from", "2026-11-10", "--to", "2026-11-11").succeeded()
    assert len(queries(site)) == 1
    assert site.windows(OUTCOMES, "status, record_count") == [("loaded", 0)]
