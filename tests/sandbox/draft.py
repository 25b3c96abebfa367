"""The pen scripts are written with: it draws ids and durations, and keeps sessions in order."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tests.sandbox.attributes import AGENT, CUSTOMER, QUEUE, Values
from tests.sandbox.callers import Caller
from tests.sandbox.clock import SECOND
from tests.sandbox.conversation import (
    Attribute,
    Conversation,
    FlowRun,
    MediaStat,
    Participant,
    Review,
    Segment,
    Session,
)
from tests.sandbox.organisation import Agent, Contact, Organisation
from tests.sandbox.staff import Staff

# How long somebody waits in a queue: the share, and between how many seconds.
Waits = tuple[tuple[float, float, float], ...]
WAITS: Mapping[str, Waits] = {
    "voice": ((0.92, 2, 18), (0.05, 21, 70), (0.03, 70, 240)),
    "chat": ((0.9, 3, 50), (0.1, 65, 240)),
    "message": ((0.96, 5, 100), (0.04, 130, 900)),
    "callback": ((0.8, 120, 1_500), (0.2, 2_000, 9_000)),
    "email": ((0.8, 900, 4 * 3_600), (0.2, 4 * 3_600, 20 * 3_600)),
}
# What waits until somebody is there.
PATIENT = frozenset({"message", "callback", "email"})

# Stands for the first eight digits of all ids of one conversation, see templates.py.
ID_MARK = "\ue000"


@dataclass(slots=True)
class SessionDraft:
    """A session being written: the facts that may still change, and its segments so far."""

    session: Session
    segments: list[Segment] = field(default_factory=list)

    @property
    def session_id(self) -> str:
        """Its id, for peers and for those who answer it."""
        return self.session.session_id

    @property
    def end(self) -> int:
        """The end of what is written so far."""
        return self.segments[-1].end

    def add(self, kind: str, start: int, end: int, queue_id: str | None = None) -> None:
        """Append a segment; stretches of no length are left out."""
        if end > start:
            self.segments.append(Segment(kind, start, end, queue_id=queue_id))

    def change_last(self, **facts: object) -> None:
        """Set facts on the last segment, as a disconnect does."""
        self.segments[-1] = replace(self.segments[-1], **facts)  # type: ignore[arg-type]

    def set(self, **facts: object) -> None:
        """Set facts on the session itself."""
        self.session = replace(self.session, **facts)  # type: ignore[arg-type]

    def split(self, start: int, end: int) -> None:
        """Mark what lies between the two instants as conference, cutting segments there."""
        pieces: list[Segment] = []
        for segment in self.segments:
            cuts = [segment.start, *(t for t in (start, end) if segment.start < t < segment.end)]
            for low, high in zip(cuts, [*cuts[1:], segment.end], strict=True):
                last = high == segment.end
                pieces.append(
                    replace(
                        segment,
                        start=low,
                        end=high,
                        disconnect=segment.disconnect if last else None,
                        conference=segment.kind == "interact" and start <= low and high <= end,
                    )
                )
        self.segments = pieces


@dataclass(slots=True)
class ParticipantDraft:
    """A participant being written."""

    participant: Participant
    sessions: list[SessionDraft] = field(default_factory=list)
    # Somebody of the staff, who is chosen once it is known when he was busy; and the sessions
    # that tell whom the queue chose.
    is_uncast: bool = False
    chosen_in: list[SessionDraft] = field(default_factory=list)

    @property
    def only(self) -> SessionDraft:
        """Its first session, for the many who have just one."""
        return self.sessions[0]

    def set(self, **facts: object) -> None:
        """Set facts on the participant."""
        self.participant = replace(self.participant, **facts)  # type: ignore[arg-type]


class Draft:
    """One conversation being written, in which everything is drawn from one generator."""

    def __init__(
        self, rng: random.Random, organisation: Organisation, staff: Staff, caller: Caller
    ) -> None:
        self.rng = rng
        self.organisation = organisation
        self.staff = staff
        # Some sources tick in whole seconds, and then no fraction is on the wire.
        self.whole_seconds = rng.random() < 0.12
        self.contact, self.is_known = caller.contact, caller.is_known
        # The instant of the conversation's start.
        self.start = 0
        self.direction = "inbound"
        self.conference_start: int | None = None
        self.self_served: bool | None = None
        self.initiator: str | None = None
        self.external_tag: str | None = None
        self.participants: list[ParticipantDraft] = []
        self.reviews: list[Review] = []
        # Set where the story is about a person who turns to a certain queue.
        self.queue: str | None = None

    def new_id(self) -> str:
        """Draw a version 4 UUID whose first eight digits are the conversation's mark."""
        bits = self.rng.getrandbits(96)
        digits = f"{bits:024x}"
        variant = "89ab"[bits & 3]
        return f"{ID_MARK}-{digits[:4]}-4{digits[5:8]}-{variant}{digits[9:12]}-{digits[12:]}"

    def span(self, low: float, high: float) -> int:
        """Draw a duration between two numbers of seconds, shorter ones more often."""
        millis: int = round((low * (high / low) ** self.rng.random()) * SECOND)
        return max(SECOND, millis - millis % SECOND) if self.whole_seconds else millis

    def chance(self, share: float) -> bool:
        """Draw yes or no."""
        return self.rng.random() < share

    def wait(self, media: str, start: int) -> int:
        """Draw when a wait that begins at `start` ends with an answer."""
        shares = [share for share, _, _ in WAITS[media]]
        [(_, low, high)] = self.rng.choices(WAITS[media], shares)
        end = start + self.span(low, high)
        if media not in PATIENT:
            return end
        free = self.staff.next_free(self.start + end) - self.start
        return end if free == end else free + self.span(1, 300)

    def participant(self, purpose: str, **facts: object) -> ParticipantDraft:
        """Add a participant."""
        drafted = ParticipantDraft(
            Participant(self.new_id(), purpose, (), **facts)  # type: ignore[arg-type]
        )
        self.participants.append(drafted)
        return drafted

    def customer(self, contact: Contact | None = None) -> ParticipantDraft:
        """Add a customer; most are known contacts, some are not."""
        person = contact or self.contact
        name = person.name if self.chance(0.85) else None
        is_known = contact is not None or self.is_known
        return self.participant(
            "customer", name=name, external_contact_id=person.contact_id if is_known else None
        )

    def agent(self) -> ParticipantDraft:
        """Add an agent; who it was is chosen at the end."""
        drafted = self.participant("agent")
        drafted.is_uncast = True
        return drafted

    def user(self, person: Agent) -> ParticipantDraft:
        """Add somebody of the organisation who is not there as an agent."""
        return self.participant("user", user_id=person.user_id, name=person.name)

    def user_ids(self) -> list[str]:
        """Ids of all people in the conversation so far."""
        return [p.participant.user_id for p in self.participants if p.participant.user_id]

    def session(
        self,
        participant: ParticipantDraft,
        media: str,
        direction: str,
        fields: Mapping[str, object],
        peer: SessionDraft | None = None,
    ) -> SessionDraft:
        """Add a session to a participant; `peer` is the customer's session it belongs to."""
        drafted = SessionDraft(
            Session(
                self.new_id(),
                media,
                direction,
                (),
                peer_id=peer.session_id if peer else None,
                fields=fields,
            )
        )
        participant.sessions.append(drafted)
        return drafted

    def queue_id(self, *names: str) -> str:
        """Return the id of one of these queues."""
        drawn = self.rng.choice(names)
        name = self.queue if self.queue in names and self.queue is not None else drawn
        return self.organisation.queue_ids[name]

    def queue_name(self, queue_id: str) -> str:
        """Return the name a queue has, or had."""
        names = self.organisation.queue_ids.items()
        return next(name for name, known_id in names if known_id == queue_id)

    def wrap_up(self, session: SessionDraft, queue_id: str | None, code: str | None = None) -> None:
        """Append after-call work; `code` overrides the one the agent would pick."""
        start = session.end
        session.add("wrapup", start, start + self.span(2, 120), queue_id)
        picked = code or self.rng.choice(self.organisation.wrap_up_code_ids)
        note = "Called back, all fine" if self.chance(0.15) else None
        session.change_last(wrap_up_code=picked, wrap_up_note=note)

    def hear(self, session: SessionDraft) -> None:
        """Add endpoint reports to a voice session, one at the end of each stretch of talk."""
        stats = []
        for segment in session.segments:
            if segment.kind in {"interact", "hold"}:
                received = max(1, segment.duration // 20)
                stats.append(
                    MediaStat(
                        at=segment.end,
                        codec=self.rng.choice(("audio/opus", "audio/opus", "audio/PCMU")),
                        mos=round(self.rng.uniform(3.4, 4.93), 6),
                        r_factor=round(self.rng.uniform(70, 93.2), 5),
                        latency=self.rng.randint(8, 240),
                        received=received,
                        discarded=self.rng.randint(0, 3) * received // 900,
                    )
                )
        session.set(media_stats=tuple(stats))

    def flow(self, name: str, **leaving: object) -> FlowRun:
        """Start a run of a flow by name; `leaving` is known once it was left."""
        entity = next(flow for flow in self.organisation.flows if flow["name"] == name)
        entering: dict[str, object] = {
            "flowId": entity["id"],
            "flowName": name,
            "flowType": entity["type"],
            "flowVersion": f"{self.rng.randint(1, 80)}.0",
            "startingLanguage": self.rng.choice(("en-us", "de-de", "sv-se")),
        }
        return FlowRun(entering, {key: value for key, value in leaving.items() if value})

    def build(self) -> Conversation:
        """Finish: fill in attributes, freeze everything, divisions from the people involved."""
        self._set_attributes()
        participants = tuple(
            replace(
                drafted.participant,
                sessions=tuple(
                    replace(each.session, segments=tuple(each.segments))
                    for each in drafted.sessions
                    if each.segments
                ),
            )
            for drafted in self.participants
        )
        people = set(self.user_ids())
        divisions = {a.division_id for a in self.organisation.agents if a.user_id in people}
        return Conversation(
            conversation_id=self.new_id(),
            originating_direction=self.direction,
            participants=tuple(p for p in participants if p.sessions),
            division_ids=tuple(sorted(divisions)) or self.organisation.division_ids[:1],
            conference_start=self.conference_start,
            initiator=self.initiator,
            self_served=self.self_served,
            external_tag=self.external_tag,
            reviews=tuple(sorted(self.reviews, key=lambda review: review.at)),
        )

    def cast(self) -> None:
        """Choose the people whose times are written now."""
        for drafted in self.participants:
            if drafted.is_uncast:
                self._cast(drafted)

    def _cast(self, drafted: ParticipantDraft) -> None:
        busy = sorted(
            (self.start + segment.start, self.start + segment.end)
            for each in drafted.sessions
            for segment in each.segments
            if segment.kind != "parked"
        )
        if not busy:
            return
        media = drafted.only.session.media
        person = self.staff.cast(self.rng, busy, media, self.user_ids())
        drafted.set(user_id=person.user_id, name=person.name)
        for each in drafted.chosen_in:
            each.set(fields={**each.session.fields, "selectedAgentId": person.user_id})

    def _set_attributes(self) -> None:
        for drafted in self.participants:
            purpose = drafted.participant.purpose
            spans = [segment for each in drafted.sessions for segment in each.segments]
            if not spans:
                continue
            if purpose == "customer" and (self.chance(0.9) or self.queue is not None):
                self._fill(drafted, CUSTOMER, spans)
            elif purpose == "acd" and self.chance(0.7):
                self._fill(drafted, QUEUE, spans)
            elif purpose in {"agent", "user"} and self.chance(0.4):
                self._fill(drafted, AGENT, spans)

    def _fill(
        self,
        drafted: ParticipantDraft,
        known: tuple[tuple[str, float, Values], ...],
        segments: Sequence[Segment],
    ) -> None:
        start, length = segments[0].start, max(segments[0].duration, 1)
        chosen = [
            # Set one after the other while the first segment lasts: who looks early sees fewer.
            Attribute(name, value(self.rng, self.contact), start + place * length // len(known))
            for place, (name, share, value) in enumerate(known)
            # Whoever a story is about is told by the CRM's id too.
            if self.rng.random() < share or (self.queue is not None and name == "customerId")
        ]
        drafted.set(attributes=tuple(chosen))
