"""What the guides' text says, against a gateway that was written from it and knows no sandbox."""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loader.genesys.retries import RetryPolicy
from tests.guides.letter import METRICS, Letter, running
from tests.guides.site import (
    AGENTS,
    CONTACTS,
    CONVERSATIONS,
    INTERACTIONS,
    MATCH,
    OUTCOMES,
    PARTICIPANTS,
    GuidesSite,
)

Json = dict[str, Any]
TODAY = "2024-01-02"


class LetterSite(GuidesSite):
    """A site of the gateway by the letter."""

    sandbox: Letter  # type: ignore[assignment]

    def defaults(self) -> dict[str, str]:
        """Return the settings of a site that a test says nothing about."""
        return {**super().defaults(), "ELT_START": TODAY, "ELT_INTERVAL_MINUTES": "60"}

    def forget_requests(self) -> None:
        """Let `requests` begin with what is sent from now on."""
        self.first_request = self.sandbox.next_request()


@pytest.fixture(scope="session")
def empty_place(tmp_path_factory: pytest.TempPathFactory) -> LetterSite:
    with running(Letter()) as letter:
        place = LetterSite(letter, tmp_path_factory.mktemp("letter"))  # type: ignore[arg-type]
        place.read(PARTICIPANTS, ELT_START=f"{TODAY}T13:50:00Z").succeeded()
    return place


@pytest.fixture
def letter() -> Iterator[Letter]:
    with running(Letter()) as one:
        yield one


@pytest.fixture
def site(letter: Letter, empty_place: LetterSite, tmp_path: Path) -> LetterSite:
    return LetterSite(letter, tmp_path / "site", begin=empty_place)  # type: ignore[arg-type]


def participant(number: int, **fields: Any) -> Json:  # noqa: ANN401
    """Return a participant of noon's first quarter; of the guide's own form."""
    attributes = fields.pop("attributes", {"customerId": f"crm-{number}", "Intent": "billing"})
    return {
        "at": f"{TODAY}T12:{number % 15:02}:00Z",
        "participantId": f"p-{number}",
        "participant": {"type": fields.pop("type", "customer"), "customAttributes": attributes},
        "interactionId": f"int-{number}",
        "wrapupCode": "resolved",
        "queueId": f"queue-{number % 2}",
        **fields,
    }


def interaction(number: int) -> Json:
    return {
        "id": f"int-{number}",
        "type": "CALL",
        "state": "TERMINATED",
        "startTime": f"{TODAY}T12:{number:02}:00.000Z",
        "queueIds": ["queue-1"],
        "skills": ["skill-1"],
    }


def test_g_b_counts_of_the_last_hour_of_a_window_are_loaded(
    letter: Letter, site: LetterSite
) -> None:
    """The metricsDelay of the guide "ignores records within the duration before dateTo"."""
    letter.outcomes = [("flow-1", "Sold", f"{TODAY}T{hour:02}:30:00Z") for hour in range(24)]
    site.read(OUTCOMES).succeeded()
    loaded = {row["interval"][:13] for row in site.payloads(OUTCOMES)}
    assert loaded == {f"{TODAY}T{hour:02}" for hour in range(13)}


@pytest.mark.parametrize("ends_with", ["null", "the same token", "a fresh token"])
def test_g_c_a_list_ends_with_null_or_with_an_empty_array(
    letter: Letter, site: LetterSite, ends_with: str
) -> None:
    letter.interactions = [interaction(number) for number in range(4)]
    letter.ends_with = ends_with
    site.read(INTERACTIONS, ELT_PAGE_SIZE="2").succeeded()
    assert [row["id"] for row in site.payloads(INTERACTIONS)] == [f"int-{n}" for n in range(4)]
    assert site.windows(INTERACTIONS) == [("loaded",)]


@pytest.mark.parametrize("answer", ["404", "itself"])
def test_g_e_a_merge_is_followed_to_the_end_of_its_chain(
    letter: Letter, site: LetterSite, answer: str
) -> None:
    letter.participants = [participant(1)]
    letter.contacts = {"second": {"id": "second", "externalId": "crm-1", "type": "PERSON"}}
    letter.by_external_id = {"crm-1": "second"}
    letter.conversations = {"second": [{"id": "conv-1", "participants": []}]}
    site.read(PARTICIPANTS, CONTACTS, CONVERSATIONS).succeeded()
    assert [row["id"] for row in site.payloads(CONTACTS)] == ["second"]

    # "The secondary id becomes inactive", the history is the primary's.
    letter.contacts["second"]["mergedTo"] = "middle"
    letter.contacts["middle"] = {"id": "middle", "externalId": "crm-2", "mergedTo": "first"}
    letter.contacts["first"] = {"id": "first", "externalId": "crm-3", "type": "PERSON"}
    letter.conversations = {"first": [{"id": f"conv-{n}", "participants": []} for n in (1, 2)]}
    if answer == "404":
        letter.by_external_id = {}
    # The day after: what was resolved is no longer remembered, only known.
    letter.participants = [participant(1, at="2024-01-03T13:00:00Z")]
    site.at("2024-01-03T15:00:00Z").forget_requests()
    site.read(PARTICIPANTS, CONTACTS, CONVERSATIONS).succeeded()
    newest = {row["id"]: row.get("mergedTo") for row in site.payloads(CONTACTS)}
    assert newest.keys() == {"second", "middle", "first"}
    [asked] = [entry["query"] for entry in site.requests(MATCH[CONVERSATIONS])]
    assert "externalContactId=first&" in asked

    # Called again under the old number: the journey stays with the canonical contact.
    letter.participants = [participant(1, at="2024-01-03T20:00:00Z")]
    site.at("2024-01-03T22:00:00Z").forget_requests()
    site.read(PARTICIPANTS, CONTACTS, CONVERSATIONS).succeeded()
    [asked] = [entry["query"] for entry in site.requests(MATCH[CONVERSATIONS])]
    assert "externalContactId=first&" in asked


