"""The loader run in this process, and what it left in the warehouse."""

import contextlib
import io
import logging
import os
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb

from loader.__main__ import main
from tests.postgres import PostgresDatabase
from tests.sandbox.process import SandboxProcess

ROOT = Path(__file__).parents[1]
Row = tuple[Any, ...]
# The same in every warehouse, so that the hashes in their marts are.
SALT = "invented salt of the tests"


def run_here(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> tuple[int, str, str]:
    """Run the loader in this process; return its exit code, what it wrote and what it complained.

    A run costs less than importing dlt does. Nothing of it stays behind: environment, log handlers
    and signal handlers are put back.
    """
    out, err = io.StringIO(), io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    at_term = signal.getsignal(signal.SIGTERM)
    # The loader replaces the handlers; pytest's own must not be closed by it.
    root.handlers = []
    try:
        with (
            mock.patch.dict(os.environ, environment, clear=True),
            contextlib.chdir(folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            _duckdb_files_closed_at_the_end(),
        ):
            exit_code = main(arguments)
    finally:
        root.handlers, root.level = handlers, level
        signal.signal(signal.SIGTERM, at_term)
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


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    exit_code: int
    output: str
    errors: str

    @property
    def error_lines(self) -> list[str]:
        """The lines a scheduler would alert on."""
        return [line for line in self.errors.splitlines() if line.startswith("ERROR")]


@dataclass
class Loader:
    """A loader with a folder and a warehouse of its own, pointed at a sandbox.

    Attributes:
        sandbox: where it loads from.
        folder: holds its work directory and, without `postgres`, its DuckDB file.
        postgres: its warehouse, if it is not DuckDB.
        settings: further settings, by their names in the environment.
    """

    sandbox: SandboxProcess
    folder: Path
    postgres: PostgresDatabase | None = None
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        """The DuckDB file."""
        return self.folder / "genesys.duckdb"

    def run(self, *arguments: str, **settings: str) -> Outcome:
        """Run `python -m loader ARGUMENTS` to its end."""
        return Outcome(*run_here(arguments, self.folder, self.environment(settings)))

    def load(self, *arguments: str, **settings: str) -> Outcome:
        """Run `load`, which must succeed."""
        outcome = self.run("load", *arguments, **settings)
        assert outcome.exit_code == 0, outcome.errors
        return outcome

    def environment(self, settings: dict[str, str]) -> dict[str, str]:
        """Return the process environment: nothing of the developer's own settings."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("GENESYS_", "ELT_"))
        }
        return {
            **inherited,
            **self.sandbox.environment(),
            "PYTHONPATH": str(ROOT),
            "ELT_DUCKDB_PATH": str(self.database),
            "ELT_WORK_DIR": str(self.folder / "work"),
            "ELT_PII_SALT": SALT,
            **(self.postgres.environment() if self.postgres else {}),
            **self.settings,
            **settings,
        }

    def query(self, sql: str) -> list[Row]:
        """Return the rows of a query on the warehouse."""
        if self.postgres is None:
            with duckdb.connect(str(self.database)) as connection:
                return connection.execute(sql).fetchall()
        with contextlib.closing(self.postgres.connect()) as connection:
            cursor = connection.cursor()
            cursor.execute(sql)
            return cursor.fetchall()

    def raw(self, table: str) -> set[Row]:
        """Return what a raw table holds, whatever number of times: ids and payload hashes."""
        return set(self.query(f"select record_id, payload_hash from genesys_raw.{table}"))

    def newest(self) -> dict[str, str]:
        """Return the payload hash of each conversation's newest version, as staging picks it."""
        rows = self.query(
            """
            select record_id, payload_hash from (
                select
                    record_id, payload_hash,
                    row_number() over (
                        partition by record_id order by extracted_at desc, payload_hash
                    ) as version
                from genesys_raw.conversation_details
            ) as versions
            where version = 1
            """
        )
        return dict(rows)

    def ledger(self, columns: Iterable[str], where: str = "true") -> list[Row]:
        """Return rows of the window ledger in the order they were committed."""
        return self.query(
            f"select {', '.join(columns)} from genesys_raw.extract_windows where {where} "
            "order by _dlt_load_id"
        )
