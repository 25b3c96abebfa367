"""One organisation through both contracts: equal marts in all that both define, on both engines.

Each question is one statement, asked of both warehouses: whoever asks need not know which it is.
What one contract cannot know is left out by the question, and listed in DECISIONS.md.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness.place import Place
from tests.harness.postgres import PostgresDatabase, PostgresServer
from tests.sandbox.process import SandboxProcess, running_sandbox
from tests.transform.warehouses import (
    MODELS_AND_SEEDS,
    WHAT_REMEMBERS,
    DuckDBWarehouse,
    PostgresWarehouse,
    Tables,
    Warehouse,
    dbt,
    project_with_registry,
    rows,
    set_seed,
    tables,
)

# One process loads and builds for all of them.
pytestmark = pytest.mark.xdist_group("both contracts")

BUILT = ("genesys_staging", "genesys_intermediate", "genesys_marts")
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
        not_responding_seconds, occupancy, occupancy_with_communicating
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
            if name.endswith(
                ("_count", "_seconds", "_share", "occupancy", "_communicating", "_number")
            )
        }
        if "interval_kind" not in row or any(numbers.values()):
            found.add(json.dumps({**row, **numbers}, sort_keys=True, default=str))
    return found


@dataclass(frozen=True)
class World:
    """One organisation in two warehouses of one engine, a contract each.

    Attributes:
        built: the marts by contract.
        day_by_day: what the platform's held after it was loaded and built on three days.
        refreshed: what one full refresh of the same rows gave; nothing where nobody asks.
    """

    built: dict[str, Warehouse]
    day_by_day: Tables
    refreshed: Tables


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    with running_sandbox(
        conversations=250,
        days=3,
        end="2026-03-17T00:00:00Z",
        now=LATER,
        quota=1_000_000,
        tenant_quota=1_000_000,
    ) as running:
        yield running


@pytest.fixture(scope="module")
def on_duckdb(sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("guides")
    loader = _loader(sandbox, folder, "guides")
    sandbox.set_clock(LATER)
    loader.load("--to", END)
    guides = DuckDBWarehouse(loader.database)
    project = with_names_of_today(folder, guides)
    # The models' own tests once, on what is tested nowhere else.
    dbt(guides, "build", "--exclude-resource-type", "unit_test", project=project)

    loader = _loader(sandbox, tmp_path_factory.mktemp("platform"), "platform")
    platform = DuckDBWarehouse(loader.database)
    for models in _days(loader):
        dbt(platform, "build", *models, project=project)
    day_by_day = tables(platform, *BUILT)
    dbt(platform, "run", "--full-refresh", project=project)
    return World({"platform": platform, "guides": guides}, day_by_day, tables(platform, *BUILT))


@pytest.fixture(scope="module")
def on_postgres(
    sandbox: SandboxProcess,
    on_duckdb: World,
    postgres_session: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> World:
    folder = tmp_path_factory.mktemp("guides_on_postgres")
    project = with_names_of_today(folder, on_duckdb.built["guides"])
    sandbox.set_clock(LATER)
    # dbt parses again for a database of another name: so one after the other has it.
    database = postgres_session.create_database("test")
    _loader(sandbox, folder, "guides", database).load("--to", END)
    dbt(PostgresWarehouse(database, folder), "build", *MODELS_AND_SEEDS, project=project)
    guides = PostgresWarehouse(postgres_session.rename_database("test", "both_guides"), folder)

    folder = tmp_path_factory.mktemp("platform_on_postgres")
    database = postgres_session.create_database("test")
    platform = PostgresWarehouse(database, folder)
    for models in _days(_loader(sandbox, folder, "platform", database)):
        # What remembers has seen the third day after the first.
        if models is not WHAT_REMEMBERS:
            dbt(platform, "build", *models, project=project)
    platform = PostgresWarehouse(postgres_session.rename_database("test", "both_platform"), folder)
    return World({"platform": platform, "guides": guides}, tables(platform, *BUILT), {})


def _loader(
    sandbox: SandboxProcess, folder: Path, contract: str, database: PostgresDatabase | None = None
) -> Place:
    return Place(sandbox, folder, database, {**SETTINGS, "GENESYS_CONTRACT": contract})


def _days(loader: Place) -> Iterator[tuple[str, ...]]:
    """Load on three days, all again on the last, and say after each what to build."""
    for now, arguments, models in (
        ("2026-03-14T18:00:00Z", (), MODELS_AND_SEEDS),
        ("2026-03-16T06:00:00Z", (), WHAT_REMEMBERS),
        (LATER, ("--from", "2026-03-14", "--to", END), MODELS_AND_SEEDS),
    ):
        loader.sandbox.set_clock(now)
        loader.load(*arguments, ELT_WINDOW_HOURS="48")
        yield models


@pytest.fixture(scope="module", params=["duckdb", pytest.param("postgres", marks=pytest.mark.slow)])
def built(request: pytest.FixtureRequest) -> dict[str, Warehouse]:
    """Return the marts of one world, built twice: from the platform's contract and the guides'."""
    world: World = request.getfixturevalue(f"on_{request.param}")
    return world.built


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


# What the details of conversations come to, and beside it what Genesys itself counts. Details also
# tell what an e-mail that was opened again did after the last window of the counts.
WAITS = f"""
    select queue_id, media_type, count(*) as offered_count,
        count(case when is_answered then 1 end) as answered_count,
        count(case when is_abandoned then 1 end) as abandoned_count,
        count(case when is_short_abandon then 1 end) as short_abandoned_count,
        count(case when is_flowed_out then 1 end) as flowed_out_count,
        sum(wait_seconds) as wait_seconds
    from genesys_marts.fct_queue_visits where entered_at < timestamp '{END}'
    group by queue_id, media_type
