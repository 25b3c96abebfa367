"""An organisation to load from, a folder and a real S3 server to load into."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.bucket.s3_server import S3Server, s3_server
from tests.harness.place import Place
from tests.sandbox.process import SandboxProcess, running_sandbox

START = "2026-03-14"


@pytest.fixture(scope="session")
def organisation() -> Iterator[SandboxProcess]:
    """Serve two days of 60 conversations; the clock stands on the first evening."""
    with running_sandbox(
        conversations=60, days=2, end="2026-03-16T00:00:00Z", now="2026-03-14T18:00:00Z",
        quota=1_000_000,
    ) as running:  # fmt: skip
        yield running


@pytest.fixture
def folder(sandbox: SandboxProcess, tmp_path: Path) -> Place:
    """Load into a folder of this machine."""
    settings = {"ELT_START": START, "ELT_TARGET": "spark", "ELT_BUCKET_URL": "data/bucket"}
    return Place(sandbox, tmp_path / "folder", settings=settings)


@pytest.fixture(scope="session")
def s3_session() -> Iterator[S3Server]:
    """Run one S3 server for the whole session."""
    with s3_server() as running:
        yield running


@pytest.fixture
def s3(s3_session: S3Server) -> Iterator[S3Server]:
    """Give a test an S3 server without faults, and a fresh bucket."""
    s3_session.begin()
    yield s3_session
    s3_session.begin()


@pytest.fixture
def bucket(sandbox: SandboxProcess, s3: S3Server, tmp_path: Path) -> Place:
    """Load into a bucket."""
    settings = {"ELT_START": START, **s3.environment()}
    return Place(sandbox, tmp_path / "bucket", settings=settings)
