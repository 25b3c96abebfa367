"""Who turns to the organisation, one conversation after the other.

Most are heard of once in a while: each known contact has its turn before anybody has a second one.
Some turn up again within days of the last time, as people do whose matter is not settled.
"""

import random
from dataclasses import dataclass

from tests.sandbox.cast import CYCLE, MERGES
from tests.sandbox.organisation import Contact, Organisation

KNOWN = 0.5
REPEATED = 0.09
# How many conversations back the last time may lie.
LONGEST_AGO = 400
# From here on, contacts that are merged into others are copies nobody has spoken to.
COPIES_FROM = 3 * CYCLE
COPIED = frozenset(source for source, *_ in MERGES)


@dataclass(frozen=True, slots=True)
class Caller:
    """A person, and whether the organisation knows which of its contacts that is."""

    contact: Contact
    is_known: bool


class Callers:
    """Deals callers to conversations, in their order."""

    def __init__(self, seed: int, organisation: Organisation) -> None:
        self._rng = random.Random(f"callers:{seed}")
        self._contacts = organisation.contacts
        # By their places; a stranger has a place among the contacts too, but nobody sees it.
        self._known: list[int] = []
        self._next = {True: 0, False: len(self._contacts) // 2}

    def next(self) -> Caller:
        """Return whoever turns to the organisation next."""
        is_known = self._rng.random() < KNOWN
        if is_known and self._known and self._rng.random() < REPEATED:
            place = self._rng.choice(self._known[-LONGEST_AGO:])
        else:
            place = self._next[is_known]
            while place >= COPIES_FROM and place % CYCLE in COPIED:
                place = (place + 1) % len(self._contacts)
            self._next[is_known] = (place + 1) % len(self._contacts)
        if is_known:
            self._known.append(place)
        return Caller(self._contacts[place], is_known)
