"""Several windows at once: in order in the warehouse, fewer where the source refuses so many."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loader.settings import Settings
from tests.harness.place import Place, fault, undisturbed
from tests.sandbox.process import SandboxProcess, Told, running_sandbox

JOBS = "/api/v2/analytics/conversations/details/jobs"
SUBMIT, RESULTS = f"POST {JOBS}$", f"GET {JOBS}/.*/results"
ONLY = ("load", "--only", "conversation_details")
COLUMNS = "strftime(window_start at time zone 'UTC', '%d'), status"


@pytest.fixture
def four_days(loader: Place) -> Place:
    """Load four days, in small pages that are a commit each."""
    loader.settings |= {"ELT_START": "2026-03-13", "ELT_PAGE_SIZE": "20"}
    return loader.at("2026-03-16T06:00:00Z")


def test_windows_are_read_at_once_and_committed_in_order(
    four_days: Place, sandbox: SandboxProcess
) -> None:
    # The first tells how large pages are. The next takes long, and meanwhile the token of all is
    # revoked.
    sandbox.add_faults(fault(RESULTS, "delay", 2, seconds=2), fault(RESULTS, "expire_token", 3))
    four_days.run(*ONLY).succeeded()
    asked = four_days.requests()
    submitted = [json.loads(entry["body"])["interval"][8:10] for entry in asked if _is_job(entry)]
    assert submitted == ["13", "14", "15", "16"]
    results = [entry for entry in asked if entry["path"].endswith("/results")]
    # The log is of answers: while one was waited for, others came.
    [delayed] = [number for number, entry in enumerate(results) if "delay" in entry["faults"]]
    assert {entry["path"] for entry in results[:delayed]} - {results[delayed]["path"]}
    assert len(four_days.requests("/oauth/token")) == 2
    days = [day for day, status in four_days.ledger(COLUMNS) if status == "loaded"]
    assert days == ["13", "14", "15", "16"]

    one_by_one = Place(sandbox, four_days.folder / "one", settings=dict(four_days.settings))
    sandbox.clear_faults()
    one_by_one.at("2026-03-16T06:00:00Z").run(*ONLY, ELT_CONCURRENT_JOBS="1").succeeded()
    results = [entry["path"] for entry in one_by_one.requests(RESULTS)]
    assert results == sorted(results, key=list(dict.fromkeys(results)).index)
    assert one_by_one.raw() == four_days.raw() != set()
    assert one_by_one.ledger(COLUMNS) == four_days.ledger(COLUMNS)


def test_what_is_left_of_a_window_shares_its_commit_with_the_next(
    four_days: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of the 14th a commit and a half.
    monkeypatch.setattr(Settings, "commit_bytes", 130_000)
    four_days.run(*ONLY).succeeded()
    written = four_days.ledger(f"{COLUMNS}, dense_rank() over (order by _dlt_load_id)")
    assert written[:3] == [("13", "loaded", 1), ("14", "partial", 1), ("14", "loaded", 2)]
    assert written[3] in [("15", "loaded", 2), ("15", "partial", 2)]


def test_what_befalls_a_later_window_is_told_when_its_turn_comes(
    four_days: Place, sandbox: SandboxProcess
) -> None:
    sandbox.add_faults(
        fault(SUBMIT, "status", 3, status=400), fault(RESULTS, "delay", 1, seconds=1)
    )
    said = four_days.run(*ONLY).error(5)
    assert "conversation_details 2026-03-15T00:00Z..2026-03-16T00:00Z" in said
    ended = [row for row in four_days.ledger(COLUMNS) if row[1] != "partial"]
    assert ended == [("13", "loaded"), ("14", "loaded"), ("15", "failed")]
    assert "2026-03-15 00:00Z" in four_days.run("status").stdout
    sandbox.clear_faults()
    four_days.forget_requests()
    four_days.run(*ONLY).succeeded()
    submitted = [json.loads(entry["body"])["interval"] for entry in four_days.requests(SUBMIT)]
    # An hour of overlap, and on from there.
    assert [interval[8:13] for interval in submitted] == ["14T23", "15T00", "16T00"]
    whole = Place(sandbox, four_days.folder / "whole", settings=dict(four_days.settings))
    whole.at("2026-03-16T06:00:00Z").run(*ONLY).succeeded()
    assert {name for name, _ in four_days.raw()} == {name for name, _ in whole.raw()}


def _is_job(entry: Told) -> bool:
    return (entry["method"], entry["path"], entry["status"]) == ("POST", JOBS, 202)


@pytest.fixture(scope="module")
def few_jobs() -> Iterator[SandboxProcess]:
    """Serve an organisation that runs two jobs at once, each for longer than a commit takes."""
    with running_sandbox(
        conversations=60, days=8, end="2026-03-17T00:00:00Z", now="2026-03-16T06:00:00Z",
        quota=1_000_000, job_polls=0, job_seconds=2.5, most_jobs=2,
    ) as running:  # fmt: skip
        yield running


def test_too_many_jobs_make_the_run_slower_and_end_nothing(
    few_jobs: SandboxProcess, tmp_path: Path
) -> None:
    """What was not taken is not overtaken either: later windows would have its job's place."""
    place = Place(few_jobs, tmp_path, settings={"ELT_START": "2026-03-09"})
    # One attempt: a window must not need the retries of what others are to blame for.
    outcome = place.run(*ONLY, ELT_RETRY_ATTEMPTS="1").succeeded()
    waiting = "03-11T00:00Z..2026-03-12T00:00Z gets its job when one of the 2 that this run has"
    assert outcome.stderr.count(waiting) == 1
    assert "from now on 3 windows are read at once (ELT_CONCURRENT_JOBS=4)" in outcome.stderr
    assert "from now on 1 " not in outcome.stderr
    days = [f"{day:02}" for day in range(9, 17)]
    assert place.ledger(COLUMNS) == [(day, "loaded") for day in days]
    taken = [json.loads(entry["body"]) for entry in place.requests() if _is_job(entry)]
    assert [query["interval"][8:10] for query in taken] == days
    refused = place.query("select distinct endpoint from genesys_raw.rate_limit_events")
    assert refused == [(JOBS,)]


