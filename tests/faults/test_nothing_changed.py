"""`transform` does nothing twice: it builds what has changed, and tests code that is another."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from loader.settings import Settings
from loader.unchanged import LastBuild, UnitTests
from loader.warehouses.duckdb import DuckDB, DuckDBSettings
from tests.faults.site import Site
from tests.sandbox.process import ROOT

NOTHING = "nothing has changed since the last build"
# dbt would leave it open.
WITHOUT_LOG = ("--quiet", "--log-level-file", "none")
MODEL = "select 1 as one, '{{ var('zone') }}' as zone, {{ two() }} as two"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a small project that the environment names, with a copy of the profile."""
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "dbt_project" / "seeds", folder / "seeds")
    (folder / "seeds" / "_seeds.yml").unlink()
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles")
    for name, text in {
        "dbt_project.yml": "name: small\nprofile: genesys\nvars: {zone: UTC}\n"
        "models: {small: {+materialized: table}}\n",
        "models/numbers.sql": MODEL,
        "macros/two.sql": "{% macro two() %}{{ env_var('ELT_TWO', '2') }}{% endmacro %}",
        "macros/three.sql": "{% macro three() %}{{ env_var ('ELT_THREE', '3') }}{% endmacro %}",
        # It writes into the warehouse that it has found nothing.
        "tests/few.sql": "{{ config(store_failures=true) }} from {{ ref('numbers') }} limit 0",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    monkeypatch.setenv("DBT_PROJECT_DIR", str(folder))
    monkeypatch.setenv("DBT_PROFILES_DIR", str(tmp_path / "profiles"))
    monkeypatch.setenv("DBT_TARGET_PATH", str(folder / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(folder / "logs"))
    return folder


# -- of what was built -------------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings with a work directory of their own."""
    return Settings.model_construct(work_dir=tmp_path)


@pytest.fixture
def asked(project: Path, settings: Settings) -> Callable[..., LastBuild]:
    """Return what tells of a command of dbt's."""
    return lambda *words: LastBuild(settings, words[0], words)


EDITS = {
    "model": ("models/numbers.sql", "select 3 as one, 'UTC' as zone, 2 as two"),
    "macro": ("macros/two.sql", "{% macro two() %}22{% endmacro %}"),
    "variable": ("dbt_project.yml", "name: small\nprofile: genesys\nvars: {zone: CET}\n"),
    "seed": ("seeds/holidays.csv", "day\n2026-01-01\n"),
    "new file": ("models/another.sql", "select 1 as one"),
    "new file in a folder named as dbt's": ("models/logs/another.sql", "select 1 as one"),
    "package": ("dbt_packages/of_others/macros/two.sql", "{% macro two() %}22{% endmacro %}"),
    "profile": ("../profiles/profiles.yml", "genesys: {}"),
}


@pytest.mark.parametrize(("file", "text"), EDITS.values(), ids=EDITS)
def test_an_edit_is_built(
    project: Path, asked: Callable[..., LastBuild], file: str, text: str
) -> None:
    asked("run").keep("state", has_succeeded=True)
    assert asked("run").stands("state")
    path = project / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    assert not asked("run").stands("state")
    asked("run").keep("state", has_succeeded=True)
    assert asked("run").stands("state")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ELT_TWO", "22"), ("ELT_THREE", "33"), ("ELT_TARGET", "postgres"),
        ("ELT_DUCKDB_PATH", "b"), ("USER", "ada"),
    ],
)  # fmt: skip
def test_another_setting_is_built(
    asked: Callable[..., LastBuild], monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    asked("run").keep("state", has_succeeded=True)
    monkeypatch.setenv(name, value)
    assert not asked("run").stands("state")


@pytest.mark.parametrize(
    "options",
    [
        ("--full-refresh",), ("-f",), ("--empty",), ("--defer", "--state", "before"),
        ("--select", "state:modified"), ("-s", "1+state:modified"), ("--project-dir", "elsewhere"),
        ("--fail-fast",), ("--exclude-resource-type", "model"), ("--select",),
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_is_not_known_to_build_the_same_is_built(
    asked: Callable[..., LastBuild], options: tuple[str, ...]
) -> None:
    asked("run", *options).keep("state", has_succeeded=True)
    assert not asked("run", *options).stands("state")


def test_another_selection_variable_or_target_is_built(asked: Callable[..., LastBuild]) -> None:
    asked("run", "--select", "a", "--threads=1").keep("state", has_succeeded=True)
    assert asked("run", "--select", "a", "--threads=1").stands("state")
    for words in ((), ("--select", "b"), ("--vars", "{zone: CET}"), ("--target", "dev")):
        assert not asked("run", *words).stands("state")


OF_ANOTHER_TIME = (
    "select current_timestamp", "select now()", "select {{ run_started_at }}", "select random()",
    "select gen_random_uuid()", "select * from read_csv('a.csv')", "select * from 'a.parquet'",
    "select * from postgres_scan('', '', '')", "{{ env_var(name) }}",
    "{{ modules.datetime.date.today() }}", "{{ modules.datetime.datetime.utcnow() }}",
    "select current_date as today", "select now ()",
    'select * from "a.csv"', "from {{ ref('numbers') }} using sample 1",
    "{% set v = env_var %}{{ v('ELT_TWO') }}", "attach 'other.duckdb'",
)  # fmt: skip


@pytest.mark.parametrize("model", OF_ANOTHER_TIME)
def test_what_another_day_makes_another_is_built(
    project: Path, asked: Callable[..., LastBuild], model: str
) -> None:
    (project / "models" / "another.sql").write_text(model, "utf-8")
    asked("run").keep("state", has_succeeded=True)
    assert not asked("run").stands("state")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("models/read.py", "def model(dbt, session):\n    return open('rows.csv').read()\n"),
        (
            "models/_sources.yml",
            "sources: [{name: files, tables: [{name: a, meta: {external_location: 'a.csv'}}]}]\n",
        ),
    ],
)
def test_what_is_read_beside_the_warehouse_is_built(
    project: Path, asked: Callable[..., LastBuild], file: str, text: str
) -> None:
    (project / file).write_text(text, "utf-8")
    asked("run").keep("state", has_succeeded=True)
    assert not asked("run").stands("state")


@pytest.mark.parametrize("name", ["DBT_FULL_REFRESH", "DBT_STATE", "DBT_PRODUCTION_DUCKDB"])
def test_dbt_told_by_the_environment_is_asked(
    asked: Callable[..., LastBuild], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "1")
    asked("run").keep("state", has_succeeded=True)
    assert not asked("run").stands("state")


def test_what_stands_is_what_succeeded_last(asked: Callable[..., LastBuild]) -> None:
    assert not asked("run").stands("state")
    asked("build").keep("state", has_succeeded=True)
    assert asked("run").stands("state")
    # A build has tests, which are run again.
    assert not asked("build").stands("state")
    assert not asked("run").stands("another")
    assert not asked("run").stands(None)
    # A test says where it leaves what it found, of a state that it has seen.
    tests = asked("test")
    tests.stands("state")
    tests.keep("after", has_succeeded=False)
    assert asked("run").stands("after")
    asked("test").keep("later", has_succeeded=True)
    assert not asked("run").stands("later")
    asked("run").keep("state", has_succeeded=True)
    asked("run").keep("state", has_succeeded=False)
    assert not asked("run").stands("state")
    asked("run").keep(None, has_succeeded=True)
    assert not asked("run").stands(None)


def test_of_the_project_itself_it_can_be_told(
    asked: Callable[..., LastBuild], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A word in a macro would have every run build all again."""
    monkeypatch.setenv("DBT_PROJECT_DIR", str(ROOT / "dbt_project"))
    monkeypatch.setenv("DBT_PROFILES_DIR", str(ROOT / "profiles"))
    asked("run").keep("state", has_succeeded=True)
    assert asked("run").stands("state")


# -- unit tests --------------------------------------------------------------------------------


@pytest.fixture
def tested(project: Path, settings: Settings) -> Callable[..., UnitTests]:
    """Return what tells of a command of dbt's."""
    return lambda *words: UnitTests(settings, words[0], words)


def ended(*statuses: str) -> list[SimpleNamespace]:
    """Return what dbt says of unit tests that ended so, and of a data test that failed."""
    kinds = [("unit_test", status) for status in statuses] + [("test", "fail")]
    return [
        SimpleNamespace(node=SimpleNamespace(resource_type=kind), status=status)
        for kind, status in kinds
    ]


@pytest.mark.parametrize(("file", "text"), EDITS.values(), ids=EDITS)
def test_unit_tests_of_another_project_are_run(
    project: Path, tested: Callable[..., UnitTests], file: str, text: str
) -> None:
    assert not tested("build").left_out()
    tested("build").keep(ended("pass", "pass"))
    for words in (("build",), ("test",), ("build", "--exclude", "a", "--threads", "2")):
        assert tested(*words).left_out() == ("--exclude-resource-type", "unit_test")
    path = project / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    assert not tested("build").left_out()


@pytest.mark.parametrize(
    "words",
    [
        ("run",), ("test", "--select", "a"), ("test", "-s", "a"), ("build", "--selector", "a"),
        ("build", "--full-refresh"), ("test", "--resource-type", "unit_test"),
        ("test", "--exclude-resource-type", "test"), ("test", "--vars", "{zone: CET}"),
        ("test", "--target=postgres"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_unit_tests_that_are_asked_for_are_run(
    tested: Callable[..., UnitTests], words: tuple[str, ...]
) -> None:
    tested("test").keep(ended("pass"))
    assert not tested(*words).left_out()


def test_unit_tests_count_as_passed_only_where_all_were_run_and_passed(
    tested: Callable[..., UnitTests], monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in (("test", "--select", "a"), ("build", "--exclude", "a"), ("run",)):
        tested(*words).keep(ended("pass"))
        assert not tested("test").left_out()
    for statuses in (("pass", "fail"), ("pass", "skipped"), ("error",), ()):
        tested("test").keep(ended(*statuses))
        assert not tested("test").left_out()
    tested("test").keep(ended("pass"))
    # None was run, or nothing that has to do with them.
    tested("test").keep(ended())
    tested("run").keep(ended("fail"))
    assert tested("test").left_out()
    tested("test", "--resource-type", "unit_test").keep(ended("pass", "fail"))
    assert not tested("test").left_out()
    tested("test").keep(ended("pass"))
    monkeypatch.setenv("ELT_TARGET", "postgres")
    assert not tested("test").left_out()


# -- the state of a warehouse --------------------------------------------------------------------


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[DuckDB]:
    path = tmp_path / "genesys.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table numbers as select 1 as one")
        connection.execute("create view seen as from numbers")
    opened = DuckDB(DuckDBSettings(ELT_DUCKDB_PATH=path))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "statement",
    [
        "insert into numbers values (2)", "update numbers set one = 2", "delete from numbers",
        "drop view seen", "create or replace view seen as from numbers limit 0",
        "alter table numbers rename to figures",
    ],
)  # fmt: skip
def test_whatever_is_written_is_another_state(warehouse: DuckDB, statement: str) -> None:
    before = warehouse.state()
    assert before is not None
    warehouse.close()
    with duckdb.connect(str(warehouse.settings.path)) as connection:
        connection.execute(statement)
    assert warehouse.state() not in (None, before)


def test_who_reads_leaves_the_state_as_it_was(warehouse: DuckDB) -> None:
    before = warehouse.state()
    warehouse.wait_until_free()
    with duckdb.connect(str(warehouse.settings.path)) as connection:
        connection.execute("from numbers").fetchall()
    assert warehouse.state() == before


KILLED = """
import duckdb, os, sys
connection = duckdb.connect(sys.argv[1])
connection.execute("insert into numbers values (2)")
os._exit(9)
"""
TAKES = "import duckdb, sys; duckdb.connect(sys.argv[1])"


def test_what_a_killed_build_left_is_no_state(warehouse: DuckDB) -> None:
    path = str(warehouse.settings.path)
    assert subprocess.run([sys.executable, "-c", KILLED, path], check=False).returncode == 9
    assert warehouse.state() is None


def test_nobody_writes_between_the_question_and_the_build(warehouse: DuckDB) -> None:
    path = str(warehouse.settings.path)
    other = [sys.executable, "-c", TAKES, path]
    assert warehouse.state() is not None
    refused = subprocess.run(other, check=False, capture_output=True, text=True)
    assert "Could not set lock" in refused.stderr
    warehouse.close()
    subprocess.run(other, check=True)


# -- both together ---------------------------------------------------------------------------------


def test_a_run_with_nothing_new_is_one_line_and_a_dropped_table_is_made(
    site: Site, project: Path
) -> None:
    def run(*options: str) -> bool:
        """Run, and tell whether anything was built."""
        said = site.run("transform", "run", *WITHOUT_LOG, *options).succeeded().said
        assert said.count(NOTHING) == (len(said.splitlines()) == 1)
        return NOTHING not in said

    assert [run(), run()] == [True, False]
    site.change("drop table genesys.numbers")
    assert [run(), run()] == [True, False]
    assert site.query("select one, zone, two from genesys.numbers") == [(1, "UTC", 2)]
    site.load("--only", "users")
    assert [run(), run()] == [True, False]
    assert [run("--full-refresh"), run()] == [True, True]
    site.run("transform", "test", *WITHOUT_LOG).succeeded()
    assert not run()

    (project / "models" / "numbers.sql").write_text("select no_such_column", "utf-8")
    site.run("transform", "run", *WITHOUT_LOG).error(8)
    (project / "models" / "numbers.sql").write_text(MODEL, "utf-8")
    assert [run(), run()] == [True, False]


UNIT_TEST = """
unit_tests:
  - name: one_is_one
    model: numbers
    given: []
    expect: {rows: [{one: 1}]}
"""


def test_unit_tests_are_run_again_when_the_project_is_another(site: Site, project: Path) -> None:
    (project / "models" / "_unit_tests.yml").write_text(UNIT_TEST, "utf-8")

    def has_left_out() -> bool:
        said = site.run("transform", "build", *WITHOUT_LOG).succeeded().said
        run = json.loads((project / "target" / "run_results.json").read_text("utf-8"))["results"]
        is_said = "the unit tests passed: those are left out" in said
        # And so it is.
        assert is_said == (not [one for one in run if one["unique_id"].startswith("unit_test.")])
        return is_said

    assert [has_left_out(), has_left_out()] == [False, True]
    site.load("--only", "users")
    assert has_left_out()
    model = project / "models" / "numbers.sql"
    model.write_text(MODEL.replace("1 as", "2 as"), "utf-8")
    said = site.run("transform", "build", *WITHOUT_LOG).error(8)
    assert "first the unit test one_is_one" in said
    model.write_text(MODEL, "utf-8")
    assert [has_left_out(), has_left_out()] == [False, True]
