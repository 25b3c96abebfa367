"""A line of TCP to a server of this machine, which can be cut after any number of bytes."""

import contextlib
import socket
import struct
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

LOOPBACK = "127.0.0.1"
# Closed with nothing to linger for, a socket sends RST instead of FIN.
_AT_ONCE = struct.pack("ii", 1, 0)
Way = Literal["there", "back"]


@dataclass
class Line:
    """Listens on loopback and passes on what comes, in both directions.

    Attributes:
        target: the port of the server.
        port: where it listens.
        passed: how many bytes went each way, since the beginning or `mend`.
    """

    target: int
    port: int = field(default=0, init=False)
    passed: dict[Way, int] = field(default_factory=lambda: {"there": 0, "back": 0}, init=False)
    _limits: dict[Way, int] = field(default_factory=dict, init=False)
    _request: bytes = field(default=b"", init=False)
    _requests_left: int = field(default=0, init=False)
    _open: set[socket.socket] = field(default_factory=set, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _is_cut: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port = self._listener.getsockname()[1]

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
        self._listener.close()
        self._cut()

    def cut_after(self, count: int, way: Way = "there") -> None:
        """Reset every connection once so many bytes have gone one way; nobody gets through then."""
        self.mend()
        self._limits = {way: count}

    def lose_the_answer_to(self, request: bytes, nth: int = 1) -> None:
        """Cut it as the server answers the nth request that has these bytes in it."""
        self.mend()
        self._request, self._requests_left = request, nth

    @property
    def is_cut(self) -> bool:
        """Whether that has happened."""
        return self._is_cut

    def mend(self) -> None:
        """Pass everything on from now on."""
        with self._lock:
            self._is_cut, self._limits, self._request = False, {}, b""
            self.passed = {"there": 0, "back": 0}

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if self._is_cut:
                    _reset(near)
                    continue
                far = socket.create_connection((LOOPBACK, self.target))
                with self._lock:
                    self._open |= {near, far}
                for way, source, sink in (("there", near, far), ("back", far, near)):
                    threading.Thread(
                        target=self._pass_on, args=(way, source, sink), daemon=True
                    ).start()

    def _pass_on(self, way: Way, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                with self._lock:
                    if way == "there" and self._request:
                        self._requests_left -= data.count(self._request)
                    elif self._request and self._requests_left <= 0:
                        self._limits = {"back": 0}
                    room = self._limits.get(way, self.passed[way] + len(data)) - self.passed[way]
                    self.passed[way] += len(data)
                sink.sendall(data[: max(room, 0)])
                if room < len(data):
                    self._cut()
                    return
            sink.shutdown(socket.SHUT_WR)

    def _cut(self) -> None:
        with self._lock:
            self._is_cut = True
            cut, self._open = self._open, set()
        for one in cut:
            _reset(one)


def _reset(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        # Whoever waits for it in another thread is woken.
        one.shutdown(socket.SHUT_RD)
    one.close()
