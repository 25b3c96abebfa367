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


def test_it_doubles_while_answers_are_small_up_to_the_longest() -> None:
    lengths = Lengths(longest=DAY * 5, most_bytes=100)
    counts = []
    for _ in range(5):
        parts = lengths.joined(days(*range(20)))
        counts.append(len(parts))
        lengths.answered(as_one(parts).window, 10)
    assert counts == [1, 2, 4, 5, 5]


def test_it_stops_growing_at_answers_that_are_no_longer_small_and_where_it_is_refused() -> None:
    lengths = Lengths(longest=DAY * 31, most_bytes=100)
    lengths.answered(days(0)[0].window, 10)
    lengths.answered(as_one(days(0, 1)).window, 60)
    assert len(lengths.joined(days(*range(20)))) == 2
    lengths.refused(as_one(days(0, 1)).window)
    lengths.answered(days(0)[0].window, 10)
    assert len(lengths.joined(days(*range(20)))) == 1


def test_only_what_follows_for_the_same_reason_is_joined_in_either_direction() -> None:
    lengths = Lengths(longest=DAY * 31, most_bytes=100)
    lengths.answered(as_one(days(*range(10))).window, 10)
    assert len(lengths.joined([*days(0, 1), *days(3, 4)])) == 2
    assert len(lengths.joined([*days(0), *days(1, reason="new")])) == 1
    backwards = lengths.joined(days(4, 3, 2))
    assert as_one(backwards).window == Window(BEGINNING + DAY * 2, BEGINNING + DAY * 5)


def test_who_asks_for_one_window_at_a_time_goes_on_doing_so() -> None:
    lengths = Lengths(longest=None, most_bytes=100)
    lengths.answered(days(0)[0].window, 1)
    assert len(lengths.joined(days(*range(5)))) == 1
