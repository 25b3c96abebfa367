"""`build`: load, then transform, also where a part of the load failed."""

import logging

from loader.commands import load, transform
from loader.errors import ExitCode, LoaderError
from loader.planning import Request
from loader.settings import Settings
from loader.warehouses import warehouse_of

logger = logging.getLogger(__name__)

# What costs the load a part, and leaves what is loaded to be transformed.
PARTIAL = frozenset({ExitCode.ACCESS, ExitCode.SOURCE_UNAVAILABLE, ExitCode.SOURCE_CONTRACT})


def run(settings: Settings, request: Request) -> int:
    """Load what is due, then build the marts; the exit code is the worse of the two, the higher.

    A missing permission costs its resource, not the marts. Where nothing was ever loaded, or the
    fault is one of the warehouse or the settings, there is nothing to transform.
    """
    partial: LoaderError | None = None
    try:
        load.run(settings, request)
    except LoaderError as problem:
        if problem.exit_code not in PARTIAL or not warehouse_of(settings).exists():
            raise
        partial = problem
        logger.warning("%s", problem)
        logger.warning("the marts are built of what is loaded")
    try:
        transform.transform(settings, ["build"])
    except LoaderError as problem:
        if partial is None or problem.exit_code >= partial.exit_code:
            raise
    if partial is not None:
        raise partial
    return ExitCode.OK
