"""The engines that run here, one of each kind for a session."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.engines.engines import (
    Query,
    duckdb_query,
    emulator_query,
    postgres_query,
    server,
    spark_query,
)
from tests.harness.postgres import PostgresServer

HERE = Path(__file__).parent
# Spark's client leaves them to Python's collector.
LEFT_SOCKETS = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave these to `make test-engines`: they want Java, and environments of their own."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)
            if "spark" in item.nodeid:
                item.add_marker(LEFT_SOCKETS)


@pytest.fixture(scope="session")
def snowflake_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    log = tmp_path_factory.mktemp("fakesnow") / "log"
    with server("snowflake_emulator.py", "snowflake", log=log) as port:
        yield port


@pytest.fixture(scope="session")
def duckdb_asked() -> Query:
    return duckdb_query()


@pytest.fixture(scope="session")
def postgres_asked(postgres_session: PostgresServer) -> Query:
    return postgres_query(postgres_session.create_database("macros"))


@pytest.fixture(scope="session")
def java() -> None:
    """Fail in CI where there is no Java, which Spark runs on; skip elsewhere."""
    if shutil.which("java") is None:
        said = "no Java: install a JRE 17, as apt-get install openjdk-17-jre-headless"
        if os.environ.get("CI"):
            pytest.fail(said)
        pytest.skip(said)


@pytest.fixture(scope="session")
def spark_asked(java: None) -> Iterator[Query]:
    with spark_query() as asked:
        yield asked


@pytest.fixture(scope="session")
def emulators() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="session")
def snowflake_asked(snowflake_port: int, emulators: ExitStack) -> Query:
    return emulators.enter_context(emulator_query("snowflake", snowflake_port))


@pytest.fixture(scope="session")
def bigquery_asked(emulators: ExitStack) -> Query:
    return emulators.enter_context(emulator_query("bigquery", port=0))
