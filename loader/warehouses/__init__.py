"""The warehouse the records land in: one file for each kind, and what knows no kind.

A kind is a module of this package that defines a `Warehouse`; whatever lies here is found, there is
no list of them. Importing them is cheap: what is heavy they import when it is needed.
"""

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

from loader.errors import SettingsError
from loader.warehouses.base import Warehouse

if TYPE_CHECKING:
    from loader.settings import Settings

# What is for all kinds, or for several; it imports dlt, which takes a second.
_FOR_ALL = frozenset(
    {"base", "bucket", "configuration", "dataset", "lease", "lock", "marts", "packages"}
)


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
        raise SettingsError(f"ELT_TARGET: must be one of {', '.join(sorted(every))}.")
    return every[target]


def warehouse_of(settings: "Settings") -> Warehouse[Any]:
    """Return the warehouse of the settings; nothing of it is opened or made."""
    return kind_of(settings.target)(settings.warehouse)
