"""What conversations contribute to aggregates, taken from their records as they are visible now.

An aggregate sees what a details job asked at the same moment shows: the data lake's lag, late
arrivals and nightly corrections move it too. A metric counts where its emitDate lies.

From a record to a fact:
* each of sessions[].metrics[] is a fact; its dimensions are those of conversation, participant and
  session, from the segments the first queueId, the last wrapUpCode and disconnectType, and all
  requestedRoutingSkillIds. A conversation with two divisions counts in both.
* nFlowOutcome, nFlowOutcomeFailed and tFlowOutcome come from flow.outcomes[] instead, one fact per
  attempt with its flowOutcomeId and flowOutcomeValue: an attempt counts when it is set, one that
  was never set when its flow ends (as a failure, and without a duration). The sums are those of
  the session's metrics. Grouped by outcome, nFlow and tFlow stand in the group that has none.
* nConversations is one per conversation and group, where its first session in the group starts.
* oServiceLevel is one per queue session that did not flow out, where it ends; the numerator counts
  those answered within the target of their medium (service_levels.py).
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tests.sandbox.clock import to_millis
from tests.sandbox.metrics import AGENT_PURPOSES, HANDLING
from tests.sandbox.service_levels import in_time
from tests.sandbox.world import World

Record = dict[str, Any]
Dimensions = Mapping[str, tuple[str, ...]]

KEPT_CONVERSATIONS = 20_000
OUTCOME_METRICS = frozenset({"nFlowOutcome", "nFlowOutcomeFailed", "tFlowOutcome"})

OF_CONVERSATION = ("conversationId", "originatingDirection", "conversationInitiator", "externalTag")
OF_PARTICIPANT = ("purpose", "userId", "externalContactId", "participantName")
OF_SESSION = (
    "mediaType", "direction", "sessionId", "peerId", "provider", "messageType", "ani", "dnis",
    "sessionDnis", "usedRouting", "flowInType", "flowOutType", "selectedAgentId", "remote",
    "edgeId", "outboundCampaignId", "outboundContactId", "outboundContactListId",
)  # fmt: skip
OF_FLOW = (
    "flowId", "flowName", "flowType", "flowVersion", "exitReason", "transferType", "entryType",
    "entryReason", "transferTargetName", "transferTargetAddress", "startingLanguage",
    "endingLanguage",
)  # fmt: skip
OF_OUTCOME = ("flowOutcomeId", "flowOutcomeValue", "flowOutcome")
# Dimensions this organisation can group and filter by; the published list is longer.
KNOWN_DIMENSIONS = frozenset(
    {*OF_CONVERSATION, *OF_PARTICIPANT, *OF_SESSION, *OF_FLOW, *OF_OUTCOME, "divisionId",
     "queueId", "wrapUpCode", "disconnectType", "requestedRoutingSkillId", "errorCode"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fact:
    """A value of a metric, when it was emitted, and what it can be grouped by."""

    name: str
    value: int
    at: int
    dimensions: Dimensions


@dataclass(frozen=True, slots=True)
class Work:
    """A stretch of an agent's time; `end` is None while it lasts."""

    user_id: str
    # handling: talk, hold, after-call work, dialing; missed: he did not answer from here on.
    kind: str
    start: int
    end: int | None
    for_queue: bool


@dataclass(frozen=True, slots=True)
class Contribution:
    """All a conversation contributes."""

    conversation_id: str
    facts: tuple[Fact, ...]
    work: tuple[Work, ...]


