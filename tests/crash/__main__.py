"""The long run: every mode, with figures that add up over calls.

python -m tests.crash --seeds 1-20             everything
python -m tests.crash --mode failures --part 3/10        a tenth of them
python -m tests.crash --mode failures --part 1-10/10 --go-on   all but what passed on this commit
python -m tests.crash --mode rows --seeds 12 --scenario "next day"   several deaths in a row
python -m tests.crash --mode histories --seeds 17 --steps 0,3        a history without some steps
python -m tests.crash --scenario "next day" --strike file:205:before:kill   one real strike
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar
from zlib import crc32

from tests.crash import guards, points
from tests.crash.copies import KINDS, Copies
from tests.crash.histories import History, play, smaller
from tests.crash.hooks import Strike
from tests.crash.invariants import Violation
from tests.crash.marts import Marts, demand_alike
from tests.crash.scoreboard import FIGURES, Figures, Key, Result, commit
from tests.crash.stage import Stage, a_stage

Told = TypeVar("Told")
MODES = ("deaths", "failures", "marts", "rows", "guards", "histories")
ON_STAGE = {*MODES} - {"histories"}
# Only a power cut asks whether something is on a disk; memory is quicker.
MEMORY = Path("/dev/shm")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; 1 if anything was not survived."""
    options = _options(arguments)
    modes = [options.mode] if options.mode else MODES
    began = time.monotonic()
    run = LongRun(options, commit())
    with tempfile.TemporaryDirectory(
        prefix="crash-", dir=MEMORY if MEMORY.is_dir() else None
    ) as folder:
        if ON_STAGE & {*modes}:
            with a_stage(Path(folder) / "stage") as stage:
                if options.strike:
                    run.strike(stage, Strike.parse(options.strike))
                    modes = []
                for mode in modes:
                    if mode in ON_STAGE:
                        getattr(run, mode)(stage)
        if "histories" in modes:
            run.histories(Path(folder))
    say(f"\n{Figures.read().text()}\n{time.monotonic() - began:.0f} s; kept in {FIGURES}")
    return int(run.is_red)


