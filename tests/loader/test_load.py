"""Loading: everything once, late things later, and nothing lost where a run stops."""

import hashlib
import json
import threading
from pathlib import Path

import pytest
from dlt.common.destination.client import RunnableLoadJob
from dlt.destinations.impl.duckdb.duck import DuckDbCopyJob
from dlt.destinations.impl.postgres.postgres import PostgresCsvCopyJob

from loader.warehouses import configuration, dataset
from tests.harness.place import Place, fault
from tests.harness.postgres import PostgresDatabase
from tests.harness.tiers import first
from tests.sandbox.process import SandboxProcess

RESULTS = "GET /api/v2/analytics/conversations/details/jobs/.*/results"


def paths(place: Place) -> list[str]:
    return [f"{entry['method']} {entry['path']}" for entry in place.requests()]


def visible(sandbox: SandboxProcess, now: str) -> set[str]:
    """Return the conversations the data lake shows at `now`."""
    return {
        told["conversationId"]
        for told in sandbox.truth()
        if any(version["visibleAt"] <= now for version in told["versions"])
    }


def test_a_load_brings_every_visible_conversation_byte_for_byte(
    sandbox: SandboxProcess, evening: Place
) -> None:
    newest = evening.newest("payload_hash")
    # Reading stops at the availability date; what became visible before it is all there.
    assert set(newest) >= visible(sandbox, "2026-03-14T17:30:00.000Z") != set()
    payloads: dict[str, str] = dict(
        evening.query("select record_id, payload from genesys_raw.conversation_details")
    )
    for conversation_id, payload in payloads.items():
        assert hashlib.sha256(payload.encode()).hexdigest() == newest[conversation_id]
        assert json.loads(payload) == sandbox.record(conversation_id)


def test_a_window_has_the_checksum_of_its_records_however_they_come(
    sandbox: SandboxProcess, evening: Place, tmp_path: Path
) -> None:
    """So a window read again is seen to have brought the same, record for record."""
    loaded = "resource = 'conversation_details' and status = 'loaded'"
    again = Place(sandbox, tmp_path / "again", settings=dict(evening.settings), begin=evening)
    request = ("--from", "2026-03-14", "--to", "2026-03-15", "--only", "conversation_details")
    again.run("reload", *request, ELT_PAGE_SIZE="7").succeeded()
    hashes = [int(payload_hash, 16) for _, payload_hash in evening.raw()]
    checksum = f"{sum(hashes) % (1 << 256):064x}"
    assert again.ledger("checksum, page_count > 3", loaded) == [(checksum, False), (checksum, True)]
    # An empty list is one, and what failed has none.
    assert {len(text) for (text,) in evening.ledger("checksum", "status = 'loaded'")} == {64}


def test_reference_data_come_whole_with_what_defaults_would_hide(evening: Place) -> None:
    for table in ("users", "queues", "wrapup_codes", "skills", "divisions", "flow_outcomes"):
        [(announced, count)] = evening.ledger(
            "announced_count, record_count", f"resource = '{table}'"
        )
        assert count == announced > 0
        assert len(evening.raw(table)) == count
    states = {
        json.loads(payload)["state"]
        for (payload,) in evening.query("select payload from genesys_raw.users")
    }
    assert states >= {"active", "inactive"}
    deleted = [
        payload
        for (payload,) in evening.query("select payload from genesys_raw.flows")
        if json.loads(payload).get("deleted")
    ]
    assert deleted


def test_a_second_run_at_the_same_time_asks_how_far_data_go_and_nothing_else(
    sandbox: SandboxProcess, evening: Place, tmp_path: Path
) -> None:
    again = Place(sandbox, tmp_path / "again", settings=dict(evening.settings), begin=evening)
    outcome = again.load()
    assert paths(again) == [
        "POST /oauth/token",
        "GET /api/v2/analytics/conversations/details/jobs/availability",
    ]
    assert "nothing is due" in outcome.stderr
    assert again.raw() == evening.raw() != set()
    assert again.ledger("resource") == evening.ledger("resource")


