"""`journey`: one contact's journey as a page of its own."""

import argparse
from contextlib import closing
from pathlib import Path

from loader.commands.console import console
from loader.commands.person import canonical_contact
from loader.commands.session import dataset_of
from loader.errors import ExitCode
from loader.report.journey import NEEDED, journey_of
from loader.report.page import compiled_charts, write, written_page
from loader.settings import Settings
from loader.warehouses.lock import locked

OUT = Path("data/journey.html")


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Write the page of one contact, found by its id in another system, and say where it is.

    Raises:
        SettingsError: no contact has that id, or several people do.
        DestinationError: the marts have not been built, or the page cannot be written.
    """
    dataset = dataset_of(settings)
    wait = dataset.warehouse.wait_seconds
    with locked(settings, dataset.warehouse, wait), closing(dataset):
        if dataset.exists():
            dataset.connect(to_look=True)
        contact_id = canonical_contact(dataset, options.contact, *NEEDED)
        tables, zone = journey_of(dataset, contact_id, settings.now())
    facts = {"contact": options.contact, "zone": zone, "contract": settings.contract}
    text = written_page("journey", tables, compiled_charts(tables), facts)
    place = write(options.out or OUT, text)
    console().print(f"The journey is {place}", soft_wrap=True, markup=False)
    return ExitCode.OK
