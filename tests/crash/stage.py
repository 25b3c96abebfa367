"""What histories are played on: an organisation, the truth about it, a warm parent, a folder."""

import itertools
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.invariants import Content, Standing, Truth, Witness
from tests.crash.place import CLIENT_ID, CLIENT_SECRET, HookedPlace
from tests.harness.warm_parent import WarmParent
from tests.sandbox.clock import DAY, MINUTE, to_millis, to_text
from tests.sandbox.process import SandboxProcess, Told, running_sandbox
from tests.sandbox.world import World

# In this world a conversation arrives an hour late, and a third of the first day changes later.
SEED, CONVERSATIONS, DAYS = 125, 14, 2
END = "2026-03-16T00:00:00Z"
START = "2026-03-14"
PROGRAM = "tests.crash.process"
# Small, so that a window takes several commits: a page of three, a commit a page.
# Nothing is read again but for the overlap: each commit costs half a second.
SETTINGS = {"ELT_START": START, "ELT_PAGE_SIZE": "3", "ELT_LOOKBACK_DAYS": "0"}


@dataclass
class Stage:
    """Where histories take place, one after the other.

    Attributes:
        sandbox: the organisation; its clock and faults are the history's.
        truth: what it serves.
        warm: forks the runs.
        folder: holds the places.
    """

    sandbox: SandboxProcess
    truth: Truth
    warm: WarmParent
    folder: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _asked: int = 0
    _templates: dict[str, HookedPlace] = field(default_factory=dict)
    _contents: dict[str, Content] = field(default_factory=dict)
    _abroad: dict[str, WarmParent] = field(default_factory=dict)

    def place(self, **settings: str) -> HookedPlace:
        """Make an empty place."""
        folder = self.folder / f"place-{next(self._numbers)}"
        return HookedPlace(self.sandbox, folder, settings={**SETTINGS, **settings}, warm=self.warm)

    def copy_of(self, name: str, make: Callable[[], HookedPlace]) -> HookedPlace:
        """Return a copy of the place `name`, which is made the first time it is asked for."""
        if name not in self._templates:
            self._templates[name] = make()
        return self._templates[name].copied(self.folder / f"place-{next(self._numbers)}")

    def has(self, name: str) -> bool:
        """Tell whether the place `name` was made."""
        return name in self._templates

    def template(self, name: str) -> HookedPlace:
        """Return the place `name` itself, to look at."""
        return self._templates[name]

    def content(self, name: str, make: Callable[[], HookedPlace]) -> Content:
        """Return what the undisturbed history `name` leaves."""
        if name not in self._contents:
            copy = make()
            with copy.opened() as connection:
                assert connection is not None
                self._contents[name] = Content.of(Standing(connection, copy))
            self.forget(copy)
        return self._contents[name]

    def clean_place(self, now: str, arguments: tuple[str, ...], **settings: str) -> HookedPlace:
        """Return a place after one undisturbed load at a time into an empty one."""

        def make() -> HookedPlace:
            place = self.place(**settings)
            self.sandbox.set_clock(now)
            ended = place.run("load", *arguments)
            assert ended.exit_code == 0, ended.said
            return place

        return self.copy_of(f"{now} {arguments} {settings}", make)

    def clean(self, now: str, arguments: tuple[str, ...], **settings: str) -> Content:
        """Return what that load leaves."""
        name = f"{now} {arguments} {settings}"
        return self.content(name, lambda: self.clean_place(now, arguments, **settings))

    def abroad(self, where: Mapping[str, str]) -> WarmParent:
        """Return a warm parent that runs in another environment than `warm` does."""
        name = str(sorted(where.items()))
        if name not in self._abroad:
            self._abroad[name] = WarmParent(PROGRAM, where)
        return self._abroad[name]

    def close(self) -> None:
        """Let the parents abroad go."""
        for warm in self._abroad.values():
            warm.close()

    def late_arrival(self) -> tuple[str, str]:
        """Return a time just before a conversation comes late, and one just after.

        Its window was read by the first, and only the overlap of the second still holds it.
        """
        for placed in self.truth.world:
            before = placed.start + placed.script.delay - MINUTE
            after = before + 30 * MINUTE
            if 33 * MINUTE < placed.script.delay < 80 * MINUTE and before // DAY == after // DAY:
                return to_text(before), to_text(after)
        raise AssertionError("nothing comes late in this world")

    def new_requests(self) -> list[Told]:
        """Return what the organisation was asked since this was last called."""
        entries = self.sandbox.log(self._asked + 1)
        self._asked = max([int(entry["number"]) for entry in entries], default=self._asked)
        return entries

    def witness(self, place: HookedPlace) -> Witness:
        """Return a witness who knows the truth."""
        return Witness(place, self.truth)

    def forget(self, place: HookedPlace) -> None:
        """Delete a place that nobody asks about any more."""
        shutil.rmtree(place.folder, ignore_errors=True)
        shutil.rmtree(place.notes, ignore_errors=True)


@contextmanager
def a_stage(
    folder: Path, *, seed: int = SEED, conversations: int = CONVERSATIONS
) -> Iterator[Stage]:
    """Set a stage up and take it down."""
    world = World(seed, conversations, to_millis(END), DAYS)
    with (
        running_sandbox(
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            seed=seed,
            conversations=conversations,
            days=DAYS,
            end=END,
            now=END,
            quota=1_000_000,
            tenant_quota=1_000_000,
            job_polls=0,
        ) as sandbox,
        WarmParent(PROGRAM) as warm,
    ):
        stage = Stage(sandbox, Truth(world), warm, folder)
        try:
            yield stage
        finally:
            stage.close()
