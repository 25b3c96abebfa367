"""Every point a run can die at, one after the other (mode 1: enumerated).

A scenario says how a place stands when the run begins. One undisturbed run numbers its effects;
then it is begun again for each of them and struck there. After that a plain run must bring the
place to what the undisturbed run left, and everything must hold in between.
"""

import random
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from tests.crash.hooks import Blow, Kind, Moment, Strike
from tests.crash.invariants import DETAILS, INTERACTIONS, Content, demand
from tests.crash.place import DEAD, Ended, HookedPlace
from tests.crash.stage import Stage

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

    def run(self, place: HookedPlace, *strikes: Strike) -> Ended:
        """Load once."""
        return place.struck(strikes, "load", "--only", *self.resources)

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

        copy = stage.copy_of(f"after {self.name}", make)
        copy.runs = list(stage.template(f"after {self.name}").runs)
        return copy

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
        inserts = effects(NEXT.undisturbed(stage).runs[0], "sql", INSERTED)
        ended = NEXT.run(place, Strike("sql", inserts[1], "after"))
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


def effects(ended: Ended, kind: Kind, pattern: str) -> list[int]:
    """Return the numbers of a run's effects of a kind whose description matches."""
    found = []
    for line in ended.effects:
        numbered = re.match(rf"{kind} (\d+) (.*)", line)
        if numbered and re.match(pattern, numbered[2]):
            found.append(int(numbered[1]))
    return found


def deaths(scenario: Scenario, stage: Stage) -> Iterator[Strike]:
    """Return a kill before each effect, and after each where that is another point.

    Behind an effect comes the next, and before that one is where we strike anyway; but a file just
    opened is still empty, and an answer not yet read has not been acted upon.
    """
    ended = scenario.undisturbed(stage).runs[0]
    kinds: tuple[Kind, ...] = ("request", "sql", "file")
    for kind in kinds:
        for number in range(1, ended.count(kind) + 1):
            yield Strike(kind, number, "before")
            if kind != "file":
                yield Strike(kind, number, "after")
    for number in effects(ended, "file", "open"):
        yield Strike("file", number, "after")


def tears(scenario: Scenario, stage: Stage) -> Iterator[Strike]:
    """Return a power cut before each statement, and after each step of a package on its way."""
    ended = scenario.undisturbed(stage).runs[0]
    for number in range(1, ended.count("sql") + 1):
        yield Strike("sql", number, "before", "torn")
    for number in effects(ended, "file", r"(replace|rename) "):
        yield Strike("file", number, "after", "torn")


def failures(scenario: Scenario, stage: Stage) -> Iterator[Strike]:
    """Return errors in place of death, once and from there on: no space, no line, no lock."""
    ended = scenario.undisturbed(stage).runs[0]
    moments: tuple[Moment, ...] = ("before", "after")
    for lasting in (False, True):
        for moment in moments:
            for number in range(1, ended.count("request") + 1):
                yield Strike("request", number, moment, "disconnect", lasting)
            for number in range(1, ended.count("sql") + 1):
                yield Strike("sql", number, moment, "locked", lasting)
        for number in effects(ended, "file", f"({'|'.join(TAKES_SPACE)}) "):
            yield Strike("file", number, "before", "no_space", lasting)
    blows: tuple[Blow, ...] = ("terminate", "interrupt")
    for blow in blows:
        for number in range(1, ended.count("sql") + 1):
            yield Strike("sql", number, "before", blow)


def in_a_row(scenario: Scenario, stage: Stage, seed: int) -> list[Strike]:
    """Return some deaths and power cuts: one anywhere, others in the runs that recover from it."""
    rng = random.Random(f"row:{scenario.name}:{seed}")
    ended = scenario.undisturbed(stage).runs[0]
    known = [*deaths(scenario, stage), *tears(scenario, stage)]
    # What is left to be done has fewer effects, and who comes too late strikes nobody.
    early = [strike for strike in known if strike.number * 3 <= ended.count(strike.kind)]
    return [rng.choice(known), *rng.choices(early, k=DEATHS_IN_A_ROW - 1)]


def sample(strikes: Iterator[Strike], count: int, seed: int) -> list[Strike]:
    """Choose some of them, the same ones each time."""
    known = list(strikes)
    return random.Random(seed).sample(known, min(count, len(known)))


def every(strikes: Iterator[Strike], step: int) -> Iterator[Strike]:
    """Choose every `step`th of them."""
    return islice(strikes, 0, None, step)


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
    place = scenario.place(stage)
    place.guard = guard
    witness, clean = stage.witness(place), scenario.content(stage)
    pages = page_count(stage, scenario)
    stage.sandbox.set_clock(scenario.now)
    stage.new_requests()
    fell_on, exit_codes = [], []
    for strike in strikes:
        ended = scenario.run(place, strike)
        exit_codes.append(ended.exit_code)
        witness.after(ended)
        if ended.was_struck:
            fell_on.append(ended.described(strike))
        if ended.exit_code == 0:
            witness.at_the_end(clean)
        if ended.was_torn:
            place.tear()
            witness.forget_the_past()
        if is_work_lost:
            lose_work(place)
    again = scenario.run(place)
    witness.after(again)
    named = " ".join(map(str, strikes))
    demand(again.exit_code == 0, "V11", f"{named}: not made good by the next run: {again.said}")
    witness.at_the_end(clean)
    requests = stage.new_requests()
    pages_again = sum(bool(PAGES.search(entry["path"])) for entry in requests) - pages
    if all(strike.blow == "kill" for strike in strikes):
        most = MOST_PAGES_AGAIN[scenario.resources[0]] * len(strikes)
        demand(pages_again <= most, "V11", f"{pages_again} pages asked for again")
    logins = sum(entry["path"] == "/oauth/token" for entry in requests)
    if all(strike.blow != "disconnect" for strike in strikes):
        demand(logins <= 1 + len(strikes), "V17", f"{logins} logins in {len(strikes)} runs and one")
    stage.forget(place)
    return Survived(fell_on, exit_codes, pages_again, witness.files)


def lose_work(place: HookedPlace) -> None:
    """Delete the work directory."""
    shutil.rmtree(place.work, ignore_errors=True)


def page_count(stage: Stage, scenario: Scenario) -> int:
    """Return how many pages the undisturbed run asks for."""
    ended = scenario.undisturbed(stage).runs[0]
    return sum(line.startswith("request ") and bool(PAGES.search(line)) for line in ended.effects)


def chosen(scenario: Scenario, stage: Stage, kind: Kind, pattern: str, moment: Moment) -> Strike:
    """Return a kill at the last effect of a run that matches."""
    numbers = effects(scenario.undisturbed(stage).runs[0], kind, pattern)
    assert numbers, f"no {kind} matches {pattern}"
    return Strike(kind, numbers[-1], moment)
