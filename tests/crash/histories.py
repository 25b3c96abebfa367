"""Histories that a seed decides: faults, deaths, signals, and what befalls a place in between.

Nothing in a history depends on the clock of the machine, so a seed plays the same one again. What
failed is made smaller: steps are left out one by one as long as it still fails.
"""

import contextlib
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.crash.hooks import Blow, Kind, Moment, Strike
from tests.crash.invariants import DETAILS, Violation, Witness, demand
from tests.crash.marts import (
    Marts,
    demand_alike,
    demand_complete,
    demand_conserved,
    demand_equal,
)
from tests.crash.place import Ended, HookedPlace
from tests.crash.stage import START, Stage
from tests.sandbox.clock import DAY, HOUR, to_millis, to_text
from tests.sandbox.process import Told

RESOURCES = ("users", "external_contacts", DETAILS, "queue_aggregates", "flow_aggregates")
BEGINNING = "2026-03-15T06:00:00Z"
# All that was to be corrected has been, and all of it is read again: lookback is a week.
FINAL = "2026-03-19T06:00:00Z"
SETTINGS = {"ELT_LOOKBACK_DAYS": "7"}
HOLD = (
    "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True);"
    "sys.stdin.read()"
)

# What passes, or what a run may end with: no fault here changes what there is to be loaded.
FAULTS: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("A2", "expire_token", {}),
    ("B1", "status", {"status": 429, "retry_after": 1}),
    ("B6", "status", {"status": 429, "retry_after": 1000}),
    ("C4", "cut", {}),
    ("D1", "status", {"status": 503}),
    ("D6", "body", {"text": ""}),
    ("D8", "body", {"body": {"code": "internal.error", "status": 400}}),
    ("E1", "mutate", {"cursor": "same"}),
    ("E2", "mutate", {"empty": True}),
    ("E3", "status", {"status": 400}),
    ("G3", "job", {"state": "FAILED"}),
    ("G4", "job", {"state": "EXPIRED"}),
    ("E9", "mutate", {"reversed": True}),
)
# Where a history is played; what it is held against was loaded in UTC.
ZONES = ("UTC", "Europe/Stockholm", "America/New_York", "Asia/Kolkata")
LANGUAGES = ("C", "sv_SE.UTF-8", "tr_TR.UTF-8")
PATHS = (
    r"GET .*/results",
    r"GET .*/details/jobs/",
    r"GET .*/scan/",
    r"GET /api/v2/users",
    r"/api/",
)


@dataclass(frozen=True)
class Step:
    """Something that happens, and the run it happens to.

    Attributes:
        before: what befalls the place before the run: nothing, or a name of `_befall`.
        share: of the history's resources, those that are loaded; none for all.
        faults: of the organisation, for the sandbox.
        strikes: of the machine.
    """

    before: str = ""
    share: tuple[str, ...] = ()
    faults: tuple[dict[str, object], ...] = ()
    strikes: tuple[Strike, ...] = ()

    def __str__(self) -> str:
        """Say it in a line."""
        faults = [f"{fault['action']} at {fault['match']} #{fault['nth']}" for fault in self.faults]
        return "; ".join([self.before or "-", *self.share, *faults, *map(str, self.strikes)])


