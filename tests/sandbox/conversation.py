"""What happened in a conversation, in Python: the objects every dialect of the API is shaped from.

All times are milliseconds since the conversation's start, so that one script can be placed at any
hour. Whatever can be derived (metrics, the end, what was visible at a moment) is not stored here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch of a session in which one thing happened."""

    kind: str
    start: int
    end: int
    queue_id: str | None = None
    disconnect: str | None = None
    conference: bool = False
    wrap_up_code: str | None = None
    wrap_up_note: str | None = None
    error_code: str | None = None
    subject: str | None = None
    skill_ids: tuple[str, ...] = ()
    sip_codes: tuple[int, ...] = ()

    @property
    def duration(self) -> int:
        """Milliseconds between its start and its end."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class OutcomeAttempt:
    """One try for a flow outcome. `end` is None where the flow never set it."""

    outcome_id: str
    value: str
    start: int
    end: int | None
    # The API sends no end in two ways: the field is null, or it is not there.
    null_end: bool = False


@dataclass(frozen=True, slots=True)
class FlowRun:
    """The Architect flow a session ran in; `leaving` is what is known once it was left."""

    entering: Mapping[str, object]
    leaving: Mapping[str, object] = field(default_factory=dict)
    outcomes: tuple[OutcomeAttempt, ...] = ()


@dataclass(frozen=True, slots=True)
class MediaStat:
    """A report of an endpoint about the quality of the audio."""

    at: int
    codec: str
    mos: float
    r_factor: float
    latency: int
    received: int
    discarded: int


@dataclass(frozen=True, slots=True)
class Session:
    """One medium of one participant. `fields` are wire fields that never change."""

    session_id: str
    media: str
    direction: str
    segments: tuple[Segment, ...]
    peer_id: str | None = None
    # The queue's session this agent session answered: its waiting time is ours to report.
    answers: str | None = None
    # How this session handed the conversation on: blind, consult, or not at all.
    transfer: str | None = None
    consulted: bool = False
    outbound: bool = False
    # The customer left while it lasted, unanswered.
    abandoned: bool = False
    # Dialled for a campaign by the dialer.
    dialled: bool = False
    bot_turns: int = 0
    message_count: int = 0
    flow: FlowRun | None = None
    media_stats: tuple[MediaStat, ...] = ()
    fields: Mapping[str, object] = field(default_factory=dict)

    @property
    def start(self) -> int:
        """Its first segment's start."""
        return self.segments[0].start

    @property
    def end(self) -> int:
        """Its last segment's end."""
        return max(segment.end for segment in self.segments)


@dataclass(frozen=True, slots=True)
class Attribute:
    """A participant attribute and when it was set (the custom attributes of Genesys)."""

    name: str
    value: str
    at: int


@dataclass(frozen=True, slots=True)
class Participant:
    """A party of the conversation: a customer, a flow, a queue, an agent."""

    participant_id: str
    purpose: str
    sessions: tuple[Session, ...]
    name: str | None = None
    user_id: str | None = None
    external_contact_id: str | None = None
    attributes: tuple[Attribute, ...] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """An evaluation or a survey, as it has been since `at`; `stamped` are fields that say when."""

    kind: str
    at: int
    fields: Mapping[str, object]
    stamped: tuple[str, ...] = ("eventTime",)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A whole conversation as it will have been once it is over."""

    conversation_id: str
    originating_direction: str
    participants: tuple[Participant, ...]
    division_ids: tuple[str, ...]
    conference_start: int | None = None
    initiator: str | None = None
    self_served: bool | None = None
    external_tag: str | None = None
    reviews: tuple[Review, ...] = ()

    def sessions(self) -> Iterator[tuple[Participant, Session]]:
        """Walk through all sessions with the participant each belongs to."""
        for participant in self.participants:
            for session in participant.sessions:
                yield participant, session

    @property
    def end(self) -> int:
        """When its last segment ends; the start is zero."""
        return max(session.end for _, session in self.sessions())

    @property
    def settled(self) -> int:
        """When the last review of it is there, or its end without any."""
        return max([self.end, *(review.at for review in self.reviews)])

    def pauses(self) -> tuple[tuple[int, int], ...]:
        """Stretches in which nothing of it was alive: it had ended, and was re-opened after."""
        spans = sorted(
            (segment.start, segment.end)
            for _, session in self.sessions()
            for segment in session.segments
        )
        pauses = []
        reach = spans[0][1]
        for start, end in spans:
            if start > reach:
                pauses.append((reach, start))
            reach = max(reach, end)
        return tuple(pauses)
