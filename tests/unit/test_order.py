"""The order of the tests that two processes share."""

from argparse import Namespace
from collections.abc import Set
from dataclasses import dataclass
from typing import Any, cast

import pytest

from tests.conftest import pytest_collection_modifyitems

ALONE_AND_SLOW = frozenset({"slow"})


@dataclass(frozen=True)
class Item:
    """What is known of a test before it runs."""

    name: str
    marks: Set[str] = frozenset()

    def get_closest_marker(self, name: str) -> str | None:
        """Return the mark of a name, as pytest's items do."""
        return name if name in self.marks else None


@pytest.mark.parametrize(("is_shared", "expected"), [(True, "bdace"), (False, "abcde")])
def test_what_takes_long_of_the_tests_without_a_group_comes_first(
    is_shared: bool, expected: str
) -> None:
    items = [
        Item("a"), Item("b", ALONE_AND_SLOW), Item("c", {"slow", "xdist_group"}),
        Item("d", ALONE_AND_SLOW), Item("e", {"xdist_group"}),
    ]  # fmt: skip
    config = Namespace(option=Namespace(loadgroup=is_shared))
    pytest_collection_modifyitems(cast(Any, config), cast(Any, items))
    assert "".join(item.name for item in items) == expected
