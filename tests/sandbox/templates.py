"""A conversation rendered once, and put at any hour under any ids by replacing a few marks.

All ids of a conversation share their first eight digits, which a mark stands for; each date and
hour is a mark too. Both are characters of Unicode's private area, which no payload of ours holds.
So a million conversations cost two or three bytes.replace each, and no memory.
"""

import re
from collections.abc import Callable
from functools import lru_cache

import msgspec

from tests.sandbox.clock import HOUR, MINUTE, SECOND, to_text
from tests.sandbox.draft import ID_MARK

FIRST_HOUR_MARK = 0xE100
# U+E000 to U+EFFF in UTF-8; the id mark is among them.
_MARKS = re.compile(rb"\xee[\x80-\xbf]{2}")
_ID_MARK = ID_MARK.encode()
_SHORT_MARKS = tuple(bytes([code]) for code in range(1, 32))


def marked_stamp(offset: int) -> Callable[[int], str]:
    """Return a function that writes instants of a script that starts `offset` into its hour."""

    def stamp(millis: int) -> str:
        hour, rest = divmod(offset + millis, HOUR)
        minute, rest = divmod(rest, MINUTE)
        second, fraction = divmod(rest, SECOND)
        mark = chr(FIRST_HOUR_MARK + hour)
        if fraction:
            return f"{mark}:{minute:02d}:{second:02d}.{fraction:03d}Z"
        return f"{mark}:{minute:02d}:{second:02d}Z"

    return stamp


class Template:
    """A rendered record with marks for its ids and hours."""

    __slots__ = ("_body", "_hours")

    def __init__(self, record: object) -> None:
        body = msgspec.json.encode(record).replace(_ID_MARK, _SHORT_MARKS[0])
        marks = sorted(set(_MARKS.findall(body)))
        # The first marks become control characters, which JSON never holds as they are:
        # replacing a single byte takes half the time. Conversations over days have more hours.
        short = dict(zip(marks, _SHORT_MARKS[1:], strict=False))
        for mark, byte in short.items():
            body = body.replace(mark, byte)
        self._body = body
        self._hours = tuple(
            (short.get(mark, mark), ord(mark.decode()) - FIRST_HOUR_MARK) for mark in marks
        )

    def at(self, id_prefix: bytes, hour_number: int) -> bytes:
        """Return the record with these first eight digits, starting in that hour since 1970."""
        body = self._body.replace(_SHORT_MARKS[0], id_prefix)
        for mark, hour in self._hours:
            body = body.replace(mark, _hour_text(hour_number + hour))
        return body


@lru_cache(maxsize=10_000)
def _hour_text(hour_number: int) -> bytes:
    return to_text(hour_number * HOUR)[:13].encode()
