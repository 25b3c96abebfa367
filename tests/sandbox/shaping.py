"""A conversation as the Platform API's AnalyticsConversation, whole or as far as it has come.

A field without a value is left out, as Genesys does; nulls appear only where Genesys sends them.
"""

from collections.abc import Callable

from tests.sandbox.conversation import (
    Conversation,
    FlowRun,
    MediaStat,
    OutcomeAttempt,
    Participant,
    Segment,
    Session,
)
from tests.sandbox.metrics import session_metrics

Record = dict[str, object]
Stamp = Callable[[int], str]


def shape(
    conversation: Conversation, stamp: Stamp, horizon: int | None = None, *, attributes: bool = True
) -> Record:
    """Shape a conversation.

    Args:
        conversation: What happened.
        stamp: Writes an instant, given as milliseconds since the conversation's start.
        horizon: What lies after this instant has not happened yet; None shows everything.
        attributes: Whether participants carry their attributes; only details jobs show them.
    """
    return _Shaper(conversation, stamp, horizon, attributes).record()


class _Shaper:
    def __init__(
        self, conversation: Conversation, stamp: Stamp, horizon: int | None, attributes: bool
    ) -> None:
        self.conversation = conversation
        self.stamp = stamp
        self.horizon = conversation.settled if horizon is None else horizon
        self.attributes = attributes
        self.sessions = {each.session_id: each for _, each in conversation.sessions()}

    def past(self, instant: int) -> bool:
        return instant <= self.horizon

    def record(self) -> Record:
        told = self.conversation
        begun = [
            segment
            for session in self.sessions.values()
            for segment in session.segments
            if self.past(segment.start)
        ]
        ended = all(self.past(segment.end) for segment in begun)
        stats = [
            stat
            for session in self.sessions.values()
            for stat in session.media_stats
            if self.past(stat.at)
        ]
        record: Record = {
            "conversationId": told.conversation_id,
            "conversationStart": self.stamp(0),
        }
        if ended:
            record["conversationEnd"] = self.stamp(max(segment.end for segment in begun))
        if told.conference_start is not None and self.past(told.conference_start):
            record["conferenceStart"] = self.stamp(told.conference_start)
        record["originatingDirection"] = told.originating_direction
        record["divisionIds"] = list(told.division_ids)
        if told.initiator is not None:
            record["conversationInitiator"] = told.initiator
        if told.self_served is not None and ended:
            record["selfServed"] = told.self_served
        if told.external_tag is not None:
            record["externalTag"] = told.external_tag
        if stats:
            record["mediaStatsMinConversationMos"] = min(stat.mos for stat in stats)
            record["mediaStatsMinConversationRFactor"] = min(stat.r_factor for stat in stats)
        for review in told.reviews:
            if self.past(review.at):
                reviews = record.setdefault(review.kind, [])
                assert isinstance(reviews, list)
                at = dict.fromkeys(review.stamped, self.stamp(review.at))
                reviews.append({**review.fields, **at})
        record["participants"] = [
            self.participant(each)
            for each in told.participants
            if any(self.past(session.start) for session in each.sessions)
        ]
        return record

    def participant(self, told: Participant) -> Record:
        record: Record = {"participantId": told.participant_id}
        if told.name is not None:
            record["participantName"] = told.name
        if told.user_id is not None:
            record["userId"] = told.user_id
        record["purpose"] = told.purpose
        if told.external_contact_id is not None:
            record["externalContactId"] = told.external_contact_id
        record["sessions"] = [
            self.session(told, session) for session in told.sessions if self.past(session.start)
        ]
        known = {each.name: each.value for each in told.attributes if self.past(each.at)}
        if self.attributes and known:
            record["attributes"] = known
        return record

    def session(self, owner: Participant, told: Session) -> Record:
        record: Record = {
            "mediaType": told.media,
            "sessionId": told.session_id,
            "direction": told.direction,
        }
        if told.peer_id is not None:
            record["peerId"] = told.peer_id
        record["segments"] = [self.segment(each) for each in told.segments if self.past(each.start)]
        metrics: list[Record] = [
            {"name": each.name, "value": each.value, "emitDate": self.stamp(each.at)}
            for each in session_metrics(owner, told, self.sessions)
            if self.past(each.at)
        ]
        if metrics:
            record["metrics"] = metrics
        if told.flow is not None:
            record["flow"] = self.flow(told.flow, over=self.past(told.end))
        stats = [self.media_stat(each) for each in told.media_stats if self.past(each.at)]
        if stats:
            record["mediaEndpointStats"] = stats
        record.update(told.fields)
        return record

    def segment(self, told: Segment) -> Record:
        over = self.past(told.end)
        record: Record = {"segmentStart": self.stamp(told.start)}
        if over:
            record["segmentEnd"] = self.stamp(told.end)
        if told.queue_id is not None:
            record["queueId"] = told.queue_id
        if told.disconnect is not None and over:
            record["disconnectType"] = told.disconnect
        if told.error_code is not None and over:
            record["errorCode"] = told.error_code
        if told.sip_codes and over:
            record["sipResponseCodes"] = list(told.sip_codes)
        if told.wrap_up_code is not None and over:
            record["wrapUpCode"] = told.wrap_up_code
        if told.wrap_up_note is not None and over:
            record["wrapUpNote"] = told.wrap_up_note
        if told.subject is not None:
            record["subject"] = told.subject
        if told.skill_ids:
            record["requestedRoutingSkillIds"] = list(told.skill_ids)
        record["segmentType"] = told.kind
        record["conference"] = told.conference
        return record

    def flow(self, told: FlowRun, *, over: bool) -> Record:
        record: Record = dict(told.entering)
        if over:
            record.update(told.leaving)
        outcomes = [
            self.outcome(each, flow_over=over) for each in told.outcomes if self.past(each.start)
        ]
        if outcomes:
            record["outcomes"] = outcomes
        return record

    def outcome(self, told: OutcomeAttempt, *, flow_over: bool) -> Record:
        record: Record = {
            "flowOutcomeId": told.outcome_id,
            "flowOutcomeStartTimestamp": self.stamp(told.start),
        }
        # An attempt nobody closes fails when its flow ends.
        if flow_over if told.end is None else self.past(told.end):
            record["flowOutcomeValue"] = told.value
            record["flowOutcome"] = f"{told.outcome_id}:{told.value}"
        if told.end is not None and self.past(told.end):
            record["flowOutcomeEndTimestamp"] = self.stamp(told.end)
        elif told.null_end:
            record["flowOutcomeEndTimestamp"] = None
        return record

    def media_stat(self, told: MediaStat) -> Record:
        return {
            "codecs": [told.codec],
            "eventTime": self.stamp(told.at),
            "minMos": told.mos,
            "minRFactor": told.r_factor,
            "maxLatencyMs": told.latency,
            "receivedPackets": told.received,
            "discardedPackets": told.discarded,
        }
