"""CI's share of the histories that a seed decides, and a build of the marts that dies."""

import shutil
from pathlib import Path

import pytest

from tests.crash.histories import History, play
from tests.crash.hooks import Strike
from tests.crash.marts import SCHEMAS, demand_alike
from tests.crash.place import DEAD
from tests.crash.points import NEXT
from tests.crash.stage import Stage
from tests.transform.warehouses import DuckDBWarehouse, parsed_in, tables

# What a day's conversations become, without the tests of it.
BUILD = (
    "transform", "build", "--select", "+fct_conversation_legs",
    "--exclude-resource-type", "test", "unit_test",
)  # fmt: skip


# In Kolkata, in windows of two days; killed, put back to a backup, interrupted.
@pytest.mark.slow
@pytest.mark.parametrize("seed", [23])
def test_a_history_ends_where_an_undisturbed_load_does(stage: Stage, seed: int) -> None:
    play(stage, History.of(seed))


@pytest.mark.slow
def test_h9_h10_a_build_that_dies_is_made_good_by_the_next(stage: Stage, tmp_path: Path) -> None:
    place = NEXT.undisturbed(stage)
    warehouse = DuckDBWarehouse(place.database)
    place.settings |= {
        "DBT_TARGET_PATH": str(shutil.copytree(parsed_in(warehouse), tmp_path / "dbt")),
        "DBT_LOG_PATH": str(tmp_path / "dbt-logs"),
    }
    shutil.copy(place.database, tmp_path / "loaded")
    ended = place.run(*BUILD)
    assert ended.exit_code == 0, ended.said
    whole = tables(warehouse, *SCHEMAS)
    in_the_middle = Strike("sql", ended.count("sql") * 2 // 3, "after")

    shutil.copy(tmp_path / "loaded", place.database)
    assert place.struck([in_the_middle], *BUILD).exit_code == DEAD
    ended = place.run(*BUILD)
    assert ended.exit_code == 0, ended.said
    built = tables(warehouse, *SCHEMAS)
    demand_alike(built, whole)

    # H10: what is there stays until what replaces it is whole.
    assert place.struck([in_the_middle], *BUILD, "--full-refresh").exit_code == DEAD
    left = tables(warehouse, *SCHEMAS)
    assert {name: left.get(name) for name in built} == built
    ended = place.run(*BUILD)
    assert ended.exit_code == 0, ended.said
    assert tables(warehouse, *SCHEMAS) == built


def test_a_build_that_fails_ends_in_one_error_line(stage: Stage) -> None:
    place = NEXT.undisturbed(stage)
    ended = place.run("transform", "no-such-command")
    assert ended.exit_code != 0
    stage.witness(place).exit_is_honest(ended)
