"""Every point a run can be struck at, and what becomes of it (mode 1: enumerated).

A scenario says how a place stands when the run begins. One undisturbed run names its effects; then
it is begun again and struck at one of them, as often as there are points. After that a plain run
must bring the place to what the undisturbed run left, and everything must hold in between.
`copies` has the deaths, without as many runs.
"""

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from tests.crash.hooks import Blow, Effect, Kind, Moment, Strike
from tests.crash.invariants import DETAILS, INTERACTIONS, Content, Witness, demand
from tests.crash.place import DEAD, Ended, HookedPlace
from tests.crash.stage import Stage
from tests.sandbox.process import Told

FIRST_DAY, SECOND_DAY = "2026-03-14T16:00:00Z", "2026-03-15T06:00:00Z"
CONTACTS = "external_contacts"
INSERTED = rf'INSERT INTO "genesys_raw"\."({DETAILS}|{CONTACTS}|{INTERACTIONS})"'
PAGES = re.compile(r"/(results|scan/contacts|export/interactions)(\?|$)")
# The batch being committed and the one read ahead of it are asked for again, of the next window the
# page that was read ahead of its turn, and who goes on within a window reads the overlap of the
# next; of the guides' export, also which columns there are. An empty page, as scans of contacts
# have them, fills no batch: each of the two holds one more.
MOST_PAGES_AGAIN = {DETAILS: 4, CONTACTS: 4, INTERACTIONS: 4}
DEATHS_IN_A_ROW = 4
# Where a full disk shows; nobody is told so when a file is deleted.
TAKES_SPACE = ("open", "mkdir", "link", "replace", "rename", "fsync")


@dataclass(frozen=True)
class Scenario:
    """A run, and how the place stands when it begins.

    Attributes:
        name: of it.
        now: the organisation's time.
        resources: what is loaded.
        begin: makes the place anew.
    """

    name: str
    now: str
    resources: tuple[str, ...]
    begin: Callable[[Stage], HookedPlace]

    def place(self, stage: Stage) -> HookedPlace:
        """Return the place as it stands when the run begins."""
        place = self.begin(stage)
        stage.sandbox.set_clock(self.now)
        return place

    @property
    def command(self) -> tuple[str, ...]:
        """What is run."""
        return ("load", "--only", *self.resources)

    def run(self, place: HookedPlace, *strikes: Strike) -> Ended:
        """Load once."""
        return place.struck(strikes, *self.command)

    def undisturbed(self, stage: Stage) -> HookedPlace:
        """Return a place after a run nothing happened to."""

        def make() -> HookedPlace:
            place = self.place(stage)
            ended = self.run(place)
            assert ended.exit_code == 0, ended.said
            # A place that was killed on purpose is brought to its end by this one run.
            place.runs = [ended]
            stage.witness(place).after(ended)
            return place

        return stage.copy_of(f"after {self.name}", make)

    def ended(self, stage: Stage) -> Ended:
        """Return how the undisturbed run went."""
        name = f"after {self.name}"
        if not stage.has(name):
            stage.forget(self.undisturbed(stage))
        return stage.template(name).runs[0]

    def effects(self, stage: Stage, kind: Kind, pattern: str = "") -> list[Effect]:
        """Return the undisturbed run's effects of a kind whose description matches."""
        return self.ended(stage).named(kind, pattern)

    def content(self, stage: Stage) -> Content:
        """Return what the undisturbed run leaves."""
        return stage.content(f"after {self.name}", lambda: self.undisturbed(stage))


def _empty(stage: Stage) -> HookedPlace:
    return stage.place()


def _after_first(stage: Stage) -> HookedPlace:
    return FIRST.undisturbed(stage)


def _dead_in_commit(stage: Stage) -> HookedPlace:
    """Killed when the second commit's rows are in and nothing says so yet."""

    def make() -> HookedPlace:
        place = NEXT.place(stage)
        ended = NEXT.run(place, NEXT.effects(stage, "sql", INSERTED)[1].struck("after"))
        assert ended.exit_code == DEAD, ended.said
        return place

    return stage.copy_of("dead in commit", make)


