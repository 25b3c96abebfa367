"""Starts bqemulator without DuckDB's extension for GEOGRAPHY, which only a network brings."""

import sys
from typing import Any

from bqemulator.cli import main  # type: ignore[import-not-found]
from bqemulator.storage import engine  # type: ignore[import-not-found]


def _none(_engine: Any) -> None:  # noqa: ANN401 - the emulator's own class
    """Load nothing."""


for value in list(vars(engine).values()):
    if isinstance(value, type) and hasattr(value, "_load_spatial"):
        for name in ("_load_spatial", "_load_format_extensions"):
            setattr(value, name, _none)

if __name__ == "__main__":
    main(["start", "--rest-port", sys.argv[1], "--grpc-port", "0", "--log-level", "warning"])
