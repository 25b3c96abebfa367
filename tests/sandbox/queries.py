"""The bodies of details queries and jobs: read strictly, refused as Genesys refuses them."""

import json
from dataclasses import dataclass

from tests.sandbox.clock import DAY, to_millis
from tests.sandbox.errors import Refusal

LONGEST_INTERVAL = 31 * DAY
TOO_LONG = "You must specify a search interval as part of your query that does not exceed 31 days."
DEEPEST_RESULT = 100_000
TOO_DEEP = (
    "Pagination may not exceed 100000 results. Tip: try adding additional filters or query in "
    "smaller intervals"
)
DEFAULT_PAGE, LARGEST_PAGE = 25, 100

FILTERS = frozenset(
    {"conversationFilters", "segmentFilters", "evaluationFilters", "surveyFilters",
     "resolutionFilters"}
)  # fmt: skip
SHARED_KEYS = FILTERS | {"interval", "order", "orderBy"}
JOB_KEYS = SHARED_KEYS | {"limit", "startOfDayIntervalMatching"}
QUERY_KEYS = SHARED_KEYS | {"paging", "aggregations"}


@dataclass(frozen=True, slots=True)
class JobQuery:
    """What a details job asks for."""

    start: int
    end: int
    descending: bool = False
    start_of_day: bool = False
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class DetailsQuery:
    """What a details query asks for."""

    start: int
    end: int
    descending: bool
    page_size: int
    page_number: int


def read_job_query(body: bytes) -> JobQuery:
    """Read an AsyncConversationQuery; raises Refusal (400)."""
    told = _read(body, JOB_KEYS)
    start, end = _interval(told)
    limit = told.get("limit")
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise Refusal(400, "limit must be a positive number", "invalid.value")
    return JobQuery(
        start=start,
        end=end,
        descending=_descending(told),
        start_of_day=told.get("startOfDayIntervalMatching") is True,
        limit=limit,
    )


def read_details_query(body: bytes) -> DetailsQuery:
    """Read a ConversationQuery; raises Refusal (400)."""
    told = _read(body, QUERY_KEYS)
    if told.get("aggregations"):
        raise Refusal(400, "This organisation does not support aggregations here")
    start, end = _interval(told)
    paging = told.get("paging", {"pageSize": DEFAULT_PAGE, "pageNumber": 1})
    if not isinstance(paging, dict):
        raise Refusal(400, "paging must be an object", "invalid.value")
    size, number = paging.get("pageSize"), paging.get("pageNumber")
    if not isinstance(size, int) or not 1 <= size <= LARGEST_PAGE:
        raise Refusal(400, f"pageSize must be between 1 and {LARGEST_PAGE}", "invalid.value")
    if not isinstance(number, int) or number < 1:
        raise Refusal(400, "pageNumber must be greater than zero", "invalid.value")
    if size * number > DEEPEST_RESULT:
        raise Refusal(400, TOO_DEEP)
    return DetailsQuery(start, end, _descending(told), size, number)


def _read(body: bytes, known: frozenset[str]) -> dict[str, object]:
    try:
        told = json.loads(body)
    except ValueError:
        raise Refusal(400, "The request body is not valid JSON") from None
    if not isinstance(told, dict):
        raise Refusal(400, "The request body must be a JSON object")
    for key in told:
        if key not in known:
            raise Refusal(400, f"Unrecognized field [{key}]")
        if key in FILTERS and told[key]:
            raise Refusal(400, f"This organisation does not support {key}")
    return told


def _interval(told: dict[str, object]) -> tuple[int, int]:
    interval = told.get("interval")
    if not isinstance(interval, str):
        raise Refusal(400, TOO_LONG)
    first, _, last = interval.partition("/")
    try:
        start, end = to_millis(first), to_millis(last)
    except ValueError:
        message = f"Value [{interval}] is not a valid interval"
        raise Refusal(400, message, "invalid.date") from None
    if start >= end:
        raise Refusal(400, "The interval must start before it ends", "invalid.date")
    if end - start > LONGEST_INTERVAL:
        raise Refusal(400, TOO_LONG)
    return start, end


def _descending(told: dict[str, object]) -> bool:
    order, order_by = told.get("order", "asc"), told.get("orderBy", "conversationStart")
    if order not in {"asc", "desc", "unordered"}:
        raise Refusal(400, f"Value [{order}] is not valid for order", "invalid.value")
    if order_by != "conversationStart":
        raise Refusal(400, f"This organisation does not support orderBy {order_by}")
    return order == "desc"