@dataclass(frozen=True)
class History:
    """What a seed decides; `kept` numbers the steps that were not left out.

    How the range is split into windows, pages and commits (V7), in what order its resources come
    (V20) and where on earth it is played (V18) must make no difference in the end.
    """

    seed: int
    steps: tuple[Step, ...]
    kept: tuple[int, ...]
    split: Mapping[str, str]
    where: Mapping[str, str]
    resources: tuple[str, ...]
    commit_bytes: int

    @classmethod
    def of(cls, seed: int, kept: Sequence[int] | None = None) -> "History":
        """Draw it; with `kept` only those of its steps."""
        rng = random.Random(f"history:{seed}")
        # Marts take all there is, and twelve times as long as a load: every fifth has them.
        others = rng.sample(RESOURCES, 1) if seed % 5 else RESOURCES
        resources = tuple(name for name in RESOURCES if name == DETAILS or name in others)
        steps = tuple(_step(rng, resources) for _ in range(rng.randint(3, 6)))
        numbers = tuple(range(len(steps)) if kept is None else kept)
        split = {
            "ELT_PAGE_SIZE": str(rng.randint(2, 6)),
            "ELT_WINDOW_HOURS": rng.choice(("8", "24", "48")),
            "ELT_OVERLAP_MINUTES": rng.choice(("60", "180")),
            "LOAD__WORKERS": rng.choice(("1", "20")),
        }
        where = {
            "TZ": rng.choice(ZONES),
            "LANG": rng.choice(LANGUAGES),
            "PYTHONHASHSEED": str(seed),
        }
        # A page each, or several small windows that share one.
        commit_bytes = random.Random(f"commits:{seed}").choice((1, 50_000))
        return cls(seed, steps, numbers, split, where, resources, commit_bytes)

    @property
    def has_marts(self) -> bool:
        """Whether its marts are compared as well."""
        return self.resources == RESOURCES

    @property
    def arguments(self) -> tuple[str, ...]:
        """What is loaded."""
        return ("--only", *self.resources)

    def without(self, number: int) -> "History":
        """Leave a step out."""
        return replace(self, kept=tuple(kept for kept in self.kept if kept != number))

    def settings(self) -> dict[str, str]:
        """The settings it is played with."""
        return {**SETTINGS, **self.split}


def _step(rng: random.Random, resources: tuple[str, ...]) -> Step:
    befalls = ("", "", "", "hour", "day", "wipe", "save", "restore", "held")
    faults: list[dict[str, object]] = [
        {
            "match": rng.choice(PATHS),
            "nth": rng.choice((1, 2, [1, 3], "2+")),
            "action": action,
            "args": args,
        }
        for _, action, args in rng.sample(FAULTS, rng.choice((0, 0, 1, 2)))
    ]
    strikes = [_strike(rng) for _ in range(rng.choice((0, 1, 1, 2)))]
    share = rng.choice(((), (), tuple(rng.sample(resources, 1))))
    return Step(rng.choice(befalls), share, tuple(faults), tuple(strikes))


def _strike(rng: random.Random) -> Strike:
    kind: Kind = rng.choice(("request", "file", "file", "file", "sql", "sql"))
    last = {"request": 12, "file": 700, "sql": 50}[kind]
    moment: Moment = rng.choice(("before", "after"))
    deaths: tuple[Blow, ...] = ("kill", "kill", "torn", "terminate", "interrupt")
    failure: Blow = {"request": "disconnect", "file": "no_space", "sql": "locked"}[kind]  # type: ignore[assignment]
    blow = rng.choice((*deaths, failure))
    return Strike(kind, rng.randint(1, last), moment, blow, rng.random() < 0.2)


@dataclass
class Played:
    """What a history came to."""

    history: History
    runs: list[Ended] = field(default_factory=list)
    files: int = 0

    @property
    def deaths(self) -> int:
        """How many runs were killed."""
        return sum(run.exit_code < 0 for run in self.runs)


def play(stage: Stage, history: History, marts: Marts | None = None) -> Played:
    """Play it, look after each step, bring it to its end and compare; raises Violation."""
    stage.sandbox.clear_faults()
    stage.sandbox.set_clock(BEGINNING)
    place = stage.place(**history.settings())
    place.warm = stage.abroad(history.where)
    place.commit_bytes = history.commit_bytes
    witness = stage.witness(place)
    backup = place.copied(stage.folder / f"backup-{history.seed}")
    try:
        for step in (history.steps[number] for number in history.kept):
            stage.new_requests()
            with _befall(stage, place, witness, backup, step.before):
                stage.sandbox.add_faults(*step.faults)
                wanted = step.share or history.resources
                ended = place.struck(step.strikes, "load", "--only", *wanted)
                stage.sandbox.clear_faults()
            witness.after(ended)
            if ended.was_torn:
                place.tear()
                witness.forget_the_past()
            _polite(stage.new_requests())
        _end(stage, place, witness, history)
        if marts is not None and history.has_marts:
            _compare_marts(stage, place, history, marts)
        return Played(history, place.runs, witness.files)
    finally:
        stage.sandbox.clear_faults()
        stage.forget(place)
        stage.forget(backup)


