"""Models take in what is new in slices: whole loads, each slice one transaction."""

from collections.abc import Callable
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.transform.conversations import DAY, call
from tests.transform.guides import known, listed
from tests.transform.warehouses import (
    MODELS_AND_SEEDS,
    RawTables,
    Row,
    Warehouse,
    dbt,
    project_with_registry,
    tables,
)

MODELS = ("--select", "+stg_platform__session_metrics")
SCHEMAS = ("genesys_staging",)
MEGABYTE = 1 << 20

Broken = Callable[[], None]


@pytest.fixture
def raw(warehouse: Warehouse) -> RawTables:
    """Five loads of a conversation each, of a size that two of them fit into a slice."""
    raw = RawTables(warehouse)
    for number in range(1, 6):
        raw.load(number, conversation_details=[call(f"c-{number}")])
    warehouse.execute(f"update genesys_raw.extract_windows set byte_count = {30 * MEGABYTE}")
    return raw


def break_record(warehouse: Warehouse, conversation: str) -> Broken:
    """Make a record unreadable, and return how to make it readable again."""
    where = f"where record_id = '{conversation}'"
    [(payload,)] = warehouse.execute(
        f"select payload from genesys_raw.conversation_details {where}"
    )
    warehouse.execute(f"update genesys_raw.conversation_details set payload = '{{' {where}")

    def repair() -> None:
        escaped = payload.replace("'", "''")
        warehouse.execute(
            f"update genesys_raw.conversation_details set payload = '{escaped}' {where}"
        )

    return repair


def built(warehouse: Warehouse) -> list[str]:
    return sorted(
        name
        for (name,) in warehouse.execute(
            "select conversation_id from genesys_staging.stg_platform__conversations"
        )
    )


def marked(warehouse: Warehouse, table: str = "stg_platform__conversations") -> list[Row]:
    """Return a table's conversations, and whether they were there when `mark` was called."""
    return warehouse.execute(
        f"select conversation_id, external_tag from genesys_staging.{table} order by 1"
    )


def mark(warehouse: Warehouse, table: str = "stg_platform__conversations") -> None:
    """Have `marked` tell what was there by now."""
    warehouse.execute(f"update genesys_staging.{table} set external_tag = 'before'")


def test_a_build_that_stopped_goes_on_after_the_last_slice(raw: RawTables) -> None:
    warehouse = raw.warehouse
    repair = break_record(warehouse, "c-4")
    problems = dbt(warehouse, "run", *MODELS, expect_success=False)
    assert [problem.split(":")[0] for problem in problems] == ["stg_platform__conversations"]
    # c-3 is in the slice that failed.
    assert built(warehouse) == ["c-1", "c-2"]

    repair()
    mark(warehouse)
    dbt(warehouse, "run", *MODELS)
    assert marked(warehouse) == [
        ("c-1", "before"), ("c-2", "before"), ("c-3", None), ("c-4", None), ("c-5", None),
    ]  # fmt: skip


def test_a_refresh_that_stopped_leaves_the_old_table_and_goes_on_in_the_new(
    raw: RawTables,
) -> None:
    warehouse = raw.warehouse
    dbt(warehouse, "run", *MODELS)
    mark(warehouse)
    whole = [(f"c-{number}", "before") for number in range(1, 6)]
    repair = break_record(warehouse, "c-4")
    refresh = ("run", "--full-refresh", *MODELS)
    dbt(warehouse, *refresh, expect_success=False)
    assert marked(warehouse) == whole
    [beside] = tables_beside(warehouse)
    assert [name for name, _ in marked(warehouse, beside)] == ["c-1", "c-2"]

    # What the next refresh has to take in has come meanwhile.
    repair()
    raw.load(6, conversation_details=[call("c-1", answered=False)])
    mark(warehouse, beside)
    dbt(warehouse, *refresh)
    assert marked(warehouse) == [
        ("c-1", None), ("c-2", "before"), ("c-3", None), ("c-4", None), ("c-5", None),
    ]  # fmt: skip
    assert not tables_beside(warehouse)


