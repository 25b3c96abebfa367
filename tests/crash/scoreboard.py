"""`make scoreboard`: which faults have a test that ran, and what the long runs survived."""

import json
import re
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.harness import faults_tested

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "data" / "crash.json"
# The faults that matter most, of all that were collected; each is to have a test by its name.
CORE = re.findall(
    r"\w+",
    """
    A1 A2 A3 A4 A5 A6  B1 B2 B3 B4 B6 B7  C1 C2 C3 C4 C5 C6 C9  D1 D2 D6 D7 D8  E1 E2 E3 E5 E7
    F1 F2 F3 F4 F5 F7 F9 F11  G1 G4 G8 G10 G14 G15  H2 H4 H5 H6 H7 H9 H11 H12  I1 I2 I4 I6 I8
    J1 J2 J3 J4  K1 K3 K5 K8 K10  L1 L2 L6 L11  M1 M2 M3 M4 M8
    """,
)
# How many faults of each letter were collected, in all.
CATALOGUE = {
    "A": 8, "B": 9, "C": 10, "D": 8, "E": 11, "F": 12, "G": 16, "H": 13, "I": 13, "J": 12,
    "K": 13, "L": 12, "M": 13,
}  # fmt: skip
ALL = [f"{letter}{number}" for letter, last in CATALOGUE.items() for number in range(1, last + 1)]
# Why there is none.
REASONS = {
    "J6": "how long it keeps data Genesys tells to analytics:dataRetention:view alone; a start "
    "before that reads empty windows, which the ledger shows",
}
# Tests of inputs that are refused before anything happens: settings, arguments, seeds.
OF_INPUTS = (
    "tests/faults/test_j_settings.py",
    "tests/unit/test_settings.py",
    "tests/unit/test_seeds.py",
    "tests/transform/test_seeds.py",
)
REFUSING = re.compile(r"::test_\w*(refused|is_named|told)")


@dataclass
class Result:
    """What one call came to, of a mode and what it was played on: a scenario, a seed, a guard.

    Attributes:
        commit: what it was run on.
        known: how many cases there are; a part has some of them.
        struck: how many were tried.
        good: how many of those came through.
        states: how many there were to recover from, where cases that leave the same are one.
        kills: how many runs died.
        files: how many were searched for secrets.
        problems: what was not survived, by the name it can be called again by.
    """

    commit: str
    known: int = 0
    struck: int = 0
    good: int = 0
    states: int = 0
    kills: int = 0
    files: int = 0
    problems: dict[str, str] = field(default_factory=dict)


# Score, what it was played on, part of how many.
Key = tuple[str, str, int, int]
SCORES = {
    "kills": "kills survived",
    "power cuts": "power cuts survived",
    "work lost as well": "with the work directory lost",
    "failures": "failures made good",
    "marts": "marts equal",
    "rows": "rows of deaths survived",
    "histories": "histories equal",
    "guards": "guards caught",
}


