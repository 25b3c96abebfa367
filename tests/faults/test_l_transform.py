"""Faults G, K5 and L in the marts: three loads of awkward records with a build after each."""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from loader.windows import iso
from tests.faults.site import Site
from tests.harness.in_process import run_here
from tests.harness.place import SALT
from tests.harness.quick_dbt import quick_dbt, without_log
from tests.transform.aggregates import QUARTER, group, handled, outcome
from tests.transform.contacts import contact
from tests.transform.conversations import DAY, Json, at, call, reference
from tests.transform.test_journeys import talk
from tests.transform.warehouses import (
    MODELS_AND_SEEDS,
    PROJECT,
    DuckDBWarehouse,
    RawTables,
    dbt,
    parsed_in,
    tables,
    target,
)

# One process builds for all of them.
pytestmark = pytest.mark.xdist_group("transform faults")

SCHEMAS = ("genesys_staging", "genesys_intermediate", "genesys_marts")
MODELS = (
    "--select", "+fct_interactions", "+fct_participant_attributes", "+fct_flow_outcome_attempts",
    "+fct_journey_steps", "+bridge_contact_merges", "+dim_queues", "+audit_attribute_catalog",
    "+audit_field_drift", "+dim_contacts", "+dim_participant_attributes", "+fct_flow_outcomes",
)  # fmt: skip
# They warn and leave what they found where a person can see it.
WARNINGS = (
    "assert_no_merges_go_in_a_circle", "assert_registered_attributes_can_be_read",
    "assert_conversations_end_after_they_begin",
)  # fmt: skip

# Ends a statement, a template, a quoted text and a dollar-quoted one.
HOSTILE = "'); drop table genesys_raw.users;--{{ env_var('ELT_DUCKDB_PATH') }}$$\\\"x"
A_YEAR = 365 * 86_400
# A conversation without a start; participant, session and segment without ids or times.
NO_START: Json = {
    "conversationId": "no-start",
    "participants": [
        {
            "purpose": "customer",
            "attributes": {"VIP": "true", "none": None},
            "sessions": [{"mediaType": "voice", "segments": [{"segmentType": "interact"}]}],
        }
    ],
}
PEOPLE = "abcxyuvwz"
PHONE, EMAIL = "+46700000123", "kanarie.persson@example.org"
PERSONAL = {
    "customerId": PHONE, "Account Number": "", "Date of Birth": "1961-02-03",
    "account_number": EMAIL,
}  # fmt: skip
SAME_INSTANT = (
    "2026-09-01T09:00:00Z", "2026-09-01T09:00:00.000Z", "2026-09-01T11:00:00+02:00",
    "2026-09-01T09:00:00.0000000Z", "2026-09-01T09:00:00", "2026-09-01T05:30:00.000-03:30",
)  # fmt: skip
# Named as nobody else here is.
PERSON: Json = {
    "firstName": "Kanarie", "middleName": "", "lastName": "Persson", "workEmail": EMAIL,
    "otherPhone": {"e164": PHONE},
}  # fmt: skip


def _late(record: Json) -> Json:
    """Return a conversation as if it had begun a year before all others."""
    return {**record, "conversationStart": "2025-09-01T09:00:00.000Z"}


def _first(raw: RawTables) -> None:
    raw.load(
        1,
        conversation_details=[
            call("steady", attributes={"VIP": "true"} | PERSONAL),
            call("corrected", attributes={"VIP": "true"}),
            NO_START,
            *(
                talk(f"talk-{name}", name, "voice", 100 * number, 100 * number + 50)
                for number, name in enumerate(PEOPLE)
            ),
        ],
        external_contacts=[
            contact("a", merged_to="b"),
            contact("b", merged_from=["a"]),
            contact("c") | PERSON,
            *(contact(name) for name in "xy"),
            contact("u", merged_to="v"),
            contact("v", merged_from=["u"]),
            # The other contact of this merge is in no list, then or later.
            contact("z", merged_from=["w"]),
        ],
        flow_outcomes=[
            {"id": "outcome-0", "name": "Identified"},
            {"id": "outcome-1", "name": "Billed"},
        ],
        **{table: rows for table, rows in reference(queue=HOSTILE).items() if table in _NAMED},
    )
    counted = [("outcome-0", 2), ("outcome-1", 1)]
    raw.load(1, window=_quarter(0), flow_aggregates=_counts(0, *counted), committed=0)


