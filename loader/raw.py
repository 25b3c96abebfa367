"""Bytes of a page -> raw rows; records that are not valid -> quarantine.

A record is sliced out of its page and stored as the bytes Genesys sent: never parsed into Python
objects and written again, which is slow and loses what the parser does not keep apart.
"""

import hashlib
import json
import logging
import re
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate, chain
from typing import Literal, Protocol

import msgspec
import pyarrow as pa

from loader.errors import Lacking
from loader.limits import USUAL, Limits
from loader.windows import Window

logger = logging.getLogger(__name__)

# Of a page's records no more than this is in memory besides its body, while they become rows.
COPIED_BYTES = 8 << 20
# What is kept of a refused record: enough to find and repair it at the source.
MAX_QUARANTINED_CHARACTERS = 1 << 20

_TIMESTAMP = pa.timestamp("us", tz="UTC")

RAW_SCHEMA = pa.schema(
    [
        pa.field("record_id", pa.string(), nullable=False),
        pa.field("window_start", _TIMESTAMP, nullable=False),
        pa.field("window_end", _TIMESTAMP, nullable=False),
        pa.field("extracted_at", _TIMESTAMP, nullable=False),
        pa.field("payload_hash", pa.string(), nullable=False),
        pa.field("payload", pa.string(), nullable=False),
    ]
)

# An escaped NUL: valid JSON that no warehouse can store as text. Behind an even number of
# backslashes it is an escaped backslash and plain characters.
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


@dataclass(frozen=True)
class QuarantinedRecord:
    """A record kept out of the raw table, and why; `position` counts from 0 in its page."""

    resource: str
    record_id: str | None
    window_start: datetime
    window_end: datetime
    extracted_at: datetime
    page_number: int
    position: int
    reason: str
    payload: str
    payload_hash: str


class Rows(Protocol):
    """Rows on their way into a table: an Arrow table, or what becomes Arrow as it is written."""

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""

    @property
    def num_rows(self) -> int:
        """How many there are."""

    @property
    def nbytes(self) -> int:
        """What they take in memory."""

    def to_batches(self) -> Iterable[pa.RecordBatch]:
        """Return them as Arrow, in parts."""


@dataclass(frozen=True)
class RawRows:
    """The raw rows of a page: payloads that point into its body, copied only as they are written.

    So a page is in memory once, and its body goes when these go.
    """

    window: Window
    extracted_at: datetime
    schema: pa.Schema = RAW_SCHEMA
    ids: list[str] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)
    payloads: list[msgspec.Raw | bytes] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    @property
    def num_rows(self) -> int:
        """How many there are."""
        return len(self.ids)

    @property
    def nbytes(self) -> int:
        """Size of the payloads."""
        return sum(self.sizes)

    def to_batches(self) -> Iterator[pa.RecordBatch]:
        """Walk through them as Arrow, in parts that end where they pass COPIED_BYTES."""
        start = size = 0
        for row, length in enumerate(self.sizes, start=1):
            size += length
            if size > COPIED_BYTES or row == self.num_rows:
                yield self._batch(slice(start, row))
                start, size = row, 0

    def _batch(self, rows: slice) -> pa.RecordBatch:
        ids = self.ids[rows]
        ends = array("i", accumulate(self.sizes[rows], initial=0))
        # Each payload is copied once, here; that it is UTF-8 was seen before.
        payloads = pa.StringArray.from_buffers(
            len(ids), pa.py_buffer(ends), pa.py_buffer(b"".join(self.payloads[rows]))
        )
        return pa.RecordBatch.from_arrays(
            [
                pa.array(ids, pa.string()),
                pa.repeat(pa.scalar(self.window.start, _TIMESTAMP), len(ids)),
                pa.repeat(pa.scalar(self.window.end, _TIMESTAMP), len(ids)),
                pa.repeat(pa.scalar(self.extracted_at, _TIMESTAMP), len(ids)),
                pa.array(self.hashes[rows], pa.string()),
                payloads,
            ],
            schema=self.schema,
        )


