"""A warehouse with the scenarios of many tests in it: two builds serve them all.

Each scenario names its own ids, and its test asks for those alone. What a test wants to know from
between the builds is asked there, and kept.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.harness.postgres import PostgresServer
from tests.transform.warehouses import DuckDBWarehouse, PostgresWarehouse, Warehouse, dbt, rows


@dataclass(frozen=True)
class Engine:
    """Makes warehouses that outlive a test, of DuckDB where there is no server."""

    server: PostgresServer | None

    def fresh(self, directory: Path) -> Warehouse:
        """Return an empty warehouse."""
        if self.server is None:
            return DuckDBWarehouse(directory / "genesys.duckdb")
        return PostgresWarehouse(self.server.create_database("test"), directory)

    def renamed(self, warehouse: Warehouse, name: str, new_name: str) -> Warehouse:
        """Put a warehouse aside or take it back: dbt knows all it parsed for `test` alone."""
        if self.server is None:
            return warehouse
        return PostgresWarehouse(self.server.rename_database(name, new_name), warehouse.folder)


@dataclass(frozen=True)
class Packed:
    """A warehouse after its second build, and answers from before it.

    Attributes:
        engine: what made the warehouse.
        warehouse: what was built.
        between: the rows of some queries after the first build.
    """

    engine: Engine
    warehouse: Warehouse
    between: dict[str, list[dict[str, Any]]]

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Return what a query answers now, by column name, for the columns that are not null."""
        return rows(self.warehouse, sql)

    def dbt(self, *arguments: str) -> None:
        """Run one more command on what was built, which is there afterwards whatever came of it."""
        warehouse = self.engine.renamed(self.warehouse, "packed", "test")
        try:
            dbt(warehouse, *arguments)
        finally:
            self.engine.renamed(warehouse, "test", "packed")
