"""dbt's tables on Spark, by the connection that dbt-spark itself would open.

dbt's profile is the one place that says how Spark is reached and configured, so it is read here and
not told again.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlglot
from fsspec import AbstractFileSystem
from sqlglot import exp

from loader.errors import SettingsError

_ROOT = Path(__file__).parents[2]


class Marts:
    """A connection that is opened by the first question.

    Args:
        environment: what dbt's profile reads.
        exist: tells by the files whether dbt has built anything, without asking Spark.
    """

    def __init__(
        self,
        environment: Callable[[], Mapping[str, str]],
        exist: Callable[[AbstractFileSystem], bool],
    ) -> None:
        self._environment = environment
        self.exist = exist
        self._handle: Any = None

    def cursor(self, query: exp.Expr, parameters: Sequence[object] = ()) -> Any:  # noqa: ANN401
        """Execute a query, its parameters filled in, and return what its rows are fetched from."""
        cursor = self._opened().cursor()
        cursor.execute(_filled(query, parameters).sql("spark"))
        return cursor

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Execute a statement as DuckDB would write it, and return its rows."""
        return self.rows(
            _filled(sqlglot.parse_one(sql.replace("%s", "?"), read="duckdb"), parameters).sql(
                "spark"
            )
        )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Execute a statement in Spark's own words, and return its rows."""
        cursor = self._opened().cursor()
        cursor.execute(sql)
        return [tuple(row) for row in cursor.fetchall() or ()]

    def tables(self, prefix: str) -> Iterator[tuple[str, str, bool]]:
        """Walk through schema and name of the tables and views of schemas whose name begins so."""
        for schema in self.schemas(prefix):
            views = {str(row[1]) for row in self.rows(f"show views in `{schema}`")}
            for _, table, *_ in self.rows(f"show tables in `{schema}`"):
                yield schema, table, table in views

    def schemas(self, prefix: str) -> list[str]:
        """Return the names of the schemas whose name begins so."""
        return [str(schema) for schema, *_ in self.rows(f"show schemas like '{prefix}*'")]

    def columns(self, schema: str, table: str) -> list[str]:
        """Return the names of a table's columns, in their order."""
        names = [str(row[0]) for row in self.rows(f"describe `{schema}`.`{table}`")]
        # Behind them Spark tells of partitions.
        end = next((place for place, one in enumerate(names) if not one or one[0] == "#"), None)
        return names[:end]

    def forget_versions(self, schema: str, table: str, table_format: str) -> None:
        """Have the files of a table hold its rows as they are now, and nothing that was before."""
        if table_format == "delta":
            self.rows("set spark.databricks.delta.retentionDurationCheck.enabled = false")
            self.rows(f"vacuum `{schema}`.`{table}` retain 0 hours")
            return
        [(catalog,)] = self.rows("select current_catalog()")
        named = f"table => '{schema}.{table}'"
        # Where rows were marked as deleted, and not written anew without them.
        self.rows(
            f"call `{catalog}`.system.rewrite_data_files({named},"
            " options => map('delete-file-threshold', '1'))"
        )
        [(now,)] = self.rows("select cast(current_timestamp() as string)")
        self.rows(
            f"call `{catalog}`.system.expire_snapshots({named},"
            f" older_than => timestamp '{now}', retain_last => 1)"
        )

    def close(self) -> None:
        """Let go of the connection."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None

    def _opened(self) -> Any:  # noqa: ANN401 - of dbt-spark
        if self._handle is None:
            self._handle = _connection(self._environment())
        return self._handle


def _connection(environment: Mapping[str, str]) -> Any:  # noqa: ANN401
    try:
        from dbt.adapters.contracts.connection import Connection
        from dbt.adapters.spark.connections import SparkConnectionManager, SparkCredentials
        from dbt.config.profile import read_profile
        from dbt.config.renderer import ProfileRenderer
        from dbt_common.context import set_invocation_context
    except ImportError as error:
        raise SettingsError(
            f"ELT_TARGET=spark: {error.name} is not installed; `pip install -e '.[spark]'`."
        ) from error
    os.environ.update(environment)
    set_invocation_context(os.environ)
    folder = os.environ.get("DBT_PROFILES_DIR", str(_ROOT / "profiles"))
    output = read_profile(folder)["genesys"]["outputs"]["spark"]
    told = ProfileRenderer({}).render_data(output)
    credentials = SparkCredentials.from_dict(
        {name: value for name, value in told.items() if name not in ("type", "threads")}
    )
    if credentials.method == "session":
        # PySpark turns a time into that of where the process stands, and does not say so.
        os.environ["TZ"] = "UTC"
        time.tzset()
    asked: Any = Connection
    opened = SparkConnectionManager.open(
        asked(type="spark", name="loader", credentials=credentials)
    )
    return opened.handle


def _filled(query: exp.Expr, parameters: Sequence[object]) -> exp.Expr:
    """Return a query with a literal for each of its placeholders: dbt-spark would only paste."""
    given = iter(parameters)

    def literal(node: exp.Expr) -> exp.Expr:
        return exp.convert(next(given)) if isinstance(node, exp.Placeholder) else node

    return query.transform(literal)
