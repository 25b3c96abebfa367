"""The sandbox's world: deterministic, valid, and with everything in it that real life has."""

import ast
import json
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from statistics import median
from typing import Any

import pytest

from tests.sandbox import service_levels
from tests.sandbox.clock import DAY, HOUR, MINUTE, to_millis
from tests.sandbox.contract import descend, problems
from tests.sandbox.conversation import Participant, Session
from tests.sandbox.facts import Contributions
from tests.sandbox.metrics import session_metrics
from tests.sandbox.organisation import OUTCOMES_OF, PREVIEW_SKIPPED, WRAP_UP_TIMEOUT
from tests.sandbox.process import ROOT
from tests.sandbox.shifts import Shifts
from tests.sandbox.world import Placed, World

NOW = to_millis("2026-11-20T12:00:00Z")
# When all has ended, a line that nobody closes too, and has been corrected.
LATE = NOW + 200 * DAY
Record = dict[str, Any]


@cache
def small_world(seed: int = 7) -> World:
    return World(seed=seed, conversations=800, end=NOW)


@cache
def final_records() -> tuple[Record, ...]:
    """All conversations long after, when everything has arrived and been corrected."""
    world = small_world()
    return tuple(json.loads(world.record(n, LATE)) for n in range(len(world)))


def millis(record: Record, name: str) -> int:
    return to_millis(record[name])


# -- the same seed, the same world ----------------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes_and_another_seed_gives_others() -> None:
    def bodies(seed: int) -> list[bytes]:
        world = World(seed=seed, conversations=60, end=NOW)
        return [world.record(n, LATE) for n in range(60)]

    assert bodies(3) == bodies(3)
    assert not set(bodies(3)) & set(bodies(4))


def test_the_organisation_does_not_depend_on_the_number_of_conversations() -> None:
    assert World(seed=7, conversations=1, end=NOW).organisation == small_world().organisation


def test_a_world_without_conversations_has_an_organisation_all_the_same() -> None:
    world = World(seed=7, conversations=0, end=NOW)
    assert len(world.active_between(NOW - 31 * DAY, NOW, NOW)) == len(world) == 0
    assert world.organisation.users


def test_a_world_bigger_than_its_pool_has_ids_of_its_own_for_each_conversation() -> None:
    world = World(seed=7, conversations=900, end=NOW, pool=100)
    records = [json.loads(world.record(n, LATE)) for n in range(900)]
    ids = Counter(
        session["sessionId"]
        for record in records
        for session in descend(record, "participants", "sessions")
    )
    assert len({record["conversationId"] for record in records}) == 900
    assert set(ids.values()) == {1}
    assert not [p for record in records for p in problems(record, "AnalyticsConversation")]
    assert all(world.number_of(r["conversationId"]) == n for n, r in enumerate(records))


def test_no_mark_of_a_template_is_left_in_a_record() -> None:
    world = World(seed=7, conversations=300, end=NOW, pool=150)
    for number in range(300):
        body = world.record(number, LATE)
        assert not [byte for byte in body if byte < 32]
        assert b"\xee" not in body


# -- valid and consistent -------------------------------------------------------------------------


def test_every_record_in_every_version_is_a_published_analytics_conversation() -> None:
    world = small_world()
    for number in range(len(world)):
        for version in world.versions(number):
            for moment in (version.visible_at, version.visible_at + 3 * MINUTE):
                record = json.loads(world.record(number, moment))
                assert problems(record, "AnalyticsConversation") == []
        live = json.loads(world.record(number, NOW + DAY, live=True))
        assert problems(live, "AnalyticsConversationWithoutAttributes") == []


def test_sessions_and_segments_lie_inside_their_conversation() -> None:
    for record in final_records():
        start, end = millis(record, "conversationStart"), millis(record, "conversationEnd")
        segments = list(descend(record, "participants", "sessions", "segments"))
        assert min(millis(segment, "segmentStart") for segment in segments) == start
        assert max(millis(segment, "segmentEnd") for segment in segments) == end
        assert all(s["segmentStart"] != s["segmentEnd"] for s in segments)


