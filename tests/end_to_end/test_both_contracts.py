"""One organisation through both contracts: equal marts in all that both define.

Each question is one statement, asked of both warehouses: whoever asks need not know which it is.
What one contract cannot know is left out by the question, and listed in DECISIONS.md.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loading import Loader
from tests.postgres import PostgresDatabase
from tests.sandbox.process import running_sandbox
from tests.transform.warehouses import (
    DuckDBWarehouse,
    PostgresWarehouse,
    Warehouse,
    dbt,
    project_with_registry,
    rows,
    set_seed,
)

SETTINGS = {"ELT_START": "2026-03-14", "GENESYS_REQUESTS_PER_MINUTE": "100000"}
# Everything has ended, was corrected and is served by both.
LATER = "2026-03-24T06:00:00Z"
END = "2026-03-17T12:00:00Z"

# The guides tell neither attributes nobody asked for nor those without a value.
ATTRIBUTES = """
    select conversation_id, participant_id, participant_purpose, attribute_name, raw_value,
        inferred_type, column_name, data_type, value_text, value_number, value_boolean, value_date,
        value_timestamp, precedence, is_cast_ok, is_pii, conversation_started_at
    from genesys_marts.fct_participant_attributes
    where is_registered and raw_value <> ''
"""
PARTICIPANTS = """
    select conversation_id, participant_id, participant_purpose, customer_id, is_authenticated,
        retry_count, language
    from genesys_marts.dim_participant_attributes
"""
INTERACTIONS = """
    select conversation_id, originating_direction, initial_media_type, duration_seconds,
        acw_seconds, participant_count, is_open, started_at, ended_at
    from genesys_marts.fct_interactions
"""
OUTCOMES = """
    select flow_outcome_key, flow_id, outcome_name, interval_kind, interval_started_at,
        interval_ended_at, report_date, outcome_count, flow_outcome_count, outcome_share
    from genesys_marts.fct_flow_outcomes
"""
# Per queue, whatever the media: a guide's row is about all of them.
QUEUES = """
    select queue_id, interval_kind, interval_started_at, interval_ended_at,
        sum(offered_count) as offered_count, sum(answered_count) as answered_count,
        sum(abandoned_count) as abandoned_count, sum(handled_count) as handled_count,
        sum(transferred_count) as transferred_count, sum(outbound_count) as outbound_count,
        sum(over_service_level_count) as over_service_level_count,
        sum(wait_seconds) as wait_seconds, sum(answer_seconds) as answer_seconds,
        sum(abandon_seconds) as abandon_seconds, sum(talk_seconds) as talk_seconds,
        sum(hold_seconds) as hold_seconds, sum(acw_seconds) as acw_seconds
    from genesys_marts.fct_queue_intervals
    group by queue_id, interval_kind, interval_started_at, interval_ended_at
"""
AGENTS = """
    select user_id, interval_kind, interval_started_at, interval_ended_at, handled_count,
        answered_count, transferred_count, outbound_count, alert_seconds, talk_seconds,
        hold_seconds, acw_seconds, interacting_seconds, communicating_seconds, idle_seconds,
        not_responding_seconds, off_queue_seconds, occupancy
    from genesys_marts.fct_agent_intervals
"""
EQUAL = {
    "attributes": ATTRIBUTES,
    "participants": PARTICIPANTS,
    "interactions": INTERACTIONS,
    "outcomes": OUTCOMES,
    "queues": QUEUES,
    "agents": AGENTS,
}

# Of the contacts that both know: the guides know those whose CRM id was in an attribute.
CONTACTS = """
    select contact_id, canonical_contact_id, first_name, last_name
    from genesys_marts.dim_contacts where is_known
"""
# Kept or not: states are told by the guides alone.
STEPS = """
    select steps.canonical_contact_id as canonical_contact_id,
        steps.conversation_id as conversation_id, steps.channel_type as channel_type,
        steps.started_at as started_at
    from genesys_intermediate.int_journey_steps_resolved as steps
    inner join genesys_marts.dim_contacts as contacts
        on steps.canonical_contact_id = contacts.contact_id
    where contacts.is_known
