"""`make erd`: docs/MODELS.md, how marts hang together, drawn from their `relationships` tests."""

import json
import sys
import tempfile
from pathlib import Path, PurePath
from typing import Any

from dbt.cli.main import dbtRunner
from dbterd.api import DbtErd

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "MODELS.md"
MARTS = PurePath("models/marts")
HEAD = """\
# How the marts hang together

A picture for each folder of `dbt_project/models/marts`, made by `make erd`: a line is a
`relationships` test, so it holds in your warehouse too, and names the key it goes by. What rows and
columns mean is in `make docs`.
"""
# A picture without types needs no catalog of a warehouse.
NO_CATALOG = {
    "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog/v1.json"},
    "nodes": {},
    "sources": {},
}


def page(manifest: Path) -> str:
    """Return the page of what dbt wrote into `manifest.json`."""
    nodes: dict[str, Any] = json.loads(manifest.read_text("utf-8"))["nodes"]
    folders: dict[str, set[str]] = {}
    for unique_id, node in nodes.items():
        path = PurePath(node["original_file_path"])
        if node["resource_type"] == "model" and path.is_relative_to(MARTS):
            folders.setdefault(path.parent.name, set()).add(unique_id)
    sections = []
    with tempfile.TemporaryDirectory() as name:
        artifacts = Path(name)
        (artifacts / "manifest.json").write_bytes(manifest.read_bytes())
        (artifacts / "catalog.json").write_text(json.dumps(NO_CATALOG))
        for folder, models in sorted(folders.items()):
            lines = _lines(artifacts, nodes, models)
            if lines:
                picture = "\n".join(["erDiagram", *lines])
                sections.append(f"\n## {folder}\n\n```mermaid\n{picture}\n```\n")
    return HEAD + "".join(sections)


def _lines(artifacts: Path, nodes: dict[str, Any], models: set[str]) -> list[str]:
    """Return the lines that lead from some models to others."""
    ends = {
        end
        for node in nodes.values()
        if node.get("attached_node") in models and node["test_metadata"]["name"] == "relationships"
        for end in node["depends_on"]["nodes"]
    }
    if not ends:
        return []
    drawing = DbtErd(
        select=[f"exact:{model}" for model in sorted(ends)],
        artifacts_dir=artifacts,
        target="mermaid",
        entity_name_format="model",
        omit_columns=True,
    ).get_erd()
    begin = tuple(f'"{model.rsplit(".", 1)[-1].upper()}" ' for model in models)
    return sorted(
        {line for line in drawing.splitlines() if line.strip().startswith(begin) and ": " in line}
    )


if __name__ == "__main__":
    parsed = dbtRunner().invoke(["parse", "--quiet"])
    if not parsed.success:
        sys.exit(f"ERROR {parsed.exception}")
    PAGE.write_text(page(ROOT / "dbt_project" / "target" / "manifest.json"), "utf-8")
