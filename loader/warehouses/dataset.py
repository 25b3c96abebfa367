"""dlt: the run lock, commits and what they resume from; the only file that knows a destination.

A commit is one load package: raw rows, the ledger rows that describe them and the state that points
behind them, together. dlt keeps no state inside a run, so a commit is also the unit of resuming.
"""

import ctypes
import errno
import fcntl
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import dlt
import duckdb
import psycopg2
import pyarrow as pa
import pyarrow.compute as pc
import tenacity
from dlt.common.destination.exceptions import DestinationException
from dlt.common.pipeline import LoadInfo
from dlt.common.runtime import signals
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.destinations.job_client_impl import SqlJobClientBase
from dlt.extract import DltResource
from dlt.pipeline.exceptions import PipelineStepFailed

from loader.errors import AlreadyRunning, DestinationError, LoaderError, SettingsError
from loader.ledger import HashSalt, ResourceState, empty_tables, ledger_table
from loader.settings import Settings

PIPELINE = "genesys"
DATASET = "genesys_raw"

# A column of ours that appears or changes its type is a bug of ours; what is new in Genesys'
# records lies inside `payload` and cannot break a load.
RAW_CONTRACT: Any = {"tables": "evolve", "columns": "freeze", "data_type": "freeze"}

# DuckDB's own choice for JSON text is three times larger and slower to write than zstd.
DUCKDB_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "force_compression": "zstd",
    "threads": 2,
    # Row groups that commits left incomplete are merged a few at each checkpoint. Merging all there
    # are took as long as the load, and a gigabyte.
    "max_vacuum_tasks": 1,
}
# What is added to a row group is written together with what was in it before. One of DuckDB's
# default size, 122 880 rows, would hold 800 MB of conversations.
DUCKDB_ROW_GROUP = 4_096
# What a file of rows that was written to its end ends with.
LAST_BYTES = {".parquet": b"PAR1", ".csv": b"\n"}
# Rows not yet in the file itself lie uncompressed in its log; dlt would let that grow to 1 GB.
DUCKDB_CHECKPOINT = "16MB"
# What DuckDB may keep from one commit to the next; within one it takes what that needs, since a
# limit that turns out too low for large records would stop every later run at the same place.
DUCKDB_KEPT = "64MB"
_CATALOG = "warehouse"
_M_MMAP_THRESHOLD = -3  # malloc.h

# Bytes of payload read or written at once. DuckDB reads a row group of a Parquet file whole.
ROW_GROUP_BYTES = 16 << 20

_DLT_SETTINGS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "CRITICAL",  # what dlt logs may quote values; we say what happened
    "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID": "true",
    # Each table a resource yields becomes a row group of its own.
    "DATA_WRITER__BUFFER_MAX_ITEMS": "1",
    # Read once, by this machine, a moment later.
    "DATA_WRITER__COMPRESSION": "none",
    # Loaded rows stay in the warehouse only, not in the work directory as well.
    "LOAD__DELETE_COMPLETED_JOBS": "true",
    "LOAD__TRUNCATE_STAGING_DATASET": "true",
    # A trace may hold what an exception quotes.
    "ENABLE_RUNTIME_TRACE": "false",
}


@contextmanager
def run_lock(work_dir: Path) -> Iterator[None]:
    """Hold the work directory for this process; the kernel frees it even if we are killed.

    Raises:
        AlreadyRunning: another run holds it.
        DestinationError: the work directory cannot be written.
    """
    path = work_dir / "run.lock"
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b", buffering=0)
    except OSError as error:
        raise DestinationError(_unwritable("ELT_WORK_DIR", work_dir, error)) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read(20).decode("ascii", "replace").strip()
            raise AlreadyRunning(
                f"another run{f' (process {holder})' if holder.isdigit() else ''} holds {path}; "
                "wait for it to end."
            ) from None
        # Whose lock it is, for the message above; a full disk is no reason to stop here.
        with suppress(OSError):
            file.truncate(0)
            file.write(str(os.getpid()).encode())
        yield


