"""Answers from the field that once ended a run, or worse, were taken for the whole.

Each follows a public report or Genesys' own definition; the sandbox gives them by its options.
"""

import json
from pathlib import Path

import pytest

from tests.faults.conftest import Expected
from tests.faults.site import DETAILS, FIRST_PAGE, POLL, RESULTS, SUBMIT, USERS, Site
from tests.harness.place import fault
from tests.harness.tiers import first
from tests.sandbox.process import running_sandbox

AGGREGATES = "POST .*/conversations/aggregates/query"
QUERY = "POST .*/details/query"
NO_REFERENCE = ("load", "--only", "queue_aggregates")
# What a machine needs no longer than a moment for, even a slow one.
MANY = "100000"

MORNING = [
    {
        "conversationId": f"00000000-0000-4000-8000-00000000000{number}",
        "conversationStart": f"2026-11-18T09:0{number}:00.000Z",
        "conversationEnd": f"2026-11-18T09:1{number}:00.000Z",
        "participants": [],
    }
    for number in range(3)
]


# -- quiet_window -----------------------------------------------------------------------------


@pytest.mark.parametrize("empty", ["list", "absent", "null", "bare"])
def test_a_quiet_afternoon_after_a_busy_morning_is_loaded(tmp_path: Path, empty: str) -> None:
    morning = tmp_path / "morning.json"
    morning.write_text(json.dumps(MORNING))
    with running_sandbox(
        extras=[morning], conversations=0, quota=MANY, now="2026-11-18T12:30:00Z", empty=empty
    ) as sandbox:
        site = Site(sandbox, tmp_path / "site")
        site.settings["ELT_START"] = "2026-11-18"
        site.run(*DETAILS).succeeded()
        site.at("2026-11-18T15:30:00Z")
        site.run(*DETAILS).succeeded()
        through = "strftime(window_end at time zone 'UTC', '%H:%M'), status, record_count"
        assert site.ledger(through) == [("12:00", "loaded", 3), ("15:00", "loaded", 0)]


@pytest.mark.parametrize("end", ["2026-11-18T12:10:00.000Z", None], ids=["ended", "alive"])
def test_a_page_without_conversations_is_refused_where_one_reached_into_the_window(
    tmp_path: Path, end: str | None
) -> None:
    """It began before the window and is counted by its day: only its end tells that it counts."""
    began_before = {**MORNING[0], "conversationEnd": end} if end else dict(MORNING[0])
    if end is None:
        del began_before["conversationEnd"]
    morning = tmp_path / "morning.json"
    morning.write_text(json.dumps([began_before]))
    with running_sandbox(
        extras=[morning], conversations=0, quota=MANY, now="2026-11-18T15:30:00Z"
    ) as sandbox:
        site = Site(sandbox, tmp_path / "site")
        site.settings["ELT_START"] = "2026-11-18"
        sandbox.add_faults(fault(RESULTS, "body", "all", text="{}"))
        said = site.run(*DETAILS, "--from", "2026-11-18T12:00:00Z").error(5)
        assert "answered 200 without `conversations`" in said
        assert [row[0] for row in site.ledger()] == ["failed"]


# -- aggregates -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [{}, {"results": None}, {"results": []}], ids=["bare", "null", "list"]
)
@pytest.mark.parametrize(
    "name", first(1, ["queue_aggregates", "flow_aggregates", "user_aggregates"])
)
def test_aggregates_of_a_quiet_time_are_empty(site: Site, name: str, body: object) -> None:
    site.sandbox.add_faults(fault("POST .*/aggregates/query", "body", "all", body=body))
    site.run("load", "--only", name).succeeded()
    assert site.ledger("status, record_count") == [("loaded", 0)]


def test_an_error_with_status_200_is_no_quiet_time(site: Site) -> None:
    told = {"code": "bad.request", "status": 400, "message": "no"}
    site.sandbox.add_faults(fault(AGGREGATES, "body", "all", body=told))
    said = site.run(*NO_REFERENCE).error(5)
    assert "answered 200 without `results`" in said


