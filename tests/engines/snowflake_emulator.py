"""Starts fakesnow with what it lacks and without what it does otherwise than Snowflake.

It lacks functions, which are DuckDB's here, how dlt loads a file, and views among the tables of its
information schema. It adds numbers up as doubles, which Snowflake does not, gives no time as that
of the epoch, and counts the elements of a list in whatever order they come out of a join.
"""

import re
import sys
import time
from collections.abc import Iterator
from typing import Any

import fakesnow
import fakesnow.arrow
import fakesnow.info_schema
import fakesnow.macros
import fakesnow.transforms
import pyarrow as pa
import pyarrow.compute as pc
from fakesnow.cursor import FakeSnowflakeCursor
from sqlglot import exp
from sqlglot.dialects.snowflake import Snowflake

LACKING = (
    "is_object(v) as (json_type(to_json(v)) = 'OBJECT')",
    "is_array(v) as (json_type(to_json(v)) = 'ARRAY')",
)
# With each element's place in the list.
FLATTEN = """
_fs_flatten(input) as table
select
    hash(to_json(input))::ubigint as seq,
    one.k as key,
    coalesce(one.k, '[' || one.i || ']') as path,
    one.i as index,
    one.v as value,
    to_json(input) as this
from (
    select unnest(
        case
            when json_type(to_json(input)) = 'OBJECT' then list_transform(
                json_keys(to_json(input)),
                lambda x: struct_pack(
                    k := x, i := null::bigint, v := cast(to_json(input) -> x as json)
                )
            )
            else list_transform(
                cast(to_json(input) as json[]),
                lambda x, i: struct_pack(k := null::varchar, i := i - 1, v := x)
            )
        end,
        recursive := true
    )
) as one(k, i, v)
"""
_creation_sql = fakesnow.macros.creation_sql


def creation_sql(catalog: str) -> str:
    """Return what the emulator runs in a new database, and ours."""
    macros = (*LACKING, FLATTEN)
    ours = "".join(f"create or replace macro {catalog}.main.{macro};" for macro in macros)
    return f"{_creation_sql(catalog)}{ours}"


fakesnow.macros.creation_sql = creation_sql

fakesnow.info_schema.SQL_CREATE_INFORMATION_SCHEMA_TABLES_VIEW.template += """
union all by name
select
    database_name as "TABLE_CATALOG",
    schema_name as "TABLE_SCHEMA",
    view_name as "TABLE_NAME",
    'VIEW' as "TABLE_TYPE"
from duckdb_views()
where database_name = '${catalog}' and not internal and schema_name <> '_fs_information_schema'
"""

_numeric_agg_implicit_cast = fakesnow.transforms.numeric_agg_implicit_cast


def numeric_agg_implicit_cast(expression: exp.Expr) -> exp.Expr:
    """Take what is added up for a number, as it is: nothing of ours is a text there."""
    added = expression.this if isinstance(expression, exp.Sum) else None
    told: exp.Expr = _numeric_agg_implicit_cast(expression)
    if added is not None:
        (told.this if isinstance(told, exp.Alias) else told).set("this", added)
    return told


fakesnow.transforms.numeric_agg_implicit_cast = numeric_agg_implicit_cast

_timestamp_to_sf_struct = fakesnow.arrow.timestamp_to_sf_struct


def timestamp_to_sf_struct(times: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return times as the driver reads them; none where there is none."""
    parts = _timestamp_to_sf_struct(times)
    is_none = pc.is_null(times)
    if isinstance(is_none, pa.ChunkedArray):
        is_none = is_none.combine_chunks()
    return pa.StructArray.from_arrays(parts.flatten(), fields=list(parts.type), mask=is_none)


fakesnow.arrow.timestamp_to_sf_struct = timestamp_to_sf_struct

# A file on the stage of its table, with quotes, which fakesnow cannot read; without them it can.
_ON_STAGE = re.compile(r"""'@"(\w+)"\."%\w+"/"([\d.]+)"(/[^']*)?'""")
_PUT = re.compile(r"PUT 'file://([^']*/([^'/]+))'")
_COPY = re.compile(r"""COPY INTO ("\w+"\."\w+")\s+FROM '[^']*/([^'/]+)'""")
_execute = FakeSnowflakeCursor.execute
_put: dict[str, str] = {}


def execute(self: Any, command: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
    """Execute one statement or several, and what dlt loads a file of this machine by."""
    if " set data_retention_time_in_days = " in command:
        # It has no Time Travel.
        return _execute(self, "select 1", *arguments, **options)
    if put := _PUT.match(command):
        _put[put[2]] = put[1]
    if copy := _COPY.match(command):
        reader = "read_parquet" if copy[2].endswith(".parquet") else "read_json"
        self._duck_conn.execute(f"insert into {copy[1]} by name from {reader}('{_put[copy[2]]}')")
        return _execute(self, "select 1", *arguments, **options)
    if stage := _ON_STAGE.search(command):
        if command.startswith("REMOVE"):
            return _execute(self, "select 1", *arguments, **options)
        _execute(self, f"create stage if not exists {stage[1]}.loads")
        command = _ON_STAGE.sub(f"@{stage[1]}.loads/{stage[2]}{stage[3] or ''}", command)
    *first, last = [one for one in _statements(command) if one.strip()]
    for statement in first:
        _execute(self, statement, *arguments, **options)
    return _execute(self, last, *arguments, **options)


def _statements(sql: str) -> Iterator[str]:
    start = 0
    for token in Snowflake().tokenize(sql) if ";" in sql else ():
        if token.token_type.name == "SEMICOLON":
            yield sql[start : token.start]
            start = token.end + 1
    yield sql[start:]


FakeSnowflakeCursor.execute = execute

if __name__ == "__main__":
    with fakesnow.server(port=int(sys.argv[1])):
        while True:
            time.sleep(3600)
