"""Starts fakesnow with functions that it lacks: Snowflake's by DuckDB's."""

import sys
import time

import fakesnow
import fakesnow.macros

LACKING = (
    "is_object(v) as (json_type(to_json(v)) = 'OBJECT')",
    "is_array(v) as (json_type(to_json(v)) = 'ARRAY')",
)
_creation_sql = fakesnow.macros.creation_sql


def creation_sql(catalog: str) -> str:
    """Return what the emulator runs in a new database, and ours."""
    return _creation_sql(catalog) + "".join(
        f"create or replace macro {catalog}.main.{macro};" for macro in LACKING
    )


fakesnow.macros.creation_sql = creation_sql

if __name__ == "__main__":
    with fakesnow.server(port=int(sys.argv[1])):
        while True:
            time.sleep(3600)
