"""`export`: one contact's journey as JSON."""

import argparse
import json
import sys
import unicodedata
from contextlib import closing

from loader.commands.console import console
from loader.commands.person import canonical_contact
from loader.commands.session import dataset_of
from loader.errors import ExitCode, SettingsError
from loader.settings import Settings
from loader.warehouses.lock import locked

# Of Unicode's categories those of characters that are not to be seen themselves.
UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_JOURNEYS = "genesys_marts.journey_timelines"
_JOURNEY = """
    select cast(timelines.timeline_json as text)
    from {genesys_marts.journey_timelines} as timelines
    where timelines.canonical_contact_id = %s
"""


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Write the journey of one contact, found by its id in another system, to standard output.

    Raises:
        SettingsError: no contact has that id, or several people do.
        DestinationError: the journeys have not been built.
    """
    dataset = dataset_of(settings)
    wait = dataset.warehouse.wait_seconds
    with locked(settings, dataset.warehouse, wait), closing(dataset):
        if dataset.exists():
            dataset.connect()
        contact_id = canonical_contact(dataset, options.contact, _JOURNEYS)
        rows = dataset.query(_JOURNEY, contact_id)
    if not rows:
        raise SettingsError(f"CONTACT {options.contact!r}: nothing is known of a journey.")
    text = json.dumps(json.loads(rows[0][0]), indent=2, ensure_ascii=False)
    sys.stdout.write((harmless(text) if console().is_terminal else text) + "\n")
    return ExitCode.OK


def harmless(text: str) -> str:
    """Write JSON so that no character of it tells a terminal what to do; its value is the same.

    Control characters move the cursor, colour and overwrite; others turn the direction of reading.
    """
    return "".join(
        json.dumps(one)[1:-1] if one != "\n" and unicodedata.category(one) in UNSEEN else one
        for one in text
    )
