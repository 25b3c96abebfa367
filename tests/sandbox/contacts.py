"""External contacts on the Platform API: read one by one, looked up, or scanned page by page.

Ours where Genesys leaves it open:
* GET …/contacts/{id} answers with the canonical contact; …/unresolved with the contact itself. A
  contact that is gone, or whose canonical contact is gone, is a 404.
* A scan shows the moment its first page was asked for, merged contacts included, by id. Of each
  five pages the second is empty and the fourth half full, and the scan goes on: only a page
  without `cursors` is the last, and it may be empty too. A cursor belongs to its path and division,
  lives 24 hours of the organisation's clock, and is a 400 after that and elsewhere.
* identifierlookup answers with the canonical contact; types ExternalId, Email and Phone are known.
"""

import base64
import binascii
import itertools
import random
import uuid
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from tests.sandbox.clock import DAY, to_text
from tests.sandbox.errors import Refusal
from tests.sandbox.people import People, Person
from tests.sandbox.world import World

CONTACTS = "/api/v2/externalcontacts/contacts"
SCAN = "/api/v2/externalcontacts/scan/contacts"
SCAN_ALL = f"{SCAN}/divisionviews/all"
SOURCES = "/api/v2/externalcontacts/externalsources"
LOOKUP = "/api/v2/externalcontacts/identifierlookup/contacts"
EXTERNAL_SOURCES = ("CRM", "Webshop")
SMALLEST_PAGE, LARGEST_PAGE, DEFAULT_PAGE = 10, 200, 100
CURSOR_LIFETIME = DAY
EXPANDABLE = frozenset({"externalOrganization", "externalDataSources", "identifiers", "division"})

Entity = dict[str, object]


