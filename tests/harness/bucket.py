"""The files of a raw dataset as tables of DuckDB: tests look at them without the loader."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import duckdb

DATASET = "genesys_raw"


@contextlib.contextmanager
def tables_of(bucket: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Copy every table of a folder into memory.

    Args:
        bucket: the folder the dataset lies in; without one there are no tables.
    """
    with duckdb.connect() as connection:
        connection.execute(f"set TimeZone = 'UTC'; create schema {DATASET}")
        for folder in sorted((bucket / DATASET).glob("[!.]*/")):
            files = sorted(map(str, folder.iterdir()))
            if not files:
                continue
            read = (
                "read_parquet(?, union_by_name = true)"
                if files[0].endswith(".parquet")
                else "read_json(?, format = 'newline_delimited')"
            )
            connection.execute(
                f'create table {DATASET}."{folder.name}" as select * from {read}', [files]
            )
        yield connection
