"""All conversations of the organisation: where they lie in time, and what of them can be seen when.

A world is a pool of scripts dealt over the hours of a period. Conversation number n is script
n % pool, in the hour its number falls into, under ids of its own: nothing is stored for a single
conversation, so a million of them cost what their pool costs.
"""

import heapq
import random
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import lru_cache

import msgspec

from tests.sandbox.callers import Caller, Callers
from tests.sandbox.cast import is_lasting
from tests.sandbox.clock import HOUR, SECOND, to_millis, to_text
from tests.sandbox.conversation import Conversation
from tests.sandbox.corrections import correct, corrected_at
from tests.sandbox.draft import ID_MARK
from tests.sandbox.organisation import CONTACT_COUNT, Contact, Organisation, build_organisation
from tests.sandbox.roster import Roster
from tests.sandbox.scripts import HANDOFF_QUEUE, Author, Script
from tests.sandbox.shaping import shape
from tests.sandbox.staff import Staff
from tests.sandbox.templates import Template, marked_stamp

# How busy each hour of the day is, UTC, with a dip at lunch; and each day of the week from Monday.
BUSY_HOURS = (2, 1, 1, 1, 2, 4, 9, 18, 32, 40, 41, 36, 22, 27, 38, 38, 32, 25, 17, 11, 7, 5, 4, 3)
BUSY_DAYS = (12, 11, 10, 10, 10, 5, 3)
MOST_SCRIPTS = 4_000
# Odd, so that multiplying by it is a bijection of 32 bits: prefixes never repeat.
_SPREAD = 2_654_435_761
_UNSPREAD = pow(_SPREAD, -1, 2**32)


@dataclass(frozen=True, slots=True)
class Version:
    """From `visible_at` on, the data lake shows the conversation in this form."""

    kind: str
    visible_at: int


@dataclass(frozen=True, slots=True)
class Extra:
    """A conversation brought in from outside, served as it was given."""

    conversation_id: str
    start: int
    end: int | None
    record: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Placed:
    """A conversation of the world: its number, id, start, and the script it plays."""

    number: int
    conversation_id: str
    start: int
    script: Script

    @property
    def end(self) -> int:
        """When it will have ended for good."""
        return self.start + self.script.duration

    def own_id(self, marked: str) -> str:
        """Return an id found in the script as it is in this conversation."""
        return marked.replace(ID_MARK, self.conversation_id[:8])


