"""Calls that somebody of the organisation, or its dialer, places."""

from tests.sandbox.draft import Draft
from tests.sandbox.organisation import COMPANY, PREVIEW_SKIPPED
from tests.sandbox.queueing import Channel, close, talk, wait_in_queue


def outbound(draft: Draft, *, answered: bool = True) -> None:
    """Write a call an agent places on behalf of a queue."""
    draft.direction = "outbound"
    draft.initiator = "agent"
    fields = _line_fields(draft)
    queue_id = draft.queue_id("Renewals", "Sales")
    agent = draft.agent()
    line = draft.session(agent, "voice", "outbound", fields)
    line.set(outbound=True)
    other = draft.session(draft.customer(), "voice", "outbound", fields)
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


def campaign(draft: Draft, *, ends: str) -> None:
    """Write a call of the dialer.

    Args:
        draft: The conversation.
        ends: `handled`: whoever picks up is put through to an agent. `no answer`: nobody picks up.
            `abandoned`: no agent is there in time, and the called one hangs up.
    """
    draft.direction = "outbound"
    draft.initiator = "campaign"
    ids = draft.organisation.queue_ids
    disposition = {"no answer": "no_answer"}.get(ends, "person")
    fields = _line_fields(draft) | {
        "outboundCampaignId": ids["Outbound Campaigns"],
        "outboundContactListId": ids["New Customers"],
        "outboundContactId": f"{draft.rng.getrandbits(128):032x}",
    }
    about = {
        "dispositionName": f"disposition.classification.callable.{disposition}",
        "dispositionAnalyzer": "speech.analysis",
    }
    queue_id = draft.queue_id("Outbound Campaigns")
    line = draft.session(draft.customer(), "voice", "outbound", {**fields, **about})
    line.set(dialled=True)
    picked_up = draft.span(4, 35)
    line.add("dialing", 0, picked_up)
    if ends == "no answer":
        line.change_last(disconnect="uncallable", sip_codes=(480,))
        return
    channel = Channel("voice", queue_id, fields, fields, direction="outbound")
    until = picked_up + (draft.span(0.5, 3) if ends == "handled" else draft.span(4, 12))
    queue, end = wait_in_queue(
        draft, channel, line, picked_up, until=until,
        leaves="transfer" if ends == "handled" else "client",
    )  # fmt: skip
    if ends == "abandoned":
        queue.set(abandoned=True)
        line.set(abandoned=True)
    else:
        agent, end = talk(draft, channel, line, queue, stretches=(30, 500))
        agent.set(outbound=True)
        close(draft, agent, queue_id, disconnect="peer")
        draft.hear(agent)
    line.add("interact", picked_up, end)
    line.change_last(disconnect="endpoint")
    draft.hear(line)


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
    waiting = draft.session(draft.customer(), "callback", "outbound", fields)
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
    caller = draft.user(draft.staff.colleague(draft.rng, ()))
    called = draft.user(draft.staff.colleague(draft.rng, draft.user_ids()))
    fields: dict[str, object] = {
        "provider": "Edge",
        "ani": f"sip:caller@{COMPANY}",
        "dnis": f"sip:called@{COMPANY}",
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


def _line_fields(draft: Draft) -> dict[str, object]:
    return {
        "provider": "Edge",
        "ani": "tel:+12025559000",
        "dnis": f"tel:{draft.contact.address}",
        "sessionDnis": f"tel:{draft.contact.address}",
        "remote": draft.contact.name,
    }
