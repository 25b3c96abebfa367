"""The raw dataset as files in a folder or a bucket, by dlt's filesystem destination.

As dlt has it, rows are Parquet files, `{table}/{load_id}.{file_id}.parquet`, and what it notes of a
load, a state or a schema is a file of JSON each. Here it becomes as strict as a database:

* A file appears whole or not at all, on a disk too.
* The file in `_dlt_loads` is the commit. A state and a schema count once their load is listed; dlt
  writes both before. Killed between the two, it would go on behind rows that count nowhere, and
  miss tables that were never made.
* What is there is read from the files, not from what dlt believes in.
* Rows are deleted and changed by writing the files that hold them anew, under their own names.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot
from dlt.common.destination.client import StateInfo, StorageSchemaInfo
from dlt.common.destination.dataset import DBApiCursor
from dlt.common.destination.reference import AnyDestination_CO
from dlt.common.destination.typing import PreparedTableSchema
from dlt.common.libs.pyarrow import py_arrow_to_table_schema_columns
from dlt.common.schema import Schema
from dlt.common.schema.typing import TTableSchemaColumns
from dlt.common.storages.configuration import FileSystemCredentials
from dlt.destinations import filesystem
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.destinations.impl.filesystem.filesystem import FilesystemClient
from dlt.destinations.impl.filesystem.sql_client import FilesystemSqlClient
from dlt.destinations.sql_client import SqlClientBase
from fsspec.implementations.local import LocalFileSystem
from sqlglot import exp

from loader.warehouses.marts import Marts

Statement = tuple[str, Sequence[object]]

# Only the newest is ever read; a few more for whoever looks what happened.
KEPT_STATES = 10
# Where files lie until they are whole; on the file system they are to appear in.
PARTIAL = ".partial"
# Statements begun: whoever connects next brings them to their end.
_BEGUN = "_statements.json"
# Files being joined: whoever connects next brings that to its end.
_JOINED = "_joined.json"
# A smaller file is joined with others of its table, once there are more of them than so many.
SMALL_BYTES = 4 << 20
MOST_SMALL_FILES = 200
# Bytes of the files that are joined at once, in memory; of a row group of what is written.
_AT_ONCE_BYTES = 32 << 20
_ROW_GROUP_BYTES = 16 << 20


class WholeFiles(LocalFileSystem):  # type: ignore[misc] # fsspec says nothing of its types
    """A disk whose files appear whole and for good, as the objects of a bucket do.

    Args:
        partial: the folder where they are written.
    """

    cachable = False

    def __init__(self, partial: str) -> None:
        super().__init__(auto_mkdir=True)
        self._partial = Path(partial)

    def makedirs(self, path: Any, exist_ok: bool = False) -> None:  # noqa: ANN401
        """Make a folder; one that is there is none that is in the way.

        dlt makes that of the dataset once, and then the file that says so. A death between the two
        leaves the folder alone.
        """
        super().makedirs(path, exist_ok=True)

    def put_file(self, lpath: Any, rpath: Any, callback: Any = None, **options: Any) -> None:  # noqa: ANN401
        """Copy a file there."""
        with Path(lpath).open("rb") as source, self._whole(rpath) as file:
            shutil.copyfileobj(source, file)

    def pipe_file(self, path: Any, value: bytes, mode: str = "overwrite", **options: Any) -> None:  # noqa: ANN401
        """Write bytes there."""
        with self._whole(path) as file:
            file.write(value)

    def write_text(self, path: Any, value: str, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        """Write text there."""
        self.pipe_file(path, value.encode())

    @contextmanager
    def _whole(self, path: Any) -> Iterator[IO[bytes]]:  # noqa: ANN401
        place = Path(self._strip_protocol(path))
        place.parent.mkdir(parents=True, exist_ok=True)
        self._partial.mkdir(parents=True, exist_ok=True)
        fresh = self._partial / f"{os.getpid()}-{place.name}"
        with fresh.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(place)
        # The name, too: a load is listed after its rows.
        folder = os.open(place.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class RawClient(FilesystemClient):
    """Reads and writes the files of the raw dataset.

    Attributes:
        marts: where dbt's tables are asked for.
        columns_of: the columns of files that were looked at, which stay as they are.
        seen: by the schema, the newest load that was listed when the state was asked for.
    """

    marts: Marts
    columns_of: dict[str, TTableSchemaColumns]
    seen: dict[str, str]

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - dlt's own
        super().__init__(*arguments, **options)
        if self.is_local_filesystem:
            self.fs_client = WholeFiles(str(Path(self.dataset_path) / PARTIAL))

    @property
    def sql_client(self) -> SqlClientBase[Any]:
        """What queries go through."""
        if not self._sql_client:
            self._sql_client = RawSqlClient(self, self.dataset_name)
        return self._sql_client

    @sql_client.setter
    def sql_client(self, client: SqlClientBase[Any]) -> None:
        self._sql_client = client

    def url(self, path: str) -> str:
        """Return a file's path as DuckDB is told it."""
        return path if self.is_local_filesystem else f"{self.config.protocol}://{path}"

    # -- loads and states ------------------------------------------------------------------------

    def listed_loads(self) -> list[str]:
        """Return the ids of the completed loads, in order; a name holds one, so none is opened."""
        prefix = f"{self.schema.name}__"
        return sorted(
            Path(path).name.removeprefix(prefix).removesuffix(".jsonl")
            for path in self._files(self.schema.loads_table_name)
            if Path(path).name.startswith(prefix)
        )

    def list_in_order(self, load_id: str) -> bool:
        """List a load as completed and its state with it, unless a later one is listed.

        Returns:
            Whether it was.
        """
        if max(self.listed_loads(), default="") > load_id:
            return False
        self._store_current_state(load_id)
        self._store_load(load_id)
        if later := [listed for listed in self.listed_loads() if listed > load_id]:
            # We slept, and another run took the lock and loaded. Where it has seen ours listed, it
            # has gone on behind our rows.
            listed = json.loads(self.fs_client.cat_file(self._load_file(later[0])))
            if listed.get("goes_on_from", load_id) < load_id:
                self._delete_file(self._load_file(load_id))
                return False
        self._drop_old_states()
        return True

    def _store_load(self, load_id: str) -> None:
        """List a load as dlt does, with the newest one that its run has seen listed."""
        self._write_to_json_file(
            self._load_file(load_id),
            {
                "load_id": load_id,
                "schema_name": self.schema.name,
                "status": 0,
                "inserted_at": datetime.now(UTC).isoformat(),
                "schema_version_hash": self.schema.version_hash,
                "goes_on_from": self.seen.get(self.schema.name, ""),
            },
        )

    def _load_file(self, load_id: str) -> str:
        folder = self.get_table_dir(self.schema.loads_table_name)
        return f"{folder}{self.schema.name}__{load_id}.jsonl"

    def _states(self) -> list[tuple[str, str, str]]:
        """Return pipeline, load and file of each state, the newest last."""
        files = self._list_dlt_table_files(self.schema.state_table_name)
        return sorted(((parts[0], parts[1], path) for path, parts in files), key=lambda one: one[1])

    def get_stored_state(self, pipeline_name: str) -> StateInfo | None:
        """Return the state behind the newest load that is listed: others have no rows."""
        listed = self.listed_loads()
        self.seen[self.schema.name] = max(listed, default="")
        behind = [
            path for name, load, path in self._states() if name == pipeline_name and load in listed
        ]
        return StateInfo(**json.loads(self.fs_client.cat_file(behind[-1]))) if behind else None

    def get_stored_schema(self, schema_name: str | None = None) -> StorageSchemaInfo | None:
        """Return the schema of the newest load that is listed: another's tables may be missing."""
        loads = self.listed_loads()
        if not loads:
            return None
        listed = json.loads(self.fs_client.cat_file(self._load_file(loads[-1])))
        return self.get_stored_schema_by_hash(listed["schema_version_hash"])

    def _drop_old_states(self) -> None:
        """Delete states that nobody needs: old ones, and those whose load was never listed."""
        listed = set(self.listed_loads())
        states = self._states()
        newest = {load for _, load, _ in states if load in listed}
        kept = set(sorted(newest)[-KEPT_STATES:])
        for _, load, path in states:
            if load not in kept:
                self._delete_file(path)

    # -- tables ----------------------------------------------------------------------------------

    def _files(self, table_name: str) -> list[str]:
        """Return a table's files in the order of their loads; none where it is not there."""
        if not self.fs_client.isdir(self.get_table_dir(table_name)):
            return []
        return sorted(self.list_table_files(table_name))

    def get_storage_tables(
        self, table_names: Iterable[str]
    ) -> Iterator[tuple[str, TTableSchemaColumns]]:
        """Walk through tables and the columns that the newest file of each has; none of one gone.

        dlt would tell what it has recorded. A table it has not: a load that was killed has left it.
        """
        for name in table_names:
            files = self._files(name) if name in self.schema.tables else []
            if not files:
                yield name, {}
            elif name in self.schema.dlt_table_names():
                yield name, self.schema.get_table_columns(name)
            else:
                if files[-1] not in self.columns_of:
                    with self.fs_client.open(files[-1], "rb") as file:
                        columns = py_arrow_to_table_schema_columns(_plain(pq.read_schema(file)))
                    self.columns_of[files[-1]] = columns
                yield name, self.columns_of[files[-1]]

    # -- rows that are deleted or changed --------------------------------------------------------

    def begin(self, statements: Sequence[Statement]) -> None:
        """Note statements down before the first is executed."""
        self.fs_client.pipe_file(self._begun, json.dumps(statements).encode())

    def finish(self) -> bool:
        """Execute what was begun, which may be done already in part; tell whether there was any.

        Each statement is one that does no harm a second time.
        """
        if not self.fs_client.exists(self._begun):
            return False
        for sql, parameters in json.loads(self.fs_client.cat_file(self._begun)):
            self._change(sql, parameters)
        self._delete_file(self._begun)
        return True

    @property
    def _begun(self) -> str:
        return f"{self.dataset_path}{_BEGUN}"

    # -- files that have become many -------------------------------------------------------------

    def join_small_files(self, check_lock: Callable[[], None]) -> None:
        """Write the small files of a table as a few, where they are many: readers open each.

        Hourly loads leave thousands of files of a few rows in a year. The newest file stays: it
        tells the columns. Rows keep the load they came with. Whoever reads before the joined files
        are deleted finds rows twice, as of a load that was repeated.

        Args:
            check_lock: raises where the lock is not ours any more.
        """
        self._delete_joined()
        for table in self.schema.data_table_names():
            if len(self._files(table)) > MOST_SMALL_FILES:
                found = self.fs_client.find(self.get_table_dir(table), detail=True)
                sizes = {path: int(found[path]["size"]) for path in sorted(found)[:-1]}
                small = {path: size for path, size in sizes.items() if size < SMALL_BYTES}
                if len(small) >= MOST_SMALL_FILES:
                    for paths in _together(small, _AT_ONCE_BYTES):
                        check_lock()
                        self._join(paths)

    def _join(self, paths: Sequence[str]) -> None:
        """Write some files of a table as one in the place of the newest."""
        parts = []
        for path in paths:
            with self.fs_client.open(path, "rb") as file:
                rows = pq.read_table(file)
            parts.append(rows.cast(_plain(rows.schema)))
        joined = pa.concat_tables(parts, promote_options="default")
        written = pa.BufferOutputStream()
        pq.write_table(
            joined,
            written,
            compression="zstd",
            row_group_size=max(_ROW_GROUP_BYTES * len(joined) // max(joined.nbytes, 1), 1),
        )
        target = paths[-1].removesuffix(".parquet") + "-joined.parquet"
        note = json.dumps({"into": target, "from": list(paths)})
        self.fs_client.pipe_file(self._being_joined, note.encode())
        self.fs_client.pipe_file(target, written.getvalue().to_pybytes())
        self._delete_joined()

    def _delete_joined(self) -> None:
        """Delete the files whose rows another one has by now."""
        if not self.fs_client.exists(self._being_joined):
            return
        note = json.loads(self.fs_client.cat_file(self._being_joined))
        if self.fs_client.exists(note["into"]):
            for path in note["from"]:
                if self.fs_client.exists(path):
                    self._delete_file(path)
        self._delete_file(self._being_joined)

    @property
    def _being_joined(self) -> str:
        return f"{self.dataset_path}{_JOINED}"

    def _change(self, sql: str, parameters: Sequence[Any]) -> None:
        """Execute a `delete` or an `update` of one table."""
        statement = sqlglot.parse_one(sql.replace("%s", "?"), read="duckdb")
        table = statement.find(exp.Table)
        if table is None:
            raise ValueError(f"no table in {sql}")
        if table.db != self.dataset_name:
            self.marts.execute(sql, parameters)
        elif table.name in self.schema.dlt_table_names():
            self._date_anew(table.name, statement, parameters)
        else:
            with duckdb.connect() as connection:
                connection.execute("set TimeZone = 'UTC'")
                for path in self._files_with(connection, table, statement, parameters):
                    self._write_anew(connection, path, table, statement, parameters)

    def _files_with(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: exp.Table,
        statement: exp.Expr,
        parameters: Sequence[Any],
    ) -> list[str]:
        """Return the files of a table that hold a row which a statement is about."""
        files = self._files(table.name)
        where = statement.args.get("where")
        if not files or where is None:
            return files
        if not self.is_local_filesystem:
            connection.register_filesystem(self.fs_client)
        asked = len(list(where.find_all(exp.Placeholder)))
        found = connection.execute(
            "select distinct filename from read_parquet(?, union_by_name = true, filename = true) "
            + where.sql("duckdb"),
            [[self.url(path) for path in files], *parameters[len(parameters) - asked :]],
        ).fetchall()
        holding = {name for (name,) in found}
        return [path for path in files if self.url(path) in holding]

    def _write_anew(
        self,
        connection: duckdb.DuckDBPyConnection,
        path: str,
        table: exp.Table,
        statement: exp.Expr,
        parameters: Sequence[Any],
    ) -> None:
        with self.fs_client.open(path, "rb") as file:
            rows = pq.read_table(file)
        name = table.sql("duckdb")
        connection.execute(f'create schema if not exists "{self.dataset_name}"')
        connection.execute(f"create or replace table {name} as select * from rows")
        connection.execute(statement.sql("duckdb"), list(parameters))
        kept = connection.table(name).to_arrow_table().cast(_plain(rows.schema))
        connection.execute(f"drop table {name}")
        written = pa.BufferOutputStream()
        pq.write_table(kept, written, compression="zstd")
        self.fs_client.pipe_file(path, written.getvalue().to_pybytes())

    def _date_anew(self, table_name: str, statement: exp.Expr, parameters: Sequence[Any]) -> None:
        """Give a load another id in what dlt keeps as JSON; the names of the files hold it too."""
        column = next(statement.find_all(exp.Column)).name
        fresh, old = map(str, parameters)
        for path in self._files(table_name):
            kept = json.loads(self.fs_client.cat_file(path))
            if kept.get(column) == old:
                kept[column] = fresh
                folder, name = os.path.split(path)
                named = self.pathlib.join(folder, name.replace(old, fresh))
                self._write_to_json_file(named, kept)
                if named != path:
                    self._delete_file(path)


def _together(sizes: Mapping[str, int], limit: int) -> Iterator[list[str]]:
    """Walk through files in order, as many at once as hold so many bytes, and two at least."""
    together: list[str] = []
    total = 0
    for path, size in sizes.items():
        if len(together) > 1 and total + size > limit:
            yield together
            together, total = [], 0
        together.append(path)
        total += size
    if len(together) > 1:
        yield together


def _plain(schema: pa.Schema) -> pa.Schema:
    """Return a schema without dictionaries, which not every reader takes for text."""
    for number, one in enumerate(schema):
        if pa.types.is_dictionary(one.type):
            schema = schema.set(number, pa.field(one.name, one.type.value_type))
    return schema.remove_metadata()


class RawSqlClient(FilesystemSqlClient):
    """Queries raw tables in DuckDB, which reads the files; what names marts, where they are."""

    remote_client: RawClient

    def create_secret(
        self,
        scope: str,
        credentials: FileSystemCredentials,
        secret_name: str | None = None,
        persist_secrets: bool = False,
    ) -> bool:
        """Read by the client that writes, too: DuckDB's own would have to be downloaded."""
        if (protocol := self.remote_client.config.protocol) != "file":
            self._register_filesystem(self.remote_client.fs_client, protocol)
        return True

    def create_view_select(
        self, table_schema: PreparedTableSchema, schema: Schema | None = None
    ) -> tuple[str, str] | None:
        """Return where a table is, and its query; of the loads their names tell everything."""
        client = self.remote_client
        name = table_schema["name"]
        if name != client.schema.loads_table_name:
            return super().create_view_select(table_schema, schema)  # type: ignore[arg-type]
        loads = ", ".join(f"('{load}')" for load in client.listed_loads())
        return client.get_table_dir(name), (
            f"select load_id, '{client.schema.name}' as schema_name, 0 as status"
            f" from (values {loads or '(null)'}) as listed (load_id) where load_id is not null"
        )

    @contextmanager
    def execute_query(self, query: Any, *arguments: Any, **options: Any) -> Iterator[DBApiCursor]:  # noqa: ANN401
        """Execute a query, here or there."""
        parsed = sqlglot.parse_one(str(query).replace("%s", "?"), read="duckdb")
        schemas = {table.db for table in parsed.find_all(exp.Table) if table.db}
        if schemas - {self.dataset_name}:
            if not self.remote_client.marts.exist(self.remote_client.fs_client):
                raise DatabaseUndefinedRelation(duckdb.CatalogException("no marts are built"))
            yield self.remote_client.marts.cursor(parsed, arguments)
            return
        with super().execute_query(query, *arguments, **options) as cursor:
            yield cursor


def raw_destination(
    bucket_url: str, credentials: FileSystemCredentials | None, marts: Marts
) -> AnyDestination_CO:
    """Return dlt's destination of the raw files.

    Args:
        bucket_url: of the folder or the bucket's.
        credentials: of the bucket; None for a folder.
        marts: where dbt's tables are asked for.
    """

    class Client(RawClient):
        pass

    class Files(filesystem):
        @property
        def client_class(self) -> type[FilesystemClient]:
            return Client

    Client.marts, Client.columns_of, Client.seen = marts, {}, {}
    return Files(bucket_url=bucket_url, credentials=credentials, max_state_files=0)
