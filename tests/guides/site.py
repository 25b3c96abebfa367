"""A place the loader runs in under the guides' contract, and what it asked for page by page.

A page is asked for in five ways, so a request is known by all it said: query, page header, body.
"""

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

import requests

from tests.faults.site import Outcome, Site
from tests.sandbox.process import SandboxProcess, Told

PARTICIPANTS = "guides_participants"
INTERACTIONS = "guides_interactions"
OUTCOMES = "guides_flow_outcomes"
QUEUES = "guides_queue_intervals"
AGENTS = "guides_agent_intervals"
CONTACTS = "guides_contacts"
CONVERSATIONS = "guides_conversations"

# How the requests of each resource begin, as faults and the log match them.
MATCH = {
    PARTICIPANTS: "POST /api/v2/analytics/details/query$",
    INTERACTIONS: "POST /api/v2/export/interactions$",
    OUTCOMES: "POST /api/v2/analytics/query-builder/query$",
    QUEUES: "POST /api/v2/analytics/conversations/aggregates/query$",
    AGENTS: "POST /api/v2/analytics/conversations/aggregates/query$",
    CONTACTS: r"GET /api/v2/external-contacts[/?]",
    CONVERSATIONS: r"GET /api/v2/conversations\?",
}
BY_EXTERNAL_ID = r"GET /api/v2/external-contacts\?"
BY_ID = "GET /api/v2/external-contacts/"
PAGE_HEADER = "Genesys-Page-Token"


class Asked(NamedTuple):
    """All that decides which page a request is answered with."""

    query: str
    page_header: str | None
    body: str


def asked_for(entry: Told) -> Asked:
    """Return what a request of the log asked for."""
    header = entry["headers"].get(PAGE_HEADER.lower())
    return Asked(str(entry["query"]), header, str(entry["body"]))


def is_search(entry: Told) -> bool:
    """Tell whether a request only asks which columns or which flows there are."""
    if entry["path"].endswith("/export/interactions"):
        return '"columns":["id"]' in entry["body"]
    return entry["path"].endswith("/query-builder/query") and '"filters":[]' in entry["body"]


@dataclass
class GuidesSite(Site):
    """A site of the guides' contract."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.settings["GENESYS_CONTRACT"] = "guides"

    def forget_requests(self) -> None:
        """Let `requests` begin with what is sent from now on.

        A request that is still being answered has its number but is not in the log; one of our own
        comes after it.
        """
        ask(self.sandbox, "GET", "/api/v2/forget")
        super().forget_requests()

    def load(self, *resources: str, **changes: str) -> Outcome:
        """Load these resources as far as they are due."""
        return self.run("load", "--only", *resources, **changes)

    def at(self, now: str) -> "GuidesSite":
        """Let it be `now`, for the organisation and for the loader."""
        self.sandbox.set_clock(now)
        self.settings["ELT_NOW"] = now
        return self

    def pages(self, resource: str) -> list[Asked]:
        """Return the pages that were asked for and answered, without what was searched before."""
        return [
            asked_for(entry)
            for entry in self.requests(MATCH[resource])
            if entry["status"] == 200 and not is_search(entry)
        ]

    def bodies(self, resource: str) -> list[dict[str, Any]]:
        """Return the bodies that were sent, of all requests."""
        return [json.loads(entry["body"]) for entry in self.requests(MATCH[resource])]

    def payloads(self, resource: str) -> list[dict[str, Any]]:
        """Return the records in raw, copies included."""
        rows = self.query(f"select payload from genesys_raw.{resource} order by record_id")
        return [json.loads(payload) for (payload,) in rows]

    def windows(self, resource: str, columns: str = "status") -> list[tuple[Any, ...]]:
        """Return columns of the ledger of one resource, in the order they were written."""
        return self.query(
            f"select {columns} from genesys_raw.extract_windows where resource = '{resource}' "
            "order by _dlt_load_id"
        )

    def tokens_asked_for(self) -> int:
        """Return how often the loader logged in."""
        return len(self.requests("POST /oauth/token"))


def ask(
    sandbox: SandboxProcess,
    method: str,
    path: str,
    *,
    body: object = None,
    page_header: str | None = None,
    **params: str | int,
) -> requests.Response:
    """Ask the sandbox as any client would, whatever it answers."""
    with requests.Session() as session:
        session.trust_env = False
        form = {
            "grant_type": "client_credentials",
            "client_id": sandbox.client_id,
            "client_secret": sandbox.client_secret,
        }
        login = session.post(f"{sandbox.url}/oauth/token", data=form, timeout=30)
        headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
        if page_header is not None:
            headers[PAGE_HEADER] = page_header
        return session.request(
            method, sandbox.url + path, headers=headers, params=params, json=body, timeout=30
        )
