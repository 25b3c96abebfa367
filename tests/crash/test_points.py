"""Faults H: a run that dies at a chosen point is made good by the next; CI's share of all points.

`make crash` strikes at each of them.
"""

import shutil
from pathlib import Path

import duckdb
import pytest

from loader.warehouses.packages import Packages
from tests.crash.hooks import Kind, Moment
from tests.crash.marts import Marts, demand_alike
from tests.crash.place import HookedPlace
from tests.crash.points import (
    FIRST,
    GUIDES,
    INSERTED,
    NEXT,
    RECOVERY,
    SCAN,
    Scenario,
    chosen,
    deaths,
    failures,
    sample,
    survive,
    tears,
)
from tests.crash.stage import Stage

LISTED = r'INSERT INTO "genesys_raw"\."_dlt_loads"'
STATE = r'INSERT INTO "genesys_raw"\."_dlt_pipeline_state"'
NORMALIZED = r"work/dlt/genesys/load/normalized/[\d.]+$"
SHARE = 1
STAGING = ("genesys_staging",)

# Fault, scenario, kind of effect, which (the last that matches), moment.
DEATHS: list[tuple[str, Scenario, Kind, str, Moment]] = [
    ("H1 after the login", FIRST, "request", r"POST /oauth/token", "after"),
    ("H2 a page is read, its token not kept", NEXT, "request", r"GET .*/results.*cursor=", "after"),
    ("H3 the state is in, perhaps not the rows", NEXT, "sql", STATE, "after"),
    ("H4 in the schema's write", NEXT, "file", r"open .*/schemas/[0-9a-f]{16}$", "after"),
    ("H5 extracted", NEXT, "file", r"rename .*/normalize/[0-9a-f]{16}/[\d.]+$", "after"),
    ("H5 in the middle of normalizing", NEXT, "file", r"link .*/new_jobs/", "before"),
    ("H5 normalized", NEXT, "file", r"rename work/dlt/genesys/load/new/[\d.]+$", "after"),
    ("H6 the rows are in, dlt does not know", NEXT, "sql", INSERTED, "after"),
    ("H8 the load is listed, the package still there", NEXT, "sql", LISTED, "after"),
    ("H8 the package is complete, not put away", NEXT, "file", f"rename {NORMALIZED}", "before"),
    ("H11 in the recovery of a dead run", RECOVERY, "sql", INSERTED, "after"),
]


# Of each letter's way one; `make test-all` dies them all.
SOON = ("H2 a page", "H5 normalized", "H6 the rows", "H8 the load")


@pytest.mark.parametrize(
    ("scenario", "kind", "pattern", "moment"),
    [
        pytest.param(*how, id=name, marks=() if name.startswith(SOON) else pytest.mark.slow)
        for name, *how in DEATHS
    ],
)
def test_the_next_run_makes_good(
    stage: Stage, scenario: Scenario, kind: Kind, pattern: str, moment: Moment
) -> None:
    assert survive(scenario, stage, chosen(scenario, stage, kind, pattern, moment)).fell_on


@pytest.mark.slow
def test_h5_a_page_extracted_before_its_state_is_kept_is_counted_once(stage: Stage) -> None:
    """The package is whole, dlt's own state file is not yet written: the page is not read again."""
    moved = NEXT.effects(stage, "file", r"rename .*/normalize/[0-9a-f]{16}/[\d.]+$")
    # Of the first window's two pages the second.
    assert survive(NEXT, stage, moved[1].struck("after")).fell_on


def test_h5_a_package_of_which_some_tables_are_loaded_is_not_read_again(stage: Stage) -> None:
    """How each job has ended is noted beside the package, under the name of the job's file."""
    noted = chosen(NEXT, stage, "file", r"remove \S*/\.pending_transitions/", "before")
    survived = survive(NEXT, stage, noted)
    assert survived.fell_on
    assert survived.pages_again == 0


# Of the guides, because theirs are the models that open a payload by what version it is.
@pytest.mark.slow
def test_h7_m1_the_work_directory_is_lost_before_the_load_is_listed(
    stage: Stage, tmp_path: Path
) -> None:
    strike = chosen(GUIDES, stage, "sql", LISTED, "before")
    place = GUIDES.place(stage)
    stage.witness(place).after(GUIDES.run(place, strike))
    place.lose_work()
    _is_whole_after_a_run(stage, place, GUIDES)
    marts = Marts(tmp_path / "marts")
    select = "+stg_guides__interactions"
    found = marts.of(place, select=select, schemas=STAGING)
    demand_alike(found, marts.of(GUIDES.undisturbed(stage), select=select, schemas=STAGING))


@pytest.mark.slow
def test_h11_three_deaths_in_a_row(stage: Stage) -> None:
    place = NEXT.place(stage)
    witness = stage.witness(place)
    # Each run has the rest to do.
    insert = NEXT.effects(stage, "sql", INSERTED)[0]
    for _ in range(3):
        ended = NEXT.run(place, insert.struck("after"))
        assert ended.was_struck
        witness.after(ended)
    _is_whole_after_a_run(stage, place)


