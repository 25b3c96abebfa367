"""The metric dictionary: every number of the marts has an entry, each of which can be computed."""

import re
from pathlib import Path

import duckdb
import pytest
import yaml  # type: ignore[import-untyped]

from loader.errors import SettingsError
from loader.seeds import FOLDER, read_seed
from tests.dictionary import PAGE, SEED, page

MARTS = FOLDER.parent / "models" / "marts"
# Whose numbers people report.
COVERED = ("interactions", "intervals", "outcomes", "quality")
NUMERIC = re.compile(r"bigint|double precision|numeric.*")
# Numbers that are places in an order, lengths of a row or parts of a date.
NO_MEASURES = re.compile(r".*_number|interval_minutes|day_of_month")

ENTRIES = read_seed(FOLDER, SEED)


def columns_of(mart: str) -> dict[str, str]:
    """Return a mart's columns and their types, as its contract has them."""
    [path] = MARTS.glob(f"*/{mart}.yml")
    [model] = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
    return {column["name"]: column["data_type"] for column in model["columns"]}


def measures_of(mart: str) -> set[str]:
    return {
        name
        for name, kind in columns_of(mart).items()
        if NUMERIC.fullmatch(kind) and not NO_MEASURES.fullmatch(name)
    }


@pytest.mark.parametrize(
    "mart", sorted(path.stem for folder in COVERED for path in MARTS.glob(f"{folder}/fct_*.yml"))
)
def test_every_number_of_a_mart_has_an_entry(mart: str) -> None:
    entries = {line["metric_name"] for line in ENTRIES if line["mart"] == mart}
    assert measures_of(mart) - entries == set()


@pytest.mark.parametrize("mart", sorted({line["mart"] for line in ENTRIES}))
def test_every_entry_can_be_computed_of_its_mart(mart: str) -> None:
    columns = columns_of(mart)
    with duckdb.connect() as connection:
        typed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        connection.execute(f"create table {mart} ({typed})")
        for line in (line for line in ENTRIES if line["mart"] == mart):
            name = line["metric_name"]
            assert line["numerator"] or name in columns, f"{mart}.{name} is no column"
            for expression in (line["numerator"] or name, line["denominator"] or "1"):
                connection.execute(f"select sum({expression}) from {mart}")


def test_a_label_means_one_metric_of_a_mart_and_a_name_has_one_unit() -> None:
    for mart in {line["mart"] for line in ENTRIES}:
        labels = [line["label"] for line in ENTRIES if line["mart"] == mart]
        assert len(labels) == len(set(labels)), mart
    units: dict[str, set[str]] = {}
    for line in ENTRIES:
        units.setdefault(line["metric_name"], set()).add(line["unit"])
    assert {name: found for name, found in units.items() if len(found) > 1} == {}


def test_the_documentation_shows_the_dictionary_as_it_is() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "make dictionary writes it anew"


HEADER = (FOLDER / f"{SEED}.csv").read_text(encoding="utf-8").splitlines()[0]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("m,a,A,count,sum,,,,,,", "line 2: definition is empty"),
        ("m,a,A,minutes,sum,,,,,x,", "line 2: unit 'minutes' is unknown"),
        ("m,a,A,count,mean,,,,,x,", "line 2: aggregation 'mean' is unknown"),
        ("m,a,A,share,ratio,b,,,,x,", "line 2: a ratio needs numerator and denominator"),
        ("m,a,A,count,sum,,b,,,x,", "line 2: denominator is given, but aggregation is 'sum'"),
        ("m,a,A,count,sum,,,,,x,\nm,a,B,count,sum,,,,,x,", "line 3: mart and metric_name m, a"),
    ],
)
def test_a_wrong_line_is_refused(tmp_path: Path, line: str, problem: str) -> None:
    (tmp_path / f"{SEED}.csv").write_text(f"{HEADER}\n{line}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=re.escape(problem)):
        read_seed(tmp_path, SEED)
