"""K10: a person is erased from everything that holds them, and no load brings them back."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from loader import contracts
from loader.genesys.client import Client
from loader.raw import Subject
from loader.resources.pages import page_decoder
from loader.resources.record_ids import IdField
from loader.resources.resource import Answer, Reading, Resource
from loader.windows import Window
from tests.faults.site import RESULTS
from tests.harness.place import Place, fault
from tests.sandbox.process import SandboxProcess
from tests.transform.warehouses import MODELS_AND_SEEDS, dbt, warehouse_of

EVALUATIONS = "/api/v2/quality/evaluations/query"
ONLY = ("--only", "conversation_details", "external_contacts")
# All that holds people but reports of intervals; what those count has no name.
MODELS = (
    "+dim_contacts", "+bridge_contact_external_ids", "+journey_timelines", "+fct_interactions",
    "+dim_participant_attributes", "+fct_handoffs",
)  # fmt: skip


class _Page(msgspec.Struct):
    entities: list[msgspec.Raw] | None = None


class QualityEvaluations(Resource[None]):
    """A resource that somebody adds: records with a key of their own, their subjects inside."""

    name = "quality_evaluations"
    kind = "snapshot"
    identity = IdField("id")
    subjects = (
        Subject("conversation", ("conversation", "id")),
        Subject("contact", ("contacts", "id")),
        Subject("user", ("evaluator", "id")),
    )

    def query(self, window: Window, found: None) -> object:
        """Ask for all."""
        return {}

    def read(self, client: Client, reading: Reading[None], token: str | None) -> Answer:
        """Read all there are."""
        _, records = client.get(EVALUATIONS, page_decoder(_Page, "entities"))
        return Answer(records, None)


@pytest.fixture(autouse=True)
def with_evaluations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the resource to the contract."""
    makers = {
        **contracts.PLATFORM.makers,
        QualityEvaluations.name: lambda name, settings: QualityEvaluations(),
    }
    monkeypatch.setitem(contracts.CONTRACTS, "platform", replace(contracts.PLATFORM, makers=makers))


def serve(sandbox: SandboxProcess, *evaluations: object) -> None:
    """Let the organisation have these evaluations; a text is sent as it is."""
    told = [one if isinstance(one, str) else json.dumps(one) for one in evaluations]
    sandbox.clear_faults()
    sandbox.add_faults(
        fault(EVALUATIONS, "body", "all", text=f'{{"entities": [{", ".join(told)}]}}')
    )


def load_evaluations(loader: Place) -> str:
    """Load them; return what was said."""
    return loader.load("--only", QualityEvaluations.name, ELT_QUARANTINE_PERCENT="100").stderr


def evaluation_ids(loader: Place) -> set[str]:
    """Return the ids of the evaluations there are, those refused among them."""
    return {
        record_id
        for table in (QualityEvaluations.name, "quarantined_records")
        for (record_id,) in loader.query(f"select record_id from genesys_raw.{table}")
    }


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.slow)])
def marts(request: pytest.FixtureRequest, sandbox: SandboxProcess, tmp_path: Path) -> Place:
    """Load two days and build the marts that are about people."""
    if request.param == "duckdb":
        place: Place = request.getfixturevalue("loaded")
    else:
        sandbox.set_clock("2026-03-16T06:00:00Z")
        database = request.getfixturevalue("postgres")
        place = Place(sandbox, tmp_path, database, {"ELT_START": "2026-03-14"})
        place.load(*ONLY)
    transform(place)
    return place


def transform(loader: Place) -> None:
    """Build what is about people."""
    dbt(warehouse_of(loader), "build", *MODELS_AND_SEEDS, "--select", *MODELS)


def texts(loader: Place) -> Iterator[tuple[str, str]]:
    """Walk through every row of every table there is, as text, but the loader's own ledger."""
    warehouse = warehouse_of(loader)
    # One connection for all: opening the file again for each table took longer than reading it.
    with warehouse.open():
        tables = warehouse.execute(
            "select table_schema, table_name from information_schema.tables"
            " where substring(table_schema, 1, 7) = 'genesys' and table_type = 'BASE TABLE'"
        )
        for schema, table in tables:
            for row in warehouse.execute(f"select * from {schema}.{table}"):
                yield f"{schema}.{table}", str(row)


def where(loader: Place, *words: str) -> set[str]:
    """Return the tables in which one of some words stands."""
    return {table for table, text in texts(loader) if any(word in text for word in words)}