def test_h11_a_death_while_what_is_done_is_deleted(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loaded package, half deleted, must not pass for one that is still to be loaded."""
    place = NEXT.undisturbed(stage)
    packages = place.work / "dlt" / "genesys" / "load"
    last = max((packages / "loaded").iterdir())
    # As a death just before it was put away leaves it.
    last.rename(packages / "normalized" / last.name)
    delete = shutil.rmtree

    def die_halfway(path: Path, *, ignore_errors: bool = False) -> None:
        if (path / "new_jobs").exists():
            (path / "package_completed.json").unlink()
            delete(path / "new_jobs")
            raise KeyboardInterrupt
        delete(path, ignore_errors=ignore_errors)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(shutil, "rmtree", die_halfway)
        Packages(place.work / "dlt" / "genesys").sweep()
    _is_whole_after_a_run(stage, place)


def test_h11_a_package_left_by_a_death_needs_the_tables_of_those_before(stage: Stage) -> None:
    """A power cut has taken all that was in the warehouse's log: one table was made before."""
    place = RECOVERY.place(stage)
    _drop_tables(place, "_dlt_version")
    place.change("delete from genesys_raw._dlt_version")
    _is_whole_after_a_run(stage, place)


def test_h11_a_package_of_a_first_load_needs_the_tables_it_has_made(stage: Stage) -> None:
    """The power cut has taken them with the warehouse's log, and left the package."""
    place = FIRST.place(stage)
    loading = chosen(FIRST, stage, "file", r"rename \S*/new_jobs/hash_salts\.", "after")
    assert FIRST.run(place, loading).was_struck
    _drop_tables(place)
    _is_whole_after_a_run(stage, place, FIRST)


def _drop_tables(place: HookedPlace, *kept: str) -> None:
    with duckdb.connect(str(place.database)) as connection:
        for (table,) in connection.execute(
            "select table_name from information_schema.tables where table_schema = 'genesys_raw'"
        ).fetchall():
            if table not in kept:
                connection.execute(f'drop table genesys_raw."{table}"')


def test_h5_a_version_of_the_packages_half_written_when_the_power_goes(stage: Stage) -> None:
    place = RECOVERY.place(stage)
    (place.work / "dlt" / "genesys" / "load" / ".version").write_text("1.")
    _is_whole_after_a_run(stage, place)


def test_a_backup_put_back_after_a_death_is_loaded_again_from_there(stage: Stage) -> None:
    """A file that a death leaves among the packages must not pass for one for ever.

    It would keep dlt's local state, which is ahead of the backup.
    """
    place = NEXT.place(stage)
    # How often dlt notes how the jobs of a package are going differs from run to run:
    # the last time may never come.
    noted = NEXT.effects(stage, "file", r"open \S*/load/normalized/[0-9a-f]{16}$")
    assert NEXT.run(place, noted[0].struck("after")).was_struck
    assert NEXT.run(place).exit_code == 0
    _put_back(stage, place)
    _is_whole_after_a_run(stage, place)


@pytest.mark.slow
def test_a_package_left_by_a_death_is_not_loaded_into_a_backup(stage: Stage) -> None:
    """It holds the second page; the backup does not hold the first, and its token is behind it."""
    place = RECOVERY.place(stage)
    _put_back(stage, place)
    _is_whole_after_a_run(stage, place)


def test_a_job_refused_one_day_is_stamped_when_the_next_takes_it(stage: Stage) -> None:
    """Its records are those of the next day; stamped with the first they would pass for older."""
    place = stage.place()
    witness = stage.witness(place)
    stage.sandbox.set_clock(NEXT.now)
    stage.sandbox.add_faults({"match": "POST .*/details/jobs$", "nth": "all", "action": "status"})
    refused = NEXT.run(place)
    stage.sandbox.clear_faults()
    witness.after(refused)
    assert refused.exit_code == 4
    stage.sandbox.set_clock("2026-03-17T06:00:00Z")
    ended = NEXT.run(place)
    witness.after(ended)
    assert ended.exit_code == 0


def _put_back(stage: Stage, place: HookedPlace) -> None:
    """Replace the warehouse by the one of the day before."""
    for path in place.data.glob(f"{place.database.name}*"):
        path.unlink()
    shutil.copy(FIRST.undisturbed(stage).database, place.database)
    stage.sandbox.set_clock(NEXT.now)


def _is_whole_after_a_run(stage: Stage, place: HookedPlace, scenario: Scenario = NEXT) -> None:
    again = scenario.run(place)
    witness = stage.witness(place)
    witness.after(again)
    assert again.exit_code == 0
    witness.at_the_end(scenario.content(stage))


@pytest.mark.slow
def test_h5_a_package_half_written_when_the_power_goes_is_read_again(stage: Stage) -> None:
    """It could be loaded by no run; of it alone the machine has lost the end."""
    extracted = r"rename .*/normalize/[0-9a-f]{16}/[\d.]+$"
    moved = NEXT.effects(stage, "file", extracted)[-1]
    assert survive(NEXT, stage, moved.struck("after", "torn")).fell_on


# The chosen deaths and the guards are those of a load of days; the rest is sampled.
@pytest.mark.parametrize(
    "scenario",
    [SCAN, pytest.param(GUIDES, marks=pytest.mark.slow)],
    ids=lambda scenario: scenario.name,
)
def test_a_sample_of_all_deaths_is_survived(stage: Stage, scenario: Scenario) -> None:
    for strike in sample(deaths(scenario, stage), SHARE, seed=1):
        survive(scenario, stage, strike)


def test_a_sample_of_all_power_cuts_is_survived(stage: Stage) -> None:
    for strike in sample(tears(FIRST, stage), SHARE, seed=1):
        survive(FIRST, stage, strike, is_work_lost=True)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", [RECOVERY, SCAN], ids=lambda scenario: scenario.name)
def test_a_sample_of_all_failures_is_told_and_made_good(stage: Stage, scenario: Scenario) -> None:
    for strike in sample(failures(scenario, stage), SHARE, seed=1):
        survive(scenario, stage, strike)
