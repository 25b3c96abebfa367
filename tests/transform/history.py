"""Days of loads that hold every kind of correction: what each later load does to the first."""

from collections.abc import Callable
from datetime import timedelta

from tests.transform.aggregates import QUARTER, group, handled, outcome, status
from tests.transform.contacts import contact
from tests.transform.conversations import (
    DAY,
    call,
    conversation,
    evaluation,
    participant,
    reference,
    survey,
)
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
            call("loses-attributes", attributes=_ATTRIBUTES, outcomes=["FAILURE", "SUCCESS"])
            | {"evaluations": [evaluation("e-1"), evaluation("e-2")], "surveys": [survey("s-1")]},
            call("loses-outcomes", attributes=_ATTRIBUTES, outcomes=["SUCCESS", None, "FAILURE"]),
            call("loses-sessions", attributes=_ATTRIBUTES, outcomes=["SUCCESS"]),
            call("loses-everything", attributes=_ATTRIBUTES, outcomes=["SUCCESS"]),
            call("untouched", attributes=_ATTRIBUTES, outcomes=["SUCCESS"], wrapup="ININ-X")
            | {"surveys": [survey("s-2", promoter_score=3)]},
            call("open", end=None),
        ],
        external_contacts=[
            contact("untouched-contact", external_ids=["crm-1", "crm-1"]),
            contact("gains-contact", email="gains@example.org"),
            contact("open-contact"),
        ],
        **reference(),
    )
    raw.load(
        10,
        window=(DAY, DAY + 4 * QUARTER),
        queue_aggregates=[
            group({"queueId": "queue-1", "mediaType": "voice"}, handled(0, 3), handled(1, 2)),
            group({"queueId": "queue-2", "mediaType": "chat"}, handled(2, 1), handled(3, 6)),
        ],
        agent_aggregates=[
            group({"userId": "user-1", "mediaType": "voice"}, handled(0, 3), handled(1, 2)),
        ],
        user_aggregates=[
            group({"userId": "user-1"}, status(0, INTERACTING=600_000, IDLE=300_000)),
            group({"userId": "user-9"}, status(1, OFF_QUEUE=900_000)),
        ],
        flow_aggregates=[
            group(outcome("SUCCESS"), handled(0, 2, metric="nFlowOutcome")),
            group(outcome("FAILURE"), handled(0, 1, metric="nFlowOutcome")),
        ],
        committed=0,
    )


def _gains_and_losses(raw: RawTables) -> None:
    raw.load(
        11,
        conversation_details=[
            call("gains", attributes=_ATTRIBUTES, outcomes=["FAILURE", "FAILURE", "SUCCESS"])
            | {"evaluations": [evaluation("e-3")], "surveys": [survey("s-3")]},
            call("loses-attributes", outcomes=["FAILURE", "SUCCESS"])
            | {"evaluations": [evaluation("e-2", score=90, rescored=True)]},
            call("loses-outcomes", attributes=_ATTRIBUTES),
        ],
    )
    # Read again: a bucket and a group are gone, another count is corrected.
    raw.load(
        11,
        window=(DAY, DAY + 3 * QUARTER),
        queue_aggregates=[
            group({"queueId": "queue-1", "mediaType": "voice"}, handled(0, 4)),
        ],
        flow_aggregates=[],
        user_aggregates=[
            group({"userId": "user-1"}, status(0, INTERACTING=500_000, COMMUNICATING=1)),
        ],
        committed=0,
    )