def test_k10_an_erased_person_is_gone_for_good(marts: Place, sandbox: SandboxProcess) -> None:
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
    # Somebody else called next, from the same phone.
    warehouse = warehouse_of(marts)
    with warehouse.open():
        for column, one in [("conversation", min(conversations)), ("contact", contact)]:
            warehouse.execute(
                "insert into genesys_marts.fct_handoffs"
                f" (conversation_id, handoff_from_{column}_id) values ('of-another', '{one}')"
            )
    # What the models do not know yet: a conversation loaded since, and one that was the person's
    # until somebody corrected it.
    tells = '{{"conversationId": "{}", "participants": [{{"externalContactId": "{}"}}]}}'
    since, not_theirs = tells.format("since", contact), tells.format("not-theirs", contact)
    for spliced in (f"{since}, {not_theirs}", tells.format("not-theirs", "somebody")):
        sandbox.clear_faults()
        sandbox.add_faults(fault(RESULTS, "mutate", 1, splice=spliced))
        sandbox.advance_clock(60)
        marts.load("--from", "2026-03-14", "--to", "2026-03-15", "--only", ONLY[1])
    named = {"id": "e-contact", "contacts": [{"id": "somebody"}, {"id": contact}]}
    others = [
        {"id": "e-other", "conversation": {"id": "of-nobody"}, "contacts": [{"id": contact}]},
        {"id": "e-evaluator", "evaluator": {"id": contact}},
    ]
    rated = [{"id": f"e-{one}", "conversation": {"id": one}} for one in sorted(conversations)]
    serve(sandbox, named, *others, *rated)
    load_evaluations(marts)
    ids = people | conversations | {"since", "of-nobody"}
    before = marts.raw("conversation_details")

    shown = marts.run("erase", "--contact", external_id)
    assert shown.exit_code == 0, shown.stderr
    assert "Nothing was erased" in shown.stdout
    assert "fct_interactions" in shown.stdout
    assert marts.raw("conversation_details") == before

    erased = marts.run("erase", "--contact", external_id, "--yes")
    assert erased.exit_code == 0, erased.stderr
    # A contact merged with somebody may still be named, by an id that leads to nobody any more.
    assert where(marts, *conversations) == set()
    assert where(marts, external_id) == set()
    kept = {row for row in before if row[0] not in ids}
    assert marts.raw("conversation_details") == kept != before
    assert {record_id for record_id, _ in before - kept} >= {"since"}
    assert "not-theirs" in {record_id for record_id, _ in kept}
    assert evaluation_ids(marts) == {"e-evaluator"}
    # Free room in the file would hold the bytes of what was deleted.
    if marts.postgres is None:
        assert marts.query("select sum(free_blocks) from pragma_database_size()") == [(0,)]
    assert list(marts.work.rglob("*.parquet")) == []

    left_out = len(rated) + 2
    assert f"{left_out} left out (erased)" in load_evaluations(marts)
    assert evaluation_ids(marts) == {"e-evaluator"}
    sandbox.clear_faults()
    again = marts.load("--from", "2026-03-14", "--to", "2026-03-16", "--only", ONLY[1])
    assert f"{len(conversations)} left out (erased)" in again.stderr
    if marts.postgres is not None:
        return
    sandbox.set_clock("2026-03-17T12:00:00Z")
    marts.load(*ONLY)
    transform(marts)
    assert where(marts, *conversations) == set()
    assert where(marts, external_id) == set()
    assert "problem" not in marts.run("doctor").stdout
    # Whoever asks again, after an interruption perhaps, is not told that nobody is known.
    assert marts.run("erase", "--contact", external_id, "--yes").exit_code == 0


def test_whom_nobody_knows_is_not_erased(
    sandbox: SandboxProcess, loaded: Place, tmp_path: Path
) -> None:
    empty = Place(sandbox, tmp_path / "empty")
    assert "nothing to erase" in empty.run("erase", "--contact", "CRM-1", "--yes").stderr
    for arguments, exit_code, told in [
        ((), 2, "whom to erase"),
        (("--conversation", "of-nobody"), 2, "nothing in the warehouse is about that"),
    ]:
        outcome = loaded.run("erase", "--yes", *arguments)
        assert outcome.exit_code == exit_code
        assert told in outcome.stderr
    assert loaded.query("select * from genesys_raw.erased_records") == []


def test_m13_a_contact_not_modelled_or_just_being_replaced_is_told_as_such(loaded: Place) -> None:
    said = loaded.run("erase", "--contact", "CRM-1", "--yes").error(6)
    assert "not modelled yet, or dbt is replacing it just now; `make transform`, or wait" in said