@dataclass
class Page:
    """What one page became: the raw rows, the records refused, those of people erased (hashes).

    `hash_sum` adds up the SHA-256 of every record served.
    """

    rows: Rows
    quarantined: list[QuarantinedRecord] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)
    hash_sum: int = 0

    @property
    def record_count(self) -> int:
        """Records served, good and refused and left out."""
        return self.rows.num_rows + len(self.quarantined) + len(self.erased)

    @property
    def byte_count(self) -> int:
        """Size of the payloads in memory, refused ones too."""
        refused = sum(len(record.payload) for record in self.quarantined)
        return self.rows.nbytes + refused


@dataclass(frozen=True)
class Subject:
    """Whose data a record is, and where in the payload that stands.

    Attributes:
        kind: whom the id belongs to; an external id is a contact's in another system.
        path: keys from the record's top to the id; a list on the way stands for all its items.
    """

    kind: Literal["conversation", "contact", "external id", "user"]
    path: tuple[str, ...]

    def ids_in(self, record: object) -> Iterator[str]:
        """Walk through the ids that stand there in a record, parsed."""
        return _at(record, self.path)


def _at(value: object, path: Sequence[str]) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _at(item, path)
    elif path and isinstance(value, dict):
        yield from _at(value.get(path[0]), path[1:])
    elif not path and isinstance(value, str):
        yield value


# Of a window before its first page.
NO_RECORDS = f"{0:064x}"


def checksum_with(checksum: str, page: Page) -> str:
    """Return the checksum of the records read so far, with those of one more page.

    It is the sum of their SHA-256, modulo 2^256, as hex: the same whatever the order of the records
    and however they come in pages, commits and runs.
    """
    return f"{(int(checksum, 16) + page.hash_sum) % (1 << 256):064x}"


class Identity(Protocol):
    """Knows the id of a resource's records."""

    @property
    def path(self) -> tuple[str, ...] | None:
        """Where the id lies, or the first of those joined in it; None where it is made up."""

    def of(self, payload: bytes) -> object:
        """Return the id, which is valid if it is text and not blank.

        Raises:
            msgspec.DecodeError: the record is not valid JSON.
            msgspec.ValidationError: it is not the object its id could be found in.
            Lacking: it has no field of that name, without which it is no record.
        """

    def guess(self, payload: bytes) -> str | None:
        """Return what looks like the id of a record that cannot be read, to find it again by."""


def entity_hash(record_id: str) -> str:
    """Return the SHA-256 of what a record is about: its id, or the first of the ids joined in it.

    Genesys' ids are random, so no hash leads back to one; an id of another system can be guessed.
    """
    return hashlib.sha256(record_id.partition("|")[0].encode()).hexdigest()


def external_hash(external_id: str) -> str:
    """Return the SHA-256 of an id of another system, whose ids may look like Genesys' own."""
    return hashlib.sha256(f"external id {external_id}".encode()).hexdigest()


# The subjects of records that are about nobody.
NOBODY: tuple[Subject, ...] = ()


