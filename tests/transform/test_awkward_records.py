"""Records that the contract allows or that have been seen, read the same way by every engine."""

from collections.abc import Mapping
from typing import Any

from tests.transform.aggregates import group as group_of
from tests.transform.aggregates import handled, status
from tests.transform.conversations import at, conversation, metrics, participant, segment, session
from tests.transform.packed import Packed

NO_ARRAYS = (
    '{"conversationId":"no-arrays","conversationStart":"2026-09-01T09:00:00Z",'
    '"participants":[{"participantId":"p-1","purpose":"customer","sessions":{"not":"an array"},'
    '"attributes":["not","an","object"]},{"participantId":"p-2","sessions":null}]}'
)
NULLS = (
    '{"conversationId":"nulls","conversationStart":null,"conversationEnd":null,'
    '"divisionIds":null,"participants":null}'
)
# 2^31 is not enough; fractions of two and nine digits; a day without its zero; an offset.
TIMES = (
    '{"conversationId":"times","conversationStart":"2026-9-1T09:00:00.25Z",'
    '"conversationEnd":"2026-09-01T12:30:00.123956789+02:00","participants":[{"participantId":"p",'
    '"purpose":"acd","sessions":[{"sessionId":"s","mediaType":"callback","metrics":['
    '{"name":"tConnected","value":5097600909,"emitDate":"2026-02-30T00:00:00Z"}]}]}]}'
)
ATTRIBUTES = (
    '{"conversationId":"attributes","conversationStart":"2026-09-01T09:00:00Z","participants":['
    '{"participantId":"p","purpose":"customer","attributes":{"a b":"1","A B":"2","a.b":"3",'
    '"a\\"b":"4","$":"5","":"6","empty":"","null":null,"true":true,"number":17,'
    '"ze\\u0000ro":"x\\u0000\\u0000y","backslash":"\\\\u0000","umlaut":"\\u00fc",'
    '"sql":"\'); drop table x;--","jinja":"{{ 1 }}"}},'
    '{"participantId":"q","purpose":"customer","attributes":{"twice":"x","twice":"x","~/":"z"}}]}'
)
# The year 1 stands for no time; what ends before it begins has no duration.
NEVER = conversation("never", [], conversationStart="0001-01-01T00:00:00Z")
BACKWARDS = conversation("backwards", [], end=-60)
# No sum could hold what lasts until then.
FAR = conversation(
    "far",
    [
        participant(
            "far-p",
            "agent",
            session(
                "far-s",
                [
                    {**segment("interact", 0, 60), "segmentEnd": "99999-01-01T00:00:00Z"},
                    segment("hold", 0, 60),
                ],
            ),
        )
    ],
    end=None,
    conversationEnd="99999-01-01T00:00:00Z",
)
NAMELESS = conversation(
    "nameless",
    [
        {"sessions": [{"segments": [segment("interact", 0, 1)]}, {}]},
        participant("", "agent", session("", [])),
    ],
)
# More of them than anybody has; the conversation is built all the same, and so are the others.
BULKY = conversation(
    "bulky",
    [
        participant("bulky-p", "customer", attributes={"many": "x" * (1 << 20), "b": "c"}),
        participant("bulky-q", "customer", attributes={"few": "x"}),
    ],
)
# One id for two participants, and one for two sessions.
TWICE = conversation(
    "twice",
    [
        participant(
            "p",
            "customer",
            session("s", [segment("interact", 0, 50)]),
            attributes={"k": "first", "only1": "x"},
        ),
        participant(
            "p",
            "agent",
            session(
                "s", [segment("interact", 50, 100)], metrics=metrics(tAnswered=1, tHandle=50_000)
            ),
            session("t", [segment("interact", 100, 101)]),
            attributes={"k": "second", "only2": "y"},
        ),
    ],
)
# What engines read each in its own way, were they asked; none is a time or a number.
NO_TIMES = (
    "2026-09-01T24:00:00Z", "infinity", "-infinity", " 2026-09-01T09:00:00Z",
    "2026-09-01T09:00:00Z ", "epoch", "2026/09/01 09:00:00", "2026-09-01T09:00:00 UTC",
    "2026-02-30T09:00:00Z", "NaN", "", "12026-09-01T09:00:00Z",
)  # fmt: skip
NO_NUMBERS = ("NaN", "nan", "Infinity", "-inf", " 4.5", "4_0", "0x1F", "")
ODD = [
    conversation(f"odd-{number}", [], conversationStart=text, conversationEnd=at(60))
    for number, text in enumerate(NO_TIMES)
] + [
    conversation(f"mos-{number}", [], mediaStatsMinConversationMos=text)
    for number, text in enumerate((*NO_NUMBERS, 4.5, "4.5e0"))
]
# Groups that lack what they are grouped by.
NAMELESS_GROUPS: dict[str, Any] = {
    "queue_aggregates": [group_of({"mediaType": "voice"}, handled(0, 2))],
    "agent_aggregates": [group_of({"mediaType": "voice"}, handled(0, 3))],
    "user_aggregates": [group_of({}, status(0, INTERACTING=900_000))],
    "flow_aggregates": [
        group_of({"flowOutcomeValue": "SUCCESS"}, handled(0, 4, metric="nFlowOutcome"))
    ],
}

