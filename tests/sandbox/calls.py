"""Calls that come in, and what they lead to: callbacks, voicemail, conferences, listeners."""

from collections.abc import Mapping
from dataclasses import replace

from tests.sandbox.clock import DAY, SECOND
from tests.sandbox.draft import Draft, SessionDraft
from tests.sandbox.organisation import Contact
from tests.sandbox.queueing import (
    SECOND_QUEUES,
    Channel,
    close,
    ring,
    talk,
    wait_in_queue,
    with_outcomes,
)

CALL_QUEUES = (
    "Billing", "Billing VIP", "Claims", "Complaints", "Hardware Support", "Sales", "Renewals",
    "Payments", "General Enquiries",
)  # fmt: skip
# No longer there, but a few still dial its number.
OLD_QUEUE = "Old Switchboard"
# Which flow answers for a queue.
FLOW_OF = {
    "Claims": "Claims IVR", "Complaints": "Claims IVR", "Sales": "Sales IVR",
    "Sales Callback": "Sales IVR", "Renewals": "Sales IVR",
}  # fmt: skip
SUPERVISION = {
    "monitoring": "monitoredParticipantId", "coaching": "coachedParticipantId",
    "barging": "bargedParticipantId",
}  # fmt: skip
# A line that is left open is closed by the platform, or by nobody for as long as anyone looks.
CLOSED_AFTER = 60 * DAY
NEVER = 150 * DAY


def voice(
    draft: Draft,
    *,
    holds: int = 0,
    hand_on: str | None = None,
    conference: str | None = None,
    no_answer: bool = False,
    overflow: bool = False,
    supervised: str | None = None,
    co_browses: bool = False,
) -> None:
    """Write an inbound call that is answered: IVR, queue, agents, after-call work."""
    channel, caller, greeted, now = _arrive(draft)
    if overflow:
        channel, now = _overflow(draft, channel, caller, now)
    flow_in = "acd" if overflow else None
    queue, now = wait_in_queue(draft, channel, caller, now, flow_in=flow_in)
    if no_answer:
        ring(draft, channel, caller, queue, now, answered=False)
        queue.segments[-1] = replace(queue.segments[-1], end=now + draft.span(10, 60))
    first, last = talk(draft, channel, caller, queue, holds=holds)
    if supervised is not None:
        _supervise(draft, channel, caller, first, supervised)
    if co_browses:
        _co_browse(draft, caller, first)
    if hand_on in {"blind", "abandoned"}:
        last = _hand_on(draft, channel, caller, first, is_abandoned=hand_on == "abandoned")
    elif hand_on == "consult":
        last = _consult(draft, channel, caller, first)
    elif conference is not None:
        last = _confer(draft, channel, caller, first, conference)
    leaves = hand_on is not None
    close(draft, first, channel.queue_id, disconnect="transfer" if leaves else "peer")
    how = draft.rng.choice(("client", "endpoint", "peer"))
    _hang_up(draft, caller, greeted, last, "client" if hand_on == "abandoned" else how)
    if draft.conference_start is not None:
        caller.split(draft.conference_start, last)
    _hear_all(draft)


def unanswered(draft: Draft, *, how: str) -> None:
    """Write an inbound call that nobody takes.

    Args:
        draft: The conversation.
        how: `ivr`, `queue` or `short`: the caller hangs up there, or at once. `overflow`: in a
            second queue. `external`: the queue's flow sends the call out of the house; `closed`:
            it ends the call.
    """
    channel, caller, greeted, now = _arrive(draft, leaves=how != "ivr")
    if how == "overflow":
        channel, now = _overflow(draft, channel, caller, now)
    if how in {"external", "closed"}:
        until = now + draft.span(40, 300)
        wait_in_queue(
            draft, channel, caller, now, until=until,
            leaves="transfer" if how == "external" else "endpoint",
            flow_out="external" if how == "external" else None,
        )  # fmt: skip
        now = until + (draft.span(30, 400) if how == "external" else 0)
    elif how != "ivr":
        until = now + draft.span(*((1, 8) if how == "short" else (15, 260)))
        queue, now = wait_in_queue(
            draft, channel, caller, now, until=until, leaves="client",
            flow_in="acd" if how == "overflow" else None,
        )  # fmt: skip
        queue.set(abandoned=True)
    _hang_up(draft, caller, greeted, now, "client" if how != "closed" else "peer")