class DataSubjects:
    """Tells whom a record goes with when they are erased, and who keeps it from being loaded.

    It goes with the conversations it is about; with its contacts only if it is about none. Which
    conversations a contact took part in is looked up when the contact is erased. From then on no
    record is loaded that is about the contact in any way, or it would bring them back. With users
    nothing goes: nobody is erased as a user.

    Args:
        identity: knows the records' ids.
        subjects: whose data a record is.
    """

    def __init__(self, identity: Identity, subjects: Iterable[Subject]) -> None:
        subjects = list(subjects)
        self._conversations = [one for one in subjects if one.kind == "conversation"]
        self._contacts = [one for one in subjects if one.kind == "contact"]
        self._external_ids = [one for one in subjects if one.kind == "external id"]
        everybody = [*self._conversations, *self._contacts, *self._external_ids]
        self._tell_more = any(one.path != identity.path for one in everybody)
        deciding = self._conversations or self._contacts
        self.are_in_payload = any(one.path != identity.path for one in deciding)
        self.tell_who_took_part = bool(self._conversations and self._contacts)

    def of(self, payload: bytes | str) -> Sequence[str]:
        """Return the ids a record goes with; of one that cannot be read, all texts it holds."""
        try:
            record = msgspec.json.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _texts(payload)
        return _ids(self._conversations, record) or _ids(self._contacts, record)

    def hashes_in(self, payload: bytes) -> Iterator[str]:
        """Walk through the hashes of all a record is about, beside what its own id tells.

        Of one that cannot be read, those of all texts it holds.
        """
        if not self._tell_more:
            return
        try:
            record = msgspec.json.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            ids = external_ids = _texts(payload)
        else:
            ids = _ids((*self._conversations, *self._contacts), record)
            external_ids = _ids(self._external_ids, record)
        yield from map(entity_hash, ids)
        yield from map(external_hash, external_ids)

    def conversations_of(self, payload: str, people: Collection[str]) -> Sequence[str]:
        """Return the conversations of a valid record that one of some contacts took part in."""
        record = msgspec.json.decode(payload)
        if any(contact in people for contact in _ids(self._contacts, record)):
            return _ids(self._conversations, record)
        return ()


def _ids(subjects: Iterable[Subject], record: object) -> list[str]:
    return [one for subject in subjects for one in subject.ids_in(record)]


# Where a quote is missing, texts and what lies between them change places: so both are taken.
_TEXT = re.compile(r'(?<=")(?=([^"\\\s]{1,128})")')


def _texts(payload: bytes | str) -> list[str]:
    text = payload if isinstance(payload, str) else payload.decode(errors="replace")
    return [match.group(1) for match in _TEXT.finditer(text)]


class RawPages:
    """Turns the records of one resource's pages into raw rows.

    Args:
        resource: the resource's name, for the quarantine.
        identity: knows its records' ids.
        subjects: whose data its records are.
        window: what was asked for; stamped on every row.
        extracted_at: when it was asked for; stamped on every row.
        erased: `entity_hash` of those whose records are left out.
        limits: how large a record may be.
    """

    def __init__(
        self,
        resource: str,
        identity: Identity,
        subjects: Iterable[Subject],
        window: Window,
        extracted_at: datetime,
        erased: Collection[str] = (),
        limits: Limits = USUAL,
    ) -> None:
        self._limits = limits
        self._resource = resource
        self._window = window
        self._extracted_at = extracted_at
        self._identity = identity
        self._subjects = DataSubjects(identity, subjects)
        self._erased = erased

    def page(self, records: Iterable[msgspec.Raw | bytes], page_number: int) -> Page:
        """Return the raw rows of `records`, each the JSON text of one record."""
        rows = RawRows(self._window, self._extracted_at)
        hash_sum = 0
        refused: list[QuarantinedRecord] = []
        erased: list[str] = []
        for position, record in enumerate(records):
            payload = bytes(record)
            digest = hashlib.sha256(payload).hexdigest()
            hash_sum += int(digest, 16)
            record_id, reason = self._check(payload)
            if self._erased and (subject := self._erased_subject(record_id, payload)):
                erased.append(subject)
                continue
            if reason is None and record_id is not None:
                if len(payload) > self._limits.attribute_bytes:
                    logger.warning(
                        "%s %s has %.1f MB; a participant's attributes beyond %d KB "
                        "(ELT_ATTRIBUTES_KILOBYTES) are loaded, and not in the marts",
                        self._resource, record_id, len(payload) / (1 << 20),
                        self._limits.attribute_bytes >> 10,
                    )  # fmt: skip
                rows.ids.append(record_id)
                rows.hashes.append(digest)
                rows.payloads.append(record)
                rows.sizes.append(len(payload))
                continue
            refused.append(
                QuarantinedRecord(
                    resource=self._resource,
                    record_id=_storable(record_id or self._identity.guess(payload)),
                    window_start=self._window.start,
                    window_end=self._window.end,
                    extracted_at=self._extracted_at,
                    page_number=page_number,
                    position=position,
                    reason=reason or "",
                    payload=_storable(
                        payload.decode(errors="backslashreplace")[:MAX_QUARANTINED_CHARACTERS]
                    )
                    or "",
                    payload_hash=digest,
                )
            )
        return Page(rows, refused, erased, hash_sum)

    def _erased_subject(self, record_id: str | None, payload: bytes) -> str | None:
        """Return the hash of whom the record goes with if they were erased, valid or not."""
        likely = record_id or self._identity.guess(payload)
        by_id = map(entity_hash, [likely] if likely else _texts(payload))
        hashes = chain(by_id, self._subjects.hashes_in(payload))
        return next((one for one in hashes if one in self._erased), None)

    def _check(self, payload: bytes) -> tuple[str | None, str | None]:
        """Return the record's id and, where it cannot be stored, the reason."""
        if len(payload) > self._limits.record_bytes:
            megabytes = self._limits.record_bytes >> 20
            return None, f"larger than {megabytes} MB (ELT_RECORD_MEGABYTES)"
        try:
            record_id = self._identity.of(payload)
        except RecursionError:
            return None, "nested too deeply"
        except Lacking as lacking:
            return None, f"no {lacking}"
        except msgspec.ValidationError:
            return None, "not a JSON object"
        except msgspec.DecodeError as error:
            return None, f"not valid JSON: {_without_values(error)}"
        if not isinstance(record_id, str) or not record_id.strip():
            return None, "no id"
        if not payload.isascii():
            try:
                payload.decode()
            except UnicodeDecodeError:
                return record_id, "not valid UTF-8"
        # Most have no backslash, which is looked for ten times as fast.
        if b"\\" in payload and b"\\u0000" in payload and _ESCAPED_NUL.search(payload):
            return record_id, "NUL character"
        return record_id, None


