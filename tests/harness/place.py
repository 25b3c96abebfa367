"""A place the loader runs in: its settings, its warehouse, what it asked for and what it left.

Runs happen in this process unless a test needs a real one: `start`. The crash harness forks its
runs from a warm parent and strikes at them: `tests/crash/place.py`.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import InitVar, dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.harness.bucket import tables_of
from tests.harness.duckdb_file import opened
from tests.harness.in_process import run_here
from tests.harness.outcome import Outcome
from tests.harness.postgres import PostgresDatabase
from tests.sandbox.process import ROOT, SandboxProcess, Told

# The same in every warehouse, so that the hashes in their marts are.
SALT = "invented salt of the tests"
# Variables of the machine that would change what is tested.
_NOT_OURS = ("GENESYS_", "ELT_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")

Row = tuple[Any, ...]
Rows = list[Row]


@dataclass
class Place:
    """A folder with a work directory and a warehouse of its own, and the sandbox they load from.

    Attributes:
        sandbox: where it loads from; its time is the loader's.
        folder: the loader's working directory; all it writes lies in `data` there.
        postgres: its warehouse, if it is not DuckDB.
        settings: by their names in the environment; "" counts as not set.
        begin: the place whose warehouse and work directory this one begins with, if with any.
        first_request: `requests` begins there.
    """

    sandbox: SandboxProcess
    folder: Path
    postgres: PostgresDatabase | None = None
    settings: dict[str, str] = field(default_factory=dict)
    begin: InitVar["Place | None"] = None
    first_request: int = field(default=0, init=False)

    def __post_init__(self, begin: "Place | None") -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if begin is not None:
            shutil.copytree(begin.data, self.data)
        self.settings = {**self.defaults(), **self.settings}
        self.forget_requests()

    def defaults(self) -> dict[str, str]:
        """Return the settings of a place that a test says nothing about: nothing takes long."""
        return {
            "GENESYS_REQUESTS_PER_MINUTE": "100000",
            "ELT_RETRY_ATTEMPTS": "3",
            "ELT_RETRY_SECONDS": "5",
            "ELT_LOCK_WAIT_SECONDS": "0",
            "ELT_PII_SALT": SALT,
            "ELT_SECRETS_DIR": str(self.folder / "no-secrets"),
        }

    # -- what lies where -------------------------------------------------------------------------

    @property
    def data(self) -> Path:
        """All that the loader writes."""
        return self.folder / "data"

    @property
    def database(self) -> Path:
        """The DuckDB file, unless a test says otherwise."""
        return self.data / "genesys.duckdb"

    @property
    def log_path(self) -> Path:
        """DuckDB's log beside it, which holds what is not yet in the file itself."""
        return self.database.with_name(f"{self.database.name}.wal")

    @property
    def bucket(self) -> Path | None:
        """The folder of Parquet files, if they are its warehouse."""
        if self.settings.get("ELT_TARGET") != "spark":
            return None
        return self.folder / self.settings["ELT_BUCKET_URL"]

    @property
    def work(self) -> Path:
        """The work directory."""
        return self.data / "work"

    @property
    def lock_path(self) -> Path:
        """The file a run holds while it goes on."""
        return self.work / "run.lock"

    # -- runs ------------------------------------------------------------------------------------

    def run(self, *arguments: str, **changes: str) -> Outcome:
        """Run `python -m loader ARGUMENTS` here to its end, with some settings changed."""
        return self._outcome(*run_here(arguments, self.folder, self.environment(changes)))

    def load(self, *arguments: str, **changes: str) -> Outcome:
        """Run `load`, which must succeed."""
        return self.run("load", *arguments, **changes).succeeded()

    def start(self, *arguments: str, **changes: str) -> "subprocess.Popen[str]":
        """Start the loader as a process of its own."""
        return self.start_python("-m", "loader", *arguments, **changes)

    def start_python(self, *words: str, **changes: str) -> "subprocess.Popen[str]":
        """Start `python WORDS` in the loader's stead."""
        return subprocess.Popen(
            [sys.executable, *words],
            cwd=self.folder,
            env={"PYTHONPATH": str(ROOT), **self.environment(changes)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ended(self, process: "subprocess.Popen[str]") -> Outcome:
        """Wait for a process that was started and tell what came of it."""
        # Long, because a busy machine is no hang.
        out, err = process.communicate(timeout=300)
        return self._outcome(process.returncode, out, err)

    def transform(self, *models: str, target: str, **changes: str) -> Outcome:
        """Build the models with their seeds, without their tests, in a process of its own.

        Args:
            models: which.
            target: the folder that all dbt writes goes to.
            changes: of settings.
        """
        return self.ended(
            self.start(
                "transform", "build", "--quiet", "--no-use-colors",
                "--resource-type", "model", "--resource-type", "seed", "--select", *models,
                "--target-path", target, "--log-path", target,
                **{"DBT_PROJECT_DIR": str(ROOT / "dbt_project"), **changes},
            )
        )  # fmt: skip

    def environment(self, changes: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of a run: nothing of the developer's own settings."""
        machine = {
            name: value
            for name, value in os.environ.items()
            if not name.upper().startswith(_NOT_OURS)
        }
        return {
            **machine,
            **self.sandbox.environment(),
            **(self.postgres.environment() if self.postgres else {}),
            **self.settings,
            **changes,
        }

    def _outcome(self, exit_code: int, out: str, err: str) -> Outcome:
        return Outcome(
            exit_code=exit_code, stdout=out, stderr=err, secrets=(self.sandbox.client_secret,)
        )

    # -- the warehouse ---------------------------------------------------------------------------

    def query(self, sql: str) -> Rows:
        """Return the rows of a query on the warehouse; none where there is no DuckDB file."""
        if self.bucket is not None:
            with tables_of(self.bucket) as connection:
                return connection.execute(sql).fetchall()
        if self.postgres is not None:
            return self.postgres.query(sql)
        if not self.database.exists():
            return []
        with opened(self.database, read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def change(self, *statements: str) -> None:
        """Do to the warehouse what the loader never would."""
        if self.postgres is not None:
            self.postgres.execute(*statements)
            return
        with opened(self.database) as connection:
            for statement in statements:
                connection.execute(statement)

    def raw(self, table: str = "conversation_details") -> set[Row]:
        """Return the content of a raw table: which records, in which form."""
        return set(self.query(f"select record_id, payload_hash from genesys_raw.{table}"))

    def newest(self, column: str = "payload") -> dict[str, str]:
        """Return the newest version of each conversation, as staging picks it."""
        rows = self.query(
            f"""
            select record_id, {column} from (
                select
                    record_id, {column},
                    row_number() over (
                        partition by record_id order by extracted_at desc, payload_hash
                    ) as version_number
                from genesys_raw.conversation_details
            ) as versions
            where version_number = 1
            """
        )
        return dict(rows)

    def row_count(self, table: str = "conversation_details") -> int:
        """Return how many rows a raw table holds, copies included."""
        rows = self.query(f"select count(*) from genesys_raw.{table}")
        return int(rows[0][0]) if rows else 0

    def ledger(self, columns: str = "status", where: str = "true") -> Rows:
        """Return columns of the ledger of windows, in the order they were written."""
        # Windows may share a load.
        row = "rowid" if self.postgres is None else "ctid"
        return self.query(
            f"select {columns} from genesys_raw.extract_windows where {where} "
            f"order by _dlt_load_id, {row}"
        )

    def total(self, column: str) -> float:
        """Return the sum of a counter over the ledger."""
        return float(self.ledger(f"sum({column}) over ()")[0][0])

    # -- what the organisation saw ---------------------------------------------------------------

    def at(self, now: str) -> Self:
        """Let it be `now`, for the organisation and for the runs to come."""
        self.sandbox.set_clock(now)
        return self

    def forget_requests(self) -> None:
        """Let `requests` begin with what is sent from now on."""
        self.first_request = self.sandbox.next_request()

    def requests(self, match: str = "") -> list[Told]:
        """Return the requests since, those whose "METHOD /path?query" holds `match`."""
        return [
            entry
            for entry in self.sandbox.log(self.first_request)
            if re.search(match, asked(entry))
        ]


def asked(entry: Told) -> str:
    """Return a request of the log as faults match it."""
    query = f"?{entry['query']}" if entry["query"] else ""
    return f"{entry['method']} {entry['path']}{query}"


def fault(match: str, action: str, nth: object = 1, **args: object) -> dict[str, object]:
    """Return a line of the sandbox's schedule."""
    return {"match": match, "nth": nth, "action": action, "args": args}


@contextlib.contextmanager
def undisturbed(sandbox: SandboxProcess) -> Iterator[SandboxProcess]:
    """Give a test an organisation without faults, at the time it began with."""
    sandbox.clear_faults()
    sandbox.set_clock(sandbox.began)
    try:
        yield sandbox
    finally:
        sandbox.clear_faults()