def test_peers_are_sessions_of_the_same_conversation() -> None:
    for record in final_records():
        sessions = list(descend(record, "participants", "sessions"))
        ids = {session["sessionId"] for session in sessions}
        assert len(ids) == len(sessions)
        assert {session["peerId"] for session in sessions if "peerId" in session} <= ids
        for participant in descend(record, "participants"):
            if participant["purpose"] in {"acd", "agent", "ivr", "botflow"}:
                assert all("peerId" in session for session in participant["sessions"])


def test_session_name_and_emit_date_identify_a_metric_but_session_and_name_do_not() -> None:
    names: Counter[tuple[str, str]] = Counter()
    emitted: Counter[tuple[str, str, str]] = Counter()
    for record in final_records():
        for session in descend(record, "participants", "sessions"):
            for metric in session.get("metrics", []):
                names[session["sessionId"], metric["name"]] += 1
                emitted[session["sessionId"], metric["name"], metric["emitDate"]] += 1
    assert max(emitted.values()) == 1
    assert max(names.values()) > 2


def spent(session: Record, *kinds: str) -> int:
    return sum(
        millis(segment, "segmentEnd") - millis(segment, "segmentStart")
        for segment in session["segments"]
        if segment["segmentType"] in kinds
    )


def told(session: Record, name: str) -> int:
    return sum(m["value"] for m in session.get("metrics", []) if m["name"] == name)


def has(session: Record, name: str) -> bool:
    return any(metric["name"] == name for metric in session.get("metrics", []))


def test_a_conversation_can_be_asked_for_in_python_as_well_as_in_json() -> None:
    world = small_world()
    for placed, record in zip(world, final_records(), strict=True):
        told = world.conversation(placed.number, LATE)
        assert placed.own_id(told.conversation_id) == record["conversationId"]
        ids = [placed.own_id(session.session_id) for _, session in told.sessions()]
        assert ids == [session["sessionId"] for session in sessions(record)]
        assert placed.end == millis(record, "conversationEnd")


def test_metrics_of_people_agree_with_their_segments() -> None:
    timers = {"tTalk": "interact", "tTalkComplete": "interact", "tHeld": "hold",
              "tHeldComplete": "hold", "tAcw": "wrapup", "tAlert": "alert",
              "tDialing": "dialing", "tContacting": "contacting", "tPark": "parked",
              "tMonitoring": "monitoring", "tMonitoringComplete": "monitoring",
              "tCoachingComplete": "coaching", "tBarging": "barging"}  # fmt: skip
    seen: Counter[str] = Counter()
    for record in final_records():
        for participant in descend(record, "participants"):
            if participant["purpose"] not in {"agent", "user"}:
                continue
            for session in participant["sessions"]:
                if session["mediaType"] == "cobrowse":
                    assert [m["name"] for m in session["metrics"]] == ["nCobrowseSessions"]
                    continue
                for metric, kind in timers.items():
                    assert told(session, metric) == spent(session, kind), metric
                    seen[metric] += has(session, metric)
                handled = ("interact", "hold", "wrapup", "dialing", "contacting")
                assert told(session, "tHandle") == spent(session, *handled)
                stretches = Counter(segment["segmentType"] for segment in session["segments"])
                talks = [m for m in session.get("metrics", []) if m["name"] == "tTalk"]
                assert len(talks) == stretches["interact"]
    assert all(seen[metric] for metric in timers)


