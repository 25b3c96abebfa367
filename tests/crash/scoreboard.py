"""`make scoreboard`: which faults have a test, and what the last long run survived."""

import json
import re
import subprocess
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
# How many faults of each letter were collected, in all.
CATALOGUE = {
    "A": 8, "B": 9, "C": 10, "D": 8, "E": 11, "F": 12, "G": 16, "H": 13, "I": 13, "J": 12,
    "K": 13, "L": 12,
}  # fmt: skip
ALL = [f"{letter}{number}" for letter, last in CATALOGUE.items() for number in range(1, last + 1)]
# A test's name, which may begin with several faults; the name of one of its cases; a dbt unit test.
NAMED = re.compile(r"(?:def test_|- name: )((?:[a-l]\d{1,2}_)+)|\"([A-L]\d{1,2}) [a-z]")
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
    """What the long run came to; a mode that is run again replaces its own figures."""

    deaths: Score = field(default_factory=Score)
    tears: Score = field(default_factory=Score)
    failures: Score = field(default_factory=Score)
    lost: Score = field(default_factory=Score)
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
        for name in ("deaths", "tears", "failures", "lost", "marts", "guards", "histories"):
            setattr(figures, name, Score(**told.get(name, {})))
        return figures

    def write(self) -> None:
        """Keep them for the scoreboard."""
        FIGURES.parent.mkdir(exist_ok=True)
        FIGURES.write_text(json.dumps(asdict(self), indent=1), "utf-8")

    def text(self) -> str:
        """Sum up."""
        return "\n".join(
            [
                f"points enumerated   {self.deaths.tried + self.tears.tried + self.failures.tried}",
                f"kills survived      {self.deaths}",
                f"power cuts survived {self.tears}",
                f"failures made good  {self.failures}",
                f"work lost as well   {self.lost}",
                f"marts equal         {self.marts}",
                f"schedules equal     {self.histories}, {self.kills} deaths in them",
                f"guards caught       {self.guards}",
                f"files scanned       {self.files}",
                *(f"NOT SURVIVED        {problem[:300]}" for problem in self.problems),
            ]
        )


def tested() -> set[str]:
    """Return the faults that a test, a case of one or a dbt unit test is named after."""
    files = [*(ROOT / "tests").rglob("test_*.py"), *(ROOT / "dbt_project").rglob("*.yml")]
    found = set()
    for match in NAMED.finditer("\n".join(path.read_text("utf-8") for path in files)):
        found |= {name.upper() for name in (match[1] or match[2]).split("_")}
    return found & set(ALL)


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


def main() -> int:
    """Print it."""
    known = tested()
    others = [fault for fault in ALL if fault not in CORE]
    for name, faults in (("core faults tested ", CORE), ("other faults tested", others)):
        missing = [fault for fault in faults if fault not in known]
        sys.stdout.write(f"{name} {len(faults) - len(missing)}/{len(faults)}\n")
        if missing:
            sys.stdout.write(f"  without a test    {' '.join(missing)}\n")
    sys.stdout.write(f"bad inputs tried    {bad_inputs()}\n")
    if FIGURES.exists():
        sys.stdout.write(Figures.read().text() + "\n")
    else:
        sys.stdout.write("nothing was struck yet: make crash\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
