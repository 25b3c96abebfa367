"""ISO-8601 durations, and the buckets they cut an interval into.

Days, weeks and months are the calendar's of a time zone, so a day has 23 or 25 hours where clocks
change; hours and minutes are the same everywhere. Buckets are counted from the interval's start,
and the last one ends with the interval.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.sandbox.clock import DAY, EPOCH, HOUR, MINUTE, SECOND

_DURATION = re.compile(
    r"P(?=.)(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=.)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)


@dataclass(frozen=True, slots=True)
class Period:
    """A duration: months and days of the calendar, and milliseconds."""

    months: int = 0
    days: int = 0
    millis: int = 0

    @property
    def about(self) -> int:
        """Its length in milliseconds; a month counts 30 days."""
        return (self.months * 30 + self.days) * DAY + self.millis


@dataclass(frozen=True, slots=True)
class Bucket:
    """A half-open stretch of time."""

    start: int
    end: int

    def text(self) -> str:
        """Write it as an API interval."""
        return f"{_with_millis(self.start)}/{_with_millis(self.end)}"


def read_period(text: str) -> Period:
    """Read an ISO-8601 duration; raises ValueError, for one of no length too."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no ISO-8601 duration")
    told = {name: int(value or 0) for name, value in found.groupdict().items()}
    period = Period(
        months=told["months"],
        days=told["weeks"] * 7 + told["days"],
        millis=told["hours"] * HOUR + told["minutes"] * MINUTE + told["seconds"] * SECOND,
    )
    if period.about <= 0:
        raise ValueError(f"{text!r} has no length")
    return period


def later(instant: int, period: Period, times: int, zone: ZoneInfo) -> int:
    """Return the instant so many periods later, by the zone's calendar."""
    if period.months or period.days:
        local = datetime.fromtimestamp(instant / SECOND, zone).replace(tzinfo=None)
        month = local.month - 1 + period.months * times
        first = local.replace(year=local.year + month // 12, month=month % 12 + 1, day=1)
        wall = first + timedelta(days=local.day - 1 + period.days * times)
        moved = wall.replace(tzinfo=zone).astimezone(UTC)
        instant = (moved - EPOCH) // timedelta(milliseconds=1)
    return instant + period.millis * times


def buckets(start: int, end: int, period: Period | None, zone: ZoneInfo) -> Iterator[Bucket]:
    """Cut [start, end); without a period it stays whole."""
    if period is None:
        yield Bucket(start, end)
        return
    times, low = 0, start
    while low < end:
        times += 1
        high = min(later(start, period, times, zone), end)
        yield Bucket(low, high)
        low = high


class Finder:
    """Finds the bucket of an instant."""

    def __init__(self, start: int, end: int, period: Period | None, zone: ZoneInfo) -> None:
        self._all = list(buckets(start, end, period, zone))
        self._width = max(bucket.end - bucket.start for bucket in self._all)

    def of(self, instant: int) -> Bucket | None:
        """Return the bucket an instant lies in, None outside of the interval."""
        first = self._all[0].start
        if not first <= instant < self._all[-1].end:
            return None
        # No bucket is wider than the widest, so the right one is not before this place.
        place = (instant - first) // self._width
        while self._all[place].end <= instant:
            place += 1
        return self._all[place]


def _with_millis(instant: int) -> str:
    seconds, fraction = divmod(instant, SECOND)
    return f"{(EPOCH + timedelta(seconds=seconds)):%Y-%m-%dT%H:%M:%S}.{fraction:03d}Z"