def test_metrics_of_queues_and_flows_agree_with_their_segments() -> None:
    for record in final_records():
        for participant in descend(record, "participants"):
            for session in participant["sessions"]:
                whole = spent(session, "interact", "ivr")
                if participant["purpose"] == "acd":
                    assert told(session, "tAcd") == whole
                    assert told(session, "nOffered") == 1
                    abandoned = session["segments"][-1]["disconnectType"] == "client"
                    assert told(session, "tAbandon") == (whole if abandoned else 0)
                if participant["purpose"] in {"ivr", "botflow"}:
                    assert told(session, "tFlow") == whole
                    assert told(session, "tIvr") == spent(session, "ivr")
                    outcomes = session["flow"].get("outcomes", [])
                    assert told(session, "nFlowOutcome") == len(outcomes)
                    failed = [o for o in outcomes if o["flowOutcomeValue"] == "FAILURE"]
                    assert told(session, "nFlowOutcomeFailed") == len(failed)


def test_an_answer_waited_as_long_as_its_queue_did() -> None:
    answers = 0
    for record in final_records():
        queues = {
            (session["peerId"], session["segments"][-1]["segmentEnd"]): told(session, "tAcd")
            for participant in descend(record, "participants")
            if participant["purpose"] == "acd"
            for session in participant["sessions"]
        }
        for session in descend(record, "participants", "sessions"):
            if has(session, "tAnswered"):
                talk = next(s for s in session["segments"] if s["segmentType"] == "interact")
                waited = queues[session["peerId"], talk["segmentStart"]]
                assert told(session, "tAnswered") == waited
                answers += 1
    assert answers > 300


# -- everything occurs ----------------------------------------------------------------------------


def participants(record: Record, *purposes: str) -> list[Record]:
    return [p for p in descend(record, "participants") if p["purpose"] in purposes]


def sessions(record: Record) -> list[Record]:
    return list(descend(record, "participants", "sessions"))


def segments(record: Record) -> list[Record]:
    return list(descend(record, "participants", "sessions", "segments"))


def metric_names(record: Record) -> set[str]:
    return {m["name"] for m in descend(record, "participants", "sessions", "metrics")}


def outcomes(record: Record) -> list[Record]:
    flows = [session["flow"] for session in sessions(record) if "flow" in session]
    return [outcome for flow in flows for outcome in flow.get("outcomes", [])]


def attributes(record: Record, *purposes: str) -> dict[str, str]:
    every = participants(record, *purposes)
    return {name: value for p in every for name, value in p.get("attributes", {}).items()}


def wrap_up_codes(record: Record) -> set[str]:
    return {s["wrapUpCode"] for s in segments(record) if "wrapUpCode" in s}


def media(name: str) -> Callable[[Record], bool]:
    return lambda record: any(s["mediaType"] == name for s in sessions(record))


def metric(name: str) -> Callable[[Record], bool]:
    return lambda record: name in metric_names(record)


def segment(kind: str) -> Callable[[Record], bool]:
    return lambda record: any(s["segmentType"] == kind for s in segments(record))


def emitted(record: Record, name: str) -> list[Record]:
    found = descend(record, "participants", "sessions", "metrics")
    return [metric for metric in found if metric["name"] == name]


def flowed_out(where: str | None) -> Callable[[Record], bool]:
    return lambda record: any(
        has(s, "tFlowOut") and s.get("flowOutType") == where for s in sessions(record)
    )


def repeated_outcome(record: Record) -> bool:
    return any(
        max(Counter(o["flowOutcomeId"] for o in s["flow"]["outcomes"]).values()) > 1
        for s in sessions(record)
        if s.get("flow", {}).get("outcomes")
    )


def listed(name: str) -> set[str]:
    return {str(entity["id"]) for entity in getattr(small_world().organisation, name)}


def is_date(value: str) -> bool:
    try:
        datetime.strptime(value, "%Y-%m-%d")  # noqa: DTZ007
    except ValueError:
        return False
    return True


def values(record: Record) -> list[str]:
    return list(attributes(record, "customer", "acd", "agent", "user").values())


def two_contacts(record: Record) -> bool:
    customers = participants(record, "customer")
    return len({p["externalContactId"] for p in customers if "externalContactId" in p}) > 1


def hours(record: Record) -> float:
    return (millis(record, "conversationEnd") - millis(record, "conversationStart")) / HOUR


