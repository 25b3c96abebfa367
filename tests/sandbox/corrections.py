"""What the nightly reprocessing rewrites, days after a conversation ended."""

from collections.abc import Callable
from dataclasses import replace

from tests.sandbox.attributes import GAINED_LATER
from tests.sandbox.clock import DAY, HOUR, floor_to
from tests.sandbox.conversation import Attribute, Conversation, Participant, Session

# Reprocessing starts at this hour (UTC) and takes what ended at least so long before.
NIGHTLY_HOUR = 3
MINIMUM_AGE = 2 * DAY


def corrected_at(ended_at: int) -> int:
    """Return the first night a conversation that ended then is reprocessed."""
    first = ended_at + MINIMUM_AGE
    night = floor_to(first, DAY) + NIGHTLY_HOUR * HOUR
    return night if night >= first else night + DAY


def correct(conversation: Conversation, how: str, codes: tuple[str, ...]) -> Conversation:
    """Return the conversation as reprocessing leaves it; `codes` are wrap-up codes to choose from.

    Where there is nothing to change (no wrap-up, no outcome) it is returned as it was.
    """
    if how == "wrap-up changed":
        return _each_session(conversation, lambda session: _with_other_code(session, codes))
    if how == "outcomes lost":
        return _each_session(conversation, _without_outcomes)
    if how == "attributes lost":
        return _each_participant(conversation, lambda one: replace(one, attributes=()))
    if how == "attribute gained":
        return _each_participant(conversation, _with_late_attribute)
    raise ValueError(f"unknown correction {how!r}")


def _with_other_code(session: Session, codes: tuple[str, ...]) -> Session:
    return replace(
        session,
        segments=tuple(
            replace(
                segment,
                wrap_up_code=next(code for code in codes if code != segment.wrap_up_code),
                wrap_up_note="Code corrected",
            )
            if segment.wrap_up_code
            else segment
            for segment in session.segments
        ),
    )


def _without_outcomes(session: Session) -> Session:
    if session.flow is None:
        return session
    return replace(session, flow=replace(session.flow, outcomes=()))


def _with_late_attribute(participant: Participant) -> Participant:
    if participant.purpose not in {"customer", "user"}:
        return participant
    name, value = GAINED_LATER
    late = Attribute(name, value, participant.sessions[-1].end)
    return replace(participant, attributes=(*participant.attributes, late))


def _each_session(conversation: Conversation, change: Callable[[Session], Session]) -> Conversation:
    return _each_participant(
        conversation,
        lambda one: replace(one, sessions=tuple(change(session) for session in one.sessions)),
    )


def _each_participant(
    conversation: Conversation, change: Callable[[Participant], Participant]
) -> Conversation:
    changed = tuple(change(participant) for participant in conversation.participants)
    return replace(conversation, participants=changed)
