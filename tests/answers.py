"""`make answers`: what the queries of README and docs/QUESTIONS.md give in the demo, below each.

tests/end_to_end/test_from_genesys_to_marts.py holds them to it.
"""

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from tests.demo import DATABASES

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "docs" / "QUESTIONS.md")
Rows = Sequence[Sequence[Any]]

_QUERY = re.compile(r"(?<=```sql\n).*?(?=```)", re.DOTALL)


def answered(page: str, execute: Callable[[str], Rows]) -> str:
    """Return a page in Markdown with the answers of today below its queries."""
    return _QUERY.sub(lambda query: _answered(query[0], execute), page)


def _answered(query: str, execute: Callable[[str], Rows]) -> str:
    sql = re.sub(r"^-- .*\n", "", query, flags=re.MULTILINE)
    rows = [[_told(cell) for cell in row] for row in execute(sql)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return sql + "".join(f"-- {line}\n" for line in lines)


def _told(cell: object) -> str:
    return cell if isinstance(cell, str) else f"{float(str(cell)):g}"


if __name__ == "__main__":
    database = ROOT / DATABASES["platform"]
    if not database.exists():
        sys.exit("ERROR the demo was not made yet: make demo.")
    with duckdb.connect(str(database), read_only=True) as connection:
        for path in PAGES:
            text = path.read_text("utf-8")
            path.write_text(answered(text, lambda sql: connection.execute(sql).fetchall()), "utf-8")
