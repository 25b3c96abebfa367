"""The whole project by Google's reference implementation of BigQuery's SQL: equal to DuckDB's.

What dbt-bigquery compiles is run as queries. What only the service has is not: DDL, MERGE, jobs.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import jinja2

from tests.engines.emulated import TYPES
from tests.engines.marts import differences
from tests.engines.test_offline import offline
from tests.engines.venvs import ROOT, venv
from tests.transform.history import LOADS
from tests.transform.warehouses import MODELS_AND_SEEDS, PROJECT, DuckDBWarehouse, RawTables, dbt

# What a query of a model alone cannot give, with the reason.
DIFFERENT = {
    ("fct_interactions", "is_repeat_window_observed"): "a hook sets it once the table is there",
    **{
        (mart, "rules_version"): "it has the salt in it, which dbt asks the warehouse for"
        for mart in (
            "audit_attribute_counts",
            "dim_participant_attributes",
            "fct_participant_attributes",
        )
    },
}
# What a mart's types are there, by DuckDB's.
KINDS = {
    "VARCHAR": "STRING",
    "BIGINT": "INT64",
    "BOOLEAN": "BOOL",
    "DOUBLE": "DOUBLE",
    "TIMESTAMP": "TIMESTAMP",
    "DATE": "DATE",
}


def _compiled(folder: Path) -> dict[str, Any]:
    """Return what dbt-bigquery compiles, and how a chain of closures is made longer."""
    compiled = offline("bigquery", folder)
    assert compiled["failed"] == {}
    text = (PROJECT / "macros" / "closure.sql").read_text()
    macros: Any = jinja2.Environment().from_string(text[text.index("{% macro longer_chains") :])
    for model, made_of in compiled["closures"].items():
        same, pair = made_of.get("same", []), made_of["pair"]
        compiled["closures"][model] = {
            "columns": same + pair,
            "longer": macros.module.longer_chains(model, same, *pair),
        }
    return compiled


def _columns(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[str, dict[str, str]]:
    """Return the tables of a schema with their columns and types."""
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(
        "select table_name, column_name, data_type from duckdb_columns()"
        f" where schema_name = '{schema}' order by table_name, column_index"
    ).fetchall():
        tables.setdefault(table, {})[column] = kind
    return tables


def _texts(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[str, Any]:
    """Return the tables of a schema with their columns, as BigQuery has them, and rows as texts."""
    return {
        table: {
            "columns": [(name, TYPES["bigquery"][kind]) for name, kind in columns.items()],
            "rows": connection.execute(
                f"select {', '.join(f'cast({name} as varchar)' for name in columns)}"
                f" from {schema}.{table}"
            ).fetchall(),
        }
        for table, columns in _columns(connection, schema).items()
    }


def _export(rows: list[list[str | None]], columns: dict[str, str], folder: Path) -> None:
    """Write a mart's rows as a Parquet file of texts."""
    folder.mkdir(parents=True)
    with duckdb.connect() as connection:
        shape = ", ".join(f'"{column}" varchar' for column in columns)
        connection.execute(f"create table mart ({shape})")
        if rows:
            marks = ", ".join("?" * len(columns))
            connection.executemany(f"insert into mart values ({marks})", rows)
        connection.execute(f"copy mart to '{folder}/0.parquet' (format parquet)")


def test_marts_by_google_s_reference_are_those_on_duckdb(tmp_path: Path) -> None:
    database = tmp_path / "genesys.duckdb"
    warehouse = DuckDBWarehouse(database)
    raw = RawTables(warehouse)
    # The last changes what was built, which tests of one engine do.
    for load in LOADS[:-1]:
        load(raw)
    dbt(warehouse, "build", *MODELS_AND_SEEDS)
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        marts = _columns(connection, "genesys_marts")
        tables = _texts(connection, "genesys_raw") | _texts(connection, "genesys_seeds")
    given = {"tables": tables, "wanted": {mart: list(columns) for mart, columns in marts.items()}}
    (tmp_path / "given.json").write_text(json.dumps(given))
    (tmp_path / "compiled.json").write_text(json.dumps(_compiled(tmp_path / "dbt")))
    script = ROOT / "tests" / "engines" / "bigquery_build.py"
    subprocess.run([venv("bigquery") / "python", script, tmp_path], check=True)

    made = json.loads((tmp_path / "made.json").read_text())
    assert made["problems"] == {}
    assert len(made["failures"]) > 480
    assert {name: count for name, count in made["failures"].items() if count} == {}
    for mart, columns in marts.items():
        kinds = {name: KINDS.get(kind, "NUMERIC") for name, kind in columns.items()}
        assert made["marts"][mart]["types"] == kinds, mart
        _export(made["marts"][mart]["rows"], columns, tmp_path / "marts" / mart)
    found = {
        (difference.mart, column): difference.examples
        for difference in differences(database, tmp_path / "marts", list(marts))
        for column in difference.columns
    }
    assert found.keys() == DIFFERENT.keys(), found