FEATURES: dict[str, Callable[[Record], bool]] = {
    **{name: media(name) for name in (
        "voice", "callback", "chat", "email", "message", "cobrowse",
    )},
    **{name: metric(name) for name in (
        "nBlindTransferred", "nConsultTransferred", "nConsult", "tHeld", "tAcw", "tAbandon",
        "tShortAbandon", "tVoicemail", "tFlowExit", "tFlowDisconnect", "nBotInteractions",
        "nOutboundAttempted", "nOutboundConnected", "nFlowOutcomeFailed", "nError", "tFlowOut",
        "tNotResponding", "nOverSla", "tParkComplete", "tConnected", "nAlertExpired", "nOutbound",
        "nOutboundAbandoned", "nCobrowseSessions", "tMonitoringComplete", "tCoachingComplete",
        "tBarging",
    )},
    **{name: segment(name) for name in (
        "ivr", "alert", "hold", "wrapup", "dialing", "contacting", "parked", "scheduled",
        "uploading", "system", "delay", "monitoring", "coaching", "barging",
    )},
    **{f"flowed out to {where}": flowed_out(where) for where in (
        "acd", "external", "voicemail", "callback", None,
    )},
    "abandoned after an answer": lambda r: {"tAnswered", "tAbandon"} <= metric_names(r),
    "abandoned after a flow-out": lambda r: {"tFlowOut", "tAbandon"} <= metric_names(r),
    "called back twice": lambda r: len(emitted(r, "nCallbackAttempts")) > 1,
    "voicemail nobody took": lambda r: "tVoicemail" in metric_names(r)
    and "tAnswered" not in metric_names(r),
    "after-call work without an answer": lambda r: any(
        has(s, "nAlertExpired") and has(s, "tAcw") for s in sessions(r)
    ),
    "bot inside a running flow": lambda r: any(
        millis(bot["segments"][-1], "segmentEnd") < millis(ivr["segments"][-1], "segmentEnd")
        for of_bot in participants(r, "botflow") for bot in of_bot["sessions"]
        for of_ivr in participants(r, "ivr") for ivr in of_ivr["sessions"]
    ),
    "line closed by the platform": lambda r: 60 < hours(r) / 24 < 61,
    "line nobody closes": lambda r: hours(r) / 24 > 100,
    "evaluated": lambda r: any("oTotalScore" in one for one in r.get("evaluations", [])),
    "not yet evaluated": lambda r: any(
        "oTotalScore" not in one for one in r.get("evaluations", [])
    ),
    "survey answered": lambda r: any("surveyPromoterScore" in one for one in r.get("surveys", [])),
    "survey not answered": lambda r: any(
        "surveyPromoterScore" not in one for one in r.get("surveys", [])
    ),
    "IVR to queue to agent": lambda r: [p["purpose"] for p in r["participants"]][:4]
    == ["customer", "ivr", "acd", "agent"],
    "conference": lambda r: "conferenceStart" in r and any(s["conference"] for s in segments(r)),
    "several contacts": two_contacts,
    "outbound": lambda r: r["originatingDirection"] == "outbound",
    "internal": lambda r: len(participants(r, "user")) == 2 and not participants(r, "customer"),
    "bot flow": lambda r: bool(participants(r, "botflow")),
    "self served": lambda r: r.get("selfServed") is True,
    "days long": lambda r: 24 < hours(r) < 24 * 10,
    "weeks long": lambda r: hours(r) > 24 * 20,
    "value above 32 bits": lambda r: any(
        m["value"] > 2**31 for m in descend(r, "participants", "sessions", "metrics")
    ),
    "wrap-up timeout": lambda r: WRAP_UP_TIMEOUT in wrap_up_codes(r),
    "preview skipped": lambda r: PREVIEW_SKIPPED in wrap_up_codes(r),
    "wrap-up code in no list": lambda r: any(
        not code.startswith("ININ-") and code not in listed("wrap_up_codes")
        for code in wrap_up_codes(r)
    ),
    "agent in no list": lambda r: any(
        p["userId"] not in listed("users") for p in participants(r, "agent", "user")
    ),
    "queue in no list": lambda r: any(
        s["queueId"] not in listed("queues") for s in segments(r) if "queueId" in s
    ),
    "deleted flow": lambda r: any(
        s["flow"]["flowName"] == "Main IVR (2024)" for s in sessions(r) if "flow" in s
    ),
    "outcome succeeded": lambda r: any(o["flowOutcomeValue"] == "SUCCESS" for o in outcomes(r)),
    "outcome failed": lambda r: any(o["flowOutcomeValue"] == "FAILURE" for o in outcomes(r)),
    "outcome end null": lambda r: any(
        o.get("flowOutcomeEndTimestamp", 0) is None for o in outcomes(r)
    ),
    "outcome end absent": lambda r: any("flowOutcomeEndTimestamp" not in o for o in outcomes(r)),
    "outcome tried again": repeated_outcome,
    "no outcome": lambda r: not outcomes(r),
    "attributes on customer": lambda r: bool(attributes(r, "customer")),
    "attributes on queue": lambda r: bool(attributes(r, "acd")),
    "attributes on agent": lambda r: bool(attributes(r, "agent")),
    "attributes on user": lambda r: bool(attributes(r, "user")),
    "no attributes at all": lambda r: not any("attributes" in p for p in r["participants"]),
    "names differing in case": lambda r: {"customerId", "CustomerId", "CUSTOMERID"}
    <= set(attributes(r, "customer")),
    "name with blank": lambda r: "Account Number" in attributes(r, "customer"),
    "name with dot": lambda r: "context.email" in attributes(r, "customer"),
    "empty value": lambda r: "" in values(r),
    "1024 characters": lambda r: any(len(value) == 1024 for value in values(r)),
    "whole number": lambda r: any(value.isdecimal() for value in values(r)),
    "leading zeros": lambda r: any(v.startswith("00") and v.isdecimal() for v in values(r)),
    "boolean": lambda r: bool({"true", "TRUE"} & set(values(r))),
    "date": lambda r: any(is_date(value) for value in values(r)),
    "hostile text": lambda r: any("drop table" in value for value in values(r)),
    "time without fraction": lambda r: "." not in r["conversationStart"],
    "time with fraction": lambda r: "." in r["conversationStart"],
    "no queue on an agent's leg": lambda r: any(
        not any("queueId" in s for s in session["segments"])
        for p in participants(r, "agent")
        for session in p["sessions"]
    ),
    "customer nobody knows": lambda r: any(
        "externalContactId" not in p for p in participants(r, "customer")
    ),
}  # fmt: skip


