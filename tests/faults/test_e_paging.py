"""Faults E: pages and their tokens."""

import json
from collections.abc import Callable
from urllib.parse import parse_qsl

import pytest

from loader.raw import slice_array
from tests.faults.conftest import Expected
from tests.faults.relay import Exchange, Relay, Trick
from tests.faults.site import FIRST_PAGE, LATER_PAGES, RESULTS, SUBMIT, USERS, Site
from tests.harness.place import fault
from tests.harness.tiers import first

WINDOW = "conversation_details 2026-11-20T00:00Z..2026-11-20T11:30Z"


def test_e1_a_token_that_repeats_ends_the_run_and_the_window_begins_again(
    site: Site, expected: Expected
) -> None:
    site.sandbox.add_faults(fault(RESULTS, "mutate", "all", cursor="same"))
    said = site.run().error(5)
    assert f"{WINDOW}: page token repeated at page 2" in said
    assert len(site.requests(RESULTS)) == 2
    assert site.row_count() == 10
    site.sandbox.clear_faults()
    site.forget_requests()
    site.run().succeeded()
    assert len(site.requests(SUBMIT)) == 1
    assert len(site.requests(FIRST_PAGE)) == 1
    assert site.raw() == expected()


def test_e2_empty_pages_without_an_end_end_the_run(site: Site, expected: Expected) -> None:
    site.sandbox.add_faults(fault(LATER_PAGES, "mutate", "all", empty=True))
    said = site.run().error(5)
    assert f"{WINDOW}: 3 empty pages with a page token, up to page 4" in said
    assert len(site.requests(LATER_PAGES)) == 3
    site.sandbox.clear_faults()
    site.forget_requests()
    site.run().succeeded()
    assert len(site.requests(FIRST_PAGE)) == 1
    assert site.raw() == expected()


def test_e2_an_empty_page_among_others_is_nothing_special(site: Site, expected: Expected) -> None:
    site.sandbox.add_faults(fault(LATER_PAGES, "mutate", [1, 3], empty=True))
    site.ends_with(expected())
    assert site.ledger("status, page_count") == [("loaded", 5)]


def test_e3_a_token_refused_in_mid_window_begins_the_window_again(
    site: Site, expected: Expected
) -> None:
    site.sandbox.add_faults(fault(LATER_PAGES, "status", 2, status=400))
    site.ends_with(expected())
    # Two pages twice: more rows, the same content.
    assert site.row_count() == len(expected()) + 20
    assert [row[0] for row in site.ledger()] == ["failed", "loaded"]
    assert len(set(site.ledger("window_attempt_id"))) == 2
    assert len(site.requests(SUBMIT)) == 2


@pytest.mark.slow
def test_e3_a_token_that_is_always_refused_is_given_up(site: Site, expected: Expected) -> None:
    site.sandbox.add_faults(fault(LATER_PAGES, "status", "all", status=400))
    said = site.run().error(4)
    assert f"{WINDOW}: began again 3 times" in said
    assert len(site.requests(SUBMIT)) == 4
    site.sandbox.clear_faults()
    site.ends_with(expected())


def test_e4_a_token_that_has_expired_by_the_next_run_begins_the_window_again(
    site: Site, expected: Expected
) -> None:
    site.sandbox.add_faults(fault(LATER_PAGES, "status", "all", status=503))
    site.run(ELT_RETRY_ATTEMPTS="1").error(4)
    assert site.row_count() == 10
    site.sandbox.clear_faults()
    site.sandbox.add_faults(fault(LATER_PAGES, "job", 1, state="EXPIRED"))
    site.forget_requests()
    site.run().succeeded()
    assert [entry["status"] for entry in site.requests(RESULTS)][:2] == [404, 200]
    assert site.raw() == expected()


def test_e5_a_listing_shorter_than_it_says_is_read_again_and_then_given_up(
    site: Site, expected: Expected
) -> None:
    whole = expected("users")
    site.forget_requests()
    site.sandbox.add_faults(fault("GET /api/v2/users", "mutate", 1, set={"entities": []}))
    site.run(*USERS).succeeded()
    assert site.raw("users") == whole
    assert [row[0] for row in site.ledger()] == ["failed", "loaded"]
    site.sandbox.add_faults(fault("GET /api/v2/users", "mutate", "all", set={"entities": []}))
    said = site.run(*USERS).error(5)
    assert f"got 0 of {len(whole)} records" in said
    assert [row[0] for row in site.ledger()][2:] == ["failed"] * 4


