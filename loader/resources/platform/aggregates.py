"""Aggregates: counts and sums per group and interval, one answer a window, without pages.

`POST /api/v2/analytics/{flows,conversations,users}/aggregates/query`. A record is one group with
its buckets: `{group: {…}, data: [{interval, metrics: [{metric, qualifier, stats}]}]}`. Groups,
buckets and metrics without data are absent, so a window read again replaces all its buckets.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from loader.errors import Refused, SourceContractError
from loader.genesys.client import Client
from loader.resources.pages import page_decoder
from loader.resources.resource import Answer, Resource, check_buckets
from loader.windows import Window

logger = logging.getLogger(__name__)

# Finest first. Buckets of 15 minutes add up to local hours and days in every time zone.
GRANULARITIES = {
    "PT15M": timedelta(minutes=15),
    "PT30M": timedelta(minutes=30),
    "PT1H": timedelta(hours=1),
    "P1D": timedelta(days=1),
}


class _Results(msgspec.Struct):
    results: list[msgspec.Raw] | None = None


class _Group(msgspec.Struct):
    group: dict[str, str] = {}


class _GroupId:
    """A row's group is its id: `dimension=value` pairs in the order of their names."""

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(_Group)

    def of(self, payload: bytes) -> object:
        """Return the pairs."""
        group = self._decoder.decode(payload).group
        return "|".join(f"{key}={group[key]}" for key in sorted(group)) or "all"

    def guess(self, payload: bytes) -> str | None:
        """Return None: nothing in an unreadable row tells its group."""
        return None


class Aggregates(Resource):
    """One aggregate query and the raw table of the same name.

    Args:
        name: of the resource and its raw table.
        subject: the path's part: flows, conversations or users.
        group_by: dimensions; the first must exist for a row to be counted.
        metrics: the metrics' names.
        granularity: the finest bucket asked for, an ISO duration of `GRANULARITIES`.
        settle: how long the source needs until its counts stay.
    """

    kind = "window"
    resumes = False

    def __init__(
        self,
        name: str,
        subject: str,
        group_by: Sequence[str],
        metrics: Sequence[str],
        granularity: str,
        settle: timedelta = timedelta(0),
    ) -> None:
        self.name = name
        self.settle = settle
        self.step = GRANULARITIES[granularity]
        self._path = f"/api/v2/analytics/{subject}/aggregates/query"
        self._group_by = list(group_by)
        self._metrics = list(metrics)
        self._granularity = granularity
        self._page = page_decoder(_Results, "results")
        self.identity = _GroupId()

    def query(self, window: Window) -> object:
        """Return the body at the granularity asked for."""
        return self._body(window, self._granularity)

    def read(self, client: Client, window: Window, job_id: str | None, token: str | None) -> Answer:
        """Read the window, in coarser buckets where the service refuses finer ones."""
        finest = list(GRANULARITIES).index(self._granularity)
        for granularity in list(GRANULARITIES)[finest:]:
            check_buckets(window, GRANULARITIES[granularity])
            try:
                _, records = client.post(self._path, self._page, self._body(window, granularity))
            except Refused as refusal:
                if "granularity" not in refusal.explanation.lower() or granularity == "P1D":
                    raise
                logger.warning("%s: %s is too fine for %s", self.name, granularity, window)
                continue
            if records is None:
                raise SourceContractError(f"{self._path} answered 200 without `results`.")
            coarser = granularity != self._granularity
            return Answer(
                records=records,
                token=None,
                adjustment=f"granularity {granularity}, {self._granularity} is too fine"
                if coarser
                else None,
            )
        raise AssertionError("P1D either answers or raises")

    def _body(self, window: Window, granularity: str) -> dict[str, object]:
        return {
            "interval": str(window),
            "granularity": granularity,
            "timeZone": "UTC",
            "groupBy": self._group_by,
            "metrics": self._metrics,
            "filter": {
                "type": "and",
                "predicates": [{"dimension": self._group_by[0], "operator": "exists"}],
            },
        }


def aggregates(granularity: str) -> list[Aggregates]:
    """Return the aggregates the interval and outcome marts are made of."""
    handling = [
        "nOffered", "nConnected", "nTransferred", "nBlindTransferred", "nConsultTransferred",
        "nOverSla", "nOutbound", "tAnswered", "tAbandon", "tAcd", "tAlert", "tTalk",
        "tTalkComplete", "tHeld", "tHeldComplete", "tAcw", "tHandle", "oServiceLevel",
    ]  # fmt: skip
    return [
        Aggregates(
            "flow_aggregates",
            "flows",
            ["flowOutcomeId", "flowId", "flowOutcomeValue"],
            ["nFlowOutcome", "nFlowOutcomeFailed", "tFlowOutcome"],
            granularity,
            settle=timedelta(minutes=60),
        ),
        Aggregates(
            "queue_aggregates", "conversations", ["queueId", "mediaType"], handling, granularity
        ),
        Aggregates(
            "agent_aggregates", "conversations", ["userId", "mediaType"], handling, granularity
        ),
        Aggregates(
            "user_aggregates",
            "users",
            ["userId"],
            ["tAgentRoutingStatus", "tSystemPresence"],
            granularity,
        ),
    ]
