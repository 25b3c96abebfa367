"""Days of loads that hold every kind of correction: what each later load does to the first."""

from collections.abc import Callable

from tests.transform.conversations import DAY, call, conversation, participant, reference
from tests.transform.warehouses import RawTables

_ATTRIBUTES = {
    "Customer Tier": "gold",
    "customer tier": "silver",
    "order.total": "12.50",
    "verified": "true",
    "due": "2026-09-30",
    "comment": "",
    "quote": 'it\'s "so" \\ {curly} ü',
}


def _first_load(raw: RawTables) -> None:
    raw.load(
        10,
        conversation_details=[
            call("gains", attributes={"verified": "no"}, outcomes=["FAILURE"]),
            call("loses-attributes", attributes=_ATTRIBUTES, outcomes=["FAILURE", "SUCCESS"]),
            call("loses-outcomes", attributes=_ATTRIBUTES, outcomes=["SUCCESS", None, "FAILURE"]),
            call("loses-sessions", attributes=_ATTRIBUTES, outcomes=["SUCCESS"]),
            call("loses-everything", attributes=_ATTRIBUTES, outcomes=["SUCCESS"]),
            call("untouched", attributes=_ATTRIBUTES, outcomes=["SUCCESS"], wrapup="ININ-X"),
            call("open", end=None),
        ],
        **reference(),
    )


def _gains_and_losses(raw: RawTables) -> None:
    raw.load(
        11,
        conversation_details=[
            call("gains", attributes=_ATTRIBUTES, outcomes=["FAILURE", "FAILURE", "SUCCESS"]),
            call("loses-attributes", outcomes=["FAILURE", "SUCCESS"]),
            call("loses-outcomes", attributes=_ATTRIBUTES),
        ],
    )


def _nothing_is_left_and_rows_come_twice(raw: RawTables) -> None:
    raw.load(
        12,
        conversation_details=[
            conversation("loses-sessions", [participant("loses-sessions-p1", "customer")]),
            conversation("loses-everything", None),
            call("new", attributes={"verified": "perhaps"}),
        ],
        copies=2,
        committed=2,
        **reference(queue="Support, renamed"),
    )


def _old_versions_come_late(raw: RawTables) -> None:
    read_before_the_first_load = call("untouched", attributes={"verified": "old"})
    raw.load(
        13,
        extracted_at=DAY,
        conversation_details=[read_before_the_first_load, call("only-late", outcomes=["SUCCESS"])],
    )


def _an_empty_load(raw: RawTables) -> None:
    raw.load(14, conversation_details=[], users=[])


def _a_load_that_was_never_committed(raw: RawTables) -> None:
    raw.load(15, conversation_details=[call("untouched"), call("never")], committed=0)


def _reopened_and_gained_again(raw: RawTables) -> None:
    raw.load(
        16,
        conversation_details=[
            call("open", end=400, user="user-unknown", queue="queue-unknown"),
            call("new", attributes={"verified": "yes"}, end=None),
            call("loses-everything", attributes=_ATTRIBUTES, outcomes=["SUCCESS"]),
        ],
    )


def _nothing_has_sessions_any_more(raw: RawTables) -> None:
    raw.load(
        17,
        conversation_details=[
            conversation("open", []),
            conversation("new", [{"purpose": "customer", "attributes": {}}], end=None),
            conversation("gains", [participant("gains-p1", "customer", attributes={"a": None})]),
        ],
    )


LOADS: list[Callable[[RawTables], None]] = [
    _first_load,
    _gains_and_losses,
    _nothing_is_left_and_rows_come_twice,
    _old_versions_come_late,
    _an_empty_load,
    _a_load_that_was_never_committed,
    _reopened_and_gained_again,
    _nothing_has_sessions_any_more,
]
