"""`doctor` finds what hands, backups and disks do to a warehouse; `reload` heals it, by counts."""

import itertools
from pathlib import Path

from loader.warehouses.lock import run_lock
from tests.harness.place import Place
from tests.harness.postgres import PostgresDatabase
from tests.sandbox.process import SandboxProcess

ONLY = ("--only", "users", "conversation_details")
DAY = ("--from", "2026-03-14", "--to", "2026-03-15")


def problems(loader: Place, exit_code: int) -> list[tuple[str, str]]:
    """Return the problems that `doctor` finds, each with the remedy below it."""
    outcome = loader.run("doctor")
    assert outcome.exit_code == exit_code, outcome.stdout
    lines = outcome.stdout.splitlines()
    assert lines[0].startswith("ok      settings: contract platform")
    return [
        (line.removeprefix("problem "), remedy.removeprefix("        → "))
        for line, remedy in itertools.pairwise(lines)
        if line.startswith("problem")
    ]


def test_before_the_first_load_there_is_nothing_wrong(
    sandbox: SandboxProcess, tmp_path: Path
) -> None:
    place = Place(sandbox, tmp_path)
    assert "does not exist yet" in place.run("doctor").succeeded().stdout
    assert not place.database.exists()


def test_a_warehouse_the_loader_made_is_sound(loaded: Place) -> None:
    assert problems(loaded, 0) == []
    said = loaded.run("doctor").stdout
    assert "conversation_details: loaded through 2026-03-16T05:" in said
    assert "Genesys: takes the client's credentials" in said


def test_rows_that_are_gone_are_found_and_a_reload_proves_them_back(loaded: Place) -> None:
    loaded.change(
        # Of those that were read once: one of two days would still be known.
        "delete from genesys_raw.conversation_details where record_id in (select record_id "
        "from genesys_raw.conversation_details group by record_id "
        "having count(*) = 1 and max(window_end) <= '2026-03-15' limit 3)",
    )
    [(problem, remedy)] = problems(loaded, 6)
    assert problem.startswith("conversation_details: 2026-03-14T00:00Z..2026-03-15T00:00Z: ")
    words = remedy.split("`")[1].split()
    assert words[0] == "reload"
    again = loaded.run(*words)
    assert again.exit_code == 0, again.stderr
    [line] = [line for line in again.stdout.splitlines() if "conversation_details" in line]
    _, read, new, changed, as_before = line.split()
    assert (new, changed) == ("3", "0")
    assert int(read) == 3 + int(as_before) > 3
    assert problems(loaded, 0) == []


def test_what_is_known_changes_nothing_when_it_is_read_again(loaded: Place) -> None:
    again = loaded.run("reload", *DAY, "--only", "conversation_details")
    [line] = [line for line in again.stdout.splitlines() if "conversation_details" in line]
    _, read, new, changed, as_before = line.split()
    assert (new, changed) == ("0", "0")
    assert read == as_before != "0"


def test_tables_and_columns_that_hands_have_changed_are_named(loaded: Place) -> None:
    loaded.change("drop table genesys_raw.users")
    loaded.change("alter table genesys_raw.queues rename column payload to body")
    told = problems(loaded, 6)
    assert [problem.split(":")[0] for problem, _ in told] == ["table queues", "table users"]
    refused = loaded.run("load", *ONLY, ELT_NOW="2026-03-17T09:00:00Z")
    assert refused.exit_code == 6
    assert "doctor" in refused.stderr
    # The remedies, to the letter.
    remedy = told[1][1].split("`")[1]
    loaded.change("alter table genesys_raw.queues rename column body to payload")
    loaded.change(remedy)
    assert loaded.run("load", *ONLY, ELT_NOW="2026-03-17T09:00:00Z").exit_code == 0


def test_a_package_that_was_loaded_twice_is_counted_once(loaded: Place) -> None:
    before = loaded.run("status").stdout
    loaded.change("insert into genesys_raw.extract_windows from genesys_raw.extract_windows")
    assert "problem" not in loaded.run("doctor").stdout
    assert loaded.run("status").stdout == before


def test_time_that_no_window_covers_is_named_with_its_remedy(loaded: Place) -> None:
    loaded.change(
        "delete from genesys_raw.extract_windows where resource = 'conversation_details' "
        "and window_start = '2026-03-15'",
    )
    [(problem, remedy)] = problems(loaded, 6)
    assert problem == (
        "conversation_details: claims 2026-03-15T00:00Z..2026-03-16T00:00Z, which no "
        "window of the ledger covers"
    )
    assert loaded.run(*remedy.split("`")[1].split()).exit_code == 0
    assert problems(loaded, 0) == []