@pytest.mark.parametrize("feature", FEATURES)
def test_it_occurs_in_the_world_but_not_in_every_conversation(feature: str) -> None:
    found = sum(FEATURES[feature](record) for record in final_records())
    assert 0 < found < len(final_records())


# -- a contact centre that could exist ------------------------------------------------------------


@cache
def busy_world() -> World:
    """A week as full as that of the demo."""
    return World(seed=7, conversations=2_000, end=NOW)


@cache
def busy_sessions() -> tuple[tuple[Placed, Participant, Session, dict[str, int]], ...]:
    found = []
    for placed in busy_world():
        told = placed.script.conversation
        by_id = {session.session_id: session for _, session in told.sessions()}
        for owner, session in told.sessions():
            values = {m.name: m.value for m in session_metrics(owner, session, by_id)}
            found.append((placed, owner, session, values))
    return tuple(found)


def test_four_in_five_are_answered_in_time_in_every_medium() -> None:
    answered: defaultdict[str, list[bool]] = defaultdict(list)
    for _, owner, session, values in busy_sessions():
        if owner.purpose == "acd" and "tFlowOut" not in values:
            in_time = values["tAcd"] <= service_levels.in_time(session.media)
            answered[session.media].append(in_time and "tAbandon" not in values)
    share = {media: sum(those) / len(those) for media, those in answered.items()}
    assert set(share) == set(service_levels.IN_TIME)
    assert all(0.65 < one < 0.9 for one in share.values()), share
    assert 0.77 < sum(map(sum, answered.values())) / sum(map(len, answered.values())) < 0.83


