"""dbt as a test runs it: the same nodes, statements and answers, at half the cost.

Of what dbt does, a third is for somebody who looks on: messages, artifacts, its memory of the
project between two commands. Tests run hundreds of commands in one process, so what one has
parsed and compiled the next one finds.

python -m tests.harness.quick_dbt transform build …   the loader so in a process of its own
"""

import contextlib
import functools
import gc
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import CodeType
from typing import Any
from unittest import mock

import duckdb
import jinja2
from dbt.adapters.base.connections import BaseConnectionManager
from dbt.adapters.contracts.connection import ConnectionState
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.postgres.connections import PostgresCredentials
from dbt.clients.jinja import MacroGenerator
from dbt.compilation import Compiler
from dbt.context.macros import MacroNamespace, MacroNamespaceBuilder
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import Macro, ParsedNode
from dbt.graph.graph import Graph
from dbt.include.global_project import PROJECT_NAME as GLOBAL_PROJECT_NAME
from dbt_common.clients import agate_helper
from dbt_common.events.base_types import (
    BaseEvent,
    DebugLevel,
    DynamicLevel,
    EventLevel,
    InfoLevel,
)
from dbt_common.events.event_manager import EventManager
from dbt_common.events.event_manager_client import get_event_manager

Row = tuple[Any, ...]


@contextlib.contextmanager
def quick_dbt() -> Iterator[None]:
    """Run dbt for the result alone: nothing is told, written or collected that nobody reads."""
    with (
        parsed_alike_everywhere(),
        _nothing_told_to_nobody(),
        _nothing_collected(),
        mock.patch.object(BaseConnectionManager, "release", _kept_for_the_next_node),
        mock.patch.object(ParsedNode, "write_node", _written_beside_a_log),
        mock.patch.object(jinja2.Environment, "compile", _compiled_once),
        mock.patch.object(Compiler, "compile", _linked_once),
        mock.patch.object(MacroNamespaceBuilder, "build_namespace", _namespace),
        mock.patch.object(agate_helper, "build_type_tester", _type_tester),
    ):
        yield


def without_log(folder: Path) -> tuple[str, ...]:
    """Return options that name a target folder; dbt would leave its log open in this process."""
    return ("--target-path", str(folder), "--log-level-file", "none")


@contextlib.contextmanager
def parsed_alike_everywhere() -> Iterator[None]:
    """Let dbt know again what it parsed for a database in another place.

    It parses all again where a setting of the connection differs, because a model could read it.
    Ours read neither where the file lies, nor at which port the server answers and to whom.
    """

    def without(keys: Callable[[Any], Row], *places: str) -> Callable[[Any], Row]:
        return lambda credentials: tuple(key for key in keys(credentials) if key not in places)

    with contextlib.ExitStack() as patches:
        for engine, *places in (
            (DuckDBCredentials, "attach", "config_options"),
            (PostgresCredentials, "port", "user"),
        ):
            keys = without(engine._connection_keys, *places)
            patches.enter_context(mock.patch.object(engine, "_connection_keys", keys))
        yield


_TOLD_WHOEVER_LOOKS_ON = (EventLevel.DEBUG, EventLevel.INFO)
# Of a dynamic one it is said only when it is told how grave it is; an error is raised besides.
_MESSAGES_OF_A_LOG = (DebugLevel, InfoLevel, DynamicLevel)


@contextlib.contextmanager
def _nothing_told_to_nobody() -> Iterator[None]:
    """Leave out dbt's messages where no log takes them, but what may be an error: dozens a node."""
    fire, make = EventManager.fire_event, BaseEvent.__init__

    def fire_what_is_heard(
        manager: EventManager,
        event: BaseEvent,
        level: EventLevel | None = None,
        **more: Any,  # noqa: ANN401
    ) -> None:
        if manager.loggers or (level or event.level_tag()) not in _TOLD_WHOEVER_LOOKS_ON:
            fire(manager, event, level, **more)

    def make_what_is_heard(event: BaseEvent, *text: str, **fields: Any) -> None:  # noqa: ANN401
        if isinstance(event, _MESSAGES_OF_A_LOG) and not get_event_manager().loggers:
            text, fields = (), {}
        make(event, *text, **fields)

    with (
        mock.patch.object(EventManager, "fire_event", fire_what_is_heard),
        mock.patch.object(BaseEvent, "__init__", make_what_is_heard),
    ):
        yield


