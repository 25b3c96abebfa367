"""One organisation, loaded and built once; what a test changes it changes in a copy."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.place import Place
from tests.report.pages import written
from tests.sandbox.process import SandboxProcess, running_sandbox
from tests.transform.warehouses import MODELS_AND_SEEDS, dbt, warehouse_of

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests on one worker of xdist, and in `make test-all`: a browser takes its time."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("report"))
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def organisation() -> Iterator[SandboxProcess]:
    """Serve three whole days and the morning of the next."""
    with running_sandbox(
        conversations=240, days=3, end="2026-03-17T00:00:00Z", now="2026-03-16T12:00:00Z",
        quota=1_000_000,
    ) as running:  # fmt: skip
        yield running


@pytest.fixture(scope="session")
def built(organisation: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return a place with marts and the views of the report."""
    settings = {"ELT_START": "2026-03-14"}
    place = Place(organisation, tmp_path_factory.mktemp("built"), settings=settings)
    place.load()
    folders = ("report", "metrics", "marts/journeys", "marts/interactions")
    models = (f"+path:models/{folder}" for folder in folders)
    dbt(warehouse_of(place), "build", *MODELS_AND_SEEDS, "--select", *models)
    return place


@pytest.fixture(scope="session")
def report(built: Place) -> Path:
    """Return the page of it."""
    return written(built)
