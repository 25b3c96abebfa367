"""The loader on warehouses of an account, with the real drivers: Snowflake against an emulator.

Each driver lives in an environment of its own, so the loader runs there as a process.
"""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.engines.venvs import ROOT, venv
from tests.harness.outcome import Outcome
from tests.sandbox.process import SandboxProcess, running_sandbox

SECRET = "s3cret-of-the-account"
SNOWFLAKE = {
    "ELT_TARGET": "snowflake",
    "ELT_SNOWFLAKE_ACCOUNT": "fakesnow",
    "ELT_SNOWFLAKE_USER": "loader",
    "ELT_SNOWFLAKE_PASSWORD": SECRET,
    "ELT_SNOWFLAKE_WAREHOUSE": "wh",
    "ELT_SNOWFLAKE_DATABASE": "analytics",
}
BIGQUERY = {"ELT_TARGET": "bigquery", "ELT_BIGQUERY_PROJECT": "my-project"}
DATABRICKS = {
    "ELT_TARGET": "databricks",
    "ELT_DATABRICKS_HOST": "127.0.0.1",
    "ELT_DATABRICKS_HTTP_PATH": "/sql/1.0/warehouses/abc",
    "ELT_DATABRICKS_TOKEN": SECRET,
    "ELT_DATABRICKS_CATALOG": "main",
}
ONLY = ("--only", "users", "conversation_details", "external_contacts")
# Run before the loader: leads its driver to a port of this machine, which no setting does.
ELSEWHERE = """
import os
if "FAKE_PORT" in os.environ:
    from loader.warehouses.snowflake import Snowflake
    Snowflake.options = {
        "login_timeout": 5, "network_timeout": 30,
        "host": "127.0.0.1", "port": int(os.environ["FAKE_PORT"]), "protocol": "http",
    }
"""
HOLD = """
import signal
import time
from loader.settings import Settings
from loader.warehouses import warehouse_of
with warehouse_of(Settings.read()).lock():
    # Of whoever runs the tests in the background it would be ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print("held", flush=True)
    time.sleep(600)
"""