RECORDS: list[Mapping[str, Any] | str] = [
    NO_ARRAYS, NULLS, TIMES, ATTRIBUTES, NAMELESS, NEVER, BACKWARDS, FAR, BULKY, TWICE, *ODD,
]  # fmt: skip
NAMES = ("attributes", "backwards", "far", "nameless", "never", "no-arrays", "nulls", "times")


def test_m7_awkward_records_have_one_reading(packed: Packed) -> None:
    assert packed.rows(
        "select conversation_id, started_at, ended_at, duration_seconds, participant_count,"
        " session_count, attribute_count, is_open from genesys_marts.fct_interactions"
        f" where conversation_id in {NAMES} order by conversation_id",
    ) == [
        {
            "conversation_id": name,
            **times,
            "participant_count": participants,
            "session_count": sessions,
            "attribute_count": attributes,
            "is_open": "ended_at" not in times,
        }
        for name, times, participants, sessions, attributes in (
            ("attributes", {"started_at": "2026-09-01 09:00:00"}, 2, 0, 17),
            (
                "backwards",
                {"started_at": "2026-09-01 09:00:00", "ended_at": "2026-09-01 08:59:00"},
                0,
                0,
                0,
            ),
            ("far", {"started_at": "2026-09-01 09:00:00"}, 1, 1, 0),
            (
                "nameless",
                {
                    "started_at": "2026-09-01 09:00:00",
                    "ended_at": "2026-09-01 09:10:00",
                    "duration_seconds": "600.000",
                },
                2,
                3,
                0,
            ),
            ("never", {"ended_at": "2026-09-01 09:10:00"}, 0, 0, 0),
            ("no-arrays", {"started_at": "2026-09-01 09:00:00"}, 2, 0, 0),
            ("nulls", {}, 0, 0, 0),
            (
                "times",
                {
                    "started_at": "2026-09-01 09:00:00.250000",
                    "ended_at": "2026-09-01 10:30:00.123956",
                    "duration_seconds": "5399.873",
                },
                1,
                1,
                0,
            ),
        )
    ]
    assert packed.rows(
        "select metric_name, metric_value, emitted_at from"
        " genesys_staging.stg_platform__session_metrics where conversation_id = 'times'",
    ) == [{"metric_name": "tConnected", "metric_value": 5097600909}]
    found = [
        (row["attribute_name"], row.get("raw_value"))
        for row in packed.rows(
            "select attribute_name, raw_value from genesys_marts.fct_participant_attributes"
            f" where conversation_id in {NAMES}",
        )
    ]
    expected = [
        ("a b", "1"),
        ("A B", "2"),
        ("a.b", "3"),
        ('a"b', "4"),
        ("$", "5"),
        ("", "6"),
        ("empty", ""),
        ("null", None),
        ("true", "true"),
        ("number", "17"),
        # The escape of NUL is dropped, from names too; an escaped backslash is another thing.
        ("zero", "xy"),
        ("backslash", "\\u0000"),
        ("umlaut", "ü"),
        ("sql", "'); drop table x;--"),
        ("jinja", "{{ 1 }}"),
        ("twice", "x"),
        ("~/", "z"),
    ]
    assert sorted(found, key=str) == sorted(expected, key=str)
    assert sorted(
        (row["participant_id"], row["session_id"])
        for row in packed.rows(
            "select participant_id, session_id from genesys_staging.stg_platform__sessions"
            " where conversation_id = 'nameless'",
        )
    ) == [
        ("", ""),
        ("participant 1", "participant 1 session 1"),
        ("participant 1", "participant 1 session 2"),
    ]


