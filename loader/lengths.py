"""How long a window is asked for at once, where the source takes several windows in one request.

Nobody publishes how long an interval an aggregate may have or how large an answer may be, so it is
found out: an answer tells by its size how long the next may be, and a refusal that it was too long.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import takewhile

from loader.windows import Due, Window

# How much longer than the answer it goes by the next may be: days differ, the first of all tells
# nothing of the others, and what takes too long to count is not answered.
MOST_GROWTH = 4


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
        # The longest that was answered, and the shortest that was not.
        self._answered = timedelta(0)
        self._refused: timedelta | None = None

    def is_tried(self, window: Window) -> bool:
        """Tell whether so long a time was answered before, where that is a question."""
        return not self._longest or window.end - window.start <= self._answered

    @property
    def _next(self) -> timedelta:
        length = min(self._length, self._longest)
        if self._refused is None:
            return length
        return min(length, (self._answered + self._refused) / 2)

    def answered(self, window: Window, byte_count: int) -> None:
        """Learn from an answer of so many bytes."""
        length = window.end - window.start
        self._answered = max(self._answered, length)
        times = self._most_bytes / max(byte_count, 1)
        if times >= 2:
            self._length = max(self._length, length * min(int(times), MOST_GROWTH))
        else:
            self._longest = min(self._longest, length * min(times, 1.0))

    def refused(self, window: Window) -> None:
        """Learn from the refusal of a window."""
        length = window.end - window.start
        self._refused = min(self._refused or length, length)
        if self._answered >= self._refused:
            # What was answered was easier.
            self._answered = self._refused / 2

    def joined(self, due: Iterable[Due]) -> list[Due]:
        """Return the first windows that can be asked for as one; at least the first."""
        waiting = deque(due)
        parts = [waiting.popleft()]
        most = self._next

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
            return length <= most

        for item in takewhile(goes_on, waiting):
            parts.append(item)
        return parts

    def apart(self, parts: Iterable[Due]) -> list[list[Due]]:
        """Return windows in groups that can each be asked for as one."""
        left, groups = list(parts), []
        while left:
            groups.append(self.joined(left))
            del left[: len(groups[-1])]
        return groups


def as_one(parts: list[Due]) -> Due:
    """Return windows that follow on each other as one."""
    windows = [part.window for part in parts]
    start = min(window.start for window in windows)
    end = max(window.end for window in windows)
    return replace(parts[0], window=Window(start, end))
