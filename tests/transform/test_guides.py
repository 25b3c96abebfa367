"""What the marts make of the integration guides' records: histories, the unknown, journeys."""

import json
from datetime import UTC, datetime
from pathlib import Path

from tests.transform.conversations import DAY
from tests.transform.guides import (
    attributed,
    exported,
    known,
    listed,
    outcomes,
    report,
    taking_part,
)
from tests.transform.packed import Packed
from tests.transform.warehouses import (
    MODELS_AND_SEEDS,
    RawTables,
    Warehouse,
    asked_at,
    project_with_registry,
    set_seed,
)

REGISTRY = ("verified,is_verified,boolean,,,,false", "tier,tier,text,,,,false")


MODELS = (
    "--select", "+fct_participant_attributes", "+fct_interactions", "+journey_timelines",
    "+bridge_contact_external_ids", "+audit_filtered_conversations", "+fct_flow_outcomes",
    "+fct_queue_intervals", "+fct_agent_intervals", "+dim_users",
    *MODELS_AND_SEEDS,
)  # fmt: skip
TOTALS = ("--select", "assert_intervals_add_up_to_their_buckets")
STOCKHOLM = ("--vars", "{report_time_zone: Europe/Stockholm}")


def project_of_scenarios(directory: Path) -> Path:
    """Return the project with a registry; a column moves, an outcome was renamed, one is missed."""
    project = project_with_registry(directory, *REGISTRY)
    version_1 = (project / "seeds" / "interaction_columns.csv").read_text().splitlines()[1:]
    set_seed(
        project,
        "interaction_columns",
        *version_1,
        *(f"2,{line[2:]}" for line in version_1 if not line.startswith("1,mediaType")),
        "2,channel,media_type,text",
        "2,externalTag,external_tag,text",
    )
    set_seed(project, "flow_outcome_aliases", "flow-1,Ident,Identified")
    set_seed(project, "expected_flow_outcomes", "flow-1,Billed", "flow-3,Billed")
    return project


def load_parts(raw: RawTables) -> None:
    """An attribute turns from boolean to text to object; one read was cut off; a column moves."""
    raw.load(
        1,
        guides_interactions=[exported("whole", state="MERGED"), exported("only-exported")],
        guides_participants=[
            attributed("whole", "p1", {"verified": True, "tier": "gold"}),
            attributed("whole", "p2", {"tier": "cut"}, purpose="acd"),
            attributed("whole", "p3", purpose="agent"),
            attributed("only-read", "p1", {"verified": "perhaps", "tier": {"b": [1, 2], "a": "e"}}),
            # More than anybody has, beside one who has few.
            attributed("bulky", "p1", {"tier": "x" * (1 << 20)}),
            attributed("bulky", "p2", {"tier": "gold"}),
            attributed("two-types", "p1", {"tier": "gold"}),
            attributed("two-types", "p1", {"tier": "staff", "verified": True}, purpose="agent"),
        ],
    )
    whole = {"tier": "stays", "verified": False, "Tier": 3}
    raw.load(
        2,
        extracted_at=asked_at(1),
        guides_participants=[attributed("whole", "p2", whole, purpose="acd")],
    )
    # Cut off again, under hashes that sort before and behind, attributes or only a value: the whole
    # one stays.
    raw.load(
        3,
        extracted_at=asked_at(1),
        guides_participants=[
            attributed("whole", "p2", {"tier": "cut", "verified": str(cut)}, purpose="acd")
            for cut in range(4)
        ]
        + [
            attributed("whole", "p2", {**whole, "tier": "stays"[:length]}, purpose="acd")
            for length in range(1, 4)
        ],
        guides_interactions=[
            exported("moved", mediaType=None, channel="email", externalTag="order 7", agentIds=None)
        ],
    )


