"""Postgres: a small server."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field, SecretStr

from loader.setting_types import Secret, Text, Whole, count
from loader.warehouses.base import Warehouse, WarehouseSettings

if TYPE_CHECKING:
    from dlt.common.destination.reference import AnyDestination_CO
    from dlt.destinations.sql_client import SqlClientBase


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
