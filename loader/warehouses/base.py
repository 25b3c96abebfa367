"""What differs from one kind of warehouse to the next, as the rest of the loader sees it.

A kind is one file beside this one: its settings, and a `Warehouse` made of them. Such a file
imports dlt and the engine's driver inside its functions, so that settings are read without them.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from loader.errors import DestinationError, SettingsError
from loader.setting_types import SOURCES

if TYPE_CHECKING:
    from dlt.common.destination.reference import AnyDestination_CO
    from dlt.destinations.sql_client import SqlClientBase

FileFormat = Literal["csv", "parquet"]


class WarehouseSettings(BaseSettings):
    """The settings of one kind of warehouse, by their names in the environment.

    dbt's profile reads each of them under the same name, but for those in `not_for_dbt`; so there
    is no second list of what dbt is told.
    """

    model_config = SOURCES

    # Fields that must not be empty.
    required: ClassVar[tuple[str, ...]] = ()
    not_for_dbt: ClassVar[tuple[str, ...]] = ()

    def lacking(self) -> list[str]:
        """Return the names of the required settings that are not set."""
        fields = type(self).model_fields
        return [str(fields[name].alias) for name in self.required if not getattr(self, name)]

    def environment(self) -> dict[str, str]:
        """Return what dbt's profile reads, as environment variables."""
        return {
            str(field.alias): _plain(getattr(self, name))
            for name, field in type(self).model_fields.items()
            if name not in self.not_for_dbt
        }


def _plain(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    # dbt may run in another directory.
    return str(value.resolve() if isinstance(value, Path) else value)


@dataclass(frozen=True)
class StoredColumn:
    """A column as the warehouse spells it, of a table as the warehouse spells that."""

    schema: str
    table: str
    column: str
    is_view: bool


SettingsOfKind = TypeVar("SettingsOfKind", bound=WarehouseSettings)


class Warehouse(ABC, Generic[SettingsOfKind]):
    """One warehouse; until `destination` is called nothing of it is opened or made.

    Attributes:
        name: of the kind, the value of ELT_TARGET.
        settings_model: its settings.
        file_format: in which rows are handed to it.
        chosen_by: the setting that leads to another warehouse of the kind.
        undefined: names of the driver's errors that mean that a table or column is not there; what
            dlt recognises by itself needs no mention.
    """

    name: ClassVar[str]
    settings_model: ClassVar[type[WarehouseSettings]]
    file_format: ClassVar[FileFormat]
    chosen_by: ClassVar[str]
    undefined: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, settings: SettingsOfKind) -> None:
        self.settings = settings

    @property
    @abstractmethod
    def place(self) -> str:
        """Where it is, for messages: the setting that says so and its value."""

    @property
    def files(self) -> Sequence[Path]:
        """Files of this machine that it lies in."""
        return ()

    @abstractmethod
    def destination(self) -> "AnyDestination_CO":
        """Open it, as far as that is needed, and return dlt's destination with its credentials."""

    def check_paths(self) -> None:
        """Refuse paths that cannot be written, before anything is asked of Genesys.

        Raises:
            DestinationError: naming the setting and the path.
        """

    def exists(self) -> bool:
        """Tell whether there can be anything to read; a server is only known by asking it."""
        return True

    @abstractmethod
    def lock(self, wait_seconds: float = 0.0) -> AbstractContextManager[None]:
        """Hold the warehouse itself, against runs of other work directories and other machines.

        It must be free again when its holder is dead, whatever machine that was on.

        Args:
            wait_seconds: how long to wait for a run that holds it.

        Raises:
            AlreadyRunning: another run holds it, and which.
            DestinationError: it cannot be asked.
        """

    def check_lock(self) -> None:
        """Make sure, before a commit, that the lock is still ours.

        Raises:
            AlreadyRunning: it was taken from us, as from a process that slept for too long.
        """

    @property
    def wait_seconds(self) -> int:
        """How long to wait for others who hold it, or the lock of its work directory."""
        return 60

    def wait_until_free(self) -> None:
        """Wait until another process can open it, where only one at a time can.

        Raises:
            DestinationError: naming who holds it.
        """

    def publish(self, schema: str, formats: Sequence[str]) -> list[Path]:
        """Write the tables of a schema as files that tools read while the warehouse is in use.

        Args:
            schema: whose tables and views.
            formats: `duckdb`, one file; `parquet`, a folder of files.

        Returns:
            Where they are; what was there before is replaced as a whole.

        Raises:
            SettingsError: it has many readers at once by itself.
            DestinationError: it holds no such tables, or cannot be read, or the copy not written.
        """
        raise SettingsError(
            f"ELT_TARGET={self.name} serves its readers itself; publish is for DuckDB files."
        )

    def driver_errors(self) -> tuple[type[BaseException], ...]:
        """Return what the driver raises where dlt does not wrap it."""
        return ()

    def problem(self, causes: Sequence[BaseException], text: str) -> str | None:
        """Say in one line what an error means and what to do, or None where only its kind is known.

        Drivers quote the row at fault, and rows hold personal data: nothing of `text` is passed on.

        Args:
            causes: the error and what caused it.
            text: what all of them say.
        """
        return None

    def stored(self, client: "SqlClientBase[Any]", prefix: str) -> Iterator[StoredColumn]:
        """Walk through the columns, in their order, of the schemas whose name begins so.

        Args:
            client: of the raw dataset, connected.
            prefix: in lower case; the names may be in any.
        """
        catalog, _, _ = client._get_information_schema_components()
        columns, tables = map(client._qualify_info_schema_table_name, ("COLUMNS", "TABLES"))
        rows = client.execute_sql(
            f"""
            select columns.table_schema, columns.table_name, columns.column_name, tables.table_type
            from {columns} as columns
            inner join {tables} as tables
                on columns.table_catalog = tables.table_catalog
                and columns.table_schema = tables.table_schema
                and columns.table_name = tables.table_name
            where lower(substring(columns.table_schema, 1, {len(prefix)})) = %s
                {"and columns.table_catalog = %s" if catalog else ""}
            order by columns.ordinal_position
            """,
            *([prefix, catalog] if catalog else [prefix]),
        )
        for schema, table, column, kind in rows or ():
            yield StoredColumn(schema, table, column, kind != "BASE TABLE")

    @abstractmethod
    def rewrite(
        self, open_client: Callable[[], "SqlClientBase[Any]"], tables: Iterable[str]
    ) -> None:
        """Write tables anew, so that nothing of deleted rows is left in any file.

        Args:
            open_client: returns a client of the raw dataset, to be entered.
            tables: their full names, quoted.
        """

    def state(self) -> str | None:
        """Tell the state it is in, which is another one after anything was written by anybody.

        None where it cannot tell: then it is taken for changed. dbt is not at work, and lets go of
        it. What others write while it builds would have to count as a change, too.
        """
        return None

    def after_commit(self) -> None:
        """Give back what a commit took; the next is being read and needs as much."""

    def close(self) -> None:
        """Let go of it."""


def check_writable(setting: str, path: Path) -> None:
    """Refuse a file that could not be written, without creating it.

    Raises:
        DestinationError: naming the setting and the directory that is in the way.
    """
    place = path
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK) or (place != path and not place.is_dir()):
        raise DestinationError(f"{setting} {path}: {place} is not writable.")
