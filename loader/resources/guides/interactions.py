"""Interactions by export, of the integration guides (GUIDES G-C).

`POST /api/v2/export/interactions`. Only columns that are named come back, an unknown one refuses
the whole query: at the start of a run one record is asked for with all columns of the mapping
(`interaction_columns.csv`), without those that are refused until it comes. The page token goes out
in a request header and comes back in a response header or in the body, until there is none or a
page is empty. It belongs to one query and one window.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from loader.errors import Lacking, Refused, SourceContractError
from loader.genesys.client import Client
from loader.genesys.named import named_in
from loader.genesys.replies import Reply
from loader.raw import Subject
from loader.resources.pages import (
    Records,
    lost_if_refused,
    page_decoder,
    read_token,
    token_in_header,
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
        filters: values the records must hold, by path.
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

    def __init__(
        self, columns: Sequence[str], page_size: int, filters: Mapping[str, str] | None = None
    ) -> None:
        self._filters = [
            {"type": "exact", "path": path, "value": value}
            for path, value in (filters or {}).items()
        ]
        self._mapped = LiveColumns(tuple(columns))
        self._page_size = min(page_size, LARGEST_PAGE)
        self._page = page_decoder(_Page, "records")

    def discover(
        self, client: Client, found: LiveColumns | None, now: datetime
    ) -> tuple[LiveColumns | None, Sequence[LiveField]]:
        """Ask for one record with all columns, and leave out those that are refused.

        What the record has beside them is new: named, not loaded before it is mapped.

        Raises:
            SourceContractError: a column is gone without which no record counts.
        """
        end = floor(now - SETTLE, timedelta(minutes=1))
        # Long enough to hold a record on most days.
        window = Window(end - timedelta(days=1), end)
        live = list(self._mapped.names)
        while True:
            try:
                _, records = client.post(PATH, self._page, self._body(window, live, 1))
                break
            except Refused as refusal:
                if refusal.status != 400:
                    raise
                optional = [name for name in live if name not in REQUIRED_COLUMNS]
                refused = named_in(refusal.explanation, optional)
                if refused is None and named_in(refusal.explanation, REQUIRED_COLUMNS):
                    raise SourceContractError(
                        f"{PATH} no longer has the column "
                        f"{named_in(refusal.explanation, REQUIRED_COLUMNS)}, without which no "
                        "record counts; give interaction_columns.csv a new version."
                    ) from None
                if refused is None:
                    raise
                live.remove(refused)
        shown = [name for record in records for name in self._shown(bytes(record))]
        fields = [
            LiveField(name, is_mapped=name in self._mapped.names, is_live=name in {*live, *shown})
            for name in dict.fromkeys([*self._mapped.names, *shown])
        ]
        return LiveColumns(tuple(live)), fields

    @staticmethod
    def _shown(record: bytes) -> list[str]:
        """Return the names of a record's fields; none of one that cannot be read."""
        try:
            return list(msgspec.json.decode(record, type=dict[str, msgspec.Raw]))
        except (msgspec.DecodeError, RecursionError):
            return []

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
            # "until the platform returns null or an empty array"
            token=None if page is None or not records else write_token(_Place(page, checksum)),
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
        return records, envelope.next_page_token or token_in_header(reply.headers, TOLD_TOKEN)

    def _body(self, window: Window, columns: Sequence[str], page_size: int) -> dict[str, object]:
        return {
            "dateFrom": iso(window.start),
            "dateTo": iso(window.end),
            "filters": self._filters,
            "columns": list(columns),
            "pageSize": page_size,
        }
