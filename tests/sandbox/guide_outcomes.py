"""GUIDES G-B, POST /api/v2/analytics/query-builder/query: flow outcomes by name.

Ours:
* A count is the number of attempts for outcomes of that name set in the bucket, with success or
  failure: the platform's nFlowOutcome of the same flow and bucket, summed over flowOutcomeValue.
* The key is the name the outcome had when the attempt was set (outcome_names.py), so a bucket in
  which an outcome was renamed has both names.
* percentOfTotal: the count's share of all counts of the bucket in the flows the filter lets through
  (all flows without one), rounded to six digits. Ask for one flow, and it is its share of the flow.
* Buckets are cut in UTC from dateFrom; one without outcomes has no row. With an empty groupBy a row
  has no flow-id and counts all flows.
* metricsDelay: "instructs the query engine to ignore records that fall within the specified
  duration before dateTo".
* More than 10 requests in a second (option --outcome-queries) are a 429, the same query while one
  is being answered a 409.
* Rows are ordered by interval and flow. The filter is on flow-id alone, by eq, any of its values.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from tests.sandbox.aggregate_queries import GranularityRules
from tests.sandbox.errors import Refusal
from tests.sandbox.facts import Contributions
from tests.sandbox.guides import (
    Place,
    Told,
    digest,
    mapping,
    objects,
    only,
    read_token,
    stretch,
    texts,
    whole,
    write_token,
)
from tests.sandbox.outcome_names import OutcomeNames
from tests.sandbox.periods import Bucket, Finder, Period, read_period

PATH = "/api/v2/analytics/query-builder/query"
KEYS = ("queryType", "dateFrom", "dateTo", "metrics", "filters", "groupBy", "timeGroup", "limit",
        "metricsDelay", "nextPageToken")  # fmt: skip
TIME_GROUPS = {"hourly": "PT1H", "daily": "P1D", "monthly": "P1M"}
DEFAULT_LIMIT, LARGEST_LIMIT = 100, 1_000
TOO_FINE = "Invalid date range for the specified granularity"


@dataclass(frozen=True, slots=True)
class OutcomeQuery:
    """What is asked for; no flows means all of them."""

    start: int
    end: int
    period: Period
    flows: frozenset[str]
    by_flow: bool
    limit: int
    delay: int


def answer(
    body: Told, contributions: Contributions, names: OutcomeNames, rules: GranularityRules, now: int
) -> dict[str, object]:
    """Answer a page; raises Refusal (400)."""
    only(body, ("queryBuilder",))
    told = mapping(body, "queryBuilder")
    query = _read(told, rules)
    owner = digest("outcomes", {**told, "nextPageToken": None})
    place = read_token(owner, told.get("nextPageToken"), now)
    rows = _rows(query, contributions, names, place.as_of)
    after = place.position + query.limit
    token = write_token(owner, Place(place.as_of, after)) if after < len(rows) else None
    return {"nextPageToken": token, "data": rows[place.position : after]}


def _read(told: Told, rules: GranularityRules) -> OutcomeQuery:
    only(told, KEYS, "queryBuilder")
    if told.get("queryType") != "routing/engagement":
        raise Refusal(400, "queryType must be routing/engagement", "invalid.value")
    if texts(told, "metrics") != ["flow-outcomes"]:
        raise Refusal(400, "metrics must be [flow-outcomes]", "invalid.value")
    groups = texts(told, "groupBy")
    if groups not in ([], ["flow-id"]):
        raise Refusal(400, f"Unknown dimension in groupBy {groups}", "invalid.value")
    start, end = stretch(told, "dateFrom", "dateTo")
    group = TIME_GROUPS.get(str(told.get("timeGroup")))
    if group is None:
        raise Refusal(400, "timeGroup must be hourly, daily or monthly", "invalid.value")
    period = read_period(group)
    if not rules.allows(end - start, period):
        raise Refusal(400, TOO_FINE, "granularityTooFine")
    try:
        delay = read_period(str(told["metricsDelay"])).about if "metricsDelay" in told else 0
    except ValueError as error:
        raise Refusal(400, f"metricsDelay: {error}", "invalid.value") from None
    flows: set[str] = set()
    for each in objects(told, "filters"):
        only(each, ("type", "dimension", "operator", "values"), "a filter")
        known = (each.get("type"), each.get("dimension"), each.get("operator"))
        if known != ("dimension", "flow-id", "eq") or not texts(each, "values"):
            raise Refusal(400, "A filter must be flow-id eq values", "invalid.value")
        flows.update(texts(each, "values"))
    limit = whole(told, "limit", DEFAULT_LIMIT, LARGEST_LIMIT)
    return OutcomeQuery(start, end, period, frozenset(flows), bool(groups), limit, delay)


def _rows(
    query: OutcomeQuery, contributions: Contributions, names: OutcomeNames, now: int
) -> list[dict[str, object]]:
    finder = Finder(query.start, query.end, query.period, ZoneInfo("UTC"))
    counts: dict[tuple[Bucket, str], Counter[str]] = {}
    totals: Counter[Bucket] = Counter()
    for contribution in contributions.between(query.start, query.end, now):
        for fact in contribution.facts:
            if fact.name != "nFlowOutcome" or fact.at >= query.end - query.delay:
                continue
            flow = _one(fact.dimensions, "flowId")
            bucket = finder.of(fact.at)
            if bucket is None or (query.flows and flow not in query.flows):
                continue
            name = names.name(_one(fact.dimensions, "flowOutcomeId"), fact.at)
            counts.setdefault((bucket, flow if query.by_flow else ""), Counter())[name] += 1
            totals[bucket] += 1
    rows: list[dict[str, object]] = []
    for (bucket, flow), by_name in sorted(counts.items(), key=lambda i: (i[0][0].start, i[0][1])):
        outcomes = {
            name: {"count": count, "percentOfTotal": round(count / totals[bucket], 6)}
            for name, count in sorted(by_name.items())
        }
        row: dict[str, object] = {"flow-id": flow} if query.by_flow else {}
        rows.append(row | {"interval": bucket.text(), "metrics": {"flow-outcomes": outcomes}})
    return rows


def _one(dimensions: Mapping[str, tuple[str, ...]], name: str) -> str:
    return next(iter(dimensions.get(name, ())), "")