def _end(stage: Stage, place: HookedPlace, witness: Witness, history: History) -> None:
    """V1, V2, V4, V5, V7, V11, V18, V20: without faults a few runs make it whole."""
    stage.sandbox.set_clock(FINAL)
    for number in range(2):
        ended = place.run("load", *history.arguments)
        witness.after(ended)
        demand(ended.exit_code == 0, "V11", f"run {number} without faults: {ended.said}")
    witness.newest_is_served(now=FINAL)
    witness.at_the_end(
        stage.clean(FINAL, ("--only", *RESOURCES), **SETTINGS).only(history.resources)
    )
    stage.new_requests()
    ended = place.run("load", "--only", DETAILS)
    witness.after(ended)
    asked = [entry["path"] for entry in stage.new_requests()]
    demand(len(asked) <= 2 and "nothing is due" in ended.said, "V5", f"again: {asked}")


def _compare_marts(stage: Stage, place: HookedPlace, history: History, marts: Marts) -> None:
    """V1 to V3, V5, V6, V8 of the marts; one build dies, the one that recovers dies as well."""
    expected = marts.of(stage.clean_place(FINAL, history.arguments, **SETTINGS))
    settings = {
        "DBT_TARGET_PATH": str(place.data / "dbt"),
        "DBT_LOG_PATH": str(place.data / "dbt"),
    }
    place.settings |= settings
    rng = random.Random(f"build:{history.seed}")
    for _ in range(2):
        dies = Strike("sql", rng.randint(20, 400), "before", "kill")
        stage.witness(place).after(place.struck([dies], "transform", "build"))
    found = marts.of(place)
    demand_alike(found, expected)
    demand_conserved(found)
    demand_complete(found, stage.truth, f"{START}T00:00:00Z", FINAL)
    demand_equal(marts.built(), found, "V5")
    demand_equal(marts.built(full_refresh=True), found, "V6")


@contextlib.contextmanager
def _befall(
    stage: Stage, place: HookedPlace, witness: Witness, backup: HookedPlace, what: str
) -> Iterator[None]:
    """Let something happen to a place before, or while, it is loaded."""
    now = to_millis(stage.sandbox.now())
    if what == "hour":
        stage.sandbox.set_clock(to_text(now + 5 * HOUR))
    if what == "day":
        stage.sandbox.set_clock(to_text(min(now + DAY, to_millis(FINAL) - DAY)))
    if what == "wipe":
        place.lose_work()
    if what == "restore":
        # The warehouse of some while ago; what lies in the work directory is of later.
        for path in place.data.glob(f"{place.database.name}*"):
            path.unlink()
        for path in backup.data.glob(f"{place.database.name}*"):
            shutil.copy(path, place.data)
        witness.forget_the_past()
    if what == "save":
        shutil.rmtree(backup.folder)
        shutil.copytree(place.folder, backup.folder)
    if what == "held" and place.database.exists():
        with _held(place.database):
            yield
        return
    yield


@contextlib.contextmanager
def _held(database: Path) -> Iterator[None]:
    """Have another process hold the DuckDB file."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        yield
        holder.communicate()


def _polite(requests: Sequence[Told]) -> None:
    """V17: who was told to wait a second waits a second; others may be on their way."""
    for number, earlier in enumerate(requests):
        asked = (earlier["path"], earlier["body"])
        again = (one for one in requests[number + 1 :] if (one["path"], one["body"]) == asked)
        if earlier["status"] == 429 and (later := next(again, None)):
            waited = later["at"] - earlier["at"]
            demand(waited > 0.9, "V17", f"asked again {waited:.2f} s after a 429")


def smaller(stage: Stage, history: History, violation: Violation) -> History:
    """Leave out each step without which the same invariant is broken all the same."""
    for number in history.kept:
        fewer = history.without(number)
        try:
            play(stage, fewer)
        except Violation as again:
            if again.invariant == violation.invariant:
                history = fewer
    return history
