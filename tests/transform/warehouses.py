"""The warehouses that the dbt project is built on, behind one small interface."""

import atexit
import contextlib
import fcntl
import gc
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import duckdb
import psycopg2
import yaml  # type: ignore[import-untyped]
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.factory import reset_adapters
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt_common.events.event_manager_client import get_event_manager

from tests.harness.duckdb_file import opened
from tests.harness.place import SALT, Place
from tests.harness.postgres import PostgresDatabase
from tests.harness.quick_dbt import quick_dbt

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "dbt_project"

# What dbt parses and compiles in this session, and of it what the next one finds.
PARSED = Path(tempfile.mkdtemp(prefix="dbt-parsed-"))
atexit.register(shutil.rmtree, PARSED, ignore_errors=True)
KEPT = PROJECT / "target" / "tests"

Row = tuple[Any, ...]

# By the folder of what was parsed: the state of the project then, and the project.
_manifests: dict[Path, tuple[tuple[Row, ...], Manifest]] = {}
# Commands that parse for themselves: with another target, or beside another project.
_PARSED_OTHERWISE = {"parse", "--target", "--defer", "--state"}

Tables = dict[str, list[str]]

# For `build`: what a first run makes, in one command. Each command costs half a second by itself.
MODELS_AND_SEEDS = ("--resource-type", "seed", "--resource-type", "model")
# Between two comparisons: what remembers, with what it is made from. The rest is made anew from
# that each time, so it is equal if that is; and on DuckDB a view is the same view, where Postgres
# drops it with any table it is on.
REMEMBERING = "+config.materialized:incremental"
WHAT_REMEMBERS = ("--resource-type", "model", "--select", REMEMBERING)
FIRST_BUILD = (*MODELS_AND_SEEDS, "--select", REMEMBERING, "resource_type:seed")
BUT_VIEWS = ("--exclude", "config.materialized:view")


class Warehouse(Protocol):
    """One database with raw tables and what dbt built from them."""

    name: str
    folder: Path  # where dbt runs

    def environment(self) -> dict[str, str]:
        """Return the settings that point dbt here, from the folder.

        They are the same for all warehouses of a kind, or dbt would parse the project again.
        """

    def open(self) -> contextlib.AbstractContextManager[None]:
        """Keep one connection for the statements of the block; none may be open while dbt runs."""

    def execute(self, sql: str, rows: Sequence[Row] = ()) -> list[Row]:
        """Run a statement, once per row if there are any, and return what it answers."""


class DuckDBWarehouse:
    """A DuckDB file, opened only while it is asked: dbt needs it for itself."""

    name = "duckdb"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = path.parent
        self._connection: duckdb.DuckDBPyConnection | None = None

    def environment(self) -> dict[str, str]:
        """Return the settings that point dbt here."""
        return {"ELT_TARGET": "duckdb", "ELT_DUCKDB_PATH": self.path.name}

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Keep one connection for the statements of the block; none may be open while dbt runs."""
        with opened(self.path) as self._connection:
            self._connection.execute("set TimeZone = 'UTC'")
            yield
        self._connection = None

    def execute(self, sql: str, rows: Sequence[Row] = ()) -> list[Row]:
        """Run a statement, once per row if there are any, and return what it answers."""
        if self._connection is None:
            with self.open():
                return self.execute(sql, rows)
        if rows:
            self._connection.executemany(sql, rows)
            return []
        return self._connection.execute(sql).fetchall()


class PostgresWarehouse:
    """A database of the test's own on the session's server."""

    name = "postgres"

    def __init__(self, database: PostgresDatabase, directory: Path) -> None:
        self.database = database
        self.folder = directory
        self._connection: psycopg2.extensions.connection | None = None

    def environment(self) -> dict[str, str]:
        """Return the settings that point dbt here."""
        return self.database.environment()

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Keep one connection for the statements of the block; none may be open while dbt runs."""
        with contextlib.closing(self.database.connect()) as self._connection:
            yield
        self._connection = None

    def execute(self, sql: str, rows: Sequence[Row] = ()) -> list[Row]:
        """Run a statement, once per row if there are any, and return what it answers."""
        if self._connection is None:
            with self.open():
                return self.execute(sql, rows)
        cursor = self._connection.cursor()
        if rows:
            cursor.executemany(sql.replace("?", "%s"), rows)
            return []
        cursor.execute(sql)
        return list(cursor.fetchall()) if cursor.description else []


