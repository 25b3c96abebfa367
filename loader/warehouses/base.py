"""What differs from one kind of warehouse to the next, as the rest of the loader sees it.

A kind is one file beside this one: its settings, and a `Warehouse` made of them. Such a file
imports dlt and the engine's driver inside its functions, so that settings are read without them.
"""

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from loader.errors import DestinationError, SettingsError
from loader.setting_types import SOURCES, Whole, count

if TYPE_CHECKING:
    from dlt.common.destination.client import JobClientBase
    from dlt.common.destination.reference import AnyDestination_CO
    from dlt.destinations.sql_client import SqlClientBase

# What the names of our schemas begin with, dbt's among them.
OURS = "genesys"

FileFormat = Literal["csv", "parquet"]
# One in SQL, and its parameters.
Statement = tuple[str, Sequence[object]]


class WarehouseSettings(BaseSettings):
    """The settings of one kind of warehouse, by their names in the environment.

    dbt's profile reads each of them under the same name, but for those in `not_for_dbt` and those
    that every kind has; so there is no second list of what dbt is told.
    """

    model_config = SOURCES

    # Fields that must not be empty.
    required: ClassVar[tuple[str, ...]] = ()
    not_for_dbt: ClassVar[tuple[str, ...]] = ()

    lock_wait_seconds: Whole = count(60, 0, 3600, "ELT_LOCK_WAIT_SECONDS")

    def lacking(self) -> list[str]:
        """Return the names of the required settings that are not set."""
        fields = type(self).model_fields
        return [str(fields[name].alias) for name in self.required if not getattr(self, name)]

    def environment(self) -> dict[str, str]:
        """Return what dbt's profile reads, as environment variables."""
        return {
            str(field.alias): _plain(getattr(self, name))
            for name, field in type(self).model_fields.items()
            if name not in {*self.not_for_dbt, *WarehouseSettings.model_fields}
        }


