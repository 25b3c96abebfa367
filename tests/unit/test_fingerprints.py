"""Fingerprints: one text for a value, whatever type an engine returns it as."""

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from loader.reference import fingerprints, world
from loader.reference.fingerprints import canonical, fingerprint

NOON = datetime(2026, 3, 14, 12, 0, 0, 120_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("3", [3, 3.0, Decimal("3.000"), 2.9999999999999996]),
        ("12345678901234567890", [12345678901234567890, Decimal("12345678901234567890")]),
        ("0.3", [0.3, 0.1 + 0.2, Decimal("0.300")]),
        ("-1234.567", [-1234.567, Decimal("-1234.567"), Decimal("-1234.5670000")]),
        ("0.000000001234", [1.234e-9, Decimal("0.000000001234")]),
        ("null", [None]),
        ("true", [True]),
        ('"3"', ["3"]),
        ('"a\\"b"', ['a"b']),
        (
            "2026-03-14T12:00:00.120000+00:00",
            [
                NOON,
                NOON.replace(tzinfo=None),
                NOON.astimezone(timezone(timedelta(hours=9))),
            ],
        ),
        ("2026-03-14", [date(2026, 3, 14)]),
        (
            '{"a": [1, 0.5], "b": null}',
            [
                '{"b":null,"a":[1,0.50]}',
                {"b": None, "a": [Decimal("1.0"), 0.5]},
                '{ "a" : [1.0, 0.5] , "b" : null }',
            ],
        ),
        ('"[not JSON"', ["[not JSON"]),
        ('"{}x"', ["{}x"]),
    ],
)
def test_engines_spell_one_value_in_many_ways(text: str, same: Sequence[object]) -> None:
    assert {canonical(value) for value in same} == {text}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (0.3, 0.30000001),
        (1, 2),
        (10**18, 10**18 + 1),
        ("1", 1),
        ("", None),
        (True, 1),
        ("a", "a "),
        ("a", "A"),
        (NOON, NOON + timedelta(microseconds=1)),
        ('{"a": 1}', '{"A": 1}'),
    ],
)
def test_what_differs_stays_apart(one: object, other: object) -> None:
    assert canonical(one) != canonical(other)


def test_rows_may_come_in_any_order_but_stay_together() -> None:
    rows = [(number, f"name {number % 7}", number / 3) for number in range(50)]
    shuffled = random.Random(7).sample(rows, len(rows))

    def columns(of: Sequence[tuple[int, str, float]]) -> dict[str, Sequence[object]]:
        return dict(zip(("id", "name", "share"), map(list, zip(*of, strict=True)), strict=True))

    first, second = fingerprint(columns(rows)), fingerprint(columns(shuffled))
    assert first == second
    # A row twice is not a row, and its absence is not nothing.
    assert fingerprint(columns([*rows, rows[0]])) != first
    # The same values in other rows: every column is as before, the table is not.
    crossed = {**columns(rows), "name": list(columns(rows)["name"])[::-1]}
    assert fingerprint(crossed).columns == first.columns
    assert fingerprint(crossed).digest != first.digest


def test_a_table_without_rows_has_its_columns() -> None:
    assert fingerprint({"a": [], "b": []}) != fingerprint({"a": []})


def test_the_world_is_written_as_it_was_read(tmp_path: Path) -> None:
    known = world.read()
    world.write(known, tmp_path / "again.xz")
    assert (tmp_path / "again.xz").read_bytes() == world.FILE.read_bytes()
    assert world.FILE.stat().st_size < 1 << 20
    fingerprints.write(fingerprints.read(), tmp_path / "marts.json")
    assert (tmp_path / "marts.json").read_text() == fingerprints.FILE.read_text()
