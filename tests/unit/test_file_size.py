"""What lies in the DuckDB file takes no more room because dbt opens it, and stays compressed."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest

from loader.warehouses.duckdb import CONFIG, ROW_GROUP, DuckDB, DuckDBSettings
from tests.unit.test_profile import rendered

# So many that two commits leave each two full row groups and an incomplete one.
COMMIT, COMMITS = 2 * ROW_GROUP + ROW_GROUP // 4, 12
# As Genesys writes: ids that are nowhere else, words that are everywhere.
PAYLOAD = """
    '{"conversations": [' || (
        select string_agg('{"participantId": "' || md5(i || 'p' || n) || '"}', ', ')
        from range(8) as numbers (n)
    ) || ']}'
"""


@contextmanager
def attached(
    path: Path, config: dict[str, Any], options: str
) -> Iterator[duckdb.DuckDBPyConnection]:
    with closing(duckdb.connect(config=config)) as connection:
        connection.execute(f"attach '{path}' as warehouse ({options})")
        yield connection
        connection.execute("detach warehouse")


@contextmanager
def opened_by_dbt(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[duckdb.DuckDBPyConnection]:
    output = rendered(monkeypatch, "duckdb", ELT_DUCKDB_PATH=str(path))
    [file] = output["attach"]
    options = ", ".join(f"{name} {value}" for name, value in file["options"].items())
    with attached(path, output["config_options"], options) as connection:
        for name, value in output["settings"].items():
            connection.execute(f"set {name} = '{value}'")
        yield connection


def compressions(connection: duckdb.DuckDBPyConnection, table: str) -> set[str]:
    """Return a table's columns that are zstd whatever the session's settings are."""
    [(ddl,)] = connection.execute(
        "select sql from duckdb_tables() where table_name = ?", [table]
    ).fetchall()
    return set(re.findall(r"\"?(\w+)\"? VARCHAR USING COMPRESSION ZSTD", ddl))


@pytest.fixture
def loaded(tmp_path: Path) -> Path:
    """Return a file of many commits: none merged what others left."""
    path = tmp_path / "genesys.duckdb"
    with attached(path, CONFIG, f"row_group_size {ROW_GROUP}") as loader:
        loader.execute("create table warehouse.raw (payload varchar using compression zstd)")
        for number in range(COMMITS):
            begin = number * COMMIT
            loader.execute(
                f"insert into warehouse.raw select {PAYLOAD}"
                f" from range({begin}, {begin + COMMIT}) as rows (i)"
            )
            loader.execute("checkpoint warehouse")
    return path


def test_a_file_does_not_grow_by_being_opened(
    loaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = loaded.stat().st_size
    with opened_by_dbt(loaded, monkeypatch) as dbt:
        for number in range(3):
            dbt.execute(f"create table warehouse.seed_{number} as select 1 as one")
            dbt.execute("checkpoint warehouse")
    assert loaded.stat().st_size < 1.3 * size


def test_raw_text_is_zstd_whoever_writes_it_again(tmp_path: Path) -> None:
    """DuckDB's own choice for it, which is what dbt leaves to it, is three times larger."""
    warehouse = DuckDB(DuckDBSettings.model_validate({"ELT_DUCKDB_PATH": tmp_path / "g.duckdb"}))
    pipeline = dlt.pipeline("text", str(tmp_path), destination=warehouse.destination())
    pipeline.run([{"payload": "{}", "window_start": 1}], table_name="records")
    warehouse.close()
    with attached(tmp_path / "g.duckdb", {}, "read_only") as connection:
        columns = compressions(connection, "records")
    assert {"payload", "_dlt_load_id"} <= columns
    assert "window_start" not in columns
