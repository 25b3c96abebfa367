"""The external contacts behind `externalContactId`, as they are at a moment of the clock.

Who there is: one contact for each of Organisation.contacts, all numbers counted from its place n
in that list. Its type follows from n % 50 (the table CAST in cast.py for the first 24, then
Curated, Identified and Ephemeral in turn), its division from n % 4.
* externalIds: Curated and Identified have their CRM id (the value of the attribute customerId, and
  what GUIDES G-E calls externalId); every third one also has an id of the source Webshop.
* Phone, e-mail, name are those of the conversations; customFields hold text, number, boolean, list
  and object, on some contacts none.
* An Ephemeral contact is created with its first conversation, or a day before it is merged if that
  is earlier; the others before the period.

What happens to them: all of it at shares of the world's period, or days after its end.
* Merges and one un-merge (MERGES): a pair, a chain of three, three into one, two trees joined, one
  undone, two after the period, one before it. On a merge, external ids pass to the canonical
  contact as well; the merged contact stays readable with `mergedTo`, and in the scan.
* n % 50 == 21, a canonical contact, and two in the rest (25 and 38) are deleted on request at 60 %
  of the period: their ids dangle in conversations, and 20 stays merged into somebody gone.
* n % 50 in 22, 23: the phone number is corrected at half the period; modifyDate tells.
* Identified and Ephemeral contacts vanish 60 days after the last conversation of theirs that has
  begun (after their creation if there was none), unless they are the head of a merge tree. A merge
  tree goes on naming members that are gone.
modifyDate is the last of creation, correction, and any merge or un-merge in the contact's tree.
"""

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from tests.sandbox.cast import (
    CORRECTED,
    CORRECTED_AT,
    CYCLE,
    DELETED,
    DELETED_AT,
    MERGES,
    kind_of,
)
from tests.sandbox.clock import DAY, HOUR
from tests.sandbox.organisation import Contact
from tests.sandbox.world import World

LIFETIME = 60 * DAY


@dataclass(frozen=True, slots=True)
class Merge:
    """One contact went into another at an instant, perhaps until another."""

    source: int
    target: int
    at: int
    undone_at: int | None = None

    def holds(self, now: int) -> bool:
        """Tell whether it is done, and not undone."""
        return self.at <= now and (self.undone_at is None or now < self.undone_at)

    def touched(self, now: int) -> int | None:
        """Return when it last changed anything."""
        if self.undone_at is not None and self.undone_at <= now:
            return self.undone_at
        return self.at if self.at <= now else None


@dataclass(frozen=True, slots=True)
class Person:
    """A contact as it is at a moment; `tree` are the places of its merge tree, head first."""

    place: int
    contact: Contact
    kind: str
    created_at: int
    modified_at: int
    phone: str
    external_ids: tuple[tuple[str, str], ...]
    division: int
    parent: int | None = None
    children: tuple[int, ...] = ()
    tree: tuple[int, ...] = ()


