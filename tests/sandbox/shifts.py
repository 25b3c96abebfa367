"""What agents do all day: their shifts, and what of it was spent with customers.

On top of a shift (roster.py) lies the work of conversations, in the shift or not:

* INTERACTING: talk, hold, after-call work and dialing of sessions that have a queue,
* COMMUNICATING: the same of sessions without one (calls among colleagues, consultations),
* NOT_RESPONDING: after an alert nobody answered, three minutes at most,
* IDLE: the rest of the time on queue; OFF_QUEUE: all other time.

An earlier line beats a later one, and work that overlaps counts once. So an active user's statuses
fill each bucket exactly, as far as the clock has come; whoever is not active (left, deleted,
unknown) has INTERACTING, COMMUNICATING and NOT_RESPONDING alone. Presence follows: ON_QUEUE while
interacting, idle or not responding; while communicating or off queue what the shift says, OFFLINE
outside of it. Parked e-mails are nobody's time, and who listens in is not interacting. What lasts
still, lasts until now.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tests.sandbox.clock import MINUTE
from tests.sandbox.facts import Contribution, Work
from tests.sandbox.organisation import Organisation
from tests.sandbox.roster import OWN_PRESENCE, Roster
from tests.sandbox.spans import Span, union, without

LONGEST_NOT_RESPONDING = 3 * MINUTE
SYSTEM_PRESENCES = {
    "AVAILABLE": "Available", "AWAY": "Away", "BREAK": "Break", "BUSY": "Busy", "IDLE": "Idle",
    "MEAL": "Meal", "MEETING": "Meeting", "OFFLINE": "Offline", "ON_QUEUE": "On Queue",
    "TRAINING": "Training",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stint:
    """A stretch of a user's time with what he was doing and shown as."""

    start: int
    end: int
    routing: str
    presence: str
    # The name of the presence as the organisation defines it.
    presence_name: str


class Shifts:
    """The shifts of an organisation's users."""

    def __init__(self, seed: int, organisation: Organisation, roster: Roster) -> None:
        self.seed = seed
        self.roster = roster
        self.active = tuple(
            str(user["id"]) for user in organisation.users if user["state"] == "active"
        )

    def presence_definitions(self) -> list[dict[str, object]]:
        """Return the OrganisationPresenceDefinitions, the organisation's own one among them."""
        told = []
        for name, system in [*((n, s) for s, n in SYSTEM_PRESENCES.items()), OWN_PRESENCE]:
            presence_id = self.presence_id(name)
            own = name == OWN_PRESENCE[0]
            told.append(
                {
                    "id": presence_id,
                    "languageLabels": {"en_US": name},
                    "type": "User" if own else "System",
                    "systemPresence": SYSTEM_PRESENCES[system].replace(" Queue", "Queue"),
                    "divisionId": "*",
                    "deactivated": False,
                    "selfUri": f"/api/v2/presence/definitions/{presence_id}",
                }
            )
        return told

    def presence_id(self, name: str) -> str:
        """Return the id of a presence by its name."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"presence:{self.seed}:{name}"))

    def mappings(self) -> dict[str, list[str]]:
        """Return the organisation presences of each system presence."""
        told = {system: [self.presence_id(name)] for system, name in SYSTEM_PRESENCES.items()}
        told[OWN_PRESENCE[1]].append(self.presence_id(OWN_PRESENCE[0]))
        return told

    def stints(
        self, start: int, end: int, now: int, contributions: Iterable[Contribution]
    ) -> Iterator[tuple[str, list[Stint]]]:
        """Walk through users with anything to tell in [start, end); stints are in no order."""
        end = min(end, now)
        if start >= end:
            return
        work: defaultdict[str, list[Work]] = defaultdict(list)
        for contribution in contributions:
            for each in contribution.work:
                work[each.user_id].append(each)
        for user_id in dict.fromkeys((*self.active, *sorted(work))):
            stints = list(self._stints(user_id, start, end, now, work.get(user_id, [])))
            if stints:
                yield user_id, stints

    def _stints(
        self, user_id: str, start: int, end: int, now: int, work: list[Work]
    ) -> Iterator[Stint]:
        spans = _by_routing(work, now)
        working = user_id in self.active
        plan = [
            (piece.start, piece.end, piece.presence, piece.name)
            for piece in self.roster.pieces(user_id, start, end)
        ]
        taken: list[Span] = []
        for routing, busy in spans.items():
            own = _clipped(without(busy, taken), start, end)
            taken.extend(busy)
            if routing != "COMMUNICATING":
                yield from (Stint(*span, routing, "ON_QUEUE", "On Queue") for span in own)
                continue
            for low, high, presence, name in plan:
                for span in _clipped(own, low, high):
                    yield Stint(*span, routing, presence, name)
            outside = without(own, [(low, high) for low, high, _, _ in plan])
            yield from (Stint(*span, routing, "OFFLINE", "Offline") for span in outside)
        for low, high, presence, name in plan:
            routing = "IDLE" if presence == "ON_QUEUE" else "OFF_QUEUE"
            for span in without([(low, high)], taken):
                yield Stint(*span, routing, presence, name)
        if working:
            taken.extend((low, high) for low, high, _, _ in plan)
            for span in without([(start, end)], taken):
                yield Stint(*span, "OFF_QUEUE", "OFFLINE", "Offline")


def _by_routing(work: list[Work], now: int) -> Mapping[str, list[Span]]:
    def handled(*, for_queue: bool) -> list[Span]:
        return union(
            (each.start, min(now if each.end is None else each.end, now))
            for each in work
            if each.kind == "handling" and each.for_queue == for_queue
        )

    missed = [each.start for each in work if each.kind == "missed"]
    return {
        "INTERACTING": handled(for_queue=True),
        "COMMUNICATING": handled(for_queue=False),
        "NOT_RESPONDING": union((at, min(at + LONGEST_NOT_RESPONDING, now)) for at in missed),
    }


def _clipped(spans: Iterable[Span], start: int, end: int) -> list[Span]:
    return [(max(low, start), min(high, end)) for low, high in spans if low < end and high > start]
