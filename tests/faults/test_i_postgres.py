"""Fault I10 and its like on Postgres: who may not enter or write, and a line that is cut."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.faults.conftest import Expected
from tests.faults.site import USERS, Site
from tests.harness.line import Line
from tests.harness.postgres import PostgresDatabase
from tests.harness.quick_dbt import quick_dbt, without_log
from tests.harness.tiers import first
from tests.transform.warehouses import PostgresWarehouse, parsed_in

ROLE = "genesys_elt"
GRANTS = "README lists the grants that it takes."


@pytest.fixture
def at_postgres(site: Site, postgres: PostgresDatabase) -> Site:
    site.postgres = postgres
    return site


@pytest.fixture
def line(at_postgres: Site, postgres: PostgresDatabase) -> Iterator[Line]:
    """Lead the site to its database by a line of its own."""
    with Line(postgres.port) as line:
        at_postgres.postgres = replace(postgres, port=line.port)
        yield line


def test_whoever_is_not_let_in_is_told_why(at_postgres: Site, postgres: PostgresDatabase) -> None:
    role = postgres.for_a_role()
    wrong = {
        "ELT_POSTGRES_HOST": ("no-such-host.invalid", "unreachable or closed the connection."),
        "ELT_POSTGRES_PORT": ("9", "unreachable or closed the connection."),
        "ELT_POSTGRES_PASSWORD": ("wrong", "user or password refused (ELT_POSTGRES_USER, "),
        "ELT_POSTGRES_DATABASE": ("nowhere", "there is no such database (ELT_POSTGRES_DATABASE)."),
    }
    for setting, (value, told) in wrong.items():
        said = at_postgres.run(**{setting: value}).error(6)
        assert told in said
        assert f"problem doctor: {said.removeprefix('ERROR GX-006 ')}" in at_postgres.run(
            "doctor", **{setting: value}
        ).stdout.replace("\n", " ")
    at_postgres.postgres = role
    for change, told in (
        ("valid until '2020-01-01'", "or the password has expired."),
        ("valid until 'infinity' nologin", "lets no such user in from this machine"),
        ("login connection limit 0", "takes no connection now; try later."),
    ):
        postgres.execute(f"alter role {ROLE} {change}")
        assert told in at_postgres.run().error(6)
    assert at_postgres.requests("/details/") == []


def test_what_a_role_may_not_do_is_named_and_nothing_is_lost(
    at_postgres: Site, postgres: PostgresDatabase, expected: Expected
) -> None:
    at_postgres.postgres = postgres.for_a_role("connect")
    postgres.execute(f"revoke connect on database test from {ROLE}")
    assert f"no permission on the database test; {GRANTS}" in at_postgres.run().error(6)
    postgres.execute(f"grant connect on database test to {ROLE}")
    assert f"no permission on the database test; {GRANTS}" in at_postgres.run().error(6)
    doctor = at_postgres.run("doctor").succeeded()
    assert "nothing has been loaded yet" in doctor.stdout
    postgres.execute("create schema genesys_raw")
    assert f"no permission on the schema genesys_raw; {GRANTS}" in at_postgres.run().error(6)
    # Where somebody else makes the schemas, the role needs no `create`.
    postgres.execute(f"alter schema genesys_raw owner to {ROLE}")
    at_postgres.run(*USERS).succeeded()
    postgres.execute("alter table genesys_raw.conversation_details owner to genesys",
                     f"grant select on genesys_raw.conversation_details to {ROLE}")  # fmt: skip
    said = at_postgres.run().error(6)
    assert f"no permission on the table conversation_details; {GRANTS}" in said
    found = at_postgres.run("doctor")
    assert found.exit_code == 6
    assert "1 left by a run cannot be loaded: Postgres at" in found.stdout
    postgres.execute(f"alter table genesys_raw.conversation_details owner to {ROLE}")
    at_postgres.ends_with(expected())
    assert at_postgres.row_count() == len(expected())
    assert at_postgres.run("doctor").exit_code == 0


@pytest.mark.slow
def test_a_schema_of_somebody_else_s_is_named_by_transform(
    at_postgres: Site, postgres: PostgresDatabase
) -> None:
    at_postgres.postgres = postgres.for_a_role()
    at_postgres.run().succeeded()
    postgres.execute("create schema genesys_staging")
    parsed = parsed_in(PostgresWarehouse(postgres, at_postgres.folder))
    with quick_dbt():
        said = at_postgres.run(
            "transform", "run", "--select", "stg_loader__loads", *without_log(parsed)
        ).error(6)
    assert f"no permission on the schema genesys_staging; {GRANTS}" in said


CUTS = ["in the rows", "as rows are committed", "as the ledger is committed",
        "as the state is committed", "as the load is listed"]  # fmt: skip


@pytest.mark.parametrize("moment", first(2, CUTS))
def test_i10_a_line_cut_in_mid_commit_loses_and_doubles_nothing(
    at_postgres: Site, line: Line, moment: str, expected: Expected
) -> None:
    """Whether what the server was asked for came to pass, nobody here has been told."""
    at_postgres.run("load", "--only", "skills").succeeded()
    if moment == CUTS[0]:
        line.cut_after(100_000)
    elif moment == CUTS[-1]:
        line.lose_the_answer_to(b"later.load_id >=")
    else:
        line.lose_the_answer_to(b"COMMIT", CUTS.index(moment))
    said = at_postgres.run().error(6)
    assert said.endswith(": unreachable or closed the connection.")
    assert line.is_cut
    line.mend()
    at_postgres.ends_with(expected())
    assert at_postgres.row_count() == len(expected())
    loads = at_postgres.query("select load_id from genesys_raw._dlt_loads")
    assert len(loads) == len(set(loads)) == 3
    windows = at_postgres.ledger("window_start", "resource = 'conversation_details'")
    assert len(windows) == len(set(windows))
    assert at_postgres.query("select file from genesys_raw._loaded_files") == []
    assert "problem" not in at_postgres.run("doctor").stdout