OF_TWO_TYPES = (
    "select attributes.participant_id, purposes.participant_purpose, attribute_name, raw_value"
    " from genesys_marts.fct_participant_attributes as attributes"
    " inner join genesys_intermediate.int_guides_participants_merged as purposes"
    " on attributes.conversation_id = purposes.conversation_id"
    " and attributes.participant_id = purposes.participant_id"
    " where attributes.conversation_id = 'two-types' order by participant_id, attribute_name"
)


def test_an_id_that_comes_as_customer_and_as_agent_keeps_both(packed_guides: Packed) -> None:
    """Also when one of them is read again: the guide says nothing of both coming together."""
    customer = ("two-types-p1", "customer", "tier", "gold")
    agent = ("two-types-p1 (2)", "agent")
    assert [tuple(row.values()) for row in packed_guides.between[OF_TWO_TYPES]] == [
        customer,
        (*agent, "tier", "staff"),
        (*agent, "verified", "true"),
    ]
    assert [tuple(row.values()) for row in packed_guides.rows(OF_TWO_TYPES)] == [
        customer,
        (*agent, "tier", "left"),
    ]
    assert packed_guides.rows(
        "select participant_count, customer_count, attribute_count"
        " from genesys_marts.fct_interactions where conversation_id = 'two-types'"
    ) == [{"participant_count": 2, "customer_count": 1, "attribute_count": 2}]


def test_m7_attributes_beyond_the_limit_are_left_out_alone(packed_guides: Packed) -> None:
    assert packed_guides.rows(
        "select participant_id, attribute_name from genesys_marts.fct_participant_attributes"
        " where conversation_id = 'bulky'"
    ) == [{"participant_id": "bulky-p2", "attribute_name": "tier"}]
    assert packed_guides.rows(
        "select participant_count from genesys_marts.fct_interactions"
        " where conversation_id = 'bulky'"
    ) == [{"participant_count": 2}]


PARTS = ("whole", "only-exported", "only-read", "moved")


def test_a_conversation_is_all_its_parts_and_what_none_tells_is_unknown(
    packed_guides: Packed,
) -> None:
    assert packed_guides.rows(
        "select conversation_id, participant_id, attribute_name, raw_value, inferred_type,"
        " value_boolean, is_cast_ok from genesys_marts.fct_participant_attributes"
        f" where conversation_id in {PARTS}"
        " order by conversation_id, participant_id, lower(attribute_name), attribute_name",
    ) == [
        {"conversation_id": name, "participant_id": f"{name}-{participant}"}
        | {"attribute_name": attribute, "raw_value": value, "inferred_type": inferred}
        | ({} if boolean is None else {"value_boolean": boolean})
        | ({} if is_cast_ok is None else {"is_cast_ok": is_cast_ok})
        for name, participant, attribute, value, inferred, boolean, is_cast_ok in (
            ("only-read", "p1", "tier", '{"b":[1,2],"a":"e"}', "text", None, True),
            ("only-read", "p1", "verified", "perhaps", "text", None, False),
            ("whole", "p1", "tier", "gold", "text", None, True),
            ("whole", "p1", "verified", "true", "boolean", True, True),
            ("whole", "p2", "Tier", "3", "number", None, None),
            ("whole", "p2", "tier", "stays", "text", None, True),
            ("whole", "p2", "verified", "false", "boolean", False, True),
        )
    ]

    exported_totals = {
        "state": "TERMINATED",
        "interaction_type": "CALL",
        "skill_ids": "skill-1,skill-2",
        "genesys_duration_seconds": "600.000",
        "initial_media_type": "voice",
        "first_queue_id": "queue-1",
        "last_user_id": "user-1",
        "last_wrapup_code_id": "code-1",
        "agent_count": 1,
        "queue_count": 1,
        "acw_seconds": "12.345",
        "duration_seconds": "600.000",
        "is_open": False,
    }
    moved = {"initial_media_type": "email", "external_tag": "order 7"}
    columns = ", ".join(_columns(packed_guides.warehouse, "fct_interactions"))
    assert {
        row.pop("conversation_id"): row
        for row in packed_guides.rows(
            f"select {columns} from genesys_marts.fct_interactions where conversation_id in {PARTS}"
        )
    } == {
        "whole": exported_totals
        | {"state": "MERGED", "participant_count": 3, "customer_count": 1, "attribute_count": 5},
        "only-exported": exported_totals,
        "only-read": {"participant_count": 1, "customer_count": 1, "attribute_count": 2},
        "moved": {
            key: value
            for key, value in (exported_totals | moved).items()
            if key not in ("agent_count", "last_user_id")
        },
    }


