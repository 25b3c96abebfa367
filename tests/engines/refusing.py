"""A server that gives the answers of a service's documentation: what an account would refuse."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What is answered, and how."""

    body: Mapping[str, Any]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Refusing:
    """A running server.

    Attributes:
        port: where it listens.
        answers: by what is in "METHOD path"; the first that fits.
    """

    port: int
    answers: dict[str, Answer] = field(default_factory=dict)

    def answer(self, asked: str) -> Answer:
        """Return the answer to a request."""
        found = (answer for part, answer in self.answers.items() if part in asked)
        return next(found, Answer({}, 404))


@contextmanager
def refusing() -> Iterator[Refusing]:
    """Run a server on a free port of this machine until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            answer = running.answer(f"{self.command} {self.path}")
            body = json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - as http.server has it

        def log_message(self, *arguments: object) -> None:
            """Write no line for each request."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        running = Refusing(server.server_port)
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        yield running
        server.shutdown()
        serving.join()
