"""The world a warehouse is checked with: loads of an invented contact centre, kept as one file.

The file is compressed JSON lines: first the seeds and variables the marts were built with, then one
line per row, in the order of the loads. `make check-world` writes it from the sandbox.
"""

import json
import lzma
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from loader.ledger import LEDGER_SCHEMAS
from loader.raw import RAW_SCHEMA

FILE = Path(__file__).with_name("world.jsonl.xz")

Load = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class World:
    """What is loaded and what it is transformed with.

    Attributes:
        seeds: the text of each seed's file, by its name: a user's own would give other marts.
        variables: dbt's, as the project sets them.
        loads: in their order, the rows of each by their table.
    """

    seeds: Mapping[str, str]
    variables: Mapping[str, Any]
    loads: Sequence[Load]

    def tables(self) -> Iterator[dict[str, pa.Table]]:
        """Walk through the loads as a commit takes them."""
        for load in self.loads:
            yield {
                name: pa.Table.from_pylist([_parsed(row, schema) for row in rows], schema=schema)
                for name, rows in load.items()
                for schema in [LEDGER_SCHEMAS.get(name, RAW_SCHEMA)]
            }


def read(file: Path = FILE) -> World:
    """Read the world."""
    with lzma.open(file, "rt", encoding="utf-8") as lines:
        first = json.loads(next(lines))
        loads: dict[int, dict[str, list[Any]]] = {}
        for line in lines:
            number, table, row = json.loads(line)
            loads.setdefault(number, {}).setdefault(table, []).append(row)
    return World(first["seeds"], first["variables"], list(loads.values()))


def write(world: World, file: Path = FILE) -> None:
    """Write the world; the same one is the same bytes."""
    with lzma.open(file, "wt", encoding="utf-8", preset=9) as lines:
        first = {"seeds": world.seeds, "variables": world.variables}
        for line in [first, *_rows(world)]:
            text = json.dumps(line, ensure_ascii=False, default=datetime.isoformat, sort_keys=True)
            lines.write(f"{text}\n")


def _rows(world: World) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    for number, load in enumerate(world.loads, start=1):
        for table, rows in load.items():
            for row in rows:
                yield number, table, row


def _parsed(row: Mapping[str, Any], schema: pa.Schema) -> dict[str, Any]:
    """Return a row with its times; JSON has none."""
    return {
        name: datetime.fromisoformat(value)
        if isinstance(value, str) and pa.types.is_timestamp(schema.field(name).type)
        else value
        for name, value in row.items()
    }