def _storable(text: str | None) -> str | None:
    """Write a NUL as an escape: Postgres takes none, and would refuse the quarantine itself."""
    return text and text.replace("\0", "\\x00")


def _without_values(error: msgspec.DecodeError) -> str:
    """Return the decoder's message; it names positions and types, never content."""
    return str(error)[:120]


# A quote of its own begins a string that never ends.
_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*"|["\[\]{},]', re.DOTALL)


def slice_array(body: bytes, key: str) -> tuple[bytes, list[bytes]] | None:
    """Cut the array under the top-level `key` into its elements, without parsing them.

    For a page in which some record is not valid JSON (NaN, a control character), so that the others
    still load. Only strings and brackets are looked at.

    Returns:
        The body with that array emptied, and the array's elements; None where brackets or quotes do
        not match, which means the body was cut short.
    """
    quoted = json.dumps(key).encode()
    depth = 0
    array_start = array_end = element_start = -1
    elements: list[bytes] = []
    after_key = False
    for token in _STRUCTURE.finditer(body):
        text = token.group()
        inside = array_start >= 0 and array_end < 0
        if text == b'"':
            return None
        if text in (b"{", b"["):
            depth += 1
            if text == b"[" and depth == 2 and after_key:
                array_start, element_start = token.start(), token.end()
        elif text in (b"}", b"]"):
            depth -= 1
            if inside and depth == 1:
                array_end = token.end()
                elements.append(body[element_start : token.start()])
        elif text == b"," and inside and depth == 2:
            elements.append(body[element_start : token.start()])
            element_start = token.end()
        after_key = depth == 1 and text == quoted
    if depth != 0 or array_end < 0:
        return None
    if len(elements) == 1 and not elements[0].strip():
        elements = []
    envelope = body[:array_start] + b"[]" + body[array_end:]
    return envelope, [element.strip() for element in elements]