def warehouse_of(place: Place) -> Warehouse:
    """Return where a place loads to, for dbt without the loader and a process of its own."""
    if place.postgres is not None:
        return PostgresWarehouse(place.postgres, place.folder)
    return DuckDBWarehouse(place.database)


def dbt(
    warehouse: Warehouse, *arguments: str, project: Path = PROJECT, expect_success: bool = True
) -> list[str]:
    """Run a dbt command in this process and return the messages of what did not succeed."""
    variables = arguments[arguments.index("--vars") + 1] if "--vars" in arguments else ""
    folder = parsed_in(warehouse, project, variables)
    known = None
    if {*arguments} & _PARSED_OTHERWISE:
        # What is parsed for them is of no use to others, who would parse all again.
        folder = begun_with(folder, folder.with_name(f"{folder.name}-otherwise"))
    else:
        known = _known(warehouse, project, folder, variables)
    result = _invoked(warehouse, project, folder, *arguments, known=known)
    problems = [str(result.exception)] if result.exception else []
    for node in getattr(result.result, "results", None) or []:
        if node.status in ("error", "fail", "runtime error"):
            problems.append(f"{node.node.name}: {node.message}")
    if expect_success:
        assert result.success, "\n".join(problems)
    return problems


def _known(warehouse: Warehouse, project: Path, folder: Path, variables: str) -> Manifest | None:
    """Return what dbt knows of the project; it reads it again only where a file has changed.

    But for the lines of seeds, of which it knows a checksum: those it reads when it loads them.
    None if the project cannot be read, which a command then says itself.
    """
    now = tuple(
        (path, stat.st_mtime_ns, stat.st_size)
        for part in sorted(project.iterdir())
        if part.name not in ("target", "logs")
        for path in ([part] if part.is_file() else sorted(part.rglob("*.*")))
        if path.suffix != ".csv"
        for stat in [path.stat()]
    )
    then, manifest = _manifests.get(folder, ((), None))
    if manifest is None or then != now:
        options = ("--vars", variables) if variables else ()
        result = _invoked(warehouse, project, folder, "parse", *options)
        if not isinstance(result.result, Manifest):
            return None
        manifest = result.result
        _manifests[folder] = now, manifest
        # It stays to the end; looking through it for garbage after each command costs a second.
        gc.freeze()
    return manifest


def _invoked(
    warehouse: Warehouse,
    project: Path,
    folder: Path,
    command: str,
    *options: str,
    known: Manifest | None = None,
) -> dbtRunnerResult:
    """Let dbt run with the warehouse's environment; it parses the project unless that is known.

    Its adapters are dropped afterwards with their connections: they would keep the database open.
    """
    with (
        _environment(warehouse.environment()),
        contextlib.chdir(warehouse.folder),
        quick_dbt(),
    ):
        try:
            return dbtRunner(known).invoke(
                [
                    *command.split(),
                    *("--project-dir", str(project), "--profiles-dir", str(ROOT / "profiles")),
                    *("--target-path", str(folder), "--log-path", str(folder)),
                    # A fifth of dbt's time goes into messages that nobody reads here.
                    *("--log-level", "none", "--log-level-file", "none", "--quiet"),
                    *("--no-write-json", "--no-use-colors"),
                    # Python works in one thread at a time; several only wait for each other.
                    *(() if command == "parse" else ("--threads", "1")),
                    # Of an option that is given twice the last counts.
                    *options,
                ]
            )
        finally:
            for logger in get_event_manager().loggers:
                # dbt leaves its log open.
                for handler in logger._python_logger.handlers if logger._python_logger else ():
                    handler.close()
            reset_adapters()  # type: ignore[no-untyped-call]
            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]


def target(warehouse: Warehouse, project: Path = PROJECT, variables: str = "") -> Path:
    """Return where dbt keeps what it parsed and compiled for warehouses of this kind.

    For another engine, or for other variables, dbt parses everything again.
    """
    kind = "-".join(re.findall(r"\w+", f"{warehouse.name} {variables}"))
    return PARSED.joinpath(kind, *project.parts[1:])


def parsed_in(warehouse: Warehouse, project: Path = PROJECT, variables: str = "") -> Path:
    """Return the target folder, where dbt finds what it has parsed before.

    Parsing takes as long as a build. So what is parsed of the project is kept in the checkout, for
    all processes and for the next session, and of a copy only that is parsed which differs.
    """
    folder = target(warehouse, project, variables)
    parsed = folder / "partial_parse.msgpack"
    if parsed.exists():
        return folder
    if project != PROJECT:
        return begun_with(parsed_in(warehouse, variables=variables), folder)
    folder.mkdir(parents=True)
    kept = KEPT / f"{folder.relative_to(PARSED).parts[0]}.msgpack"
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / "lock").open("w") as lock:
        # One process parses; others wait, and find it done.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if kept.exists():
            shutil.copy(kept, parsed)
        options = ("--vars", variables) if variables else ()
        result = _invoked(warehouse, project, folder, "parse", *options)
        assert result.success, result.exception
        shutil.copy(parsed, f"{kept}.new")
        Path(f"{kept}.new").replace(kept)
    return folder


