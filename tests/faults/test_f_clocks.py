"""Faults F: windows and time, as far as the clock of this machine is at fault."""

import datetime
import re

import pytest

from tests.faults.relay import Exchange, Relay, Trick
from tests.faults.site import AVAILABILITY, LATER_PAGES, LOGIN, Site


def dated(date: str | float) -> Trick:
    """Answer as usual, but by a clock that stands so many minutes before ours, or tells no time."""

    def answer(exchange: Exchange) -> None:
        shown = date
        if not isinstance(shown, str):
            moment = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=shown)
            shown = f"{moment:%a, %d %b %Y %H:%M:%S} GMT"
        body = exchange.answer().body
        exchange.send(body, f"Date: {shown}", f"Content-Length: {len(body)}")

    return answer


@pytest.mark.first_run
@pytest.mark.parametrize(("minutes", "shown"), [(120, "+7"), (-120, "-7")])
def test_f7_a_clock_that_is_off_ends_the_run_before_anything_is_written(
    site: Site, relay: Relay, minutes: float, shown: str
) -> None:
    relay.play(LOGIN, dated(minutes))
    said = site.run(ELT_NOW="").error(2)
    assert f"the clock of this machine is off by {shown}" in said
    assert not site.database.exists()
    assert len(site.requests()) == 1


def test_f7_m2_a_clock_that_jumps_in_mid_run_ends_it_and_dates_no_load(
    site: Site, relay: Relay
) -> None:
    before = site.query("select load_id from genesys_raw._dlt_loads")
    trick = relay.play(LATER_PAGES, dated(-30))
    # 1 800 s, and what a busy machine takes in between.
    assert re.search(r"off by -1[78]\d\d s", site.run(ELT_NOW="").error(2))
    assert trick.played == 1
    assert site.query("select load_id from genesys_raw._dlt_loads") == before
    assert site.row_count() == 0


@pytest.mark.parametrize("date", ["soon", "", 4])
def test_f7_a_few_minutes_and_a_date_nobody_can_read_are_let_through(
    site: Site, relay: Relay, date: str | float
) -> None:
    trick = relay.play(LOGIN, dated(date))
    site.run("plan", "--only", "conversation_details", ELT_NOW="").succeeded()
    assert trick.played == 1


def test_f7_a_clock_that_is_set_is_not_compared(site: Site, relay: Relay) -> None:
    trick = relay.play(AVAILABILITY, dated(500))
    site.run().succeeded()
    assert trick.played == 1
