"""Building load by load gives the same tables as building once from everything."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.transform.guides_history import GUIDES_LOADS
from tests.transform.history import LOADS
from tests.transform.warehouses import (
    BUT_VIEWS,
    FIRST_BUILD,
    WHAT_REMEMBERS,
    DuckDBWarehouse,
    PostgresWarehouse,
    RawTables,
    Tables,
    Warehouse,
    dbt,
    project_with_registry,
    tables,
)

REGISTRY = (
    "Customer Tier,customer_tier,text,none,customer,1,true",
    "customer tier,customer_tier,text,none,customer,2,true",
    "order.total,order_total,number,0,,,false",
    "verified,is_verified,boolean,false,,,false",
    "due,due_on,date,,customer,,true",
)


# What each newest version holds, read off history.py: attributes, sessions, attempts. One is
# erased.
FINAL_STATE = {
    "gains": (1, 0, 0),
    "loses-attributes": (0, 4, 2),
    "loses-outcomes": (7, 4, 0),
    "loses-sessions": (0, 0, 0),
    "new": (0, 0, 0),
    "only-late": (0, 4, 1),
    "open": (0, 0, 0),
    "untouched": (7, 4, 1),
}


# What the newest completed reads say, read off history.py: queue, bucket, handled.
FINAL_BUCKETS = [
    ("queue-1", "2026-09-01 09:00:00", 4),
    ("queue-2", "2026-09-01 09:45:00", 6),
    ("queue-unknown", "2026-09-01 10:00:00", 5),
]
# The newest scan: who leads to whom, and who is gone; contacts that no scan held left out.
FINAL_CONTACTS = [
    ("gains-contact", "gains-contact", False),
    ("older-contact", "older-contact", True),
    ("open-contact", "open-contact", True),
    ("untouched-contact", "gains-contact", False),
]


def final_buckets(warehouse: Warehouse) -> list[tuple[str, str, int]]:
    return sorted(
        (queue, str(start), handled)
        for queue, start, handled in warehouse.execute(
            "select queue_id, bucket_started_at, handled_count"
            " from genesys_staging.stg_platform__queue_aggregates"
        )
    )


def final_contacts(warehouse: Warehouse) -> list[tuple[str, str, bool]]:
    return sorted(
        (contact, canonical, is_gone)
        for contact, canonical, is_gone in warehouse.execute(
            "select contact_id, canonical_contact_id, is_gone from genesys_marts.dim_contacts"
            " where is_known"
        )
    )


def final_state(warehouse: Warehouse) -> dict[str, tuple[int, int, int]]:
    return {
        name: (attributes, sessions, attempts)
        for name, attributes, sessions, attempts in warehouse.execute(
            "select conversation_id, attribute_count, session_count, flow_outcome_attempt_count"
            " from genesys_marts.fct_interactions"
        )
    }


def expect_platform(warehouse: Warehouse) -> None:
    assert final_state(warehouse) == FINAL_STATE
    assert final_buckets(warehouse) == FINAL_BUCKETS
    assert final_contacts(warehouse) == sorted(FINAL_CONTACTS)


# Read off guides_history.py: attributes, first contact, wrap-up code, whether it is open. What no
# part of a conversation tells is unknown.
FINAL_GUIDES_STATE = {
    "attributes-come-last": (4, None, "code-1", False),
    "exported-later": (1, None, "code-1", False),
    "gains": (4, "contact-2", "code-2", False),
    "loses-attributes": (0, None, "code-1", False),
    "never-exported": (1, None, None, None),
    "only-late": (None, None, "code-1", False),
    "only-listed": (None, None, None, None),
    "open": (None, None, "code-1", False),
    "untouched": (4, "contact-2", "code-1", False),
}
# Where the newest completed reads differ they win, names and all; where there is one, it stays.
FINAL_GUIDES_COUNTS = [
    ("flow-1", "Identified", "2026-09-01 09:00:00", 4),
    ("flow-1", "Left", "2026-09-01 10:00:00", 2),
    ("queue-2", "Sales", "2026-09-01 09:15:00", 3),
    ("user-1", "Ada Renamed", "2026-09-01 09:00:00", 0),
]
FINAL_GUIDES_STEPS = [
    ("contact-2", "gains", "code-2"),
    ("contact-2", "only-listed", None),
    ("contact-2", "untouched", "code-1"),
]


def expect_guides(warehouse: Warehouse) -> None:
    assert {
        name: tuple(values)
        for name, *values in warehouse.execute(
            "select conversation_id, attribute_count, first_external_contact_id,"
            " last_wrapup_code_id, is_open from genesys_marts.fct_interactions"
        )
    } == FINAL_GUIDES_STATE
    assert (
        sorted(
            (about, name, str(start), count)
            for about, name, start, count in warehouse.execute(
                """
            select flow_id, outcome_name, bucket_started_at, outcome_count
            from genesys_staging.stg_guides__flow_outcomes
            union all
            select queue_id, queue_name, bucket_started_at, handled_count
            from genesys_staging.stg_guides__queue_intervals
            union all
            select user_id, user_name, bucket_started_at, handled_count
            from genesys_staging.stg_guides__agent_intervals
            """
            )
        )
        == FINAL_GUIDES_COUNTS
    )
    assert (
        sorted(
            warehouse.execute(
                "select canonical_contact_id, conversation_id, wrapup_code_id"
                " from genesys_marts.fct_journey_steps"
            )
        )
        == FINAL_GUIDES_STEPS
    )


History = tuple[Sequence[Callable[[RawTables], None]], Callable[[Warehouse], None], Sequence[str]]
# What is of the other contract stays empty: built once, it is left alone.
HISTORIES: dict[str, History] = {
    "platform": (LOADS, expect_platform, ("staging/guides", "intermediate/guides")),
    "guides": (GUIDES_LOADS, expect_guides, ("staging/platform",)),
}


def built(warehouse: Warehouse) -> Tables:
    return tables(warehouse, "genesys_staging", "genesys_intermediate", "genesys_marts")


@dataclass(frozen=True)
class Compared:
    """What a warehouse held after some loads, and what a full refresh made of the same rows."""

    load_by_load: Tables
    refreshed: Tables


@dataclass(frozen=True)
class Replayed:
    """A contract's history on DuckDB: by the name of the newest load, what was compared there."""

    contract: str
    project: Path
    compared: dict[str, Compared]

    @property
    def at_the_end(self) -> Tables:
        """The tables of one build from everything."""
        return list(self.compared.values())[-1].refreshed


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=pytest.mark.xdist_group(f"parity-{name}")) for name in HISTORIES
    ],
)
def replayed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """Build a history load by load, and from the start where the two are compared."""
    loads, _, others = HISTORIES[request.param]
    left_out = [f"path:models/{folder}" for folder in others]
    remembering = (*WHAT_REMEMBERS, *BUT_VIEWS, *left_out)
    directory = tmp_path_factory.mktemp("parity")
    project = project_with_registry(directory, *REGISTRY)
    warehouse = DuckDBWarehouse(directory / "genesys.duckdb")
    raw = RawTables(warehouse)
    compared = {}
    for number, load in enumerate(loads, start=1):
        load(raw)
        is_last = number == len(loads)
        if number == 1:
            models = (*FIRST_BUILD, *(f"+{part}" for part in left_out))
        elif is_last:
            models = ("--resource-type", "model", "--exclude", *left_out)
        else:
            models = remembering
        dbt(warehouse, "build", *models, project=project)
        # What a build gets wrong stays wrong until the conversation or window comes again, so every
        # fifth comparison, and the last, would still see it.
        if number % 5 and not is_last:
            continue
        load_by_load = built(warehouse)
        shutil.copy(warehouse.path, directory / "before")
        dbt(warehouse, "build", "--full-refresh", *remembering, project=project)
        compared[load.__name__] = Compared(load_by_load, built(warehouse))
        if not is_last:
            shutil.copy(directory / "before", warehouse.path)
    if request.param == "platform":
        # The guides' history passes the tests of the models in tests/end_to_end.
        dbt(warehouse, "test", "--exclude-resource-type", "unit_test", project=project)
    return Replayed(request.param, project, compared)


@pytest.mark.slow
def test_every_load_leaves_what_a_full_refresh_would(replayed: Replayed) -> None:
    assert replayed.compared
    for load, compared in replayed.compared.items():
        assert compared.refreshed == compared.load_by_load, load


@pytest.mark.slow
def test_both_engines_end_with_the_same_tables(
    replayed: Replayed, postgres_warehouse: PostgresWarehouse
) -> None:
    """Postgres builds after every third load."""
    loads, expect_final_state, _ = HISTORIES[replayed.contract]
    project = replayed.project
    raw = RawTables(postgres_warehouse)
    for number, load in enumerate(loads, start=1):
        load(raw)
        is_last = number == len(loads)
        if number % 3 == 0 or is_last:
            # The last load changes lines of seeds where they lie.
            last = ("--resource-type", "model") if is_last else WHAT_REMEMBERS
            models = FIRST_BUILD if number == 3 else last
            dbt(postgres_warehouse, "build", *models, project=project)
    load_by_load = built(postgres_warehouse)
    expect_final_state(postgres_warehouse)
    assert load_by_load == replayed.at_the_end
    dbt(postgres_warehouse, "run", "--full-refresh", project=project)
    assert built(postgres_warehouse) == load_by_load