@dataclass
class Machine:
    """A machine whose Python has a driver."""

    folder: Path
    environment: str
    settings: dict[str, str] = field(default_factory=dict)

    def run(self, *words: str, **settings: str) -> Outcome:
        """Run `python -m loader WORDS` to its end."""
        with self.start("-m", "loader", *words, **settings) as process:
            out, err = process.communicate(timeout=300)
        return Outcome(exit_code=process.returncode, stdout=out, stderr=err, secrets=(SECRET,))

    def start(self, *words: str, **settings: str) -> "subprocess.Popen[str]":
        """Start its Python."""
        (self.folder / "sitecustomize.py").write_text(ELSEWHERE)
        machine = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("GENESYS_", "ELT_", "DBT_"))
        }
        return subprocess.Popen(
            [venv(self.environment) / "python", *words],
            cwd=self.folder,
            env={
                **machine,
                "PYTHONPATH": f"{self.folder}{os.pathsep}{ROOT}",
                **self.settings,
                **settings,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture(scope="module")
def organisation() -> Iterator[SandboxProcess]:
    with running_sandbox(
        conversations=40, days=1, end="2026-03-15T00:00:00Z", now="2026-03-15T06:00:00Z",
        quota=1_000_000,
    ) as running:  # fmt: skip
        yield running


@pytest.fixture
def snowflake(organisation: SandboxProcess, snowflake_port: int, tmp_path: Path) -> Machine:
    return Machine(
        tmp_path,
        "accounts",
        {
            **SNOWFLAKE,
            **organisation.environment(),
            "ELT_START": "2026-03-14",
            "GENESYS_REQUESTS_PER_MINUTE": "100000",
            "FAKE_PORT": str(snowflake_port),
        },
    )


def test_snowflake_is_loaded_looked_at_and_forgets_a_person(
    snowflake: Machine, organisation: SandboxProcess
) -> None:
    conversation = next(iter(organisation.truth()))["conversationId"]
    loaded = snowflake.run("load", *ONLY).succeeded()
    assert "0 quarantined" in loaded.stderr
    # What the second run finds: its state, its salt, every table.
    again = snowflake.run("load", "--only", "conversation_details").succeeded()
    assert "nothing is due" in again.stderr
    status = snowflake.run("status").succeeded()
    assert "snowflake, dataset genesys_raw:" in status.stdout
    doctor = snowflake.run("doctor").succeeded()
    assert "tables: genesys_raw is as dlt has recorded it" in doctor.stdout
    assert "rows: every commit has the rows its ledger row tells" in doctor.stdout

    erased = snowflake.run("erase", "--conversation", conversation, "--yes").succeeded()
    assert "genesys_raw.conversation_details" in erased.stdout
    assert "Time Travel" in erased.stdout
    again = snowflake.run("erase", "--conversation", conversation).succeeded()
    assert "Nothing is left to delete: this was erased before." in again.stdout


def test_snowflake_is_held_by_one_run_and_given_back(snowflake: Machine) -> None:
    with snowflake.start("-c", HOLD) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        refused = snowflake.run("load", *ONLY).error(7)
        assert f"another run (process {holder.pid} on " in refused
        assert "holds Snowflake account fakesnow" in refused
        holder.send_signal(signal.SIGINT)
        holder.communicate()
    snowflake.run("status").succeeded()


def _closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_snowflake_s_errors_are_one_line(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "accounts", {**SNOWFLAKE, "FAKE_PORT": str(_closed_port())})
    assert "unreachable, or there is no such account (ELT_SNOWFLAKE_ACCOUNT)" in machine.run(
        "status"
    ).error(6)
    key = tmp_path / "key.p8"
    named = {"ELT_SNOWFLAKE_PASSWORD": "", "ELT_SNOWFLAKE_PRIVATE_KEY_PATH": str(key)}
    assert f"{key} cannot be read as a key" in machine.run("status", **named).error(2)
    key.write_text(SECRET)
    assert "is not a private key in PEM form" in machine.run("status", **named).error(2)


def test_bigquery_s_errors_are_one_line(tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    machine = Machine(tmp_path, "accounts", {**BIGQUERY, "ELT_BIGQUERY_KEYFILE": str(key)})
    assert f"{key} cannot be read as UTF-8 text" in machine.run("status").error(2)
    key.write_text(json.dumps({"type": "service_account", "private_key": SECRET}))
    assert "is not the JSON key of a service account" in machine.run("status").error(2)
    machine.settings["ELT_BIGQUERY_KEYFILE"] = ""
    # Neither a key nor a machine of Google's.
    machine.settings |= {"HOME": str(tmp_path), "NO_GCE_CHECK": "true"}
    assert "this machine has no credentials for Google Cloud" in machine.run("status").error(2)


def test_databricks_errors_are_one_line(tmp_path: Path) -> None:
    # Where nothing listens on port 443.
    machine = Machine(tmp_path, "databricks_loader", dict(DATABRICKS))
    assert "unreachable or closed the connection (ELT_DATABRICKS_HOST)" in machine.run(
        "status"
    ).error(6)


@pytest.mark.parametrize(
    "settings", [SNOWFLAKE, BIGQUERY, DATABRICKS], ids=lambda one: one["ELT_TARGET"]
)
@pytest.mark.parametrize("command", [("status",), ("transform",)], ids=lambda one: one[0])
def test_what_is_not_installed_is_named_with_its_extra(
    settings: dict[str, str], command: Sequence[str], tmp_path: Path
) -> None:
    """By this environment, which has none of them."""
    name = settings["ELT_TARGET"]
    ended = subprocess.run(
        [ROOT / ".venv" / "bin" / "python", "-m", "loader", *command],
        env={**os.environ, **settings, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    outcome = Outcome(exit_code=ended.returncode, stdout=ended.stdout, stderr=ended.stderr)
    assert f"is not installed; `pip install -e '.[{name}]'`." in outcome.error(2)
