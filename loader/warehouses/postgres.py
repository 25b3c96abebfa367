"""Postgres: a small server."""

import os
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import Field, SecretStr

from loader.errors import AlreadyRunning, DestinationError
from loader.setting_types import Secret, Text, Whole, count
from loader.warehouses.base import Warehouse, WarehouseSettings
from loader.warehouses.lock import wait_for

if TYPE_CHECKING:
    from dlt.common.destination.reference import AnyDestination_CO
    from dlt.destinations.sql_client import SqlClientBase
    from psycopg2.extensions import connection

# Of the advisory lock, which is one of the database's.
_KEY = int.from_bytes(b"genesys")
# A machine that is gone gives its lock back within two minutes, and one that is idle keeps it.
_KEEP = """
    select set_config(settings.name, given.value, false)
    from (values ('tcp_keepalives_idle', '60'), ('tcp_keepalives_interval', '10'),
        ('tcp_keepalives_count', '6'), ('idle_session_timeout', '0')) as given (name, value)
    inner join pg_settings as settings on given.name = settings.name
"""
_HOLDER = f"""
    select sessions.application_name
    from pg_locks as locks
    inner join pg_stat_activity as sessions on locks.pid = sessions.pid
    where locks.locktype = 'advisory' and locks.granted and locks.objsubid = 1
        and locks.classid = {_KEY >> 32} and locks.objid = {_KEY & 0xFFFFFFFF}
        and sessions.datname = current_database()
"""


class PostgresSettings(WarehouseSettings):
    """The server, and who enters which database."""

    required = ("host", "user", "database")

    host: Text = Field(default="localhost", alias="ELT_POSTGRES_HOST")
    port: Whole = count(5432, 1, 65535, "ELT_POSTGRES_PORT")
    user: Text = Field(default="", alias="ELT_POSTGRES_USER")
    password: Secret = Field(default=SecretStr(""), alias="ELT_POSTGRES_PASSWORD")
    database: Text = Field(default="", alias="ELT_POSTGRES_DATABASE")


class Postgres(Warehouse[PostgresSettings]):
    """A database on a Postgres server."""

    name = "postgres"
    settings_model = PostgresSettings
    file_format = "csv"
    chosen_by = "ELT_POSTGRES_DATABASE"

    def __init__(self, settings: PostgresSettings) -> None:
        super().__init__(settings)
        self._lock: connection | None = None

    @contextmanager
    def lock(self, wait_seconds: float = 0.0) -> Iterator[None]:
        """Hold an advisory lock, by a connection of its own: the server frees it with that."""
        import psycopg2

        try:
            held = psycopg2.connect(
                host=self.settings.host,
                port=self.settings.port,
                user=self.settings.user,
                password=self.settings.password.get_secret_value(),
                dbname=self.settings.database,
                application_name=f"genesys-elt process {os.getpid()} on {socket.gethostname()}"[
                    :63
                ],
            )
            held.autocommit = True
            _rows(held, _KEEP)
        except psycopg2.Error as error:
            problem = self.problem([error], str(error))
            raise DestinationError(
                problem or f"{self.place} refused a connection ({type(error).__name__})."
            ) from error
        with closing(held):
            wait_for(
                lambda: bool(_rows(held, f"select pg_try_advisory_lock({_KEY})")[0][0]),
                lambda: f"another run ({_holder(held)}) holds {self.place}",
                wait_seconds,
            )
            self._lock = held
            try:
                yield
            finally:
                self._lock = None

    def check_lock(self) -> None:
        """Ask on the lock's connection: the lock is as old as that.

        Raises:
            AlreadyRunning: the server has closed it.
        """
        import psycopg2

        if self._lock is None:
            return
        try:
            _rows(self._lock, "select 1")
        except psycopg2.Error as error:
            raise AlreadyRunning(
                f"{self.place} has closed the connection that held the lock, and another run may "
                "hold it by now; run again."
            ) from error

    @property
    def place(self) -> str:
        """The server."""
        return f"Postgres at ELT_POSTGRES_HOST {self.settings.host}:{self.settings.port}"

    def destination(self) -> "AnyDestination_CO":
        """Return dlt's destination, which opens a connection each time it needs one."""
        import dlt

        return dlt.destinations.postgres(
            credentials={
                "host": self.settings.host,
                "port": self.settings.port,
                "username": self.settings.user,
                "password": self.settings.password.get_secret_value(),
                "database": self.settings.database,
            }
        )

    def driver_errors(self) -> tuple[type[BaseException], ...]:
        """Return what the driver raises."""
        import psycopg2

        return (psycopg2.Error,)

    def problem(self, causes: Sequence[BaseException], text: str) -> str | None:
        """Say what an error of the server or the way to it means."""
        import psycopg2

        if "read-only" in text:
            return f"{self.place} cannot be written: no permission."
        if any(isinstance(cause, psycopg2.OperationalError) for cause in causes):
            reason = (
                "password refused" if "password" in text else "unreachable or closed the connection"
            )
            return f"{self.place}: {reason}."
        return None

    def rewrite(
        self, open_client: Callable[[], "SqlClientBase[Any]"], tables: Iterable[str]
    ) -> None:
        """Have the server write the tables anew."""
        with open_client() as client:
            # Not possible within a transaction.
            client.native_connection.autocommit = True
            for table in tables:
                client.execute_sql(f"vacuum full {table}")


def _rows(on: "connection", sql: str) -> list[tuple[Any, ...]]:
    with on.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def _holder(on: "connection") -> str:
    rows = _rows(on, _HOLDER)
    return str(rows[0][0]).removeprefix("genesys-elt ") if rows else "just ended"
