"""Answers to aggregate queries of the Platform API: groups, buckets and metrics that have data.

What has none is absent: a metric in its bucket, a bucket in its group, a group. A dimension without
a value is absent from `group`. Statistics are {count} for counters (n…), {max, min, count, sum} for
timers (t…, milliseconds) and most observations (o…), {ratio, numerator, denominator, target} for
oServiceLevel, {target} for oServiceTarget, {sum} for the routing status and presence of users.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

from tests.sandbox.aggregate_queries import AggregateQuery
from tests.sandbox.clock import MINUTE
from tests.sandbox.facts import Contribution, Contributions, Fact
from tests.sandbox.periods import Bucket, Finder, buckets
from tests.sandbox.service_levels import SHARE
from tests.sandbox.shifts import Shifts, Stint
from tests.sandbox.spans import overlap

# A missed alert is felt a while after its conversation was last alive.
AFTERMATH = 5 * MINUTE

Group = tuple[tuple[str, str], ...]
Stats = dict[str, object]


@dataclass(slots=True)
class Values:
    """The values of one metric in one bucket."""

    values: list[int] = field(default_factory=list)

    def stats(self, metric: str) -> Stats:
        """Write a StatisticalSummary."""
        count, whole = len(self.values), sum(self.values)
        if metric == "oServiceLevel":
            return {"ratio": whole / count, "numerator": whole, "denominator": count,
                    "target": SHARE}  # fmt: skip
        if metric == "oServiceTarget":
            return {"target": SHARE}
        if metric.startswith("n"):
            return {"count": whole}
        return {"max": max(self.values), "min": min(self.values), "count": count, "sum": whole}


def grouped(
    query: AggregateQuery, contributions: Iterable[Contribution]
) -> dict[Group, dict[Bucket, dict[str, Values]]]:
    """Sum what conversations contribute by group, bucket and metric."""
    wanted = frozenset((*query.metrics, *(view.target for view in query.views)))
    cut = Finder(query.start, query.end, query.period, query.zone)
    found: dict[Group, dict[Bucket, dict[str, Values]]] = {}
    for contribution in contributions:
        for group, fact in _facts(contribution, query, wanted):
            bucket = cut.of(fact.at)
            if bucket is not None:
                metrics = found.setdefault(group, {}).setdefault(bucket, {})
                metrics.setdefault(fact.name, Values()).values.append(fact.value)
    return found


def answer(query: AggregateQuery, contributions: Iterable[Contribution]) -> dict[str, object]:
    """Answer a conversation or flow aggregate query."""
    results = []
    for group, by_bucket in sorted(grouped(query, contributions).items()):
        data = []
        for bucket, metrics in sorted(by_bucket.items(), key=lambda item: item[0].start):
            told: dict[str, object] = {
                "interval": bucket.text(),
                "metrics": [
                    {"metric": name, "stats": metrics[name].stats(name)}
                    for name in query.metrics
                    if name in metrics
                ],
            }
            views = list(_views(query, metrics))
            if views:
                told["views"] = views
            data.append(told)
        results.append({"group": dict(group), "data": data})
    return {"results": results}


def answer_users(
    query: AggregateQuery, shifts: Shifts, contributions: Contributions, now: int
) -> dict[str, object]:
    """Answer a user aggregate query."""
    cut = list(buckets(query.start, query.end, query.period, query.zone))
    active = contributions.between(query.start - AFTERMATH, query.end, now)
    sums: dict[Group, dict[Bucket, defaultdict[tuple[str, str], int]]] = {}
    for user_id, stints in shifts.stints(query.start, query.end, now, active):
        if not query.filter.holds({"userId": (user_id,)}):
            continue
        group: Group = (("userId", user_id),) if query.group_by else ()
        for bucket in cut:
            for name, spans in _by_qualifier(stints, bucket, shifts).items():
                spent = overlap(spans, bucket.start, bucket.end)
                if spent and name[0] in query.metrics:
                    of_group = sums.setdefault(group, {})
                    of_group.setdefault(bucket, defaultdict(int))[name] += spent
    results = [
        {
            "group": dict(group),
            "data": [
                {
                    "interval": bucket.text(),
                    "metrics": [
                        {"metric": metric, "qualifier": qualifier, "stats": {"sum": spent}}
                        for (metric, qualifier), spent in sorted(metrics.items())
                    ],
                }
                for bucket, metrics in of_group.items()
            ],
        }
        for group, of_group in sorted(sums.items())
    ]
    return {"systemToOrganizationMappings": shifts.mappings(), "results": results}


def _facts(
    contribution: Contribution, query: AggregateQuery, wanted: frozenset[str]
) -> Iterator[tuple[Group, Fact]]:
    counted: dict[Group, Fact] = {}
    for fact in contribution.facts:
        if fact.name not in wanted or not query.filter.holds(fact.dimensions):
            continue
        for group in _groups(fact, query.group_by):
            if fact.name != "nConversations":
                yield group, fact
            elif group not in counted or fact.at < counted[group].at:
                counted[group] = fact
    yield from counted.items()


def _groups(fact: Fact, names: Sequence[str]) -> Iterator[Group]:
    choices = ([(name, value) for value in fact.dimensions.get(name, ())] for name in names)
    yield from product(*(choice for choice in choices if choice))


def _views(query: AggregateQuery, metrics: dict[str, Values]) -> Iterator[dict[str, object]]:
    for view in query.views:
        if view.target in metrics:
            inside = [v for v in metrics[view.target].values if view.low <= v < view.high]
            if inside:
                yield {"name": view.name, "stats": Values(inside).stats(view.target)}


def _by_qualifier(
    stints: Sequence[Stint], bucket: Bucket, shifts: Shifts
) -> dict[tuple[str, str], list[tuple[int, int]]]:
    found: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for stint in stints:
        if stint.start >= bucket.end or stint.end <= bucket.start:
            continue
        own = shifts.presence_id(stint.presence_name)
        for name in (
            ("tAgentRoutingStatus", stint.routing),
            ("tSystemPresence", stint.presence),
            ("tOrganizationPresence", own),
        ):
            found.setdefault(name, []).append((stint.start, stint.end))
    return found
