"""Faults B: Genesys asks to slow down."""

import pytest

from tests.faults.conftest import Expected
from tests.faults.relay import Exchange, Relay
from tests.faults.site import AVAILABILITY, FIRST_PAGE, LATER_PAGES, POLL, RESULTS, SUBMIT, Site
from tests.harness.place import Rows, fault
from tests.harness.tiers import first


def events(site: Site) -> Rows:
    return site.query(
        "select resource, endpoint, retry_after_seconds, waited_seconds, allowed_count "
        "from genesys_raw.rate_limit_events order by occurred_at, endpoint"
    )


def test_b1_a_429_is_waited_for_as_long_as_it_asks_and_is_in_the_ledger(
    site: Site, expected: Expected
) -> None:
    site.sandbox.add_faults(fault(LATER_PAGES, "status", 1, status=429, retry_after=1))
    site.ends_with(expected())
    assert [entry["status"] for entry in site.requests(RESULTS)] == [200, 429, 200, 200]
    ((resource, endpoint, retry_after, waited, allowed),) = events(site)
    assert resource == "conversation_details"
    assert endpoint.endswith("/results")
    assert (retry_after, allowed) == (1.0, 1_000_000)
    assert waited >= 1.0
    assert site.total("rate_limited_count") == 1
    assert site.total("waited_seconds") >= waited


def test_b2_a_429_until_a_date_waits_by_the_clock_of_the_settings(
    site: Site, expected: Expected
) -> None:
    # A second after ELT_NOW, and a minute before it.
    site.sandbox.add_faults(
        fault(LATER_PAGES, "status", 1, status=429, retry_after="Fri, 20 Nov 2026 12:00:01 GMT"),
        fault(LATER_PAGES, "status", 2, status=429, retry_after="Fri, 20 Nov 2026 11:59:00 GMT"),
    )
    site.ends_with(expected())
    ahead, past = events(site)
    assert ahead[2] == 1.0
    assert ahead[3] >= 1.0
    # What lies in the past is no wait; the usual back-off takes its place.
    assert past[2] is None
    assert past[3] > 0.0


@pytest.mark.parametrize(
    "retry_after",
    first(2, ["1.5", "-5", "soon", "", "Wed, 21 Oct 99999999999999999999 07:28:00 GMT", "\u00b2"]),
)
def test_b3_a_senseless_retry_after_counts_as_none(site: Site, retry_after: str) -> None:
    site.sandbox.add_faults(fault(AVAILABILITY, "status", 1, status=429, retry_after=retry_after))
    outcome = site.run("plan", "--only", "conversation_details").succeeded()
    assert [entry["status"] for entry in site.requests(AVAILABILITY)] == [429, 200]
    assert "asking again in 0." in outcome.stderr


def test_b3_two_retry_afters_count_as_none(site: Site, relay: Relay) -> None:
    def two_answers(exchange: Exchange) -> None:
        headers = ("Retry-After: 3000", "Retry-After: 4000", "Content-Length: 2")
        exchange.send(b"{}", *headers, status="429 Too Many Requests")

    trick = relay.play(AVAILABILITY, two_answers)
    outcome = site.run("plan", "--only", "conversation_details").succeeded()
    assert trick.played == 1
    assert "asking again in 0." in outcome.stderr


@pytest.mark.parametrize("retry_after", first(1, ["9999999999", "Thu, 31 Dec 2099 00:00:00 GMT"]))
def test_b4_a_wait_beyond_our_patience_ends_the_run_at_once(
    site: Site, retry_after: str, expected: Expected
) -> None:
    site.sandbox.add_faults(
        fault(LATER_PAGES, "status", "all", status=429, retry_after=retry_after)
    )
    said = site.run().error(4)
    assert "conversation_details 2026-11-20T00:00Z..2026-11-20T11:30Z" in said
    assert "127.0.0.1 asked to wait" in said
    assert "the limit is 5 s (ELT_RETRY_SECONDS)" in said
    assert len(site.requests(LATER_PAGES)) == 1
    # It was not waited for, and the ledger does not say so either.
    ((*_, retry_after_seconds, waited, _),) = events(site)
    assert retry_after_seconds >= 1000
    assert waited == 0.0
    assert site.row_count() == 10
    site.sandbox.clear_faults()
    site.ends_with(expected())


@pytest.mark.slow
def test_b5_a_429_without_a_wait_is_asked_again_after_a_while(
    site: Site, expected: Expected
) -> None:
    site.sandbox.add_faults(fault(RESULTS, "status", [1, 2], status=429))
    site.ends_with(expected())
    assert [event[2] for event in events(site)] == [None, None]
    assert all(event[3] > 0 for event in events(site))
    assert site.total("rate_limited_count") == 2


def test_b6_429_for_ever_ends_the_run_with_its_progress_kept(
    site: Site, expected: Expected
) -> None:
    site.sandbox.add_faults(fault(LATER_PAGES, "status", "2+", status=429))
    said = site.run(ELT_RETRY_ATTEMPTS="2").error(4)
    assert "conversation_details 2026-11-20T00:00Z..2026-11-20T11:30Z" in said
    assert "rate limited (429); gave up after 2 attempts" in said
    assert site.ledger("status, exit_code, page_count, record_count, rate_limited_count") == [
        ("failed", 4, 2, 20, 2)
    ]
    assert len(events(site)) == 2
    site.sandbox.clear_faults()
    site.forget_requests()
    site.run().succeeded()
    # Behind the second page, with the same job: nothing is read twice.
    assert site.requests(SUBMIT) == []
    assert len(site.requests(RESULTS)) == 1
    assert site.raw() == expected()
    assert site.row_count() == len(expected())


def test_b7_a_429_on_a_submission_is_asked_again_too(site: Site, expected: Expected) -> None:
    site.sandbox.add_faults(fault(SUBMIT, "status", 1, status=429, retry_after=0))
    site.run().succeeded()
    assert [entry["status"] for entry in site.requests(SUBMIT)] == [429, 202]
    assert site.raw() == expected()


@pytest.mark.slow
def test_b9_a_429_on_a_poll_does_not_submit_the_job_again(site: Site, expected: Expected) -> None:
    site.sandbox.add_faults(fault(POLL, "status", 1, status=429, retry_after=0))
    site.run().succeeded()
    assert [entry["status"] for entry in site.requests(POLL)] == [429, 200]
    assert len(site.requests(SUBMIT)) == 1
    assert len(site.requests(FIRST_PAGE)) == 1
    assert site.raw() == expected()
