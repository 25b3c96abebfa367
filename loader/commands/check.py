"""`check`: every line that analysts own, without warehouse and network; for commit hooks."""

import argparse
import logging

from loader.errors import ExitCode
from loader.seeds import check_seeds
from loader.settings import Settings

logger = logging.getLogger(__name__)


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Read every seed.

    Raises:
        SettingsError: naming the file, the line and the remedy.
    """
    check_seeds()
    logger.info("every line of the seeds can be read")
    return ExitCode.OK
