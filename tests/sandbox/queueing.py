"""What is alike in all media: queues, who is rung by them, agents, and runs of flows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tests.sandbox.clock import SECOND
from tests.sandbox.conversation import FlowRun, OutcomeAttempt
from tests.sandbox.draft import Draft, SessionDraft
from tests.sandbox.organisation import OUTCOMES_OF, WRAP_UP_TIMEOUT

SECOND_QUEUES = ("Claims Escalation", "Hardware Support (2nd line)", "Loyalty", "Fraud Desk")


@dataclass(frozen=True, slots=True)
class Channel:
    """What sessions of one medium have in common: the medium, the queue, the wire fields."""

    media: str
    queue_id: str
    fields: Mapping[str, object]
    customer_fields: Mapping[str, object]
    in_queue_flow: str | None = None
    direction: str = "inbound"


def wait_in_queue(
    draft: Draft,
    channel: Channel,
    customer: SessionDraft,
    start: int,
    *,
    until: int | None = None,
    leaves: str = "transfer",
    flow_in: str | None = None,
    flow_out: str | None = None,
) -> tuple[SessionDraft, int]:
    """Write a wait, and return it with its end.

    Args:
        draft: The conversation.
        channel: The medium and the queue.
        customer: Whose wait it is.
        start: When the conversation is sent to the queue.
        until: When it leaves it; None for when it is answered.
        leaves: The disconnect type it ends with.
        flow_in: Where it came from, if not from outside.
        flow_out: Where the queue's flow sends it.
    """
    queue = draft.participant("acd", name=draft.queue_name(channel.queue_id))
    skills = tuple(draft.rng.sample(draft.organisation.skill_ids, draft.rng.randint(0, 2)))
    told = {**channel.fields, "remote": draft.contact.name}
    if flow_in is not None:
        told["flowInType"] = flow_in
    if flow_out is not None:
        told["flowOutType"] = flow_out
    if skills:
        told["activeSkillIds"] = list(skills)
    session = draft.session(queue, channel.media, channel.direction, told, peer=customer)
    if channel.media == "voice" and not draft.whole_seconds and draft.chance(0.5):
        # Routing takes a moment, in which nobody counts as waiting yet.
        session.add("delay", start, start + draft.rng.randint(11, 47), channel.queue_id)
        start = session.end
    end = draft.wait(channel.media, start) if until is None else until
    session.add("interact", start, end, channel.queue_id)
    session.change_last(disconnect=leaves, skill_ids=skills)
    if channel.in_queue_flow is not None:
        session.set(flow=draft.flow(channel.in_queue_flow))
    return session, end


def ring(
    draft: Draft,
    channel: Channel,
    customer: SessionDraft,
    queue: SessionDraft,
    until: int,
    *,
    answered: bool = True,
) -> SessionDraft:
    """Write an alert that ends at `until`, with an answer or without."""
    agent = draft.agent()
    fields = {**channel.fields, "remote": draft.contact.name}
    if answered:
        fields["usedRouting"] = draft.rng.choice(("Standard", "Standard", "Bullseye", "Preferred"))
    session = draft.session(agent, channel.media, channel.direction, fields, peer=customer)
    agent.chosen_in.append(session)
    waited = until - queue.segments[0].start
    session.add("alert", until - min(waited, draft.span(1, 12)), until, channel.queue_id)
    if answered:
        session.set(answers=queue.session_id)
        agent.chosen_in.append(queue)
        return session
    session.change_last(disconnect="system", error_code="error.ininedgecontrol.noanswer")
    if draft.chance(0.2):
        # Some are put into after-call work all the same.
        draft.wrap_up(session, channel.queue_id, WRAP_UP_TIMEOUT)
    return session


def talk(
    draft: Draft,
    channel: Channel,
    customer: SessionDraft,
    queue: SessionDraft,
    *,
    holds: int = 0,
    parks: tuple[int, int] | None = None,
    stretches: tuple[float, float] = (40, 620),
) -> tuple[SessionDraft, int]:
    """Write the agent's leg up to the end of the talk; after-call work comes with the closing."""
    session = ring(draft, channel, customer, queue, queue.end)
    between = "parked" if parks else "hold"
    pause = parks or (5, 120)
    for stretch in range(holds + 1):
        start = session.end
        session.add("interact", start, start + draft.span(*stretches), channel.queue_id)
        if stretch < holds:
            start = session.end
            session.add(between, start, start + draft.span(*pause), channel.queue_id)
    return session, session.end


def close(draft: Draft, session: SessionDraft, queue_id: str | None, disconnect: str) -> None:
    """End an agent's leg, with after-call work or without."""
    session.change_last(disconnect=disconnect)
    roll = draft.rng.random()
    if roll < 0.08:
        session.set(fields={**session.session.fields, "acwSkipped": True})
    else:
        draft.wrap_up(session, queue_id, WRAP_UP_TIMEOUT if roll < 0.2 else None)


def with_outcomes(draft: Draft, run: FlowRun, start: int, end: int, at_least: int = 0) -> FlowRun:
    """Add attempts for the flow's outcomes; the same outcome may be tried more than once."""
    count = max(at_least, draft.rng.choice((0, 1, 1, 2, 2, 3, 4)))
    organisation = draft.organisation
    names = OUTCOMES_OF[str(run.entering["flowName"])]
    known = [str(one["id"]) for one in organisation.flow_outcomes if one["name"] in names]
    attempts: list[OutcomeAttempt] = []
    step = (end - start) // (count + 1)
    if draft.whole_seconds:
        step -= step % SECOND
    for number in range(count if step else 0):
        repeated = attempts and draft.chance(0.35)
        outcome_id = attempts[-1].outcome_id if repeated else draft.rng.choice(known)
        begun = start + number * step
        succeeded = draft.chance(0.7)
        closed = succeeded or draft.chance(0.4)
        attempts.append(
            OutcomeAttempt(
                outcome_id=outcome_id,
                value="SUCCESS" if succeeded else "FAILURE",
                start=begun,
                end=begun + step if closed else None,
                null_end=draft.chance(0.5),
            )
        )
    return replace(run, outcomes=tuple(attempts))
