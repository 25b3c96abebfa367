"""What a page shows, read from dbt's views and written small."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby, islice
from operator import ne
from typing import Any

from loader.errors import DestinationError
from loader.warehouses.dataset import Dataset

# A year, and what its last weeks are compared with.
MOST_DAYS = 400
# Half hours are the most numerous rows; nobody looks at those of last year one by one.
HALF_HOUR_DAYS = 35

_NEWEST = "select max(report_date) from {genesys_report.rpt_queue_intervals}"

# Nothing where all are null. What seldom changes in runs: the code of a word in a list of words,
# how often, the next code. Else numbers as they are, of all else the codes of words, row by row.
Column = Sequence[Any] | Mapping[str, Any] | None
Table = dict[str, Any]


@dataclass(frozen=True)
class Period:
    """Days of the report's time zone, both of them in it."""

    start: date
    end: date


def period_of(dataset: Dataset, start: date | None, end: date | None, today: date) -> Period:
    """Return the days of a page: those asked for, else the newest that were counted."""
    newest = None
    if end is None and dataset.has_all("genesys_report.rpt_queue_intervals"):
        [(newest,)] = dataset.query(_NEWEST)
    end = end or newest or today
    return Period(start or end - timedelta(days=MOST_DAYS - 1), end)


def tables_of(dataset: Dataset, period: Period, *, with_agents: bool) -> dict[str, Table]:
    """Read the tables of a page by their names; where nothing is built they have no columns.

    Raises:
        DestinationError: some of the views are there and some are not.
    """
    sources = _sources(period, with_agents)
    missing = [
        view for view, _ in sources.values() if not dataset.has_all(f"genesys_report.{view}")
    ]
    if len(missing) == len(sources):
        return {name: {"length": 0, "columns": {}} for name in sources}
    if missing:
        raise DestinationError(f"genesys_report.{missing[0]} is not built; `make transform`.")
    return {
        name: written(dataset.read(f"select * from {{genesys_report.{view}}} {condition}"))
        for name, (view, condition) in sources.items()
    }


def _sources(period: Period, with_agents: bool) -> dict[str, tuple[str, str]]:
    """Return which view each table comes from, and which of its rows."""
    days = f"report_date between '{period.start}' and '{period.end}'"
    first = max(period.start, period.end - timedelta(days=HALF_HOUR_DAYS - 1))
    half_hours = (
        f"where interval_kind = 'half_hour' and report_date between '{first}' and '{period.end}'"
    )
    found = {
        "queue_days": ("rpt_queue_intervals", f"where interval_kind = 'day' and {days}"),
        "queue_half_hours": ("rpt_queue_intervals", half_hours),
        "agent_days": ("rpt_agent_intervals", f"where interval_kind = 'day' and {days}"),
        "agent_half_hours": ("rpt_agent_intervals", half_hours),
        "conversations": ("rpt_conversations", f"where {days}"),
        "flow_executions": ("rpt_flow_executions", f"where {days}"),
        "flow_outcomes": ("rpt_flow_outcomes", f"where {days}"),
        "people": ("rpt_people", ""),
        "attributes": ("rpt_attributes", ""),
        "attribute_values": ("rpt_attribute_values", ""),
        "reconciliation": ("rpt_reconciliation", f"where {days}"),
        "completeness": ("rpt_completeness", f"where {days}"),
        "resources": ("rpt_resources", ""),
        "service_levels": ("rpt_service_levels", ""),
        "settings": ("rpt_settings", ""),
    }
    if with_agents:
        found["agents"] = ("rpt_agents", f"where {days}")
    return found


def written(columns: Mapping[str, Sequence[Any]]) -> Table:
    """Return a table as the script of a page reads it, a third as long as records would be."""
    length = len(next(iter(columns.values())))
    if dates := columns.get("report_date"):
        minutes = columns.get("minute_of_day", (None,) * length)
        order = sorted(range(length), key=lambda row: (dates[row], minutes[row] or 0))
        columns = {name: [values[row] for row in order] for name, values in columns.items()}
    # What one half hour is off by, nobody sees; a day is told to the millisecond.
    digits = 0 if length and columns.get("minute_of_day", (None,))[0] is not None else 3
    return {
        "length": length,
        "columns": {name: _column(values, digits) for name, values in columns.items()},
    }


def _column(values: Sequence[Any], digits: int) -> Column:
    kinds = {type(value) for value in values} - {type(None)}
    if not kinds:
        return None
    if Decimal in kinds:
        return [None if value is None else _number(value, digits) for value in values]
    if float in kinds:
        return values
    changes = sum(map(ne, values, islice(values, 1, None)))
    is_of_runs = 2 * (changes + 1) < len(values)
    if kinds == {int} and not is_of_runs:
        return values
    # A word is written once, and here too.
    plain = {value: _plain(value) for value in set(values)}
    words = sorted(set(plain.values()), key=lambda word: (word is None, str(word)))
    places = {word: code for code, word in enumerate(words)}
    codes = {value: places[word] for value, word in plain.items()}
    if is_of_runs:
        runs = [(codes[value], len(list(run))) for value, run in groupby(values)]
        return {"words": words, "runs": [number for run in runs for number in run]}
    return {"words": words, "codes": [codes[value] for value in values]}


def _number(value: Decimal | float, digits: int) -> int | float:
    rounded = round(float(value), digits)
    return int(rounded) if rounded.is_integer() else rounded


def _plain(value: Any) -> Any:  # noqa: ANN401 - of any type an engine has
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    return value.isoformat() if isinstance(value, date) else value
