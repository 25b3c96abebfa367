"""The guides' endpoints of the sandbox: their rules, and that they agree with the platform's."""

import itertools
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.sandbox.access import TenantQuota
from tests.sandbox.cast import is_lasting
from tests.sandbox.clock import HOUR, Clock, to_millis, to_text
from tests.sandbox.contract import descend
from tests.sandbox.errors import Refusal
from tests.sandbox.guide_intervals import IntervalQuery, IntervalReports
from tests.sandbox.guides import SETTLED
from tests.sandbox.organisation import build_organisation
from tests.sandbox.outcome_names import RENAMED
from tests.sandbox.process import SandboxProcess, running_sandbox
from tests.sandbox.server import Sandbox, ServerRules
from tests.sandbox.world import World
from tests.unit.test_sandbox_api import Client

Told = dict[str, Any]
ORGANISATION = build_organisation(7)
IDS = [contact.contact_id for contact in ORGANISATION.contacts]
CRM = [contact.crm_id for contact in ORGANISATION.contacts]

# All has arrived and been corrected by now; the world's last day ended a week before.
END = "2026-11-20T12:00:00Z"
NOW = "2026-11-27T12:00:00Z"
FIRST, LAST = "2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z"
WEEK = f"{FIRST}/{LAST}"
DETAILS = "/api/v2/analytics/details/query"
OUTCOMES = "/api/v2/analytics/query-builder/query"
EXPORT = "/api/v2/export/interactions"
AGGREGATES = "/api/v2/analytics/conversations/aggregates/query"
FLOWS = "/api/v2/analytics/flows/aggregates/query"
USERS = "/api/v2/analytics/users/aggregates/query"
CONTACTS = "/api/v2/external-contacts"
CONVERSATIONS = "/api/v2/conversations"
COLUMNS = ["id", "type", "direction", "mediaType", "state", "startTime", "endTime",
           "durationSeconds", "wrapUpDurationSeconds", "agentIds", "queueIds", "skills",
           "wrapUpCode"]  # fmt: skip


@pytest.fixture(scope="module")
def process() -> Iterator[SandboxProcess]:
    with running_sandbox(
        conversations=400, now=NOW, end=END, quota=100_000, tenant_quota=100_000
    ) as sandbox:
        yield sandbox


@pytest.fixture
def client(process: SandboxProcess) -> Client:
    process.clear_faults()
    process.set_clock(NOW)
    return Client(process)


@pytest.fixture(scope="module")
def records(process: SandboxProcess) -> list[Told]:
    return Client(process).read(WEEK)


def post(client: Client, path: str, body: object, **options: object) -> requests.Response:
    answer = client.ask("POST", path, json=body, **options)
    assert answer.status_code == 200, answer.text
    assert int(answer.headers["X-RateLimit-Remaining"]) > 0
    return answer


def patiently(client: Client, path: str, body: object, **options: object) -> requests.Response:
    """Ask again where more than ten a second were asked."""
    while True:
        answer = client.ask("POST", path, json=body, **options)
        if answer.status_code != 429:
            return answer
        time.sleep(float(answer.headers["Retry-After"]))


def refusal(client: Client, path: str, body: object, **options: object) -> str:
    answer = patiently(client, path, body, **options)
    assert answer.status_code == 400, answer.text
    return str(answer.json()["message"])


# -- A: attributes ------------------------------------------------------------------------------


def details(*names: str, **more: object) -> Told:
    select = [f"participant.customAttributes.{name}" for name in names]
    return {
        "view": "interaction", "dateRange": {"from": FIRST, "to": LAST}, "interval": "PT1H",
        "groupBy": ["participantId"],
        "select": [*select, "participant.type", "participant.duration", "interactionId",
                   "wrapupCode"],
        "size": 5000, **more,
    }  # fmt: skip


def detail_rows(client: Client, body: Told) -> list[Told]:
    rows: list[Told] = []
    body = dict(body)
    while True:
        answer = post(client, DETAILS, body)
        rows.extend(answer.json()["results"])
        assert len(answer.json()["results"]) <= body["size"]
        if "nextPageToken" not in answer.headers:
            return rows
        body["nextPageToken"] = answer.headers["nextPageToken"]


NAMES = ("customerId", "CustomerId", "context.email", "Account Number", "Empty", "EWT",
         "Script.Completed", "Survey Result")  # fmt: skip


def test_details_tell_each_participant_once_with_the_attributes_of_the_job(
    client: Client, records: list[Told]
) -> None:
    rows = detail_rows(client, details(*NAMES, size=300))
    found = {(row["interactionId"], row["participantId"]): row for row in rows}
    assert len(found) == len(rows) > 1_000
    expected = {
        (record["conversationId"], participant["participantId"]): participant
        for record in records
        for participant in record["participants"]
    }
    assert found.keys() == expected.keys()
    attributes = 0
    for key, participant in expected.items():
        row = found[key]
        assert row["participant"]["type"] == participant["purpose"]
        known = {n: v for n, v in participant.get("attributes", {}).items() if n in NAMES and v}
        # Nothing announces them, and without any the object itself is omitted.
        assert row["participant"].get("customAttributes") == (known or None)
        attributes += len(known)
        segments = list(descend(participant, "sessions", "segments"))
        codes = {s["wrapUpCode"] for s in segments if "wrapUpCode" in s}
        assert row.get("wrapupCode") in codes or (not codes and "wrapupCode" not in row)
        if all("segmentEnd" in s for s in segments):
            spent = max(to_millis(s["segmentEnd"]) for s in segments)
            spent -= min(to_millis(s["segmentStart"]) for s in segments)
            assert row["participant"]["duration"] == spent / 1000
        else:
            assert "duration" not in row["participant"]
    assert attributes > 500


