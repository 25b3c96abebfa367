"""`metrics`: the metrics of dbt_project/models/metrics, computed on the warehouse by MetricFlow.

Its own command `mf` asks a package index for news at each call, and reads what any user of the
machine may have left in the common folder for temporary files. So its engine is used alone.
"""

import argparse
import csv
import logging
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import date, datetime, time
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from loader.commands.console import console, table
from loader.commands.session import dataset_of
from loader.commands.transform import transform
from loader.errors import DestinationError, ExitCode, SettingsError
from loader.settings import Settings
from loader.warehouses.lock import locked

if TYPE_CHECKING:
    from metricflow.engine.metricflow_engine import MetricFlowEngine


# What dbt calls a table: database, schema, name. The first is that of the connection, and on DuckDB
# the name by which dbt attaches the file.
_DATABASE = re.compile(r'"[^"\n]+"\.(?="[^"\n]+"\."[^"\n]+")')
_TABLE = re.compile(r'(?:FROM|JOIN)\s+"([^"\n]+)"\."([^"\n]+)"')


def run(settings: Settings, options: argparse.Namespace) -> int:
    """List the metrics, or compute some of them.

    Raises:
        SettingsError: MetricFlow is not installed, or a name, date or condition is wrong.
        DestinationError: the warehouse cannot be read, or what is asked is not built.
        BuildFailed: the project cannot be read.
    """
    transform(settings, ["--quiet", "parse"])
    from dbt.adapters.factory import FACTORY

    [dialect] = FACTORY.adapters
    target = Path(os.environ["DBT_PROJECT_DIR"], os.environ.get("DBT_TARGET_PATH", "target"))
    engine = engine_of(target / "semantic_manifest.json", dialect)
    if options.action == "query":
        return _query(settings, engine, options)
    shown = table("metric", "label", "definition")
    shown.columns[-1].no_wrap = False
    for metric in engine.list_metrics(include_dimensions=False):
        # Those without a label of their own are halves of a ratio.
        if metric.label != metric.name:
            shown.add_row(metric.name, metric.label, metric.description)
    console().print(shown)
    return ExitCode.OK


def engine_of(manifest: Path, dialect: str) -> "MetricFlowEngine":
    """Return MetricFlow's engine for what dbt has parsed.

    Args:
        manifest: dbt's semantic_manifest.json.
        dialect: type of dbt's adapter, as duckdb. Of the adapter nothing else is used: queries go
            through our own connection.

    Raises:
        SettingsError: MetricFlow is not installed, or does not know the dialect.
    """
    try:
        from dbt_metricflow.cli.dbt_connectors.adapter_backed_client import AdapterBackedSqlClient
        from metricflow.engine.metricflow_engine import MetricFlowEngine
        from metricflow_semantics.model.dbt_manifest_parser import (
            parse_manifest_from_dbt_generated_manifest as parsed,
        )
        from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup
    except ModuleNotFoundError:
        raise SettingsError(
            "MetricFlow is not installed; pip install 'genesys-elt[metrics]' adds it."
        ) from None
    from dbt.adapters.factory import FACTORY

    # They tell of each step they take.
    for name in ("metricflow", "metricflow_semantics"):
        logging.getLogger(name).setLevel(logging.WARNING)
    FACTORY.load_plugin(dialect)
    adapter = cast(Any, FACTORY.get_adapter_class_by_name(dialect))
    semantics = parsed(manifest.read_text(encoding="utf-8"))
    try:
        return MetricFlowEngine(SemanticManifestLookup(semantics), AdapterBackedSqlClient(adapter))
    except ValueError as error:
        raise SettingsError(f"MetricFlow: {error}") from None


