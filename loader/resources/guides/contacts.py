"""Contacts and their conversations, of the integration guides (GUIDES G-E).

`GET /api/v2/external-contacts?externalId=`, `/external-contacts/{id}` and
`/conversations?externalContactId=`. There is no list of contacts: those are asked for whose id in
another system (the CRM's) stands in a participant attribute that was loaded, and never by e-mail or
phone, which people share and change. Which Genesys id belongs to an external one is remembered for
24 hours; a merge found meanwhile is followed to the canonical contact.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from loader.errors import Incomplete, LostJob, Refused, SourceContractError
from loader.genesys.client import Client
from loader.genesys.replies import Decode, Reply
from loader.raw import Subject
from loader.resources.guides.worklist import (
    KnownContact,
    grown_old,
    known_contacts,
    named_since,
    read_since,
)
from loader.resources.pages import (
    Records,
    decoder,
    lost_if_refused,
    page_decoder,
    read_token,
    write_token,
)
from loader.resources.record_ids import IdField
from loader.resources.resource import Answer, Query, Reading, Resource, SnapshotSpan
from loader.windows import Window

CONTACTS = "/api/v2/external-contacts"
CONVERSATIONS = "/api/v2/conversations"
CONTACTS_PER_PAGE = 10
# So long an external id need not be resolved again.
CACHE = timedelta(hours=24)
LARGEST_PAGE = 200
# How often one contact's list begins again before it is called incomplete.
MAX_TRIES = 3


class _Contact(msgspec.Struct, rename="camel"):
    id: str
    external_id: str | None = None
    merged_to: str | None = None
    merged_from_ids: list[str] = []


class _After(msgspec.Struct):
    """Where reading goes on: behind an external id."""

    external_id: str


@dataclass(frozen=True)
class ContactsToRead:
    """Whom a snapshot of contacts asks for.

    Attributes:
        external_ids: of the contacts, sorted.
        known: those of them that were read before, by external id.
        fresh_since: when an external id must have been resolved to be remembered.
    """

    external_ids: tuple[str, ...]
    known: Mapping[str, KnownContact]
    fresh_since: datetime


class GuidesContacts(Resource[ContactsToRead]):
    """The raw table `guides_contacts`: a contact and all that were merged into it.

    Args:
        attributes: whose value is a contact's external id, the one to be preferred first.
        refresh: how old what is known of a contact may become; None for any age.
    """

    name = "guides_contacts"
    kind = "snapshot"
    identity = IdField("id")
    # Each of those it is merged with has a record of its own.
    subjects = (Subject("contact", ("id",)), Subject("external id", ("externalId",)))
    # A page of ids that lead to nobody is empty; the list of ids ends.
    most_empty_pages = 1_000_000

    def __init__(self, attributes: Sequence[str], refresh: timedelta | None) -> None:
        self._attributes = attributes
        self._refresh = refresh

    def look_up(self, query: Query, span: SnapshotSpan) -> ContactsToRead:
        """Return the external ids named since the last snapshot, and those not read for long."""
        known = known_contacts(query, span)
        external_ids = named_since(query, span, self._attributes)
        if self._refresh is not None:
            external_ids |= grown_old(known, span, self._refresh)
        return ContactsToRead(
            tuple(sorted(external_ids)),
            {one: known[one] for one in external_ids if one in known},
            span.at - CACHE,
        )

    def is_due(
        self,
        found: ContactsToRead | None,
        last_at: datetime | None,
        now: datetime,
        age: timedelta,
    ) -> bool:
        """Tell whether anybody is to be asked for."""
        return bool(_looked_up(found).external_ids)

    def overhead(self, found: ContactsToRead | None) -> int:
        """Return what finding and reading everybody takes."""
        return 2 * len(_looked_up(found).external_ids)

    def query(self, window: Window, found: ContactsToRead | None) -> object:
        """Return what is asked; of whom follows from what is loaded."""
        return {"path": CONTACTS}

    def read(
        self, client: Client, reading: Reading[ContactsToRead | None], token: str | None
    ) -> Answer:
        """Read the contacts of the next external ids."""
        found = _looked_up(reading.found)
        after = "" if token is None else read_token(_After, token).external_id
        todo = [external_id for external_id in found.external_ids if external_id > after]
        batch = todo[:CONTACTS_PER_PAGE]
        records: dict[str, bytes] = {}
        for external_id in batch:
            _read_contact(client, external_id, found, records)
        more = len(todo) > len(batch)
        return Answer(
            records=list(records.values()), token=write_token(_After(batch[-1])) if more else None
        )


Looked = TypeVar("Looked")


def _looked_up(found: Looked | None) -> Looked:
    """Return what was looked up: nobody found is something else than nobody looked for."""
    if found is None:
        raise RuntimeError("look_up() comes first")
    return found


def _read_contact(
    client: Client, external_id: str, found: ContactsToRead, records: dict[str, bytes]
) -> None:
    """Add a contact, those that led to it and those that were merged into it to `records`."""
    known = found.known.get(external_id)
    known_id = None if known is None else known.contact_id
    for contact_id in _possible_ids(client, external_id, found):
        chain = _chain(client, contact_id)
        # One that was known and not merged may have become somebody else's, or nobody's.
        if len(chain) > 1 or (
            chain and (chain[0][0].external_id == external_id or contact_id != known_id)
        ):
            break
    else:
        return
    records |= {contact.id: body for contact, body in chain}
    # Whoever led here before says where it went, in case the canonical one does not tell.
    led_here = [] if known_id is None else [known_id]
    for merged_id in (*chain[-1][0].merged_from_ids, *led_here):
        merged = None if merged_id in records else _get(client, f"{CONTACTS}/{merged_id}")
        if merged is not None:
            records[merged_id] = merged[1]


def _possible_ids(client: Client, external_id: str, found: ContactsToRead) -> Iterator[str]:
    """Give the ids that may lead to a contact, the one remembered first.

    One that is no longer remembered is still tried in the end: a service may forget the external id
    of a contact that went into another.
    """
    known = found.known.get(external_id)
    is_remembered = known is not None and known.read_at > found.fresh_since
    if known is not None and is_remembered:
        yield known.contact_id
    told = _get(client, CONTACTS, {"externalId": external_id, "pageSize": 1})
    if told is not None:
        yield told[0].id
    if known is not None and not is_remembered:
        yield known.contact_id


def _chain(client: Client, contact_id: str) -> list[tuple[_Contact, bytes]]:
    """Follow `mergedTo` to the canonical contact, the last; nobody where one on the way is gone."""
    chain: list[tuple[_Contact, bytes]] = []
    following: str | None = contact_id
    while following is not None:
        found = _get(client, f"{CONTACTS}/{following}")
        if found is None:
            return []
        chain.append(found)
        following = found[0].merged_to
        if following in {contact.id for contact, _ in chain}:
            break  # a circle; the models name it
    return chain


def _get(
    client: Client, path: str, params: Mapping[str, str | int] | None = None
) -> tuple[_Contact, bytes] | None:
    """Return a contact and the bytes it came in; None where there is none (404)."""
    try:
        return client.get(path, _contact, params)
    except Refused as refusal:
        if refusal.status == 404:
            return None
        raise


def _contact(reply: Reply) -> tuple[_Contact, bytes]:
    return _decode_contact(reply), bytes(reply.body)


_decode_contact: Decode[_Contact] = decoder(_Contact)


class _Conversations(msgspec.Struct, rename="camel"):
    entities: list[msgspec.Raw] | None = None
    next_page_token: str | None = None
    total: int | None = None


class _Place(msgspec.Struct, omit_defaults=True):
    """Where reading goes on: in the list of a contact, of which so many records were read."""

    contact_id: str
    page: str | None = None
    count: int = 0
    tries: int = 1


@dataclass(frozen=True)
class ContactsToList:
    """The contacts whose conversations a snapshot lists, sorted."""

    contact_ids: tuple[str, ...]

    def first_after(self, contact_id: str) -> _Place | None:
        """Return the beginning of the next contact's list."""
        following = (one for one in self.contact_ids if one > contact_id)
        contact = next(following, None)
        return None if contact is None else _Place(contact)


