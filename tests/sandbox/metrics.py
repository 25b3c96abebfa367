"""Session metrics, computed from the segments they describe and from nothing else.

So talk + held + after-call work (+ dialing and contacting on a call we placed) equals tHandle to
the millisecond, because both sides are sums over the same segments.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.sandbox.clock import SECOND
from tests.sandbox.conversation import Participant, Session

AGENT_PURPOSES = frozenset({"agent", "user"})
FLOW_PURPOSES = frozenset({"ivr", "botflow", "workflow"})
SERVICE_LEVEL = 20 * SECOND
SHORT_ABANDON = 10 * SECOND

# Timers that tell each stretch apart, and the one that is told once for all stretches.
STRETCHES = {"interact": ("tTalk", "tTalkComplete"), "hold": ("tHeld", "tHeldComplete")}
HANDLING = frozenset({"interact", "hold", "wrapup", "dialing", "contacting"})
ONCE_AT_ITS_END = {"alert": "tAlert", "dialing": "tDialing", "contacting": "tContacting"}


@dataclass(frozen=True, slots=True)
class Metric:
    """A counter (n…) or a timer in milliseconds (t…), and when it was emitted."""

    name: str
    value: int
    at: int


def session_metrics(
    participant: Participant, session: Session, sessions: Mapping[str, Session]
) -> tuple[Metric, ...]:
    """Compute a session's metrics; `sessions` are all of the conversation, by id."""
    if participant.purpose in AGENT_PURPOSES:
        found = _agent_metrics(session, sessions)
    elif participant.purpose in FLOW_PURPOSES:
        found = _flow_metrics(session)
    elif participant.purpose == "acd":
        found = _queue_metrics(session)
    elif participant.purpose == "voicemail":
        found = _voicemail_metrics(session)
    else:
        found = _party_metrics(session)
    return tuple(sorted(found, key=lambda metric: (metric.at, metric.name)))


def total(session: Session, *kinds: str) -> int:
    """Milliseconds the session spent in segments of these kinds."""
    return sum(segment.duration for segment in session.segments if segment.kind in kinds)


def _party_metrics(session: Session) -> Iterator[Metric]:
    connected = [segment for segment in session.segments if segment.kind == "interact"]
    if connected:
        yield Metric("nConnected", 1, connected[0].start)
        yield Metric("tConnected", connected[-1].end - connected[0].start, connected[-1].end)
    if session.message_count:
        yield Metric("oMessageCount", session.message_count, session.end)
    yield from _errors(session)


def _voicemail_metrics(session: Session) -> Iterator[Metric]:
    yield Metric("nConnected", 1, session.start)
    yield Metric("tConnected", session.end - session.start, session.end)
    yield Metric("tVoicemail", total(session, "voicemail"), session.end)


def _flow_metrics(session: Session) -> Iterator[Metric]:
    spent = session.end - session.start
    yield Metric("nFlow", 1, session.start)
    yield Metric("tFlow", spent, session.end)
    if total(session, "ivr"):
        yield Metric("tIvr", total(session, "ivr"), session.end)
    left_to_somewhere = session.flow is not None and session.flow.leaving.get("exitReason")
    name = "tFlowExit" if left_to_somewhere == "TRANSFER" else "tFlowDisconnect"
    yield Metric(name, spent, session.end)
    if session.bot_turns:
        yield Metric("nBotInteractions", session.bot_turns, session.end)
    if session.flow is None:
        return
    # Attempts nobody closed all count at the end of the flow, so they are summed there.
    counted: dict[tuple[str, int], int] = {}
    for attempt in session.flow.outcomes:
        at = session.end if attempt.end is None else attempt.end
        counted["nFlowOutcome", at] = counted.get(("nFlowOutcome", at), 0) + 1
        if attempt.value == "FAILURE":
            counted["nFlowOutcomeFailed", at] = counted.get(("nFlowOutcomeFailed", at), 0) + 1
        if attempt.end is not None:
            yield Metric("tFlowOutcome", attempt.end - attempt.start, attempt.end)
    for (name, at), count in counted.items():
        yield Metric(name, count, at)


def _queue_metrics(session: Session) -> Iterator[Metric]:
    waited = session.end - session.start
    yield Metric("nOffered", 1, session.start)
    yield Metric("tAcd", waited, session.end)
    if session.abandoned:
        yield Metric("tAbandon", waited, session.end)
        if waited < SHORT_ABANDON:
            yield Metric("tShortAbandon", waited, session.end)
    elif session.fields.get("flowOutType"):
        yield Metric("tFlowOut", waited, session.end)
    if waited > SERVICE_LEVEL:
        yield Metric("nOverSla", 1, session.start + SERVICE_LEVEL)


def _agent_metrics(session: Session, sessions: Mapping[str, Session]) -> Iterator[Metric]:
    segments = session.segments
    connected = [segment for segment in segments if segment.kind == "interact"]
    for segment in segments:
        if segment.kind in ONCE_AT_ITS_END:
            yield Metric(ONCE_AT_ITS_END[segment.kind], segment.duration, segment.end)
        if segment.kind in STRETCHES:
            yield Metric(STRETCHES[segment.kind][0], segment.duration, segment.end)
        if segment.kind == "parked":
            yield Metric("tPark", segment.duration, segment.end)
        if segment.kind == "wrapup":
            yield Metric("tAcw", segment.duration, segment.end)
    if session.outbound:
        yield Metric("nOutbound", 1, session.start)
        yield Metric("nOutboundAttempted", 1, session.start)
        if connected:
            yield Metric("nOutboundConnected", 1, connected[0].start)
    yield from _errors(session)
    if not connected:
        if segments[-1].kind == "alert":
            yield Metric("nAlertExpired", 1, session.end)
            yield Metric("tNotResponding", total(session, "alert"), session.end)
        if total(session, *HANDLING):
            yield Metric("tHandle", total(session, *HANDLING), session.end)
        return
    if session.answers is not None:
        queued = sessions[session.answers]
        yield Metric("tAnswered", queued.end - queued.start, connected[0].start)
    for kind, (_, complete) in STRETCHES.items():
        ends = [segment.end for segment in segments if segment.kind == kind]
        if ends:
            yield Metric(complete, total(session, kind), ends[-1])
    parked = [segment.end for segment in segments if segment.kind == "parked"]
    if parked:
        yield Metric("tParkComplete", total(session, "parked"), parked[-1])
    if session.media == "callback":
        yield Metric("nCallbackAttempts", 1, connected[0].start)
    if session.consulted:
        holds = [segment.start for segment in segments if segment.kind == "hold"]
        yield Metric("nConsult", 1, holds[-1])
    if session.transfer is not None:
        left_at = max(s.end for s in segments if s.kind in STRETCHES)
        by_consult = session.transfer == "consult"
        yield Metric("nTransferred", 1, left_at)
        yield Metric("nConsultTransferred" if by_consult else "nBlindTransferred", 1, left_at)
    yield Metric("tHandle", total(session, *HANDLING), session.end)


def _errors(session: Session) -> Iterator[Metric]:
    for segment in session.segments:
        if segment.error_code is not None:
            yield Metric("nError", 1, segment.end)
