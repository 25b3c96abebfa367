"""The warehouse the records land in: one file for each kind, and what knows no kind.

A kind is a module of this package that defines a `Warehouse`; whatever lies here is found, there is
no list of them. Importing them is cheap: what is heavy they import when it is needed.
"""

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

from loader.errors import SettingsError
from loader.warehouses.base import OURS, Warehouse

if TYPE_CHECKING:
    from loader.settings import Settings

# What is for all kinds, or for several; it imports dlt, which takes a second.
_FOR_ALL = frozenset(
    {
        "account",
        "base",
        "bucket",
        "configuration",
        "dataset",
        "lease",
        "lock",
        "lock_row",
        "marts",
        "once",
        "packages",
        "renewed",
    }
)

# What people ask for and nobody has built here: not every name that is not known is a slip.
_NOT_BUILT = {
    "athena": "Athena",
    "clickhouse": "ClickHouse",
    "fabric": "the warehouse of Microsoft Fabric",
    "motherduck": "MotherDuck",
    "mssql": "SQL Server",
    "redshift": "Redshift",
    "sqlserver": "SQL Server",
    "synapse": "Azure Synapse",
    "trino": "Trino",
}


def kinds() -> dict[str, type[Warehouse[Any]]]:
    """Return every kind of warehouse by its name, the value of ELT_TARGET."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name in _FOR_ALL:
            continue
        defined = vars(importlib.import_module(f"{__name__}.{module.name}")).values()
        for kind in defined:
            # One that another file defines is only used there.
            if (
                isinstance(kind, type)
                and issubclass(kind, Warehouse)
                and kind.__module__ == f"{__name__}.{module.name}"
            ):
                found[kind.name] = kind
    return found


def kind_of(target: str) -> type[Warehouse[Any]]:
    """Return the kind of that name.

    Raises:
        SettingsError: there is none; names those there are.
    """
    every = kinds()
    if target not in every:
        known = f"one of {', '.join(sorted(every))}"
        if engine := _NOT_BUILT.get(target.lower()):
            raise SettingsError(
                f"ELT_TARGET={target}: {engine} is not built; choose {known}, or add "
                'it: CONTRIBUTING.md says how ("Add a warehouse").'
            )
        raise SettingsError(f"ELT_TARGET: must be {known}.")
    return every[target]


def warehouse_of(settings: "Settings", ours: str = OURS) -> Warehouse[Any]:
    """Return the warehouse of the settings; nothing of it is opened or made.

    Args:
        settings: the settings.
        ours: what the names of its schemas begin with.
    """
    warehouse = kind_of(settings.target)(settings.warehouse)
    warehouse.ours = ours
    return warehouse
