"""Faults G and K8: jobs that come to nothing, and records no page should hold."""

import json
from types import SimpleNamespace

import pytest

from tests.faults import relay as tricks
from tests.faults.conftest import Expected
from tests.faults.relay import Relay
from tests.faults.site import (
    AVAILABILITY,
    DETAILS,
    FIRST_PAGE,
    LATER_PAGES,
    POLL,
    RESULTS,
    SUBMIT,
    YESTERDAY,
    Site,
)
from tests.harness.place import Rows, fault
from tests.harness.tiers import first
from tests.sandbox.faults import BROKEN_RECORDS

WINDOW = "conversation_details 2026-11-20T00:00Z..2026-11-20T11:30Z"


def quarantined(site: Site) -> Rows:
    return site.query(
        "select record_id, reason, page_number, position, payload "
        "from genesys_raw.quarantined_records order by _dlt_load_id, page_number, position"
    )


def test_g2_a_submission_whose_answer_is_lost_is_made_again_and_counts_once(
    site: Site, relay: Relay, expected: Expected
) -> None:
    """Genesys lists no jobs, so the first can only be left alone; it expires by itself."""
    played = relay.play(SUBMIT, tricks.lose)
    site.run().succeeded()
    assert played.played == 1
    assert [entry["status"] for entry in site.requests(SUBMIT)] == [202, 202]
    # Nobody asks for the first.
    assert len({entry["path"] for entry in site.requests(POLL)}) == 1
    assert site.raw() == expected()
    assert site.row_count() == len(expected())
    assert site.total("retry_count") == 1


@pytest.mark.parametrize("state", first(1, ["FAILED", "CANCELLED", "EXPIRED"]))
def test_g3_a_job_that_fails_is_submitted_again(site: Site, state: str, expected: Expected) -> None:
    site.sandbox.add_faults(fault(POLL, "job", 1, state=state))
    site.run().succeeded()
    assert len(site.requests(SUBMIT)) == 2
    assert site.raw() == expected()
    assert site.ledger("status, record_count") == [("failed", 0), ("loaded", len(expected()))]


@pytest.mark.slow
def test_g3_jobs_that_always_fail_are_given_up(site: Site, expected: Expected) -> None:
    site.sandbox.add_faults(fault(POLL, "job", "all", state="FAILED"))
    said = site.run().error(4)
    assert f"{WINDOW}: began again 3 times; job " in said
    assert "is FAILED" in said
    assert len(site.requests(SUBMIT)) == 4
    assert site.row_count() == 0
    site.sandbox.clear_faults()
    site.ends_with(expected())


def test_g4_a_job_that_expires_while_it_is_read_begins_again(
    site: Site, expected: Expected
) -> None:
    site.sandbox.add_faults(fault(LATER_PAGES, "job", 1, state="EXPIRED"))
    site.run().succeeded()
    assert len(site.requests(SUBMIT)) == 2
    assert site.raw() == expected()
    assert site.row_count() == len(expected()) + 10


