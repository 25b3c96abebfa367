"""Metrics and the dictionary: the same words, and the same columns added up and divided."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from loader.seeds import FOLDER, read_seed

MODELS = FOLDER.parent / "models"
DICTIONARY = {
    f"{line['mart']}.{line['metric_name']}": line for line in read_seed(FOLDER, "metric_dictionary")
}


def _defined() -> Iterator[tuple[str, dict[str, Any], dict[str, str]]]:
    """Yield the metrics that have a line in the dictionary, with the measures of their file."""
    for path in sorted((MODELS / "metrics").glob("*.yml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        measures = [
            measure
            for model in content.get("semantic_models", ())
            for measure in model.get("measures", ())
        ]
        added = {
            one["name"]: " ".join(str(one.get("expr", one["name"])).split()) for one in measures
        }
        assert all(one["agg"] == "sum" and one["create_metric"] for one in measures), path.name
        for metric in [*measures, *content.get("metrics", ())]:
            if "label" in metric:
                yield metric["config"]["meta"]["metric_id"], metric, added


DEFINED = {metric["name"]: (key, metric, added) for key, metric, added in _defined()}


@pytest.mark.parametrize("name", DEFINED)
def test_a_metric_is_what_the_dictionary_says(name: str) -> None:
    key, metric, added = DEFINED[name]
    line = DICTIONARY[key]
    # Labels are told apart over all marts, in the dictionary within one.
    assert metric["label"] == line["label"] or metric["label"] == f"{line['label']}, agents"
    text = f"{line['definition']} {line['difference']}".strip()
    assert metric["description"].strip() == text
    parts = metric.get("type_params", {"numerator": name})
    found = {part: added[measure] for part, measure in parts.items()}
    expected = {"numerator": line["numerator"] or line["metric_name"]}
    if line["aggregation"] == "ratio":
        expected["denominator"] = line["denominator"]
    assert found == expected


def test_nothing_of_the_machinery_is_shown_to_readers_of_the_documentation() -> None:
    """The pages of dbt show a model's meta, and nothing else of its config."""
    assert [path.name for path in MODELS.rglob("*.sql") if "meta=" in path.read_text("utf-8")] == []


def test_every_model_and_page_is_somebodys() -> None:
    """A folder of models has a group; an exposure names all views of the report."""
    project = yaml.safe_load((FOLDER.parent / "dbt_project.yml").read_text(encoding="utf-8"))
    folders = project["models"]["genesys"]
    grouped = {name for name, of in {**folders, **folders["marts"]}.items() if "+group" in of}
    lying = {path.parent.name for path in MODELS.glob("marts/*/*.sql")}
    assert grouped == lying | {path.name for path in MODELS.iterdir() if path.is_dir()} - {"marts"}
    text = (MODELS / "_exposures.yml").read_text(encoding="utf-8")
    page = yaml.safe_load(text)["exposures"][0]
    views = {f"ref('{path.stem}')" for path in MODELS.glob("report/rpt_*.sql")}
    assert set(page["depends_on"]) == views