def test_calls_are_answered_in_seconds_and_mail_in_hours() -> None:
    waits: defaultdict[str, list[int]] = defaultdict(list)
    for _, owner, session, values in busy_sessions():
        if owner.purpose == "acd" and "tAbandon" not in values and "tFlowOut" not in values:
            waits[session.media].append(values["tAcd"])
    assert 5 * 1000 < median(waits["voice"]) < 20 * 1000
    assert HOUR < median(waits["email"]) < 8 * HOUR


def test_who_is_on_queue_is_busy_three_quarters_of_the_time() -> None:
    world = busy_world()
    shifts = Shifts(world.seed, world.organisation, world.roster)
    late, spent = NOW + DAY, Counter[str]()
    contributions = Contributions(world).between(NOW - 7 * DAY, NOW, late)
    for _, stints in shifts.stints(NOW - 7 * DAY, NOW, late, contributions):
        for stint in stints:
            spent[stint.routing] += stint.end - stint.start
    on_queue = sum(spent[name] for name in ("INTERACTING", "COMMUNICATING", "IDLE"))
    assert 0.7 < spent["INTERACTING"] / on_queue < 0.8


def test_one_in_seven_comes_back_within_the_week() -> None:
    known: Counter[str] = Counter()
    for placed in busy_world():
        known.update({
            one.external_contact_id
            for one in placed.script.conversation.participants
            if one.purpose == "customer" and one.external_contact_id
        })  # fmt: skip
    again = sum(times - 1 for times in known.values())
    assert 0.1 < again / known.total() < 0.2


def test_noon_is_quieter_than_the_hours_around_it_and_sunday_than_all_other_days() -> None:
    hours, days = Counter[int](), Counter[int]()
    for placed in busy_world():
        at = datetime.fromtimestamp(placed.start / 1000, UTC)
        hours[at.hour] += 1
        days[at.weekday()] += 1
    assert hours[12] < 0.75 * min(hours[10], hours[14])
    assert min(days[day] for day in range(5)) > 1.5 * max(days[5], days[6])
    assert days[0] == max(days.values())


def test_flows_try_for_their_own_outcomes_alone() -> None:
    names = {str(one["id"]): one["name"] for one in small_world().organisation.flow_outcomes}
    for record in final_records():
        for flow in (s["flow"] for s in sessions(record) if "flow" in s):
            tried = {names[outcome["flowOutcomeId"]] for outcome in flow.get("outcomes", [])}
            assert tried <= set(OUTCOMES_OF.get(flow["flowName"], ()))


def test_nobody_has_two_calls_at_once_but_up_to_four_messages() -> None:
    calls: defaultdict[str | None, list[tuple[int, int]]] = defaultdict(list)
    messages: defaultdict[str | None, list[tuple[int, int]]] = defaultdict(list)
    for placed, owner, session, values in busy_sessions():
        if owner.purpose != "agent" or "tAnswered" not in values:
            continue
        spans = [s for s in session.segments if s.kind in {"interact", "hold", "wrapup"}]
        kind = calls if session.media == "voice" else messages
        if session.media in {"voice", "message", "chat"}:
            kind[owner.user_id].append(
                (placed.start + spans[0].start, placed.start + spans[-1].end)
            )
    at_once = [
        sum(low <= start < high for low, high in spans)
        for spans in messages.values()
        for start, _ in spans
    ]
    assert max(at_once) >= 4
    doubled = sum(
        later[0] < earlier[1]
        for spans in calls.values()
        for earlier, later in pairwise(sorted(spans))
    )
    # Of 40 a night may have to take two.
    assert doubled < sum(len(those) for those in calls.values()) / 40


