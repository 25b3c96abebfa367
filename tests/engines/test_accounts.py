"""The loader on warehouses of an account, with the real drivers: Snowflake against an emulator."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.engines.engines import server
from tests.engines.machine import SECRET, SNOWFLAKE, Machine, answering
from tests.engines.refusing import Answer, Refusing, refusing
from tests.engines.venvs import ROOT
from tests.harness.outcome import Outcome
from tests.sandbox.process import SandboxProcess, running_sandbox

BIGQUERY = {"ELT_TARGET": "bigquery", "ELT_BIGQUERY_PROJECT": "my-project"}
DATABRICKS = {
    "ELT_TARGET": "databricks",
    "ELT_DATABRICKS_HOST": "127.0.0.1",
    "ELT_DATABRICKS_HTTP_PATH": "/sql/1.0/warehouses/abc",
    "ELT_DATABRICKS_TOKEN": SECRET,
    "ELT_DATABRICKS_CATALOG": "main",
}
ONLY = ("--only", "users", "conversation_details", "external_contacts")
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
    assert f"{key} cannot be read as UTF-8 text" in machine.run("status", **named).error(2)
    key.write_text(SECRET)
    assert "is not a private key in PEM form" in machine.run("status", **named).error(2)


@pytest.fixture
def refused() -> Iterator[Refusing]:
    with refusing() as server:
        yield server


# As Snowflake's documentation and its driver have them: code, message, what that is to a user.
SNOWFLAKE_LOGIN = [
    ("390100", "Incorrect username or password was specified.", "user or password refused"),
    ("390144", "JWT token is invalid. [0d0a]", "the key is not the one of the user"),
    ("390106", "Specified password has expired.  Password must be changed using the web console.",
     "the password has expired; change it, or use a key pair"),
    ("390197", "Multi-factor authentication is required for this account.",
     "a password alone is not enough there"),
    ("390102", "Your user account has been temporarily locked due to too many failed attempts.",
     "the user is locked; ask whoever administers the account."),
    ("390189", "Role 'R' specified in the connect string is not granted to this user.",
     "that role is not the user's (ELT_SNOWFLAKE_ROLE)."),
]  # fmt: skip
SNOWFLAKE_QUERY = [
    ("000606", "No active warehouse selected in the current session.",
     "there is no such warehouse, or no USAGE of it (ELT_SNOWFLAKE_WAREHOUSE)."),
    ("090073", "Warehouse 'WH' cannot be resumed because resource monitor 'M' has exceeded its "
     "quota.",
     "the warehouse was stopped, by its resource monitor or a time limit."),
    ("090105", "Cannot perform CREATE SCHEMA. This session does not have a current database.",
     "there is no such database, or no USAGE of it."),
    ("003001", "SQL access control error:\nInsufficient privileges to operate on schema "
     "'GENESYS_RAW'", "no permission on schema 'GENESYS_RAW'; README lists the grants that it "),
    ("003001", "SQL access control error: Insufficient privileges.", "no permission; README lists"),
]  # fmt: skip


def test_what_snowflake_refuses_is_one_line(refused: Refusing, tmp_path: Path) -> None:
    place = "Snowflake account fakesnow, ELT_SNOWFLAKE_DATABASE analytics: "
    machine = Machine(tmp_path, "accounts", dict(SNOWFLAKE), place)
    session = {"token": "t", "masterToken": "m", "parameters": [], "sessionId": 1,
               "sessionInfo": {}}  # fmt: skip
    entered = Answer({"data": session, "code": None, "message": None, "success": True})

    def no(code: str, message: str) -> Answer:
        data = {"errorCode": code, "sqlState": "42501"}
        return Answer({"data": data, "code": code, "message": message, "success": False})

    cases = [{"/login-request": no(code, message)} for code, message, _ in SNOWFLAKE_LOGIN]
    cases += [
        {"/login-request": entered, "/query-request": no(code, message)}
        for code, message, _ in SNOWFLAKE_QUERY
    ]
    told = [told for *_, told in (*SNOWFLAKE_LOGIN, *SNOWFLAKE_QUERY)]
    lines = machine.lines_of(answering(refused, cases), FAKE_PORT=str(refused.port))
    assert [line[: len(told)] for line, told in zip(lines, told, strict=True)] == told


# As Google's documentation has them: status, reason, message, what that is to a user.
BIGQUERY_ANSWERS = [
    (404, "notFound", "Not found: Project my-project",
     "there is no such project, or no permission to know of it."),
    (403, "accessDenied", "Access Denied: Project my-project: User does not have "
     "bigquery.jobs.create permission in project my-project.",
     "no permission; README lists the roles that it takes."),
    (403, "accessDenied", "Access Denied: Dataset my-project:genesys_raw: Permission "
     "bigquery.tables.create denied on dataset my-project:genesys_raw (or it may not exist).",
     "no permission on Dataset genesys_raw; README lists the roles that it takes."),
    (403, "accessNotConfigured", "BigQuery API has not been used in project 1 before.",
     "the BigQuery API is not enabled in that project."),
    (403, "billingNotEnabled", "Billing has not been enabled for this project.",
     "the project has no billing account, which DML and load jobs need."),
    (403, "quotaExceeded", "Quota exceeded: Your table exceeded quota for imports or query appends "
     "per table.", "a quota of the project is used up; try later."),
    (404, "notFound", "Not found: Dataset my-project:genesys_raw was not found in location US",
     "the dataset lies elsewhere (ELT_BIGQUERY_LOCATION)."),
]  # fmt: skip


def test_what_bigquery_refuses_is_one_line(refused: Refusing, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{refused.port}"
    made = subprocess.run(
        ["openssl", "genrsa", "2048"], capture_output=True, text=True, check=True
    )  # fmt: skip
    key = {"type": "service_account", "project_id": "my-project", "private_key_id": "1",
           "private_key": made.stdout, "client_email": "elt@my-project.iam.gserviceaccount.com",
           "client_id": "1", "token_uri": f"{url}/token"}  # fmt: skip
    (tmp_path / "key.json").write_text(json.dumps(key))
    machine = Machine(
        tmp_path,
        "accounts",
        {**BIGQUERY, "ELT_BIGQUERY_KEYFILE": "key.json", "BIGQUERY_EMULATOR_HOST": url},
        "BigQuery, ELT_BIGQUERY_PROJECT my-project: ",
    )
    expired = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
    entered = Answer({"access_token": "t", "expires_in": 3600, "token_type": "Bearer"})

    def no(status: int, reason: str, message: str) -> dict[str, Answer]:
        error = {"code": status, "message": message, "errors": [{"reason": reason}]}
        return {"/token": entered, " /": Answer({"error": error}, status)}

    cases = [{"/token": Answer(expired, 400)}, *(no(*answer[:3]) for answer in BIGQUERY_ANSWERS)]
    lines = machine.lines_of(answering(refused, cases), FAKE_PORT=str(refused.port))
    assert lines == [
        "credentials refused (ELT_BIGQUERY_KEYFILE): the key was deleted or has expired, or the "
        "clock of this machine is wrong.",
        *(told for *_, told in BIGQUERY_ANSWERS),
    ]


# As a SQL warehouse answers by HTTP: status, message, what that is to a user.
DATABRICKS_ANSWERS = [
    (401, "Invalid access token.", "credentials refused (ELT_DATABRICKS_TOKEN, or "
     "ELT_DATABRICKS_CLIENT_ID and ELT_DATABRICKS_CLIENT_SECRET); a token may have expired."),
    (403, "User does not have permission to use the SQL warehouse.",
     "no permission; README lists the grants that it takes."),
    (404, "RESOURCE_DOES_NOT_EXIST: SQL warehouse abc does not exist",
     "there is no such SQL warehouse (ELT_DATABRICKS_HTTP_PATH)."),
]  # fmt: skip


def test_what_databricks_refuses_is_one_line(refused: Refusing, tmp_path: Path) -> None:
    place = "Databricks at 127.0.0.1, ELT_DATABRICKS_CATALOG main: "
    machine = Machine(tmp_path, "databricks_loader", dict(DATABRICKS), place)
    cases = [
        {" /": Answer({"message": message}, status, {"X-ThriftServer-Error-Message": message})}
        for status, message, _ in DATABRICKS_ANSWERS
    ]
    lines = machine.lines_of(answering(refused, cases), FAKE_PORT=str(refused.port))
    assert lines == [told for *_, told in DATABRICKS_ANSWERS]


# By the catalog that is set, what is refused of which statements, and what that is to a user.
# Databricks tells of a catalog only when a statement needs it.
DATABRICKS_REFUSALS = {
    "no_such": ("", "[NO_SUCH_CATALOG_EXCEPTION] Catalog 'no_such' was not found. Please verify "
                "the catalog name and then retry the query or command again. SQLSTATE: 42704",
                "there is no such catalog, or no USE CATALOG of it."),
    "closed": ("", "[INSUFFICIENT_PERMISSIONS] Insufficient privileges:\nUser does not have USE "
               "CATALOG on Catalog 'closed'. SQLSTATE: 42501",
               "no USE CATALOG on Catalog closed; README lists the grants that it takes."),
    "full": ("CREATE SCHEMA", "[INSUFFICIENT_PERMISSIONS] Insufficient privileges:\nUser does not "
             "have CREATE SCHEMA on Catalog 'full'. SQLSTATE: 42501",
             "no CREATE SCHEMA on Catalog full; README lists the grants that it takes."),
    "owned": ("create table", "PERMISSION_DENIED: User does not have CREATE TABLE on Schema "
              "'owned.genesys_raw'.",
              "no CREATE TABLE on Schema owned.genesys_raw; README lists the grants that it "
              "takes."),
}  # fmt: skip


def test_a_statement_that_databricks_refuses_is_one_line(tmp_path: Path) -> None:
    place = "Databricks at 127.0.0.1, ELT_DATABRICKS_CATALOG "
    machine = Machine(tmp_path, "databricks_loader", dict(DATABRICKS), place)
    refusals = {name: {part: text} for name, (part, text, _) in DATABRICKS_REFUSALS.items()}
    log, told = tmp_path / "log", json.dumps(refusals)
    with server("databricks_server.py", "databricks_loader", told, log=log) as port:
        lines = machine.lines_of(
            (f"ELT_DATABRICKS_CATALOG={name} check-warehouse" for name in DATABRICKS_REFUSALS),
            FAKE_PORT=str(port),
        )
    assert lines == [f"{name}: {told}" for name, (*_, told) in DATABRICKS_REFUSALS.items()]


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