def _nothing_is_left_and_rows_come_twice(raw: RawTables) -> None:
    raw.load(
        12,
        conversation_details=[
            conversation("loses-sessions", [participant("loses-sessions-p1", "customer")]),
            conversation("loses-everything", None),
            call("new", attributes={"verified": "perhaps"}),
        ],
        external_contacts=[
            contact("gains-contact", merged_to="untouched-contact", tree=["gains-contact"]),
            contact("untouched-contact", merged_from=["gains-contact"], external_ids=["crm-1"]),
            contact("open-contact"),
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
        external_contacts=[contact("gains-contact"), contact("older-contact")],
    )
    # An older read counts only where no newer one has been.
    raw.load(
        13,
        extracted_at=DAY,
        window=(DAY - 2 * QUARTER, DAY + 2 * QUARTER),
        queue_aggregates=[
            group({"queueId": "queue-1", "mediaType": "voice"}, handled(-1, 7), handled(0, 99)),
        ],
        committed=0,
    )


def _an_empty_load_and_one_that_was_never_committed(raw: RawTables) -> None:
    raw.load(14, conversation_details=[], users=[])
    # An answer without anything says that nothing is there.
    raw.load(14, window=(DAY - QUARTER, DAY), queue_aggregates=[], committed=0)
    raw.load(
        15,
        conversation_details=[call("untouched"), call("never")],
        external_contacts=[contact("never-contact")],
        committed=0,
    )
    raw.load(15, window=(DAY, DAY + QUARTER), queue_aggregates=[], committed=0)


def _reopened_and_gained_again(raw: RawTables) -> None:
    raw.load(
        16,
        conversation_details=[
            call("open", end=400, user="user-unknown", queue="queue-unknown"),
            call("new", attributes={"verified": "yes"}, end=None),
            call("loses-everything", attributes=_ATTRIBUTES, outcomes=["SUCCESS"]),
        ],
        # One has expired and two were merged the other way round.
        external_contacts=[
            contact("gains-contact", merged_from=["untouched-contact"]),
            contact("untouched-contact", merged_to="gains-contact"),
        ],
    )
    # In buckets of an hour, beside those of a quarter.
    raw.load(
        16,
        window=(DAY + 4 * QUARTER, DAY + timedelta(hours=3)),
        queue_aggregates=[
            group(
                {"queueId": "queue-unknown", "mediaType": "voice"},
                handled(4, 5, length=timedelta(hours=1)),
            ),
        ],
        committed=0,
    )


def _nothing_has_sessions_any_more_and_a_window_was_not_read_to_its_end(raw: RawTables) -> None:
    raw.load(
        17,
        conversation_details=[
            conversation("open", []),
            conversation("new", [{"purpose": "customer", "attributes": {}}], end=None),
            conversation("gains", [participant("gains-p1", "customer", attributes={"a": None})]),
        ],
    )
    raw.load(18, window=(DAY, DAY + QUARTER), queue_aggregates=[], complete=False)


# What else than loads a table's rows depend on is in them as a hash: others are made again.
_MADE_BY_RULES = {
    "genesys_intermediate.int_session_metrics_per_day": "metric_count = -1",
    "genesys_intermediate.int_aggregates_per_day": "metric_count = -1",
    "genesys_intermediate.int_journey_steps_resolved": "is_kept = not is_kept",
    "genesys_marts.fct_journey_steps": "step_number = -1",
    "genesys_marts.fct_conversation_legs": "leg_number = -1",
    "genesys_marts.fct_flow_outcome_attempts": "attempt_number = -1",
    "genesys_marts.fct_queue_intervals": "offered_count = -1",
    "genesys_marts.fct_agent_intervals": "handled_count = -1",
    "genesys_marts.fct_participant_attributes": "precedence = -1",
    "genesys_marts.dim_participant_attributes": "participant_purpose = 'none'",
    "genesys_marts.audit_attribute_counts": "conversation_count = -1",
}
# Their rows are made anew with those they read.
_VIEWS_ON_DUCKDB = {"genesys_marts.fct_conversation_legs"}


def _one_is_erased_and_the_rules_change(raw: RawTables) -> None:
    """All that its load still had is gone with it."""
    erased = "loses-everything"
    with raw.warehouse.open():
        execute = raw.warehouse.execute
        execute(f"delete from genesys_raw.conversation_details where record_id = '{erased}'")
        for schema, table in execute(
            "select columns.table_schema, columns.table_name"
            " from information_schema.columns as columns"
            " inner join information_schema.tables as tables"
            " on columns.table_schema = tables.table_schema"
            " and columns.table_name = tables.table_name"
            " where columns.column_name = 'conversation_id' and tables.table_type = 'BASE TABLE'"
            " and columns.table_schema like 'genesys_%'"
        ):
            execute(f"delete from {schema}.{table} where conversation_id = '{erased}'")
        # Which fields loads had stays as it was counted, as that names nobody: counted again here.
        execute("delete from genesys_staging.stg_platform__record_fields")
        # Seeds are rules too: tables that were made by other lines are made again.
        execute("update genesys_seeds.service_levels set seconds = '15' where media_type = 'voice'")
        execute(
            "insert into genesys_seeds.business_hours (queue_id, day, opens, closes, line_number)"
            " values ('*', 'tuesday', '09:00', '12:00', 2)"
        )
        for table, spoilt in _MADE_BY_RULES.items():
            if raw.warehouse.name != "duckdb" or table not in _VIEWS_ON_DUCKDB:
                execute(f"update {table} set rules_version = 'other', {spoilt}")


LOADS: list[Callable[[RawTables], None]] = [
    _first_load,
    _gains_and_losses,
    _nothing_is_left_and_rows_come_twice,
    _old_versions_come_late,
    _an_empty_load_and_one_that_was_never_committed,
    _reopened_and_gained_again,
    _nothing_has_sessions_any_more_and_a_window_was_not_read_to_its_end,
    _one_is_erased_and_the_rules_change,
]
