"""`check-warehouse`: what it proves of real warehouses; that nothing of the user's is touched."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from loader.reference import fingerprints
from tests.engines import small_spark
from tests.harness.outcome import Outcome
from tests.harness.postgres import PostgresDatabase
from tests.transform.warehouses import ROOT, project_with_registry

MARTS = fingerprints.read()
# Of the user's own: a mart, and what only looks like the check's.
THEIRS = ("genesys_marts", "genesys_checks")


def check(folder: Path, *options: str, **settings: str) -> Outcome:
    """Run it as a user does, from a folder of theirs, without what dbt tells who looks on."""
    machine = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GENESYS_", "ELT_", "DBT_"))
    }
    ended = subprocess.run(
        [sys.executable, "-m", "tests.harness.quick_dbt", "check-warehouse", *options],
        env={**machine, "PYTHONPATH": str(ROOT), "ELT_LOCK_WAIT_SECONDS": "0", **settings},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return Outcome(exit_code=ended.returncode, stdout=ended.stdout, stderr=ended.stderr, secrets=())


def shown(outcome: Outcome) -> dict[str, tuple[str, str]]:
    """Return what the table says of each mart: its rows, and whether it is equal."""
    lines = [line.strip().split(maxsplit=3) for line in outcome.stdout.splitlines()]
    return {
        words[0]: (words[1], words[3]) for words in lines if len(words) == 4 and words[0] in MARTS
    }


def own_things(change: Callable[[str], object]) -> None:
    for schema in THEIRS:
        change(f"create schema {schema}")
        change(f"create table {schema}.fct_interactions as select 1 as mine")


def test_duckdb_gives_what_is_expected_whatever_the_user_s_settings_and_seeds(
    tmp_path: Path,
) -> None:
    # Seeds and settings of a user who has made everything theirs.
    project = project_with_registry(tmp_path, "mine,Mine,text,,customer,first,false")
    file = tmp_path / "genesys.duckdb"
    with duckdb.connect(str(file)) as connection:
        own_things(connection.execute)

    outcome = check(
        tmp_path, ELT_DUCKDB_PATH=str(file), DBT_PROJECT_DIR=str(project),
        GENESYS_CONTRACT="guides", ELT_PII_SALT="a salt of the user's own",
        ELT_NOW="2020-01-01T00:00:00Z", ELT_ATTRIBUTES_KILOBYTES="1",
    ).succeeded()  # fmt: skip

    assert shown(outcome) == {name: (f"{mart.rows:,}", "yes") for name, mart in MARTS.items()}
    assert f"{len(MARTS)} marts equal" in outcome.stdout
    with duckdb.connect(str(file)) as connection:
        schemas = connection.execute(
            "select schema_name from information_schema.schemata where catalog_name = 'genesys'"
        ).fetchall()
        assert {name for (name,) in schemas if name.startswith("genesys")} == {*THEIRS}
        assert connection.execute("from genesys_marts.fct_interactions").fetchall() == [(1,)]
    # No work directory, no lock, nothing dbt has written.
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"dbt_project", "genesys.duckdb", "genesys.duckdb.lock"}
    assert not (project / "target").exists()


def test_postgres_names_the_mart_and_the_column_that_differ(
    postgres: PostgresDatabase, tmp_path: Path
) -> None:
    own_things(postgres.execute)
    # A model somebody has changed: everything else must be equal on this engine.
    project = project_with_registry(tmp_path)
    [model] = project.glob("models/marts/**/dim_skills.sql")
    sql = model.read_text()
    assert "coalesce(skill_name," in sql
    model.write_text(sql.replace("coalesce(skill_name,", "coalesce(upper(skill_name),"))

    # By a role that has what README asks for, and nothing else.
    role = postgres.for_a_role()
    outcome = check(tmp_path, DBT_PROJECT_DIR=str(project), **role.environment())

    differing = {name: equal for name, (_, equal) in shown(outcome).items() if equal != "yes"}
    assert differing == {"dim_skills": "no: skill_name"}, outcome.stderr
    assert f"1 of {len(MARTS)} marts, first dim_skills, are not what" in outcome.error(8)
    schemas = postgres.query("select schema_name from information_schema.schemata")
    assert {name for (name,) in schemas if name.startswith("genesys")} == {*THEIRS}
    assert postgres.query("select mine from genesys_marts.fct_interactions") == [(1,)]


@pytest.mark.xdist_group("spark")
@pytest.mark.usefixtures("java")
def test_spark_gives_what_is_expected_and_its_data_tests_pass(tmp_path: Path) -> None:
    outcome = check(
        tmp_path, ELT_TARGET="spark", ELT_BUCKET_URL="bucket", ELT_SPARK_CONF=small_spark.CONF,
        # Not UTC: nothing may depend on the process's zone.
        TZ="America/St_Johns",
    ).succeeded()  # fmt: skip

    assert shown(outcome) == {name: (f"{mart.rows:,}", "yes") for name, mart in MARTS.items()}
    # What a person reads: Spark starts with some lines of its own, and warns of nothing afterwards.
    _, building = outcome.stderr.split("dbt build in", 1)
    assert "Using an existing Spark session" not in building
    assert "Closing down clientserver" not in building
