"""All that dbt compiles is compiled with the engine's own adapter, and is the engine's SQL."""

import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from tests.engines.supported import SUPPORTED
from tests.engines.venvs import ROOT, venv

# The other two run all of it, in the other tests.
OFFLINE = [engine for engine in SUPPORTED if engine not in ("duckdb", "postgres")]


def offline(engine: str, folder: Path) -> dict[str, dict[str, Any]]:
    """Return what offline.py says of an engine."""
    script = ROOT / "tests" / "engines" / "offline.py"
    ran = subprocess.run(
        [venv(engine) / "python", script, engine, folder],
        capture_output=True,
        text=True,
        check=True,
    )
    said: dict[str, dict[str, Any]] = json.loads(ran.stdout.splitlines()[-1])
    return said


def _unreadable(sql: str, engine: str) -> str | None:
    try:
        found: list[Any] = sqlglot.parse(sql, read=engine)
    except sqlglot.errors.SqlglotError as error:
        return str(error)
    if engine in ("spark", "databricks"):
        # Spark 4 and Databricks refuse a subquery there, Spark 3.5 takes it.
        for statement in filter(None, found):
            for each in statement.find_all(sqlglot.exp.Lambda):
                if each.parent and each.parent.find(sqlglot.exp.Select):
                    return f"{each.parent.sql(engine)} has a subquery"
    if engine == "snowflake":
        # Stored in capitals unless quoted: quoted as it is written, a column would not be found.
        for statement in filter(None, found):
            for name in statement.find_all(sqlglot.exp.Identifier):
                if name.quoted and name.name != name.name.upper():
                    return f"{name.sql()} is quoted"
    return None


@pytest.mark.parametrize("engine", OFFLINE)
def test_everything_compiles_and_is_the_engine_s_sql(engine: str, tmp_path: Path) -> None:
    said = offline(engine, tmp_path)
    assert said["failed"] == {}
    kinds = Counter(name.split(".")[0] for name in said["compiled"])
    assert kinds["model"] > 140
    assert kinds["test"] > 480
    assert kinds["unit_test"] > 40
    assert kinds["seed"] == 9
    problems = {name: _unreadable(sql, engine) for name, sql in said["compiled"].items()}
    assert {name: problem for name, problem in problems.items() if problem} == {}


def test_redshift_is_refused_although_it_takes_the_macros_of_postgres(tmp_path: Path) -> None:
    said = offline("redshift", tmp_path)
    assert said["compiled"] == {}
    assert "Redshift is not supported: the models have no SQL for it." in said["failed"]["project"]
