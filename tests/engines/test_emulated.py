"""Marts on emulators of warehouses that only accounts have: by loads, equal to DuckDB's."""

from pathlib import Path

from tests.engines.emulated import Emulated, write_profile
from tests.engines.machine import SNOWFLAKE, Machine
from tests.engines.marts import differences
from tests.engines.test_check_warehouse import MARTS, shown
from tests.transform.history import LOADS
from tests.transform.warehouses import DuckDBWarehouse, RawTables, dbt

# The last changes what was built, which tests of one engine do.
HISTORY = LOADS[:-1]
MODELS = ("--exclude-resource-type", "unit_test", "test")


def test_marts_on_snowflake_are_those_on_duckdb(
    snowflake_port: int, snowflake_asked: object, tmp_path: Path
) -> None:
    assert callable(snowflake_asked)
    database = tmp_path / "genesys.duckdb"
    duckdb = DuckDBWarehouse(database)
    raw = RawTables(duckdb)
    here = Emulated("snowflake", snowflake_port, snowflake_asked, tmp_path)

    for loads in (HISTORY[:3], HISTORY[3:]):
        for load in loads:
            load(raw)
        here.copy_raw(database)
        assert here.dbt("build", *MODELS) == {}

    dbt(duckdb, "build", *MODELS)
    marts = here.export_marts(database, tmp_path / "marts")
    found = {
        (difference.mart, tuple(difference.columns)): difference.examples
        for difference in differences(database, tmp_path / "marts", marts)
    }
    assert found == {}


def test_check_warehouse_on_snowflake_gives_what_is_expected(
    snowflake_port: int, tmp_path: Path
) -> None:
    write_profile("snowflake", snowflake_port, tmp_path)
    settings = {"FAKE_PORT": str(snowflake_port), "DBT_PROFILES_DIR": str(tmp_path)}
    machine = Machine(tmp_path, "accounts", {**SNOWFLAKE, **settings})
    outcome = machine.run("check-warehouse").succeeded()
    assert shown(outcome) == {name: (f"{mart.rows:,}", "yes") for name, mart in MARTS.items()}
