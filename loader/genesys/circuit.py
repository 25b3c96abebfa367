"""Endpoints that bear little: a slow query is given up, a failing endpoint left alone."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from loader.errors import WindowUnavailable
from loader.genesys.retries import RateLimited, TooSlow, Transient

Result = TypeVar("Result")

# How long a circuit stays open before one request may try again.
CIRCUIT_SECONDS = 60.0


@dataclass(frozen=True)
class EndpointLimits:
    """What an endpoint asks for beside the quota.

    Attributes:
        per_second: requests it bears in a second.
        failures: after so many in a row it is left alone for `CIRCUIT_SECONDS`; and one that takes
            longer than its deadline is given up at once, because it goes on costing the source.
    """

    per_second: int
    failures: int


class Circuit:
    """Opens after repeated failures of an endpoint; closes with the first success.

    Args:
        path: of the endpoint.
        limits: how many failures it takes.
    """

    def __init__(self, path: str, limits: EndpointLimits) -> None:
        self._path = path
        self._limits = limits
        self._failures = 0
        self._opened_at: float | None = None

    def call(self, attempt: Callable[[], Result]) -> Result:
        """Return what `attempt` returns, and count whether it fails.

        Raises:
            WindowUnavailable: the circuit is open, or the query took too long.
            Transient: as `attempt` raised it.
        """
        if self._opened_at is not None:
            if time.monotonic() < self._opened_at + CIRCUIT_SECONDS:
                raise WindowUnavailable(
                    f"{self._path} failed {self._failures} times in a row and is left alone for "
                    f"{CIRCUIT_SECONDS:.0f} s; the next run asks again."
                )
            self._opened_at = None
        try:
            result = attempt()
        except RateLimited:
            raise
        except Transient as error:
            self._failures += 1
            if self._failures >= self._limits.failures:
                self._opened_at = time.monotonic()
            if isinstance(error, TooSlow):
                raise WindowUnavailable(
                    f"{self._path}: {error}; the query is given up, the next run asks again."
                ) from None
            raise
        self._failures = 0
        return result