def test_rows_are_in_no_order_of_time(client: Client) -> None:
    rows = detail_rows(client, details())
    starts = [row["participantId"] for row in rows]
    assert starts != sorted(starts)
    assert detail_rows(client, details(size=777)) == rows


def test_what_is_not_selected_does_not_come_back(client: Client) -> None:
    rows = detail_rows(client, details(select=["participant.type"]))
    assert all(set(row) == {"participantId", "participant"} for row in rows)
    assert all(set(row["participant"]) == {"type"} for row in rows)
    bare = detail_rows(client, details(select=[]))
    assert all(set(row) == {"participantId"} for row in bare)


def test_filters_choose_and_grouping_by_type_splits(client: Client, records: list[Told]) -> None:
    queue = next(s["queueId"] for s in descend(records[0], "participants", "sessions", "segments")
                 if "queueId" in s)  # fmt: skip
    body = details("customerId", "Intent")
    customers = [{"dimension": "participant.type", "operator": "eq", "value": "customer"}]
    rows = detail_rows(client, {**body, "filters": customers})
    assert {row["participant"]["type"] for row in rows} == {"customer"}
    queued = [{"dimension": "queueId", "operator": "eq", "value": queue}]
    part = detail_rows(client, {**body, "filters": queued})
    expected = {
        participant["participantId"]
        for record in records
        for participant in record["participants"]
        if any(s.get("queueId") == queue for s in descend(participant, "sessions", "segments"))
    }
    assert {row["participantId"] for row in part} == expected
    filled = [{"dimension": "participant.customAttributes.customerId", "operator": "notNull"}]
    known = detail_rows(client, {**body, "filters": filled})
    assert all(row["participant"]["customAttributes"]["customerId"] for row in known)
    split = detail_rows(client, {**body, "groupBy": ["participantId", "participant.type"]})
    twice = Counter(row["participantId"] for row in split)
    assert set(twice.values()) == {1, 2}
    assert len(split) > len(detail_rows(client, body))


def test_large_answers_are_truncated_under_load_and_do_not_say_so(process: SandboxProcess) -> None:
    client = Client(process)
    names = ("customerId", "Intent", "Language", "Account Number")
    process.clear_faults()
    whole = {row["participantId"]: row for row in detail_rows(client, details(*names))}
    process.add_faults({"match": "details/query", "action": "guide", "nth": "all",
                        "args": {"truncate_above": 200}})  # fmt: skip
    try:
        rows = detail_rows(client, details(*names))
        small = detail_rows(client, details(*names, size=200))
    finally:
        process.clear_faults()
    assert {row["participantId"]: row for row in small} == whole
    short = [row for row in rows if row != whole[row["participantId"]]]
    assert 0 < len(short) < len(rows)
    assert {len(row["participant"]["customAttributes"]) for row in short} == {2}


def test_an_option_truncates_without_a_fault() -> None:
    names = ("customerId", "Intent", "Language")
    with running_sandbox(
        conversations=60, days=2, now="2026-11-20T00:00:00Z", truncate_above=50
    ) as process:
        rows = detail_rows(Client(process), details(*names))
        small = detail_rows(Client(process), details(*names, size=50))
    assert rows != small
    assert len(rows) == len(small)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"view": "session"}, "view"),
        ({"dateRange": None}, "dateRange is required"),
        ({"dateRange": {"from": LAST, "to": FIRST}}, "must be before"),
        ({"dateRange": {"from": "2026-11-13", "to": LAST}}, "UTC timestamp"),
        ({"interval": "1h"}, "interval"),
        ({"groupBy": ["queueId"]}, "groupBy"),
        ({"select": ["participant.customAttributes.*"]}, "Unknown field"),
        ({"select": ["conversationStart"]}, "Unknown field"),
        ({"filters": [{"dimension": "ani", "operator": "eq", "value": "x"}]}, "Unknown filter"),
        ({"filters": [{"dimension": "queueId", "operator": "in", "value": "x"}]}, "Unknown filter"),
        ({"size": 5001}, "between 1 and 5000"),
        ({"size": 0}, "between 1 and 5000"),
        ({"paging": {}}, "Unknown field"),
        ({"nextPageToken": "bm9ib2R5"}, "cursor invalid"),
    ],
)  # fmt: skip
def test_wrong_details_queries_are_refused(client: Client, change: Told, text: str) -> None:
    body = {key: value for key, value in {**details(), **change}.items() if value is not None}
    assert text in refusal(client, DETAILS, body)


