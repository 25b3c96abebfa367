"""What happens in conversations: one writer per kind, and the deck a world deals them from.

A deck instead of dice: every kind occurs in every run of as many conversations as the deck has
cards, so a small world shows everything a big one does.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TypeVar

from tests.sandbox.clock import DAY, HOUR, MINUTE, SECOND
from tests.sandbox.conversation import Conversation, FlowRun, OutcomeAttempt
from tests.sandbox.draft import Draft, ParticipantDraft, SessionDraft
from tests.sandbox.organisation import (
    PREVIEW_SKIPPED,
    WRAP_UP_TIMEOUT,
    Contact,
    Organisation,
)

Writer = Callable[[Draft], None]
Card = TypeVar("Card")

CALL_QUEUES = (
    "Billing", "Billing VIP", "Claims", "Complaints", "Hardware Support", "Sales", "Renewals",
    "Payments", "General Enquiries", "Old Switchboard",
)  # fmt: skip
# Where somebody who chatted is called, or calls, right after.
HANDOFF_QUEUE = "Sales"
SECOND_QUEUES = ("Claims Escalation", "Hardware Support (2nd line)", "Loyalty", "Fraud Desk")


@dataclass(frozen=True, slots=True)
class Channel:
    """What sessions of one medium have in common: the medium, the queue, the wire fields."""

    media: str
    queue_id: str
    fields: Mapping[str, object]
    customer_fields: Mapping[str, object]
    in_queue_flow: str | None = None


# -- voice ------------------------------------------------------------------------------------


def voice(
    draft: Draft,
    *,
    holds: int = 0,
    hand_on: str | None = None,
    conference: str | None = None,
    abandon: str | None = None,
    no_answer: bool = False,
    bot: str | None = None,
    voicemail: bool = False,
) -> None:
    """Write an inbound call: IVR, perhaps a bot, queue, agents, after-call work."""
    customer = draft.customer()
    channel = _call(draft, draft.contact, *CALL_QUEUES)
    caller = draft.session(customer, "voice", "inbound", channel.customer_fields)
    greeted = draft.span(0.3, 1.5)
    caller.add("system", 0, greeted)
    now = _ivr(draft, channel, caller, greeted, leaves=abandon != "ivr" and bot != "serves")
    if bot is not None:
        now = _voice_bot(draft, channel, caller, now, hands_over=bot == "hands over")
        draft.self_served = bot == "serves"
    if abandon == "ivr" or bot == "serves":
        return _hang_up(draft, caller, greeted, now, "client" if abandon else "endpoint")
    queue, now = _queue(draft, channel, caller, now, abandoned=abandon or "")
    if abandon is not None:
        return _hang_up(draft, caller, greeted, now, "client")
    if voicemail:
        queue.set(fields={**queue.session.fields, "flowOutType": "voicemail"})
        now = _voicemail(draft, channel, caller, now)
        return _hang_up(draft, caller, greeted, now, "client")
    if no_answer:
        _ring(draft, channel, caller, queue, now, answered=False)
        queue.segments[-1] = replace(queue.segments[-1], end=now + draft.span(10, 60))
        now = queue.end
    first, talk_end = _agent(draft, channel, caller, queue, holds=holds)
    last = talk_end
    if hand_on == "blind":
        first.set(transfer="blind")
        onward = replace(channel, queue_id=draft.queue_id(*SECOND_QUEUES))
        second_queue, _ = _queue(draft, onward, caller, talk_end)
        second, last = _agent(draft, onward, caller, second_queue, holds=holds)
        _close_agent(draft, second, onward.queue_id, disconnect="peer")
    elif hand_on == "consult":
        last = _consult(draft, channel, caller, first)
    elif conference is not None:
        last = _confer(draft, channel, caller, first, conference)
    leaves = hand_on is not None
    _close_agent(draft, first, channel.queue_id, disconnect="transfer" if leaves else "peer")
    _hang_up(draft, caller, greeted, last, draft.rng.choice(("client", "endpoint", "peer")))
    if draft.conference_start is not None:
        caller.split(draft.conference_start, last)
    for drafted in draft.participants:
        for each in drafted.sessions:
            draft.hear(each)
    return None


def _call(draft: Draft, contact: Contact, *queues: str) -> Channel:
    ani, dnis = f"tel:{contact.address}", f"tel:+1202555{draft.rng.randint(9000, 9020)}"
    shared = {
        "provider": "Edge",
        "ani": ani,
        "dnis": dnis,
        "sessionDnis": dnis,
        "edgeId": draft.organisation.queue_ids["Old Switchboard"],
        "requestedRoutings": ["Standard"],
    }
    seen = {
        "provider": "Edge",
        "ani": ani,
        "dnis": dnis,
        "sessionDnis": dnis,
        "edgeId": draft.organisation.queue_ids["Old Switchboard"],
        "protocolCallId": draft.new_id(),
        "recording": True,
        "remoteNameDisplayable": contact.name,
    }
    flow = draft.rng.choice(("Wait Music", "Claims Wait"))
    return Channel("voice", draft.queue_id(*queues), shared, seen, flow)


def _ivr(draft: Draft, channel: Channel, caller: SessionDraft, start: int, *, leaves: bool) -> int:
    ivr = draft.participant("ivr", name=draft.rng.choice(("Main IVR", "Claims IVR", "Sales IVR")))
    session = draft.session(
        ivr, "voice", "inbound", {**channel.fields, "remote": draft.contact.name}, peer=caller
    )
    end = start + draft.span(8, 140)
    session.add("ivr", start, end)
    session.change_last(disconnect="transfer" if leaves else "peer")
    name = ivr.participant.name if draft.chance(0.93) else "Main IVR (2024)"
    leaving: dict[str, object] = {}
    if leaves:
        leaving = {
            "exitReason": "TRANSFER",
            "transferType": "ACD",
            "transferTargetName": draft.queue_name(channel.queue_id),
            "transferTargetAddress": channel.queue_id,
            "endingLanguage": "en-us",
        }
    run = draft.flow(str(name), **leaving)
    entry = {"entryType": "dnis", "entryReason": channel.fields["dnis"]}
    run = replace(run, entering={**run.entering, **entry})
    session.set(flow=_with_outcomes(draft, run, start, end))
    return end


def _voice_bot(
    draft: Draft, channel: Channel, caller: SessionDraft, start: int, *, hands_over: bool
) -> int:
    bot = draft.participant("botflow", name="Voice Assistant")
    session = draft.session(bot, "voice", "inbound", channel.fields, peer=caller)
    end = start + draft.span(20, 200)
    session.add("ivr", start, end)
    session.change_last(disconnect="transfer" if hands_over else "endpoint")
    run = draft.flow("Voice Assistant", exitReason="TRANSFER" if hands_over else "DISCONNECT")
    session.set(
        flow=_with_outcomes(draft, run, start, end, at_least=1), bot_turns=draft.rng.randint(2, 14)
    )
    return end


def _voicemail(draft: Draft, channel: Channel, caller: SessionDraft, start: int) -> int:
    box = draft.participant("voicemail", name="Voicemail")
    session = draft.session(
        box, "voice", "inbound", {**channel.fields, "flowInType": "acd"}, peer=caller
    )
    recorded = start + draft.span(5, 60)
    session.add("voicemail", start, recorded)
    session.add("uploading", recorded, recorded + draft.span(0.5, 4))
    session.change_last(disconnect="endpoint")
    return recorded


def _hang_up(draft: Draft, caller: SessionDraft, start: int, end: int, how: str) -> None:
    if end <= start:
        end = start + SECOND
    caller.add("interact", start, end)
    caller.change_last(disconnect=how)
    if draft.chance(0.05):
        caller.change_last(error_code="error.ininedgecontrol.connection.busy", sip_codes=(486,))


def _consult(draft: Draft, channel: Channel, caller: SessionDraft, first: SessionDraft) -> int:
    """Hold the customer, ask a colleague, hand the customer over."""
    held_from = first.end
    colleague = draft.agent(but_not=draft.user_ids())
    session = draft.session(colleague, "voice", "inbound", channel.fields, peer=caller)
    answered = held_from + draft.span(3, 15)
    session.add("alert", held_from, answered)
    handed_over = answered + draft.span(10, 90)
    end = handed_over + draft.span(30, 500)
    # To him it is one stretch: first with the colleague, then with the customer.
    session.add("interact", answered, end)
    session.change_last(disconnect="peer")
    draft.wrap_up(session, None)
    first.add("hold", held_from, handed_over, channel.queue_id)
    first.set(transfer="consult", consulted=True)
    return end


def _confer(
    draft: Draft, channel: Channel, caller: SessionDraft, first: SessionDraft, who: str
) -> int:
    """Bring in a third party: somebody outside, or a second customer we know."""
    start = first.end
    asked = start + draft.span(5, 20)
    end = asked + draft.span(60, 600)
    if who == "customer":
        others = [c for c in draft.organisation.contacts if c != draft.contact]
        contact = draft.rng.choice(others)
        third = draft.customer(contact)
        third.set(external_contact_id=contact.contact_id)
        draft.participants[0].set(external_contact_id=draft.contact.contact_id)
    else:
        contact = draft.contact
        third = draft.participant("external", name="Interpreter service")
    fields = {**channel.fields, "dnis": f"tel:{contact.address}", "remote": contact.name}
    session = draft.session(third, "voice", "outbound", fields, peer=caller)
    session.add("dialing", start, asked)
    session.add("interact", asked, end)
    session.change_last(disconnect="endpoint", conference=True)
    first.add("hold", start, asked, channel.queue_id)
    first.add("interact", asked, end, channel.queue_id)
    first.change_last(conference=True)
    draft.conference_start = asked
    return end


# -- queues and agents, for all media -----------------------------------------------------------


def _queue(
    draft: Draft, channel: Channel, customer: SessionDraft, start: int, *, abandoned: str = ""
) -> tuple[SessionDraft, int]:
    queue = draft.participant("acd", name=draft.queue_name(channel.queue_id))
    skills = tuple(draft.rng.sample(draft.organisation.skill_ids, draft.rng.randint(0, 2)))
    fields = {**channel.fields, "remote": draft.contact.name}
    if skills:
        fields["activeSkillIds"] = list(skills)
    session = draft.session(queue, channel.media, "inbound", fields, peer=customer)
    low, high = {"queue": (12, 400), "short": (1, 8)}.get(abandoned, (6, 300))
    end = start + draft.span(low, high)
    session.add("interact", start, end, channel.queue_id)
    session.change_last(disconnect="client" if abandoned else "transfer", skill_ids=skills)
    session.set(abandoned=bool(abandoned))
    if channel.in_queue_flow is not None:
        session.set(flow=draft.flow(channel.in_queue_flow))
    return session, end


def _ring(
    draft: Draft,
    channel: Channel,
    customer: SessionDraft,
    queue: SessionDraft,
    until: int,
    *,
    answered: bool = True,
) -> SessionDraft:
    agent = draft.agent(but_not=draft.user_ids())
    fields = {**channel.fields, "remote": draft.contact.name}
    fields["selectedAgentId"] = agent.participant.user_id
    if answered:
        fields["usedRouting"] = draft.rng.choice(("Standard", "Standard", "Bullseye", "Preferred"))
    session = draft.session(agent, channel.media, "inbound", fields, peer=customer)
    waited = until - queue.segments[0].start
    session.add("alert", until - min(waited, draft.span(1, 12)), until, channel.queue_id)
    if answered:
        session.set(answers=queue.session_id)
        chosen = agent.participant.user_id
        queue.set(fields={**queue.session.fields, "selectedAgentId": chosen})
    else:
        session.change_last(disconnect="system", error_code="error.ininedgecontrol.noanswer")
    return session


def _agent(
    draft: Draft,
    channel: Channel,
    customer: SessionDraft,
    queue: SessionDraft,
    *,
    holds: int = 0,
    parks: tuple[int, int] | None = None,
    stretches: tuple[float, float] = (25, 600),
) -> tuple[SessionDraft, int]:
    """Write the agent's leg up to the end of the talk; after-call work comes with the closing."""
    session = _ring(draft, channel, customer, queue, queue.end)
    between = "parked" if parks else "hold"
    pause = parks or (5, 120)
    for stretch in range(holds + 1):
        start = session.end
        session.add("interact", start, start + draft.span(*stretches), channel.queue_id)
        if stretch < holds:
            start = session.end
            session.add(between, start, start + draft.span(*pause), channel.queue_id)
    return session, session.end


