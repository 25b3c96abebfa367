"""The published schema check, imported from where the contracts lie: beside the project.

They are no part of it. Who has them not runs the same tests without this check, and is told so.
"""

import importlib.util
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

CONTRACTS = Path(__file__).parents[2].parent / "shared" / "contracts"
ARE_HERE = CONTRACTS.is_dir()


def problems(document: object, model: str) -> list[object]:
    """Return what the published schema check objects to in a document of a model."""
    if not ARE_HERE:
        return []
    check, told = _schema_check()
    if model not in told["models"]:
        raise ValueError(f"{model} is not among the published models")
    found: list[object] = []
    check(told["models"], told["enums"], document, model, "$", found)
    return found


def descend(record: object, *names: str) -> Iterator[dict[str, Any]]:
    """Walk down lists of objects by the names they lie under."""
    if not isinstance(record, dict):
        return
    if not names:
        yield record
        return
    for child in record.get(names[0], []):
        yield from descend(child, *names[1:])


@cache
def _schema_check() -> tuple[Callable[..., None], dict[str, Any]]:
    spec = importlib.util.spec_from_file_location("schema_check", CONTRACTS / "schema_check.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f"no schema_check.py in {CONTRACTS}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    models = json.loads((CONTRACTS / "models.json").read_text(encoding="utf-8"))
    return module.check, models
