"""`make screenshots`: the demo's report and a journey of it, as README shows them."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
from playwright.sync_api import Browser, sync_playwright

from tests.demo import DATABASES, NOW, WORK_DIRS
from tests.report.browser import launched

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
# Somebody who came through several channels, but not so often that nobody looks at it all.
_PERSON = """
    select ids.external_id
    from genesys_marts.bridge_contact_external_ids as ids
    inner join genesys_marts.fct_journey_steps as steps
        on ids.canonical_contact_id = steps.canonical_contact_id
    group by ids.external_id
    having count(*) between 4 and 6 and count(distinct ids.canonical_contact_id) = 1
    order by count(steps.handoff_type) desc, count(distinct steps.channel_type) desc,
        ids.external_id
    limit 1
"""


def main() -> int:
    """Write both pages and photograph them."""
    database = ROOT / DATABASES["platform"]
    if not database.exists():
        sys.stderr.write("ERROR the demo was not made yet: make demo.\n")
        return 2
    with duckdb.connect(str(database), read_only=True) as connection:
        [(person,)] = connection.execute(_PERSON).fetchall()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        _loader("report", "--out", str(folder / "report.html"))
        _loader("journey", "--out", str(folder / "journey.html"), "--", person)
        browser = launched(playwright)
        for page, width, height in (("report", 1280, 1330), ("journey", 1280, 1060)):
            _photograph(browser, folder / f"{page}.html", DOCS / f"{page}.png", width, height)
        browser.close()
    return 0


def _loader(*words: str) -> None:
    settings = {
        "ELT_DUCKDB_PATH": str(ROOT / DATABASES["platform"]),
        "ELT_WORK_DIR": str(ROOT / WORK_DIRS["platform"]),
        "ELT_NOW": NOW,
    }
    machine = {k: v for k, v in os.environ.items() if not k.startswith(("GENESYS_", "ELT_"))}
    subprocess.run(
        [sys.executable, "-m", "loader", *words], env={**machine, **settings}, cwd=ROOT, check=True
    )


def _photograph(browser: Browser, page: Path, picture: Path, width: int, height: int) -> None:
    context = browser.new_context(offline=True, viewport={"width": width, "height": height})
    opened = context.new_page()
    opened.goto(page.as_uri())
    opened.locator("html[data-ready]").wait_for(state="attached")
    # A week, beside the week before; a journey has no such button.
    for week in opened.locator("[data-days='7']").all():
        week.click()
        opened.locator("html[data-shown^='from']").wait_for(state="attached")
    opened.screenshot(path=picture)
    context.close()


if __name__ == "__main__":
    sys.exit(main())
