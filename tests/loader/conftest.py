"""One organisation for the loader's tests, whose clock they move; a place of its own for each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.place import Place, undisturbed
from tests.sandbox.process import SandboxProcess, running_sandbox

SETTINGS = {"ELT_START": "2026-03-14"}
SECOND_MORNING = "2026-03-16T06:00:00Z"

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests on one worker of xdist: what they begin with is made once.

    Erasure builds marts besides, and takes as long as all others.
    """
    for item in items:
        if HERE in item.path.parents:
            name = "erasure" if item.path.stem == "test_erasure" else "loader"
            item.add_marker(pytest.mark.xdist_group(name))


@pytest.fixture(scope="session")
def organisation() -> Iterator[SandboxProcess]:
    """Serve three days of 150 conversations; the clock stands on the first evening."""
    with running_sandbox(
        conversations=150, days=3, end="2026-03-17T00:00:00Z", now="2026-03-14T18:00:00Z",
        quota=1_000_000,
    ) as running:  # fmt: skip
        yield running


@pytest.fixture(scope="session")
def empty_tables(organisation: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return a place with all tables and nothing in them."""
    place = Place(organisation, tmp_path_factory.mktemp("empty"))
    with undisturbed(organisation):
        place.load("--only", "conversation_details", ELT_START="2026-03-14T17:50:00Z")
    assert place.ledger() == []
    return place


@pytest.fixture(scope="session")
def evening(empty_tables: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return a place after one load of everything, to look at or to begin with."""
    sandbox = empty_tables.sandbox
    folder = tmp_path_factory.mktemp("evening")
    place = Place(sandbox, folder, settings=dict(SETTINGS), begin=empty_tables)
    with undisturbed(sandbox):
        place.load()
    return place


@pytest.fixture(scope="session")
def two_days(empty_tables: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return a place with the conversations of two days, users and contacts, to begin with."""
    sandbox = empty_tables.sandbox
    folder = tmp_path_factory.mktemp("two_days")
    place = Place(sandbox, folder, settings=dict(SETTINGS), begin=empty_tables)
    with undisturbed(sandbox):
        place.at(SECOND_MORNING).load(
            "--only", "users", "conversation_details", "external_contacts"
        )
    return place


@pytest.fixture
def loaded(sandbox: SandboxProcess, two_days: Place, tmp_path: Path) -> Place:
    """Go on from what was loaded of two days."""
    place = Place(sandbox, tmp_path / "loaded", settings=dict(SETTINGS), begin=two_days)
    return place.at(SECOND_MORNING)


@pytest.fixture
def loader(sandbox: SandboxProcess, empty_tables: Place, tmp_path: Path) -> Place:
    """Load into DuckDB from the sandbox's first day on."""
    return Place(sandbox, tmp_path / "place", settings=dict(SETTINGS), begin=empty_tables)
