"""Faults D: answers that are not what was asked for."""

import pytest

from tests.faults.conftest import Expected
from tests.faults.relay import Relay
from tests.faults.site import (
    AVAILABILITY,
    FIRST_PAGE,
    LATER_PAGES,
    POLL,
    RESULTS,
    SUBMIT,
    USERS,
    YESTERDAY,
    Site,
)
from tests.harness.place import fault
from tests.harness.tiers import first

WINDOW = "conversation_details 2026-11-20T00:00Z..2026-11-20T11:30Z"
HALF_EMPTY = {"code": "bad.request", "status": 400, "message": "no"}


@pytest.mark.parametrize("status", first(2, [500, 502, 503, 504, 408]))
def test_d1_a_server_error_is_asked_again(site: Site, status: int) -> None:
    site.sandbox.add_faults(fault(AVAILABILITY, "status", 1, status=status))
    site.run("plan", "--only", "conversation_details").succeeded()
    assert [entry["status"] for entry in site.requests(AVAILABILITY)] == [status, 200]


def test_d1_server_errors_anywhere_change_nothing_that_is_loaded(
    site: Site, expected: Expected
) -> None:
    site.sandbox.add_faults(
        fault(SUBMIT, "status", 1, status=502),
        fault(POLL, "status", 1, status=503),
        fault(LATER_PAGES, "status", [1, 2], status=500),
    )
    site.ends_with(expected())
    assert site.row_count() == len(expected())
    assert site.total("retry_count") == 4
    assert len(site.requests(SUBMIT)) == 2


def test_d2_a_window_that_stays_down_stops_the_resource_there(
    site: Site, expected: Expected
) -> None:
    whole = expected(ELT_START=YESTERDAY)
    site.settings["ELT_START"] = YESTERDAY
    site.sandbox.add_faults(fault(LATER_PAGES, "status", "2+", status=503))
    # One after the other, or the page that is answered may be one of the second.
    said = site.run(ELT_RETRY_ATTEMPTS="2", ELT_CONCURRENT_JOBS="1").error(4)
    assert "conversation_details 2026-11-19T00:00Z..2026-11-20T00:00Z" in said
    assert "answered 503; gave up after 2 attempts" in said
    assert "ELT_RETRY_SECONDS" in said
    # Nothing behind the window was asked for or marked.
    assert site.ledger("status, page_count, left(window_start::text, 10)") == [
        ("failed", 2, "2026-11-19")
    ]
    site.sandbox.clear_faults()
    site.run().succeeded()
    assert site.raw() == whole
    assert site.ledger()[0] == ("failed",)
    assert set(site.ledger()[1:]) == {("loaded",)}


@pytest.mark.slow
def test_d2_a_later_window_that_stays_down_keeps_the_earlier_ones(
    site: Site, expected: Expected
) -> None:
    whole = expected(ELT_START=YESTERDAY)
    site.settings["ELT_START"] = YESTERDAY
    site.sandbox.add_faults(fault(SUBMIT, "status", "2+", status=503))
    said = site.run(ELT_RETRY_ATTEMPTS="1").error(4)
    assert WINDOW in said
    assert [row[0] for row in site.ledger()] == ["loaded", "failed"]
    site.sandbox.clear_faults()
    site.forget_requests()
    site.run().succeeded()
    # The first window is not asked for again.
    assert len(site.requests(SUBMIT)) == 1
    assert site.raw() == whole


def test_d3_a_path_that_is_gone_ends_the_run_at_once(site: Site, expected: Expected) -> None:
    site.sandbox.add_faults(fault(SUBMIT, "status", "all", status=404))
    said = site.run().error(5)
    assert WINDOW in said
    assert "/details/jobs answered 404 not.found, correlation id " in said
    assert len(site.requests(SUBMIT)) == 1
    assert site.row_count() == 0
    site.sandbox.clear_faults()
    site.ends_with(expected())


def test_d4_a_refused_question_ends_the_run_without_the_values_of_the_answer(
    site: Site, expected: Expected
) -> None:
    body = {"code": "bad.interval", "status": 400, "message": "for +46700000000 of Nora Invented"}
    site.sandbox.add_faults(fault(SUBMIT, "status", "all", status=400, body=body))
    outcome = site.run()
    said = outcome.error(5)
    assert "answered 400 bad.interval, correlation id " in said
    assert "+46700000000" not in outcome.said
    assert "+46700000000" not in str(site.ledger("error"))
    assert len(site.requests(SUBMIT)) == 1
    site.sandbox.clear_faults()
    site.ends_with(expected())


@pytest.mark.parametrize(("match", "status"), first(1, [(SUBMIT, 413), (RESULTS, 422)]))
def test_d5_a_window_that_is_too_much_is_halved(
    site: Site, match: str, status: int, expected: Expected
) -> None:
    site.sandbox.add_faults(fault(match, "status", 1, status=status))
    site.ends_with(expected())
    first, *halves = site.ledger("status, window_start, adjustment")
    assert first[0] == "failed"
    why = "half of 2026-11-20T00:00Z..2026-11-20T11:30Z, too much for one request"
    assert [half[::2] for half in halves] == [("loaded", why), ("loaded", why)]
    # Nothing is left open: the next run has nothing to do.
    site.forget_requests()
    site.run().succeeded()
    assert site.requests(SUBMIT) == []


