"""The organisation's time: instants as epoch milliseconds, and a clock that moves when told."""

import os
from datetime import UTC, datetime, timedelta

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_millis(text: str) -> int:
    """Read an ISO-8601 instant; raises ValueError where the offset is missing."""
    instant = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no offset")
    return (instant - EPOCH) // timedelta(milliseconds=1)


def to_text(millis: int) -> str:
    """Write an instant as Genesys does: a whole second carries no fraction."""
    seconds, fraction = divmod(millis, SECOND)
    text = (EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:03d}Z" if fraction else f"{text}Z"


def floor_to(millis: int, step: int) -> int:
    """Return the last multiple of `step` at or before the instant."""
    return millis - millis % step


def configured_now() -> int:
    """Return ELT_NOW, which the loader reads too, or else the machine's own time."""
    text = os.environ.get("ELT_NOW", "").strip()
    if text:
        return to_millis(text)
    return floor_to((datetime.now(UTC) - EPOCH) // timedelta(milliseconds=1), SECOND)


class Clock:
    """The organisation's now. It stands still until somebody moves it."""

    def __init__(self, now: int) -> None:
        self.now = now

    def set(self, now: int) -> None:
        """Move to an instant; backwards is allowed, a test may want yesterday's answer."""
        self.now = now

    def advance(self, seconds: float) -> None:
        """Move on by so many seconds."""
        self.now += round(seconds * SECOND)
