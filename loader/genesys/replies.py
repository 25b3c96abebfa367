"""What came back: which answers are errors, and what of them a message may show.

Proxies and error pages echo requests, and with them our secrets and people's data. So everything
that decides what of an answer is quoted stands here.
"""

import email.utils
import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from loader.errors import (
    AccessError,
    Refused,
    SourceContractError,
    TooLarge,
    Unreadable,
    WrongClock,
    WrongShape,
)
from loader.genesys.named import named_in, words_of
from loader.genesys.request_metrics import RateLimitEvent
from loader.genesys.retries import RateLimited, TooManyJobs, Transient
from loader.genesys.too_much import means_too_many_jobs, means_too_much

logger = logging.getLogger(__name__)

Decoded = TypeVar("Decoded")
Headers = Mapping[str, str]

# The header under which a redirect's address is kept, so that nobody follows it.
NOT_FOLLOWED = "X-Location-Not-Followed"
MOST_SECONDS_OFF = 300.0
# So many characters of a secret in a row already give it away.
SECRET_PIECE = 8
# analytics:conversationAggregate:view; a permission as the guides write it, "Analytics > Query >
# Read"; a scope of theirs, api:query.
_PERMISSION = re.compile(
    r"\b[a-zA-Z]+:[a-zA-Z]+:[a-zA-Z*]+\b"
    r"|\b[A-Z][a-z]+(?: [A-Z][a-z]+)? > (?:[A-Z][a-z]+(?: [A-Z][a-z]+)? > )?[A-Z][a-z]+\b"
)
_SCOPE = re.compile(r"(?<![\w:-])[a-z][a-z-]{1,30}:[a-z][a-z-]{1,30}(?![\w:-])")


@dataclass(frozen=True)
class Reply:
    """An answer: its whole body, headers whose names ignore case, and its status."""

    body: bytes | bytearray
    headers: Headers = field(default_factory=dict)
    status: int = 200


Decode = Callable[[Reply], Decoded]


