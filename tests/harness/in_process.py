"""The loader run in this process: a run costs less than importing dlt does."""

import contextlib
import io
import logging
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb

from loader.__main__ import main
from tests.harness.quick_dlt import quick_dlt


def run_here(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> tuple[int, str, str]:
    """Run the loader in this process; return its exit code, what it wrote and what it complained.

    Nothing of it stays behind: environment, log handlers and signal handlers are put back.
    """
    out, err = io.StringIO(), io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    at_term = signal.getsignal(signal.SIGTERM)
    mask = os.umask(0o022)
    # The loader replaces the handlers; pytest's own must not be closed by it.
    root.handlers = []
    try:
        with (
            mock.patch.dict(os.environ, environment, clear=True),
            contextlib.chdir(folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            _duckdb_files_closed_at_the_end(),
            quick_dlt(),
        ):
            exit_code = main(arguments)
    finally:
        root.handlers, root.level = handlers, level
        signal.signal(signal.SIGTERM, at_term)
        os.umask(mask)
    return exit_code, out.getvalue(), err.getvalue()


@contextlib.contextmanager
def _duckdb_files_closed_at_the_end() -> Iterator[None]:
    """Let go of the files that a run leaves to the end of its process."""
    opened: list[duckdb.DuckDBPyConnection] = []
    connect = duckdb.connect

    def remembered(*arguments: Any, **options: Any) -> duckdb.DuckDBPyConnection:  # noqa: ANN401
        opened.append(connect(*arguments, **options))
        return opened[-1]

    with mock.patch("duckdb.connect", remembered):
        yield
    for connection in opened:
        with contextlib.suppress(duckdb.Error):
            attached = connection.execute(
                "select database_name from duckdb_databases() where path is not null"
            )
            for (name,) in attached.fetchall():
                connection.execute(f'detach "{name}"')
        connection.close()
