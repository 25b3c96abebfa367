"""What every resource offers: which request to send, where its records lie in the answer."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal, TypeVar

import msgspec

from loader.errors import GranularityTooFine
from loader.genesys.client import Client
from loader.raw import Identity
from loader.windows import Window, floor

Kind = Literal["window", "snapshot"]
Document = TypeVar("Document", bound=msgspec.Struct)
Records = Sequence[msgspec.Raw | bytes]


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


def check_buckets(window: Window, step: timedelta) -> None:
    """Make sure that no bucket of length `step` is cut in two: half of it would be counted twice.

    Raises:
        GranularityTooFine: the window has to be cut anew.
    """
    if floor(window.start, step) != window.start or floor(window.end, step) != window.end:
        raise GranularityTooFine(step)


class Resource(ABC):
    """One endpoint and the raw table of the same name.

    A `window` resource is read window by window, a `snapshot` whole each time.

    Attributes:
        name: of the resource and its raw table.
        kind: how it is read.
        identity: knows its records' ids.
        step: windows begin and end at multiples of it; None where any instant will do.
        settle: how long the source needs until its records stay, if that is longer than usual.
        resumes: whether a page token is still good in a later run.
        most_empty_pages: how many pages in a row may be empty and yet have a token.
        overhead: requests of a window beside its pages, for a plan; where nothing is known yet.
    """

    name: str
    kind: ClassVar[Kind]
    identity: Identity
    step: timedelta | None = None
    settle: timedelta = timedelta(0)
    resumes: bool = True
    most_empty_pages: int = 3
    overhead: int = 0

    def available_through(self, client: Client) -> datetime | None:
        """Ask until when the source guarantees its data; None where it gives no guarantee."""
        return None

    def discover(self, client: Client, now: datetime) -> Sequence[LiveField]:
        """Ask which fields the source has now, before anything is read in this run."""
        return ()

    def is_due(self, snapshot: datetime | None, now: datetime, age: timedelta) -> bool:
        """Tell whether a snapshot is due: the last one was begun at `snapshot`, `age` ago."""
        return snapshot is None or now - snapshot >= age

    @abstractmethod
    def query(self, window: Window) -> object:
        """Return what is asked for `window`; its hash ties a page token to the question."""

    def submit(self, client: Client, window: Window) -> str | None:
        """Start the read and return the id it goes on by in a later run; None where pages do."""
        return None

    def prepare(self, window: Window, job_id: str | None) -> None:
        """Look up in the warehouse what reading needs; `read` runs in a thread that may not."""
        return None

    @abstractmethod
    def read(self, client: Client, window: Window, job_id: str | None, token: str | None) -> Answer:
        """Read one page: the first without `token`, waiting for the job if it still runs.

        Raises:
            LostJob: job or token have expired.
        """


def query_hash(query: object) -> str:
    """Return a short hash that changes whenever the question does."""
    text = json.dumps(query, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
