"""Loads of the guides' contract that hold every kind of correction.

The parts of a conversation (its export row, its participants, its place in a contact's list) come
in loads of their own, in any order.
"""

from collections.abc import Callable
from datetime import timedelta

from tests.transform.conversations import DAY
from tests.transform.guides import (
    QUARTER,
    attributed,
    exported,
    known,
    listed,
    outcomes,
    report,
    taking_part,
)
from tests.transform.warehouses import RawTables, asked_at

HOUR = timedelta(hours=1)
_ATTRIBUTES = {
    "Customer Tier": "gold",
    "order.total": "12.50",
    "verified": "true",
    'it\'s "q"': "ü",
}


def _the_export_comes_first(raw: RawTables) -> None:
    raw.load(
        30,
        guides_interactions=[
            exported("gains"),
            exported("loses-attributes"),
            exported("untouched", agents=["user-1", "user-2"]),
            exported("open", end=None, state="QUEUED", agents=[], wrapup=None),
            exported("attributes-come-last"),
        ],
        guides_participants=[
            attributed("loses-attributes", attributes=_ATTRIBUTES),
            attributed("loses-attributes", "p2", purpose="agent"),
            attributed("untouched", attributes=_ATTRIBUTES),
            attributed("exported-later", attributes={"verified": "no"}),
            attributed("never-exported", attributes={"verified": "no"}),
        ],
    )
    raw.load(
        30,
        window=(DAY, DAY + 2 * HOUR),
        guides_flow_outcomes=[outcomes(0, {"Identified": 3, "Left": 1}), outcomes(1, {"Left": 2})],
        guides_queue_intervals=[
            report("queue", "queue-1", DAY, named="Support", handledCount=2, talkTime=61.2345),
            report("queue", "queue-2", DAY + QUARTER, handledCount=1, wrapUpTime=5),
        ],
        guides_agent_intervals=[
            report("user", "user-1", DAY, named="Ada Example", handledCount=2, idleTime=300),
            report("user", "user-9", DAY + QUARTER, offQueueTime=900),
        ],
        committed=0,
    )


def _parts_come_later(raw: RawTables) -> None:
    raw.load(
        31,
        guides_participants=[
            attributed("gains", attributes=_ATTRIBUTES),
            attributed("loses-attributes"),
            # Cut short here, whole in the next load of the same attempt.
            attributed("attributes-come-last", attributes={"verified": "cut"}),
        ],
        guides_contacts=[
            known("contact-1", external_id="crm-1"),
            known("contact-2", external_id="crm-2"),
        ],
        copies=2,
        committed=2,
    )
    raw.load(
        32,
        extracted_at=asked_at(31),
        guides_participants=[attributed("attributes-come-last", attributes=_ATTRIBUTES)],
    )
    raw.load(
        33,
        guides_conversations=[
            listed("gains", "contact-1", wrapped=700),
            listed("untouched", "contact-2", kind="CHAT", state="MERGED"),
            listed("only-listed", "contact-2", agent="user-unknown", queue="queue-unknown"),
        ],
    )


def _reads_are_corrected(raw: RawTables) -> None:
    raw.load(
        34,
        guides_interactions=[
            exported("gains", wrapup="code-2"),
            exported("exported-later", state="TRANSFERRED"),
            exported("open", end=400, state="ARCHIVED"),
        ],
        guides_contacts=[known("contact-1", external_id="crm-1", merged_from=["contact-2"])],
    )
    # Read again: a bucket is gone, one is corrected and gets a name.
    raw.load(
        34,
        window=(DAY, DAY + HOUR),
        guides_flow_outcomes=[outcomes(0, {"Identified": 4})],
        guides_queue_intervals=[
            report("queue", "queue-2", DAY + QUARTER, named="Sales", handledCount=3, wrapUpTime=9),
        ],
        guides_agent_intervals=[
            report("user", "user-1", DAY, named="Ada Renamed", interactingTime=400.5),
        ],
        committed=0,
    )


def _old_versions_come_late(raw: RawTables) -> None:
    raw.load(
        35,
        extracted_at=DAY,
        guides_interactions=[exported("untouched", wrapup="old"), exported("only-late")],
        guides_participants=[attributed("untouched", attributes={"verified": "old"})],
        guides_conversations=[listed("gains", "contact-1", state="QUEUED")],
    )
    raw.load(
        36,
        guides_participants=[attributed("gains", attributes={"never": "committed"})],
        guides_interactions=[exported("never")],
        committed=0,
    )


def _lists_shrink_and_merges_are_undone(raw: RawTables) -> None:
    participants = [taking_part("gains-p1", "customer", externalContactId="contact-2")]
    raw.load(
        37,
        guides_conversations=[{**listed("gains", "contact-2"), "participants": participants}],
        guides_contacts=[
            known("contact-1", external_id="crm-1"),
            known("contact-2", external_id="crm-2"),
        ],
    )
    load_id = raw.load(38, guides_interactions=[])
    raw.append(
        "discovered_fields",
        [
            {
                "run_id": "run-1",
                "resource": "guides_interactions",
                "field_name": name,
                "is_mapped": is_mapped,
                "is_live": not is_mapped,
                "discovered_at": DAY,
                "_dlt_load_id": load_id,
            }
            for name, is_mapped in (("skills", True), ("sentiment", False))
        ],
    )


GUIDES_LOADS: list[Callable[[RawTables], None]] = [
    _the_export_comes_first,
    _parts_come_later,
    _reads_are_corrected,
    _old_versions_come_late,
    _lists_shrink_and_merges_are_undone,
]
