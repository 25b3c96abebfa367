"""A warehouse is one file: a third one, written here, and nothing else is told of it.

It is a real one, and hostile: like Snowflake it folds every name to upper case and knows no other.
Whoever compares names in lower case, or quotes them, finds nothing in it.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import loader.warehouses
from loader.settings import Settings, setting_names
from loader.warehouses import kinds
from tests.harness.place import Place
from tests.sandbox.process import SandboxProcess

FILE = '''
"""Upper: a file of DuckDB's that knows names in capital letters only."""

import re
from pathlib import Path

from pydantic import Field, SecretStr

from loader.setting_types import Secret, Text, Whole, count
from loader.warehouses.base import Warehouse, WarehouseSettings
from loader.warehouses.lock import file_lock


class UpperSettings(WarehouseSettings):
    required = ("path",)
    not_for_dbt = ("floors",)

    path: Text = Field(default="", alias="ELT_UPPER_PATH")
    password: Secret = Field(default=SecretStr(""), alias="ELT_UPPER_PASSWORD")
    floors: Whole = count(3, 1, 9, "ELT_UPPER_FLOORS")


class Upper(Warehouse[UpperSettings]):
    name = "upper"
    settings_model = UpperSettings
    file_format = "parquet"
    chosen_by = "ELT_UPPER_PATH"
    undefined = frozenset({"CatalogException", "BinderException"})
    connection = None

    @property
    def place(self):
        return f"the upper house at ELT_UPPER_PATH {self.settings.path}"

    def lock(self, wait_seconds=0.0):
        return file_lock(Path(f"{self.settings.path}.lock"), self.place, wait_seconds)

    def exists(self):
        return Path(self.settings.path).exists()

    def destination(self):
        import duckdb
        from dlt.destinations import duckdb as duckdb_destination
        from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
        from dlt.destinations.impl.duckdb.duck import DuckDbClient
        from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient

        class StrictSqlClient(DuckDbSqlClient):
            def execute_query(self, query, *arguments, **options):
                names = re.sub("'[^']*'", "", query)
                for name in re.findall('"([^"]*)"', names) + re.findall("genesys_", names):
                    if name != name.upper() and name != "Conversation_ID":
                        raise duckdb.CatalogException(f"{name} does not exist")
                return super().execute_query(query, *arguments, **options)

        class UpperClient(DuckDbClient):
            def __init__(self, schema, config, capabilities):
                super().__init__(schema, config, capabilities)
                names = self.sql_client.dataset_name, self.sql_client.staging_dataset_name
                self.sql_client = StrictSqlClient(*names, config.credentials, capabilities)

        class UpperDestination(duckdb_destination):
            client_class = UpperClient

            def _raw_capabilities(self):
                capabilities = super()._raw_capabilities()
                capabilities.casefold_identifier = str.upper
                capabilities.has_case_sensitive_identifiers = True
                return capabilities

        self.connection = duckdb.connect(self.settings.path)
        return UpperDestination(credentials=DuckDbCredentials(self.connection))

    def driver_errors(self):
        import duckdb

        return (duckdb.Error,)

    def problem(self, causes, text):
        return f"{self.place} is a ruin." if "not a valid DuckDB" in text else None

    def rewrite(self, open_client, tables):
        with open_client() as client:
            for table in tables:
                name = table.replace(".", "_").replace('"', "")
                client.execute_sql(f"create table REWRITTEN.{name} (id int)")

    def close(self):
        if self.connection is not None:
            self.connection.close()
