"""The bodies of aggregate queries: read strictly, refused as Genesys refuses them.

Published names this organisation has no data for are refused with a text that says so, instead of
being answered with nothing. Genesys states no limit of granularity; ours are in GranularityRules,
and a query beyond them is a 400 invalid.value that names granularity and interval.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tests.sandbox.clock import DAY, to_millis
from tests.sandbox.errors import Refusal
from tests.sandbox.facts import KNOWN_DIMENSIONS, Dimensions
from tests.sandbox.periods import Period, read_period
from tests.sandbox.vocabulary import (
    CONVERSATION_DIMENSIONS,
    CONVERSATION_METRICS,
    FLOW_DIMENSIONS,
    FLOW_METRICS,
    USER_DIMENSIONS,
    USER_METRICS,
)

Told = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class GranularityRules:
    """How long an interval may be, by how fine it is cut: below a day, below 28 days, above."""

    hourly: int = 7 * DAY
    daily: int = 365 * DAY
    monthly: int = 7 * 366 * DAY

    def allows(self, length: int, period: Period) -> bool:
        """Tell whether an interval of a length may be cut into such periods."""
        if period.about >= 28 * DAY:
            return length <= self.monthly
        return length <= (self.daily if period.about >= DAY else self.hourly)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names one of the aggregate queries knows; `kind` is what error texts call it."""

    kind: str
    metrics: frozenset[str]
    dimensions: frozenset[str]
    # Of those, the ones there can be data for.
    supported: frozenset[str]
    keys: frozenset[str]


_SHARED_KEYS = frozenset(
    {"interval", "granularity", "timeZone", "groupBy", "filter", "metrics", "views",
     "flattenMultivaluedDimensions", "alternateTimeDimension"}
)  # fmt: skip
CONVERSATIONS = Vocabulary(
    "Conversation", CONVERSATION_METRICS, CONVERSATION_DIMENSIONS,
    CONVERSATION_DIMENSIONS & KNOWN_DIMENSIONS,
    _SHARED_KEYS | {"queryType", "sortMetric", "limit"},
)  # fmt: skip
FLOWS = Vocabulary(
    "Flow", FLOW_METRICS, FLOW_DIMENSIONS, FLOW_DIMENSIONS & KNOWN_DIMENSIONS, _SHARED_KEYS
)
USERS = Vocabulary("User", USER_METRICS, USER_DIMENSIONS, USER_DIMENSIONS, _SHARED_KEYS)


@dataclass(frozen=True, slots=True)
class Predicate:
    """A dimension has a value, has any (`exists`), or has none (`notExists`)."""

    dimension: str
    operator: str
    value: str | None

    def holds(self, dimensions: Dimensions) -> bool:
        """Tell whether it holds; matching no value is the same as notExists."""
        values = dimensions.get(self.dimension, ())
        if self.operator == "exists":
            return bool(values)
        if self.operator == "notExists" or self.value is None:
            return not values
        return self.value in values


@dataclass(frozen=True, slots=True)
class Filter:
    """Predicates and clauses joined by and, or."""

    kind: str = "and"
    parts: tuple["Predicate | Filter", ...] = ()

    def holds(self, dimensions: Dimensions) -> bool:
        """Tell whether it holds; an empty filter always does."""
        if not self.parts:
            return True
        found = (part.holds(dimensions) for part in self.parts)
        return all(found) if self.kind == "and" else any(found)


@dataclass(frozen=True, slots=True)
class View:
    """A second look at a metric: only values in [low, high) count."""

    target: str
    name: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class AggregateQuery:
    """What an aggregate query asks for."""

    start: int
    end: int
    period: Period | None
    zone: ZoneInfo
    metrics: tuple[str, ...]
    group_by: tuple[str, ...]
    filter: Filter
    views: tuple[View, ...] = ()


def read_body(body: bytes) -> dict[str, object]:
    """Read a JSON object; raises Refusal (400)."""
    try:
        told = json.loads(body)
    except ValueError:
        raise Refusal(400, "The request body is not valid JSON") from None
    if not isinstance(told, dict):
        raise Refusal(400, "The request body must be a JSON object")
    return told


def read_aggregate_query(told: Told, words: Vocabulary, rules: GranularityRules) -> AggregateQuery:
    """Read the body of an aggregate query; raises Refusal (400)."""
    _only(told, words.keys)
    for name in ("flattenMultivaluedDimensions", "sortMetric", "limit"):
        if told.get(name):
            raise Refusal(400, f"This organisation does not support {name}")
    _one_of(told, "alternateTimeDimension", ("eventTime",))
    if _one_of(told, "queryType", ("groupBy", "topN", "bottomN")) not in {None, "groupBy"}:
        raise Refusal(400, f"This organisation does not support queryType {told['queryType']}")
    start, end = read_interval(told.get("interval"))
    period = _granularity(told, end - start, rules)
    metrics = _names(told, "metrics", words.metrics, f"{words.kind}AggregateMetric")
    if not metrics:
        raise Refusal(400, "metrics must not be empty", "invalid.value")
    group_by = _names(told, "groupBy", words.dimensions, f"{words.kind}AggregateDimension")
    for name in group_by:
        _supported(name, words)
    return AggregateQuery(
        start=start,
        end=end,
        period=period,
        zone=read_zone(told.get("timeZone")),
        metrics=metrics,
        group_by=group_by,
        filter=_filter(told.get("filter"), words),
        views=tuple(_view(each, words) for each in _list(told, "views")),
    )


