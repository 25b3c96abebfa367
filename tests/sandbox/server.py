"""The organisation's HTTP server: the API's paths, and the door every request goes through.

The door logs, applies faults, checks token and quota, and puts the headers on that every answer of
Genesys carries. Behind it, Starlette routes to what the paths mean. Paths that begin with /_ belong
to the harness: no token, no quota, not in the log.
"""

import asyncio
import gzip
import hashlib
import json
import re
import time
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.sandbox import aggregate_queries as bodies
from tests.sandbox import faults as fault_actions
from tests.sandbox import guide_attributes, guide_export, guide_journeys, guide_outcomes
from tests.sandbox.access import Access, Allowance
from tests.sandbox.aggregate_queries import (
    GranularityRules,
    Vocabulary,
    read_aggregate_query,
    read_body,
)
from tests.sandbox.aggregates import answer, answer_users
from tests.sandbox.clock import DAY, Clock, floor_to, to_millis, to_text
from tests.sandbox.contacts import CONTACTS, LOOKUP, SCAN, SCAN_ALL, SOURCES, Contacts
from tests.sandbox.errors import LoginRefusal, Refusal, error_body
from tests.sandbox.facts import Contributions
from tests.sandbox.faults import Fault, Reply, Schedule
from tests.sandbox.guide_intervals import IntervalReports
from tests.sandbox.guide_journeys import Journeys
from tests.sandbox.guides import GuideFault
from tests.sandbox.jobs import JobRules, Jobs
from tests.sandbox.listings import PATHS, ListingRules, listing
from tests.sandbox.outcome_names import OutcomeNames
from tests.sandbox.queries import read_details_query, read_job_query
from tests.sandbox.shifts import Shifts
from tests.sandbox.world import World

JOBS = "/api/v2/analytics/conversations/details/jobs"
QUERY = "/api/v2/analytics/conversations/details/query"
CONVERSATION_AGGREGATES = "/api/v2/analytics/conversations/aggregates/query"
FLOW_AGGREGATES = "/api/v2/analytics/flows/aggregates/query"
USER_AGGREGATES = "/api/v2/analytics/users/aggregates/query"
PRESENCES = "/api/v2/presence/definitions"
LOGIN = "/oauth/token"
GUIDES = (
    guide_attributes.PATH,
    guide_outcomes.PATH,
    guide_export.PATH,
    guide_journeys.CONTACTS,
    guide_journeys.CONVERSATIONS,
)
# Tells the guides' body of an aggregate query from the platform's.
GUIDES_BODY = b'"select"'
LARGEST_REQUEST = 512_000
KEPT_LOG_ENTRIES = 200_000
KEPT_BODY = 2_000
SMALLEST_TO_COMPRESS = 1_024


@dataclass(frozen=True, slots=True)
class ServerRules:
    """How the server behaves, apart from its world."""

    client_id: str = "demo"
    client_secret: str = "sandbox-secret"
    quota: int = 300
    token_seconds: float = 86_399
    compress: bool = False
    jobs: JobRules = field(default_factory=JobRules)
    tenant_quota: int = 200
    outcome_queries: int = 10
    truncate_above: int | None = None
    granularity: GranularityRules = field(default_factory=GranularityRules)
    listings: ListingRules = field(default_factory=ListingRules)
    # The most buckets an aggregate answers with; None is no limit.
    most_buckets: int | None = None
    # Whether an aggregate without results is no more than {}.
    is_bare_when_empty: bool = False
    # How long an answer with records takes, in real seconds.
    page_seconds: float = 0


class CutConnection(Exception):
    """Raised inside an answer: the server closes the connection where it is."""


