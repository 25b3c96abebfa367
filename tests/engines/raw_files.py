"""Raw tables as dlt's filesystem destination lays them down: a folder each, a file per load."""

import json
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

RAW = "genesys_raw"


def loads_of(database: Path) -> list[str]:
    """Return the completed loads of a DuckDB warehouse, the oldest first."""
    with duckdb.connect(str(database), read_only=True) as connection:
        rows = connection.execute(
            f"select distinct load_id from {RAW}._dlt_loads where status = 0 order by load_id"
        ).fetchall()
    return [load_id for (load_id,) in rows]


def write_files(database: Path, bucket: Path, loads: Iterable[str]) -> None:
    """Write the rows of some loads of a DuckDB warehouse as the files of a bucket.

    Args:
        database: the warehouse.
        bucket: the folder that is the bucket.
        loads: their ids; the files of others stay.
    """
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        tables = connection.execute(
            "select distinct table_name from duckdb_columns()"
            f" where schema_name = '{RAW}' and column_name = '_dlt_load_id'"
        ).fetchall()
        for load_id in loads:
            for (table,) in tables:
                _write_rows(connection, table, load_id, bucket)
            _write_completion(connection, load_id, bucket)


def spoil_column(bucket: Path, table: str, column: str) -> None:
    """Overwrite all values of a column in the files of a table; their footers stay."""
    for path in sorted((bucket / RAW / table).glob("*.parquet")):
        footer = pq.read_metadata(path)
        with path.open("r+b") as file:
            for number in range(footer.num_row_groups):
                group = footer.row_group(number)
                chunks = (group.column(one) for one in range(group.num_columns))
                [chunk] = [one for one in chunks if one.path_in_schema == column]
                file.seek(chunk.dictionary_page_offset or chunk.data_page_offset)
                file.write(b"\xff" * chunk.total_compressed_size)


def _write_rows(
    connection: duckdb.DuckDBPyConnection, table: str, load_id: str, bucket: Path
) -> None:
    rows = f"from {RAW}.{table} where _dlt_load_id = '{load_id}'"
    if not connection.execute(f"select 1 {rows} limit 1").fetchall():
        return
    folder = bucket / RAW / table
    folder.mkdir(parents=True, exist_ok=True)
    connection.execute(f"copy (select * {rows}) to '{folder}/{load_id}.0.parquet' (format parquet)")


def _write_completion(connection: duckdb.DuckDBPyConnection, load_id: str, bucket: Path) -> None:
    """Write what dlt does after all others: the load counts from then on."""
    folder = bucket / RAW / "_dlt_loads"
    folder.mkdir(parents=True, exist_ok=True)
    cursor = connection.execute(f"from {RAW}._dlt_loads where load_id = '{load_id}'")
    names = [column[0] for column in cursor.description or []]
    lines = [
        json.dumps(dict(zip(names, row, strict=True)), default=str) for row in cursor.fetchall()
    ]
    (folder / f"genesys__{load_id}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