def _empty_of_guides(stage: Stage) -> HookedPlace:
    return stage.place(GENESYS_CONTRACT="guides")


def _empty_bucket(stage: Stage) -> HookedPlace:
    return stage.place(ELT_TARGET="spark", ELT_BUCKET_URL="data/bucket")


def _after_first_into_bucket(stage: Stage) -> HookedPlace:
    return BUCKET.undisturbed(stage)


FIRST = Scenario("first load", FIRST_DAY, (DETAILS,), _empty)
NEXT = Scenario("next day", SECOND_DAY, (DETAILS,), _after_first)
SCAN = Scenario("scan of contacts", SECOND_DAY, (CONTACTS,), _after_first)
RECOVERY = Scenario("recovery of a dead run", SECOND_DAY, (DETAILS,), _dead_in_commit)
GUIDES = Scenario("first load of the guides", FIRST_DAY, (INTERACTIONS,), _empty_of_guides)
BUCKET = Scenario("first load into a bucket", FIRST_DAY, (DETAILS,), _empty_bucket)
NEXT_INTO_BUCKET = Scenario(
    "next day into a bucket", SECOND_DAY, (DETAILS,), _after_first_into_bucket
)
SCENARIOS = (FIRST, NEXT, SCAN, RECOVERY, GUIDES, BUCKET, NEXT_INTO_BUCKET)


def deaths(scenario: Scenario, stage: Stage) -> Iterator[Strike]:
    """Return a kill before each effect, and after each where that is another point.

    Behind an effect comes the next, and before that one is where we strike anyway; but a file just
    opened is still empty, and an answer not yet read has not been acted upon.
    """
    kinds: tuple[Kind, ...] = ("request", "sql", "file")
    for kind in kinds:
        for effect in scenario.effects(stage, kind):
            yield effect.struck("before")
            if kind != "file" or effect.what.startswith("open "):
                yield effect.struck("after")


def tears(scenario: Scenario, stage: Stage) -> Iterator[Strike]:
    """Return a power cut before each statement, and after each step of a package on its way."""
    kinds: tuple[Kind, ...] = ("sql", "file")
    for kind in kinds:
        for effect in scenario.effects(stage, kind):
            strike = effect.struck("before" if kind == "sql" else "after", "torn")
            if may_tear(strike):
                yield strike


def may_tear(strike: Strike) -> bool:
    """Tell whether the power is cut at a point as well."""
    if strike.kind == "sql":
        return strike.moment == "before"
    return strike.moment == "after" and strike.what.startswith(("replace ", "rename "))


def failures(scenario: Scenario, stage: Stage) -> Iterator[Strike]:
    """Return errors in place of death, once and from there on: no space, no line, no lock."""
    moments: tuple[Moment, ...] = ("before", "after")
    for lasting in (False, True):
        for moment in moments:
            for effect in scenario.effects(stage, "request"):
                yield effect.struck(moment, "disconnect", lasting=lasting)
            for effect in scenario.effects(stage, "sql"):
                yield effect.struck(moment, "locked", lasting=lasting)
        for effect in scenario.effects(stage, "file", f"({'|'.join(TAKES_SPACE)}) "):
            yield effect.struck("before", "no_space", lasting=lasting)
    blows: tuple[Blow, ...] = ("terminate", "interrupt")
    for blow in blows:
        for effect in scenario.effects(stage, "sql"):
            yield effect.struck("before", blow)


