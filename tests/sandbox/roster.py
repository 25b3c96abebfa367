"""Who works when: shifts planned for the conversations that are expected.

Ours, as Genesys publishes no rule. For each UTC day shifts of four to eight hours are laid so that
in every hour there are as many people as its conversations keep busy, and a third more. A shift
begins with ten minutes off queue (AVAILABLE), has a BREAK, a MEAL, on some days a MEETING, if it is
long enough for them, and is otherwise on queue (ON_QUEUE). The same team shares all shifts, each of
its people having some days off; further active users are there who take no shifts.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.sandbox.clock import DAY, HOUR, MINUTE
from tests.sandbox.organisation import Organisation
from tests.sandbox.spans import Span, without

# How long a conversation keeps people busy, over all kinds; and for what part of the time on queue.
BUSY = 5.4 * MINUTE
OCCUPANCY = 0.75
SHORTEST, LONGEST = 4, 8
SHIFTS_A_WEEK = 5
SHORTEST_TASK = 5 * MINUTE
# The organisation's own presence, a kind of meeting.
OWN_PRESENCE = ("Coaching", "MEETING")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a shift with its presence, `name` as the organisation calls that."""

    start: int
    end: int
    presence: str
    name: str


class Roster:
    """The shifts of an organisation's users.

    Args:
        seed: Decides who has which shift.
        organisation: Whose active users they are.
        expected: How many conversations begin in each hour since 1970.
    """

    def __init__(self, seed: int, organisation: Organisation, expected: Mapping[int, int]) -> None:
        self.seed = seed
        starts: dict[int, list[tuple[int, int]]] = {}
        for day in sorted({hour // 24 for hour in expected}):
            needed = [_needed(expected.get(day * 24 + hour, 0)) for hour in range(24)]
            starts[day] = list(_laid(needed))
        active = [agent.user_id for agent in organisation.agents if agent.is_active]
        random.Random(f"team:{seed}").shuffle(active)
        most = max(map(len, starts.values()), default=0)
        per_day = sum(map(len, starts.values())) / max(len(starts), 1)
        size = max(most, round(per_day * 7 / SHIFTS_A_WEEK))
        self.team: Sequence[str] = tuple(active[:size])
        self._shifts: dict[str, dict[int, tuple[Piece, ...]]] = defaultdict(dict)
        self._of_hour: dict[int, list[str]] = defaultdict(list)
        turn = 0
        for day, shifts in starts.items():
            for begin, hours in shifts[: len(self.team)]:
                user_id = self.team[turn % len(self.team)]
                turn += 1
                self._shifts[user_id][day] = tuple(self._pieces(user_id, day, begin, hours))
                for hour in range(begin, begin + hours):
                    self._of_hour[day * 24 + hour].append(user_id)

    def pieces(self, user_id: str, start: int, end: int) -> Iterator[Piece]:
        """Walk through the pieces of a user's shifts in [start, end), cut there."""
        shifts = self._shifts.get(user_id, {})
        for day in range(start // DAY - 1, (end - 1) // DAY + 1):
            for piece in shifts.get(day, ()):
                low, high = max(piece.start, start), min(piece.end, end)
                if low < high:
                    yield Piece(low, high, piece.presence, piece.name)

    def on_queue(self, at: int) -> list[str]:
        """Return who is on queue at an instant."""
        return [
            user_id
            for user_id in self._of_hour.get(at // HOUR, ())
            if any(
                piece.start <= at < piece.end and piece.presence == "ON_QUEUE"
                for piece in self._shifts[user_id][at // DAY]
            )
        ]

    def send_off_queue(self, busy: Callable[[str, int, int], list[Span]]) -> None:
        """Give people other work where the queues leave them idle, as a day's steering does.

        Of each shift in which there was work, idle time is left in the measure of OCCUPANCY; what
        is more, the longest of it first, becomes BUSY.
        """
        for user_id, days in self._shifts.items():
            for day, pieces in days.items():
                taken = busy(user_id, pieces[0].start, pieces[-1].end)
                days[day] = tuple(_thinned(pieces, taken))

    def _pieces(self, user_id: str, day: int, begin: int, hours: int) -> Iterator[Piece]:
        rng = random.Random(f"shift:{self.seed}:{user_id}:{day}")
        low = day * DAY + begin * HOUR
        start, end = low, low + hours * HOUR
        pauses = [(0, 10, "AVAILABLE", "Available"), (110, 15, "BREAK", "Break")]
        if hours >= 6:
            # Not all at once, so that somebody is there.
            pauses.append((180 + 30 * rng.randrange(4), 30, "MEAL", "Meal"))
        if hours == LONGEST and rng.random() < 0.3:
            name, presence = OWN_PRESENCE if rng.random() < 0.3 else ("Meeting", "MEETING")
            pauses.append((360, 45, presence, name))
        for offset, length, presence, name in pauses:
            at = start + offset * MINUTE
            yield Piece(low, at, "ON_QUEUE", "On Queue")
            low = at + length * MINUTE
            yield Piece(at, low, presence, name)
        yield Piece(low, end, "ON_QUEUE", "On Queue")


def _needed(conversations: int) -> float:
    return conversations * BUSY / HOUR / OCCUPANCY


def _thinned(pieces: Sequence[Piece], taken: Sequence[Span]) -> list[Piece]:
    on_queue = [(one.start, one.end) for one in pieces if one.presence == "ON_QUEUE"]
    gaps = without(on_queue, taken)
    idle = sum(high - low for low, high in gaps)
    worked = sum(high - low for low, high in on_queue) - idle
    if not worked:
        return list(pieces)
    excess = idle - round(worked * (1 / OCCUPANCY - 1))
    away: list[Span] = []
    for low, high in sorted(gaps, key=lambda gap: gap[0] - gap[1]):
        length = min(high - low - MINUTE, excess)
        if length < SHORTEST_TASK:
            break
        away.append((low, low + length))
        excess -= length
    others = [one for one in pieces if one.presence != "ON_QUEUE"]
    others += [Piece(low, high, "BUSY", "Busy") for low, high in away]
    others += [Piece(low, high, "ON_QUEUE", "On Queue") for low, high in without(on_queue, away)]
    return sorted(others, key=lambda piece: piece.start)


def _laid(needed: Sequence[float]) -> Iterator[tuple[int, int]]:
    """Lay shifts over the hours of a day: each begins where somebody is lacking."""
    there = [0.0] * 24
    for hour in range(24):
        while needed[hour] - there[hour] > 0.4:
            length = SHORTEST
            while (
                length < LONGEST
                and hour + length < 24
                and needed[hour + length] - there[hour + length] > 0.4
            ):
                length += 1
            length = min(length, 24 - hour)
            yield hour, length
            for covered in range(hour, hour + length):
                there[covered] += 0.86
