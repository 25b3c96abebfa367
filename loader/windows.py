"""Half-open UTC time windows: which are due, how they are cut, what moves the watermark."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(moment: datetime) -> str:
    """Return `moment` as Genesys writes it: UTC, milliseconds, Z."""
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


@dataclass(frozen=True, order=True)
class Window:
    """A half-open interval, UTC: `start` is in, `end` is out. A snapshot has no length."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start > self.end:
            raise ValueError(f"a window must not end before it starts: {self}")

    def __str__(self) -> str:
        """Return the interval in the form the Genesys API takes."""
        return f"{iso(self.start)}/{iso(self.end)}"

    def halves(self, step: timedelta | None = None) -> tuple["Window", "Window"] | None:
        """Return the window cut in two; None once it is too short to cut.

        Args:
            step: the cut is at a multiple of it, at a full minute where it is None.
        """
        middle = floor(self.start + (self.end - self.start) / 2, step or timedelta(minutes=1))
        if not self.start < middle < self.end:
            return None
        return Window(self.start, middle), Window(middle, self.end)


def floor(moment: datetime, step: timedelta) -> datetime:
    """Return the last multiple of `step` since 1970 that is not after `moment`."""
    return moment - (moment - EPOCH) % step


def cut(start: datetime, end: datetime, length: timedelta) -> Iterator[Window]:
    """Cut `start`..`end` at the multiples of `length` since 1970 (24 h: at UTC midnights)."""
    while start < end:
        border = min(floor(start, length) + length, end)
        yield Window(start, border)
        start = border


@dataclass(frozen=True)
class Horizon:
    """How far reading may go now, and what holds it there."""

    end: datetime
    limited_by: str | None
    source_available_through: datetime | None


def horizon(
    now: datetime, settle: timedelta, available: datetime | None, wanted: datetime | None = None
) -> Horizon:
    """Return where reading must stop: data past it may still be missing without a sign.

    Args:
        now: the present.
        settle: how long the source needs until what happened is served.
        available: the source's own guarantee (`dataAvailabilityDate`), None where it gives none.
        wanted: an end the user asked for.
    """
    ends: list[tuple[datetime, str | None]] = [(now - settle, "settle delay")]
    if available is not None:
        ends.append((available, "source availability"))
    if wanted is not None:
        ends.append((wanted, None))
    end, limited_by = min(ends, key=lambda item: item[0])
    return Horizon(floor(end, timedelta(seconds=1)), limited_by, available)


@dataclass(frozen=True)
class Coverage:
    """What a resource has loaded without a gap: everything in `loaded_from`..`loaded_through`.

    `reread_on` is the UTC day on which trailing windows were last begun to be read again (nightly
    reprocessing changes them), `reread_through` how far that has come.
    """

    loaded_from: datetime | None = None
    loaded_through: datetime | None = None
    reread_on: str | None = None
    reread_through: datetime | None = None

    def after(self, window: Window, rereading: str | None) -> "Coverage":
        """Return the coverage once `window` is loaded as well; a gap moves nothing.

        Args:
            window: what has just been loaded.
            rereading: the day whose re-read the window is part of, None outside one.
        """
        begin, end = self.loaded_from, self.loaded_through
        if begin is None or end is None:
            begin, end = window.start, window.end
        elif window.start <= end and window.end >= begin:
            begin, end = min(begin, window.start), max(end, window.end)
        if rereading is None:
            return Coverage(begin, end, self.reread_on, self.reread_through)
        return Coverage(begin, end, rereading, window.end)


@dataclass(frozen=True)
class Rules:
    """The settings that decide which windows are due."""

    start: datetime
    length: timedelta
    overlap: timedelta
    lookback: timedelta


@dataclass(frozen=True)
class Due:
    """A window to read and why; `rereading` is the day of the re-read it belongs to."""

    window: Window
    reason: str
    rereading: str | None = None


def due(rules: Rules, coverage: Coverage, end: datetime, today: str) -> list[Due]:
    """Return the windows to read until `end`, in the order that keeps the coverage gapless.

    First the past when `start` was moved back (latest first, so that coverage grows downwards
    without a gap), then, once a UTC day, the trailing windows of `lookback`, then what is new, with
    `overlap` for records that became visible after their window was read.
    """
    begin, through = coverage.loaded_from, coverage.loaded_through
    if begin is None or through is None:
        return [
            Due(window, "first load", rereading=today)
            for window in cut(rules.start, end, rules.length)
        ]
    earlier = [
        Due(window, "start moved back")
        for window in reversed(list(cut(min(rules.start, begin), begin, rules.length)))
    ]
    if coverage.reread_on != today:
        again_from = floor(through - rules.lookback, rules.length)
    elif coverage.reread_through is not None and coverage.reread_through < through:
        again_from = coverage.reread_through
    else:
        again_from = through
    again = [
        Due(window, "lookback", rereading=today)
        for window in cut(max(again_from, begin), min(through, end), rules.length)
    ]
    if end <= through:
        return earlier + again
    new_from = max(through - rules.overlap, begin)
    if again and again_from <= new_from:
        # The overlap is part of what was just read again.
        new_from = through
    new = [Due(window, "new", rereading=today) for window in cut(new_from, end, rules.length)]
    return earlier + again + new
