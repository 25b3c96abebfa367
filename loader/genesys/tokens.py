"""The OAuth grant: client credentials become a bearer token, and a new one before it expires."""

import json
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote_plus, urlencode, urlsplit

from loader.errors import AccessError, SourceContractError
from loader.genesys.replies import Headers, Replies, Reply
from loader.genesys.retries import Retries

TOKEN_PATH = "/oauth/token"
DEFAULT_TOKEN_SECONDS = 3600.0
MAX_TOKEN_SECONDS = 2 * 86_400.0
# A token is replaced after this share of its life, or so many seconds before its end.
SHARE_OF_TOKEN_LIFE = 0.8
TOKEN_LEEWAY_SECONDS = 60.0


@dataclass(frozen=True)
class Grant:
    """How the client credentials are sent.

    The platform takes them as a Basic header, the integration guides as fields of the form, with a
    scope where one is configured.
    """

    style: Literal["basic", "form"] = "basic"
    scope: str = ""


BASIC_GRANT = Grant()


@dataclass(frozen=True)
class Credentials:
    """Id and secret of an OAuth client (client credentials grant)."""

    client_id: str
    client_secret: str = field(repr=False)

    @property
    def basic(self) -> str:
        """Both as a Basic header has them."""
        return b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()

    @property
    def secrets(self) -> frozenset[str]:
        """The secret in each form in which it is sent."""
        return frozenset((self.client_secret, quote_plus(self.client_secret), self.basic))


@dataclass(frozen=True)
class _Token:
    value: str
    refresh_at: float


class Tokens:
    """Has the bearer token of one OAuth client ready, the same for all threads.

    Args:
        login: base URL of the login host, for messages.
        credentials: of the OAuth client.
        grant: how they are sent.
        send: posts headers and a form to `TOKEN_PATH` of the login host, once.
        retries: ask again.
        replies: judge the answer, and never quote a token they have been told.
    """

    def __init__(
        self,
        login: str,
        credentials: Credentials,
        grant: Grant,
        send: Callable[[Headers, bytes], Reply],
        retries: Retries,
        replies: Replies,
    ) -> None:
        self._host = urlsplit(login).hostname or login
        self._credentials = credentials
        self._grant = grant
        self._send = send
        self._retries = retries
        self._replies = replies
        self._token: _Token | None = None
        self._lock = threading.Lock()

    def bearer(self) -> str:
        """Return a token that is good for a while yet.

        Raises:
            AccessError: the credentials are refused.
            SourceUnavailable: the retries ran out.
            SourceContractError: there is no token in the answer.
        """
        with self._lock:
            if self._token is None or time.monotonic() >= self._token.refresh_at:
                self._token = self._retries.run(self._new, TOKEN_PATH, self._host)
            return self._token.value

    def forget(self, bearer: str) -> None:
        """Have the next `bearer` be another one: this was revoked, or expired early.

        Once for all who were refused with it.
        """
        with self._lock:
            if self._token is not None and self._token.value == bearer:
                self._token = None

    def _new(self) -> _Token:
        asked_at = time.monotonic()
        reply = self._send(*self._question())
        if reply.status in (400, 401, 403):
            raise AccessError(
                f"{self._host} refused the client id or secret "
                f"({reply.status} {self._replies.error_code(reply.body)}); "
                "check GENESYS_CLIENT_ID, GENESYS_CLIENT_SECRET and GENESYS_REGION."
            )
        self._replies.check_status(reply, TOKEN_PATH)
        try:
            answer = json.loads(reply.body)
        except (ValueError, RecursionError):
            answer = None
        value = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(value, str) or not value.strip() or not value.isascii():
            raise SourceContractError(
                f"{self._host} answered without access_token; is GENESYS_REGION (or "
                "GENESYS_LOGIN_URL) the login host of Genesys Cloud?"
            )
        self._replies.keep_secret(value)
        return _Token(value, asked_at + _seconds_to_refresh(answer.get("expires_in")))

    def _question(self) -> tuple[Headers, bytes]:
        """Return the headers and the form that ask for a token."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        form = {"grant_type": "client_credentials"}
        if self._grant.scope:
            form["scope"] = self._grant.scope
        if self._grant.style == "basic":
            headers["Authorization"] = f"Basic {self._credentials.basic}"
        else:
            form["client_id"] = self._credentials.client_id
            form["client_secret"] = self._credentials.client_secret
        return headers, urlencode(form).encode()


def _seconds_to_refresh(expires_in: object) -> float:
    life = _seconds_or_none(expires_in)
    if life is None or not 0 < life <= MAX_TOKEN_SECONDS:
        life = DEFAULT_TOKEN_SECONDS
    return max(0.0, min(life * SHARE_OF_TOKEN_LIFE, life - TOKEN_LEEWAY_SECONDS))


def _seconds_or_none(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