def test_g_d_an_interval_that_tells_its_start_alone_gets_the_end_it_was_asked_for(
    letter: Letter, site: LetterSite
) -> None:
    letter.handled = [
        {"user": "user-1", "at": f"{TODAY}T09:20:00Z", "metrics": {"handledCount": 2}}
    ]
    site.read(AGENTS).succeeded()
    [row] = site.payloads(AGENTS)
    assert row["interval"] == {
        "startTime": f"{TODAY}T09:00:00.000Z",
        "endTime": f"{TODAY}T10:00:00.000Z",
    }


def test_g_d_a_row_without_an_interval_is_about_the_whole_window(
    letter: Letter, site: LetterSite
) -> None:
    letter.handled = [
        {"user": "user-1", "at": f"{TODAY}T09:20:00Z", "metrics": {"handledCount": 2}}
    ]
    letter.has_intervals = False
    site.read(AGENTS).succeeded()
    [row] = site.payloads(AGENTS)
    assert row["interval"] == {
        "startTime": f"{TODAY}T00:00:00.000Z",
        "endTime": f"{TODAY}T13:00:00.000Z",
    }


@pytest.mark.parametrize(
    "refusal",
    ["The column {} is not available.", "Unknown column [{}]", "invalid column name '{}'"],
)
def test_g_c_a_column_that_is_refused_is_left_out_and_counted(
    letter: Letter, site: LetterSite, refusal: str
) -> None:
    letter.interactions = [interaction(number) for number in range(3)]
    letter.columns = [name for name in letter.columns if name != "skills"]
    letter.refusal = refusal
    outcome = site.read(INTERACTIONS).succeeded()
    assert "1 of 13 mapped columns are gone: skills" in outcome.stderr
    assert len(site.payloads(INTERACTIONS)) == 3
    fields = "select is_mapped, is_live from genesys_raw.discovered_fields where field_name = "
    assert site.query(f"{fields}'skills'") == [(True, False)]


def test_g_c_what_a_minimal_query_shows_beyond_the_question_is_a_new_column(
    letter: Letter, site: LetterSite
) -> None:
    letter.interactions = [interaction(1)]
    letter.columns = [*letter.columns, "sentiment"]
    letter.shows_all = True
    site.read(INTERACTIONS).succeeded()
    fields = "select is_mapped, is_live from genesys_raw.discovered_fields where field_name = "
    assert site.query(f"{fields}'sentiment'") == [(False, True)]
    assert site.query(f"{fields}'skills'") == [(True, True)]
    assert {frozenset(row) & {"sentiment"} for row in site.payloads(INTERACTIONS)} == {frozenset()}


def test_g_a_participants_without_attributes_are_participants(
    letter: Letter, site: LetterSite
) -> None:
    """And the last page's header may say that there is no token in words."""
    letter.participants = [participant(number, attributes={}) for number in range(3)]
    letter.header_end = "null"
    site.read(PARTICIPANTS).succeeded()
    assert len(site.payloads(PARTICIPANTS)) == 3
    assert len(site.requests(MATCH[PARTICIPANTS])) == 1


def test_g_a_attributes_cut_off_unsaid_are_found_by_a_sample_and_read_in_parts(
    letter: Letter, site: LetterSite
) -> None:
    letter.participants = [
        *(participant(number) for number in range(150)),
        *(participant(number, queueId=None) for number in range(150, 153)),
    ]
    letter.truncate_above = 120
    outcome = site.read(PARTICIPANTS, ELT_PAGE_SIZE="1000").succeeded()
    assert "attributes are cut off" in outcome.stderr
    fullest: dict[str, int] = {}
    for row in site.payloads(PARTICIPANTS):
        count = len(row["participant"].get("customAttributes", {}))
        fullest[row["participantId"]] = max(count, fullest.get(row["participantId"], 0))
    assert fullest == {f"p-{number}": 2 for number in range(153)}
    parts = [body["filters"] for body in site.bodies(PARTICIPANTS) if body["filters"]]
    named = {(each["dimension"], each["value"]) for filters in parts for each in filters}
    assert named >= {("queueId", "queue-0"), ("queueId", "queue-1"), ("wrapupCode", "resolved")}
    [(adjustment,)] = site.windows(PARTICIPANTS, "adjustment")
    assert "larger ones came without all attributes" in adjustment


