"""Page tokens in all five styles: reading goes on behind the last page that was committed."""

import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.guides.conftest import CleanLoad
from tests.guides.site import (
    AGENTS,
    CONVERSATIONS,
    INTERACTIONS,
    MATCH,
    OUTCOMES,
    PARTICIPANTS,
    Asked,
    GuidesSite,
    asked_for,
)
from tests.harness.place import fault
from tests.sandbox.process import SandboxProcess


class Style(NamedTuple):
    """A resource that passes its page token on in a way of its own, with some pages to read.

    `searches` counts the requests before its first page, for columns or flows.
    """

    resource: str
    settings: dict[str, str]
    searches: int = 0


STYLES = {
    "from_a_header_to_the_body": Style(PARTICIPANTS, {"ELT_PAGE_SIZE": "10"}),
    "inside_the_body": Style(OUTCOMES, {"ELT_PAGE_SIZE": "2"}, searches=5),
    "to_a_header_from_header_or_body": Style(INTERACTIONS, {"ELT_PAGE_SIZE": "5"}, searches=1),
    # A status is told of everybody who is logged in: enough for pages.
    "from_nextPage_to_pageToken": Style(
        AGENTS,
        {"ELT_INTERVAL_MINUTES": "60", "GENESYS_REPORT_METRICS": "idleTime,offQueueTime"},
        searches=1,
    ),
    "in_the_query": Style(CONVERSATIONS, {"ELT_PAGE_SIZE": "1"}),
}


def in_each_style(*soon: str) -> pytest.MarkDecorator:
    """Run a test in every style; those not named here are slow."""
    styles = [
        pytest.param(style, id=name, marks=() if name in soon else pytest.mark.slow)
        for name, style in STYLES.items()
    ]
    return pytest.mark.parametrize("style", styles)


# A commit for each page, however small it is.
_ONE_PAGE_A_COMMIT = """
import sys
from loader.__main__ import main
from loader.settings import Settings

Settings.commit_bytes = 1
sys.exit(main(sys.argv[1:]))
"""


def has_token(page: Asked) -> bool:
    """Tell whether a page is another than a list's first."""
    told = page.body + page.query
    return page.page_header is not None or "nextPageToken" in told or '"pageToken"' in told


@pytest.fixture
def begin(style: Style, empty_tables: GuidesSite, contacts_read: GuidesSite) -> GuidesSite:
    """Return the warehouse to begin with: lists of conversations need to know whose."""
    return contacts_read if style.resource == CONVERSATIONS else empty_tables


@pytest.fixture
def site(
    sandbox: SandboxProcess, clean: CleanLoad, style: Style, begin: GuidesSite, tmp_path: Path
) -> GuidesSite:
    # Once before the test begins, so that it is not among the test's requests.
    clean(style.resource, begin, **style.settings)
    site = GuidesSite(sandbox, tmp_path / "site", begin=begin)
    site.settings |= style.settings
    return site


@in_each_style("from_a_header_to_the_body", "inside_the_body", "in_the_query")
def test_after_a_failure_in_mid_window_only_the_pages_left_are_asked_for(
    site: GuidesSite, clean: CleanLoad, style: Style, begin: GuidesSite
) -> None:
    whole = clean(style.resource, begin, **style.settings)
    match, stop = MATCH[style.resource], style.searches + 4
    site.sandbox.add_faults(fault(match, "status", f"{stop}+", status=503))
    site.read(style.resource, ELT_RETRY_ATTEMPTS="1").error(4)
    read = len(site.pages(style.resource))
    assert 3 <= read < len(whole.pages)
    assert site.raw(style.resource) < whole.content

    site.sandbox.clear_faults()
    site.forget_requests()
    site.read(style.resource).succeeded()
    assert site.pages(style.resource) == whole.pages[read:]
    assert site.raw(style.resource) == whole.content
    assert site.row_count(style.resource) == len(whole.content)
    assert len(set(site.windows(style.resource, "window_attempt_id")[-2:])) == 1
    assert site.checksums(style.resource) == whole.checksums != []


@in_each_style("to_a_header_from_header_or_body")
def test_a_killed_process_is_followed_by_one_that_goes_on_from_the_committed_token(
    site: GuidesSite, clean: CleanLoad, style: Style, begin: GuidesSite
) -> None:
    whole = clean(style.resource, begin, **style.settings)
    match, delayed = MATCH[style.resource], style.searches + 4
    site.sandbox.add_faults(fault(match, "delay", delayed, seconds=3))
    process = site.start_python("-c", _ONE_PAGE_A_COMMIT, "load", "--only", style.resource)
    while not site.sandbox.faults()[0]["hits"]:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.kill()
    process.communicate()
    if style.resource == OUTCOMES:
        # The same query is a 409 for as long as the killed one is being answered.
        while len(site.requests(match)) < delayed:
            time.sleep(0.1)

    site.sandbox.clear_faults()
    site.forget_requests()
    site.read(style.resource).succeeded()
    asked = site.pages(style.resource)
    # The next page is asked for while one is committed, so at the fourth two are, perhaps three.
    assert len(whole.pages) - len(asked) in (2, 3)
    assert asked == whole.pages[-len(asked) :]
    assert site.raw(style.resource) == whole.content
    assert site.checksums(style.resource) == whole.checksums != []


@pytest.mark.parametrize(
    "style", [STYLES["from_a_header_to_the_body"], STYLES["to_a_header_from_header_or_body"]]
)
def test_a_token_of_access_that_dies_between_pages_costs_no_page(
    site: GuidesSite, clean: CleanLoad, style: Style, begin: GuidesSite
) -> None:
    whole = clean(style.resource, begin, **style.settings)
    match, dies = MATCH[style.resource], style.searches + 3
    site.sandbox.add_faults(fault(match, "expire_token", dies))
    site.read(style.resource).succeeded()
    entries = site.requests(match)
    refused, again = entries[dies - 1 : dies + 1]
    assert [refused["status"], again["status"]] == [401, 200]
    assert asked_for(refused) == asked_for(again)
    assert refused["headers"]["authorization"] != again["headers"]["authorization"]
    assert site.tokens_asked_for() == 2
    assert site.pages(style.resource) == whole.pages
    assert site.raw(style.resource) == whole.content


@in_each_style("inside_the_body", "from_nextPage_to_pageToken")
def test_where_a_page_token_is_refused_reading_begins_again_and_misses_nothing(
    site: GuidesSite, clean: CleanLoad, style: Style, begin: GuidesSite
) -> None:
    whole = clean(style.resource, begin, **style.settings)
    refused = next(number for number, page in enumerate(whole.pages) if has_token(page))
    body = {"code": "cursor.invalid", "message": "cursor invalid", "status": 400}
    site.sandbox.add_faults(
        fault(MATCH[style.resource], "status", style.searches + refused + 1, status=400, body=body)
    )
    site.read(style.resource).succeeded()
    assert site.raw(style.resource) == whole.content
    # A list of conversations is one contact's: the others are not asked for again.
    again = refused - 1 if style.resource == CONVERSATIONS else 0
    assert site.pages(style.resource) == whole.pages[:refused] + whole.pages[again:]