class Replies:
    """Judges answers.

    Args:
        secrets: what no message may quote, not even in part.
        now: the present, for the ledger and waits until a date.
        is_clock_checked: whether `now` must agree with the time Genesys tells.
    """

    def __init__(
        self, secrets: Iterable[str], now: Callable[[], datetime], is_clock_checked: bool
    ) -> None:
        self._secrets = set(secrets)
        self._now = now
        self._is_clock_checked = is_clock_checked

    def keep_secret(self, secret: str) -> None:
        """Quote nothing that holds a piece of `secret` from now on."""
        self._secrets.add(secret)

    def check_clock(self, headers: Headers) -> None:
        """Refuse to go on with a clock that is wrong: windows would end where data still come."""
        told = _moment(headers.get("Date", "")) if self._is_clock_checked else None
        off = (self._now() - told).total_seconds() if told else 0.0
        if abs(off) > MOST_SECONDS_OFF:
            raise WrongClock(
                f"the clock of this machine is off by {off:+.0f} s, says Genesys; set it right."
            )

    def check_status(self, reply: Reply, what: str, asked: bytes = b"") -> None:
        """Raise the error a status stands for; a 401 is the caller's.

        Args:
            reply: to judge.
            what: was asked for.
            asked: the body of the question, whose own words may be shown.
        """
        status, headers, content = reply.status, reply.headers, reply.body
        explanation = content[:65_536].decode(errors="replace") if status >= 400 else ""
        if status >= 400 and means_too_much(status, explanation):
            raise TooLarge(
                f"{what} answered {status} {self.error_code(content)}: too much for one request."
            )
        too_many_jobs = means_too_many_jobs(status, explanation)
        if status == 429 or too_many_jobs:
            event = RateLimitEvent(
                endpoint=what,
                occurred_at=self._now(),
                retry_after_seconds=_retry_after(headers, self._now()),
                waited_seconds=0.0,
                allowed_count=_int_or_none(headers.get("inin-ratelimit-allowed")),
            )
            if too_many_jobs:
                raise TooManyJobs(event, f"too many jobs at once ({status})")
            raise RateLimited(event, f"rate limited ({status})")
        # 409: the same query is still being answered, perhaps to a run that was killed.
        if status in (408, 409, 500, 502, 503, 504):
            wait = _retry_after(headers, self._now())
            raise Transient(f"answered {status}", wait, is_slow=status in (408, 504))
        if 300 <= status < 400:
            target = self._shown(_host_of(headers.get(NOT_FOLLOWED, "")), r"[\w.:-]{1,253}")
            raise SourceContractError(
                f"{what}: unexpected redirect to host {target or 'unknown'}; not followed."
            )
        code = self.error_code(content)
        if status == 403:
            said = content[:4096].decode(errors="replace")
            roles, scopes = set(_PERMISSION.findall(said)), set(_SCOPE.findall(said))
            needed = [f"role {', '.join(sorted(roles))}"] if roles else []
            needed += [f"scope {', '.join(sorted(scopes))}"] if scopes else []
            raise AccessError(
                f"no permission for {what} (403 {code})"
                + (f": give the OAuth client's {' and '.join(needed)}." if needed else ".")
            )
        if status == 204 or (200 <= status < 300 and (not content or content.isspace())):
            raise Transient("empty answer", broken=True)
        if not 200 <= status < 300:
            raise self._refusal(reply, code, what, asked)

    def _refusal(self, reply: Reply, code: str, what: str, asked: bytes) -> Refused:
        correlation = self._shown(reply.headers.get("ININ-Correlation-Id", ""), r"[\w-]{1,64}")
        # Only a word of our own question: what else they quote may be anybody's.
        word = named_in(reply.body[:4096].decode(errors="replace"), words_of(asked))
        return Refused(
            f"{what} answered {reply.status} {code}"
            + (f" about [{word}]" if word else "")
            + (f", correlation id {correlation}" if correlation else "")
            + ".",
            reply.status,
            code,
            reply.body[:65_536].decode(errors="replace"),
        )

    def decoded(self, reply: Reply, decode: Decode[Decoded], what: str) -> Decoded:
        """Return what `decode` makes of a reply whose status is good."""
        media_type = reply.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if media_type not in ("application/json", "") and not media_type.endswith("+json"):
            shown = self._shown(media_type, r"[\w.+/-]{1,60}") or "another media type"
            raise SourceContractError(f"{what} answered {shown} where JSON is due.")
        try:
            return decode(reply)
        except Unreadable as error:
            raise Transient(f"not a whole JSON document ({error})", broken=True) from None
        except WrongShape as error:
            raise SourceContractError(f"{what}: {error}") from None

    def error_code(self, content: bytes | bytearray) -> str:
        """Return Genesys' or OAuth's error code; never text that may carry values."""
        try:
            answer: Any = json.loads(content[:65_536])
        except (ValueError, RecursionError):
            return "no error body"
        code = (answer.get("code") or answer.get("error")) if isinstance(answer, dict) else None
        return self._shown(code, r"[\w.\- ]{1,80}") or "no code"

    def _shown(self, text: object, shape: str) -> str:
        """Return what the other side wrote if a message may quote it, else nothing."""
        if not isinstance(text, str) or not re.fullmatch(shape, text, re.ASCII):
            return ""
        lower = text.lower()
        pieces = (
            secret.lower()[start : start + SECRET_PIECE]
            for secret in self._secrets
            for start in range(max(1, len(secret) - SECRET_PIECE + 1))
        )
        return "" if any(piece in lower for piece in pieces) else text


def network_problem(error: Exception) -> str:
    """Name what came in place of an answer, without the URL, whose query may hold values."""
    text = str(error)
    for sign, meaning in (
        ("NameResolution", "the host name is not known"),
        ("Name or service not known", "the host name is not known"),
        ("refused", "connection refused"),
        ("IncompleteRead", "the answer was cut short"),
        ("InvalidChunkLength", "the answer was cut short"),
        ("timed out", "no answer in time"),
        ("reset", "connection reset"),
        ("aborted", "connection closed without an answer"),
        ("unreachable", "the host is unreachable"),
        ("decompress", "the compressed answer is damaged"),
    ):
        if sign in text:
            return meaning
    return type(error).__name__


def _retry_after(headers: Headers, now: datetime) -> float | None:
    """Return the wait asked for in seconds; None where it names none that makes sense.

    A date in the past asks for nothing, so the plain back-off applies.
    """
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,10}", text):
        return float(text)
    moment = _moment(text)
    if moment is None:
        if text:
            logger.warning("Retry-After is neither seconds nor a date; waiting as without it")
        return None
    wait = (moment - now).total_seconds()
    return wait if wait > 0 else None


def _moment(text: str) -> datetime | None:
    """Return the time a header tells; None where it is no date, or one beyond all calendars."""
    try:
        moment = email.utils.parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _int_or_none(value: str | None) -> int | None:
    return int(value) if value and re.fullmatch(r"\d{1,9}", value) else None
