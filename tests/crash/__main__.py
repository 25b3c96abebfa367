"""The long run: every mode, with figures.

python -m tests.crash --seeds 1-20             points, rows, guards and histories
python -m tests.crash --mode rows --seeds 12 --scenario "next day"   several deaths in a row
python -m tests.crash --mode histories --seeds 17   one history again
python -m tests.crash --mode points --scenario "next day" --strike file:205:before:kill
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from tests.crash import guards, histories, points
from tests.crash.hooks import Strike
from tests.crash.invariants import Violation
from tests.crash.marts import Marts, demand_alike
from tests.crash.scoreboard import FIGURES, Figures, Score, commit
from tests.crash.stage import Stage, a_stage

Told = TypeVar("Told")
MODES = ("points", "rows", "guards", "histories")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; 1 if anything was not survived."""
    options = _options(arguments)
    modes = [options.mode] if options.mode else MODES
    figures = Figures.read()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="crash-") as folder:
        if {"points", "rows", "guards"} & {*modes}:
            with a_stage(Path(folder) / "stage") as stage:
                if "points" in modes:
                    run_points(stage, options, figures)
                if "rows" in modes:
                    run_rows(stage, options, figures)
                if "guards" in modes:
                    run_guards(stage, figures)
        if "histories" in modes:
            run_histories(Path(folder), options, figures)
    if options.strike:
        # One point is no mode; but it may be one that was not survived.
        figures = replace(Figures.read(), problems=figures.problems)
    else:
        figures.commits |= dict.fromkeys(modes, commit())
    figures.write()
    say(f"\n{figures.text()}\n{time.monotonic() - began:.0f} s; kept in {FIGURES}")
    return int(bool(figures.problems))


def run_points(stage: Stage, options: argparse.Namespace, figures: Figures) -> None:
    """Strike at every point, or every nth, of every scenario; compare the marts of some."""
    figures.deaths, figures.tears, figures.failures = Score(), Score(), Score()
    figures.lost, figures.marts = Score(), Score()
    figures.struck = figures.known = 0
    if options.scenario is None and options.strike is None and options.every == 1:
        figures.forget_problems("points")
    figures.files = 0
    marts = Marts(stage.folder / "marts")
    for scenario in points.SCENARIOS:
        if options.scenario not in (None, scenario.name):
            continue
        if options.strike:
            strike = Strike.parse(options.strike)
            say(str(_survived(scenario, stage, strike, options.lost, figures.deaths, figures)))
            continue
        for score, strikes, is_work_lost in (
            (figures.deaths, points.deaths(scenario, stage), False),
            (figures.tears, points.tears(scenario, stage), False),
            (figures.failures, points.failures(scenario, stage), False),
            (figures.lost, points.deaths(scenario, stage), True),
            (figures.lost, points.tears(scenario, stage), True),
        ):
            known = list(strikes)
            chosen = list(points.every(iter(known), options.every))
            figures.known += len(known)
            figures.struck += len(chosen)
            for strike in chosen:
                survived = _survived(scenario, stage, strike, is_work_lost, score, figures)
                figures.files += survived.files if survived else 0
            say(f"{scenario.name}: {score}")
        for is_work_lost in (False, True):
            lost = " without its work" if is_work_lost else ""
            name = f"--mode points: marts after the {scenario.name}{lost}"
            attempt = partial(_marts, scenario, stage, marts, is_work_lost=is_work_lost)
            _try(figures.marts, figures, name, attempt)


def run_rows(stage: Stage, options: argparse.Namespace, figures: Figures) -> None:
    """Let a run die, and those that are to make good what it left; every other row without work."""
    figures.rows, figures.kills_in_rows = Score(), 0
    for seed in options.seeds:
        for scenario in points.SCENARIOS:
            if options.scenario not in (None, scenario.name):
                continue
            strikes = points.in_a_row(scenario, stage, seed)
            name = f'--mode rows --seeds {seed} --scenario "{scenario.name}"'
            is_work_lost = bool(seed % 2)
            attempt = partial(points.survive, scenario, stage, *strikes, is_work_lost=is_work_lost)
            if survived := _try(figures.rows, figures, name, attempt):
                figures.kills_in_rows += len(survived.fell_on)
                figures.files += survived.files
        say(f"seed {seed}: {figures.rows}")