@pytest.mark.slow
def test_d5_a_minute_that_is_too_much_ends_the_run(site: Site, expected: Expected) -> None:
    site.sandbox.add_faults(fault(SUBMIT, "status", "all", status=413))
    said = site.run("load", "--only", "conversation_details", "--to", "2026-11-20T00:02:00Z").error(
        5
    )
    assert "The window cannot be made shorter" in said
    assert "2026-11-20T00:00Z..2026-11-20T00:01Z" in said
    site.sandbox.clear_faults()
    site.ends_with(expected())


def test_d6_an_empty_answer_is_asked_for_again(site: Site, expected: Expected) -> None:
    site.sandbox.add_faults(
        fault(FIRST_PAGE, "body", 1, text=""), fault(LATER_PAGES, "body", 1, text="", status=204)
    )
    site.ends_with(expected())


@pytest.mark.slow
def test_d6_an_answer_that_stays_empty_is_never_no_rows(site: Site, expected: Expected) -> None:
    site.sandbox.add_faults(fault(FIRST_PAGE, "body", "all", text=""))
    said = site.run(ELT_RETRY_ATTEMPTS="2").error(5)
    assert WINDOW in said
    assert "empty answer, each time it was asked" in said
    assert [row[0] for row in site.ledger()] == ["failed"]
    site.sandbox.clear_faults()
    site.ends_with(expected())


@pytest.mark.parametrize("status", first(2, [301, 302, 303, 307, 308]))
@pytest.mark.parametrize("match", [AVAILABILITY, "POST /oauth/token"], ids=["api", "login"])
def test_d7_a_redirect_is_never_followed(site: Site, relay: Relay, status: int, match: str) -> None:
    # The relay's address is the trap; the loader itself talks to the sandbox.
    site.settings |= {"GENESYS_API_URL": site.sandbox.url, "GENESYS_LOGIN_URL": site.sandbox.url}
    elsewhere = relay.url.replace("127.0.0.1", "localhost") + "/take?it=all"
    site.sandbox.add_faults(
        fault(match, "status", "all", status=status, headers={"Location": elsewhere})
    )
    said = site.run("plan", "--only", "conversation_details").error(5)
    assert "unexpected redirect to host localhost; not followed" in said
    assert "take" not in said
    assert relay.connections == 0
    assert len(site.requests(match)) == 1


@pytest.mark.parametrize(
    "location",
    first(2, ["", "http://[", "file:///etc/passwd", "//\x1b[2Jevil.example/", "http://a b/"]),
)
def test_d7_a_redirect_to_nowhere_is_refused_alike(site: Site, location: str) -> None:
    site.sandbox.add_faults(
        fault(AVAILABILITY, "status", "all", status=302, headers={"Location": location})
    )
    outcome = site.run("plan", "--only", "conversation_details")
    assert "unexpected redirect to host" in outcome.error(5)
    assert "\x1b" not in outcome.stderr


NO_ANSWERS = [
    fault(RESULTS, "body", "all", body=HALF_EMPTY),
    fault(RESULTS, "mutate", "all", drop=["conversations"]),
    fault(RESULTS, "mutate", "all", drop=["conversations", "cursor"]),
    fault(LATER_PAGES, "mutate", "all", drop=["conversations"]),
    fault(RESULTS, "mutate", "all", set={"conversations": None}),
    fault(RESULTS, "mutate", "all", set={"conversations": {}}),
    fault(RESULTS, "body", "all", body=[]),
    fault(RESULTS, "body", "all", body=None),
    fault(RESULTS, "body", "all", text="<html>down</html>", content_type="text/html"),
    fault(RESULTS, "body", "all", text="no JSON at all"),
    fault(SUBMIT, "mutate", "all", drop=["jobId"]),
    fault(POLL, "mutate", "all", drop=["state"]),
]


@pytest.mark.parametrize("answers", first(1, [NO_ANSWERS[:4], NO_ANSWERS[4:]]))
def test_d8_a_200_that_is_no_answer_is_never_no_rows(
    site: Site, expected: Expected, answers: list[dict[str, object]]
) -> None:
    for number, wrong in enumerate(answers, start=1):
        site.sandbox.clear_faults()
        site.sandbox.add_faults(wrong)
        said = site.run(ELT_RETRY_ATTEMPTS="1").error(5)
        assert WINDOW in said
        assert "/api/v2/analytics/conversations/details/jobs" in said
        assert [row[0] for row in site.ledger()] == ["failed"] * number
    # Only the fourth of all began with a page that was one.
    assert site.row_count() == (10 if NO_ANSWERS[3] in answers else 0)
    site.sandbox.clear_faults()
    site.ends_with(expected())


def test_d8_a_window_without_conversations_is_confirmed_before_it_is_believed(site: Site) -> None:
    range_asked = ("--from", "2026-11-01", "--to", "2026-11-02")
    site.sandbox.add_faults(fault(RESULTS, "mutate", "all", drop=["conversations"]))
    site.run("load", "--only", "conversation_details", *range_asked).succeeded()
    assert len(site.requests("POST .*/details/query")) == 1
    assert site.ledger("status, record_count") == [("loaded", 0)]


def test_d8_a_listing_without_entities_is_never_an_empty_organisation(site: Site) -> None:
    for wrong in (
        fault("GET /api/v2/users", "body", "all", body=HALF_EMPTY),
        fault("GET /api/v2/users", "mutate", "all", drop=["entities"]),
        fault("GET /api/v2/users", "body", "all", text="{}"),
    ):
        site.sandbox.clear_faults()
        site.sandbox.add_faults(wrong)
        said = site.run(*USERS).error(5)
        assert "/api/v2/users: answered 200 without `entities`" in said
    assert site.ledger("resource, status") == [("users", "failed")] * 3
    assert site.row_count("users") == 0