def _close_agent(
    draft: Draft, session: SessionDraft, queue_id: str | None, disconnect: str
) -> None:
    session.change_last(disconnect=disconnect)
    roll = draft.rng.random()
    if roll < 0.08:
        session.set(fields={**session.session.fields, "acwSkipped": True})
    else:
        draft.wrap_up(session, queue_id, WRAP_UP_TIMEOUT if roll < 0.2 else None)


def _with_outcomes(draft: Draft, run: FlowRun, start: int, end: int, at_least: int = 0) -> FlowRun:
    """Add outcome attempts inside the flow; the same outcome may be tried more than once."""
    count = max(at_least, draft.rng.choice((0, 1, 1, 2, 2, 3, 4)))
    known = draft.organisation.flow_outcome_ids
    attempts: list[OutcomeAttempt] = []
    step = (end - start) // (count + 1)
    if draft.whole_seconds:
        step -= step % SECOND
    for number in range(count if step else 0):
        repeated = attempts and draft.chance(0.35)
        outcome_id = attempts[-1].outcome_id if repeated else draft.rng.choice(known)
        begun = start + number * step
        succeeded = draft.chance(0.6)
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


# -- other media --------------------------------------------------------------------------------


def callback(draft: Draft) -> None:
    """Write a call that leaves the queue for a callback, and the callback hours later."""
    customer = draft.customer()
    channel = _call(draft, draft.contact, "Sales Callback", "Billing", "Claims")
    caller = draft.session(customer, "voice", "inbound", channel.customer_fields)
    now = _ivr(draft, channel, caller, draft.span(0.5, 1), leaves=True)
    queue, now = _queue(draft, channel, caller, now)
    queue.set(fields={**queue.session.fields, "flowOutType": "callback"})
    _hang_up(draft, caller, 0, now, "client")
    due = now + draft.span(600, 5 * 3600)
    scheduled: dict[str, object] = {
        "provider": "PureCloud Callback",
        "callbackNumbers": [f"tel:{draft.contact.address}"],
        "callbackUserName": draft.contact.name,
        "skipEnabled": True,
        "timeoutSeconds": 1800,
    }
    again = Channel("callback", channel.queue_id, scheduled, scheduled)
    waiting = draft.session(customer, "callback", "inbound", scheduled)
    callback_queue, _ = _queue(draft, again, waiting, now)
    callback_queue.segments[-1] = replace(callback_queue.segments[-1], end=due)
    agent, _ = _agent(draft, again, waiting, callback_queue, stretches=(4, 20))
    dialled = agent.end
    answered = dialled + draft.span(4, 25)
    talked = answered + draft.span(30, 600)
    agent.segments[-1] = replace(agent.segments[-1], end=talked, disconnect="peer")
    waiting.add("scheduled", now, due)
    waiting.add("interact", due, talked)
    waiting.change_last(disconnect="endpoint")
    outbound = {**channel.fields, "dnis": f"tel:{draft.contact.address}"}
    person = draft.participants[-1]
    line = draft.session(customer, "voice", "outbound", outbound)
    line.add("dialing", dialled, answered)
    line.add("interact", answered, talked)
    line.change_last(disconnect="endpoint")
    ear = draft.session(person, "voice", "outbound", outbound, peer=line)
    ear.set(outbound=True)
    ear.add("dialing", dialled, answered, channel.queue_id)
    ear.add("interact", answered, talked, channel.queue_id)
    ear.change_last(disconnect="peer")
    draft.wrap_up(agent, channel.queue_id)
    for each in (caller, line, ear):
        draft.hear(each)


