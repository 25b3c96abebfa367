"""Session metrics by Genesys' definitions, computed from the segments they describe.

Nothing here knows what is made of them. Timers (t…) are milliseconds and post at the end of what
they measure, counters (n…) when it happens (developer forum 18235, "when timers post"); each
function names the source of its rules, a page of help.mypurecloud.com unless it says otherwise.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.sandbox.conversation import Participant, Session
from tests.sandbox.service_levels import SHORT_ABANDON, in_time

AGENT_PURPOSES = frozenset({"agent", "user"})
FLOW_PURPOSES = frozenset({"ivr", "botflow", "workflow"})

# What tHandle counts: glossary "average handle time" (talk, hold, after-call work), with dialing
# and contacting where a call was placed.
HANDLING = frozenset({"interact", "hold", "wrapup", "dialing", "contacting"})
ONCE_AT_ITS_END = {
    "alert": "tAlert", "dialing": "tDialing", "contacting": "tContacting", "wrapup": "tAcw",
    "barging": "tBarging",
}  # fmt: skip
# Timers that tell each stretch apart, and the one that is told once for all stretches.
STRETCHES = {
    "interact": ("tTalk", "tTalkComplete"),
    "hold": ("tHeld", "tHeldComplete"),
    "parked": ("tPark", "tParkComplete"),
    "monitoring": ("tMonitoring", "tMonitoringComplete"),
    "coaching": ("tCoaching", "tCoachingComplete"),
}


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
        found = _queue_metrics(session, sessions)
    elif participant.purpose == "voicemail":
        found = _voicemail_metrics(session)
    else:
        found = _party_metrics(session)
    return tuple(sorted(found, key=lambda metric: (metric.at, metric.name)))


def total(session: Session, *kinds: str) -> int:
    """Milliseconds the session spent in segments of these kinds."""
    return sum(segment.duration for segment in session.segments if segment.kind in kinds)


def _party_metrics(session: Session) -> Iterator[Metric]:
    """Connections of customers and outside lines, and what a dialer made of a call.

    A dialer's attempts stand with whom it dialled ("outbound metrics"); a line may be closed weeks
    after everybody has left it (developer forum 29662).
    """
    connected = [segment for segment in session.segments if segment.kind == "interact"]
    if connected:
        yield Metric("nConnected", 1, connected[0].start)
        yield Metric("tConnected", connected[-1].end - connected[0].start, connected[-1].end)
    if session.dialled:
        yield Metric("nOutboundAttempted", 1, session.start)
        if connected:
            yield Metric("nOutboundConnected", 1, connected[0].start)
            if session.abandoned:
                yield Metric("nOutboundAbandoned", 1, connected[-1].end)
    if session.message_count:
        yield Metric("oMessageCount", session.message_count, session.end)
    yield from _errors(session)


def _voicemail_metrics(session: Session) -> Iterator[Metric]:
    """Time recording: the greeting before it (`system`) is none."""
    yield Metric("tVoicemail", total(session, "interact"), session.end)


def _flow_metrics(session: Session) -> Iterator[Metric]:
    """A flow's run; one that calls a bot goes on meanwhile ("flow metrics")."""
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


def _queue_metrics(session: Session, sessions: Mapping[str, Session]) -> Iterator[Metric]:
    """A wait in a queue, and its one end.

    The wait is the interact part: what is delayed or uploaded before it lies outside ("time in
    queue"; eight of eight real records). It is an abandon where the customer leaves while waiting
    ("what do abandons include"), a flow-out where it ends neither so nor by an answer ("why does
    offered not equal answered plus abandoned").
    """
    waited = total(session, "interact")
    entered = next(each.start for each in session.segments if each.kind == "interact")
    yield Metric("nOffered", 1, entered)
    yield Metric("tAcd", waited, session.end)
    if session.abandoned:
        yield Metric("tAbandon", waited, session.end)
        if waited < SHORT_ABANDON:
            yield Metric("tShortAbandon", waited, session.end)
    elif all(other.answers != session.session_id for other in sessions.values()):
        yield Metric("tFlowOut", waited, session.end)
    limit = in_time(session.media)
    if waited > limit:
        yield Metric("nOverSla", 1, entered + limit)


def _agent_metrics(session: Session, sessions: Mapping[str, Session]) -> Iterator[Metric]:
    """What somebody of the organisation did ("view agent performance statistics").

    Answered is who accepted out of the queue; who takes a direct transfer or a consultation has
    handled it ("difference between answered and handle"). Who left a conference by hanging up has
    transferred nothing. Who listens in, coaches or barges in has times of their own and handles
    nothing ("monitor, coach and barge in"); nor does who looks at a screen beside the call.
    """
    segments = session.segments
    if session.media == "cobrowse":
        yield Metric("nCobrowseSessions", 1, session.start)
        return
    for segment in segments:
        if segment.kind in ONCE_AT_ITS_END:
            yield Metric(ONCE_AT_ITS_END[segment.kind], segment.duration, segment.end)
        if segment.kind in STRETCHES:
            yield Metric(STRETCHES[segment.kind][0], segment.duration, segment.end)
    for kind, (_, complete) in STRETCHES.items():
        ends = [segment.end for segment in segments if segment.kind == kind]
        if ends:
            yield Metric(complete, total(session, kind), ends[-1])
    if session.outbound:
        yield Metric("nOutbound", 1, session.start)
    yield from _errors(session)
    if total(session, *HANDLING):
        yield Metric("tHandle", total(session, *HANDLING), session.end)
    connected = [segment for segment in segments if segment.kind == "interact"]
    alerts = [segment for segment in segments if segment.kind == "alert"]
    if not connected:
        if alerts:
            yield Metric("nAlertExpired", 1, alerts[-1].end)
            yield Metric("tNotResponding", total(session, "alert"), alerts[-1].end)
        return
    if session.answers is not None:
        waited = total(sessions[session.answers], "interact")
        yield Metric("tAnswered", waited, connected[0].start)
    if session.media == "callback":
        yield Metric("nCallbackAttempts", 1, connected[0].start)
    if session.consulted:
        holds = [segment.start for segment in segments if segment.kind == "hold"]
        yield Metric("nConsult", 1, holds[-1])
    if session.transfer is not None:
        left_at = max(s.end for s in segments if s.kind in {"interact", "hold"})
        by_consult = session.transfer == "consult"
        yield Metric("nTransferred", 1, left_at)
        yield Metric("nConsultTransferred" if by_consult else "nBlindTransferred", 1, left_at)


def _errors(session: Session) -> Iterator[Metric]:
    for segment in session.segments:
        if segment.error_code is not None:
            yield Metric("nError", 1, segment.end)
