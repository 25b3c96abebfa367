"""Conversations as the details jobs give them, made by hand and small."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]

DAY = datetime(2026, 9, 1, 9, tzinfo=UTC)


def at(seconds: float) -> str:
    """Return the time so many seconds into the day, as Genesys writes it."""
    return (DAY + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")[:-6] + "Z"


def segment(kind: str, start: float, end: float | None, **fields: Any) -> Json:  # noqa: ANN401
    """Return a segment; one without an end is still open."""
    times = {"segmentStart": at(start)} | ({} if end is None else {"segmentEnd": at(end)})
    return {"segmentType": kind, **times, **fields}


def session(name: str, segments: Sequence[Json], **fields: Any) -> Json:  # noqa: ANN401
    """Return a voice session."""
    return {
        "sessionId": name,
        "mediaType": "voice",
        "direction": "inbound",
        "segments": list(segments),
        **fields,
    }


def participant(name: str, purpose: str, *sessions: Json, **fields: Any) -> Json:  # noqa: ANN401
    """Return a participant; fields it lacks are absent, as at Genesys."""
    held = {"sessions": list(sessions)} if sessions else {}
    return {"participantId": name, "purpose": purpose, **held, **fields}


def conversation(
    name: str,
    participants: Sequence[Json] | None,
    *,
    start: float = 0,
    end: float | None = 600,
    **fields: Any,  # noqa: ANN401
) -> Json:
    """Return a conversation; one without an end is still open."""
    record: Json = {
        "conversationId": name,
        "conversationStart": at(start),
        "originatingDirection": "inbound",
        **fields,
    }
    if end is not None:
        record["conversationEnd"] = at(end)
    if participants is not None:
        record["participants"] = list(participants)
    return record


def metrics(**values: int) -> list[Json]:
    """Return session metrics, each emitted once."""
    return [{"name": name, "value": value, "emitDate": at(1)} for name, value in values.items()]


def evaluation(name: str, user: str = "user-1", score: int | None = 80, **fields: object) -> Json:
    """Return an evaluation that is finished and released."""
    return {
        "evaluationId": name,
        "userId": user,
        "evaluatorId": "user-2",
        "queueId": "queue-1",
        "formId": "form-2",
        "contextId": "form",
        "formName": "Service quality",
        "evaluationStatus": "Finished",
        "released": True,
        "eventTime": at(86_400),
        **({} if score is None else {"oTotalScore": score}),
        **fields,
    }


def survey(name: str, promoter_score: int | None = 9, **fields: object) -> Json:
    """Return a web survey that was answered."""
    return {
        "surveyId": name,
        "userId": "user-1",
        "queueId": "queue-1",
        "surveyFormId": "survey-form-3",
        "surveyFormContextId": "survey-form",
        "surveyFormName": "After the call",
        "surveyType": "Web",
        "surveyStatus": "Finished",
        "eventTime": at(3_600),
        "surveyCompletedDate": at(3_600),
        **({} if promoter_score is None else {"surveyPromoterScore": promoter_score}),
        **fields,
    }


def call(
    name: str,
    *,
    attributes: Mapping[str, Any] | None = None,
    outcomes: Sequence[str | None] = (),
    queue: str = "queue-1",
    user: str = "user-1",
    wrapup: str | None = "code-1",
    answered: bool = True,
    end: float | None = 300,
) -> Json:
    """Return a call: IVR with outcomes, queue, and an agent who talks, holds and wraps up."""
    flow = {
        "flowId": "flow-1",
        "flowType": "INBOUNDCALL",
        "outcomes": [
            {
                "flowOutcomeId": f"outcome-{number % 2}",
                **({} if value is None else {"flowOutcomeValue": value}),
                "flowOutcomeStartTimestamp": at(2 + number),
                **({"flowOutcomeEndTimestamp": at(3 + number)} if value == "SUCCESS" else {}),
            }
            for number, value in enumerate(outcomes)
        ],
    }
    customer = f"{name}-customer"
    agent = [segment("alert", 35, 40, queueId=queue)]
    if answered:
        agent += [
            segment("interact", 40, 100, queueId=queue),
            segment("hold", 100, 130.25, queueId=queue),
            segment("interact", 130.25, end, queueId=queue, disconnectType="peer"),
        ]
        if wrapup and end is not None:
            agent.append(segment("wrapup", end, end + 20, queueId=queue, wrapUpCode=wrapup))
    return conversation(
        name,
        [
            participant(
                f"{name}-p1",
                "customer",
                session(customer, [segment("interact", 0, end)]),
                externalContactId=f"{name}-contact",
                **({} if attributes is None else {"attributes": dict(attributes)}),
            ),
            participant(
                f"{name}-p2",
                "ivr",
                session(f"{name}-ivr", [segment("ivr", 0, 20)], peerId=customer, flow=flow),
            ),
            participant(
                f"{name}-p3",
                "acd",
                session(
                    f"{name}-acd",
                    [segment("interact", 20, 40, queueId=queue, disconnectType="transfer")],
                    peerId=customer,
                    metrics=metrics(nOffered=1, tAcd=20000),
                ),
            ),
            participant(
                f"{name}-p4",
                "agent",
                session(
                    f"{name}-agent",
                    agent,
                    peerId=customer,
                    metrics=metrics(tAnswered=20000) if answered else [],
                ),
                userId=user,
            ),
        ],
        end=end,
        divisionIds=["division-2", "division-1"],
    )


def reference(**names: str) -> Json:
    """Return one entity of each reference table, to be spread into a load."""
    return {
        "users": [{"id": "user-1", "name": names.get("user", "Ada Example"), "state": "active"}],
        "queues": [{"id": "queue-1", "name": names.get("queue", "Support")}],
        "wrapup_codes": [{"id": "code-1", "name": "Solved"}],
        "skills": [{"id": "skill-1", "name": "German", "state": "active"}],
        "divisions": [{"id": "division-1", "name": "Home", "homeDivision": True}],
        "flows": [{"id": "flow-1", "name": "Main menu", "type": "INBOUNDCALL", "active": True}],
        "flow_outcomes": [{"id": "outcome-0", "name": "Identified"}],
    }