@dataclass
class Figures:
    """What the long runs came to: parts add up; what is run again replaces what it was before."""

    results: dict[Key, Result] = field(default_factory=dict)

    @classmethod
    def read(cls) -> "Figures":
        """Read those of all runs so far."""
        told = json.loads(FIGURES.read_text("utf-8")) if FIGURES.exists() else {}
        return cls(
            {
                (score, what, int(part), int(of)): Result(**result)
                for score, what, part, of, result in told.get("results", [])
            }
        )

    @classmethod
    def keep(cls, results: Mapping[Key, Result], passed: Collection[str] = ()) -> None:
        """Add results to those that are kept; a whole one replaces those of its parts.

        Args:
            results: of one call.
            passed: names of what was not survived before, and was now.
        """
        figures = cls.read()
        for (score, what, part, of), result in results.items():
            for key in [*figures.results]:
                if key == (score, what, part, of) or (of == 1 and key[:2] == (score, what)):
                    del figures.results[key]
            figures.results[score, what, part, of] = result
        for result in figures.results.values():
            for name in {*passed} & result.problems.keys():
                del result.problems[name]
                result.good += 1
        FIGURES.parent.mkdir(exist_ok=True)
        written = FIGURES.with_suffix(".new")
        listed = [[*key, asdict(result)] for key, result in figures.results.items()]
        written.write_text(json.dumps({"results": listed}, indent=1), "utf-8")
        written.replace(FIGURES)

    def problems(self) -> dict[str, str]:
        """Return what was not survived, and has not been since."""
        return {
            name: f"{problem} (on {result.commit})"
            for result in self.results.values()
            for name, problem in result.problems.items()
        }

    def text(self) -> str:
        """Sum up: a line each score and commit."""
        lines = [
            self._line(score, on)
            for score in SCORES
            for on in dict.fromkeys(
                result.commit for key, result in self.results.items() if key[0] == score
            )
        ]
        red = [f"NOT SURVIVED {name}: {problem[:300]}" for name, problem in self.problems().items()]
        return "\n".join([*lines, *red])

    def _line(self, score: str, on: str) -> str:
        results = {
            key: result
            for key, result in self.results.items()
            if key[0] == score and result.commit == on
        }
        struck = good = known = states = kills = 0
        for what in {key[1] for key in results}:
            # Parts of a half and of a third may hold the same: those count that hold most.
            by_size: dict[int, list[Result]] = {}
            for key, result in results.items():
                if key[1] == what:
                    by_size.setdefault(key[3], []).append(result)
            parts = max(by_size.values(), key=lambda some: sum(one.struck for one in some))
            known += max(result.known for result in parts)
            for result in parts:
                struck, good = struck + result.struck, good + result.good
                states, kills = states + result.states, kills + result.kills
        share = f" ({100 * struck / known:.0f} %)" if known else ""
        seen = f", {states} states" if states else ""
        died = f", {kills} runs killed" if kills else ""
        return (
            f"{SCORES[score]:28} {good}/{struck} of {known}{share} in {len(results)} calls"
            f"{seen}{died}, on {on}"
        )


def commit() -> str:
    """Return what is checked out, with a + where it was changed since."""
    words = ["git", "describe", "--always", "--exclude", "*", "--dirty=+"]
    return subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def tested() -> tuple[set[str], set[str]]:
    """Return the faults whose tests ran and came through, and those of which one did not."""
    good: set[str] = set()
    bad: set[str] = set()
    for test, came_through in faults_tested.ended().items():
        (good if came_through else bad).update(faults_tested.faults_of(test))
    return good - bad, bad


def bad_inputs() -> int:
    """Count the cases of the tests whose name says that an input is refused."""
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", *OF_INPUTS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return sum(bool(REFUSING.search(line)) for line in listed.stdout.splitlines())


def _list(name: str, faults: Iterable[str]) -> None:
    shown = " ".join(fault for fault in ALL if fault in set(faults))
    if shown:
        sys.stdout.write(f"{name}{shown}\n")


def main() -> int:
    """Print it."""
    good, bad = tested()
    others = [fault for fault in ALL if fault not in CORE]
    for name, faults in (("core faults tested ", CORE), ("other faults tested", others)):
        sys.stdout.write(f"{name} {len(good.intersection(faults))}/{len(faults)}\n")
        _list("  FAILED            ", bad.intersection(faults))
        missing = set(faults) - good - bad
        _list("  none has run      ", missing - REASONS.keys())
        for fault in sorted(missing & REASONS.keys()):
            sys.stdout.write(f"  none for {fault:8} {REASONS[fault]}\n")
    sys.stdout.write(f"bad inputs tried    {bad_inputs()}\n")
    if FIGURES.exists():
        sys.stdout.write(Figures.read().text() + "\n")
    else:
        sys.stdout.write("nothing was struck yet: make crash\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