class Sandbox:
    """A running organisation: the world, its clock, and what requests have done to it."""

    def __init__(self, world: World, clock: Clock, rules: ServerRules) -> None:
        self.world = world
        self.clock = clock
        self.rules = rules
        self.access = Access(
            rules.client_id,
            rules.client_secret,
            rules.quota,
            rules.token_seconds,
            rules.tenant_quota,
            rules.outcome_queries,
        )
        self.jobs = Jobs(world, rules.jobs)
        self.contributions = Contributions(world)
        self.shifts = Shifts(world.seed, world.organisation, world.roster)
        self.contacts = Contacts(world)
        self.outcome_names = OutcomeNames(world)
        self.intervals = IntervalReports(self.contributions, self.shifts, rules.granularity)
        self.journeys = Journeys(self.contacts.people)
        self.schedule = Schedule()
        self.log: deque[dict[str, object]] = deque(maxlen=KEPT_LOG_ENTRIES)
        self.requests = 0

    def app(self) -> ASGIApp:
        """Build the ASGI application."""
        routes = [
            Route(LOGIN, self.log_in, methods=["POST"]),
            Route(QUERY, self.query, methods=["POST"]),
            Route(JOBS, self.submit, methods=["POST"]),
            Route(f"{JOBS}/availability", self.availability, methods=["GET"]),
            Route(f"{JOBS}/{{job_id}}", self.poll, methods=["GET"]),
            Route(f"{JOBS}/{{job_id}}", self.cancel, methods=["DELETE"]),
            Route(f"{JOBS}/{{job_id}}/results", self.results, methods=["GET"]),
            Route(CONVERSATION_AGGREGATES, self.conversation_aggregates, methods=["POST"]),
            Route(guide_attributes.PATH, self.guide_details, methods=["POST"]),
            Route(guide_outcomes.PATH, self.guide_outcomes, methods=["POST"]),
            Route(guide_export.PATH, self.guide_export, methods=["POST"]),
            Route(guide_journeys.CONTACTS, self.guide_contact, methods=["GET"]),
            Route(f"{guide_journeys.CONTACTS}/{{contact_id}}", self.guide_contact, methods=["GET"]),
            Route(guide_journeys.CONVERSATIONS, self.guide_conversations, methods=["GET"]),
            Route(FLOW_AGGREGATES, self.flow_aggregates, methods=["POST"]),
            Route(USER_AGGREGATES, self.user_aggregates, methods=["POST"]),
            Route(PRESENCES, self.presences, methods=["GET"]),
            Route(SCAN, self.scan_contacts, methods=["GET"]),
            Route(SCAN_ALL, self.scan_contacts, methods=["GET"]),
            Route(SOURCES, self.external_sources, methods=["GET"]),
            Route(LOOKUP, self.look_up_contact, methods=["POST"]),
            Route(f"{CONTACTS}/{{contact_id}}", self.read_contact, methods=["GET"]),
            Route(f"{CONTACTS}/{{contact_id}}/unresolved", self.read_contact, methods=["GET"]),
            *(Route(path, self.reference, methods=["GET"]) for path in PATHS),
        ]
        handlers = {
            Refusal: _refuse,
            LoginRefusal: _refuse_login,
            HTTPException: _refuse_by_router,
        }
        api = Starlette(routes=routes, exception_handlers=handlers)
        api.router.redirect_slashes = False
        control = Starlette(
            routes=[
                Route("/_truth", self.show_truth, methods=["GET"]),
                Route("/_log", self.show_log, methods=["GET"]),
                Route("/_faults", self.change_faults, methods=["GET", "POST", "DELETE"]),
                Route("/_clock", self.change_clock, methods=["GET", "POST"]),
            ]
        )
        return Door(self, api, control)

    # -- the API --------------------------------------------------------------------------------

    async def log_in(self, request: Request) -> Response:
        """POST /oauth/token."""
        body = (await request.body()).decode("utf-8", "replace")
        return _json(self.access.log_in(request.headers.get("authorization"), body))

    async def submit(self, request: Request) -> Response:
        """POST …/details/jobs."""
        query = read_job_query(await request.body())
        return _json(self.jobs.submit(query, self.clock.now), status=202)

    async def availability(self, request: Request) -> Response:
        """GET …/details/jobs/availability."""
        return _json({"dataAvailabilityDate": to_text(self.jobs.available_until(self.clock.now))})

    async def poll(self, request: Request) -> Response:
        """GET …/details/jobs/{job_id}."""
        return _json(self.jobs.poll(request.path_params["job_id"], self.clock.now))

    async def cancel(self, request: Request) -> Response:
        """DELETE …/details/jobs/{job_id}."""
        self.jobs.cancel(request.path_params["job_id"])
        return Response(status_code=204)

    async def results(self, request: Request) -> Response:
        """GET …/details/jobs/{job_id}/results."""
        size = request.query_params.get("pageSize")
        if size is not None and not size.isdecimal():
            raise Refusal(400, "pageSize must be a number", "invalid.value")
        request.scope["sandbox.page"] = self.jobs.page(
            request.path_params["job_id"],
            request.query_params.get("cursor"),
            None if size is None else int(size),
            self.clock.now,
        )
        return _json(None)

    async def query(self, request: Request) -> Response:
        """POST …/details/query: live, whole UTC days, no attributes."""
        asked = read_details_query(await request.body())
        now = self.clock.now
        last_day = floor_to(asked.end - 1, DAY) + DAY
        found = self.world.started_between(floor_to(asked.start, DAY), last_day, now)
        if asked.descending:
            found.reverse()
        first = (asked.page_number - 1) * asked.page_size
        records = [
            self.world.record(number, now, live=True)
            for number in found[first : first + asked.page_size]
        ]
        body = b'"totalHits":%d}' % len(found)
        if records:
            body = b'"conversations":[' + b",".join(records) + b"]," + body
        return Response(b"{" + body, media_type="application/json")

    async def reference(self, request: Request) -> Response:
        """GET one of the reference listings."""
        outcomes = self.outcome_names.listed(self.clock.now)
        organisation, path = self.world.organisation, request.url.path
        return _json(
            listing(organisation, path, request.query_params, outcomes, self.rules.listings)
        )

    async def conversation_aggregates(self, request: Request) -> Response:
        """POST …/conversations/aggregates/query, in either contract."""
        body = await request.body()
        if is_guides(request.url.path, body):
            return _json(self.intervals.answer(read_body(body), self.clock.now))
        return self._aggregates(body, bodies.CONVERSATIONS)

    async def flow_aggregates(self, request: Request) -> Response:
        """POST …/flows/aggregates/query."""
        return self._aggregates(await request.body(), bodies.FLOWS)

    def _aggregates(self, body: bytes, words: Vocabulary) -> Response:
        query = read_aggregate_query(read_body(body), words, self.rules.granularity)
        found = self.contributions.between(query.start, query.end, self.clock.now)
        return self._answered(answer(query, found))

    async def user_aggregates(self, request: Request) -> Response:
        """POST …/users/aggregates/query."""
        body = read_body(await request.body())
        query = read_aggregate_query(body, bodies.USERS, self.rules.granularity)
        told = answer_users(query, self.shifts, self.contributions, self.clock.now)
        return self._answered(told)

    def _answered(self, told: Mapping[str, Any]) -> Response:
        """Answer an aggregate query, if that is not too much."""
        results = told["results"]
        most = self.rules.most_buckets
        if most is not None and sum(len(group["data"]) for group in results) > most:
            raise Refusal(400, "Result set is larger than result limit")
        return _json(told if results or not self.rules.is_bare_when_empty else {})

    async def presences(self, request: Request) -> Response:
        """GET /api/v2/presence/definitions: not paged."""
        entities = self.shifts.presence_definitions()
        return _json({"total": len(entities), "entities": entities, "selfUri": PRESENCES})

    async def scan_contacts(self, request: Request) -> Response:
        """GET …/scan/contacts, of all divisions or one."""
        told = self.contacts.scan(request.url.path, request.query_params, self.clock.now)
        return _json(told)

    async def external_sources(self, request: Request) -> Response:
        """GET …/externalsources."""
        return _json(self.contacts.sources(request.query_params, self.clock.now))

    async def look_up_contact(self, request: Request) -> Response:
        """POST …/identifierlookup/contacts."""
        return _json(self.contacts.look_up(read_body(await request.body()), self.clock.now))

    async def read_contact(self, request: Request) -> Response:
        """GET …/contacts/{contact_id}, resolved or not."""
        told = self.contacts.read(
            request.path_params["contact_id"],
            request.query_params,
            self.clock.now,
            resolve=not request.url.path.endswith("/unresolved"),
        )
        return _json(told)

    # -- the guides' endpoints -------------------------------------------------------------------

    async def guide_details(self, request: Request) -> Response:
        """POST /api/v2/analytics/details/query."""
        fault = _guide_fault(request)
        if fault.truncate_above is None:
            fault = replace(fault, truncate_above=self.rules.truncate_above)
        body = read_body(await request.body())
        told, token = guide_attributes.answer(body, self.world, self.clock.now, fault)
        return _json(told, headers={} if token is None else {"nextPageToken": token})

    async def guide_outcomes(self, request: Request) -> Response:
        """POST /api/v2/analytics/query-builder/query."""
        self.access.tenant.count_outcome_query()
        body = read_body(await request.body())
        told = guide_outcomes.answer(
            body, self.contributions, self.outcome_names, self.rules.granularity, self.clock.now
        )
        return _json(told)

    async def guide_export(self, request: Request) -> Response:
        """POST /api/v2/export/interactions."""
        told, token = guide_export.answer(
            read_body(await request.body()),
            request.headers.get(guide_export.TOKEN_HEADER),
            self.world,
            self.clock.now,
            _guide_fault(request),
        )
        return _json(told, headers={} if token is None else {"nextPageToken": token})

    async def guide_contact(self, request: Request) -> Response:
        """GET /api/v2/external-contacts, by externalId or by id."""
        contact_id = request.path_params.get("contact_id")
        if contact_id is None:
            return _json(self.journeys.find(request.query_params, self.clock.now))
        return _json(self.journeys.read(contact_id, self.clock.now))

    async def guide_conversations(self, request: Request) -> Response:
        """GET /api/v2/conversations, of one contact."""
        return _json(self.journeys.conversations(request.query_params, self.clock.now))

    # -- the harness ----------------------------------------------------------------------------

    async def show_truth(self, request: Request) -> Response:
        """GET /_truth: a page of JSON, everything as NDJSON (?all), or one conversation (?id)."""
        wanted = request.query_params.get("id")
        if wanted is not None:
            number = self.world.number_of(wanted)
            if number is None:
                return _json({"error": f"no conversation {wanted}"}, status=404)
            told = self.world.truth(number)
            arrived = self.world.versions(number)[0].visible_at <= self.clock.now
            record = self.world.record(number, self.clock.now) if arrived else b"null"
            told["record"] = msgspec.Raw(record)
            return _json(told)
        if "all" in request.query_params:
            lines = (
                msgspec.json.encode(self.world.truth(number)) + b"\n"
                for number in range(len(self.world))
            )
            return StreamingResponse(lines, media_type="application/x-ndjson")
        first = int(request.query_params.get("from", "0"))
        last = min(first + int(request.query_params.get("limit", "1000")), len(self.world))
        return _json(
            {
                "total": len(self.world),
                "next": last if last < len(self.world) else None,
                "conversations": [self.world.truth(number) for number in range(first, last)],
            }
        )

    async def show_log(self, request: Request) -> Response:
        """GET /_log: every request since `since`, in the order the answers left; the next number.

        A slow answer leaves after later ones, so the last entry does not tell the next number.
        """
        since = int(request.query_params.get("since", "0"))
        entries = [entry for entry in self.log if int(str(entry["number"])) >= since]
        return _json({"requests": entries, "next": self.requests + 1})

    async def change_faults(self, request: Request) -> Response:
        """GET, POST (append a list), DELETE /_faults."""
        if request.method == "DELETE":
            self.schedule.faults.clear()
        if request.method == "POST":
            try:
                self.schedule.add(json.loads(await request.body()))
            except (ValueError, TypeError, re.error) as error:
                return _json({"error": str(error)}, status=400)
        known = ("match", "nth", "action", "args", "seen", "hits")
        told = [{name: getattr(fault, name) for name in known} for fault in self.schedule.faults]
        return _json({"faults": told})

    async def change_clock(self, request: Request) -> Response:
        """GET, POST {"now": …} or {"advance_seconds": …} /_clock."""
        if request.method == "POST":
            try:
                self.move_clock(json.loads(await request.body()))
            except (ValueError, TypeError) as error:
                return _json({"error": str(error)}, status=400)
        return _json({"now": to_text(self.clock.now)})

    def move_clock(self, told: dict[str, object]) -> None:
        """Set or advance the clock; raises ValueError."""
        if "now" in told:
            self.clock.set(to_millis(str(told["now"])))
        self.clock.advance(float(str(told.get("advance_seconds", 0))))