def test_g5_a_job_that_stays_pending_is_asked_for_again_by_the_next_run(
    site: Site, expected: Expected, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.sandbox.add_faults(fault(POLL, "job", "all", state="PENDING"))
    # A clock on which half a minute passes between two polls.
    moments = iter(range(0, 10_000, 30))
    with monkeypatch.context() as patched:
        patched.setattr(
            "loader.resources.platform.conversation_details.time",
            SimpleNamespace(monotonic=lambda: float(next(moments))),
        )
        said = site.run(ELT_JOB_MINUTES="1").error(4)
    assert f"{WINDOW}: job " in said
    assert "is still PENDING after 1 min (ELT_JOB_MINUTES)" in said
    (job,) = {entry["path"].rsplit("/", 1)[1] for entry in site.requests(POLL)}
    site.sandbox.clear_faults()
    site.sandbox.add_faults(fault(POLL, "job", 1, state="FULFILLED"))
    site.forget_requests()
    site.run().succeeded()
    assert site.requests(SUBMIT) == []
    assert {entry["path"].rsplit("/", 1)[1] for entry in site.requests(POLL)} == {job}
    assert site.raw() == expected()


def test_g7_a_window_ends_where_the_source_s_data_end(site: Site, expected: Expected) -> None:
    early = {"dataAvailabilityDate": "2026-11-20T06:00:00.000Z"}
    site.sandbox.add_faults(fault(AVAILABILITY, "mutate", 1, set=early))
    site.run().succeeded()
    ends = "strftime(window_end at time zone 'UTC', '%H:%M'), limited_by, adjustment"
    assert site.ledger(ends) == [("06:00", "source availability", None)]
    assert site.raw() < expected()
    site.run().succeeded()
    assert site.ledger(ends)[1][:2] == ("11:30", "source availability")
    assert site.raw() == expected()


def test_g7_a_window_is_marked_only_as_far_as_its_own_answer_reaches(
    site: Site, expected: Expected
) -> None:
    # Not the question about availability but the results themselves say that they end early.
    early = {"dataAvailabilityDate": "2026-11-20T06:00:00.000Z"}
    site.sandbox.add_faults(fault(RESULTS, "mutate", "all", set=early))
    site.run().succeeded()
    assert site.ledger("strftime(window_end at time zone 'UTC', '%H:%M'), adjustment") == [
        ("06:00", "ends 2026-11-20T06:00:00.000Z, where the source's data end")
    ]
    site.sandbox.clear_faults()
    site.forget_requests()
    site.run().succeeded()
    (again,) = site.requests(SUBMIT)
    assert "2026-11-20T05:00:00.000Z/2026-11-20T11:30:00.000Z" in str(again["body"])
    # The sandbox writes a changed page anew: the same records in other bytes.
    assert {record_id for record_id, _ in site.raw()} == {record_id for record_id, _ in expected()}


KNOWN = '{"conversationId":"00000000-known","conversationStart":"2026-11-20T08:00:00.000Z"'
# A field nobody knows, one renamed, an optional one removed: each is what the record holds.
DRIFTED = (
    KNOWN.replace("known", "new-field")
    + ',"sentiment":{"score":0.5,"of":["a","b"]},"aB":1,"a b":2}',
    KNOWN.replace("known", "renamed").replace("conversationStart", "conversationStartTime") + "}",
    '{"conversationId":"00000000-removed"}',
)


def test_g1_a_record_keeps_what_nobody_knows(site: Site, expected: Expected) -> None:
    site.sandbox.add_faults(fault(FIRST_PAGE, "mutate", 1, splice=",".join(DRIFTED)))
    site.run().succeeded()
    assert set(DRIFTED) <= set(site.newest().values())
    assert site.raw() >= expected()
    assert site.row_count() == len(expected()) + len(DRIFTED)
    assert quarantined(site) == []


def test_g1_a_record_without_what_it_must_have_is_set_aside(site: Site, expected: Expected) -> None:
    """Renamed at the source, the id is missing in all of a page: too many to be chance."""
    renamed = '{"conversation_id":"00000000-renamed"}'
    site.sandbox.add_faults(fault(FIRST_PAGE, "mutate", 1, splice=renamed, count=10))
    said = site.run().error(5)
    assert f"{WINDOW}: 10 of {len(expected()) + 10} records are not valid" in said
    assert site.raw() == expected()
    assert {line[1] for line in quarantined(site)} == {"no id"}
    assert {line[4] for line in quarantined(site)} == {renamed}
    assert site.ledger("status, quarantined_count") == [("loaded", 10)]
    site.forget_requests()
    site.run().succeeded()
    assert site.requests(SUBMIT) == []


REASONS = {
    "no_id": "no id",
    "null_id": "no id",
    "blank_id": "no id",
    "lone_surrogate": "not valid JSON",
    "nan": "not valid JSON",
    "nul": "NUL character",
    "not_an_object": "not a JSON object",
    '{"conversationId":"bad00000-raw","externalTag":"line\nbreak"}': "not valid JSON",
    f'{{"conversationId":"bad00000-deep","x":{"[" * 100_000}{"]" * 100_000}}}': "nested",
    '{"conversationId":17}': "no id",
    "null": "not a JSON object",
}


def test_g15_k8_broken_records_are_set_aside_and_the_good_ones_load(
    site: Site, expected: Expected
) -> None:
    spliced = ",".join(BROKEN_RECORDS.get(kind, kind) for kind in REASONS)
    site.sandbox.add_faults(fault(FIRST_PAGE, "mutate", 1, splice=spliced, position=2))
    outcome = site.run(ELT_QUARANTINE_PERCENT="60").succeeded()
    assert f"{len(expected())} records in 1 windows, {len(REASONS)} quarantined" in outcome.stderr
    assert site.raw() == expected()
    refused = quarantined(site)
    for (kind, reason), line in zip(REASONS.items(), refused, strict=True):
        assert line[1].startswith(reason), kind
        assert line[4] == BROKEN_RECORDS.get(kind, kind)
    assert [line[2:4] for line in refused] == [(1, 2 + number) for number in range(len(refused))]
    assert {line[0] for line in refused if line[0]} == {
        "bad00000-0000-4000-8000-000000000001", "bad00000-0000-4000-8000-000000000002",
        "bad00000-0000-4000-8000-000000000004", "bad00000-raw", "bad00000-deep",
    }  # fmt: skip
    assert site.ledger("status, record_count, quarantined_count") == [
        ("loaded", len(expected()) + len(REASONS), len(REASONS))
    ]
    # Nobody trips over them again.
    site.run().succeeded()
    assert len(site.ledger()) == 1


def test_g15_too_many_broken_records_end_the_run_after_the_good_ones_are_loaded(
    site: Site, expected: Expected
) -> None:
    site.sandbox.add_faults(fault(LATER_PAGES, "mutate", 2, splice="no_id", position=0))
    said = site.run(*DETAILS).error(5)
    assert f"{WINDOW}: 1 of {len(expected()) + 1} records are not valid" in said
    assert "ELT_QUARANTINE_PERCENT" in said
    assert "genesys_raw.quarantined_records" in said
    assert site.raw() == expected()
    assert site.ledger() == [("loaded",)]
    site.ends_with(expected())


def test_k8_a_record_of_great_depth_is_kept_as_it_is(site: Site, expected: Expected) -> None:
    site.sandbox.add_faults(fault(FIRST_PAGE, "mutate", 1, splice="deep"))
    site.run().succeeded()
    assert site.row_count() == len(expected()) + 1
    assert quarantined(site) == []


@pytest.mark.parametrize(
    "text",
    first(
        1,
        [
            '\ufeff{"conversations":[],"dataAvailabilityDate":"2026-11-20T11:30:00Z"}',
            '{"conversations":[],"dataAvailabilityDate":"2026-11-20T11:30:00Z"}{"and":"more"}',
            '{"conversations":[],"cursor":NaN,"dataAvailabilityDate":"2026-11-20T11:30:00Z"}',
        ],
        ["bom", "trailing", "nan"],
    ),
)
def test_k8_a_page_that_is_broken_outside_its_records_is_refused_whole(
    site: Site, text: str
) -> None:
    site.sandbox.add_faults(fault(FIRST_PAGE, "body", "all", text=text))
    said = site.run(ELT_RETRY_ATTEMPTS="1").error(5)
    assert WINDOW in said
    assert "not a whole JSON document" in said
    assert site.row_count() == 0


def test_g8_what_yesterday_s_job_tells_today_is_of_yesterday(site: Site) -> None:
    """What staging then makes of it is told by test_l_transform."""
    site.settings["ELT_START"] = YESTERDAY
    site.at("2026-11-19T18:00:00Z")
    site.sandbox.add_faults(fault(LATER_PAGES, "status", "all", status=503))
    site.run(ELT_RETRY_ATTEMPTS="1").error(4)
    site.sandbox.clear_faults()
    site.at("2026-11-20T12:00:00Z")
    site.run().succeeded()
    asked = site.query(
        "select strftime(window_end at time zone 'UTC', '%d %H:%M'),"
        "strftime(extracted_at at time zone 'UTC', '%d %H:%M'), count(*) > 10 "
        "from genesys_raw.conversation_details group by all order by all"
    )
    assert asked[0] == ("19 17:30", "19 18:00", True)
    assert {extracted_at for _, extracted_at, _ in asked[1:]} == {"20 12:00"}
    held = site.newest()
    assert all(json.loads(held[name]) == site.sandbox.record(name) for name in list(held)[::10])
