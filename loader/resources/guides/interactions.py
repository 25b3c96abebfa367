"""Interactions by export, of the integration guides (GUIDES G-C).

`POST /api/v2/export/interactions`. Only columns that are named come back, an unknown one refuses
the whole query: at the start of a run the service is asked which it has, and those that are also in
the mapping (`interaction_columns.csv`) are read. The page token goes out in a request header and
comes back in a response header or in the body. It belongs to one query and one window.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from loader.errors import Lacking, SourceContractError
from loader.genesys.client import Client
from loader.genesys.replies import Reply
from loader.raw import Subject
from loader.resources.pages import (
    Records,
    envelope_decoder,
    lost_if_refused,
    page_decoder,
    read_token,
    write_token,
)
from loader.resources.record_ids import RecordId
from loader.resources.resource import Answer, LiveField, Reading, Resource
from loader.seeds import REQUIRED_COLUMNS
from loader.windows import Window, floor, iso

logger = logging.getLogger(__name__)

PATH = "/api/v2/export/interactions"
SENT_TOKEN = "Genesys-Page-Token"
TOLD_TOKEN = "nextPageToken"
LARGEST_PAGE = 5_000
# How often a page whose records are not whole is fetched before they are quarantined.
FETCHES = 3
SETTLE = timedelta(minutes=15)


class _Page(msgspec.Struct, rename="camel"):
    records: list[msgspec.Raw] | None = None
    next_page_token: str | None = None
    available_columns: list[str] | None = None


class _Place(msgspec.Struct):
    """Where reading goes on: the token, and the checksum of the page it came with."""

    page: str
    checksum: str


@dataclass(frozen=True)
class LiveColumns:
    """The columns of the mapping that the service has now, in the mapping's order."""

    names: tuple[str, ...]


class GuidesInteractions(Resource[LiveColumns]):
    """The raw table `guides_interactions`.

    Args:
        columns: those of the mapping, named as the service names them.
        page_size: records a page.
    """

    name = "guides_interactions"
    kind = "window"
    settle = SETTLE  # rows still come, and tokens of a range that moves break
    identity = RecordId("id", REQUIRED_COLUMNS)
    subjects = (
        Subject("conversation", ("id",)),
        Subject("contact", ("externalContactIds",)),
        Subject("user", ("agentIds",)),
    )

    def __init__(self, columns: Sequence[str], page_size: int) -> None:
        self._mapped = LiveColumns(tuple(columns))
        self._page_size = min(page_size, LARGEST_PAGE)
        self._page = page_decoder(_Page, "records")

    def discover(
        self, client: Client, found: LiveColumns | None, now: datetime
    ) -> tuple[LiveColumns | None, Sequence[LiveField]]:
        """Ask for the columns there are now, by the smallest query.

        Raises:
            SourceContractError: a column is gone without which no record counts.
        """
        end = floor(now - SETTLE, timedelta(minutes=1))
        window = Window(end - timedelta(minutes=1), end)
        decode = envelope_decoder(_Page, "records")
        envelope, _ = client.post(PATH, decode, self._body(window, ["id"], 1))
        if envelope.available_columns is None:
            logger.warning("%s does not tell its columns; the mapping is taken as it is", PATH)
            return found, ()
        live = set(envelope.available_columns)
        mapped = self._mapped.names
        gone = [column for column in REQUIRED_COLUMNS if column not in live]
        if gone:
            raise SourceContractError(
                f"{PATH} no longer has the columns {', '.join(gone)}; give interaction_columns.csv "
                "a new version."
            )
        fields = [
            LiveField(name, is_mapped=name in mapped, is_live=name in live)
            for name in dict.fromkeys([*mapped, *envelope.available_columns])
        ]
        return LiveColumns(tuple(name for name in mapped if name in live)), fields

    def query(self, window: Window, found: LiveColumns | None) -> object:
        """Return the body of every page of `window`; all of the mapping without a discovery."""
        return self._body(window, (found or self._mapped).names, self._page_size)

    def read(
        self, client: Client, reading: Reading[LiveColumns | None], token: str | None
    ) -> Answer:
        """Read one page, checked: fetched again while records are doubled or not whole."""
        place = None if token is None else read_token(_Place, token)
        page_token = None if place is None else place.page
        headers = {} if page_token is None else {SENT_TOKEN: page_token}
        body = self.query(reading.window, reading.found)
        for fetch in range(1, FETCHES + 1):
            with lost_if_refused(page_token):
                records, page = client.post(PATH, self._decode, body, headers)
            checksum = hashlib.sha256(b"\n".join(bytes(record) for record in records)).hexdigest()
            stands_still = bool(records) and place is not None and checksum == place.checksum
            problem = "is the page before" if stands_still else self._problem(records)
            if problem is None:
                break
            logger.warning("%s: a page %s (fetch %d of %d)", self.name, problem, fetch, FETCHES)
        else:
            if stands_still:
                raise SourceContractError(f"{PATH} served a page twice, under two page tokens.")
        return Answer(
            records=records,
            token=None if page is None else write_token(_Place(page, checksum)),
        )

    def _problem(self, records: Records) -> str | None:
        """Say what is wrong with a page as a whole."""
        ids = set()
        for record in records:
            try:
                record_id = self.identity.of(bytes(record))
            except (msgspec.DecodeError, Lacking, RecursionError):
                return "holds a record that is not whole"
            if record_id in ids:
                return "holds a record twice"
            ids.add(record_id)
        return None

    def _decode(self, reply: Reply) -> tuple[Records, str | None]:
        envelope, records = self._page(reply)
        return records, envelope.next_page_token or reply.headers.get(TOLD_TOKEN) or None

    @staticmethod
    def _body(window: Window, columns: Sequence[str], page_size: int) -> dict[str, object]:
        return {
            "dateFrom": iso(window.start),
            "dateTo": iso(window.end),
            "filters": [],
            "columns": list(columns),
            "pageSize": page_size,
        }