def test_a_build_drops_what_a_refresh_has_left(raw: RawTables) -> None:
    warehouse = raw.warehouse
    dbt(warehouse, "run", *MODELS)
    mark(warehouse)
    repair = break_record(warehouse, "c-4")
    dbt(warehouse, "run", "--full-refresh", *MODELS, expect_success=False)
    assert tables_beside(warehouse)
    repair()
    dbt(warehouse, "run", *MODELS)
    assert not tables_beside(warehouse)
    assert marked(warehouse) == [(f"c-{number}", "before") for number in range(1, 6)]


def tables_beside(warehouse: Warehouse) -> list[str]:
    """Return what refreshes of the conversations have left."""
    names = warehouse.execute(
        "select table_name from information_schema.tables where table_schema = 'genesys_staging'"
    )
    return [name for (name,) in names if "__refresh_" in name]


def test_a_load_that_a_slice_does_not_hold_has_one_of_its_own(raw: RawTables) -> None:
    warehouse = raw.warehouse
    warehouse.execute(f"update genesys_raw.extract_windows set byte_count = {65 * MEGABYTE}")
    break_record(warehouse, "c-2")
    dbt(warehouse, "run", *MODELS, expect_success=False)
    assert built(warehouse) == ["c-1"]


def test_slices_of_any_size_give_the_same_tables(raw: RawTables) -> None:
    """With versions that other slices bring, earlier and later ones."""
    warehouse = raw.warehouse
    raw.load(6, conversation_details=[call("c-1", answered=False), call("c-6")])
    raw.load(7, conversation_details=[call("c-2", attributes={"a": "b"})])
    dbt(warehouse, "run", *MODELS)
    several = tables(warehouse, *SCHEMAS)
    warehouse.execute("update genesys_raw.extract_windows set byte_count = 0")
    dbt(warehouse, "run", "--full-refresh", *MODELS)
    assert tables(warehouse, *SCHEMAS) == several | {
        name: lines
        for name, lines in tables(warehouse, *SCHEMAS).items()
        if name.endswith("extract_windows")
    }
    assert built(warehouse) == [f"c-{number}" for number in range(1, 7)]


def test_what_is_read_again_and_is_the_same_is_not_made_again(raw: RawTables) -> None:
    warehouse = raw.warehouse
    dbt(warehouse, "run", *MODELS)
    mark(warehouse)
    raw.load(6, conversation_details=[call("c-1"), call("c-2", answered=False)])
    dbt(warehouse, "run", *MODELS)
    assert marked(warehouse)[:3] == [("c-1", "before"), ("c-2", None), ("c-3", "before")]


# When each of five loads has read what it brings: one late, two at once, one of an instant before.
READ_AT = (2, 1, 3, 3, 2)


def test_every_history_of_two_contents_is_told_load_by_load_as_at_once(
    warehouse: Warehouse,
) -> None:
    """Each of five loads brings a conversation with this or that content, or does not."""
    raw, models = RawTables(warehouse), ("--select", "+stg_platform__conversations")
    histories = ["".join(one) for one in product("ab-", repeat=len(READ_AT))]
    for number, hour in enumerate(READ_AT):
        records = [
            {"conversationId": history, "externalTag": history[number]}
            for history in histories
            if history[number] != "-"
        ]
        raw.load(number, extracted_at=DAY + timedelta(hours=hour), conversation_details=records)
        dbt(warehouse, "run", *models)
        assert told(warehouse) == expected(warehouse)
    load_by_load = tables(warehouse, *SCHEMAS)
    dbt(warehouse, "run", "--full-refresh", *models)
    assert told(warehouse) == expected(warehouse)
    assert tables(warehouse, *SCHEMAS) == load_by_load
    assert len(told(warehouse)) == len(histories) - 1


