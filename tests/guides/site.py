"""A place the loader runs in under the guides' contract, and what it asked for page by page.

A page is asked for in five ways, so a request is known by all it said: query, page header, body.
"""

import json
from typing import Any, NamedTuple

from tests.faults.site import NOW, Site
from tests.harness.ask import ask
from tests.harness.outcome import Outcome
from tests.sandbox.process import Told

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
NOW_IN_FULL = NOW.replace("Z", ".000Z")
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
    """Tell whether a request only asks which columns, metrics or flows there are."""
    if entry["path"].endswith("/export/interactions"):
        return '"pageSize":1}' in entry["body"]
    if entry["path"].endswith("/aggregates/query"):
        # Which metrics there are is asked of the last interval; reports end where data settled.
        return NOW_IN_FULL in entry["body"]
    return entry["path"].endswith("/query-builder/query") and '"filters":[]' in entry["body"]


class GuidesSite(Site):
    """A site of the guides' contract."""

    def defaults(self) -> dict[str, str]:
        """Return the settings of a site that a test says nothing about."""
        return {**super().defaults(), "GENESYS_CONTRACT": "guides"}

    def forget_requests(self) -> None:
        """Let `requests` begin with what is sent from now on.

        A request that is still being answered has its number but is not in the log; one of our own
        comes after it.
        """
        ask(self.sandbox, "GET", "/api/v2/forget")
        super().forget_requests()

    def read(self, *resources: str, **changes: str) -> Outcome:
        """Load these resources as far as they are due, whatever comes of it."""
        return self.run("load", "--only", *resources, **changes)

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
        return self.ledger(columns, f"resource = '{resource}'")

    def checksums(self, resource: str) -> list[str]:
        """Return the checksums of the windows that were read to their end."""
        return [text for (text,) in self.windows(resource, "checksum") if text is not None]

    def tokens_asked_for(self) -> int:
        """Return how often the loader logged in."""
        return len(self.requests("POST /oauth/token"))
