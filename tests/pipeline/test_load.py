"""Loading: everything once, late things later, and nothing lost where a run stops."""

import hashlib
import json
from pathlib import Path

from tests.loading import Loader
from tests.postgres import PostgresDatabase
from tests.sandbox.process import SandboxProcess

RESULTS = "GET /api/v2/analytics/conversations/details/jobs/.*/results"


def paths(sandbox: SandboxProcess, since: int = 0) -> list[str]:
    return [f"{entry['method']} {entry['path']}" for entry in sandbox.log(since)]


def visible(sandbox: SandboxProcess, now: str) -> set[str]:
    """Return the conversations the data lake shows at `now`."""
    return {
        told["conversationId"]
        for told in sandbox.truth()
        if any(version["visibleAt"] <= now for version in told["versions"])
    }


def test_a_load_brings_every_visible_conversation_byte_for_byte(
    sandbox: SandboxProcess, loader: Loader
) -> None:
    loader.load("--only", "conversation_details")
    newest = loader.newest()
    # Reading stops at the availability date; what became visible before it is all there.
    assert set(newest) >= visible(sandbox, "2026-03-14T17:30:00.000Z") != set()
    payloads: dict[str, str] = dict(
        loader.query("select record_id, payload from genesys_raw.conversation_details")
    )
    for conversation_id, payload in payloads.items():
        assert hashlib.sha256(payload.encode()).hexdigest() == newest[conversation_id]
        assert json.loads(payload) == sandbox.record(conversation_id)


def test_reference_data_come_whole_with_what_defaults_would_hide(
    sandbox: SandboxProcess, loader: Loader
) -> None:
    loader.load()
    for table in ("users", "queues", "wrapup_codes", "skills", "divisions", "flow_outcomes"):
        [(announced, count)] = loader.ledger(
            ["announced_count", "record_count"], f"resource = '{table}'"
        )
        assert count == announced > 0
        assert len(loader.raw(table)) == count
    states = {
        json.loads(payload)["state"]
        for (payload,) in loader.query("select payload from genesys_raw.users")
    }
    assert states >= {"active", "inactive"}
    deleted = [
        payload
        for (payload,) in loader.query("select payload from genesys_raw.flows")
        if json.loads(payload).get("deleted")
    ]
    assert deleted


def test_a_second_run_at_the_same_time_asks_how_far_data_go_and_nothing_else(
    sandbox: SandboxProcess, loader: Loader
) -> None:
    loader.load()
    before, began = loader.raw("conversation_details"), sandbox.next_request()
    ledger = loader.ledger(["resource"])
    outcome = loader.load()
    assert paths(sandbox, began) == [
        "POST /oauth/token",
        "GET /api/v2/analytics/conversations/details/jobs/availability",
    ]
    assert "nothing is due" in outcome.errors
    assert loader.raw("conversation_details") == before
    assert loader.ledger(["resource"]) == ledger


def test_a_window_never_passes_the_settle_delay_or_the_availability_date(loader: Loader) -> None:
    loader.load("--only", "conversation_details")
    where = "resource = 'conversation_details' and status = 'loaded'"
    *_, last = loader.ledger(["window_end", "limited_by", "source_available_through"], where)
    assert f"{last[0]:%H:%M}" == "17:30"
    assert last[0] == last[2]
    assert last[1] == "source availability"

    again = Loader(loader.sandbox, loader.folder / "slow", settings=dict(loader.settings))
    again.folder.mkdir()
    again.load("--only", "conversation_details", ELT_SETTLE_MINUTES="60", ELT_OVERLAP_MINUTES="60")
    *_, last = again.ledger(["window_end", "limited_by"], where)
    assert (f"{last[0]:%H:%M}", last[1]) == ("17:00", "settle delay")


def test_days_later_every_conversation_is_there_in_its_last_version(
    sandbox: SandboxProcess, loader: Loader
) -> None:
    for now in (
        "2026-03-14T18:00:00Z",
        "2026-03-15T06:00:00Z",
        "2026-03-15T12:00:00Z",
        "2026-03-16T06:00:00Z",
        "2026-03-17T06:00:00Z",
        "2026-03-18T06:00:00Z",
        "2026-03-19T06:00:00Z",
    ):
        sandbox.set_clock(now)
        loader.load("--only", "conversation_details")
    day_by_day = loader.newest()
    assert set(day_by_day) == visible(sandbox, "2026-03-19T05:30:00.000Z")
    [(copies,)] = loader.query("select count(*) from genesys_raw.conversation_details")
    assert copies > len(day_by_day)

    at_once = Loader(sandbox, loader.folder / "at_once", settings=dict(loader.settings))
    at_once.folder.mkdir()
    at_once.load("--only", "conversation_details")
    assert at_once.newest() == day_by_day


