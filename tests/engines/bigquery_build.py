"""Builds the compiled models by Google's reference implementation of BigQuery's SQL.

A script of its environment: `python bigquery_build.py FOLDER` reads `compiled.json`, as offline.py
writes it, and `given.json`: tables by their texts, and the marts that are wanted with their
columns. It writes `made.json`: what could not be made; of each mart the types and the rows as
texts; of each data test how many rows it finds.
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from googlesql import GoogleSQL, GoogleSQLError  # type: ignore[import-not-found]

# No two schemas have a table of one name.
_RELATION = re.compile(r"`d`\.`\w+`\.(`\w+`)")


class World:
    """The tables that models are made of, and that are made of them.

    Attributes:
        google: what has them.
        problems: by what could not be made or asked, why.
    """

    def __init__(self, compiled: dict[str, Any], tables: dict[str, Any]) -> None:
        self.google = GoogleSQL()
        self.problems: dict[str, str] = {}
        self._closures: dict[str, Any] = compiled["closures"]
        self._models = {
            name.split(".")[2]: _RELATION.sub(r"\1", sql)
            for name, sql in compiled["compiled"].items()
            if name.startswith("model.")
        }
        self._left = set(self._models)
        for table, content in tables.items():
            self.google.fill(table, content["columns"], content["rows"])

    def build_all(self) -> None:
        """Make every model."""
        for model in self._models:
            self._build(model)

    def _build(self, model: str) -> None:
        """Make a model, and before it what it is made of."""
        if model not in self._left:
            return
        self._left.remove(model)
        sql = self._models[model]
        for name in sorted(set(re.findall(r"`(\w+)`", sql))):
            self._build(name)
        if model in self._closures:
            self.tried(model, self._close, model, **self._closures[model])
        else:
            self.tried(model, self.google.create, model, sql)

    def _close(self, model: str, columns: list[str], longer: str) -> None:
        """Make what the materialization makes: longer chains until there are none."""
        names = ", ".join(columns)
        pairs = f"select {names} from ({self._models[model]}) as pairs group by {names}"
        count, found = 0, self.google.create(model, pairs)
        while found > count:
            count, found = found, self.google.create(model, longer, added=True)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query as dbt compiles it."""
        found: list[tuple[Any, ...]] = self.google.query(_RELATION.sub(r"\1", sql))
        return found

    def tried(self, name: str, action: Callable[..., Any], *given: Any, **options: Any) -> Any:  # noqa: ANN401 - an action's
        """Return what an action returns; None where it is refused, and keep why."""
        try:
            return action(*given, **options)
        except GoogleSQLError as error:
            self.problems[name] = " ".join(str(error).split())
            return None


def main(folder: Path) -> None:
    """Build everything, and tell."""
    compiled = json.loads((folder / "compiled.json").read_text())
    given = json.loads((folder / "given.json").read_text())
    world = World(compiled, given["tables"])
    world.build_all()
    marts = {}
    for mart, columns in given["wanted"].items():
        if mart not in world.problems:
            texts = ", ".join(f"cast({column} as string)" for column in columns)
            marts[mart] = {
                "types": world.google.types(mart),
                "rows": world.rows(f"select {texts} from `{mart}`"),
            }
    failures = {
        name: len(world.tried(name, world.rows, sql) or [])
        for name, sql in compiled["compiled"].items()
        if name.startswith("test.")
    }
    made = {"problems": world.problems, "marts": marts, "failures": failures}
    (folder / "made.json").write_text(json.dumps(made))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