def _columns(warehouse: Warehouse, table: str) -> list[str]:
    """Return the columns of a mart that tests look at: not those that vary with the load."""
    left_out = (
        "loaded_at", "started_at", "started_date", "ended_at", "originating_direction",
        "first_user_id", "rules_version", "repeat_observed_through",
    )  # fmt: skip
    return [
        column
        for (column,) in warehouse.execute(
            "select column_name from information_schema.columns"
            f" where table_schema = 'genesys_marts' and table_name = '{table}'"
            " order by ordinal_position"
        )
        if column not in left_out
    ]


STEPS = (
    "select canonical_contact_id, conversation_id, node_number, handoff_type, handoff_confidence,"
    " handoff_gap_seconds, duration_seconds, user_id, queue_id, wrapup_code_id"
    " from genesys_marts.fct_journey_steps order by canonical_contact_id, step_number"
)


def load_journeys(raw: RawTables) -> None:
    """45 s apart is one node, 61 s two; a draft never counts; no wrap-up means the last update."""
    supervisor = taking_part(
        "chat-p9", "supervisor", userId="user-9", routing={"queueId": "queue-9", "skill": None}
    )
    bot = taking_part("chat-p8", "botflow", externalContactId="bot-contact")
    raw.load(
        1,
        guides_contacts=[
            known("before", external_id="crm-1"),
            known("after", external_id="crm-2"),
        ],
        guides_conversations=[
            listed("chat", "before", updated=600, kind="CHAT", others=[supervisor, bot]),
            listed("call", "after", start=645, updated=990, wrapped=900.5, state="TRANSFERRED"),
            listed("another", "after", start=961.5, updated=1000, queue="queue-2", ani="anonymous"),
            listed("skipped", "after", start=1010, state="DRAFT"),
            listed("callback", "after", start=1060, updated=1100, kind="CALLBACK", queue="queue-3"),
            listed("waits", "after", start=2000, state="QUEUED"),
            # The list may leave purposes out; ids then tell who is who.
            {
                **listed("bare", "after", start=9000, updated=9100),
                "participants": [
                    taking_part("bare-p1", None, externalContactId="after"),
                    taking_part("bare-p2", None, userId="user-2"),
                ],
            },
        ],
    )


def load_late_merge(raw: RawTables) -> None:
    """The CRM's id leads to the other contact; the export tells how the call was wrapped up."""
    raw.load(
        4,
        guides_contacts=[
            known("after", external_id="crm-2", merged_from=["before"]),
            known("before", external_id="crm-1", merged_to="after"),
        ],
    )
    raw.load(
        5,
        guides_interactions=[exported("call", wrapup="code-7")],
        guides_participants=[attributed("two-types", "p1", {"tier": "left"}, purpose="agent")],
    )


