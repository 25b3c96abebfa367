"""Which conversations there are: the deck a world deals them from, and each as it was written.

A deck instead of dice: every kind occurs in every run of as many conversations as the deck has
cards, so a small world shows everything a big one does.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TypeVar

from tests.sandbox.callers import Caller
from tests.sandbox.calls import (
    callback,
    through_bot,
    unanswered,
    voice,
    voicemail,
)
from tests.sandbox.clock import HOUR, MINUTE, SECOND
from tests.sandbox.conversation import Conversation
from tests.sandbox.draft import Draft
from tests.sandbox.organisation import Organisation
from tests.sandbox.placed import campaign, internal, outbound, preview_skipped
from tests.sandbox.reviews import write_reviews
from tests.sandbox.staff import Staff
from tests.sandbox.written import chat, email, forgotten, message

Writer = Callable[[Draft], None]
Card = TypeVar("Card")

# Where somebody who chatted is called, or calls, right after.
HANDOFF_QUEUE = "Sales"

DECK: tuple[tuple[int, str, Writer], ...] = (
    (22, "call", voice),
    (8, "call held", partial(voice, holds=2)),
    (3, "call transferred blind", partial(voice, hand_on="blind")),
    (3, "call transferred after consult", partial(voice, hand_on="consult")),
    (1, "call abandoned after transfer", partial(voice, hand_on="abandoned")),
    (1, "call with interpreter", partial(voice, conference="external")),
    (1, "call with two customers", partial(voice, conference="customer")),
    (1, "call whose line stays open", partial(voice, conference="open line")),
    (2, "call abandoned in queue", partial(unanswered, how="queue")),
    (1, "call abandoned at once", partial(unanswered, how="short")),
    (4, "call abandoned in IVR", partial(unanswered, how="ivr")),
    (2, "call not answered at first", partial(voice, no_answer=True)),
    (4, "call served by bot", partial(through_bot, serves=True)),
    (3, "call through bot", partial(through_bot, serves=False)),
    (1, "voicemail called back", partial(voicemail, called_back=True)),
    (1, "voicemail nobody took", partial(voicemail, called_back=False)),
    (2, "call overflowed", partial(voice, overflow=True)),
    (1, "call abandoned after overflow", partial(unanswered, how="overflow")),
    (1, "call sent out of the house", partial(unanswered, how="external")),
    (1, "call ended by the queue's flow", partial(unanswered, how="closed")),
    (1, "call monitored", partial(voice, supervised="monitoring")),
    (1, "call coached", partial(voice, supervised="coaching")),
    (1, "call barged into", partial(voice, supervised="barging")),
    (1, "call with co-browse", partial(voice, co_browses=True)),
    (3, "callback", callback),
    (1, "callback at the second attempt", partial(callback, attempts=2)),
    (7, "chat", chat),
    (2, "chat transferred", partial(chat, transfer=True)),
    (1, "chat abandoned", partial(chat, abandon=True)),
    (7, "e-mail", email),
    (2, "e-mail over days", partial(email, long=True)),
    (2, "e-mail re-opened", partial(email, reopened=True)),
    (5, "message through bot", partial(message, bot=True)),
    (3, "message served by bot", partial(message, bot=False)),
    (3, "message", message),
    (2, "message over days", partial(message, long=True)),
    (1, "message forgotten", forgotten),
    (4, "outbound call", outbound),
    (1, "outbound call not answered", partial(outbound, answered=False)),
    (3, "campaign call", partial(campaign, ends="handled")),
    (1, "campaign call not answered", partial(campaign, ends="no answer")),
    (1, "campaign call abandoned", partial(campaign, ends="abandoned")),
    (1, "preview skipped", preview_skipped),
    (3, "internal call", internal),
)  # fmt: skip
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
    caller: Caller
    # Where in the hour it starts, so that it can be placed in any hour.
    offset: int
    delay: int
    correction: str | None
    duration: int
    # When there is nothing more to come but corrections: reviews come after the end.
    settled: int
    pauses: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Author:
    """Writes the scripts of a world."""

    seed: int
    organisation: Organisation
    staff: Staff

    def write(self, number: int, hour: int, caller: Caller, queue: str | None = None) -> Script:
        """Write the script of a number.

        Args:
            number: Decides what happens.
            hour: Since 1970, in which it starts for the first time; decides who is there.
            caller: Whom it is about.
            queue: Where he turns to, if the medium has that queue. What is drawn besides stays as
                it was, so a chat lasts as long as it would have.
        """
        rng = random.Random(f"script:{self.seed}:{number}")
        kind, writer = _dealt(CARDS, "cards", self.seed, number)
        low, high = _dealt(DELAYS, "delays", self.seed, number)
        draft = Draft(rng, self.organisation, self.staff, caller)
        draft.queue = queue
        offset = random.Random(f"offset:{self.seed}:{number}").randrange(HOUR)
        if draft.whole_seconds:
            offset -= offset % SECOND
        draft.start = hour * HOUR + offset
        writer(draft)
        draft.cast()
        write_reviews(draft)
        conversation = draft.build()
        return Script(
            kind=kind,
            conversation=conversation,
            caller=caller,
            offset=offset,
            delay=rng.randrange(low * MINUTE, high * MINUTE),
            correction=_dealt(CORRECTIONS, "corrections", self.seed, number),
            duration=conversation.end,
            settled=conversation.settled,
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
