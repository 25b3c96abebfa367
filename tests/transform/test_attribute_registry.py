"""One line in a CSV is a typed column; a wrong line is refused with file, line and remedy."""

from pathlib import Path

import pytest

from tests.transform.conversations import conversation, participant
from tests.transform.warehouses import (
    MODELS_AND_SEEDS,
    DuckDBWarehouse,
    RawTables,
    Warehouse,
    dbt,
    project_with_registry,
    rows,
    set_registry,
)

ATTRIBUTES = (*MODELS_AND_SEEDS, "--select", "+dim_participant_attributes")
# The model that reads the registry first; its parents need not be there for what is refused.
READS_REGISTRY = (*MODELS_AND_SEEDS, "--select", "attribute_registry", "fct_participant_attributes")
TIER = "Customer Tier,customer_tier,text,none,customer,1,false"


def test_a_line_added_becomes_a_column_for_all_history(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    project = project_with_registry(tmp_path, TIER)
    RawTables(warehouse).load(
        1,
        conversation_details=[
            conversation(
                "c-1",
                [
                    participant(
                        "p-1",
                        "customer",
                        attributes={"Customer Tier": "gold", "total": "12.50", "order": "yes"},
                    ),
                    participant("p-2", "customer", attributes={"total": "", "customer tier": "x"}),
                    participant("p-3", "customer", attributes={"total": "a lot"}),
                    participant("p-4", "agent", attributes={"total": "7"}),
                    participant("p-5", "acd"),
                ],
            )
        ],
    )
    dbt(warehouse, "build", *ATTRIBUTES, project=project)
    select = "select participant_id, customer_tier from genesys_marts.dim_participant_attributes"
    assert sorted(rows(warehouse, select), key=str) == [
        {"participant_id": "p-1", "customer_tier": "gold"},
        {"participant_id": "p-2", "customer_tier": "none"},
        {"participant_id": "p-3", "customer_tier": "none"},
        {"participant_id": "p-4"},
        {"participant_id": "p-5"},
    ]

    set_registry(
        project,
        TIER,
        "customer tier,customer_tier,text,none,customer,2,false",
        "total,total,number,0,,,false",
        # A reserved word of SQL's is a column name like any other.
        "order,order,boolean,false,,,false",
    )
    dbt(warehouse, "build", *ATTRIBUTES, project=project)
    select = (
        'select participant_id, customer_tier, total, "order"'
        " from genesys_marts.dim_participant_attributes"
    )
    no, zero = False, "0E-9"
    assert sorted(rows(warehouse, select), key=str) == [
        {
            "participant_id": "p-1",
            "customer_tier": "gold",
            "total": "12.500000000",
            '"order"': True,
        },
        {"participant_id": "p-2", "customer_tier": "x", '"order"': no},
        {"participant_id": "p-3", "customer_tier": "none", '"order"': no},
        {"participant_id": "p-4", "total": "7.000000000", '"order"': no},
        {"participant_id": "p-5", "total": zero, '"order"': no},
    ]
    contract = (
        "select column_name, data_type from information_schema.columns"
        " where table_name = 'dim_participant_attributes'"
        " and column_name in ('total', 'order', 'customer_tier') order by column_name"
    )
    assert [kind.split("(")[0].upper() for _, kind in warehouse.execute(contract)] == [
        *(["TEXT"] if warehouse.name == "postgres" else ["VARCHAR"]),
        "BOOLEAN",
        *(["NUMERIC"] if warehouse.name == "postgres" else ["DECIMAL"]),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a,col,numbr,,,,false", "line 3: data_type 'numbr' is unknown; use one of text, number"),
        ("a,customer_tier,text,none,,,false", "line 3: column_name 'customer_tier' is taken by"),
        ("a,customer_tier,text,,,2,false", "line 3: column_name 'customer_tier' has another"),
        ("a,Tier 2,text,,,,false", "line 3: column_name 'Tier 2' is no column name; use lower"),
        ("a,customer_tier,text,none,,2,true", "line 3: column_name 'customer_tier' has another"),
        ("a,loaded_at,text,,,,false", "line 3: column_name 'loaded_at' is a column that the dim"),
        ("a,col,number,much,,,false", "line 3: default_value 'much' is no number; correct it"),
        ("a,col,text,,client,,false", "line 3: participant_purpose 'client' is unknown; leave"),
        ("a,col,text,,,first,false", "line 3: precedence 'first' is no rank; use 1 to 99"),
        ("a,col,text,,,,", "line 3: is_pii '' is unclear; use true or false"),
        (",col,text,,,,false", "line 3: name is empty; give the attribute's exact name"),
        ("Customer Tier,tier_2,text,,customer,,false", "line 3: name 'Customer Tier' is regist"),
    ],
)
def test_a_wrong_line_is_refused(
    refusing: tuple[DuckDBWarehouse, Path], line: str, message: str
) -> None:
    warehouse, project = refusing
    set_registry(project, TIER, line)
    problems = dbt(warehouse, "build", *READS_REGISTRY, project=project, expect_success=False)
    assert len(problems) == 1
    assert f"dbt_project/seeds/attribute_registry.csv {message}" in problems[0]


def test_a_wrong_line_stops_the_seed_itself(refusing: tuple[DuckDBWarehouse, Path]) -> None:
    warehouse, project = refusing
    set_registry(project, "a,Tier 2,text,,,,false")
    problems = dbt(
        warehouse, "seed", "--select", "attribute_registry", project=project, expect_success=False
    )
    assert len(problems) == 1
    assert "attribute_registry.csv line 2: column_name 'Tier 2' is no column name" in problems[0]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            "select 'a' as name, 'Tier 2' as column_name, 'numbr' as data_type, null as"
            " default_value, null as participant_purpose, null as precedence, null as is_pii,"
            " 2 as line_number",
            " line 2: column_name 'Tier 2' is no column name",
        ),
        (
            "select 'a' as name, 'tier' as column_name, 'text' as data_type, null as"
            " default_value, null as participant_purpose, null as precedence, null as is_pii",
            ": its table is an older version's; run `dbt seed`.",
        ),
        ("select 1 as something_else", " line 1: the columns must be name,column_name,"),
    ],
    ids=["line", "older", "columns"],
)
def test_a_broken_registry_stops_its_models_and_nothing_that_builds_none(
    refusing: tuple[DuckDBWarehouse, Path], table: str, message: str
) -> None:
    warehouse, project = refusing
    warehouse.execute("create schema if not exists genesys_seeds")
    warehouse.execute(f"create or replace table genesys_seeds.attribute_registry as {table}")
    only = ("--select", "dim_participant_attributes")
    dbt(warehouse, "parse", project=project)
    dbt(warehouse, "compile", *only, project=project)
    dbt(warehouse, "docs generate", *only, project=project)
    problems = dbt(warehouse, "run", *only, project=project, expect_success=False)
    assert len(problems) == 1
    assert f"dbt_project/seeds/attribute_registry.csv{message}" in problems[0]


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> tuple[DuckDBWarehouse, Path]:
    directory = tmp_path_factory.mktemp("registry")
    warehouse = DuckDBWarehouse(directory / "genesys.duckdb")
    project = project_with_registry(directory, TIER)
    RawTables(warehouse)
    return warehouse, project
