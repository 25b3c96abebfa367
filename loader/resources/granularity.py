"""How fine a service counts: the finest buckets first, coarser ones where it refuses those."""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import pairwise
from typing import TypeVar

from loader.errors import GranularityTooFine, Refused
from loader.windows import Window, floor

logger = logging.getLogger(__name__)

Answered = TypeVar("Answered")

# Finest first. Buckets of 15 minutes add up to local hours and days in every time zone.
GRANULARITIES = {
    "PT15M": timedelta(minutes=15),
    "PT30M": timedelta(minutes=30),
    "PT1H": timedelta(hours=1),
    "P1D": timedelta(days=1),
}


def finest_answered(
    resource: str,
    window: Window,
    granularities: Mapping[str, timedelta],
    finest: str,
    ask: Callable[[str], Answered],
) -> tuple[str, Answered]:
    """Ask at the finest granularity, at the next coarser one as long as that is refused.

    Args:
        resource: who asks, for the log.
        window: what for; its buckets are whole ones at `finest`.
        granularities: the length of a bucket by the name of its granularity, finest first.
        finest: where to begin.
        ask: sends the question at a granularity.

    Returns:
        The granularity that was answered, and the answer.

    Raises:
        GranularityTooFine: a coarser one would cut a bucket in two.
        Refused: for another reason, or at all of them.
    """
    names = list(granularities)
    for granularity, coarser in pairwise(names[names.index(finest) :]):
        try:
            return granularity, ask(granularity)
        except Refused as refusal:
            if not means_granularity(refusal):
                raise
        logger.warning("%s: %s is too fine for %s", resource, granularity, window)
        check_buckets(window, granularities[coarser])
    return names[-1], ask(names[-1])


def means_granularity(refusal: Refused) -> bool:
    """Tell whether a service refuses to count so finely."""
    return "granularity" in (refusal.code + refusal.explanation).lower()


def coarsened(granularity: str, finest: str) -> str | None:
    """Return what the ledger says of an answer that is coarser than was asked for."""
    return None if granularity == finest else f"granularity {granularity}, {finest} is too fine"


def check_buckets(window: Window, step: timedelta) -> None:
    """Make sure that no bucket of length `step` is cut in two: half of it would be counted twice.

    Raises:
        GranularityTooFine: the window has to be cut anew.
    """
    if floor(window.start, step) != window.start or floor(window.end, step) != window.end:
        raise GranularityTooFine(step)
