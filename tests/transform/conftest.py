"""Warehouses for the tests of the dbt project."""

import re
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from tests.harness.postgres import PostgresDatabase
from tests.transform import (
    test_awkward_records,
    test_definitions,
    test_guides,
    test_journeys,
    test_published_samples,
    test_quality,
    test_reconciliation,
    test_reference_data,
    test_repeat_contacts,
)
from tests.transform.conversations import DAY
from tests.transform.packed import Engine, Packed
from tests.transform.warehouses import (
    FIRST_BUILD,
    DuckDBWarehouse,
    PostgresWarehouse,
    RawTables,
    Warehouse,
    dbt,
    rows,
)


@pytest.fixture
def duckdb_warehouse(tmp_path: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(tmp_path / "genesys.duckdb")


@pytest.fixture
def postgres_warehouse(postgres: PostgresDatabase, tmp_path: Path) -> PostgresWarehouse:
    return PostgresWarehouse(postgres, tmp_path)


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.slow)])
def warehouse(request: pytest.FixtureRequest) -> Warehouse:
    """Every engine in turn."""
    found: Warehouse = request.getfixturevalue(f"{request.param}_warehouse")
    return found


def _engine(request: pytest.FixtureRequest) -> Engine:
    of_postgres = request.param == "postgres"
    return Engine(request.getfixturevalue("postgres_session") if of_postgres else None)


def _packed(engine: str, *marks: pytest.MarkDecorator) -> ParameterSet:
    """Return an engine whose tests run in one process: it builds once for all of them."""
    return pytest.param(engine, marks=[pytest.mark.xdist_group(f"packed-{engine}"), *marks])


@pytest.fixture(scope="session", params=[_packed("duckdb"), _packed("postgres")])
def packed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """Build what the platform tells in many scenarios."""
    engine = _engine(request)
    warehouse = engine.fresh(tmp_path_factory.mktemp("packed"))
    raw = RawTables(warehouse)
    nameless = test_awkward_records.NAMELESS_GROUPS
    first: dict[str, Any] = {
        name: [*nameless.get(name, ()), *test_reconciliation.READ.get(name, ())]
        for name in {**nameless, **test_reconciliation.READ}
    }
    raw.load(0, window=(DAY, test_reconciliation.WHOLE_DAY[1]), **first)
    raw.load(
        1,
        conversation_details=[
            *test_awkward_records.RECORDS,
            *test_definitions.RECORDS,
            *test_repeat_contacts.CONVERSATIONS,
            *test_reference_data.CONVERSATIONS,
            *test_journeys.CONVERSATIONS,
            *test_quality.CONVERSATIONS,
            test_published_samples.published_conversation(),
        ],
        external_contacts=test_journeys.CONTACTS,
        **test_reference_data.REFERENCE,
    )
    asked = (
        test_reference_data.USERS,
        test_repeat_contacts.REPEATS,
        test_journeys.STEPS,
        test_quality.EVALUATIONS,
        test_reconciliation.RECONCILED,
    )
    marts = re.findall(r"genesys_marts\.(\w+)", " ".join(asked))
    dbt(warehouse, "build", *FIRST_BUILD, *(f"+{mart}" for mart in marts))
    between = {sql: rows(warehouse, sql) for sql in asked}
    raw.load(
        2,
        conversation_details=test_quality.LATER,
        external_contacts=test_journeys.MERGED,
        **test_reference_data.CHANGED,
    )
    raw.load(3, complete=False, **test_reference_data.STOPPED)
    raw.load(4, adjustment=test_reference_data.CUT_AT, **test_reference_data.CUT)
    raw.load(5, window=test_reconciliation.WHOLE_DAY, **test_reconciliation.TAMPERED)
    raw.load(
        6, window=test_repeat_contacts.LATER_DAYS, conversation_details=test_repeat_contacts.LATER
    )
    dbt(warehouse, "run")
    return Packed(engine, engine.renamed(warehouse, "test", "packed"), between)


@pytest.fixture(scope="session", params=[_packed("duckdb"), _packed("postgres", pytest.mark.slow)])
def packed_guides(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Packed:
    """Build what the guides tell in many scenarios, in days of Stockholm."""
    engine = _engine(request)
    directory = tmp_path_factory.mktemp("packed_guides")
    warehouse = engine.fresh(directory)
    project = test_guides.project_of_scenarios(directory)
    raw = RawTables(warehouse)
    build = ("build", *test_guides.MODELS, *test_guides.STOCKHOLM)
    test_guides.load_parts(raw)
    test_guides.load_journeys(raw)
    test_guides.load_reports(raw)
    dbt(warehouse, *build, project=project)
    between = {sql: rows(warehouse, sql) for sql in (test_guides.STEPS, test_guides.OF_TWO_TYPES)}
    test_guides.load_late_merge(raw)
    dbt(warehouse, *build, project=project)
    dbt(warehouse, "test", *test_guides.TOTALS, *test_guides.STOCKHOLM, project=project)
    return Packed(engine, engine.renamed(warehouse, "test", "packed_guides"), between)
