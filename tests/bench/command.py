"""What a command of the loader costs, as a process of its own."""

import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
# A process between, as a process is told only the greatest peak of all its children. What outlives
# the command by a moment, as Spark's Java does, becomes a child of it (PR_SET_CHILD_SUBREAPER): or
# nobody would count what that cost.
_BETWEEN = """
import ctypes, os, resource, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
code = subprocess.call(sys.argv[1:], stdout=2)
try:
    while True:
        os.wait()
except ChildProcessError:
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
    sys.exit(code)
"""


@dataclass(frozen=True, slots=True)
class Spent:
    """Wall time and CPU time of a process, and the most memory it had."""

    seconds: float
    cpu_seconds: float
    peak_megabytes: int


def spent(words: tuple[str, ...], environment: Mapping[str, str]) -> Spent:
    """Run a command and tell what it cost; ends the program where the command fails."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", _BETWEEN, sys.executable, "-m", "loader", *words],
        cwd=ROOT, env=dict(environment), check=False, text=True, capture_output=True,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Spent(
        seconds,
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        int(done.stdout.split()[-1]),
    )
