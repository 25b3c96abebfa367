"""Conversations with the numbers that Genesys' own definitions give them, worked out by hand.

`handed` were written by somebody else, before anything ran; the others are of the same kinds. Of
each the expected columns alone are compared, so a case says what it is about.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.harness.place import SALT
from tests.transform.conversations import (
    DAY,
    Json,
    at,
    conversation,
    metrics,
    participant,
    segment,
    session,
)
from tests.transform.packed import Packed
from tests.transform.warehouses import ROOT

CASES: list[Json] = json.loads(
    (ROOT / "tests" / "fixtures" / "cases" / "conversations.json").read_text()
)


def _case(
    name: str,
    participants: Sequence[Json],
    interaction: Mapping[str, Any],
    legs: Mapping[str, Any] | None = None,
    visits: Mapping[str, Any] | None = None,
    **fields: Any,  # noqa: ANN401
) -> Json:
    """Return a case of our own; its sessions are called after it."""
    return {
        "case": name,
        "record": conversation(name, participants, **fields),
        "fct_interactions": dict(interaction),
        "fct_conversation_legs": {f"{name}-{leg}": row for leg, row in (legs or {}).items()},
        "fct_queue_visits": {f"{name}-{visit}": row for visit, row in (visits or {}).items()},
    }


def _party(name: str, purpose: str, *segments: Json, **fields: Any) -> Json:  # noqa: ANN401
    """Return a participant with one session, whose user is called after it, too."""
    user = {"userId": f"{name}-user"} if purpose in {"agent", "user"} else {}
    told = {key: fields.pop(key) for key in list(fields) if key in {"mediaType", "direction"}}
    flow_out = {key: fields.pop(key) for key in list(fields) if key.startswith("flow")}
    held = session(name, segments, metrics=metrics(**fields), **told, **flow_out)
    return participant(f"{name}-p", purpose, held, **user)


def _interact(start: float, end: float | None, **fields: Any) -> Json:  # noqa: ANN401
    return segment("interact", start, end, **fields)


# How the waits of the handed conversations ended, by session.
HANDED_VISITS = {
    "c01-consult-conference": {"q1": "answered"},
    "c03-callback-two-attempts": {"q1": "callback", "q2": "answered", "q3": "answered"},
    "c05-bot-two-queues": {"q1": "flowed_out", "q2": "answered"},
    "c10-no-answer-then-answer": {"q1": "answered"},
    "c11-voicemail": {"q1": "disconnected"},
    "c13-short-abandon": {"q1": "abandoned"},
    "c14-flowout-then-abandon": {"q1": "flowed_out", "q2": "abandoned"},
}
# How their flows ended, and whether the customer was contained.
HANDED_RUNS = {
    "c01-consult-conference": {"i": ("transferred", False)},
    "c05-bot-two-queues": {"b": ("transferred", False)},
    "c11-voicemail": {"i": ("transferred", False)},
    "c12-ivr-abandon": {"i": ("customer", True)},
}
for handed in CASES:
    handed["fct_flow_executions"] = {
        f"{handed['case']}-{name}": {"ended_as": ended_as, "is_contained": is_contained}
        for name, (ended_as, is_contained) in HANDED_RUNS.get(handed["case"], {}).items()
    }
    of_case = HANDED_VISITS.get(handed["case"], {})
    handed["fct_queue_visits"] = {
        f"{handed['case']}-{name}": {"outcome": outcome} for name, outcome in of_case.items()
    }

A = {"queueId": "queue-1"}
B = {"queueId": "queue-2"}
LEFT = {"disconnectType": "transfer"}
GONE = {"disconnectType": "peer"}

CASES += [
    _case(
        "abandoned-after-an-answer",
        [
            _party("abandoned-after-an-answer-q", "acd", _interact(0, 10, **A, **LEFT),
                   nOffered=1, tAcd=10_000),
            _party("abandoned-after-an-answer-a", "agent", _interact(10, 60, **A, **LEFT),
                   tAnswered=10_000, nBlindTransferred=1, tHandle=50_000),
            _party("abandoned-after-an-answer-q2", "acd", segment("delay", 60, 61, **B),
                   _interact(61, 91, **B, **GONE), nOffered=1, tAcd=30_000, tAbandon=30_000),
        ],
        {"is_abandoned": True, "is_answered": True, "is_connected": True, "queue_count": 2,
         "answered_queue_count": 1, "abandoned_queue_count": 1, "is_short_abandon": False,
         "wait_seconds": 40, "transfer_count": 1, "counts_source": "metrics"},
        {"a": {"is_answered": True, "queue_wait_seconds": 10, "ended_as": "blind_transfer"}},
        {"q": {"outcome": "answered", "visit_number": 1, "wait_seconds": 10,
               "service_level_seconds": 20, "service_level_share": 0.8,
               "is_within_service_level": True,
               "answered_by_user_id": "abandoned-after-an-answer-a-user",
               "answered_by_session_id": "abandoned-after-an-answer-a"},
         "q2": {"outcome": "abandoned", "visit_number": 2, "wait_seconds": 30,
                "is_within_service_level": False, "is_short_abandon_by_target": None,
                "queue_id": "queue-2", "entered_date": "2026-09-01",
                "answered_by_user_id": None}},
    ),
    _case(
        "disconnected-by-the-flow",
        [_party("disconnected-by-the-flow-q", "acd",
                _interact(0, 40, **A, disconnectType="system"), nOffered=1, tAcd=40_000)],
        {"is_abandoned": False, "abandoned_queue_count": 0, "wait_seconds": 40},
        visits={"q": {"outcome": "disconnected", "is_flowed_out": True,
                      "is_within_service_level": None}},
    ),
    _case(
        "abandoned-twice",
        [_party(f"abandoned-twice-q{number}", "acd", _interact(at, at + 5, **A, **GONE),
                nOffered=1, tAcd=5_000, tAbandon=5_000, tShortAbandon=5_000)
         for number, at in enumerate((0, 100))],
        {"abandoned_queue_count": 2, "is_short_abandon": True, "is_abandoned": True},
    ),
    _case(
        "no-metrics-abandoned",
        [_party("no-metrics-abandoned-q", "acd", _interact(0, 40, **A, **GONE))],
        {"is_abandoned": True, "counts_source": "segments", "is_short_abandon": None},
        visits={"q": {"outcome": "abandoned", "is_short_abandon": None,
                      "is_within_service_level": False}},
    ),
    _case(
        "no-metrics-answered",
        [
            _party("no-metrics-answered-q", "acd", _interact(0, 40, **A, **LEFT)),
            _party("no-metrics-answered-rings", "agent", segment("alert", 10, 20, **A)),
            _party("no-metrics-answered-a", "agent", segment("alert", 35, 40, **A),
                   _interact(40, 60, **A, **LEFT)),
            _party("no-metrics-answered-u", "user", _interact(60, 90, **GONE)),
        ],
        {"is_abandoned": False, "is_answered": True, "counts_source": "segments",
         "answered_leg_count": 2, "answered_queue_count": 1},
        {"rings": {"is_answered": False, "is_connected": False},
         "a": {"is_answered": True, "queue_wait_seconds": 40},
         "u": {"is_answered": False, "is_connected": True, "began_as": "blind_transfer"}},
    ),
    _case(
        "no-metrics-voicemail",
        [
            _party("no-metrics-voicemail-q", "acd", _interact(0, 40, **A, **GONE)),
            _party("no-metrics-voicemail-v", "voicemail", segment("system", 40, 41),
                   _interact(41, 60, **GONE)),
        ],
        {"is_abandoned": False, "voicemail_seconds": 19},
    ),
    _case(
        "direct-transfer",
        [
            _party("direct-transfer-q", "acd", _interact(0, 10, **A, **LEFT),
                   nOffered=1, tAcd=10_000),
            _party("direct-transfer-a", "agent", _interact(10, 60, **A, **LEFT),
                   tAnswered=10_000, nBlindTransferred=1, tHandle=50_000),
            _party("direct-transfer-b", "agent", segment("alert", 60, 65),
                   _interact(65, 100, **GONE), tHandle=35_000),
        ],
        {"answered_leg_count": 2, "agent_count": 2, "answered_queue_count": 1},
        {"b": {"is_answered": False, "is_connected": True, "answered_at": None,
               "connected_at": "start + 65 s", "began_as": "blind_transfer"}},
    ),
    _case(
        "between-users",
        [
            _party("between-users-a", "user", segment("dialing", 0, 5), _interact(5, 60, **GONE),
                   direction="outbound", tHandle=60_000),
            _party("between-users-b", "user", segment("alert", 0, 5), _interact(5, 60),
                   tHandle=55_000),
        ],
        {"is_answered": False, "is_connected": True, "handle_seconds": 115,
         "genesys_handle_seconds": 115, "talk_seconds": 110, "agent_busy_seconds": 115},
        {"b": {"is_answered": False, "is_connected": True, "began_as": "direct"}},
    ),
    _case(
        "nobody-home",
        [_party("nobody-home-a", "agent", segment("contacting", 0, 2, **A),
                segment("dialing", 2, 30, **A, disconnectType="uncallable"),
                segment("wrapup", 30, 35, **A), direction="outbound", nOutbound=1, tHandle=35_000)],
        {"handle_seconds": 35, "genesys_handle_seconds": 35, "is_connected": False,
         "dialing_seconds": 30, "acw_seconds": 5,
         "last_agent_ended_at": None, "agent_count": 0},
        {"a": {"dialing_seconds": 30, "is_connected": False}},
    ),
    _case(
        "callback-at-once",
        [
            _party("callback-at-once-q", "acd", segment("scheduled", 0, 5, **A),
                   _interact(5, 20, **A, **LEFT), mediaType="callback", flowInType="acd",
                   nOffered=1, tAcd=15_000),
            participant(
                "callback-at-once-p", "agent",
                session("callback-at-once-a", [_interact(20, 80, **A, **GONE)],
                        mediaType="callback",
                        metrics=metrics(tAnswered=15_000, tHandle=60_000)),
                session("callback-at-once-c",
                        [segment("dialing", 21, 30, **A), _interact(30, 90, **A, **GONE)],
                        direction="outbound", metrics=metrics(nOutbound=1, tHandle=69_000)),
                userId="callback-at-once-user",
            ),
        ],
        {"handle_seconds": 129, "genesys_handle_seconds": 129, "agent_busy_seconds": 70,
         "answered_leg_count": 1, "leg_count": 2, "wait_seconds": 15, "agent_count": 1},
        {"a": {"began_as": "acd", "is_answered": True, "callback_session_id": None},
         "c": {"began_as": "outbound", "is_answered": False, "queue_wait_seconds": None,
               "callback_session_id": "callback-at-once-a"}},
    ),
    _case(
        "barged-in",
        [
            _party("barged-in-q", "acd", _interact(0, 10, **A, **LEFT), nOffered=1, tAcd=10_000),
            _party("barged-in-a", "agent", _interact(10, 100, **A, **GONE),
                   tAnswered=10_000, tHandle=90_000),
            _party("barged-in-s", "user", segment("monitoring", 30, 50),
                   segment("barging", 50, 80, disconnectType="client"), direction="outbound",
                   tMonitoringComplete=20_000, tBargingComplete=30_000),
        ],
        {"leg_count": 2, "agent_count": 2, "handle_seconds": 90, "monitoring_seconds": 20,
         "barging_seconds": 30, "coaching_seconds": 0, "agent_busy_seconds": 90},
        {"s": {"began_as": "barge_in", "ended_as": "agent", "is_connected": True,
               "is_answered": False, "handle_seconds": 0, "barging_seconds": 30,
               "handed_over_by_session_id": None}},
    ),
    _case(
        "screen-shared",
        [
            _party("screen-shared-a", "agent", _interact(0, 100, **A, **GONE), tHandle=100_000),
            _party("screen-shared-s", "agent", segment("alert", 10, 20), _interact(20, 50),
                   mediaType="screenshare"),
            _party("screen-shared-m", "user", _interact(30, 40), mediaType="screenmonitoring"),
            _party("screen-shared-c", "user", segment("alert", 60, 61),
                   segment("coaching", 61, 70)),
        ],
        {"leg_count": 1, "handle_seconds": 100, "talk_seconds": 100, "sharing_seconds": 30,
         "monitoring_seconds": 10, "coaching_seconds": 9, "agent_count": 1},
        {"s": None, "m": None, "c": None},
    ),
    _case(
        "voicemail-taken",
        [
            _party("voicemail-taken-v", "voicemail", segment("system", 10, 11),
                   _interact(11, 31, **GONE), tVoicemail=20_000),
            _party("voicemail-taken-q", "acd", segment("uploading", 10, 35, **A),
                   _interact(35, 95, **A, **LEFT), mediaType="callback", flowInType="voicemail",
                   nOffered=1, tAcd=60_000),
            _party("voicemail-taken-a", "agent", segment("alert", 90, 95, **A),
                   _interact(95, 155, **A, **GONE), mediaType="callback",
                   tAnswered=60_000, tHandle=60_000),
        ],
        {"is_abandoned": False, "is_answered": True, "wait_seconds": 60, "voicemail_seconds": 20,
         "answered_queue_count": 1},
        {"a": {"queue_wait_seconds": 60, "began_as": "acd"}},
    ),
    _case(
        "bot-inside-ivr",
        [
            _party("bot-inside-ivr-i", "ivr", segment("ivr", 0, 60)),
            _party("bot-inside-ivr-b", "botflow", _interact(10, 30)),
            _party("bot-inside-ivr-b2", "botflow", _interact(50, 75.5)),
            _party("bot-inside-ivr-b3", "botflow", _interact(100, 110)),
        ],
        {"ivr_seconds": 85.5, "counts_source": "segments", "last_agent_ended_at": None},
    ),
    _case(
        "conference-consulted-leaves",
        [
            _party("conference-consulted-leaves-a", "agent", _interact(0, 40, **A),
                   segment("hold", 40, 50, **A),
                   _interact(50, 200, **A, conference=True, **GONE), tHandle=200_000),
            _party("conference-consulted-leaves-b", "agent", _interact(42, 50),
                   _interact(50, 90, conference=True, disconnectType="client"), tHandle=48_000),
        ],
        {"is_conference": True, "transfer_count": 0, "last_agent_ended_at": "start + 200 s"},
        {"b": {"began_as": "conference", "ended_as": "agent",
               "handed_over_by_session_id": "conference-consulted-leaves-a"}},
        conferenceStart=at(50),
    ),
    _case(
        "waits-on",
        [
            participant(
                "waits-on-c",
                "customer",
                session("waits-on-s", [_interact(0, 90)]),
                externalContactId="waits-on-contact",
            ),
            _party("waits-on-q", "acd", _interact(0, 10, **A, **LEFT), nOffered=1, tAcd=10_000),
            _party("waits-on-a", "agent", _interact(10, 50, **A, **LEFT), tAnswered=10_000,
                   nBlindTransferred=1, tHandle=40_000),
            _party("waits-on-q2", "acd", _interact(50, 90, **B, **GONE), nOffered=1, tAcd=40_000,
                   tAbandon=40_000),
            _party("waits-on-x", "external", _interact(20, 600)),
        ],
        {"duration_seconds": 600, "last_agent_ended_at": "start + 50 s", "is_abandoned": True},
    ),
    _case(
        "still-talking",
        [
            _party("still-talking-q", "acd", _interact(0, 10, **A, **LEFT), nOffered=1,
                   tAcd=10_000),
            _party("still-talking-a", "agent", _interact(10, 40, **A), segment("hold", 40, None),
                   tAnswered=10_000),
            _party("still-talking-q2", "acd", _interact(20, None, **B), nOffered=1),
        ],
        {"is_answered": True, "is_abandoned": False, "last_agent_ended_at": None,
         "talk_seconds": 30, "agent_busy_seconds": 30, "wait_seconds": 10},
        visits={"q": {"outcome": "answered"}, "q2": {"outcome": "waiting", "is_open": True}},
        end=None,
    ),
    _case(
        "asked-for-in-a-campaign",
        [
            participant(
                "asked-for-c", "customer",
                session(
                    "asked-for-s",
                    [_interact(0, 90, requestedRoutingSkillIds=["skill-2", "skill-1"],
                               requestedLanguageId="language-1", disconnectType="endpoint")],
                    ani="tel:+4930123", dnis="tel:+4930999", provider="Edge",
                    outboundCampaignId="campaign-1", outboundContactListId="list-1",
                    dispositionName="disposition.classification.callable.person",
                ),
            ),
            _party("asked-for-q", "acd",
                   _interact(5, 15, **A, **LEFT, requestedRoutingSkillIds=["skill-3"]),
                   nOffered=1, tAcd=10_000, tFlowOut=10_000, flowInType="ivr",
                   flowOutType="voicemail"),
            participant(
                "asked-for-a", "agent",
                session("asked-for-l", [_interact(20, 80, disconnectType="peer")],
                        metrics=metrics(tHandle=60_000)),
                userId="asked-for-user", teamId="team-1",
            ),
        ],
        {"ani": hashlib.sha256(f"{SALT}+4930123".encode()).hexdigest(), "dnis": "+4930999",
         "provider": "Edge", "message_type": None, "outbound_campaign_id": "campaign-1",
         "outbound_contact_list_id": "list-1", "skill_ids": "skill-1,skill-2",
         "disposition_name": "disposition.classification.callable.person",
         "language_id": "language-1", "last_team_id": "team-1", "flow_in_type": "ivr",
         "flow_out_type": "voicemail", "disconnect_type": "endpoint",
         "associated_conversation_id": "before", "consultation_conversation_ids": "b,c",
         "started_date": "2026-09-01", "is_in_business_hours": None},
        associatedConversationId="before",
        consultationConversationIds=["c", "b"],
    ),
    _case(
        "we-called",
        [
            _party("we-called-a", "agent", segment("dialing", 0, 5), _interact(5, 60, **GONE),
                   direction="outbound", nOutbound=1, tHandle=60_000),
            participant(
                "we-called-c", "customer",
                session("we-called-s", [_interact(5, 60, disconnectType="client")],
                        direction="outbound", ani="tel:+4930999", dnis="tel:+4930123"),
            ),
        ],
        {"ani": hashlib.sha256(f"{SALT}+4930999".encode()).hexdigest(), "dnis": None,
         "disconnect_type": "client", "repeat_observed_through": None},
        originatingDirection="outbound",
    ),
]  # fmt: skip
RECORDS = [case["record"] for case in CASES]


def test_conversations_have_the_numbers_of_genesys(packed: Packed) -> None:
    assert {case["case"]: found for case in CASES if (found := _differences(packed, case))} == {}


def _differences(packed: Packed, case: Mapping[str, Any]) -> list[str]:
    """Name what is not as expected: `column: expected, found`."""
    name = case["record"]["conversationId"]
    return [
        *_of_row(packed, "fct_interactions", {"conversation_id": name}, case["fct_interactions"]),
        *(
            difference
            for mart in ("fct_conversation_legs", "fct_queue_visits", "fct_flow_executions")
            for session_id, expected in case.get(mart, {}).items()
            for difference in _of_row(
                packed, mart, {"conversation_id": name, "session_id": session_id}, expected
            )
        ),
    ]


def _of_row(
    packed: Packed, mart: str, key: Mapping[str, str], expected: Mapping[str, Any] | None
) -> list[str]:
    columns: Sequence[str] = list(expected) if expected else ["conversation_id"]
    where = " and ".join(f"{column} = '{value}'" for column, value in key.items())
    found = packed.rows(f"select {', '.join(columns)} from genesys_marts.{mart} where {where}")
    place = ".".join([mart, *list(key.values())[1:]])
    if expected is None or not found:
        return [] if expected is None and not found else [f"{place}: {len(found)} rows"]
    return [
        f"{place}.{column}: expected {value}, found {found[0].get(column)}"
        for column, value in expected.items()
        if not _equal(value, found[0].get(column))
    ]


def _equal(expected: object, found: object) -> bool:
    if isinstance(expected, str) and expected.startswith("start + "):
        moment = DAY + timedelta(seconds=float(expected.split()[2]))
        return str(found) == str(moment.replace(tzinfo=None))
    if isinstance(expected, int | float) and not isinstance(expected, bool):
        return found is not None and Decimal(str(found)) == Decimal(str(expected))
    return expected == found


def test_segments_and_metrics_are_there_as_genesys_tells_them(packed: Packed) -> None:
    of_case = "where conversation_id = 'barged-in'"
    assert packed.rows(
        "select session_id, participant_purpose, segment_type, duration_seconds, started_date"
        f" from genesys_marts.fct_conversation_segments {of_case} and user_id = 'barged-in-s-user'"
        " order by segment_number"
    ) == [
        {
            "session_id": "barged-in-s",
            "participant_purpose": "user",
            "segment_type": kind,
            "duration_seconds": f"{length}.000",
            "started_date": "2026-09-01",
        }
        for kind, length in (("monitoring", 20), ("barging", 30))
    ]
    assert packed.rows(
        "select metric_name, metric_value, metric_seconds, queue_id, emitted_date"
        f" from genesys_marts.fct_session_metrics {of_case} and participant_purpose = 'acd'"
        " order by metric_number"
    ) == [
        {"metric_name": "nOffered", "metric_value": 1}
        | {"queue_id": "queue-1", "emitted_date": "2026-09-01"},
        {"metric_name": "tAcd", "metric_value": 10_000, "metric_seconds": "10.000"}
        | {"queue_id": "queue-1", "emitted_date": "2026-09-01"},
    ]


def test_journeys_end_with_the_last_agent_or_queue(packed: Packed) -> None:
    ended = packed.rows(
        "select conversation_id, ended_at from genesys_marts.fct_journey_steps"
        " where conversation_id in ('c21-zombie', 'c01-consult-conference', 'waits-on')"
        " order by conversation_id"
    )
    assert {row["conversation_id"]: row["ended_at"] for row in ended} == {
        # Its last agent still wrote notes.
        "c01-consult-conference": "2026-09-01 09:10:00",
        "c21-zombie": "2026-09-01 09:07:00",
        # After the agent the customer waited once more, while another line stayed open.
        "waits-on": "2026-09-01 09:01:30",
    }
