"""What a newcomer's first builds meet: nothing at all, empty tables, tables not there yet."""

import pytest

from tests.transform.conversations import call
from tests.transform.warehouses import (
    MODELS_AND_SEEDS,
    DuckDBWarehouse,
    RawTables,
    Warehouse,
    dbt,
    rows,
    tables,
)


def test_nothing_loaded_is_one_plain_sentence(warehouse: Warehouse) -> None:
    problems = dbt(warehouse, "build", expect_success=False)
    assert len(problems) == 1
    assert (
        f"nothing is loaded yet: {warehouse.name} has no tables in schema genesys_raw;"
        " run `make load` first" in problems[0]
    )


@pytest.mark.slow
def test_l9_empty_raw_tables_build_twice_and_every_test_passes(warehouse: Warehouse) -> None:
    RawTables(warehouse)
    dbt(warehouse, "build", "--exclude-resource-type", "unit_test")
    dbt(warehouse, "run", "--select", "config.materialized:incremental")
    marts = tables(warehouse, "genesys_marts")
    catalog = marts.pop("genesys_marts.audit_attribute_catalog")
    assert marts.pop("genesys_marts.dim_metrics")
    assert set(map(len, marts.values())) == {0}
    assert all('"participant_count": 0' in line for line in catalog)


@pytest.mark.slow
def test_tables_that_the_loader_never_made_count_as_empty(
    duckdb_warehouse: DuckDBWarehouse,
) -> None:
    raw = RawTables(duckdb_warehouse)
    raw.load(1, conversation_details=[call("c-1")])
    for table in ("rate_limit_events", "quarantined_records", "skills", "flows", "extract_windows"):
        duckdb_warehouse.execute(f"drop table genesys_raw.{table}")
    dbt(duckdb_warehouse, "build", *MODELS_AND_SEEDS)
    found = rows(duckdb_warehouse, "select count(*) as found from genesys_marts.fct_interactions")
    assert found == [{"found": 1}]
