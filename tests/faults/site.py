"""A place the loader runs in: its settings, its warehouse, what it said and what came of it.

Runs happen in this process unless a test needs a real one.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from tests.loading import SALT, run_here
from tests.sandbox.process import ROOT, SandboxProcess, Told

NOW = "2026-11-20T12:00:00Z"
TODAY = "2026-11-20"
YESTERDAY = "2026-11-19"
RESULTS = r"GET .*/results"
FIRST_PAGE = r"GET .*/results\?pageSize=\d+$"
LATER_PAGES = r"GET .*/results\?.*cursor="
SUBMIT = r"POST .*/details/jobs$"
POLL = r"GET .*/details/jobs/[0-9a-f-]{36}$"
LOGIN = r"POST /oauth/token"
AVAILABILITY = r"GET .*/jobs/availability"

DETAILS = ("load", "--only", "conversation_details")
USERS = ("load", "--only", "users")

# Variables of the machine that would change what is tested.
_NOT_OURS = ("GENESYS_", "ELT_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Outcome:
    """What a run left on its way out."""

    exit_code: int
    stdout: str
    stderr: str
    secrets: tuple[str, ...]

    def error(self, exit_code: int) -> str:
        """Check that the run ended with this code and one line that says why; return the line."""
        said = self.stdout + self.stderr
        assert self.exit_code == exit_code, said
        errors = [line for line in said.splitlines() if line.lstrip().startswith("ERROR")]
        assert len(errors) == 1, said
        assert self.stderr.splitlines()[-1] == errors[0]
        assert errors[0].startswith(f"ERROR GX-{exit_code:03d} ")
        assert "Traceback" not in said
        assert not [secret for secret in self.secrets if secret in said]
        return errors[0]

    def succeeded(self) -> "Outcome":
        """Check that the run came through and complained of nothing at the end."""
        said = self.stdout + self.stderr
        assert self.exit_code == 0, said
        assert "ERROR" not in said
        assert "Traceback" not in said
        return self


def fault(match: str, action: str, nth: object = 1, **args: object) -> dict[str, object]:
    """Return a line of the sandbox's schedule."""
    return {"match": match, "nth": nth, "action": action, "args": args}


@dataclass
class Site:
    """A work directory and a warehouse of their own, and the sandbox they load from.

    Args:
        begin: the site whose warehouse and work directory this one begins with; with neither where
            it is None.
    """

    sandbox: SandboxProcess
    directory: Path
    settings: dict[str, str] = field(default_factory=dict)
    first_request: int = 0
    begin: "Site | None" = None

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        if self.begin is not None:
            shutil.copytree(self.begin.directory / "data", self.directory / "data")
        self.settings = {
            **self.sandbox.environment(),
            "GENESYS_REQUESTS_PER_MINUTE": "100000",
            "ELT_START": TODAY,
            "ELT_PAGE_SIZE": "10",
            "ELT_RETRY_ATTEMPTS": "3",
            "ELT_RETRY_SECONDS": "5",
            "ELT_REQUEST_SECONDS": "10",
            "ELT_LOCK_WAIT_SECONDS": "0",
            "ELT_PII_SALT": SALT,
            "ELT_SECRETS_DIR": str(self.directory / "no-secrets"),
        }
        self.forget_requests()

    @property
    def duckdb_path(self) -> Path:
        """Where the warehouse lies unless a test says otherwise."""
        return self.directory / "data" / "genesys.duckdb"

    @property
    def log_path(self) -> Path:
        """DuckDB's log beside it, which holds what is not yet in the file itself."""
        return self.duckdb_path.with_name(f"{self.duckdb_path.name}.wal")

    @property
    def lock_path(self) -> Path:
        """The file a run holds while it goes on."""
        return self.directory / "data" / "work" / "run.lock"

    def run(self, *arguments: str, **changes: str) -> Outcome:
        """Run the loader here, in this process, with some settings changed."""
        arguments = arguments or DETAILS
        return self._outcome(*run_here(arguments, self.directory, self.environment(changes)))

    def start(self, *arguments: str, **changes: str) -> "subprocess.Popen[str]":
        """Start the loader as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "loader", *(arguments or DETAILS)],
            cwd=self.directory,
            env={**self.environment(changes), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def transform(self, *models: str, target: str = "target", **changes: str) -> Outcome:
        """Build the models with their seeds, without their tests, in a process of its own.

        What dbt has parsed lies in the project's `target`, unless a test wants it elsewhere.
        """
        return self.ended(
            self.start(
                "transform", "build", "--quiet", "--no-use-colors",
                "--resource-type", "model", "--resource-type", "seed", "--select", *models,
                "--target-path", target, "--log-path", target,
                **{"DBT_PROJECT_DIR": str(ROOT / "dbt_project"), **changes},
            )
        )  # fmt: skip

    def ended(self, process: "subprocess.Popen[str]") -> Outcome:
        """Wait for a process that was started and tell what came of it."""
        # Long, because a busy machine is no hang.
        out, err = process.communicate(timeout=300)
        return self._outcome(process.returncode, out, err)

    def environment(self, changes: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of a run; a setting changed to "" counts as not set."""
        machine = {
            name: value
            for name, value in os.environ.items()
            if not name.upper().startswith(_NOT_OURS)
        }
        return {**machine, **self.settings, **changes}

    def _outcome(self, exit_code: int, out: str, err: str) -> Outcome:
        return Outcome(exit_code, out, err, (self.settings["GENESYS_CLIENT_SECRET"],))

    # -- the warehouse ---------------------------------------------------------------------------

    def query(self, sql: str) -> Rows:
        """Return the rows of a query on the warehouse; none where there is no warehouse."""
        if not self.duckdb_path.exists():
            return []
        with duckdb.connect(str(self.duckdb_path), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def raw(self, table: str = "conversation_details") -> set[tuple[str, str]]:
        """Return the content of a raw table: which records, in which form."""
        rows = self.query(f"select record_id, payload_hash from genesys_raw.{table}")
        return {(record_id, payload_hash) for record_id, payload_hash in rows}

    def newest(self) -> dict[str, str]:
        """Return the newest version of each conversation, as staging picks it: its payload."""
        rows = self.query(
            """
            select record_id, payload from genesys_raw.conversation_details
            qualify row_number() over (
                partition by record_id order by extracted_at desc, payload_hash asc
            ) = 1
            """
        )
        return dict(rows)

    def row_count(self, table: str = "conversation_details") -> int:
        """Return how many rows a raw table holds, copies included."""
        rows = self.query(f"select count(*) from genesys_raw.{table}")
        return int(rows[0][0]) if rows else 0

    def ledger(self, columns: str = "status") -> Rows:
        """Return columns of the ledger of windows, in the order they were written."""
        return self.query(
            f"select {columns} from genesys_raw.extract_windows order by _dlt_load_id"
        )

    def total(self, column: str) -> float:
        """Return the sum of a counter over the ledger."""
        return float(self.ledger(f"sum({column}) over ()")[0][0])

    def go_to(self, now: str) -> None:
        """Let time pass, for the organisation and for the runs to come."""
        self.sandbox.set_clock(now)
        self.settings["ELT_NOW"] = now

    # -- what the organisation saw ---------------------------------------------------------------

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


@contextlib.contextmanager
def undisturbed(sandbox: SandboxProcess) -> Iterator[None]:
    """Give a test an organisation without faults at the usual time."""
    sandbox.clear_faults()
    sandbox.set_clock(NOW)
    try:
        yield
    finally:
        sandbox.clear_faults()