'''
ONLY = ("--only", "conversation_details", "external_contacts", "users")


@pytest.fixture
def upper(
    sandbox: SandboxProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """Put the file beside the others, and load into such a warehouse."""
    folder = tmp_path / "more_warehouses"
    folder.mkdir()
    (folder / "upper.py").write_text(FILE)
    monkeypatch.setattr(loader.warehouses, "__path__", [*loader.warehouses.__path__, str(folder)])
    settings = {"ELT_START": "2026-03-14", "ELT_TARGET": "upper"}
    made = Place(sandbox, tmp_path, settings=settings)
    made.data.mkdir()
    made.settings["ELT_UPPER_PATH"] = str(made.database)
    yield made
    sys.modules.pop("loader.warehouses.upper", None)


def test_its_settings_are_settings(upper: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"ELT_UPPER_PATH", "ELT_UPPER_PASSWORD", "ELT_UPPER_FLOORS"} <= set(setting_names())
    assert "upper" in kinds()
    for name, value, told in [
        ("ELT_TARGET", "lower", f"ELT_TARGET: must be one of {', '.join(sorted(kinds()))}."),
        ("ELT_UPPER_PATH", "", "ELT_UPPER_PATH is not set; ELT_TARGET=upper needs it."),
        ("ELT_UPPER_PAHT", "x", "ELT_UPPER_PAHT is not a setting; did you mean ELT_UPPER_PATH?"),
        ("ELT_UPPER_FLOORS", "many", "ELT_UPPER_FLOORS: must be a whole number without sign."),
    ]:
        assert upper.run("status", **{name: value}).error(2) == f"ERROR GX-002 {told}"

    for name, value in {**upper.settings, "ELT_UPPER_PASSWORD": "s3cret"}.items():
        monkeypatch.setenv(name, value)
    assert Settings.read().warehouse_environment() == {
        "ELT_TARGET": "upper",
        "ELT_SLICE_MEGABYTES": "64",
        "ELT_ATTRIBUTES_KILOBYTES": "1024",
        "ELT_UPPER_PATH": str(upper.database),
        "ELT_UPPER_PASSWORD": "s3cret",
    }


def test_its_errors_are_one_line_and_its_own(upper: Place) -> None:
    house = f"the upper house at ELT_UPPER_PATH {upper.database}"
    assert f"{house} does not exist yet" in upper.run("doctor").stdout
    assert f"{house} does not exist yet" in upper.run("transform", "build").stderr
    upper.database.write_text("no database " * 1000)
    for command in ("status", "load"):
        assert upper.run(command).error(6) == f"ERROR GX-006 {house} is a ruin."


def test_names_are_found_in_upper_case(upper: Place) -> None:
    upper.load(*ONLY)
    stored = upper.query("select table_schema, table_name from information_schema.tables")
    assert {schema for schema, _ in stored} == {"GENESYS_RAW"}
    assert all(name == name.upper() for _, name in stored)
    before = upper.raw("conversation_details")
    assert before

    # What the second run finds: its state, its salt, every table, nothing to make again.
    assert "nothing is due" in upper.load("--only", "conversation_details").stderr
    assert upper.query("select count(*) from genesys_raw.hash_salts") == [(1,)]
    status = upper.run("status")
    assert (status.exit_code, status.stderr) == (0, "")
    assert "upper, dataset genesys_raw:" in status.stdout
    doctor = upper.run("doctor")
    assert (doctor.exit_code, "problem" in doctor.stdout) == (0, False)
    assert "contract platform, warehouse upper" in doctor.stdout
    assert "tables: genesys_raw is as dlt has recorded it" in doctor.stdout
    assert "rows: every commit has the rows its ledger row tells" in doctor.stdout

    # What it refuses.
    other = "choose another warehouse (ELT_UPPER_PATH)."
    for changed, told in [
        ({"GENESYS_CONTRACT": "guides"}, "records of the contract platform; set that, or"),
        ({"ELT_PII_SALT": "another salt of the tests"}, "is not the salt this warehouse hashes"),
    ]:
        refused = upper.run("status", **changed)
        assert refused.exit_code == 2
        assert told in refused.stderr
        assert other in refused.stderr
    upper.change('alter table "GENESYS_RAW"."USERS" rename "PAYLOAD" to "LOAD"')
    doctor = upper.run("doctor")
    assert "table users: has no column payload, though dlt has recorded it" in doctor.stdout
    assert "table users: has a column LOAD that is not the loader's" in doctor.stdout
    refused = upper.run("load", *ONLY)
    assert refused.exit_code == 6
    assert "the tables of genesys_raw differ from the schema dlt has recorded" in refused.stderr
    upper.change('alter table "GENESYS_RAW"."USERS" rename "LOAD" to "PAYLOAD"')

    # What dbt builds there.
    assert "the journeys are not built yet" in upper.run("export", "crm-1").stderr
    upper.change("create schema GENESYS_MARTS")
    upper.change(
        "create table GENESYS_MARTS.BRIDGE_CONTACT_EXTERNAL_IDS as select 'crm-1' EXTERNAL_ID,"
        " 'crm' EXTERNAL_SOURCE_NAME, 'c-1' CANONICAL_CONTACT_ID"
    )
    upper.change(
        "create table GENESYS_MARTS.JOURNEY_TIMELINES as select 'c-1' CANONICAL_CONTACT_ID,"
        " '[1]' TIMELINE_JSON"
    )
    assert upper.run("export", "crm-1").stdout.split() == ["[", "1", "]"]

    upper.change("delete from genesys_raw.hash_salts")
    assert "hash_salts has lost its row" in upper.run("status", ELT_PII_SALT="").stderr


def test_a_person_is_erased_in_upper_case(upper: Place) -> None:
    upper.load(*ONLY)
    before = upper.raw("conversation_details")
    [(contact,)] = upper.query("select min(record_id) from genesys_raw.external_contacts")
    [(conversation,)] = upper.query("select min(record_id) from genesys_raw.conversation_details")
    assert "make transform" in upper.run("erase", "--contact", contact, "--yes").stderr
    # What dbt builds there, as far as that is asked for.
    for name, columns in {
        "INT_CONTACT_EXTERNAL_IDS_UNIONED": f"'{contact}' CONTACT_ID, 'crm-1' EXTERNAL_ID",
        "INT_CONTACT_MERGES_RESOLVED": f"'{contact}' CONTACT_ID, '{contact}' CANONICAL_CONTACT_ID",
        "INT_JOURNEY_CONVERSATIONS_UNIONED": (
            f"'{contact}' CONTACT_ID, '{conversation}' CONVERSATION_ID"
        ),
    }.items():
        upper.change("create schema if not exists GENESYS_INTERMEDIATE")
        upper.change(f"create view GENESYS_INTERMEDIATE.{name} as select {columns}")
    upper.change("create schema GENESYS_MARTS")
    upper.change(f"create table GENESYS_MARTS.FCT as select '{conversation}' \"Conversation_ID\"")
    upper.change("create schema REWRITTEN")

    erased = upper.run("erase", "--contact", "crm-1", "--yes")
    assert erased.exit_code == 0, erased.stderr
    for table in ("genesys_marts.fct", "genesys_raw.conversation_details"):
        assert table in erased.stdout
    assert upper.raw("conversation_details") == {row for row in before if row[0] != conversation}
    assert contact not in {row[0] for row in upper.raw("external_contacts")}
    assert upper.query("select * from GENESYS_MARTS.FCT") == []
    rewritten = "select table_name from information_schema.tables where table_schema = 'REWRITTEN'"
    assert {name for (name,) in upper.query(rewritten)} == {
        "GENESYS_MARTS_FCT", "GENESYS_RAW_CONVERSATION_DETAILS", "GENESYS_RAW_EXTERNAL_CONTACTS"
    }  # fmt: skip
    assert "problem" not in upper.run("doctor").stdout
    again = upper.load("--from", "2026-03-14", "--to", "2026-03-15", *ONLY[:2])
    assert "1 left out (erased)" in again.stderr
