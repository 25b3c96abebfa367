"""The long run: every mode, with figures.

python -m tests.crash --seeds 1-20             points, guards and histories
python -m tests.crash --mode histories --seeds 17   one history again
python -m tests.crash --mode points --scenario "next day" --strike file:205:before:kill
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from tests.crash import guards, histories, points
from tests.crash.hooks import Strike
from tests.crash.invariants import Violation
from tests.crash.marts import Marts, demand_equal
from tests.crash.scoreboard import FIGURES, Figures, Score
from tests.crash.stage import Stage, a_stage

Told = TypeVar("Told")
MODES = ("points", "guards", "histories")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; 1 if anything was not survived."""
    options = _options(arguments)
    modes = [options.mode] if options.mode else MODES
    figures = Figures.read()
    figures.problems = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="crash-") as folder:
        if "points" in modes or "guards" in modes:
            with a_stage(Path(folder) / "stage") as stage:
                if "points" in modes:
                    run_points(stage, options, figures)
                if "guards" in modes:
                    run_guards(stage, figures)
        if "histories" in modes:
            run_histories(Path(folder), options.seeds, figures)
    if not options.strike:
        figures.write()
    say(f"\n{figures.text()}\n{time.monotonic() - began:.0f} s; kept in {FIGURES}")
    return int(bool(figures.problems))


def run_points(stage: Stage, options: argparse.Namespace, figures: Figures) -> None:
    """Strike at every point, or every nth, of every scenario; compare the marts of some."""
    figures.deaths, figures.failures, figures.marts = Score(), Score(), Score()
    figures.files = 0
    marts = Marts(stage.folder / "marts")
    for scenario in points.SCENARIOS:
        if options.scenario not in (None, scenario.name):
            continue
        if options.strike:
            strike = Strike.parse(options.strike)
            attempt = partial(points.survive, scenario, stage, strike)
            say(str(_try(figures.deaths, figures, options.strike, attempt)))
            continue
        for score, strikes in (
            (figures.deaths, points.deaths(scenario, stage)),
            (figures.failures, points.failures(scenario, stage)),
        ):
            for strike in points.every(strikes, options.every):
                name = f'--mode points --scenario "{scenario.name}" --strike {strike}'
                survived = _try(
                    score, figures, name, partial(points.survive, scenario, stage, strike)
                )
                figures.files += survived.files if survived else 0
            say(f"{scenario.name}: {score}")
        _try(figures.marts, figures, f"marts of {scenario.name}", partial(_marts, stage, marts))


def _marts(stage: Stage, marts: Marts) -> None:
    """Compare the marts of a place that died in each commit with those of one that did not."""
    expected = marts.of(points.NEXT.undisturbed(stage))
    place = points.NEXT.place(stage)
    inserts = points.effects(points.NEXT.undisturbed(stage).runs[0], "sql", points.INSERTED)
    for number in inserts:
        points.NEXT.run(place, Strike("sql", number, "after"))
    again = points.NEXT.run(place)
    assert again.exit_code == 0, again.said
    demand_equal(marts.of(place), expected, "V1")


def run_guards(stage: Stage, figures: Figures) -> None:
    """Switch off one guard after the other."""
    figures.guards = Score()
    for name in guards.GUARDS:
        said = _try(figures.guards, figures, f"guard {name}", partial(guards.caught, name, stage))
        say(f"without {name}: {said}")


def run_histories(folder: Path, seeds: Iterable[int], figures: Figures) -> None:
    """Play a history a seed; a world of its own for each."""
    figures.histories, figures.kills = Score(), 0
    marts = Marts(folder / "marts of histories")
    for seed in seeds:
        with a_stage(folder / f"seed-{seed}", seed=seed) as stage:
            history = histories.History.of(seed)
            began = time.monotonic()
            try:
                played = histories.play(stage, history, marts)
            except Violation as violation:
                least = histories.smaller(stage, history, violation)
                steps = "\n".join(f"    {step}" for step in least.steps)
                figures.histories.add(False)
                figures.problems.append(f"--mode histories --seeds {seed}: {violation}")
                say(f"seed {seed}: {violation}\n  again with: --seeds {seed}; it takes\n{steps}")
                continue
            figures.histories.add(True)
            figures.kills += played.deaths
            figures.files += played.files
            ends = " ".join(str(run.exit_code) for run in played.runs)
            say(
                f"seed {seed}: equal after runs that ended {ends}; {time.monotonic() - began:.0f} s"
            )


def _try(score: Score, figures: Figures, name: str, attempt: Callable[[], Told]) -> Told | None:
    """Count an attempt; what broke is kept under the name it can be called again by."""
    try:
        told = attempt()
    except AssertionError as problem:
        score.add(False)
        figures.problems.append(f"{name}: {problem}")
        say(f"NOT SURVIVED {name}: {str(problem)[:2000]}")
        return None
    score.add(True)
    return told


def say(text: str) -> None:
    """Tell the terminal."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    add = parser.add_argument
    add("--mode", choices=MODES, help="one of the three (default: all)")
    add("--seeds", type=_seeds, default="1-20", help="of the histories, as 3 or 1-20")
    add("--every", type=int, default=1, help="strike at every nth point (default: each)")
    add("--scenario", help="points: of one scenario")
    add("--strike", help="points: one strike, as it was printed")
    return parser.parse_args(arguments)


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


if __name__ == "__main__":
    sys.exit(main())
