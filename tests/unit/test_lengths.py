"""How long a time is asked for at once: longer after small answers, shorter once refused."""

from datetime import UTC, datetime, timedelta

from loader.lengths import Lengths, as_one
from loader.windows import Due, Window

DAY = timedelta(days=1)
BEGINNING = datetime(2026, 3, 1, tzinfo=UTC)


def days(*numbers: int, reason: str = "first load") -> list[Due]:
    return [
        Due(Window(BEGINNING + DAY * number, BEGINNING + DAY * (number + 1)), reason)
        for number in numbers
    ]


def asked(lengths: Lengths, count: int, bytes_a_day: int, most_days: int = 99) -> list[int]:
    """Ask for so many days of a source that answers `most_days`; return how many at once."""
    due, lengths_asked = days(*range(count)), []
    while due:
        parts = lengths.joined(due)
        lengths_asked.append(len(parts))
        if len(parts) > most_days:
            lengths.refused(as_one(parts).window)
            continue
        lengths.answered(as_one(parts).window, bytes_a_day * len(parts))
        del due[: len(parts)]
    return lengths_asked


def test_an_answer_tells_how_long_the_next_may_be() -> None:
    assert asked(Lengths(DAY * 31, most_bytes=1_000), 30, bytes_a_day=1) == [1, 4, 16, 9]
    assert asked(Lengths(DAY * 31, most_bytes=1_000), 101, bytes_a_day=30) == [1, 4, 16, 31, 31, 18]
    assert asked(Lengths(DAY * 31, most_bytes=100), 30, bytes_a_day=25) == [1, *[4] * 7, 1]
    assert asked(Lengths(DAY * 31, most_bytes=100), 4, bytes_a_day=60) == [1, 1, 1, 1]


def test_a_refusal_tells_what_is_too_long_and_the_longest_that_is_not_is_found() -> None:
    week = asked(Lengths(DAY * 31, most_bytes=1_000), 60, bytes_a_day=1, most_days=7)
    assert week == [1, 4, 16, 10, 7, 8, *[7] * 6, 6]
    assert asked(Lengths(DAY * 31, most_bytes=1_000), 6, 1, most_days=1) == [1, 4, 2, *[1] * 5]


def test_who_answered_more_than_was_wanted_is_asked_for_less() -> None:
    lengths = Lengths(DAY * 31, most_bytes=100)
    lengths.answered(as_one(days(*range(8))).window, 400)
    lengths.answered(days(8)[0].window, 0)
    assert len(lengths.joined(days(*range(20)))) == 2


def test_what_was_refused_is_not_asked_for_again_whatever_was_answered_before() -> None:
    lengths = Lengths(DAY * 31, most_bytes=1_000)
    lengths.answered(as_one(days(*range(8))).window, 8)
    lengths.refused(as_one(days(*range(4))).window)
    assert [len(group) for group in lengths.apart(days(*range(8)))] == [3, 3, 2]


def test_only_a_time_longer_than_any_answered_is_untried() -> None:
    lengths = Lengths(DAY * 31, most_bytes=100)
    assert not lengths.is_tried(days(0)[0].window)
    lengths.answered(days(0)[0].window, 10)
    assert lengths.is_tried(days(1)[0].window)
    assert not lengths.is_tried(as_one(days(1, 2)).window)
    assert Lengths(None, most_bytes=100).is_tried(days(0)[0].window)


def test_only_what_follows_for_the_same_reason_is_joined_in_either_direction() -> None:
    lengths = Lengths(longest=DAY * 31, most_bytes=100)
    lengths.answered(days(0)[0].window, 10)
    assert len(lengths.joined([*days(0, 1), *days(3, 4)])) == 2
    assert len(lengths.joined([*days(0), *days(1, reason="new")])) == 1
    backwards = lengths.joined(days(4, 3, 2))
    assert as_one(backwards).window == Window(BEGINNING + DAY * 2, BEGINNING + DAY * 5)


def test_who_asks_for_one_window_at_a_time_goes_on_doing_so() -> None:
    lengths = Lengths(longest=None, most_bytes=100)
    lengths.answered(days(0)[0].window, 1)
    assert len(lengths.joined(days(*range(5)))) == 1