def through_bot(draft: Draft, *, serves: bool) -> None:
    """Write a call that talks to a bot, while the IVR that called the bot goes on."""
    channel, caller, greeted, begun = _start(draft)
    start = begun + draft.span(4, 20)
    end = start + draft.span(20, 200)
    now = end + draft.span(0.2, 3)
    _ivr(draft, channel, caller, begun, now, leaves=not serves)
    bot = draft.participant("botflow", name="Voice Assistant")
    session = draft.session(bot, "voice", "inbound", channel.fields, peer=caller)
    session.add("ivr", start, end)
    session.change_last(disconnect="endpoint" if serves else "transfer")
    run = draft.flow("Voice Assistant", exitReason="DISCONNECT" if serves else "TRANSFER")
    session.set(
        flow=with_outcomes(draft, run, start, end, at_least=1), bot_turns=draft.rng.randint(2, 14)
    )
    draft.self_served = serves
    if serves:
        return _hang_up(draft, caller, greeted, now, "endpoint")
    queue, _ = wait_in_queue(draft, channel, caller, now)
    agent, last = talk(draft, channel, caller, queue)
    close(draft, agent, channel.queue_id, disconnect="peer")
    _hang_up(draft, caller, greeted, last, draft.rng.choice(("client", "endpoint", "peer")))
    _hear_all(draft)
    return None


def voicemail(draft: Draft, *, called_back: bool) -> None:
    """Write a call that leaves the queue for a voicemail, which then waits in the queue itself.

    Nobody takes some of them: they are closed after a day or two, and are no abandons.
    """
    channel, caller, greeted, now = _arrive(draft, "Hardware Support", "General Enquiries")
    until = now + draft.span(20, 120)
    _, now = wait_in_queue(draft, channel, caller, now, until=until, flow_out="voicemail")
    box = draft.participant("voicemail", name="Voicemail")
    fields = {**channel.fields, "flowInType": "acd"}
    recording = draft.session(box, "voice", "inbound", fields, peer=caller)
    beep = now + draft.span(1, 3)
    recorded = beep + draft.span(5, 60)
    recording.add("system", now, beep, channel.queue_id)
    recording.add("interact", beep, recorded, channel.queue_id)
    recording.change_last(disconnect="peer")
    _hang_up(draft, caller, greeted, recorded, "endpoint")
    back, waiting = _callback_channel(draft, channel)
    uploaded = recorded + draft.span(0.5, 6)
    waiting.add("uploading", now, uploaded, channel.queue_id)
    gone = uploaded + draft.span(20 * 3600, 48 * 3600)
    queue, end = wait_in_queue(
        draft, back, waiting, uploaded, until=None if called_back else gone,
        leaves="transfer" if called_back else "peer", flow_in="voicemail",
    )  # fmt: skip
    queue.segments.insert(0, replace(waiting.segments[0]))
    if called_back:
        end = _call_back(draft, back, channel, waiting, queue)
    waiting.add("interact", uploaded, end, channel.queue_id)
    waiting.change_last(disconnect="client" if not called_back else "endpoint")


def callback(draft: Draft, *, attempts: int = 1) -> None:
    """Write a call that leaves the queue for a callback, and the callback, at the last attempt."""
    channel, caller, greeted, now = _arrive(draft, "Sales Callback", "Billing", "Claims")
    until = now + draft.span(30, 240)
    _, now = wait_in_queue(draft, channel, caller, now, until=until, flow_out="callback")
    _hang_up(draft, caller, greeted, now, "client")
    back, waiting = _callback_channel(draft, channel)
    scheduled = now + draft.span(0.3, 2)
    waiting.add("scheduled", now, scheduled)
    flow_in, end = "acd", scheduled
    for attempt in range(attempts):
        queue, _ = wait_in_queue(draft, back, waiting, end, flow_in=flow_in)
        is_last = attempt == attempts - 1
        end = _call_back(draft, back, channel, waiting, queue, is_reached=is_last)
        if not is_last:
            # Tried again an hour or more later.
            flow_in, end = "agent", end + draft.span(3600, 3 * 3600)
    waiting.add("interact", scheduled, end)
    waiting.change_last(disconnect="endpoint")


# -- the beginning ------------------------------------------------------------------------------


def _start(draft: Draft, *queues: str) -> tuple[Channel, SessionDraft, int, int]:
    customer = draft.customer()
    if not queues:
        queues = (OLD_QUEUE,) if draft.chance(0.02) and not draft.queue else CALL_QUEUES
    channel = _call(draft, draft.contact, *queues)
    caller = draft.session(customer, "voice", "inbound", channel.customer_fields)
    greeted = draft.span(0.3, 1.5)
    caller.add("system", 0, greeted)
    return channel, caller, greeted, greeted


def _arrive(
    draft: Draft, *queues: str, leaves: bool = True
) -> tuple[Channel, SessionDraft, int, int]:
    """Write a call up to the end of the IVR; return that, and since when it was connected."""
    channel, caller, greeted, now = _start(draft, *queues)
    end = now + draft.span(8, 140)
    _ivr(draft, channel, caller, now, end, leaves=leaves)
    return channel, caller, greeted, end