def read_interval(interval: object) -> tuple[int, int]:
    """Read "start/end"; raises Refusal (400)."""
    if not isinstance(interval, str):
        raise Refusal(400, "interval is required", "invalid.value")
    first, _, last = interval.partition("/")
    try:
        start, end = to_millis(first), to_millis(last)
    except ValueError:
        message = f"Value [{interval}] is not a valid interval"
        raise Refusal(400, message, "invalid.date") from None
    if start >= end:
        raise Refusal(400, "The interval must start before it ends", "invalid.date")
    return start, end


def read_zone(name: object) -> ZoneInfo:
    """Read an IANA time zone, UTC without one; raises Refusal (400)."""
    try:
        return ZoneInfo("UTC" if name is None else str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refusal(400, f"Value [{name}] is not a valid time zone", "invalid.value") from None


def _granularity(told: Told, length: int, rules: GranularityRules) -> Period | None:
    text = told.get("granularity")
    if text is None:
        return None
    try:
        period = read_period(str(text))
    except ValueError:
        message = f"Value [{text}] is not a valid granularity"
        raise Refusal(400, message, "invalid.value") from None
    if not rules.allows(length, period):
        message = f"The granularity [{text}] is too fine for the interval [{told['interval']}]"
        raise Refusal(400, message, "invalid.value")
    return period


def _filter(told: object, words: Vocabulary) -> Filter:
    if told is None:
        return Filter()
    if not isinstance(told, dict):
        raise Refusal(400, "filter must be an object", "invalid.value")
    _only(told, frozenset({"type", "clauses", "predicates"}))
    kind = _one_of(told, "type", ("and", "or"))
    if kind is None:
        raise Refusal(400, "filter needs a type", "invalid.value")
    parts: list[Predicate | Filter] = [
        _predicate(each, words) for each in _list(told, "predicates")
    ]
    for clause in _list(told, "clauses"):
        if isinstance(clause, dict) and "clauses" in clause:
            raise Refusal(400, "Unrecognized field [clauses]")
        parts.append(_filter(clause, words))
    return Filter(kind, tuple(parts))


def _predicate(told: object, words: Vocabulary) -> Predicate:
    if not isinstance(told, dict):
        raise Refusal(400, "A predicate must be an object", "invalid.value")
    _only(told, frozenset({"type", "dimension", "operator", "value", "range"}))
    kind = _one_of(told, "type", ("dimension", "property", "metric")) or "dimension"
    if kind != "dimension" or told.get("range"):
        raise Refusal(400, "This organisation supports predicates on dimensions and values only")
    dimension = str(told.get("dimension", ""))
    _allowed(dimension, words.dimensions, f"{words.kind}AggregateDimension")
    _supported(dimension, words)
    operator = _one_of(told, "operator", ("matches", "exists", "notExists")) or "matches"
    value = told.get("value")
    return Predicate(dimension, operator, None if value is None else str(value))


def _view(told: object, words: Vocabulary) -> View:
    if not isinstance(told, dict):
        raise Refusal(400, "A view must be an object", "invalid.value")
    _only(told, frozenset({"target", "name", "function", "range"}))
    _allowed(str(told.get("target", "")), words.metrics, f"{words.kind}AggregateMetric")
    if _one_of(told, "function", ("rangeBound",)) is None or not told.get("name"):
        raise Refusal(400, "A view needs target, name and function", "invalid.value")
    bounds = told.get("range") or {}
    if not isinstance(bounds, dict):
        raise Refusal(400, "range must be an object", "invalid.value")
    _only(bounds, frozenset({"gte", "lt"}))
    low, high = bounds.get("gte", float("-inf")), bounds.get("lt", float("inf"))
    if not all(isinstance(each, int | float) for each in (low, high)):
        raise Refusal(400, "gte and lt must be numbers", "invalid.value")
    return View(str(told["target"]), str(told["name"]), float(low), float(high))


def _only(told: Told, known: frozenset[str]) -> None:
    for key in told:
        if key not in known:
            raise Refusal(400, f"Unrecognized field [{key}]")


def _names(told: Told, key: str, known: frozenset[str], kind: str) -> tuple[str, ...]:
    names = [str(name) for name in _list(told, key)]
    for name in names:
        _allowed(name, known, kind)
    return tuple(dict.fromkeys(names))


def _allowed(name: str, known: frozenset[str], kind: str) -> None:
    if name not in known:
        allowed = f"Allowable values are: {', '.join(sorted(known))}"
        message = f"Value [{name}] is not valid for field type [{kind}]. {allowed}"
        raise Refusal(400, message, "invalid.value")


def _supported(name: str, words: Vocabulary) -> None:
    if name not in words.supported:
        raise Refusal(400, f"This organisation does not support the dimension {name}")


def _one_of(told: Told, key: str, allowed: Sequence[str]) -> str | None:
    value = told.get(key)
    if value is None:
        return None
    if value not in allowed:
        known = f"Allowable values are: {', '.join(allowed)}"
        message = f"Value [{value}] is not valid for field type [{key}]. {known}"
        raise Refusal(400, message, "invalid.value")
    return str(value)


def _list(told: Told, key: str) -> list[object]:
    value = told.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Refusal(400, f"{key} must be a list", "invalid.value")
    return value