class Dataset:
    """The raw dataset and the state in it.

    Opening creates nothing; `connect` does.

    Args:
        settings: which warehouse and where.
        raw_tables: names of the tables of records.
    """

    def __init__(self, settings: Settings, raw_tables: Sequence[str]) -> None:
        self._settings = settings
        self._raw_tables = raw_tables
        self._work_dir = settings.work_dir / "dlt"
        self._pipeline: dlt.Pipeline | None = None
        # A function, because dlt marks what it is given, and a method cannot be marked.
        self._source = dlt.source(lambda: self._resources(), name=PIPELINE, max_table_nesting=0)
        self._duckdb: duckdb.DuckDBPyConnection | None = None
        self._tables: dict[str, pa.Table] = {}
        self._states: Mapping[str, ResourceState] = {}

    def check_paths(self) -> None:
        """Refuse paths that cannot be written, before anything is asked of Genesys.

        Raises:
            DestinationError: naming the setting and the path.
        """
        if self._settings.target == "duckdb":
            path = self._settings.duckdb_path
            if path.is_dir():
                raise DestinationError(f"ELT_DUCKDB_PATH {path} is a directory, not a file.")
            _check_writable("ELT_DUCKDB_PATH", path)

    def exists(self) -> bool:
        """Tell whether there can be anything to read; a server we only know by asking it."""
        return self._settings.target != "duckdb" or self._settings.duckdb_path.exists()

    def connect(self, *, to_look: bool = False) -> None:
        """Open the warehouse, restore the state it holds, finish what a killed run left.

        Args:
            to_look: whatever the tables are, they stay so: pending packages are not finished and
                tables that are not there are not made.

        Raises:
            DestinationError: locked, unreachable, unwritable or not a warehouse of ours, or its
                tables are not as dlt left them.
            SettingsError: it holds another contract's records, the clock is behind it, or its salt
                is lost or not the one of the settings.
        """
        os.environ.update(_DLT_SETTINGS)
        _keep_little_memory()
        with _destination_errors(self._settings), _heeding_signals():
            _sweep(self._work_dir / PIPELINE)
            destination = self._destination()
            while True:
                self._pipeline = dlt.pipeline(
                    PIPELINE,
                    destination=destination,
                    dataset_name=DATASET,
                    pipelines_dir=str(self._work_dir),
                )
                self._pipeline.sync_destination()
                self._check_dataset()
                if to_look or self._pending_follow_the_warehouse():
                    break
                # They were made for a newer state of it: a backup has been put back since.
                shutil.rmtree(self._work_dir / PIPELINE)
        if not to_look:
            self.finish_pending()
        present = self._table_names()
        if "extract_windows" in present:
            self._check_contract()
        has_salt = "hash_salts" in present and self._check_salt(present)
        if not to_look:
            self._check_tables()
            missing = {
                name: table
                for name, table in empty_tables(self._raw_tables).items()
                if name not in present
            }
            if not has_salt:
                missing["hash_salts"] = ledger_table("hash_salts", [self._new_salt()])
            if missing:
                self.commit(missing, {})
        elif not present:
            return
        self._check_clock()

    def finish_pending(self) -> None:
        """Load what a killed run has left.

        Raises:
            DestinationError: it cannot be loaded.
        """
        with _destination_errors(self._settings), _heeding_signals():
            # A run with data would load what is pending, drop the data and report success.
            while self.pipeline.has_pending_data:
                self.pipeline.run()
                # Its state may be newer than ours: killed before dlt had saved it here as well.
                self.pipeline.sync_destination()

    def _pending_follow_the_warehouse(self) -> bool:
        """Tell whether the packages a killed run left go on from the state the warehouse holds.

        Each keeps the state it began with, to be put back if it is given up.
        """
        folder = self._work_dir / PIPELINE
        began = {
            json.loads(path.read_text("utf-8")).get("_version_hash")
            for packages in ("normalize/extracted", "load/normalized")
            for path in folder.glob(f"{packages}/*/.restore/state.json")
        }
        present = self.query(
            "select table_name from information_schema.tables"
            " where table_schema = %s and table_name in ('_dlt_pipeline_state', '_dlt_loads')",
            DATASET,
        )
        if not began or len(present) < 2:
            return True
        newest = self.query(
            "select states.version_hash from {dataset}._dlt_pipeline_state as states"
            " inner join {dataset}._dlt_loads as loads on states._dlt_load_id = loads.load_id"
            " where loads.status = 0 order by loads.load_id desc limit 1"
        )
        local = json.loads((folder / "state.json").read_text("utf-8")).get("_version_hash")
        return not newest or newest[0][0] in {*began, local}

    def close(self) -> None:
        """Let go of the DuckDB file, which until then no other process can open."""
        if self._duckdb is not None:
            self._duckdb.close()
            self._duckdb = None

    @property
    def pipeline(self) -> dlt.Pipeline:
        """The dlt pipeline, once connected."""
        if self._pipeline is None:
            raise RuntimeError("connect() comes first")
        return self._pipeline

    def state(self, resource: str) -> ResourceState:
        """Return where `resource` stands; at the beginning, where nothing is connected."""
        if self._pipeline is None:
            return ResourceState()
        sources = self.pipeline.state.get("sources", {})
        saved = sources.get(PIPELINE, {}).get("resources", {}).get(resource, {}).get("elt", {})
        return ResourceState.from_json(saved)

    def commit(self, tables: dict[str, pa.Table], states: Mapping[str, ResourceState]) -> None:
        """Append `tables` and set `states`, all in one load package; empties `tables`.

        Raises:
            DestinationError: the package was not loaded; the next run finishes or repeats it.
        """
        self._tables, self._states = tables, states
        with _destination_errors(self._settings), _heeding_signals():
            info: LoadInfo = self.pipeline.run(
                self._source(), loader_file_format=self._file_format()
            )
            info.raise_on_failed_jobs()
        self._release_memory()

    def _release_memory(self) -> None:
        """Give back what a commit took; the next is being read and needs as much."""
        if self._duckdb is not None:
            # The blocks it caches; nobody reads them again in this run.
            with suppress(duckdb.OutOfMemoryException):
                self._duckdb.execute(f"set memory_limit = '{DUCKDB_KEPT}'")
            self._duckdb.execute("reset memory_limit")
        # What Python and Arrow have freed; the C library keeps it. Only glibc can be told.
        if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
            trim(0)

    def erased(self) -> frozenset[str]:
        """Return the hashes of the conversations and contacts that no load may bring back."""
        rows = self.query("select distinct entity_hash from {dataset}.erased_records")
        return frozenset(entity for (entity,) in rows)

    def columns(self) -> dict[tuple[str, str], set[str]]:
        """Return the columns of every table of ours and dbt's, by schema and table; no views."""
        found: dict[tuple[str, str], set[str]] = {}
        for schema, table, column in self.query(
            """
            select columns.table_schema, columns.table_name, columns.column_name
            from information_schema.columns as columns
            inner join information_schema.tables as tables
                on columns.table_schema = tables.table_schema
                and columns.table_name = tables.table_name
            where tables.table_type = 'BASE TABLE' and substring(tables.table_schema, 1, 7) = %s
            """,
            DATASET[:7],
        ):
            found.setdefault((schema, table), set()).add(column)
        return found

    def execute(self, statements: Iterable[tuple[str, Sequence[object]]]) -> None:
        """Execute statements with their parameters in one transaction: all or none.

        Raises:
            DestinationError: the warehouse refused one.
        """
        with (
            _destination_errors(self._settings),
            self.pipeline.sql_client() as client,
            client.begin_transaction(),
        ):
            for sql, parameters in statements:
                client.execute_sql(sql, *parameters)

    def rewrite(self, tables: Iterable[tuple[str, str]]) -> None:
        """Write tables anew, so that nothing of deleted rows is left in any file; closes.

        DuckDB marks the room as free and leaves the bytes, so its file is written whole: for a
        moment that takes its size once more. It is put in place by one rename.

        Raises:
            DestinationError: it could not be written, or is in use.
        """
        with _destination_errors(self._settings):
            if self._settings.target == "postgres":
                with self.pipeline.sql_client() as client:
                    client.native_connection.autocommit = True
                    for schema, table in tables:
                        client.execute_sql(f'vacuum full "{schema}"."{table}"')
                return
            self.close()
            _rewrite_duckdb(self._settings.duckdb_path)

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query on the raw dataset; `{dataset}` stands for its name.

        Nothing connected holds no rows.
        """
        if self._pipeline is None:
            return []
        with _destination_errors(self._settings), self.pipeline.sql_client() as client:
            rows = client.execute_sql(
                re.sub(r"\{(\w+)\}", rf"{DATASET}.\1", sql.replace("{dataset}", DATASET)),
                *parameters,
            )
            return [tuple(row) for row in rows or []]

    def recorded_columns(self) -> dict[str, dict[str, str]]:
        """Return the columns of each table and their types as dlt has recorded them.

        Its own tables are left out.
        """
        if self.pipeline.default_schema_name is None:
            return {}
        schema = self.pipeline.default_schema
        return {
            name: {
                column: str(kind["data_type"])
                for column, kind in schema.get_table_columns(name).items()
            }
            for name in schema.data_table_names()
        }

    def found_columns(self) -> dict[str, dict[str, str]]:
        """Return what there is of the recorded tables, in dlt's types; none of a table gone."""
        recorded = self.recorded_columns()
        if not recorded:
            return {}
        with _destination_errors(self._settings), self.pipeline.destination_client() as client:
            tables = cast(SqlJobClientBase, client).get_storage_tables(recorded)
            return {
                name: {column: str(kind["data_type"]) for column, kind in columns.items()}
                for name, columns in tables
            }

    def pending_packages(self) -> int:
        """Return how many packages a killed run has left, before `connect` finishes them."""
        folder = self._work_dir / PIPELINE
        return len(
            _names(folder / "load" / "normalized") | _names(folder / "normalize" / "extracted")
        )

    def _resources(self) -> list[DltResource]:
        return [self._resource(name) for name in {**self._tables, **self._states}]

    def _resource(self, name: str) -> DltResource:
        def rows() -> Iterator[pa.Table]:
            if name in self._tables:
                yield from _row_groups(self._tables.pop(name))
            if name in self._states:
                dlt.current.resource_state()["elt"] = self._states[name].to_json()

        return dlt.resource(
            rows, name=name, write_disposition="append", schema_contract=RAW_CONTRACT
        )

    def _destination(self) -> Any:  # noqa: ANN401 - dlt's factories have no common public type
        settings = self._settings
        if settings.target == "postgres":
            return dlt.destinations.postgres(
                credentials={
                    "host": settings.postgres_host,
                    "port": settings.postgres_port,
                    "username": settings.postgres_user,
                    "password": settings.postgres_password.get_secret_value(),
                    "database": settings.postgres_database,
                }
            )
        self._duckdb = self._opened_duckdb()
        credentials = DuckDbCredentials(
            self._duckdb,
            # dlt works on clones of the connection, which begin outside the attached file.
            pragmas=[
                f"search_path='{_CATALOG}.main'",
                f"checkpoint_threshold='{DUCKDB_CHECKPOINT}'",
            ],
        )
        return dlt.destinations.duckdb(credentials=credentials)

    def _file_format(self) -> Any:  # noqa: ANN401 - a literal type dlt does not export
        return "csv" if self._settings.target == "postgres" else "parquet"

    def _opened_duckdb(self) -> duckdb.DuckDBPyConnection:
        """Open the file, once no other process has it open; DuckDB itself does not wait.

        dlt would open it several times in each commit, and each time it closes it DuckDB rewrites
        the row group it ends with; in between another process could take the file from us.
        """
        self._settings.duckdb_path.parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(config=_duckdb_config(self._settings.duckdb_path))
        attach = (
            f"attach '{self._settings.duckdb_path}' as {_CATALOG} "
            f"(row_group_size {DUCKDB_ROW_GROUP})"
        )
        tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_lock),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=5),
            stop=tenacity.stop_after_delay(self._settings.lock_wait_seconds),
            reraise=True,
        )(lambda: connection.execute(attach))
        return connection

    def _check_dataset(self) -> None:
        # A copied dataset carries the state of the original and would send the loads there.
        if self.pipeline.dataset_name != DATASET:
            raise SettingsError(
                f"the state in this warehouse belongs to dataset {self.pipeline.dataset_name}, not "
                f"{DATASET}: drop its table _dlt_pipeline_state and load again."
            )

    def _check_tables(self) -> None:
        # Changed by hand, they would stop a commit halfway, or take what dbt then reads otherwise.
        found = self.found_columns()
        for table, columns in self.recorded_columns().items():
            if not columns.items() <= found[table].items():
                raise DestinationError(f"{_place(self._settings)}: {_TABLES_DIFFER}")

    def _check_contract(self) -> None:
        # The marts would count the same hour twice, and no key tells that two rows are one.
        others = self.query(
            "select distinct contract from {dataset}.extract_windows where contract <> %s",
            self._settings.contract,
        )
        if others:
            raise SettingsError(
                f"GENESYS_CONTRACT is {self._settings.contract}, but this warehouse holds records "
                f"of the contract {others[0][0]}; set that, or choose another warehouse "
                "(ELT_DUCKDB_PATH, ELT_POSTGRES_DATABASE)."
            )

    def _check_salt(self, present: set[str]) -> bool:
        """Tell whether the salt is there, and is the one of the settings if they name one."""
        given = self._settings.pii_salt.get_secret_value()
        salt = self.salt()
        if salt is None:
            # Killed while the tables were made, if nothing was ever loaded.
            if (
                given
                or "extract_windows" not in present
                or not self.query("select 1 from {dataset}.extract_windows limit 1")
            ):
                return False
            raise SettingsError(
                f"{DATASET}.hash_salts has lost its row, and hashes made with another salt would "
                "not be those in the marts: restore it from a backup, or set ELT_PII_SALT to the "
                "salt it held. With a new one the next transform hashes everything anew."
            )
        if given and given != salt:
            raise SettingsError(
                "ELT_PII_SALT is not the salt this warehouse hashes personal data with: unset it, "
                "set the one of the warehouse, or choose another warehouse (ELT_DUCKDB_PATH, "
                "ELT_POSTGRES_DATABASE)."
            )
        return True

    def _new_salt(self) -> HashSalt:
        given = self._settings.pii_salt.get_secret_value()
        return HashSalt(given or secrets.token_hex(32), datetime.now(UTC))

    def salt(self) -> str | None:
        """Return what personal data are hashed with in the marts, as dbt picks it."""
        rows = self.query("select salt, created_at from {dataset}.hash_salts")
        return min(rows, key=lambda row: (row[1], row[0]))[0] if rows else None

    def _check_clock(self) -> None:
        # dbt reads by load time, and a load's id is the time it began.
        newest = self.query("select max(load_id) from {dataset}._dlt_loads")[0][0]
        if newest is not None and float(newest) > time.time():
            raise SettingsError(
                f"the clock of this machine is {float(newest) - time.time():.0f} s behind the "
                "newest load in the warehouse; set the clock right and run again."
            )

    def _table_names(self) -> set[str]:
        rows = self.query(
            "select table_name from information_schema.tables where table_schema = %s", DATASET
        )
        return {name for (name,) in rows if not name.startswith("_dlt")}


