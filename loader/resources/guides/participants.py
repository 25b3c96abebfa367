"""Participants with their attributes, of the integration guides (GUIDES G-A).

`POST /api/v2/analytics/details/query`. Only attributes that are selected come back, so the list is
the attribute registry's. A participant's purpose is never grouped by: that would split it into
several rows. The next page's token comes in a response header and goes back in the body.

Under load the service cuts attributes off, and does not say so. So some participants of a large
page are asked for once more in a small one; where they come with more, all of the window is read
again in smaller pages, one queue at a time, or one wrap-up code where there is no queue. Both
versions are loaded, and staging takes the fuller one.
"""

import contextlib
import logging
import math
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import msgspec
from msgspec import structs

from loader.genesys.client import Client
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
# As many are asked for again; no page of so few is taken for cut short.
SAMPLE = SMALLER_PAGES[-1]
# A page with so much fewer attributes a participant than the fullest before it is looked at too.
THIN = 0.8


class _Results(msgspec.Struct):
    results: list[msgspec.Raw] | None = None


class _About(msgspec.Struct, rename="camel"):
    type: str | None = None
    custom_attributes: dict[str, msgspec.Raw] | None = None

    @property
    def size(self) -> int:
        """How much of the attributes there is: a value can be cut off as well."""
        return sum(len(name) + len(bytes(raw)) for name, raw in self._held.items())

    @property
    def count(self) -> int:
        """How many attributes there are."""
        return len(self._held)

    @property
    def _held(self) -> dict[str, msgspec.Raw]:
        return self.custom_attributes or {}


class _Row(msgspec.Struct, rename="camel"):
    interaction_id: str | None = None
    participant_id: str | None = None
    participant: _About = msgspec.field(default_factory=_About)
    queue_id: str | None = None
    wrapup_code: str | None = None

    @property
    def key(self) -> tuple[str | None, ...]:
        """What tells it from others: one id may come as customer and as agent."""
        return self.interaction_id, self.participant_id, self.participant.type


class _Part(msgspec.Struct, frozen=True, order=True):
    """The participants of one queue, or with one wrap-up code."""

    dimension: str
    value: str


class _Place(msgspec.Struct, omit_defaults=True):
    """Where reading goes on: a pass over all participants or a part, in pages of a size.

    Attributes:
        size: of the pages.
        part: whose participants; all where it is None.
        page: the token Genesys gave.
        parts: passes of this size still to come.
        seen: the parts that the passes of this size met.
        has_others: whether they met participants of no part.
        fullest: the most attributes a participant that a page of this size had.
        is_cut: whether one of its pages came without all attributes.
    """

    size: int
    part: _Part | None = None
    page: str | None = None
    parts: list[_Part] = []
    seen: list[_Part] = []
    has_others: bool = False
    fullest: float = 0.0
    is_cut: bool = False