def test_aggregates_larger_than_the_limit_are_read_in_shorter_windows(tmp_path: Path) -> None:
    with (
        running_sandbox(conversations=120, days=2, now="2026-11-20T12:00:00Z") as sandbox,
        running_sandbox(
            conversations=120, days=2, now="2026-11-20T12:00:00Z", most_buckets=10
        ) as limited,
    ):
        whole, halved = Site(sandbox, tmp_path / "whole"), Site(limited, tmp_path / "halved")
        for site in (whole, halved):
            site.run(*NO_REFERENCE).succeeded()
        assert [row[0] for row in whole.ledger()] == ["loaded"]
        assert halved.ledger()[0] == ("failed",)
        assert halved.ledger()[-1] == ("loaded",)

        def buckets(site: Site) -> set[tuple[str, str]]:
            rows = site.query("select record_id, payload from genesys_raw.queue_aggregates")
            return {(name, str(data)) for name, text in rows for data in json.loads(text)["data"]}

        assert buckets(halved) == buckets(whole)


@pytest.mark.parametrize(
    ("status", "message"),
    first(
        1,
        [
            (400, "Result set is larger than result limit"),
            (400, "Pagination may not exceed 400000 results. Tip: use another date range"),
            (
                400,
                "You must specify a search interval as part of your query that does not exceed 31",
            ),
            (413, "No."),
            (422, "No."),
        ],
    ),
)
def test_a_refusal_that_means_too_much_halves_the_window(
    site: Site, status: int, message: str, expected: Expected
) -> None:
    body = {"message": message, "code": "bad.request", "status": status, "details": []}
    site.sandbox.add_faults(fault(SUBMIT, "status", 1, status=status, body=body))
    site.run().succeeded()
    assert site.raw() == expected()
    assert [row[0] for row in site.ledger()] == ["failed", "loaded", "loaded"]


def test_a_job_that_failed_of_too_much_is_halved_not_submitted_again(
    site: Site, expected: Expected
) -> None:
    told = {"state": "FAILED", "errorMessage": "Result set is larger than result limit"}
    site.sandbox.add_faults(fault(POLL, "body", 1, body=told))
    site.run().succeeded()
    assert site.raw() == expected()
    assert len({entry["body"] for entry in site.requests(SUBMIT)}) == 3


# -- young_job_404 ----------------------------------------------------------------------------


def test_a_young_job_that_is_not_found_yet_is_polled_not_submitted_again(tmp_path: Path) -> None:
    with running_sandbox(
        conversations=120, days=2, now="2026-11-20T12:00:00Z", young_polls=2
    ) as sandbox:
        site = Site(sandbox, tmp_path / "site")
        site.run(*DETAILS).succeeded()
        assert len(site.requests(SUBMIT)) == 1
        assert [entry["status"] for entry in site.requests(POLL)][:3] == [404, 404, 200]
        assert [entry["status"] for entry in site.requests(FIRST_PAGE)] == [404, 404, 200]
        assert [row[0] for row in site.ledger()] == ["loaded"]


def test_a_known_job_that_is_gone_is_lost(site: Site, expected: Expected) -> None:
    site.sandbox.add_faults(
        fault(POLL, "job", 1, state="PENDING"), fault(POLL, "status", 2, status=404)
    )
    site.run().succeeded()
    assert len(site.requests(SUBMIT)) == 2
    assert site.raw() == expected()


def test_an_old_job_that_is_gone_is_lost(site: Site, expected: Expected) -> None:
    site.sandbox.add_faults(fault(FIRST_PAGE, "status", "all", status=503))
    site.run(ELT_RETRY_ATTEMPTS="1").error(4)
    site.sandbox.clear_faults()
    site.sandbox.add_faults(fault(POLL, "status", 1, status=404))
    site.forget_requests()
    # An hour later, by the clock that the run before was started by.
    site.at("2026-11-20T13:00:00Z")
    site.run("load", "--only", "conversation_details", "--to", "2026-11-20T11:30:00Z").succeeded()
    assert next(entry["status"] for entry in site.requests(POLL)) == 404
    assert len(site.requests(SUBMIT)) == 1
    assert {name for name, _ in expected()} <= {name for name, _ in site.raw()}


