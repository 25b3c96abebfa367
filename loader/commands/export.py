"""`export`: one contact's journey as JSON."""

import argparse
import hashlib
import json
import sys
import unicodedata
from contextlib import closing

from loader.commands.console import console
from loader.commands.session import dataset_of
from loader.errors import DestinationError, ExitCode, SettingsError
from loader.settings import Settings
from loader.warehouses.lock import locked

# Of Unicode's categories those of characters that are not to be seen themselves.
UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_JOURNEYS = "genesys_marts.journey_timelines"
_JOURNEY = """
    select min(ids.external_source_name), cast(timelines.timeline_json as text)
    from {genesys_marts.bridge_contact_external_ids} as ids
    inner join {genesys_marts.journey_timelines} as timelines
        on ids.canonical_contact_id = timelines.canonical_contact_id
    where ids.external_id in (%s, %s)
    group by cast(timelines.timeline_json as text)
"""


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Write the journey of one contact, found by its id in another system, to standard output.

    Raises:
        SettingsError: no contact has that id, or several people do.
        DestinationError: the journeys have not been built.
    """
    external_id: str = options.contact
    dataset = dataset_of(settings)
    rows: list[tuple[str, ...]] = []
    if dataset.exists():
        wait = dataset.warehouse.wait_seconds
        with locked(settings, dataset.warehouse, wait), closing(dataset):
            dataset.connect()
            if not dataset.has_all(_JOURNEYS):
                raise DestinationError("the journeys are not built yet; `make transform`.")
            # pii_policy may have the ids hashed.
            hashed = hashlib.sha256(f"{dataset.salt()}{external_id}".encode()).hexdigest()
            rows = dataset.query(_JOURNEY, external_id, hashed)
    if not rows:
        raise SettingsError(
            f"CONTACT {external_id!r}: no contact has this external id in the marts; load and "
            "transform first, or look it up in genesys_marts.bridge_contact_external_ids."
        )
    if len(rows) > 1:
        raise SettingsError(
            f"CONTACT {external_id!r}: {len(rows)} people have this external id, in "
            f"{', '.join(sorted({str(source) for source, _ in rows}))}."
        )
    text = json.dumps(json.loads(rows[0][1]), indent=2, ensure_ascii=False)
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
