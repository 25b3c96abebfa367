"""The profile of plain dbt: the loader's warehouse wherever it is run, and schemas of one's own."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from loader.warehouses.spark import SparkSettings

ROOT = Path(__file__).parents[2]
PROFILE = yaml.safe_load((ROOT / "profiles" / "profiles.yml").read_text())["genesys"]
NOT_SET = (
    "DBT_PROJECT_DIR", "ELT_DUCKDB_PATH", "ELT_TARGET", "DBT_PRODUCTION_DUCKDB", "USER",
    "SPARK_REMOTE",
)  # fmt: skip


def rendered(monkeypatch: pytest.MonkeyPatch, output: str, **environment: str) -> dict[str, Any]:
    """Return an output as dbt renders it."""
    from dbt.config.renderer import ProfileRenderer
    from dbt_common.context import set_invocation_context

    for name in NOT_SET:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    set_invocation_context(os.environ)
    found: dict[str, Any] = ProfileRenderer({}).render_data(PROFILE["outputs"][output])
    return found


def file_of(output: dict[str, Any]) -> str:
    """Return the file that an output builds in."""
    return str(output["attach"][0]["path"])


@pytest.mark.parametrize(
    ("folder", "path"),
    [("", "data/genesys.duckdb"), ("dbt_project", "../data/genesys.duckdb")],
    ids=["root", "project"],
)
@pytest.mark.parametrize("output", ["duckdb", "dev"])
def test_the_file_is_the_same_from_the_root_and_from_the_project(
    monkeypatch: pytest.MonkeyPatch, folder: str, path: str, output: str
) -> None:
    stands = str(ROOT / folder)
    assert file_of(rendered(monkeypatch, output, PWD=stands)) == path
    assert (Path(stands) / path).resolve() == ROOT / "data" / "genesys.duckdb"


@pytest.mark.parametrize("path", ["/srv/warehouse.duckdb", ":memory:"])
def test_a_path_that_stands_by_itself_stays(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    stands = str(ROOT / "dbt_project")
    found = rendered(monkeypatch, "duckdb", PWD=stands, ELT_DUCKDB_PATH=path)
    assert file_of(found) == path


def test_a_project_named_by_its_folder_leads_to_the_file_beside_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = rendered(monkeypatch, "duckdb", PWD="/", DBT_PROJECT_DIR="/srv/elt/dbt_project")
    assert file_of(found) == "/srv/elt/dbt_project/../data/genesys.duckdb"


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_dev_builds_beside_the_marts_of_the_same_warehouse(
    monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    found = rendered(monkeypatch, "dev", USER="Ada.Lovelace-1", ELT_TARGET=target)
    assert (found["type"], found["schema"]) == (target, "genesys_ada_lovelace_1")
    production = rendered(monkeypatch, target, ELT_TARGET=target)
    assert {**production, "schema": found["schema"]}.items() <= found.items()


def test_ci_reads_production_from_a_file_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for given, production in [
        ({"DBT_PRODUCTION_DUCKDB": "/srv/genesys.duckdb"}, ("/srv/genesys.duckdb", True)),
        ({}, (":memory:", False)),
    ]:
        found = rendered(monkeypatch, "ci", ELT_DUCKDB_PATH="/tmp/own.duckdb", **given)
        own, other = found["attach"]
        assert (own["path"], own["alias"]) == ("/tmp/own.duckdb", found["database"])
        assert (other["path"], other["read_only"]) == production
        # What is deferred to is named as it is in production.
        assert other["alias"] == rendered(monkeypatch, "duckdb")["database"] != own["alias"]


def spark_parameters(monkeypatch: pytest.MonkeyPatch, **settings: str) -> dict[str, str]:
    """Return what a session of Spark's is told where the loader runs dbt."""
    told = SparkSettings.model_validate(settings).environment()
    found = rendered(monkeypatch, "spark", DBT_PROJECT_DIR="/srv/elt/dbt_project", **told)
    parameters: dict[str, str] = found["server_side_parameters"]
    return parameters


@pytest.mark.parametrize(
    ("bucket", "catalog"),
    [("s3://bucket", "data/metastore"), ("bucket", "bucket/metastore")],
    ids=["bucket", "folder"],
)
def test_spark_s_catalog_lies_where_the_loader_runs(
    monkeypatch: pytest.MonkeyPatch, bucket: str, catalog: str, tmp_path: Path
) -> None:
    """So `erase`, which is not told of dbt's project, finds the tables that dbt has made."""
    monkeypatch.chdir(tmp_path)
    parameters = spark_parameters(monkeypatch, ELT_BUCKET_URL=bucket)
    url = parameters["spark.hadoop.javax.jdo.option.ConnectionURL"]
    assert url == f"jdbc:derby:;databaseName={tmp_path}/{catalog};create=true"


@pytest.mark.parametrize("method", ["thrift", "connect"])
def test_a_spark_server_is_told_only_what_a_session_may_say(
    monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    parameters = spark_parameters(monkeypatch, ELT_SPARK_METHOD=method, ELT_SPARK_HOST="spark")
    assert parameters == {"spark.sql.session.timeZone": "UTC"}
