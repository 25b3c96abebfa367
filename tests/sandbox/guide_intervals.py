"""GUIDES G-D: the guides' body of POST /api/v2/analytics/conversations/aggregates/query.

A body with `select` is the guides', any other the platform's. Ours:
* The date predicates on conversation.startTime (gte and lt, both required) are the range of the
  report; a metric counts in the bucket it was emitted in, as the platform's aggregates do. Buckets
  are cut in UTC from the range's start; the platform's limits of granularity hold, the refusal is
  granularityTooFine.
* COUNTS and SUMS say which platform metric a name stands for; STATUSES are the routing statuses of
  users (tAgentRoutingStatus), for groupBy ["user"] alone. Sums are in seconds, with fractions.
* handledCount is the count of tHandle, talkTime the sum of tTalkComplete, wrapUpTime of tAcw.
* interval has the start alone, as the guide's code reads it; a report without an interval has none.
* A row is there if any selected metric has data, and then has all of them, 0 where there is none.
  What nobody did (no user) or no queue had is left out.
* `user` is {id, name}, without a name where the user is in no list; `queue` the same.
* `in` predicates: conversation.user.id, conversation.queue.id, conversation.mediaType.
* 100 rows a page, ordered by interval, user and queue. nextPage is null on the last one.
"""

from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from tests.sandbox.aggregate_queries import GranularityRules
from tests.sandbox.aggregates import AFTERMATH
from tests.sandbox.clock import SECOND, to_text
from tests.sandbox.errors import Refusal
from tests.sandbox.facts import Contributions, Dimensions
from tests.sandbox.guides import (
    Place,
    Told,
    digest,
    instant,
    mapping,
    objects,
    only,
    read_token,
    texts,
    write_token,
)
from tests.sandbox.periods import Bucket, Finder, Period, buckets, read_period
from tests.sandbox.shifts import Shifts
from tests.sandbox.spans import overlap

KEYS = ("select", "groupBy", "where", "interval", "pageToken")
COUNTS = {
    "handledCount": "tHandle", "offeredCount": "nOffered", "answeredCount": "tAnswered",
    "abandonedCount": "tAbandon", "transferredCount": "nTransferred", "overSlaCount": "nOverSla",
    "connectedCount": "nConnected", "outboundCount": "nOutbound",
    "blindTransferredCount": "nBlindTransferred", "consultTransferredCount": "nConsultTransferred",
}  # fmt: skip
SUMS = {
    "talkTime": "tTalkComplete", "holdTime": "tHeldComplete", "wrapUpTime": "tAcw",
    "handleTime": "tHandle", "waitTime": "tAcd", "answerTime": "tAnswered",
    "abandonTime": "tAbandon", "alertTime": "tAlert",
}  # fmt: skip
STATUSES = {
    "interactingTime": "INTERACTING", "communicatingTime": "COMMUNICATING", "idleTime": "IDLE",
    "notRespondingTime": "NOT_RESPONDING", "offQueueTime": "OFF_QUEUE",
}  # fmt: skip
GROUPS = {"user": "userId", "queue": "queueId"}
PREDICATES = {
    "conversation.user.id": "userId", "conversation.queue.id": "queueId",
    "conversation.mediaType": "mediaType",
}  # fmt: skip
ROWS_PER_PAGE = 100
KEPT_REPORTS = 4

