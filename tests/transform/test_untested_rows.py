"""Data tests look at what was loaded since they last passed, and at everything when told to."""

import pytest

from tests.transform.conversations import call
from tests.transform.warehouses import RawTables, Warehouse, dbt

SESSIONS = ("--select", "+stg_platform__sessions", "--indirect-selection", "cautious")
TEST = "unique_together_stg_platform__sessions_conversation_id__session_id"


def copy_sessions(warehouse: Warehouse, conversation: str, load_of: str) -> None:
    """Have a conversation's sessions twice, the second time as if they were of another's load."""
    table = "genesys_staging.stg_platform__sessions"
    warehouse.execute(f"create table copied as select * from {table} limit 0")
    warehouse.execute(
        f"insert into copied select * from {table} where conversation_id = '{conversation}'"
    )
    warehouse.execute(
        "update copied set loaded_at ="
        f" (select max(loaded_at) from {table} where conversation_id = '{load_of}')"
    )
    warehouse.execute(f"insert into {table} select * from copied")
    warehouse.execute("drop table copied")


def failed(warehouse: Warehouse, command: str = "test") -> list[str]:
    """Return the data tests that fail."""
    problems = dbt(warehouse, command, *SESSIONS, expect_success=False)
    return [problem.split(":")[0] for problem in problems]


def test_a_new_row_is_compared_with_all_and_an_old_one_when_everything_is_tested(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = RawTables(warehouse)
    raw.load(1, conversation_details=[call("old"), call("older")])
    dbt(warehouse, "build", *SESSIONS)
    # What was tested is not looked at again.
    copy_sessions(warehouse, "old", load_of="old")
    assert not failed(warehouse)

    raw.load(2, conversation_details=[call("new")])
    dbt(warehouse, "run", *SESSIONS)
    copy_sessions(warehouse, "new", load_of="old")
    assert failed(warehouse) == [TEST]
    # Until it passes, also when more has come.
    raw.load(3, conversation_details=[call("newer")])
    assert failed(warehouse, "build") == [TEST]
    raw.load(4, conversation_details=[call("new", answered=False)])
    dbt(warehouse, "build", *SESSIONS)

    # A table is made anew once it is missing, and all that was tested is tested again.
    warehouse.execute("drop table genesys_staging.stg_platform__participants cascade")
    assert failed(warehouse, "build") == [TEST]

    raw.load(5, conversation_details=[call("old", answered=False)])
    dbt(warehouse, "build", *SESSIONS)
    copy_sessions(warehouse, "old", load_of="old")
    assert not failed(warehouse)
    monkeypatch.setenv("TEST_ALL_ROWS", "true")
    assert failed(warehouse) == [TEST]