def test_a_detail_appears_within_15_minutes_however_late_the_lake_is(
    client: Client, process: SandboxProcess
) -> None:
    late = next(
        told
        for told in process.truth()
        if to_millis(told["versions"][0]["visibleAt"]) > to_millis(told["start"]) + 2 * HOUR
        and told["start"] > "2026-11-14"
    )
    start = to_millis(late["start"])
    body = details(dateRange={"from": to_text(start - HOUR), "to": to_text(start + HOUR)})

    def seen() -> bool:
        rows = detail_rows(client, body)
        return late["conversationId"] in {row["interactionId"] for row in rows}

    process.set_clock(to_text(start + 15 * 60_000))
    assert seen()
    process.set_clock(to_text(start + 15 * 60_000 - 1))
    assert not seen()


# -- B: flow outcomes ---------------------------------------------------------------------------


def outcomes(**more: object) -> Told:
    return {"queryBuilder": {
        "queryType": "routing/engagement", "dateFrom": FIRST, "dateTo": LAST,
        "metrics": ["flow-outcomes"], "filters": [], "groupBy": ["flow-id"],
        "timeGroup": "daily", "limit": 100, **more,
    }}  # fmt: skip


def outcome_rows(client: Client, **more: object) -> list[Told]:
    rows: list[Told] = []
    token = None
    while True:
        body = outcomes(**more, **({"nextPageToken": token} if token else {}))
        answer = patiently(client, OUTCOMES, body)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        rows.extend(told["data"])
        token = told["nextPageToken"]
        if token is None:
            return rows


def flow_filter(*flows: str) -> list[Told]:
    return [{"type": "dimension", "dimension": "flow-id", "operator": "eq", "values": list(flows)}]


def test_outcomes_by_name_are_the_platforms_by_id(client: Client) -> None:
    """Names changed in mid-period, at an hour between two buckets."""
    rows = outcome_rows(client, timeGroup="hourly", limit=7)
    found: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        for name, told in row["metrics"]["flow-outcomes"].items():
            found[row["flow-id"], row["interval"], name] += told["count"]
    answer = client.ask("POST", FLOWS, json={
        "interval": WEEK, "granularity": "PT1H", "metrics": ["nFlowOutcome"],
        "groupBy": ["flowId", "flowOutcomeId"],
        "filter": {"type": "and", "predicates": [{"dimension": "flowOutcomeId",
                                                  "operator": "exists"}]}})  # fmt: skip
    names = {str(o["id"]): str(o["name"]) for o in ORGANISATION.flow_outcomes}
    renamed_at = (to_millis(END) + to_millis("2026-11-13T12:00:00Z")) // 2
    expected: Counter[tuple[str, str, str]] = Counter()
    for result in answer.json()["results"]:
        for data in result["data"]:
            name = names[result["group"]["flowOutcomeId"]]
            if to_millis(data["interval"].split("/")[0]) >= renamed_at:
                name = RENAMED.get(name, name)
            key = (result["group"]["flowId"], data["interval"], name)
            expected[key] += data["metrics"][0]["stats"]["count"]
    assert found == expected
    assert {name for _, _, name in found} >= {*RENAMED, *RENAMED.values()}


def test_a_renamed_outcome_keeps_its_id_in_the_platforms_list(
    client: Client, process: SandboxProcess
) -> None:
    def names() -> dict[str, str]:
        told = client.get("/api/v2/flows/outcomes", "FlowOutcomeListing", pageSize=500)
        return {each["id"]: each["name"] for each in told["entities"]}

    process.set_clock("2026-11-16T23:59:59Z")
    before = names()
    process.set_clock("2026-11-17T00:00:00Z")
    after = names()
    assert before.keys() == after.keys()
    assert {before[i]: after[i] for i in before if before[i] != after[i]} == RENAMED


def test_shares_are_of_what_the_filter_lets_through(client: Client) -> None:
    rows = outcome_rows(client, timeGroup="daily")
    by_bucket: Counter[str] = Counter()
    for row in rows:
        for each in row["metrics"]["flow-outcomes"].values():
            by_bucket[row["interval"]] += each["count"]
    for row in rows:
        for each in row["metrics"]["flow-outcomes"].values():
            share = each["count"] / by_bucket[row["interval"]]
            assert each["percentOfTotal"] == pytest.approx(share, abs=1e-6)
    flow = rows[0]["flow-id"]
    for row in outcome_rows(client, filters=flow_filter(flow)):
        assert row["flow-id"] == flow
        shares = [each["percentOfTotal"] for each in row["metrics"]["flow-outcomes"].values()]
        assert sum(shares) == pytest.approx(1, abs=1e-4)
    (one, *rest) = outcome_rows(client, groupBy=[], timeGroup="monthly")
    assert rest == []
    assert "flow-id" not in one
    counted = sum(each["count"] for each in one["metrics"]["flow-outcomes"].values())
    assert counted == sum(by_bucket.values())


