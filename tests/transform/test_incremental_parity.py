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
    project_with_registry,
    tables,
)

REGISTRY = (
    "Customer Tier,customer_tier,text,none,customer,1,false",
    "customer tier,customer_tier,text,none,customer,2,false",
    "order.total,order_total,number,0,,,false",
    "verified,is_verified,boolean,false,,,false",
    "due,due_on,date,,customer,,false",
)


# What each newest version holds, read off history.py: attributes, sessions, attempts.
FINAL_STATE = {
    "gains": (1, 0, 0),
    "loses-attributes": (0, 4, 2),
    "loses-everything": (7, 4, 1),
    "loses-outcomes": (7, 4, 0),
    "loses-sessions": (0, 0, 0),
    "new": (0, 0, 0),
    "only-late": (0, 4, 1),
    "open": (0, 0, 0),
    "untouched": (7, 4, 1),
}


# What the newest completed reads say, read off history.py: queue, bucket, handled.
FINAL_BUCKETS = [
    ("queue-1", "2026-09-01 09:00:00", 4),
    ("queue-2", "2026-09-01 09:45:00", 6),
    ("queue-unknown", "2026-09-01 10:00:00", 5),
]
# The newest scan: who leads to whom, and who is gone; contacts that no scan held left out.
FINAL_CONTACTS = [
    ("gains-contact", "gains-contact", False),
    ("older-contact", "older-contact", True),
    ("open-contact", "open-contact", True),
    ("untouched-contact", "gains-contact", False),
]


def final_buckets(warehouse: Warehouse) -> list[tuple[str, str, int]]:
    return sorted(
        (queue, str(start), handled)
        for queue, start, handled in warehouse.execute(
            "select queue_id, bucket_started_at, handled_count"
            " from genesys_staging.stg_platform__queue_aggregates"
        )
    )


def final_contacts(warehouse: Warehouse) -> list[tuple[str, str, bool]]:
    return sorted(
        (contact, canonical, is_gone)
        for contact, canonical, is_gone in warehouse.execute(
            "select contact_id, canonical_contact_id, is_gone from genesys_marts.dim_contacts"
            " where is_known"
        )
    )


def final_state(warehouse: Warehouse) -> dict[str, tuple[int, int, int]]:
    return {
        name: (attributes, sessions, attempts)
        for name, attributes, sessions, attempts in warehouse.execute(
            "select conversation_id, attribute_count, session_count, flow_outcome_attempt_count"
            " from genesys_marts.fct_interactions"
        )
    }


def built(warehouse: Warehouse) -> dict[str, list[str]]:
    return tables(warehouse, "genesys_staging", "genesys_intermediate", "genesys_marts")


def test_every_load_leaves_what_a_full_refresh_would(
    duckdb_warehouse: DuckDBWarehouse, tmp_path: Path
) -> None:
    project = project_with_registry(tmp_path, *REGISTRY)
    raw = RawTables(duckdb_warehouse)
    dbt(duckdb_warehouse, "seed", project=project)
    for number, load in enumerate(LOADS, start=1):
        load(raw)
        dbt(duckdb_warehouse, "run", project=project)
        # What a build gets wrong stays wrong until the conversation or window comes again, so every
        # third comparison, and the last, would still see it.
        if number % 3 and number != len(LOADS):
            continue
        load_by_load = built(duckdb_warehouse)
        shutil.copy(duckdb_warehouse.path, tmp_path / "before")
        dbt(duckdb_warehouse, "run", "--full-refresh", project=project)
        assert built(duckdb_warehouse) == load_by_load, load.__name__
        shutil.copy(tmp_path / "before", duckdb_warehouse.path)


def test_both_engines_end_with_the_same_tables(
    duckdb_warehouse: DuckDBWarehouse, postgres_warehouse: PostgresWarehouse, tmp_path: Path
) -> None:
    """Postgres builds load by load, DuckDB once; both pass every test of the project."""
    project = project_with_registry(tmp_path, *REGISTRY)
    raw = RawTables(postgres_warehouse)
    dbt(postgres_warehouse, "seed", project=project)
    for load in LOADS:
        load(raw)
        dbt(postgres_warehouse, "run", project=project)
    load_by_load = built(postgres_warehouse)
    assert final_state(postgres_warehouse) == FINAL_STATE
    assert final_buckets(postgres_warehouse) == FINAL_BUCKETS
    assert final_contacts(postgres_warehouse) == sorted(FINAL_CONTACTS)
    dbt(postgres_warehouse, "build", "--full-refresh", project=project)
    assert built(postgres_warehouse) == load_by_load

    raw = RawTables(duckdb_warehouse)
    for load in LOADS:
        load(raw)
    dbt(duckdb_warehouse, "build", project=project)
    assert built(duckdb_warehouse) == load_by_load
