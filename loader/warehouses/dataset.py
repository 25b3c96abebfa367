"""The raw dataset behind dlt: connect, commit, query; knows no kind of warehouse.

A commit is one load package: raw rows, the ledger rows that describe them and the state that points
behind them, together. dlt keeps no state inside a run, so a commit is also the unit of resuming.
Names of schemas and tables are found and quoted by dlt's own client: engines differ in their case.
"""

import ctypes
import errno
import re
import secrets
import signal
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import dlt
import pyarrow as pa
import pyarrow.compute as pc
from dlt.common.destination.exceptions import DestinationException
from dlt.common.destination.reference import AnyDestination_CO
from dlt.common.pipeline import LoadInfo
from dlt.common.runtime import signals
from dlt.common.schema import Schema
from dlt.destinations.job_client_impl import SqlJobClientBase
from dlt.destinations.sql_client import SqlClientBase
from dlt.extract import DltResource, DltSource
from dlt.pipeline.exceptions import PipelineStepFailed

from loader.errors import (
    AlreadyRunning,
    DestinationError,
    LoaderError,
    SettingsError,
    WrongClock,
)
from loader.ledger import HashSalt, ResourceState, empty_tables, ledger_table
from loader.raw import Rows
from loader.settings import Settings
from loader.warehouses import warehouse_of
from loader.warehouses.base import OURS, StoredColumn
from loader.warehouses.configuration import (
    configure,
    keep_schemas,
    listing_in_order,
    with_known_capabilities,
)
from loader.warehouses.packages import Packages

PIPELINE = "genesys"
DATASET = f"{OURS}_raw"

# A column of ours that appears or changes its type is a bug of ours; what is new in Genesys'
# records lies inside `payload` and cannot break a load.
RAW_CONTRACT: Any = {"tables": "evolve", "columns": "freeze", "data_type": "freeze"}
# But where a new version of the loader has one more.
WIDENING: Any = {**RAW_CONTRACT, "columns": "evolve"}

# What clocks may lie apart.
MOST_SECONDS_OFF = 300.0

# Bytes of payload read or written at once: some engines read a row group of a file whole.
ROW_GROUP_BYTES = 16 << 20
_M_MMAP_THRESHOLD = -3  # malloc.h

# A table in a query, with its alias if it has one.
_TABLE = re.compile(r"\{(?:(\w+)\.)?(\w+)\}(?: as (\w+))?")


@dataclass(frozen=True, order=True)
class StoredTable:
    """A table by its name in lower case, and as the warehouse spells it, quoted."""

    schema: str
    name: str
    qualified: str