def test_what_lies_within_the_delay_before_the_end_is_left_out(client: Client) -> None:
    def count(delay: str) -> int:
        rows = outcome_rows(client, metricsDelay=delay)
        return sum(e["count"] for row in rows for e in row["metrics"]["flow-outcomes"].values())

    assert 0 < count("P3D") < count("PT1H")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"queryType": "routing"}, "queryType"),
        ({"metrics": ["flow-outcomes", "x"]}, "metrics"),
        ({"groupBy": ["queue-id"]}, "groupBy"),
        ({"timeGroup": "weekly"}, "timeGroup"),
        ({"timeGroup": "hourly", "dateFrom": "2026-11-12T23:00:00Z"},
         "Invalid date range for the specified granularity"),
        ({"timeGroup": "daily", "dateFrom": "2025-11-19T00:00:00Z"}, "Invalid date range"),
        ({"timeGroup": "monthly", "dateFrom": "2019-11-01T00:00:00Z"}, "Invalid date range"),
        ({"metricsDelay": "1h"}, "metricsDelay"),
        ({"limit": 0}, "limit"),
        ({"filters": [{"type": "dimension", "dimension": "flow-id", "operator": "eq"}]}, "filter"),
        ({"nextPageToken": "bm9ib2R5"}, "cursor invalid"),
        ({"interval": "PT1H"}, "Unknown field"),
        ({"dateTo": "2026-11-20"}, "UTC timestamp"),
    ],
)  # fmt: skip
def test_wrong_outcome_queries_are_refused(client: Client, change: Told, text: str) -> None:
    assert text in refusal(client, OUTCOMES, outcomes(**change))


def test_the_code_tells_that_the_granularity_is_too_fine(client: Client) -> None:
    body = outcomes(timeGroup="hourly", dateFrom="2026-11-01T00:00:00Z")
    answer = patiently(client, OUTCOMES, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "granularityTooFine")


def test_a_second_bears_ten_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("tests.sandbox.access.time.monotonic", lambda: now)
    quota = TenantQuota(allowed=100)
    for _ in range(10):
        quota.count_outcome_query()
    with pytest.raises(Refusal) as refused:
        quota.count_outcome_query()
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (429, "1")
    now = 101.0
    quota.count_outcome_query()


def test_a_flood_of_outcome_queries_is_too_much(client: Client) -> None:
    def status(number: int) -> int:
        body = {"queryBuilder": {"limit": number}}
        return client.ask("POST", OUTCOMES, json=body).status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(status, range(60))) == {400, 429}


def test_the_same_query_is_not_answered_twice_at_once(
    client: Client, process: SandboxProcess
) -> None:
    time.sleep(1)  # the tests before may have used up this second
    process.add_faults({"match": "query-builder", "action": "delay", "args": {"seconds": 1.5}})
    body = outcomes(limit=31)
    statuses: list[int] = []

    def ask() -> None:
        other = Client(process)
        statuses.append(other.ask("POST", OUTCOMES, json=body).status_code)

    first = threading.Thread(target=ask)
    first.start()
    while process.faults()[0]["hits"] == 0:
        time.sleep(0.01)
    assert client.ask("POST", OUTCOMES, json=body).status_code == 409
    assert client.ask("POST", OUTCOMES, json=outcomes(limit=32)).status_code == 200
    first.join()
    assert statuses == [200]
    assert client.ask("POST", OUTCOMES, json=body).status_code == 200


# -- C: export ----------------------------------------------------------------------------------


def export(**more: object) -> Told:
    return {"dateFrom": FIRST, "dateTo": LAST, "filters": [], "columns": COLUMNS, **more}


def export_pages(client: Client, body: Told) -> list[tuple[Told, str | None]]:
    """Read all pages with what the header told; header and body may not contradict."""
    pages: list[tuple[Told, str | None]] = []
    headers: dict[str, str] = {}
    while True:
        answer = post(client, EXPORT, body, headers=headers)
        told, header = answer.json(), answer.headers.get("nextPageToken")
        pages.append((told, header))
        tokens = {token for token in (told.get("nextPageToken"), header) if token}
        assert len(tokens) <= 1
        if not tokens:
            return pages
        headers = {"Genesys-Page-Token": tokens.pop()}


def test_the_export_tells_each_conversation_of_the_job_once(
    client: Client, records: list[Told]
) -> None:
    pages = export_pages(client, export(pageSize=50))
    rows = [row for page, _ in pages for row in page["records"]]
    assert all(list(row) == COLUMNS for row in rows)
    found = {row["id"]: row for row in rows}
    assert len(found) == len(rows)
    assert found.keys() == {record["conversationId"] for record in records}
    for record in records:
        row = found[record["conversationId"]]
        assert row["startTime"] == record["conversationStart"]
        assert row["endTime"] == record.get("conversationEnd")
        assert row["direction"] == record["originatingDirection"]
        segments = list(descend(record, "participants", "sessions", "segments"))
        assert set(row["queueIds"]) == {s["queueId"] for s in segments if "queueId" in s}
        people = [p for p in record["participants"] if p["purpose"] in {"agent", "user"}]
        assert set(row["agentIds"]) == {p["userId"] for p in people}
        codes = {s["wrapUpCode"] for s in segments if "wrapUpCode" in s and "segmentEnd" in s}
        assert row["wrapUpCode"] in codes if codes else row["wrapUpCode"] is None
        acw = sum(m["value"] for m in descend(record, "participants", "sessions", "metrics")
                  if m["name"] == "tAcw")  # fmt: skip
        assert row["wrapUpDurationSeconds"] == acw / 1000
        if "conversationEnd" in record:
            spent = to_millis(record["conversationEnd"]) - to_millis(record["conversationStart"])
            assert row["durationSeconds"] == spent / 1000
    states = Counter(row["state"] for row in rows)
    assert {"TERMINATED", "TRANSFERRED", "MERGED", "DRAFT", "ARCHIVED"} <= states.keys()
    assert states["TERMINATED"] > len(rows) / 2