def _call(draft: Draft, contact: Contact, *queues: str) -> Channel:
    is_withheld = draft.chance(0.5) and not draft.is_known
    ani = "tel:anonymous" if is_withheld else f"tel:{contact.address}"
    dnis = f"tel:+1202555{draft.rng.randint(9000, 9020)}"
    shared = {
        "provider": "Edge",
        "ani": ani,
        "dnis": dnis,
        "sessionDnis": dnis,
        "edgeId": draft.organisation.queue_ids[OLD_QUEUE],
        "requestedRoutings": ["Standard"],
    }
    seen = {
        "provider": "Edge",
        "ani": ani,
        "dnis": dnis,
        "sessionDnis": dnis,
        "edgeId": draft.organisation.queue_ids[OLD_QUEUE],
        "protocolCallId": draft.new_id(),
        "recording": True,
        "remoteNameDisplayable": contact.name,
    }
    queue_id = draft.queue_id(*queues)
    flow = "Claims Wait" if draft.queue_name(queue_id) == "Claims" else "Wait Music"
    return Channel("voice", queue_id, shared, seen, flow)


def _ivr(
    draft: Draft, channel: Channel, caller: SessionDraft, start: int, end: int, *, leaves: bool
) -> None:
    queue_name = draft.queue_name(channel.queue_id)
    name = FLOW_OF.get(queue_name, "Main IVR")
    ivr = draft.participant("ivr", name=name)
    fields = {**channel.fields, "remote": draft.contact.name}
    session = draft.session(ivr, "voice", "inbound", fields, peer=caller)
    session.add("ivr", start, end)
    session.change_last(disconnect="transfer" if leaves else "peer")
    leaving: dict[str, object] = {}
    if leaves:
        leaving = {
            "exitReason": "TRANSFER",
            "transferType": "ACD",
            "transferTargetName": queue_name,
            "transferTargetAddress": channel.queue_id,
            "endingLanguage": "en-us",
        }
    run = draft.flow("Main IVR (2024)" if draft.chance(0.04) else name, **leaving)
    entry = {"entryType": "dnis", "entryReason": channel.fields["dnis"]}
    run = replace(run, entering={**run.entering, **entry})
    session.set(flow=with_outcomes(draft, run, start, end))


def _overflow(
    draft: Draft, channel: Channel, caller: SessionDraft, start: int
) -> tuple[Channel, int]:
    """Let the queue's flow send the call to another queue; return that, and when it did."""
    until = start + draft.span(45, 150)
    wait_in_queue(draft, channel, caller, start, until=until, flow_out="acd")
    return replace(channel, queue_id=draft.queue_id(*SECOND_QUEUES)), until


# -- the end ------------------------------------------------------------------------------------


def _hang_up(draft: Draft, caller: SessionDraft, start: int, end: int, how: str) -> None:
    if end <= start:
        end = start + SECOND
    caller.add("interact", start, end)
    caller.change_last(disconnect=how)
    if draft.chance(0.05):
        caller.change_last(error_code="error.ininedgecontrol.connection.busy", sip_codes=(486,))


def _hear_all(draft: Draft) -> None:
    for drafted in draft.participants:
        for each in drafted.sessions:
            if each.session.media == "voice":
                draft.hear(each)


# -- in between ---------------------------------------------------------------------------------


def _hand_on(
    draft: Draft, channel: Channel, caller: SessionDraft, first: SessionDraft, *, is_abandoned: bool
) -> int:
    """Send the caller to a second queue, where he is answered or gives up."""
    first.set(transfer="blind")
    onward = replace(channel, queue_id=draft.queue_id(*SECOND_QUEUES))
    gone = first.end + draft.span(25, 200)
    queue, last = wait_in_queue(
        draft, onward, caller, first.end, until=gone if is_abandoned else None,
        leaves="client" if is_abandoned else "transfer", flow_in="agent",
    )  # fmt: skip
    if is_abandoned:
        queue.set(abandoned=True)
        return last
    second, last = talk(draft, onward, caller, queue)
    close(draft, second, onward.queue_id, disconnect="peer")
    return last


