"""Seeds: what analysts may write, and how a wrong line is refused."""

from pathlib import Path

import pytest

from loader.errors import SettingsError
from loader.seed_rules import seeds_of_analysts
from loader.seeds import ATTRIBUTE_REGISTRY, INTERACTION_COLUMNS, check_seeds, read_seed

HEADER = "name,column_name,data_type,default_value,participant_purpose,precedence,is_pii\n"


def seed_file(folder: Path, seed: str, text: str) -> Path:
    (folder / f"{seed}.csv").write_text(text, encoding="utf-8")
    return folder


def test_the_seeds_of_the_project_are_read_without_a_word() -> None:
    check_seeds()


def test_a_name_keeps_the_blanks_that_belong_to_it(tmp_path: Path) -> None:
    folder = seed_file(
        tmp_path, ATTRIBUTE_REGISTRY, HEADER + ' Tier ,tier , text,"a, b",,1,false\n'
    )
    [line] = read_seed(folder, ATTRIBUTE_REGISTRY)
    assert (line["name"], line["column_name"], line["data_type"]) == (" Tier ", "tier", "text")
    assert line["default_value"] == "a, b"


@pytest.mark.parametrize(
    ("seed", "text", "problem"),
    [
        (
            ATTRIBUTE_REGISTRY,
            HEADER + "A,a,money,,,1,false\n",
            "line 2: data_type 'money' is unkno",
        ),
        (ATTRIBUTE_REGISTRY, HEADER + "A,Tier x,text,,,1,false\n", "line 2: column_name 'Tier x'"),
        (ATTRIBUTE_REGISTRY, HEADER + ",a,text,,,1,false\n", "line 2: name is empty"),
        (
            ATTRIBUTE_REGISTRY,
            HEADER + "A,a,text,,,,false\nB,b,text,,,1,false\nC,a,text,,,1,false\n",
            "line 4: column_name 'a' is taken by line 2; choose another",
        ),
        (ATTRIBUTE_REGISTRY, HEADER + "A,a,text\n", "line 2: must have 7 values"),
        (ATTRIBUTE_REGISTRY, "name,column\nA,a\n", "line 1: the columns must be name,column_name"),
        (
            INTERACTION_COLUMNS,
            "version,source_column,column_name,data_type\n1,*,everything,text\n",
            "line 2: source_column '*' is no column",
        ),
        (
            "journey_states",
            "state,is_kept\nTERMINATED,maybe\n",
            "line 2: is_kept 'maybe' is unclear",
        ),
        ("expected_flow_outcomes", "flow_id,outcome_name\nf-1,\n", "line 2: outcome_name is empty"),
    ],
)
def test_a_wrong_line_is_refused_with_file_line_and_remedy(
    tmp_path: Path, seed: str, text: str, problem: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        read_seed(seed_file(tmp_path, seed, text), seed)
    assert f"{seed}.csv {problem}" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_or_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"attribute_registry\.csv cannot be read"):
        check_seeds(tmp_path)
    for seed in seeds_of_analysts():
        (tmp_path / f"{seed}.csv").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(SettingsError, match=r"attribute_registry\.csv cannot be read"):
        check_seeds(tmp_path)
