"""Warehouses for the tests of the dbt project."""

from pathlib import Path

import pytest

from tests.postgres import PostgresDatabase
from tests.transform.warehouses import DuckDBWarehouse, PostgresWarehouse, Warehouse


@pytest.fixture
def duckdb_warehouse(tmp_path: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(tmp_path / "genesys.duckdb")


@pytest.fixture
def postgres_warehouse(postgres: PostgresDatabase, tmp_path: Path) -> PostgresWarehouse:
    return PostgresWarehouse(postgres, tmp_path)


@pytest.fixture(params=["duckdb", "postgres"])
def warehouse(request: pytest.FixtureRequest) -> Warehouse:
    """Every engine in turn."""
    found: Warehouse = request.getfixturevalue(f"{request.param}_warehouse")
    return found
