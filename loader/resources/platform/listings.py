"""Reference data: users, queues, wrap-up codes, skills, divisions, flows and their outcomes.

Listings in numbered pages: `{entities, pageNumber, pageSize, pageCount, total, …}`. Each read is a
snapshot of the whole list: an entity missing from the newest snapshot has been deleted.
"""

import msgspec

from loader.errors import SourceContractError
from loader.genesys.client import Client
from loader.resources.pages import page_decoder
from loader.resources.record_ids import IdField
from loader.resources.resource import Answer, Resource
from loader.windows import Window

# The service clamps what is too large and says so in the answer's pageSize.
PAGE_SIZE = 500


class _Listing(msgspec.Struct, rename="camel"):
    entities: list[msgspec.Raw] | None = None
    page_count: int | None = None
    total: int | None = None


class Listing(Resource):
    """One listing and the raw table of the same name.

    Args:
        name: of the resource and its raw table.
        path: of the listing.
        filters: query parameters that make the list complete; the defaults hide entities that
            old conversations still name.
    """

    kind = "snapshot"
    identity = IdField("id")
    resumes = False  # page numbers move with the list

    def __init__(self, name: str, path: str, **filters: str) -> None:
        self.name = name
        self._path = path
        self._filters = filters
        self._page = page_decoder(_Listing, "entities")

    def query(self, window: Window) -> object:
        """Return the parameters of every page."""
        return {"path": self._path, **self._filters}

    def read(self, client: Client, window: Window, job_id: str | None, token: str | None) -> Answer:
        """Read one page; the token is the page's number."""
        number = int(token or 1)
        params: dict[str, str | int] = {
            "pageSize": PAGE_SIZE,
            "pageNumber": number,
            **self._filters,
        }
        envelope, records = client.get(self._path, self._page, params)
        if records is None:
            raise SourceContractError(f"{self._path} answered 200 without `entities`.")
        more = envelope.page_count is not None and number < envelope.page_count
        return Answer(
            records=records,
            token=str(number + 1) if more else None,
            announced_count=envelope.total,
        )


def listings() -> list[Listing]:
    """Return the listings the marts name things by."""
    return [
        # state: the default is active only, and history would lose everybody who has left
        Listing("users", "/api/v2/users", state="any"),
        Listing("queues", "/api/v2/routing/queues"),
        Listing("wrapup_codes", "/api/v2/routing/wrapupcodes"),
        Listing("skills", "/api/v2/routing/skills"),
        Listing("divisions", "/api/v2/authorization/divisions"),
        # deleted: the default hides flows that old conversations ran through
        Listing("flows", "/api/v2/flows", deleted="true"),
        Listing("flow_outcomes", "/api/v2/flows/outcomes"),
    ]