def _duckdb_config(path: Path) -> dict[str, str | bool | int | float | list[str]]:
    return {**DUCKDB_CONFIG, "temp_directory": f"{path}.tmp"}


def _rewrite_duckdb(path: Path) -> None:
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    try:
        with duckdb.connect(config=_duckdb_config(path)) as connection:
            connection.execute(f"attach '{path}' as {_CATALOG}")
            connection.execute(f"checkpoint {_CATALOG}")
            connection.execute(f"attach '{fresh}' as fresh (row_group_size {DUCKDB_ROW_GROUP})")
            connection.execute(f"copy from database {_CATALOG} to fresh")
            connection.execute("detach fresh")
            connection.execute(f"detach {_CATALOG}")
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _keep_little_memory() -> None:
    """Have what is freed go back to the system: pages and tables come and go all the time."""
    # Arrow's own pool keeps what it has once had.
    pa.set_memory_pool(pa.system_memory_pool())
    # glibc gives back at once what is larger than this; left alone, it raises the limit to 32 MB
    # as it goes, and its heaps fill with holes between the pages. Lower costs time.
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(_M_MMAP_THRESHOLD, 4 << 20)


def _row_groups(table: pa.Table) -> Iterator[pa.Table]:
    """Cut a table where its payloads pass ROW_GROUP_BYTES; a longer record stands alone."""
    if "payload" not in table.column_names:
        yield table
        return
    start = size = 0
    for row, length in enumerate(pc.binary_length(table["payload"]).to_pylist()):
        if size and size + length > ROW_GROUP_BYTES:
            yield table.slice(start, row - start)
            start, size = row, 0
        size += length
    # Also of an empty table: it makes the table in the warehouse.
    yield table.slice(start)


