"""What a scheduler is told: `build` goes on where it can, and each kind of failure has its code."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from loader.commands.transform import NO_SEEDS
from loader.errors import BuildFailed, DestinationError, LoaderError
from loader.seeds import check_seeds
from tests.faults.site import Site
from tests.harness.place import fault
from tests.harness.quick_dbt import quick_dbt
from tests.sandbox.process import ROOT
from tests.transform.warehouses import DuckDBWarehouse, parsed_in

NO_FLOWS = fault("GET /api/v2/flows", "status", "all", status=403)
BUILD = ("build", "--only", "flows", "users")


@pytest.mark.parametrize(
    ("problem", "exit_code"),
    [(None, 3), (BuildFailed("a test failed."), 8), (DestinationError("full."), 6)],
    ids=["built", "failed", "refused"],
)
def test_build_transforms_what_is_loaded_and_ends_with_the_worse_of_the_two(
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    problem: LoaderError | None,
    exit_code: int,
) -> None:
    def built(settings: object, arguments: list[str]) -> int:
        asked.append(arguments)
        if problem is not None:
            raise problem
        return 0

    asked: list[list[str]] = []
    monkeypatch.setattr("loader.commands.transform.transform", built)
    site.sandbox.add_faults(NO_FLOWS)
    outcome = site.run(*BUILD)
    assert str(problem or "no permission for /api/v2/flows (403") in outcome.error(exit_code)
    assert asked == [["build"]]
    assert "the marts are built of what is loaded" in outcome.stderr
    # The permission costs its resource alone.
    assert site.row_count("users") > 0


def test_build_transforms_nothing_where_the_load_could_not_begin(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> int:
        raise AssertionError

    monkeypatch.setattr("loader.commands.transform.transform", never)
    site.run(*BUILD, ELT_START="next week").error(2)
    with site.lock_path.open("a+b") as lock:
        import fcntl

        fcntl.flock(lock, fcntl.LOCK_EX)
        site.run(*BUILD).error(7)


@pytest.mark.slow
def test_build_with_a_permission_missing_builds_the_marts_and_they_pass_their_tests(
    site: Site,
) -> None:
    """Unit tests know of no load: tests/transform runs them."""
    site.sandbox.add_faults(NO_FLOWS)
    with quick_dbt():
        outcome = site.run(
            "build",
            DBT_TARGET_PATH=str(parsed_in(DuckDBWarehouse(site.database))),
            DBT_EXCLUDE_RESOURCE_TYPES="unit_test",
            DBT_LOG_LEVEL="none",
            DBT_LOG_LEVEL_FILE="none",
            DBT_WRITE_JSON="false",
        )
    assert "no permission for /api/v2/flows (403" in outcome.error(3)
    passed = "select count(*) > 100 from genesys_test_failures.passed_tests"
    assert site.query(passed) == [(True,)]
    assert site.query("select count(*) > 0 from genesys_marts.fct_interactions") == [(True,)]
    assert site.query("select count(*) > 0 from genesys_marts.dim_users") == [(True,)]


def test_arguments_that_dbt_does_not_take_are_a_setting(site: Site) -> None:
    said = site.run("transform", "build", "--no-such-option").error(2)
    assert "dbt build does not take these arguments" in said


def test_m13_options_without_a_command_are_those_of_a_build(site: Site, tmp_path: Path) -> None:
    said = site.run("transform", "--no-use-colors", DBT_PROJECT_DIR=str(empty_project(tmp_path)))
    assert "dbt build did not come through" in said.error(8)


@pytest.mark.slow
def test_a_run_without_seeds_is_told_to_load_them(site: Site) -> None:
    site.run("load", "--only", "queues").succeeded()
    with quick_dbt():
        outcome = site.run(
            "transform", "run", "--quiet", "--select", "dim_metrics",
            DBT_TARGET_PATH=str(parsed_in(DuckDBWarehouse(site.database))),
            DBT_LOG_LEVEL_FILE="none",
        )  # fmt: skip
    said = outcome.error(8)
    assert "lacks seeds: 1 failed in dbt run; load them with transform seed" in said


@pytest.mark.parametrize(
    "said",
    [
        'Table with name "genesys_seeds.a" does not exist because schema "genesys_seeds" does not',
        'relation "genesys_seeds.a" does not exist\nLINE 9: from "genesys"."genesys_seeds"."a"',
        "[TABLE_OR_VIEW_NOT_FOUND] The table or view `genesys_seeds`.`a` cannot be found.",
        "Schema 'ANALYTICS.GENESYS_SEEDS' does not exist or not authorized.",
        "404 Not found: Table p:genesys_seeds.a was not found in location EU",
        "Not found: Dataset p:genesys_seeds",
    ],
)
def test_every_engine_s_word_for_a_seed_that_is_not_there_is_known(said: str) -> None:
    assert NO_SEEDS.search(said)
    assert not NO_SEEDS.search(said.replace("seeds", "marts").replace("SEEDS", "MARTS"))


def empty_project(folder: Path) -> Path:
    """Return a folder of seeds without a project."""
    shutil.copytree(ROOT / "dbt_project" / "seeds", folder / "seeds")
    return folder


def test_the_command_is_installed_under_its_name() -> None:
    command = Path(sys.executable).with_name("genesys-elt")
    told = subprocess.run([command, "--help"], capture_output=True, text=True, cwd=ROOT, check=True)
    assert told.stdout.startswith("usage: genesys-elt")


def broken_seeds(folder: Path) -> Path:
    """Copy the seeds and break a line of one."""
    shutil.copytree(ROOT / "dbt_project" / "seeds", folder / "seeds")
    (folder / "seeds" / "journey_states.csv").write_text("state,is_kept\nDRAFT,maybe\n")
    return folder


def test_m12_a_terminal_is_told_nothing_by_what_is_exported(site: Site) -> None:
    name = "A\u009b2J\u202eB\u2066\u200b \U000e0041 Ω"
    site.change(
        "create schema genesys_marts",
        "create table genesys_marts.bridge_contact_external_ids as select 'crm' as external_id,"
        " 'crm' as external_source_name, 'c-1' as canonical_contact_id",
        "create table genesys_marts.journey_timelines as select 'c-1' as canonical_contact_id,"
        f" '{json.dumps({'name': name})}' as timeline_json",
    )
    in_a_file = site.run("export", "crm").succeeded().stdout
    assert name in in_a_file
    # What rich takes for a terminal.
    on_a_terminal = site.run("export", "crm", FORCE_COLOR="1").succeeded().stdout
    assert json.loads(on_a_terminal) == json.loads(in_a_file) == {"name": name}
    assert "\\u009b" in on_a_terminal
    assert all(one.isprintable() or one == "\n" for one in on_a_terminal)
    assert "Ω" in on_a_terminal


def test_check_names_the_first_wrong_line_of_any_seed(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.run("check").succeeded()
    seeds = broken_seeds(tmp_path / "broken") / "seeds"
    monkeypatch.setattr("loader.commands.check.check_seeds", lambda: check_seeds(seeds))
    said = site.run("check").error(2)
    assert "journey_states.csv line 2: is_kept 'maybe' is unclear; use true or false." in said


def test_transform_names_a_wrong_line_before_dbt_begins(site: Site, tmp_path: Path) -> None:
    """A load does not mind: its contract reads no such seed."""
    project = broken_seeds(tmp_path / "broken")
    said = site.run("transform", "build", DBT_PROJECT_DIR=str(project)).error(2)
    assert "journey_states.csv line 2: is_kept 'maybe' is unclear; use true or false." in said


HOSTILE = (
    "x'; touch pwned; '", '"; touch pwned; "', "`touch pwned`", "$(touch pwned)",
    "$(shell touch pwned)", "${shell touch pwned}", "$$(touch pwned)", "x\ntouch pwned",
    "; touch pwned #", "-h --yes", "$(MAKEFILE_LIST)$(error no)",
)  # fmt: skip
HONEST = (
    "O'Brien-7", "A$B1", "crm 15", "50%_off", "\u00c5sa-1", 'a"b', "c\\d", "#7", "a=b:c", "-15",
    "*",
)  # fmt: skip
# Says what it was given, in Python's stead.
GIVEN = """#!{python}
import json, sys
print(json.dumps(sys.argv[3:]))
"""


@pytest.mark.parametrize(
    ("target", "variable", "words"),
    [
        ("export", "CONTACT", ["export", "--", "{}"]),
        ("journey", "CONTACT", ["journey", "--", "{}"]),
        ("erase", "CONTACT", ["erase", "--contact={}"]),
        ("explain", "CONVERSATION", ["explain", "--", "{}"]),
    ],
)
def test_m5_an_id_reaches_the_command_as_it_was_typed(
    tmp_path: Path, target: str, variable: str, words: list[str]
) -> None:
    program = tmp_path / "python"
    program.write_text(GIVEN.format(python=sys.executable))
    program.chmod(0o755)
    for typed in (*HOSTILE, *HONEST):
        told = subprocess.run(
            ["make", "-s", "-f", ROOT / "Makefile", "-o", ".venv/installed", f"BIN={tmp_path}",
             target, f"{variable}={typed}"],
            capture_output=True, text=True, cwd=tmp_path, check=False,
        )  # fmt: skip
        assert told.returncode == 0, (typed, told.stderr)
        assert json.loads(told.stdout) == [word.format(typed) for word in words]
    assert not (tmp_path / "pwned").exists()
