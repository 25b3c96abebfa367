"""Participant attributes as integrators really name and fill them.

Names that differ only in case, with blanks and dots; values that are always strings, whatever they
mean: numbers, booleans, dates, nothing at all, a text cut at 1,024 characters, somebody's SQL.
"""

import random
from collections.abc import Callable

from tests.sandbox.organisation import Contact

# The API cuts names and values at this many characters.
LONGEST_VALUE = 1024

Values = Callable[[random.Random, Contact], str]


def _one_of(*values: str) -> Values:
    return lambda rng, contact: rng.choice(values)


def _whole(low: int, high: int) -> Values:
    return lambda rng, contact: str(rng.randint(low, high))


def _day(rng: random.Random) -> tuple[int, int, int]:
    return rng.randint(2019, 2026), rng.randint(1, 12), rng.randint(1, 28)


def _iso_date(rng: random.Random, contact: Contact) -> str:
    return "{:04d}-{:02d}-{:02d}".format(*_day(rng))


def _slashed_date(rng: random.Random, contact: Contact) -> str:
    year, month, day = _day(rng)
    return f"{day:02d}/{month:02d}/{year}"


def _timestamp(rng: random.Random, contact: Contact) -> str:
    return f"{_iso_date(rng, contact)}T{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}:07.250Z"


def _crm_id(rng: random.Random, contact: Contact) -> str:
    return contact.crm_id


def _amount(rng: random.Random, contact: Contact) -> str:
    return rng.choice((f"{rng.uniform(0, 9000):.2f}", f"{rng.uniform(1000, 9000):,.2f}", "n/a"))


def _long_text(rng: random.Random, contact: Contact) -> str:
    words = ("order", "number", "invoice", "broken", "again", "Größe", "repeat", "delivery")
    text = " ".join(rng.choice(words) for _ in range(220))
    return text[:LONGEST_VALUE]


def _drifting_flag(rng: random.Random, contact: Contact) -> str:
    return rng.choice(("true", "false", "yes", "no", '{"vip":true,"since":2021}', "1"))


# (name, share of participants that have it, its value). The order is the order they are set in.
CUSTOMER: tuple[tuple[str, float, Values], ...] = (
    ("customerId", 0.8, _crm_id),
    ("CustomerId", 0.35, _crm_id),
    ("CUSTOMERID", 0.12, _whole(1, 99_999)),
    ("Account Number", 0.7, _whole(10_000_000, 99_999_999)),
    ("account_number", 0.2, _one_of("0012345678", "0000000042", "")),
    ("context.email", 0.4, lambda rng, contact: contact.email),
    ("context.customField1Label", 0.4, _one_of("Reason", "Order", "")),
    ("context.customField1", 0.4, _one_of("Upgrade my plan", "Where is my parcel?", "")),
    ("context.genesys.legacyRoutingTargetQueueAddress", 0.3, _one_of("Web Chat", "Messaging")),
    ("Intent", 0.9, _one_of("billing", "claims", "sales", "support", "Billing", "other", "")),
    ("Language", 0.9, _one_of("en-US", "de-DE", "sv-SE")),
    ("isAuthenticated", 0.8, _one_of("true", "false")),
    ("VIP", 0.5, _drifting_flag),
    ("Customer Tier", 0.6, _one_of("Gold", "Silver", "Bronze", "gold ", "")),
    ("Balance", 0.5, _amount),
    ("CSAT", 0.35, _one_of("1", "2", "3", "4", "5", "5.0", "none")),
    ("NPS Score", 0.25, _whole(0, 10)),
    ("Date of Birth", 0.3, _iso_date),
    ("ContractEnd", 0.3, _slashed_date),
    ("LastContactAt", 0.4, _timestamp),
    ("Consent Recorded", 0.6, _one_of("TRUE", "FALSE", "True", "False")),
    ("Retry Count", 0.4, _whole(0, 4)),
    ("IVR.MenuPath", 0.6, _one_of("1>3>2", "2", "1>1", "0")),
    ("Last Utterance", 0.08, _long_text),
    ("Free Text", 0.15, _one_of(
        "'); drop table conversations;--", "{{ env_var('HOME') }}", "$$ \\ \" ' ` \u00e9\U0001f600",
        "line one\nline two\ttabbed", "=1+1", "null", " padded ",
    )),
    ("context._genesys_OS", 0.4, _one_of("Mac OS X", "Windows 11", "Android")),
    ("context._genesys_browser", 0.4, _one_of("Chrome", "Firefox", "Safari")),
    ("context._genesys_pageTitle", 0.4, _one_of("Shop | Basket", "Help", "My account")),
    ("Order Number", 0.5, _whole(100_000, 999_999)),
    ("Queue Entry Reason", 0.5, _one_of("menu choice", "bot hand-over", "overflow")),
    ("Screen Pop URL", 0.5, lambda rng, contact: f"https://crm.example/{contact.crm_id}"),
    ("Segment", 0.5, _one_of("B2C", "B2B", "Partner")),
    ("Region Code", 0.5, _one_of("01", "07", "112", "")),
    ("_dlt_id", 0.05, _one_of("not-ours")),
    ("Empty", 0.5, _one_of("")),
)  # fmt: skip
QUEUE: tuple[tuple[str, float, Values], ...] = (
    ("EWT", 0.9, _whole(0, 900)),
    ("Position In Queue", 0.7, _whole(1, 30)),
    ("Callback Offered", 0.5, _one_of("true", "false")),
    ("queue.priority", 0.6, _whole(0, 100)),
    ("Priority Reason", 0.3, _one_of("VIP", "repeat call", "")),
)
AGENT: tuple[tuple[str, float, Values], ...] = (
    ("Disposition", 0.7, _one_of("Solved", "Not solved", "Follow up", "")),
    ("Case Number", 0.5, lambda rng, contact: f"CS-{rng.randint(1, 999_999):06d}"),
    ("Sale Amount", 0.2, _amount),
    ("Next Best Action", 0.3, _one_of("offer upgrade", "apologise", "")),
    ("Script.Completed", 0.4, _one_of("true", "false")),
)

# What a nightly reprocessing may add to a customer who did not have it.
GAINED_LATER = ("Survey Result", "promoter")
