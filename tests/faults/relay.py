"""Stands between the loader and the sandbox and does to bytes what an HTTP server cannot.

Each request is passed on as it is, unless a trick is scheduled for it. A trick writes to the socket
itself; afterwards the connection is closed.
"""

import contextlib
import gzip
import http.client
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"
# Invented for these tests: an authority, what it has signed and what not, one key for all of them.
# They open nothing.
CERTIFICATES = Path(__file__).parent / "certificates"
# What is forwarded is whole again, so how it was packed is not said again.
_PACKING = {"content-length", "transfer-encoding", "connection", "content-encoding"}


@dataclass(frozen=True)
class Exchange:
    """A request that a trick is played on, and the answer it should have had."""

    line: str
    headers: dict[str, str]
    socket: socket.socket
    closing: threading.Event
    answer: "Callable[[], Answer]"
    body: bytes = b""

    def send(self, body: bytes, *headers: str, status: str = "200 OK") -> None:
        """Write an answer with exactly these headers beside its type."""
        lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", *headers, "", ""]
        self.socket.sendall("\r\n".join(lines).encode() + body)


@dataclass(frozen=True)
class Answer:
    """What the sandbox answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


Trick = Callable[[Exchange], None]


@dataclass
class Scheduled:
    """A trick, the requests it is meant for, and how many of them it gets."""

    pattern: re.Pattern[str]
    trick: Trick
    times: int
    played: int = 0


class Relay:
    """Listens on loopback and passes requests on to `target`.

    Args:
        target: the URL of the sandbox.
        certificate: which of CERTIFICATES to show; plain HTTP without one.
    """

    def __init__(self, target: str, certificate: str | None = None) -> None:
        self._target = urlsplit(target).netloc
        self._tls = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            chain, key = CERTIFICATES / f"{certificate}.pem", CERTIFICATES / "key.pem"
            self._tls.load_cert_chain(chain, key)
        self._listener = socket.create_server((LOOPBACK, 0))
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._scheduled: list[Scheduled] = []
        self.connections = 0
        self.asked: list[str] = []
        port = self._listener.getsockname()[1]
        # Certificates are made out to a name.
        self.url = f"https://localhost:{port}" if self._tls else f"http://{LOOPBACK}:{port}"

    def __enter__(self) -> Self:
        """Begin to listen."""
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of every connection."""
        self._closing.set()
        self._listener.close()

    def play(self, match: str, trick: Trick, times: int = 1) -> Scheduled:
        """Play a trick on the next requests "METHOD /path?query" in which `match` is found."""
        scheduled = Scheduled(re.compile(match), trick, times)
        with self._lock:
            self._scheduled.append(scheduled)
        return scheduled

    def stop_tricks(self) -> None:
        """Pass everything on from now on."""
        with self._lock:
            self._scheduled.clear()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            if self._tls:
                with self._tls.wrap_socket(connection, server_side=True) as secured:
                    self._answer(secured)
            else:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as reader:
            while line := reader.readline().decode("latin-1").strip():
                headers: dict[str, str] = {}
                while header := reader.readline().decode("latin-1").strip():
                    name, _, value = header.partition(":")
                    headers[name.strip().lower()] = value.strip()
                body = reader.read(int(headers.get("content-length", "0")))
                method, path, _ = line.split(" ")
                asked = f"{method} {path}"
                self.asked.append(asked)

                def answer(
                    method: str = method, path: str = path,
                    body: bytes = body, headers: dict[str, str] = headers,
                ) -> Answer:  # fmt: skip
                    return self._forward(method, path, body, headers)

                trick = self._next_trick(asked)
                if trick is not None:
                    trick(Exchange(asked, headers, connection, self._closing, answer, body))
                    return
                self._pass_on(connection, answer())

    def _next_trick(self, asked: str) -> Trick | None:
        with self._lock:
            for scheduled in self._scheduled:
                if scheduled.played < scheduled.times and scheduled.pattern.search(asked):
                    scheduled.played += 1
                    return scheduled.trick
        return None

    def _forward(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        kept = {
            name: value
            for name, value in headers.items()
            if name in ("authorization", "content-type", "accept")
        }
        upstream = http.client.HTTPConnection(self._target, timeout=60)
        with contextlib.closing(upstream):
            upstream.request(method, path, body or None, kept)
            response = upstream.getresponse()
            return Answer(response.status, response.getheaders(), response.read())

    def _pass_on(self, connection: socket.socket, answer: Answer) -> None:
        lines = [f"HTTP/1.1 {answer.status} {http.client.responses.get(answer.status, '')}"]
        lines += [
            f"{name}: {value}" for name, value in answer.headers if name.lower() not in _PACKING
        ]
        lines += [f"Content-Length: {len(answer.body)}", "", ""]
        connection.sendall("\r\n".join(lines).encode("latin-1") + answer.body)


# -- tricks --------------------------------------------------------------------------------------


def hang(exchange: Exchange) -> None:
    """Say nothing, and hold the line."""
    exchange.closing.wait(30)


def drip(exchange: Exchange) -> None:
    """Send the body so slowly that no single read ever times out."""
    body = exchange.answer().body
    exchange.send(b"", f"Content-Length: {len(body)}")
    for position in range(len(body)):
        if exchange.closing.is_set():
            return
        exchange.socket.sendall(body[position : position + 1])
        time.sleep(0.2)


def drip_headers(exchange: Exchange) -> None:
    """Send a header so slowly that no single read ever times out, and never its end."""
    _say_for_ever(exchange, b"HTTP/1.1 200 OK\r\nX-Long: ", b"x")


def continue_for_ever(exchange: Exchange) -> None:
    """Say that the answer is yet to come."""
    _say_for_ever(exchange, b"", b"HTTP/1.1 100 Continue\r\n\r\n")


def _say_for_ever(exchange: Exchange, first: bytes, again: bytes) -> None:
    exchange.socket.sendall(first)
    while not exchange.closing.is_set():
        exchange.socket.sendall(again)
        time.sleep(0.1)


def gzip_cut(exchange: Exchange) -> None:
    """Send half of a compressed body, as if that were all."""
    packed = gzip.compress(exchange.answer().body)
    half = packed[: len(packed) // 2]
    exchange.send(half, "Content-Encoding: gzip", "Connection: close")


def gzip_cut_and_measured_again(exchange: Exchange) -> None:
    """Send half of a compressed body with the length of the half."""
    packed = gzip.compress(exchange.answer().body)
    half = packed[: len(packed) // 2]
    exchange.send(half, "Content-Encoding: gzip", f"Content-Length: {len(half)}")


def cut_inside_a_text(exchange: Exchange) -> None:
    """Send a page that ends inside a text which looks like the end of a page."""
    exchange.send(
        b'{"conversations":[{"conversationId":"half","externalTag":"}]}', "Connection: close"
    )


def no_last_chunk(exchange: Exchange) -> None:
    """Send the body in chunks, and never say that it is over."""
    body = exchange.answer().body
    half = len(body) // 2
    exchange.send(
        b"%x\r\n%s\r\n%x\r\n%s\r\n" % (half, body[:half], len(body) - half, body[half:]),
        "Transfer-Encoding: chunked",
    )


def reset(exchange: Exchange) -> None:
    """Reset the connection inside the body."""
    body = exchange.answer().body
    exchange.send(body[: len(body) // 2], f"Content-Length: {len(body)}")
    time.sleep(0.05)
    # Closed with nothing to linger for, a socket sends RST instead of FIN.
    exchange.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def lose(exchange: Exchange) -> None:
    """Let the request be answered, and pass nothing on."""
    exchange.answer()


def close_afterwards(exchange: Exchange) -> None:
    """Answer in full, promise to keep the connection, and close it."""
    body = exchange.answer().body
    exchange.send(body, f"Content-Length: {len(body)}", "Connection: keep-alive")