class GuidesParticipants(Resource[None]):
    """The raw table `guides_participants`.

    Args:
        attributes: exact names to select; at least one.
        page_size: participants a page.
        participant_type: the one type that is read; all where it is empty.
        contact_attributes: whose value is a contact's external id.
    """

    name = "guides_participants"
    kind = "window"
    settle = timedelta(minutes=15)  # rows still come, and tokens of a range that moves break
    identity = JoinedId(("interactionId",), ("participantId",))
    subjects: Sequence[Subject] = (Subject("conversation", ("interactionId",)),)

    def __init__(
        self,
        attributes: Sequence[str],
        page_size: int,
        participant_type: str = "",
        contact_attributes: Sequence[str] = (),
    ) -> None:
        self.subjects = (
            *type(self).subjects,
            *(
                Subject("external id", ("participant", "customAttributes", name))
                for name in contact_attributes
            ),
        )
        self._type = participant_type
        self._select = [*(ATTRIBUTE + name for name in attributes), *FIELDS]
        self._page_size = min(page_size, LARGEST_PAGE)
        self._results = page_decoder(_Results, "results")
        self._row = msgspec.json.Decoder(_Row)

    def query(self, window: Window, found: None) -> object:
        """Return the body of the first page."""
        return self._body(window, _Place(self._page_size))

    def read(self, client: Client, reading: Reading[None], token: str | None) -> Answer:
        """Read one page of the pass the token stands for, and a sample of it once more."""
        place = _Place(self._page_size) if token is None else read_token(_Place, token)
        with lost_if_refused(place.page):
            records, page = self._page(client, reading.window, place)
        rows = self._readable(records)
        parts = {_part_of(row) for row in rows}
        filling = sum(row.participant.count for row in rows) / max(len(rows), 1)
        is_cut = place.is_cut
        is_large = place.size > SAMPLE and len(rows) > SAMPLE
        if is_large and not is_cut and filling < THIN * (place.fullest or math.inf):
            is_cut = self._is_cut(client, reading.window, place, rows)
        met = structs.replace(
            place,
            seen=sorted({*place.seen, *(part for part in parts if part)}),
            has_others=place.has_others or None in parts,
            fullest=max(place.fullest, filling),
            is_cut=is_cut,
        )
        after = self._after(met, page)
        return Answer(
            records=records,
            token=None if after is None else write_token(after),
            adjustment=None
            if place.size == self._page_size
            else f"pages of {place.size}, larger ones came without all attributes",
        )

    def _after(self, place: _Place, page: str | None) -> _Place | None:
        """Return where reading goes on after a page: in it, in the next part, in smaller pages."""
        if page is not None:
            return structs.replace(place, page=page)
        if place.parts:
            first, *others = place.parts
            return structs.replace(place, part=first, page=None, parts=others)
        if not place.is_cut:
            return None
        smaller = next(size for size in SMALLER_PAGES if size < place.size)
        logger.warning(
            "%s: attributes are cut off in pages of %d; reading all again in pages of %d",
            self.name, place.size, smaller,
        )  # fmt: skip
        if place.has_others:
            # Who has neither queue nor code is found by none.
            return _Place(smaller, parts=place.seen)
        first, *others = place.seen
        return _Place(smaller, first, None, others)

    def _is_cut(self, client: Client, window: Window, place: _Place, rows: list[_Row]) -> bool:
        """Ask for some of a page's participants in a small page; tell whether they have more.

        Those of the part with most attributes, if it fits: then all of them are in it, whatever its
        order. Of those without a part the first of all are asked for.
        """
        counts = Counter(_part_of(row) for row in rows)
        attributes: Counter[_Part | None] = Counter()
        for row in rows:
            attributes[_part_of(row)] += row.participant.count
        fitting = [part for part in counts if part is None or counts[part] <= SAMPLE]
        part = max(fitting or counts, key=lambda one: (attributes[one], str(one)))
        asked = _Place(SAMPLE, part if place.part is None else place.part)
        sample = self._readable(self._page(client, window, asked)[0])
        sizes = {row.key: row.participant.size for row in sample}
        return any(row.participant.size < sizes.get(row.key, 0) for row in rows)

    def _readable(self, records: Records) -> list[_Row]:
        """Return the records that are participants; the others will be quarantined."""
        rows = []
        for record in records:
            with contextlib.suppress(msgspec.DecodeError, RecursionError):
                rows.append(self._row.decode(record))
        return rows

    def _page(self, client: Client, window: Window, place: _Place) -> tuple[Records, str | None]:
        return client.post(PATH, self._decode, self._body(window, place))

    def _decode(self, reply: Reply) -> tuple[Records, str | None]:
        _, records = self._results(reply)
        return records, token_in_header(reply.headers, TOKEN_HEADER)

    def _body(self, window: Window, place: _Place) -> dict[str, object]:
        wanted = [] if place.part is None else [(place.part.dimension, place.part.value)]
        # A filter and never a grouping: that would split a participant into several rows.
        wanted += [("participant.type", self._type)] if self._type else []
        filters = [
            {"dimension": dimension, "operator": "eq", "value": value}
            for dimension, value in wanted
        ]
        body: dict[str, object] = {
            "view": "interaction",
            "dateRange": {"from": iso(window.start), "to": iso(window.end)},
            "interval": "PT1H",
            "groupBy": ["participantId"],
            "select": self._select,
            "filters": filters,
            "size": place.size,
        }
        if place.page is not None:
            body["nextPageToken"] = place.page
        return body


def _part_of(row: _Row) -> _Part | None:
    """Return what a participant is found by; None where nothing finds it."""
    if row.queue_id:
        return _Part("queueId", row.queue_id)
    return _Part("wrapupCode", row.wrapup_code) if row.wrapup_code else None