def test_m1_m10_rows_of_no_completed_load_count_nowhere_and_are_told_apart(loaded: Place) -> None:
    """What a killed load left came again; what lost its line in _dlt_loads did not."""
    before = loaded.run("status").stdout
    for table in ("conversation_details", "extract_windows"):
        loaded.change(
            f"insert into genesys_raw.{table} select * replace ('1.5' as _dlt_load_id)"
            f" from genesys_raw.{table}"
        )
    assert loaded.run("status").stdout == before
    assert problems(loaded, 0) == []
    assert "rows of loads that were killed; they came again" in loaded.run("doctor").stdout

    loaded.change(
        "delete from genesys_raw._dlt_loads where load_id in (select min(_dlt_load_id) from"
        " genesys_raw.conversation_details where window_start = '2026-03-14'"
        " and _dlt_load_id <> '1.5')"
    )
    told = problems(loaded, 6)
    assert any("rows of loads that are not in _dlt_loads" in problem for problem, _ in told)
    # A load may hold several windows.
    for _, remedy in told:
        assert loaded.run(*remedy.split("`")[1].split()).exit_code == 0
    assert problems(loaded, 0) == []


def test_m10_a_payload_that_is_not_what_was_loaded_is_found(loaded: Place) -> None:
    loaded.change(
        "update genesys_raw.conversation_details set payload = replace(payload, '\"', '\" ')"
        " where record_id = (select min(record_id) from genesys_raw.conversation_details)"
    )
    outcome = loaded.run("doctor", "--deep")
    assert outcome.exit_code == 6
    assert "is not what was loaded: its payload_hash is of another payload" in outcome.stdout
    remedy = outcome.stdout.partition("→ `")[2].partition("`")[0]
    loaded.sandbox.advance_clock(60)
    assert loaded.run(*remedy.split()).exit_code == 0
    assert loaded.run("doctor", "--deep").succeeded()
    loaded.change("update genesys_raw.users set payload = '{}'")
    assert any("users" in problem for problem, _ in problems(loaded, 6))


def test_m2_loads_of_tomorrow_are_named_and_dated_back(loaded: Place) -> None:
    [(newest,)] = loaded.query("select max(load_id) from genesys_raw._dlt_loads")
    tomorrow = f"{float(newest) + 86_401:.7f}"
    loaded.change(
        f"update genesys_raw._dlt_loads set load_id = '{tomorrow}' where load_id = '{newest}'",
        *(
            f"update genesys_raw.{table} set _dlt_load_id = '{tomorrow}'"
            f" where _dlt_load_id = '{newest}'"
            for (table,) in loaded.query(
                "select table_name from information_schema.columns"
                " where table_schema = 'genesys_raw' and column_name = '_dlt_load_id'"
            )
        ),
    )
    said = loaded.run("load", *ONLY).error(2)
    assert "behind the newest load in the warehouse" in said
    [(problem, remedy)] = problems(loaded, 6)
    assert problem.startswith("clock: 1 loads are dated later than now, up to ")
    assert "1 loads" in loaded.run(*remedy.split("`")[1].split()).succeeded().stdout
    assert problems(loaded, 0) == []
    loaded.load(*ONLY)


def test_a_run_that_goes_on_is_not_disturbed(loaded: Place) -> None:
    with run_lock(loaded.work):
        outcome = loaded.run("doctor")
    assert outcome.exit_code == 7
    assert "another run (process" in outcome.stdout


def test_a_reload_wants_its_range(sandbox: SandboxProcess, tmp_path: Path) -> None:
    place = Place(sandbox, tmp_path)
    assert "reload needs --from and --to" in place.run("reload", "--from", "2026-03-14").error(2)
    assert not place.database.exists()


def test_on_postgres_too(
    sandbox: SandboxProcess, postgres: PostgresDatabase, tmp_path: Path
) -> None:
    sandbox.set_clock("2026-03-16T06:00:00Z")
    loader = Place(sandbox, tmp_path, postgres, {"ELT_START": "2026-03-14"})
    loader.load(*ONLY)
    assert problems(loader, 0) == []
    loader.change("delete from genesys_raw.users")
    [(problem, remedy)] = problems(loader, 6)
    assert problem.startswith("users: snapshot of 2026-03-16 06:00Z: 0 of the ")
    assert remedy == "`load --only users`"
    assert loader.run(*remedy.split("`")[1].split()).exit_code == 0
    assert problems(loader, 0) == []
