"""The tenant's request quota, shared by everything one run sends."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

# Genesys counts per token or tenant and minute; the rest is left to the organisation's others.
SHARE = 0.85
# The integration guides' sign that the minute is nearly used up.
FEW_LEFT = 10
MINUTE_SECONDS = 60.0


class _Rate:
    """At most so many requests in any span of so many seconds."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._sent: deque[float] = deque(maxlen=most)

    def free_at(self) -> float:
        """Return when the next request may be sent, on the monotonic clock."""
        return self._sent[0] + self._seconds if len(self._sent) == self._most else 0.0

    def take(self, at: float) -> None:
        """Count a request that will be sent then."""
        self._sent.append(at)

    def used(self, now: float) -> float:
        """Return the share of the span's requests that were sent by now."""
        return sum(now - self._seconds < at <= now for at in self._sent) / self._most


class Quota:
    """Holds requests back so that the organisation's limit is not reached; for any thread.

    Who asks first is served first: a turn is given away when it is asked for.

    Args:
        per_minute: the limit Genesys grants (300 a minute and token unless negotiated).
        per_second: limits of single endpoints, by path.

    Attributes:
        refused_count: how often Genesys has refused a request for going too fast.
    """

    def __init__(self, per_minute: int, per_second: Mapping[str, int] | None = None) -> None:
        self._minute = _Rate(self.share_of(per_minute), MINUTE_SECONDS)
        self._endpoints = {
            path: _Rate(self.share_of(limit), 1.0) for path, limit in (per_second or {}).items()
        }
        self._lock = threading.Lock()
        self._resume_at = 0.0
        self.refused_count = 0

    @staticmethod
    def share_of(per_minute: int) -> int:
        """Return the part of the limit we use."""
        return max(1, int(per_minute * SHARE))

    def used(self) -> float:
        """Return the share of our part of the limit that the last minute has taken."""
        with self._lock:
            return self._minute.used(time.monotonic())

    def wait_turn(self, path: str, wait: Callable[[float], None] = time.sleep) -> None:
        """Wait until a request to `path` may be sent.

        Args:
            path: of the endpoint.
            wait: for so many seconds.
        """
        rates = [self._minute, *([self._endpoints[path]] if path in self._endpoints else [])]
        with self._lock:
            at = max(time.monotonic(), self._resume_at, *(rate.free_at() for rate in rates))
            for rate in rates:
                rate.take(at)
        # Asked again after each wait: meanwhile Genesys may have said that the minute is used up.
        while (pause := max(at, self._resume_at) - time.monotonic()) > 0:
            wait(pause)

    def heed(self, headers: Mapping[str, str]) -> None:
        """Slow down when Genesys itself says the minute is nearly used up.

        Other clients of the organisation draw on the same quota, so our own count is not enough.
        Header names: inin-ratelimit-count, -allowed, -reset (seconds); in the integration guides
        X-RateLimit-Remaining, which does not say until when: the fewer are left, the slower.
        """
        left = headers.get("X-RateLimit-Remaining", "")
        if left.isdecimal() and int(left) < FEW_LEFT:
            self._pause(MINUTE_SECONDS / (int(left) + 1))
        try:
            count, allowed, reset = (
                float(headers[f"inin-ratelimit-{name}"]) for name in ("count", "allowed", "reset")
            )
        except (KeyError, ValueError):
            return
        if allowed > 0 and count >= allowed * SHARE:
            self._pause(reset)

    def refused(self, retry_after: float | None) -> None:
        """Hold everything back as long as Genesys asked one to wait: the limit is that of all."""
        self.refused_count += 1
        self._pause(retry_after or 0.0)

    def _pause(self, seconds: float) -> None:
        pause = min(max(seconds, 0.0), MINUTE_SECONDS)
        self._resume_at = max(self._resume_at, time.monotonic() + pause)
