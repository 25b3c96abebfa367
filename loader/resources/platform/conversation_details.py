"""Conversation details through asynchronous jobs: the only place participant attributes come from.

`POST /api/v2/analytics/conversations/details/jobs`, its status, its results by cursor. A job
returns every conversation that was active in the interval, whole, from the data lake; past the date
of `jobs/availability` it returns a part without saying so.
"""

import time
from collections.abc import Callable, Container
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import msgspec

from loader.errors import LostJob, Refused, SourceContractError, TooLarge, WindowUnavailable
from loader.genesys.client import Client
from loader.genesys.too_much import says_too_much
from loader.raw import Subject
from loader.resources.pages import decoder, envelope_decoder, without
from loader.resources.record_ids import IdField
from loader.resources.resource import Answer, Reading, Resource
from loader.windows import Window

Told = TypeVar("Told")

JOBS = "/api/v2/analytics/conversations/details/jobs"
QUERY = "/api/v2/analytics/conversations/details/query"

FIRST_POLL_SECONDS = 0.2
LONGEST_POLL_SECONDS = 15.0
# A job just submitted may be unknown where it is asked for: so long it is not taken for lost.
YOUNG_SECONDS = 60.0
# What a service says that does not know a job, or does no longer.
UNKNOWN = 404
JOB_IS_GONE = (400, UNKNOWN, 410)
# The most conversations a page of the details query holds.
QUERY_PAGE = 100


# Both stand in paths, logs and the ledger, so they are no more than they are: an id and a word.
_Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]{1,64}\Z")]
_State = Annotated[str, msgspec.Meta(pattern=r"^[A-Z_]{1,32}\Z")]


class _Submitted(msgspec.Struct, rename="camel"):
    job_id: _Id


class _Status(msgspec.Struct, rename="camel"):
    state: _State
    error_message: str | None = None


class _Availability(msgspec.Struct, rename="camel"):
    data_availability_date: datetime


class _Lived(msgspec.Struct, rename="camel"):
    """When a conversation was alive; without an end it still is."""

    conversation_start: datetime | None = None
    conversation_end: datetime | None = None

    def overlaps(self, window: Window) -> bool:
        """Tell whether it was in the window; one that does not tell its start may have been."""
        start, end = self.conversation_start, self.conversation_end
        if start is None or window.start <= start < window.end:
            return True
        return start < window.start and (end is None or end > window.start)


class _Found(msgspec.Struct, rename="camel"):
    conversations: list[_Lived] | None = None


class _Results(msgspec.Struct, rename="camel"):
    conversations: list[msgspec.Raw] | None = None
    cursor: str | None = None
    data_availability_date: datetime | None = None


