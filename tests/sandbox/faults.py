"""The schedule of faults: which request goes wrong, and how.

A fault is {"match", "nth", "action", "args"}: `match` is searched in "METHOD /path?query"; `nth`
counts the matching requests since the fault was scheduled: a number, a list of numbers, "3+" (from
the third on) or "all". The counting is the server's, so it outlives the loaders that die of it.

Actions, with their args:
  status        status, and if wanted body, headers, content_type, retry_after; nothing is done
  body          body (any JSON) or text, content_type, status (200): instead of the real answer
  headers       set {name: value}, remove [names]: on the real answer
  cut           at (bytes; half by default): the connection closes inside the body
  delay         seconds: before the answer
  drip          size, seconds: the body comes in small pieces with pauses
  expire_token  the token of this request is worthless from now on
  job           state: the job in the path is in that state for good
  clock         now or advance_seconds: time passes
  mutate        splice (a name of BROKEN_RECORDS or raw text; position, count), drop [keys],
                set {key: value}, cursor "same" or "none", empty true, reversed true (the records
                of the page): on the real answer
  guide         truncate_above, values {name: value}, hide_columns [..], add_columns [..], lacking,
                is_doubled, is_repeated: guides.GuideFault says what this bends in a real answer of
                the guides' endpoints
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from tests.sandbox.errors import CODES, error_body, too_many_requests
from tests.sandbox.jobs import Page

ACTIONS = frozenset(
    {"status", "body", "headers", "cut", "delay", "drip", "expire_token", "job", "clock",
     "mutate", "guide"}
)  # fmt: skip

_HEAD = '"conversationStart":"2026-01-01T00:00:00.000Z","originatingDirection":"inbound"'
_ID = '"conversationId":"bad00000-0000-4000-8000-00000000000'
# Records no page should hold. Those with an id each have their own, and begin with bad0.
BROKEN_RECORDS = {
    "no_id": f'{{{_HEAD},"participants":[]}}',
    "null_id": f'{{"conversationId":null,{_HEAD},"participants":[]}}',
    "blank_id": f'{{"conversationId":" ",{_HEAD},"participants":[]}}',
    "lone_surrogate": f'{{{_ID}1",{_HEAD},"externalTag":"x\\ud800y"}}',
    "nan": f'{{{_ID}2",{_HEAD},"mediaStatsMinConversationMos":NaN}}',
    "deep": f'{{{_ID}3",{_HEAD},"participants":{"[" * 300}{"]" * 300}}}',
    "nul": f'{{{_ID}4",{_HEAD},"externalTag":"a\\u0000b"}}',
    "not_an_object": '"a text where a conversation should be"',
}


@dataclass
class Reply:
    """An answer on its way out. `page` is kept apart until its body is needed."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    page: Page | None = None


@dataclass
class Fault:
    """One line of the schedule."""

    match: str
    action: str
    nth: object = 1
    args: Mapping[str, object] = field(default_factory=dict)
    seen: int = 0
    hits: int = 0

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ValueError(f"unknown action {self.action!r}; known: {', '.join(sorted(ACTIONS))}")
        self.pattern = re.compile(self.match)
        self._wanted(1)

    def strikes(self, request: str) -> bool:
        """Count a request that matches; tell whether it is one of those meant."""
        if not self.pattern.search(request):
            return False
        self.seen += 1
        struck = self._wanted(self.seen)
        self.hits += struck
        return struck

    def _wanted(self, count: int) -> bool:
        if self.nth == "all":
            return True
        if isinstance(self.nth, str) and self.nth.endswith("+"):
            return count >= int(self.nth[:-1])
        if isinstance(self.nth, list):
            return count in self.nth
        if isinstance(self.nth, int):
            return count == self.nth
        raise ValueError(f'nth is {self.nth!r}, not a number, a list, "3+" or "all"')


class Schedule:
    """All faults to come."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def add(self, told: Iterable[Mapping[str, object]]) -> None:
        """Append faults as they came as JSON; raises ValueError or TypeError."""
        self.faults.extend([Fault(**line) for line in told])  # type: ignore[arg-type]

    def struck(self, request: str) -> list[Fault]:
        """Return the faults that strike a request "METHOD /path?query"."""
        return [fault for fault in self.faults if fault.strikes(request)]


def instead(fault: Fault, context_id: str, *, login: bool) -> Reply:
    """Build the answer of a status or body fault."""
    args = fault.args
    headers = {str(name): str(value) for name, value in _mapping(args, "headers").items()}
    if fault.action == "body":
        text = args["text"] if "text" in args else json.dumps(args.get("body"))
        headers.setdefault("Content-Type", str(args.get("content_type", "application/json")))
        return Reply(_number(args, "status", 200), str(text).encode(), headers)
    status = _number(args, "status", 500)
    code, message = CODES.get(status, ("error", "Error"))
    if "retry_after" in args and args["retry_after"] is not None:
        headers["Retry-After"] = str(args["retry_after"])
    if status == 429:
        code, message = too_many_requests(args.get("retry_after", 0))
    if "body" in args:
        told = args["body"]
        body = told.encode() if isinstance(told, str) else json.dumps(told).encode()
    elif login:
        body = json.dumps({"error": "invalid_client", "description": message}).encode()
    else:
        body = error_body(status, code, message, context_id)
    headers.setdefault("Content-Type", str(args.get("content_type", "application/json")))
    return Reply(status, body, headers)


def mutate(reply: Reply, fault: Fault, *, asked_cursor: str | None, fresh_cursor: str) -> None:
    """Change a real answer; cursors matter to results pages alone."""
    args = fault.args
    dropped = {str(key) for key in _list(args, "drop")}
    page = reply.page
    if page is not None:
        page.dropped |= dropped
        if "splice" in args:
            told = str(args["splice"])
            record = BROKEN_RECORDS.get(told, told).encode()
            position = _number(args, "position", 0)
            page.records[position:position] = [record] * _number(args, "count", 1)
        if args.get("empty"):
            page.records, page.cursor = [], fresh_cursor
        if args.get("reversed"):
            page.records.reverse()
        if args.get("cursor") == "same":
            page.cursor = asked_cursor or page.cursor
        if args.get("cursor") == "none":
            page.cursor = None
        reply.body, reply.page = page.body(), None
        dropped = set()
    is_reversed = page is None and bool(args.get("reversed")) and reply.status == 200
    if dropped or "set" in args or is_reversed:
        told_body = msgspec.json.decode(reply.body)
        if is_reversed:
            _reverse(told_body)
        kept = {key: value for key, value in told_body.items() if key not in dropped}
        # Written as before: what is not changed has the same bytes.
        reply.body = msgspec.json.encode({**kept, **_mapping(args, "set")})


def _reverse(body: dict[str, object]) -> None:
    for value in body.values():
        if isinstance(value, list):
            value.reverse()


def _mapping(args: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = args.get(name, {})
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be an object")
    return value


def _list(args: Mapping[str, object], name: str) -> list[object]:
    value = args.get(name, [])
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list")
    return value


def _number(args: Mapping[str, object], name: str, default: int) -> int:
    value = args.get(name, default)
    if not isinstance(value, int):
        raise ValueError(f"{name} must be a number")
    return value