def test_the_token_comes_in_body_header_or_both(client: Client) -> None:
    pages = export_pages(client, export(pageSize=40))
    where = [("nextPageToken" in page, header is not None) for page, header in pages[:-1]]
    assert where[:3] == [(True, True), (False, True), (True, False)]
    last, header = pages[-1]
    assert last["nextPageToken"] is None
    assert header is None


def test_a_cursor_is_good_for_its_own_query_alone(client: Client) -> None:
    body = export(pageSize=40)
    token = post(client, EXPORT, body).json()["nextPageToken"]
    headers = {"Genesys-Page-Token": token}
    assert post(client, EXPORT, body, headers=headers).status_code == 200
    for other in (export(pageSize=41), export(pageSize=40, dateFrom="2026-11-14T00:00:00Z"),
                  export(pageSize=40, columns=["id"])):  # fmt: skip
        assert refusal(client, EXPORT, other, headers=headers) == "cursor invalid"
    assert refusal(client, EXPORT, {**body, "nextPageToken": token}).startswith("Unknown field")


def test_cursors_break_where_records_still_settle(client: Client, process: SandboxProcess) -> None:
    process.set_clock(LAST)
    body = export(pageSize=40)
    token = post(client, EXPORT, body).json()["nextPageToken"]
    headers = {"Genesys-Page-Token": token}
    assert refusal(client, EXPORT, body, headers=headers) == "cursor invalid"
    settled = export(pageSize=40, dateTo="2026-11-19T23:45:00Z")
    token = post(client, EXPORT, settled).json()["nextPageToken"]
    post(client, EXPORT, settled, headers={"Genesys-Page-Token": token})


def test_a_minimal_query_shows_all_columns_there_are_and_drift(
    client: Client, process: SandboxProcess
) -> None:
    minimal = export(columns=["id"], pageSize=1)
    [available] = post(client, EXPORT, minimal).json()["records"]
    assert set(COLUMNS) < set(available)
    process.add_faults({"match": "export", "action": "guide", "nth": "all",
                        "args": {"hide_columns": ["skills"], "add_columns": ["csat"]}})  # fmt: skip
    [drifted] = post(client, EXPORT, minimal).json()["records"]
    assert set(available) ^ set(drifted) == {"skills", "csat"}
    assert "Unknown column [skills]" in refusal(client, EXPORT, export())
    rows = post(client, EXPORT, export(columns=["id", "csat"])).json()["records"]
    assert {(*row, row["csat"]) for row in rows} == {("id", "csat", None)}


def test_export_filters_choose(client: Client) -> None:
    rows = post(client, EXPORT, export()).json()["records"]
    queue = next(row["queueIds"][0] for row in rows if row["queueIds"])
    body = export(filters=[{"type": "exact", "path": "queue.id", "value": queue}])
    chosen = post(client, EXPORT, body).json()["records"]
    assert chosen == [row for row in rows if queue in row["queueIds"]]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"columns": ["*"]}, "Unknown column [*]"),
        ({"columns": []}, "columns are required"),
        ({"columns": None}, "columns are required"),
        ({"columns": ["id", "recordingUrl"]}, "Unknown column [recordingUrl]"),
        ({"dateTo": FIRST}, "must be before"),
        ({"pageSize": 5001}, "pageSize"),
        ({"filters": [{"type": "like", "path": "queue.id", "value": "x"}]}, "Unknown filter"),
        ({"filters": [{"type": "exact", "path": "email", "value": "x"}]}, "Unknown filter"),
    ],
)  # fmt: skip
def test_wrong_exports_are_refused(client: Client, change: Told, text: str) -> None:
    body = {key: value for key, value in export(**change).items() if value is not None}
    assert text in refusal(client, EXPORT, body)


# -- D: interval reports ------------------------------------------------------------------------


def report(select: list[tuple[str, str]], **more: object) -> Told:
    path = "conversation.startTime"
    return {
        "select": [{"name": name, "type": kind} for name, kind in select],
        "groupBy": ["user"], "interval": "PT1H",
        "where": {"predicates": [
            {"type": "date", "path": path, "operator": "gte", "value": FIRST},
            {"type": "date", "path": path, "operator": "lt", "value": LAST},
        ]}, **more,
    }  # fmt: skip


HANDLED = [("handledCount", "count"), ("talkTime", "sum"), ("wrapUpTime", "sum")]


def report_rows(client: Client, body: Told) -> list[Told]:
    rows: list[Told] = []
    body = dict(body)
    while True:
        told = post(client, AGGREGATES, body).json()
        rows.extend(told["entities"])
        assert len(told["entities"]) <= 100
        if told["nextPage"] is None:
            return rows
        body["pageToken"] = told["nextPage"]


