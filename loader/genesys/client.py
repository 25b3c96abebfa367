"""HTTP with the Genesys API: each request retried until whole or given up; for several threads.

Knows nothing of tables or windows. Credentials go to the login host only, the bearer token to the
API host only; redirects are never followed, and neither proxies nor .netrc can change a header.
"""

import functools
import json
import queue
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from loader.errors import AccessError, SourceContractError, SourceUnavailable
from loader.genesys.circuit import Circuit, EndpointLimits
from loader.genesys.deadline import Deadline, HeldAdapter
from loader.genesys.hosts import Hosts
from loader.genesys.quota import Quota
from loader.genesys.replies import (
    NOT_FOLLOWED,
    Decode,
    Decoded,
    Headers,
    Replies,
    Reply,
    network_problem,
)
from loader.genesys.request_metrics import Log
from loader.genesys.retries import RateLimited, Retries, RetryPolicy, TooSlow, Transient
from loader.genesys.tokens import BASIC_GRANT, TOKEN_PATH, Credentials, Grant, Tokens

Params = Mapping[str, str | int]

CONNECT_SECONDS = 10.0
# A source that says nothing for so long is dead.
SILENCE_SECONDS = 30.0
_UNANSWERED = (requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError)
CHUNK_BYTES = 1 << 18
MAX_ANSWER_BYTES = 256 << 20


@dataclass(frozen=True)
class _HttpRequest:
    """One request; `path` is what messages, quota and limits call it by."""

    method: str
    url: str
    path: str
    headers: Headers
    data: bytes | None
    params: Params | None = None


class _MachineTrust(HeldAdapter):
    """Trusts the authorities of this machine beside those that come with `requests`.

    A company whose proxy inspects TLS installs its own there (or names it in SSL_CERT_FILE).

    Args:
        trust: what the machine trusts; `requests` adds its bundle to it.
    """

    def __init__(self, trust: ssl.SSLContext) -> None:
        self._trust = trust
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        """Begin with the trust."""
        super().init_poolmanager(*arguments, **options, ssl_context=self._trust)


