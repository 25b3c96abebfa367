"""Pages as they are written, and the tables in them."""

import json
import re
from pathlib import Path
from typing import Any

from tests.harness.place import Place


def written(place: Place, *arguments: str) -> Path:
    """Write the report of a place, which says where it is."""
    said = place.run("report", *arguments).succeeded().stdout
    return place.folder / said.split("The report is ")[1].strip()


def tables_of(page: Path) -> dict[str, dict[str, Any]]:
    """Return the tables in a page, as its script reads them."""
    text = page.read_text(encoding="utf-8")
    [data] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    found: dict[str, dict[str, Any]] = json.loads(data)["tables"]
    return found


def values_of(column: Any, length: int) -> list[Any]:  # noqa: ANN401 - as it is written
    """Return a column's values, row by row."""
    if column is None:
        return [None] * length
    if isinstance(column, list):
        return column
    codes = column.get("codes") or [
        code
        for code, count in zip(column["runs"][::2], column["runs"][1::2], strict=True)
        for _ in range(count)
    ]
    return [column["words"][code] for code in codes]


def rows_of(table: dict[str, Any]) -> list[str]:
    """Return the rows of a table, as texts that can be compared, in an order of their own."""
    columns = [values_of(column, table["length"]) for _, column in sorted(table["columns"].items())]
    return sorted(json.dumps(row) for row in zip(*columns, strict=True))
