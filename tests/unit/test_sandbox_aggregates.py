"""The sandbox's aggregates over the wire, against what its own conversations add up to."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.sandbox import vocabulary
from tests.sandbox.clock import HOUR, to_millis, to_text
from tests.sandbox.contract import ARE_HERE, CONTRACTS, descend, problems
from tests.sandbox.process import SandboxProcess, running_sandbox
from tests.sandbox.vocabulary import CONVERSATION_METRICS, FLOW_METRICS
from tests.unit.test_sandbox_api import Client

Told = dict[str, Any]

# A week in which the clocks of Berlin go back, on Sunday the 25th at 01:00 UTC.
NOW = "2026-10-30T12:00:00Z"
FIRST = "2026-10-23T00:00:00.000Z"
LAST = "2026-10-30T00:00:00.000Z"
WEEK = f"{FIRST}/{LAST}"
CONVERSATIONS = "/api/v2/analytics/conversations/aggregates/query"
FLOWS = "/api/v2/analytics/flows/aggregates/query"
USERS = "/api/v2/analytics/users/aggregates/query"
MODELS = {
    CONVERSATIONS: "ConversationAggregateQueryResponse",
    FLOWS: "FlowAggregateQueryResponse",
    USERS: "UserAggregateQueryResponse",
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    with running_sandbox(conversations=400, now=NOW, quota=100_000) as process:
        yield process


@pytest.fixture(scope="module")
def client(sandbox: SandboxProcess) -> Client:
    return Client(sandbox)


@pytest.fixture(scope="module")
def records(client: Client) -> list[Told]:
    return client.read("2026-10-20T00:00:00Z/2026-10-31T00:00:00Z")


def ask(client: Client, path: str, **body: object) -> Told:
    """Ask for an aggregate, of the whole week unless told otherwise."""
    answer = client.ask("POST", path, json={"interval": WEEK, **body})
    assert answer.status_code == 200, answer.text
    told: Told = answer.json()
    assert problems(told, MODELS[path]) == []
    return told


def figures(told: Told) -> dict[tuple[Any, ...], Told]:
    """Return all statistics by group, bucket, metric and qualifier; none may come twice."""
    found: dict[tuple[Any, ...], Told] = {}
    for result in told["results"]:
        for data in result["data"]:
            for each in data["metrics"]:
                group = tuple(sorted(result["group"].items()))
                key = (group, data["interval"], each["metric"], each.get("qualifier"))
                assert key not in found
                found[key] = each["stats"]
    return found


def amount(stats: Told) -> int:
    return int(stats["sum"] if "sum" in stats else stats["count"])


def sessions(records: list[Told]) -> Iterator[tuple[Told, Told, Told]]:
    for record in records:
        for participant in record["participants"]:
            for session in participant["sessions"]:
                yield record, participant, session


def queue_of(session: Told) -> str | None:
    return next((s["queueId"] for s in session["segments"] if "queueId" in s), None)


def inside(text: str, interval: str = WEEK) -> bool:
    low, high = map(to_millis, interval.split("/"))
    return low <= to_millis(text) < high


# -- conversations ------------------------------------------------------------------------------


def test_every_metric_is_the_sum_of_the_sessions_metrics_per_queue_medium_and_hour(
    client: Client, records: list[Told]
) -> None:
    metrics = sorted(CONVERSATION_METRICS - {"nConversations", "oServiceLevel", "oServiceTarget"})
    told = ask(
        client, CONVERSATIONS, metrics=metrics, groupBy=["queueId", "mediaType"], granularity="PT1H"
    )
    expected: defaultdict[tuple[Any, ...], list[int]] = defaultdict(list)
    for _, _, session in sessions(records):
        for metric in session.get("metrics", []):
            if metric["name"] in metrics and inside(metric["emitDate"]):
                hour = to_millis(metric["emitDate"]) // HOUR * HOUR
                group = {"mediaType": session["mediaType"]}
                if queue_of(session):
                    group["queueId"] = str(queue_of(session))
                key = (tuple(sorted(group.items())), hour, metric["name"])
                expected[key].append(metric["value"])
    found = {
        (group, to_millis(interval.split("/")[0]), name): stats
        for (group, interval, name, _), stats in figures(told).items()
    }
    assert found.keys() == expected.keys()
    assert len(found) > 1_000
    for (group, hour, name), values in expected.items():
        stats = found[group, hour, name]
        if name.startswith("n"):
            assert stats == {"count": sum(values)}
        else:
            assert stats == {"count": len(values), "sum": sum(values), "min": min(values),
                             "max": max(values)}  # fmt: skip


def test_agents_handle_what_their_sessions_say(client: Client, records: list[Told]) -> None:
    told = ask(client, CONVERSATIONS, metrics=["tHandle", "tAcw"], groupBy=["userId"])
    expected: Counter[tuple[str | None, str]] = Counter()
    for _, participant, session in sessions(records):
        for metric in session.get("metrics", []):
            if metric["name"] in {"tHandle", "tAcw"} and inside(metric["emitDate"]):
                expected[participant.get("userId"), metric["name"]] += metric["value"]
    found = {
        (dict(g).get("userId"), name): s["sum"] for (g, _, name, _), s in figures(told).items()
    }
    assert found == dict(expected)


def test_a_conversation_counts_once_in_a_group_and_service_level_is_a_ratio(
    client: Client, records: list[Told]
) -> None:
    metrics = ["nConversations", "oServiceLevel", "nOffered", "oServiceTarget"]
    started: Counter[tuple[str | None, int]] = Counter()
    seen: dict[tuple[str | None, str], int] = {}
    for record, _, session in sessions(records):
        key = (queue_of(session), record["conversationId"])
        begun = min(to_millis(s["segmentStart"]) for s in session["segments"])
        seen[key] = min(begun, seen.get(key, begun))
    for (queue, _), begun in seen.items():
        if inside(to_text(begun)):
            started[queue, begun // HOUR * HOUR] += 1
    body: Told = {"metrics": metrics, "groupBy": ["queueId"], "granularity": "PT1H"}
    by_queue = figures(ask(client, CONVERSATIONS, **body))
    counts = {
        (dict(group).get("queueId"), to_millis(interval.split("/")[0])): stats["count"]
        for (group, interval, name, _), stats in by_queue.items()
        if name == "nConversations"
    }
    assert counts == started
    levels = [stats for (_, _, name, _), stats in by_queue.items() if name == "oServiceLevel"]
    assert levels
    for stats in levels:
        assert 0 <= stats["numerator"] <= stats["denominator"]
        assert stats["ratio"] == stats["numerator"] / stats["denominator"]
        assert stats["target"] == 0.8


def test_filters_choose_what_their_predicates_say(client: Client) -> None:
    def count(predicates: list[Told], kind: str = "and") -> int:
        told = ask(
            client, CONVERSATIONS, metrics=["nConversations"],
            filter={"type": kind, "predicates": predicates},
        )  # fmt: skip
        return sum(stats["count"] for stats in figures(told).values())

    voice, chat = ({"dimension": "mediaType", "value": name} for name in ("voice", "chat"))
    queued = {"dimension": "queueId", "operator": "exists"}
    assert 0 < count([voice, queued]) < count([voice]) < count([])
    assert count([voice, chat]) == 0
    assert count([voice, chat], "or") > count([voice])
    unqueued = {"dimension": "queueId", "operator": "notExists"}
    assert count([voice, queued]) + count([voice, unqueued]) >= count([voice])
    assert ask(client, CONVERSATIONS, metrics=["nOutbound"],
               filter={"type": "and", "predicates": [{"dimension": "mediaType", "value": "x"}]},
               )["results"] == []  # fmt: skip


def test_a_view_counts_a_range_of_the_values(client: Client) -> None:
    views = [{"target": "tAcd", "name": "quick", "function": "rangeBound",
              "range": {"lt": 20_000}}]  # fmt: skip
    told = ask(client, CONVERSATIONS, metrics=["tAcd"], views=views)
    data = told["results"][0]["data"][0]
    quick = data["views"][0]
    assert quick["name"] == "quick"
    assert 0 < quick["stats"]["count"] < data["metrics"][0]["stats"]["count"]
    assert quick["stats"]["max"] < 20_000


@pytest.mark.parametrize("granularity", ["PT15M", "PT30M", "PT1H", "P1D", "P1W", None])
def test_buckets_add_up_to_the_whole_interval(client: Client, granularity: str | None) -> None:
    body: Told = {"metrics": ["tHandle", "nOffered"], "groupBy": ["queueId"]}
    whole = Counter[tuple[Any, ...]]()
    for (group, _, name, _), stats in figures(ask(client, CONVERSATIONS, **body)).items():
        whole[group, name] += amount(stats)
    if granularity:
        body["granularity"] = granularity
    parts = Counter[tuple[Any, ...]]()
    for (group, _, name, _), stats in figures(ask(client, CONVERSATIONS, **body)).items():
        parts[group, name] += amount(stats)
    assert parts == whole


def test_days_of_a_time_zone_have_23_to_25_hours(client: Client) -> None:
    zone = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 10, 24, tzinfo=zone)
    last = datetime(2026, 10, 27, tzinfo=zone)
    interval = f"{first.isoformat()}/{last.isoformat()}"
    body: Told = {"interval": interval, "metrics": ["nConversations"], "granularity": "P1D"}
    told = ask(client, CONVERSATIONS, timeZone="Europe/Berlin", **body)
    lengths = [
        (to_millis(high) - to_millis(low)) / HOUR
        for low, high in (d["interval"].split("/") for d in told["results"][0]["data"])
    ]
    assert lengths == [24, 25, 24]
    told = ask(client, CONVERSATIONS, **body)
    # A bucket of a night without conversations is absent.
    assert {d["interval"][11:16] for d in told["results"][0]["data"]} == {"22:00"}


# -- flows --------------------------------------------------------------------------------------


def test_outcomes_per_flow_and_day_are_the_attempts_of_the_conversations(
    client: Client, records: list[Told]
) -> None:
    told = ask(
        client, FLOWS, granularity="P1D",
        metrics=["nFlowOutcome", "nFlowOutcomeFailed", "tFlowOutcome"],
        groupBy=["flowId", "flowOutcomeId", "flowOutcomeValue"],
        filter={"type": "and", "predicates": [{"dimension": "flowOutcomeId",
                                               "operator": "exists"}]},
    )  # fmt: skip
    expected: Counter[tuple[Any, ...]] = Counter()
    for _, _, session in sessions(records):
        flow = session.get("flow", {})
        for attempt in flow.get("outcomes", []):
            if "flowOutcomeValue" not in attempt:
                continue
            ended = attempt.get("flowOutcomeEndTimestamp")
            at = ended or max(s["segmentEnd"] for s in session["segments"])
            if not inside(at):
                continue
            value = attempt["flowOutcomeValue"]
            key = (flow["flowId"], attempt["flowOutcomeId"], value, at[:10])
            expected[(*key, "nFlowOutcome")] += 1
            expected[(*key, "nFlowOutcomeFailed")] += value == "FAILURE"
            if ended:
                spent = to_millis(ended) - to_millis(attempt["flowOutcomeStartTimestamp"])
                expected[(*key, "tFlowOutcome")] += spent
    found: Counter[tuple[Any, ...]] = Counter()
    for (group, interval, name, _), stats in figures(told).items():
        of = dict(group)
        key = (of["flowId"], of["flowOutcomeId"], of["flowOutcomeValue"], interval[:10])
        found[(*key, name)] = amount(stats)
    assert found == +expected
    assert len(found) > 100


def test_flow_metrics_per_name_are_those_of_the_sessions(
    client: Client, records: list[Told]
) -> None:
    told = ask(client, FLOWS, metrics=sorted(FLOW_METRICS), groupBy=["flowName", "flowType"])
    expected: Counter[tuple[str, str, str]] = Counter()
    for _, _, session in sessions(records):
        for metric in session.get("metrics", []):
            if metric["name"] in FLOW_METRICS and inside(metric["emitDate"]):
                flow = session["flow"]
                key = (flow["flowName"], flow["flowType"], metric["name"])
                expected[key] += metric["value"]
    found = {
        (dict(group)["flowName"], dict(group)["flowType"], name): amount(stats)
        for (group, _, name, _), stats in figures(told).items()
    }
    assert found == expected


# -- users --------------------------------------------------------------------------------------


def busy_spans(records: list[Told]) -> dict[str, list[tuple[int, int]]]:
    """Return when each agent talked, held, wrapped up or dialled; overlaps merged."""
    spans: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    kinds = {"interact", "hold", "wrapup", "dialing", "contacting"}
    for record in records:
        for participant in descend(record, "participants"):
            if participant["purpose"] in {"agent", "user"} and "userId" in participant:
                for segment in descend(participant, "sessions", "segments"):
                    if segment["segmentType"] in kinds:
                        start, end = segment["segmentStart"], segment.get("segmentEnd", NOW)
                        spans[participant["userId"]].append((to_millis(start), to_millis(end)))
    merged: dict[str, list[tuple[int, int]]] = {}
    for user, all_of_his in spans.items():
        kept: list[tuple[int, int]] = []
        for start, end in sorted(all_of_his):
            if kept and start <= kept[-1][1]:
                kept[-1] = (kept[-1][0], max(end, kept[-1][1]))
            else:
                kept.append((start, end))
        merged[user] = kept
    return merged


def test_agents_interact_and_communicate_exactly_while_their_sessions_last(
    client: Client, records: list[Told]
) -> None:
    told = ask(
        client, USERS, metrics=["tAgentRoutingStatus"], groupBy=["userId"], granularity="PT1H"
    )
    found: Counter[tuple[str, int]] = Counter()
    for (group, interval, _, qualifier), stats in figures(told).items():
        if qualifier in {"INTERACTING", "COMMUNICATING"}:
            found[dict(group)["userId"], to_millis(interval.split("/")[0])] += stats["sum"]
    expected: Counter[tuple[str, int]] = Counter()
    for user, spans in busy_spans(records).items():
        for start, end in spans:
            for hour in range(start // HOUR * HOUR, end, HOUR):
                if to_millis(FIRST) <= hour < to_millis(LAST):
                    expected[user, hour] += min(end, hour + HOUR) - max(start, hour)
    assert found == expected
    assert len(found) > 100


def test_statuses_and_presences_of_active_users_fill_each_bucket_to_the_millisecond(
    client: Client,
) -> None:
    zone = ZoneInfo("Europe/Berlin")
    first, last = datetime(2026, 10, 24, tzinfo=zone), datetime(2026, 10, 27, tzinfo=zone)
    told = ask(
        client, USERS, interval=f"{first.isoformat()}/{last.isoformat()}", granularity="P1D",
        timeZone="Europe/Berlin", groupBy=["userId"],
        metrics=["tAgentRoutingStatus", "tSystemPresence", "tOrganizationPresence"],
    )  # fmt: skip
    sums: Counter[tuple[str, str, str]] = Counter()
    qualifiers = defaultdict(set)
    for (group, interval, name, qualifier), stats in figures(told).items():
        sums[dict(group)["userId"], interval, name] += stats["sum"]
        qualifiers[name].add(qualifier)
    active = {u["id"] for u in client.get("/api/v2/users", "UserEntityListing",
                                          pageSize=500)["entities"]}  # fmt: skip
    for (user, interval, _), spent in sums.items():
        low, high = map(to_millis, interval.split("/"))
        assert spent == high - low if user in active else spent <= high - low
    assert {user for user, _, _ in sums} >= active
    assert qualifiers["tAgentRoutingStatus"] == {"IDLE", "INTERACTING", "COMMUNICATING",
                                                 "NOT_RESPONDING", "OFF_QUEUE"}  # fmt: skip
    assert {"ON_QUEUE", "MEAL", "BREAK", "OFFLINE"} <= qualifiers["tSystemPresence"]
    listed = client.get("/api/v2/presence/definitions",
                        "OrganizationPresenceDefinitionEntityListing")["entities"]  # fmt: skip
    assert qualifiers["tOrganizationPresence"] <= {one["id"] for one in listed}
    mapped = told["systemToOrganizationMappings"]
    assert {each for ids in mapped.values() for each in ids} == {one["id"] for one in listed}
    assert len(mapped["MEETING"]) == 2


def test_what_is_yet_to_come_is_in_no_aggregate(sandbox: SandboxProcess) -> None:
    client = Client(sandbox)
    sandbox.set_clock("2026-10-26T10:20:00Z")
    try:
        told = ask(
            client, USERS, metrics=["tAgentRoutingStatus"], groupBy=["userId"], granularity="PT1H",
            interval="2026-10-26T09:00:00Z/2026-10-26T13:00:00Z",
        )  # fmt: skip
        sums: Counter[tuple[str, str]] = Counter()
        for (group, interval, _, _), stats in figures(told).items():
            sums[dict(group)["userId"], interval[11:16]] += stats["sum"]
        lengths = {hour: max(v for (_, h), v in sums.items() if h == hour) for _, hour in sums}
        assert lengths == {"09:00": HOUR, "10:00": HOUR // 3}
        early = figures(ask(client, CONVERSATIONS, metrics=["nConversations"]))
    finally:
        sandbox.set_clock(NOW)
    late = figures(ask(client, CONVERSATIONS, metrics=["nConversations"]))
    (count,), (later_count,) = ([s["count"] for s in each.values()] for each in (early, late))
    assert 0 < count < later_count


# -- refusals -----------------------------------------------------------------------------------

GOOD: Told = {"interval": WEEK, "metrics": ["nOffered"]}


@pytest.mark.parametrize(
    ("path", "change", "text"),
    [
        (CONVERSATIONS, {"select": None, "from": 1}, "Unrecognized field"),
        (CONVERSATIONS, {"interval": None}, "interval is required"),
        (CONVERSATIONS, {"interval": "PT1H"}, "not a valid interval"),
        (CONVERSATIONS, {"interval": f"{LAST}/{FIRST}"}, "must start before"),
        (CONVERSATIONS, {"metrics": []}, "metrics must not be empty"),
        (CONVERSATIONS, {"metrics": ["tFlow"]}, "ConversationAggregateMetric"),
        (CONVERSATIONS, {"groupBy": ["queue"]}, "ConversationAggregateDimension"),
        (CONVERSATIONS, {"groupBy": ["videoPresent"]}, "does not support"),
        (CONVERSATIONS, {"granularity": "1h"}, "not a valid granularity"),
        (CONVERSATIONS, {"granularity": "PT0S"}, "not a valid granularity"),
        (CONVERSATIONS, {"timeZone": "Europe/Nowhere"}, "not a valid time zone"),
        (CONVERSATIONS, {"queryType": "all"}, "queryType"),
        (CONVERSATIONS, {"filter": {"predicates": []}}, "needs a type"),
        (CONVERSATIONS, {"filter": {"type": "not", "predicates": []}}, "Allowable values"),
        (CONVERSATIONS, {"filter": {"type": "and", "predicates": [{"dimension": "x"}]}}, "Allow"),
        (CONVERSATIONS, {"filter": {"type": "and", "predicates": [
            {"dimension": "queueId", "operator": "eq"}]}}, "Allowable"),
        (CONVERSATIONS, {"views": [{"target": "nOffered", "name": "x"}]}, "A view needs"),
        (FLOWS, {"metrics": ["nOffered"]}, "FlowAggregateMetric"),
        (FLOWS, {"metrics": ["nFlow"], "queryType": "topN"}, "Unrecognized field"),
        (USERS, {"metrics": ["tOccupancy"]}, "UserAggregateMetric"),
        (USERS, {"metrics": ["tSystemPresence"], "groupBy": ["queueId"]}, "values are: userId"),
    ],
)  # fmt: skip
def test_what_a_query_must_not_say_is_refused(
    client: Client, path: str, change: Told, text: str
) -> None:
    body = {key: value for key, value in {**GOOD, **change}.items() if value is not None}
    answer = client.ask("POST", path, json=body)
    assert answer.status_code == 400
    assert text in answer.json()["message"]


@pytest.mark.parametrize(
    ("days", "granularity", "status"),
    [(7, "PT1H", 200), (8, "PT1H", 400), (8, "PT12H", 400), (365, "P1D", 200), (366, "P1D", 400),
     (366, "P1M", 200), (3_000, "P1M", 400), (3_000, None, 200)],
)  # fmt: skip
def test_a_long_interval_allows_no_fine_granularity(
    client: Client, days: int, granularity: str | None, status: int
) -> None:
    last = datetime(2026, 10, 30, tzinfo=UTC)
    interval = f"{(last - timedelta(days=days)).isoformat()}/{last.isoformat()}"
    body = {**GOOD, "interval": interval, "granularity": granularity}
    answer = client.ask("POST", CONVERSATIONS, json={k: v for k, v in body.items() if v})
    assert answer.status_code == status
    if status == 400:
        assert "too fine" in answer.json()["message"]


@pytest.mark.skipif(not ARE_HERE, reason="the published contracts are not beside the project")
def test_the_vocabulary_is_the_published_one() -> None:
    enums = json.loads((CONTRACTS / "models.json").read_text(encoding="utf-8"))["enums"]
    for kind in ("Conversation", "Flow", "User"):
        metrics, dimensions = f"{kind}AggregationView", f"{kind}AggregateQueryPredicate"
        known = getattr(vocabulary, f"{kind.upper()}_METRICS")
        assert known == set(enums[metrics]["target"])
        known = getattr(vocabulary, f"{kind.upper()}_DIMENSIONS")
        assert known == set(enums[dimensions]["dimension"])