@pytest.mark.parametrize(("change", "reads"), first(1, [(-1, 1), (1, 2)]))
def test_e6_a_total_that_changes_while_pages_are_read_loses_nothing(
    site: Site, change: int, reads: int, expected: Expected
) -> None:
    """One that has gone since is no loss; one that has come since is read with all others."""
    whole = {record_id for record_id, _ in expected("users")}
    site.forget_requests()
    told = {"total": len(whole) + change}
    site.sandbox.add_faults(fault("GET /api/v2/users", "mutate", 1, set=told))
    site.run(*USERS).succeeded()
    assert {record_id for record_id, _ in site.raw("users")} == whole
    assert len(site.requests("GET /api/v2/users")) == reads


@pytest.mark.slow
def test_e11_a_page_larger_than_asked_for_is_taken_as_it_is(site: Site, expected: Expected) -> None:
    site.run(ELT_PAGE_SIZE="1000").succeeded()
    records = [
        json.loads(row[0])
        for row in site.query("select payload from genesys_raw.conversation_details")
    ]
    assert len(records) == len(expected())
    other = Site(site.sandbox, site.folder / "other")
    body = {"conversations": records, "dataAvailabilityDate": "2026-11-20T11:30:00.000Z"}
    other.sandbox.add_faults(fault(FIRST_PAGE, "body", 1, body=body))
    other.run().succeeded()
    assert {record_id for record_id, _ in other.raw()} == {record_id for record_id, _ in expected()}
    assert other.ledger("status, page_count, record_count") == [("loaded", 1, len(records))]


@pytest.mark.parametrize("token", first(1, ['a"b\\c\nd\u00e5&e=f#g%20h+i', "x" * 6000]))
def test_e10_a_token_is_sent_back_exactly_as_it_came(site: Site, token: str) -> None:
    body = {"conversations": [], "cursor": token, "dataAvailabilityDate": "2026-11-20T11:30:00Z"}
    last = {"conversations": [], "dataAvailabilityDate": "2026-11-20T11:30:00Z"}
    site.sandbox.add_faults(
        fault(FIRST_PAGE, "body", 1, body=body), fault(LATER_PAGES, "body", 1, body=last)
    )
    site.run().succeeded()
    ((asked,),) = [
        [value for name, value in parse_qsl(entry["query"]) if name == "cursor"]
        for entry in site.requests(LATER_PAGES)
    ]
    assert asked == token


def pages(change: Callable[[list[list[bytes]]], None]) -> Trick:
    """Answer each page with what `change` makes of its records and those of the pages before."""
    read: list[list[bytes]] = []

    def answer(exchange: Exchange) -> None:
        sent = exchange.answer().body
        envelope, records = slice_array(sent, "conversations") or (b"", [])
        read.append(records)
        change(read)
        body = envelope.replace(b"[]", b"[" + b",".join(read[-1]) + b"]", 1)
        exchange.send(body, f"Content-Length: {len(body)}")

    return answer


def test_e7_a_record_that_moves_while_pages_are_read_is_found_again_and_counts_once(
    site: Site, relay: Relay, expected: Expected
) -> None:
    """One moves to the page before and is skipped, one to the page behind and comes twice."""
    moved: list[bytes] = []

    def move(read: list[list[bytes]]) -> None:
        if len(read) == 2:
            # The last is among those that the next run reads again at once, the first is not.
            moved.extend([read[1].pop(0), read[1].pop()])
        if len(read) == 3:
            read[2].insert(0, read[1][-1])

    site.settings["ELT_PAGE_SIZE"] = "12"
    whole = {name for name, _ in expected()}
    relay.play(RESULTS, pages(move), times=3)
    site.run().succeeded()
    skipped = [json.loads(record)["conversationId"] for record in moved]
    assert {name for name, _ in site.raw()} == whole - set(skipped)
    assert site.row_count() == len(whole) - 2 + 1
    assert len(site.newest()) == len(whole) - 2
    relay.stop_tricks()
    site.at("2026-11-21T12:00:00Z")
    site.run().succeeded()
    assert set(site.newest()) >= whole
    assert json.loads(site.newest()[skipped[0]]) == site.sandbox.record(skipped[0])


@pytest.mark.slow
def test_e8_a_page_served_twice_is_a_token_that_repeats(
    site: Site, relay: Relay, expected: Expected
) -> None:
    """A cache between us and the source answers for the page behind with the page before."""
    stale: list[bytes] = []

    def cached(exchange: Exchange) -> None:
        stale.append(exchange.answer().body)
        exchange.send(stale[0], f"Content-Length: {len(stale[0])}")

    relay.play(RESULTS, cached, times=9)
    said = site.run().error(5)
    assert f"{WINDOW}: page token repeated at page 2" in said
    relay.stop_tricks()
    site.ends_with(expected())


@pytest.mark.slow
def test_e9_the_order_of_records_means_nothing(
    site: Site, relay: Relay, expected: Expected
) -> None:
    relay.play(RESULTS, pages(lambda read: read[-1].reverse()), times=9)
    site.ends_with(expected())
