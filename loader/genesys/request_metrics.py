"""What the conversation with Genesys cost: counters and the refusals for going too fast."""

from dataclasses import dataclass, field, fields, replace
from datetime import datetime

# Name of the threads that talk to Genesys while the main one writes.
FETCH_THREAD = "genesys-fetch"


@dataclass
class RequestMetrics:
    """Counters since the last `take`; seconds are real ones spent not reading."""

    request_count: int = 0
    retry_count: int = 0
    rate_limited_count: int = 0
    waited_seconds: float = 0.0

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


@dataclass
class Log:
    """Collects what a run's requests met, for the ledger."""

    metrics: RequestMetrics = field(default_factory=RequestMetrics)
    rate_limits: list[RateLimitEvent] = field(default_factory=list)

    def add_rate_limit(self, event: RateLimitEvent) -> None:
        """Count a 429 and keep its event."""
        self.metrics.rate_limited_count += 1
        self.rate_limits.append(event)

    def take_rate_limits(self) -> list[RateLimitEvent]:
        """Return the 429s since the last call."""
        taken, self.rate_limits = self.rate_limits, []
        return taken
