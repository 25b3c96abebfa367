"""Records of the integration guides' contract, made by hand and small; all of them invented."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.transform.conversations import DAY, at

Json = dict[str, Any]

QUARTER = timedelta(minutes=15)
COUNTS = (
    "handledCount", "offeredCount", "answeredCount", "abandonedCount", "transferredCount",
    "overSlaCount", "connectedCount", "outboundCount", "blindTransferredCount",
    "consultTransferredCount",
)  # fmt: skip
SUMS = (
    "talkTime", "holdTime", "wrapUpTime", "handleTime", "waitTime", "answerTime", "abandonTime",
    "alertTime",
)  # fmt: skip
STATUSES = (
    "interactingTime", "communicatingTime", "idleTime", "notRespondingTime", "offQueueTime",
)  # fmt: skip


def attributed(
    conversation: str,
    participant: str = "p1",
    attributes: Mapping[str, Any] | None = None,
    *,
    purpose: str = "customer",
) -> Json:
    """Return a participant of the details query; without attributes it lacks their object."""
    held = {"customAttributes": dict(attributes)} if attributes else {}
    return {
        "participantId": f"{conversation}-{participant}",
        "interactionId": conversation,
        "participant": {"type": purpose, "duration": 12.5, **held},
    }


def exported(
    name: str,
    *,
    start: float = 0,
    end: float | None = 600,
    state: str = "TERMINATED",
    agents: Sequence[str] = ("user-1",),
    queues: Sequence[str] = ("queue-1",),
    wrapup: str | None = "code-1",
    **fields: Any,  # noqa: ANN401
) -> Json:
    """Return an interaction of the export; one without an end is still open."""
    return {
        "id": name,
        "type": "CALL",
        "direction": "inbound",
        "mediaType": "voice",
        "state": state,
        "startTime": at(start),
        "endTime": None if end is None else at(end),
        "durationSeconds": None if end is None else end - start,
        "wrapUpDurationSeconds": 12.345,
        "agentIds": list(agents),
        "queueIds": list(queues),
        "skills": ["skill-2", "skill-1"],
        "wrapUpCode": wrapup,
        **fields,
    }


def taking_part(name: str, purpose: str | None, **fields: Any) -> Json:  # noqa: ANN401
    """Return a participant of a listed conversation; what is None is absent, as in the guide."""
    told = {"participantId": name, "purpose": purpose, **fields}
    return {key: value for key, value in told.items() if value is not None}


def listed(
    name: str,
    who: str,
    *,
    start: float = 0,
    updated: float = 600,
    wrapped: float | None = None,
    kind: str = "CALL",
    state: str = "TERMINATED",
    queue: str = "queue-1",
    agent: str = "user-1",
    ani: str | None = "tel:+12025550100",
    others: Sequence[Json] = (),
) -> Json:
    """Return a conversation of a contact's list: the contact, a queue, an agent, and others."""
    routing = {"queueId": queue, "skill": None}
    return {
        "id": name,
        "state": state,
        "type": kind,
        "createdTime": at(start),
        "updatedTime": at(updated),
        "wrapUpTime": None if wrapped is None else at(wrapped),
        "mediaState": "DISCONNECTED",
        "participants": [
            taking_part(f"{name}-p1", "customer", externalContactId=who, ani=ani),
            taking_part(f"{name}-p2", "acd", routing=routing),
            taking_part(f"{name}-p3", "agent", userId=agent, routing=routing),
            *others,
        ],
        "selfUri": f"/api/v2/conversations/{name}",
    }


def known(
    name: str,
    *,
    external_id: str | None = None,
    merged_to: str | None = None,
    merged_from: Sequence[str] = (),
) -> Json:
    """Return a contact as it is read by its id."""
    return {
        "id": name,
        "externalId": external_id,
        "firstName": name.title(),
        "lastName": "Example",
        "emails": [{"value": f"{name}@example.org", "type": "home"}],
        "phoneNumbers": [{"value": "+12025550100", "type": "mobile"}],
        "type": "PERSON",
        "mergedTo": merged_to,
        "mergedFromIds": list(merged_from),
    }


def outcomes(
    number: int,
    counts: Mapping[str, int],
    *,
    flow: str = "flow-1",
    length: timedelta = timedelta(hours=1),
) -> Json:
    """Return a flow's outcomes of the bucket so many lengths into the day."""
    start = DAY + number * length
    whole = sum(counts.values())
    return {
        "flow-id": flow,
        "interval": f"{_text(start)}/{_text(start + length)}",
        "metrics": {
            "flow-outcomes": {
                name: {"count": count, "percentOfTotal": round(count / whole, 6) if whole else 0}
                for name, count in counts.items()
            }
        },
    }


def report(
    about: str,
    name: str,
    start: datetime,
    *,
    named: str | None = None,
    length: timedelta = QUARTER,
    **metrics: float,
) -> Json:
    """Return a row of an interval report about a queue or user; other metrics are 0."""
    wanted = (*SUMS, *STATUSES) if about == "user" else SUMS
    return {
        about: {"id": name} | ({} if named is None else {"name": named}),
        "interval": {"startTime": _text(start), "endTime": _text(start + length)},
        "metrics": {
            **{each: {"count": int(metrics.get(each, 0))} for each in COUNTS},
            **{each: {"sum": float(metrics.get(each, 0))} for each in wanted},
        },
    }


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"
