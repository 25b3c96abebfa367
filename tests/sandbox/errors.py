"""Genesys's error bodies, and the refusals the API's rules end in."""

import json
from collections.abc import Mapping

CODES = {
    400: ("bad.request", "The request could not be understood by the server."),
    401: ("bad.credentials", "Invalid login credentials."),
    403: ("missing.any.permissions", "Unable to perform the requested action."),
    404: ("not.found", "The requested resource was not found."),
    405: ("method.not.allowed", "The request method is not supported on this resource."),
    413: ("request.entity.too.large", "Maximum bytes exceeded."),
    429: ("too.many.requests.retry.after", "Rate limit exceeded the maximum."),
    500: ("internal.server.error", "The server encountered an unexpected condition."),
    502: ("bad.gateway", "The gateway received an invalid response."),
    503: ("service.unavailable", "Service Unavailable"),
    504: ("request.timeout", "The request timed out."),
}


class Refusal(Exception):
    """The answer is an error; the door turns it into a body and its headers."""

    def __init__(
        self,
        status: int,
        message: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        known_code, known_message = CODES.get(status, ("error", "Error"))
        self.status = status
        self.message = message or known_message
        self.code = code or known_code
        self.headers = dict(headers or {})
        super().__init__(f"{status} {self.code}: {self.message}")


class LoginRefusal(Exception):
    """The login host refuses; its bodies are OAuth's, not Genesys's."""

    def __init__(self, status: int, error: str, description: str) -> None:
        self.status = status
        self.body = {
            "error": error,
            "description": description,
            "error_description": description,
        }
        super().__init__(f"{status} {error}: {description}")


def error_body(status: int, code: str, message: str, context_id: str) -> bytes:
    """Write an ErrorBody."""
    return json.dumps(
        {
            "message": message,
            "code": code,
            "status": status,
            "contextId": context_id,
            "details": [],
            "errors": [],
        }
    ).encode()


def too_many_requests(seconds: object) -> tuple[str, str]:
    """Return code and message of a 429 that asks to wait."""
    code = CODES[429][0]
    return code, f"Rate limit exceeded the maximum. Retry the request in [{seconds}] seconds"
