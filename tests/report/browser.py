"""A real browser without a network, that tells what a page says and asks for."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Playwright, sync_playwright

# Debian's, Ubuntu's, and that of a machine whose owner browses with it.
NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start one browser for all tests; where there is none, CI fails and others are told."""
    if found() is None:
        said = f"no browser is here (one of {', '.join(NAMES)}): the report was not looked at"
        if os.environ.get("CI"):
            pytest.fail(said)
        pytest.skip(said)
    with sync_playwright() as playwright:
        running = launched(playwright)
        yield running
        running.close()


def found() -> str | None:
    """Return where a browser is."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def launched(playwright: Playwright) -> Browser:
    """Start the machine's browser."""
    # Chromium has no sandbox for root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=found(), args=arguments)


@dataclass
class Visit:
    """A page as somebody sees it.

    Attributes:
        page: playwright's.
        said: what was written to the console, errors among it.
        asked: requests, but for the file itself.
    """

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def card(self, measure: str) -> Locator:
        """Return the value of a card, with what stands below it."""
        return self.page.locator(f'[data-card="{measure}"]')

    def value(self, measure: str) -> str:
        """Return the value of a card alone."""
        return str(self.card(measure).evaluate("card => card.firstChild.textContent"))

    def chart(self, name: str) -> Locator:
        """Return the figure of a chart."""
        return self.page.locator(f'figure[data-chart="{name}"]')

    def rows(self, table: Locator) -> list[list[str]]:
        """Return the lines of a table as they are written."""
        return [line.locator("td").all_inner_texts() for line in table.locator("tbody tr").all()]

    def shown(self, choice: str) -> None:
        """Wait until all that is in the address is drawn."""
        self.page.locator(f'html[data-shown="{choice}"]').wait_for(state="attached")

    def width(self) -> int:
        """Return how wide the page is; more than the window is too wide."""
        return int(self.page.evaluate("document.documentElement.scrollWidth"))

    def violations(self) -> list[object]:
        """Return what axe finds wrong for those who do not see or use no mouse."""
        found = Axe().run(self.page).response["violations"]
        return [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found]


@contextmanager
def visit(browser: Browser, path: Path, address: str = "", width: int = 1280) -> Iterator[Visit]:
    """Open a page; at the end it must have said and asked for nothing."""
    context = browser.new_context(offline=True, viewport={"width": width, "height": 900})
    try:
        page = context.new_page()
        visited = Visit(page)
        page.on("console", lambda message: visited.said.append(message.text))
        page.on("pageerror", lambda error: visited.said.append(str(error)))
        page.on("request", lambda request: visited.asked.append(request.url))
        page.goto(path.as_uri() + (f"#{address}" if address else ""))
        page.locator("html[data-ready]").wait_for(state="attached")
        yield visited
        assert visited.said == []
        assert [url for url in visited.asked if not url.startswith(("file:", "data:"))] == []
    finally:
        context.close()
