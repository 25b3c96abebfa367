"""Building load by load gives the same tables as building once from everything."""

import shutil
from pathlib import Path

from tests.transform.history import LOADS
from tests.transform.warehouses import (
    DuckDBWarehouse,
    PostgresWarehouse,
    RawTables,
    Warehouse,
    dbt,
    tables,
)


def built(warehouse: Warehouse) -> dict[str, list[str]]:
    return tables(warehouse, "genesys_staging", "genesys_intermediate", "genesys_marts")


def test_every_load_leaves_what_a_full_refresh_would(
    duckdb_warehouse: DuckDBWarehouse, tmp_path: Path
) -> None:
    raw = RawTables(duckdb_warehouse)
    dbt(duckdb_warehouse, "seed")
    for load in LOADS:
        load(raw)
        dbt(duckdb_warehouse, "run")
        load_by_load = built(duckdb_warehouse)

        shutil.copy(duckdb_warehouse.path, tmp_path / "before")
        dbt(duckdb_warehouse, "run", "--full-refresh")
        assert built(duckdb_warehouse) == load_by_load, load.__name__
        shutil.copy(tmp_path / "before", duckdb_warehouse.path)


def test_both_engines_end_with_the_same_tables(
    duckdb_warehouse: DuckDBWarehouse, postgres_warehouse: PostgresWarehouse
) -> None:
    """Postgres builds load by load, DuckDB once; both pass every test of the project."""
    raw = RawTables(postgres_warehouse)
    dbt(postgres_warehouse, "seed")
    for load in LOADS:
        load(raw)
        dbt(postgres_warehouse, "run")
    load_by_load = built(postgres_warehouse)
    dbt(postgres_warehouse, "build", "--full-refresh")
    assert built(postgres_warehouse) == load_by_load

    raw = RawTables(duckdb_warehouse)
    for load in LOADS:
        load(raw)
    dbt(duckdb_warehouse, "build")
    assert built(duckdb_warehouse) == load_by_load