@pytest.mark.parametrize(("group", "dimension"), [("user", "userId"), ("queue", "queueId")])
def test_reports_agree_with_the_platforms_aggregates(
    client: Client, group: str, dimension: str
) -> None:
    rows = report_rows(client, report(HANDLED, groupBy=[group]))
    found: dict[tuple[str, int], Told] = {}
    for row in rows:
        key = (row[group]["id"], to_millis(row["interval"]["startTime"]))
        assert key not in found
        found[key] = row["metrics"]
    answer = client.ask("POST", AGGREGATES, json={
        "interval": WEEK, "granularity": "PT1H", "groupBy": [dimension],
        "metrics": ["tHandle", "tTalkComplete", "tAcw"]})  # fmt: skip
    expected: dict[tuple[str, int], Told] = {}
    for result in answer.json()["results"]:
        for data in result["data"] if result["group"] else []:
            stats = {each["metric"]: each["stats"] for each in data["metrics"]}
            key = (result["group"][dimension], to_millis(data["interval"].split("/")[0]))
            expected[key] = {
                "handledCount": {"count": stats.get("tHandle", {}).get("count", 0)},
                "talkTime": {"sum": stats.get("tTalkComplete", {}).get("sum", 0) / 1000},
                "wrapUpTime": {"sum": stats.get("tAcw", {}).get("sum", 0) / 1000},
            }
    assert found == expected
    assert len(found) > 100