_NAMED = ("users", "queues", "wrapup_codes", "skills", "divisions", "flows")


def _quarter(number: int) -> tuple[datetime, datetime]:
    return DAY + number * QUARTER, DAY + (number + 1) * QUARTER


def _counts(number: int, *counts: tuple[str, int]) -> list[Json]:
    """Return how often outcomes were reached in a quarter of an hour."""
    return [
        group(outcome("SUCCESS", outcome_id=name), handled(number, count, metric="nFlowOutcome"))
        for name, count in counts
    ]


def _second(raw: RawTables) -> None:
    raw.load(
        2,
        conversation_details=[
            {**call("corrected", attributes={"VIP": "yes"}), "brandNew": {"a": 1}},
            call("drift-object", attributes={"VIP": {"since": 2020}}),
            _late(call("late-by-a-year", attributes={"VIP": "true"}, outcomes=["SUCCESS"])),
            call(
                "hostile",
                attributes={HOSTILE: HOSTILE, "a b": "1", "a_b": "2", "aB": "3", "_dlt_id": "4"}
                | {"": "5"},
                queue=HOSTILE,
            ),
            call("twice", attributes={"VIP": "true"}),
            call("twice", attributes={"VIP": "false"}),
            call("many", attributes={f"k{number}": str(number) for number in range(500)}),
            NO_START,
            *(
                {**call(f"instant-{number}"), "conversationStart": text}
                for number, text in enumerate(SAME_INSTANT)
            ),
            {**call("backwards"), "conversationEnd": at(-60)},
            {**call("year-1"), "conversationStart": "0001-01-01T00:00:00Z"},
            {**call("year-9999"), "conversationEnd": "9999-12-31T23:59:59.9999999Z"},
            _with_impossible_times(call("impossible")),
        ],
        external_contacts=[
            contact("a", merged_to="b"),
            contact("b", merged_to="c", merged_from=["a"]),
            contact("c", merged_from=["b"]) | PERSON,
            contact("x", merged_to="y"),
            contact("y", merged_to="x"),
            # Undone.
            contact("u"),
            contact("v"),
            contact("z", merged_from=["w"]),
        ],
        # One is deleted and made anew under its name, the other renamed.
        flow_outcomes=[
            {"id": "outcome-9", "name": "Identified"},
            {"id": "outcome-1", "name": "Invoiced"},
        ],
    )
    raw.load(2, window=_quarter(1), flow_aggregates=_counts(1, ("outcome-9", 3)), committed=0)


def _with_impossible_times(record: Json) -> Json:
    """Let the agent's hold end before it begins, and metrics be beyond all reason."""
    agent = record["participants"][3]["sessions"][0]
    agent["segments"][2]["segmentEnd"] = at(90)
    agent["metrics"] = [
        {"name": "tHandle", "value": value} for value in (2**53, 10**18, 2**63, -(2**53), 1e300)
    ]
    return record


def _third(raw: RawTables) -> None:
    """Read before the first load and written behind the second, ten times over."""
    raw.load(
        3,
        extracted_at=DAY,
        copies=10,
        committed=2,
        conversation_details=[call("corrected"), call("steady", attributes={"VIP": "true"})],
    )


