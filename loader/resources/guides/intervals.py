"""Interval reports per queue and per user, of the integration guides (GUIDES G-D).

`POST /api/v2/analytics/conversations/aggregates/query` with the guides' own body: `select`,
`groupBy`, `where`. The page token comes as `nextPage` and goes back as `pageToken`, both in the
body. Buckets without data are absent, so a window read again replaces all its buckets.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from loader.errors import Refused
from loader.genesys.client import Client
from loader.genesys.named import named_in
from loader.raw import NOBODY, Subject
from loader.resources.granularity import (
    GRANULARITIES,
    coarsened,
    finest_answered,
    means_granularity,
)
from loader.resources.pages import (
    Records,
    lost_if_refused,
    page_decoder,
    read_token,
    write_token,
)
from loader.resources.record_ids import JoinedId
from loader.resources.resource import Answer, LiveField, Reading, Resource
from loader.windows import Window, floor, iso

logger = logging.getLogger(__name__)

PATH = "/api/v2/analytics/conversations/aggregates/query"
# All that the guide names, and all that is asked for unless GENESYS_REPORT_METRICS names more.
NAMED = ("handledCount", "talkTime", "wrapUpTime")
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
METRICS = (*COUNTS, *SUMS, *STATUS_SUMS)


class _Page(msgspec.Struct, rename="camel"):
    entities: list[msgspec.Raw] | None = None
    next_page: str | None = None


class _Place(msgspec.Struct):
    """Where reading goes on: a token belongs to the interval it was asked with."""

    interval: str
    page: str


@dataclass(frozen=True)
class IntervalReport:
    """What a report is about.

    Attributes:
        group: what a row is about: queue or user.
        metrics: which there may be; others are not asked for.
        subjects: whose data a row is.
    """

    group: str
    metrics: Sequence[str]
    subjects: Sequence[Subject]


# What the interval marts are made of.
REPORTS = {
    "guides_queue_intervals": IntervalReport("queue", (*COUNTS, *SUMS), NOBODY),
    "guides_agent_intervals": IntervalReport("user", METRICS, (Subject("user", ("user", "id")),)),
}


@dataclass(frozen=True)
class AnsweredMetrics:
    """The metrics the service answers for, in our order."""

    names: tuple[str, ...]


class GuidesIntervals(Resource[AnsweredMetrics]):
    """The raw tables `guides_queue_intervals` and `guides_agent_intervals`.

    Args:
        name: of the resource and its raw table, one of `REPORTS`.
        interval: the finest interval asked for, an ISO duration of `GRANULARITIES`.
        metrics: asked for beside those the guide names.
        users: ids of those whose interactions count; everybody's where it is empty.
    """

    kind = "window"

    def __init__(
        self, name: str, interval: str, metrics: Sequence[str] = (), users: Sequence[str] = ()
    ) -> None:
        self.name = name
        self._report = REPORTS[name]
        self.identity = JoinedId((self._report.group, "id"), ("interval", "startTime"))
        self.step = GRANULARITIES[interval]
        wanted = {*NAMED, *metrics}
        self._wanted = AnsweredMetrics(tuple(one for one in self._report.metrics if one in wanted))
        self._interval = interval
        self._users = list(users)
        self._page = page_decoder(_Page, "entities")

    @property
    def subjects(self) -> Sequence[Subject]:
        """Whose data a row is."""
        return self._report.subjects

    def discover(
        self, client: Client, found: AnsweredMetrics | None, now: datetime
    ) -> tuple[AnsweredMetrics | None, Sequence[LiveField]]:
        """Leave out metrics the guide does not name and the service refuses; ask only if there are.

        A refusal that names none of them costs all of them: those the guide names stay.
        """
        names = list(self._wanted.names)
        step = GRANULARITIES[self._interval]
        end = floor(now, step)
        window = Window(end - step, end)
        while extra := [name for name in names if name not in NAMED]:
            try:
                client.post(PATH, self._page, self._body(window, self._interval, names))
                break
            except Refused as refusal:
                if refusal.status != 400 or means_granularity(refusal):
                    break  # whatever it is, reading meets it too
                refused = named_in(refusal.explanation, extra)
                lost = extra if refused is None else [refused]
            logger.warning("%s: the service refuses %s; left out", self.name, ", ".join(lost))
            names = [name for name in names if name not in lost]
        return AnsweredMetrics(tuple(names)), ()

    def query(self, window: Window, found: AnsweredMetrics | None) -> object:
        """Return the body of the first page, at the interval asked for."""
        return self._body(window, self._interval, (found or self._wanted).names)

    def read(
        self, client: Client, reading: Reading[AnsweredMetrics | None], token: str | None
    ) -> Answer:
        """Read one page; the first at coarser intervals where the service refuses finer ones."""
        window = reading.window
        metrics = (reading.found or self._wanted).names

        def ask(interval: str, page: str | None = None) -> tuple[_Page, Records]:
            return client.post(PATH, self._page, self._body(window, interval, metrics, page))

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
            records=[_bounded(bytes(record), window, interval) for record in records],
            token=None
            if envelope.next_page is None
            else write_token(_Place(interval, envelope.next_page)),
            adjustment=coarsened(interval, self._interval),
        )

    def _body(
        self, window: Window, interval: str, metrics: Sequence[str], page: str | None = None
    ) -> dict[str, object]:
        start = {"type": "date", "path": "conversation.startTime"}
        predicates: list[dict[str, object]] = [
            {**start, "operator": "gte", "value": iso(window.start)},
            {**start, "operator": "lt", "value": iso(window.end)},
        ]
        if self._users:
            predicates.append({"type": "in", "path": "conversation.user.id", "value": self._users})
        body: dict[str, object] = {
            "select": [
                {"name": name, "type": "count" if name in COUNTS else "sum"} for name in metrics
            ],
            "groupBy": [self._report.group],
            "where": {"predicates": predicates},
            "interval": interval,
        }
        if page is not None:
            body["pageToken"] = page
        return body


class _Interval(msgspec.Struct, rename="camel"):
    start_time: str | None = None
    end_time: str | None = None


class _Bucket(msgspec.Struct):
    interval: _Interval | None = None


def _bounded(record: bytes, window: Window, interval: str) -> bytes:
    """Return a row with the end of its interval, which only whoever asked for it knows.

    The guide shows `startTime` alone. A row without any interval is about the whole window.
    """
    try:
        told = msgspec.json.decode(record, type=_Bucket).interval or _Interval()
        if told.end_time is not None:
            return record
        start = window.start
        end = window.end
        if told.start_time is not None:
            start = datetime.fromisoformat(told.start_time)
            end = min(start + GRANULARITIES[interval], window.end)
        row = msgspec.json.decode(record, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError, ValueError, TypeError):
        return record  # quarantined, or shown by staging
    bounds = {"startTime": told.start_time or iso(start), "endTime": iso(end)}
    row["interval"] = msgspec.Raw(msgspec.json.encode(bounds))
    return msgspec.json.encode(row)
