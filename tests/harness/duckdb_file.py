"""A DuckDB file opened for a moment: making an instance takes longer than most of what is asked."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import duckdb

# As it is at first: who runs the loader in this process closes what is opened meanwhile.
_connect = duckdb.connect
# Of this process, with no file attached.
_instances: list[duckdb.DuckDBPyConnection] = []


@contextlib.contextmanager
def opened(path: Path, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection to a file, as `duckdb.connect` does, and let go of the file at the end."""
    instance = _instances.pop() if _instances else _connect()
    # A session of its own, so that no setting outlives the block.
    with instance.cursor() as connection:
        connection.execute(f"attach '{path}' as file{' (read_only)' if read_only else ''}")
        try:
            connection.execute("use file")
            yield connection
        finally:
            # A statement that failed has left its transaction open.
            with contextlib.suppress(duckdb.TransactionException):
                connection.rollback()
            connection.execute("use memory")
            connection.execute("detach file")
    _instances.append(instance)
