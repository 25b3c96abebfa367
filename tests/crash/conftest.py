"""One stage for all histories of a test process."""

from collections.abc import Iterator

import pytest

from tests.crash.stage import Stage, a_stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with a_stage(tmp_path_factory.mktemp("stage")) as built:
        yield built
