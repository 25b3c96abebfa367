"""One number, wherever it is read: on the page, by MetricFlow, and by SQL on the marts."""

import csv
from pathlib import Path

from playwright.sync_api import Browser

from tests.harness.place import Place
from tests.harness.quick_dbt import quick_dbt
from tests.report.browser import visit
from tests.report.test_report import WHOLE, cards_by_sql, in_minutes
from tests.transform.warehouses import PROJECT


def test_cards_are_what_metricflow_computes(browser: Browser, built: Place, report: Path) -> None:
    by_sql = cards_by_sql(built)
    with visit(browser, report) as page:
        cards = page.page.locator("#cards [data-card]").evaluate_all(
            "cards => cards.map(card => card.dataset.card)"
        )
        assert {name: page.value(name) for name in cards} == by_sql
    days = ("--start-time", WHOLE[0], "--end-time", WHOLE[1])
    asked = ("metrics", "query", "--metrics", ",".join(cards), *days, "--csv", "cards.csv")
    # Where dbt has parsed it; it would leave its log open in this process.
    places = {
        "DBT_PROJECT_DIR": str(PROJECT),
        "DBT_TARGET_PATH": str(built.folder / "target"),
        "DBT_LOG_LEVEL_FILE": "none",
    }
    with quick_dbt():
        built.run(*asked, **places).succeeded()
    [found] = csv.DictReader((built.folder / "cards.csv").read_text("utf-8").splitlines())
    assert {name: in_words(name, float(value)) for name, value in found.items()} == by_sql


def in_words(name: str, value: float) -> str:
    """Write a number as the page does, by the unit in its name."""
    if name.endswith("_count"):
        return f"{value:,.0f}"
    return in_minutes(value) if name.endswith("_seconds") else f"{100 * value:.1f} %"