def test_a_merge_found_late_rewrites_the_journey_of_a_list(packed_guides: Packed) -> None:
    agent = {"user_id": "user-1", "queue_id": "queue-1"}
    chat = {"conversation_id": "chat", "node_number": 1, "duration_seconds": "600.000", **agent}
    call = {"conversation_id": "call", "duration_seconds": "255.500", **agent}
    another = {"conversation_id": "another", "duration_seconds": "38.500"}
    callback = {"conversation_id": "callback", "duration_seconds": "40.000"}
    callback |= {"handoff_type": "voice_to_callback", "handoff_confidence": "contact"}
    callback |= {"handoff_gap_seconds": "60.000", "user_id": "user-1", "queue_id": "queue-3"}
    bare = {"conversation_id": "bare", "duration_seconds": "100.000", "user_id": "user-2"}
    second = {**agent, "queue_id": "queue-2"}
    assert packed_guides.between[STEPS] == [
        {"canonical_contact_id": "after"} | call | {"node_number": 1},
        {"canonical_contact_id": "after"} | another | second | {"node_number": 2},
        {"canonical_contact_id": "after"} | callback | {"node_number": 2},
        {"canonical_contact_id": "after"} | bare | {"node_number": 3},
        {"canonical_contact_id": "before"} | chat,
    ]

    handoff = {"handoff_type": "chat_to_voice", "handoff_confidence": "contact_phone_and_queue"}
    handoff |= {"handoff_gap_seconds": "45.000", "wrapup_code_id": "code-7"}
    merged = {"canonical_contact_id": "after"}
    assert packed_guides.rows(STEPS) == [
        merged | chat,
        merged | call | handoff | {"node_number": 1},
        # 61 s after the call.
        merged | another | second | {"node_number": 2},
        merged | callback | {"node_number": 2},
        merged | bare | {"node_number": 3},
    ]
    [found] = packed_guides.rows(
        "select timelines.timeline_json from genesys_marts.journey_timelines as timelines"
        " inner join genesys_marts.bridge_contact_external_ids as ids"
        " on timelines.canonical_contact_id = ids.canonical_contact_id"
        " where ids.external_id = 'crm-1'",
    )
    [text] = found.values()
    document = json.loads(text)
    assert document["contactId"] == "after"
    assert document["timeline"][1] == {
        "conversationId": "call",
        "channelType": "VOICE",
        "state": "TRANSFERRED",
        "startTimeUTC": "2026-09-01T09:10:45.000Z",
        "endTimeUTC": "2026-09-01T09:15:00.500Z",
        "durationSeconds": 255.5,
        "routingQueue": "queue-1",
        "agentId": "user-1",
        "wrapUpCode": "code-7",
    }
    assert document["metadata"] == {
        "extractionTimestampUTC": "2026-09-21T18:13:20.000Z",
        "totalInteractions": 7,
        "filteredOut": 2,
        "mergedFromIds": ["before"],
    }
    assert packed_guides.rows(
        "select filter_reason, state from genesys_marts.audit_filtered_conversations"
        " where not is_kept order by state",
    ) == [
        {"filter_reason": "draft", "state": "DRAFT"},
        {"filter_reason": "state not kept", "state": "QUEUED"},
    ]


def load_reports(raw: RawTables) -> None:
    """A renamed outcome keeps its series; a missing one has no count; days of 23 and 25 hours."""
    month = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
    raw.load(
        1,
        window=month,
        guides_flow_outcomes=[
            outcomes(0, {"Ident": 3, "Billed": 1}),
            outcomes(1, {"Identified": 2, 'it\'s "odd" ': 2}),
            outcomes(0, {"Ident": 5}, flow="flow-2"),
        ],
        guides_queue_intervals=[
            report("queue", "queue-1", start, named="Support", handledCount=count, talkTime=60.0015)
            for start, count in (
                # Stockholm: the first and last quarters of the short day, then of the long one.
                (datetime(2026, 3, 28, 23, tzinfo=UTC), 1),
                (datetime(2026, 3, 29, 21, 45, tzinfo=UTC), 2),
                (datetime(2026, 10, 24, 22, tzinfo=UTC), 4),
                (datetime(2026, 10, 25, 22, 45, tzinfo=UTC), 8),
            )
        ],
        guides_agent_intervals=[
            report("user", "user-1", DAY, named="Ada Example")
            | {"metrics": {"handledCount": {"count": 0}, "idleTime": {"sum": 900.0}}},
            report(
                "user",
                "user-2",
                DAY,
                handledCount=2,
                talkTime=100,
                wrapUpTime=20.5,
                handleTime=150.25,
                holdTime=29.75,
                interactingTime=150.25,
                idleTime=149.75,
                offQueueTime=600,
            ),
            # The guide's own code takes a metric of its three that is missing for 0.
            report("user", "user-3", DAY)
            | {"metrics": {"handledCount": {"count": 1}, "talkTime": {"sum": 10.0}}},
        ],
    )