# -- listings ---------------------------------------------------------------------------------


def test_users_beyond_the_rows_that_are_listed_are_read_by_state(tmp_path: Path) -> None:
    with running_sandbox(
        conversations=0, quota=MANY, now="2026-11-20T12:00:00Z",
        more_users="active=6000,inactive=4138",
    ) as sandbox:  # fmt: skip
        site = Site(sandbox, tmp_path / "site")
        outcome = site.run(*USERS).succeeded()
        assert site.row_count("users") == 10_200
        assert len(site.raw("users")) == 10_200
        assert "not read" not in outcome.stderr
        columns = "status, announced_count, adjustment"
        assert site.ledger(columns)[-1] == ("loaded", 10_200, None)


def test_a_state_that_is_too_long_is_read_as_far_as_it_is_listed(tmp_path: Path) -> None:
    """The warning names it, and no run fails or appends the rest again and again."""
    with running_sandbox(
        conversations=0, quota=MANY, now="2026-11-20T12:00:00Z", more_users="active=10138"
    ) as sandbox:
        site = Site(sandbox, tmp_path / "site")
        outcome = site.run(*USERS).succeeded()
        assert "users state active are listed no further than 10000 rows" in outcome.stderr
        # All of the other states: 6 inactive, 4 deleted.
        assert len(site.raw("users")) == site.row_count("users") == 10_010
        told = "status, adjustment"
        assert site.ledger(told)[-1] == ("loaded", "not read to their end: users state active")
        site.run("load").succeeded()
        assert site.row_count("users") == 10_010


def test_a_listing_that_fails_in_its_middle_appends_nothing(site: Site) -> None:
    site.sandbox.add_faults(
        fault("GET /api/v2/users", "mutate", "all", set={"pageCount": 2}),
        fault("GET /api/v2/users.*pageNumber=2", "status", "all", status=503),
    )
    for runs in (1, 2):
        site.run(*USERS, ELT_RETRY_ATTEMPTS="1").error(4)
        assert site.row_count("users") == 0
        assert site.ledger("status, record_count") == [("failed", 0)] * runs


def test_a_listing_without_totals_is_followed_to_its_end(tmp_path: Path) -> None:
    with running_sandbox(
        conversations=0, quota=MANY, now="2026-11-20T12:00:00Z",
        uncounted_listings=True, listing_page=5,
    ) as sandbox:  # fmt: skip
        site = Site(sandbox, tmp_path / "site")
        site.run(*USERS).succeeded()
        assert len(site.raw("users")) == site.row_count("users") == 62
        assert site.ledger()[-1] == ("loaded",)


def test_a_listing_with_a_total_alone_is_read_to_it(site: Site, expected: Expected) -> None:
    whole = expected("users")
    gone = ["pageCount", "nextUri", "lastUri"]
    site.sandbox.add_faults(fault("GET /api/v2/users", "mutate", "all", drop=gone))
    site.run(*USERS).succeeded()
    assert {name for name, _ in site.raw("users")} == {name for name, _ in whole}


def test_a_listing_that_can_be_neither_counted_nor_followed_is_not_whole(site: Site) -> None:
    gone = ["total", "pageCount", "nextUri", "lastUri"]
    site.sandbox.add_faults(fault("GET /api/v2/users", "mutate", "all", drop=gone))
    said = site.run(*USERS).error(5)
    assert "/api/v2/users tells neither how many there are nor where the next page is" in said
    assert site.ledger() == [("failed",)]


@pytest.mark.parametrize("link", ["/api/v2/routing/queues?pageNumber=2", "https://evil.example/x"])
def test_a_next_page_elsewhere_is_not_followed(site: Site, link: str) -> None:
    site.sandbox.add_faults(
        fault("GET /api/v2/users", "mutate", "all", drop=["total", "pageCount"]),
        fault("GET /api/v2/users", "mutate", "all", set={"nextUri": link}),
    )
    said = site.run(*USERS).error(5)
    assert "/api/v2/users: its nextUri leads elsewhere" in said
    assert "evil" not in said