def begun_with(parsed: Path, folder: Path) -> Path:
    """Return a target folder where dbt finds at first what was parsed in another."""
    if not folder.exists():
        folder.mkdir(parents=True)
        shutil.copy(parsed / "partial_parse.msgpack", folder)
    return folder


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    # The path of a warehouse's file is meant from its folder, not from a project `make` has named.
    os.environ.pop("DBT_PROJECT_DIR", None)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def tables(warehouse: Warehouse, *schemas: str) -> Tables:
    """Return every table and view of the schemas as sorted JSON lines.

    Equal content gives equal lines on every engine.
    """
    wanted = ", ".join(f"'{schema}'" for schema in schemas)
    with warehouse.open():
        columns: dict[str, list[tuple[str, bool]]] = {}
        for schema, table, column, kind in warehouse.execute(
            "select table_schema, table_name, column_name, data_type"
            f" from information_schema.columns where table_schema in ({wanted})"
        ):
            is_json = kind.lower() in ("json", "jsonb")
            columns.setdefault(f"{schema}.{table}", []).append((column, is_json))
        return {name: _lines(warehouse, name, sorted(columns[name])) for name in sorted(columns)}


def _lines(warehouse: Warehouse, table: str, columns: list[tuple[str, bool]]) -> list[str]:
    chosen = ", ".join(f'cast("{c}" as text)' if is_json else f'"{c}"' for c, is_json in columns)
    lines = []
    for row in warehouse.execute(f"select {chosen} from {table}"):
        record = {
            column: json.loads(value) if is_json and value is not None else value
            for (column, is_json), value in zip(columns, row, strict=True)
        }
        lines.append(json.dumps(record, sort_keys=True, default=str, ensure_ascii=False))
    return sorted(lines)


def rows(warehouse: Warehouse, sql: str) -> list[dict[str, Any]]:
    """Return what a query answers, by column name, for the columns that are not null.

    Decimals come as text, so that 1.500 stays what it is; times as ISO text.
    """
    names = re.search(r"select\s+(.*?)\s+from\s", sql, re.S)
    assert names, sql
    columns = [name.strip().split(" ")[-1] for name in names[1].split(",")]
    return [
        {
            column: value if isinstance(value, bool | int | float | str) else str(value)
            for column, value in zip(columns, row, strict=True)
            if value is not None
        }
        for row in warehouse.execute(sql)
    ]


def project_with_registry(directory: Path, *lines: str) -> Path:
    """Copy the dbt project and give it an attribute registry of the test's own."""
    project = directory / "dbt_project"
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("target", "logs"))
    set_registry(project, *lines)
    return project


def set_registry(project: Path, *lines: str) -> None:
    """Replace the lines of a project's attribute registry; the heading stays."""
    set_seed(project, "attribute_registry", *lines)


def set_seed(project: Path, name: str, *lines: str) -> None:
    """Replace the lines of one of a project's seeds; the heading stays."""
    heading = (PROJECT / "seeds" / f"{name}.csv").read_text().splitlines()[0]
    (project / "seeds" / f"{name}.csv").write_text("\n".join([heading, *lines]) + "\n")


def asked_at(number: int) -> datetime:
    """Return when the records of a load were asked for, unless it says otherwise."""
    return datetime.fromtimestamp(1_790_000_000 + number * 3600, UTC)


