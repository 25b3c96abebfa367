"""A pytest plugin that keeps, in data/faults.json, how each test of a fault has ended last.

A test is one of a fault by its name (`test_h5_h6_...`), or by that of its case (`[H5 extracted]`).
The models' own tests are one test here, and stand for the faults their names tell.
"""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "data" / "faults.json"
NAMED = re.compile(r"::test_((?:[a-m]\d{1,2}_)+)|\[([A-M]\d{1,2}) [a-z]")
OF_MODELS = re.compile(r"- name: ((?:[a-m]\d{1,2}_)+)")
THE_MODELS_OWN = "test_every_test_of_the_models_passes"

_ended: dict[str, bool] = {}


def faults_of(test: str) -> set[str]:
    """Return the faults that a test's full name tells."""
    found = {name for match in NAMED.finditer(test) for name in _names(match[1] or match[2])}
    if THE_MODELS_OWN in test:
        for path in (ROOT / "dbt_project" / "models").rglob("*.yml"):
            for match in OF_MODELS.finditer(path.read_text("utf-8")):
                found |= set(_names(match[1]))
    return found


def _names(joined: str) -> list[str]:
    return [name.upper() for name in joined.split("_") if name]


def ended() -> dict[str, bool]:
    """Return the tests that have run, and whether each came through the last time."""
    return dict(json.loads(KEPT.read_text("utf-8"))) if KEPT.exists() else {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note how a test ended: it came through if every phase of it did."""
    if not report.skipped and faults_of(report.nodeid):
        _ended[report.nodeid] = _ended.get(report.nodeid, True) and report.passed


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep it; the workers of xdist leave that to the process that has started them."""
    if _ended and not hasattr(session.config, "workerinput"):
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(json.dumps({**ended(), **_ended}, indent=1, sort_keys=True), "utf-8")
