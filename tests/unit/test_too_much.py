"""Refusals that mean that one request asks for too much, by the words Genesys is known to use."""

import json

import pytest

from loader.genesys.too_much import means_too_much

KNOWN = [
    # Aggregates.
    "Result set is larger than result limit",
    "The result set is too large; narrow the query",
    "Too many results, add filters",
    # Details queries, deeper than they go.
    "Pagination may not exceed 400000 results. Tip: use another date range",
    "Pagination may not exceed 100000 results. Tip: try adding additional filters or query in "
    "smaller intervals",
    "The response is too large",
    # Intervals.
    "You must specify a search interval as part of your query that does not exceed 31 days.",
    "The interval must not be longer than 7 days",
    "Interval exceeds the maximum of 558 hours",
    "The date range is too wide",
    # Listings.
    "pageNumber * pageSize must not exceed 10000",
]
OTHERS = [
    "The request could not be understood by the server.",
    "pageSize must be between 1 and 100",
    "pageSize must not exceed 100",
    "Unrecognized field [interval]",
    "Value [2026] is not a valid interval",
    "The interval must start before it ends",
    "The number of metrics may not exceed 20",
    # An outage, however long it waited.
    "The query took longer than 60 seconds",
    "No response for more than 30 seconds",
    # Coarser buckets answer that.
    "The granularity [PT15M] is too fine for the interval [a/b]",
    "Interval exceeds 7 days, the most for granularity PT15M",
]


def body(message: str, code: str = "bad.request") -> str:
    told = {"message": message, "code": code, "contextId": "c", "details": [], "errors": []}
    return json.dumps(told)


@pytest.mark.parametrize("status", [400, 404, 500])
@pytest.mark.parametrize("message", KNOWN)
def test_a_known_wording_means_too_much_with_any_status(message: str, status: int) -> None:
    assert means_too_much(status, body(message))


@pytest.mark.parametrize("message", OTHERS)
def test_other_refusals_do_not_mean_it(message: str) -> None:
    assert not means_too_much(400, body(message))


@pytest.mark.parametrize("status", [413, 422])
def test_two_statuses_mean_it_without_a_word(status: int) -> None:
    assert means_too_much(status, "")
    assert means_too_much(status, body("No."))
    assert not means_too_much(status, body("The granularity is too fine"))


@pytest.mark.parametrize("status", [401, 403, 429])
def test_whoever_may_not_ask_does_not_ask_for_too_much(status: int) -> None:
    assert not means_too_much(status, body("Rate limit: too many results"))


def test_a_code_and_a_nested_error_are_read_too() -> None:
    assert means_too_much(400, body("No.", code="result.set.too.large"))
    nested = {"code": "bad.request", "errors": [{"message": KNOWN[0]}]}
    assert means_too_much(400, json.dumps(nested))
    assert means_too_much(400, "<html>Result set is larger than result limit</html>")