class GuidesConversations(Resource[ContactsToList]):
    """The raw table `guides_conversations`: all conversations of each contact read meanwhile.

    Args:
        page_size: conversations a page.
    """

    name = "guides_conversations"
    kind = "snapshot"
    identity = IdField("id")
    subjects = (
        Subject("conversation", ("id",)),
        Subject("contact", ("participants", "externalContactId")),
        Subject("user", ("participants", "userId")),
    )

    def __init__(self, page_size: int) -> None:
        self._page_size = min(page_size, LARGEST_PAGE)
        self._page = page_decoder(_Conversations, "entities")

    def look_up(self, query: Query, span: SnapshotSpan) -> ContactsToList:
        """Return the contacts that were read since the last snapshot of conversations."""
        return ContactsToList(tuple(sorted(read_since(query, span))))

    def is_due(
        self,
        found: ContactsToList | None,
        last_at: datetime | None,
        now: datetime,
        age: timedelta,
    ) -> bool:
        """Tell whether a contact was read whose conversations were not."""
        return bool(_looked_up(found).contact_ids)

    def overhead(self, found: ContactsToList | None) -> int:
        """Return the requests of the lists: one each."""
        return len(_looked_up(found).contact_ids)

    def query(self, window: Window, found: ContactsToList | None) -> object:
        """Return what is asked; for whom follows from what is loaded."""
        return {"path": CONVERSATIONS, "pageSize": self._page_size, "sortOrder": "DESC"}

    def read(
        self, client: Client, reading: Reading[ContactsToList | None], token: str | None
    ) -> Answer:
        """Read one page of a contact's list, or of the next contact's that has any."""
        contacts = _looked_up(reading.found)
        place = contacts.first_after("") if token is None else read_token(_Place, token)
        while place is not None:
            records, place = self._read_page(client, contacts, place)
            if records:
                return Answer(records, None if place is None else write_token(place))
        return Answer((), None)

    def _read_page(
        self, client: Client, contacts: ContactsToList, place: _Place
    ) -> tuple[Records, _Place | None]:
        params: dict[str, str | int] = {
            "externalContactId": place.contact_id,
            "pageSize": self._page_size,
            "sortOrder": "DESC",
        }
        if place.page is not None:
            params["nextPageToken"] = place.page
        try:
            with lost_if_refused(place.page):
                envelope, records = client.get(CONVERSATIONS, self._page, params)
        except LostJob as lost:
            return (), self._again(place, str(lost))
        except Refused as refusal:
            if refusal.status == 404:
                return (), contacts.first_after(place.contact_id)  # gone
            raise
        count = place.count + len(records)
        if envelope.next_page_token is not None:
            if not records or envelope.next_page_token == place.page:
                raise SourceContractError(f"{CONVERSATIONS}: a list of conversations stands still.")
            after = _Place(place.contact_id, envelope.next_page_token, count, place.tries)
            return records, after
        if envelope.total is not None and count < envelope.total:
            return records, self._again(place, f"got {count} of {envelope.total} conversations")
        return records, contacts.first_after(place.contact_id)

    @staticmethod
    def _again(place: _Place, why: str) -> _Place:
        if place.tries >= MAX_TRIES:
            raise Incomplete(f"{why} of one contact, {place.tries} times")
        return _Place(place.contact_id, tries=place.tries + 1)