class Contacts:
    """The contacts' paths."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.people = People(world)
        self._cursors = itertools.count()

    # -- one --------------------------------------------------------------------------------------

    def read(self, contact_id: str, query: Mapping[str, str], now: int, *, resolve: bool) -> Entity:
        """Answer GET …/contacts/{id} and …/unresolved; raises Refusal (404)."""
        expand = _expanded(query)
        place = self.people.places.get(contact_id)
        person = None if place is None else self.people.person(place, now)
        if person is not None and resolve:
            person = self.people.person(self.people.head(person.place, now), now)
        if person is None:
            raise Refusal(404, f"Unable to find contact {contact_id}")
        return self.shape(person, expand)

    def look_up(self, told: Mapping[str, object], now: int) -> Entity:
        """Answer POST …/identifierlookup/contacts; raises Refusal (400, 404)."""
        for key in told:
            if key not in {"division", "type", "value", "dateCreated", "externalSource"}:
                raise Refusal(400, f"Unrecognized field [{key}]")
        kind, value = told.get("type"), told.get("value")
        if not isinstance(value, str) or not value:
            raise Refusal(400, "value is required", "invalid.value")
        found: Person | None = None
        if kind == "ExternalId":
            source = told.get("externalSource")
            source_id = source.get("id") if isinstance(source, dict) else None
            names = {self.source_id(name): name for name in EXTERNAL_SOURCES}
            if source_id not in names:
                raise Refusal(400, "An ExternalId needs a known externalSource", "invalid.value")
            found = self.people.with_external_id(value, now, names[source_id])
        elif kind in {"Email", "Phone"}:
            if kind == "Phone" and not value.startswith("+"):
                raise Refusal(400, "A phone number needs + and country code", "invalid.value")
            found = next(
                (
                    self.people.person(self.people.head(person.place, now), now)
                    for person in self.people.everybody(now)
                    if value in {person.contact.email, person.phone}
                ),
                None,
            )
        else:
            known = "Allowable values are: ExternalId, Email, Phone"
            message = f"Value [{kind}] is not valid for field type [ContactIdentifierType]. {known}"
            raise Refusal(400, message, "invalid.value")
        if found is None:
            raise Refusal(404, "No contact has this identifier")
        return self.shape(found)

    # -- many -------------------------------------------------------------------------------------

    def scan(self, path: str, query: Mapping[str, str], now: int) -> Entity:
        """Answer a page of a scan; raises Refusal (400)."""
        allowed = {"limit", "cursor"} | ({"divisionId"} if path == SCAN else set())
        _only(query, allowed)
        limit = _limit(query)
        division = query.get("divisionId", "*")
        divisions = self.world.organisation.division_ids
        if division != "*" and division not in divisions:
            raise Refusal(400, f"Unknown division {division}", "invalid.value")
        owner = f"{path}?{division}"
        as_of, page, position = self._opened(owner, query.get("cursor"), now)
        everybody = sorted(self.people.everybody(as_of), key=lambda one: one.contact.contact_id)
        wanted = [p for p in everybody if division in {"*", divisions[p.division]}]
        share = {1: 0, 3: limit // 2}.get(page % 5, limit)
        entities = [self.shape(person) for person in wanted[position : position + share]]
        told: Entity = {"entities": entities, "selfUri": _uri(path, query)}
        if position + share < len(wanted):
            cursor = self._closed(owner, as_of, page + 1, position + share, now)
            told["cursors"] = {"after": cursor}
            told["nextUri"] = _uri(path, {**query, "cursor": cursor})
        return told

    def sources(self, query: Mapping[str, str], now: int) -> Entity:
        """Answer GET …/externalsources; raises Refusal (400)."""
        _only(query, {"cursor", "limit", "name", "active"})
        _limit(query)
        if query.get("cursor"):
            raise Refusal(400, "The cursor is not valid", "invalid.value")
        entities = [
            self.source(name)
            for name in EXTERNAL_SOURCES
            if name.startswith(query.get("name", "")) and query.get("active", "true") == "true"
        ]
        return {"entities": entities, "selfUri": SOURCES}

    # -- shapes -----------------------------------------------------------------------------------

    def source_id(self, name: str) -> str:
        """Return the id of an external source by its name."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"source:{self.world.seed}:{name}"))

    def source(self, name: str) -> Entity:
        """Return an ExternalSource."""
        source_id = self.source_id(name)
        return {"id": source_id, "name": name, "active": True, "selfUri": f"{SOURCES}/{source_id}"}

    def shape(self, person: Person, expand: frozenset[str] = frozenset()) -> Entity:
        """Shape an ExternalContact."""
        contact = person.contact
        first, _, last = contact.name.partition(" ")
        told: Entity = {
            "id": contact.contact_id,
            "division": self._division(person.division),
            "type": person.kind,
            "firstName": first,
            "lastName": last,
            "cellPhone": {
                "display": person.phone,
                "e164": person.phone,
                "countryCode": "US",
                "userInput": person.phone,
                "acceptsSMS": person.place % 2 == 0,
            },
            "personalEmail": contact.email,
            "createDate": to_text(person.created_at),
            "modifyDate": to_text(person.modified_at),
            "surveyOptOut": person.place % 9 == 0,
            "selfUri": f"{CONTACTS}/{contact.contact_id}",
        }
        if person.external_ids:
            told["externalIds"] = [
                {"externalSource": self.source(source), "value": value}
                for source, value in person.external_ids
            ]
        custom = _custom_fields(self.world.seed, person.place)
        if custom:
            told["customFields"] = custom
        if person.tree:
            told["canonicalContact"] = self._reference(person.tree[0])
            told["mergeSet"] = self._references(person.tree)
        if person.children:
            told["mergedFrom"] = self._references(person.children)
        if person.parent is not None:
            told["mergedTo"] = self._reference(person.parent)
        if "identifiers" in expand:
            told["identifiers"] = self._identifiers(person)
        return told

    def _identifiers(self, person: Person) -> list[Entity]:
        known: list[Entity] = [
            {"type": "Email", "value": person.contact.email},
            {"type": "Phone", "value": person.phone},
        ]
        for source, value in person.external_ids:
            known.append(
                {"type": "ExternalId", "value": value, "externalSource": self.source(source)}
            )
        return known

    def _division(self, number: int) -> Entity:
        division = self.world.organisation.divisions[number]
        return {key: division[key] for key in ("id", "name", "selfUri")}

    def _reference(self, place: int) -> Entity:
        contact_id = self.people.contacts[place].contact_id
        return {"id": contact_id, "selfUri": f"{CONTACTS}/{contact_id}"}

    def _references(self, places: Sequence[int]) -> list[Entity]:
        return [self._reference(place) for place in places]

    # -- cursors ----------------------------------------------------------------------------------

    def _closed(self, owner: str, as_of: int, page: int, position: int, now: int) -> str:
        text = f"{owner}|{as_of}|{page}|{position}|{now}|{next(self._cursors)}"
        return base64.urlsafe_b64encode(text.encode()).decode()

    def _opened(self, owner: str, cursor: str | None, now: int) -> tuple[int, int, int]:
        if cursor is None:
            return now, 0, 0
        try:
            text = base64.b64decode(cursor, altchars=b"-_", validate=True).decode()
            known, as_of, page, position, issued, _ = text.split("|")
            if known == owner and now < int(issued) + CURSOR_LIFETIME:
                return int(as_of), int(page), int(position)
        except (binascii.Error, UnicodeDecodeError, ValueError):
            pass
        raise Refusal(400, "The cursor is not valid or has expired", "invalid.value")


def _custom_fields(seed: int, place: int) -> Entity:
    if place % 4 == 3:
        return {}
    rng = random.Random(f"custom:{seed}:{place}")
    return {
        "loyalty_text": rng.choice(("Gold", "Silver", "", "Größe XL")),
        "visits_integer": rng.randrange(40),
        "balance_numeric": round(rng.uniform(-50, 900), 2),
        "newsletter_checkbox": rng.random() < 0.5,
        "interests_listmulti": rng.sample(["garden", "travel", "music"], rng.randrange(3)),
        "preferences": {"channel": rng.choice(("voice", "e-mail")), "quiet": {"from": 22, "to": 7}},
    }


def _expanded(query: Mapping[str, str]) -> frozenset[str]:
    _only(query, {"expand"})
    wanted = frozenset(name for name in query.get("expand", "").split(",") if name)
    for name in sorted(wanted - EXPANDABLE):
        raise Refusal(400, f"Value [{name}] is not valid for field type [expand]", "invalid.value")
    return wanted


def _only(query: Mapping[str, str], known: set[str]) -> None:
    for name in query:
        if name not in known:
            raise Refusal(400, f"Unrecognized parameter [{name}]")


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit", str(DEFAULT_PAGE))
    if not text.isdecimal() or not SMALLEST_PAGE <= int(text) <= LARGEST_PAGE:
        message = f"limit must be between {SMALLEST_PAGE} and {LARGEST_PAGE}"
        raise Refusal(400, message, "invalid.value")
    return int(text)


def _uri(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path