@dataclass(frozen=True)
class Built:
    """The warehouse after the third build, and the steps of the journeys after the first."""

    warehouse: DuckDBWarehouse
    first_steps: int

    def query(self, columns: str, mart: str, where: str = "true") -> list[tuple[Any, ...]]:
        """Return rows of a mart in the order of all their columns."""
        return self.warehouse.execute(
            f"select {columns} from genesys_marts.{mart} where {where} order by all"
        )

    def warned(self, columns: str, test: str) -> list[tuple[Any, ...]]:
        """Return what a test that warns has left, in the order of all columns."""
        return self.warehouse.execute(
            f"select {columns} from genesys_test_failures.{test} order by all"
        )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    warehouse = DuckDBWarehouse(tmp_path_factory.mktemp("built") / "genesys.duckdb")
    raw = RawTables(warehouse)
    _first(raw)
    dbt(warehouse, "build", *MODELS_AND_SEEDS, *MODELS)
    [(first_steps,)] = warehouse.execute("select count(*) from genesys_marts.fct_journey_steps")
    _second(raw)
    dbt(warehouse, "run", *MODELS)
    _third(raw)
    # Whoever looks for the salt looks through the log as well.
    dbt(warehouse, "run", *MODELS, "--log-level-file", "debug")
    dbt(warehouse, "test", "--select", *WARNINGS)
    yield Built(warehouse, first_steps)


def test_l1_what_comes_a_year_late_is_in_the_next_build(built: Built) -> None:
    where = "conversation_id = 'late-by-a-year'"
    assert built.query("started_at::date::text, attribute_count", "fct_interactions", where) == [
        ("2025-09-01", 1)
    ]
    assert built.query("attribute_name, raw_value", "fct_participant_attributes", where) == [
        ("VIP", "true")
    ]
    assert built.query("count(*)", "fct_flow_outcome_attempts", where) == [(1,)]


def test_l2_what_has_no_start_and_no_ids_is_there_once_however_often_it_comes(built: Built) -> None:
    where = "conversation_id = 'no-start'"
    columns = "started_at, participant_count, session_count, attribute_count"
    assert built.query(columns, "fct_interactions", where) == [(None, 1, 1, 2)]
    columns = "participant_id, attribute_name, raw_value"
    assert built.query(columns, "fct_participant_attributes", where) == [
        ("participant 1", "VIP", "true"),
        ("participant 1", "none", None),
    ]


def test_l3_l4_rows_that_come_many_times_count_once(built: Built) -> None:
    [(rows, keys)] = built.query("count(*), count(distinct conversation_id)", "fct_interactions")
    assert rows == keys == 12 + len(SAME_INSTANT) + len(PEOPLE)
    assert built.query("count(*)", "fct_participant_attributes", "attribute_name = 'VIP'") == [(6,)]


@pytest.mark.slow
def test_l5_built_again_in_parts_and_by_several_threads_nothing_changes(
    built: Built, tmp_path: Path
) -> None:
    again = DuckDBWarehouse(tmp_path / "genesys.duckdb")
    shutil.copy(built.warehouse.path, again.path)
    part = "+fct_interactions"
    dbt(again, "run", "--threads", "4", "--select", part)
    dbt(again, "run", "--threads", "4", *MODELS, "--exclude", part)
    assert tables(again, *SCHEMAS) == tables(built.warehouse, *SCHEMAS)


@pytest.mark.slow
def test_l8_a_resource_that_is_no_longer_read_is_told_with_the_last_time(tmp_path: Path) -> None:
    """A day without a record is none; nor is what nobody asks for, such as the other contract's."""
    warehouse = DuckDBWarehouse(tmp_path / "genesys.duckdb")
    raw = RawTables(warehouse)
    now = datetime.now(UTC)
    lately, days_ago, never = (now - timedelta(hours=hours) for hours in (25, 60, 99))
    raw.load(1, extracted_at=lately, conversation_details=[])
    # Snapshots have twice the time.
    raw.load(2, extracted_at=now - timedelta(hours=49), queues=[])
    raw.load(3, extracted_at=days_ago, queue_aggregates=[], users=[])
    raw.load(4, extracted_at=never, flows=[], complete=False)
    with quick_dbt():
        exit_code, _, said = run_here(
            ["transform", "source", "freshness", *without_log(parsed_in(warehouse))],
            tmp_path,
            {**os.environ, **warehouse.environment()},
        )
    assert exit_code == 9
    assert re.fullmatch(
        "ERROR GX-009 (flows|queue_aggregates|users) and 1 more not read to the end for too long; "
        "it says above since when.",
        said.splitlines()[-1],
    )
    stale = re.findall(r"^(\w+) was last read (\S+)$", said, re.MULTILINE)
    assert sorted(stale) == [
        ("flows", iso(never)),
        ("queue_aggregates", iso(days_ago)),
        ("users", iso(days_ago)),
    ]


