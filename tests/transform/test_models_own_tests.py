"""dbt's own tests of the models, of data and of single models, on records of every kind."""

from collections import Counter
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from tests.transform.packed import Packed
from tests.transform.warehouses import PROJECT


def test_every_test_of_the_models_passes(packed: Packed) -> None:
    packed.dbt("test")


@pytest.mark.parametrize(
    "path", sorted(PROJECT.glob("models/marts/*/fct_*.yml")), ids=lambda path: path.stem
)
def test_every_fact_has_a_date_of_the_report_s_zone(path: Path) -> None:
    [model] = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
    columns = {column["name"]: column for column in model["columns"]}
    dated = [name for name in columns if name.endswith("_date") and name != "value_date"]
    assert dated
    for name in dated:
        time = "interval_started_at" if name == "report_date" else f"{name[:-5]}_at"
        assert time in columns
        assert "local_date" in columns[name]["description"]


def test_what_a_column_means_in_many_models_is_written_once() -> None:
    """In models/columns.md; three models that say the same of a column are enough."""
    said: Counter[tuple[str, str]] = Counter()
    for path in PROJECT.glob("models/**/*.yml"):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
            for column in model.get("columns", []):
                said[column["name"], " ".join(column.get("description", "").split())] += 1
    assert {
        (name, text): count
        for (name, text), count in said.items()
        if count > 3 and len(text) >= 25 and "doc(" not in text
    } == {}
