"""The tenant's request quota, shared by everything one run sends."""

import time
from collections.abc import Callable, Mapping

from pyrate_limiter import Duration, InMemoryBucket, Limiter, Rate

# Genesys counts per token or tenant and minute; the rest is left to the organisation's others.
SHARE = 0.85
# The integration guides' sign that the minute is nearly used up.
FEW_LEFT = 10


class Quota:
    """Holds requests back so that the organisation's limit is not reached.

    Args:
        per_minute: the limit Genesys grants (300 a minute and token unless negotiated).
        per_second: limits of single endpoints, by path.
        sleep: waits, in seconds.
    """

    def __init__(
        self,
        per_minute: int,
        per_second: Mapping[str, int] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limiter = _limiter(per_minute, Duration.MINUTE)
        self._endpoints = {
            path: _limiter(limit, Duration.SECOND) for path, limit in (per_second or {}).items()
        }
        self._sleep = sleep
        self._resume_at = 0.0

    @staticmethod
    def share_of(per_minute: int) -> int:
        """Return the part of the limit we use."""
        return max(1, int(per_minute * SHARE))

    def wait_turn(self, path: str) -> float:
        """Wait until a request to `path` may be sent; return the seconds waited."""
        before = time.monotonic()
        if (pause := self._resume_at - before) > 0:
            self._sleep(pause)
        self._limiter.try_acquire("genesys")
        if path in self._endpoints:
            self._endpoints[path].try_acquire("genesys")
        return time.monotonic() - before

    def heed(self, headers: Mapping[str, str]) -> None:
        """Slow down when Genesys itself says the minute is nearly used up.

        Other clients of the organisation draw on the same quota, so our own count is not enough.
        Header names: inin-ratelimit-count, -allowed, -reset (seconds); in the integration guides
        X-RateLimit-Remaining, which does not say until when: the fewer are left, the slower.
        """
        left = headers.get("X-RateLimit-Remaining", "")
        if left.isdecimal() and int(left) < FEW_LEFT:
            self._resume_at = time.monotonic() + 60.0 / (int(left) + 1)
        try:
            count, allowed, reset = (
                float(headers[f"inin-ratelimit-{name}"]) for name in ("count", "allowed", "reset")
            )
        except (KeyError, ValueError):
            return
        if allowed > 0 and count >= allowed * SHARE:
            self._resume_at = time.monotonic() + min(max(reset, 0.0), 60.0)

    def close(self) -> None:
        """Stop the limiter's housekeeping thread."""
        for limiter in (self._limiter, *self._endpoints.values()):
            limiter.close()


def _limiter(limit: int, span: Duration) -> Limiter:
    return Limiter(InMemoryBucket([Rate(Quota.share_of(limit), span)]))
