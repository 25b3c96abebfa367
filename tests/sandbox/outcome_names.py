"""The names of flow outcomes over time. Ids never change, names do.

Two outcomes are renamed in the middle of the world's period. The list of outcomes tells the name of
the moment; an attempt carries the name its outcome had when it was set.
"""

from tests.sandbox.clock import HOUR
from tests.sandbox.organisation import Entity
from tests.sandbox.world import World

RENAMED = {"Handed to agent": "Handed over to an agent", "Parcel located": "Parcel found"}


class OutcomeNames:
    """The names a world's outcomes have."""

    def __init__(self, world: World) -> None:
        self.renamed_at = world.first_hour * HOUR + world.days * 12 * HOUR
        self.outcomes = world.organisation.flow_outcomes
        self._first = {str(each["id"]): str(each["name"]) for each in self.outcomes}

    def name(self, outcome_id: str, at: int) -> str:
        """Return an outcome's name at an instant; one nobody knows goes by its id."""
        first = self._first.get(outcome_id, outcome_id)
        return RENAMED.get(first, first) if at >= self.renamed_at else first

    def listed(self, at: int) -> list[Entity]:
        """Return the FlowOutcome entities as they are at an instant."""
        return [{**each, "name": self.name(str(each["id"]), at)} for each in self.outcomes]
