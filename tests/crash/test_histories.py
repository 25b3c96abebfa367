"""CI's share of the histories that a seed decides, and a build of the marts that dies."""

import pytest

from tests.crash.histories import History, play
from tests.crash.hooks import Strike
from tests.crash.marts import SCHEMAS, demand_alike
from tests.crash.place import DEAD
from tests.crash.points import NEXT
from tests.crash.stage import Stage
from tests.transform.warehouses import DuckDBWarehouse, tables

# What a day's conversations become, without the tests of it.
BUILD = (
    "transform", "build", "--select", "+fct_interactions",
    "--exclude-resource-type", "test", "unit_test",
)  # fmt: skip


# In Kolkata, in windows of two days; killed, put back to a backup, interrupted.
@pytest.mark.parametrize("seed", [23])
def test_a_history_ends_where_an_undisturbed_load_does(stage: Stage, seed: int) -> None:
    play(stage, History.of(seed))


def test_h9_h10_a_build_that_dies_is_made_good_by_the_next(stage: Stage) -> None:
    whole, torn = NEXT.undisturbed(stage), NEXT.undisturbed(stage)
    for place in (whole, torn):
        place.settings |= {
            # The same for both, or dbt would parse the project for each.
            "ELT_DUCKDB_PATH": place.database.name,
            "DBT_TARGET_PATH": str(stage.folder / "dbt"),
            "DBT_LOG_PATH": str(stage.folder / "dbt-logs"),
        }
    ended = whole.run(*BUILD)
    assert ended.exit_code == 0, ended.said
    in_the_middle = Strike("sql", ended.count("sql") * 2 // 3, "after")
    assert torn.run(*BUILD, strikes=[in_the_middle]).exit_code == DEAD
    ended = torn.run(*BUILD)
    assert ended.exit_code == 0, ended.said
    warehouses = [DuckDBWarehouse(place.database) for place in (torn, whole)]
    demand_alike(*(tables(warehouse, *SCHEMAS) for warehouse in warehouses))

    # H10: what is there stays until what replaces it is whole.
    built = tables(warehouses[0], *SCHEMAS)
    assert torn.run(*BUILD, "--full-refresh", strikes=[in_the_middle]).exit_code == DEAD
    left = tables(warehouses[0], *SCHEMAS)
    assert {name: left.get(name) for name in built} == built
    ended = torn.run(*BUILD)
    assert ended.exit_code == 0, ended.said
    assert tables(warehouses[0], *SCHEMAS) == built


def test_a_build_that_fails_ends_in_one_error_line(stage: Stage) -> None:
    place = NEXT.undisturbed(stage)
    ended = place.run("transform", "no-such-command")
    assert ended.exit_code != 0
    stage.witness(place).exit_is_honest(ended)
