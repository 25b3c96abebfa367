"""Aggregates: counts and sums per group and interval, one answer a window, without pages.

`POST /api/v2/analytics/{flows,conversations,users}/aggregates/query`. A record is one group with
its buckets: `{group: {…}, data: [{interval, metrics: [{metric, qualifier, stats}]}]}`. Groups,
buckets and metrics without data are absent, so a window read again replaces all its buckets; of a
quiet time the answer may be no more than `{}`. How long an interval may be, and how large an
answer, Genesys does not say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from loader.errors import Refused, TooLarge
from loader.genesys.client import Client
from loader.raw import NOBODY, Subject
from loader.resources.granularity import GRANULARITIES, coarsened, finest_answered
from loader.resources.pages import page_decoder
from loader.resources.resource import Answer, Reading, Resource
from loader.windows import Window

# What is longer than a window is asked for in parts once it was not answered in time so often.
MOST_SLOW = 2


class _Results(msgspec.Struct):
    results: list[msgspec.Raw] | None = None
    # Of an error that came with 200.
    code: object = None
    message: object = None


def _nothing_counted(answer: _Results) -> bool:
    """Take an answer without results for a quiet time: what has no data is absent, also here."""
    return answer.code is None and answer.message is None


class _Group(msgspec.Struct):
    group: dict[str, str] = {}


class _GroupId:
    """A row's group is its id: `dimension=value` pairs in the order of their names."""

    path = None

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(_Group)

    def of(self, payload: bytes) -> object:
        """Return the pairs."""
        group = self._decoder.decode(payload).group
        return "|".join(f"{key}={group[key]}" for key in sorted(group)) or "all"

    def guess(self, payload: bytes) -> str | None:
        """Return None: nothing in an unreadable row tells its group."""
        return None


@dataclass(frozen=True)
class AggregateQuery:
    """What is counted.

    Attributes:
        counted: the path's part: flows, conversations or users.
        group_by: dimensions; the first must exist for a row to be counted.
        metrics: the metrics' names.
        subjects: whose data a row is.
        settle: how long the source needs until its counts stay.
    """

    counted: str
    group_by: Sequence[str]
    metrics: Sequence[str]
    subjects: Sequence[Subject]
    settle: timedelta = timedelta(0)


_USER = (Subject("user", ("group", "userId")),)
_HANDLING = (
    "nOffered", "nConnected", "nTransferred", "nBlindTransferred", "nConsultTransferred",
    "nOverSla", "nOutbound", "tAnswered", "tAbandon", "tShortAbandon", "tFlowOut", "tAcd",
    "tAlert", "tNotResponding", "tTalk", "tTalkComplete", "tHeld", "tHeldComplete", "tAcw",
    "tHandle", "oServiceLevel",
)  # fmt: skip
# What the interval and outcome marts are made of.
QUERIES = {
    "flow_aggregates": AggregateQuery(
        "flows",
        ("flowOutcomeId", "flowId", "flowOutcomeValue"),
        ("nFlowOutcome", "nFlowOutcomeFailed", "tFlowOutcome"),
        NOBODY,
        settle=timedelta(minutes=60),
    ),
    "queue_aggregates": AggregateQuery(
        "conversations", ("queueId", "mediaType"), _HANDLING, NOBODY
    ),
    "agent_aggregates": AggregateQuery("conversations", ("userId", "mediaType"), _HANDLING, _USER),
    "user_aggregates": AggregateQuery(
        "users", ("userId",), ("tAgentRoutingStatus", "tSystemPresence"), _USER
    ),
}


class Aggregates(Resource[None]):
    """One aggregate query and the raw table of the same name.

    Args:
        name: of the resource and its raw table, one of `QUERIES`.
        granularity: the finest bucket asked for, an ISO duration of `GRANULARITIES`.
        window: what is longer is made shorter before its buckets are made coarser.
    """

    kind = "window"
    identity = _GroupId()
    longest = timedelta(days=31)
    resumes = False

    def __init__(self, name: str, granularity: str, window: timedelta) -> None:
        self.name = name
        self._query = QUERIES[name]
        self.settle = self._query.settle
        self.step: timedelta = GRANULARITIES[granularity]
        self._path = f"/api/v2/analytics/{self._query.counted}/aggregates/query"
        self._granularity = granularity
        self._window = window
        self._page = page_decoder(_Results, "results", _nothing_counted)

    @property
    def subjects(self) -> Sequence[Subject]:
        """Whose data a row is."""
        return self._query.subjects

    def query(self, window: Window, found: None) -> object:
        """Return the body at the granularity asked for."""
        return self._body(window, self._granularity)

    def read(self, client: Client, reading: Reading[None], token: str | None) -> Answer:
        """Read the window, in coarser buckets where the service refuses finer ones."""
        window = reading.window
        # Rather a shorter time than a coarser picture of it.
        is_long = window.end - window.start > self._window
        granularities = {self._granularity: self.step} if is_long else GRANULARITIES
        try:
            granularity, (_, records) = finest_answered(
                self.name,
                window,
                granularities,
                self._granularity,
                lambda granularity: client.post(
                    self._path,
                    self._page,
                    self._body(window, granularity),
                    most_slow=MOST_SLOW if is_long else None,
                ),
            )
        except Refused as refusal:
            if is_long:
                raise TooLarge(str(refusal)) from None
            raise
        return Answer(records, None, adjustment=coarsened(granularity, self._granularity))

    def _body(self, window: Window, granularity: str) -> dict[str, object]:
        return {
            "interval": str(window),
            "granularity": granularity,
            "timeZone": "UTC",
            "groupBy": self._query.group_by,
            "metrics": self._query.metrics,
            "filter": {
                "type": "and",
                "predicates": [{"dimension": self._query.group_by[0], "operator": "exists"}],
            },
        }
