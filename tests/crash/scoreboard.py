"""`make scoreboard`: which faults have a test, and what the last long run survived."""

import json
import re
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "data" / "crash.json"
# The faults that matter most, of all that were collected; each is to have a test by its name.
CORE = re.findall(
    r"\w+",
    """
    A1 A2 A3 A4 A5 A6  B1 B2 B3 B4 B6 B7  C1 C2 C3 C4 C5 C6 C9  D1 D2 D6 D7 D8  E1 E2 E3 E5 E7
    F1 F2 F3 F4 F5 F7 F9 F11  G1 G4 G8 G10 G14 G15  H2 H4 H5 H6 H7 H9 H11 H12  I1 I2 I4 I6 I8
    J1 J2 J3 J4  K1 K3 K5 K8 K10  L1 L2 L6 L11
    """,
)
# A test's name, or the name of one of its cases.
NAMED = re.compile(r'def test_([a-l]\d{1,2})_|"([A-L]\d{1,2}) [a-z]')

# Faults whose test is older than their number.
ELSEWHERE = {
    "G8": "test_every_load_leaves_what_a_full_refresh_would",
    "G14": "test_a_late_merge_rewrites_history_in_the_next_build",
    "K5": "test_awkward_records_have_one_reading",
    "L1": "test_every_load_leaves_what_a_full_refresh_would",
    "L2": "test_awkward_records_have_one_reading",
    "L6": "test_every_load_leaves_what_a_full_refresh_would",
    "L11": "test_a_child_that_failed_catches_up_in_the_next_build",
}


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
    """What the long run came to; a mode that is run again replaces its own figures."""

    deaths: Score = field(default_factory=Score)
    failures: Score = field(default_factory=Score)
    marts: Score = field(default_factory=Score)
    guards: Score = field(default_factory=Score)
    histories: Score = field(default_factory=Score)
    kills: int = 0
    files: int = 0
    problems: list[str] = field(default_factory=list)

    @classmethod
    def read(cls) -> "Figures":
        """Read those of the last run."""
        if not FIGURES.exists():
            return cls()
        told = json.loads(FIGURES.read_text("utf-8"))
        figures = cls(kills=told["kills"], files=told["files"], problems=told["problems"])
        for name in ("deaths", "failures", "marts", "guards", "histories"):
            setattr(figures, name, Score(**told[name]))
        return figures

    def write(self) -> None:
        """Keep them for the scoreboard."""
        FIGURES.parent.mkdir(exist_ok=True)
        FIGURES.write_text(json.dumps(asdict(self), indent=1), "utf-8")

    def text(self) -> str:
        """Sum up."""
        return "\n".join(
            [
                f"points enumerated   {self.deaths.tried + self.failures.tried}",
                f"kills survived      {self.deaths}",
                f"failures made good  {self.failures}",
                f"marts equal         {self.marts}",
                f"schedules equal     {self.histories}, {self.kills} deaths in them",
                f"guards caught       {self.guards}",
                f"files scanned       {self.files}",
                *(f"NOT SURVIVED        {problem[:300]}" for problem in self.problems),
            ]
        )


def tested() -> set[str]:
    """Return the faults that a test names, or that `ELSEWHERE` finds a test for."""
    tests = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = {(match[1] or match[2]).upper() for match in NAMED.finditer(tests)}
    return named | {fault for fault, test in ELSEWHERE.items() if f"def {test}(" in tests}


def main() -> int:
    """Print it."""
    known = tested()
    missing = [fault for fault in CORE if fault not in known]
    sys.stdout.write(f"faults tested       {len(CORE) - len(missing)}/{len(CORE)}\n")
    if missing:
        sys.stdout.write(f"  without a test    {' '.join(missing)}\n")
    if FIGURES.exists():
        sys.stdout.write(Figures.read().text() + "\n")
    else:
        sys.stdout.write("nothing was struck yet: make crash\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
