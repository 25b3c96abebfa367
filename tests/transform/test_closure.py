"""Chains of any length, and circles, by the materialization that stands in for recursion."""

from pathlib import Path

from tests.transform.warehouses import (
    RawTables,
    Warehouse,
    dbt,
    project_with_registry,
    rows,
    set_seed,
)

NAMES = (
    "select old_name, outcome_name from genesys_intermediate.int_flow_outcome_names_resolved"
    " where flow_id = '{flow}' order by old_name"
)
PAIRS = "select count(*) as pairs from genesys_intermediate.int_flow_outcome_names_reached"
LENGTH = 150


def test_renamings_are_followed_to_their_end_and_seeds_filled_in_place(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    RawTables(warehouse)
    project = project_with_registry(tmp_path / "project")
    chain = [f"long,name {number:03},name {number + 1:03}" for number in range(LENGTH)]
    quoted = [r"long,it's \n,name 000"]
    circle = ["round,b,c", "round,c,a", "round,a,b", "round,before,c"]
    build = (
        *("build", "--select", "flow_outcome_aliases+2", "+int_business_hours"),
        *("--exclude-resource-type", "unit_test", "--indirect-selection", "cautious"),
    )

    set_seed(project, "flow_outcome_aliases", *chain, *quoted, *circle)
    dbt(warehouse, *build, project=project)
    long = rows(warehouse, NAMES.format(flow="long"))
    assert len(long) == LENGTH + 1
    assert long[0]["old_name"] == r"it's \n"
    assert {row["outcome_name"] for row in long} == {f"name {LENGTH:03}"}
    # All of them go round for ever: the smallest stands for them.
    assert rows(warehouse, NAMES.format(flow="round")) == [
        {"old_name": name, "outcome_name": "a"} for name in ("a", "b", "before", "c")
    ]

    # A seed that is filled anew keeps the views on it, also where nothing makes them again.
    hours = "select count(*) as days from genesys_intermediate.int_business_hours"
    assert rows(warehouse, hours) == [{"days": 0}]
    set_seed(project, "business_hours", "*,monday,08:00,18:00,")
    dbt(warehouse, "seed", "--select", "business_hours", project=project)
    assert rows(warehouse, hours) == [{"days": 1}]

    # What was taken back is gone with the next build, and the seed's table knows its new lines.
    set_seed(project, "flow_outcome_aliases", *chain[:2])
    dbt(warehouse, *build, project=project)
    assert rows(warehouse, PAIRS) == [{"pairs": 3}]
    seed = "select old_name, line_number from genesys_seeds.flow_outcome_aliases order by old_name"
    assert rows(warehouse, seed) == [
        {"old_name": "name 000", "line_number": 2},
        {"old_name": "name 001", "line_number": 3},
    ]