class RawTables:
    """Writes the raw tables as the loader does: append-only, one load package at a time."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self._columns: dict[str, list[str]] = {}
        with warehouse.open():
            warehouse.execute("create schema if not exists genesys_raw")
            for path in sorted(PROJECT.glob("models/staging/*/_*__sources.yml")):
                for source in yaml.safe_load(path.read_text())["sources"]:
                    for table in source["tables"]:
                        self._create(table["name"], table["columns"])
            if not warehouse.execute("select salt from genesys_raw.hash_salts"):
                self.append("hash_salts", [{"salt": SALT, "created_at": asked_at(0)}])

    def _create(self, name: str, columns: list[dict[str, str]]) -> None:
        self._columns[name] = [column["name"] for column in columns]
        # As dlt makes them: on Postgres its texts are not of the type `text`.
        types = {"text": "character varying"}
        shape = ", ".join(
            f"{column['name']} {types.get(column['data_type'], column['data_type'])}"
            for column in columns
        )
        self.warehouse.execute(f"create table if not exists genesys_raw.{name} ({shape})")

    def append(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append rows; columns that a row lacks are null."""
        columns = self._columns[table]
        if rows:
            self.warehouse.execute(
                f"insert into genesys_raw.{table} ({', '.join(columns)})"
                f" values ({', '.join('?' * len(columns))})",
                [tuple(row.get(column) for column in columns) for row in rows],
            )

    def load(
        self,
        number: int,
        *,
        extracted_at: datetime | None = None,
        copies: int = 1,
        committed: int = 1,
        complete: bool = True,
        adjustment: str | None = None,
        window: tuple[datetime, datetime] | None = None,
        **entities: Sequence[Mapping[str, Any] | str],
    ) -> str:
        """Append one load package and return its id.

        Args:
            number: Grows from load to load.
            extracted_at: When the records were read; an hour per load if not given.
            copies: How often each record is written, as by a replayed package.
            committed: How often dlt lists the package; 0 for one that was never committed.
            complete: Whether the ledger calls the windows loaded.
            adjustment: What the ledger says of how they were read.
            window: What was asked for; a snapshot at the time of extraction if not given.
            entities: Records by table, as objects or as their own JSON text.
        """
        load_id = f"{1_790_000_000 + number * 3600}.{number:07d}"
        at = extracted_at or asked_at(number)
        asked = window or (at, at)
        with self.warehouse.open():
            for table, records in entities.items():
                rows = [_raw_row(table, record, at, asked, load_id) for record in records]
                self.append(table, rows * copies)
                commit = _window(table, at, asked, load_id, len(rows), complete)
                commit["adjustment"] = adjustment
                self.append("extract_windows", [commit])
            self.append(
                "_dlt_loads",
                [
                    {"load_id": load_id, "schema_name": "genesys", "status": 0, "inserted_at": at}
                    for _ in range(committed)
                ],
            )
        return load_id


def _raw_row(
    table: str,
    record: Mapping[str, Any] | str,
    at: datetime,
    asked: tuple[datetime, datetime],
    load_id: str,
) -> dict[str, Any]:
    payload = record if isinstance(record, str) else json.dumps(record, separators=(",", ":"))
    return {
        "record_id": _record_id(table, json.loads(payload)),
        "window_start": asked[0],
        "window_end": asked[1],
        "extracted_at": at,
        "payload_hash": hashlib.sha256(payload.encode()).hexdigest(),
        "payload": payload,
        "_dlt_load_id": load_id,
    }


# Of the guides' records that have no id of their own, the texts it is joined from.
_JOINED_IDS = {
    "guides_participants": ("interactionId", "participantId"),
    "guides_flow_outcomes": ("flow-id", "interval"),
    "guides_queue_intervals": ("queue.id", "interval.startTime"),
    "guides_agent_intervals": ("user.id", "interval.startTime"),
}


def _record_id(table: str, record: dict[str, Any]) -> str:
    if table in _JOINED_IDS:
        return "|".join(_at(record, path) for path in _JOINED_IDS[table])
    if table.endswith("_aggregates"):
        return "|".join(f"{key}={value}" for key, value in sorted(record["group"].items()))
    return str(record["conversationId" if table == "conversation_details" else "id"])


def _at(record: Any, path: str) -> str:  # noqa: ANN401 - JSON
    for key in path.split("."):
        record = record[key]
    return str(record)


def _window(
    table: str,
    at: datetime,
    asked: tuple[datetime, datetime],
    load_id: str,
    count: int,
    complete: bool,
) -> dict[str, Any]:
    return {
        "window_attempt_id": f"{table} {load_id}",
        "run_id": load_id,
        "resource": table,
        "contract": "guides" if table.startswith("guides_") else "platform",
        "window_start": asked[0],
        "window_end": asked[1],
        "status": "loaded" if complete else "partial",
        "page_count": 1,
        "record_count": count,
        "quarantined_count": 0,
        # So much that no slice of a build holds two loads.
        "byte_count": 1 << 30,
        "request_count": 1,
        "retry_count": 0,
        "rate_limited_count": 0,
        "waited_seconds": 0.0,
        "query_hash": "none",
        "started_at": at,
        "finished_at": at,
        "_dlt_load_id": load_id,
    }
