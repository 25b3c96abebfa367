"""Makes a long history out of a short one, so that size can be measured without loading for hours.

    python -m tests.bench.history SHORT.duckdb LONG.duckdb MONTHS

SHORT is what the loader loaded. Each further month is a copy of it that lies a month earlier, under
ids and loads of its own, oldest first as loads would have come.
"""

import sys
from pathlib import Path

import duckdb

from loader.warehouses.duckdb import CONFIG, ROW_GROUP

WINDOWED = (
    "conversation_details",
    "flow_aggregates",
    "queue_aggregates",
    "agent_aggregates",
    "user_aggregates",
)
# What a load id loses per month; loads of one month lie closer together.
MONTH_SECONDS = 30 * 86_400


def lengthen(short: Path, long: Path, months: int) -> None:
    """Write `long`, which holds `short` and `months` - 1 months before it."""
    long.unlink(missing_ok=True)
    with duckdb.connect(config={**CONFIG, "memory_limit": "1500MB"}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach '{short}' as short (read_only)")
        connection.execute(f"attach '{long}' as long (row_group_size {ROW_GROUP})")
        connection.execute("create schema long.genesys_raw")
        tables = dict(
            connection.execute(
                "select table_name, sql from duckdb_tables()"
                " where database_name = 'short' and schema_name = 'genesys_raw'"
            ).fetchall()
        )
        found = connection.execute(
            "select strftime(unnest(generate_series(date_trunc('month', min(window_start)),"
            " max(window_end), interval 1 month)), '%Y-%m-')"
            " from short.genesys_raw.extract_windows where window_start < window_end"
        ).fetchall()
        named = [month for (month,) in found]
        # By its own statement, which says how columns are compressed.
        for statement in tables.values():
            connection.execute(statement.replace("CREATE TABLE ", "CREATE TABLE long.", 1))
        for back in range(months - 1, 0, -1):
            _copy_month(connection, named, back)
        for table in tables:
            connection.execute(
                f"insert into long.genesys_raw.{table} from short.genesys_raw.{table}"
            )


def _copy_month(connection: duckdb.DuckDBPyConnection, named: list[str], back: int) -> None:
    payload = "payload"
    for month in named:
        year, number = int(month[:4]), int(month[5:7])
        year, number = divmod(year * 12 + number - 1 - back, 12)
        payload = f"replace({payload}, '{month}', '{year:04}-{number + 1:02}-')"
    load_id = f"printf('%.7f', cast(_dlt_load_id as decimal(20, 7)) - {back * MONTH_SECONDS})"
    earlier = f"- to_months({back})"
    for table in WINDOWED:
        is_record = table == "conversation_details"
        record_id = f"'{back:03x}' || substr(record_id, 4)" if is_record else "record_id"
        text = f"replace({payload}, record_id, {record_id})" if is_record else payload
        connection.execute(
            f"insert into long.genesys_raw.{table} by name"
            f" select {record_id} as record_id, window_start {earlier} as window_start,"
            f" window_end {earlier} as window_end, extracted_at {earlier} as extracted_at,"
            f" md5(payload_hash || '{back}') || md5(payload_hash) as payload_hash,"
            f" {text} as payload, {load_id} as _dlt_load_id"
            f" from short.genesys_raw.{table}"
        )
    connection.execute(
        "insert into long.genesys_raw.extract_windows"
        f" select * replace (window_attempt_id || '-{back}' as window_attempt_id,"
        f" window_start {earlier} as window_start, window_end {earlier} as window_end,"
        f" started_at {earlier} as started_at, finished_at {earlier} as finished_at,"
        f" {load_id} as _dlt_load_id) from short.genesys_raw.extract_windows"
        f" where resource in {WINDOWED}"
    )
    load_id = load_id.replace("_dlt_load_id", "load_id")
    connection.execute(
        f"insert into long.genesys_raw._dlt_loads select * replace ({load_id} as load_id)"
        " from short.genesys_raw._dlt_loads"
    )


if __name__ == "__main__":
    lengthen(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