# Ids in the order of groupBy.
Key = tuple[Bucket, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class IntervalQuery:
    """What is asked for. `select` holds (name, type)."""

    start: int
    end: int
    period: Period | None
    select: tuple[tuple[str, str], ...]
    groups: tuple[str, ...]
    only: tuple[tuple[str, frozenset[str]], ...]

    def wants(self, dimensions: Dimensions) -> bool:
        """Tell whether the `in` predicates hold."""
        return all(not ids.isdisjoint(dimensions.get(name, ())) for name, ids in self.only)


class IntervalReports:
    """Answers the guides' interval reports."""

    def __init__(
        self, contributions: Contributions, shifts: Shifts, rules: GranularityRules
    ) -> None:
        self.contributions = contributions
        self.shifts = shifts
        self.rules = rules
        organisation = contributions.world.organisation
        self.names = {str(e["id"]): e["name"] for e in (*organisation.users, *organisation.queues)}
        # Of the reports asked for last, in order: their other pages follow, turn by turn.
        self._latest: OrderedDict[tuple[str, int], list[tuple[Key, dict[str, int]]]] = OrderedDict()

    def answer(self, told: Told, now: int) -> dict[str, object]:
        """Answer a page; raises Refusal (400)."""
        query = _read(told, self.rules)
        owner = digest("intervals", {**told, "pageToken": None})
        place = read_token(owner, told.get("pageToken"), now)
        rows = self._report((owner, place.as_of), query)
        after = place.position + ROWS_PER_PAGE
        return {
            "entities": [self._row(query, *row) for row in rows[place.position : after]],
            "nextPage": write_token(owner, Place(place.as_of, after))
            if after < len(rows)
            else None,
        }

    def _report(
        self, name: tuple[str, int], query: IntervalQuery
    ) -> list[tuple[Key, dict[str, int]]]:
        if name not in self._latest:
            sums = self._sums(query, name[1])
            self._latest[name] = sorted(sums.items(), key=lambda row: (row[0][0].start, row[0][1]))
            if len(self._latest) > KEPT_REPORTS:
                self._latest.popitem(last=False)
        return self._latest[name]

    def _sums(self, query: IntervalQuery, now: int) -> dict[Key, dict[str, int]]:
        found: dict[Key, dict[str, int]] = {}
        finder = Finder(query.start, query.end, query.period, ZoneInfo("UTC"))
        wanted = defaultdict(list)
        for name, _ in query.select:
            for metric in (COUNTS.get(name), SUMS.get(name)):
                if metric is not None:
                    wanted[metric].append(name)
        for contribution in self.contributions.between(query.start, query.end, now):
            for fact in contribution.facts:
                bucket = finder.of(fact.at) if fact.name in wanted else None
                ids = tuple(next(iter(fact.dimensions.get(GROUPS[group], ())), "")
                            for group in query.groups)  # fmt: skip
                if bucket is None or not all(ids) or not query.wants(fact.dimensions):
                    continue
                row = found.setdefault((bucket, ids), defaultdict(int))
                for name in wanted[fact.name]:
                    counted = name in COUNTS and fact.name.startswith("t")
                    row[name] += 1 if counted else fact.value
        self._add_statuses(query, now, found)
        return found

    def _add_statuses(
        self, query: IntervalQuery, now: int, found: dict[Key, dict[str, int]]
    ) -> None:
        names = {STATUSES[name]: name for name, _ in query.select if name in STATUSES}
        if not names:
            return
        cut = list(buckets(query.start, query.end, query.period, ZoneInfo("UTC")))
        active = self.contributions.between(query.start - AFTERMATH, query.end, now)
        for user_id, stints in self.shifts.stints(query.start, query.end, now, active):
            if not query.wants({"userId": (user_id,)}):
                continue
            for bucket in cut:
                for stint in stints:
                    spent = overlap([(stint.start, stint.end)], bucket.start, bucket.end)
                    if spent and stint.routing in names:
                        row = found.setdefault((bucket, (user_id,)), defaultdict(int))
                        row[names[stint.routing]] += spent

    def _row(self, query: IntervalQuery, key: Key, sums: dict[str, int]) -> dict[str, object]:
        bucket, ids = key
        row: dict[str, object] = {}
        for group, entity_id in zip(query.groups, ids, strict=True):
            name = self.names.get(entity_id)
            row[group] = {"id": entity_id} | ({} if name is None else {"name": name})
        if query.period is not None:
            row["interval"] = {"startTime": to_text(bucket.start)}
        metrics: dict[str, dict[str, float]] = {}
        for name, kind in query.select:
            metrics[name] = {kind: sums[name] if kind == "count" else sums[name] / SECOND}
        return row | {"metrics": metrics}


def _read(told: Told, rules: GranularityRules) -> IntervalQuery:
    only(told, KEYS)
    groups = texts(told, "groupBy")
    if not groups or not set(groups) <= set(GROUPS) or len(set(groups)) < len(groups):
        raise Refusal(400, "groupBy must be user, queue or both", "invalid.value")
    select = tuple(_selected(each, groups) for each in objects(told, "select"))
    if not select:
        raise Refusal(400, "select must not be empty", "invalid.value")
    where = mapping(told, "where")
    only(where, ("predicates",), "where")
    dates: dict[str, int] = {}
    chosen: list[tuple[str, frozenset[str]]] = []
    for each in objects(where, "predicates"):
        only(each, ("type", "path", "operator", "value"), "a predicate")
        path, operator = str(each.get("path")), str(each.get("operator"))
        if (each.get("type"), path) == ("date", "conversation.startTime") and operator in {
            "gte",
            "lt",
        }:
            dates[operator] = instant(each, "value")
        elif each.get("type") == "in" and path in PREDICATES:
            chosen.append((PREDICATES[path], frozenset(texts(each, "value"))))
        else:
            raise Refusal(400, f"Unknown predicate on [{path}]", "invalid.value")
    if len(dates) < 2 or dates["gte"] >= dates["lt"]:
        message = "where needs conversation.startTime gte and lt, in this order in time"
        raise Refusal(400, message, "invalid.date")
    period = _interval(told, dates["lt"] - dates["gte"], rules)
    return IntervalQuery(dates["gte"], dates["lt"], period, select, tuple(groups), tuple(chosen))


def _selected(told: Told, groups: list[str]) -> tuple[str, str]:
    only(told, ("name", "type"), "select")
    name, kind = str(told.get("name")), str(told.get("type"))
    known = "count" if name in COUNTS else "sum" if name in SUMS or name in STATUSES else None
    if known is None or kind != known:
        raise Refusal(400, f"Unknown metric [{name}] of type [{kind}]", "invalid.value")
    if name in STATUSES and groups != ["user"]:
        raise Refusal(400, f"[{name}] is known per user alone", "invalid.value")
    return name, kind


def _interval(told: Told, length: int, rules: GranularityRules) -> Period | None:
    if told.get("interval") is None:
        return None
    try:
        period = read_period(str(told["interval"]))
    except ValueError:
        message = f"interval must be an ISO-8601 duration, not [{told['interval']}]"
        raise Refusal(400, message, "invalid.value") from None
    if not rules.allows(length, period):
        raise Refusal(400, "Invalid date range for the specified granularity", "granularityTooFine")
    return period
