"""Who is meant by a contact's id in another system."""

import hashlib

from loader.errors import DestinationError, SettingsError
from loader.warehouses.dataset import Dataset

_BRIDGE = "genesys_marts.bridge_contact_external_ids"
_PEOPLE = """
    select canonical_contact_id, min(external_source_name)
    from {genesys_marts.bridge_contact_external_ids}
    where external_id in (%s, %s)
    group by canonical_contact_id
"""


def canonical_contact(dataset: Dataset, external_id: str, *needed: str) -> str:
    """Return the canonical contact of an id; the dataset is connected, or is not there at all.

    Args:
        dataset: whose marts are asked.
        external_id: as the other system has it.
        needed: which marts are read next.

    Raises:
        SettingsError: no contact has that id, or several people do.
        DestinationError: the marts have not been built.
    """
    rows: list[tuple[str, ...]] = []
    if dataset.exists():
        if not dataset.has_all(_BRIDGE, *needed):
            raise DestinationError("the journeys are not built yet; `make transform`.")
        # pii_policy may have the ids hashed.
        hashed = hashlib.sha256(f"{dataset.salt()}{external_id}".encode()).hexdigest()
        rows = dataset.query(_PEOPLE, external_id, hashed)
    if not rows:
        raise SettingsError(
            f"CONTACT {external_id!r}: no contact has this external id in the marts; load and "
            f"transform first, or look it up in {_BRIDGE}."
        )
    if len(rows) > 1:
        raise SettingsError(
            f"CONTACT {external_id!r}: {len(rows)} people have this external id, in "
            f"{', '.join(sorted({str(source) for _, source in rows}))}."
        )
    return rows[0][0]