@pytest.mark.slow
def test_l6_three_builds_leave_what_one_from_nothing_does(built: Built, tmp_path: Path) -> None:
    """How each kind of correction is undone and done again, tests/transform tells."""
    load_by_load = tables(built.warehouse, *SCHEMAS)
    again = DuckDBWarehouse(tmp_path / "genesys.duckdb")
    shutil.copy(built.warehouse.path, again.path)
    dbt(again, "run", "--full-refresh", *MODELS)
    assert tables(again, *SCHEMAS) == load_by_load


def test_f10_equal_instants_are_equal_however_they_are_written(built: Built) -> None:
    where = "conversation_id like 'instant-%'"
    assert built.query("started_at::text, count(*)", "fct_interactions", f"{where} group by 1") == [
        ("2026-09-01 09:00:00", len(SAME_INSTANT))
    ]


def test_f12_times_that_cannot_be_are_kept_and_named(built: Built) -> None:
    columns = "conversation_id, started_at::text, ended_at::text, duration_seconds"
    assert built.query(columns, "fct_interactions", "conversation_id like 'year-%'") == [
        ("year-1", None, "2026-09-01 09:05:00", None),
        ("year-9999", *NEVER),
    ]
    where = "conversation_id = 'backwards'"
    assert built.query(columns, "fct_interactions", where) == [
        ("backwards", "2026-09-01 09:00:00", "2026-09-01 08:59:00", None)
    ]
    assert built.warned("conversation_id", "assert_conversations_end_after_they_begin") == [
        ("backwards",), ("no-start",), ("year-1",), ("year-9999",),
    ]  # fmt: skip


NEVER = ("2026-09-01 09:00:00", "9999-12-31 23:59:59.999999", Decimal("251614047599.999"))


def test_g1_a_field_that_is_new_is_named(built: Built) -> None:
    columns = "resource_name, field_name, record_count"
    assert built.query(columns, "audit_field_drift", "is_new") == [
        ("conversation_details", "brandNew", 1)
    ]


def test_g8_an_older_answer_that_comes_later_changes_nothing(built: Built) -> None:
    where = "conversation_id = 'corrected'"
    assert built.query("attribute_count", "fct_interactions", where) == [(1,)]
    assert built.query("raw_value", "fct_participant_attributes", where) == [("yes",)]


def test_g9_of_two_versions_in_one_answer_one_counts(built: Built) -> None:
    where = "conversation_id = 'twice'"
    assert built.query("attribute_count", "fct_interactions", where) == [(1,)]
    assert len(built.query("raw_value", "fct_participant_attributes", where)) == 1


def test_g10_an_attribute_that_changes_its_type_keeps_its_text_and_is_counted(built: Built) -> None:
    columns = "conversation_id, raw_value, value_boolean, is_cast_ok"
    where = "attribute_name = 'VIP' and conversation_id <> 'twice'"
    assert built.query(columns, "fct_participant_attributes", where) == [
        ("corrected", "yes", True, True),
        ("drift-object", '{"since":2020}', None, False),
        ("late-by-a-year", "true", True, True),
        ("no-start", "true", True, True),
        ("steady", "true", True, True),
    ]
    columns = "inferred_type, participant_count, boolean_count, text_count, failed_cast_count"
    where = "attribute_name = 'VIP'"
    assert built.query(columns, "audit_attribute_catalog", where) == [("text", 6, 4, 2, 1)]
    columns = "attribute_name, column_name, data_type, failed_count"
    assert built.warned(columns, "assert_registered_attributes_can_be_read") == [
        ("VIP", "is_vip", "boolean", 1)
    ]


