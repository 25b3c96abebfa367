"""Answers to aggregate queries, made by hand: groups with their buckets and metrics."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.transform.conversations import DAY

Json = dict[str, Any]

QUARTER = timedelta(minutes=15)


def group(names: Mapping[str, str], *buckets: Json) -> Json:
    """Return one group of an answer."""
    return {"group": dict(names), "data": list(buckets)}


def bucket(number: int, metrics: list[Json], length: timedelta = QUARTER) -> Json:
    """Return the bucket so many quarters of an hour into the day."""
    start = DAY + number * QUARTER
    return {"interval": f"{_text(start)}/{_text(start + length)}", "metrics": metrics}


def handled(
    number: int, count: int, *, metric: str = "tHandle", length: timedelta = QUARTER
) -> Json:
    """Return a bucket with a metric that counted so many of 1.5 s each."""
    stats = {"count": count, "sum": count * 1500.0, "min": 1500, "max": 1500}
    return bucket(number, [{"metric": metric, "stats": stats}], length)


def status(number: int, **milliseconds: int) -> Json:
    """Return a bucket of routing statuses, and the presence On Queue beside them."""
    told = [
        {"metric": "tAgentRoutingStatus", "qualifier": name, "stats": {"sum": value}}
        for name, value in milliseconds.items()
    ]
    told.append({"metric": "tSystemPresence", "qualifier": "ON_QUEUE", "stats": {"sum": 900_000}})
    return bucket(number, told)


def outcome(value: str, *, flow: str = "flow-1", outcome_id: str = "outcome-0") -> dict[str, str]:
    """Return the names of a group of flow outcomes."""
    return {"flowId": flow, "flowOutcomeId": outcome_id, "flowOutcomeValue": value}


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"