def _sweep(folder: Path) -> None:
    """Leave of the last run what is still to be loaded, and nothing else.

    Without pending packages the state is the warehouse's alone: dlt would prefer a newer one of its
    own, although the warehouse may have been restored from a backup, or be another one.
    """
    extracted = folder / "normalize" / "extracted"
    for packages in (extracted, folder / "load" / "normalized"):
        for path in packages.glob("*"):
            if path.is_file():
                # What a kill inside dlt's writes leaves; we would take it for a package for ever.
                path.unlink()
            elif (path / "package_completed.json").exists():
                # Loaded and listed, killed before it was put away: dlt would refuse it for ever.
                shutil.rmtree(path)
    if not _can_be_read(folder):
        # Half written when the power went. What the packages hold is asked for again: the state
        # behind them comes with their rows or not at all.
        shutil.rmtree(folder)
        return
    loading = _names(folder / "load" / "normalized")
    # Killed between the two steps that hand a package on, dlt could never hand it on again.
    for twin in loading & _names(extracted):
        shutil.rmtree(extracted / twin)
    if not loading and not _names(extracted):
        shutil.rmtree(folder, ignore_errors=True)
        return
    # What a kill inside dlt's schema write leaves; dlt takes any file for a schema.
    for name in _names(folder / "schemas"):
        if not name.endswith(".schema.json"):
            (folder / "schemas" / name).unlink()
    # Rows of an extract that was killed; the next asks for them again.
    for name in _names(folder / "normalize") - {"extracted", ".version"}:
        shutil.rmtree(folder / "normalize" / name)