def test_metrics_are_written_by_definitions_alone() -> None:
    """Neither the project nor its SQL is known to whoever writes or sums them."""
    imported = set()
    for path in (ROOT / "tests" / "sandbox").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom):
                imported.add(str(node.module))
            elif isinstance(node, ast.Import):
                imported.update(name.name for name in node.names)
        assert "dbt_project" not in text, path
    assert not [name for name in imported if name.split(".")[0] in {"loader", "dbt", "duckdb"}]
    assert not [name for name in imported if name.startswith("tests.") and "sandbox" not in name]


# -- what they hold -------------------------------------------------------------------------------


def test_attributes_are_texts_whatever_they_mean() -> None:
    assert all(isinstance(value, str) for r in final_records() for value in values(r))


# -- what can be seen when ------------------------------------------------------------------------


def numbers_of(kind: str) -> list[int]:
    world = small_world()
    return [placed.number for placed in world if placed.script.kind == kind]


def test_a_conversation_is_found_once_it_has_arrived_and_not_a_moment_before() -> None:
    world = small_world()
    for number in range(len(world)):
        placed, arrives = world.placed(number), world.versions(number)[0].visible_at
        window = (placed.start, placed.start + 1)
        assert number in world.active_between(*window, arrives)
        assert number not in world.active_between(*window, arrives - 1)


def test_most_arrive_within_minutes_some_after_hours_a_few_after_more_than_a_day() -> None:
    delays = [placed.script.delay for placed in small_world()]
    assert sum(delay < 30 * MINUTE for delay in delays) > 0.75 * len(delays)
    assert sum(HOUR < delay < DAY for delay in delays) > 10
    assert sum(delay > 25 * HOUR for delay in delays) > 10


def test_an_open_conversation_has_no_end_and_shows_only_what_has_happened() -> None:
    world = small_world()
    looked = 0
    for placed in world:
        script = placed.script
        if script.pauses or script.correction or script.duration < 4 * MINUTE:
            continue
        seen_until = placed.start + placed.script.duration // 2
        record = json.loads(world.record(placed.number, seen_until + placed.script.delay))
        final = json.loads(world.record(placed.number, LATE))
        assert "conversationEnd" not in record
        for part in segments(record):
            assert millis(part, "segmentStart") <= seen_until
            assert "segmentEnd" not in part or millis(part, "segmentEnd") <= seen_until
        for name in ("metrics", "segments"):
            path = ("participants", "sessions", name)
            assert 0 < len(list(descend(record, *path))) <= len(list(descend(final, *path)))
        assert len(metric_names(record)) <= len(metric_names(final))
        emitted = descend(record, "participants", "sessions", "metrics")
        assert all(millis(m, "emitDate") <= seen_until for m in emitted)
        looked += 1
    assert looked > 300


def test_a_re_opened_conversation_ends_lives_again_and_ends_later() -> None:
    world = small_world()
    for number in numbers_of("e-mail re-opened"):
        kinds = [v.kind for v in world.versions(number) if v.kind not in CORRECTED | {"reviewed"}]
        assert kinds == ["open", "ended", "re-opened", "final"]
        at = {version.kind: version.visible_at for version in world.versions(number)}
        ended = json.loads(world.record(number, at["ended"]))
        again = json.loads(world.record(number, at["re-opened"]))
        final = json.loads(world.record(number, at["final"]))
        assert "conversationEnd" in ended
        assert "conversationEnd" not in again
        assert millis(final, "conversationEnd") > millis(ended, "conversationEnd")


CORRECTED = {"wrap-up changed", "attribute gained", "attributes lost", "outcomes lost"}


