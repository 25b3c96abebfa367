"""A parent that has imported what a load needs and forks a process for each run.

Such a run is as real a process as any other, and a second sooner at its first request. The parent
is this file run as a program: it reads one run a line and tells, a line each, how they ended.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn, Self

from tests.harness.quick_dlt import quick_dlt
from tests.sandbox.process import ROOT


class WarmParent:
    """The parent, seen from the tests.

    Args:
        program: the module whose `main(arguments)` a run is.
        environment: of the parent and its children, such as a time zone.
    """

    def __init__(self, program: str, environment: Mapping[str, str] = MappingProxyType({})) -> None:
        self.environment = dict(environment)
        # Its home stays empty: whatever is written there is written where nobody asked for it.
        self.home = Path(tempfile.mkdtemp(prefix="warm-home-"))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.harness.warm_parent", program],
            cwd=self.home,
            env={
                "PATH": "/usr/bin:/bin",
                "HOME": str(self.home),
                "PYTHONPATH": str(ROOT),
                "PYTHONDONTWRITEBYTECODE": "1",
                "RUNTIME__DLTHUB_TELEMETRY": "false",
                **self.environment,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._read()

    def run(
        self, asked: dict[str, Any], at_stop: Callable[[int], None] | None = None
    ) -> dict[str, Any]:
        """Run once and return what `_awaited` tells of it.

        Args:
            asked: what to run, where and for how long.
            at_stop: called with its process id whenever the run has stopped itself, all its threads
                with it; it goes on afterwards.
        """
        told = self._answered({**asked, "stops": at_stop is not None})
        while stopped := told.get("stopped"):
            assert at_stop is not None
            at_stop(stopped)
            told = self._answered({})
        return told

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()
        shutil.rmtree(self.home, ignore_errors=True)

    def _answered(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._read())
        return told

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the warm parent ended with {self._process.wait()}")
        return line


def serve(program: Callable[[Sequence[str]], int]) -> int:
    """Fork a run for each line of standard input and tell how it ended."""
    import loader.commands.load  # noqa: F401 - this is the second that is saved

    # What was imported stays; a run need not look through it for garbage, nor copy it by that.
    gc.collect()
    gc.freeze()
    with quick_dlt():
        return _serve(program)


def _serve(program: Callable[[Sequence[str]], int]) -> int:
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while line := sys.stdin.readline():
        asked: dict[str, Any] = json.loads(line)
        if "transform" in asked["arguments"]:
            # Three seconds more, of which a parent whose runs only load knows nothing.
            importlib.import_module("dbt.cli.main")
            importlib.import_module("dbt.adapters.duckdb")
        child = os.fork()
        if child == 0:
            _be_child(program, asked)
        if asked["stops"]:
            _tell_stops(child, asked["patience"])
        _tell(_awaited(child, asked))
    return 0


def _tell(told: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def _tell_stops(child: int, patience: float) -> None:
    """Tell whenever a run has stopped, and let it go on when that is answered."""
    until = time.monotonic() + patience
    looked_for = os.WSTOPPED | os.WEXITED | os.WNOHANG
    while time.monotonic() < until:
        found = os.waitid(os.P_PID, child, looked_for | os.WNOWAIT)
        if found is None:
            time.sleep(0.0003)
        elif found.si_code == os.CLD_STOPPED:
            os.waitid(os.P_PID, child, os.WSTOPPED)
            _tell({"stopped": child})
            sys.stdin.readline()
            os.kill(child, signal.SIGCONT)
        else:
            return


def _be_child(program: Callable[[Sequence[str]], int], asked: dict[str, Any]) -> NoReturn:
    os.setpgid(0, 0)
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND
        os.dup2(os.open(os.devnull if number == 0 else asked[name], flags, 0o600), number)
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    os.chdir(asked["folder"])
    code = program(asked["arguments"])
    # As the interpreter ends, but that it would take all apart that was imported, which is a
    # quarter of a run.
    getattr(threading, "_shutdown")()  # noqa: B009 - it has no other name
    getattr(atexit, "_run_exitfuncs")()  # noqa: B009
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


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
        "peak_megabytes": usage.ru_maxrss >> 10,
    }


if __name__ == "__main__":
    sys.exit(serve(importlib.import_module(sys.argv[1]).main))
