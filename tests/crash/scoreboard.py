"""`make scoreboard`: which faults have a test that ran, and what the long runs survived."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable
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
class Score:
    """How many of how many came through."""

    good: int = 0
    tried: int = 0

    def add(self, is_good: bool) -> None:
        """Count one."""
        self.good += is_good
        self.tried += 1

    def __str__(self) -> str:
        """Write it as n/n."""
        return f"{self.good}/{self.tried}" if self.tried else "not run"


@dataclass
class Figures:
    """What the long runs came to; a mode that is run again replaces its own figures.

    Attributes:
        struck: how many of how many points that were enumerated.
        commits: of each mode, what it was run on.
        problems: what was not survived, by the name it can be called again by; it stays until that
            passes, or until its mode is run whole.
    """

    deaths: Score = field(default_factory=Score)
    tears: Score = field(default_factory=Score)
    failures: Score = field(default_factory=Score)
    lost: Score = field(default_factory=Score)
    rows: Score = field(default_factory=Score)
    kills_in_rows: int = 0
    marts: Score = field(default_factory=Score)
    guards: Score = field(default_factory=Score)
    histories: Score = field(default_factory=Score)
    kills: int = 0
    files: int = 0
    struck: int = 0
    known: int = 0
    commits: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls) -> "Figures":
        """Read those of the last run."""
        if not FIGURES.exists():
            return cls()
        told = json.loads(FIGURES.read_text("utf-8"))
        names = ("kills", "kills_in_rows", "files", "struck", "known", "commits", "problems")
        figures = cls(**{name: told[name] for name in names if name in told})
        if isinstance(figures.problems, list):
            # As they were kept once, without a name to call each by.
            figures.problems = {problem[:60]: problem for problem in figures.problems}
        scores = ("deaths", "tears", "failures", "lost", "rows", "marts", "guards", "histories")
        for name in scores:
            setattr(figures, name, Score(**told.get(name, {})))
        return figures

    def forget_problems(self, mode: str) -> None:
        """Forget what was not survived in a mode that is now run whole."""
        kept = f"--mode {mode}"
        self.problems = {n: p for n, p in self.problems.items() if not n.startswith(kept)}

    def write(self) -> None:
        """Keep them for the scoreboard."""
        FIGURES.parent.mkdir(exist_ok=True)
        FIGURES.write_text(json.dumps(asdict(self), indent=1), "utf-8")

    def text(self) -> str:
        """Sum up."""
        share = f" ({100 * self.struck // self.known} %)" if self.known else ""
        on = ", ".join(f"{mode} on {commit}" for mode, commit in sorted(self.commits.items()))
        return "\n".join(
            [
                f"run on              {on or 'no commit that was kept'}",
                f"points struck       {self.struck}/{self.known}{share}",
                f"kills survived      {self.deaths}",
                f"power cuts survived {self.tears}",
                f"failures made good  {self.failures}",
                f"work lost as well   {self.lost}",
                f"rows of deaths      {self.rows}, {self.kills_in_rows} deaths in them",
                f"marts equal         {self.marts}",
                f"schedules equal     {self.histories}, {self.kills} deaths in them",
                f"guards caught       {self.guards}",
                f"files scanned       {self.files}",
                *(
                    f"NOT SURVIVED        {name}: {problem[:300]}"
                    for name, problem in self.problems.items()
                ),
            ]
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
