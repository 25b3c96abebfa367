"""Runs dbt in this process, on the warehouse the loader fills."""

import argparse
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from loader.errors import DestinationError, ExitCode
from loader.settings import Settings
from loader.warehouses import warehouse_of
from loader.windows import iso

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Run `dbt ARGUMENTS` with the settings' warehouse; 0 if every node came through.

    Raises:
        DestinationError: the warehouse does not exist yet, or a node failed.
    """
    arguments: Sequence[str] = options.rest or ["build"]
    warehouse = warehouse_of(settings)
    if not warehouse.exists():
        raise DestinationError(f"{warehouse.place} does not exist yet; load first (`make load`).")
    os.environ.update(settings.warehouse_environment())
    os.environ.setdefault("DBT_PROJECT_DIR", str(ROOT / "dbt_project"))
    os.environ.setdefault("DBT_PROFILES_DIR", str(ROOT / "profiles"))
    from dbt.cli.main import dbtRunner

    ended = dbtRunner().invoke(list(arguments))
    for node in getattr(ended.result, "results", None) or ():
        # dbt says of a table that it is stale, and not since when.
        if node.status in ("warn", "error") and getattr(node, "max_loaded_at", None):
            logger.warning("%s was last read %s", node.node.name, iso(node.max_loaded_at))
    if not ended.success:
        raise DestinationError(
            f"dbt {arguments[0]} did not come through; it says above what failed, and why."
        )
    return ExitCode.OK
