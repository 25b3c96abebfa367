"""Fingerprints of tables: equal content gives equal ones on every engine, in any order of rows.

Values are brought into one text form in Python, so that no engine's own hash or format is asked:
engines spell numbers, times and JSON differently, and return them as different types.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("marts.json")

# Engines add floats up in any order, and divide to different places: numbers that are not whole are
# compared by so many significant digits.
DIGITS = 9
# Columns that hold each engine's own SQL, by mart: nobody compares them.
OWN = frozenset({("dim_metrics", "formula")})


@dataclass(frozen=True)
class Fingerprint:
    """What a table holds.

    Attributes:
        rows: how many.
        digest: of the rows as wholes.
        columns: digest of each column by itself, by name: tells where two tables differ.
    """

    rows: int
    digest: str
    columns: Mapping[str, str]


def fingerprint(columns: Mapping[str, Sequence[Any]]) -> Fingerprint:
    """Return the fingerprint of a table.

    Args:
        columns: its values by the column's name, in lower case; all of one length.
    """
    names = sorted(columns)
    texts = {name: [canonical(value) for value in columns[name]] for name in names}
    rows = [json.dumps(row) for row in zip(*texts.values(), strict=True)]
    return Fingerprint(
        len(rows), _digest(rows), {name: _digest(values) for name, values in texts.items()}
    )


def canonical(value: object) -> str:
    """Return a value as the one text it has on every engine.

    JSON that stands in a text is taken for what it says: engines order keys and set blanks as they
    like. A time without a zone is UTC.
    """
    if isinstance(value, str):
        if value[:1] in ("{", "["):
            try:
                return canonical(json.loads(value, parse_float=Decimal))
            except ValueError:
                pass
        return json.dumps(value)
    if isinstance(value, Mapping):
        inside = (f"{json.dumps(str(key))}: {canonical(value[key])}" for key in sorted(value))
        return f"{{{', '.join(inside)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(canonical, value))}]"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int | float | Decimal):
        return _number(value)
    if isinstance(value, datetime):
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return moment.isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"a mart holds a {type(value).__name__}")


def read(file: Path = FILE) -> dict[str, Fingerprint]:
    """Return the fingerprints that the marts of the reference world have, by the mart's name."""
    return {name: Fingerprint(**kept) for name, kept in json.loads(file.read_text("utf-8")).items()}


def write(marts: Mapping[str, Fingerprint], file: Path = FILE) -> None:
    """Write them down."""
    kept = {name: vars(marts[name]) for name in sorted(marts)}
    file.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


def _number(value: int | float | Decimal) -> str:
    if value == value // 1:
        return str(int(value))
    rounded = Decimal(f"{value:.{DIGITS}g}")
    return str(int(rounded)) if rounded == rounded // 1 else f"{rounded.normalize():f}"


def _digest(texts: Sequence[str]) -> str:
    """Return the digest of texts, whatever their order: of the sum of their SHA-256."""
    total = sum(int.from_bytes(hashlib.sha256(text.encode()).digest()) for text in texts)
    return f"{total % (1 << 64):016x}"
