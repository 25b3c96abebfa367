"""A lock that is ours as long as we renew it: for places that keep no session's lock."""

import os
import secrets
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from loader.errors import AlreadyRunning
from loader.warehouses.lock import wait_for


class Renewed(ABC):
    """Such a lock, and us as one of those who want to hold it.

    Args:
        place: what it locks, for messages.
        lease_seconds: after which time without a renewal its holder counts as dead.
        renew_seconds: how often to renew it, at least four times in a lease.
    """

    def __init__(self, place: str, lease_seconds: float, renew_seconds: float) -> None:
        self._place = place
        self._lease_seconds = lease_seconds
        self._renew_seconds = min(renew_seconds, lease_seconds / 4)
        self._asking = threading.Lock()
        # By which what we wrote is known.
        self._nonce = ""
        self._is_lost = False

    @contextmanager
    def held(self, wait_seconds: float = 0.0) -> Iterator[None]:
        """Hold it, and renew it from time to time.

        Args:
            wait_seconds: how long to wait for a run that holds it.

        Raises:
            AlreadyRunning: another run holds it, and which.
            DestinationError: the place cannot keep two runs apart.
        """
        wait_for(self._take_by_a_new_name, self._held_by, wait_seconds)
        is_over = threading.Event()
        renewing = threading.Thread(target=self._renew_until, args=(is_over,), daemon=True)
        renewing.start()
        try:
            yield
        finally:
            is_over.set()
            renewing.join()
            # Nobody waits longer than the lease, whatever becomes of this.
            with suppress(Exception):
                self._give_back()

    @abstractmethod
    def _take(self) -> bool:
        """Write our name where nobody's who lives is; tell whether it stayed."""

    @abstractmethod
    def _write_again(self) -> bool:
        """Renew it; tell whether it is still ours."""

    @abstractmethod
    def _give_back(self) -> None:
        """Write that nobody holds it, if it is ours."""

    @abstractmethod
    def _holder(self) -> str:
        """Return who holds it; nothing if nobody does."""

    @property
    def _we(self) -> str:
        return f"process {os.getpid()} on {socket.gethostname()}"

    def _take_by_a_new_name(self) -> bool:
        self._nonce = secrets.token_hex(8)
        return self._take()

    def _held_by(self) -> str:
        return f"another run ({self._holder() or 'just ended'}) holds {self._place}"

    def _renew(self) -> None:
        """Renew it.

        Raises:
            AlreadyRunning: another run has taken it.
        """
        with self._asking:
            if not self._is_lost:
                self._is_lost = not self._write_again()
        if self._is_lost:
            raise AlreadyRunning(
                f"the lock of {self._place} was not renewed in time, and another run has taken it; "
                "what was not committed is read again by the next load."
            )

    def _renew_until(self, is_over: threading.Event) -> None:
        while not is_over.wait(self._renew_seconds):
            try:
                self._renew()
            except AlreadyRunning:
                # Said before the next commit.
                return
            except Exception:
                # The line is cut; whoever commits sees it as well.
                continue
