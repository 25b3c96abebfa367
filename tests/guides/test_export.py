"""The interactions export: its columns are those that live, its pages are whole.

GUIDES G-C.
"""

from datetime import datetime

import pytest

from tests.guides.conftest import Clean, CleanLoad
from tests.guides.site import INTERACTIONS, MATCH, GuidesSite, is_search
from tests.harness.ask import ask
from tests.harness.place import Rows, fault
from tests.harness.tiers import first
from tests.sandbox.process import Told

EXPORT = MATCH[INTERACTIONS]
SEARCH = 1
FIRST_PAGE = 2
SMALL = {"ELT_PAGE_SIZE": "5"}


@pytest.fixture(scope="module")
def whole(clean: CleanLoad) -> Clean:
    return clean(INTERACTIONS, **SMALL)


@pytest.fixture
def site(whole: Clean, site: GuidesSite) -> GuidesSite:
    """Load in small pages; what `whole` asked for is not among the requests."""
    site.settings |= SMALL
    site.forget_requests()
    return site


def fields(site: GuidesSite) -> dict[str, tuple[bool, bool]]:
    """Return of each field whether it is mapped, and whether it is live."""
    rows = site.query("select field_name, is_mapped, is_live from genesys_raw.discovered_fields")
    assert len(rows) == len({name for name, *_ in rows})
    return {name: (is_mapped, is_live) for name, is_mapped, is_live in rows}


def pages(site: GuidesSite) -> list[Told]:
    """Return the requests for pages, answered or not."""
    return [entry for entry in site.requests(EXPORT) if not is_search(entry)]


def tokens(site: GuidesSite) -> list[str | None]:
    """Return the page token each page was asked for with."""
    return [entry["headers"].get("genesys-page-token") for entry in pages(site)]


def refused(site: GuidesSite) -> Rows:
    return site.query("select record_id, reason from genesys_raw.quarantined_records")


def test_only_columns_of_the_mapping_are_asked_for_by_name(site: GuidesSite) -> None:
    site.read(INTERACTIONS).succeeded()
    search, *others = site.bodies(INTERACTIONS)
    assert search["pageSize"] == 1
    mapped = [name for name, (is_mapped, _) in fields(site).items() if is_mapped]
    assert {tuple(body["columns"]) for body in (search, *others)} == {tuple(mapped)}
    assert "*" not in mapped
    assert {frozenset(record) for record in site.payloads(INTERACTIONS)} == {frozenset(mapped)}


def test_all_that_was_alive_in_the_window_is_in_raw_as_it_is_told(site: GuidesSite) -> None:
    site.read(INTERACTIONS).succeeded()
    body = {**site.bodies(INTERACTIONS)[-1], "pageSize": 5000}
    told = ask(site.sandbox, "POST", "/api/v2/export/interactions", body=body).json()
    assert told["nextPageToken"] is None
    records = sorted(told["records"], key=lambda record: str(record["id"]))
    assert len(records) > 20
    assert site.payloads(INTERACTIONS) == records


def test_a_column_that_is_gone_is_said_and_the_others_are_loaded(
    site: GuidesSite, whole: Clean
) -> None:
    site.sandbox.add_faults(fault(EXPORT, "guide", "all", hide_columns=["skills"]))
    outcome = site.read(INTERACTIONS).succeeded()
    assert "1 of 13 mapped columns are gone: skills" in outcome.stderr
    assert fields(site)["skills"] == (True, False)
    # Refused once, not asked for again.
    assert [each["status"] for each in site.requests(EXPORT)][:2] == [400, 200]
    assert all("skills" not in body["columns"] for body in site.bodies(INTERACTIONS)[1:])
    assert {record["id"] for record in site.payloads(INTERACTIONS)} == {
        record_id for record_id, _ in whole.content
    }


def test_more_columns_gone_than_allowed_is_an_error_after_the_others_are_loaded(
    site: GuidesSite, whole: Clean
) -> None:
    gone = ["skills", "agentIds", "wrapUpCode"]
    site.sandbox.add_faults(fault(EXPORT, "guide", "all", hide_columns=gone))
    said = site.read(INTERACTIONS).error(5)
    assert "3 of 13 mapped columns are gone: agentIds, skills, wrapUpCode" in said
    assert "interaction_columns.csv" in said
    assert site.row_count(INTERACTIONS) == len(whole.content)
    assert site.windows(INTERACTIONS) == [("loaded",)]


