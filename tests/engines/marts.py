"""Marts of two engines compared: every row, every column, duplicates counted."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from loader.reference.fingerprints import OWN
from tests.transform.warehouses import PROJECT

MARTS = sorted(path.stem for path in PROJECT.glob("models/marts/*/*.yml"))
# Engines add up doubles in different orders: as far as they may lie apart, rounded.
DOUBLE_DIGITS = 9


@dataclass(frozen=True)
class Difference:
    """What two engines have differently of a mart; nothing is empty."""

    mart: str
    only_left: int
    only_right: int
    columns: list[str]
    examples: list[object]


def differences(database: Path, exported: Path, marts: list[str]) -> Iterator[Difference]:
    """Compare the marts of a DuckDB warehouse with those of another engine.

    Args:
        database: the DuckDB file.
        exported: a folder with a folder of Parquet files for each mart of the other.
        marts: which.
    """
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach '{database}' as warehouse (read_only)")
        for mart in marts:
            types: dict[str, str] = dict(
                connection.execute(
                    "select column_name, data_type from duckdb_columns()"
                    " where database_name = 'warehouse' and schema_name = 'genesys_marts'"
                    f" and table_name = '{mart}'"
                ).fetchall()
            )
            assert types, mart
            other = {
                name
                for (name, *_) in connection.execute(
                    f"describe from read_parquet('{exported}/{mart}/*.parquet')"
                ).fetchall()
            }
            missing = sorted(types.keys() ^ other)
            if missing:
                yield Difference(mart, 0, 0, missing, [])
                continue
            types = {name: kind for name, kind in types.items() if (mart, name) not in OWN}
            left = f"select {_columns(types)} from warehouse.genesys_marts.{mart}"
            right = f"select {_columns(types)} from read_parquet('{exported}/{mart}/*.parquet')"
            only_left = _less(connection, left, right)
            only_right = _less(connection, right, left)
            if only_left or only_right:
                columns = [
                    name
                    for name in types
                    if _less(
                        connection,
                        f'select "{name}" from ({left})',
                        f'select "{name}" from ({right})',
                    )
                ]
                chosen = ", ".join(f'"{name}"' for name in columns) or "*"
                few = connection.execute(
                    f"(select 'left', {chosen} from ({left} except all {right}) limit 2) union all"
                    f" (select 'right', {chosen} from ({right} except all {left}) limit 2)"
                ).fetchall()
                yield Difference(mart, only_left, only_right, columns, list(few))


def _columns(types: dict[str, str]) -> str:
    return ", ".join(
        f'round(cast("{name}" as double), {DOUBLE_DIGITS}) as "{name}"'
        if kind == "DOUBLE"
        else f'cast("{name}" as {kind}) as "{name}"'
        for name, kind in sorted(types.items())
    )


def _less(connection: duckdb.DuckDBPyConnection, left: str, right: str) -> int:
    """Return how many rows of one query the other lacks."""
    rows = connection.execute(f"select count(*) from ({left} except all {right})").fetchall()
    return int(rows[0][0])
