"""Contacts and their conversations, of the integration guides (GUIDES G-E).

`GET /api/v2/external-contacts?externalId=`, `/external-contacts/{id}` and
`/conversations?externalContactId=`. There is no list of contacts: those are asked for whose id in
another system (the CRM's) stands in a participant attribute that was loaded, and never by e-mail or
phone, which people share and change. Which Genesys id belongs to an external one is remembered for
24 hours; a merge found meanwhile makes it forgotten.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from loader.errors import Incomplete, Refused, SourceContractError
from loader.genesys.client import Client
from loader.genesys.replies import Decode, Reply
from loader.resources.pages import decoder, page_decoder, read_token, write_token
from loader.resources.record_ids import IdField
from loader.resources.resource import Answer, Resource
from loader.windows import Window

CONTACTS = "/api/v2/external-contacts"
CONVERSATIONS = "/api/v2/conversations"
CONTACTS_PER_PAGE = 10
LARGEST_PAGE = 200
# How often one contact's list begins again before it is called incomplete.
MAX_TRIES = 3


class Worklist(Protocol):
    """Tells from what is loaded whom to ask for; `through` is the newest load it deals with."""

    def newest_load(self) -> str:
        """Return the id of the newest load."""

    def external_ids(self, through: str, now: datetime) -> Sequence[str]:
        """Return the external ids to resolve, sorted."""

    def resolved(self, now: datetime) -> Mapping[str, str]:
        """Return Genesys' id by external id, where it was resolved in the last 24 hours."""

    def contact_ids(self, through: str) -> Sequence[str]:
        """Return the canonical contacts whose conversations to list, sorted."""


class _Contact(msgspec.Struct, rename="camel"):
    id: str
    external_id: str | None = None
    merged_to: str | None = None
    merged_from_ids: list[str] = []


class _After(msgspec.Struct):
    """Where reading goes on: behind an external id."""

    external_id: str


class GuidesContacts(Resource):
    """The raw table `guides_contacts`: a contact and all that were merged into it.

    Args:
        worklist: whom to ask for.
    """

    name = "guides_contacts"
    kind = "snapshot"
    identity = IdField("id")
    # A page of ids that lead to nobody is empty; the list of ids ends.
    most_empty_pages = 1_000_000

    def __init__(self, worklist: Worklist) -> None:
        self._worklist = worklist
        self._external_ids: Sequence[str] = ()
        self._resolved: Mapping[str, str] = {}

    def is_due(self, snapshot: datetime | None, now: datetime, age: timedelta) -> bool:
        """Tell whether anybody is to be asked for."""
        external_ids = self._worklist.external_ids(self._worklist.newest_load(), now)
        self.overhead = 2 * len(external_ids)
        return bool(external_ids)

    def query(self, window: Window) -> object:
        """Return what is asked; whom, the worklist tells."""
        return {"path": CONTACTS}

    def submit(self, client: Client, window: Window) -> str | None:
        """Return the load up to which the snapshot deals with what is there."""
        return self._worklist.newest_load()

    def prepare(self, window: Window, job_id: str | None) -> None:
        """Look up whom to ask for."""
        self._external_ids = self._worklist.external_ids(job_id or "", window.start)
        self._resolved = self._worklist.resolved(window.start)

    def read(self, client: Client, window: Window, job_id: str | None, token: str | None) -> Answer:
        """Read the contacts of the next external ids."""
        after = "" if token is None else read_token(_After, token).external_id
        todo = [external_id for external_id in self._external_ids if external_id > after]
        batch = todo[:CONTACTS_PER_PAGE]
        records: dict[str, bytes] = {}
        for external_id in batch:
            self._read_contact(client, external_id, records)
        more = len(todo) > len(batch)
        return Answer(
            records=list(records.values()), token=write_token(_After(batch[-1])) if more else None
        )

    def _read_contact(self, client: Client, external_id: str, records: dict[str, bytes]) -> None:
        known = self._resolved.get(external_id)
        found = None if known is None else _get(client, f"{CONTACTS}/{known}")
        if found is None or found[0].merged_to is not None or found[0].external_id != external_id:
            # Never seen, gone, merged since, or somebody else's by now: only the external id leads
            # to the canonical one.
            found = _get(client, CONTACTS, {"externalId": external_id, "pageSize": 1})
            if found is None:
                return
            found = _get(client, f"{CONTACTS}/{found[0].id}")
            if found is None:
                return
        contact, body = found
        records[contact.id] = body
        for merged_id in contact.merged_from_ids:
            merged = None if merged_id in records else _get(client, f"{CONTACTS}/{merged_id}")
            if merged is not None:
                records[merged_id] = merged[1]


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
    return _decode_contact(reply), reply.body


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


