"""What tests of several folders share: a Postgres server, and a loader bound to a sandbox."""

from collections.abc import Iterator

import pytest

from tests.postgres import PostgresDatabase, PostgresServer, postgres_server


@pytest.fixture(scope="session")
def postgres_session() -> Iterator[PostgresServer]:
    """Run one server for the whole session."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def postgres(postgres_session: PostgresServer) -> PostgresDatabase:
    """Make a fresh database, always of one name: dbt parses the project again for another."""
    return postgres_session.create_database("test")