class Dataset:
    """The raw dataset and the state in it.

    Opening creates nothing; `connect` does.

    Args:
        settings: which warehouse and where.
        raw_tables: names of the tables of records.
        ours: what the names of its schemas begin with, and dbt's beside it.

    Attributes:
        warehouse: what is of its kind.
        name: of the dataset, which is a schema.
    """

    def __init__(self, settings: Settings, raw_tables: Sequence[str], ours: str = OURS) -> None:
        self.warehouse = warehouse_of(settings, ours)
        self.name = self.warehouse.raw_schema
        self._ours = ours
        self._settings = settings
        self._raw_tables = raw_tables
        self._dlt_dir = settings.work_dir / "dlt"
        self._packages = Packages(self._dlt_dir / PIPELINE)
        self._pipeline: dlt.Pipeline | None = None
        self._modelled: dict[tuple[str, str], str] = {}
        # What the clock says beyond what has passed.
        self._clock = _clock_and_time()
        # Loads that another run's was listed before.
        self._overtaken: list[str] = []

    def check_paths(self) -> None:
        """Refuse paths that cannot be written, before anything is asked of Genesys.

        Raises:
            DestinationError: naming the setting and the path.
        """
        self.warehouse.check_paths()

    def exists(self) -> bool:
        """Tell whether there can be anything to read; a server we only know by asking it."""
        return self.warehouse.exists()

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
        configure(self.warehouse.dlt_values)
        _keep_little_memory()
        with self._one_line_errors(), _heeding_signals():
            self._packages.sweep()
            destination = listing_in_order(
                with_known_capabilities(self.warehouse.destination()),
                self.warehouse,
                self._overtaken.append,
            )
        while not self._opened(destination, to_look=to_look):
            # They were made for a newer state of it: a backup has been put back since. Or another
            # run has loaded meanwhile.
            self._packages.give_up()
        if not to_look and self.recorded_columns():
            self.warehouse.finish(self._client)
        if to_look:
            self.warehouse.spare_memory()
        tables = empty_tables(self._raw_tables)
        present = self._present(tables)
        if "extract_windows" in present:
            self._check_contract()
        has_salt = "hash_salts" in present and self._check_salt(present)
        if not to_look:
            self._check_tables()
            if present:
                self._check_clock()
            recorded = self.recorded_columns()
            narrow = {
                name
                for name in present & recorded.keys()
                if not {*tables[name].column_names} <= recorded[name].keys()
            }
            missing = {
                name: [table]
                for name, table in tables.items()
                if name not in present or name in narrow
            }
            if not has_salt:
                missing["hash_salts"] = [ledger_table("hash_salts", [self._new_salt()])]
            if missing:
                self.commit(missing, {}, narrow)

    def _opened(self, destination: AnyDestination_CO, *, to_look: bool) -> bool:
        """Open it and load what a killed run has left; tell whether that was in its place there."""
        with self._one_line_errors(), _heeding_signals():
            self._pipeline = dlt.pipeline(
                PIPELINE,
                destination=destination,
                dataset_name=self.name,
                pipelines_dir=str(self._dlt_dir),
            )
            keep_schemas(self._pipeline)
            self._pipeline.sync_destination()
            self._check_dataset()
            if to_look:
                return True
            if not self._pending_follow_the_warehouse():
                return False
        self.finish_pending()
        is_in_place = not self._overtaken
        self._overtaken.clear()
        return is_in_place

    def finish_pending(self) -> None:
        """Load what a killed run has left.

        Raises:
            DestinationError: it cannot be loaded.
        """
        with self._one_line_errors(), _heeding_signals():
            # A run with data would load what is pending, drop the data and report success.
            while self.pipeline.has_pending_data:
                self.pipeline.run()
                # Its state may be newer than ours: killed before dlt had saved it here as well.
                self.pipeline.sync_destination()

    def _pending_follow_the_warehouse(self) -> bool:
        """Tell whether the packages a killed run left go on from the state the warehouse holds."""
        began = self._packages.began_with()
        if not began:
            return True
        tables = {"_dlt_version", "_dlt_pipeline_state", "_dlt_loads"}
        present = self._present(tables)
        if made_for := self._packages.made_for():
            # A power cut may have taken the tables, and dlt would not make them again.
            recorded = "_dlt_version" in present and self.query(
                "select version_hash from {_dlt_version}"
            )
            if not made_for <= {version for (version,) in recorded or []}:
                return False
        newest = present == tables and self.query(
            "select states.version_hash from {_dlt_pipeline_state} as states"
            " inner join {_dlt_loads} as loads on states._dlt_load_id = loads.load_id"
            " where loads.status = 0 order by loads.load_id desc limit 1"
        )
        # A warehouse that has lost all, or is another one, holds no state: only the first package
        # goes on from there.
        return (newest[0][0] if newest else None) in {*began, self._packages.state()}

    def close(self) -> None:
        """Let go of the warehouse; until then no other process may be able to open it."""
        self.warehouse.close()

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

    def commit(
        self,
        tables: dict[str, list[Rows]],
        states: Mapping[str, ResourceState],
        narrow: Collection[str] = (),
    ) -> None:
        """Append `tables` and set `states`, all in one load package; empties `tables`.

        Args:
            tables: their rows by name, in parts of which there is at least one.
            states: by resource.
            narrow: names of tables that get columns they lack.

        Raises:
            DestinationError: the package was not loaded; the next run finishes or repeats it.
            AlreadyRunning: another run has loaded meanwhile; the next one repeats it.
            WrongClock: this machine's was set meanwhile, and what it says is not to be trusted.
        """
        self.warehouse.check_lock()
        if abs(jumped := _clock_and_time() - self._clock) > MOST_SECONDS_OFF:
            raise WrongClock(
                f"the clock of this machine has jumped by {jumped:+.0f} s since this run began; "
                "see that it is right and run again."
            )
        with self._one_line_errors(), _heeding_signals():
            info: LoadInfo = self.pipeline.run(
                _source(tables, states, narrow), loader_file_format=self.warehouse.file_format
            )
            info.raise_on_failed_jobs()
        if self._overtaken:
            raise AlreadyRunning(
                f"another run has loaded into {self.warehouse.place} meanwhile, while this one "
                "slept; what it had not committed is read again by the next load."
            )
        self.warehouse.after_commit()
        # What Python and Arrow have freed; the C library keeps it. Only glibc can be told.
        if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
            trim(0)

    def erased(self) -> frozenset[str]:
        """Return the hashes of the conversations and contacts that no load may bring back."""
        rows = self.query("select distinct entity_hash from {erased_records}")
        return frozenset(entity for (entity,) in rows)

    def columns(self, *views: str) -> dict[StoredTable, dict[str, str]]:
        """Return the columns of every table of ours and dbt's, and of no views but those named.

        Args:
            views: what counts as well where it is a view, each with its schema's name.

        Returns:
            By the table, its columns: name in lower case, and as the warehouse spells it, quoted.
        """
        found: dict[StoredTable, dict[str, str]] = {}
        named = {self._schema(name) for name in views}
        with self._client() as client:
            for one in self.warehouse.stored(client, self._ours):
                if not one.is_view or f"{one.schema}.{one.table}".lower() in named:
                    table = StoredTable(
                        one.schema.lower(), one.table.lower(), _spelled(client, one)
                    )
                    column = client.escape_column_name(one.column, casefold=False)
                    found.setdefault(table, {})[one.column.lower()] = column
        return found

    def has_all(self, *names: str) -> bool:
        """Tell whether there are these tables or views of dbt's, each with its schema's name."""
        if self._pipeline is None:
            return False
        with self._client() as client:
            modelled = self._modelled_tables(client)
        found = {".".join(name) for name in modelled}
        return all(self._schema(name) in found for name in names)

    def drop(self) -> list[str]:
        """Drop its schema and dbt's beside it with all they hold; return their names.

        Raises:
            DestinationError: the warehouse refused it.
        """
        if self._ours == OURS:
            raise RuntimeError("a user's own schemas are never dropped")
        with self._client() as client:
            return self.warehouse.drop(client)

    def execute(self, statements: Iterable[tuple[str, Sequence[object]]]) -> None:
        """Execute statements with their parameters, which name tables in full: all or none.

        Raises:
            DestinationError: the warehouse refused one.
        """
        with self._client() as client:
            self.warehouse.execute(client, list(statements))

    def rewrite(self, tables: Iterable[StoredTable]) -> None:
        """Write tables anew, so that nothing of deleted rows is left in any file; may close.

        Raises:
            DestinationError: it could not be written, or is in use.
        """
        with self._one_line_errors():
            self.warehouse.rewrite(self.pipeline.sql_client, [table.qualified for table in tables])

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query; nothing connected holds no rows.

        Args:
            sql: with names of tables in braces: `{users}` of the raw dataset, of which only the
                rows of completed loads are there; `{all.users}` with the rows that a killed load
                has left, too; `{genesys_marts.dim_users}` of dbt's, whatever those begin with.
            parameters: for each `%s`.
        """
        if self._pipeline is None:
            return []
        with self._client() as client:
            rows = client.execute_sql(self._filled(client, sql), *parameters)
            return [tuple(row) for row in rows or []]

    def read(self, sql: str, *parameters: object) -> dict[str, list[Any]]:
        """Return what a query finds by its columns, in their order; arguments as of `query`."""
        with (
            self._client() as client,
            client.execute_query(self._filled(client, sql), *parameters) as cursor,
        ):
            names = [name.lower() for name, *_ in cursor.description]
            rows = cursor.fetchall()
        return {name: [row[place] for row in rows] for place, name in enumerate(names)}

    @contextmanager
    def _client(self) -> Iterator[SqlClientBase[Any]]:
        with self._one_line_errors(), self.pipeline.sql_client() as client:
            yield client

    def _filled(self, client: SqlClientBase[Any], sql: str) -> str:
        def name(match: re.Match[str]) -> str:
            schema, table, alias = match.groups()
            named = f" as {alias}" if alias else ""
            if schema is None and not table.startswith("_dlt_"):
                # A load that was killed has left its rows, and was read again under another id.
                rows, loads = map(client.make_qualified_table_name, (table, "_dlt_loads"))
                completed = f"select load_id from {loads} where status = 0"
                return (
                    f"(select * from {rows} where _dlt_load_id in ({completed})) as "
                    f"{alias or table}"
                )
            if schema in (None, "all"):
                return client.make_qualified_table_name(table) + named
            schema = self._schema(schema)
            if found := self._modelled_tables(client).get((schema, table)):
                return found + named
            # The warehouse says that it is not there.
            with client.with_alternative_dataset_name(schema) as other:
                return other.make_qualified_table_name(table) + named

        return _TABLE.sub(name, sql)

    def _schema(self, usual: str) -> str:
        """Return the name of a schema of dbt's by the one it usually has."""
        return self._ours + usual.removeprefix(OURS)

    def _modelled_tables(self, client: SqlClientBase[Any]) -> dict[tuple[str, str], str]:
        """Return dbt's tables and views, by their names in lower case, as they are spelled."""
        if not self._modelled:
            fold = client.capabilities.casefold_identifier
            for one in self.warehouse.stored(client, self._ours):
                name = one.schema.lower(), one.table.lower()
                # Of two that differ in case only, the one a name without quotes means.
                if name not in self._modelled or one.table == fold(name[1]):
                    self._modelled[name] = _spelled(client, one)
        return self._modelled

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
        """Return what there is of the recorded tables, in dlt's types; none of a table gone.

        A column that is recorded has its recorded name, any other the one it is stored by.
        """
        recorded = self.recorded_columns()
        return {
            table: {names.get(column, column): kind for column, kind in columns.items()}
            for table, columns, names in self._stored_tables(recorded)
        }

    def _present(self, tables: Iterable[str]) -> set[str]:
        """Return which of some tables of the raw dataset are there."""
        return {
            name for name, columns, _ in self._stored_tables(dict.fromkeys(tables, ())) if columns
        }

    def _stored_tables(
        self, recorded: Mapping[str, Iterable[str]]
    ) -> list[tuple[str, dict[str, str], dict[str, str]]]:
        """Return tables of the raw dataset, the columns they have, and how those are recorded."""
        if not recorded:
            return []
        with self._one_line_errors(), self.pipeline.destination_client() as client:
            tables = cast(SqlJobClientBase, client).get_storage_tables(recorded)
            fold = client.capabilities.casefold_identifier
            return [
                (
                    name,
                    {column: str(kind["data_type"]) for column, kind in columns.items()},
                    {fold(column): column for column in recorded[name]},
                )
                for name, columns in tables
            ]

    def pending_packages(self) -> int:
        """Return how many packages a killed run has left, before `connect` finishes them."""
        return self._packages.pending()

    def _check_dataset(self) -> None:
        # A copied dataset carries the state of the original and would send the loads there.
        if self.pipeline.dataset_name != self.name:
            raise SettingsError(
                f"the state in this warehouse belongs to dataset {self.pipeline.dataset_name}, not "
                f"{self.name}: drop its table _dlt_pipeline_state and load again."
            )

    def _check_tables(self) -> None:
        # Changed by hand, they would stop a commit halfway, or take what dbt then reads otherwise.
        found = self.found_columns()
        for table, columns in self.recorded_columns().items():
            if not columns.items() <= found[table].items():
                raise DestinationError(f"{self.warehouse.place}: {self._tables_differ}")

    def _check_contract(self) -> None:
        # The marts would count the same hour twice, and no key tells that two rows are one.
        others = self.query(
            "select distinct contract from {extract_windows} where contract <> %s",
            self._settings.contract,
        )
        if others:
            raise SettingsError(
                f"GENESYS_CONTRACT is {self._settings.contract}, but this warehouse holds records "
                f"of the contract {others[0][0]}; set that, or choose another warehouse "
                f"({self.warehouse.chosen_by})."
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
                or not self.query("select 1 from {all.extract_windows} limit 1")
            ):
                return False
            raise SettingsError(
                f"{self.name}.hash_salts has lost its row, and hashes made with another salt would "
                "not be those in the marts: restore it from a backup, or set ELT_PII_SALT to the "
                "salt it held. With a new one the next transform hashes everything anew."
            )
        if given and given != salt:
            raise SettingsError(
                "ELT_PII_SALT is not the salt this warehouse hashes personal data with: unset it, "
                "set the one of the warehouse, or choose another warehouse "
                f"({self.warehouse.chosen_by})."
            )
        return True

    def _new_salt(self) -> HashSalt:
        given = self._settings.pii_salt.get_secret_value()
        return HashSalt(given or secrets.token_hex(32), datetime.now(UTC))

    def salt(self) -> str | None:
        """Return what personal data are hashed with in the marts, as dbt picks it.

        One that is there counts, whatever became of its load: with another, hashes would differ.
        """
        rows = self.query("select salt, created_at from {all.hash_salts}")
        return min(rows, key=lambda row: (row[1], row[0]))[0] if rows else None

    def _check_clock(self) -> None:
        # dbt reads by load time, and a load's id is the time it began.
        if loads := self.future_loads():
            raise WrongClock(
                f"the clock of this machine is {float(loads[-1]) - time.time():.0f} s behind the "
                "newest load in the warehouse; set the clock right and run again, or if it is "
                "right, `python -m loader doctor` says what to do."
            )

    def future_loads(self) -> list[str]:
        """Return the ids of the loads that this machine's clock calls later than now, in order."""
        rows = self.query(
            "select distinct load_id from {_dlt_loads} order by load_id desc limit 99"
        )
        return sorted(load for (load,) in rows if float(load) > time.time())

    def redate(self, loads: Sequence[str]) -> None:
        """Give loads of the future ids between that of the newest other one and now.

        Args:
            loads: their ids, in order.

        Raises:
            DestinationError: the warehouse refused it.
        """
        rows = self.query("select max(load_id) from {_dlt_loads} where load_id < %s", loads[0])
        newest, now = float(rows[0][0] or 0), time.time()
        dated = {
            load: f"{newest + (now - newest) * number / (len(loads) + 1):.7f}"
            for number, load in enumerate(loads, start=1)
        }
        self.execute(
            (f"update {table.qualified} set {columns[name]} = %s where {columns[name]} = %s",
             (given, load))
            for table, columns in self.columns().items()
            if table.schema == self.name
            for name in ("load_id", "_dlt_load_id", "loaded_in")
            if name in columns
            for load, given in dated.items()
        )  # fmt: skip

    @property
    def _tables_differ(self) -> str:
        return (
            f"the tables of {self.name} differ from the schema dlt has recorded; "
            "`python -m loader doctor` says where."
        )

    @contextmanager
    def _one_line_errors(self) -> Iterator[None]:
        """Turn what dlt and the drivers raise into one line without values.

        Drivers quote the row at fault, and rows hold personal data.
        """
        try:
            yield
        except LoaderError:
            raise
        except (*_DLT_ERRORS, *self.warehouse.driver_errors()) as error:
            raise DestinationError(self._problem(error)) from error

    def _problem(self, error: BaseException) -> str:
        place, work_dir = self.warehouse.place, self._settings.work_dir
        causes = list(_causes(error))
        text = " ".join(str(cause) for cause in causes)
        for cause in causes:
            if not isinstance(cause, OSError):
                continue
            if cause.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                return f"no space left on {cause.filename or work_dir}."
            if cause.errno in _NOT_ALLOWED and cause.filename:
                return f"{cause.filename} cannot be written: {cause.strerror}."
        if "No space left" in text:
            return f"no space left for {place}."
        if problem := self.warehouse.problem(causes, text):
            return problem
        for cause in causes:
            if isinstance(cause, OSError) and cause.errno in _NOT_ALLOWED:
                return f"{work_dir} cannot be written: {cause.strerror}."
        kinds = [type(cause).__name__ for cause in causes]
        if {"DatabaseUndefinedRelation", *self.warehouse.undefined} & set(kinds):
            return f"{place}: {self._tables_differ}"
        return f"{place} refused the load ({', '.join(dict.fromkeys(kinds))}); --debug shows where."