def chat(draft: Draft, *, transfer: bool = False) -> None:
    """Write a web chat: held now and then, perhaps passed to another queue."""
    fields: dict[str, object] = {
        "provider": draft.rng.choice(("PureCloud Webchat v2", "Webchat Provider")),
        "requestedRoutings": ["Standard"],
    }
    queue_id = draft.queue_id("Web Chat", "Sales", "Christmas 2024")
    channel = Channel("chat", queue_id, fields, fields)
    _text(draft, channel, transfer=transfer, holds=draft.rng.randint(0, 2), stretches=(60, 700))


def _text(
    draft: Draft,
    channel: Channel,
    *,
    transfer: bool = False,
    holds: int = 0,
    stretches: tuple[float, float] = (60, 900),
    parks: tuple[int, int] | None = None,
    bot: bool | None = None,
) -> SessionDraft:
    """Write a written conversation: customer, perhaps a bot, queue, agent. Return his session."""
    customer = draft.customer()
    writer = draft.session(customer, channel.media, "inbound", channel.customer_fields)
    now = 0
    if bot is not None:
        now = _digital_bot(draft, channel, writer, hands_over=bot)
        draft.self_served = not bot
    if bot is False:
        writer.add("interact", 0, now)
        writer.change_last(disconnect="client")
        return writer
    queue, _ = _queue(draft, channel, writer, now)
    agent, end = _agent(
        draft, channel, writer, queue, holds=holds, stretches=stretches, parks=parks
    )
    if transfer:
        agent.set(transfer="blind")
        onward = replace(channel, queue_id=draft.queue_id(*SECOND_QUEUES))
        next_queue, _ = _queue(draft, onward, writer, end)
        second, end = _agent(draft, onward, writer, next_queue, stretches=stretches)
        _close_agent(draft, second, onward.queue_id, disconnect="peer")
    _close_agent(draft, agent, channel.queue_id, disconnect="transfer" if transfer else "peer")
    writer.add("interact", 0, end)
    writer.change_last(disconnect=draft.rng.choice(("client", "timeout", "peer")))
    writer.set(message_count=draft.rng.randint(2, 40))
    return writer