"""


def asked(warehouse: Warehouse, sql: str) -> set[str]:
    """Return a question's rows as text, numbers as the same whatever their type.

    A row of which all numbers are zero says that only something else was counted there.
    """
    found = set()
    for row in rows(warehouse, sql):
        numbers = {
            name: None if value is None else float(format(float(value), ".9g"))
            for name, value in row.items()
            if name.endswith(("_count", "_seconds", "_share", "occupancy", "_number"))
        }
        if "interval_kind" not in row or any(numbers.values()):
            found.add(json.dumps({**row, **numbers}, sort_keys=True, default=str))
    return found


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def built(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Warehouse]]:
    """Build the marts of one world twice: from the platform's contract and from the guides'."""
    found: dict[str, Warehouse] = {}
    with running_sandbox(
        conversations=250,
        days=3,
        end="2026-03-17T00:00:00Z",
        now=LATER,
        quota=1_000_000,
        tenant_quota=1_000_000,
    ) as sandbox:
        for contract in ("platform", "guides"):
            folder = tmp_path_factory.mktemp(contract)
            database: PostgresDatabase | None = None
            if request.param == "postgres":
                server = request.getfixturevalue("postgres_session")
                database = server.create_database(f"both_{contract}")
            settings = {**SETTINGS, "GENESYS_CONTRACT": contract}
            loader = Loader(sandbox, folder, database, settings)
            loader.load("--to", END)
            found[contract] = (
                PostgresWarehouse(database, folder)
                if database
                else DuckDBWarehouse(loader.database)
            )
    project = with_names_of_today(tmp_path_factory.mktemp("project"), found["guides"])
    for contract, warehouse in found.items():
        # The models' own tests once, on what is tested nowhere else.
        steps = ["build"] if (contract, request.param) == ("guides", "duckdb") else ["seed", "run"]
        for step in steps:
            dbt(warehouse, step, project=project)
    yield found


def with_names_of_today(directory: Path, warehouse: Warehouse) -> Path:
    """Return the project with the two outcomes that were renamed in mid-period as aliases."""
    payloads = warehouse.execute("select payload from genesys_raw.guides_flow_outcomes")
    flows = {json.loads(payload)["flow-id"] for (payload,) in payloads}
    project = project_with_registry(
        directory, *(PROJECT_REGISTRY.read_text(encoding="utf-8").splitlines()[1:])
    )
    renamed = {"Handed to agent": "Handed over to an agent", "Parcel located": "Parcel found"}
    set_seed(
        project,
        "flow_outcome_aliases",
        *(f"{flow},{old},{new}" for flow in sorted(flows) for old, new in renamed.items()),
    )
    return project


PROJECT_REGISTRY = Path(__file__).parents[2] / "dbt_project" / "seeds" / "attribute_registry.csv"


@pytest.mark.parametrize("question", EQUAL)
def test_both_contracts_answer_alike(built: dict[str, Warehouse], question: str) -> None:
    platform = asked(built["platform"], EQUAL[question])
    guides = asked(built["guides"], EQUAL[question])
    assert guides - platform == set()
    assert platform - guides == set()
    assert guides


def test_contacts_and_journeys_are_alike_for_whom_both_know(built: dict[str, Warehouse]) -> None:
    platform = {json.loads(row)["contact_id"]: row for row in asked(built["platform"], CONTACTS)}
    guides = {json.loads(row)["contact_id"]: row for row in asked(built["guides"], CONTACTS)}
    assert {contact: platform.get(contact) for contact in guides} == guides != {}
    heads = {json.loads(row)["canonical_contact_id"] for row in guides.values()}
    known = {
        row
        for row in asked(built["platform"], STEPS)
        if json.loads(row)["canonical_contact_id"] in heads
    }
    assert asked(built["guides"], STEPS) == known != set()


def test_genesys_own_shares_agree_with_ours(built: dict[str, Warehouse]) -> None:
    [(count, agreed)] = built["guides"].execute(
        "select count(*), count(case when is_agreed then 1 end) "
        "from genesys_marts.audit_outcome_shares"
    )
    assert count == agreed > 0