def test_g11_g13_names_that_look_alike_and_hundreds_of_them_are_kept_apart(built: Built) -> None:
    where = "conversation_id = 'hostile'"
    found = dict(built.query("attribute_name, raw_value", "fct_participant_attributes", where))
    assert found == {"a b": "1", "a_b": "2", "aB": "3", "_dlt_id": "4", "": "5", HOSTILE: HOSTILE}
    where = "conversation_id = 'many'"
    assert built.query("attribute_count", "fct_interactions", where) == [(500,)]


def test_g12_an_outcome_renamed_or_made_anew_keeps_its_past(built: Built) -> None:
    columns = "flow_outcome_key, outcome_count"
    assert built.query(columns, "fct_flow_outcomes", "interval_kind = 'day'") == [
        ("flow-1_Identified", 5),
        ("flow-1_Invoiced", 1),
    ]
    attempts = built.query("flow_outcome_id", "fct_flow_outcome_attempts")
    assert attempts == [("outcome-0",)]


def test_g14_every_contact_leads_to_one_person_whatever_the_merges_say(built: Built) -> None:
    columns = "contact_id, canonical_contact_id, is_known, is_in_circle"
    where = f"contact_id in ({', '.join(repr(name) for name in PEOPLE)})"
    assert built.query(columns, "bridge_contact_merges", where) == [
        ("a", "c", True, False),
        ("b", "c", True, False),
        ("c", "c", True, False),
        ("u", "u", True, False),
        ("v", "v", True, False),
        ("w", "z", False, False),
        # Round in a circle, which is said: the smaller id stands for both.
        ("x", "x", True, True),
        ("y", "x", True, True),
        ("z", "z", True, False),
    ]
    columns = "contact_id, canonical_contact_id"
    assert built.warned(columns, "assert_no_merges_go_in_a_circle") == [("x", "x"), ("y", "x")]
    # A merge moves steps from one person to another, and neither makes nor loses one.
    talks = "conversation_id like 'talk-%'"
    steps = built.query("conversation_id, canonical_contact_id", "fct_journey_steps", talks)
    assert steps == [
        (f"talk-{name}", person) for name, person in sorted(zip(PEOPLE, "cccxxuvzz", strict=True))
    ]
    [(first,)] = built.query("count(*)", "fct_journey_steps", f"{talks} or {_OF_FIRST}")
    assert first == built.first_steps


_OF_FIRST = "conversation_id in ('steady', 'corrected', 'no-start')"


def test_k5_names_that_are_statements_and_templates_are_text(built: Built) -> None:
    where = "conversation_id = 'hostile' and raw_value like '%drop%'"
    columns = "attribute_name, raw_value"
    assert built.query(columns, "fct_participant_attributes", where) == [(HOSTILE, HOSTILE)]
    assert built.query("queue_id, queue_name", "dim_queues") == [
        (HOSTILE, f"Unknown queue {HOSTILE}"),
        ("queue-1", HOSTILE),
    ]
    assert built.warehouse.execute("select count(*) from genesys_raw.users") == [(1,)]
    # No template was read, so no path stands where one was asked for.
    path = str(built.warehouse.path)
    marts = tables(built.warehouse, "genesys_marts")
    assert not [line for lines in marts.values() for line in lines if path in line]


