"""Who may ask, and how often: tokens by client credentials, and quotas by the minute.

The platform counts by token, the guides by tenant. All of it runs on real seconds: a loader's
tokens and pauses do, whatever day the organisation lives in.
"""

import base64
import binascii
import secrets
import time
from collections import deque
from dataclasses import dataclass
from urllib.parse import parse_qs

from tests.sandbox.errors import LoginRefusal, Refusal, too_many_requests

WINDOW_SECONDS = 60.0


@dataclass
class Token:
    """An access token, when it ends, and what it has used in the running minute."""

    value: str
    expires_at: float
    revoked: bool = False
    window_started_at: float = 0.0
    used: int = 0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the inin-ratelimit headers tell."""

    count: int
    allowed: int
    reset: int

    def headers(self) -> dict[str, str]:
        """Write the three headers."""
        return {
            "inin-ratelimit-count": str(self.count),
            "inin-ratelimit-allowed": str(self.allowed),
            "inin-ratelimit-reset": str(self.reset),
        }


class TenantQuota:
    """The guides' quota: one for the whole organisation, whatever token or address asks."""

    def __init__(self, allowed: int, per_second: int = 10) -> None:
        self.allowed = allowed
        self.per_second = per_second
        self._minute_started_at = 0.0
        self._used = 0
        self._outcomes: deque[float] = deque()

    def headers(self) -> dict[str, str]:
        """Write what is left of the minute."""
        left = max(0, self.allowed - self._used)
        return {"X-RateLimit-Limit": str(self.allowed), "X-RateLimit-Remaining": str(left)}

    def count(self) -> None:
        """Count a request of the guides; raises Refusal (429)."""
        now = time.monotonic()
        if now - self._minute_started_at >= WINDOW_SECONDS:
            self._minute_started_at, self._used = now, 0
        self._used += 1
        if self._used > self.allowed:
            raise self._refusal(max(1, round(self._minute_started_at + WINDOW_SECONDS - now)))

    def count_outcome_query(self) -> None:
        """Count a query of flow outcomes, of which a second bears ten; raises Refusal (429)."""
        now = time.monotonic()
        while self._outcomes and now - self._outcomes[0] >= 1:
            self._outcomes.popleft()
        if len(self._outcomes) >= self.per_second:
            raise self._refusal(1)
        self._outcomes.append(now)

    def _refusal(self, seconds: int) -> Refusal:
        code, message = too_many_requests(seconds)
        return Refusal(429, message, code, {**self.headers(), "Retry-After": str(seconds)})


class Access:
    """The organisation's OAuth client and the tokens it was given."""

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        quota: int,
        token_seconds: float,
        tenant_quota: int = 200,
        outcome_queries: int = 10,
    ) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        self.quota = quota
        self.token_seconds = token_seconds
        self.tenant = TenantQuota(tenant_quota, outcome_queries)
        self._tokens: dict[str, Token] = {}

    def log_in(self, authorization: str | None, body: str) -> dict[str, object]:
        """Answer POST /oauth/token; raises LoginRefusal."""
        told = parse_qs(body)
        if authorization is None:
            # As the integration guides send them; the platform's own clients use the header.
            fields = (told.get(name, [""]) for name in ("client_id", "client_secret"))
            client_id, client_secret = (values[0] for values in fields)
        else:
            client_id, client_secret = _basic(authorization)
        if client_id != self.client_id:
            raise LoginRefusal(400, "invalid_client", "client not found: invalid_client")
        if client_secret != self.client_secret:
            raise LoginRefusal(401, "invalid_client", "authentication failed")
        grants = told.get("grant_type", [])
        if grants != ["client_credentials"]:
            raise LoginRefusal(400, "unsupported_grant_type", "grant_type is not supported")
        value = secrets.token_urlsafe(48)
        self._tokens[value] = Token(value, time.monotonic() + self.token_seconds)
        return {
            "access_token": value,
            "token_type": "bearer",
            "expires_in": int(self.token_seconds),
        }

    def check(self, authorization: str | None) -> Token:
        """Return the token a request carries; raises Refusal (401)."""
        if not authorization or not authorization.lower().startswith("bearer "):
            raise Refusal(
                401,
                "No authentication bearer token specified in authorization header.",
                "authentication.required",
            )
        token = self._tokens.get(authorization[7:].strip())
        if token is None or token.revoked or token.expires_at <= time.monotonic():
            raise Refusal(401)
        return token

    def count(self, token: Token) -> Allowance:
        """Count a request; raises Refusal (429) when the minute's quota is used up."""
        now = time.monotonic()
        if now - token.window_started_at >= WINDOW_SECONDS:
            token.window_started_at, token.used = now, 0
        token.used += 1
        reset = max(1, round(token.window_started_at + WINDOW_SECONDS - now))
        allowance = Allowance(token.used, self.quota, reset)
        if token.used > self.quota:
            code, message = too_many_requests(reset)
            headers = {**allowance.headers(), "Retry-After": str(reset)}
            raise Refusal(429, message, code, headers)
        return allowance

    def revoke(self, authorization: str | None) -> None:
        """Make a token worthless from now on."""
        value = (authorization or "")[7:].strip()
        if value in self._tokens:
            self._tokens[value].revoked = True


def _basic(authorization: str | None) -> tuple[str, str]:
    scheme, _, credentials = (authorization or "").partition(" ")
    try:
        text = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    if scheme.lower() != "basic":
        text = ""
    client_id, _, client_secret = text.partition(":")
    return client_id, client_secret
