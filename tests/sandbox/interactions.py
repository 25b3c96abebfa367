"""A conversation as one line: what the guides' export and conversation list tell of it.

Ours: each field from the conversation's record as the platform's details job would show it.
* media: mediaType of the first customer's (else the first participant's) first session; type the
  word of TYPES for it.
* state: while it has no conversationEnd, RINGING if an agent's alert segment lasts, else QUEUED if
  a queue's (acd) segment lasts and no agent's does, else CONNECTED. After its end, the first that
  applies: DRAFT where a wrap-up code is ININ-OUTBOUND-PREVIEW-SKIPPED (a call that never was),
  ARCHIVED where a session has the metric tShortAbandon, MERGED where there is a conferenceStart,
  TRANSFERRED where a session has the metric nTransferred, TERMINATED.
* media_state: DISCONNECTED once all segments of customers have ended, else CONNECTED: never a
  lifecycle, a skipped preview is DISCONNECTED too.
* updated_at: conversationEnd, or the last instant the record tells.
* wrap_up_at: when the conversation was wrapped up, the end of the last wrap-up segment, if nothing
  of the conversation ends later; None otherwise. In the guide's example it lies behind updatedTime.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.sandbox.clock import SECOND, to_millis
from tests.sandbox.guides import Record
from tests.sandbox.metrics import AGENT_PURPOSES
from tests.sandbox.organisation import PREVIEW_SKIPPED

TYPES = {
    "voice": "CALL", "callback": "CALLBACK", "chat": "CHAT", "email": "EMAIL",
    "message": "MESSAGE",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Interaction:
    """One line."""

    interaction_id: str
    media: str
    kind: str
    direction: str | None
    state: str
    media_state: str
    created_at: int
    updated_at: int
    ended_at: int | None
    wrap_up_at: int | None
    wrap_up_seconds: float
    agent_ids: tuple[str, ...]
    queue_ids: tuple[str, ...]
    skill_ids: tuple[str, ...]
    wrap_up_code: str | None
    contact_ids: tuple[str, ...]


def read_interaction(record: Record) -> Interaction:
    """Read a conversation's record."""
    pieces = list(_segments(record))
    segments = [segment for _, segment in pieces]
    end = record.get("conversationEnd")
    ended_at = None if end is None else to_millis(end)
    told = [to_millis(s[key]) for s in segments for key in ("segmentStart", "segmentEnd")
            if s.get(key)]  # fmt: skip
    wrapped = [s for s in segments if s["segmentType"] == "wrapup" and s.get("segmentEnd")]
    wrapped.sort(key=lambda s: to_millis(s["segmentEnd"]))
    wrapped_at = to_millis(wrapped[-1]["segmentEnd"]) if wrapped else None
    codes = [str(s["wrapUpCode"]) for s in wrapped if s.get("wrapUpCode")]
    participants = record.get("participants") or []
    media = _media(record)
    created_at = to_millis(record["conversationStart"])
    return Interaction(
        interaction_id=str(record["conversationId"]),
        media=media,
        kind=TYPES.get(media, media.upper()),
        direction=record.get("originatingDirection"),
        state=_state(record, pieces),
        media_state="CONNECTED" if _lasts(pieces, "customer") else "DISCONNECTED",
        created_at=created_at,
        updated_at=ended_at or max([created_at, *told]),
        ended_at=ended_at,
        wrap_up_at=wrapped_at if wrapped_at == max([ended_at or 0, *told], default=None) else None,
        wrap_up_seconds=sum(
            to_millis(s["segmentEnd"]) - to_millis(s["segmentStart"]) for s in wrapped
        )
        / SECOND,
        agent_ids=_distinct(
            p.get("userId") for p in participants if p.get("purpose") in AGENT_PURPOSES
        ),
        queue_ids=_distinct(segment.get("queueId") for segment in segments),
        skill_ids=_distinct(
            skill for s in segments for skill in s.get("requestedRoutingSkillIds") or []
        ),
        wrap_up_code=codes[-1] if codes else None,
        contact_ids=_distinct(p.get("externalContactId") for p in participants),
    )


def _segments(record: Record) -> Iterator[tuple[str, Record]]:
    for participant in record.get("participants") or []:
        for session in participant.get("sessions") or []:
            for segment in session.get("segments") or []:
                yield str(participant.get("purpose")), segment


def _media(record: Record) -> str:
    participants = [p for p in record.get("participants") or [] if p.get("sessions")]
    customers = [p for p in participants if p.get("purpose") == "customer"]
    for participant in (*customers, *participants):
        return str(participant["sessions"][0].get("mediaType", "unknown"))
    return "unknown"


def _state(record: Record, pieces: list[tuple[str, Record]]) -> str:
    if "conversationEnd" not in record:
        if any(
            purpose in AGENT_PURPOSES and s["segmentType"] == "alert" and "segmentEnd" not in s
            for purpose, s in pieces
        ):
            return "RINGING"
        agents = any(_lasts(pieces, purpose) for purpose in AGENT_PURPOSES)
        return "QUEUED" if _lasts(pieces, "acd") and not agents else "CONNECTED"
    metrics = {
        metric["name"]
        for participant in record.get("participants") or []
        for session in participant.get("sessions") or []
        for metric in session.get("metrics") or []
    }
    if any(segment.get("wrapUpCode") == PREVIEW_SKIPPED for _, segment in pieces):
        return "DRAFT"
    if "tShortAbandon" in metrics:
        return "ARCHIVED"
    if record.get("conferenceStart"):
        return "MERGED"
    return "TRANSFERRED" if "nTransferred" in metrics else "TERMINATED"


def _lasts(pieces: list[tuple[str, Record]], purpose: str) -> bool:
    return any(who == purpose and "segmentEnd" not in segment for who, segment in pieces)


def _distinct(values: "Iterator[str | None]") -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))