@contextlib.contextmanager
def _nothing_collected() -> Iterator[None]:
    """Spare looking for garbage: nearly all that dbt makes lives to its end, and it is much."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _kept_for_the_next_node(connections: BaseConnectionManager) -> None:
    """End the transaction a node has left open and keep its thread's connection.

    dbt opens one per node, which costs both sides more than what most nodes ask.
    """
    connection = connections.get_if_exists()
    if connection is None or connection.state != ConnectionState.OPEN:
        return
    # dbt does not know of each transaction: a driver may begin one with any statement.
    with contextlib.suppress(duckdb.TransactionException):
        connection.handle.rollback()
    connection.transaction_open = False


_write = ParsedNode.write_node


def _written_beside_a_log(node: ParsedNode, *where: str) -> None:
    """Write what was compiled of a node only where somebody reads the log as well."""
    if get_event_manager().loggers:
        _write(node, *where)


_link = Compiler.compile


def _linked_once(
    compiler: Compiler,
    manifest: Manifest,
    write: bool = True,
    add_test_edges: bool = False,
) -> Graph:
    """Link a project, and look for circles in it, once for all commands that find it parsed."""
    known: dict[bool, Graph] = vars(manifest).setdefault("linked", {})
    if add_test_edges not in known:
        known[add_test_edges] = _link(compiler, manifest, write, add_test_edges)
    compiler.initialize()  # type: ignore[no-untyped-call]
    return known[add_test_edges]


_compile = jinja2.Environment.compile
_compiled: dict[Row, CodeType] = {}


def _compiled_once(
    environment: jinja2.Environment,
    source: str,
    name: str | None = None,
    filename: str | None = None,
    **options: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401 - text where it is asked for raw
    """Compile a template once in the process, as every command has the same ones."""
    if options or not isinstance(source, str):
        return _compile(environment, source, name, filename, **options)
    template = (type(environment), *sorted(environment.extensions), source, name, filename)
    if template not in _compiled:
        _compiled[template] = _compile(environment, source, name, filename)
    return _compiled[template]


class _Macros(dict[str, Any], MacroNamespace):
    """The macros by the names that a node may use, flat: each context of dbt's takes them in."""


def _namespace(
    builder: MacroNamespaceBuilder,
    macros: Mapping[str, Mapping[str, Macro]],
    context: dict[str, Any],
) -> MacroNamespace:
    """Return what dbt's own does: the node's package hides the root's, and that one dbt's."""
    packages = {
        package: {
            name: MacroGenerator(macro, context, builder.node, builder.thread_ctx)
            for name, macro in those.items()
        }
        for package, those in macros.items()
    }
    everywhere: dict[str, Any] = {}
    for package in reversed(builder.internal_package_names_order):
        everywhere |= packages.pop(package, {})
    found = _Macros(
        **everywhere
        | {GLOBAL_PROJECT_NAME: everywhere}
        | packages
        | packages.get(builder.root_package, {})
        | packages.get(builder.search_package, {})
    )
    found.global_project_namespace, found.packages = everywhere, packages
    return found


_make_type_tester = agate_helper.build_type_tester


@functools.cache
def _type_tester_of(columns: Row, nulls: Row | None) -> Any:  # noqa: ANN401 - untyped, agate's
    return _make_type_tester(columns, nulls)


def _type_tester(
    text_columns: Iterable[str], string_null_values: Iterable[str] | None = ("null", "")
) -> Any:  # noqa: ANN401
    """Make what tells the types of an answer once for all that have the same columns.

    Each one makes a reader of dates anew, for a millisecond and a half.
    """
    nulls = None if string_null_values is None else tuple(string_null_values)
    return _type_tester_of(tuple(sorted(text_columns)), nulls)


if __name__ == "__main__":
    from loader.__main__ import main

    with quick_dbt():
        sys.exit(main(sys.argv[1:]))
