"""Reference data: users, queues, wrap-up codes, skills, divisions, flows and their outcomes.

Listings in numbered pages: `{entities, pageNumber, pageSize, pageCount, total, …}`. Each read is a
snapshot of the whole list: an entity missing from the newest snapshot has been deleted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from loader.genesys.client import Client
from loader.raw import NOBODY, Subject
from loader.resources.pages import page_decoder
from loader.resources.record_ids import IdField
from loader.resources.resource import Answer, Reading, Resource
from loader.windows import Window

# The service clamps what is too large and says so in the answer's pageSize.
PAGE_SIZE = 500


class _Listing(msgspec.Struct, rename="camel"):
    entities: list[msgspec.Raw] | None = None
    page_count: int | None = None
    total: int | None = None


@dataclass(frozen=True)
class ListingPath:
    """Where a list lies.

    Attributes:
        path: of the listing.
        subjects: whose data an entity is.
        filters: query parameters that make the list complete; the defaults hide entities that
            old conversations still name.
    """

    path: str
    subjects: Sequence[Subject]
    filters: Mapping[str, str] = field(default_factory=dict)


# Which the marts name things by.
PATHS = {
    # state: the default is active only, and history would lose everybody who has left
    "users": ListingPath("/api/v2/users", (Subject("user", ("id",)),), {"state": "any"}),
    "queues": ListingPath("/api/v2/routing/queues", NOBODY),
    "wrapup_codes": ListingPath("/api/v2/routing/wrapupcodes", NOBODY),
    "skills": ListingPath("/api/v2/routing/skills", NOBODY),
    "divisions": ListingPath("/api/v2/authorization/divisions", NOBODY),
    # deleted: the default hides flows that old conversations ran through
    "flows": ListingPath("/api/v2/flows", NOBODY, {"deleted": "true"}),
    "flow_outcomes": ListingPath("/api/v2/flows/outcomes", NOBODY),
}


class Listing(Resource[None]):
    """One listing and the raw table of the same name.

    Args:
        name: of the resource and its raw table, one of `PATHS`.
    """

    kind = "snapshot"
    identity = IdField("id")
    resumes = False  # page numbers move with the list

    def __init__(self, name: str) -> None:
        self.name = name
        self._listing = PATHS[name]
        self._page = page_decoder(_Listing, "entities")

    @property
    def subjects(self) -> Sequence[Subject]:
        """Whose data an entity is."""
        return self._listing.subjects

    def query(self, window: Window, found: None) -> object:
        """Return the parameters of every page."""
        return {"path": self._listing.path, **self._listing.filters}

    def read(self, client: Client, reading: Reading[None], token: str | None) -> Answer:
        """Read one page; the token is the page's number."""
        number = int(token or 1)
        params: dict[str, str | int] = {
            "pageSize": PAGE_SIZE,
            "pageNumber": number,
            **self._listing.filters,
        }
        envelope, records = client.get(self._listing.path, self._page, params)
        more = envelope.page_count is not None and number < envelope.page_count
        return Answer(
            records=records,
            token=str(number + 1) if more else None,
            announced_count=envelope.total,
        )