def told(warehouse: Warehouse) -> list[Row]:
    """Return each conversation's newest content, the load since which it is that, and its first."""
    return warehouse.execute(
        "select versions.conversation_id, versions.payload_hash, versions.load_id, first.load_id"
        " from genesys_staging.stg_platform__conversation_versions as versions"
        " inner join genesys_staging.stg_loader__loads as first"
        " on versions.first_loaded_at = first.loaded_at"
        " inner join genesys_staging.stg_platform__conversations as conversations"
        " on versions.conversation_id = conversations.conversation_id"
        " and versions.payload_hash = conversations.payload_hash"
        " and versions.loaded_at = conversations.loaded_at order by 1"
    )


def expected(warehouse: Warehouse) -> list[Row]:
    """Return the same from the raw rows, by what was newest after each load."""
    newest: dict[str, tuple[Any, str]] = {}
    since: dict[str, tuple[str, str]] = {}
    first: dict[str, tuple[Any, str]] = {}
    for load, conversation, *version in warehouse.execute(
        "select _dlt_load_id, record_id, extracted_at, payload_hash"
        " from genesys_raw.conversation_details order by 1"
    ):
        found = max(newest.get(conversation, tuple(version)), tuple(version))
        newest[conversation] = found
        if conversation not in since or since[conversation][0] != found[1]:
            since[conversation] = (found[1], load)
        seen = (version[0], load)
        first[conversation] = min(first.get(conversation, seen), seen)
    return sorted((name, *since[name], first[name][1]) for name in since)


def test_m1_a_load_that_was_killed_and_read_again_counts_once(warehouse: Warehouse) -> None:
    """The same versions came again, as of the same time, under a load of their own.

    Its work directory was lost, so its rows belong to no load that was ever completed.
    """
    raw = RawTables(warehouse)
    records: dict[str, Any] = {
        "conversation_details": [call("c-1"), call("c-2")],
        "guides_conversations": [listed("c-3", "contact-1"), listed("c-4", "contact-1")],
        "guides_contacts": [known("contact-1", external_id="crm-1")],
    }
    for number, committed in ((1, 0), (2, 1), (3, 0)):
        raw.load(number, extracted_at=DAY, committed=committed, **records)
    dbt(
        warehouse, "run", "--select", "+stg_platform__conversations", "+stg_guides__conversations",
        "+stg_guides__contacts",
    )  # fmt: skip
    assert built(warehouse) == ["c-1", "c-2"]
    for table, key, ids in (
        ("conversations", "conversation_id", ["c-3", "c-4"]),
        ("contacts", "contact_id", ["contact-1"]),
    ):
        rows = warehouse.execute(
            f"select {key} from genesys_staging.stg_guides__{table} order by 1"
        )
        assert [one for (one,) in rows] == ids


def test_an_edited_model_is_looked_at_also_where_nothing_is_new(
    warehouse: Warehouse, raw: RawTables, tmp_path: Path
) -> None:
    project = project_with_registry(tmp_path)
    dbt(warehouse, "build", *MODELS_AND_SEEDS, *MODELS, project=project)
    model = project / "models" / "staging" / "platform" / "stg_platform__sessions.sql"
    edited = model.read_text().replace("select * from renamed", "select *, 1 as one from renamed")
    assert edited != model.read_text()
    dbt(warehouse, "run", "--select", "stg_platform__sessions", project=project)
    model.write_text(edited)
    problems = dbt(
        warehouse, "run", "--select", "stg_platform__sessions", project=project,
        expect_success=False,
    )  # fmt: skip
    assert "out of sync" in problems[0]


