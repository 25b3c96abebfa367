"""Interval reports per queue and per user, of the integration guides (GUIDES G-D).

`POST /api/v2/analytics/conversations/aggregates/query` with the guides' own body: `select`,
`groupBy`, `where`. The page token comes as `nextPage` and goes back as `pageToken`, both in the
body. Buckets without data are absent, so a window read again replaces all its buckets.
"""

import logging
from collections.abc import Sequence

import msgspec

from loader.errors import LostJob, Refused, SourceContractError
from loader.genesys.client import Client
from loader.resources.pages import page_decoder, read_token, write_token
from loader.resources.platform.aggregates import GRANULARITIES
from loader.resources.record_ids import JoinedId
from loader.resources.resource import Answer, Resource, check_buckets
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


class GuidesIntervals(Resource):
    """The raw tables `guides_queue_intervals` and `guides_agent_intervals`.

    Args:
        name: of the resource and its raw table.
        group: what a row is about: queue or user.
        sums: metrics to add up, beside `COUNTS`.
        interval: the finest interval asked for, an ISO duration of `GRANULARITIES`.
    """

    kind = "window"

    def __init__(self, name: str, group: str, sums: Sequence[str], interval: str) -> None:
        self.name = name
        self.identity = JoinedId((group, "id"), ("interval", "startTime"))
        self.step = GRANULARITIES[interval]
        self._group = group
        self._select = [{"name": name, "type": "count"} for name in COUNTS]
        self._select += [{"name": name, "type": "sum"} for name in sums]
        self._interval = interval
        self._page = page_decoder(_Page, "entities")

    def query(self, window: Window) -> object:
        """Return the body of the first page, at the interval asked for."""
        return self._body(window, self._interval, None)

    def read(self, client: Client, window: Window, job_id: str | None, token: str | None) -> Answer:
        """Read one page; the first at coarser intervals where the service refuses finer ones."""
        place = None if token is None else read_token(_Place, token)
        intervals = list(GRANULARITIES)[list(GRANULARITIES).index(self._interval) :]
        for interval in [place.interval] if place else intervals:
            check_buckets(window, GRANULARITIES[interval])
            body = self._body(window, interval, place.page if place else None)
            try:
                envelope, records = client.post(PATH, self._page, body)
            except Refused as refusal:
                if place is not None and refusal.status == 400:
                    raise LostJob(str(refusal)) from None
                told = (refusal.code + refusal.explanation).lower()
                if "granularity" not in told or interval == intervals[-1]:
                    raise
                logger.warning("%s: %s is too fine for %s", self.name, interval, window)
                continue
            if records is None:
                raise SourceContractError(f"{PATH} answered 200 without `entities`.")
            if place is None and not records and envelope.next_page is None:
                logger.info(
                    "%s: nothing was reported for %s; a quiet time, or the OAuth client sees no "
                    "division with activity", self.name, window,
                )  # fmt: skip
            return Answer(
                records=records,
                token=None
                if envelope.next_page is None
                else write_token(_Place(interval, envelope.next_page)),
                adjustment=None
                if interval == self._interval
                else f"granularity {interval}, {self._interval} is too fine",
            )
        raise AssertionError("the coarsest interval either answers or raises")

    def _body(self, window: Window, interval: str, page: str | None) -> dict[str, object]:
        start = {"type": "date", "path": "conversation.startTime"}
        body: dict[str, object] = {
            "select": self._select,
            "groupBy": [self._group],
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


def intervals(interval: str) -> list[GuidesIntervals]:
    """Return the reports the interval marts are made of."""
    return [
        GuidesIntervals("guides_queue_intervals", "queue", SUMS, interval),
        GuidesIntervals("guides_agent_intervals", "user", (*SUMS, *STATUS_SUMS), interval),
    ]