def test_a_window_never_passes_the_settle_delay_or_the_availability_date(
    loader: Place, evening: Place
) -> None:
    where = "resource = 'conversation_details' and status = 'loaded'"
    *_, last = evening.ledger("window_end, limited_by, source_available_through", where)
    assert f"{last[0]:%H:%M}" == "17:30"
    assert last[0] == last[2]
    assert last[1] == "source availability"

    loader.load("--only", "conversation_details", ELT_SETTLE_MINUTES="60", ELT_OVERLAP_MINUTES="60")
    *_, last = loader.ledger("window_end, limited_by", where)
    assert (f"{last[0]:%H:%M}", last[1]) == ("17:00", "settle delay")


MORNINGS = [f"2026-03-{day}T06:00:00Z" for day in range(15, 20)]
EVENING, NOON = "2026-03-14T18:00:00Z", "2026-03-15T12:00:00Z"


@pytest.mark.parametrize(
    "instants",
    first(1, [[EVENING, MORNINGS[1], MORNINGS[-1]], sorted([EVENING, NOON, *MORNINGS])]),
)
def test_days_later_every_conversation_is_there_in_its_last_version(
    sandbox: SandboxProcess, loader: Place, instants: list[str]
) -> None:
    for now in instants:
        sandbox.set_clock(now)
        loader.load("--only", "conversation_details")
    day_by_day = loader.newest("payload_hash")
    assert set(day_by_day) == visible(sandbox, "2026-03-19T05:30:00.000Z")
    [(copies,)] = loader.query("select count(*) from genesys_raw.conversation_details")
    assert copies > len(day_by_day)

    at_once = Place(sandbox, loader.folder / "at_once", settings=dict(loader.settings))
    at_once.load("--only", "conversation_details")
    assert at_once.newest("payload_hash") == day_by_day


def test_a_start_moved_back_loads_the_days_before(loader: Place, sandbox: SandboxProcess) -> None:
    sandbox.set_clock("2026-03-16T06:00:00Z")
    loader.load("--only", "conversation_details", ELT_START="2026-03-15")
    loader.forget_requests()
    loader.load("--only", "conversation_details", ELT_START="2026-03-13")
    windows = loader.ledger("window_start", "resource = 'conversation_details'")
    assert [f"{start:%m-%d}" for (start,) in windows[-2:]] == ["03-14", "03-13"]
    assert set(loader.newest("payload_hash")) == visible(sandbox, "2026-03-16T05:30:00.000Z")
    assert sum("POST" in path and "jobs" in path for path in paths(loader)) == 2


def test_a_range_asked_for_beyond_a_gap_does_not_hide_the_gap(
    loader: Place, sandbox: SandboxProcess
) -> None:
    sandbox.set_clock("2026-03-16T06:00:00Z")
    loader.load("--to", "2026-03-15", "--only", "conversation_details")
    loader.load("--from", "2026-03-15T12:00:00Z", "--only", "conversation_details")
    assert "2026-03-15 00:00Z" in loader.run("status").stdout
    loader.load("--only", "conversation_details")
    assert set(loader.newest("payload_hash")) == visible(sandbox, "2026-03-16T05:30:00.000Z")


def test_only_reads_the_resources_named(loader: Place, sandbox: SandboxProcess) -> None:
    loader.load("--only", "queues", "users")
    assert {resource for (resource,) in loader.ledger("resource")} == {"queues", "users"}
    assert paths(loader) == [
        "POST /oauth/token",
        "GET /api/v2/users",
        "GET /api/v2/routing/queues",
    ]


