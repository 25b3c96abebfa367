"""What keeps the models one SQL for every engine."""

import re
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from tests.transform.warehouses import PROJECT

MACROS = "\n".join(path.read_text() for path in PROJECT.glob("macros/**/*.sql"))
PROFILES = yaml.safe_load((PROJECT.parent / "profiles" / "profiles.yml").read_text())
# An output of type ELT_TARGET is one of the others again.
TYPES = {output["type"] for output in PROFILES["genesys"]["outputs"].values()}
ENGINES = sorted(engine for engine in TYPES if "{{" not in engine)
DISPATCHED = re.findall(r"adapter\.dispatch\('(\w+)', 'genesys'\)", MACROS)

# Functions and notations that DuckDB and Postgres do not share, or that others lack.
ENGINES_OWN = re.compile(
    r"::|try_cast|json_extract|jsonb|->>?|unnest|string_agg|array_agg|\blist_|struct|bool_or|regexp|"
    r"epoch|date_diff|datediff|to_timestamp|make_timestamp|at time zone|lateral|qualify|ilike|"
    r"current_timestamp|now\(|\sfilter\s*\(|any_value|rowid|ctid",
    re.I,
)


@pytest.mark.parametrize("macro", DISPATCHED)
def test_every_engine_has_its_version(macro: str) -> None:
    """Where there is none dbt says so, and names it; a default is what most engines do."""
    if f"{{% macro default__{macro}(" not in MACROS:
        for engine in ENGINES:
            assert f"{{% macro {engine}__{macro}(" in MACROS


@pytest.mark.parametrize(
    "path",
    [*PROJECT.glob("models/**/*.sql"), *PROJECT.glob("tests/*.sql")],
    ids=lambda path: path.stem,
)
def test_models_use_no_engine_s_own_words(path: Path) -> None:
    sql = re.sub(r"--[^\n]*", "", path.read_text())
    sql = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", sql, flags=re.S)
    assert not ENGINES_OWN.findall(sql)


@pytest.mark.parametrize(
    "path", [*PROJECT.glob("models/marts/**/*.sql")], ids=lambda path: path.stem
)
def test_marts_know_no_contract(path: Path) -> None:
    """What both contracts tell meets in intermediate; a mart made from one would miss the other."""
    assert not re.findall(r"ref\('stg_(?:platform|guides)__\w+'\)", path.read_text())