def in_a_row(scenario: Scenario, stage: Stage, seed: int) -> list[Strike]:
    """Return some deaths and power cuts: one anywhere, others in the runs that recover from it."""
    rng = random.Random(f"row:{scenario.name}:{seed}")
    known = [*deaths(scenario, stage), *tears(scenario, stage)]
    counts = {kind: scenario.ended(stage).count(kind) for kind in {one.kind for one in known}}
    # What is left to be done has fewer effects, and who comes too late strikes nobody.
    first = rng.choice(known)
    others = rng.choices(known, k=DEATHS_IN_A_ROW - 1)
    early = [
        Strike(one.kind, rng.randint(1, counts[one.kind] // 3), one.moment, one.blow)
        for one in others
    ]
    return [first, *early]


def sample(strikes: Iterator[Strike], count: int, seed: int) -> list[Strike]:
    """Choose some of them, the same ones each time."""
    known = list(strikes)
    return random.Random(seed).sample(known, min(count, len(known)))


@dataclass(frozen=True)
class Asked:
    """What Genesys was asked for: pages of records, and tokens."""

    pages: int = 0
    logins: int = 0

    @classmethod
    def of(cls, requests: Iterable[Told]) -> Self:
        """Count it in the organisation's log."""
        paths = [entry["path"] for entry in requests]
        return cls(sum(bool(PAGES.search(path)) for path in paths), paths.count("/oauth/token"))

    def __add__(self, other: "Asked") -> "Asked":
        """Add it up."""
        return Asked(self.pages + other.pages, self.logins + other.logins)


@dataclass(frozen=True)
class Survived:
    """What the strikes fell on, those that did, how each run ended and what it all took."""

    fell_on: Sequence[str]
    exit_codes: Sequence[int]
    pages_again: int
    files: int


def survive(
    scenario: Scenario,
    stage: Stage,
    *strikes: Strike,
    guard: str | None = None,
    is_work_lost: bool = False,
) -> Survived:
    """Strike, recover, compare; raises Violation.

    Args:
        scenario: the run.
        stage: where.
        strikes: what happens to it, and to each run that was to make good what the last one left.
        guard: what is switched off.
        is_work_lost: whether the work directory goes each time, as that of a container does.
    """
    clean = scenario.content(stage)
    place = scenario.place(stage)
    place.guard = guard
    witness = stage.witness(place)
    stage.new_requests()
    fell_on: list[str] = []
    exit_codes = []
    for strike in strikes:
        ended = scenario.run(place, strike)
        exit_codes.append(ended.exit_code)
        witness.after(ended)
        fell_on += ended.fell_on()
        if ended.exit_code == 0:
            witness.at_the_end(clean)
        if ended.was_torn:
            place.tear()
            witness.forget_the_past()
        if is_work_lost:
            place.lose_work()
    asked = Asked.of(stage.new_requests())
    named = " ".join(map(str, strikes))
    # Who came to the end all the same stands where the undisturbed run does: that was compared.
    if exit_codes[-1] != 0 or is_work_lost:
        asked += made_good(scenario, stage, place, witness, named)
    pages_again = asked.pages - page_count(stage, scenario)
    if all(strike.blow == "kill" for strike in strikes):
        most = MOST_PAGES_AGAIN[scenario.resources[0]] * len(strikes)
        demand(pages_again <= most, "V11", f"{named}: {pages_again} pages asked for again")
    if all(strike.blow != "disconnect" for strike in strikes):
        demand_few_logins(asked, len(strikes))
    stage.forget(place)
    return Survived(fell_on, exit_codes, pages_again, witness.files)


def made_good(
    scenario: Scenario, stage: Stage, place: HookedPlace, witness: Witness, named: str
) -> Asked:
    """Have the next run bring a place to where the undisturbed one did; return what it asked."""
    again = scenario.run(place)
    asked = Asked.of(stage.new_requests())
    witness.after(again)
    demand(again.exit_code == 0, "V11", f"{named}: not made good by the next run: {again.said}")
    witness.at_the_end(scenario.content(stage))
    return asked


def demand_few_logins(asked: Asked, deaths: int) -> None:
    """V17: a run logs in once."""
    demand(asked.logins <= 1 + deaths, "V17", f"{asked.logins} logins in {deaths} runs and one")


def page_count(stage: Stage, scenario: Scenario) -> int:
    """Return how many pages the undisturbed run asks for."""
    effects = scenario.ended(stage).effects
    return sum(line.startswith("request ") and bool(PAGES.search(line)) for line in effects)


def chosen(scenario: Scenario, stage: Stage, kind: Kind, pattern: str, moment: Moment) -> Strike:
    """Return a kill at the last effect of a run that matches."""
    found = scenario.effects(stage, kind, pattern)
    assert found, f"no {kind} matches {pattern}"
    return found[-1].struck(moment)