@dataclass
class People:
    """All contacts of a world."""

    world: World
    merges: tuple[Merge, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.contacts = self.world.organisation.contacts
        self.places: Mapping[str, int] = {
            contact.contact_id: place for place, contact in enumerate(self.contacts)
        }
        self.begin = self.world.first_hour * HOUR
        self.merges = tuple(self._merges())
        self._of_source: dict[int, list[Merge]] = {}
        self._of_target: dict[int, list[Merge]] = {}
        for merge in self.merges:
            self._of_source.setdefault(merge.source, []).append(merge)
            self._of_target.setdefault(merge.target, []).append(merge)

    # -- who is there -----------------------------------------------------------------------------

    def person(self, place: int, now: int) -> Person | None:
        """Return a contact as it is at a moment, None before it is there and once it is gone."""
        contact = self.contacts[place]
        kind = kind_of(place)
        created_at = self._created_at(place, kind)
        if created_at is None or created_at > now or self._is_gone(place, kind, created_at, now):
            return None
        tree = self.tree(place, now)
        corrected_at = self._instant(CORRECTED_AT)
        corrected = place % CYCLE in CORRECTED and corrected_at <= now
        changes = [
            touched
            for member in self._ever_with(place)
            for merge in self._of_source.get(member, ())
            if (touched := merge.touched(now)) is not None
        ]
        head = bool(tree) and tree[0] == place
        return Person(
            place=place,
            contact=contact,
            kind=kind,
            created_at=created_at,
            modified_at=max([created_at, *changes, *([corrected_at] if corrected else [])]),
            phone=f"+1202555{(place + 5_000) % 10_000:04d}" if corrected else contact.address,
            external_ids=tuple(
                known for member in (tree if head else (place,)) for known in self._known(member)
            )[:10],
            division=place % 4,
            parent=self._parent(place, now),
            children=self._children(place, now),
            tree=tree,
        )

    def everybody(self, now: int) -> Iterator[Person]:
        """Walk through all contacts there are at a moment, merged ones too, by place."""
        for place in range(len(self.contacts)):
            person = self.person(place, now)
            if person is not None:
                yield person

    def head(self, place: int, now: int) -> int:
        """Return the canonical contact of a contact, which may be itself."""
        parent = self._parent(place, now)
        return place if parent is None else self.head(parent, now)

    def tree(self, place: int, now: int) -> tuple[int, ...]:
        """Return the merge tree a contact belongs to, head first; empty outside of any."""
        found = list(self._below(self.head(place, now), now))
        return tuple(found) if len(found) > 1 else ()

    def with_external_id(self, value: str, now: int, source: str | None = None) -> Person | None:
        """Return the canonical contact of whoever has an external id."""
        for place in range(len(self.contacts)):
            known = self._known(place)
            if any(value == own and source in {None, name} for name, own in known):
                if self.person(place, now) is None:
                    return None
                return self.person(self.head(place, now), now)
        return None

    # -- their conversations ----------------------------------------------------------------------

    def conversations(self, places: Iterable[int], now: int) -> list[int]:
        """Return the numbers of conversations of any of these contacts that began by now."""
        ids = {self.contacts[place].contact_id for place in places}
        found: set[int] = set()
        for contact_id in ids:
            for index in self._scripts.get(contact_id, ()):
                for number in range(index, self.world.conversations, self.world.pool_size):
                    if self.world.placed(number).start > now:
                        break
                    found.add(number)
        found.update(self.world.extras_of(ids, now))
        return sorted(found)

    @cached_property
    def _scripts(self) -> Mapping[str, list[int]]:
        """The scripts each contact plays in, by its id."""
        found: dict[str, list[int]] = {}
        for index, script in enumerate(self.world.scripts):
            for participant in script.conversation.participants:
                contact_id = participant.external_contact_id
                if contact_id is not None:
                    found.setdefault(contact_id, []).append(index)
        return found

    def _scripts_of(self, place: int) -> list[int]:
        return self._scripts.get(self.contacts[place].contact_id, [])

    def _last_contact_at(self, place: int, now: int) -> int | None:
        latest: int | None = None
        for index in self._scripts_of(place):
            # Later rounds through the pool lie later; look for the last one that has begun.
            low, high = 0, (self.world.conversations - 1 - index) // self.world.pool_size
            while low <= high:
                middle = (low + high) // 2
                placed = self.world.placed(index + middle * self.world.pool_size)
                if placed.start <= now:
                    low = middle + 1
                    latest = max(latest or 0, min(placed.end, now))
                else:
                    high = middle - 1
        return latest

    # -- inside -----------------------------------------------------------------------------------

    def _created_at(self, place: int, kind: str) -> int | None:
        if kind == "Ephemeral":
            known = [self.world.placed(n).start for n in self._scripts_of(place)]
            known += [merge.at - DAY for merge in self._of_source.get(place, ())]
            return min(known, default=None)
        rng = random.Random(f"created:{self.world.seed}:{place}")
        days = rng.randrange(40, 900) if kind == "Curated" else rng.randrange(1, 30)
        return self.begin - days * DAY - rng.randrange(DAY // 1000) * 1000

    def _is_gone(self, place: int, kind: str, created_at: int, now: int) -> bool:
        if place % CYCLE in DELETED and self._instant(DELETED_AT) <= now:
            return True
        if kind == "Curated" or (self._children(place, now) and self._parent(place, now) is None):
            return False
        last = self._last_contact_at(place, now)
        return now >= max(last or created_at, created_at) + LIFETIME

    def _known(self, place: int) -> Iterator[tuple[str, str]]:
        if kind_of(place) != "Ephemeral":
            yield "CRM", self.contacts[place].crm_id
            if place % 3 == 0:
                yield "Webshop", f"SHOP-{place:06d}"

    def _parent(self, place: int, now: int) -> int | None:
        held = (merge for merge in self._of_source.get(place, ()) if merge.holds(now))
        return next((merge.target for merge in held), None)

    def _children(self, place: int, now: int) -> tuple[int, ...]:
        return tuple(m.source for m in self._of_target.get(place, ()) if m.holds(now))

    def _below(self, place: int, now: int) -> Iterator[int]:
        yield place
        for child in self._children(place, now):
            yield from self._below(child, now)

    def _ever_with(self, place: int) -> set[int]:
        """Return all contacts this one was ever, or will ever be, in a tree with."""
        found, ahead = {place}, [place]
        while ahead:
            member = ahead.pop()
            nearby = {m.target for m in self._of_source.get(member, ())}
            nearby |= {m.source for m in self._of_target.get(member, ())}
            ahead.extend(nearby - found)
            found |= nearby
        return found

    def _instant(self, share: float) -> int:
        length = self.world.end - self.begin
        if 0 <= share <= 1:
            return self.begin + round(share * length)
        return (self.begin if share < 0 else self.world.end) + round(share * DAY)

    def _merges(self) -> Iterator[Merge]:
        for first in range(0, len(self.contacts) - CYCLE + 1, CYCLE):
            for source, target, at, undone_at in MERGES:
                yield Merge(
                    source=first + source,
                    target=first + target,
                    at=self._instant(at),
                    undone_at=None if undone_at is None else self._instant(undone_at),
                )
