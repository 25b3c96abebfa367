"""What dlt is told, and that it asks nobody else.

dlt looks for each of some hundred values in the environment and in files, under every name that
could be meant, for every commit anew: a third of what a small commit costs. Ours are few and known;
a file of settings for another pipeline on this machine, or a variable that happens to be called
CREDENTIALS, must not change a load.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

import dlt
from dlt.common.configuration.container import Container
from dlt.common.configuration.providers.provider import ConfigProvider
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.configuration.utils import TraceLogContext
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.destination.client import JobClientBase
from dlt.common.destination.reference import AnyDestination_CO
from dlt.common.normalizers.naming import NamingConvention
from dlt.common.runtime.run_context import RunContext
from dlt.common.schema import Schema
from dlt.common.storages.live_schema_storage import LiveSchemaStorage

from loader.warehouses.base import Warehouse

# By their last names: no two of those that dlt asks for share one of these.
VALUES = {
    "dlthub_telemetry": False,
    "log_level": "CRITICAL",  # what dlt logs may quote values; we say what happened
    "add_dlt_load_id": True,
    # Each table a resource yields becomes a row group of its own.
    "buffer_max_items": 1,
    # Read once, by this machine, a moment later: Parquet, and text. To pack that took two thirds of
    # a load into Postgres.
    "compression": "none",
    "disable_compression": True,
    # A warehouse takes a multiple of what one statement inserts: a large page comes in parts, one
    # after the other.
    "file_max_bytes": 32 << 20,
    "parallelism_strategy": "table-sequential",
    # Loaded rows stay in the warehouse only, not in the work directory as well.
    "delete_completed_jobs": True,
    # A trace may hold what an exception quotes.
    "enable_runtime_trace": False,
}


class _Ours(ConfigProvider):
    """Knows `VALUES`, and what a kind of warehouse has otherwise."""

    of_kind: Mapping[str, object] = {}

    def get_value(
        self, key: str, hint: type[Any], pipeline_name: str | None, *sections: str
    ) -> tuple[Any, str]:
        """Return a value, None for most."""
        return self.of_kind.get(key, VALUES.get(key)), key

    @property
    def name(self) -> str:
        """What it is called."""
        return "loader"

    @property
    def supports_secrets(self) -> bool:
        """Whether a secret may come from here; none does."""
        return True

    @property
    def supports_sections(self) -> bool:
        """Whether to ask for a name once more under each section."""
        return False


class _Context(RunContext):
    """Where dlt runs: as ever, but that it takes its configuration from us."""

    def initial_providers(self) -> list[ConfigProvider]:
        """Return the places to look in."""
        return [_Ours()]


def configure(of_kind: Mapping[str, object]) -> None:
    """Tell dlt, in this process, before anything else is asked of it.

    Args:
        of_kind: what the kind of warehouse has otherwise than `VALUES`.
    """
    _Ours.of_kind = of_kind
    container = Container()
    is_told = PluggableRunContext in container and isinstance(
        container[PluggableRunContext].context, _Context
    )
    if not is_told:
        container[PluggableRunContext] = PluggableRunContext(_Context(None))
    # dlt notes where it looked for each value and empties the list at the end of a trace; ours is
    # off, so it never would. A note holds a configuration, that an exception with its traceback,
    # and that the frames of the commit and all they point at: 0.2 MB of a small commit. Said to
    # the class, since each thread that resolves anything has a list of its own.
    TraceLogContext.logging_enabled = False


def with_known_capabilities(destination: AnyDestination_CO) -> AnyDestination_CO:
    """Have a destination look up once what it can do.

    It is asked a dozen times in a commit, and each time would resolve its configuration for that.
    """
    found: dict[type | None, DestinationCapabilitiesContext] = {}
    capabilities = destination.capabilities

    def known(
        config: Any = None,  # noqa: ANN401 - of the destination's own class
        naming: NamingConvention | None = None,
    ) -> DestinationCapabilitiesContext:
        if config is not None:
            return capabilities(config, naming)
        kind = None if naming is None else type(naming)
        if kind not in found:
            found[kind] = capabilities(None, naming)
        # dlt fits what it is given to the occasion.
        return found[kind].copy()

    destination.capabilities = known  # type: ignore[method-assign]
    return destination


class _KeptSchemas(LiveSchemaStorage):
    """Reads each schema once."""

    def __getitem__(self, name: str) -> Schema:
        """Return a schema as it is here: nobody else writes to our folder."""
        schema = self.live_schemas.get(name)
        return super().__getitem__(name) if schema is None else schema


def keep_schemas(pipeline: dlt.Pipeline) -> None:
    """Have a pipeline read its schema once, not ten times a commit: a sixth of a small one."""
    pipeline._schema_storage.__class__ = _KeptSchemas


def listing_in_order(
    destination: AnyDestination_CO, warehouse: Warehouse[Any], refused: Callable[[str], None]
) -> AnyDestination_CO:
    """Have a destination list a load only if no later one is listed.

    Its id is the time it began, and whoever reads what is new goes on after the newest id. A run
    that slept through the loss of its lock must not put its load before that of another.

    Args:
        destination: dlt's.
        warehouse: its kind knows how.
        refused: told of a load that was not listed; its rows count nowhere.
    """
    client_of = destination.client

    def client(schema: Schema, *arguments: Any, **options: Any) -> JobClientBase:  # noqa: ANN401
        made: Any = client_of(schema, *arguments, **options)

        def complete_load(load_id: str) -> None:
            if not warehouse.list_load(made, load_id):
                refused(load_id)

        made.complete_load = complete_load
        return cast(JobClientBase, made)

    destination.client = client  # type: ignore[method-assign]
    return destination
