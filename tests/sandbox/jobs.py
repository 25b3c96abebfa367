"""Details jobs: submitted, polled, read page by page with an opaque cursor, expired.

What a job shows is fixed when it is submitted: as of that moment of the organisation's clock.
"""

import base64
import binascii
import itertools
import time
import uuid
from array import array
from dataclasses import dataclass, field
from typing import Literal

from tests.sandbox.clock import DAY, HOUR, MINUTE, floor_to, to_text
from tests.sandbox.errors import Refusal
from tests.sandbox.queries import JobQuery
from tests.sandbox.world import World

# Numbers of conversations are kept for so many jobs; older ones are computed again when read.
KEPT_RESULTS = 8


@dataclass(frozen=True, slots=True)
class JobRules:
    """How jobs behave here; none of these numbers is published."""

    lag: int = 30 * MINUTE
    polls: int = 1
    # Real seconds, whatever the organisation's clock says.
    seconds: float = 0
    # How many may run at once; None is no limit.
    most: int | None = None
    lifetime: int = 3 * DAY
    default_page: int = 1_000
    largest_page: int = 10_000
    # How often a job's status, and then its results, are not found at first.
    young: int = 0
    # What a page without conversations looks like: a list, an absent one, null, or no more than {}.
    empty: Literal["list", "absent", "null", "bare"] = "list"


@dataclass
class Job:
    """A submitted job. `forced` is a state a fault put it in."""

    job_id: str
    query: JobQuery
    submitted_at: int
    ready_at: float = 0
    polls: int = 0
    cancelled: bool = False
    forced: str | None = None
    missed_polls: int = 0
    missed_pages: int = 0


@dataclass
class Page:
    """A page of results, before it becomes bytes, so that faults can change it."""

    records: list[bytes]
    cursor: str | None
    available_until: str
    # Keys a fault wants gone, and text it wants there.
    dropped: set[str] = field(default_factory=set)
    empty: str = "list"

    def body(self) -> bytes:
        """Write the page as the API sends it."""
        parts = []
        empty = "list" if self.records or self.cursor is not None else self.empty
        if empty == "bare":
            return b"{}"
        if empty == "null":
            parts.append(b'"conversations":null')
        elif empty != "absent" and "conversations" not in self.dropped:
            parts.append(b'"conversations":[' + b",".join(self.records) + b"]")
        if self.cursor is not None and "cursor" not in self.dropped:
            parts.append(b'"cursor":"' + self.cursor.encode() + b'"')
        if "dataAvailabilityDate" not in self.dropped:
            parts.append(b'"dataAvailabilityDate":"' + self.available_until.encode() + b'"')
        return b"{" + b",".join(parts) + b"}"


