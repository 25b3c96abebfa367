"""External contacts: a full scan by cursor, because there is no filter on what has changed.

`GET /api/v2/externalcontacts/scan/contacts`. A page may hold fewer contacts than asked for, even
none, and the scan goes on: it ends where `cursors.after` is missing. A cursor lives 24 hours. A
contact missing from the newest whole scan has expired (60 days after the last interaction) or has
been deleted; merged contacts name their canonical one.
"""

import msgspec

from loader.genesys.client import Client
from loader.raw import Subject
from loader.resources.pages import lost_if_refused, page_decoder
from loader.resources.record_ids import IdField
from loader.resources.resource import Answer, Reading, Resource
from loader.windows import Window

SCAN = "/api/v2/externalcontacts/scan/contacts"
LARGEST_PAGE = 200


class _Cursors(msgspec.Struct):
    after: str | None = None


class _Scan(msgspec.Struct):
    entities: list[msgspec.Raw] | None = None
    cursors: _Cursors | None = None


class ExternalContacts(Resource[None]):
    """The raw table `external_contacts`."""

    name = "external_contacts"
    kind = "snapshot"
    identity = IdField("id")
    # Others it names are those it was or is merged with: who belongs together now is the models'
    # to say, and each has a record of its own.
    subjects = (Subject("contact", ("id",)), Subject("external id", ("externalIds", "value")))
    most_empty_pages = 50

    def __init__(self) -> None:
        self._page = page_decoder(_Scan, "entities")

    def query(self, window: Window, found: None) -> object:
        """Return what every page asks for."""
        return {"path": SCAN, "limit": LARGEST_PAGE}

    def read(self, client: Client, reading: Reading[None], token: str | None) -> Answer:
        """Read one page of the scan."""
        params: dict[str, str | int] = {"limit": LARGEST_PAGE}
        if token is not None:
            params["cursor"] = token
        with lost_if_refused(token):
            envelope, records = client.get(SCAN, self._page, params)
        return Answer(records, envelope.cursors.after if envelope.cursors else None)