@pytest.mark.slow
def test_how_many_columns_may_go_is_a_setting(site: GuidesSite) -> None:
    site.sandbox.add_faults(fault(EXPORT, "guide", "all", hide_columns=["skills"]))
    site.read(INTERACTIONS, ELT_DRIFT_PERCENT="0").error(5)
    assert site.windows(INTERACTIONS) == [("loaded",)]


@pytest.mark.parametrize("column", first(1, ["id", "state"]))
def test_without_a_column_no_record_is_one_without_nothing_is_loaded(
    site: GuidesSite, column: str
) -> None:
    site.sandbox.add_faults(fault(EXPORT, "guide", "all", hide_columns=[column]))
    said = site.read(INTERACTIONS).error(5)
    assert f"no longer has the column {column}, without which no record counts" in said
    assert pages(site) == []
    assert site.row_count(INTERACTIONS) == 0
    site.sandbox.clear_faults()
    site.read(INTERACTIONS).succeeded()
    assert site.row_count(INTERACTIONS) > 0


def test_a_new_column_is_told_and_not_loaded_before_it_is_mapped(
    site: GuidesSite, whole: Clean
) -> None:
    site.sandbox.add_faults(fault(EXPORT, "guide", "all", add_columns=["sentiment"]))
    site.read(INTERACTIONS).succeeded()
    known = fields(site)
    assert known["sentiment"] == known["ani"] == (False, True)
    assert known["state"] == (True, True)
    assert site.raw(INTERACTIONS) == whole.content


def test_a_cursor_that_is_invalid_restarts_its_window_with_none(
    site: GuidesSite, whole: Clean
) -> None:
    body = {"code": "cursor.invalid", "message": "cursor invalid", "status": 400}
    site.sandbox.add_faults(fault(EXPORT, "status", FIRST_PAGE + 2, status=400, body=body))
    site.read(INTERACTIONS).succeeded()
    given = [page.page_header for page in whole.pages]
    assert tokens(site) == given[:3] + given
    assert site.raw(INTERACTIONS) == whole.content
    assert site.windows(INTERACTIONS, "status, page_count") == [
        ("failed", 2),
        ("loaded", len(given)),
    ]


@pytest.mark.parametrize("spoilt", first(1, [{"lacking": "state"}, {"is_doubled": True}]))
def test_g6_a_bad_page_is_fetched_again_with_the_same_token(
    site: GuidesSite, whole: Clean, spoilt: dict[str, object]
) -> None:
    site.sandbox.add_faults(fault(EXPORT, "guide", FIRST_PAGE + 1, **spoilt))
    outcome = site.read(INTERACTIONS).succeeded()
    assert "(fetch 1 of 3)" in outcome.stderr
    given = [page.page_header for page in whole.pages]
    assert tokens(site) == [given[0], given[1], *given[1:]]
    assert site.raw(INTERACTIONS) == whole.content
    assert site.row_count(INTERACTIONS) == len(whole.content)
    assert refused(site) == []


def test_a_record_that_stays_bad_is_set_aside_with_its_reason_and_the_others_load(
    site: GuidesSite, whole: Clean
) -> None:
    site.sandbox.add_faults(fault(EXPORT, "guide", [2, 3, 4], lacking="state"))
    said = site.read(INTERACTIONS).error(5)
    assert f"1 of {len(whole.content)} records are not valid" in said
    # Its page was asked for three times.
    given = [page.page_header for page in whole.pages]
    assert tokens(site) == [None, None, *given]
    [(record_id, reason)] = refused(site)
    assert reason == "no state"
    assert site.raw(INTERACTIONS) == {row for row in whole.content if row[0] != record_id}
    assert len(whole.content) == site.row_count(INTERACTIONS) + 1


@pytest.mark.slow
def test_one_page_under_two_tokens_ends_the_run_with_what_came_before(
    site: GuidesSite, whole: Clean
) -> None:
    site.sandbox.add_faults(fault(EXPORT, "guide", "all", is_repeated=True))
    said = site.read(INTERACTIONS).error(5)
    assert "served a page twice, under two page tokens" in said
    assert len(tokens(site)) == 4
    assert site.row_count(INTERACTIONS) == 5
    site.sandbox.clear_faults()
    site.read(INTERACTIONS).succeeded()
    assert site.raw(INTERACTIONS) == whole.content


def test_no_range_reaches_into_the_last_15_minutes(site: GuidesSite) -> None:
    site.read(INTERACTIONS, ELT_SETTLE_MINUTES="0").succeeded()
    ends = [datetime.fromisoformat(body["dateTo"]) for body in site.bodies(INTERACTIONS)]
    assert len(ends) > 1
    assert set(ends) == {datetime.fromisoformat("2026-11-20T11:45:00Z")}