class Door:
    """The ASGI application around the API."""

    def __init__(self, sandbox: Sandbox, api: ASGIApp, control: ASGIApp) -> None:
        self.sandbox = sandbox
        self.api = api
        self.control = control
        self.being_answered: set[bytes] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.api(scope, receive, send)
        elif scope["path"].startswith("/_"):
            await self.control(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        sandbox = self.sandbox
        sandbox.requests += 1
        number = sandbox.requests
        context_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{sandbox.world.seed}:{number}"))
        scope["sandbox.context_id"] = context_id
        body = await Request(scope, receive).body()
        entry = self._entry(number, scope, body)
        query = scope["query_string"].decode("latin-1")
        asked = f"{scope['method']} {scope['path']}" + (f"?{query}" if query else "")
        struck = sandbox.schedule.struck(asked)
        reply = await self._exclusive_reply(scope, body, struck)
        reply.headers["ININ-Correlation-Id"] = context_id
        entry["status"] = reply.status
        entry["faults"] = [fault.action for fault in struck]
        sandbox.log.append(entry)
        await self._deliver(reply, scope, struck, send)

    def _entry(self, number: int, scope: Scope, body: bytes) -> dict[str, object]:
        headers = dict(Headers(scope=scope))
        authorization = headers.get("authorization")
        if authorization is not None:
            # Its form, and which token it was, but never what would open the door again.
            scheme, _, credentials = authorization.partition(" ")
            mark = hashlib.sha256(credentials.encode()).hexdigest()[:8]
            headers["authorization"] = f"{scheme} {mark}"
        return {
            "number": number,
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode("latin-1"),
            "headers": headers,
            "body": _kept_body(scope["path"], body),
            "now": to_text(self.sandbox.clock.now),
            "at": time.time(),
        }

    async def _exclusive_reply(self, scope: Scope, body: bytes, struck: list[Fault]) -> Reply:
        """Answer, but refuse a query of flow outcomes while the same one is being answered."""
        if scope["path"] != guide_outcomes.PATH:
            return await self._faulty_reply(scope, body, struck)
        if body in self.being_answered:
            context_id = scope["sandbox.context_id"]
            told = error_body(409, "query.running", "The same query is being answered", context_id)
            headers = self.sandbox.access.tenant.headers()
            return Reply(409, told, {"Content-Type": "application/json", **headers})
        self.being_answered.add(body)
        try:
            return await self._faulty_reply(scope, body, struck)
        finally:
            self.being_answered.discard(body)

    async def _faulty_reply(self, scope: Scope, body: bytes, struck: list[Fault]) -> Reply:
        sandbox = self.sandbox
        headers = Headers(scope=scope)
        reply: Reply | None = None
        for fault in struck:
            if fault.action == "delay":
                await asyncio.sleep(float(str(fault.args.get("seconds", 1))))
            elif fault.action == "clock":
                sandbox.move_clock(dict(fault.args))
            elif fault.action == "guide":
                scope["sandbox.guide"] = {**scope.get("sandbox.guide", {}), **fault.args}
            elif fault.action == "expire_token":
                sandbox.access.revoke(headers.get("authorization"))
            elif fault.action == "job":
                sandbox.jobs.force(_job_id(scope["path"]), str(fault.args.get("state", "FAILED")))
            elif fault.action in {"status", "body"} and reply is None:
                login = scope["path"] == LOGIN
                reply = fault_actions.instead(fault, scope["sandbox.context_id"], login=login)
                reply.headers.update(Allowance(0, sandbox.rules.quota, 60).headers())
        if reply is None:
            reply = await self._real_reply(scope, body)
        for fault in struck:
            if fault.action == "headers":
                _change_headers(reply, fault)
            elif fault.action == "mutate":
                self._mutate(reply, scope, fault)
        return reply

    def _mutate(self, reply: Reply, scope: Scope, fault: Fault) -> None:
        asked = Request(scope).query_params.get("cursor")
        fresh = ""
        if reply.page is not None:
            job_id = _job_id(scope["path"])
            jobs = self.sandbox.jobs
            fresh = jobs.cursor(job_id, jobs.position(job_id, asked))
        fault_actions.mutate(reply, fault, asked_cursor=asked, fresh_cursor=fresh)

    async def _real_reply(self, scope: Scope, body: bytes) -> Reply:
        sandbox = self.sandbox
        shown = Allowance(0, sandbox.rules.quota, 60).headers()
        context_id = scope["sandbox.context_id"]
        try:
            if len(body) > LARGEST_REQUEST:
                raise Refusal(413)
            if scope["path"].startswith("/api/"):
                token = sandbox.access.check(Headers(scope=scope).get("authorization"))
                if is_guides(scope["path"], body):
                    sandbox.access.tenant.count()
                    shown = sandbox.access.tenant.headers()
                else:
                    shown = sandbox.access.count(token).headers()
            if sandbox.rules.page_seconds and has_records(scope["path"]):
                await asyncio.sleep(sandbox.rules.page_seconds)
            reply = await self._behind(scope, body)
        except Refusal as refusal:
            told = error_body(refusal.status, refusal.code, refusal.message, context_id)
            headers = {"Content-Type": "application/json", **refusal.headers}
            reply = Reply(refusal.status, told, headers)
        reply.headers = {**shown, **reply.headers}
        return reply

    async def _behind(self, scope: Scope, body: bytes) -> Reply:
        """Ask the API behind the door and keep its answer."""
        started: list[Message] = []
        pieces: list[bytes] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message)
            else:
                pieces.append(message.get("body", b""))

        await self.api(scope, receive, keep)
        headers = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in started[0]["headers"]
            if name != b"content-length"
        }
        page = scope.get("sandbox.page")
        return Reply(started[0]["status"], b"".join(pieces), headers, page)

    async def _deliver(self, reply: Reply, scope: Scope, struck: list[Fault], send: Send) -> None:
        body = reply.body if reply.page is None else reply.page.body()
        accepted = Headers(scope=scope).get("accept-encoding", "")
        if self.sandbox.rules.compress and "gzip" in accepted and len(body) >= SMALLEST_TO_COMPRESS:
            body = gzip.compress(body, compresslevel=1)
            reply.headers["Content-Encoding"] = "gzip"
        headers = {name.lower(): value for name, value in reply.headers.items()}
        if reply.status != 204:
            headers.setdefault("content-length", str(len(body)))
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": raw})
        for fault in struck:
            if fault.action == "cut":
                at = int(str(fault.args.get("at", len(body) // 2)))
                await send({"type": "http.response.body", "body": body[:at], "more_body": True})
                raise CutConnection
            if fault.action == "drip":
                size = int(str(fault.args.get("size", 1)))
                for start in range(0, len(body), size):
                    piece = body[start : start + size]
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                    await asyncio.sleep(float(str(fault.args.get("seconds", 0.1))))
                body = b""
        await send({"type": "http.response.body", "body": body})


def is_guides(path: str, body: bytes) -> bool:
    """Tell whether a request speaks the guides' contract."""
    if path == CONVERSATION_AGGREGATES:
        return GUIDES_BODY in body
    return path in GUIDES or path.startswith(f"{guide_journeys.CONTACTS}/")


def has_records(path: str) -> bool:
    """Tell whether a path is asked for records; a job's other ones are asked for the job."""
    return path.startswith("/api/") and (not path.startswith(JOBS) or path.endswith("/results"))


def _guide_fault(request: Request) -> GuideFault:
    return GuideFault.read(request.scope.get("sandbox.guide", {}))


def _json(told: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(told), status, headers, media_type="application/json")


async def _refuse(request: Request, error: Exception) -> Response:
    if not isinstance(error, Refusal):
        raise error
    context_id = request.scope["sandbox.context_id"]
    body = error_body(error.status, error.code, error.message, context_id)
    return Response(body, error.status, error.headers, media_type="application/json")


async def _refuse_login(request: Request, error: Exception) -> Response:
    if not isinstance(error, LoginRefusal):
        raise error
    return _json(error.body, error.status)


async def _refuse_by_router(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return await _refuse(request, Refusal(error.status_code, headers=error.headers))


def _change_headers(reply: Reply, fault: Fault) -> None:
    changed, removed = fault.args.get("set", {}), fault.args.get("remove", [])
    if not isinstance(changed, dict) or not isinstance(removed, list):
        raise ValueError("headers takes set {} and remove []")
    gone = {str(name).lower() for name in (*removed, *changed)}
    kept = {name: value for name, value in reply.headers.items() if name.lower() not in gone}
    reply.headers = {**kept, **{str(name): str(value) for name, value in changed.items()}}


def _kept_body(path: str, body: bytes) -> str:
    """Return what the log keeps of a body: of a login the names of the fields alone."""
    text = body[:KEPT_BODY].decode("utf-8", "replace")
    if path != LOGIN:
        return text
    return "&".join(sorted(parse_qs(text, keep_blank_values=True)))


def _job_id(path: str) -> str:
    return path.removeprefix(JOBS).strip("/").partition("/")[0]
