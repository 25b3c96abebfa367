"""What the commands show on standard output: plain tables that can be copied and searched."""

from datetime import datetime

from rich import box
from rich.console import Console
from rich.table import Table

from loader.errors import ExitCode


def table(*headings: str) -> Table:
    """Return a plain table whose cells are never cut or wrapped: they are copied and searched."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in headings:
        counts = heading in ("windows", "requests", "records", "quarantined")
        table.add_column(heading, no_wrap=True, justify="right" if counts else "left")
    return table


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """End without a word: whoever reads, as `head` does, has seen enough."""
        try:
            super().on_broken_pipe()
        except SystemExit:
            raise SystemExit(ExitCode.OK) from None


def console() -> Console:
    """Return a console for standard output; wide where nobody's window is the limit."""
    console = _Console()
    return console if console.is_terminal else _Console(width=160)


def minute(moment: datetime | None) -> str:
    """Return an instant to the minute, a dash where there is none."""
    return f"{moment:%Y-%m-%d %H:%M}Z" if moment else "-"