class Client:
    """Sends requests to one organisation.

    Args:
        hosts: where to.
        client_id: of the OAuth client (client credentials grant).
        client_secret: of the OAuth client.
        quota: holds requests back.
        retry_policy: when to give up.
        now: the present, for the ledger; waits and deadlines use the monotonic clock.
        grant: how the credentials are sent.
        endpoint_limits: of endpoints that want more than the quota, by path.
        is_clock_checked: whether `now` must agree with the time Genesys tells; not where it is set.

    Attributes:
        log: what the requests of the calling thread have met.
        quota: as given.
    """

    def __init__(
        self,
        hosts: Hosts,
        client_id: str,
        client_secret: str,
        quota: Quota,
        retry_policy: RetryPolicy,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        grant: Grant = BASIC_GRANT,
        endpoint_limits: Mapping[str, EndpointLimits] | None = None,
        is_clock_checked: bool = True,
    ) -> None:
        self.log = Log()
        self._hosts = hosts
        self.quota = quota
        self._request_seconds = retry_policy.request_seconds
        self._circuits = {
            path: Circuit(path, limits) for path, limits in (endpoint_limits or {}).items()
        }
        credentials = Credentials(client_id, client_secret)
        self._retries = Retries(retry_policy, self.log)
        self._replies = Replies(credentials.secrets, now, is_clock_checked)
        self._tokens = Tokens(
            hosts.login, credentials, grant, self._ask_for_token, self._retries, self._replies
        )
        # Those nobody uses at the moment: a session is one thread's at a time.
        self._sessions: queue.SimpleQueue[requests.Session] = queue.SimpleQueue()

    def close(self) -> None:
        """Close connections."""
        while not self._sessions.empty():
            self._sessions.get().close()

    def get(self, path: str, decode: Decode[Decoded], params: Params | None = None) -> Decoded:
        """GET `path` of the API host and return what `decode` makes of the reply.

        Args:
            path: with leading slash.
            decode: raises `Unreadable` for a body cut short, which is asked for again, and
                `WrongShape` for one that breaks the contract, which is not.
            params: query parameters; values are URL-encoded.

        Raises:
            AccessError: credentials or permission refused.
            SourceUnavailable: the retries ran out.
            SourceContractError: an answer the contract rules out.
            TooLarge: the source cannot answer so much at once.
        """
        return self._call(
            _HttpRequest("GET", self._hosts.api + path, path, {}, None, params), decode
        )

    def post(
        self,
        path: str,
        decode: Decode[Decoded],
        body: object,
        headers: Headers | None = None,
        most_slow: int | None = None,
    ) -> Decoded:
        """POST `body` as JSON; the rest as in `get`. All analytics POSTs are reads.

        Args:
            path: as in `get`.
            decode: as in `get`.
            body: anything JSON can say.
            headers: beside those every request has.
            most_slow: not answered in time so often it is `TooLarge`; None where it never is.
        """
        sent = {**(headers or {}), "Content-Type": "application/json"}
        data = json.dumps(body, separators=(",", ":")).encode()
        request = _HttpRequest("POST", self._hosts.api + path, path, sent, data)
        return self._call(request, decode, most_slow)

    def login(self) -> None:
        """Get a token now, so that wrong credentials show before anything is created."""
        self._tokens.bearer()

    def _call(
        self, request: _HttpRequest, decode: Decode[Decoded], most_slow: int | None = None
    ) -> Decoded:
        def attempt() -> Decoded:
            reply = self._authorized(request)
            try:
                self._replies.check_status(reply, request.path, request.data or b"")
            except RateLimited as limited:
                self.quota.refused(limited.retry_after)
                raise
            return self._replies.decoded(reply, decode, request.path)

        circuit = self._circuits.get(request.path)
        host = urlsplit(request.url).hostname or request.url
        return self._retries.run(
            functools.partial(circuit.call, attempt) if circuit else attempt,
            request.path,
            host,
            most_slow,
        )

    def _authorized(self, request: _HttpRequest) -> Reply:
        bearer = self._tokens.bearer()
        reply = self._exchange(_with_bearer(request, bearer))
        if reply.status == 401:
            # Revoked or expired early: once more with a new token, same page token.
            self._tokens.forget(bearer)
            reply = self._exchange(_with_bearer(request, self._tokens.bearer()))
        if reply.status == 401:
            raise AccessError(
                f"Genesys refused a fresh token at {request.path} (401); check that the OAuth "
                "client of GENESYS_CLIENT_ID is active and of this region."
            )
        return reply

    def _ask_for_token(self, headers: Headers, form: bytes) -> Reply:
        url = self._hosts.login + TOKEN_PATH
        return self._exchange(_HttpRequest("POST", url, TOKEN_PATH, headers, form))

    def _exchange(self, request: _HttpRequest) -> Reply:
        """Send one request and read the whole body within its deadline."""
        self.quota.wait_turn(request.path, self.log.wait)
        self.log.metrics.request_count += 1
        deadline = Deadline(self._request_seconds)
        ends = time.monotonic() + self._request_seconds
        # Who computes for a minute before the first byte is not dead.
        silence = self._request_seconds if request.path in self._circuits else SILENCE_SECONDS
        try:
            with (
                deadline,
                self._session() as session,
                session.request(
                    request.method,
                    request.url,
                    params=request.params,
                    data=request.data,
                    headers=request.headers,
                    timeout=(CONNECT_SECONDS, min(silence, self._request_seconds)),
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                body = self._body(response, request.path, ends)
                if deadline.has_passed:
                    raise self._too_slow()
                self.quota.heed(response.headers)
                self._replies.check_clock(response.headers)
                return Reply(body, response.headers, response.status_code)
        except requests.exceptions.SSLError:
            if deadline.has_passed:
                raise self._too_slow() from None
            raise SourceUnavailable(
                f"the certificate of {urlsplit(request.url).hostname} is not trusted; if a proxy "
                "inspects TLS, install its certificate on this machine."
            ) from None
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            if deadline.has_passed:
                raise self._too_slow() from None
            what = network_problem(error)
            if time.monotonic() > ends:
                raise TooSlow(what) from None
            raise Transient(what, is_slow=isinstance(error, _UNANSWERED)) from None

    def _too_slow(self) -> TooSlow:
        return TooSlow(f"slower than {self._request_seconds:.0f} s (ELT_REQUEST_SECONDS)")

    @contextmanager
    def _session(self) -> Iterator[requests.Session]:
        """Give a session to one thread, one with open connections if there is any."""
        try:
            session = self._sessions.get_nowait()
        except queue.Empty:
            session = _new_session(self._adapter())
        try:
            yield session
        finally:
            self._sessions.put(session)

    def _adapter(self) -> HeldAdapter:
        """Return what connects; where no host has TLS it is not asked whom the machine trusts."""
        has_tls = any(host.startswith("https:") for host in (self._hosts.api, self._hosts.login))
        return _MachineTrust(self._trust) if has_tls else HeldAdapter()

    @functools.cached_property
    def _trust(self) -> ssl.SSLContext:
        """The authorities of this machine: a hundred, so they are read once for all sessions."""
        return ssl.create_default_context()

    def _body(self, response: requests.Response, path: str, ends: float) -> bytearray:
        # It grows in place: chunks to be joined at the end would be there twice then.
        body = bytearray()
        # read1, because every other way to read waits for a whole chunk.
        while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
            body += chunk
            if time.monotonic() > ends:
                raise self._too_slow()
            if len(body) > MAX_ANSWER_BYTES:
                raise SourceContractError(
                    f"{path} answered more than {MAX_ANSWER_BYTES >> 20} MB; lower ELT_PAGE_SIZE."
                )
        return body


def _with_bearer(request: _HttpRequest, bearer: str) -> _HttpRequest:
    headers = {**request.headers, "Authorization": f"Bearer {bearer}"}
    return replace(request, headers=headers)


def _new_session(adapter: HeldAdapter) -> requests.Session:
    session = requests.Session()
    # A .netrc entry would silently replace the bearer, a proxy setting redirect it.
    session.trust_env = False
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)
    session.headers["Accept"] = "application/json"
    session.hooks["response"].append(_hide_redirect)
    return session


def _hide_redirect(
    response: requests.Response, *args: object, **options: object
) -> requests.Response:
    """Keep `requests` from reading where a redirect leads: it stumbles even where it need not go.

    It parses the address although redirects are off, and raises what is no RequestException.
    """
    if "Location" in response.headers:
        response.headers[NOT_FOLLOWED] = response.headers.pop("Location")
    return response
