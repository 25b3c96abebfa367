"""Every death of a run, from one run (mode 1: enumerated).

A kill leaves the disk as it is at that moment, and nothing else. So one undisturbed run stops at
every point, with all its threads, and what lies there is copied. What a power cut or the loss of
the work directory makes of a copy is another. Copies that are the same to the byte, once the next
run has swept the packages, are one ruin, and a plain run must make good each ruin.
`test_copies` holds a copy against what a kill leaves.
"""

import contextlib
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from loader.warehouses.packages import Packages
from tests.crash.disk import Contents, Disk
from tests.crash.hooks import Strike
from tests.crash.invariants import Standing, demand
from tests.crash.place import DEAD, Ended, HookedPlace
from tests.crash.points import (
    MOST_PAGES_AGAIN,
    Asked,
    Scenario,
    demand_few_logins,
    made_good,
    may_tear,
    page_count,
)
from tests.crash.stage import Stage

# What happens to a place besides the death of the run, by the name of its score.
KILLED, TORN, LOST = "kills", "power cuts", "work lost as well"
KINDS = (KILLED, TORN, LOST)


@dataclass
class Left:
    """What deaths at some points leave, the same to the byte.

    Attributes:
        disk: what lies there.
        kind: what happened besides.
        come: how many lines the run had noted, at the last of the points.
        asked: what Genesys had been asked for by then.
        strikes: the deaths.
    """

    disk: Disk
    kind: str
    come: int
    asked: Asked
    strikes: list[Strike] = field(default_factory=list)
    is_torn: bool = False

    def names(self) -> list[str]:
        """Return the names by which each death can be called for."""
        lost = " --lost" if self.kind == LOST else ""
        return [f"{strike}{lost}" for strike in self.strikes]


@dataclass
class Copies:
    """What every death of one run leaves.

    Attributes:
        scenario: of the run.
        place: where it ran, and where what is left is put back.
        ruins: what is left, those together that the next run begins from as the same.
        ended: how the run went that was copied.
    """

    scenario: Scenario
    stage: Stage
    place: HookedPlace
    ruins: list[list[Left]] = field(default_factory=list)
    ended: Ended = field(init=False)
    _contents: Contents = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        scenario: Scenario,
        stage: Stage,
        *,
        guard: str | None = None,
        is_wanted: Callable[[Strike], bool] = lambda strike: True,
    ) -> "Copies":
        """Run, and copy at every point, or those that are wanted.

        Where a guard is off only what is the same to the byte is one ruin: it may be the sweeping.
        """
        place = scenario.place(stage)
        place.guard = guard
        copies = cls(scenario, stage, place)
        left = copies._killed(is_wanted)
        copies._put_together([*left, *copies._lost(left)], is_swept=guard is None)
        return copies

    def close(self) -> None:
        """Forget the place."""
        self.stage.forget(self.place)

    def _killed(self, is_wanted: Callable[[Strike], bool]) -> list[Left]:
        """Return what lies there at each point, and what a power cut makes of it."""
        found: dict[object, Left] = {}
        torn: dict[object, Left] = {}
        asked, effects, size = Asked(), [], 0
        self.stage.new_requests()

        def look(_: int) -> None:
            nonlocal asked, size
            new = self.place.noted(size)
            size += len(new.encode())
            effects.extend(new.splitlines())
            points = [
                Strike.parse(line.removeprefix("point "))
                for line in new.splitlines()
                if line.startswith("point ")
            ]
            points = [point for point in points if is_wanted(point)]
            if not points:
                return
            if any("request" in line for line in new.splitlines()) or is_asking(effects):
                asked += Asked.of(self.stage.new_requests())
            disk = Disk.of(self.place.data, self._contents)
            _add(found, disk.key, Left(disk, KILLED, len(effects), asked), points)
            cut = [replace(point, blow="torn") for point in points if may_tear(point)]
            if cut:
                key = (disk.key, *map(str, self.place.unsafe()))
                _add(torn, key, Left(disk, TORN, len(effects), asked, is_torn=True), cut)

        self.ended = self.place.watched(look, *self.scenario.command)
        assert self.ended.exit_code == 0, self.ended.said
        for left in torn.values():
            left.disk.put(self.place.data)
            self.place.tear()
            left.disk = Disk.of(self.place.data, self._contents)
        return [*found.values(), *torn.values()]

    def _lost(self, kept: Sequence[Left]) -> list[Left]:
        """Return what lies there once the work directory is gone as well."""
        found: dict[object, Left] = {}
        for left in kept:
            left.disk.put(self.place.data)
            self.place.lose_work()
            disk = Disk.of(self.place.data, self._contents)
            one = replace(left, disk=disk, kind=LOST, strikes=[])
            _add(found, (disk.key, left.is_torn), one, left.strikes)
        return [*found.values()]

    def _put_together(self, left: Iterable[Left], *, is_swept: bool) -> None:
        ruins: dict[object, list[Left]] = {}
        for one in left:
            key: object = one.disk.key
            if is_swept:
                one.disk.put(self.place.data)
                # Where sweeping fails the next run does, and says so.
                with contextlib.suppress(OSError, ValueError):
                    Packages(self.place.work / "dlt" / "genesys").sweep()
                    key = Disk.of(self.place.data, self._contents).key
            ruins.setdefault(key, []).append(one)
        self.ruins = list(ruins.values())

    def survive(self, ruin: Sequence[Left], seed: int = 0) -> int:
        """Look at all that is left, recover from one of them; raises Violation.

        Args:
            ruin: what the next run begins from as the same.
            seed: decides which of them it begins from.

        Returns:
            How many files were searched.
        """
        self.stage.sandbox.set_clock(self.scenario.now)
        witness = self.stage.witness(self.place)
        # What a power cut has torn nobody has looked at yet.
        if whole := [left for left in ruin if not left.is_torn]:
            self._stand(whole[0])
            # The warehouse of all is the same; a copy of it is looked at.
            with self.place.opened() as connection:
                for left in whole:
                    self._stand(left)
                    witness.left(self._killed_at(left), connection)
                if connection is not None:
                    witness.warehouse(Standing(connection, self.place))
        left = random.Random(f"{seed} {ruin[0].names()[0]}").choice(ruin)
        self._stand(left)
        self.stage.new_requests()
        again = made_good(self.scenario, self.stage, self.place, witness, left.names()[0])
        most = MOST_PAGES_AGAIN[self.scenario.resources[0]]
        for one in ruin:
            asked = one.asked + again
            pages = asked.pages - page_count(self.stage, self.scenario)
            name = one.names()[0]
            demand(one.is_torn or pages <= most, "V11", f"{name}: {pages} pages asked for again")
            demand_few_logins(asked, 1)
        return witness.files

    def _killed_at(self, left: Left) -> Ended:
        # What it had said by then is the beginning of what it has said in the end.
        return replace(self.ended, exit_code=DEAD, effects=self.ended.effects[: left.come])

    def _stand(self, left: Left) -> None:
        left.disk.put(self.place.data)
        self.place.is_torn = left.is_torn


def is_asking(effects: Sequence[str]) -> bool:
    """Tell whether a request is on its way."""
    begun = sum(line.startswith("request ") for line in effects)
    return begun > sum(line.startswith("point request:") and ":after:" in line for line in effects)


def _add(found: dict[object, Left], key: object, left: Left, strikes: Iterable[Strike]) -> None:
    """Count deaths to those that leave the same; the newest counts for what was asked."""
    strikes = [*(found[key].strikes if key in found else []), *strikes]
    found[key] = replace(left, strikes=strikes)
