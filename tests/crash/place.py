"""A warehouse and a work directory of their own, the runs that fill them and what those leave."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import duckdb

from tests.crash.hooks import Strike
from tests.loading import ROOT, Loader
from tests.sandbox.process import SandboxProcess

# All a test's sandbox accepts; found in a file it is found for certain.
CLIENT_ID = "crash-client"
CLIENT_SECRET = 'Kanarie+9f2/"c7%4e1b=secret'
# Nothing here takes long, and what is refused is refused by a strike.
SETTINGS = {
    "GENESYS_REQUESTS_PER_MINUTE": "100000",
    "ELT_RETRY_ATTEMPTS": "3",
    "ELT_RETRY_SECONDS": "5",
    # No fault here is one of slowness; a busy machine may be.
    "ELT_REQUEST_SECONDS": "60",
    "ELT_LOCK_WAIT_SECONDS": "0",
    "ELT_SECRETS_DIR": "/nonexistent",
    # dlt's, so that a package's tables are loaded in the same order each time
    "LOAD__WORKERS": "1",
}
DEAD = -signal.SIGKILL


@dataclass(frozen=True)
class Ended:
    """How a run ended, what it said, and what it did up to there."""

    exit_code: int
    stdout: str
    stderr: str
    effects: Sequence[str]
    seconds: float
    peak_megabytes: int
    is_hanging: bool

    @property
    def said(self) -> str:
        """Both streams."""
        return self.stdout + self.stderr

    @property
    def secrets(self) -> set[str]:
        """What the run authorised itself with."""
        return {line.split(" ", 1)[1] for line in self.effects if line.startswith("secret ")}

    @property
    def outside(self) -> list[str]:
        """Files that were opened for writing outside the place."""
        return [line.split(" ", 1)[1] for line in self.effects if line.startswith("outside ")]

    @property
    def was_struck(self) -> bool:
        """Whether the strike fell: else the run was over before its number came."""
        return any(line.startswith("struck ") for line in self.effects)

    @property
    def was_torn(self) -> bool:
        """Whether it died of a power cut."""
        struck = [line for line in self.effects if line.startswith("struck ")]
        return self.exit_code == DEAD and any(line.endswith(":torn") for line in struck)

    def count(self, kind: str) -> int:
        """Return how many effects of a kind it had."""
        return sum(line.startswith(f"{kind} ") for line in self.effects)

    def described(self, strike: Strike) -> str:
        """Return the strike with the name of what it fell on."""
        name = f"{strike.kind} {strike.number} "
        what = next((line for line in self.effects if line.startswith(name)), name)
        return f"{strike} ({what.removeprefix(name)})"


class Warm:
    """A parent that has imported what a load needs and forks one for each run.

    Args:
        environment: of it and its children, such as a time zone.
    """

    def __init__(self, environment: Mapping[str, str] = MappingProxyType({})) -> None:
        self.environment = dict(environment)
        # Its home stays empty: whatever is written there is written where nobody asked for it.
        self.home = Path(tempfile.mkdtemp(prefix="crash-home-"))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.process", "--serve"],
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

    def run(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Run once and return what `process` tells of it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._read())
        return told

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()
        shutil.rmtree(self.home, ignore_errors=True)

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the warm parent ended with {self._process.wait()}")
        return line


@dataclass
class Place:
    """Where one history takes place.

    Attributes:
        sandbox: the organisation.
        folder: holds the DuckDB file and the work directory, and nothing else may come up in it.
        warm: forks the runs.
        settings: by their names in the environment, on top of SETTINGS.
        commit_bytes: a commit ends with the page that passes it.
        guard: what is switched off in every run.
        patience: seconds after which a run hangs.
        secrets: everything any run so far authorised itself with, and ours.
        runs: how every run so far ended.
        is_torn: whether a power cut has left files that no run has seen to yet.
    """

    sandbox: SandboxProcess
    folder: Path
    warm: Warm
    settings: dict[str, str] = field(default_factory=dict)
    commit_bytes: int = 1
    guard: str | None = None
    # Long, because a busy machine is no hang.
    patience: float = 400.0
    secrets: set[str] = field(default_factory=lambda: {CLIENT_SECRET})
    runs: list[Ended] = field(default_factory=list)
    is_torn: bool = False

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        # Beside the place, not in it: what the harness writes is not what the loader wrote.
        self.notes = self.folder.parent / f"{self.folder.name}.notes"
        self.notes.mkdir(exist_ok=True)

    @property
    def loader(self) -> Loader:
        """The same place for the other tests' queries."""
        return Loader(self.sandbox, self.folder, settings={**SETTINGS, **self.settings})

    @property
    def database(self) -> Path:
        """The DuckDB file."""
        return self.loader.database

    @property
    def work(self) -> Path:
        """The work directory."""
        return self.folder / "work"

    def load(self, *arguments: str, strikes: Sequence[Strike] = ()) -> Ended:
        """Run `load` once, whatever comes of it."""
        return self.run("load", *arguments, strikes=strikes)

    def run(self, *command: str, strikes: Sequence[Strike] = ()) -> Ended:
        """Run a command of the loader in a process of its own.

        Args:
            command: what follows `python -m loader`.
            strikes: what happens to it at which effect.
        """
        for path in self.notes.iterdir():
            path.unlink()
        stdout, stderr, trace = (self.notes / name for name in ("stdout", "stderr", "trace"))
        for path in (stdout, stderr, trace):
            path.touch()
        options = ["--root", str(self.folder), "--trace", str(trace)]
        options += ["--commit-bytes", str(self.commit_bytes)]
        options += [word for strike in strikes for word in ("--strike", str(strike))]
        options += ["--guard", self.guard] if self.guard else []
        told = self.warm.run(
            {
                "arguments": [*options, "--", *command],
                "environment": {
                    **self.loader.environment({}),
                    "HOME": str(self.warm.home),
                    "PYTHONDONTWRITEBYTECODE": "1",
                    **self.warm.environment,
                },
                "folder": str(self.folder),
                "stdout": str(stdout),
                "stderr": str(stderr),
                "patience": self.patience,
            }
        )
        ended = Ended(
            stdout=stdout.read_text("utf-8", "replace"),
            stderr=stderr.read_text("utf-8", "replace"),
            effects=trace.read_text("utf-8", "replace").splitlines(),
            **told,
        )
        self.secrets |= ended.secrets
        self.is_torn = self.is_torn and ended.exit_code != 0
        self.runs.append(ended)
        return ended

    @contextlib.contextmanager
    def opened(self) -> Iterator[duckdb.DuckDBPyConnection | None]:
        """Look into a copy of the warehouse: opening the file itself would already repair it."""
        if not self.database.exists():
            yield None
            return
        with tempfile.TemporaryDirectory(prefix="crash-copy-") as folder:
            for path in self.folder.glob(f"{self.database.name}*"):
                if path.is_file():
                    shutil.copy(path, folder)
            with duckdb.connect(str(Path(folder) / self.database.name)) as connection:
                connection.execute("set TimeZone = 'UTC'")
                yield connection

    def tear(self) -> list[Path]:
        """Cut what was written last in half, and the end of the DuckDB file's log off.

        Nobody waits until the disk has them: after a power cut they may look like that.
        """
        files = [path for path in self.work.rglob("*") if path.is_file() and path.stat().st_size]
        torn = sorted(files, key=lambda path: (path.stat().st_mtime_ns, path))[-1:]
        log = self.database.with_name(f"{self.database.name}.wal")
        torn += [log] if log.exists() else []
        for path in torn:
            os.truncate(path, path.stat().st_size // 2)
        self.is_torn = True
        return torn

    def copied(self, folder: Path) -> "Place":
        """Return a place that begins where this one stands."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder, folder)
        return Place(
            self.sandbox,
            folder,
            self.warm,
            dict(self.settings),
            self.commit_bytes,
            self.guard,
            self.patience,
            set(self.secrets),
        )