_DLT_ERRORS: tuple[type[BaseException], ...] = (PipelineStepFailed, DestinationException, OSError)
_NOT_ALLOWED = (errno.EACCES, errno.EROFS, errno.EPERM)


def _source(
    tables: dict[str, list[Rows]],
    states: Mapping[str, ResourceState],
    narrow: Collection[str],
) -> DltSource:
    """Return what dlt takes a commit's rows and states from.

    dlt keeps what it is given here alive, and frames that point at it; so a table is taken out of
    `tables` as it is written.
    """
    source = DltSource(
        Schema(PIPELINE),
        PIPELINE,
        [
            # dlt keeps a table's contract with its schema: with another it looks what is there
            # anew, and would make columns that hands have taken away.
            _resource(name, tables, states, WIDENING if name in narrow else RAW_CONTRACT)
            for name in {**tables, **states}
        ],
    )
    source.max_table_nesting = 0
    return source


def _resource(
    name: str,
    tables: dict[str, list[Rows]],
    states: Mapping[str, ResourceState],
    contract: Any,  # noqa: ANN401
) -> DltResource:
    def rows() -> Iterator[pa.Table]:
        if name in tables:
            yield from _row_groups(tables.pop(name))
        if name in states:
            dlt.current.resource_state()["elt"] = states[name].to_json()

    return dlt.resource(rows, name=name, write_disposition="append", schema_contract=contract)