def _can_be_read(folder: Path) -> bool:
    """Tell whether what lies among the packages, and the state and schemas they need, is whole."""
    packages = (folder / "normalize" / "extracted", folder / "load" / "normalized")
    files = [path for lying in packages for path in lying.glob("**/*") if path.is_file()]
    files += [folder / "state.json"] if (folder / "state.json").exists() else []
    files += (folder / "schemas").glob("*.schema.json")
    return all(_is_whole(path) for path in files)


def _is_whole(path: Path) -> bool:
    if last := LAST_BYTES.get(path.suffix):
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - len(last)))
            return file.read() == last
    if path.suffix == ".json":
        try:
            json.loads(path.read_bytes())
        except ValueError:
            return False
    return True


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


@contextmanager
def _heeding_signals() -> Iterator[None]:
    """Be interrupted between dlt's steps: it holds signals back and forgets them at its end."""
    with signals.intercepted_signals():
        try:
            yield
        finally:
            if signals.was_signal_received():
                raise KeyboardInterrupt


def _check_writable(setting: str, path: Path) -> None:
    """Refuse a file that could not be written, without creating it."""
    place = path
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK) or (place != path and not place.is_dir()):
        raise DestinationError(f"{setting} {path}: {place} is not writable.")


def _unwritable(setting: str, path: Path, error: OSError) -> str:
    return f"{setting} {path} cannot be written: {error.strerror}."


