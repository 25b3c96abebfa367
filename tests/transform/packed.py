"""A warehouse with the scenarios of many tests in it: two builds serve them all.

Each scenario names its own ids, and its test asks for those alone. What a test wants to know from
between the builds is asked there, and kept.
"""

from dataclasses import dataclass
from typing import Any

from tests.transform.warehouses import Warehouse, rows


@dataclass(frozen=True)
class Packed:
    """A warehouse after its second build, and answers from before it.

    Attributes:
        warehouse: what was built.
        between: the rows of some queries after the first build.
    """

    warehouse: Warehouse
    between: dict[str, list[dict[str, Any]]]

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Return what a query answers now, by column name, for the columns that are not null."""
        return rows(self.warehouse, sql)

    @property
    def name(self) -> str:
        """The engine."""
        return self.warehouse.name