def test_columns_of_ids_stay_zstd_in_a_refreshed_table_too(
    duckdb_warehouse: Warehouse,
) -> None:
    """DuckDB would keep every letter of them, and zstd four bytes of every word."""
    warehouse = duckdb_warehouse
    RawTables(warehouse).load(1, conversation_details=[call("a")])
    for refresh in ([], ["--full-refresh"]):
        dbt(warehouse, "run", *MODELS, *refresh)
        [(ddl,)] = warehouse.execute(
            "select sql from duckdb_tables() where table_name = 'stg_platform__session_metrics'"
        )
        assert "session_id VARCHAR USING COMPRESSION ZSTD" in ddl
        assert "metric_name VARCHAR," in ddl


@pytest.mark.slow
def test_who_reads_attributes_of_one_load_opens_no_records_of_others(
    duckdb_warehouse: Warehouse,
) -> None:
    """They are a view on the records there, read once for each slice."""
    warehouse, view = duckdb_warehouse, "stg_platform__participant_attributes"
    raw = RawTables(warehouse)
    for number in (1, 2):
        raw.load(number, conversation_details=[call(f"c-{number}", attributes={"a": "1"})])
    dbt(warehouse, "run", "--select", f"+{view}")
    [(newest,)] = warehouse.execute(
        "select max(loaded_at) from genesys_staging.stg_platform__participants"
    )
    break_record(warehouse, "c-1")
    assert warehouse.execute(
        f"select distinct conversation_id from genesys_staging.{view}"
        f" where loaded_at > timestamp '{newest}' - interval 1 microsecond"
        f" and loaded_at <= timestamp '{newest}'"
    ) == [("c-2",)]


def test_postgres_knows_what_a_build_has_filled_as_soon_as_it_has(
    postgres_warehouse: Warehouse,
) -> None:
    """It looks by itself once a minute, and plans the models behind as if nothing were there."""
    raw = RawTables(postgres_warehouse)
    raw.load(1, conversation_details=[call("a")])
    dbt(postgres_warehouse, "build", *MODELS_AND_SEEDS, "--select", "+stg_platform__sessions")
    looked = postgres_warehouse.execute(
        "select relname from pg_stat_user_tables"
        " where schemaname = 'genesys_staging' and last_analyze is not null"
    )
    assert ("stg_platform__sessions",) in looked


# What the planner may do where rows arrive.
_WATCH = (
    "create table public.planned (nested_loops text)",
    "create function public.watch() returns trigger language plpgsql as $$ begin"
    " insert into public.planned values (current_setting('enable_nestloop')); return null; end $$",
    "create trigger watch after insert on genesys_staging.stg_platform__sessions"
    " for each statement execute function public.watch()",
)


def test_postgres_plans_a_slice_of_many_rows_without_comparing_each_with_each(
    postgres_warehouse: Warehouse,
) -> None:
    warehouse, models = postgres_warehouse, ("--select", "+stg_platform__sessions")
    raw = RawTables(warehouse)
    raw.load(1, conversation_details=[call("a")])
    dbt(warehouse, "run", *models)
    for statement in _WATCH:
        warehouse.execute(statement)
    for number, megabytes in ((2, 30), (3, 1)):
        raw.load(number, conversation_details=[call(f"c-{number}")])
        warehouse.execute(
            f"update genesys_raw.extract_windows set byte_count = {megabytes * MEGABYTE}"
        )
        dbt(warehouse, "run", *models)
    assert warehouse.execute("select nested_loops from public.planned") == [("off",), ("on",)]


def test_postgres_finds_rows_of_a_load_and_of_a_conversation_by_index(
    postgres_warehouse: Warehouse,
) -> None:
    RawTables(postgres_warehouse).load(1, conversation_details=[call("a")])
    dbt(postgres_warehouse, "run", "--select", "+stg_platform__sessions")
    indexes = postgres_warehouse.execute(
        "select indexdef from pg_indexes where tablename = 'stg_platform__sessions'"
    )
    assert sorted(text.rpartition(" ")[2] for (text,) in indexes) == [
        "(conversation_id)", "(loaded_at)",
    ]  # fmt: skip
