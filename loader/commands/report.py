"""`report`: one page for whoever runs the contact centre, in a file of its own."""

import argparse
from contextlib import closing
from datetime import date
from pathlib import Path

from loader.commands.console import console
from loader.commands.session import dataset_of
from loader.errors import ExitCode, SettingsError
from loader.report.page import compiled_charts, write, written_page
from loader.report.tables import period_of, tables_of
from loader.settings import Settings
from loader.warehouses.lock import locked

OUT = Path("data/report.html")


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Write the page and say where it is.

    Raises:
        SettingsError: --from or --to is no date, or one lies behind the other.
        DestinationError: the warehouse cannot be read or is built in part, or the page cannot be
            written.
        BuildFailed: a chart is wrong, and which.
    """
    start, end = _day("--from", options.start), _day("--to", options.end)
    if start and end and start > end:
        raise SettingsError(f"--from {start} is after --to {end}.")
    dataset = dataset_of(settings)
    today = settings.now().date()
    with locked(settings, dataset.warehouse, dataset.warehouse.wait_seconds), closing(dataset):
        if dataset.exists():
            dataset.connect(to_look=True)
        period = period_of(dataset, start, end, today)
        if start and period.start > period.end:
            raise SettingsError(f"--from {start} is after the newest day, {period.end}.")
        tables = tables_of(dataset, period, with_agents=options.agents)
    facts = {
        "from": str(period.start),
        "to": str(period.end),
        "contract": settings.contract,
        "written_at": f"{settings.now():%Y-%m-%d %H:%M}",
    }
    place = write(
        options.out or OUT, written_page("report", tables, compiled_charts(tables), facts)
    )
    console().print(f"The report is {place}", soft_wrap=True, markup=False)
    return ExitCode.OK


def _day(flag: str, text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise SettingsError(f"{flag} {text!r} must be a date such as 2026-03-01.") from None
