"""The process under test: the loader with hooks, started cold or forked from a warm parent.

python -m tests.crash.process --strike file:17:after:kill --trace TRACE --root FOLDER -- load
"""

import argparse
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from tests.crash.hooks import Effects, Strike, install


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the loader under hooks."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.process")
    parser.add_argument("--strike", action="append", default=[])
    parser.add_argument("--stops", action="store_true", help="stop at every point, to be looked at")
    parser.add_argument("--trace", type=Path)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--guard", help="the guard of tests/crash/guards.py to switch off")
    parser.add_argument("--commit-bytes", type=int, help="below what ELT_COMMIT_MEGABYTES can say")
    parser.add_argument("command", nargs="*")
    options = parser.parse_args(arguments)
    return run(options)


def run(options: argparse.Namespace) -> int:
    """Install the hooks and be the loader, to the very end of its process."""
    trace = os.open(options.trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    if options.commit_bytes:
        _commit_after(options.commit_bytes)
    if options.guard:
        from tests.crash.guards import switch_off

        switch_off(options.guard)
    strikes = [Strike.parse(text) for text in options.strike]
    effects = Effects(options.root, trace, strikes, options.stops)
    install(effects)
    from loader.__main__ import main as load
    from loader.genesys.request_metrics import FETCH_THREAD

    with _known_to_dbt(options.command):
        code = load(options.command)
    sys.stdout.flush()
    sys.stderr.flush()
    if any(thread.name.startswith(FETCH_THREAD) for thread in threading.enumerate()):
        os._exit(code)
    return code


def _known_to_dbt(command: Sequence[str]) -> AbstractContextManager[None]:
    """Have a build find what the tests have parsed of the project."""
    if "transform" not in command:
        return nullcontext()
    from tests.harness.quick_dbt import parsed_alike_everywhere

    return parsed_alike_everywhere()


def _commit_after(size: int) -> None:
    """Commit every page or two: the smallest setting, a megabyte, would hold the whole world."""
    from loader.settings import Settings

    Settings.commit_bytes = size  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    sys.exit(main())
