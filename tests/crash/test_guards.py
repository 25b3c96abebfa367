"""Each guard of the loader is missed when it is gone: the harness can fail."""

import pytest

from tests.crash.guards import GUARDS, caught
from tests.crash.stage import Stage


@pytest.mark.parametrize("guard", GUARDS)
def test_without_it_an_invariant_is_broken(stage: Stage, guard: str) -> None:
    # That nothing is broken with it, `make crash` asks as well.
    assert caught(guard, stage, also_on=False)
