"""Starts fakesnow with what it lacks: functions, by DuckDB's, and how dlt loads a file."""

import re
import sys
import time
from collections.abc import Iterator
from typing import Any

import fakesnow
import fakesnow.macros
from fakesnow.cursor import FakeSnowflakeCursor
from sqlglot.dialects.snowflake import Snowflake

LACKING = (
    "is_object(v) as (json_type(to_json(v)) = 'OBJECT')",
    "is_array(v) as (json_type(to_json(v)) = 'ARRAY')",
)
_creation_sql = fakesnow.macros.creation_sql


def creation_sql(catalog: str) -> str:
    """Return what the emulator runs in a new database, and ours."""
    ours = "".join(f"create or replace macro {catalog}.main.{macro};" for macro in LACKING)
    return f"{_creation_sql(catalog)}{ours}"


fakesnow.macros.creation_sql = creation_sql

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
