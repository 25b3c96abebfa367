"""The macros of macros/cross_db, rendered for an engine without dbt and without a warehouse."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2

CROSS_DB = Path(__file__).parents[2] / "dbt_project" / "macros" / "cross_db"
SOURCES = "\n".join(path.read_text() for path in sorted(CROSS_DB.glob("*.sql")))

# Where an adapter looks for a macro that it has no version of.
PARENTS = {"databricks": ["databricks", "spark"]}


class Macros:
    """Macros as one engine has them: `macros("try_bigint", "text")` is SQL."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        environment = jinja2.Environment(
            extensions=["jinja2.ext.do"], undefined=jinja2.StrictUndefined
        )
        environment.globals |= {
            # dbt's `return` ends a macro with a value; here a macro is what it writes.
            "return": lambda value: value,
            "adapter": SimpleNamespace(dispatch=lambda name, _package: self._version(name)),
            "target": SimpleNamespace(type=engine),
            "exceptions": SimpleNamespace(raise_compiler_error=_refuse),
            "dbt": SimpleNamespace(dateadd=_dateadd),
            "var": _refuse,
        }
        self._environment = environment
        self._module: Any = environment.from_string(SOURCES).module

    def __call__(self, name: str, *arguments: Any) -> str:  # noqa: ANN401 - SQL, lists, numbers
        """Return what a macro writes."""
        return str(getattr(self._module, name)(*arguments)).strip()

    def render(self, text: str) -> str:
        """Return SQL in which macros were called."""
        names = {name: getattr(self._module, name) for name in dir(self._module) if name[0] != "_"}
        return self._environment.from_string(text).render(names)

    def _version(self, name: str) -> Any:  # noqa: ANN401 - jinja's macro
        for engine in [*PARENTS.get(self.engine, [self.engine]), "default"]:
            if hasattr(self._module, f"{engine}__{name}"):
                return getattr(self._module, f"{engine}__{name}")
        raise LookupError(f"{name} has no version for {self.engine}")


def _refuse(message: str) -> None:
    raise LookupError(message)


def _dateadd(unit: str, count: object, timestamp: str) -> str:
    """Return what dbt-duckdb and dbt-postgres write."""
    return f"({timestamp} + interval '1 {unit}' * ({count}))"