def _row_groups(parts: list[Rows]) -> Iterator[pa.Table]:
    """Join parts, and cut where payloads pass ROW_GROUP_BYTES; a longer record stands alone.

    `parts` is emptied on the way: the body of a page goes when its rows are written.
    """
    schema = parts[0].schema
    group: list[pa.RecordBatch] = []
    size = 0
    while parts:
        for batch in parts.pop(0).to_batches():
            start = 0
            for row, length in enumerate(_payload_lengths(batch)):
                if size and size + length > ROW_GROUP_BYTES:
                    yield pa.Table.from_batches([*group, batch.slice(start, row - start)])
                    group, start, size = [], row, 0
                size += length
            group.append(batch.slice(start))
    # Also of no rows: it makes the table in the warehouse.
    yield pa.Table.from_batches(group, schema)


def _payload_lengths(batch: pa.RecordBatch) -> list[int]:
    """Return the length of each payload; none where there are no payloads."""
    if "payload" not in batch.schema.names:
        return []
    lengths: list[int] = pc.binary_length(batch["payload"]).to_pylist()
    return lengths


def _spelled(client: SqlClientBase[Any], stored: StoredColumn) -> str:
    """Return a table's full name, quoted, in the case it is stored in."""
    with client.with_alternative_dataset_name(stored.schema) as other:
        return other.make_qualified_table_name(stored.table, casefold=False)


def _clock_and_time() -> float:
    """Return the clock less a time that nobody can set; it only changes with the clock."""
    # That which passes while a machine sleeps counts, where it is told.
    passing = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.time() - time.clock_gettime(passing)


def _keep_little_memory() -> None:
    """Have what is freed go back to the system: pages and tables come and go all the time."""
    # Arrow's own pool keeps what it has once had.
    pa.set_memory_pool(pa.system_memory_pool())
    # glibc gives back at once what is larger than this; left alone, it raises the limit to 32 MB
    # as it goes, and its heaps fill with holes between the pages. Lower costs time.
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(_M_MMAP_THRESHOLD, 4 << 20)


@contextmanager
def _heeding_signals() -> Iterator[None]:
    """Be interrupted between dlt's steps: it holds signals back and forgets them at its end."""
    was_received = False
    try:
        with signals.intercepted_signals():
            try:
                yield
            finally:
                was_received = signals.was_signal_received()
    finally:
        if was_received:
            # As though it came now: who handles signals knows then that one has come.
            signal.raise_signal(signal.SIGINT)
            raise KeyboardInterrupt


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__
