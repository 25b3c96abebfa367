"""The rules of the seeds, for whoever reads a seed without dbt: the same macros, run by Jinja.

An analyst may run dbt without the loader, so dbt has the rules (`macros/seeds/problem_of_seed.sql`)
and the loader borrows them. What they call asks no adapter.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import jinja2
import pytz  # type: ignore[import-untyped]

MACROS = Path(__file__).parent.parent / "dbt_project" / "macros"
# Where the rules lie, and what they call.
FILES = (
    "seeds/problem_of_seed.sql",
    "attribute_registry/attribute_registry.sql",
    "personal_data/personal.sql",
    "cross_db/casts.sql",
)
# As dbt does it: under another name, a macro is found by its own only where it ends at `return`.
_PREFIX = "dbt_macro__"
_MACRO = re.compile(r"(\{%-?\s*macro\s+)(\w+)")


class _Returned(Exception):
    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


def _return(value: object) -> NoReturn:
    raise _Returned(value)


@cache
def _macros() -> Mapping[str, Callable[..., Any]]:
    environment = jinja2.Environment(
        extensions=["jinja2.ext.do"], undefined=jinja2.StrictUndefined, autoescape=False
    )
    environment.globals |= {"return": _return, "modules": SimpleNamespace(pytz=pytz, re=re)}
    texts = [(MACROS / name).read_text(encoding="utf-8") for name in FILES]
    names = [match.group(2) for text in texts for match in _MACRO.finditer(text)]
    found: dict[str, Callable[..., Any]] = {}
    # Known before any template is made: a template keeps the names it was made with.
    callable_ones = {name: _ending_at_return(found, name) for name in names}
    environment.globals |= callable_ones
    for text in texts:
        module = environment.from_string(_MACRO.sub(rf"\1{_PREFIX}\2", text)).module
        found |= {name: one for name, one in vars(module).items() if name.startswith(_PREFIX)}
    return callable_ones


def _ending_at_return(found: Mapping[str, Callable[..., Any]], name: str) -> Callable[..., Any]:
    def run(*arguments: object) -> object:
        try:
            return found[f"{_PREFIX}{name}"](*arguments)
        except _Returned as returned:
            return returned.value

    return run


def seeds_of_analysts() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Return each seed's `columns`, `key` and `exact` columns."""
    found: Mapping[str, Mapping[str, Sequence[str]]] = _macros()["seeds_of_analysts"]()
    return found


def personal_columns() -> Mapping[str, Sequence[str]]:
    """Return the personal columns of marts, by the mart's name."""
    found: Mapping[str, Sequence[str]] = _macros()["personal_columns"]()
    return found


def problem_of_seed(
    seed: str, columns: Sequence[str], lines: Sequence[tuple[int, Mapping[str, str]]]
) -> str | None:
    """Return the first thing wrong with a seed and the remedy, or None.

    Args:
        seed: its name.
        columns: as the file has them.
        lines: the number of each line and its values by column.
    """
    problem: str | None = _macros()["problem_of_seed"](seed, list(columns), list(lines))
    return problem
