"""Warehouses for the tests of the dbt project."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import PostgresDatabase, PostgresServer, postgres_server
from tests.transform.warehouses import DuckDBWarehouse, PostgresWarehouse, Warehouse

_database_number = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_session() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def postgres(postgres_session: PostgresServer) -> PostgresDatabase:
    return postgres_session.create_database(f"test_{next(_database_number)}")


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