class Jobs:
    """All jobs of the organisation."""

    def __init__(self, world: World, rules: JobRules) -> None:
        self.world = world
        self.rules = rules
        self._jobs: dict[str, Job] = {}
        self._results: dict[str, array[int]] = {}
        self._cursors = itertools.count()

    def available_until(self, now: int) -> int:
        """Return the moment up to which the data lake is complete, but for late arrivals."""
        return floor_to(now - self.rules.lag, 1_000)

    def submit(self, query: JobQuery, now: int) -> dict[str, object]:
        """Take a job; its id is the same for the same sequence of jobs. Raises Refusal (400)."""
        running = sum(self._is_running(job, now) for job in self._jobs.values())
        if self.rules.most is not None and running >= self.rules.most:
            raise Refusal(400, "The maximum number of concurrent jobs has been reached")
        job_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.world.seed}:{len(self._jobs)}"))
        self._jobs[job_id] = Job(job_id, query, now, time.monotonic() + self.rules.seconds)
        return {"jobId": job_id}

    def find(self, job_id: str) -> Job:
        """Return a job; raises Refusal (404)."""
        job = self._jobs.get(job_id)
        if job is None:
            raise Refusal(404, f"Unable to find job {job_id}")
        return job

    def force(self, job_id: str, state: str) -> None:
        """Put a job in a state for good."""
        if job_id in self._jobs:
            self._jobs[job_id].forced = state

    def cancel(self, job_id: str) -> None:
        """Cancel a job; cancelling again is fine."""
        self.find(job_id).cancelled = True

    def poll(self, job_id: str, now: int) -> dict[str, object]:
        """Answer a status request, and bring the job one poll nearer to its end."""
        job = self.find(job_id)
        if job.missed_polls < self.rules.young:
            job.missed_polls += 1
            raise Refusal(404, f"Unable to find job {job_id}")
        job.polls += 1
        state = self._state(job, now)
        status: dict[str, object] = {
            "state": state,
            "submissionDate": to_text(job.submitted_at),
        }
        if state == "FAILED":
            status["errorMessage"] = "The query could not be completed"
        if state in {"FAILED", "FULFILLED", "EXPIRED"}:
            status["completionDate"] = to_text(job.submitted_at)
        if state in {"FULFILLED", "EXPIRED"}:
            status["expirationDate"] = to_text(job.submitted_at + self.rules.lifetime)
        return status

    def page(self, job_id: str, cursor: str | None, page_size: int | None, now: int) -> Page:
        """Return the page a cursor points at, the first one without a cursor."""
        job = self.find(job_id)
        state = self._state(job, now)
        if state == "EXPIRED":
            raise Refusal(404, f"Results of job {job_id} have expired")
        if state != "FULFILLED":
            raise Refusal(400, f"Job {job_id} has no results: its state is {state}")
        if job.missed_pages < self.rules.young:
            job.missed_pages += 1
            raise Refusal(404, f"Unable to find results of job {job_id}")
        size = min(page_size or self.rules.default_page, self.rules.largest_page)
        if size < 1:
            raise Refusal(400, "pageSize must be greater than zero", "invalid.value")
        start = 0 if cursor is None else self._position(job_id, cursor)
        numbers = self._numbers(job)
        records = [
            self.world.record(number, job.submitted_at) for number in numbers[start : start + size]
        ]
        more = start + size < len(numbers)
        return Page(
            records=records,
            cursor=self.cursor(job_id, start + size) if more else None,
            available_until=to_text(self.available_until(job.submitted_at)),
            empty=self.rules.empty,
        )

    def cursor(self, job_id: str, position: int) -> str:
        """Write a cursor; never the same one twice, though many lead to the same page."""
        text = f"{job_id}|{position}|{next(self._cursors)}"
        return base64.b64encode(text.encode()).decode()

    def position(self, job_id: str, cursor: str | None) -> int:
        """Return where in the results a cursor points."""
        return 0 if cursor is None else self._position(job_id, cursor)

    def _position(self, job_id: str, cursor: str) -> int:
        try:
            owner, position, _ = base64.b64decode(cursor, validate=True).decode().split("|")
            if owner == job_id:
                return int(position)
        except (binascii.Error, UnicodeDecodeError, ValueError):
            pass
        raise Refusal(400, "The cursor is not valid for this job", "invalid.value")

    def _state(self, job: Job, now: int) -> str:
        if job.forced is not None:
            return job.forced
        if job.cancelled:
            return "CANCELLED"
        if now >= job.submitted_at + self.rules.lifetime:
            return "EXPIRED"
        if job.polls > self.rules.polls and time.monotonic() >= job.ready_at:
            return "FULFILLED"
        return "QUEUED" if job.polls < self.rules.polls else "PENDING"

    def _is_running(self, job: Job, now: int) -> bool:
        return self._state(job, now) in {"QUEUED", "PENDING"}

    def _numbers(self, job: Job) -> "array[int]":
        found = self._results.get(job.job_id)
        if found is None:
            query = job.query
            since = floor_to(query.start, 24 * HOUR) if query.start_of_day else None
            found = self.world.active_between(
                query.start, query.end, job.submitted_at, started_since=since
            )
            if query.descending:
                found.reverse()
            if query.limit is not None:
                found = found[: query.limit]
            while len(self._results) >= KEPT_RESULTS:
                del self._results[next(iter(self._results))]
            self._results[job.job_id] = found
        return found
