"""Written conversations: chats, e-mails, messages."""

from dataclasses import replace

from tests.sandbox.clock import DAY, HOUR, SECOND
from tests.sandbox.draft import Draft, SessionDraft
from tests.sandbox.organisation import COMPANY
from tests.sandbox.queueing import (
    SECOND_QUEUES,
    Channel,
    close,
    talk,
    wait_in_queue,
    with_outcomes,
)


def chat(draft: Draft, *, transfer: bool = False, abandon: bool = False) -> None:
    """Write a web chat: held now and then, passed to another queue, or given up while waiting."""
    fields: dict[str, object] = {
        "provider": draft.rng.choice(("PureCloud Webchat v2", "Webchat Provider")),
        "requestedRoutings": ["Standard"],
    }
    old = ("Christmas 2024",) if draft.chance(0.04) and not draft.queue else ()
    queue_id = draft.queue_id(*(old or ("Web Chat", "Sales")))
    channel = Channel("chat", queue_id, fields, fields)
    if not abandon:
        _text(draft, channel, transfer=transfer, holds=draft.rng.randint(0, 2), stretches=(60, 500))
        return
    writer = draft.session(draft.customer(), "chat", "inbound", fields)
    until = draft.span(20, 240)
    queue, _ = wait_in_queue(draft, channel, writer, 0, until=until, leaves="client")
    queue.set(abandoned=True)
    writer.add("interact", 0, until)
    writer.change_last(disconnect="client")


def email(draft: Draft, *, long: bool = False, reopened: bool = False) -> None:
    """Write an e-mail: parked for hours or days, or ended and then re-opened by a reply."""
    fields: dict[str, object] = {
        "provider": "PureCloud Email",
        "addressFrom": draft.contact.email,
        "addressTo": f"service@{COMPANY}",
        "requestedRoutings": ["Standard"],
    }
    channel = Channel(
        "email", draft.queue_id("E-Mail Back Office", "Complaints"), fields,
        {**fields, "cc": [f"archive@{COMPANY}"]}, "E-Mail In-Queue",
    )  # fmt: skip
    parks = (DAY // SECOND // 2, 2 * DAY // SECOND) if long else (600, 3 * HOUR // SECOND)
    holds = 1 if long else draft.rng.randint(0, 1)
    writer = _text(draft, channel, holds=holds, parks=parks, stretches=(90, 700))
    subject = draft.rng.choice(("Re: Your invoice", "Order 4711", "Kündigung", "(no subject)"))
    writer.change_last(subject=subject)
    if reopened:
        ended = max(each.end for p in draft.participants for each in p.sessions if each.segments)
        start = ended + draft.span(3 * HOUR / SECOND, 30 * HOUR / SECOND)
        reply = draft.session(draft.participants[0], "email", "inbound", fields)
        queue, _ = wait_in_queue(draft, channel, reply, start)
        agent, end = talk(draft, channel, reply, queue, stretches=(90, 700))
        close(draft, agent, channel.queue_id, disconnect="peer")
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
        _text(draft, channel, bot=bot, holds=4, parks=pauses, stretches=(60, 900))
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


def _text(
    draft: Draft,
    channel: Channel,
    *,
    transfer: bool = False,
    holds: int = 0,
    stretches: tuple[float, float],
    parks: tuple[int, int] | None = None,
    bot: bool | None = None,
) -> SessionDraft:
    """Write a written conversation: customer, perhaps a bot, queue, agent. Return his session."""
    customer = draft.customer()
    writer = draft.session(customer, channel.media, "inbound", channel.customer_fields)
    now = 0
    if bot is not None:
        now = _bot(draft, channel, writer, hands_over=bot)
        draft.self_served = not bot
    if bot is False:
        writer.add("interact", 0, now)
        writer.change_last(disconnect="client")
        return writer
    queue, _ = wait_in_queue(draft, channel, writer, now)
    agent, end = talk(draft, channel, writer, queue, holds=holds, stretches=stretches, parks=parks)
    if transfer:
        agent.set(transfer="blind")
        onward = replace(channel, queue_id=draft.queue_id(*SECOND_QUEUES))
        next_queue, _ = wait_in_queue(draft, onward, writer, end)
        second, end = talk(draft, onward, writer, next_queue, stretches=stretches)
        close(draft, second, onward.queue_id, disconnect="peer")
    close(draft, agent, channel.queue_id, disconnect="transfer" if transfer else "peer")
    writer.add("interact", 0, end)
    writer.change_last(disconnect=draft.rng.choice(("client", "timeout", "peer")))
    writer.set(message_count=draft.rng.randint(2, 40))
    return writer


def _bot(draft: Draft, channel: Channel, writer: SessionDraft, *, hands_over: bool) -> int:
    name = draft.rng.choice(("Web Assistant", "Parcel Bot"))
    bot = draft.participant("botflow", name=name)
    session = draft.session(bot, channel.media, "inbound", channel.fields, peer=writer)
    end = draft.span(20, 400)
    session.add("interact", 0, end)
    session.change_last(disconnect="transfer" if hands_over else "client")
    run = draft.flow(name, exitReason="TRANSFER" if hands_over else "DISCONNECT")
    session.set(
        flow=with_outcomes(draft, run, 0, end, at_least=1), bot_turns=draft.rng.randint(3, 25)
    )
    return end