def test_g_a_who_comes_as_customer_and_as_agent_is_read_twice_and_not_taken_for_cut_off(
    letter: Letter, site: LetterSite
) -> None:
    """The guide's edge case 2: an agent's attributes beside the customer's, under one id."""
    agents = [
        participant(number, type="agent", attributes={"Intent": "b"}) for number in range(150)
    ]
    letter.participants = [*agents, *(participant(number) for number in range(150))]
    outcome = site.read(PARTICIPANTS, ELT_PAGE_SIZE="1000").succeeded()
    assert "attributes are cut off" not in outcome.stderr
    rows = site.payloads(PARTICIPANTS)
    assert {(row["participantId"], row["participant"]["type"]) for row in rows} == {
        (f"p-{number}", kind) for number in range(150) for kind in ("agent", "customer")
    }
    assert len(rows) == 300


def test_g_d_only_the_metrics_the_guide_names_are_asked_for_unless_more_are_set(
    letter: Letter, site: LetterSite
) -> None:
    letter.handled = [
        {"user": "user-1", "at": f"{TODAY}T09:20:00Z", "metrics": {"handledCount": 2}}
    ]
    site.read(AGENTS).succeeded()
    [body] = site.bodies(AGENTS)
    assert {each["name"] for each in body["select"]} == set(METRICS)

    # A name the service does not know costs that metric alone.
    site.at("2024-01-02T16:00:00Z").forget_requests()
    letter.metrics = [*METRICS, "holdTime"]
    more = "handledCount,talkTime,wrapUpTime,idleTime,holdTime"
    outcome = site.read(AGENTS, GENESYS_REPORT_METRICS=more).succeeded()
    assert "idleTime" in outcome.stderr
    assert {each["name"] for each in site.bodies(AGENTS)[-1]["select"]} == {*METRICS, "holdTime"}
    # One that does not say which name it means is asked for those of the guide.
    site.at("2024-01-02T18:00:00Z").forget_requests()
    letter.refusal = "Malformed payload."
    site.read(AGENTS, GENESYS_REPORT_METRICS=more).succeeded()
    assert {each["name"] for each in site.bodies(AGENTS)[-1]["select"]} == set(METRICS)
    said = site.read(AGENTS, GENESYS_REPORT_METRICS="handled").error(2)
    assert "GENESYS_REPORT_METRICS" in said


def test_g_d_what_a_refusal_is_about_is_named_in_the_guides_forms(
    letter: Letter, site: LetterSite
) -> None:
    letter.metrics = ()
    letter.refusal = "Invalid metric name: {}."
    assert "about [handledCount]" in site.read(AGENTS).error(5)
    letter.is_forbidden = True
    said = site.read(AGENTS).error(3)
    assert "api:query" in said
    assert "scope" in said


def test_g_d_a_busy_service_is_asked_five_times(
    letter: Letter, site: LetterSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = functools.partial(RetryPolicy, first_wait_seconds=0.01)
    monkeypatch.setattr("loader.commands.session.RetryPolicy", policy)
    letter.busy = 99
    site.settings |= {"ELT_RETRY_ATTEMPTS": "", "ELT_RETRY_SECONDS": "600"}
    site.read(AGENTS).error(4)
    assert len(site.requests(MATCH[AGENTS])) == 5


def test_filters_are_settings(letter: Letter, site: LetterSite) -> None:
    """Those the guides show: a queue, a type of participant, some users."""
    letter.participants = [participant(1), participant(2, type="agent")]
    letter.interactions = [interaction(1), {**interaction(2), "queueIds": ["queue-2"]}]
    letter.handled = [
        {"user": user, "at": f"{TODAY}T09:20:00Z", "metrics": {"handledCount": 1}}
        for user in ("user-1", "user-2", "user-3")
    ]
    site.read(
        PARTICIPANTS,
        INTERACTIONS,
        AGENTS,
        GENESYS_PARTICIPANT_TYPE="customer",
        GENESYS_EXPORT_FILTERS="queue.id=queue-2",
        GENESYS_REPORT_USERS="user-1,user-3",
    ).succeeded()
    assert [row["participantId"] for row in site.payloads(PARTICIPANTS)] == ["p-1"]
    assert [row["id"] for row in site.payloads(INTERACTIONS)] == ["int-2"]
    assert [row["user"]["id"] for row in site.payloads(AGENTS)] == ["user-1", "user-3"]
    said = site.read(INTERACTIONS, GENESYS_EXPORT_FILTERS="queue-2").error(2)
    assert "GENESYS_EXPORT_FILTERS: queue-2 must be path=value" in said