class Contributions:
    """The contributions of a world's conversations, kept as long as their records do not change."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._kept: OrderedDict[int, tuple[int, Contribution]] = OrderedDict()

    def between(self, start: int, end: int, now: int) -> Iterator[Contribution]:
        """Walk through those of conversations alive in [start, end), visible at `now`."""
        for number in self.world.active_between(start, end, now):
            record = self.world.record(number, now)
            mark = hash(record)
            kept = self._kept.get(number)
            if kept is None or kept[0] != mark:
                kept = self._kept[number] = (mark, contribution(msgspec.json.decode(record)))
                if len(self._kept) > KEPT_CONVERSATIONS:
                    self._kept.popitem(last=False)
            yield kept[1]


def contribution(record: Record) -> Contribution:
    """Take a conversation's contribution from its record."""
    facts: list[Fact] = []
    work: list[Work] = []
    shared = _some(record, OF_CONVERSATION)
    divisions = tuple(record.get("divisionIds") or ())
    if divisions:
        shared["divisionId"] = divisions
    for participant in record.get("participants") or ():
        owner = shared | _some(participant, OF_PARTICIPANT)
        for session in participant.get("sessions") or ():
            dimensions = owner | _of_session(session)
            facts.extend(_facts(session, dimensions))
            if participant.get("userId") and participant.get("purpose") in AGENT_PURPOSES:
                work.extend(_work(participant["userId"], session, "queueId" in dimensions))
    return Contribution(str(record["conversationId"]), tuple(facts), tuple(work))


def _some(told: Record, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    return {name: (str(told[name]),) for name in names if told.get(name) is not None}


def _of_session(session: Record) -> dict[str, tuple[str, ...]]:
    found = _some(session, OF_SESSION) | _some(session.get("flow") or {}, OF_FLOW)
    skills: list[str] = []
    for segment in session.get("segments") or ():
        if segment.get("queueId") and "queueId" not in found:
            found["queueId"] = (segment["queueId"],)
        found |= _some(segment, ("wrapUpCode", "disconnectType", "errorCode"))
        skills.extend(segment.get("requestedRoutingSkillIds") or ())
    if skills:
        found["requestedRoutingSkillId"] = tuple(dict.fromkeys(skills))
    return found


def _facts(session: Record, dimensions: Dimensions) -> Iterator[Fact]:
    segments = session.get("segments") or ()
    if segments:
        began = min(to_millis(segment["segmentStart"]) for segment in segments)
        yield Fact("nConversations", 1, began, dimensions)
    for metric in session.get("metrics") or ():
        name, value, at = metric["name"], metric["value"], to_millis(metric["emitDate"])
        if name not in OUTCOME_METRICS:
            yield Fact(name, value, at, dimensions)
        names = {each["name"] for each in session["metrics"]} if name == "tAcd" else set()
        if names and "tFlowOut" not in names:
            met = value <= in_time(session["mediaType"]) and "tAbandon" not in names
            yield Fact("oServiceLevel", int(met), at, dimensions)
            yield Fact("oServiceTarget", int(met), at, dimensions)
    yield from _outcome_facts(session, dimensions)


def _outcome_facts(session: Record, dimensions: Dimensions) -> Iterator[Fact]:
    for attempt in (session.get("flow") or {}).get("outcomes") or ():
        value = attempt.get("flowOutcomeValue")
        if value is None:
            continue  # still being tried
        of_attempt = dict(dimensions) | _some(attempt, OF_OUTCOME)
        set_at = attempt.get("flowOutcomeEndTimestamp")
        if set_at is not None:
            at = to_millis(set_at)
            spent = at - to_millis(attempt["flowOutcomeStartTimestamp"])
            yield Fact("tFlowOutcome", spent, at, of_attempt)
        else:
            at = max(to_millis(segment["segmentEnd"]) for segment in session["segments"])
        yield Fact("nFlowOutcome", 1, at, of_attempt)
        if value == "FAILURE":
            yield Fact("nFlowOutcomeFailed", 1, at, of_attempt)


def _work(user_id: str, session: Record, for_queue: bool) -> Iterator[Work]:
    segments = session.get("segments") or []
    for segment in segments:
        start, end = to_millis(segment["segmentStart"]), segment.get("segmentEnd")
        ended = None if end is None else to_millis(end)
        if segment["segmentType"] in HANDLING:
            yield Work(user_id, "handling", start, ended, for_queue)
    for metric in session.get("metrics") or ():
        if metric["name"] == "nAlertExpired":
            yield Work(user_id, "missed", to_millis(metric["emitDate"]), None, for_queue)
