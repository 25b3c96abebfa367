"""A warehouse and a work directory of their own, the runs that fill them and what those leave."""

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from tests.crash.hooks import Strike
from tests.harness.bucket import tables_of
from tests.harness.duckdb_file import opened
from tests.harness.outcome import Outcome
from tests.harness.place import Place
from tests.harness.warm_parent import WarmParent
from tests.sandbox.process import ROOT

# All a test's sandbox accepts; found in a file it is found for certain.
CLIENT_ID = "crash-client"
CLIENT_SECRET = 'Kanarie+9f2/"c7%4e1b=secret'
DEAD = -signal.SIGKILL


@dataclass(frozen=True, kw_only=True)
class Ended(Outcome):
    """How a run ended, what it said, and what it did up to there."""

    effects: Sequence[str]
    seconds: float
    peak_megabytes: int
    is_hanging: bool

    @property
    def authorised(self) -> set[str]:
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


@dataclass
class HookedPlace(Place):
    """Where one history takes place: each run is forked, under hooks, and may be struck.

    Attributes:
        warm: forks the runs.
        commit_bytes: a commit ends with the page that passes it.
        guard: what is switched off in every run.
        patience: seconds after which a run hangs.
        secrets: everything any run so far authorised itself with, and ours.
        runs: how every run so far ended.
        is_torn: whether a power cut has left files that no run has seen to yet.
    """

    warm: WarmParent = field(kw_only=True)
    commit_bytes: int = 1
    guard: str | None = None
    # Long, because a busy machine is no hang.
    patience: float = 400.0
    secrets: set[str] = field(default_factory=lambda: {CLIENT_SECRET})
    runs: list[Ended] = field(default_factory=list)
    is_torn: bool = False

    def __post_init__(self, begin: Place | None) -> None:
        super().__post_init__(begin)
        self.data.mkdir(exist_ok=True)
        # Beside the place, not in it: what the harness writes is not what the loader wrote.
        self.notes = self.folder.parent / f"{self.folder.name}.notes"
        self.notes.mkdir(exist_ok=True)

    def defaults(self) -> dict[str, str]:
        """Return the settings of a place that a history says nothing about."""
        return {
            **super().defaults(),
            # No fault here is one of slowness; a busy machine may be.
            "ELT_REQUEST_SECONDS": "60",
            # dlt's, so that a package's tables are loaded in the same order each time
            "LOAD__WORKERS": "1",
        }

    def run(self, *arguments: str, **changes: str) -> Ended:
        """Run a command of the loader in a process of its own, whatever comes of it."""
        return self.struck((), *arguments, **changes)

    def struck(self, strikes: Sequence[Strike], *arguments: str, **changes: str) -> Ended:
        """Run a command to which something happens, at some of its effects."""
        for path in self.notes.iterdir():
            path.unlink()
        stdout, stderr, trace = (self.notes / name for name in ("stdout", "stderr", "trace"))
        for path in (stdout, stderr, trace):
            path.touch()
        options = ["--root", str(self.data), "--trace", str(trace)]
        options += ["--commit-bytes", str(self.commit_bytes)]
        options += [word for strike in strikes for word in ("--strike", str(strike))]
        options += ["--guard", self.guard] if self.guard else []
        told = self.warm.run(
            {
                "arguments": [*options, "--", *arguments],
                "environment": {
                    **self.environment(changes),
                    "HOME": str(self.warm.home),
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "PYTHONPATH": str(ROOT),
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
        self.secrets |= ended.authorised
        self.is_torn = self.is_torn and ended.exit_code != 0
        self.runs.append(ended)
        return ended

    @contextlib.contextmanager
    def opened(self) -> Iterator[duckdb.DuckDBPyConnection | None]:
        """Look into a copy of the warehouse: opening the file itself would already repair it."""
        if self.bucket is not None:
            with tables_of(self.bucket) as connection:
                yield connection
            return
        if not self.database.exists():
            yield None
            return
        with tempfile.TemporaryDirectory(prefix="crash-copy-") as folder:
            for path in self.data.glob(f"{self.database.name}*"):
                if path.is_file():
                    shutil.copy(path, folder)
            with opened(Path(folder) / self.database.name) as connection:
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

    def copied(self, folder: Path) -> "HookedPlace":
        """Return a place that begins where this one stands."""
        shutil.rmtree(folder, ignore_errors=True)
        return HookedPlace(
            self.sandbox,
            folder,
            settings=dict(self.settings),
            begin=self,
            warm=self.warm,
            commit_bytes=self.commit_bytes,
            guard=self.guard,
            patience=self.patience,
            secrets=set(self.secrets),
        )