def sql_of(
    engine: "MetricFlowEngine",
    metrics: Sequence[str],
    group_by: Sequence[str] = (),
    *,
    where: Sequence[str] = (),
    order: Sequence[str] = (),
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int | None = None,
) -> str:
    """Return the SQL of a query, for any connection to the warehouse.

    Args:
        engine: as `engine_of` returns it.
        metrics: their names.
        group_by: names of dimensions, as queue__queue_name and metric_time__week.
        where: conditions, as "{{ Dimension('queue__queue_name') }} = 'Claims'".
        order: of metrics and dimensions, `-` before those that fall; by default that of group_by.
        start: first day.
        end: last day.
        limit: how many rows at most.

    Raises:
        SettingsError: a name or a condition is wrong.
    """
    from metricflow.engine.metricflow_engine import MetricFlowQueryRequest, OutputColumnOrderMode
    from metricflow_semantics.errors.error_classes import InformativeUserError

    known = [metric.name for metric in engine.list_metrics(include_dimensions=False)]
    _check(metrics, known, "metric", "`make metrics` lists all")
    found = engine.list_group_bys(list(metrics), include_derived_time_granularities=True)
    names = ["metric_time", *(getattr(one, "dunder_name", one.name) for one in found)]
    _check(group_by, names, "dimension", f"these metrics have {', '.join(names)}")
    chosen = [*metrics, *group_by]
    _check([name.lstrip("-") for name in order], chosen, "order", f"it is of {', '.join(chosen)}")
    try:
        explained = engine.explain(
            MetricFlowQueryRequest.create(
                metric_names=metrics,
                group_by_names=group_by,
                where_constraints=where or None,
                order_by_names=order or group_by,
                time_constraint_start=start,
                time_constraint_end=end,
                limit=limit,
                # As they were asked for, as the rows are ordered.
                output_column_order_mode=OutputColumnOrderMode.INPUT_ORDER,
            )
        )
    except InformativeUserError as error:
        problem = (
            "--where is not understood; a condition is as \"{{ Dimension('queue__queue_name') }} = "
            f"'Claims'\" and these metrics have {', '.join(names)}."
            if where
            else f"MetricFlow does not take it: {' '.join(str(error).split())}"
        )
        raise SettingsError(problem) from error
    return _DATABASE.sub("", explained.sql_statement.without_descriptions.sql)


def _query(settings: Settings, engine: "MetricFlowEngine", options: argparse.Namespace) -> int:
    start, end = _day("--start-time", options.start), _day("--end-time", options.end)
    if start and end and start > end:
        raise SettingsError(f"--start-time {options.start} is after --end-time {options.end}.")
    sql = sql_of(
        engine,
        options.metrics,
        options.group_by,
        where=options.where,
        order=options.order,
        start=start,
        end=end,
        limit=options.limit,
    )
    if options.explain:
        console().print(sql, markup=False, soft_wrap=True)
        return ExitCode.OK
    dataset = dataset_of(settings)
    with locked(settings, dataset.warehouse, dataset.warehouse.wait_seconds), closing(dataset):
        dataset.connect(to_look=True)
        for name in (f"{schema}.{table}" for schema, table in _TABLE.findall(sql)):
            if not dataset.has_all(name):
                raise DestinationError(f"{name} is not built yet (`make transform`).")
        found = dataset.read(sql)
    rows = list(zip(*found.values(), strict=True))
    if options.csv:
        _write(options.csv, found, rows)
        return ExitCode.OK
    shown = table(*found)
    for row in rows:
        shown.add_row(*map(_told, row))
    console().print(shown)
    return ExitCode.OK


def _check(given: Iterable[str], known: Sequence[str], kind: str, remedy: str) -> None:
    for name in given:
        if name not in known:
            near = "".join(get_close_matches(name, known, n=1))
            meant = near and f" (did you mean {near}?)"
            raise SettingsError(f"{kind} {name!r} is unknown{meant}; {remedy}.")


def _day(flag: str, text: str | None) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(text), time()) if text else None
    except ValueError:
        raise SettingsError(f"{flag} {text!r} must be a date such as 2026-03-01.") from None


def _write(path: Path, columns: Iterable[str], rows: Iterable[Sequence[Any]]) -> None:
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(columns)
            lines.writerows([_plain(value) for value in row] for row in rows)
    except OSError as error:
        raise DestinationError(f"{path} cannot be written: {error.strerror}.") from None


def _plain(value: Any) -> Any:  # noqa: ANN401 - of any type an engine has
    # Engines cut a date to a week, or a day, and make an instant of it.
    return value.date() if isinstance(value, datetime) else value


def _told(value: Any) -> str:  # noqa: ANN401
    if value is None:
        return "-"
    if isinstance(value, float | Decimal):
        return f"{value:,.4f}".rstrip("0").rstrip(".")
    return f"{value:,}" if type(value) is int else str(_plain(value))