def test_counts_by_name_and_reports_without_media_type(packed_guides: Packed) -> None:
    assert packed_guides.rows(
        "select flow_outcome_key, outcome_count, outcome_share, reported_share, is_missing,"
        " is_alias_applied from genesys_marts.fct_flow_outcomes where interval_kind = 'hour'"
        " and flow_outcome_count > 0 order by flow_id, interval_started_at, outcome_name",
    ) == [
        {"flow_outcome_key": key, "is_missing": is_missing, "is_alias_applied": is_renamed}
        | ({} if count is None else {"outcome_count": count})
        | ({} if share is None else {"outcome_share": share, "reported_share": share})
        for key, count, share, is_missing, is_renamed in (
            ("flow-1_Billed", 1, 0.25, False, False),
            ("flow-1_Identified", 3, 0.75, False, True),
            ("flow-1_Billed", None, None, True, False),
            ("flow-1_Identified", 2, 0.5, False, False),
            ('flow-1_it\'s "odd" ', 2, 0.5, False, False),
            ("flow-2_Ident", 5, 1.0, False, False),
        )
    ]
    # What is expected is missing in all 245 days that were read, whatever else the flow reached.
    assert packed_guides.rows(
        "select flow_outcome_key, count(*) as hour_count, count(outcome_count) as told_count"
        " from genesys_marts.fct_flow_outcomes where interval_kind = 'hour' and is_missing"
        " group by flow_outcome_key order by flow_outcome_key",
    ) == [
        {"flow_outcome_key": "flow-1_Billed", "hour_count": 5879, "told_count": 0},
        {"flow_outcome_key": "flow-3_Billed", "hour_count": 5880, "told_count": 0},
    ]
    assert packed_guides.rows(
        "select media_type, report_date, interval_minutes, handled_count, handle_seconds,"
        " service_level from genesys_marts.fct_queue_intervals"
        " where interval_kind = 'day' order by report_date",
    ) == [
        {"media_type": "all", "report_date": day, "interval_minutes": minutes}
        | {"handled_count": count, "handle_seconds": "120.004"}
        for day, minutes, count in (("2026-03-29", 1380, 3), ("2026-10-25", 1500, 12))
    ]
    # Handle time is what the guides divide: talk and after-call work, without hold. Another metric
    # that the answer lacks is unknown, and so is what needs it.
    assert packed_guides.rows(
        "select user_id, media_types, handled_count, talk_seconds, handle_seconds, aht_seconds,"
        " occupancy, idle_seconds, on_queue_seconds from genesys_marts.fct_agent_intervals"
        " where interval_kind = 'quarter_hour' order by user_id",
    ) == [
        {"user_id": "user-1", "media_types": "all", "handled_count": 0}
        | {"talk_seconds": "0.000", "handle_seconds": "0.000", "idle_seconds": "900.000"},
        {"user_id": "user-2", "media_types": "all", "handled_count": 2}
        | {"talk_seconds": "100.000", "handle_seconds": "120.500", "aht_seconds": 60.25}
        | {"idle_seconds": "149.750", "occupancy": 150.25 / 300},
        {"user_id": "user-3", "media_types": "all", "handled_count": 1}
        | {"talk_seconds": "10.000", "handle_seconds": "10.000", "aht_seconds": 10.0},
    ]
    assert packed_guides.rows(
        "select user_id, user_name, is_known from genesys_marts.dim_users order by user_id",
    ) == [
        {"user_id": "user-1", "user_name": "Ada Example", "is_known": True},
        {"user_id": "user-2", "user_name": "Unknown user user-2", "is_known": False},
        {"user_id": "user-3", "user_name": "Unknown user user-3", "is_known": False},
    ]
