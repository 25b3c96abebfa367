"""The process under test: the loader with hooks, started cold or forked from a warm parent.

python -m tests.crash.process --strike file:17:after:kill --trace TRACE --root FOLDER -- load

With --serve it imports what a load needs, reads one run a line from standard input and forks a
process for each: as real a process as any other, and a second sooner at its first request.
"""

import argparse
import contextlib
import json
import os
import resource
import select
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.crash.hooks import Effects, Strike, install


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the loader under hooks, or serve such runs."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.process")
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--strike", action="append", default=[])
    parser.add_argument("--trace", type=Path)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--guard", help="the guard of tests/crash/guards.py to switch off")
    parser.add_argument("--commit-bytes", type=int, help="below what ELT_COMMIT_MEGABYTES can say")
    parser.add_argument("command", nargs="*")
    options = parser.parse_args(arguments)
    return serve() if options.serve else run(options)


def run(options: argparse.Namespace) -> int:
    """Install the hooks and be the loader, to the very end of its process."""
    trace = os.open(options.trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    if options.commit_bytes:
        _commit_after(options.commit_bytes)
    if options.guard:
        from tests.crash.guards import switch_off

        switch_off(options.guard)
    effects = Effects(options.root, trace, [Strike.parse(text) for text in options.strike])
    install(effects)
    from loader.__main__ import main as load
    from loader.genesys.request_metrics import FETCH_THREAD

    code = load(options.command)
    sys.stdout.flush()
    sys.stderr.flush()
    if any(thread.name.startswith(FETCH_THREAD) for thread in threading.enumerate()):
        os._exit(code)
    return code


def _commit_after(size: int) -> None:
    """Commit every page or two: the smallest setting, a megabyte, would hold the whole world."""
    from loader.fetch import Fetcher

    begin = Fetcher.__init__

    def begin_small(self: Fetcher, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        begin(self, *arguments, **{**options, "commit_bytes": size})

    Fetcher.__init__ = begin_small  # type: ignore[method-assign]


def serve() -> int:
    """Fork a run for each line of standard input and tell how it ended."""
    import loader.commands.load  # noqa: F401 - this is the second that is saved

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while line := sys.stdin.readline():
        asked: dict[str, Any] = json.loads(line)
        child = os.fork()
        if child == 0:
            return _be_child(asked)
        sys.stdout.write(json.dumps(_awaited(child, asked)) + "\n")
        sys.stdout.flush()
    return 0


def _be_child(asked: dict[str, Any]) -> int:
    os.setsid()
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND
        os.dup2(os.open(os.devnull if number == 0 else asked[name], flags, 0o600), number)
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    os.chdir(asked["folder"])
    return main(asked["arguments"])


def _awaited(child: int, asked: dict[str, Any]) -> dict[str, Any]:
    """Wait for a run, end it if it hangs."""
    began = time.monotonic()
    process = os.pidfd_open(child)
    ended, _, _ = select.select([process], [], [], asked["patience"])
    if not ended:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    os.close(process)
    _, status, usage = os.wait4(child, 0)
    return {
        "exit_code": os.waitstatus_to_exitcode(status),
        "is_hanging": not ended,
        "seconds": time.monotonic() - began,
        "peak_megabytes": _megabytes(usage),
    }


def _megabytes(usage: resource.struct_rusage) -> int:
    return usage.ru_maxrss >> 10


if __name__ == "__main__":
    sys.exit(main())
