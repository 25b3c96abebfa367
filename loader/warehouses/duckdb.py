"""DuckDB: one file on this machine; the default."""

import fcntl
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from pydantic import Field

from loader.errors import DestinationError
from loader.setting_types import PlainPath, Text
from loader.warehouses.base import Warehouse, WarehouseSettings, check_writable
from loader.warehouses.lock import file_lock

if TYPE_CHECKING:
    from dlt.common.destination.capabilities import DataTypeMapper
    from dlt.common.destination.reference import AnyDestination_CO
    from dlt.common.destination.typing import PreparedTableSchema
    from dlt.common.schema.typing import TColumnSchema
    from dlt.destinations.sql_client import SqlClientBase
    from duckdb import DuckDBPyConnection

CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "threads": 2,
    # Else row groups that commits left incomplete are merged at each checkpoint, up to so many rows
    # and whatever their bytes: of records of 190 KB that takes a gigabyte, and most of the load.
    "max_vacuum_tasks": 0,
    # The C library keeps what threads free; by itself DuckDB has it given back from 128 MB on.
    "allocator_flush_threshold": "16MB",
}
# What fills one is compressed as it is inserted, anything else lies in the log first, uncompressed.
# So no more than 16 MB of conversations hold; DuckDB takes no fewer rows, and by default 122 880.
ROW_GROUP = 2_048
# So many row groups are inserted at once, as DuckDB inserts one in one thread: a load is a seventh
# faster by that, and holds one more of them in memory.
INSERTS = 2
# Rows not yet in the file itself lie uncompressed in its log; dlt would let that grow to 1 GB.
CHECKPOINT = "16MB"
# What DuckDB may keep from one commit to the next; within one it takes what that needs, since a
# limit that turns out too low for large records would stop every later run at the same place.
KEPT = "16MB"
# What it may take of memory, its cache of the file included, for somebody who looks at the marts;
# the rest of a large join lies in a file meanwhile. By itself it takes most of the machine's.
LOOKED = "500MB"
_CATALOG = "warehouse"


class DuckDBSettings(WarehouseSettings):
    """Where the file is, and what may be used of this machine."""

    path: PlainPath = Field(default=Path("data/genesys.duckdb"), alias="ELT_DUCKDB_PATH")
    memory: Text = Field(
        default="1200MB", alias="ELT_DUCKDB_MEMORY", pattern=r"^\d{1,6} ?(MB|GB|MiB|GiB)$"
    )