def _survived(
    scenario: points.Scenario,
    stage: Stage,
    strike: Strike,
    is_work_lost: bool,
    score: Score,
    figures: Figures,
) -> points.Survived | None:
    lost = " --lost" if is_work_lost else ""
    name = f'--mode points --scenario "{scenario.name}" --strike {strike}{lost}'
    attempt = partial(points.survive, scenario, stage, strike, is_work_lost=is_work_lost)
    survived = _try(score, figures, name, attempt)
    if survived and not survived.fell_on:
        # The run had fewer effects than the one that numbered them.
        score.good, score.tried = score.good - 1, score.tried - 1
    return survived


def _marts(scenario: points.Scenario, stage: Stage, marts: Marts, *, is_work_lost: bool) -> None:
    """Compare the marts of a place that died in every commit with those of one that did not."""
    whole = scenario.undisturbed(stage)
    expected = marts.of(whole)
    place = scenario.place(stage)
    for number in points.effects(whole.runs[0], "sql", points.INSERTED):
        scenario.run(place, Strike("sql", number, "after"))
        if is_work_lost:
            points.lose_work(place)
    again = scenario.run(place)
    assert again.exit_code == 0, again.said
    demand_alike(marts.of(place), expected)


def run_guards(stage: Stage, figures: Figures) -> None:
    """Switch off one guard after the other."""
    figures.guards = Score()
    figures.forget_problems("guards")
    for name in guards.GUARDS:
        said = _try(
            figures.guards, figures, f"--mode guards: {name}", partial(guards.caught, name, stage)
        )
        say(f"without {name}: {said}")


def run_histories(folder: Path, options: argparse.Namespace, figures: Figures) -> None:
    """Play a history a seed; a world of its own for each."""
    figures.histories, figures.kills = Score(), 0
    marts = Marts(folder / "marts of histories")
    for seed in options.seeds:
        with a_stage(folder / f"seed-{seed}", seed=seed) as stage:
            history = histories.History.of(seed, options.steps)
            began = time.monotonic()
            try:
                played = histories.play(stage, history, marts)
            except Violation as violation:
                least = histories.smaller(stage, history, violation)
                figures.histories.add(False)
                kept = ",".join(map(str, least.kept))
                name = f"--mode histories --seeds {seed} --steps {kept}"
                figures.problems[name] = str(violation)
                say(f"NOT SURVIVED python -m tests.crash {name}\n{violation}")
                for number in least.kept:
                    say(f"  {number}: {least.steps[number]}")
                continue
            figures.histories.add(True)
            if options.steps is None:
                figures.forget_problems(f"histories --seeds {seed} ")
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
        figures.problems[name] = str(problem)
        say(f"NOT SURVIVED {name}: {str(problem)[:2000]}")
        return None
    score.add(True)
    figures.problems.pop(name, None)
    return told


def say(text: str) -> None:
    """Tell the terminal."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    add = parser.add_argument
    add("--mode", choices=MODES, help="one of the four (default: all)")
    add("--seeds", type=_seeds, default="1-20", help="of the rows and histories, as 3 or 1-20")
    add("--steps", type=_numbers, help="histories: only these steps, as 0,3")
    add("--every", type=int, default=1, help="strike at every nth point (default: each)")
    add("--scenario", help="points, rows: of one scenario")
    add("--strike", help="points: one strike, as it was printed")
    add("--lost", action="store_true", help="points: that strike takes the work directory along")
    return parser.parse_args(arguments)


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


if __name__ == "__main__":
    sys.exit(main())