@dataclass
class LongRun:
    """One call.

    Attributes:
        options: what is asked for.
        commit: what it runs on.
        is_red: whether something was not survived.
    """

    options: argparse.Namespace
    commit: str
    is_red: bool = False

    def strike(self, stage: Stage, strike: Strike) -> None:
        """Strike once, for real; it may be a point that was not survived."""
        for scenario in self._scenarios():
            name = self._named(scenario, f"{strike}{' --lost' if self.options.lost else ''}")
            result = Result(self.commit)
            attempt = partial(
                points.survive, scenario, stage, strike, is_work_lost=self.options.lost
            )
            survived = self._try(result, name, attempt)
            say(f"{name}: {survived}")
            if survived and survived.fell_on:
                Figures.keep({}, [name])

    def deaths(self, stage: Stage) -> None:
        """Recover from all that a death, a power cut or the loss of the work directory leaves."""
        for scenario in self._scenarios():
            parts = list(self._parts(KINDS[0], scenario.name))
            if not parts:
                continue
            copies = Copies.of(scenario, stage)
            known = {
                kind: sum(
                    len(left.strikes) for ruin in copies.ruins for left in ruin if left.kind == kind
                )
                for kind in KINDS
            }
            for part, of in parts:
                results = {kind: Result(self.commit, known=known[kind]) for kind in KINDS}
                for ruin in copies.ruins:
                    # By name: the next call copies another run.
                    if crc32(ruin[0].names()[0].encode()) % of != part - 1:
                        continue
                    whole = Result(self.commit)
                    name = self._named(scenario, ruin[0].names()[0])
                    files = self._try(whole, name, partial(copies.survive, ruin, part))
                    for left in ruin:
                        result = results[left.kind]
                        result.struck += len(left.strikes)
                        result.good += len(left.strikes) * whole.good
                    # Said once, of the kind that comes first.
                    first = results[ruin[0].kind]
                    first.states += 1
                    first.files += files or 0
                    first.problems |= whole.problems
                Figures.keep(
                    {(kind, scenario.name, part, of): result for kind, result in results.items()}
                )
                self._say(f"{scenario.name}, part {part}/{of}", *results.values())
            copies.close()

    def failures(self, stage: Stage) -> None:
        """Have the disk, the line or the lock fail at every point, or stop the run there."""
        for scenario in self._scenarios():
            for part, of in self._parts("failures", scenario.name):
                known = list(points.failures(scenario, stage))
                result = Result(self.commit, known=len(known))
                for strike in known[part - 1 :: of]:
                    name = self._named(scenario, str(strike))
                    attempt = partial(points.survive, scenario, stage, strike)
                    survived = self._try(result, name, attempt)
                    if survived:
                        result.files += survived.files
                        # The run had fewer effects than the one that named them.
                        result.struck -= not survived.fell_on
                        result.good -= not survived.fell_on
                Figures.keep({("failures", scenario.name, part, of): result})
                self._say(f"{scenario.name}, failures, part {part}/{of}", result)

    def marts(self, stage: Stage) -> None:
        """Compare the marts of a place that died in every commit with those of one that did not."""
        marts = Marts(stage.folder / "marts")
        for scenario in self._scenarios():
            for is_work_lost in (False, True):
                what = f"{scenario.name}{', work lost' if is_work_lost else ''}"
                for part, of in self._parts("marts", what, 1):
                    result = Result(self.commit, known=1)
                    attempt = partial(_marts, scenario, stage, marts, is_work_lost=is_work_lost)
                    self._try(result, f"--mode marts: {what}", attempt)
                    Figures.keep({("marts", what, part, of): result})
                    self._say(f"marts after the {what}", result)

    def rows(self, stage: Stage) -> None:
        """Let a run die, and those that are to make good what it left; every other without work."""
        for seed in self.options.seeds:
            for scenario in self._scenarios():
                what = f"{seed} {scenario.name}"
                for part, of in self._parts("rows", what, 1):
                    result = Result(self.commit, known=1)
                    strikes = points.in_a_row(scenario, stage, seed)
                    name = f'--mode rows --seeds {seed} --scenario "{scenario.name}"'
                    attempt = partial(
                        points.survive, scenario, stage, *strikes, is_work_lost=bool(seed % 2)
                    )
                    if survived := self._try(result, name, attempt):
                        result.kills = len(survived.fell_on)
                        result.files = survived.files
                    Figures.keep({("rows", what, part, of): result})
                    self._say(f"row {what}", result)

    def guards(self, stage: Stage) -> None:
        """Switch off one guard after the other."""
        for name in guards.GUARDS:
            for part, of in self._parts("guards", name, 1):
                result = Result(self.commit, known=1)
                said = self._try(
                    result, f"--mode guards: {name}", partial(guards.caught, name, stage)
                )
                Figures.keep({("guards", name, part, of): result})
                self._say(f"without {name}: {said}", result)

    def histories(self, folder: Path) -> None:
        """Play a history a seed; a world of its own for each."""
        marts = Marts(folder / "marts of histories")
        for seed in self.options.seeds:
            history = History.of(seed, self.options.steps)
            if history.has_marts and self.options.without_marts:
                continue
            for part, of in self._parts("histories", str(seed), 1):
                result = Result(self.commit, known=1)
                with a_stage(folder / f"seed-{seed}", seed=seed) as stage:
                    self._history(stage, history, marts, result)
                if self.options.steps is None:
                    Figures.keep({("histories", str(seed), part, of): result})

    def _history(self, stage: Stage, history: History, marts: Marts, result: Result) -> None:
        began = time.monotonic()
        result.struck = 1
        try:
            played = play(stage, history, marts)
        except Violation as violation:
            least = smaller(stage, history, violation)
            kept = ",".join(map(str, least.kept))
            name = f"--mode histories --seeds {history.seed} --steps {kept}"
            result.problems[name] = str(violation)
            self.is_red = True
            say(f"NOT SURVIVED python -m tests.crash {name}\n{violation}")
            for number in least.kept:
                say(f"  {number}: {least.steps[number]}")
            return
        result.good, result.kills, result.files = 1, played.deaths, played.files
        ends = " ".join(str(run.exit_code) for run in played.runs)
        seconds = time.monotonic() - began
        say(f"seed {history.seed}: equal after runs that ended {ends}; {seconds:.0f} s")

    def _scenarios(self) -> Iterator[points.Scenario]:
        wanted = self.options.scenario
        return (one for one in points.SCENARIOS if wanted in (None, one.name))

    def _parts(self, score: str, what: str, of: int = 0) -> Iterator[tuple[int, int]]:
        """Return the parts that are asked for, without those that are done."""
        first, last, size = (1, 1, 1) if of == 1 else self.options.part
        done = Figures.read().results if self.options.go_on else {}
        for part in range(first, last + 1):
            key: Key = (score, what, part, size)
            if key in done and done[key].commit == self.commit and not done[key].problems:
                continue
            yield part, size

    def _named(self, scenario: points.Scenario, strike: str) -> str:
        return f'--scenario "{scenario.name}" --strike "{strike}"'

    def _try(self, result: Result, name: str, attempt: Callable[[], Told]) -> Told | None:
        """Count an attempt; what broke is kept under the name it can be called again by."""
        result.struck += 1
        try:
            told = attempt()
        except AssertionError as problem:
            self.is_red = True
            result.problems[name] = str(problem)
            say(f"NOT SURVIVED {name}: {str(problem)[:2000]}")
            return None
        result.good += 1
        return told

    def _say(self, what: str, *results: Result) -> None:
        say(f"{what}: {', '.join(f'{one.good}/{one.struck}' for one in results)}")


def _marts(scenario: points.Scenario, stage: Stage, marts: Marts, *, is_work_lost: bool) -> None:
    whole = scenario.undisturbed(stage)
    expected = marts.of(whole)
    place = scenario.place(stage)
    for effect in scenario.effects(stage, "sql", points.INSERTED):
        scenario.run(place, effect.struck("after"))
        if is_work_lost:
            place.lose_work()
    again = scenario.run(place)
    assert again.exit_code == 0, again.said
    demand_alike(marts.of(place), expected)


def say(text: str) -> None:
    """Tell the terminal."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.crash",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--mode", choices=MODES, help="one of them (default: all)")
    add("--seeds", type=_seeds, default="1-20", help="of the rows and histories, as 3 or 1-20")
    add("--steps", type=_numbers, help="histories: only these steps, as 0,3")
    add("--without-marts", action="store_true", help="histories: only those that build none")
    add("--part", type=_part, default="1/1", help="deaths, failures: as 3/10 or 1-5/10")
    add("--go-on", action="store_true", help="leave out what has passed on this commit")
    add("--scenario", help="deaths, failures, marts, rows: of one scenario")
    add("--strike", help="one strike, as it was printed")
    add("--lost", action="store_true", help="that strike takes the work directory along")
    return parser.parse_args(arguments)


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def _part(text: str) -> tuple[int, int, int]:
    parts, _, of = text.partition("/")
    first, _, last = parts.partition("-")
    return int(first), int(last or first), int(of)


if __name__ == "__main__":
    sys.exit(main())
