"""dlt as a test runs it: the same files, statements and answers, at three quarters of the cost.

A load asks dlt for its schema dozens of times, and each time dlt reads the file, and checks and
hashes all that stands there. Tests load hundreds of times in one process, always with one schema.
"""

import contextlib
import functools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from dlt.common import json, validation
from dlt.common.schema import utils
from dlt.common.schema.schema import Schema
from dlt.common.schema.typing import TStoredSchema
from dlt.common.storages.live_schema_storage import LiveSchemaStorage


@contextlib.contextmanager
def quick_dlt() -> Iterator[None]:
    """Run dlt for the result alone: what it has looked at once it does not look at again."""
    with (
        mock.patch.object(validation, "get_type_hints", _type_hints),
        mock.patch.object(utils, "validate_stored_schema", _validated_once),
        mock.patch.object(LiveSchemaStorage, "__getitem__", _read_where_changed),
    ):
        yield


_hints = vars(validation)["get_type_hints"]


def _type_hints(spec: type, globalns: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the types of a class' fields, which are those of the module it is in."""
    assert globalns is None or globalns is vars(sys.modules[spec.__module__])
    return _hints_of(spec)


@functools.cache
def _hints_of(spec: type) -> dict[str, Any]:
    module = sys.modules.get(spec.__module__)
    found: dict[str, Any] = _hints(spec, globalns=vars(module) if module else None)
    return found


_validate = utils.validate_stored_schema
_valid: set[bytes] = set()


def _validated_once(stored_schema: TStoredSchema) -> None:
    """Check a schema unless it was found to be one before, to the letter."""
    content = json.dumpb(stored_schema)
    if content not in _valid:
        _validate(stored_schema)
        _valid.add(content)


_read = LiveSchemaStorage.__getitem__


def _read_where_changed(storage: LiveSchemaStorage, name: str) -> Schema:
    """Return the schema in memory as long as its file is the one that it was read from."""
    path = Path(storage.storage.make_full_path(storage._file_name_in_store(name, "json")))
    states: dict[str, tuple[int, int, int]] = vars(storage).setdefault("states_read", {})
    stat = path.stat() if path.exists() else None
    state = (stat.st_ino, stat.st_mtime_ns, stat.st_size) if stat else None
    if name in storage.live_schemas and state is not None and states.get(name) == state:
        return storage.live_schemas[name]
    schema = _read(storage, name)
    if state is not None:
        states[name] = state
    return schema
