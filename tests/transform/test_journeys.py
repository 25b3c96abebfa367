"""One person's journey from a scan and a few conversations, and what a late merge makes of it."""

import json

from tests.transform.contacts import contact
from tests.transform.conversations import (
    Json,
    conversation,
    participant,
    segment,
    session,
)
from tests.transform.packed import Packed

STEPS = (
    "select canonical_contact_id, conversation_id, step_number, node_number, handoff_type,"
    " handoff_confidence, handoff_gap_seconds, duration_seconds"
    " from genesys_marts.fct_journey_steps where canonical_contact_id in ('before', 'after')"
    " order by canonical_contact_id, step_number"
)


def talk(name: str, who: str, media: str, start: float, end: float | None) -> Json:
    """Return a conversation of one contact with one agent, straight from a queue."""
    connected = [segment("interact", start, end, queueId="queue-1")]
    if end is not None:
        connected.append(segment("wrapup", end, end, queueId="queue-1", wrapUpCode="code-1"))
    return conversation(
        name,
        [
            participant(
                "p-1",
                "customer",
                session(
                    "s-1",
                    [segment("interact", start, end)],
                    mediaType=media,
                    ani="tel:+12025550100",
                ),
                externalContactId=who,
            ),
            participant(
                "p-2", "agent", session("s-2", connected, mediaType=media), userId="user-1"
            ),
        ],
        start=start,
        end=end,
    )


CONVERSATIONS = [
    talk("chat", "before", "chat", 0, 600),
    talk("call", "after", "voice", 645, 900.5),
    talk("another", "after", "voice", 961.5, 1000),
    talk("open", "after", "email", 2000, None),
]
CONTACTS = [contact("before", external_ids=["crm-1"]), contact("after")]
MERGED = [
    contact("before", merged_to="after", external_ids=["crm-1"]),
    contact("after", merged_from=["before"]),
]


def test_a_late_merge_rewrites_history_in_the_next_build(packed: Packed) -> None:
    voice = {"handoff_type": "chat_to_voice", "handoff_confidence": "contact_phone_and_queue"}
    assert packed.between[STEPS] == [
        {"canonical_contact_id": who, "conversation_id": name, "step_number": step}
        | {"node_number": node, "duration_seconds": seconds}
        for who, name, step, node, seconds in (
            ("after", "call", 1, 1, "255.500"),
            ("after", "another", 2, 2, "38.500"),
            ("before", "chat", 1, 1, "600.000"),
        )
    ]

    merged = {"canonical_contact_id": "after"}
    assert packed.rows(STEPS) == [
        merged
        | {"conversation_id": "chat", "step_number": 1, "node_number": 1}
        | {"duration_seconds": "600.000"},
        merged
        | {"conversation_id": "call", "step_number": 2, "node_number": 1, **voice}
        | {"handoff_gap_seconds": "45.000", "duration_seconds": "255.500"},
        # 61 s after the call.
        merged
        | {"conversation_id": "another", "step_number": 3, "node_number": 2}
        | {"duration_seconds": "38.500"},
    ]
    [found] = packed.rows(
        "select timelines.timeline_json from genesys_marts.journey_timelines as timelines"
        " inner join genesys_marts.bridge_contact_external_ids as ids"
        " on timelines.canonical_contact_id = ids.canonical_contact_id"
        " where ids.external_id = 'crm-1'",
    )
    [text] = found.values()
    document = json.loads(text)
    assert document["timeline"][1] == {
        "conversationId": "call",
        "channelType": "VOICE",
        "state": "TERMINATED",
        "startTimeUTC": "2026-09-01T09:10:45.000Z",
        "endTimeUTC": "2026-09-01T09:15:00.500Z",
        "durationSeconds": 255.5,
        "routingQueue": "queue-1",
        "agentId": "user-1",
        "wrapUpCode": "code-1",
    }
    assert document["contactId"] == "after"
    assert [step["conversationId"] for step in document["timeline"]] == ["chat", "call", "another"]
    assert document["metadata"] == {
        "extractionTimestampUTC": "2026-09-21T16:13:20.000Z",
        "totalInteractions": 4,
        "filteredOut": 1,
        "mergedFromIds": ["before"],
    }
