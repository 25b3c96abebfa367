"""Whose data a record is: declared by every resource, found in every payload."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from loader.contracts import CONTRACTS, PLATFORM
from loader.genesys.client import Client
from loader.raw import DataSubjects, RawPages, Subject, entity_hash, external_hash
from loader.resources.guides.contacts import GuidesContacts
from loader.resources.guides.participants import GuidesParticipants
from loader.resources.platform.conversation_details import ConversationDetails
from loader.resources.platform.external_contacts import ExternalContacts
from loader.resources.record_ids import IdField, JoinedId
from loader.resources.resource import Answer, Reading, Resource
from loader.settings import Settings
from loader.windows import Window
from tests.sandbox.contract import CONTRACTS as PUBLISHED

WINDOW = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
EVALUATION = (
    Subject("conversation", ("conversation", "id")),
    Subject("contact", ("contacts", "id")),
    Subject("user", ("evaluator",)),
)
# What the records are published as.
MODELS = {
    "users": "User",
    "external_contacts": "ExternalContact",
    "conversation_details": "AnalyticsConversation",
    "agent_aggregates": "ConversationAggregateDataContainer",
    "user_aggregates": "UserAggregateDataContainer",
}


class Undeclared(Resource[None]):
    """Says all but whose data its records are."""

    name = "quality_evaluations"
    kind = "snapshot"
    identity = IdField("id")

    def query(self, window: Window, found: None) -> object:
        """Ask for nothing."""
        return {}

    def read(self, client: Client, reading: Reading[None], token: str | None) -> Answer:
        """Read nothing."""
        return Answer((), None)


def test_a_resource_that_does_not_say_whose_data_its_records_are_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="subjects"):
        Undeclared()  # type: ignore[abstract]


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("GENESYS_CLIENT_ID", "nobody")
    monkeypatch.setenv("GENESYS_CLIENT_SECRET", "nothing")
    return Settings.read()


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="needs what Genesys publishes")
def test_the_paths_of_subjects_are_published_fields(settings: Settings) -> None:
    models = json.loads((PUBLISHED / "models.json").read_text(encoding="utf-8"))["models"]
    for resource in PLATFORM.resources(settings):
        for subject in resource.subjects:
            kind = MODELS[resource.name]
            for key in subject.path:
                if kind != "dict(str, str)":
                    assert key in models[kind], (resource.name, subject)
                    kind = models[kind][key].removeprefix("list[").removesuffix("]")
                else:
                    kind = "str"
            assert kind == "str", (resource.name, subject)


def test_what_a_record_id_tells_is_not_looked_for_in_payloads(settings: Settings) -> None:
    for contract in CONTRACTS.values():
        for resource in contract.resources(settings):
            subjects = DataSubjects(resource.identity, resource.subjects)
            assert not subjects.are_in_payload, resource.name
    assert DataSubjects(IdField("id"), EVALUATION).are_in_payload
    # The id that is not the first of those joined leads nobody to the record.
    joined = JoinedId(("userId",), ("conversationId",))
    assert DataSubjects(joined, [Subject("conversation", ("conversationId",))]).are_in_payload


@pytest.mark.parametrize(
    ("record", "about"),
    [
        ({"conversation": {"id": "c-1"}, "contacts": [{"id": "x-1"}]}, ["c-1"]),
        ({"conversation": None, "contacts": [{"id": "x-1"}, {"id": "x-2"}]}, ["x-1", "x-2"]),
        ({"conversation": [{"id": "c-1"}, {"id": "c-2"}]}, ["c-1", "c-2"]),
        ({"conversation": {"id": ["c-1", 7, None]}}, ["c-1"]),
        ({"conversation": "c-1", "id": "e-1", "evaluator": "u-1"}, []),
        ({"conversation": {"of": {"id": "c-1"}}}, []),
        ([{"conversation": {"id": "c-1"}}], ["c-1"]),
        ("c-1", []),
    ],
    ids=str,
)
def test_a_record_goes_with_its_conversations_or_else_with_its_contacts(
    record: object, about: list[str]
) -> None:
    subjects = DataSubjects(IdField("id"), EVALUATION)
    assert list(subjects.of(json.dumps(record))) == about


def left_out(records: list[bytes], *erased: str) -> Iterator[bool]:
    """Tell of each record whether it is left out of a load once somebody was erased."""
    hashes = {entity_hash(one) for one in erased}
    pages = RawPages("evaluations", IdField("id"), EVALUATION, WINDOW, WINDOW.end, hashes)
    for record in records:
        yield pages.page([record], 1).erased != []


def test_a_record_of_somebody_erased_is_left_out_whatever_its_key() -> None:
    records = [
        b'{"id":"e-1","conversation":{"id":"c-1"}}',
        b'{"id":"e-2","conversation":{"id":"c-2"},"contacts":[{"id":"x-1"}]}',
        b'{"id":"e-3","contacts":[{"id":"x-2"},{"id":"x-1"}]}',
        b'{"id":"e-4","evaluator":"x-1","of":"c-1"}',
        b'{"id":"c-1","conversation":{"id":"c-3"}}',
        # Not valid, so nobody can say where in it the id stands.
        b'{"id":"e-6","score":NaN,"conversation":{"id":"c-1"}}',
        b'{"id":"e-7","score":NaN,"conversation":{"id":"c-2"}}',
        b'{"id":"e-8","name":"\xff","conversation":{"id":"c-1"}}',
        b'{"id":"e-9","deep":' + b"[" * 100_000 + b'"c-1"' + b"]" * 100_000 + b"}",
    ]
    assert list(left_out(records, "c-1", "x-1")) == [
        True, True, True, False, True, True, False, True, True,
    ]  # fmt: skip
    assert not any(left_out(records))


def test_m8_nobody_comes_back_with_a_conversation_first_loaded_later() -> None:
    hashes = {entity_hash("c-1"), entity_hash("x-1"), external_hash("crm-1")}
    details = ConversationDetails(page_size=1, job_seconds=1)
    pages = RawPages(
        details.name, details.identity, details.subjects, WINDOW, WINDOW.end, hashes
    )  # fmt: skip
    # Without an id it is no conversation, but somebody's all the same.
    told = b'{"conversationId":"c-%d","participants":[{},{"externalContactId":"x-%d"}]}'
    page = pages.page([told % (1, 2), told % (2, 1), told % (3, 3), b'{"of":"c-1"}'], 1)
    [rows] = page.rows.to_batches()
    assert rows["record_id"].to_pylist() == ["c-3"]
    assert page.erased == [entity_hash("c-1"), entity_hash("x-1"), entity_hash("c-1")]


@pytest.mark.parametrize(
    ("resource", "record"),
    [
        (ExternalContacts(), {"id": "new", "externalIds": [{"value": "0"}, {"value": "crm-1"}]}),
        (GuidesContacts([], None), {"id": "new", "externalId": "crm-1"}),
        (
            GuidesParticipants(["Id"], 1, contact_attributes=["Id"]),
            {"interactionId": "i", "participantId": "p",
             "participant": {"customAttributes": {"Id": "crm-1"}}},
        ),
    ],
    ids=lambda value: getattr(value, "name", ""),
)  # fmt: skip
def test_m8_nobody_comes_back_under_an_id_of_another_system(
    resource: Resource[None], record: dict[str, object]
) -> None:
    payload = json.dumps(record).encode()
    # An id that Genesys itself gives is another matter.
    for erased, is_left_out in ((external_hash("crm-1"), True), (entity_hash("crm-1"), False)):
        pages = RawPages(
            resource.name, resource.identity, resource.subjects, WINDOW, WINDOW.end, {erased}
        )
        assert bool(pages.page([payload], 1).erased) is is_left_out
