"""The organisation's reference data: people, queues, codes, flows, and the contacts who call.

Ids and names depend on the seed alone: an organisation with more contacts has the same first ones.
All names and numbers are invented; numbers lie in ranges reserved for fiction.
"""

import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from tests.sandbox.service_levels import IN_TIME, SHARE

Entity = dict[str, object]

# 24 and 35 have no common divisor, so 840 people go by different names.
FIRST_NAMES = (
    "Ada", "Bram", "Carla", "Dario", "Elin", "Farid", "Greta", "Hugo", "Ines", "Jonas",
    "Kaisa", "Liam", "Mira", "Nils", "Oona", "Pavel", "Quirin", "Rosa", "Sami", "Tova",
    "Ulla", "Viktor", "Wanda", "Yusuf",
)  # fmt: skip
LAST_NAMES = (
    "Ankarberg", "Bellweather", "Castellan", "Dunmore", "Eskildsen", "Fairlight", "Grünwald",
    "Hollowell", "Isaksen", "Jurado", "Kestrel", "Lindqvist", "Marchetti", "Northcote", "Okafor",
    "Palmgren", "Quillfeather", "Rasmussen", "Silberstein", "Tanaka", "Underwood", "Valdivia",
    "Westergaard", "Yilmaz", "Zetterlund", "Ashcombe", "Brightwater", "Corvino", "Delacroix",
    "Eastbrook", "Fontaine", "Greyling", "Harrowgate", "Ilves", "Jespersen",
)  # fmt: skip
COMPANY = "everbrook.example"
DIVISIONS = ("Home", "Retail", "Insurance", "Nordics")
QUEUES = (
    "Billing", "Billing VIP", "Claims", "Claims Escalation", "Complaints", "Contract Changes",
    "Deliveries", "E-Mail Back Office", "Fraud Desk", "General Enquiries", "Hardware Support",
    "Hardware Support (2nd line)", "Home Insurance", "Loyalty", "Messaging", "New Customers",
    "Nordics Svenska", "Outbound Campaigns", "Password Reset", "Payments", "Renewals", "Returns",
    "Sales", "Sales Callback", "Software Support", "Store Finder", "Travel Insurance", "Web Chat",
)  # fmt: skip
DELETED_QUEUES = ("Old Switchboard", "Christmas 2024")
WRAP_UP_CODES = (
    "Resolved", "Resolved - first contact", "Follow-up needed", "Transferred", "Wrong number",
    "Complaint logged", "Refund granted", "Refund refused", "Address changed", "Contract renewed",
    "Contract cancelled", "Order placed", "Order status given", "Password reset done",
    "Technician booked", "Claim opened", "Claim updated", "Claim closed", "Payment arranged",
    "Fraud suspected", "Language barrier", "Customer hung up", "Callback agreed", "No answer",
    "Voicemail left", "Test call", "Spam", "Sale", "No sale", "Other, see note",
)  # fmt: skip
SKILLS = (
    "English", "Deutsch", "Svenska", "Billing", "Claims", "Retention", "Technical level 2",
    "E-mail", "Chat", "Fraud",
)  # fmt: skip
FLOWS = (
    ("Main IVR", "INBOUNDCALL"), ("Claims IVR", "INBOUNDCALL"), ("Sales IVR", "INBOUNDCALL"),
    ("Voice Assistant", "BOT"), ("Web Assistant", "DIGITALBOT"), ("Parcel Bot", "DIGITALBOT"),
    ("Inbound E-Mail", "INBOUNDEMAIL"), ("Wait Music", "INQUEUECALL"),
    ("Claims Wait", "INQUEUECALL"), ("Message In-Queue", "INQUEUESHORTMESSAGE"),
    ("E-Mail In-Queue", "INQUEUEEMAIL"), ("Voicemail", "VOICEMAIL"),
    ("Web Messaging", "INBOUNDSHORTMESSAGE"), ("After Call Survey", "VOICESURVEY"),
)  # fmt: skip
DELETED_FLOWS = (("Main IVR (2024)", "INBOUNDCALL"), ("Chat Pilot", "INBOUNDCHAT"))
OUTCOMES = (
    "Customer identified", "Balance told", "Order status told", "Payment taken",
    "Appointment booked", "Appointment moved", "Password reset", "Parcel located", "Claim opened",
    "Claim status told", "Callback offered", "Callback accepted", "Opening hours told",
    "Address changed", "Contract renewed", "Language chosen", "Consent given", "FAQ answered",
    "Intent recognised", "Handed to agent", "Survey agreed", "Meter read", "Refund requested",
    "Voucher redeemed", "Store found", "Newsletter stopped", "Card blocked", "PIN sent",
)  # fmt: skip

