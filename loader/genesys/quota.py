"""The tenant's request quota, shared by everything one run sends."""

import time
from collections.abc import Callable, Mapping

from pyrate_limiter import Duration, InMemoryBucket, Limiter, Rate

# Genesys counts per token and minute; the rest is left to the organisation's other clients.
SHARE = 0.85


class Quota:
    """Holds requests back so that the organisation's limit is not reached.

    Args:
        per_minute: the limit Genesys grants (300 a minute and token unless negotiated).
        sleep: waits, in seconds.
    """

    def __init__(self, per_minute: int, sleep: Callable[[float], None] = time.sleep) -> None:
        bucket = InMemoryBucket([Rate(self.share_of(per_minute), Duration.MINUTE)])
        self._limiter = Limiter(bucket)
        self._sleep = sleep
        self._resume_at = 0.0

    @staticmethod
    def share_of(per_minute: int) -> int:
        """Return the part of the limit we use, in requests a minute."""
        return max(1, int(per_minute * SHARE))

    def wait_turn(self) -> float:
        """Wait until a request may be sent; return the seconds waited."""
        before = time.monotonic()
        if (pause := self._resume_at - before) > 0:
            self._sleep(pause)
        self._limiter.try_acquire("genesys")
        return time.monotonic() - before

    def heed(self, headers: Mapping[str, str]) -> None:
        """Slow down when Genesys itself says the minute is nearly used up.

        Other clients of the organisation draw on the same quota, so our own count is not enough.
        Header names: inin-ratelimit-count, -allowed, -reset (seconds).
        """
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
        self._limiter.close()
