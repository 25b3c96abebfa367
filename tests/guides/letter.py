"""A small gateway written from the guides' text alone, with the sentence beside what it does.

It knows nothing of the sandbox: where the two differ, the text decides. It holds a few records that
a test gives it, and can do in several ways what the text leaves open.
"""

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Json = dict[str, Any]
NOW = "2024-01-02T14:00:00Z"
SPANS = {
    "PT15M": timedelta(minutes=15), "PT30M": timedelta(minutes=30), "PT1H": timedelta(hours=1),
    "P1D": timedelta(days=1), "hourly": timedelta(hours=1), "daily": timedelta(days=1),
}  # fmt: skip
# "handledCount", "wrapUpTime", "talkTime": all that the guide to interval reports names.
METRICS = ("handledCount", "wrapUpTime", "talkTime")
COLUMNS = (
    "id", "type", "direction", "mediaType", "state", "startTime", "endTime", "durationSeconds",
    "wrapUpDurationSeconds", "agentIds", "queueIds", "skills", "wrapUpCode",
)  # fmt: skip


@dataclass
class Answer:
    """A status, a body and headers beside the usual ones."""

    body: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Letter:
    """The gateway's records and the ways the text leaves open; its address once it runs.

    Attributes:
        participants: rows of the details query, each with the time `at` that its range goes by.
        interactions: records of the export, whole.
        outcomes: when which outcome of which flow was reached.
        handled: rows of an interval report: who, when, and the metrics that were counted.
        contacts: by id, with `mergedTo` where the text says "merge metadata".
        conversations: by the contact's id.
        truncate_above: "the engine truncates nested objects to preserve response delivery": in an
            answer of more participants than this each lacks an attribute.
        ends_with: how a list of the export ends: null, or "an empty array" under a token.
        header_end: what the header of the last page of details says; absent without.
        metrics: those an interval report has; another name is a 400.
        has_intervals: whether a report is cut into intervals; "If omitted, the API returns a single
            aggregated row for the entire date range".
        columns: those the export has; "If you request a deprecated or unavailable column, the API
            returns a 400 error before streaming begins".
        refusal: how a 400 or 403 names what it is about.
        shows_all: whether a minimal query is answered with "the actual field definitions".
        is_forbidden: whether interval reports lack their scope.
        busy: how often interval reports answer 429 first.
    """

    participants: Sequence[Json] = ()
    interactions: Sequence[Json] = ()
    outcomes: Sequence[tuple[str, str, str]] = ()
    handled: Sequence[Json] = ()
    contacts: dict[str, Json] = field(default_factory=dict)
    by_external_id: dict[str, str] = field(default_factory=dict)
    conversations: dict[str, list[Json]] = field(default_factory=dict)
    truncate_above: int | None = None
    ends_with: str = "null"
    header_end: str | None = None
    metrics: Sequence[str] = METRICS
    has_intervals: bool = True
    columns: Sequence[str] = COLUMNS
    refusal: str = "The column {} is not available."
    shows_all: bool = False
    is_forbidden: bool = False
    busy: int = 0
    url: str = ""
    client_id: str = "by-the-letter"
    client_secret: str = "an-invented-letter"
    clock: str = NOW
    entries: list[Json] = field(default_factory=list)

    # -- what a place asks of the organisation it loads from ---------------------------------------

    def environment(self) -> dict[str, str]:
        """Return the settings that lead here."""
        return {
            "GENESYS_API_URL": self.url,
            "GENESYS_LOGIN_URL": self.url,
            "GENESYS_CLIENT_ID": self.client_id,
            "GENESYS_CLIENT_SECRET": self.client_secret,
            "ELT_NOW": self.clock,
        }

    def set_clock(self, now: str) -> None:
        """Let it be `now`."""
        self.clock = now

    def next_request(self) -> int:
        """Return the number the next request will have."""
        return len(self.entries)

    def log(self, since: int = 0) -> list[Json]:
        """Return the requests from number `since` on."""
        return self.entries[since:]

    # -- what it answers ---------------------------------------------------------------------------

    def answer(self, method: str, path: str, query: Json, headers: Json, body: Json) -> Answer:
        """Answer a request."""
        if path == "/oauth/token":
            return Answer({"access_token": "letter", "expires_in": 3600})
        if headers.get("authorization") != "Bearer letter":
            return Answer({"message": "The token is expired or invalid."}, 401)
        if path == "/api/v2/analytics/details/query":
            return self._details(body)
        if path == "/api/v2/analytics/query-builder/query":
            return self._flow_outcomes(body["queryBuilder"])
        if path == "/api/v2/export/interactions":
            return self._export(body, headers.get("genesys-page-token"))
        if path == "/api/v2/analytics/conversations/aggregates/query":
            return self._report(body)
        if path == "/api/v2/external-contacts":
            return self._contact(self.by_external_id.get(query["externalId"]))
        if path == "/api/v2/conversations":
            # "until the response omits the field or returns null".
            found = self.conversations.get(query["externalContactId"], [])
            return Answer({"pageSize": 200, "total": len(found), "entities": found})
        return self._contact(path.rpartition("/")[2])

    def _details(self, body: Json) -> Answer:
        """Answer "one row per participant", "explicit select", pages of `size`."""
        start, end = body["dateRange"]["from"], body["dateRange"]["to"]
        named = [name.rpartition(".")[2] for name in body["select"] if "customAttributes." in name]
        rows = []
        for one in self.participants:
            about, has = one["participant"], one["participant"].get("customAttributes", {})
            held = {name: has[name] for name in named if name in has}
            told = {
                "participant.type": about["type"], "queueId": one.get("queueId"),
                "wrapupCode": one.get("wrapupCode"),
            }  # fmt: skip
            wanted = all(
                each["dimension"].rpartition(".")[2] in has
                if each["operator"] == "notNull"
                else told[each["dimension"]] == each["value"]
                for each in body["filters"]
            )
            if not start <= one["at"] < end or not wanted:
                continue
            # "the platform omits the key entirely".
            rows.append(
                {key: value for key, value in one.items() if key != "at"}
                | {
                    "participant": {"type": about["type"]}
                    | ({"customAttributes": held} if held else {})
                }
            )
        place = int(body.get("nextPageToken") or 0)
        after = place + body["size"]
        token = str(after) if after < len(rows) else self.header_end
        headers = {} if token is None else {"nextPageToken": token}
        page = rows[place:after]
        if self.truncate_above is not None and len(page) > self.truncate_above:
            for row in page:
                row["participant"]["customAttributes"].popitem()
        return Answer({"results": page}, headers=headers)

    def _flow_outcomes(self, query: Json) -> Answer:
        """Answer "a sparse key-value object" per flow and bucket, "limit" rows per page."""
        span = SPANS[query["timeGroup"]]
        start, end = moment(query["dateFrom"]), moment(query["dateTo"])
        # "ignore records that fall within the specified duration before dateTo".
        counted_to = end - SPANS[query["metricsDelay"]] if "metricsDelay" in query else end
        flows = {flow for each in query["filters"] for flow in each["values"]}
        counts: defaultdict[tuple[str, datetime], Counter[str]] = defaultdict(Counter)
        for flow, name, at in self.outcomes:
            if start <= moment(at) < counted_to and (not flows or flow in flows):
                bucket = start + (moment(at) - start) // span * span
                counts[flow, bucket][name] += 1
        rows = [
            {
                "flow-id": flow,
                "interval": f"{text(bucket)}/{text(bucket + span)}",
                "metrics": {
                    "flow-outcomes": {
                        name: {"count": count, "percentOfTotal": count / by_name.total()}
                        for name, count in by_name.items()
                    }
                },
            }
            for (flow, bucket), by_name in sorted(counts.items())
        ]
        place = int(query.get("nextPageToken") or 0)
        after = place + query["limit"]
        token = str(after) if after < len(rows) else None
        return Answer({"nextPageToken": token, "data": rows[place:after]})

    def _export(self, body: Json, token: str | None) -> Answer:
        """Answer the columns asked for, "until the platform returns null or an empty array"."""
        for column in body["columns"]:
            if column not in self.columns:
                return Answer({"message": self.refusal.format(column)}, 400)
        size = body.get("pageSize", 1000)
        if self.shows_all and size == 1:
            whole = dict.fromkeys(self.columns) | dict(self.interactions[0])
            return Answer({"records": [whole], "nextPageToken": None})
        rows = [
            {name: one[name] for name in body["columns"] if name in one}
            for one in self.interactions
            if body["dateFrom"] <= one["startTime"] < body["dateTo"]
            and all(each["value"] in one["queueIds"] for each in body["filters"])
        ]
        place = int((token or "0").partition(" ")[0])
        after = place + size
        records = rows[place:after]
        if self.ends_with == "null":
            following = str(after) if after < len(rows) else None
        elif self.ends_with == "the same token":
            following = str(min(after, len(rows)))
        else:
            following = f"{after} {len(self.entries)}"
        return Answer({"records": records, "nextPageToken": following})

    def _report(self, body: Json) -> Answer:
        """Answer "entities" with "interval": {"startTime"}; a metric that is absent counts as 0."""
        if self.busy:
            self.busy -= 1
            return Answer({"message": "Too Many Requests"}, 429, {"Retry-After": "0"})
        if self.is_forbidden:
            return Answer({"message": "The OAuth client lacks the api:query scope."}, 403)
        for each in body["select"]:
            if each["name"] not in self.metrics:
                return Answer({"message": self.refusal.format(each["name"])}, 400)
        group = body["groupBy"][0]
        start, end, users = "", "", None
        for each in body["where"]["predicates"]:
            if each.get("operator") == "gte":
                start = each["value"]
            elif each.get("operator") == "lt":
                end = each["value"]
            else:
                users = each["value"]
        rows = []
        for one in self.handled:
            if not start <= one["at"] < end or group not in one:
                continue
            if users is not None and one[group] not in users:
                continue
            at = moment(start)
            row: Json = {group: {"id": one[group]}}
            if "interval" in body and self.has_intervals:
                span = SPANS[body["interval"]]
                at += (moment(one["at"]) - at) // span * span
                row["interval"] = {"startTime": text(at)}
            kinds = {each["name"]: each["type"] for each in body["select"]}
            metrics = {name: {kinds[name]: value} for name, value in one["metrics"].items()}
            rows.append(row | {"metrics": metrics})
        return Answer({"entities": rows})

    def _contact(self, contact_id: str | None) -> Answer:
        """Answer a contact, or "404 errors"."""
        found = self.contacts.get(contact_id or "")
        return Answer({"message": "Not Found"}, 404) if found is None else Answer(found)


def moment(told: str) -> datetime:
    """Return the time of a text with Z."""
    return datetime.fromisoformat(told).astimezone(UTC)


def text(at: datetime) -> str:
    """Return a time as the guides write it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@contextmanager
def running(letter: Letter) -> Iterator[Letter]:
    """Serve on a free port while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve({})

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"]))
            is_json = "json" in self.headers["Content-Type"]
            self._serve(json.loads(sent) if is_json else {})

        def _serve(self, body: Json) -> None:
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = letter.answer(
                self.command, parts.path, dict(parse_qsl(parts.query)), headers, body
            )
            letter.entries.append(
                {"method": self.command, "path": parts.path, "query": parts.query}
                | {"headers": headers, "body": json.dumps(body), "status": asked.status}
            )
            content = json.dumps(asked.body).encode()
            self.send_response(asked.status)
            for name, value in {"Content-Type": "application/json", **asked.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        letter.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield letter
        finally:
            server.shutdown()