def _digital_bot(draft: Draft, channel: Channel, writer: SessionDraft, *, hands_over: bool) -> int:
    name = draft.rng.choice(("Web Assistant", "Parcel Bot"))
    bot = draft.participant("botflow", name=name)
    session = draft.session(bot, channel.media, "inbound", channel.fields, peer=writer)
    end = draft.span(20, 400)
    session.add("interact", 0, end)
    session.change_last(disconnect="transfer" if hands_over else "client")
    run = draft.flow(name, exitReason="TRANSFER" if hands_over else "DISCONNECT")
    session.set(
        flow=_with_outcomes(draft, run, 0, end, at_least=1), bot_turns=draft.rng.randint(3, 25)
    )
    return end


def email(draft: Draft, *, long: bool = False, reopened: bool = False) -> None:
    """Write an e-mail: parked for hours or days, or ended and then re-opened by a reply."""
    fields: dict[str, object] = {
        "provider": "PureCloud Email",
        "addressFrom": draft.contact.email,
        "addressTo": "service@sandbox.example",
        "requestedRoutings": ["Standard"],
    }
    channel = Channel(
        "email", draft.queue_id("E-Mail Back Office", "Complaints"), fields,
        {**fields, "cc": ["archive@sandbox.example"]}, "E-Mail In-Queue",
    )  # fmt: skip
    parks = (DAY // SECOND // 2, 2 * DAY // SECOND) if long else (600, 3 * HOUR // SECOND)
    writer = _text(draft, channel, holds=1 if long else draft.rng.randint(0, 1), parks=parks)
    subject = draft.rng.choice(("Re: Your invoice", "Order 4711", "Kündigung", "(no subject)"))
    writer.change_last(subject=subject)
    if reopened:
        ended = max(each.end for p in draft.participants for each in p.sessions if each.segments)
        start = ended + draft.span(3 * HOUR / SECOND, 30 * HOUR / SECOND)
        reply = draft.session(draft.participants[0], "email", "inbound", fields)
        queue, _ = _queue(draft, channel, reply, start)
        agent, end = _agent(draft, channel, reply, queue)
        _close_agent(draft, agent, channel.queue_id, disconnect="peer")
        reply.add("interact", start, end)
        reply.change_last(disconnect="peer", subject=subject)


def message(draft: Draft, *, bot: bool | None = None, long: bool = False) -> None:
    """Write a messaging conversation, with or without a bot; a long one goes quiet for days."""
    kind = draft.rng.choice(("webmessaging", "whatsapp", "sms"))
    source = {"webmessaging": "WebChat", "whatsapp": "WhatsApp", "sms": "SMS"}[kind]
    fields: dict[str, object] = {
        "provider": "PureCloud Messaging",
        "messageType": kind,
        "engagementSource": source,
        "requestedRoutings": ["Standard"],
        "remote": draft.contact.name,
    }
    channel = Channel("message", draft.queue_id("Messaging", "Deliveries"), fields, fields)
    if long:
        pauses = (2 * HOUR // SECOND, 20 * HOUR // SECOND)
        _text(draft, channel, bot=bot, holds=4, parks=pauses, stretches=(60, 2400))
    else:
        # Asynchronous messages flip between talk and hold many times: tTalk is told each time.
        _text(draft, channel, bot=bot, holds=draft.rng.randint(1, 6), stretches=(20, 300))
    draft.external_tag = "webshop" if draft.chance(0.3) else None


def forgotten(draft: Draft) -> None:
    """Write a message nobody closes for weeks."""
    fields: dict[str, object] = {"provider": "PureCloud Messaging", "messageType": "open"}
    channel = Channel("message", draft.queue_id("Messaging"), fields, fields)
    month = (20 * DAY // SECOND, 30 * DAY // SECOND)
    _text(draft, channel, holds=1, parks=month, stretches=(60, 600))


# -- calls we place -----------------------------------------------------------------------------


def outbound(draft: Draft, *, answered: bool = True, campaign: bool = False) -> None:
    """Write a call placed by an agent, alone or for a campaign."""
    draft.direction = "outbound"
    draft.initiator = "campaign" if campaign else "agent"
    fields: dict[str, object] = {
        "provider": "Edge",
        "ani": "tel:+12025559000",
        "dnis": f"tel:{draft.contact.address}",
        "sessionDnis": f"tel:{draft.contact.address}",
        "remote": draft.contact.name,
    }
    queue_id = draft.queue_id("Outbound Campaigns", "Sales")
    if campaign:
        ids = draft.organisation.queue_ids
        fields["outboundCampaignId"] = ids["Outbound Campaigns"]
        fields["outboundContactListId"] = ids["New Customers"]
        fields["outboundContactId"] = f"{draft.rng.getrandbits(128):032x}"
        fields["dispositionName"] = "Live voice" if answered else "No answer"
        fields["dispositionAnalyzer"] = "speech.analysis"
    agent = draft.agent()
    line = draft.session(agent, "voice", "outbound", fields)
    line.set(outbound=True)
    customer = draft.customer()
    other = draft.session(customer, "voice", "outbound", fields)
    line.set(peer_id=other.session_id)
    contacted = draft.span(0.4, 2)
    dialled = contacted + draft.span(4, 35)
    line.add("contacting", 0, contacted, queue_id)
    line.add("dialing", contacted, dialled, queue_id)
    other.add("dialing", contacted, dialled)
    if answered:
        end = dialled + draft.span(20, 700)
        line.add("interact", dialled, end, queue_id)
        other.add("interact", dialled, end)
        other.change_last(disconnect="endpoint")
    line.change_last(disconnect="peer" if answered else "uncallable")
    if not answered:
        other.change_last(disconnect="uncallable", sip_codes=(480,))
    draft.wrap_up(line, queue_id)
    draft.hear(line)
    draft.hear(other)


def preview_skipped(draft: Draft) -> None:
    """Write a campaign preview the agent skipped: no call, a system code."""
    draft.direction = "outbound"
    draft.initiator = "campaign"
    queue_id = draft.organisation.queue_ids["Outbound Campaigns"]
    fields: dict[str, object] = {
        "provider": "PureCloud Callback",
        "outboundCampaignId": queue_id,
        "callbackNumbers": [f"tel:{draft.contact.address}"],
        "skipEnabled": True,
    }
    agent = draft.agent()
    customer = draft.customer()
    waiting = draft.session(customer, "callback", "outbound", fields)
    session = draft.session(agent, "callback", "outbound", fields, peer=waiting)
    rung = draft.span(2, 10)
    end = rung + draft.span(5, 60)
    waiting.add("scheduled", 0, end)
    waiting.change_last(disconnect="system")
    session.add("alert", 0, rung, queue_id)
    session.add("interact", rung, end, queue_id)
    session.change_last(disconnect="client")
    draft.wrap_up(session, queue_id, PREVIEW_SKIPPED)


def internal(draft: Draft) -> None:
    """Write a call between two people of the organisation: no customer, no queue."""
    draft.direction = "outbound"
    draft.initiator = "user"
    caller = _user(draft)
    called = _user(draft)
    fields: dict[str, object] = {
        "provider": "Edge",
        "ani": "sip:caller@sandbox.example",
        "dnis": "sip:called@sandbox.example",
        "remoteNameDisplayable": called.participant.name,
    }
    mine = draft.session(caller, "voice", "outbound", fields)
    theirs = draft.session(called, "voice", "inbound", fields, peer=mine)
    mine.set(peer_id=theirs.session_id)
    answered = draft.span(2, 20)
    end = answered + draft.span(10, 900)
    mine.add("dialing", 0, answered)
    theirs.add("alert", 0, answered)
    for session in (mine, theirs):
        session.add("interact", answered, end)
        draft.hear(session)
    mine.change_last(disconnect="client")
    theirs.change_last(disconnect="peer")


def _user(draft: Draft) -> ParticipantDraft:
    person = draft.pick_agent(draft.user_ids())
    return draft.participant("user", user_id=person.user_id, name=person.name)


# -- the deck -----------------------------------------------------------------------------------

DECK: tuple[tuple[int, str, Writer], ...] = (
    (19, "call", voice),
    (9, "call held", partial(voice, holds=2)),
    (4, "call transferred blind", partial(voice, hand_on="blind")),
    (4, "call transferred after consult", partial(voice, hand_on="consult")),
    (2, "call with interpreter", partial(voice, conference="external")),
    (2, "call with two customers", partial(voice, conference="customer")),
    (4, "call abandoned in queue", partial(voice, abandon="queue")),
    (2, "call abandoned at once", partial(voice, abandon="short")),
    (4, "call abandoned in IVR", partial(voice, abandon="ivr")),
    (3, "call not answered at first", partial(voice, no_answer=True)),
    (3, "call served by bot", partial(voice, bot="serves")),
    (3, "call through bot", partial(voice, bot="hands over")),
    (2, "call to voicemail", partial(voice, voicemail=True)),
    (4, "callback", callback),
    (7, "chat", chat),
    (2, "chat transferred", partial(chat, transfer=True)),
    (6, "e-mail", email),
    (3, "e-mail over days", partial(email, long=True)),
    (3, "e-mail re-opened", partial(email, reopened=True)),
    (5, "message through bot", partial(message, bot=True)),
    (3, "message served by bot", partial(message, bot=False)),
    (3, "message", message),
    (2, "message over days", partial(message, long=True)),
    (1, "message forgotten", forgotten),
    (4, "outbound call", outbound),
    (1, "outbound call not answered", partial(outbound, answered=False)),
    (2, "campaign call", partial(outbound, campaign=True)),
    (1, "preview skipped", preview_skipped),
    (3, "internal call", internal),
)
CARDS: tuple[tuple[str, Writer], ...] = tuple(
    (kind, writer) for count, kind, writer in DECK for _ in range(count)
)

# How long after it happens an event is in the data lake, in minutes: most are there before the
# availability date promises it, some come after, a few more than a day after.
DELAYS = (
    *((1, 20),) * 84,
    *((40, 150),) * 8,
    *((3 * 60, 12 * 60),) * 5,
    *((26 * 60, 40 * 60),) * 3,
)
CORRECTIONS = (
    *(None,) * 82,
    *("wrap-up changed",) * 3,
    *("attribute gained",) * 3,
    *("attributes lost",) * 2,
    *("outcomes lost",) * 3,
)


@dataclass(frozen=True, slots=True)
class Script:
    """A written conversation, and how the data lake will treat it."""

    kind: str
    conversation: Conversation
    # Where in the hour it starts, so that it can be placed in any hour.
    offset: int
    delay: int
    correction: str | None
    duration: int
    pauses: tuple[tuple[int, int], ...]


def write_script(seed: int, number: int, organisation: Organisation) -> Script:
    """Write the script of a number; the same seed and number give the same script."""
    return _written(seed, number, organisation, None)


def write_handoff(seed: int, number: int, organisation: Organisation, person: Contact) -> Script:
    """Write the script of a number for a known contact and, where the medium has it, HANDOFF_QUEUE.

    All else that is drawn stays as it was, so a chat lasts as long as it would have.
    """
    return _written(seed, number, organisation, person)


def chat_contact(seed: int, number: int, organisation: Organisation) -> Contact:
    """Return the contact the script of a number is about."""
    return Draft(random.Random(f"script:{seed}:{number}"), organisation).contact


def _written(seed: int, number: int, organisation: Organisation, person: Contact | None) -> Script:
    rng = random.Random(f"script:{seed}:{number}")
    kind, writer = _dealt(CARDS, "cards", seed, number)
    low, high = _dealt(DELAYS, "delays", seed, number)
    draft = Draft(rng, organisation)
    if person is not None:
        draft.take(person, HANDOFF_QUEUE)
    writer(draft)
    conversation = draft.build()
    offset = rng.randrange(HOUR)
    if draft.whole_seconds:
        offset -= offset % SECOND
    return Script(
        kind=kind,
        conversation=conversation,
        offset=offset,
        delay=rng.randrange(low * MINUTE, high * MINUTE),
        correction=_dealt(CORRECTIONS, "corrections", seed, number),
        duration=conversation.end,
        pauses=conversation.pauses(),
    )


def _dealt(deck: Sequence[Card], name: str, seed: int, number: int) -> Card:
    """Return the card of a number; each round through the deck is shuffled anew."""
    round_number, place = divmod(number, len(deck))
    return deck[_order(name, seed, round_number, len(deck))[place]]


@lru_cache(maxsize=256)
def _order(name: str, seed: int, round_number: int, size: int) -> tuple[int, ...]:
    order = list(range(size))
    random.Random(f"{name}:{seed}:{round_number}").shuffle(order)
    return tuple(order)
