"""What the conversation with Genesys cost: counters and the refusals for going too fast."""

import threading
from dataclasses import dataclass, fields, replace
from datetime import datetime

from loader.errors import Abandoned

# Name of the threads that talk to Genesys while the main one writes.
FETCH_THREAD = "genesys-fetch"


@dataclass
class RequestMetrics:
    """Counters since the last `take`; seconds are real ones spent not reading."""

    request_count: int = 0
    retry_count: int = 0
    rate_limited_count: int = 0
    waited_seconds: float = 0.0

    def add(self, other: "RequestMetrics") -> None:
        """Count what another has counted as well."""
        for counter in fields(self):
            name = counter.name
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def take(self) -> "RequestMetrics":
        """Return the counters and start again from zero."""
        taken = replace(self)
        for counter in fields(self):
            setattr(self, counter.name, counter.default)
        return taken


@dataclass(frozen=True)
class RateLimitEvent:
    """One answer 429; `retry_after_seconds` is None where Genesys named no usable wait."""

    endpoint: str
    occurred_at: datetime
    retry_after_seconds: float | None
    waited_seconds: float
    allowed_count: int | None


class Log(threading.local):
    """Collects what the requests of a thread met, for the ledger; each thread finds its own here.

    A window is read by a thread of its own, so that what it met is the window's.

    Attributes:
        stop: set once nobody wants any more what the thread is asking for.
    """

    def __init__(self) -> None:
        self.metrics = RequestMetrics()
        self.rate_limits: list[RateLimitEvent] = []
        self.stop = threading.Event()

    def wait(self, seconds: float) -> None:
        """Wait, and count it.

        Raises:
            Abandoned: nobody wants any more what is waited for.
        """
        if self.stop.wait(seconds):
            raise Abandoned
        self.metrics.waited_seconds += seconds

    def add_rate_limit(self, event: RateLimitEvent) -> None:
        """Count a 429 and keep its event."""
        self.metrics.rate_limited_count += 1
        self.rate_limits.append(event)

    def take_rate_limits(self) -> list[RateLimitEvent]:
        """Return the 429s since the last call."""
        taken, self.rate_limits = self.rate_limits, []
        return taken
