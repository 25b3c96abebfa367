"""A run that dies while it writes files into a bucket: nothing tells rows and state apart there.

dlt writes the state before it lists the load; and a file on a disk may be there in part.
"""

import pytest

from tests.crash.hooks import Kind, Moment
from tests.crash.points import (
    BUCKET,
    NEXT_INTO_BUCKET,
    Scenario,
    chosen,
    deaths,
    sample,
    survive,
    tears,
)
from tests.crash.stage import Stage

ROWS = r"{} bucket/genesys_raw/\.partial/\d+-[\d.]+\.[0-9a-f]+\.parquet"
STATE = r"{} bucket/genesys_raw/\.partial/\d+-genesys__[\d.]+__[0-9a-f]+\.jsonl"
LISTED = r"{} bucket/genesys_raw/\.partial/\d+-genesys__[\d.]+\.jsonl"

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("is_work_lost", [False, True], ids=["", "work directory lost"])
@pytest.mark.parametrize(
    ("kind", "pattern", "moment"),
    [
        pytest.param("file", ROWS.format("open"), "after", id="rows are half written"),
        pytest.param("file", ROWS.format("replace"), "after", id="the rows are in"),
        pytest.param("file", STATE.format("replace"), "after", id="the state is in, not listed"),
        pytest.param("file", LISTED.format("replace"), "after", id="the load is listed"),
    ],
)
def test_the_next_run_makes_good(
    stage: Stage, kind: Kind, pattern: str, moment: Moment, is_work_lost: bool
) -> None:
    scenario = NEXT_INTO_BUCKET
    strike = chosen(scenario, stage, kind, pattern, moment)
    assert survive(scenario, stage, strike, is_work_lost=is_work_lost).fell_on


def test_tables_of_a_load_that_was_never_listed_are_made_again(stage: Stage) -> None:
    """They are recorded before any is written; the machine that would have gone on is gone."""
    listed = BUCKET.effects(stage, "file", LISTED.format("replace"))
    assert survive(BUCKET, stage, listed[0].struck("before"), is_work_lost=True).fell_on


def test_a_folder_that_a_death_left_empty_is_used(stage: Stage) -> None:
    """The dataset's folder is made first, and then the file that says that it was."""
    made = BUCKET.effects(stage, "file", r"mkdir bucket/genesys_raw$")
    assert survive(BUCKET, stage, made[0].struck("after")).fell_on


@pytest.mark.parametrize("scenario", [BUCKET, NEXT_INTO_BUCKET], ids=lambda one: one.name)
def test_a_sample_of_all_deaths_and_power_cuts_is_survived(
    stage: Stage, scenario: Scenario
) -> None:
    for strike in sample(deaths(scenario, stage), 2, seed=1):
        survive(scenario, stage, strike)
        survive(scenario, stage, strike, is_work_lost=True)
    for strike in sample(tears(scenario, stage), 1, seed=1):
        survive(scenario, stage, strike, is_work_lost=True)
