"""Which cases of a test are quick: the first ones. `make test-all` takes the others too."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest


def first(count: int, cases: Iterable[Any], ids: Iterable[str] = ()) -> list[Any]:
    """Return the cases of a `parametrize`, those after the first `count` marked slow."""
    names: Mapping[int, str] = dict(enumerate(ids))
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            id=names.get(number),
            marks=() if number < count else pytest.mark.slow,
        )
        for number, case in enumerate(cases)
    ]