class DuckDB(Warehouse[DuckDBSettings]):
    """A DuckDB file, which one process at a time can open."""

    name = "duckdb"
    settings_model = DuckDBSettings
    file_format = "parquet"
    chosen_by = "ELT_DUCKDB_PATH"
    # A file is an insert, which takes several times its payloads: one row group of Parquet each,
    # since bytes of files tell little of those where text compresses well.
    dlt_values: ClassVar[Mapping[str, object]] = {
        "file_max_bytes": 1,
        "parallelism_strategy": "parallel",
    }
    undefined = frozenset({"CatalogException", "BinderException"})

    def __init__(self, settings: DuckDBSettings) -> None:
        super().__init__(settings)
        self._connection: DuckDBPyConnection | None = None
        self._held: BinaryIO | None = None

    @property
    def place(self) -> str:
        """The file."""
        return f"{self.chosen_by} {self.settings.path}"

    @property
    def files(self) -> Sequence[Path]:
        """The file."""
        return (self.settings.path,)

    def check_paths(self) -> None:
        """Refuse a file that cannot be written.

        Raises:
            DestinationError: naming the setting and the path.
        """
        if self.settings.path.is_dir():
            raise DestinationError(f"{self.place} is a directory, not a file.")
        check_writable(self.chosen_by, self.settings.path)

    def exists(self) -> bool:
        """Tell whether the file is there."""
        return self.settings.path.exists()

    def destination(self) -> "AnyDestination_CO":
        """Open the file, once no other process has it open, and return dlt's destination."""
        import dlt

        return dlt.destinations.duckdb(
            credentials=self.credentials(),
            type_mapper=_types_with_compression(),
            max_parallel_load_jobs=INSERTS,
        )

    def credentials(self) -> Any:  # noqa: ANN401 - a class that dlt imports DuckDB for
        """Open the file, and return what dlt gets at it by."""
        from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials

        self._connection = self._opened()
        return DuckDbCredentials(
            self._connection,
            # dlt works on clones of the connection, which begin outside the attached file.
            pragmas=[f"search_path='{_CATALOG}.main'", f"checkpoint_threshold='{CHECKPOINT}'"],
        )

    def _opened(self) -> "DuckDBPyConnection":
        """Open the file, once no other process has it open; DuckDB itself does not wait.

        dlt would open it several times in each commit, and each time it closes it DuckDB rewrites
        the row group it ends with; in between another process could take the file from us.
        """
        import duckdb
        import tenacity

        path = self.settings.path
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(config=_config(path))
        attach = f"attach '{path}' as {_CATALOG} (row_group_size {ROW_GROUP})"
        tenacity.Retrying(
            retry=tenacity.retry_if_exception(
                lambda error: isinstance(error, duckdb.IOException) and "lock" in str(error)
            ),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=5),
            stop=tenacity.stop_after_delay(self.settings.lock_wait_seconds),
            reraise=True,
        )(lambda: connection.execute(attach))
        return connection

    def lock(self, wait_seconds: float = 0.0) -> AbstractContextManager[None]:
        """Hold a file beside it: DuckDB's own lock does not tell a run from somebody who reads."""
        path = self.settings.path
        return file_lock(path.with_name(f"{path.name}.lock"), self.place, wait_seconds)

    def wait_until_free(self) -> None:
        """Wait until no other process has the file open: dbt would not wait.

        Raises:
            DestinationError: naming who holds it.
        """
        import duckdb

        try:
            self._connection = self._opened()
        except duckdb.Error as error:
            problem = self.problem([error], str(error))
            raise DestinationError(problem or f"{self.place} cannot be opened.") from error
        finally:
            self.close()

    def after_build(self) -> None:
        """Close the file, which dbt's adapter leaves open."""
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager

        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]

    def publish(self, schema: str, formats: Sequence[str]) -> list[Path]:
        """Write the tables of a schema as files beside the warehouse, each replaced at once.

        Whoever has the old ones open goes on reading those.

        Raises:
            DestinationError: in use, without such tables, or the copy cannot be written.
        """
        import duckdb

        if not self.exists():
            raise DestinationError(f"{self.place} does not exist yet; load first (`make load`).")
        path = self.settings.path
        # Not called as the schema is: DuckDB could not tell a file's name from a schema's.
        file = path.with_name(f"{path.stem}-marts.duckdb")
        folder = path.with_name(f"{path.stem}-marts")
        try:
            self._connection = self._opened()
            names = self._connection.execute(
                "select table_name from information_schema.tables"
                " where table_catalog = ? and table_schema = ? order by table_name",
                [_CATALOG, schema],
            ).fetchall()
            tables = [name for (name,) in names]
            if not tables:
                raise DestinationError(f"{self.place} has no tables in {schema}; transform first.")
            if "duckdb" in formats:
                self._write_file(self._connection, schema, tables, file)
            if "parquet" in formats:
                self._write_folder(self._connection, schema, tables, folder)
        except duckdb.Error as error:
            problem = self.problem([error], str(error))
            raise DestinationError(
                problem
                or f"{schema} cannot be published from {self.place} ({type(error).__name__})."
            ) from error
        except OSError as error:
            place = error.filename or path.parent
            raise DestinationError(f"{place} cannot be written: {error.strerror}.") from error
        finally:
            self.close()
        return [place for place, kind in ((file, "duckdb"), (folder, "parquet")) if kind in formats]

    @staticmethod
    def _write_file(
        connection: "DuckDBPyConnection", schema: str, tables: Sequence[str], file: Path
    ) -> None:
        """Write one DuckDB file and put it in place by one rename."""
        fresh = file.with_name(f"{file.name}.new")
        fresh.unlink(missing_ok=True)
        try:
            connection.execute(f"attach '{fresh}' as fresh")
            try:
                connection.execute(f"create schema fresh.{schema}")
                for table in tables:
                    connection.execute(
                        f'create table fresh.{schema}."{table}" as'
                        f' from {_CATALOG}.{schema}."{table}"'
                    )
            finally:
                connection.execute("detach fresh")
            _flushed(fresh)
            fresh.replace(file)
        finally:
            fresh.unlink(missing_ok=True)
            fresh.with_name(f"{fresh.name}.wal").unlink(missing_ok=True)

    @staticmethod
    def _write_folder(
        connection: "DuckDBPyConnection", schema: str, tables: Sequence[str], folder: Path
    ) -> None:
        """Write a folder of Parquet files and put it in place by one rename.

        A folder that holds files cannot be replaced by another in one step, a link to one can.
        """
        if folder.exists() and not folder.is_symlink():
            raise DestinationError(f"{folder} was not made by publish; move it away.")
        before = folder.readlink().name if folder.is_symlink() else ""
        fresh = folder.with_name(f".{folder.name}-{time.time_ns()}")
        fresh.mkdir()
        try:
            for table in tables:
                file = fresh / f"{table}.parquet"
                connection.execute(
                    f"copy {_CATALOG}.{schema}.\"{table}\" to '{file}'"
                    " (format parquet, compression zstd)"
                )
                _flushed(file)
            link = folder.with_name(f".{folder.name}.new")
            link.unlink(missing_ok=True)
            link.symlink_to(fresh.name)
            link.replace(folder)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        # Whoever reads the one before has until the next time.
        for old in folder.parent.glob(f".{folder.name}-*"):
            if old.name not in (fresh.name, before):
                shutil.rmtree(old, ignore_errors=True)

    def driver_errors(self) -> tuple[type[BaseException], ...]:
        """Return what DuckDB raises."""
        import duckdb

        return (duckdb.Error,)

    def problem(self, causes: Sequence[BaseException], text: str) -> str | None:
        """Say what an error of DuckDB means."""
        if "Conflicting lock" in text or "Could not set lock" in text:
            holder = re.search(r"held in (\S+) \(PID (\d+)\)|\(PID (\d+)\)", text)
            return (
                f"{self.place} is open in another process{_shown(holder)}; close it. Waited "
                f"{self.settings.lock_wait_seconds} s (ELT_LOCK_WAIT_SECONDS)."
            )
        if "not a valid DuckDB database file" in text:
            return f"{self.place} is not a DuckDB database file."
        if "Permission denied" in text or "read-only" in text:
            return f"{self.place} cannot be written: no permission."
        if "WAL" in text or "checksum" in text.lower():
            return (
                f"{self.place} is damaged; restore it from a backup, or move it away and load "
                "again."
            )
        return None

    def rewrite(
        self, open_client: Callable[[], "SqlClientBase[Any]"], tables: Iterable[str]
    ) -> None:
        """Write the file anew, closed, and put it in place by one rename.

        DuckDB marks the room of deleted rows as free and leaves the bytes, so the file is written
        whole: for a moment that takes its size once more.
        """
        import duckdb

        self.close()
        path = self.settings.path
        fresh = path.with_name(f"{path.name}.new")
        fresh.unlink(missing_ok=True)
        try:
            with duckdb.connect(config=_config(path)) as connection:
                connection.execute(f"attach '{path}' as {_CATALOG}")
                connection.execute(f"checkpoint {_CATALOG}")
                connection.execute(f"attach '{fresh}' as fresh (row_group_size {ROW_GROUP})")
                connection.execute(f"copy from database {_CATALOG} to fresh")
                connection.execute("detach fresh")
                connection.execute(f"detach {_CATALOG}")
            with fresh.open("rb") as file:
                os.fsync(file.fileno())
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)

    def spare_memory(self) -> None:
        """Bound DuckDB's memory; what does not fit goes to its temporary directory."""
        if self._connection is not None:
            self._connection.execute(f"set memory_limit = '{LOOKED}'")

    def state(self) -> str | None:
        """Tell what the file system knows of the file, which holds all that was written.

        No other process can write to it from then on until dbt has it open, or we close it.
        """
        if adapter := sys.modules.get("dbt.adapters.duckdb.connections"):
            adapter.DuckDBConnectionManager.close_all_connections()
        path = self.settings.path
        self.close()
        try:
            self._held = path.open("r+b")
            # DuckDB's own lock is such a one, and it is a process's: dbt gets it all the same.
            fcntl.lockf(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return None
        if path.with_name(f"{path.name}.wal").exists():
            return None
        stat = os.fstat(self._held.fileno())
        seen = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        return " ".join(map(str, (path.resolve(), *seen)))

    def after_commit(self) -> None:
        """Drop the blocks it caches; nobody reads them again in this run."""
        import duckdb

        if self._connection is not None:
            with suppress(duckdb.OutOfMemoryException):
                self._connection.execute(f"set memory_limit = '{KEPT}'")
            self._connection.execute("reset memory_limit")

    def close(self) -> None:
        """Let go of the file, which until then no other process can open."""
        import duckdb

        if self._held is not None:
            self._held.close()
            self._held = None
        if self._connection is not None:
            with suppress(duckdb.Error):
                # dlt's clones of the connection may outlive it, and hold the file with them.
                self._connection.execute(f"use memory; detach {_CATALOG}")
            self._connection.close()
            self._connection = None


def _types_with_compression() -> type["DataTypeMapper"]:
    """Have dlt make columns of text that are zstd, whoever writes or merges their row groups.

    DuckDB's own choice for JSON text is three times larger and slower to write; for the models'
    columns it is the better one, so zstd is no setting of the file.
    """
    from dlt.destinations.impl.duckdb.factory import DuckDbTypeMapper

    class Compressed(DuckDbTypeMapper):
        def to_destination_type(self, column: "TColumnSchema", table: "PreparedTableSchema") -> str:
            name = super().to_destination_type(column, table)
            return f"{name} using compression zstd" if name == "VARCHAR" else name

    return Compressed


def _flushed(path: Path) -> None:
    """Have a file on the disk before its name leads to it."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _shown(holder: "re.Match[str] | None") -> str:
    if holder is None:
        return ""
    program, process, alone = holder.groups()
    return f" ({Path(program).name}, PID {process})" if program else f" (PID {alone})"


def _config(path: Path) -> dict[str, str | bool | int | float | list[str]]:
    return {**CONFIG, "temp_directory": f"{path}.tmp"}