def test_k10_a_person_is_named_in_no_mart_and_can_still_be_counted(built: Built) -> None:
    """That both contracts and both engines hash alike, the tests of their parity tell."""
    [(text,)] = built.warehouse.execute(
        "select emails || phones || first_name || last_name"
        " from genesys_intermediate.int_contacts_unioned where contact_id = 'c'"
    )
    assert text == f"{EMAIL}+12025550100,{PHONE}KanariePersson"
    named = (PHONE, EMAIL, "1961", "Kanarie", "Persson")
    marts = tables(built.warehouse, "genesys_marts")
    assert not [
        line for lines in marts.values() for line in lines for name in named if name in line
    ]

    columns = "attribute_name, raw_value, value_text, value_date, value_length, inferred_type"
    assert built.query(columns, "fct_participant_attributes", "is_pii and is_cast_ok") == [
        ("Account Number", "", "", None, 0, "empty"),
        ("Date of Birth", hashed("1961-02-03"), None, None, 10, "date"),
        ("account_number", hashed(EMAIL), hashed(EMAIL), None, 27, "text"),
        ("customerId", hashed(PHONE), hashed(PHONE), None, 12, "number"),
    ]
    # The first name the registry prefers is empty there, and that is an answer.
    columns = "customer_id, account_number, date_of_birth"
    where = "customer_id is not null"
    assert built.query(columns, "dim_participant_attributes", where) == [(hashed(PHONE), "", None)]
    columns = "first_name, middle_name, last_name, title, emails, phones"
    assert built.query(columns, "dim_contacts", "contact_id = 'c'") == [
        (
            hashed("Kanarie"), "", hashed("Persson"), None, hashed(EMAIL),
            ",".join(sorted([hashed(PHONE), hashed("+12025550100")])),
        )
    ]  # fmt: skip


def hashed(text: str) -> str:
    """Return what stands for a personal text in the marts."""
    return hashlib.sha256(f"{SALT}{text}".encode()).hexdigest()


def test_k13_the_salt_stands_in_no_compiled_statement(built: Built) -> None:
    compiled = [path for path in target(built.warehouse).rglob("*") if path.is_file()]
    assert b"create " in (target(built.warehouse) / "dbt.log").read_bytes()
    assert any(b"sha256(" in path.read_bytes() for path in compiled if path.suffix == ".sql")
    assert not [path for path in compiled if SALT.encode() in path.read_bytes()]


def test_l12_times_beyond_all_reason_are_null_and_break_nothing(built: Built) -> None:
    columns = "talk_seconds, hold_seconds, acw_seconds, handle_seconds, genesys_handle_seconds"
    where = "conversation_id = 'impossible'"
    assert built.query(columns, "fct_interactions", where) == [
        (Decimal("229.750"), 0, 20, Decimal("249.750"), None)
    ]


@pytest.mark.slow
@pytest.mark.first_run
def test_l11_a_model_that_fails_keeps_those_behind_it_as_they_were(
    built: Built, site: Site
) -> None:
    """How the next build catches up on every engine, tests/transform/test_failed_builds tells."""
    project = site.folder / "dbt_project"
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("target", "logs"))
    broken = project / "models" / "intermediate" / "int_sessions_timed.sql"
    assert broken.exists()
    broken.write_text("select no_such_column from {{ ref('int_sessions_unioned') }}")
    site.database.parent.mkdir()
    shutil.copy(built.warehouse.path, site.database)
    warehouse = DuckDBWarehouse(site.database)
    before = tables(warehouse, "genesys_marts")
    RawTables(warehouse).load(4, conversation_details=[call("new", attributes={"VIP": "true"})])
    # Before the model broke, dbt had parsed it.
    folder = parsed_in(warehouse, project)
    with quick_dbt():
        outcome = site.run(
            "transform", "build", "--quiet", "--no-use-colors", *MODELS_AND_SEEDS, *MODELS,
            *without_log(folder), DBT_PROJECT_DIR=str(project),
        )  # fmt: skip
    said = outcome.error(8)
    assert "1 failed in dbt build, first the model int_sessions_timed; dbt says above" in said
    assert "int_sessions_timed" in outcome.stdout
    after = tables(warehouse, "genesys_marts")
    behind = ("fct_interactions", "fct_journey_steps")
    assert {name: after[f"genesys_marts.{name}"] for name in behind} == {
        name: before[f"genesys_marts.{name}"] for name in behind
    }
    # What does not stand behind it is new.
    assert warehouse.execute(
        "select raw_value from genesys_marts.fct_participant_attributes"
        " where conversation_id = 'new'"
    ) == [("true",)]
    # Whoever reads the log learns the models and no row.
    assert HOSTILE not in outcome.stdout + outcome.stderr
