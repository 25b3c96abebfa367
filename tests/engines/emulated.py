"""A warehouse of an emulator: raw tables as dlt's destination makes them, and dbt on them."""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import yaml  # type: ignore[import-untyped]

from tests.engines.engines import Query
from tests.engines.venvs import ROOT, venv

PROJECT = ROOT / "dbt_project"
RAW = "genesys_raw"

# What dlt calls the types of columns, by what DuckDB calls them.
TYPES = {
    "snowflake": {
        "VARCHAR": "varchar",
        "TIMESTAMP WITH TIME ZONE": "timestamp_tz",
        "BIGINT": "number(19, 0)",
        "DOUBLE": "float",
        "BOOLEAN": "boolean",
    },
    "bigquery": {
        "VARCHAR": "string",
        "TIMESTAMP WITH TIME ZONE": "timestamp",
        "BIGINT": "int64",
        "DOUBLE": "float64",
        "BOOLEAN": "bool",
    },
}
# What an emulator is beside the output of the profile.
OUTPUTS: dict[str, dict[str, Any]] = {
    "snowflake": {"host": "127.0.0.1", "protocol": "http", "connect_retries": 0},
}
SETTINGS = {
    "snowflake": {
        "ELT_SNOWFLAKE_ACCOUNT": "fakesnow",
        "ELT_SNOWFLAKE_USER": "tests",
        "ELT_SNOWFLAKE_PASSWORD": "tests",
        "ELT_SNOWFLAKE_WAREHOUSE": "tests",
        "ELT_SNOWFLAKE_DATABASE": "GENESYS",
    },
}


@dataclass(frozen=True)
class Emulated:
    """An emulator's warehouse.

    Attributes:
        engine: snowflake.
        port: where the emulator listens.
        ask: what asks it.
        folder: for dbt's profile and target.
    """

    engine: str
    port: int
    ask: Query
    folder: Path

    def copy_raw(self, database: Path) -> None:
        """Put the raw tables of a DuckDB warehouse here, in place of what is here."""
        self.ask(f"create schema if not exists {RAW}")
        with duckdb.connect(str(database), read_only=True) as connection:
            connection.execute("set TimeZone = 'UTC'")
            tables: dict[str, list[tuple[str, str]]] = {}
            for table, column, kind in connection.execute(
                "select table_name, column_name, data_type from duckdb_columns()"
                f" where schema_name = '{RAW}' order by table_name, column_index"
            ).fetchall():
                tables.setdefault(table, []).append((column, TYPES[self.engine][kind]))
            for table, columns in tables.items():
                shape = ", ".join(f"{column} {kind}" for column, kind in columns)
                self.ask(f"create or replace table {RAW}.{table} ({shape})")
                rows = connection.execute(f"from {RAW}.{table}").fetchall()
                for start in range(0, len(rows), 50):
                    self._insert(table, columns, rows[start : start + 50])

    def _insert(
        self, table: str, columns: list[tuple[str, str]], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        lines = ", ".join(
            "("
            + ", ".join(
                self._literal(value, kind) for value, (_, kind) in zip(row, columns, strict=True)
            )
            + ")"
            for row in rows
        )
        self.ask(
            f"insert into {RAW}.{table} ({', '.join(name for name, _ in columns)}) values {lines}"
        )

    def _literal(self, value: Any, kind: str) -> str:  # noqa: ANN401 - whatever a row holds
        if value is None:
            return "null"
        if isinstance(value, datetime):
            return f"cast('{value.isoformat(sep=' ')}' as {kind})"
        if isinstance(value, str):
            text = value.replace("\\", "\\\\").replace("\n", "\\n")
            return "'" + text.replace("'", "''") + "'"
        return str(value)

    def export_marts(self, database: Path, folder: Path) -> list[str]:
        """Write the marts as Parquet files of texts, and return their names.

        Args:
            database: the DuckDB warehouse they are to be compared with: its marts, its columns.
            folder: where each mart gets a folder.
        """
        with duckdb.connect() as connection:
            connection.execute(f"attach '{database}' as warehouse (read_only)")
            marts: dict[str, list[str]] = {}
            for mart, column in connection.execute(
                "select table_name, column_name from duckdb_columns()"
                " where database_name = 'warehouse' and schema_name = 'genesys_marts'"
                " order by table_name, column_index"
            ).fetchall():
                marts.setdefault(mart, []).append(column)
            for mart, columns in marts.items():
                asked = ", ".join(f"cast({column} as varchar)" for column in columns)
                rows = self.ask(f"select {asked} from genesys_marts.{mart}")
                shape = ", ".join(f'"{column}" varchar' for column in columns)
                connection.execute(f"create or replace temp table mart ({shape})")
                if rows:
                    marks = ", ".join("?" * len(columns))
                    connection.executemany(f"insert into mart values ({marks})", rows)
                (folder / mart).mkdir(parents=True, exist_ok=True)
                connection.execute(f"copy mart to '{folder / mart}/0.parquet' (format parquet)")
        return sorted(marts)

    def dbt(self, *arguments: str, project: Path = PROJECT) -> dict[str, str]:
        """Run a dbt command, and return what did not succeed: a node's name, its message."""
        write_profile(self.engine, self.port, self.folder)
        target = self.folder / "target"
        done = subprocess.run(
            [
                venv(self.engine) / "dbt",
                *arguments,
                *("--project-dir", project, "--profiles-dir", self.folder, "--target-path", target),
                *("--log-path", target, "--no-use-colors", "--quiet", "--threads", "2"),
            ],
            env={
                **{name: value for name, value in os.environ.items() if name[:4] != "ELT_"},
                **SETTINGS[self.engine],
                "ELT_TARGET": self.engine,
                "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            },
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        results = target / "run_results.json"
        assert results.exists(), done.stdout + done.stderr
        problems = {
            result["unique_id"].split(".")[2]: str(result["message"])
            for result in json.loads(results.read_text())["results"]
            if result["status"] not in ("success", "pass", "warn", "skipped", "no-op")
        }
        assert done.returncode == 0 or problems, done.stdout + done.stderr
        return problems


def write_profile(engine: str, port: int, folder: Path) -> None:
    """Write dbt's profile of an engine into a folder, its output that of an emulator.

    Args:
        engine: snowflake.
        port: where the emulator listens.
        folder: where `profiles.yml` comes.
    """
    profile = yaml.safe_load((ROOT / "profiles" / "profiles.yml").read_text())
    output = profile["genesys"]["outputs"][engine] | OUTPUTS[engine] | {"port": port}
    profile["genesys"]["outputs"] = {engine: output}
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile))
