"""HTTP with the Genesys API: one request at a time, retried until whole or out of patience.

Knows nothing of tables or windows. Credentials go to the login host only, the bearer token to the
API host only; redirects are never followed, and neither proxies nor .netrc can change a header.
"""

import email.utils
import json
import logging
import re
import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar
from urllib.parse import quote_plus, urlencode, urlsplit

import requests
import tenacity
import urllib3

from loader.errors import (
    AccessError,
    Refused,
    SettingsError,
    SourceContractError,
    SourceUnavailable,
    TooLarge,
    Unreadable,
    WindowUnavailable,
    WrongShape,
)
from loader.genesys.hosts import Hosts
from loader.genesys.quota import Quota
from loader.genesys.request_metrics import Log, RateLimitEvent

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")
Params = Mapping[str, str | int]
Headers = Mapping[str, str]

CONNECT_SECONDS = 10.0
CHUNK_BYTES = 1 << 18
MAX_ANSWER_BYTES = 256 << 20
TOKEN_LEEWAY_SECONDS = 60.0
DEFAULT_TOKEN_SECONDS = 3600.0
MAX_TOKEN_SECONDS = 2 * 86_400.0
SHARE_OF_TOKEN_LIFE = 0.8
NOT_FOLLOWED = "X-Location-Not-Followed"
MOST_SECONDS_OFF = 300.0
# So many characters of a secret in a row already give it away.
SECRET_PIECE = 8
# How long a circuit stays open before one request may try again.
CIRCUIT_SECONDS = 60.0
_PERMISSION = re.compile(r"\b[a-zA-Z]+:[a-zA-Z]+:[a-zA-Z*]+\b")
_FIELD = re.compile(r"\[([\w.\- ]{1,60})\]", re.ASCII)


@dataclass(frozen=True)
class Reply:
    """An answer with status 200 or 202: its whole body, and headers whose names ignore case."""

    body: bytes
    headers: Headers = field(default_factory=dict)


Decode = Callable[[Reply], Answer]


@dataclass(frozen=True)
class Grant:
    """How the client credentials are sent.

    The platform takes them as a Basic header, the integration guides as fields of the form, with a
    scope where one is configured.
    """

    style: Literal["basic", "form"] = "basic"
    scope: str = ""


@dataclass(frozen=True)
class EndpointLimits:
    """What an endpoint asks for beside the quota.

    Attributes:
        per_second: requests it bears in a second.
        failures: after so many in a row it is left alone for `CIRCUIT_SECONDS`; and one that takes
            longer than its deadline is given up at once, because it goes on costing the source.
    """

    per_second: int
    failures: int


@dataclass
class _Circuit:
    """Opens after repeated failures of an endpoint; closes with the first success."""

    failures: int = 0
    opened_at: float | None = None


@dataclass(frozen=True)
class RetryPolicy:
    """How long to go on: seconds of one request, attempts and seconds of all its retries."""

    request_seconds: float = 120.0
    attempts: int = 8
    retry_seconds: float = 600.0
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 30.0


class _Transient(Exception):
    """Worth asking again.

    Args:
        why: what went wrong, for the error if patience runs out.
        retry_after: the least wait in seconds Genesys asked for.
        broken: the answer came but was unusable: in the end a broken contract, not an outage.
    """

    def __init__(self, why: str, retry_after: float | None = None, broken: bool = False) -> None:
        super().__init__(why)
        self.retry_after = retry_after
        self.broken = broken


class _RateLimited(_Transient):
    """A 429; its event is the newest in the log."""


class _TooSlow(_Transient):
    """The deadline passed before the whole answer was there."""


@dataclass
class _Token:
    value: str
    refresh_at: float


class _MachineTrust(requests.adapters.HTTPAdapter):
    """Trusts the authorities of this machine beside those that come with `requests`.

    A company whose proxy inspects TLS installs its own there (or names it in SSL_CERT_FILE).
    """

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        """Begin with what the machine trusts; `requests` adds its bundle to it."""
        super().init_poolmanager(*arguments, **options, ssl_context=ssl.create_default_context())


