"""GUIDES G-A, POST /api/v2/analytics/details/query: attributes from detail records.

Rows come under `results`, the next page's token in the response header `nextPageToken`, absent on
the last page. Ours:
* The range finds the conversations that were alive in it, as a details job does, and all their
  participants who have joined by now; so a conversation over days comes back in each day's window.
* participantId, participant.type (its purpose), interactionId (the conversation's id) are the
  platform's. participant.duration: seconds from its first segment's start to its last one's end,
  absent while any segment lasts. wrapupCode: its last wrap-up segment's code; queueId: the first
  segment's that has one; both absent without. participantId always comes, the rest where selected.
* participant.customAttributes holds the selected ones with a value by their exact names: an empty
  text counts as no value, and "the platform omits the key entirely", also that of the object.
* Truncation (option --truncate-above, fault `guide`): "the engine truncates nested objects to
  preserve response delivery". In an answer of more rows every second one with more than two
  attributes keeps two, and nothing says so.
* groupBy with participant.type splits a participant who has attributes into two rows, each with
  every second attribute; duration and wrapupCode are in the first.
* Filters: participant.type, queueId (any segment's), wrapupCode (any of its), interactionId by eq;
  participant.customAttributes.<name> by notNull. They are joined by and.
* Rows are in order of a hash: stable, but no order of time. Default size 1000.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.sandbox.clock import SECOND, to_millis
from tests.sandbox.errors import Refusal
from tests.sandbox.guides import (
    GuideFault,
    Place,
    Record,
    Told,
    digest,
    mapping,
    objects,
    only,
    read_token,
    settled_records,
    stretch,
    texts,
    whole,
    write_token,
)
from tests.sandbox.periods import read_period
from tests.sandbox.world import World

PATH = "/api/v2/analytics/details/query"
ATTRIBUTE = "participant.customAttributes."
FIELDS = ("participantId", "participant.type", "participant.duration", "interactionId",
          "wrapupCode", "queueId")  # fmt: skip
GROUPS = ("participantId", "participant.type")
KEYS = ("view", "dateRange", "interval", "groupBy", "select", "filters", "size", "nextPageToken")
DIMENSIONS = ("participant.type", "queueId", "wrapupCode", "interactionId")
DEFAULT_SIZE, LARGEST_SIZE = 1_000, 5_000
KEPT_OF_TRUNCATED = 2


@dataclass(frozen=True, slots=True)
class DetailsQuery:
    """What is asked for; `attributes` are exact names."""

    start: int
    end: int
    fields: frozenset[str]
    attributes: tuple[str, ...]
    filters: tuple[tuple[str, str], ...]
    split: bool
    size: int


def answer(
    told: Told, world: World, now: int, fault: GuideFault
) -> tuple[dict[str, object], str | None]:
    """Answer a page, with the token of the next; raises Refusal (400)."""
    query = _read(told)
    owner = digest("details", {**told, "nextPageToken": None})
    place = read_token(owner, told.get("nextPageToken"), now)
    rows = [
        row
        for record in settled_records(world, query.start, query.end, place.as_of)
        for row in _rows(record, query)
    ]
    rows.sort(key=lambda row: _scattered(str(row["participantId"])))
    page = rows[place.position : place.position + query.size]
    if fault.truncate_above is not None and len(page) > fault.truncate_above:
        _truncate(page)
    _replace_values(page, fault.values)
    after = place.position + query.size
    token = write_token(owner, Place(place.as_of, after)) if after < len(rows) else None
    return {"results": page}, token


def _read(told: Told) -> DetailsQuery:
    only(told, KEYS)
    if told.get("view") != "interaction":
        raise Refusal(400, "view must be interaction", "invalid.value")
    dates = mapping(told, "dateRange")
    only(dates, ("from", "to"), "dateRange")
    start, end = stretch(dates, "from", "to")
    if "interval" in told:
        try:
            read_period(str(told["interval"]))
        except ValueError as error:
            raise Refusal(400, f"interval: {error}", "invalid.value") from None
    groups = texts(told, "groupBy") or ["participantId"]
    if groups[0] != "participantId" or not set(groups) <= set(GROUPS):
        raise Refusal(400, "groupBy must begin with participantId", "invalid.value")
    fields, attributes = [], []
    for name in texts(told, "select"):
        if name.startswith(ATTRIBUTE) and name not in {ATTRIBUTE, f"{ATTRIBUTE}*"}:
            attributes.append(name.removeprefix(ATTRIBUTE))
        elif name in FIELDS:
            fields.append(name)
        else:
            raise Refusal(400, f"Unknown field [{name}] in select", "invalid.value")
    return DetailsQuery(
        start=start,
        end=end,
        fields=frozenset(fields),
        attributes=tuple(attributes),
        filters=tuple(_filter(each) for each in objects(told, "filters")),
        split="participant.type" in groups,
        size=whole(told, "size", DEFAULT_SIZE, LARGEST_SIZE),
    )


def _filter(told: Told) -> tuple[str, str]:
    only(told, ("dimension", "operator", "value"), "a filter")
    dimension, operator = str(told.get("dimension")), told.get("operator")
    if dimension.startswith(ATTRIBUTE) and operator == "notNull":
        return dimension, ""
    if dimension not in DIMENSIONS or operator != "eq" or not isinstance(told.get("value"), str):
        message = f"Unknown filter [{dimension} {operator}]; known: {', '.join(DIMENSIONS)} by eq"
        raise Refusal(400, message, "invalid.value")
    return dimension, str(told["value"])


def _rows(record: Record, query: DetailsQuery) -> Iterator[dict[str, object]]:
    for participant in record.get("participants") or []:
        segments = [
            segment
            for session in participant.get("sessions") or []
            for segment in session.get("segments") or []
        ]
        segments.sort(key=lambda segment: to_millis(segment["segmentStart"]))
        queues = [s["queueId"] for s in segments if s.get("queueId")]
        codes = [s["wrapUpCode"] for s in segments if s.get("wrapUpCode")]
        known = participant.get("attributes") or {}
        has = {
            "participant.type": [participant.get("purpose")],
            "queueId": queues,
            "wrapupCode": codes,
            "interactionId": [record["conversationId"]],
        }
        if not all(
            known.get(name.removeprefix(ATTRIBUTE)) if name.startswith(ATTRIBUTE)
            else value in has[name]
            for name, value in query.filters
        ):  # fmt: skip
            continue
        about: dict[str, object] = {}
        row: dict[str, object] = {"participantId": participant["participantId"]}
        if "participant.type" in query.fields:
            about["type"] = participant.get("purpose")
        duration = _duration(segments)
        if "participant.duration" in query.fields and duration is not None:
            about["duration"] = duration
        if "interactionId" in query.fields:
            row["interactionId"] = record["conversationId"]
        if "wrapupCode" in query.fields and codes:
            row["wrapupCode"] = codes[-1]
        if "queueId" in query.fields and queues:
            row["queueId"] = queues[0]
        attributes = {name: known[name] for name in query.attributes if known.get(name)}
        if query.split and attributes:
            names = list(attributes)
            for part in (0, 1):
                half = {name: attributes[name] for name in names[part::2]}
                yield {**row, "participant": {**about, **_told(half)}}
                about.pop("duration", None)
                row.pop("wrapupCode", None)
            continue
        if attributes:
            about.update(_told(attributes))
        yield {**row, "participant": about} if about else row


def _told(attributes: dict[str, object]) -> dict[str, object]:
    return {"customAttributes": attributes}


def _duration(segments: list[Record]) -> float | None:
    if not segments or any("segmentEnd" not in segment for segment in segments):
        return None
    start = min(to_millis(segment["segmentStart"]) for segment in segments)
    return (max(to_millis(segment["segmentEnd"]) for segment in segments) - start) / SECOND


def _truncate(rows: list[dict[str, object]]) -> None:
    rich = 0
    for row in rows:
        about = row.get("participant")
        attributes = about.get("customAttributes") if isinstance(about, dict) else None
        if isinstance(attributes, dict) and len(attributes) > KEPT_OF_TRUNCATED:
            rich += 1
            if rich % 2:
                for name in list(attributes)[KEPT_OF_TRUNCATED:]:
                    del attributes[name]


def _replace_values(rows: list[dict[str, object]], values: Mapping[str, object]) -> None:
    for row in rows:
        about = row.get("participant")
        attributes = about.get("customAttributes") if isinstance(about, dict) else None
        if isinstance(attributes, dict):
            attributes.update({n: value for n, value in values.items() if n in attributes})


def _scattered(participant_id: str) -> bytes:
    return hashlib.sha256(participant_id.encode()).digest()
