"""`publish`: the marts as files of their own, for tools that read while the warehouse is in use."""

import argparse
import logging

from loader.errors import ExitCode
from loader.settings import Settings
from loader.warehouses import warehouse_of
from loader.warehouses.lock import run_lock

logger = logging.getLogger(__name__)

MARTS = "genesys_marts"


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Write the marts as one DuckDB file, as a folder of Parquet files, or both.

    Raises:
        SettingsError: the warehouse serves its readers itself.
        DestinationError: it is not there, in use, holds no marts, or the copy cannot be written.
    """
    warehouse = warehouse_of(settings)
    wanted = options.format or ["duckdb"]
    with run_lock(settings.work_dir, warehouse.wait_seconds):
        for place in warehouse.publish(MARTS, wanted):
            logger.info("published %s as %s", MARTS, place)
    return ExitCode.OK
