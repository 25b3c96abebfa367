"""GUIDES G-E: external contacts by the CRM's id, and a contact's conversations.

GET /api/v2/external-contacts?externalId=&pageSize=1, /api/v2/external-contacts/{id}, and
GET /api/v2/conversations?externalContactId=&pageSize=&sortOrder=&nextPageToken=. Ours:
* externalId is the id of the source CRM; an Ephemeral contact has none (null). Asked for by the
  externalId of a merged contact, the answer is the canonical one, whose id then differs from the
  one remembered. By its own id a merged contact answers itself, with mergedTo the id of the
  canonical contact (the head of its tree, not the next link); a canonical contact has all others
  of its tree in mergedFromIds. Otherwise mergedTo is null and mergedFromIds empty.
* Who is unknown or gone (people.py) is a 404. mergedTo may name somebody gone.
* Conversations asked for by a merged id are those of the canonical one: of all ids of the tree.
  A participant's externalContactId is the one it had at the time.
* Fields of a conversation: interactions.py; type is its kind, mediaState its media_state,
  wrapUpTime its wrap_up_at (an instant; null without after-call work). A participant has
  externalContactId, userId and ani only if known, routing if it has a queue: the first segment's
  queueId, and the name of the first requested skill, null without.
* Order by createdTime, then id. Default pageSize 25, at most 200; pageNumber is refused.
"""

from collections.abc import Mapping

import msgspec

from tests.sandbox.clock import to_text
from tests.sandbox.errors import Refusal
from tests.sandbox.guides import (
    SETTLED,
    Place,
    Record,
    digest,
    only,
    read_token,
    whole,
    write_token,
)
from tests.sandbox.interactions import Interaction, read_interaction
from tests.sandbox.people import People, Person

CONTACTS = "/api/v2/external-contacts"
CONVERSATIONS = "/api/v2/conversations"
DEFAULT_PAGE, LARGEST_PAGE = 25, 200

Query = Mapping[str, str]


class Journeys:
    """Answers the guides' journey requests."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.world = people.world
        self.skills = {str(s["id"]): s["name"] for s in self.world.organisation.skills}

    def find(self, query: Query, now: int) -> dict[str, object]:
        """Answer GET /external-contacts; raises Refusal (400, 404)."""
        only(query, ("externalId", "pageSize"), "the query")
        whole(query, "pageSize", 1, LARGEST_PAGE)
        wanted = query.get("externalId")
        if not wanted:
            raise Refusal(400, "externalId is required", "invalid.value")
        person = self.people.with_external_id(wanted, now, "CRM")
        if person is None:
            raise Refusal(404, f"No contact has the externalId {wanted}")
        return self._contact(person)

    def read(self, contact_id: str, now: int) -> dict[str, object]:
        """Answer GET /external-contacts/{id}; raises Refusal (404)."""
        person = self._person(contact_id, now)
        head = self.people.head(person.place, now)
        others = [self.people.contacts[p].contact_id for p in person.tree if p != head]
        canonical = self.people.contacts[head].contact_id
        return self._contact(person) | {
            "mergedTo": None if head == person.place else canonical,
            "mergedFromIds": others if head == person.place else [],
        }

    def conversations(self, query: Query, now: int) -> dict[str, object]:
        """Answer GET /conversations; raises Refusal (400, 404)."""
        known = ("externalContactId", "pageSize", "sortOrder", "nextPageToken")
        only(query, known, "the query")
        contact_id = query.get("externalContactId")
        if not contact_id:
            raise Refusal(400, "externalContactId is required", "invalid.value")
        size = whole(query, "pageSize", DEFAULT_PAGE, LARGEST_PAGE)
        order = query.get("sortOrder", "DESC")
        if order not in {"ASC", "DESC"}:
            raise Refusal(400, "sortOrder must be ASC or DESC", "invalid.value")
        owner = digest("conversations", contact_id, size, order)
        place = read_token(owner, query.get("nextPageToken"), now)
        person = self._person(contact_id, place.as_of)
        found = self._conversations(person, place.as_of)
        found.sort(key=lambda pair: (pair[0].created_at, pair[0].interaction_id))
        if order == "DESC":
            found.reverse()
        after = place.position + size
        token = write_token(owner, Place(place.as_of, after)) if after < len(found) else None
        return {
            "pageSize": size,
            "total": len(found),
            "nextPageToken": token,
            "entities": [self._conversation(*pair) for pair in found[place.position : after]],
        }

    def _person(self, contact_id: str, now: int) -> Person:
        place = self.people.places.get(contact_id)
        person = None if place is None else self.people.person(place, now)
        if person is None:
            raise Refusal(404, f"Unable to find contact {contact_id}")
        return person

    def _conversations(self, person: Person, now: int) -> list[tuple[Interaction, Record]]:
        found = []
        for number in self.people.conversations(person.tree or (person.place,), now):
            if self.world.has_arrived(number, now, latest=SETTLED):
                record = msgspec.json.decode(self.world.record(number, now, latest=SETTLED))
                found.append((read_interaction(record), record))
        return found

    def _contact(self, person: Person) -> dict[str, object]:
        contact = person.contact
        first, _, last = contact.name.partition(" ")
        own = contact.crm_id if ("CRM", contact.crm_id) in person.external_ids else None
        return {
            "id": contact.contact_id,
            "externalId": own,
            "firstName": first,
            "lastName": last,
            "emails": [{"value": contact.email, "type": "home"}],
            "phoneNumbers": [{"value": person.phone, "type": "mobile"}],
            "type": "PERSON",
            "selfUri": f"{CONTACTS}/{contact.contact_id}",
        }

    def _conversation(self, one: Interaction, record: Record) -> dict[str, object]:
        return {
            "id": one.interaction_id,
            "state": one.state,
            "type": one.kind,
            "createdTime": to_text(one.created_at),
            "updatedTime": to_text(one.updated_at),
            "wrapUpTime": None if one.wrap_up_at is None else to_text(one.wrap_up_at),
            "mediaState": one.media_state,
            "participants": [self._participant(each) for each in record.get("participants") or []],
            "selfUri": f"{CONVERSATIONS}/{one.interaction_id}",
        }

    def _participant(self, told: Record) -> dict[str, object]:
        sessions = told.get("sessions") or []
        segments = [segment for session in sessions for segment in session.get("segments") or []]
        row: dict[str, object] = {
            "participantId": told["participantId"],
            "purpose": told.get("purpose"),
        }
        row |= {key: told[key] for key in ("externalContactId", "userId") if told.get(key)}
        ani = next((session["ani"] for session in sessions if session.get("ani")), None)
        if ani is not None:
            row["ani"] = ani
        queue = next((s["queueId"] for s in segments if s.get("queueId")), None)
        if queue is not None:
            wanted = [i for s in segments for i in s.get("requestedRoutingSkillIds") or []]
            skill = self.skills.get(wanted[0]) if wanted else None
            row["routing"] = {"queueId": queue, "skill": skill}
        return row
