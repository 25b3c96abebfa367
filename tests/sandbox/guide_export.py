"""GUIDES G-C, POST /api/v2/export/interactions: one record per interaction, the columns asked for.

The page token goes back in the request header Genesys-Page-Token; as a body field it is refused.
It is told by turns: the first page and each third after it tell it in the body and in the response
header `nextPageToken`, the second in the header alone (the body has no such field), the third in
the body alone. On the last page the body says null and there is no header. Ours:
* The window finds the conversations alive in it, as a details job does, in order of their start.
  interactions.py says where the columns come from: id, type, direction, mediaType, state are its
  interaction_id, kind, direction, media, state; startTime and endTime conversationStart and
  conversationEnd, durationSeconds between them; wrapUpDurationSeconds the sum of the wrap-up
  segments that have ended, 0 without; agentIds, queueIds, skills are ids; wrapUpCode is the last.
  A column without a value is null: endTime and durationSeconds of an open interaction.
* Beyond the guide's columns there are externalContactIds, divisionIds, ani, dnis and externalTag.
* A `guide` fault hides columns, or adds some whose values are null. "If you request a deprecated or
  unavailable column, the API returns a 400 error before streaming begins."
* "Query with a minimal payload to retrieve the actual field definitions returned by the platform":
  a query for one record (pageSize 1) is answered with all fields there are, asked for or not.
* pageSize is a body field, 1000 by default, 5000 at most. Filters are {"type":"exact",path,value}
  on queue.id, agent.id (any of them), mediaType, type or state, joined by and.
* A token of a window that ends later than 15 minutes before its first page is a 400 cursor invalid.
"""

from tests.sandbox.clock import SECOND, to_text
from tests.sandbox.errors import Refusal
from tests.sandbox.guides import (
    SETTLED,
    GuideFault,
    Place,
    Record,
    Told,
    digest,
    objects,
    only,
    read_token,
    settled_records,
    stretch,
    texts,
    whole,
    write_token,
)
from tests.sandbox.interactions import Interaction, read_interaction
from tests.sandbox.world import World

PATH = "/api/v2/export/interactions"
TOKEN_HEADER = "Genesys-Page-Token"
KEYS = ("dateFrom", "dateTo", "filters", "columns", "pageSize")
COLUMNS = (
    "id", "type", "direction", "mediaType", "state", "startTime", "endTime", "durationSeconds",
    "wrapUpDurationSeconds", "agentIds", "queueIds", "skills", "wrapUpCode",
    "externalContactIds", "divisionIds", "ani", "dnis", "externalTag",
)  # fmt: skip
PATHS = {
    "queue.id": "queueIds", "agent.id": "agentIds", "mediaType": "mediaType", "type": "type",
    "state": "state",
}  # fmt: skip
DEFAULT_PAGE, LARGEST_PAGE = 1_000, 5_000


def answer(
    told: Told, token: str | None, world: World, now: int, fault: GuideFault
) -> tuple[dict[str, object], str | None]:
    """Answer a page, with the token to tell in the header; raises Refusal (400)."""
    only(told, KEYS)
    start, end = stretch(told, "dateFrom", "dateTo")
    available = [name for name in COLUMNS if name not in fault.hide_columns]
    available += [name for name in fault.add_columns if name not in available]
    columns = texts(told, "columns")
    if not columns:
        raise Refusal(400, "columns are required; name each one", "invalid.value")
    for name in columns:
        if name not in available:
            raise Refusal(400, f"Unknown column [{name}]", "invalid.value")
    filters = [_filter(each) for each in objects(told, "filters")]
    size = whole(told, "pageSize", DEFAULT_PAGE, LARGEST_PAGE)
    owner = digest("export", told)
    place = read_token(owner, token, now)
    if token is not None and end > place.as_of - SETTLED:
        raise Refusal(400, "cursor invalid", "cursor.invalid")
    records = []
    shown = available if size == 1 else columns
    for record in settled_records(world, start, end, place.as_of):
        row = _row(record, read_interaction(record))
        if all(_matches(row[column], value) for column, value in filters):
            records.append({name: row.get(name) for name in shown})
    first = max(0, place.position - size) if fault.is_repeated else place.position
    page = records[first : first + size]
    if page and fault.lacking is not None:
        page[0] = {name: value for name, value in page[0].items() if name != fault.lacking}
    if fault.is_doubled:
        page[:0] = page[:1]
    body: dict[str, object] = {"records": page}
    after = place.position + size
    if after >= len(records):
        return {**body, "nextPageToken": None}, None
    next_token = write_token(owner, Place(place.as_of, after))
    turn = place.position // size % 3
    if turn != 1:
        body["nextPageToken"] = next_token
    return body, next_token if turn != 2 else None


def _filter(told: Told) -> tuple[str, str]:
    only(told, ("type", "path", "value"), "a filter")
    path = str(told.get("path"))
    if told.get("type") != "exact" or path not in PATHS or not isinstance(told.get("value"), str):
        raise Refusal(400, f"Unknown filter; known: exact {', '.join(PATHS)}", "invalid.value")
    return PATHS[path], str(told["value"])


def _matches(value: object, wanted: str) -> bool:
    return wanted in value if isinstance(value, list) else value == wanted


def _row(record: Record, one: Interaction) -> dict[str, object]:
    sessions = [
        session
        for participant in record.get("participants") or []
        for session in participant.get("sessions") or []
    ]
    length = None if one.ended_at is None else (one.ended_at - one.created_at) / SECOND
    return {
        "id": one.interaction_id,
        "type": one.kind,
        "direction": one.direction,
        "mediaType": one.media,
        "state": one.state,
        "startTime": to_text(one.created_at),
        "endTime": None if one.ended_at is None else to_text(one.ended_at),
        "durationSeconds": length,
        "wrapUpDurationSeconds": one.wrap_up_seconds,
        "agentIds": list(one.agent_ids),
        "queueIds": list(one.queue_ids),
        "skills": list(one.skill_ids),
        "wrapUpCode": one.wrap_up_code,
        "externalContactIds": list(one.contact_ids),
        "divisionIds": record.get("divisionIds") or [],
        "ani": next((s["ani"] for s in sessions if s.get("ani")), None),
        "dnis": next((s["dnis"] for s in sessions if s.get("dnis")), None),
        "externalTag": record.get("externalTag"),
    }
