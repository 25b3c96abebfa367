"""Loaders for the pipeline tests, each with a sandbox of its own: their clocks move."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loading import Loader
from tests.sandbox.process import SandboxProcess, running_sandbox

FIRST_EVENING = "2026-03-14T18:00:00Z"


@pytest.fixture
def sandbox() -> Iterator[SandboxProcess]:
    """Serve three days of 150 conversations; the clock stands on the first evening."""
    with running_sandbox(
        conversations=150, days=3, end="2026-03-17T00:00:00Z", now=FIRST_EVENING
    ) as process:
        yield process


@pytest.fixture
def loader(sandbox: SandboxProcess, tmp_path: Path) -> Loader:
    """Load into DuckDB from the sandbox's first day on."""
    return Loader(sandbox, tmp_path, settings={"ELT_START": "2026-03-14"})