def test_reports_that_are_read_in_turns_are_each_computed_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A loader reads several at once: computed anew for each page they took half of a test run."""
    sandbox = Sandbox(World(7, 60, to_millis(END)), Clock(to_millis(NOW)), ServerRules())
    computed = []
    compute = IntervalReports._sums

    def counted(reports: IntervalReports, query: IntervalQuery, now: int) -> Any:  # noqa: ANN401
        computed.append(query.groups)
        return compute(reports, query, now)

    monkeypatch.setattr(IntervalReports, "_sums", counted)
    off_queue = ("offQueueTime", "sum")
    asked = [report([off_queue]), report([off_queue, ("idleTime", "sum")])]
    for _ in range(2):
        tokens = [sandbox.intervals.answer(body, sandbox.clock.now)["nextPage"] for body in asked]
        assert None not in tokens
        asked = [{**body, "pageToken": token} for body, token in zip(asked, tokens, strict=True)]
    assert len(computed) == 2


def test_time_per_status_agrees_with_the_platforms(client: Client) -> None:
    names = {"INTERACTING": "interactingTime", "IDLE": "idleTime", "OFF_QUEUE": "offQueueTime",
             "COMMUNICATING": "communicatingTime",
             "NOT_RESPONDING": "notRespondingTime"}  # fmt: skip
    rows = report_rows(client, report([(n, "sum") for n in names.values()], interval="P1D"))
    found = {(r["user"]["id"], to_millis(r["interval"]["startTime"]), name): told["sum"]
             for r in rows for name, told in r["metrics"].items() if told["sum"]}  # fmt: skip
    answer = client.ask("POST", USERS, json={
        "interval": WEEK, "granularity": "P1D", "groupBy": ["userId"],
        "metrics": ["tAgentRoutingStatus"]})  # fmt: skip
    expected = {
        (result["group"]["userId"], to_millis(data["interval"].split("/")[0]),
         names[each["qualifier"]]): each["stats"]["sum"] / 1000
        for result in answer.json()["results"]
        for data in result["data"]
        for each in data["metrics"]
    }  # fmt: skip
    assert found == expected


def test_a_report_without_interval_is_one_row_and_a_user_without_name_keeps_his_id(
    client: Client,
) -> None:
    hourly = report_rows(client, report(HANDLED))
    whole = report_rows(client, report(HANDLED, interval=None))
    ids = [row["user"]["id"] for row in whole]
    assert len(set(ids)) == len(ids)
    sums: defaultdict[str, int] = defaultdict(int)
    for row in hourly:
        sums[row["user"]["id"]] += row["metrics"]["handledCount"]["count"]
    assert {row["user"]["id"]: row["metrics"]["handledCount"]["count"] for row in whole} == sums
    assert [row for row in whole if "name" not in row["user"]]
    assert [row for row in whole if "name" in row["user"]]
    body = report(HANDLED)
    some = {"type": "in", "path": "conversation.user.id", "value": ids[:2]}
    body["where"]["predicates"].append({**some, "operator": "in"})
    assert {row["user"]["id"] for row in report_rows(client, body)} == set(ids[:2])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"interval": "1h"}, "ISO-8601"),
        ({"interval": "PT1H", "select": []}, "select"),
        ({"select": [{"name": "handledCount", "type": "sum"}]}, "Unknown metric"),
        ({"select": [{"name": "mood", "type": "sum"}]}, "Unknown metric"),
        ({"select": [{"name": "idleTime", "type": "sum"}], "groupBy": ["queue"]}, "per user"),
        ({"groupBy": []}, "groupBy"),
        ({"groupBy": ["flow"]}, "groupBy"),
        ({"where": {"predicates": []}}, "startTime"),
        ({"where": None}, "where is required"),
        ({"metrics": ["tHandle"]}, "Unknown field"),
        ({"pageToken": "bm9ib2R5"}, "cursor invalid"),
    ],
)  # fmt: skip
def test_wrong_reports_are_refused(client: Client, change: Told, text: str) -> None:
    body = {key: value for key, value in {**report(HANDLED), **change}.items() if value is not None}
    assert text in refusal(client, AGGREGATES, body)


def test_a_report_of_hours_is_for_a_week_at_most(client: Client) -> None:
    body = report(HANDLED)
    body["where"]["predicates"][0]["value"] = "2026-11-12T23:00:00Z"
    assert refusal(client, AGGREGATES, body).startswith("Invalid date range")
    assert post(client, AGGREGATES, {**body, "interval": "P1D"}).json()["entities"]


# -- E: journeys --------------------------------------------------------------------------------


def get(client: Client, path: str, **query: object) -> Told:
    answer = client.ask("GET", path, params=query)
    assert answer.status_code == 200, answer.text
    assert int(answer.headers["X-RateLimit-Remaining"]) > 0
    told: Told = answer.json()
    return told


def journey(client: Client, contact_id: str, **query: Any) -> list[Told]:  # noqa: ANN401
    found: list[Told] = []
    while True:
        page = get(client, CONVERSATIONS, externalContactId=contact_id, **query)
        assert page["pageSize"] == query.get("pageSize", 25)
        found.extend(page["entities"])
        if page["nextPageToken"] is None:
            assert page["total"] == len(found)
            return found
        query["nextPageToken"] = page["nextPageToken"]


def test_a_contact_is_found_by_its_crm_id_and_a_merged_one_leads_to_the_canonical(
    client: Client,
) -> None:
    one = get(client, CONTACTS, externalId=CRM[30], pageSize=1)
    assert (one["id"], one["externalId"]) == (IDS[30], CRM[30])
    assert set(one) == {"id", "externalId", "firstName", "lastName", "emails", "phoneNumbers",
                        "type", "selfUri"}  # fmt: skip
    assert get(client, CONTACTS, externalId=CRM[3])["id"] == IDS[4]
    head = get(client, f"{CONTACTS}/{IDS[4]}")
    assert head["mergedTo"] is None
    assert set(head["mergedFromIds"]) == {IDS[2], IDS[3]}
    link = get(client, f"{CONTACTS}/{IDS[2]}")
    assert (link["id"], link["externalId"], link["mergedTo"]) == (IDS[2], None, IDS[4])
    assert link["mergedFromIds"] == []
    for path, query in ((CONTACTS, {"externalId": "CRM-0"}), (f"{CONTACTS}/nobody", {}),
                        (f"{CONTACTS}/{IDS[21]}", {})):  # fmt: skip
        assert client.ask("GET", path, params=query).status_code == 404


def test_guides_and_platform_tell_the_same_merges(client: Client) -> None:
    for place in range(50):
        unresolved = client.ask("GET", f"/api/v2/externalcontacts/contacts/{IDS[place]}/unresolved")
        guide = client.ask("GET", f"{CONTACTS}/{IDS[place]}")
        assert guide.status_code == unresolved.status_code
        if guide.status_code == 200:
            platform = unresolved.json()
            canonical = platform.get("canonicalContact", {}).get("id")
            merged = None if canonical == IDS[place] else canonical
            assert guide.json()["mergedTo"] == merged


def test_a_journey_holds_the_conversations_of_all_ids_of_a_person(
    client: Client, records: list[Told]
) -> None:
    everything: defaultdict[str, set[str]] = defaultdict(set)
    for record in records:
        for participant in descend(record, "participants"):
            if "externalContactId" in participant:
                everything[participant["externalContactId"]].add(record["conversationId"])
    assert everything
    tree = (IDS[7], IDS[5], IDS[6], IDS[8])
    expected = set().union(*(everything[member] for member in tree))
    assert expected
    for member in tree:
        if client.ask("GET", f"{CONTACTS}/{member}").status_code == 200:
            told = {each["id"] for each in journey(client, member) if each["createdTime"] < LAST}
            assert told == expected
    for place in range(26, 38):
        if client.ask("GET", f"{CONTACTS}/{IDS[place]}").status_code == 200:
            told = {e["id"] for e in journey(client, IDS[place]) if e["createdTime"] < LAST}
            assert told == everything[IDS[place]]


def test_journeys_are_paged_by_token_in_the_order_asked_for(
    client: Client, records: list[Told]
) -> None:
    talks = Counter(
        participant["externalContactId"]
        for record in records
        for participant in descend(record, "participants")
        if "externalContactId" in participant
    )
    busy = next(
        contact
        for contact, _ in talks.most_common()
        if client.ask("GET", f"{CONTACTS}/{contact}").status_code == 200
        and client.ask("GET", f"{CONTACTS}/{contact}").json()["mergedTo"] is None
    )
    newest = [each["createdTime"] for each in journey(client, busy, pageSize=1)]
    assert len(newest) > 1
    assert newest == sorted(newest, key=to_millis, reverse=True)
    oldest = journey(client, busy, pageSize=1, sortOrder="ASC")
    assert [each["createdTime"] for each in oldest] == newest[::-1]
    token = get(client, CONVERSATIONS, externalContactId=busy, pageSize=1)["nextPageToken"]
    for query in (
        {"externalContactId": busy, "pageSize": 2, "nextPageToken": token},
        {"externalContactId": busy, "pageSize": 201},
        {"externalContactId": busy, "pageNumber": 2},
        {"externalContactId": busy, "sortOrder": "desc"},
        {"pageSize": 10},
    ):
        assert client.ask("GET", CONVERSATIONS, params=query).status_code == 400
    assert client.ask("GET", CONVERSATIONS, params={"externalContactId": "x"}).status_code == 404
    assert client.ask("GET", CONTACTS, params={"email": "x"}).status_code == 400


def all_conversations(client: Client) -> dict[str, Told]:
    found: dict[str, Told] = {}
    for contact_id in IDS:
        answer = client.ask(
            "GET", CONVERSATIONS, params={"externalContactId": contact_id, "pageSize": 200}
        )
        if answer.status_code == 200:
            found |= {each["id"]: each for each in answer.json()["entities"]}
    return found


def test_states_and_times_of_conversations_are_those_of_the_export(client: Client) -> None:
    exported = {row["id"]: row for row in post(client, EXPORT, export()).json()["records"]}
    found = all_conversations(client)
    assert len(found) > 150
    for each in found.values():
        if each["id"] in exported:
            row = exported[each["id"]]
            assert (each["state"], each["type"]) == (row["state"], row["type"])
            assert each["createdTime"] == row["startTime"]
            assert each["updatedTime"] == row["endTime"] or row["endTime"] is None
    assert {each["wrapUpTime"] is None for each in found.values()} == {True, False}
    drafts = [each for each in found.values() if each["state"] == "DRAFT"]
    assert drafts
    assert {each["mediaState"] for each in drafts} == {"DISCONNECTED"}
    purposes = {p["purpose"] for each in found.values() for p in each["participants"]}
    assert {"customer", "agent", "acd", "ivr", "botflow"} <= purposes
    assert any("routing" in p for each in found.values() for p in each["participants"])


def test_open_conversations_queue_ring_and_connect(client: Client, process: SandboxProcess) -> None:
    arrives = {
        told["conversationId"]: to_millis(told["versions"][0]["visibleAt"])
        - to_millis(told["start"])
        for told in process.truth()
    }
    rings = [
        to_millis(segment["segmentStart"]) + 500 + min(arrives[record["conversationId"]], SETTLED)
        for record in client.read("2026-11-17T00:00:00Z/2026-11-18T00:00:00Z")
        for segment in descend(record, "participants", "sessions", "segments")
        if segment["segmentType"] == "alert" and segment["segmentStart"].startswith("2026-11-17")
    ]
    morning = to_millis("2026-11-17T08:00:00Z")
    states: Counter[str] = Counter()
    for at in (*rings[:5], *range(morning, morning + 10 * HOUR, HOUR // 2)):
        process.set_clock(to_text(at))
        body = export(columns=["id", "state"], dateFrom="2026-11-17T00:00:00Z")
        states.update(row["state"] for row in post(client, EXPORT, body).json()["records"])
    assert {"QUEUED", "RINGING", "CONNECTED", "TERMINATED"} <= states.keys()


def test_somebody_calls_45_seconds_after_his_chat_and_somebody_61(
    client: Client, process: SandboxProcess
) -> None:
    kinds = {told["conversationId"]: told for told in process.truth()}
    gaps = set()
    for place, contact_id in enumerate(IDS):
        if not is_lasting(place):
            continue
        steps = journey(client, contact_id, pageSize=200, sortOrder="ASC")
        for chat, call in itertools.pairwise(steps):
            ended = to_millis(chat["wrapUpTime"] or chat["updatedTime"])
            gap = (to_millis(call["createdTime"]) - ended) / 1000
            if (chat["type"], call["type"]) == ("CHAT", "CALL") and gap in {45, 61}:
                gaps.add(gap)
                assert (chat["state"], call["state"]) == ("TERMINATED", "TERMINATED")
                both = [{p["routing"]["queueId"] for p in each["participants"] if "routing" in p}
                        for each in (chat, call)]  # fmt: skip
                assert both[0] & both[1]
                assert kinds[call["id"]]["kind"] == "call"
    assert gaps == {45, 61}


# -- quota --------------------------------------------------------------------------------------


def test_the_tenant_has_one_quota_for_all_tokens_and_the_platforms_is_apart() -> None:
    with running_sandbox(conversations=5, days=1, now=END, tenant_quota=3) as process:
        clients = [Client(process), Client(process)]
        left = []
        for number in range(4):
            answer = clients[number % 2].ask("POST", EXPORT, json=export(columns=["id"]))
            left.append(answer.headers["X-RateLimit-Remaining"])
        assert left == ["2", "1", "0", "0"]
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert clients[0].ask("GET", CONTACTS, params={"externalId": "x"}).status_code == 429
        assert clients[0].ask("POST", AGGREGATES, json=report(HANDLED)).status_code == 429
        body = {"interval": WEEK, "metrics": ["nOffered"]}
        platform = clients[0].ask("POST", AGGREGATES, json=body)
        assert platform.status_code == 200
        assert "X-RateLimit-Remaining" not in platform.headers
