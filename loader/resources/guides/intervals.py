"""Interval reports per queue and per user, of the integration guides (GUIDES G-D).

`POST /api/v2/analytics/conversations/aggregates/query` with the guides' own body: `select`,
`groupBy`, `where`. The page token comes as `nextPage` and goes back as `pageToken`, both in the
body. Buckets without data are absent, so a window read again replaces all its buckets.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from loader.genesys.client import Client
from loader.raw import NOBODY, Subject
from loader.resources.granularity import GRANULARITIES, coarsened, finest_answered
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

PATH = "/api/v2/analytics/conversations/aggregates/query"
COUNTS = (
    "handledCount", "offeredCount", "answeredCount", "abandonedCount", "transferredCount",
    "overSlaCount", "connectedCount", "outboundCount", "blindTransferredCount",
    "consultTransferredCount",
)  # fmt: skip
SUMS = (
    "talkTime", "holdTime", "wrapUpTime", "handleTime", "waitTime", "answerTime", "abandonTime",
    "alertTime",
)  # fmt: skip
# A routing status is a user's alone.
STATUS_SUMS = (
    "interactingTime", "communicatingTime", "idleTime", "notRespondingTime", "offQueueTime",
)  # fmt: skip


class _Page(msgspec.Struct, rename="camel"):
    entities: list[msgspec.Raw] | None = None
    next_page: str | None = None


class _Place(msgspec.Struct):
    """Where reading goes on: a token belongs to the interval it was asked with."""

    interval: str
    page: str


@dataclass(frozen=True)
class IntervalReport:
    """What a report tells.

    Attributes:
        group: what a row is about: queue or user.
        sums: metrics to add up, beside `COUNTS`.
        subjects: whose data a row is.
    """

    group: str
    sums: Sequence[str]
    subjects: Sequence[Subject]


# What the interval marts are made of.
REPORTS = {
    "guides_queue_intervals": IntervalReport("queue", SUMS, NOBODY),
    "guides_agent_intervals": IntervalReport(
        "user", (*SUMS, *STATUS_SUMS), (Subject("user", ("user", "id")),)
    ),
}


class GuidesIntervals(Resource[None]):
    """The raw tables `guides_queue_intervals` and `guides_agent_intervals`.

    Args:
        name: of the resource and its raw table, one of `REPORTS`.
        interval: the finest interval asked for, an ISO duration of `GRANULARITIES`.
    """

    kind = "window"

    def __init__(self, name: str, interval: str) -> None:
        self.name = name
        self._report = REPORTS[name]
        self.identity = JoinedId((self._report.group, "id"), ("interval", "startTime"))
        self.step = GRANULARITIES[interval]
        self._select = [{"name": name, "type": "count"} for name in COUNTS]
        self._select += [{"name": name, "type": "sum"} for name in self._report.sums]
        self._interval = interval
        self._page = page_decoder(_Page, "entities")

    @property
    def subjects(self) -> Sequence[Subject]:
        """Whose data a row is."""
        return self._report.subjects

    def query(self, window: Window, found: None) -> object:
        """Return the body of the first page, at the interval asked for."""
        return self._body(window, self._interval, None)

    def read(self, client: Client, reading: Reading[None], token: str | None) -> Answer:
        """Read one page; the first at coarser intervals where the service refuses finer ones."""
        window = reading.window

        def ask(interval: str, page: str | None = None) -> tuple[_Page, Records]:
            return client.post(PATH, self._page, self._body(window, interval, page))

        if token is None:
            interval, (envelope, records) = finest_answered(
                self.name, window, GRANULARITIES, self._interval, ask
            )
            if not records and envelope.next_page is None:
                logger.info(
                    "%s: nothing was reported for %s; a quiet time, or the OAuth client sees no "
                    "division with activity", self.name, window,
                )  # fmt: skip
        else:
            place = read_token(_Place, token)
            interval = place.interval
            with lost_if_refused(place.page):
                envelope, records = ask(interval, place.page)
        return Answer(
            records=records,
            token=None
            if envelope.next_page is None
            else write_token(_Place(interval, envelope.next_page)),
            adjustment=coarsened(interval, self._interval),
        )

    def _body(self, window: Window, interval: str, page: str | None) -> dict[str, object]:
        start = {"type": "date", "path": "conversation.startTime"}
        body: dict[str, object] = {
            "select": self._select,
            "groupBy": [self._report.group],
            "where": {
                "predicates": [
                    {**start, "operator": "gte", "value": iso(window.start)},
                    {**start, "operator": "lt", "value": iso(window.end)},
                ]
            },
            "interval": interval,
        }
        if page is not None:
            body["pageToken"] = page
        return body
