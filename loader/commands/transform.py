"""Runs dbt in this process, on the warehouse the loader fills."""

import argparse
import gc
import logging
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from loader.errors import BuildFailed, DestinationError, ExitCode, LoaderError, SettingsError, Stale
from loader.seeds import check_seeds
from loader.settings import Settings
from loader.unchanged import LastBuild, UnitTests
from loader.warehouses import warehouse_of
from loader.warehouses.base import OURS, Warehouse
from loader.warehouses.lock import locked
from loader.windows import iso

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]
ALL_ROWS = "--all-rows"
NOTHING_CHANGED = (
    "nothing has changed since the last build: no load, nobody's edit of a model, seed, variable, "
    "setting or table; so nothing is built (--full-refresh builds all anew)"
)
TESTS_OF_CODE = (
    "models and settings are as they were when the unit tests passed: those are left out "
    "(transform test --resource-type unit_test runs them)"
)
FAILED = ("error", "fail", "runtime error", "partial success")
# A seed that nobody has loaded, in the words of DuckDB and Postgres, BigQuery, Spark, Snowflake.
NO_SEEDS = re.compile(
    r"_seeds\b[^\n]*(?:does not exist|was not found|cannot be found)|not found:[^\n]*_seeds\b", re.I
)
# What of a node's error is the machine's and not the model's.
_OF_THE_WAREHOUSE = (
    "IO Error", "No space left", "Out of Memory Error", "could not connect", "Could not connect",
    "connection to server", "server closed the connection", "Connection Error",
)  # fmt: skip


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Run `dbt ARGUMENTS` with the settings' warehouse; 0 if every node came through."""
    return transform(settings, options.rest or ["build"])


def transform(settings: Settings, arguments: Sequence[str], ours: str = OURS) -> int:
    """Run `dbt ARGUMENTS` with the settings' warehouse; 0 if every node came through.

    `--all-rows` is ours, not dbt's: data tests look at everything, not at what is new only.

    Args:
        settings: the settings.
        arguments: dbt's, or options of its `build`.
        ours: what the names of the schemas begin with, the raw one's and dbt's.

    Raises:
        BuildFailed: a node failed, or the project cannot be read.
        Stale: a resource was not read for too long.
        DestinationError: the warehouse is not there, or in use, or refused.
        AlreadyRunning: a load, or another transform, goes on.
        SettingsError: dbt does not take these arguments.
    """
    check_seeds(Path(os.environ.get("DBT_PROJECT_DIR", ROOT / "dbt_project")) / "seeds")
    warehouse = warehouse_of(settings, ours)
    if not warehouse.exists():
        raise DestinationError(f"{warehouse.place} does not exist yet; load first (`make load`).")
    warehouse.check_dbt()
    os.environ.update(settings.warehouse_environment())
    os.environ["DBT_SCHEMA_PREFIX"] = ours
    os.environ.setdefault("DBT_PROJECT_DIR", str(ROOT / "dbt_project"))
    os.environ.setdefault("DBT_PROFILES_DIR", str(ROOT / "profiles"))
    if ALL_ROWS in arguments:
        arguments = [word for word in arguments if word != ALL_ROWS]
        os.environ["TEST_ALL_ROWS"] = "true"
    with (
        locked(settings, warehouse, warehouse.wait_seconds),
        closing(warehouse),
        _seldom_looked_for_garbage(),
    ):
        # Asked before dbt is imported, which takes longer.
        if "run" in arguments and LastBuild(settings, "run", arguments).stands(warehouse.state()):
            logger.info("%s", NOTHING_CHANGED)
            return ExitCode.OK
        warehouse.wait_until_free()
        from dbt.cli.main import cli, dbtRunner

        if not set(arguments) & set(cli.commands):
            # Options alone are those of the command that is meant where there is none at all.
            arguments = ["build", *arguments]
        command = next(word for word in arguments if word in cli.commands)
        last_build = LastBuild(settings, command, arguments)
        last_build.stands(warehouse.state())
        unit_tests = UnitTests(settings, command, arguments)
        left_out = unit_tests.left_out()
        if left_out:
            logger.info("%s", TESTS_OF_CODE)
        try:
            ended = dbtRunner().invoke([*arguments, *left_out])
        finally:
            warehouse.after_build()
        results = getattr(ended.result, "results", None) or ()
        unit_tests.keep(results)
        last_build.keep(warehouse.state(), ended.success)
    for node in results:
        # dbt says of a table that it is stale, and not since when.
        if node.status in ("warn", "error") and getattr(node, "max_loaded_at", None):
            logger.warning("%s was last read %s", node.node.name, iso(node.max_loaded_at))
    if not ended.success:
        raise _problem(warehouse, command, results, ended.exception)
    return ExitCode.OK


@contextmanager
def _seldom_looked_for_garbage() -> Iterator[None]:
    """Have Python look for garbage a seventieth as often.

    What dbt makes of a project stays to the end: to look through that was a tenth of a small build.
    """
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _problem(
    warehouse: Warehouse[Any],
    command: str,
    results: Sequence[Any],
    exception: BaseException | None,
) -> LoaderError:
    """Say what kind of failure it was, and which node was the first."""
    failed = [node for node in results if node.status in FAILED]
    stale = [node.node.name for node in failed if getattr(node, "max_loaded_at", None)]
    if stale and len(stale) == len(failed):
        others = f" and {len(stale) - 1} more" if len(stale) > 1 else ""
        return Stale(
            f"{stale[0]}{others} not read to the end for too long; it says above since when."
        )
    for text in [str(exception or ""), *(str(node.message or "") for node in failed)]:
        if problem := warehouse.meaning(text):
            return DestinationError(problem)
        if any(sign in text for sign in _OF_THE_WAREHOUSE):
            return DestinationError(
                warehouse.problem([], text)
                or f"{warehouse.place} refused dbt {command}; it says above why."
            )
    if type(exception).__name__ == "DbtUsageException":
        return SettingsError(f"dbt {command} does not take these arguments; it says above why.")
    if any(NO_SEEDS.search(str(node.message or "")) for node in failed):
        return BuildFailed(
            f"{warehouse.place} lacks seeds: {len(failed)} failed in dbt {command}; load them "
            "with transform seed, or let transform build do both."
        )
    if failed:
        first = failed[0].node
        return BuildFailed(
            f"{len(failed)} failed in dbt {command}, first the {_kind(first)} {first.name}; dbt "
            "says above what and why."
        )
    return BuildFailed(f"dbt {command} did not come through; it says above what failed, and why.")


def _kind(node: Any) -> str:  # noqa: ANN401 - a node of dbt's
    return str(node.resource_type.value).replace("_", " ")