def _plain(value: object) -> str:
    if value is None:
        return ""
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
        dlt_values: what dlt is told otherwise than by `configuration.VALUES`.
        undefined: names of the driver's errors that mean that a table or column is not there; what
            dlt recognises by itself needs no mention.
        signs: what an error of the warehouse or the way to it says, the driver's or dbt's, as a
            regular expression in any case; and what that means, in braces what is `named` and the
            groups, which are names and nothing else. The first that is found counts.
        table_kinds: what it calls tables of rows in its information schema.
        record_megabytes: of the longest text it takes.
        remains: where deleted rows go on being after `rewrite`, and until when; a sentence.
        ours: what the names of its schemas begin with.
    """

    name: ClassVar[str]
    settings_model: ClassVar[type[WarehouseSettings]]
    file_format: ClassVar[FileFormat]
    chosen_by: ClassVar[str]
    dlt_values: ClassVar[Mapping[str, object]] = {}
    undefined: ClassVar[frozenset[str]] = frozenset()
    signs: ClassVar[Mapping[str, str]] = {}
    table_kinds: ClassVar[frozenset[str]] = frozenset({"BASE TABLE"})
    record_megabytes: ClassVar[int] = 1024
    remains: ClassVar[str] = ""
    ours: str = OURS

    def __init__(self, settings: SettingsOfKind) -> None:
        self.settings = settings

    @property
    def raw_schema(self) -> str:
        """The name of the raw dataset, which is a schema."""
        return f"{self.ours}_raw"

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

    def list_load(self, client: "JobClientBase", load_id: str) -> bool:
        """List a load as completed, unless a later one is listed already.

        Args:
            client: dlt's, of the load.
            load_id: its id, which is the time it began.

        Returns:
            Whether it was listed.
        """
        sql = client.sql_client  # type: ignore[attr-defined]
        loads = sql.make_qualified_table_name(client.schema.loads_table_name)
        columns = client.loads_table_schema_columns  # type: ignore[attr-defined]
        values = (load_id, client.schema.name, 0, datetime.now(UTC), client.schema.version_hash)
        # In one statement: between two of them we might sleep. One that is listed already is so
        # by us: the answer was lost, or we were killed.
        sql.execute_sql(
            f"INSERT INTO {loads}({columns})"
            " SELECT %s, %s, %s, %s, %s FROM (SELECT 1 AS one) AS one"
            f" WHERE NOT EXISTS (SELECT 1 FROM {loads} AS later WHERE later.load_id >= %s)",
            *values,
            load_id,
        )
        return bool(sql.execute_sql(f"SELECT 1 FROM {loads} WHERE load_id = %s", load_id))

    @property
    def wait_seconds(self) -> int:
        """How long to wait for others who hold it, or the lock of its work directory."""
        return int(self.settings.lock_wait_seconds)

    def wait_until_free(self) -> None:
        """Wait until another process can open it, where only one at a time can.

        Raises:
            DestinationError: naming who holds it.
        """

    def after_build(self) -> None:
        """Let go of what dbt keeps open in this process until that ends."""

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

    def check_dbt(self) -> None:
        """Refuse to start dbt without what it needs for this kind.

        Raises:
            SettingsError: naming what is missing and how to get it.
        """

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
        return self.meaning(text)

    def meaning(self, text: str) -> str | None:
        """Say in one line what an error is a sign of; None where it is none of the warehouse's."""
        for sign, told in self.signs.items():
            if found := re.search(sign, text, re.IGNORECASE):
                return told.format(*found.groups(), **self.named)
        return None

    @property
    def named(self) -> Mapping[str, str]:
        """What `signs` name in braces."""
        return {"place": self.place}

    def refused_the_lock(self, error: Exception) -> DestinationError:
        """Return what to raise in place of what the driver did when it was asked for the lock."""
        causes = [error, *filter(None, (error.__cause__, error.__context__))]
        return DestinationError(
            self.problem(causes, " ".join(map(str, causes)))
            or f"{self.place} refused the lock ({type(causes[-1]).__name__})."
        )

    def check_installed(self, module: str, how: str = "") -> None:
        """Refuse to run without a module that is not among what everybody has.

        Args:
            module: its name.
            how: what to tell pip; without it the extra of the kind's name.

        Raises:
            SettingsError: it is not installed.
        """
        try:
            is_there = find_spec(module) is not None
        except ModuleNotFoundError:
            is_there = False
        if not is_there:
            told = how or f"-e '.[{self.name}]'"
            raise SettingsError(
                f"ELT_TARGET={self.name}: {module} is not installed; `pip install {told}`."
            )

    def stored(self, client: "SqlClientBase[Any]", prefix: str) -> Iterator[StoredColumn]:
        """Walk through the columns, in their order, of the schemas whose name begins so.

        Args:
            client: of the raw dataset, connected.
            prefix: in lower case; the names may be in any.
        """
        catalog, _, _ = client._get_information_schema_components()
        columns = self.information_schema(client, "COLUMNS")
        tables = self.information_schema(client, "TABLES")
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
            yield StoredColumn(schema, table, column, kind not in self.table_kinds)

    def information_schema(self, client: "SqlClientBase[Any]", view: str) -> str:
        """Return the full name of a view of the information schema, on all schemas."""
        return client._qualify_info_schema_table_name(view)

    def drop(self, client: "SqlClientBase[Any]") -> list[str]:
        """Drop the schemas whose name begins with `ours` and `_`, and return their names.

        Args:
            client: of the raw dataset, connected.
        """
        catalog, _, _ = client._get_information_schema_components()
        beginning = f"{self.ours}_"
        rows = client.execute_sql(
            f"select schema_name from {self.information_schema(client, 'SCHEMATA')}"
            f" where lower(substring(schema_name, 1, {len(beginning)})) = %s"
            f"{' and catalog_name = %s' if catalog else ''} order by schema_name",
            *([beginning, catalog] if catalog else [beginning]),
        )
        names = [str(name) for (name,) in rows or ()]
        for name in names:
            with client.with_alternative_dataset_name(name) as other:
                other.drop_dataset()
        return names

    def execute(self, client: "SqlClientBase[Any]", statements: Sequence[Statement]) -> None:
        """Execute statements that delete or change rows: all of them or none.

        Args:
            client: of the raw dataset, connected.
            statements: of one table each, which do no harm a second time.
        """
        with client.begin_transaction():
            for sql, parameters in statements:
                client.execute_sql(sql, *parameters)

    def finish(
        self, open_client: Callable[[], AbstractContextManager["SqlClientBase[Any]"]]
    ) -> None:
        """Bring to its end what a process that was killed has begun by `execute`.

        Args:
            open_client: returns a client of the raw dataset, to be entered.
        """

    @abstractmethod
    def rewrite(
        self, open_client: Callable[[], "SqlClientBase[Any]"], tables: Iterable[str]
    ) -> None:
        """Write tables anew, so that nothing of deleted rows is left in any file.

        Args:
            open_client: returns a client of the raw dataset, to be entered.
            tables: their full names, quoted.
        """

    def spare_memory(self) -> None:
        """Take little of this machine's memory from now on: somebody looks at what is there."""

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