def test_a_run_that_stops_in_a_window_goes_on_at_its_page_and_job(
    loader: Place, sandbox: SandboxProcess
) -> None:
    small = {"ELT_PAGE_SIZE": "5", "ELT_COMMIT_MEGABYTES": "1", "ELT_RETRY_ATTEMPTS": "1"}
    sandbox.add_faults(fault(RESULTS, "status", "4+", status=503))
    outcome = loader.run("load", "--only", "conversation_details", **small)
    assert "conversation_details 2026-03-14T00:00Z.." in outcome.error(4)
    [(status, pages, records, exit_code)] = loader.ledger(
        "status, page_count, record_count, exit_code"
    )
    assert (status, pages, records, exit_code) == ("failed", 3, 15, 4)
    assert "page 3" in loader.run("status").stdout
    assert "answered 503" in loader.run("status").stdout

    sandbox.clear_faults()
    loader.forget_requests()
    loader.load("--only", "conversation_details", **small)
    asked = loader.requests()
    assert not [entry for entry in asked if entry["method"] == "POST" and "jobs" in entry["path"]]
    results = [entry for entry in asked if entry["path"].endswith("/results")]
    assert all("cursor" in str(entry["query"]) for entry in results)
    assert set(loader.newest("payload_hash")) >= visible(sandbox, "2026-03-14T17:30:00.000Z")
    [(total, distinct)] = loader.query(
        "select count(*), count(distinct record_id) from genesys_raw.conversation_details"
    )
    assert total == distinct
    assert "last error" not in loader.run("status").stdout


@pytest.mark.slow
def test_postgres_holds_what_duckdb_holds(
    loader: Place, sandbox: SandboxProcess, postgres: PostgresDatabase, tmp_path: Path
) -> None:
    on_postgres = Place(sandbox, tmp_path / "pg", postgres, dict(loader.settings))
    tables = ("conversation_details", "users", "flows", "external_contacts", "user_aggregates")
    for now in ("2026-03-14T18:00:00Z", "2026-03-16T06:00:00Z"):
        sandbox.set_clock(now)
        loader.load("--only", *tables)
        on_postgres.load("--only", *tables)
    assert on_postgres.newest("payload_hash") == loader.newest("payload_hash") != {}
    for table in tables:
        assert on_postgres.raw(table) == loader.raw(table)
    columns = "resource, window_start, window_end, status, record_count, limited_by"
    assert on_postgres.ledger(columns) == loader.ledger(columns)
    payloads = "select record_id, payload from genesys_raw.conversation_details"
    assert set(on_postgres.query(payloads)) == set(loader.query(payloads))


@pytest.mark.parametrize(
    ("engine", "job"),
    [
        ("duckdb", DuckDbCopyJob),
        pytest.param("postgres", PostgresCsvCopyJob, marks=pytest.mark.slow),
    ],
)
def test_two_files_of_a_commit_are_copied_at_once_as_they_are(
    loader: Place,
    sandbox: SandboxProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    engine: str,
    job: type[RunnableLoadJob],
) -> None:
    if engine == "postgres":
        database = request.getfixturevalue("postgres")
        loader = Place(sandbox, tmp_path / "pg", database, dict(loader.settings))
        # Makes the tables, each by a file of no rows.
        loader.load("--only", "conversation_details", ELT_START="2026-03-14T17:50:00Z")
    monkeypatch.setattr(dataset, "ROW_GROUP_BYTES", 64 << 10)
    monkeypatch.setitem(configuration.VALUES, "file_max_bytes", 1)
    copy, files = job.run, []
    # Broken where the second does not come while the first is there; dlt then tries both again.
    both = threading.Barrier(2, timeout=5)

    def together(one: RunnableLoadJob) -> None:
        path = Path(one._file_path)
        if path.name.startswith("conversation_details."):
            files.append(path.suffixes[-1])
            if len(files) <= both.parties:
                both.wait()
        copy(one)

    monkeypatch.setattr(job, "run", together)
    loader.load("--only", "conversation_details")
    assert not both.broken
    assert len(files) > both.parties
    assert set(files) == {".parquet" if engine == "duckdb" else ".csv"}
    assert set(loader.newest("payload_hash")) >= visible(sandbox, "2026-03-14T17:30:00.000Z")


def test_what_another_dlt_pipeline_is_told_changes_no_load(loader: Place) -> None:
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
    assert list(loader.work.rglob("*.parquet")) == []
    assert not (loader.folder / "another.duckdb").exists()