"""
QUEUES_OF_GENESYS = """
    select queue_id, media_type, sum(offered_count) as offered_count,
        sum(answered_count) as answered_count, sum(abandoned_count) as abandoned_count,
        sum(short_abandoned_count) as short_abandoned_count,
        sum(flowed_out_count) as flowed_out_count, sum(wait_seconds) as wait_seconds
    from genesys_marts.fct_queue_intervals where interval_kind = 'day'
    group by queue_id, media_type having sum(offered_count) > 0
"""
ANSWERS = f"""
    select queue_id, media_type, count(*) as answered_count
    from genesys_marts.fct_conversation_legs
    where is_answered and answered_at < timestamp '{END}' group by queue_id, media_type
"""
ANSWERS_OF_GENESYS = """
    select queue_id, media_type, sum(answered_count) as answered_count
    from genesys_marts.fct_queue_intervals where interval_kind = 'day'
    group by queue_id, media_type having sum(answered_count) > 0
"""


@pytest.mark.parametrize(
    ("details", "counts"),
    [(WAITS, QUEUES_OF_GENESYS), (ANSWERS, ANSWERS_OF_GENESYS)],
    ids=["waits", "answers"],
)
def test_details_come_to_what_genesys_counts(
    built: dict[str, Warehouse], details: str, counts: str
) -> None:
    assert asked(built["platform"], details) == asked(built["platform"], counts) != set()


def test_genesys_own_shares_agree_with_ours(built: dict[str, Warehouse]) -> None:
    [(count, agreed)] = built["guides"].execute(
        "select count(*), count(case when is_agreed then 1 end) "
        "from genesys_marts.audit_outcome_shares"
    )
    assert count == agreed > 0


def test_day_by_day_is_one_full_refresh(on_duckdb: World) -> None:
    assert on_duckdb.refreshed == on_duckdb.day_by_day != {}


@pytest.mark.slow
def test_both_engines_agree(on_duckdb: World, on_postgres: World) -> None:
    # Load times are each engine's own; everything else is one truth.
    assert without_load_times(on_postgres.day_by_day) == without_load_times(on_duckdb.day_by_day)


def without_load_times(found: dict[str, list[str]]) -> dict[str, list[str]]:
    """Leave out when rows were loaded and by which run, and what only audits a run."""
    own = (
        "loaded_at", "first_loaded_at", "load_id", "run_id", "window_attempt_id", "job_id",
        "byte_count",
    )  # fmt: skip
    kept = {}
    for table, lines in found.items():
        if "audit_extract_windows" in table or "stg_loader" in table:
            continue
        rows = [json.loads(line) for line in lines]
        kept[table] = sorted(
            json.dumps({k: v for k, v in row.items() if k not in own}, sort_keys=True)
            for row in rows
        )
    return kept
