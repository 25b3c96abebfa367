"""The jobs of one resource that Genesys may still be at work on."""

import threading
import time
from collections.abc import Callable, Collection

# So long at most until the source is asked again: a job whose results nobody reads yet may be done.
ASK_AGAIN_SECONDS = 15.0
_LOOK_SECONDS = 0.2


class OwnJobs:
    """Knows whose job runs, from its submission to its first page; for several threads."""

    def __init__(self) -> None:
        self._running: frozenset[object] = frozenset()
        self._lock = threading.Lock()

    def began(self, reader: object) -> None:
        """Count the job of `reader`."""
        with self._lock:
            self._running |= {reader}

    def ended(self, reader: object) -> None:
        """Count it no longer; it may never have been there."""
        with self._lock:
            self._running -= {reader}

    def running(self) -> frozenset[object]:
        """Return whose jobs run."""
        return self._running

    def wait_for_one(self, of: Collection[object], wait: Callable[[float], None]) -> None:
        """Wait until one of some jobs is done, or may be.

        Args:
            of: whose jobs.
            wait: for so many seconds.
        """
        ends = time.monotonic() + ASK_AGAIN_SECONDS
        while self._running.issuperset(of) and time.monotonic() < ends:
            wait(_LOOK_SECONDS)
