"""Participants with their attributes, of the integration guides (GUIDES G-A).

`POST /api/v2/analytics/details/query`. Only attributes that are selected come back, so the list is
the attribute registry's. A participant's purpose is never grouped by: that would split it into
several rows. The next page's token comes in a response header and goes back in the body.

Under load the service cuts attributes off and announces more than it serves. Whoever is cut short
is read again, in smaller pages and one queue at a time: both versions are loaded, and staging takes
the fuller one.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from loader.errors import SourceContractError
from loader.genesys.client import Client
from loader.genesys.replies import Reply
from loader.raw import Subject
from loader.resources.pages import (
    Records,
    lost_if_refused,
    page_decoder,
    read_token,
    write_token,
)
from loader.resources.record_ids import JoinedId
from loader.resources.resource import Answer, Reading, Resource
from loader.windows import Window, iso

logger = logging.getLogger(__name__)

PATH = "/api/v2/analytics/details/query"
ATTRIBUTE = "participant.customAttributes."
FIELDS = ("interactionId", "participant.type", "participant.duration", "wrapupCode", "queueId")
TOKEN_HEADER = "nextPageToken"
LARGEST_PAGE = 5_000
# Tried in turn while attributes are missing; the guide names 2 000.
SMALLER_PAGES = (2_000, 1_000, 500, 200, 100)


class _Results(msgspec.Struct):
    results: list[msgspec.Raw] | None = None


class _About(msgspec.Struct, rename="camel"):
    custom_attributes: dict[str, msgspec.Raw] | None = None
    custom_attribute_count: int | None = None


class _Row(msgspec.Struct, rename="camel"):
    participant: _About | None = None
    queue_id: str | None = None


class _Place(msgspec.Struct, omit_defaults=True):
    """Where reading goes on: a pass over all queues or one, in pages of a size.

    Attributes:
        size: of the pages.
        queue: whose participants; all where it is None.
        page: the token Genesys gave.
        queues: passes of this size still to come.
        short: queues of participants who were cut short at this size; empty without a queue.
    """

    size: int
    queue: str | None = None
    page: str | None = None
    queues: list[str] = []
    short: list[str] = []


class GuidesParticipants(Resource[None]):
    """The raw table `guides_participants`.

    Args:
        attributes: exact names to select; at least one.
        page_size: participants a page.
        contact_attributes: whose value is a contact's external id.
    """

    name = "guides_participants"
    kind = "window"
    settle = timedelta(minutes=15)  # rows still come, and tokens of a range that moves break
    identity = JoinedId(("interactionId",), ("participantId",))
    subjects: Sequence[Subject] = (Subject("conversation", ("interactionId",)),)

    def __init__(
        self, attributes: Sequence[str], page_size: int, contact_attributes: Sequence[str] = ()
    ) -> None:
        self.subjects = (
            *type(self).subjects,
            *(
                Subject("external id", ("participant", "customAttributes", name))
                for name in contact_attributes
            ),
        )
        self._select = [*(ATTRIBUTE + name for name in attributes), *FIELDS]
        self._page_size = min(page_size, LARGEST_PAGE)
        self._results = page_decoder(_Results, "results")
        self._row = msgspec.json.Decoder(_Row)

    def query(self, window: Window, found: None) -> object:
        """Return the body of the first page."""
        return self._body(window, _Place(self._page_size))

    def read(self, client: Client, reading: Reading[None], token: str | None) -> Answer:
        """Read one page of the pass the token stands for."""
        place = _Place(self._page_size) if token is None else read_token(_Place, token)
        with lost_if_refused(place.page):
            records, page = client.post(PATH, self._decode, self._body(reading.window, place))
        place.short = sorted({*place.short, *self._cut_short(records)})
        after = self._after(place, page)
        return Answer(
            records=records,
            token=None if after is None else write_token(after),
            adjustment=None
            if place.size == self._page_size
            else f"pages of {place.size}, larger ones came without all attributes",
        )

    def _after(self, place: _Place, page: str | None) -> _Place | None:
        """Return where reading goes on after a page: in it, in the next queue, in smaller pages."""
        if page is not None:
            return _Place(place.size, place.queue, page, place.queues, place.short)
        if place.queues:
            first, *others = place.queues
            return _Place(place.size, first, None, others, place.short)
        if not place.short:
            return None
        smaller = [size for size in SMALLER_PAGES if size < place.size]
        if not smaller:
            raise SourceContractError(
                f"{PATH} announces more attributes than it serves, also in pages of {place.size}; "
                "register fewer attributes, or ask Genesys Care."
            )
        logger.warning(
            "%s: attributes are cut off in pages of %d; reading those queues again in pages of %d",
            self.name, place.size, smaller[0],
        )  # fmt: skip
        if "" in place.short:
            # Who was in no queue is found by no queue.
            return _Place(smaller[0])
        first, *others = place.short
        return _Place(smaller[0], first, None, others)

    def _cut_short(self, records: Records) -> set[str]:
        """Return the queues of participants that have fewer attributes than are announced."""
        queues = set()
        has_attributes = not records
        for record in records:
            try:
                row = self._row.decode(record)
            except msgspec.DecodeError:
                continue  # quarantined
            about = row.participant
            if about is None or about.custom_attributes is None:
                continue
            has_attributes = True
            if (about.custom_attribute_count or 0) > len(about.custom_attributes):
                queues.add(row.queue_id or "")
        if not has_attributes:
            raise SourceContractError(
                f"{PATH} answered 200 without participant.customAttributes, which was selected."
            )
        return queues

    def _decode(self, reply: Reply) -> tuple[Records, str | None]:
        _, records = self._results(reply)
        return records, reply.headers.get(TOKEN_HEADER) or None

    def _body(self, window: Window, place: _Place) -> dict[str, object]:
        body: dict[str, object] = {
            "view": "interaction",
            "dateRange": {"from": iso(window.start), "to": iso(window.end)},
            "interval": "PT1H",
            "groupBy": ["participantId"],
            "select": self._select,
            "filters": [],
            "size": place.size,
        }
        if place.queue is not None:
            body["filters"] = [{"dimension": "queueId", "operator": "eq", "value": place.queue}]
        if place.page is not None:
            body["nextPageToken"] = place.page
        return body