def _is_lock(error: BaseException) -> bool:
    return isinstance(error, duckdb.IOException) and "lock" in str(error)


_DESTINATION_ERRORS = (
    PipelineStepFailed,
    DestinationException,
    duckdb.Error,
    psycopg2.Error,
    OSError,
)


@contextmanager
def _destination_errors(settings: Settings) -> Iterator[None]:
    """Turn what dlt and the drivers raise into one line without values.

    Drivers quote the row at fault, and rows hold personal data.
    """
    try:
        yield
    except LoaderError:
        raise
    except _DESTINATION_ERRORS as error:
        raise DestinationError(_destination_problem(error, settings)) from error


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


_TABLES_DIFFER = (
    f"the tables of {DATASET} differ from the schema dlt has recorded; "
    "`python -m loader doctor` says where."
)


def _place(settings: Settings) -> str:
    if settings.target == "duckdb":
        return f"ELT_DUCKDB_PATH {settings.duckdb_path}"
    return f"Postgres at ELT_POSTGRES_HOST {settings.postgres_host}:{settings.postgres_port}"


def _destination_problem(error: BaseException, settings: Settings) -> str:
    place = _place(settings)
    causes = list(_causes(error))
    text = " ".join(str(cause) for cause in causes)
    for cause in causes:
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return f"no space left on {cause.filename or settings.work_dir}."
        if isinstance(cause, OSError) and cause.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            return f"{cause.filename or settings.work_dir} cannot be written: {cause.strerror}."
    if "No space left" in text:
        return f"no space left for {place}."
    if "Conflicting lock" in text or "Could not set lock" in text:
        holder = re.search(r"\(PID (\d+)\)", text)
        return (
            f"{place} is open in another process{f' (PID {holder.group(1)})' if holder else ''}; "
            f"close it. Waited {settings.lock_wait_seconds} s (ELT_LOCK_WAIT_SECONDS)."
        )
    if "not a valid DuckDB database file" in text:
        return f"{place} is not a DuckDB database file."
    if "Permission denied" in text or "read-only" in text:
        return f"{place} cannot be written: no permission."
    if "WAL" in text or "checksum" in text.lower():
        return f"{place} is damaged; restore it from a backup, or move it away and load again."
    if any(isinstance(cause, psycopg2.OperationalError) for cause in causes):
        reason = (
            "password refused" if "password" in text else "unreachable or closed the connection"
        )
        return f"{place}: {reason}."
    kinds = [type(cause).__name__ for cause in causes]
    if {"DatabaseUndefinedRelation", "CatalogException", "BinderException"} & set(kinds):
        return f"{place}: {_TABLES_DIFFER}"
    return f"{place} refused the load ({', '.join(dict.fromkeys(kinds))}); --debug shows where."
