"""Who takes which conversation: somebody who is on queue then, and free for it.

A call needs all of somebody; of written conversations one person has up to four at once. Where
nobody is free, one of those who are nearest to their shift helps out. Every so often it was
somebody who has left the organisation since.
"""

import random
from collections import defaultdict
from collections.abc import Collection, Sequence

from tests.sandbox.clock import DAY, HOUR, MINUTE
from tests.sandbox.organisation import Agent, Organisation
from tests.sandbox.roster import Roster
from tests.sandbox.spans import Span

WRITTEN = frozenset({"chat", "message", "email"})
MOST_AT_ONCE = 4
# Who has time for something written has at least so long; looked for at every step.
SHORT, STEP = 6 * MINUTE, 10 * MINUTE
FORMER = 0.03


class Staff:
    """Casts people into conversations, and remembers when each is busy."""

    def __init__(self, organisation: Organisation, roster: Roster) -> None:
        self.roster = roster
        self._agents = {agent.user_id: agent for agent in organisation.agents}
        self._active = [agent for agent in organisation.agents if agent.is_active]
        self._former = [agent for agent in organisation.agents if not agent.is_active]
        self._leads = [agent for agent in self._active if agent.is_lead]
        # By user and hour: when, and whether with something written.
        self._busy: defaultdict[tuple[str, int], list[tuple[int, int, bool]]] = defaultdict(list)

    def cast(
        self, rng: random.Random, spans: Sequence[Span], media: str, but_not: Collection[str]
    ) -> Agent:
        """Choose who handles something at these times, which lie in order."""
        if rng.random() < FORMER:
            return rng.choice([one for one in self._former if one.user_id not in but_not])
        written, start = media in WRITTEN, spans[0][0]
        there = [one for one in self.roster.on_queue(start) if one not in but_not]
        free = [one for one in there if self._is_free(one, spans, written)]
        if not free and not written:
            # A call interrupts what somebody writes.
            free = [one for one in there if self._is_free(one, spans, written, calls_alone=True)]
        if written and free:
            # Whoever writes already goes on writing, and the others stay free for calls.
            most = max(self._load(one, start) for one in free)
            free = [one for one in free if self._load(one, start) == most]
        if not free:
            free = self._helpers(spans, written, but_not)
        chosen = self._agents[rng.choice(free)]
        for low, high in spans:
            for hour in _hours(low, high):
                self._busy[chosen.user_id, hour].append((low, high, written))
        return chosen

    def next_free(self, at: int) -> int:
        """Return the first moment from `at` on at which somebody could turn to something written.

        It is `at` itself where nobody is for a week.
        """
        later = at
        while later < at + 7 * DAY:
            spans = [(later, later + SHORT)]
            if any(self._is_free(one, spans, written=True) for one in self.roster.on_queue(later)):
                return later
            later += STEP
        return at

    def busy(self, user_id: str, start: int, end: int) -> list[Span]:
        """Return when somebody is busy with what starts in [start, end)'s hours."""
        return sorted(
            {
                (low, high)
                for hour in _hours(start, end)
                for low, high, _ in self._busy.get((user_id, hour), ())
            }
        )

    def lead(self, rng: random.Random, but_not: Collection[str]) -> Agent:
        """Choose a team lead."""
        return rng.choice([one for one in self._leads if one.user_id not in but_not])

    def colleague(self, rng: random.Random, but_not: Collection[str]) -> Agent:
        """Choose anybody of the organisation."""
        return rng.choice([one for one in self._active if one.user_id not in but_not])

    def _helpers(self, spans: Sequence[Span], written: bool, but_not: Collection[str]) -> list[str]:
        start = spans[0][0]
        for reach in (2 * HOUR, 4 * HOUR, 12 * HOUR):
            near = {
                one
                for at in range(start - reach, start + reach + 1, HOUR)
                for one in self.roster.on_queue(at)
            }
            free = [one for one in sorted(near - set(but_not))
                    if self._is_free(one, spans, written)]  # fmt: skip
            if free:
                return free
        return [agent.user_id for agent in self._active if agent.user_id not in but_not]

    def _is_free(
        self, user_id: str, spans: Sequence[Span], written: bool, *, calls_alone: bool = False
    ) -> bool:
        for low, high in spans:
            at_once = 0
            for hour in _hours(low, high):
                for start, end, other_written in self._busy.get((user_id, hour), ()):
                    if start < high and end > low and not (calls_alone and other_written):
                        at_once += 1
                        if not (written and other_written) or at_once >= MOST_AT_ONCE:
                            return False
        return True

    def _load(self, user_id: str, at: int) -> int:
        busy = self._busy.get((user_id, at // HOUR), ())
        return sum(start <= at < end for start, end, _ in busy)


def _hours(start: int, end: int) -> range:
    return range(start // HOUR, (end - 1) // HOUR + 1)
