"""`load`: what is due, or a range, into the warehouse."""

import logging
from contextlib import nullcontext

from rich.console import Console

from loader.commands.session import connected
from loader.contracts import contract_of
from loader.errors import ExitCode
from loader.planning import Request
from loader.progress import Lines, Live, Reporter
from loader.run import Run
from loader.settings import Settings

logger = logging.getLogger(__name__)


def run(settings: Settings, request: Request) -> int:
    """Load what is due, or a range; return the exit code of the worst that happened."""
    screen = Console(stderr=True)
    reporter: Reporter = Live(screen) if screen.is_terminal else Lines()
    with connected(settings) as (client, dataset):
        the_run = Run(
            settings, client, dataset, contract_of(settings).resources(settings), reporter
        )
        with reporter if isinstance(reporter, Live) else nullcontext():
            summary = the_run.load(request)
    for problem in summary.problems[1:]:
        logger.warning("%s", problem)
    if summary.problems:
        raise summary.problems[0]
    if not summary.windows:
        logger.info("nothing is due: loaded as far as Genesys guarantees its data")
    else:
        logger.info(
            "loaded %s records in %d windows, %d quarantined%s",
            f"{summary.records - summary.quarantined - summary.erased:,}",
            summary.windows,
            summary.quarantined,
            f", {summary.erased} left out (erased)" if summary.erased else "",
        )
    return ExitCode.OK
