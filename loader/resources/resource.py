"""What every resource offers: which request to send, where its records lie, whose data they are."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, Literal, TypeVar

from loader.genesys.client import Client
from loader.raw import Identity, Subject
from loader.resources.pages import Records
from loader.windows import Window

Kind = Literal["window", "snapshot"]
# Rows of a query on what is loaded; names in braces are tables of the raw dataset.
Query = Callable[..., list[tuple[Any, ...]]]
# What a resource finds out before it reads; None where it needs nothing but the window.
Found = TypeVar("Found")


@dataclass(frozen=True)
class Answer:
    """One page as served.

    `token` asks for the next page; None says this is the last. `announced_count` is the number of
    records the source says the whole window holds, None where it does not say. `adjustment` tells
    how the question had to be changed to be answered.
    """

    records: Records
    token: str | None
    announced_count: int | None = None
    available_through: datetime | None = None
    adjustment: str | None = None


@dataclass(frozen=True)
class LiveField:
    """A field of an endpoint as found before reading: in our mapping, at the source, or both."""

    name: str
    is_mapped: bool
    is_live: bool


@dataclass(frozen=True)
class SnapshotSpan:
    """What lies between the last snapshot of a resource and the next, by loads and by time.

    Attributes:
        behind: id of the newest load the last snapshot dealt with; None before the first.
        through: id of the newest load the next one deals with.
        last_at: when the last one was begun.
        at: when the next one is.
    """

    behind: str | None
    through: str
    last_at: datetime | None
    at: datetime


@dataclass(frozen=True)
class Reading(Generic[Found]):
    """A window being read: what all requests for its pages are made of.

    Attributes:
        window: the window; without length for a snapshot.
        job_id: of the job that was started for it; None where pages are simply asked for.
        found: what the resource found out before.
        job_age: how long ago the job was started when reading began; None without one.
    """

    window: Window
    job_id: str | None
    found: Found
    job_age: timedelta | None = None


class Resource(ABC, Generic[Found]):
    """One endpoint and the raw table of the same name; keeps nothing from one call to the next.

    A `window` resource is read window by window, a `snapshot` whole each time. Before reading it
    may find something out, from what is loaded (`look_up`) and from the source (`discover`); that
    is a value, handed to every call that needs it, so that `plan` shows what `load` would do.

    Attributes:
        name: of the resource and its raw table.
        kind: how it is read.
        identity: knows its records' ids.
        subjects: whose data a record is, so that `erase` finds it; empty if it is nobody's.
        step: windows begin and end at multiples of it; None where any instant will do.
        settle: how long the source needs until its records stay, if that is longer than usual.
        longest: how long a time one request may ask for, if that may be several windows.
        resumes: whether a page token is still good in a later run.
        most_empty_pages: how many pages in a row may be empty and yet have a token.
    """

    name: str
    kind: ClassVar[Kind]
    identity: Identity
    step: timedelta | None = None
    settle: timedelta = timedelta(0)
    longest: timedelta | None = None
    resumes: bool = True
    most_empty_pages: int = 3

    @property
    @abstractmethod
    def subjects(self) -> Sequence[Subject]:
        """Whose data a record is; a resource that does not say cannot be made."""

    def available_through(self, client: Client) -> datetime | None:
        """Ask until when the source guarantees its data; None where it gives no guarantee."""
        return None

    def look_up(self, query: Query, span: SnapshotSpan) -> Found | None:
        """Look up in what is loaded what a snapshot has to read; None where the source lists it."""
        return None

    def discover(
        self, client: Client, found: Found | None, now: datetime
    ) -> tuple[Found | None, Sequence[LiveField]]:
        """Ask which fields the source has, before anything is read in a run.

        Returns:
            What is found now, and the fields for the ledger.
        """
        return found, ()

    def is_due(
        self, found: Found | None, last_at: datetime | None, now: datetime, age: timedelta
    ) -> bool:
        """Tell whether a snapshot is due: the last one was begun at `last_at`, `age` ago."""
        return last_at is None or now - last_at >= age

    def overhead(self, found: Found | None) -> int:
        """Return the requests of a window beside its pages, for a plan."""
        return 0

    @abstractmethod
    def query(self, window: Window, found: Found | None) -> object:
        """Return what is asked for `window`; its hash ties a page token to the question."""

    def submit(self, client: Client, window: Window) -> str | None:
        """Start a job and return the id it is read by, also in a later run; None without jobs."""
        return None

    @abstractmethod
    def read(self, client: Client, reading: Reading[Found | None], token: str | None) -> Answer:
        """Read one page: the first without `token`, waiting for the job if it still runs.

        Raises:
            LostJob: job or token have expired.
        """


def query_hash(query: object) -> str:
    """Return a short hash that changes whenever the question does."""
    text = json.dumps(query, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