# What each flow is there for.
OUTCOMES_OF = {
    "Main IVR": ("Customer identified", "Language chosen", "Opening hours told", "Balance told",
                 "Callback offered"),
    "Main IVR (2024)": ("Customer identified", "Opening hours told"),
    "Claims IVR": ("Customer identified", "Consent given", "Claim opened", "Claim status told",
                   "Callback offered"),
    "Sales IVR": ("Customer identified", "Order status told", "Store found", "Contract renewed",
                  "Callback offered"),
    "Voice Assistant": ("Intent recognised", "Handed to agent", "Password reset", "PIN sent",
                        "Card blocked", "Payment taken", "Callback accepted"),
    "Web Assistant": ("Intent recognised", "FAQ answered", "Handed to agent", "Appointment booked",
                      "Appointment moved", "Address changed", "Meter read", "Newsletter stopped",
                      "Voucher redeemed", "Survey agreed"),
    "Parcel Bot": ("Parcel located", "Order status told", "Handed to agent", "Refund requested"),
}  # fmt: skip

# Codes the platform sets by itself: no UUID, and in no list.
WRAP_UP_TIMEOUT = "ININ-WRAP-UP-TIMEOUT"
PREVIEW_SKIPPED = "ININ-OUTBOUND-PREVIEW-SKIPPED"

USER_COUNTS = {"active": 52, "inactive": 6, "deleted": 4}
CONTACT_COUNT = 600
CREATED = "2025-01-15T08:00:00Z"
MODIFIED = "2026-02-03T10:11:12.345Z"