class ConversationDetails(Resource[None]):
    """The raw table `conversation_details`.

    Args:
        page_size: conversations a page.
        job_seconds: how long to wait for one job.
    """

    name = "conversation_details"
    kind = "window"
    identity = IdField("conversationId")
    subjects = (
        Subject("conversation", ("conversationId",)),
        Subject("contact", ("participants", "externalContactId")),
        Subject("user", ("participants", "userId")),
        Subject("user", ("evaluations", "userId")),
        Subject("user", ("evaluations", "evaluatorId")),
        Subject("user", ("surveys", "userId")),
        Subject("user", ("resolutions", "userId")),
    )

    def __init__(self, page_size: int, job_seconds: float) -> None:
        self._page_size = page_size
        self._job_seconds = job_seconds
        self._results = envelope_decoder(_Results, "conversations")

    def available_through(self, client: Client) -> datetime | None:
        """Ask `jobs/availability`, the date before which the data lake is complete."""
        answer = client.get(f"{JOBS}/availability", decoder(_Availability))
        return answer.data_availability_date.astimezone(UTC)

    def overhead(self, found: None) -> int:
        """Return what a job takes: its submission and some three polls."""
        return 4

    def query(self, window: Window, found: None) -> object:
        """Return the job's body: all conversations active in `window`, oldest start first."""
        return {"interval": str(window), "order": "asc", "orderBy": "conversationStart"}

    def submit(self, client: Client, window: Window) -> str | None:
        """Start the job; Genesys answers 202 with its id."""
        return client.post(JOBS, decoder(_Submitted), self.query(window, None)).job_id

    def read(self, client: Client, reading: Reading[None], token: str | None) -> Answer:
        """Read a page of the job's results; before the first, wait until the job is done."""
        job_id = reading.job_id
        if token is None:
            self._wait_until_done(client, reading)
        params: dict[str, str | int] = {"pageSize": self._page_size}
        if token is not None:
            params["cursor"] = token
        envelope, records = self._asked_of_job(
            client,
            lambda: client.get(f"{JOBS}/{job_id}/results", self._results, params),
            lost=JOB_IS_GONE,
            is_young=token is None and _is_young(reading),
        )
        if records is None:
            self._confirm_empty(client, reading.window)
        available = envelope.data_availability_date
        return Answer(
            records=records or [],
            token=envelope.cursor,
            available_through=available.astimezone(UTC) if available else None,
        )

    def _wait_until_done(self, client: Client, reading: Reading[None]) -> None:
        job_id, is_young = reading.job_id, _is_young(reading)
        deadline = time.monotonic() + self._job_seconds
        pause = FIRST_POLL_SECONDS
        while True:
            status = self._asked_of_job(
                client,
                lambda: client.get(f"{JOBS}/{job_id}", decoder(_Status)),
                # Whatever is refused about a job: another can be asked for.
                lost=range(300, 600),
                is_young=is_young,
            )
            state, is_young = status.state, False
            if state == "FULFILLED":
                return
            if state == "FAILED" and says_too_much(status.error_message or ""):
                raise TooLarge(f"job {job_id} is {state}: too much for one job.")
            if state in ("FAILED", "CANCELLED", "EXPIRED"):
                raise LostJob(f"job {job_id} is {state}")
            if time.monotonic() + pause > deadline:
                raise WindowUnavailable(
                    f"job {job_id} is still {state} after {self._job_seconds / 60:.0f} min "
                    "(ELT_JOB_MINUTES). The next run asks for the same job again."
                )
            client.log.wait(pause)
            pause = min(pause * 2, LONGEST_POLL_SECONDS)

    def _asked_of_job(
        self, client: Client, ask: Callable[[], Told], *, lost: Container[int], is_young: bool
    ) -> Told:
        """Ask something about a job, again for a while where a young one is not known yet.

        Args:
            client: whose waits are counted.
            ask: sends the request.
            lost: statuses that mean that the job is gone.
            is_young: whether it may not be known yet.

        Raises:
            LostJob: it is gone.
        """
        patience, pause = YOUNG_SECONDS if is_young else 0.0, FIRST_POLL_SECONDS
        while True:
            try:
                return ask()
            except Refused as refusal:
                if refusal.status != UNKNOWN or patience <= 0:
                    if refusal.status in lost:
                        raise LostJob(str(refusal)) from None
                    raise
            client.log.wait(pause)
            patience -= pause
            pause = min(pause * 2, LONGEST_POLL_SECONDS)

    def _confirm_empty(self, client: Client, window: Window) -> None:
        """Accept an answer without `conversations` only if there are none, never on trust.

        The details query counts all that started on a day the interval touches, so each that it
        finds is held against the window.

        Raises:
            SourceContractError: one was in the window.
        """
        page = 0
        while True:
            page += 1
            found = client.post(
                QUERY,
                decoder(_Found),
                {
                    "interval": str(window),
                    # The latest first: of a busy window the first page holds one.
                    "order": "desc",
                    "orderBy": "conversationStart",
                    "paging": {"pageSize": QUERY_PAGE, "pageNumber": page},
                },
            )
            lived = found.conversations or []
            if any(one.overlaps(window) for one in lived):
                raise SourceContractError(f"{JOBS}/{{jobId}}/results {without('conversations')}")
            if len(lived) < QUERY_PAGE:
                return


def _is_young(reading: Reading[None]) -> bool:
    return reading.job_age is not None and reading.job_age.total_seconds() < YOUNG_SECONDS
