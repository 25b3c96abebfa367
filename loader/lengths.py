"""How long a window is asked for at once, where the source takes several windows in one request.

Nobody publishes how long an interval an aggregate may have or how large an answer may be, so it is
found out: asked for twice as long after each small answer, and never again as long as was refused.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import takewhile

from loader.windows import Due, Window

# Whether the next answer, twice as long, would still be a small one.
GROWTH = 2


class Lengths:
    """Knows how many of a resource's windows to ask for in one request.

    Args:
        longest: more is never asked for at once; None for one window at a time.
        most_bytes: how large an answer may be.
    """

    def __init__(self, longest: timedelta | None, most_bytes: int) -> None:
        self._longest = longest or timedelta(0)
        self._most_bytes = most_bytes
        self._length = timedelta(0)

    def answered(self, window: Window, byte_count: int) -> None:
        """Learn from an answer of so many bytes."""
        longer = min((window.end - window.start) * GROWTH, self._longest)
        if byte_count * GROWTH <= self._most_bytes:
            self._length = max(self._length, longer)
        else:
            self._longest = min(self._longest, window.end - window.start)
            self._length = min(self._length, self._longest)

    def refused(self, window: Window) -> None:
        """Learn from the refusal of a window."""
        self._longest = min(self._longest, (window.end - window.start) / GROWTH)
        self._length = min(self._length, self._longest)

    def joined(self, due: Iterable[Due]) -> list[Due]:
        """Return the first windows that can be asked for as one; at least the first."""
        waiting = deque(due)
        parts = [waiting.popleft()]

        def goes_on(item: Due) -> bool:
            begin, end = parts[0].window, parts[-1].window
            if (item.reason, item.rereading) != (parts[0].reason, parts[0].rereading):
                return False
            if item.window.start == end.end:
                length = item.window.end - begin.start
            elif item.window.end == end.start:
                # Backwards, where the start was moved back.
                length = begin.end - item.window.start
            else:
                return False
            return length <= self._length

        for item in takewhile(goes_on, waiting):
            parts.append(item)
        return parts


def as_one(parts: list[Due]) -> Due:
    """Return windows that follow on each other as one."""
    windows = [part.window for part in parts]
    start = min(window.start for window in windows)
    end = max(window.end for window in windows)
    return replace(parts[0], window=Window(start, end))
