"""One person's conversations, step by step and second by second."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from loader.report.tables import Table, written
from loader.warehouses.dataset import Dataset

NEEDED = (
    "genesys_marts.fct_journey_steps", "genesys_marts.fct_conversation_segments",
    "genesys_marts.fct_interactions", "genesys_marts.dim_queues", "genesys_marts.dim_users",
    "genesys_marts.dim_flows", "genesys_marts.dim_wrapup_codes", "genesys_report.rpt_settings",
)  # fmt: skip

_STEPS = """
    select steps.step_number, steps.node_number, steps.channel_type, steps.conversation_id,
        queues.queue_name, users.user_name, codes.wrapup_code_name, steps.handoff_type,
        steps.handoff_gap_seconds, steps.is_repeat_contact, interactions.is_connected,
        interactions.is_abandoned, interactions.is_open, interactions.transfer_count,
        steps.duration_seconds, steps.started_at, steps.ended_at
    from {genesys_marts.fct_journey_steps} as steps
    inner join {genesys_marts.fct_interactions} as interactions
        on steps.conversation_id = interactions.conversation_id
    left join {genesys_marts.dim_queues} as queues on steps.queue_id = queues.queue_id
    left join {genesys_marts.dim_users} as users on steps.user_id = users.user_id
    left join {genesys_marts.dim_wrapup_codes} as codes
        on steps.wrapup_code_id = codes.wrapup_code_id
    where steps.canonical_contact_id = %s
    order by steps.step_number
"""
# The customer's own sessions last as long as the conversation and tell nothing more.
_SEGMENTS = """
    select steps.step_number, segments.participant_purpose, segments.segment_type,
        coalesce(queues.queue_name, users.user_name, flows.flow_name) as name,
        codes.wrapup_code_name, segments.disconnect_type, segments.started_at, segments.ended_at
    from {genesys_marts.fct_journey_steps} as steps
    inner join {genesys_marts.fct_conversation_segments} as segments
        on steps.conversation_id = segments.conversation_id
    left join {genesys_marts.dim_queues} as queues
        on segments.queue_id = queues.queue_id and segments.participant_purpose = 'acd'
    left join {genesys_marts.dim_users} as users on segments.user_id = users.user_id
    left join {genesys_marts.dim_flows} as flows on segments.flow_id = flows.flow_id
    left join {genesys_marts.dim_wrapup_codes} as codes
        on segments.wrapup_code_id = codes.wrapup_code_id
    where steps.canonical_contact_id = %s and segments.started_at is not null
        and segments.participant_purpose not in ('customer', 'external')
    order by steps.step_number, segments.started_at, segments.ended_at, segments.session_id
"""
_ZONE = "select report_time_zone from {genesys_report.rpt_settings}"

# What a segment is to whoever looks at it: by its type, else by who takes part.
_BY_TYPE = {
    "hold": "hold", "wrapup": "wrapup", "alert": "alert", "dialing": "dialing",
    "contacting": "dialing", "parked": "parked", "voicemail": "voicemail", "uploading": "voicemail",
}  # fmt: skip
_BY_PURPOSE = {
    "ivr": "flow", "botflow": "flow", "workflow": "flow", "acd": "waiting",
    "agent": "talking", "user": "talking",
}  # fmt: skip


def journey_of(dataset: Dataset, contact_id: str, now: datetime) -> tuple[dict[str, Table], str]:
    """Return the steps of a contact and their segments as tables of a page, and their time zone.

    Args:
        dataset: connected, with all that is `NEEDED`.
        contact_id: canonical.
        now: what goes on lasts until then.
    """
    zone = str(dataset.query(_ZONE)[0][0])
    steps = dataset.read(_STEPS, contact_id)
    began = dict(zip(steps["step_number"], steps["started_at"], strict=True))
    for name in ("started_at", "ended_at"):
        steps[name] = [_local(moment, zone) for moment in steps[name]]
    segments = dataset.read(_SEGMENTS, contact_id)
    return {"steps": written(steps), "segments": written(_phases(segments, began, now))}, zone


def _phases(
    segments: dict[str, list[Any]], began: dict[int, datetime], now: datetime
) -> dict[str, list[Any]]:
    """Return the segments as phases, in seconds from where their conversation began."""
    until = now.astimezone(UTC).replace(tzinfo=None)
    found: dict[str, list[Any]] = {
        name: []
        for name in ("step_number", "lane", "phase", "wrapup_code_name", "begins", "ends", "lasts")
    }
    for number, purpose, kind, name, code, _, started, ended in zip(
        *segments.values(), strict=True
    ):
        begins = (started - began[number]).total_seconds()
        ends = max(begins, ((ended or until) - began[number]).total_seconds())
        phase = _BY_TYPE.get(kind) or _BY_PURPOSE.get(purpose, "other")
        values = (number, name or purpose, phase, code, begins, ends, ends - begins)
        for column, value in zip(found.values(), values, strict=True):
            column.append(value)
    return found


def _local(moment: datetime | None, zone: str) -> str | None:
    if moment is None:
        return None
    return f"{moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"
