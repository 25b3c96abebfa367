"""A lock that is a row of a table, held by who writes it and as long as they renew it.

For warehouses that keep no session's lock: Snowflake, BigQuery, Databricks. Table and row are made
by one statement, so there is never more than one row; whoever wants it changes it by one statement
that says what must be in it, and then looks whether their own change is what stayed. The clock is
the warehouse's alone.
"""

import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import tenacity

from loader.errors import AlreadyRunning
from loader.warehouses.lock import POLL_SECONDS, wait_for

if TYPE_CHECKING:
    from dlt.destinations.sql_client import SqlClientBase

TABLE = "run_lock"
# A statement wakes a warehouse that is paid by the second, so they are few; after a kill that
# nothing could answer, the lock is free this much later.
LEASE_SECONDS = 600
RENEW_SECONDS = 150
MAKING_SECONDS = 30


class LockRow:
    """The row, and us as one of those who want to hold it.

    Args:
        open_client: returns a client of the schema the table lies in, connected while entered.
        now: SQL of the time of the warehouse, in whole milliseconds.
        text: SQL of a text's type.
        place: what it locks, for messages.
        lease_seconds: after which time without a renewal its holder counts as dead.
    """

    def __init__(
        self,
        open_client: "Callable[[], AbstractContextManager[SqlClientBase[Any]]]",
        now: str,
        text: str,
        place: str,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self._open_client = open_client
        self._now = now
        self._text = text
        self._place = place
        self._lease = lease_seconds
        self._asking = threading.Lock()
        self._client: SqlClientBase[Any] | None = None
        self._nonce = ""
        self._is_lost = False

    @contextmanager
    def held(self, wait_seconds: float = 0.0) -> Iterator[None]:
        """Hold it, and renew it from time to time.

        Args:
            wait_seconds: how long to wait for a run that holds it.

        Raises:
            AlreadyRunning: another run holds it, and which.
        """
        with self._open_client() as client:
            self._client = client
            self._make(client)
            wait_for(self._take, self._held_by, wait_seconds)
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
                    self._change("holder = ''", "nonce = %s", self._nonce)
                self._client = None

    def check(self) -> None:
        """Make sure that it is still ours.

        Raises:
            AlreadyRunning: another run has taken it.
        """
        if self._client is not None:
            self._renew()

    def _make(self, client: "SqlClientBase[Any]") -> None:
        """Make the schema, the table and its row, where they are not there."""
        if not client.has_dataset():
            try:
                client.create_dataset()
            except Exception:
                # Another run was faster.
                if not client.has_dataset():
                    raise
        # Another run that makes it in the same moment may not have ended: asked again, it is there.
        tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_conflict),
            wait=tenacity.wait_random(0, POLL_SECONDS),
            stop=tenacity.stop_after_delay(MAKING_SECONDS),
            reraise=True,
        )(
            self._sql,
            f"create table if not exists {self._table} as select"
            f" cast('' as {self._text}) as nonce, cast('' as {self._text}) as holder,"
            f" {self._now} as renewed_ms",
        )

    def _take(self) -> bool:
        """Write our name where nobody's who lives is; tell whether it stayed."""
        self._nonce = secrets.token_hex(8)
        holder = f"process {os.getpid()} on {socket.gethostname()}"
        self._change(
            f"nonce = %s, holder = %s, renewed_ms = {self._now}",
            f"holder = '' or renewed_ms < {self._now} - {int(self._lease * 1000)}",
            self._nonce,
            holder,
        )
        return self._newest()[0] == self._nonce

    def _renew(self) -> None:
        with self._asking:
            if not self._is_lost:
                # Where somebody has taken it, the row has another nonce and stays as it is.
                self._change(f"renewed_ms = {self._now}", "nonce = %s", self._nonce)
                self._is_lost = self._newest()[0] != self._nonce
        if self._is_lost:
            raise AlreadyRunning(
                f"the lock of {self._place} was not renewed in time, and another run has taken it; "
                "what was not committed is read again by the next load."
            )

    def _renew_until(self, is_over: threading.Event) -> None:
        while not is_over.wait(min(RENEW_SECONDS, self._lease / 4)):
            try:
                self._renew()
            except AlreadyRunning:
                # Said before the next commit.
                return
            except Exception:
                # The line is cut; whoever commits sees it as well.
                continue

    def _held_by(self) -> str:
        return f"another run ({self._newest()[1] or 'just ended'}) holds {self._place}"

    @property
    def _connected(self) -> "SqlClientBase[Any]":
        if self._client is None:
            raise RuntimeError("held() comes first")
        return self._client

    @property
    def _table(self) -> str:
        return self._connected.make_qualified_table_name(TABLE)

    def _newest(self) -> tuple[str, str]:
        [(nonce, holder)] = self._sql(f"select nonce, holder from {self._table}")
        return str(nonce), str(holder)

    def _change(self, what: str, condition: str, *parameters: object) -> None:
        """Change the row where the condition holds.

        Two that change it at once: some engines have one wait, others refuse it. Either way what
        is in the row afterwards says who it was.
        """
        try:
            self._sql(f"update {self._table} set {what} where {condition}", *parameters)
        except Exception as error:
            if not _is_conflict(error):
                raise

    def _sql(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._connected.execute_sql(sql, *parameters) or ()]


# What engines say to one of two who write at once.
_CONFLICTS = ("concurrent", "conflict", "serialize access", "already exists")


def _is_conflict(error: BaseException) -> bool:
    return any(sign in str(error).lower() for sign in _CONFLICTS)
