"""What the guides' endpoints share: strict bodies, page tokens, when things are seen.

Ours throughout, where GUIDES.md is silent:
* Errors have the platform's body; a rule of a guide that is broken is a 400 with a text of its own.
* A page token holds the moment of its first page, so all pages show one moment. It belongs to the
  query it came with; anywhere else it is a 400 "cursor invalid". It does not expire.
* Details, export and journeys see an event once the data lake does, but 15 minutes after it
  happened at the latest. Outcomes and interval reports see what the platform's aggregates see.
* Faults can bend a guide's answer, see GuideFault.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tests.sandbox.clock import MINUTE, to_millis
from tests.sandbox.errors import Refusal
from tests.sandbox.world import World

Told = Mapping[str, object]
Record = dict[str, Any]

SETTLED = 15 * MINUTE


@dataclass(frozen=True, slots=True)
class GuideFault:
    """What a `guide` fault bends.

    Attributes:
        truncate_above: In G-A, answers of more participants lose attributes.
        values: In G-A, what an attribute's value is, of any type, for all who have the attribute.
        hide_columns: In G-C, columns that do not exist for now.
        add_columns: In G-C, columns that exist beside the usual ones; their values are null.
        lacking: In G-C, a column the first record of the page has no field for.
        is_doubled: In G-C, whether the first record of the page comes twice.
        is_repeated: In G-C, whether the page before comes once more, under the next token.
    """

    truncate_above: int | None = None
    values: Mapping[str, object] = field(default_factory=dict)
    hide_columns: tuple[str, ...] = ()
    add_columns: tuple[str, ...] = ()
    lacking: str | None = None
    is_doubled: bool = False
    is_repeated: bool = False

    @classmethod
    def read(cls, told: Told) -> "GuideFault":
        """Read a fault's args."""
        above, lacking = told.get("truncate_above"), told.get("lacking")
        return cls(
            truncate_above=None if above is None else int(str(above)),
            values=mapping(told, "values") if "values" in told else {},
            hide_columns=tuple(texts(told, "hide_columns")),
            add_columns=tuple(texts(told, "add_columns")),
            lacking=None if lacking is None else str(lacking),
            is_doubled=bool(told.get("is_doubled")),
            is_repeated=bool(told.get("is_repeated")),
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: in what was known at a moment, after so many rows."""

    as_of: int
    position: int = 0


def digest(*parts: object) -> str:
    """Return what a page token is bound to."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def write_token(owner: str, place: Place) -> str:
    """Write a page token."""
    text = f"{owner}|{place.as_of}|{place.position}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def read_token(owner: str, token: object, now: int) -> Place:
    """Read a page token, none of them is the first page; raises Refusal (400)."""
    if token is None:
        return Place(now)
    try:
        text = base64.b64decode(str(token), altchars=b"-_", validate=True).decode()
        known, as_of, position = text.split("|")
        if known == owner:
            return Place(int(as_of), int(position))
    except (binascii.Error, UnicodeDecodeError, ValueError):
        pass
    raise Refusal(400, "cursor invalid", "cursor.invalid")


def settled_records(world: World, start: int, end: int, now: int) -> Iterator[Record]:
    """Walk through the records of what was alive in [start, end), as the guides see them."""
    for number in world.active_between(start, end, now, latest=SETTLED):
        record: Record = msgspec.json.decode(world.record(number, now, latest=SETTLED))
        yield record


def only(told: Told, known: Sequence[str], where: str = "the body") -> None:
    """Refuse keys nobody knows (400)."""
    for key in told:
        if key not in known:
            raise Refusal(400, f"Unknown field [{key}] in {where}", "invalid.value")


def texts(told: Told, key: str) -> list[str]:
    """Read a list of texts; raises Refusal (400)."""
    value = told.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Refusal(400, f"{key} must be a list of texts", "invalid.value")
    return value


def objects(told: Told, key: str) -> list[dict[str, object]]:
    """Read a list of objects; raises Refusal (400)."""
    value = told.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise Refusal(400, f"{key} must be a list of objects", "invalid.value")
    return value


def mapping(told: Told, key: str) -> dict[str, object]:
    """Read an object that must be there; raises Refusal (400)."""
    value = told.get(key)
    if not isinstance(value, dict):
        raise Refusal(400, f"{key} is required", "invalid.value")
    return value


def instant(told: Told, key: str) -> int:
    """Read a UTC instant written with Z; raises Refusal (400)."""
    text = told.get(key)
    try:
        if isinstance(text, str) and text.endswith("Z"):
            return to_millis(text)
    except ValueError:
        pass
    raise Refusal(400, f"{key} must be a UTC timestamp with Z", "invalid.date")


def stretch(told: Told, first: str, last: str) -> tuple[int, int]:
    """Read a half-open range of time; raises Refusal (400)."""
    start, end = instant(told, first), instant(told, last)
    if start >= end:
        raise Refusal(400, f"{first} must be before {last}", "invalid.date")
    return start, end


def whole(told: Told, key: str, default: int, largest: int) -> int:
    """Read a number from 1 to the largest; raises Refusal (400)."""
    value = told.get(key, default)
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= largest:
        raise Refusal(400, f"{key} must be between 1 and {largest}", "invalid.value")
    return value
