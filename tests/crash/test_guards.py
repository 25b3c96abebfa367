"""Each guard of the loader is missed when it is gone: the harness can fail."""

import pytest

from tests.crash.guards import GUARDS, caught
from tests.crash.stage import Stage

# The others are slow; `make test-all` switches each one off.
SOON = ("total check", "overlap", "pending first", "rows and state in one package", "run lock")


@pytest.mark.parametrize(
    "guard",
    [pytest.param(name, marks=() if name in SOON else pytest.mark.slow) for name in GUARDS],
)
def test_without_it_an_invariant_is_broken(stage: Stage, guard: str) -> None:
    # That nothing is broken with it, `make crash` asks as well.
    assert caught(guard, stage, also_on=False)
