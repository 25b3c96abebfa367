"""K10: a person is erased from everything that holds them, and no load brings them back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loading import Loader
from tests.sandbox.process import SandboxProcess
from tests.transform.warehouses import DuckDBWarehouse, PostgresWarehouse, Warehouse, dbt

ONLY = ("--only", "conversation_details", "external_contacts")
# All that holds people but reports of intervals; what those count has no name.
MODELS = (
    "+dim_contacts", "+bridge_contact_external_ids", "+journey_timelines", "+fct_interactions",
    "+dim_participant_attributes",
)  # fmt: skip


@pytest.fixture(params=["duckdb", "postgres"])
def marts(request: pytest.FixtureRequest, sandbox: SandboxProcess, tmp_path: Path) -> Loader:
    """Load two days and build the marts that are about people."""
    sandbox.set_clock("2026-03-16T06:00:00Z")
    database = None
    if request.param == "postgres":
        database = request.getfixturevalue("postgres_session").create_database("test")
    loader = Loader(sandbox, tmp_path, database, {"ELT_START": "2026-03-14"})
    loader.load(*ONLY)
    transform(loader)
    return loader


def transform(loader: Loader) -> None:
    """Build what is about people."""
    warehouse: Warehouse = (
        PostgresWarehouse(loader.postgres, loader.folder)
        if loader.postgres
        else DuckDBWarehouse(loader.database)
    )
    dbt(warehouse, "seed")
    dbt(warehouse, "run", "--select", *MODELS)


def texts(loader: Loader) -> Iterator[tuple[str, str]]:
    """Walk through every row of every table there is, as text, but the loader's own ledger."""
    tables = loader.query(
        "select table_schema, table_name from information_schema.tables"
        " where substring(table_schema, 1, 7) = 'genesys' and table_type = 'BASE TABLE'"
    )
    for schema, table in tables:
        for row in loader.query(f"select * from {schema}.{table}"):
            yield f"{schema}.{table}", str(row)


def where(loader: Loader, *words: str) -> set[str]:
    """Return the tables in which one of some words stands."""
    return {table for table, text in texts(loader) if any(word in text for word in words)}


def test_k10_an_erased_person_is_gone_for_good(marts: Loader, sandbox: SandboxProcess) -> None:
    [(external_id, contact)] = marts.query(
        "select ids.external_id, ids.canonical_contact_id"
        " from genesys_marts.bridge_contact_external_ids as ids"
        " inner join genesys_marts.fct_journey_steps as steps"
        " on ids.canonical_contact_id = steps.canonical_contact_id"
        " group by ids.external_id, ids.canonical_contact_id order by count(*) desc, 1 limit 1"
    )
    people = {contact} | {
        one for (one,) in marts.query(
            "select contact_id from genesys_intermediate.int_contact_merges_resolved"
            f" where canonical_contact_id = '{contact}'"
        )
    }  # fmt: skip
    conversations = {
        one for (one,) in marts.query(
            "select conversation_id from genesys_intermediate.int_journey_conversations_unioned"
            f" where contact_id in ({', '.join(map(repr, people))})"
        )
    }  # fmt: skip
    assert conversations
    ids = people | conversations
    before = marts.raw("conversation_details")

    shown = marts.run("erase", "--contact", external_id)
    assert shown.exit_code == 0, shown.errors
    assert "Nothing was erased" in shown.output
    assert "fct_interactions" in shown.output
    assert marts.raw("conversation_details") == before

    erased = marts.run("erase", "--contact", external_id, "--yes")
    assert erased.exit_code == 0, erased.errors
    # A contact merged with somebody may still be named, by an id that leads to nobody any more.
    assert where(marts, *conversations) == set()
    assert where(marts, external_id) == set()
    kept = {row for row in before if row[0] not in ids}
    assert marts.raw("conversation_details") == kept != before
    # Free room in the file would hold the bytes of what was deleted.
    if marts.postgres is None:
        assert marts.query("select sum(free_blocks) from pragma_database_size()") == [(0,)]
    assert list((marts.folder / "work").rglob("*.parquet")) == []

    again = marts.load("--from", "2026-03-14", "--to", "2026-03-16", "--only", ONLY[1])
    assert f"{len(conversations)} left out (erased)" in again.errors
    if marts.postgres is not None:
        return
    sandbox.set_clock("2026-03-17T12:00:00Z")
    marts.load(*ONLY)
    transform(marts)
    assert where(marts, *conversations) == set()
    assert where(marts, external_id) == set()
    assert "problem" not in marts.run("doctor").output
    # Whoever asks again, after an interruption perhaps, is not told that nobody is known.
    assert marts.run("erase", "--contact", external_id, "--yes").exit_code == 0


def test_whom_nobody_knows_is_not_erased(loader: Loader) -> None:
    assert "nothing to erase" in loader.run("erase", "--contact", "CRM-1", "--yes").errors
    loader.load(*ONLY)
    for arguments, exit_code, told in [
        ((), 2, "whom to erase"),
        (("--contact", "CRM-1"), 6, "make transform"),
        (("--conversation", "of-nobody"), 2, "nothing in the warehouse is about that"),
    ]:
        outcome = loader.run("erase", "--yes", *arguments)
        assert outcome.exit_code == exit_code
        assert told in outcome.errors
    assert loader.query("select * from genesys_raw.erased_records") == []