class GuidesConversations(Resource):
    """The raw table `guides_conversations`: all conversations of each contact on the worklist.

    Args:
        worklist: whose conversations.
        page_size: conversations a page.
    """

    name = "guides_conversations"
    kind = "snapshot"
    identity = IdField("id")

    def __init__(self, worklist: Worklist, page_size: int) -> None:
        self._worklist = worklist
        self._page_size = min(page_size, LARGEST_PAGE)
        self._contact_ids: Sequence[str] = ()
        self._page = page_decoder(_Conversations, "entities")

    def is_due(self, snapshot: datetime | None, now: datetime, age: timedelta) -> bool:
        """Tell whether a contact was read whose conversations were not."""
        contact_ids = self._worklist.contact_ids(self._worklist.newest_load())
        self.overhead = len(contact_ids)
        return bool(contact_ids)

    def query(self, window: Window) -> object:
        """Return what is asked; for whom, the worklist tells."""
        return {"path": CONVERSATIONS, "pageSize": self._page_size, "sortOrder": "DESC"}

    def submit(self, client: Client, window: Window) -> str | None:
        """Return the load up to which the snapshot deals with what is there."""
        return self._worklist.newest_load()

    def prepare(self, window: Window, job_id: str | None) -> None:
        """Look up whose conversations to list."""
        self._contact_ids = self._worklist.contact_ids(job_id or "")

    def read(self, client: Client, window: Window, job_id: str | None, token: str | None) -> Answer:
        """Read one page of a contact's list, or of the next contact's that has any."""
        place = self._first("") if token is None else read_token(_Place, token)
        while place is not None:
            records, place = self._read_page(client, place)
            if records:
                return Answer(records, None if place is None else write_token(place))
        return Answer((), None)

    def _read_page(
        self, client: Client, place: _Place
    ) -> tuple[Sequence[msgspec.Raw | bytes], _Place | None]:
        params: dict[str, str | int] = {
            "externalContactId": place.contact_id,
            "pageSize": self._page_size,
            "sortOrder": "DESC",
        }
        if place.page is not None:
            params["nextPageToken"] = place.page
        try:
            envelope, records = client.get(CONVERSATIONS, self._page, params)
        except Refused as refusal:
            if refusal.status == 404:
                return (), self._first(place.contact_id)  # gone
            if place.page is not None and refusal.status == 400:
                return (), self._again(place, str(refusal))
            raise
        if records is None:
            raise SourceContractError(f"{CONVERSATIONS} answered 200 without `entities`.")
        count = place.count + len(records)
        if envelope.next_page_token is not None:
            if not records or envelope.next_page_token == place.page:
                raise SourceContractError(f"{CONVERSATIONS}: a list of conversations stands still.")
            after = _Place(place.contact_id, envelope.next_page_token, count, place.tries)
            return records, after
        if envelope.total is not None and count < envelope.total:
            return records, self._again(place, f"got {count} of {envelope.total} conversations")
        return records, self._first(place.contact_id)

    def _first(self, after: str) -> _Place | None:
        """Return the beginning of the next contact's list."""
        following = (contact for contact in self._contact_ids if contact > after)
        contact = next(following, None)
        return None if contact is None else _Place(contact)

    @staticmethod
    def _again(place: _Place, why: str) -> _Place:
        if place.tries >= MAX_TRIES:
            raise Incomplete(f"{why} of one contact, {place.tries} times")
        return _Place(place.contact_id, tries=place.tries + 1)
