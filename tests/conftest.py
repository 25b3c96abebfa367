"""What tests of several folders share: a Postgres server, and a folder's sandbox put in order."""

from collections.abc import Iterator

import pytest

from tests.faults.relay import Relay
from tests.faults.site import Site
from tests.harness.place import undisturbed
from tests.harness.postgres import PostgresDatabase, PostgresServer, postgres_server
from tests.sandbox.contract import ARE_HERE, CONTRACTS
from tests.sandbox.process import SandboxProcess

pytest_plugins = [
    "tests.harness.cpu_time",
    "tests.harness.faults_tested",
    "tests.report.browser",
]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell who has not what Genesys publishes that nothing was checked against it."""
    if not ARE_HERE:
        terminalreporter.write_line(f"{CONTRACTS} is not here: its schema check was left out")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes long of the tests that two processes share: none is left at the end.

    xdist takes groups first, those with most tests, and then one test after the other.
    """
    if getattr(config.option, "loadgroup", False):
        items.sort(key=lambda item: not _is_slow_alone(item))


def _is_slow_alone(item: pytest.Item) -> bool:
    is_of_a_group = item.get_closest_marker("xdist_group") is not None
    return item.get_closest_marker("slow") is not None and not is_of_a_group


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse to run on where groups are not kept together: what is dear would be made twice."""
    if getattr(session.config.option, "loadgroup", False):
        grouped = [item for item in session.items if item.get_closest_marker("xdist_group")]
        lost = [item.nodeid for item in grouped if "@" not in item.nodeid]
        if lost:
            raise pytest.UsageError(f"pytest-xdist does not see the group of {lost[0]}")


@pytest.fixture(scope="session")
def postgres_session() -> Iterator[PostgresServer]:
    """Run one server for the whole session."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def postgres(postgres_session: PostgresServer) -> PostgresDatabase:
    """Make a fresh database, always of one name: dbt parses the project again for another."""
    return postgres_session.create_database("test")


@pytest.fixture
def sandbox(organisation: SandboxProcess) -> Iterator[SandboxProcess]:
    """Give a test the organisation of its folder, without faults at the time it began with."""
    with undisturbed(organisation) as running:
        yield running


@pytest.fixture
def relay(sandbox: SandboxProcess, site: Site) -> Iterator[Relay]:
    """Stand between loader and organisation, on the level of bytes."""
    with Relay(sandbox.url) as running:
        site.settings |= {"GENESYS_API_URL": running.url, "GENESYS_LOGIN_URL": running.url}
        yield running
