"""Google's analyzer and reference implementation of BigQuery's SQL, compiled to WebAssembly.

The package's own client copies memory byte by byte, compiles the module at each start and takes
half a minute to be imported: hence this one, which speaks the same messages. For its environment.
"""

import ctypes
import os
import re
from datetime import UTC, date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import tzdata  # type: ignore[import-untyped,unused-ignore]
import wasmtime  # type: ignore[import-not-found]
import zetasql.wasi  # type: ignore[import-not-found]
from zetasql.wasi._pb2.zetasql.local_service import (  # type: ignore[import-not-found]
    local_service_pb2 as messages,
)
from zetasql.wasi._pb2.zetasql.proto.options_pb2 import (  # type: ignore[import-not-found]
    LanguageOptionsProto,
)
from zetasql.wasi._pb2.zetasql.public import (  # type: ignore[import-not-found]
    options_pb2,
    type_pb2,
)
from zetasql.wasi._pb2.zetasql.public.simple_table_pb2 import (  # type: ignore[import-not-found]
    SimpleColumnProto,
)

_EPOCH = date(1970, 1, 1)


class GoogleSQLError(Exception):
    """What it says of a statement that it refuses, or that fails."""


class Module:
    """The module, compiled once for a machine, and calls into it."""

    def __init__(self) -> None:
        path = Path(zetasql.wasi.get_wasm_path())
        compiled = path.with_suffix(".cwasm")
        config = wasmtime.Config()
        config.shared_memory = True
        engine = wasmtime.Engine(config)
        if not compiled.exists():
            # Another worker may be at it.
            written = compiled.with_suffix(f".{os.getpid()}")
            written.write_bytes(wasmtime.Module.from_file(engine, str(path)).serialize())
            written.replace(compiled)
        module = wasmtime.Module.deserialize_file(engine, str(compiled))
        self._store = wasmtime.Store(engine)
        wasi = wasmtime.WasiConfig()
        wasi.inherit_stderr()
        wasi.preopen_dir(str(Path(tzdata.__file__).with_name("zoneinfo")), "/usr/share/zoneinfo")
        self._store.set_wasi(wasi)
        linker = wasmtime.Linker(engine)
        linker.define_wasi()
        self._exports = linker.instantiate(self._store, module).exports(self._store)
        memory = self._exports["memory"].data_ptr()
        self._address = ctypes.addressof(memory.contents)
        self._do("_initialize")

    def _do(self, function: str, *arguments: int) -> int:
        answer: int = self._exports[function](self._store, *arguments)
        return answer

    def call(self, method: str, request: Any, answer: Any) -> Any:  # noqa: ANN401 - messages
        """Call a method of its service with a message, and return what kind of message comes."""
        data = request.SerializeToString()
        asked, size = self._do("wasm_malloc", len(data) or 1), self._do("wasm_malloc", 4)
        try:
            ctypes.memmove(self._address + asked, data, len(data))
            found = self._do(f"ZetaSqlLocalService_{method}", asked, len(data), size)
            if not found:
                length = self._do("wasm_get_last_error_size")
                raise GoogleSQLError(self._read(self._do("wasm_get_last_error"), length).decode())
            length = int.from_bytes(self._read(size, 4), "little")
            try:
                return answer.FromString(self._read(found, length))
            finally:
                self._do("wasm_free", found)
        finally:
            self._do("wasm_free", asked)
            self._do("wasm_free", size)

    def _read(self, start: int, size: int) -> bytes:
        return ctypes.string_at(self._address + start, size)


class GoogleSQL:
    """Tables, and queries of them; a table is named by one word."""

    def __init__(self) -> None:
        self._module = Module()
        language = self._module.call(
            "GetLanguageOptions",
            messages.LanguageOptionsRequest(maximum_features=True),
            LanguageOptionsProto,
        )
        # As BigQuery's users see it: no type of 32 bits.
        language.product_mode = options_pb2.PRODUCT_EXTERNAL
        self._options = messages.PrepareQueryRequest().options
        self._options.language_options.CopyFrom(language)
        self._options.default_timezone = "UTC"
        self._builtin = messages.PrepareQueryRequest().simple_catalog
        self._builtin.builtin_function_options.language_options.CopyFrom(language)
        for alias in ("bigint", "integer", "int", "smallint"):
            # What BigQuery's documentation has as other names of INT64.
            named = self._builtin.named_type.add(name=alias)
            named.type.type_kind = type_pb2.TYPE_INT64
        self._columns: dict[str, Any] = {}
        self._content: dict[str, Any] = {}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        answer = self._evaluate(sql)
        kinds = [column.type for column in answer.prepared.columns]
        return [
            tuple(plain(value, kind) for value, kind in zip(row.cell, kinds, strict=True))
            for row in answer.content.table_data.row
        ]

    def fill(
        self, table: str, columns: list[tuple[str, str]], rows: list[list[str | None]]
    ) -> None:
        """Make a table of values by their texts; types as BigQuery calls them."""
        sources = ", ".join(f"safe_cast({name} as {kind}) as {name}" for name, kind in columns)
        texts = [(name, "string") for name, _ in columns]
        self._columns[table] = [_column(name, kind) for name, kind in texts]
        content = messages.TableContent()
        content.table_data.SetInParent()
        for row in rows:
            cells = content.table_data.row.add().cell
            for value in row:
                cells.add(**({} if value is None else {"string_value": value}))
        self._content[table] = content
        self.create(table, f"select {sources} from {table}")

    def create(self, table: str, sql: str, added: bool = False) -> int:
        """Put the rows of a query into a table, in place of its rows or added to them."""
        answer = self._evaluate(sql)
        if added:
            self._content[table].table_data.row.extend(answer.content.table_data.row)
        else:
            self._columns[table] = answer.prepared.columns
            self._content[table] = answer.content
        return len(self._content[table].table_data.row)

    def types(self, table: str) -> dict[str, str]:
        """Return the columns of a table with the names of their types."""
        return {
            column.name: type_pb2.TypeKind.Name(column.type.type_kind).removeprefix("TYPE_")
            for column in self._columns[table]
        }

    def _evaluate(self, sql: str) -> Any:  # noqa: ANN401 - a message
        request = messages.EvaluateQueryRequest(
            sql=sql, options=self._options, simple_catalog=self._builtin
        )
        words = set(re.findall(r"\w+", sql))
        for name in words & self._columns.keys():
            request.simple_catalog.table.add(name=name, column=self._columns[name])
            request.table_content[name].CopyFrom(self._content[name])
        return self._module.call("EvaluateQuery", request, messages.EvaluateQueryResponse)


def _column(name: str, kind: str) -> Any:  # noqa: ANN401 - a message
    column = SimpleColumnProto(name=name)
    column.type.type_kind = type_pb2.TypeKind.Value(f"TYPE_{kind.upper()}")
    return column


def plain(value: Any, kind: Any) -> Any:  # noqa: ANN401 - messages
    """Return a value as Python has it."""
    name = value.WhichOneof("value")
    if name is None:
        return None
    found = getattr(value, name)
    if name == "timestamp_value":
        return found.ToDatetime(UTC)
    if name == "date_value":
        return _EPOCH + timedelta(days=found)
    if name in ("numeric_value", "bignumeric_value"):
        digits = {"numeric_value": 9, "bignumeric_value": 38}[name]
        return Decimal(int.from_bytes(found, "little", signed=True)).scaleb(-digits)
    if name in ("int64_value", "bool_value", "double_value", "string_value", "json_value"):
        return found
    raise GoogleSQLError(f"a value of the type {type_pb2.TypeKind.Name(kind.type_kind)}")