def test_nightly_corrections_change_what_they_name_two_to_three_days_later() -> None:
    world = small_world()
    changed: Counter[str] = Counter()
    for number in range(len(world)):
        versions = {version.kind: version.visible_at for version in world.versions(number)}
        for kind in CORRECTED & set(versions):
            if versions[kind] < versions["final"]:
                continue
            age = versions[kind] - world.placed(number).end
            assert 2 * DAY <= age <= 3 * DAY
            before = json.loads(world.record(number, versions[kind] - 1))
            after = json.loads(world.record(number, versions[kind]))
            facts: dict[str, tuple[object, object]] = {
                "wrap-up changed": (wrap_up_codes(before), wrap_up_codes(after)),
                "attribute gained": (attributes_of(before), attributes_of(after)),
                "attributes lost": (attributes_of(before), attributes_of(after)),
                "outcomes lost": (outcomes(before), outcomes(after)),
            }
            for name, (old, new) in facts.items():
                if name == kind or (name.startswith("attribute") and "attribute" in kind):
                    changed[kind] += old != new
                else:
                    assert old == new
            if kind.endswith("lost"):
                assert not facts[kind][1]
    assert all(changed[kind] for kind in CORRECTED)


def attributes_of(record: Record) -> list[object]:
    return [p["attributes"] for p in record["participants"] if "attributes" in p]


def test_windows_find_every_conversation_in_each_window_it_was_alive_in() -> None:
    """The quick search agrees with looking at each conversation."""
    world = small_world()
    late = LATE
    for day in range(-1, 8):
        start, end = NOW - day * DAY - 7 * HOUR, NOW - day * DAY + 17 * HOUR
        for now in (NOW, late):
            alive = []
            for placed in world:
                versions = world.versions(placed.number)
                if versions[0].visible_at > now or placed.start >= end:
                    continue
                record = json.loads(world.record(placed.number, now))
                # One that goes on is known to live as far as its events have arrived.
                known_until = now - placed.script.delay
                if "conversationEnd" in record:
                    known_until = millis(record, "conversationEnd")
                if known_until >= start:
                    alive.append(placed.number)
            found = list(world.active_between(start, end, now))
            if start > now:
                continue
            assert sorted(found) == alive
            starts = [world.placed(number).start for number in found]
            assert starts == sorted(starts)


def test_a_conversation_is_alive_until_the_moment_it_ends_and_no_longer() -> None:
    world = small_world()
    for placed in world:
        end, late = placed.end, LATE
        assert placed.number in world.active_between(end, end + 1, late)
        assert placed.number not in world.active_between(end + 1, end + 2, late)
        assert placed.number not in world.active_between(placed.start - 1, placed.start, late)


def test_an_open_conversation_is_known_to_live_only_as_far_as_its_events_have_arrived() -> None:
    world = small_world()
    for placed in world:
        if placed.script.pauses:
            continue
        seen_until = placed.start + placed.script.duration // 2
        now = seen_until + placed.script.delay
        assert placed.number in world.active_between(seen_until, seen_until + 1, now)
        assert placed.number not in world.active_between(seen_until + 1, seen_until + 2, now)


def test_extra_conversations_are_found_by_time_and_served_as_given() -> None:
    extra: Record = {
        "conversationId": "e0000000-0000-4000-8000-000000000001",
        "conversationStart": "2026-11-19T10:00:00.000Z",
        "conversationEnd": "2026-11-19T10:05:00.000Z",
        "participants": [{"purpose": "customer", "attributes": {"Key": "v", "key": ""}}],
    }
    world = World(seed=7, conversations=50, end=NOW, extras=[extra])
    start = to_millis("2026-11-19T10:05:00Z")
    assert 50 in world.active_between(start, start + 1, NOW)
    assert 50 not in world.active_between(start + 1, start + 2, NOW)
    assert json.loads(world.record(50, NOW)) == extra
    live = json.loads(world.record(50, NOW, live=True))
    assert live["participants"] == [{"purpose": "customer"}]
    assert world.number_of(extra["conversationId"]) == 50
    found = world.active_between(NOW - 7 * DAY, NOW, NOW)
    assert len(set(found)) == len(found)
