"""Genesys's own published records in the marts, row by row as written down by hand.

Raw rows are written here directly; `expect_published_samples` asks the marts alone, so that rows
which came through the loader can be held against the same truth.
"""

import json
from typing import Any

from tests.transform.packed import Packed
from tests.transform.warehouses import ROOT, Warehouse, rows

SAMPLES = ROOT / "tests" / "fixtures" / "genesys"

CONVERSATION = "1bc96a39-6725-40c4-9345-db72aa67b8c6"
CUSTOMER = "8d4f84b1-3edb-4d4e-9665-4ae6a0af6147"
QUEUE = "a623d83c-96d7-4baa-af1f-d46ad6700d8b"
AGENT = "50fcd33c-f432-4726-abc9-979f3ca01555"


def published_conversation() -> dict[str, Any]:
    """Return the blueprint's conversation, its customer with the blog's attributes.

    The blog shows them as another endpoint gives them; in a job's answer they lie in the same
    place of the participant.
    """
    conversation: dict[str, Any] = json.loads(
        (SAMPLES / "blueprint_sql_conversation1.json").read_text()
    )
    chat = json.loads((SAMPLES / "devblog_chat_v2_conversation.json").read_text())
    customer = conversation["participants"][0]
    assert customer["participantId"] == CUSTOMER
    customer["attributes"] = chat["participants"][0]["attributes"]
    return conversation


def expect_published_samples(warehouse: Warehouse) -> None:
    """Hold the marts against the rows below, which were read off the samples by hand."""
    of_it = f"where conversation_id = '{CONVERSATION}'"
    assert rows(
        warehouse,
        "select originating_direction, initial_media_type, media_types, first_queue_id,"
        " first_user_id, last_user_id, last_wrapup_code_id, first_external_contact_id, started_at,"
        " ended_at, duration_seconds, wait_seconds, ivr_seconds, talk_seconds, hold_seconds,"
        " acw_seconds, handle_seconds, genesys_handle_seconds, participant_count, session_count,"
        " customer_count, queue_count, leg_count, agent_count, transfer_count, attribute_count,"
        " flow_outcome_attempt_count, is_open, is_abandoned, is_conference, division_ids"
        f" from genesys_marts.fct_interactions {of_it}",
    ) == [
        {
            "originating_direction": "inbound",
            "initial_media_type": "chat",
            "media_types": "chat",
            "first_queue_id": QUEUE,
            "first_user_id": AGENT,
            "last_user_id": AGENT,
            "started_at": "2021-04-01 12:27:53.386000",
            "ended_at": "2021-04-01 12:43:23.306000",
            # 15 min 29.920 s
            "duration_seconds": "929.920",
            # 12:27:53.388 to 12:28:04.567
            "wait_seconds": "11.179",
            "ivr_seconds": "0.000",
            # 12:28:04.569 to 12:34:19.130
            "talk_seconds": "374.561",
            # 12:34:19.130 to 12:43:23.306
            "hold_seconds": "544.176",
            "acw_seconds": "0.000",
            "handle_seconds": "918.737",
            "genesys_handle_seconds": "918.737",
            "participant_count": 3,
            "session_count": 3,
            "customer_count": 1,
            "queue_count": 1,
            "leg_count": 1,
            "agent_count": 1,
            "transfer_count": 0,
            "attribute_count": 22,
            "flow_outcome_attempt_count": 0,
            "is_open": False,
            "is_abandoned": False,
            "is_conference": False,
            "division_ids": "1b6b98a6-3d70-47be-9406-61a5aa8cc570",
        }
    ]
    assert rows(
        warehouse,
        "select session_id, user_id, queue_id, queue_session_id, link_confidence, leg_number,"
        " began_as, ended_as, used_routing, queue_entered_at, started_at, answered_at, ended_at,"
        " queue_wait_seconds, alert_seconds, talk_seconds, hold_seconds, acw_seconds,"
        " handle_seconds, wrapup_code_id, is_answered, is_open"
        f" from genesys_marts.fct_conversation_legs {of_it}",
    ) == [
        {
            "session_id": "b9ea3521-176e-4916-af7d-240732fc4680",
            "user_id": AGENT,
            "queue_id": QUEUE,
            "queue_session_id": "6acbee65-80be-4777-be03-8dacd07ee3f9",
            # Agent and queue are both peers of the customer's session.
            "link_confidence": "peer",
            "leg_number": 1,
            "began_as": "acd",
            "ended_as": "other_party",
            "used_routing": "Standard",
            "queue_entered_at": "2021-04-01 12:27:53.388000",
            "started_at": "2021-04-01 12:27:53.519000",
            "answered_at": "2021-04-01 12:28:04.569000",
            "ended_at": "2021-04-01 12:43:23.306000",
            "queue_wait_seconds": "11.179",
            "alert_seconds": "11.050",
            "talk_seconds": "374.561",
            "hold_seconds": "544.176",
            "acw_seconds": "0.000",
            "handle_seconds": "918.737",
            "is_answered": True,
            "is_open": False,
        }
    ]
    attributes = rows(
        warehouse,
        "select participant_id, participant_purpose, attribute_name, raw_value, inferred_type"
        f" from genesys_marts.fct_participant_attributes {of_it}",
    )
    customers = {"participant_id": CUSTOMER, "participant_purpose": "customer"}
    assert sorted(attributes, key=lambda row: str(row["attribute_name"])) == [
        {
            **customers,
            "attribute_name": name,
            "raw_value": value,
            "inferred_type": kind,
        }
        for name, value, kind in (
            ("context._genesys_OS", "Mac OS X", "text"),
            ("context._genesys_browser", "Chrome", "text"),
            ("context._genesys_pageTitle", "Developer Tools", "text"),
            ("context._genesys_referrer", "https://developer.mypurecloud.ie/", "text"),
            ("context._genesys_source", "web", "text"),
            (
                "context._genesys_url",
                "https://developer.mypurecloud.ie/developer-tools/#/webchat",
                "text",
            ),
            ("context.addressCity", "Uzicomnov", "text"),
            ("context.addressPostalCode", "24667", "number"),
            ("context.addressState", "WV", "text"),
            ("context.addressStreet", "75 Dolgel Circle", "text"),
            ("context.customField1", "Upgrade my internet subscription", "text"),
            ("context.customField1Label", "Reason", "text"),
            ("context.customField2", "my case id in crm", "text"),
            ("context.customField2Label", "CRM CaseId", "text"),
            ("context.customerId", "123456", "number"),
            ("context.email", "customer.email@domain.com", "text"),
            ("context.firstName", "Blanche", "text"),
            ("context.genesys.legacyRoutingTargetQueueAddress", "CXService", "text"),
            ("context.lastName", "Stokes", "text"),
            ("context.phoneNumber", "(938) 679-8637", "text"),
            ("context.phoneType", "Cell", "text"),
            ("context.subject", "Test subject", "text"),
        )
    ]
    assert rows(
        warehouse,
        f"select user_name, is_known from genesys_marts.dim_users where user_id = '{AGENT}'",
    ) == [{"user_name": f"Unknown user {AGENT}", "is_known": False}]


def test_published_samples_give_the_rows_written_by_hand(packed: Packed) -> None:
    expect_published_samples(packed.warehouse)
