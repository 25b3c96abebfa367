"""Plain dbt, as an analyst or a CI runs it: where nothing was loaded, and beside production."""

import shutil
from pathlib import Path

import pytest

from tests.transform.conversations import call, reference
from tests.transform.warehouses import (
    MODELS_AND_SEEDS,
    DuckDBWarehouse,
    RawTables,
    begun_with,
    dbt,
    parsed_in,
)

QUEUES = ("--select", "+dim_queues")


def state_of_production(warehouse: DuckDBWarehouse, folder: Path) -> Path:
    """Return a folder with what dbt says of the project there."""
    begun_with(parsed_in(warehouse), folder)
    dbt(warehouse, "parse", "--write-json", "--target-path", str(folder))
    return folder


@pytest.mark.slow
def test_what_has_changed_builds_in_an_empty_database(tmp_path: Path) -> None:
    """With --defer nothing need be loaded there; without it that is said in one line."""
    warehouse = DuckDBWarehouse(tmp_path / "empty.duckdb")
    state = state_of_production(warehouse, tmp_path / "state")
    refused = dbt(warehouse, "run", "--select", "+stg_platform__queues", expect_success=False)
    assert "nothing is loaded yet" in refused[0]
    defer = ("--defer", "--state", str(state))
    dbt(warehouse, "run", "--select", "+stg_platform__queues", *defer)
    assert warehouse.execute("select count(*) from genesys_staging.stg_platform__queues") == [(0,)]


@pytest.mark.slow
def test_an_empty_build_needs_no_rows_anywhere(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "empty.duckdb")
    dbt(warehouse, "build", "--empty", "--exclude-resource-type", "unit_test")
    # Unit tests bring rows of their own; those of one model say that they can.
    dbt(warehouse, "build", "--empty", "--select", "fct_queue_visits")
    assert warehouse.execute("select count(*) from genesys_marts.fct_interactions") == [(0,)]


def test_dev_reads_what_is_loaded_and_leaves_the_marts_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USER", "ada")
    warehouse = DuckDBWarehouse(tmp_path / "genesys.duckdb")
    RawTables(warehouse).load(1, conversation_details=[call("a")], **reference())
    dbt(warehouse, "build", "--target", "dev", *MODELS_AND_SEEDS, *QUEUES)
    assert warehouse.execute("select queue_id from genesys_ada_marts.dim_queues") == [("queue-1",)]
    schemas = warehouse.execute(
        "select distinct table_schema from information_schema.tables order by 1"
    )
    assert [name for (name,) in schemas if not name.startswith("genesys_ada_")] == ["genesys_raw"]


@pytest.mark.slow
def test_ci_takes_from_production_what_has_not_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    production = DuckDBWarehouse(tmp_path / "genesys.duckdb")
    RawTables(production).load(1, conversation_details=[call("a")], **reference())
    dbt(production, "build", *MODELS_AND_SEEDS, *QUEUES)
    state = state_of_production(production, tmp_path / "state")
    monkeypatch.setenv("DBT_PRODUCTION_DUCKDB", str(production.path))
    before = shutil.copy(production.path, tmp_path / "before")
    check = DuckDBWarehouse(tmp_path / "check.duckdb")
    defer = ("--target", "ci", "--defer", "--state", str(state))
    dbt(check, "run", "--select", "dim_queues", *defer)
    assert check.execute("select queue_id from genesys_marts.dim_queues") == [("queue-1",)]
    assert Path(before).read_bytes() == production.path.read_bytes()