def test_m4_an_id_that_is_short_or_blank_takes_nobody_else_along(
    loader: Place, sandbox: SandboxProcess
) -> None:
    # Not valid, so kept apart; what they hold tells whom they are of.
    holds = (
        '"n": 15, "to": 0',
        '"of": "x15", "is": "15"',
        '"of": "contact-150"',
        '"of": "contact-1"',
    )
    serve(
        sandbox,
        *(f'{{"id": "e-{n}", "score": NaN, {text}}}' for n, text in enumerate(holds)),
        {"id": "15"},
    )
    load_evaluations(loader)
    modelled = {
        "int_contact_external_ids_unioned": "contact_id, external_id",
        "int_contact_merges_resolved": "contact_id, canonical_contact_id",
        "int_journey_conversations_unioned": "contact_id, conversation_id",
    }
    other = {"external_id": ("15", "", "0"), "canonical_contact_id": ("contact-1",)}
    loader.change("create schema genesys_intermediate")
    for table, columns in modelled.items():
        values = [f"('contact-1', '{one}')" for one in other.get(columns.split(", ")[1], ("c-1",))]
        loader.change(
            f"create view genesys_intermediate.{table} as"
            f" select * from (values {', '.join(values)}) as rows ({columns})"
        )
    for blank in ("", " "):
        for option in ("--contact", "--conversation"):
            assert "an id is blank" in loader.run("erase", option, "15", blank, "--yes").error(2)
    shown = loader.run("erase", "--contact", "15").succeeded().stdout
    assert shown.count("quarantined_records ") == 2
    assert ": holds contact-1\n" in shown
    loader.run("erase", "--contact", "15", "--yes").succeeded()
    assert evaluation_ids(loader) == {"e-0", "e-1", "e-2", "15"}
    # Whoever has that id here is somebody else.
    assert "0 left out" not in load_evaluations(loader)
    assert "15" in {record_id for record_id, _ in loader.raw(QualityEvaluations.name)}


def test_a_conversation_is_erased_from_records_that_only_name_it_inside(
    loader: Place, sandbox: SandboxProcess
) -> None:
    loader.load("--only", "conversation_details", "users")
    (one, _), (other, _), *_ = sorted(loader.raw("conversation_details"))
    [(user, _), *_] = sorted(loader.raw("users"))
    about = {"conversation": {"id": one}, "evaluator": {"id": user}}
    serve(
        sandbox,
        {"id": "e-1", **about},
        {"id": "e-2", "conversation": {"id": other}, "comment": f"not {one}", "of": one},
        {"id": "e-3", "conversation": {"id": one, "score": 1}},
        {"id": "e-4", "conversation": {"id": f"{one}x"}, "evaluator": {"id": one}},
        # Not valid: kept apart, and found all the same.
        f'{{"id": "e-5", "score": NaN, "conversation": {{"id": "{one}"}}}}',
        f'{{"id": "e-6", "score": NaN, "conversation": {{"id": "{other}"}}}}',
    )
    load_evaluations(loader)
    load_evaluations(loader)
    kept = {"e-2", "e-4", "e-6"}
    assert evaluation_ids(loader) == kept | {"e-1", "e-3", "e-5"}

    shown = loader.run("erase", "--conversation", one)
    assert "quality_evaluations" in shown.stdout
    erased = loader.run("erase", "--conversation", one, "--yes")
    assert erased.exit_code == 0, erased.stderr
    assert evaluation_ids(loader) == kept
    assert user in {record_id for record_id, _ in loader.raw("users")}
    assert "problem" not in loader.run("doctor").stdout

    # They are told again, and one more: late, of a conversation that is long erased.
    late = {"id": "e-late", **about}
    serve(sandbox, {"id": "e-1", **about}, late, {"id": "e-7", "conversation": {"id": other}})
    assert "2 left out (erased)" in load_evaluations(loader)
    assert evaluation_ids(loader) == kept | {"e-7"}


def test_an_id_is_found_however_json_writes_it(loader: Place, sandbox: SandboxProcess) -> None:
    ids = ["50%_off", 'a"b\\c/d', "\u00e9\u2603", "c'1 --", "<a&b>"]
    written = [
        text
        for one in ids
        for text in {
            json.dumps(one),
            json.dumps(one, ensure_ascii=False),
            json.dumps(one).replace("/", "\\/").replace("<", "\\u003C"),
        }
    ]
    others = [{"id": f"other-{n}", "conversation": {"id": one}} for n, one in enumerate(
        ("50x_off", "50%yoff", "50_off", 'a"bc/d', "e\u2603", "c'1 -- ", "A&b")
    )]  # fmt: skip
    serve(sandbox, *others, *(
        f'{{"id": "e-{number}", "conversation": {{"id": {text}}}}}'
        for number, text in enumerate(written)
    ))  # fmt: skip
    load_evaluations(loader)
    assert len(evaluation_ids(loader)) == len(written) + len(others)
    erased = loader.run("erase", "--yes", "--conversation", *ids)
    assert erased.exit_code == 0, erased.stderr
    assert evaluation_ids(loader) == {str(one["id"]) for one in others}
