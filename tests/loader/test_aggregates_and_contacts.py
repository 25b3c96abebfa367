"""Aggregates and external contacts: whole, in buckets, resumed where a scan stopped."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.harness.ask import ask
from tests.harness.place import Place, fault
from tests.sandbox.process import SandboxProcess, running_sandbox

SCAN = "/api/v2/externalcontacts/scan/contacts"


def scanned(sandbox: SandboxProcess) -> set[str]:
    """Scan all contacts as any client would."""
    ids: set[str] = set()
    cursor: str | None = None
    while True:
        query = {"cursor": cursor} if cursor else {}
        page = ask(sandbox, "GET", SCAN, limit=200, **query).json()
        ids |= {entity["id"] for entity in page["entities"]}
        cursor = page.get("cursors", {}).get("after")
        if cursor is None:
            return ids


def counted(results: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """Add up every metric of every group, whatever the buckets."""
    totals: Counter[tuple[str, str]] = Counter()
    for row in results:
        group = "|".join(f"{key}={value}" for key, value in sorted(row["group"].items()))
        for bucket in row["data"]:
            for metric in bucket["metrics"]:
                totals[group, f"{metric['metric']} count"] += metric["stats"].get("count", 0)
                totals[group, f"{metric['metric']} sum"] += metric["stats"].get("sum", 0)
    return +totals


def test_the_buckets_add_up_to_what_genesys_counts_for_the_whole_time(
    loader: Place, sandbox: SandboxProcess
) -> None:
    sandbox.set_clock("2026-03-16T06:00:00Z")
    loader.load("--only", "queue_aggregates", "agent_aggregates", "flow_aggregates")
    for table, path, end in (
        ("queue_aggregates", "conversations", "2026-03-16T05:45:00.000Z"),
        ("agent_aggregates", "conversations", "2026-03-16T05:45:00.000Z"),
        ("flow_aggregates", "flows", "2026-03-16T05:00:00.000Z"),
    ):
        payloads = loader.query(f"select payload from genesys_raw.{table}")
        rows = [json.loads(payload) for (payload,) in payloads]
        intervals = {bucket["interval"] for row in rows for bucket in row["data"]}
        assert {end > interval.split("/")[0] for interval in intervals} == {True}
        metrics = {m["metric"] for row in rows for b in row["data"] for m in b["metrics"]}
        whole = ask(
            sandbox,
            "POST",
            f"/api/v2/analytics/{path}/aggregates/query",
            body={
                "interval": f"2026-03-14T00:00:00.000Z/{end}",
                "groupBy": sorted(rows[0]["group"]),
                "metrics": sorted(metrics),
                "filter": {
                    "type": "and",
                    "predicates": [
                        {"dimension": dimension, "operator": "exists"}
                        for dimension in ("queueId", "userId", "flowOutcomeId")
                        if dimension in rows[0]["group"]
                    ],
                },
            },
        )
        assert counted(rows) == counted(whole.json()["results"]) != Counter()


def test_windows_of_aggregates_begin_and_end_at_whole_buckets(
    loader: Place, sandbox: SandboxProcess
) -> None:
    loader.load("--only", "user_aggregates")
    sandbox.set_clock("2026-03-14T19:07:00Z")
    loader.load("--only", "user_aggregates")
    ends = loader.ledger("window_start, window_end", "status = 'loaded'")
    assert [f"{start:%H:%M} {end:%H:%M}" for start, end in ends] == ["00:00 17:45", "16:45 18:45"]


def test_where_a_granularity_is_refused_coarser_buckets_are_read_whole_and_never_twice(
    tmp_path: Path,
) -> None:
    with running_sandbox(
        conversations=60, days=3, end="2026-03-18T00:00:00Z", now="2026-03-16T06:00:00Z",
        hourly_days=0,
    ) as sandbox:  # fmt: skip
        loader = Place(sandbox, tmp_path, settings={"ELT_START": "2026-03-15"})
        loader.load("--only", "queue_aggregates")
        sandbox.set_clock("2026-03-17T06:00:00Z")
        loader.load("--only", "queue_aggregates")
        [(payloads,)] = loader.query(
            "select list(payload) from genesys_raw.queue_aggregates where window_start = "
            "(select max(window_start) from genesys_raw.queue_aggregates)"
        )
        whole = ask(
            sandbox,
            "POST",
            "/api/v2/analytics/conversations/aggregates/query",
            body={
                "interval": "2026-03-16T00:00:00.000Z/2026-03-17T00:00:00.000Z",
                "groupBy": ["mediaType", "queueId"],
                "metrics": ["nOffered", "tHandle"],
                "filter": {
                    "type": "and",
                    "predicates": [{"dimension": "queueId", "operator": "exists"}],
                },
            },
        )
    windows = loader.ledger("window_start, window_end, adjustment", "status = 'loaded'")
    # Of the day that goes on nothing is read: its bucket would be counted again tomorrow.
    assert {(f"{start:%d %H:%M}", f"{end:%d %H:%M}") for start, end, _ in windows} == {
        ("15 00:00", "16 00:00"),
        ("16 00:00", "17 00:00"),
    }
    assert {text for *_, text in windows} == {"granularity P1D, PT15M is too fine"}
    rows = [json.loads(payload) for payload in payloads]
    metrics = ("nOffered count", "tHandle count", "tHandle sum")
    held = {key: value for key, value in counted(rows).items() if key[1] in metrics}
    assert held == counted(whole.json()["results"]) != Counter()


def test_a_scan_goes_on_past_empty_pages_to_the_last_contact(
    two_days: Place, sandbox: SandboxProcess
) -> None:
    sandbox.set_clock("2026-03-16T06:00:00Z")
    assert two_days.ledger("page_count > 2", "resource = 'external_contacts'") == [(True,)]
    held = {record_id for record_id, _ in two_days.raw("external_contacts")}
    assert held == scanned(sandbox) != set()


def test_a_scan_that_stopped_goes_on_at_its_cursor_while_that_lives(
    loader: Place, sandbox: SandboxProcess, two_days: Place
) -> None:
    sandbox.set_clock("2026-03-16T06:00:00Z")
    whole = two_days.raw("external_contacts")
    sandbox.add_faults(fault(SCAN, "status", "3+", status=503))
    stopped = loader.run("load", "--only", "external_contacts", ELT_RETRY_ATTEMPTS="1")
    assert stopped.exit_code == 4
    held = loader.raw("external_contacts")
    assert held < whole

    sandbox.clear_faults()
    loader.forget_requests()
    loader.load("--only", "external_contacts")
    scans = loader.requests(SCAN)
    assert scans
    assert all("cursor" in str(entry["query"]) for entry in scans)
    assert loader.raw("external_contacts") == whole


def test_a_scan_whose_cursor_has_died_begins_again(loader: Place, sandbox: SandboxProcess) -> None:
    sandbox.set_clock("2026-03-16T06:00:00Z")
    sandbox.add_faults(fault(SCAN, "status", "3+", status=503))
    loader.run("load", "--only", "external_contacts", ELT_RETRY_ATTEMPTS="1")
    sandbox.clear_faults()
    sandbox.set_clock("2026-03-17T08:00:00Z")
    loader.load("--only", "external_contacts")
    statuses = [status for (status,) in loader.ledger("status")]
    assert statuses.count("failed") == 2
    assert statuses[-1] == "loaded"
    [(newest,)] = loader.query("select max(window_start) from genesys_raw.external_contacts")
    held = loader.query(
        f"select record_id from genesys_raw.external_contacts where window_start = '{newest}'"
    )
    assert {record_id for (record_id,) in held} == scanned(sandbox) != set()