def test_a_start_moved_back_loads_the_days_before(loader: Loader, sandbox: SandboxProcess) -> None:
    sandbox.set_clock("2026-03-16T06:00:00Z")
    loader.load("--only", "conversation_details", ELT_START="2026-03-15")
    began = sandbox.next_request()
    loader.load("--only", "conversation_details", ELT_START="2026-03-13")
    windows = loader.ledger(["window_start"], "resource = 'conversation_details'")
    assert [f"{start:%m-%d}" for (start,) in windows[-2:]] == ["03-14", "03-13"]
    assert set(loader.newest()) == visible(sandbox, "2026-03-16T05:30:00.000Z")
    assert sum("POST" in path and "jobs" in path for path in paths(sandbox, began)) == 2


def test_a_range_asked_for_beyond_a_gap_does_not_hide_the_gap(
    loader: Loader, sandbox: SandboxProcess
) -> None:
    sandbox.set_clock("2026-03-16T06:00:00Z")
    loader.load("--to", "2026-03-15", "--only", "conversation_details")
    loader.load("--from", "2026-03-15T12:00:00Z", "--only", "conversation_details")
    assert "2026-03-15 00:00Z" in loader.run("status").output
    loader.load("--only", "conversation_details")
    assert set(loader.newest()) == visible(sandbox, "2026-03-16T05:30:00.000Z")


def test_only_reads_the_resources_named(loader: Loader, sandbox: SandboxProcess) -> None:
    loader.load("--only", "queues", "users")
    assert {resource for (resource,) in loader.ledger(["resource"])} == {"queues", "users"}
    assert paths(sandbox) == [
        "POST /oauth/token",
        "GET /api/v2/users",
        "GET /api/v2/routing/queues",
    ]


def test_a_run_that_stops_in_a_window_goes_on_at_its_page_and_job(
    loader: Loader, sandbox: SandboxProcess
) -> None:
    small = {"ELT_PAGE_SIZE": "5", "ELT_COMMIT_MEGABYTES": "1", "ELT_RETRY_ATTEMPTS": "1"}
    sandbox.add_faults({"match": RESULTS, "nth": "4+", "action": "status", "args": {"status": 503}})
    outcome = loader.run("load", "--only", "conversation_details", **small)
    assert outcome.exit_code == 4
    [line] = outcome.error_lines
    assert line.startswith("ERROR GX-004 conversation_details 2026-03-14T00:00Z..")
    [(status, pages, records, exit_code)] = loader.ledger(
        ["status", "page_count", "record_count", "exit_code"]
    )
    assert (status, pages, records, exit_code) == ("failed", 3, 15, 4)
    assert "page 3" in loader.run("status").output
    assert "answered 503" in loader.run("status").output

    sandbox.clear_faults()
    began = sandbox.next_request()
    loader.load("--only", "conversation_details", **small)
    asked = sandbox.log(began)
    assert not [entry for entry in asked if entry["method"] == "POST" and "jobs" in entry["path"]]
    results = [entry for entry in asked if entry["path"].endswith("/results")]
    assert all("cursor" in str(entry["query"]) for entry in results)
    assert set(loader.newest()) >= visible(sandbox, "2026-03-14T17:30:00.000Z")
    [(total, distinct)] = loader.query(
        "select count(*), count(distinct record_id) from genesys_raw.conversation_details"
    )
    assert total == distinct
    assert "last error" not in loader.run("status").output


def test_postgres_holds_what_duckdb_holds(
    loader: Loader, sandbox: SandboxProcess, postgres: PostgresDatabase, tmp_path: Path
) -> None:
    on_postgres = Loader(sandbox, tmp_path / "pg", postgres, dict(loader.settings))
    on_postgres.folder.mkdir()
    tables = ("conversation_details", "users", "flows", "external_contacts", "user_aggregates")
    for now in ("2026-03-14T18:00:00Z", "2026-03-16T06:00:00Z"):
        sandbox.set_clock(now)
        loader.load("--only", *tables)
        on_postgres.load("--only", *tables)
    assert on_postgres.newest() == loader.newest() != {}
    for table in tables:
        assert on_postgres.raw(table) == loader.raw(table)
    columns = ["resource", "window_start", "window_end", "status", "record_count", "limited_by"]
    assert on_postgres.ledger(columns) == loader.ledger(columns)
    payloads = "select record_id, payload from genesys_raw.conversation_details"
    assert set(on_postgres.query(payloads)) == set(loader.query(payloads))


def test_what_another_dlt_pipeline_is_told_changes_no_load(loader: Loader) -> None:
    (loader.folder / ".dlt").mkdir()
    (loader.folder / ".dlt" / "config.toml").write_text("[load]\ndelete_completed_jobs = false\n")
    loader.load(
        "--only",
        "users",
        NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID="false",
        DESTINATION__DUCKDB__CREDENTIALS="duckdb:///another.duckdb",
        CREDENTIALS="duckdb:///another.duckdb",
    )
    assert loader.query(
        "select count(*) > 0, count(_dlt_load_id) = count(*) from genesys_raw.users"
    ) == [(True, True)]
    assert list((loader.folder / "work").rglob("*.parquet")) == []
    assert not (loader.folder / "another.duckdb").exists()
