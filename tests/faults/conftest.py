"""One organisation for all tests of faults; a place of its own to load to for each.

Places begin with empty tables, unless a test is about the very first run: making them anew for each
would take longer than the tests.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.site import NOW, Site
from tests.harness.place import undisturbed
from tests.sandbox.process import SandboxProcess, running_sandbox

Expected = Callable[..., set[tuple[str, str]]]


@pytest.fixture(scope="session")
def organisation() -> Iterator[SandboxProcess]:
    with running_sandbox(
        conversations=120, days=2, now=NOW, quota=1_000_000, job_polls=0
    ) as running:
        yield running


@pytest.fixture(scope="session")
def empty_tables(organisation: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a place with all tables and nothing in them."""
    site = Site(organisation, tmp_path_factory.mktemp("empty"))
    with undisturbed(organisation):
        site.run(ELT_START="2026-11-20T11:50:00Z").succeeded()
    assert site.ledger() == []
    return site


@pytest.fixture
def site(
    request: pytest.FixtureRequest,
    sandbox: SandboxProcess,
    expected: Expected,
    empty_tables: Site,
    tmp_path: Path,
) -> Site:
    # Asked for once before the test begins, so that it is not among the test's requests.
    expected()
    is_first_run = request.node.get_closest_marker("first_run") is not None
    return Site(sandbox, tmp_path / "site", begin=None if is_first_run else empty_tables)


@pytest.fixture(scope="session")
def expected(organisation: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Expected:
    """Return what a run holds that never saw a fault, by table and settings."""
    known: dict[object, set[tuple[str, str]]] = {}

    def content(table: str = "conversation_details", **changes: str) -> set[tuple[str, str]]:
        key = (table, *sorted(changes.items()))
        if key not in known:
            schedule = [
                {name: line[name] for name in ("match", "nth", "action", "args")}
                for line in organisation.faults()
            ]
            with undisturbed(organisation):
                clean = Site(organisation, tmp_path_factory.mktemp("clean"))
                clean.run("load", "--only", table, **changes).succeeded()
                known[key] = clean.raw(table)
            organisation.add_faults(*schedule)
            assert known[key]
        return known[key]

    return content