@dataclass(frozen=True, slots=True)
class Contact:
    """An external contact; `address` is the phone number, `email` the mailbox."""

    contact_id: str
    name: str
    address: str
    email: str
    # Ends up in attributes and, with other dialects, in the contact's external ids.
    crm_id: str


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody who can be a participant, listed among the users or not."""

    user_id: str
    name: str
    division_id: str
    is_active: bool = False
    is_lead: bool = False


@dataclass(frozen=True)
class Organisation:
    """All reference data: the entities as they are listed, and what scripts draw from."""

    users: tuple[Entity, ...]
    queues: tuple[Entity, ...]
    wrap_up_codes: tuple[Entity, ...]
    skills: tuple[Entity, ...]
    divisions: tuple[Entity, ...]
    flows: tuple[Entity, ...]
    flow_outcomes: tuple[Entity, ...]
    agents: tuple[Agent, ...]
    contacts: tuple[Contact, ...]
    # By queue name, including queues that are no longer listed.
    queue_ids: Mapping[str, str]
    # Codes an agent can pick; the last one is deleted, so it is not listed.
    wrap_up_code_ids: tuple[str, ...]
    skill_ids: tuple[str, ...]
    flow_ids: Mapping[str, str]
    flow_outcome_ids: tuple[str, ...]

    @property
    def division_ids(self) -> tuple[str, ...]:
        """Ids of all divisions, home first."""
        return tuple(str(division["id"]) for division in self.divisions)


def build_organisation(seed: int, contact_count: int = CONTACT_COUNT) -> Organisation:
    """Build the organisation of a seed."""
    rng = random.Random(f"organisation:{seed}")

    def new_id() -> str:
        return str(uuid.UUID(int=rng.getrandbits(128), version=4))

    divisions = [
        _entity("/api/v2/authorization/divisions", new_id(), name) | {"homeDivision": number == 0}
        for number, name in enumerate(DIVISIONS)
    ]

    def division(number: int) -> Entity:
        return {key: divisions[number % len(divisions)][key] for key in ("id", "name", "selfUri")}

    users: list[Entity] = []
    for state, count in USER_COUNTS.items():
        for _ in range(count):
            number = len(users)
            name = _name(number)
            email = f"{_mailbox(name)}@{COMPANY}"
            user = _entity("/api/v2/users", new_id(), name)
            users.append(
                user
                | {
                    "division": division(number),
                    "chat": {"jabberId": f"{number:024x}@{COMPANY}"},
                    "email": email,
                    "username": email,
                    "department": ("Service", "Sales", "Back office")[number % 3],
                    "title": "Agent" if number % 9 else "Team lead",
                    "addresses": [],
                    "state": state,
                    "version": 1 + number % 40,
                    "acdAutoAnswer": number % 4 == 0,
                }
            )
    agents = [
        Agent(
            user_id=str(user["id"]),
            name=str(user["name"]),
            division_id=str(division(number)["id"]),
            is_active=user["state"] == "active",
            is_lead=user["title"] == "Team lead",
        )
        for number, user in enumerate(users)
    ]
    # Somebody whose user was purged: in conversations, in no list.
    agents.append(Agent(new_id(), "Unknown Agent", str(divisions[0]["id"])))

    queue_ids = {name: new_id() for name in (*QUEUES, *DELETED_QUEUES)}
    queues = [
        _entity("/api/v2/routing/queues", queue_ids[name], name)
        | {
            "division": division(number),
            "dateCreated": CREATED,
            "dateModified": MODIFIED,
            "memberCount": 4 + number % 9,
            "mediaSettings": _media_settings(),
            "acwSettings": {"wrapupPrompt": "MANDATORY_TIMEOUT", "timeoutMs": 90_000},
            "skillEvaluationMethod": "ALL",
            "enableTranscription": False,
            "defaultScripts": {},
        }
        for number, name in enumerate(sorted(QUEUES))
    ]
    codes = [
        _entity("/api/v2/routing/wrapupcodes", new_id(), name)
        | {"division": {**division(number)}, "dateCreated": CREATED, "createdBy": agents[0].user_id}
        for number, name in enumerate(sorted(WRAP_UP_CODES))
    ]
    skills = [
        _entity("/api/v2/routing/skills", new_id(), name)
        | {"dateModified": MODIFIED, "version": "1", "state": _skill_state(number)}
        for number, name in enumerate(SKILLS)
    ]
    flows = [
        _entity("/api/v2/flows", new_id(), name)
        | {
            "division": division(number),
            "type": kind,
            "active": number < len(FLOWS),
            "system": False,
            "deleted": number >= len(FLOWS),
            "publishedVersion": {"id": f"{12 + number}.0", "name": "", "type": "PUBLISH"},
        }
        for number, (name, kind) in enumerate((*FLOWS, *DELETED_FLOWS))
    ]
    outcomes = [
        _entity("/api/v2/flows/outcomes", new_id(), name)
        | {"division": division(0), "description": f"Reached when: {name.lower()}"}
        for name in OUTCOMES
    ]
    contacts_rng = random.Random(f"contacts:{seed}")
    contacts = [
        Contact(
            contact_id=str(uuid.UUID(int=contacts_rng.getrandbits(128), version=4)),
            name=(name := _name(number * 7)),
            address=f"+1202555{number:04d}",
            email=f"{_mailbox(name)}{number}@mail.example",
            crm_id=f"CRM-{100_000 + number * 37}",
        )
        for number in range(contact_count)
    ]
    return Organisation(
        users=tuple(users),
        queues=tuple(queues),
        wrap_up_codes=tuple(codes),
        skills=tuple(skills),
        divisions=tuple(divisions),
        flows=tuple(flows),
        flow_outcomes=tuple(outcomes),
        agents=tuple(agents),
        contacts=tuple(contacts),
        queue_ids=queue_ids,
        wrap_up_code_ids=(*(str(code["id"]) for code in codes), new_id()),
        skill_ids=tuple(str(skill["id"]) for skill in skills),
        flow_ids={str(flow["name"]): str(flow["id"]) for flow in flows},
        flow_outcome_ids=tuple(str(outcome["id"]) for outcome in outcomes),
    )


def _entity(path: str, entity_id: str, name: str) -> Entity:
    return {"id": entity_id, "name": name, "selfUri": f"{path}/{entity_id}"}


def _name(number: int) -> str:
    return f"{FIRST_NAMES[number % 24]} {LAST_NAMES[number % 35]}"


def _mailbox(name: str) -> str:
    return name.lower().replace(" ", ".").replace("ü", "ue")


def _media_settings() -> Entity:
    """Write QueueMediaSettings, where a call is what is voice elsewhere."""
    return {
        {"voice": "call"}.get(media, media): {
            "serviceLevel": {"percentage": SHARE, "durationMs": within}
        }
        for media, within in IN_TIME.items()
    }


def _skill_state(number: int) -> str:
    if number == len(SKILLS) - 1:
        return "deleted"
    return "inactive" if number == len(SKILLS) - 2 else "active"
