"""What keeps the models one SQL for every engine."""

import re
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from tests.engines.supported import SUPPORTED
from tests.transform.warehouses import PROJECT

MACROS = "\n".join(path.read_text() for path in PROJECT.glob("macros/**/*.sql"))
NAMES = set(re.findall(r"\{%-? macro (\w+)\(", MACROS))
DISPATCHED = re.findall(r"adapter\.dispatch\('(\w+)', 'genesys'\)", MACROS)
PROFILES = yaml.safe_load((PROJECT.parent / "profiles" / "profiles.yml").read_text())

# Functions and notations that DuckDB and Postgres do not share, or that others lack.
ENGINES_OWN = re.compile(
    r"::|try_cast|json_extract|jsonb|->>?|unnest|string_agg|array_agg|\blist_|struct|bool_or|regexp|"
    r"epoch|date_diff|datediff|to_timestamp|make_timestamp|at time zone|lateral|qualify|ilike|"
    r"current_timestamp|now\(|\sfilter\s*\(|any_value|rowid|ctid|recursive|\bunion$|\bexcept$|"
    r"intersect|date_trunc|dateadd|split_part|concat_ws|double precision|as (?:text|varchar|int)\b|"
    r"timestamptz|interval '|\bdoy\b|distinct on|using\s*\(|\bexclude\b|=\s*any\b",
    re.I | re.M,
)


@pytest.mark.parametrize("engine", SUPPORTED)
def test_every_engine_has_its_version_of_every_macro(engine: str) -> None:
    """Where there is none dbt says so, and names it; a default is what most engines do."""
    prefixes = (*SUPPORTED[engine], "default")
    assert [
        macro for macro in DISPATCHED if not NAMES & {f"{prefix}__{macro}" for prefix in prefixes}
    ] == []


def test_every_engine_of_a_profile_is_supported() -> None:
    """An output of type ELT_TARGET is one of the others again."""
    types = {output["type"] for output in PROFILES["genesys"]["outputs"].values()}
    assert {engine for engine in types if "{{" not in engine} <= SUPPORTED.keys()


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
