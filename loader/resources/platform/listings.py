"""Reference data: users, queues, wrap-up codes, skills, divisions, flows and their outcomes.

Listings in numbered pages: `{entities, pageNumber, pageSize, pageCount, total, nextUri, …}`. Each
read is a snapshot of the whole list: an entity missing from the newest snapshot has been deleted.
By page number nothing beyond 10 000 rows is listed.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

import msgspec
from msgspec.structs import replace

from loader.errors import Refused, SourceContractError, TooLarge
from loader.genesys.client import Client
from loader.raw import NOBODY, Subject
from loader.resources.pages import Records, page_decoder, read_token, write_token
from loader.resources.record_ids import IdField
from loader.resources.resource import Answer, Reading, Resource
from loader.windows import Window

logger = logging.getLogger(__name__)

# The service clamps what is too large and says so in the answer's pageSize.
PAGE_SIZE = 500
# Further than this no listing is read by page number.
MOST_ROWS = 10_000


class _Listing(msgspec.Struct, rename="camel"):
    entities: list[msgspec.Raw] | None = None
    page_size: int | None = None
    page_count: int | None = None
    total: int | None = None
    next_uri: str | None = None


class _Place(msgspec.Struct, frozen=True):
    """Where reading goes on.

    Attributes:
        page: number of the page.
        size: rows a page.
        part: of the listing's parts; None for the listing as a whole.
        link: query string of the address the source gave for it, where it counts nothing.
        announced: rows that the parts before were to have; None where one did not say.
        cut: names of the parts before that could not be read to their end.
    """

    page: int = 1
    size: int = PAGE_SIZE
    part: int | None = None
    link: str | None = None
    announced: int | None = 0
    cut: tuple[str, ...] = ()

    @property
    def is_too_far(self) -> bool:
        """Tell whether the source may refuse it for its number alone."""
        return self.page > 1 and self.page * self.size > MOST_ROWS


@dataclass(frozen=True)
class ListingPath:
    """Where a list lies.

    Attributes:
        path: of the listing.
        subjects: whose data an entity is.
        filters: query parameters that make the list complete; the defaults hide entities that
            old conversations still name.
        parts: filters that divide the list into smaller ones, for one that is too long.
    """

    path: str
    subjects: Sequence[Subject]
    filters: Mapping[str, str] = field(default_factory=dict)
    parts: Sequence[Mapping[str, str]] = ()


# Which the marts name things by.
PATHS = {
    # state: the default is active only, and history would lose everybody who has left
    "users": ListingPath(
        "/api/v2/users",
        (Subject("user", ("id",)),),
        {"state": "any"},
        [{"state": "active"}, {"state": "inactive"}, {"state": "deleted"}],
    ),
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
        """Read one page of the list, or of one of its parts where it is too long as a whole.

        A part that is too long itself is read as far as it is listed; the ledger says so by the
        answer's adjustment, and nobody beyond is taken for deleted.
        """
        place = _Place() if token is None else read_token(_Place, token)
        try:
            envelope, records = client.get(self._listing.path, self._page, self._params(place))
        except (Refused, TooLarge):
            if not place.is_too_far:
                raise
            return self._cut(place)
        is_too_long = (envelope.total or 0) >= MOST_ROWS
        if is_too_long and place.part is None and place.page == 1 and self._listing.parts:
            return self.read(client, reading, write_token(_Place(part=0)))
        following = self._following(place, envelope)
        if following is not None:
            return Answer(records, write_token(following))
        return self._ended(place, records, envelope.total)

    def _params(self, place: _Place) -> dict[str, str | int]:
        if place.link is not None:
            return dict(parse_qsl(place.link))
        part = {} if place.part is None else self._listing.parts[place.part]
        numbers = {"pageSize": PAGE_SIZE, "pageNumber": place.page}
        return {**numbers, **self._listing.filters, **part}

    def _following(self, place: _Place, page: _Listing) -> _Place | None:
        """Return where the page after this one is; None after the last.

        Raises:
            SourceContractError: nothing tells whether there is one.
        """
        size = page.page_size or place.size
        counted = replace(place, page=place.page + 1, size=size)
        if page.entities and place.page * size == MOST_ROWS and (page.total or 0) >= MOST_ROWS:
            # The count may end where the list does: only asking for more tells.
            return counted
        if page.page_count is not None:
            return counted if place.page < page.page_count else None
        if page.total is not None:
            return counted if place.page * size < page.total else None
        if page.next_uri is None and place.link is None:
            raise SourceContractError(
                f"{self._listing.path} tells neither how many there are nor where the next page is."
            )
        if page.next_uri is None:
            return None
        link = urlsplit(page.next_uri)
        if link.path != self._listing.path:
            raise SourceContractError(f"{self._listing.path}: its nextUri leads elsewhere.")
        number = dict(parse_qsl(link.query)).get("pageNumber", "")
        # Without a number the address alone tells one page from the next.
        number_or_same = int(number) if number.isdecimal() else place.page
        return replace(place, page=number_or_same, size=size, link=link.query)

    def _cut(self, place: _Place) -> Answer:
        """End a list that the source does not list any further: by parts, or with a warning."""
        if place.part is None and self._listing.parts:
            return Answer((), write_token(_Place(part=0)))
        read = (place.page - 1) * place.size
        name = self._part_name(place)
        logger.warning(
            "%s are listed no further than %d rows; those beyond are not read, and not taken for "
            "deleted", name, read,
        )  # fmt: skip
        return self._ended(replace(place, cut=(*place.cut, name)), (), read)

    def _ended(self, place: _Place, records: Records, total: int | None) -> Answer:
        """Return the last page of the list or of a part, with the way to the next part."""
        announced = None
        if place.announced is not None and total is not None:
            announced = place.announced + total
        if place.part is not None and place.part + 1 < len(self._listing.parts):
            following = _Place(part=place.part + 1, announced=announced, cut=place.cut)
            return Answer(records, write_token(following))
        return Answer(
            records,
            None,
            announced_count=announced,
            adjustment=f"not read to their end: {', '.join(place.cut)}" if place.cut else None,
        )

    def _part_name(self, place: _Place) -> str:
        part = {} if place.part is None else self._listing.parts[place.part]
        return " ".join([self.name, *(f"{key} {value}" for key, value in part.items())])
