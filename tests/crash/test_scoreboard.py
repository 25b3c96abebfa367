"""Figures of a long run add up over its parts, and what was not survived stays until it is."""

from pathlib import Path

import pytest

from tests.crash import scoreboard
from tests.crash.hooks import Strike, named
from tests.crash.scoreboard import Figures, Result

FAILED = '--scenario "next day" --strike "sql:1:before:locked"'


@pytest.fixture(autouse=True)
def _kept_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoreboard, "FIGURES", tmp_path / "data" / "crash.json")


def _keep(part: int, of: int, good: int, commit: str = "abc", **problems: str) -> None:
    result = Result(commit, known=30, struck=10, good=good, problems=problems)
    Figures.keep({("failures", "next day", part, of): result})


def test_parts_add_up() -> None:
    _keep(1, 3, 10)
    _keep(2, 3, 10)
    assert "failures made good           20/20 of 30 (67 %) in 2 calls, on abc" in (
        Figures.read().text()
    )


def test_parts_of_another_size_may_hold_the_same_and_are_not_added() -> None:
    _keep(1, 3, 10)
    _keep(1, 2, 10)
    assert "10/10 of 30 (33 %)" in Figures.read().text()


def test_what_ran_on_another_commit_is_told_apart() -> None:
    _keep(1, 3, 10, "abc")
    _keep(2, 3, 10, "def")
    lines = Figures.read().text().splitlines()
    assert [line[-6:] for line in lines] == ["on abc", "on def"]
    assert all("10/10 of 30 (33 %)" in line for line in lines)


def test_a_part_that_failed_stays_red_until_it_passes() -> None:
    _keep(1, 3, 9, **{FAILED: "V9: rows are missing"})
    _keep(2, 3, 10, "def")
    assert f"NOT SURVIVED {FAILED}: V9: rows are missing (on abc)" in Figures.read().text()
    _keep(1, 3, 10, "def")
    assert "NOT SURVIVED" not in Figures.read().text()


def test_a_whole_run_replaces_its_parts() -> None:
    _keep(1, 3, 9, **{FAILED: "V9: rows are missing"})
    _keep(1, 1, 10)
    assert Figures.read().text().splitlines() == [
        "failures made good           10/10 of 30 (33 %) in 1 calls, on abc"
    ]


def test_a_strike_that_is_survived_at_last_is_no_longer_red() -> None:
    _keep(1, 3, 9, **{FAILED: "V9: rows are missing"})
    Figures.keep({}, [FAILED])
    assert "10/10 of 30" in Figures.read().text()
    assert not Figures.read().problems()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("rename a/1795802003.27126/b", "rename a/1795803373.6441/b"),
        ("open load/normalized/0123456789abcdef", "open load/normalized/fedcba9876543210"),
        ("open new_jobs/x.0123456789.0.parquet", "open new_jobs/x.ab23456789.0.parquet"),
        ("open bucket/.partial/12-x.jsonl", "open bucket/.partial/3456-x.jsonl"),
        ("GET /jobs/0a1b2c3d-0423-58cd-ada1-0123456789ab/results", "GET /jobs/#/results"),
        ("GET /results?cursor=a%3D&pageSize=3", "GET /results?cursor=b&pageSize=3"),
    ],
)
def test_an_effect_has_one_name_in_every_run(one: str, other: str) -> None:
    assert named(one) == named(other)


@pytest.mark.parametrize(
    "text",
    ["file:17:after:kill", "sql:3+:before:locked", "file:2:after:torn:open a: b/#"],
)
def test_a_strike_is_read_as_it_was_written(text: str) -> None:
    assert str(Strike.parse(text)) == text