def _consult(draft: Draft, channel: Channel, caller: SessionDraft, first: SessionDraft) -> int:
    """Hold the customer, ask a colleague, hand the customer over."""
    held_from = first.end
    session = draft.session(draft.agent(), "voice", "inbound", channel.fields, peer=caller)
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
    """Bring in a third party: somebody outside, or a second customer we know.

    An `open line` outlasts the conference: the platform closes it much later, or nobody does.
    """
    start = first.end
    asked = start + draft.span(5, 20)
    end = asked + draft.span(60, 600)
    if who == "customer":
        others = [c for c in draft.organisation.contacts if c != draft.contact]
        contact = draft.rng.choice(others)
        third = draft.customer(contact)
        draft.participants[0].set(external_contact_id=draft.contact.contact_id)
    else:
        contact = draft.contact
        third = draft.participant("external", name="Interpreter service")
    fields = {**channel.fields, "dnis": f"tel:{contact.address}", "remote": contact.name}
    session = draft.session(third, "voice", "outbound", fields, peer=caller)
    session.add("dialing", start, asked)
    open_for = 0
    if who == "open line":
        open_for = CLOSED_AFTER if draft.chance(0.7) else NEVER
    session.add("interact", asked, end + open_for)
    session.change_last(disconnect="system" if open_for else "endpoint", conference=True)
    first.add("hold", start, asked, channel.queue_id)
    first.add("interact", asked, end, channel.queue_id)
    first.change_last(conference=True)
    draft.conference_start = asked
    return end


def _supervise(
    draft: Draft, channel: Channel, caller: SessionDraft, first: SessionDraft, how: str
) -> None:
    """Let a team lead listen in, and perhaps coach the agent or barge in after that."""
    lead = draft.user(draft.staff.lead(draft.rng, draft.user_ids()))
    watched = next(p for p in draft.participants if first in p.sessions)
    fields = {"provider": "Edge", SUPERVISION[how]: watched.participant.participant_id}
    session = draft.session(lead, "voice", "outbound", fields, peer=caller)
    begun = first.segments[0].end
    length = first.end - begun
    if draft.whole_seconds:
        length -= length % (4 * SECOND)
    start = begun + length // 4
    if how != "monitoring":
        session.add("monitoring", start, begun + length // 2)
        start = begun + length // 2
    session.add(how, start, begun + length // 4 * 3)
    session.change_last(disconnect="client")


def _co_browse(draft: Draft, caller: SessionDraft, first: SessionDraft) -> None:
    """Let the agent see the caller's screen beside the call."""
    agent = next(p for p in draft.participants if first in p.sessions)
    begun = first.segments[0].end
    length = first.end - begun
    if draft.whole_seconds:
        length -= length % (4 * SECOND)
    room = {"cobrowseRoomId": draft.new_id()}
    shown = draft.session(
        draft.participants[0], "cobrowse", "inbound", {**room, "cobrowseRole": "sharer"}
    )
    seen = draft.session(
        agent, "cobrowse", "inbound", {**room, "cobrowseRole": "viewer"}, peer=shown
    )
    for session in (shown, seen):
        session.add("interact", begun + length // 4, begun + length // 4 * 3)
        session.change_last(disconnect="client")


def _callback_channel(draft: Draft, channel: Channel) -> tuple[Channel, SessionDraft]:
    fields: Mapping[str, object] = {
        "provider": "PureCloud Callback",
        "callbackNumbers": [f"tel:{draft.contact.address}"],
        "callbackUserName": draft.contact.name,
        "skipEnabled": True,
        "timeoutSeconds": 1800,
    }
    back = Channel("callback", channel.queue_id, fields, fields, direction="outbound")
    return back, draft.session(draft.participants[0], "callback", "outbound", fields)


def _call_back(
    draft: Draft,
    back: Channel,
    channel: Channel,
    waiting: SessionDraft,
    queue: SessionDraft,
    *,
    is_reached: bool = True,
) -> int:
    """Write an agent's callback and the call he makes for it; return its end."""
    agent, dialled = talk(draft, back, waiting, queue, stretches=(4, 20))
    person = draft.participants[-1]
    answered = dialled + draft.span(4, 25)
    talked = answered + draft.span(30, 600) if is_reached else answered + draft.span(1, 8)
    agent.segments[-1] = replace(
        agent.segments[-1], end=talked, disconnect="peer" if is_reached else "client"
    )
    fields = {**channel.fields, "dnis": f"tel:{draft.contact.address}"}
    line = draft.session(draft.participants[0], "voice", "outbound", fields)
    ear = draft.session(person, "voice", "outbound", fields, peer=line)
    ear.set(outbound=True)
    line.add("dialing", dialled, answered)
    ear.add("dialing", dialled, answered, channel.queue_id)
    if is_reached:
        line.add("interact", answered, talked)
        ear.add("interact", answered, talked, channel.queue_id)
        line.change_last(disconnect="endpoint")
        ear.change_last(disconnect="peer")
    else:
        line.change_last(disconnect="uncallable", sip_codes=(480,))
        ear.change_last(disconnect="uncallable")
    draft.wrap_up(agent, channel.queue_id)
    for each in (line, ear):
        draft.hear(each)
    return talked
