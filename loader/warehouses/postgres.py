"""Postgres: a small server."""

import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, cast

from pydantic import Field, SecretStr

from loader.errors import AlreadyRunning
from loader.setting_types import Secret, Text, Whole, count
from loader.warehouses.base import Warehouse, WarehouseSettings
from loader.warehouses.lock import wait_for

if TYPE_CHECKING:
    from dlt.common.destination.client import JobClientBase
    from dlt.common.destination.reference import AnyDestination_CO
    from dlt.destinations.sql_client import SqlClientBase
    from psycopg2.extensions import connection

    from loader.warehouses.once import OnceClient

# Of the advisory lock, which is one of the database's.
_KEY = int.from_bytes(b"genesys")
# A machine that is gone gives its lock back within two minutes, and one that is idle keeps it.
_KEEP = """
    select set_config(settings.name, given.value, false)
    from (values ('tcp_keepalives_idle', '60'), ('tcp_keepalives_interval', '10'),
        ('tcp_keepalives_count', '6'), ('idle_session_timeout', '0')) as given (name, value)
    inner join pg_settings as settings on given.name = settings.name
"""
# So many files are copied at once.
COPIES = 2
# Where nothing answers, not even that the line is cut, one would wait for hours.
_PATIENCE: dict[str, Any] = {
    "connect_timeout": 15, "keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 6,
    "tcp_user_timeout": 120_000,
}  # fmt: skip
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
    # Half of a load is the server's work, and a connection's is done by one process of its own.
    dlt_values: ClassVar[Mapping[str, object]] = {"parallelism_strategy": "parallel"}
    chosen_by = "ELT_POSTGRES_DATABASE"
    signs: ClassVar = {
        "password authentication failed|no password supplied": (
            "{place}: user or password refused (ELT_POSTGRES_USER, ELT_POSTGRES_PASSWORD), or the "
            "password has expired."
        ),
        "is not permitted to log in|pg_hba.conf": (
            "{place}: lets no such user in from this machine (ELT_POSTGRES_USER)."
        ),
        "too many clients|connection slots|too many connections|not currently accepting|"
        "starting up|shutting down|recovery mode": "{place}: takes no connection now; try later.",
        'fatal: +database "[^"]*" does not exist': (
            "{place}: there is no such database (ELT_POSTGRES_DATABASE)."
        ),
        r"(?:permission denied (?:for|to create temporary tables in)|must be owner of) "
        r'(\w+) "?(\w+)': (
            "{place}: no permission on the {0} {1}; README lists the grants that it takes."
        ),
        "read-only": "{place} cannot be written: no permission.",
        "statement timeout|lock timeout": (
            "{place}: a statement took longer than the server lets it (statement_timeout, "
            "lock_timeout)."
        ),
        "could not translate host name|connection to server|server closed the connection": (
            "{place}: unreachable or closed the connection."
        ),
    }

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
                **_PATIENCE,
                application_name=f"genesys-elt process {os.getpid()} on {socket.gethostname()}"[
                    :63
                ],
            )
            held.autocommit = True
            _rows(held, _KEEP)
        except psycopg2.Error as error:
            raise self.refused_the_lock(error) from error
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
        from loader.warehouses.once import Once

        return Once(
            credentials={
                "host": self.settings.host,
                "port": self.settings.port,
                "username": self.settings.user,
                "password": self.settings.password.get_secret_value(),
                "database": self.settings.database,
                "query": dict(_PATIENCE),
            },
            max_parallel_load_jobs=COPIES,
        )

    def list_load(self, client: "JobClientBase", load_id: str) -> bool:
        """List a load as completed, and forget which of its files are loaded."""
        was_listed = super().list_load(client, load_id)
        cast("OnceClient", client).forget_files(load_id)
        return was_listed

    def driver_errors(self) -> tuple[type[BaseException], ...]:
        """Return what the driver raises."""
        import psycopg2

        return (psycopg2.Error,)

    def problem(self, causes: Sequence[BaseException], text: str) -> str | None:
        """Say what an error of the server or the way to it means."""
        import psycopg2

        if told := super().problem(causes, text):
            return told
        if any(isinstance(cause, psycopg2.OperationalError) for cause in causes):
            return f"{self.place}: unreachable or closed the connection."
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
