"""A lock that is a row of a table, held by who writes it and as long as they renew it.

For warehouses that keep no session's lock: Snowflake, BigQuery, Databricks. Table and row are made
by one statement, so there is never more than one row; whoever wants it changes it by one statement
that says what must be in it, and then looks whether their own change is what stayed. The clock is
the warehouse's alone.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import tenacity

from loader.warehouses.lock import POLL_SECONDS
from loader.warehouses.renewed import Renewed

if TYPE_CHECKING:
    from dlt.destinations.sql_client import SqlClientBase

TABLE = "run_lock"
# A statement wakes a warehouse that is paid by the second, so they are few; after a kill that
# nothing could answer, the lock is free this much later.
LEASE_SECONDS = 600
RENEW_SECONDS = 150
MAKING_SECONDS = 30


class LockRow(Renewed):
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
        super().__init__(place, lease_seconds, RENEW_SECONDS)
        self._open_client = open_client
        self._now = now
        self._text = text
        self._client: SqlClientBase[Any] | None = None

    @contextmanager
    def held(self, wait_seconds: float = 0.0) -> Iterator[None]:
        """Hold it, by one connection, and renew it from time to time."""
        with self._open_client() as client:
            self._client = client
            self._make(client)
            try:
                with super().held(wait_seconds):
                    yield
            finally:
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
        # Another run that makes it in the same moment may not have ended: asked again, it is there.
        at_last = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_conflict),
            wait=tenacity.wait_random(0, POLL_SECONDS),
            stop=tenacity.stop_after_delay(MAKING_SECONDS),
            reraise=True,
        )
        at_last(_make_schema, client)
        at_last(
            self._sql,
            f"create table if not exists {self._table} as select"
            f" cast('' as {self._text}) as nonce, cast('' as {self._text}) as holder,"
            f" {self._now} as renewed_ms",
        )

    def _take(self) -> bool:
        """Write our name where nobody's who lives is; tell whether it stayed."""
        self._change(
            f"nonce = %s, holder = %s, renewed_ms = {self._now}",
            f"holder = '' or renewed_ms < {self._now} - {int(self._lease_seconds * 1000)}",
            self._nonce,
            self._we,
        )
        return self._is_ours()

    def _write_again(self) -> bool:
        """Renew it: where somebody has taken it, the row has another nonce and stays as it is."""
        self._change(f"renewed_ms = {self._now}", "nonce = %s", self._nonce)
        return self._is_ours()

    def _give_back(self) -> None:
        self._change("holder = ''", "nonce = %s", self._nonce)

    def _holder(self) -> str:
        return self._newest()[1]

    def _is_ours(self) -> bool:
        return self._newest()[0] == self._nonce

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


def _make_schema(client: "SqlClientBase[Any]") -> None:
    if not client.has_dataset():
        try:
            client.create_dataset()
        except Exception:
            # Another run was faster.
            if not client.has_dataset():
                raise


# What engines say to one of two who write at once.
_CONFLICTS = ("concurrent", "conflict", "serialize access", "already exists")


def _is_conflict(error: BaseException) -> bool:
    return any(sign in str(error).lower() for sign in _CONFLICTS)
