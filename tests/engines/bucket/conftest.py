"""An organisation to load from, a folder and a real S3 server to load into."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.harness.place import Place
from tests.sandbox.process import SandboxProcess, running_sandbox

if TYPE_CHECKING:
    from tests.engines.bucket.s3_server import S3Server

HERE = Path(__file__).parent
# Without the extra `engines`.
collect_ignore = ["test_s3.py"] if find_spec("moto") is None else []


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these on one worker of xdist."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("bucket"))


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
def s3_session() -> "Iterator[S3Server]":
    """Run one S3 server for the whole session."""
    from tests.engines.bucket.s3_server import s3_server

    with s3_server() as running:
        yield running


@pytest.fixture
def s3(s3_session: "S3Server") -> "Iterator[S3Server]":
    """Give a test an S3 server without faults, and a fresh bucket."""
    s3_session.begin()
    yield s3_session
    s3_session.begin()


@pytest.fixture
def bucket(sandbox: SandboxProcess, s3: "S3Server", tmp_path: Path) -> Place:
    """Load into a bucket."""
    settings = {"ELT_START": START, **s3.environment()}
    return Place(sandbox, tmp_path / "bucket", settings=settings)
