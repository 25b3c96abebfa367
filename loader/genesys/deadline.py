"""One deadline over a whole exchange: connecting, headers and body.

A socket's timeout bounds each read by itself. Whoever drips a header, or says `100 Continue` for
ever, would hold us as long as they like.
"""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Any, ClassVar, Self

import requests
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

# So much later, that where a timeout of the socket's falls due as well, that is what is told.
GRACE_SECONDS = 0.25


class Deadline:
    """Shuts the connections of this thread's exchange when it falls due.

    Args:
        seconds: from now.

    Attributes:
        has_passed: whether it fell due; what was read by then may be cut short.
    """

    _of_thread: ClassVar[threading.local] = threading.local()

    def __init__(self, seconds: float) -> None:
        self.has_passed = False
        self._lines: list[socket.socket] = []
        self._timer = threading.Timer(seconds + GRACE_SECONDS, self._fall_due)
        self._timer.daemon = True

    @classmethod
    def current(cls) -> "Deadline | None":
        """Return that of the exchange this thread is in."""
        return getattr(cls._of_thread, "deadline", None)

    def __enter__(self) -> Self:
        """Begin."""
        self._of_thread.deadline = self
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End in time."""
        self._timer.cancel()
        self._of_thread.deadline = None

    def hold(self, line: socket.socket) -> None:
        """Shut this as well."""
        self._lines.append(line)
        if self.has_passed:
            self._fall_due()

    def _fall_due(self) -> None:
        self.has_passed = True
        for line in self._lines:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


class _Held(HTTPConnection):
    """A connection that the deadline of whoever uses it can shut.

    It keeps a second handle of its socket: while TLS is negotiated the first belongs to nobody.
    """

    line: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        opened = super()._new_conn()
        self.line = opened.dup()
        self._hold()
        return opened

    def request(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        """Send a request, on a connection that may have been there before."""
        self._hold()
        super().request(*arguments, **options)

    def close(self) -> None:
        """Let go of both."""
        super().close()
        if self.line is not None:
            self.line.close()
            self.line = None

    def _hold(self) -> None:
        deadline = Deadline.current()
        if deadline is not None and self.line is not None:
            deadline.hold(self.line)


class _HeldTls(_Held, HTTPSConnection):
    """The same with TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Held


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _HeldTls


class HeldAdapter(requests.adapters.HTTPAdapter):
    """Makes connections that a deadline can shut."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        """Have the pool make them."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