class Client:
    """Sends requests to one organisation.

    Args:
        hosts: where to.
        client_id: of the OAuth client (client credentials grant).
        client_secret: of the OAuth client.
        quota: holds requests back.
        patience: when to give up.
        now: the present, for the ledger; waits and deadlines use the monotonic clock.
        grant: how the credentials are sent.
        care: endpoints that want more than the quota, by path.
        is_clock_checked: whether `now` must agree with the time Genesys tells; not where it is set.
    """

    def __init__(
        self,
        hosts: Hosts,
        client_id: str,
        client_secret: str,
        quota: Quota,
        patience: RetryPolicy,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        grant: Grant = Grant(),
        care: Mapping[str, EndpointLimits] | None = None,
        is_clock_checked: bool = True,
    ) -> None:
        self.log = Log()
        self._hosts = hosts
        self._basic = b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self._credentials = {"client_id": client_id, "client_secret": client_secret}
        self._secrets = {client_secret, quote_plus(client_secret), self._basic}
        self._grant = grant
        self._care = care or {}
        self._circuits = {path: _Circuit() for path in self._care}
        self._quota = quota
        self._patience = patience
        self._now = now
        self._is_clock_checked = is_clock_checked
        self._token: _Token | None = None
        self._session = requests.Session()
        # A .netrc entry would silently replace the bearer, a proxy setting redirect it.
        self._session.trust_env = False
        self._session.mount("https://", _MachineTrust())
        self._session.headers["Accept"] = "application/json"
        self._session.hooks["response"].append(_hide_redirect)

    def close(self) -> None:
        """Close connections."""
        self._session.close()
        self._quota.close()

    def get(self, path: str, decode: Decode[Answer], params: Params | None = None) -> Answer:
        """GET `path` of the API host and return what `decode` makes of the reply.

        Args:
            path: with leading slash.
            decode: raises `Unreadable` for a body cut short, which is asked for again, and
                `WrongShape` for one that breaks the contract, which is not.
            params: query parameters; values are URL-encoded.

        Raises:
            AccessError: credentials or permission refused.
            SourceUnavailable: patience ran out.
            SourceContractError: an answer the contract rules out.
            TooLarge: the source cannot answer so much at once.
        """
        return self._call("GET", path, decode, params=params)

    def post(
        self, path: str, decode: Decode[Answer], body: object, headers: Headers | None = None
    ) -> Answer:
        """POST `body` as JSON; the rest as in `get`. All analytics POSTs are reads.

        Args:
            path: as in `get`.
            decode: as in `get`.
            body: anything JSON can say.
            headers: beside those every request has.
        """
        return self._call("POST", path, decode, body=body, headers=headers)

    def login(self) -> None:
        """Get a token now, so that wrong credentials show before anything is created."""
        self._bearer()

    def _call(
        self,
        method: str,
        path: str,
        decode: Decode[Answer],
        params: Params | None = None,
        body: object = None,
        headers: Headers | None = None,
    ) -> Answer:
        url = self._hosts.api + path
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()

        def attempt() -> Answer:
            refreshed = False
            while True:
                sent = {**(headers or {}), "Authorization": f"Bearer {self._bearer()}"}
                if data is not None:
                    sent["Content-Type"] = "application/json"
                status, answer_headers, content = self._exchange(
                    method, url, path, sent, data, params
                )
                if status != 401:
                    self._check_status(status, answer_headers, content, path, data or b"")
                    return self._decoded(decode, content, answer_headers, path)
                if refreshed:
                    raise AccessError(
                        f"Genesys refused a fresh token at {path} (401); check that the OAuth "
                        "client of GENESYS_CLIENT_ID is active and of this region."
                    )
                # Revoked or expired early: once more with a new token, same page token.
                self._token = None
                refreshed = True

        host = urlsplit(url).hostname or url
        if path in self._care:
            return self._retried(self._with_care(attempt, path), path, host)
        return self._retried(attempt, path, host)

    def _with_care(self, attempt: Callable[[], Answer], path: str) -> Callable[[], Answer]:
        """Give up a query that takes too long, and an endpoint that fails again and again."""
        care, circuit = self._care[path], self._circuits[path]

        def careful() -> Answer:
            if circuit.opened_at is not None:
                if time.monotonic() < circuit.opened_at + CIRCUIT_SECONDS:
                    raise WindowUnavailable(
                        f"{path} failed {circuit.failures} times in a row and is left alone for "
                        f"{CIRCUIT_SECONDS:.0f} s; the next run asks again."
                    )
                circuit.opened_at = None
            try:
                answer = attempt()
            except _RateLimited:
                raise
            except _Transient as error:
                circuit.failures += 1
                if circuit.failures >= care.failures:
                    circuit.opened_at = time.monotonic()
                if isinstance(error, _TooSlow):
                    raise WindowUnavailable(
                        f"{path}: {error}; the query is given up, the next run asks again."
                    ) from None
                raise
            circuit.failures = 0
            return answer

        return careful

    def _retried(self, attempt: Callable[[], Answer], what: str, host: str) -> Answer:
        patience = self._patience

        def wait(state: tenacity.RetryCallState) -> float:
            # Full jitter, so that many clients do not come back together; Retry-After is a minimum.
            jitter = tenacity.wait_random_exponential(
                multiplier=patience.first_wait_seconds, max=patience.longest_wait_seconds
            )(state)
            error = state.outcome.exception() if state.outcome else None
            return max(jitter, getattr(error, "retry_after", None) or 0.0)

        def before_sleep(state: tenacity.RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            pause = state.upcoming_sleep
            self.log.traffic.waited_seconds += pause
            self.log.traffic.retry_count += 1
            if isinstance(error, _RateLimited):
                self.log.rate_limits[-1] = replace(self.log.rate_limits[-1], waited_seconds=pause)
            logger.warning("%s: %s; asking again in %.1f s", what, error, pause)

        try:
            return tenacity.Retrying(
                retry=tenacity.retry_if_exception_type(_Transient),
                wait=wait,
                stop=tenacity.stop_after_attempt(patience.attempts)
                | tenacity.stop_before_delay(patience.retry_seconds),
                before_sleep=before_sleep,
                reraise=True,
            )(attempt)
        except _Transient as error:
            if error.retry_after and error.retry_after > patience.retry_seconds:
                raise SourceUnavailable(
                    f"{host} asked to wait {error.retry_after:.0f} s at {what}; the limit is "
                    f"{patience.retry_seconds:.0f} s (ELT_RETRY_SECONDS). Run again later."
                ) from None
            if error.broken:
                raise SourceContractError(
                    f"{host}{what}: {error}, each time it was asked."
                ) from None
            raise SourceUnavailable(
                f"{host}{what}: {error}; gave up after {patience.attempts} attempts or "
                f"{patience.retry_seconds:.0f} s (ELT_RETRY_ATTEMPTS, ELT_RETRY_SECONDS)."
            ) from None

    def _exchange(
        self,
        method: str,
        url: str,
        what: str,
        headers: Mapping[str, str],
        data: bytes | None,
        params: Params | None = None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Send one request and read the whole body within its deadline."""
        traffic = self.log.traffic
        traffic.waited_seconds += self._quota.wait_turn(what)
        traffic.request_count += 1
        deadline = time.monotonic() + self._patience.request_seconds
        # Who computes for a minute before the first byte is not dead.
        silence = self._patience.request_seconds if what in self._care else 30.0
        try:
            with self._session.request(
                method,
                url,
                params=params,
                data=data,
                headers=headers,
                timeout=(CONNECT_SECONDS, min(silence, self._patience.request_seconds)),
                allow_redirects=False,
                stream=True,
            ) as response:
                chunks: list[bytes] = []
                size = 0
                # A socket timeout bounds each read only: a server that drips would hold us for
                # ever. And read1, because every other way to read waits for a whole chunk.
                while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
                    chunks.append(chunk)
                    size += len(chunk)
                    if time.monotonic() > deadline:
                        raise _TooSlow(
                            f"slower than {self._patience.request_seconds:.0f} s "
                            "(ELT_REQUEST_SECONDS)"
                        )
                    if size > MAX_ANSWER_BYTES:
                        raise SourceContractError(
                            f"{what} answered more than {MAX_ANSWER_BYTES >> 20} MB; "
                            "lower ELT_PAGE_SIZE."
                        )
                self._quota.heed(response.headers)
                self._check_clock(response.headers)
                return response.status_code, response.headers, b"".join(chunks)
        except requests.exceptions.SSLError:
            raise SourceUnavailable(
                f"the certificate of {urlsplit(url).hostname} is not trusted; if a proxy inspects "
                "TLS, install its certificate on this machine."
            ) from None
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            kind = _TooSlow if time.monotonic() > deadline else _Transient
            raise kind(_network_problem(error)) from None

    def _check_clock(self, headers: Headers) -> None:
        """Refuse to go on with a clock that is wrong: windows would end where data still come."""
        told = _moment(headers.get("Date", "")) if self._is_clock_checked else None
        off = (self._now() - told).total_seconds() if told else 0.0
        if abs(off) > MOST_SECONDS_OFF:
            raise SettingsError(
                f"the clock of this machine is off by {off:+.0f} s, says Genesys; set it right."
            )

    def _check_status(
        self, status: int, headers: Headers, content: bytes, what: str, asked: bytes = b""
    ) -> None:
        if status == 429:
            retry_after = _retry_after(headers, self._now())
            self.log.traffic.rate_limited_count += 1
            self.log.rate_limits.append(
                RateLimitEvent(
                    endpoint=what,
                    occurred_at=self._now(),
                    retry_after_seconds=retry_after,
                    waited_seconds=0.0,
                    allowed_count=_int_or_none(headers.get("inin-ratelimit-allowed")),
                )
            )
            raise _RateLimited("rate limited (429)", retry_after)
        # 409: the same query is still being answered, perhaps to a run that was killed.
        if status in (408, 409, 500, 502, 503, 504):
            raise _Transient(f"answered {status}", _retry_after(headers, self._now()))
        if 300 <= status < 400:
            target = self._shown(_host_of(headers.get(NOT_FOLLOWED, "")), r"[\w.:-]{1,253}")
            raise SourceContractError(
                f"{what}: unexpected redirect to host {target or 'unknown'}; not followed."
            )
        code = self._error_code(content)
        if status == 403:
            needed = sorted(set(_PERMISSION.findall(content[:4096].decode(errors="replace"))))
            raise AccessError(
                f"no permission for {what} (403 {code})"
                + (f": give the OAuth client's role {', '.join(needed)}." if needed else ".")
            )
        if status in (413, 422):
            raise TooLarge(f"{what} answered {status} {code}: too much for one request.")
        if status == 204 or (200 <= status < 300 and not content.strip()):
            raise _Transient("empty answer", broken=True)
        if not 200 <= status < 300:
            correlation = self._shown(headers.get("ININ-Correlation-Id", ""), r"[\w-]{1,64}")
            named = _FIELD.search(content[:4096].decode(errors="replace"))
            # Only a word of our own question: what else they quote may be anybody's.
            field = named.group(1) if named and named.group(1).encode() in asked else ""
            raise Refused(
                f"{what} answered {status} {code}"
                + (f" about [{field}]" if field else "")
                + (f", correlation id {correlation}" if correlation else "")
                + ".",
                status,
                code,
                content[:65_536].decode(errors="replace"),
            )

    def _decoded(
        self,
        decode: Decode[Answer],
        content: bytes,
        headers: Mapping[str, str],
        what: str,
    ) -> Answer:
        media_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if media_type not in ("application/json", "") and not media_type.endswith("+json"):
            shown = self._shown(media_type, r"[\w.+/-]{1,60}") or "another media type"
            raise SourceContractError(f"{what} answered {shown} where JSON is due.")
        try:
            return decode(Reply(content, headers))
        except Unreadable as error:
            raise _Transient(f"not a whole JSON document ({error})", broken=True) from None
        except WrongShape as error:
            raise SourceContractError(f"{what}: {error}") from None

    def _error_code(self, content: bytes) -> str:
        """Return Genesys' or OAuth's error code; never text that may carry values."""
        try:
            answer: Any = json.loads(content[:65_536])
        except (ValueError, RecursionError):
            return "no error body"
        code = (answer.get("code") or answer.get("error")) if isinstance(answer, dict) else None
        return self._shown(code, r"[\w.\- ]{1,80}") or "no code"

    def _shown(self, text: object, shape: str) -> str:
        """Return what the other side wrote if a message may quote it, else nothing.

        Proxies and error pages echo requests, and with them our secrets, also in part.
        """
        if not isinstance(text, str) or not re.fullmatch(shape, text, re.ASCII):
            return ""
        lower = text.lower()
        pieces = (
            secret.lower()[start : start + SECRET_PIECE]
            for secret in self._secrets
            for start in range(max(1, len(secret) - SECRET_PIECE + 1))
        )
        return "" if any(piece in lower for piece in pieces) else text

    def _bearer(self) -> str:
        if self._token is None or time.monotonic() >= self._token.refresh_at:
            host = urlsplit(self._hosts.login).hostname or self._hosts.login
            self._token = self._retried(self._new_token, "/oauth/token", host)
        return self._token.value

    def _new_token(self) -> _Token:
        asked_at = time.monotonic()
        sent = {"Content-Type": "application/x-www-form-urlencoded"}
        form = {"grant_type": "client_credentials"}
        if self._grant.scope:
            form["scope"] = self._grant.scope
        if self._grant.style == "basic":
            sent["Authorization"] = f"Basic {self._basic}"
        else:
            form |= self._credentials
        status, headers, content = self._exchange(
            "POST",
            self._hosts.login + "/oauth/token",
            "/oauth/token",
            sent,
            urlencode(form).encode(),
        )
        host = urlsplit(self._hosts.login).hostname
        if status in (400, 401, 403):
            raise AccessError(
                f"{host} refused the client id or secret ({status} {self._error_code(content)}); "
                "check GENESYS_CLIENT_ID, GENESYS_CLIENT_SECRET and GENESYS_REGION."
            )
        self._check_status(status, headers, content, "/oauth/token")
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError):
            answer = None
        value = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(value, str) or not value.strip() or not value.isascii():
            raise SourceContractError(
                f"{host} answered without access_token; is GENESYS_REGION (or GENESYS_LOGIN_URL) "
                "the login host of Genesys Cloud?"
            )
        life = _seconds_or_none(answer.get("expires_in"))
        if life is None or not 0 < life <= MAX_TOKEN_SECONDS:
            life = DEFAULT_TOKEN_SECONDS
        self._secrets.add(value)
        return _Token(
            value, asked_at + max(0.0, min(life * SHARE_OF_TOKEN_LIFE, life - TOKEN_LEEWAY_SECONDS))
        )


def _network_problem(error: Exception) -> str:
    """Name the problem without the URL, whose query may hold values."""
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


def _retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
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


def _hide_redirect(
    response: requests.Response, *args: object, **options: object
) -> requests.Response:
    """Keep `requests` from reading where a redirect leads: it stumbles even where it need not go.

    It parses the address although redirects are off, and raises what is no RequestException.
    """
    if "Location" in response.headers:
        response.headers[NOT_FOLLOWED] = response.headers.pop("Location")
    return response


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _seconds_or_none(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None


def _int_or_none(value: str | None) -> int | None:
    return int(value) if value and re.fullmatch(r"\d{1,9}", value) else None
