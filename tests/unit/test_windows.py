"""Windows: half-open, gapless, never past what the source guarantees."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from loader.windows import Coverage, Due, Rules, Window, cut, due, horizon

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


RULES = Rules(start=at(1), length=DAY, overlap=HOUR, lookback=3 * DAY)


def loaded(windows: list[Due], coverage: Coverage) -> Coverage:
    for item in windows:
        coverage = coverage.after(item.window, item.rereading)
    return coverage


def spans(windows: list[Due]) -> list[tuple[str, str]]:
    return [(f"{w.window.start:%d %H:%M}", f"{w.window.end:%d %H:%M}") for w in windows]


def test_cuts_meet_at_utc_midnights_and_miss_no_instant() -> None:
    windows = list(cut(at(1, 9), at(3, 6), DAY))
    assert windows == [
        Window(at(1, 9), at(2)),
        Window(at(2), at(3)),
        Window(at(3), at(3, 6)),
    ]


def test_an_interval_is_written_as_genesys_reads_it() -> None:
    text = str(Window(at(1), at(2)))
    assert text == "2026-03-01T00:00:00.000Z/2026-03-02T00:00:00.000Z"


def test_a_window_cannot_end_before_it_starts() -> None:
    with pytest.raises(ValueError, match="must not end before it starts"):
        Window(at(2), at(1))


def test_the_horizon_is_the_earliest_of_settle_delay_availability_and_wish() -> None:
    settle = timedelta(minutes=15)
    by_settle = horizon(at(5, 12), settle, at(5, 12))
    assert (by_settle.end, by_settle.limited_by) == (at(5, 11, 45), "settle delay")
    by_source = horizon(at(5, 12), settle, at(5, 3))
    assert (by_source.end, by_source.limited_by) == (at(5, 3), "source availability")
    by_wish = horizon(at(5, 12), settle, None, wanted=at(4))
    assert (by_wish.end, by_wish.limited_by) == (at(4), None)


def test_a_first_load_reads_from_the_start_in_order() -> None:
    windows = due(RULES, Coverage(), at(3, 6), today="2026-03-03")
    assert spans(windows) == [
        ("01 00:00", "02 00:00"),
        ("02 00:00", "03 00:00"),
        ("03 00:00", "03 06:00"),
    ]


def test_nothing_is_due_again_at_the_same_time() -> None:
    first = due(RULES, Coverage(), at(3, 6), today="2026-03-03")
    assert due(RULES, loaded(first, Coverage()), at(3, 6), today="2026-03-03") == []


def test_later_the_same_day_only_the_new_time_is_read_with_the_overlap() -> None:
    coverage = loaded(due(RULES, Coverage(), at(10, 6), "2026-03-10"), Coverage())
    assert spans(due(RULES, coverage, at(10, 9), "2026-03-10")) == [("10 05:00", "10 09:00")]


def test_on_the_next_day_the_lookback_is_read_again_before_the_new_time() -> None:
    coverage = loaded(due(RULES, Coverage(), at(10, 6), "2026-03-10"), Coverage())
    windows = due(RULES, coverage, at(11, 9), "2026-03-11")
    assert spans(windows) == [
        ("07 00:00", "08 00:00"),
        ("08 00:00", "09 00:00"),
        ("09 00:00", "10 00:00"),
        ("10 00:00", "10 06:00"),
        ("10 06:00", "11 00:00"),
        ("11 00:00", "11 09:00"),
    ]
    assert due(RULES, loaded(windows, coverage), at(11, 9), "2026-03-11") == []


def test_an_interrupted_lookback_goes_on_where_it_stopped() -> None:
    coverage = loaded(due(RULES, Coverage(), at(10, 6), "2026-03-10"), Coverage())
    windows = due(RULES, coverage, at(11, 9), "2026-03-11")
    after_two = loaded(windows[:2], coverage)
    assert after_two.loaded_through == coverage.loaded_through
    assert due(RULES, after_two, at(11, 9), "2026-03-11") == windows[2:]


def test_a_start_moved_back_is_loaded_latest_first_so_that_no_gap_can_stay() -> None:
    coverage = loaded(due(RULES, Coverage(), at(3, 6), "2026-03-03"), Coverage())
    earlier = replace(RULES, start=datetime(2026, 2, 27, tzinfo=UTC))
    windows = due(earlier, coverage, at(3, 6), "2026-03-03")
    assert [f"{item.window.start:%m-%d}" for item in windows] == ["02-28", "02-27"]
    after_one = loaded(windows[:1], coverage)
    assert after_one.loaded_from == datetime(2026, 2, 28, tzinfo=UTC)
    assert due(earlier, after_one, at(3, 6), "2026-03-03") == windows[1:]


def test_a_window_behind_a_gap_moves_no_watermark() -> None:
    coverage = Coverage(at(1), at(3), "2026-03-03", at(3))
    assert coverage.after(Window(at(5), at(6)), None) == coverage


def test_a_window_is_halved_at_a_full_minute_until_it_is_too_short() -> None:
    assert Window(at(1), at(2)).halves() == (Window(at(1), at(1, 12)), Window(at(1, 12), at(2)))
    assert Window(at(1), at(1, 0, 1)).halves() is None


def test_a_lookback_shorter_than_the_overlap_does_not_shorten_the_overlap() -> None:
    rules = replace(RULES, lookback=timedelta(0))
    coverage = loaded(due(rules, Coverage(), at(10, 0, 5), "2026-03-10"), Coverage())
    windows = due(rules, coverage, at(11, 9), "2026-03-11")
    assert min(item.window.start for item in windows) == at(9, 23, 5)
