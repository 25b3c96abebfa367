"""What tests of several folders share: a Postgres server, and a loader bound to a sandbox."""

from collections.abc import Iterator

import pytest

from tests.postgres import PostgresDatabase, PostgresServer, postgres_server
from tests.sandbox.contract import ARE_HERE, CONTRACTS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell who has not what Genesys publishes that nothing was checked against it."""
    if not ARE_HERE:
        terminalreporter.write_line(f"{CONTRACTS} is not here: its schema check was left out")


@pytest.fixture(scope="session")
def postgres_session() -> Iterator[PostgresServer]:
    """Run one server for the whole session."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def postgres(postgres_session: PostgresServer) -> PostgresDatabase:
    """Make a fresh database, always of one name: dbt parses the project again for another."""
    return postgres_session.create_database("test")
