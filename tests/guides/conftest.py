"""One organisation that speaks the guides; a place of its own to load to for each test.

Places begin with empty tables, or with contacts already read: making those anew for each test would
take longer than the tests.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.faults.site import NOW
from tests.guides.site import CONTACTS, PARTICIPANTS, Asked, GuidesSite
from tests.harness.place import undisturbed
from tests.sandbox.process import SandboxProcess, running_sandbox


class Clean(NamedTuple):
    """What a load holds that nothing went wrong in, its windows' checksums, the pages asked for."""

    content: set[tuple[str, str]]
    checksums: list[str]
    pages: list[Asked]


CleanLoad = Callable[..., Clean]


@pytest.fixture(scope="session")
def organisation() -> Iterator[SandboxProcess]:
    # Runs follow each other sooner than anybody's would: each keeps the limits by itself.
    with running_sandbox(
        conversations=120, days=2, now=NOW,
        quota=1_000_000, tenant_quota=1_000_000, outcome_queries=1_000,
    ) as running:  # fmt: skip
        yield running


@pytest.fixture(scope="session")
def empty_tables(
    organisation: SandboxProcess, tmp_path_factory: pytest.TempPathFactory
) -> GuidesSite:
    """Return a warehouse with all its tables and nothing in them."""
    site = GuidesSite(organisation, tmp_path_factory.mktemp("empty"))
    with undisturbed(organisation):
        site.read(PARTICIPANTS, ELT_START="2026-11-20T11:50:00Z").succeeded()
    assert site.ledger() == []
    return site


@pytest.fixture(scope="session")
def contacts_read(
    organisation: SandboxProcess, empty_tables: GuidesSite, tmp_path_factory: pytest.TempPathFactory
) -> GuidesSite:
    """Return a warehouse with the participants of two days and their contacts."""
    directory = tmp_path_factory.mktemp("contacts") / "site"
    site = GuidesSite(organisation, directory, begin=empty_tables)
    with undisturbed(organisation):
        site.read(PARTICIPANTS, CONTACTS, ELT_START="2026-11-19", ELT_PAGE_SIZE="1000").succeeded()
    assert site.row_count(CONTACTS) > 20
    return site


@pytest.fixture
def site(sandbox: SandboxProcess, empty_tables: GuidesSite, tmp_path: Path) -> GuidesSite:
    return GuidesSite(sandbox, tmp_path / "site", begin=empty_tables)


@pytest.fixture(scope="session")
def coarse_organisation() -> Iterator[SandboxProcess]:
    """Serve nothing finer than days."""
    with running_sandbox(
        conversations=60, days=2, now=NOW,
        quota=1_000_000, tenant_quota=1_000_000, outcome_queries=1_000, hourly_days=0,
    ) as running:  # fmt: skip
        yield running


@pytest.fixture
def coarse_site(
    coarse_organisation: SandboxProcess, empty_tables: GuidesSite, tmp_path: Path
) -> GuidesSite:
    return GuidesSite(coarse_organisation, tmp_path / "coarse", begin=empty_tables)


@pytest.fixture(scope="session")
def clean(
    organisation: SandboxProcess,
    empty_tables: GuidesSite,
    tmp_path_factory: pytest.TempPathFactory,
) -> CleanLoad:
    """Return what a load leaves and asks that never saw a fault; asked for before faults are."""
    known: dict[object, Clean] = {}

    def load(resource: str, begin: GuidesSite = empty_tables, **changes: str) -> Clean:
        key = (resource, begin.folder, *sorted(changes.items()))
        if key not in known:
            assert not organisation.faults()
            directory = tmp_path_factory.mktemp("clean") / "site"
            site = GuidesSite(organisation, directory, begin=begin)
            site.read(resource, **changes).succeeded()
            known[key] = Clean(site.raw(resource), site.checksums(resource), site.pages(resource))
            assert known[key].content
        return known[key]

    return load