@dataclass
class World:
    """A deterministic world.

    Attributes:
        seed: Decides everything; two worlds of a seed are equal byte for byte.
        conversations: How many conversations start in the period.
        end: Where the period ends (exclusive), rounded up to the hour.
        days: How long the period is.
        extras: AnalyticsConversation objects to serve beside the generated ones.
        pool: How many different scripts are written at most.
    """

    seed: int
    conversations: int
    end: int
    days: int = 7
    extras: Sequence[Mapping[str, object]] = ()
    pool: int = MOST_SCRIPTS
    organisation: Organisation = field(init=False)

    def __post_init__(self) -> None:
        if self.conversations < 0 or self.days < 1 or self.pool < 1:
            raise ValueError("a world needs conversations >= 0, days >= 1 and pool >= 1")
        size = min(self.conversations, self.pool)
        # So many for the conversations, or most would turn up again and again.
        contact_count = max(CONTACT_COUNT, size * 5 // 8)
        self.organisation = build_organisation(self.seed, contact_count)
        self.first_hour = -(-self.end // HOUR) - self.days * 24
        self.end = (self.first_hour + self.days * 24) * HOUR
        self._first_of_hour = self._deal()
        self.roster = Roster(self.seed, self.organisation, self._expected())
        staff = Staff(self.organisation, self.roster)
        author = Author(self.seed, self.organisation, staff)
        callers = Callers(self.seed, self.organisation)
        self.scripts = [author.write(n, self._hour_of(n), callers.next()) for n in range(size)]
        self._plant_handoffs(author)
        self.roster.send_off_queue(staff.busy)
        self._size = max(size, 1)
        self._offsets = [script.offset for script in self.scripts]
        self._reaches = [script.offset + script.duration for script in self.scripts]
        self._delays = [script.delay for script in self.scripts]
        self._longest_delay = max(self._delays, default=0)
        self._id_shift = random.Random(f"ids:{self.seed}").getrandbits(32)
        self._extras = sorted(
            (_extra(record) for record in self.extras),
            key=lambda extra: (extra.start, extra.conversation_id),
        )
        self._final: dict[tuple[int, bool, bool], Template] = {}
        self._members = lru_cache(maxsize=None)(self._members_of)
        self._lasting = lru_cache(maxsize=None)(self._lasting_of)

    # -- who there is ---------------------------------------------------------------------------

    def __len__(self) -> int:
        """Count the conversations, extras included."""
        return self.conversations + len(self._extras)

    @property
    def pool_size(self) -> int:
        """How many different scripts there are; number n plays script n % pool_size."""
        return self._size

    def placed(self, number: int) -> Placed:
        """Return a generated conversation by number; extras have no script."""
        script = self.scripts[number % self._size]
        return Placed(number, self._id_of(number), self._start_of(number), script)

    def __iter__(self) -> Iterator[Placed]:
        """Walk through all generated conversations, hour by hour."""
        return (self.placed(number) for number in range(self.conversations))

    def number_of(self, conversation_id: str) -> int | None:
        """Find a conversation's number by its id."""
        for position, extra in enumerate(self._extras):
            if extra.conversation_id == conversation_id:
                return self.conversations + position
        try:
            prefix = int(conversation_id[:8], 16)
        except ValueError:
            return None
        number = (prefix - self._id_shift) * _UNSPREAD % 2**32
        known = number < self.conversations and self._id_of(number) == conversation_id
        return number if known else None

    def conversation(self, number: int, now: int) -> Conversation:
        """Return what happened in a generated conversation, corrected where it is by now.

        Its ids are those of the script; Placed.own_id makes them the conversation's.
        """
        return self._told(number % self._size, self._is_corrected(number, now))

    # -- what of it can be seen -----------------------------------------------------------------

    def active_between(
        self,
        start: int,
        end: int,
        now: int,
        *,
        started_since: int | None = None,
        latest: int | None = None,
    ) -> "array[int]":
        """Return the numbers of what the data lake knows to have been alive in [start, end).

        Args:
            start: Inclusive instant.
            end: Exclusive instant.
            now: The moment of asking; decides what has arrived.
            started_since: Leaves out what started before this instant.
            latest: No event takes longer than this to be seen; None leaves the data lake's delays.

        Returns:
            Numbers by start, then by number.
        """
        found = array("L")
        last = min((end - 1) // HOUR, self.first_hour + len(self._first_of_hour) - 2)
        floor = start if started_since is None else min(start, started_since)
        for hour in range(self.first_hour, last + 1):
            base = hour * HOUR
            whole = base >= floor and base + HOUR <= end
            if whole and base + HOUR + self._longest_delay <= now and started_since is None:
                found.extend(self._members(hour))
                continue
            # Nearly all are over within two hours; only the lasting ones matter to later windows.
            numbers = self._members(hour) if base + 2 * HOUR >= floor else self._lasting(hour)
            found.extend(
                number
                for number in numbers
                if self._alive(number, base, start, end, now, latest)
                and (started_since is None or self._start_of(number, base) >= started_since)
            )
        return self._with_extras(
            found, lambda extra: _extra_alive(extra, start, end, now, started_since)
        )

    def started_between(self, start: int, end: int, now: int) -> "array[int]":
        """Return the numbers of what started in [start, end) and is known live at `now`."""
        found = array("L")
        last = min((end - 1) // HOUR, self.first_hour + len(self._first_of_hour) - 2)
        for hour in range(max(self.first_hour, start // HOUR), last + 1):
            found.extend(
                number
                for number in self._members(hour)
                if start <= self._start_of(number, hour * HOUR) < end
                and self._start_of(number, hour * HOUR) <= now
            )
        return self._with_extras(found, lambda extra: start <= extra.start < end)

    def record(
        self, number: int, now: int, *, live: bool = False, latest: int | None = None
    ) -> bytes:
        """Return a conversation's JSON as a details job (or, live, a details query) shows it.

        A job lags behind by what the conversation takes to reach the data lake and shows the
        attributes; a query sees what happened until now, without attributes. `latest` bounds how
        long an event takes to be seen, for those who look at neither.
        """
        if number >= self.conversations:
            extra = self._extras[number - self.conversations]
            return msgspec.json.encode(_without_attributes(extra) if live else extra.record)
        index = number % self._size
        script = self.scripts[index]
        hour = self._hour_of(number)
        horizon = now - hour * HOUR - script.offset
        horizon -= 0 if live else _bounded(script.delay, latest)
        if horizon < 0:
            raise ValueError(f"conversation {number} has not arrived at {to_text(now)}")
        prefix = self._prefix_of(number)
        corrected = self._is_corrected(number, now)
        if horizon >= script.settled:
            return self._template(index, corrected, not live).at(prefix, hour)
        stamp = marked_stamp(script.offset)
        told = shape(self._told(index, corrected), stamp, horizon, attributes=not live)
        return Template(told).at(prefix, hour)

    def has_arrived(self, number: int, now: int, *, latest: int | None = None) -> bool:
        """Tell whether anything of a conversation can be seen, so that there is a record of it."""
        if number >= self.conversations:
            return self._start_of(number) <= now
        delay = _bounded(self._delays[number % self._size], latest)
        return self._start_of(number) + delay <= now

    def versions(self, number: int) -> tuple[Version, ...]:
        """Return when the data lake shows which form of a conversation."""
        if number >= self.conversations:
            return (Version("as given", self._extras[number - self.conversations].start),)
        placed = self.placed(number)
        arrives = placed.start + placed.script.delay
        versions = [Version("open", arrives)]
        for ended, reopened in placed.script.pauses:
            versions.append(Version("ended", arrives + ended))
            versions.append(Version("re-opened", arrives + reopened))
        versions.append(Version("final", arrives + placed.script.duration))
        for review in placed.script.conversation.reviews:
            versions.append(Version("reviewed", arrives + review.at))
        if placed.script.correction is not None:
            versions.append(Version(placed.script.correction, corrected_at(placed.end)))
        return tuple(sorted(versions, key=lambda version: version.visible_at))

    def truth(self, number: int) -> dict[str, object]:
        """Return what a harness wants to know of a conversation."""
        if number >= self.conversations:
            extra = self._extras[number - self.conversations]
            known: dict[str, object] = {
                "conversationId": extra.conversation_id,
                "kind": "extra",
                "start": to_text(extra.start),
            }
            if extra.end is not None:
                known["end"] = to_text(extra.end)
        else:
            placed = self.placed(number)
            known = {
                "conversationId": placed.conversation_id,
                "kind": placed.script.kind,
                "start": to_text(placed.start),
                "end": to_text(placed.end),
            }
        known["versions"] = [
            {"kind": version.kind, "visibleAt": to_text(version.visible_at)}
            for version in self.versions(number)
        ]
        return known

    def extras_of(self, contact_ids: Set[str], now: int) -> list[int]:
        """Return the numbers of extras that began by now and name any of these contacts."""
        return [
            self.conversations + position
            for position, extra in enumerate(self._extras)
            if extra.start <= now and not contact_ids.isdisjoint(_contact_ids(extra))
        ]

    # -- inside ---------------------------------------------------------------------------------

    def _deal(self) -> list[int]:
        """Deal the conversations over the hours: the number each hour starts with, and the end."""
        weights = [
            BUSY_HOURS[hour % 24] * BUSY_DAYS[(hour // 24 + 3) % 7]
            for hour in range(self.first_hour, self.first_hour + self.days * 24)
        ]
        whole = sum(weights)
        firsts, sofar = [0], 0
        for weight in weights:
            sofar += weight
            firsts.append(self.conversations * sofar // whole)
        return firsts

    def _expected(self) -> dict[int, int]:
        """Count the conversations that begin in each hour."""
        firsts = self._first_of_hour
        return {
            self.first_hour + place: firsts[place + 1] - firsts[place]
            for place in range(len(firsts) - 1)
        }

    def _plant_handoffs(self, author: Author) -> None:
        """Let two people call after their chats: 45 seconds after its end, and 61."""
        gaps = [45 * SECOND, 61 * SECOND]
        taken: set[int] = set()
        for index, chat in enumerate(self.scripts):
            called_at = self._hour_of(index) * HOUR + chat.offset + chat.duration
            if not gaps or chat.kind != "chat":
                continue
            person = Caller(self._lasting_contact(chat.caller.contact), is_known=True)
            hour, offset = divmod(called_at + gaps[0], HOUR)
            position = hour - self.first_hour
            if position >= self.days * 24:
                continue
            dealt = range(self._first_of_hour[position], self._first_of_hour[position + 1])
            calls = (n for n in dealt if n < len(self.scripts) and self.scripts[n].kind == "call")
            call = next((number for number in calls if number not in taken), None)
            if call is None:
                continue
            taken.add(call)
            chat_hour = self._hour_of(index)
            self.scripts[index] = author.write(index, chat_hour, person, HANDOFF_QUEUE)
            again = author.write(call, hour, person, HANDOFF_QUEUE)
            if self.scripts[index].duration == chat.duration:
                self.scripts[call] = replace(again, offset=offset)
                del gaps[0]

    def _lasting_contact(self, contact: Contact) -> Contact:
        """Return the contact, or the next one that has a CRM id and stays."""
        contacts = self.organisation.contacts
        place = contacts.index(contact)
        while not is_lasting(place):
            place = (place + 1) % len(contacts)
        return contacts[place]

    def _members_of(self, hour: int) -> "array[int]":
        position = hour - self.first_hour
        numbers = range(self._first_of_hour[position], self._first_of_hour[position + 1])
        by_start = sorted(numbers, key=lambda number: self._offsets[number % self._size])
        return array("L", by_start)

    def _lasting_of(self, hour: int) -> "array[int]":
        size, reaches = self._size, self._reaches
        return array("L", (n for n in self._members(hour) if reaches[n % size] >= 2 * HOUR))

    def _alive(
        self, number: int, base: int, start: int, end: int, now: int, latest: int | None = None
    ) -> bool:
        index = number % self._size
        began = base + self._offsets[index]
        arrived_until = now - _bounded(self._delays[index], latest)
        if began >= end or began > arrived_until:
            return False
        over = base + self._reaches[index]
        if over <= arrived_until:
            return over >= start
        for ended, reopened in self.scripts[index].pauses:
            if began + ended <= arrived_until < began + reopened:
                return began + ended >= start
        return arrived_until >= start

    def _hour_of(self, number: int) -> int:
        return self.first_hour + bisect_right(self._first_of_hour, number) - 1

    def _start_of(self, number: int, base: int | None = None) -> int:
        if number >= self.conversations:
            return self._extras[number - self.conversations].start
        base = self._hour_of(number) * HOUR if base is None else base
        return base + self._offsets[number % self._size]

    def _prefix_of(self, number: int) -> bytes:
        return b"%08x" % ((number * _SPREAD + self._id_shift) % 2**32)

    def _id_of(self, number: int) -> str:
        marked = self.scripts[number % self._size].conversation.conversation_id
        return self._prefix_of(number).decode() + marked[1:]

    def _is_corrected(self, number: int, now: int) -> bool:
        script = self.scripts[number % self._size]
        if script.correction is None:
            return False
        return corrected_at(self._start_of(number) + script.duration) <= now

    def _told(self, index: int, corrected: bool) -> Conversation:
        script = self.scripts[index]
        if not corrected or script.correction is None:
            return script.conversation
        codes = self.organisation.wrap_up_code_ids
        return correct(script.conversation, script.correction, codes)

    def _template(self, index: int, corrected: bool, attributes: bool) -> Template:
        key = (index, corrected, attributes)
        template = self._final.get(key)
        if template is None:
            stamp = marked_stamp(self.scripts[index].offset)
            told = self._told(index, corrected)
            template = self._final[key] = Template(shape(told, stamp, attributes=attributes))
        return template

    def _with_extras(self, found: "array[int]", wanted: Callable[[Extra], bool]) -> "array[int]":
        extras = [
            self.conversations + position
            for position, extra in enumerate(self._extras)
            if wanted(extra)
        ]
        if not extras:
            return found
        return array("L", heapq.merge(found, extras, key=self._start_of))


def _bounded(delay: int, latest: int | None) -> int:
    return delay if latest is None else min(delay, latest)


def _extra(record: Mapping[str, object]) -> Extra:
    conversation_id, start = record.get("conversationId"), record.get("conversationStart")
    if not isinstance(conversation_id, str) or not isinstance(start, str):
        raise ValueError("an extra conversation needs conversationId and conversationStart")
    end = record.get("conversationEnd")
    ended = to_millis(end) if isinstance(end, str) else None
    return Extra(conversation_id, to_millis(start), ended, record)


def _extra_alive(extra: Extra, start: int, end: int, now: int, started_since: int | None) -> bool:
    if extra.start >= end or extra.start > now:
        return False
    if started_since is not None and extra.start < started_since:
        return False
    return extra.end is None or extra.end >= start


def _contact_ids(extra: Extra) -> list[object]:
    participants = extra.record.get("participants")
    told = participants if isinstance(participants, list) else []
    return [participant.get("externalContactId") for participant in told]


def _without_attributes(extra: Extra) -> dict[str, object]:
    participants = extra.record.get("participants")
    bare = [
        {key: value for key, value in participant.items() if key != "attributes"}
        for participant in (participants if isinstance(participants, list) else [])
    ]
    return {**extra.record, "participants": bare}
