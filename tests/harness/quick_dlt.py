"""dlt as a test runs it: the same files, statements and answers, at three quarters of the cost.

A load asks dlt for its schema dozens of times, and each time dlt reads the file, and checks and
hashes all that stands there. Tests load hundreds of times in one process, always with one schema.
"""

import contextlib
import functools
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from dlt.common import json, typing, validation
from dlt.common.configuration import resolve
from dlt.common.configuration.specs.base_configuration import BaseConfiguration
from dlt.common.schema import schema, utils
from dlt.common.schema.schema import Schema
from dlt.common.schema.typing import TStoredSchema
from dlt.common.storages.live_schema_storage import LiveSchemaStorage


@contextlib.contextmanager
def quick_dlt() -> Iterator[None]:
    """Run dlt for the result alone: what it has looked at once it does not look at again."""
    with contextlib.ExitStack() as patched:
        for owner, name, quick in (
            (validation, "get_type_hints", _type_hints),
            (utils, "validate_stored_schema", _validated_once),
            (utils, "generate_version_hash", _hashed_once),
            # of schemas alone, which are of plain values
            (utils, "deepcopy", _copied),
            (schema, "deepcopy", _copied),
            (LiveSchemaStorage, "__getitem__", _read_where_changed),
            (BaseConfiguration, "get_resolvable_fields", classmethod(_fields)),
        ):
            patched.enter_context(mock.patch.object(owner, name, quick))
        patched.enter_context(mock.patch.multiple(resolve, **_SAID_OF_TYPES))
        for name in ("is_subclass", "is_union_type", "extract_type_if_modifier"):
            told = getattr(typing, name)
            once = _told_once(told)
            for module in [*sys.modules.values()]:
                if module.__name__.startswith("dlt.") and vars(module).get(name) is told:
                    patched.enter_context(mock.patch.object(module, name, once))
        yield


def _copied(values: Any) -> Any:  # noqa: ANN401
    return pickle.loads(pickle.dumps(values))


def _told_once(tell: Callable[..., Any]) -> Callable[..., Any]:
    """Return what tells something of types, and of each only once."""
    once = functools.cache(tell)

    @functools.wraps(tell)
    def told(*types: Any, **options: Any) -> Any:  # noqa: ANN401
        try:
            return once(*types, **options)
        except TypeError:
            # Not every annotation can be a key.
            return tell(*types, **options)

    return told


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


_fields_found = functools.cache(vars(BaseConfiguration)["get_resolvable_fields"].__func__)


def _fields(configuration: type[BaseConfiguration]) -> dict[str, Any]:
    """Return the fields of a configuration with their types, which are looked through once."""
    return dict(_fields_found(configuration))


# What dlt asks of a field's type each time it looks for its value, dozens of times a run.
_SAID_OF_TYPES: dict[str, Any] = {
    name: functools.cache(vars(resolve)[name])
    for name in (
        "extract_inner_hint", "is_base_configuration_inner_hint", "is_context_inner_hint",
        "is_hint_not_resolvable", "is_optional_type", "is_secret_hint",
    )
}  # fmt: skip


_validate = utils.validate_stored_schema
_valid: set[bytes] = set()


def _validated_once(stored_schema: TStoredSchema) -> None:
    """Check a schema unless it was found to be one before, to the letter."""
    content = json.dumpb(stored_schema)
    if content not in _valid:
        _validate(stored_schema)
        _valid.add(content)


_hash = utils.generate_version_hash
_NOT_HASHED = {"version", "version_hash", "imported_version_hash", "previous_hashes"}
_hashes: dict[bytes, str] = {}


def _hashed_once(stored_schema: TStoredSchema) -> str:
    """Return the hash of a schema's content, found before where it is the same in all its order."""
    content = json.dumpb({k: v for k, v in stored_schema.items() if k not in _NOT_HASHED})
    if content not in _hashes:
        _hashes[content] = _hash(stored_schema)
    return _hashes[content]


_read = LiveSchemaStorage.__getitem__


def _read_where_changed(storage: LiveSchemaStorage, name: str) -> Schema:
    """Return the schema in memory as long as its file is the one that it was read from."""
    path = Path(storage.storage.make_full_path(storage._file_name_in_store(name, "json")))
    states: dict[str, tuple[int, int, int]] = vars(storage).setdefault("states_read", {})
    stat = path.stat() if path.exists() else None
    state = (stat.st_ino, stat.st_mtime_ns, stat.st_size) if stat else None
    if name in storage.live_schemas and state is not None and states.get(name) == state:
        return storage.live_schemas[name]
    found = _read(storage, name)
    if state is not None:
        states[name] = state
    return found
