"""Compiles the project for an engine with its real adapter, and without its warehouse.

A script, for an environment that has dbt and the adapter only: `python offline.py ENGINE FOLDER`
writes a JSON line, {"compiled": {node: SQL}, "failed": {node: message}, "closures": {model: what it
is made of}}. What dbt asks while it compiles is answered from the seeds' files; every raw table is
there.
"""

import contextlib
import csv
import importlib
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import agate  # type: ignore[import-untyped]
import yaml  # type: ignore[import-untyped]
from dbt.adapters.contracts.connection import AdapterResponse
from dbt.adapters.factory import get_adapter
from dbt.cli.main import dbtRunner
from dbt.task.compile import CompileTask
from dbt.task.test import TestRunner

PROJECT = Path(__file__).parents[2] / "dbt_project"
SEEDS = {path.stem: path for path in (PROJECT / "seeds").glob("*.csv")}
RAW = {
    table["name"]: [column["name"] for column in table["columns"]]
    for path in (PROJECT / "models" / "staging").rglob("*.yml")
    for source in yaml.safe_load(path.read_text(encoding="utf-8")).get("sources", [])
    for table in source["tables"]
}

# Accounts that nobody has. Nothing is ever opened.
CREDENTIALS: dict[str, dict[str, Any]] = {
    "spark": {"method": "thrift", "host": "h"},
    "databricks": {"host": "h", "http_path": "/sql/1.0/w", "token": "t", "catalog": "d"},
    "snowflake": {"account": "a", "user": "u", "password": "p", "database": "d", "warehouse": "w"},
    "bigquery": {"method": "oauth", "project": "d"},
    "redshift": {"host": "h", "port": 1, "user": "u", "password": "p", "dbname": "d"},
}


def answered(_adapter: object, sql: str, *_: object, **__: object) -> tuple[Any, agate.Table]:
    """Answer a question of a seed's lines from its file; of all else with one text."""
    for seed, path in SEEDS.items():
        asked = re.search(rf"^\s*select (.*?) from \S*\b{seed}\b", sql, re.S | re.I)
        if asked:
            names = [name.strip() for name in asked[1].split(",")]
            with path.open(encoding="utf-8", newline="") as file:
                lines = list(csv.DictReader(file))
            rows = [
                [str(number) if name == "line_number" else line[name] or None for name in names]
                for number, line in enumerate(lines, 2)
            ]
            return AdapterResponse("OK"), _table(names, rows)
    return AdapterResponse("OK"), _table(["answer"], [["0"]])


def _table(names: list[str], rows: list[list[Any]]) -> agate.Table:
    return agate.Table(rows, names, [agate.Text(cast_nulls=False) for _ in names])


def relation(adapter: Any, database: str, schema: str, identifier: str) -> Any:  # noqa: ANN401
    """Say that a seed and a table of the loader's are there, and nothing else."""
    if identifier in SEEDS or schema == "genesys_raw":
        return adapter.Relation.create(
            database=database, schema=schema, identifier=identifier, type="table"
        )
    return None


def columns(adapter: Any, relation: Any) -> list[Any]:  # noqa: ANN401 - dbt's
    """Return the columns of a seed by its file, of a table of the loader's by its yml."""
    names = RAW.get(relation.identifier, [])
    if relation.identifier in SEEDS:
        header = SEEDS[relation.identifier].read_text(encoding="utf-8").splitlines()[0]
        names = [*header.split(","), "line_number"]
    stored = str.upper if adapter.type() == "snowflake" else str
    return [adapter.Column.create(stored(name), "string") for name in names]


def unit_tests(task: Any) -> dict[str, str]:  # noqa: ANN401 - dbt's task
    """Compile the unit tests of a task that has compiled all else.

    The columns of what a test is given are those that it gives, all of them text: what they are in
    the warehouse is not looked at.
    """
    adapter = get_adapter(task.config)
    compiled = {}
    for unique_id, test in task.manifest.unit_tests.items():
        names = {name for given in test.given for row in given.rows or [] for name in row}
        if adapter.type() == "snowflake":
            # As it stores what was written without quotes.
            names = {name.upper() for name in names}
        columns = [adapter.Column.create(name, "string") for name in sorted(names)]
        adapter.get_columns_in_relation = lambda *_, found=columns: found
        runner = TestRunner(task.config, adapter, test, 0, 0)
        manifest = runner.build_unit_test_manifest_from_test(test, task.manifest)
        node: Any = manifest.nodes[unique_id]
        node = runner.compiler.compile_node(node, manifest, {})
        compiled[unique_id] = node.compiled_code
    return compiled


def without_warehouse(engine: str) -> None:
    """Let the adapter answer by itself."""
    if engine == "spark":
        # What it would connect with is not installed.
        connections: Any = importlib.import_module("dbt.adapters.spark.connections")
        for name in ("hive", "THttpClient", "ThriftState"):
            setattr(connections, name, getattr(connections, name) or object)
    adapter: Any = importlib.import_module(f"dbt.adapters.{engine}").Plugin.adapter
    adapter.execute = answered
    adapter.get_relation = relation
    adapter.get_columns_in_relation = columns
    adapter.list_relations_without_caching = lambda *_, **__: []
    adapter.list_schemas = lambda *_, **__: []
    adapter.check_schema_exists = lambda *_, **__: True
    for name in (
        "create_schema",
        "set_relations_cache",
        "acquire_connection",
        "release_connection",
    ):
        setattr(adapter, name, lambda *_, **__: None)
    adapter.connection_named = contextlib.contextmanager(lambda *_, **__: (yield))
    adapter.ConnectionManager.open = classmethod(lambda _, connection: connection)


def main(engine: str, folder: Path) -> None:
    """Compile everything that is compiled, and say what came of it."""
    folder.mkdir(parents=True, exist_ok=True)
    output = {"type": engine, "schema": "genesys", "threads": 1, **CREDENTIALS[engine]}
    profile = {"genesys": {"target": engine, "outputs": {engine: output}}}
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile), encoding="utf-8")
    os.environ["ELT_TARGET"] = engine
    without_warehouse(engine)
    compiled: dict[str, str] = {}
    compile_task: Any = CompileTask
    compile_task.raise_on_first_error = lambda _: False
    compile_task.task_end_messages = lambda task, _: compiled.update(unit_tests(task))
    result = dbtRunner().invoke(
        [
            *("--quiet", "--no-use-colors", "--no-partial-parse", "--log-level-file", "none"),
            *("compile", "--project-dir", str(PROJECT), "--profiles-dir", str(folder)),
            *("--target-path", str(folder / "target"), "--log-path", str(folder)),
        ]
    )
    failed = {"project": str(result.exception)} if result.exception else {}
    closures = {}
    for node in getattr(result.result, "results", None) or []:
        if node.status == "success":
            compiled[node.node.unique_id] = node.node.compiled_code or ""
            if node.node.config.materialized == "closure":
                closures[node.node.name] = node.node.config.get("made_of")
        else:
            failed[node.node.unique_id] = node.message
    said = {"compiled": compiled, "failed": failed, "closures": closures}
    sys.__stdout__.write(json.dumps(said) + "\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]
    # Connections that were never opened cannot be closed.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
