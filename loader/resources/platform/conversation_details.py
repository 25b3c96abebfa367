"""Conversation details through asynchronous jobs: the only place participant attributes come from.

`POST /api/v2/analytics/conversations/details/jobs`, its status, its results by cursor. A job
returns every conversation that was active in the interval, whole, from the data lake; past the date
of `jobs/availability` it returns a part without saying so.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from loader.errors import LostJob, SourceContractError, WindowUnavailable
from loader.genesys.client import Client
from loader.raw import Subject
from loader.resources.pages import decoder, envelope_decoder, lost_if_refused, without
from loader.resources.record_ids import IdField
from loader.resources.resource import Answer, Reading, Resource
from loader.windows import Window

JOBS = "/api/v2/analytics/conversations/details/jobs"
QUERY = "/api/v2/analytics/conversations/details/query"

FIRST_POLL_SECONDS = 0.2
LONGEST_POLL_SECONDS = 15.0
# What a service says that no longer knows a job.
JOB_IS_GONE = (400, 404, 410)


# Both stand in paths, logs and the ledger, so they are no more than they are: an id and a word.
_Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]{1,64}\Z")]
_State = Annotated[str, msgspec.Meta(pattern=r"^[A-Z_]{1,32}\Z")]


class _Submitted(msgspec.Struct, rename="camel"):
    job_id: _Id


class _Status(msgspec.Struct, rename="camel"):
    state: _State


class _Availability(msgspec.Struct, rename="camel"):
    data_availability_date: datetime


class _Total(msgspec.Struct, rename="camel"):
    total_hits: int = 0


class _Results(msgspec.Struct, rename="camel"):
    conversations: list[msgspec.Raw] | None = None
    cursor: str | None = None
    data_availability_date: datetime | None = None


class ConversationDetails(Resource[None]):
    """The raw table `conversation_details`.

    Args:
        page_size: conversations a page.
        job_seconds: how long to wait for one job.
        sleep: waits between polls, in seconds.
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

    def __init__(
        self, page_size: int, job_seconds: float, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._page_size = page_size
        self._job_seconds = job_seconds
        self._sleep = sleep
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
            self._wait_until_done(client, job_id)
        params: dict[str, str | int] = {"pageSize": self._page_size}
        if token is not None:
            params["cursor"] = token
        with lost_if_refused(job_id, JOB_IS_GONE):
            envelope, records = client.get(f"{JOBS}/{job_id}/results", self._results, params)
        if records is None:
            self._confirm_empty(client, reading.window, token, envelope)
        available = envelope.data_availability_date
        return Answer(
            records=records or [],
            token=envelope.cursor,
            available_through=available.astimezone(UTC) if available else None,
        )

    def _wait_until_done(self, client: Client, job_id: str | None) -> None:
        deadline = time.monotonic() + self._job_seconds
        pause = FIRST_POLL_SECONDS
        while True:
            # Whatever is refused about a job: another can be asked for.
            with lost_if_refused(job_id, range(300, 600)):
                state = client.get(f"{JOBS}/{job_id}", decoder(_Status)).state
            if state == "FULFILLED":
                return
            if state in ("FAILED", "CANCELLED", "EXPIRED"):
                raise LostJob(f"job {job_id} is {state}")
            if time.monotonic() + pause > deadline:
                raise WindowUnavailable(
                    f"job {job_id} is still {state} after {self._job_seconds / 60:.0f} min "
                    "(ELT_JOB_MINUTES). The next run asks for the same job again."
                )
            self._sleep(pause)
            client.log.metrics.waited_seconds += pause
            pause = min(pause * 2, LONGEST_POLL_SECONDS)

    def _confirm_empty(
        self, client: Client, window: Window, token: str | None, page: _Results
    ) -> None:
        """Accept an answer without `conversations` only if there are none, never on trust.

        Raises:
            SourceContractError: the query counts conversations, or the page should hold some.
        """
        if token is None and page.cursor is None and page.data_availability_date is not None:
            body = {"interval": str(window), "paging": {"pageSize": 1, "pageNumber": 1}}
            if client.post(QUERY, decoder(_Total), body).total_hits == 0:
                return
        raise SourceContractError(f"{JOBS}/{{jobId}}/results {without('conversations')}")
