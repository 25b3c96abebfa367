"""What a person sees while a run goes on: a live line on a terminal, plain lines elsewhere."""

import logging
import time
from types import TracebackType
from typing import Any, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

logger = logging.getLogger(__name__)


class Reporter(Protocol):
    """Told of every step of a run."""

    def begin(self, resource: str, window_count: int) -> None:
        """A resource has this many windows due."""

    def window(self, text: str) -> None:
        """Reading of a window, described by `text`, begins."""

    def read(self, pages: int, records: int, waited_seconds: float) -> None:
        """So many more pages and records are in the warehouse; so long was waited for them."""

    def pace(self, reading: int, quota_used: float) -> None:
        """So many windows are being read; the last minute took this share of the quota."""

    def window_done(self) -> None:
        """The window is loaded, or waits for company on its way."""

    def more(self, windows: int) -> None:
        """So many windows are due beside those announced, less if negative: some were cut anew."""

    def end(self) -> None:
        """The resource is done."""


class Totals:
    """Counts a resource's pages, records and waiting; knows its rate in records a second.

    Args:
        windows: how many are due.
    """

    def __init__(self, windows: int = 1) -> None:
        self.windows = windows
        self.windows_done = 0
        self.pages = 0
        self.records = 0
        self.waited_seconds = 0.0
        self._began = time.monotonic()

    def add(self, pages: int, records: int, waited_seconds: float) -> None:
        """Count one commit."""
        self.pages += pages
        self.records += records
        self.waited_seconds += waited_seconds

    def left(self) -> str:
        """Say how long the windows left will take, going by those that are done; "" before."""
        if not self.windows_done or self.windows_done >= self.windows:
            return ""
        each = (time.monotonic() - self._began) / self.windows_done
        return f", {each * (self.windows - self.windows_done) / 60:.1f} min left"

    def __str__(self) -> str:
        seconds = max(time.monotonic() - self._began, 0.001)
        return (
            f"{self.records:,} records, pages: {self.pages}, {self.records / seconds:,.0f}/s, "
            f"waited {self.waited_seconds:.1f} s"
        )


class Lines:
    """A log line per window, for schedulers and files."""

    def __init__(self) -> None:
        self._resource = ""
        self._text = ""
        self._totals = Totals()
        self._window = Totals()
        self._pace = ""

    def begin(self, resource: str, window_count: int) -> None:
        """Remember whose windows follow."""
        self._resource, self._totals = resource, Totals(window_count)

    def window(self, text: str) -> None:
        """Remember the window."""
        self._text, self._window = text, Totals()

    def read(self, pages: int, records: int, waited_seconds: float) -> None:
        """Count."""
        self._totals.add(pages, records, waited_seconds)
        self._window.add(pages, records, waited_seconds)

    def pace(self, reading: int, quota_used: float) -> None:
        """Remember what the next line tells of it."""
        self._pace = _pace(reading, quota_used)

    def window_done(self) -> None:
        """Write the window's line."""
        self._totals.windows_done += 1
        left = self._totals.left()
        logger.info("%s %s: %s; %s%s", self._resource, self._text, self._window, self._pace, left)

    def more(self, windows: int) -> None:
        """Count them."""
        self._totals.windows += windows

    def end(self) -> None:
        """Say nothing more: every window has its line."""


class Live:
    """A bar per resource that moves with its windows.

    Args:
        console: where to draw; must be a terminal.
    """

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.fields[resource]:<22}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:.0f}/{task.total:.0f} windows"),
            TextColumn("{task.fields[totals]}"),
            TextColumn("{task.fields[pace]}"),
            TextColumn("[dim]{task.fields[text]}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._task: TaskID | None = None
        self._totals = Totals()

    def __enter__(self) -> Self:
        """Take over the terminal's last lines."""
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the bars as they stand."""
        self._progress.stop()

    def begin(self, resource: str, window_count: int) -> None:
        """Add the resource's bar."""
        self._totals = Totals(window_count)
        self._task = self._progress.add_task(
            "", total=window_count, resource=resource, text="", totals="", pace=""
        )

    def window(self, text: str) -> None:
        """Name the window."""
        self._update(text=text)

    def read(self, pages: int, records: int, waited_seconds: float) -> None:
        """Show the new totals."""
        self._totals.add(pages, records, waited_seconds)
        self._update(totals=str(self._totals))

    def pace(self, reading: int, quota_used: float) -> None:
        """Show both, and how long the rest will take."""
        self._update(pace=_pace(reading, quota_used) + self._totals.left())

    def window_done(self) -> None:
        """Move the bar."""
        self._totals.windows_done += 1
        if self._task is not None:
            self._progress.advance(self._task)

    def more(self, windows: int) -> None:
        """Make the bar longer."""
        self._totals.windows += windows
        if self._task is not None:
            total = self._progress.tasks[self._task].total or 0
            self._progress.update(self._task, total=total + windows)

    def end(self) -> None:
        """Leave the bar without a window's name."""
        self._update(text="", totals=str(self._totals), pace="")

    def _update(self, **columns: Any) -> None:  # noqa: ANN401 - rich's own signature
        if self._task is not None:
            self._progress.update(self._task, **columns)


def _pace(reading: int, quota_used: float) -> str:
    return f"{reading} windows being read, {quota_used:.0%} of the quota used"
