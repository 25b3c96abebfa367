"""A wrong line in a seed that analysts own is refused with file, line and remedy."""

import re
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from loader.errors import SettingsError
from loader.seed_rules import personal_columns, seeds_of_analysts
from loader.seeds import read_seed
from tests.transform.warehouses import (
    PROJECT,
    DuckDBWarehouse,
    RawTables,
    dbt,
    project_with_registry,
    set_seed,
)

# One wrong line per seed and round, below a right one where the fault needs it.
ROUNDS: list[dict[str, tuple[list[str], str]]] = [
    {
        "attribute_registry": (["a,Col,text,,,,false"], "line 2: column_name 'Col' is no column"),
        "flow_outcome_aliases": (["f,,new"], "line 2: old_name is empty; fill it in or remove"),
        "expected_flow_outcomes": (["f,a", "f, "], "line 3: outcome_name is empty; fill it in or"),
        "interaction_columns": (["1,*,all,text"], "line 2: source_column '*' is no column of the"),
        "journey_states": (["Draft,true"], "line 2: state 'Draft' is no state; write it as"),
        "pii_policy": (
            ["dim_people,email,hash"],
            "line 2: model_name 'dim_people' is no mart with",
        ),
        "service_levels": ([",voice,20,0.8,"], "line 2: queue_id is empty; give a queue's id, or"),
        "business_hours": ([",monday,08:00,18:00,"], "line 2: queue_id is empty; give a queue's"),
    },
    {
        "flow_outcome_aliases": (
            ["f,a,b", "g,a,b", "f,a,c"],
            "line 4: flow_id and old_name f, a are taken by line 2; remove one of the two.",
        ),
        "expected_flow_outcomes": (["f,a", "f,a "], "line 3: flow_id and outcome_name f, a are"),
        "interaction_columns": (
            ["1,id,Id,text"],
            "line 2: column_name 'Id' is no column name; use",
        ),
        "journey_states": (["DRAFT,maybe"], "line 2: is_kept 'maybe' is unclear; use true or"),
        "pii_policy": (["dim_contacts,phone,hash"], "line 2: column_name 'phone' is no personal"),
        "service_levels": (["*,phone,20,0.8,"], "line 2: media_type 'phone' is unknown; use one"),
        "business_hours": (
            ["*,Monday,08:00,18:00,"],
            "line 2: day 'Monday' is unknown; use one of monday, tuesday,",
        ),
    },
    {
        "interaction_columns": (["one,id,id,text"], "line 2: version 'one' is no version; use 1,"),
        "journey_states": (["MERGED,true", "MERGED,false"], "line 3: state MERGED are taken by"),
        "pii_policy": (["dim_users,email,mask"], "line 2: treatment 'mask' is unknown; use one of"),
        "service_levels": (["*,voice,20 s,0.8,"], "line 2: seconds '20 s' are no whole seconds;"),
        "business_hours": (
            ["*,2026-12-25,,,", "q,monday,,,"],
            "line 3: opens and closes are empty; fill them in, or remove the line: a weekday",
        ),
    },
    {
        "interaction_columns": (
            ["1,id,id,uuid"],
            "line 2: data_type 'uuid' is unknown; use one of",
        ),
        "pii_policy": (["dim_users,user_name,drop"], "line 2: dim_users.user_name is never null"),
        "service_levels": (["*,voice,20,80,"], "line 2: share '80' is no share; use 0.8 for 80 %"),
        "business_hours": (["*,monday,8:00,18:00,"], "line 2: opens '8:00' is no time; use 08:00,"),
    },
    {
        "pii_policy": (
            ["bridge_contact_external_ids,external_id,hash", "dim_contacts,first_name,keep"],
            "dim_contacts.middle_name has no line; add one with keep, hash or drop.",
        ),
        "service_levels": (
            ["*,voice,20,0.8,five"],
            "line 2: short_abandon_seconds 'five' are no whole seconds; leave them empty",
        ),
        "business_hours": (
            ["*,monday,22:00,06:00,"],
            "line 2: it closes at 06:00, not after it opens; hours beyond midnight are two lines,",
        ),
    },
    {
        "service_levels": (
            ["*,voice,20,0.8,", "*,voice,30,0.8,"],
            "line 3: queue_id and media_type *, voice are taken by line 2; remove one of the two.",
        ),
        "business_hours": (
            ["*,monday,08:00,24:00,Europe/Berlin", "*,sunday,08:00,12:00,Mars/Phobos"],
            "line 3: time_zone 'Mars/Phobos' is unknown; use an IANA name as Europe/Berlin, or",
        ),
    },
    {"business_hours": (["*,monday,08:00,25:00,"], "line 2: closes '25:00' is no time; use 18:00")},
]


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> tuple[DuckDBWarehouse, Path]:
    directory = tmp_path_factory.mktemp("seeds")
    warehouse = DuckDBWarehouse(directory / "genesys.duckdb")
    RawTables(warehouse)
    return warehouse, project_with_registry(directory)


@pytest.mark.parametrize("lines", ROUNDS, ids=range(len(ROUNDS)))
def test_a_wrong_line_is_refused_by_dbt_in_the_loader_s_words(
    refusing: tuple[DuckDBWarehouse, Path], lines: dict[str, tuple[list[str], str]]
) -> None:
    warehouse, project = refusing
    for name, (wrong, _) in lines.items():
        set_seed(project, name, *wrong)
    problems = dbt(warehouse, "seed", "--select", *lines, project=project, expect_success=False)
    found = {problem.split(":")[0]: problem for problem in problems}
    assert found.keys() == lines.keys()
    for name, (_, message) in lines.items():
        assert re.search(rf"dbt_project/seeds/{name}\.csv:? {re.escape(message)}", found[name])
        with pytest.raises(SettingsError) as refused:
            read_seed(project / "seeds", name)
        assert re.sub(r".*dbt_project/", "dbt_project/", str(refused.value)) in found[name]


def test_the_project_s_own_lines_are_right() -> None:
    assert set(seeds_of_analysts()) == {path.stem for path in (PROJECT / "seeds").glob("*.csv")}
    for seed in seeds_of_analysts():
        read_seed(PROJECT / "seeds", seed)


def test_every_personal_column_of_a_mart_is_marked_in_its_yml() -> None:
    # Attributes have their answer in the registry.
    personal = {("fct_participant_attributes", name) for name in ("raw_value", "value_text")}
    personal |= {(model, name) for model, names in personal_columns().items() for name in names}
    marked = set()
    for path in (PROJECT / "models" / "marts").rglob("*.yml"):
        for model in yaml.safe_load(path.read_text())["models"]:
            marked |= {
                (model["name"], column["name"])
                for column in model["columns"]
                if column.get("config", {}).get("meta", {}).get("is_pii")
            }
    assert marked == personal