def test_a_window_waits_for_no_job_of_others(few_jobs: SandboxProcess, tmp_path: Path) -> None:
    place = Place(few_jobs, tmp_path, settings={"ELT_START": "2026-03-15"})
    too_many = {"message": "The maximum number of concurrent jobs has been reached"}
    with undisturbed(few_jobs):
        few_jobs.add_faults(fault(SUBMIT, "status", "all", status=400, body=too_many))
        assert "too many jobs at once (400)" in place.run(*ONLY).error(4)


def test_aggregates_are_asked_for_many_days_at_once_until_that_is_refused(
    few_jobs: SandboxProcess, tmp_path: Path
) -> None:
    """The organisation counts quarters of an hour for a week at most."""
    place = Place(few_jobs, tmp_path / "joined", settings={"ELT_START": "2026-01-20"})
    place.load("--only", "queue_aggregates")
    windows = place.ledger("window_start, window_end, status, adjustment, _dlt_load_id")
    loaded = [row for row in windows if row[2] == "loaded"]
    assert [row[0] for row in loaded[1:]] == [row[1] for row in loaded[:-1]]
    # 56 days; those that share a commit are a row each.
    assert len(place.requests("aggregates/query")) < 56 / 3
    assert max((end - start).days for start, end, *_ in loaded) == 7
    assert len({row[4] for row in loaded}) < len(loaded)
    adjustments = " ".join(str(row[3]) for row in windows)
    assert "7 windows in one request" in adjustments
    assert "too much for one request" in adjustments
    assert "too fine" not in adjustments

    single = Place(few_jobs, tmp_path / "single", settings={"ELT_START": "2026-03-11"})
    single.load("--only", "queue_aggregates")

    def buckets(place: Place) -> set[tuple[str, str]]:
        rows = place.query("select record_id, payload from genesys_raw.queue_aggregates")
        return {(name, str(data)) for name, text in rows for data in json.loads(text)["data"]}

    assert buckets(place) >= buckets(single) != set()
    # What plan says beforehand goes by the same rule.
    plan = single.run("plan", "--only", "queue_aggregates", "--from", "2026-01-20").stdout
    assert "4 windows at once (ELT_CONCURRENT_JOBS)" in plan


@pytest.mark.parametrize(
    ("slow", "silence", "seconds"),
    [
        ({"action": "status", "status": 504}, 30.0, "120"),
        # Longer than an answer takes where others share the machine.
        pytest.param({"action": "delay", "seconds": 6}, 30.0, "4", marks=pytest.mark.slow),
        pytest.param({"action": "delay", "seconds": 6}, 4.0, "120", marks=pytest.mark.slow),
    ],
    ids=["a gateway's timeout", "the setting", "silence"],
)
def test_many_days_that_are_not_answered_in_time_are_asked_for_in_parts(
    few_jobs: SandboxProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    slow: dict[str, Any],
    silence: float,
    seconds: str,
) -> None:
    """The first request is of a day, the second of four, and is sent twice before it is cut."""
    monkeypatch.setattr("loader.genesys.client.SILENCE_SECONDS", silence)
    place = Place(few_jobs, tmp_path, settings={"ELT_START": "2026-03-06"})
    with undisturbed(few_jobs):
        few_jobs.add_faults(fault("aggregates/query", nth=[2, 3], **slow))
        patience = {"ELT_REQUEST_SECONDS": seconds, "ELT_RETRY_SECONDS": "60"}
        place.run("load", "--only", "queue_aggregates", **patience).succeeded()
        bodies = [json.loads(entry["body"]) for entry in place.requests("aggregates/query")]
    # Whoever was not waited for may not be in the log.
    days = {body["interval"][8:10] + "-" + body["interval"][33:35] for body in bodies}
    assert days - {"07-11"} == {"06-07", "07-09", "09-11", "11-14", "14-16"}
    row = "status, adjustment, retry_count"
    assert place.ledger(row)[1] == ("failed", "4 windows in one request", 1)
    loaded = place.query(
        "select min(window_start)::varchar, max(window_end)::varchar, count(*)"
        " from genesys_raw.extract_windows where status = 'loaded'"
    )
    assert loaded == [("2026-03-06 00:00:00+00", "2026-03-16 05:45:00+00", 5)]