def test_m7_attributes_beyond_the_limit_are_left_out_alone(packed: Packed) -> None:
    assert packed.rows(
        "select participant_id, attribute_name from genesys_marts.fct_participant_attributes"
        " where conversation_id = 'bulky'"
    ) == [{"participant_id": "bulky-q", "attribute_name": "few"}]
    assert packed.rows(
        "select participant_count from genesys_marts.fct_interactions"
        " where conversation_id = 'bulky'"
    ) == [{"participant_count": 2}]


def test_an_id_that_comes_twice_stands_for_two(packed: Packed) -> None:
    ids = packed.rows(
        "select participant_id, session_id, id_use from genesys_staging.stg_platform__sessions"
        " where conversation_id = 'twice' order by participant_number, session_number"
    )
    # What comes after the first is what assert_ids_come_once_in_a_conversation warns of.
    assert [tuple(row.values()) for row in ids] == [
        ("p", "s", 1),
        ("p (2)", "s (2)", 2),
        ("p (2)", "t", 1),
    ]
    assert packed.rows(
        "select participant_id, attribute_name, raw_value"
        " from genesys_marts.fct_participant_attributes where conversation_id = 'twice'"
        " order by participant_id, attribute_name"
    ) == [
        {"participant_id": person, "attribute_name": name, "raw_value": value}
        for person, name, value in (
            ("p", "k", "first"),
            ("p", "only1", "x"),
            ("p (2)", "k", "second"),
            ("p (2)", "only2", "y"),
        )
    ]
    assert packed.rows(
        "select session_count, participant_count, handle_seconds, genesys_handle_seconds"
        " from genesys_marts.fct_interactions where conversation_id = 'twice'"
    ) == [
        {
            "session_count": 3,
            "participant_count": 2,
            "handle_seconds": "51.000",
            "genesys_handle_seconds": "50.000",
        }
    ]


def test_what_is_no_time_and_no_number_is_null_on_every_engine(packed: Packed) -> None:
    assert packed.rows(
        "select count(*) as row_count, count(started_at) as started_count"
        " from genesys_marts.fct_interactions where conversation_id like 'odd-%'"
    ) == [{"row_count": len(NO_TIMES), "started_count": 0}]
    assert packed.rows(
        "select min_mos from genesys_marts.fct_interactions where conversation_id like 'mos-%'"
        " order by min_mos"
    ) == [{"min_mos": 4.5}, {"min_mos": 4.5}, *({} for _ in NO_NUMBERS)]


def test_counts_of_nobody_are_kept_under_an_unknown_member(packed: Packed) -> None:
    assert packed.rows(
        "select handled_count, queue_name, is_known"
        " from genesys_marts.fct_queue_intervals as intervals"
        " inner join genesys_marts.dim_queues as queues using (queue_id)"
        " where queue_id = 'unknown' and interval_kind = 'day'"
    ) == [{"handled_count": 2, "queue_name": "Unknown queue unknown"} | {"is_known": False}]
    assert packed.rows(
        "select handled_count, interacting_seconds from genesys_marts.fct_agent_intervals"
        " where user_id = 'unknown' and interval_kind = 'day'"
    ) == [{"handled_count": 3, "interacting_seconds": "900.000"}]
    assert packed.rows(
        "select flow_outcome_id, outcome_count from genesys_marts.fct_flow_outcomes"
        " where flow_id = 'unknown' and interval_kind = 'day'"
    ) == [{"flow_outcome_id": "unknown", "outcome_count": 4}]
