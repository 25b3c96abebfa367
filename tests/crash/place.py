"""A warehouse and a work directory of their own, the runs that fill them and what those leave."""

import contextlib
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from tests.crash.hooks import Effect, Kind, Strike, named
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
# What is kept of a run, beside its place.
NOTES = ("stdout", "stderr", "trace")


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
        blows = [Strike.parse(line.removeprefix("struck ")).blow for line in struck]
        return self.exit_code == DEAD and "torn" in blows

    def count(self, kind: str) -> int:
        """Return how many effects of a kind it had."""
        return sum(line.startswith(f"{kind} ") for line in self.effects)

    def named(self, kind: Kind, pattern: str = "") -> list[Effect]:
        """Return the effects of a kind whose description matches."""
        found = []
        counts: dict[str, int] = {}
        for line in self.effects:
            if numbered := re.match(rf"{kind} (\d+) (.*)", line):
                name = named(numbered[2])
                counts[name] = counts.get(name, 0) + 1
                if re.match(pattern, numbered[2]):
                    found.append(Effect(kind, int(numbered[1]), name, counts[name]))
        return found

    def fell_on(self) -> list[str]:
        """Return what each strike fell on: the effect last noted before it."""
        found = []
        for number, line in enumerate(self.effects):
            if line.startswith("struck "):
                kind = line.split()[1].partition(":")[0]
                before = (one for one in reversed(self.effects[:number]) if one.startswith(kind))
                found.append(f"{line.removeprefix('struck ')} ({next(before, kind)})")
        return found


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
        return self._ended(strikes, None, arguments, changes)

    def watched(self, at_stop: Callable[[int], None], *arguments: str) -> Ended:
        """Run a command that stops at every point where it may die, and look at each."""
        return self._ended((), at_stop, arguments, {})

    def noted(self, since: int) -> str:
        """Return what the run that is going on has noted since a byte of its trace."""
        with (self.notes / "trace").open("rb") as trace:
            trace.seek(since)
            return trace.read().decode("utf-8", "replace")

    def _told(self) -> tuple[str, ...]:
        return tuple((self.notes / name).read_text("utf-8", "replace") for name in NOTES)

    def _ended(
        self,
        strikes: Sequence[Strike],
        at_stop: Callable[[int], None] | None,
        arguments: Sequence[str],
        changes: Mapping[str, str],
    ) -> Ended:
        for path in self.notes.iterdir():
            path.unlink()
        stdout, stderr, trace = (self.notes / name for name in NOTES)
        for path in (stdout, stderr, trace):
            path.touch()
        options = ["--root", str(self.data), "--trace", str(trace)]
        options += ["--commit-bytes", str(self.commit_bytes)]
        options += [word for strike in strikes for word in ("--strike", str(strike))]
        options += ["--guard", self.guard] if self.guard else []
        options += ["--stops"] if at_stop else []
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
            },
            at_stop,
        )
        out, err, noted = self._told()
        ended = Ended(stdout=out, stderr=err, effects=noted.splitlines(), **told)
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
        with tempfile.TemporaryDirectory(prefix="copy-", dir=self.folder.parent) as folder:
            for path in self.data.glob(f"{self.database.name}*"):
                if path.is_file():
                    shutil.copy(path, folder)
            with opened(Path(folder) / self.database.name) as connection:
                connection.execute("set TimeZone = 'UTC'")
                yield connection

    def unsafe(self) -> list[Path]:
        """Return what a power cut may leave half: what was written last, and DuckDB's log.

        Nobody waits until the disk has them.
        """
        files = [path for path in self.work.rglob("*") if path.is_file() and path.stat().st_size]
        newest = sorted(files, key=lambda path: (path.stat().st_mtime_ns, path))[-1:]
        return [*newest, *([self.log_path] if self.log_path.exists() else [])]

    def tear(self) -> None:
        """Cut what is unsafe in half."""
        for path in self.unsafe():
            os.truncate(path, path.stat().st_size // 2)
        self.is_torn = True

    def lose_work(self) -> None:
        """Delete the work directory, as that of a container goes."""
        shutil.rmtree(self.work, ignore_errors=True)

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
