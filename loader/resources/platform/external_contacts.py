"""External contacts: a full scan by cursor, because there is no filter on what has changed.

`GET /api/v2/externalcontacts/scan/contacts`. A page may hold fewer contacts than asked for, even
none, and the scan goes on: it ends where `cursors.after` is missing. A cursor lives 24 hours. A
contact missing from the newest whole scan has expired (60 days after the last interaction) or has
been deleted; merged contacts name their canonical one.
"""

import msgspec

from loader.errors import LostJob, Refused, SourceContractError
from loader.genesys.client import Client
from loader.resources.pages import page_decoder
from loader.resources.record_ids import IdField
from loader.resources.resource import Answer, Resource
from loader.windows import Window

SCAN = "/api/v2/externalcontacts/scan/contacts"
LARGEST_PAGE = 200


class _Cursors(msgspec.Struct):
    after: str | None = None


class _Scan(msgspec.Struct):
    entities: list[msgspec.Raw] | None = None
    cursors: _Cursors | None = None


class ExternalContacts(Resource):
    """The raw table `external_contacts`."""

    name = "external_contacts"
    kind = "snapshot"
    identity = IdField("id")
    most_empty_pages = 50

    def __init__(self) -> None:
        self._page = page_decoder(_Scan, "entities")

    def query(self, window: Window) -> object:
        """Return what every page asks for."""
        return {"path": SCAN, "limit": LARGEST_PAGE}

    def read(self, client: Client, window: Window, job_id: str | None, token: str | None) -> Answer:
        """Read one page of the scan."""
        params: dict[str, str | int] = {"limit": LARGEST_PAGE}
        if token is not None:
            params["cursor"] = token
        try:
            envelope, records = client.get(SCAN, self._page, params)
        except Refused as refusal:
            if token is not None and refusal.status == 400:
                raise LostJob(str(refusal)) from None
            raise
        if records is None:
            raise SourceContractError(f"{SCAN} answered 200 without `entities`.")
        return Answer(records, envelope.cursors.after if envelope.cursors else None)
