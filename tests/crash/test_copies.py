"""The deaths that are copied in place of died: a copy is what a kill leaves, and can fail.

`make crash MODE=deaths` recovers from all of them.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable

import pytest

from tests.crash.copies import KILLED, Copies
from tests.crash.disk import Disk
from tests.crash.hooks import Strike, named
from tests.crash.invariants import Violation
from tests.crash.place import DEAD
from tests.crash.points import NEXT, NEXT_INTO_BUCKET, Scenario
from tests.crash.stage import Stage
from tests.harness.tiers import first

# A package on its way, rows in the warehouse and not yet listed, a file just opened.
DEATHS = (
    "file:2:after:kill:rename work/dlt/genesys/load/new/#",
    'sql:2:before:kill:INSERT INTO "genesys_raw"."_dlt_loads"',
    "file:2:after:kill:open work/dlt/genesys/load/normalized/#",
)


def _is(*strikes: str) -> Callable[[Strike], bool]:
    return lambda strike: str(strike).startswith(strikes)


@pytest.mark.parametrize(
    ("scenario", "death"),
    [
        (NEXT, DEATHS[1]),
        pytest.param(NEXT, DEATHS[0], marks=pytest.mark.slow),
        pytest.param(NEXT, DEATHS[2], marks=pytest.mark.slow),
        pytest.param(NEXT_INTO_BUCKET, DEATHS[0], marks=pytest.mark.slow),
    ],
)
def test_a_copy_is_to_the_byte_what_a_kill_leaves(
    stage: Stage, scenario: Scenario, death: str
) -> None:
    """The run is killed where it has stopped, and not let go on first."""
    place = scenario.place(stage)
    is_death, copied = _is(death), []

    def look(pid: int) -> None:
        last = place.noted(0).splitlines()[-1]
        if last.startswith("point ") and is_death(Strike.parse(last.removeprefix("point "))):
            copied.append(Disk.of(place.data, {}))
            os.kill(pid, signal.SIGKILL)

    assert place.watched(look, *scenario.command).exit_code == DEAD
    assert [disk.key for disk in copied] == [Disk.of(place.data, {}).key]
    stage.forget(place)


# Where one thread acts alone: else how far the other is would be by chance.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("scenario", "death"), [(NEXT, DEATHS[0]), (NEXT, DEATHS[1]), (NEXT_INTO_BUCKET, DEATHS[0])]
)
def test_a_kill_of_another_run_leaves_what_was_copied(
    stage: Stage, scenario: Scenario, death: str
) -> None:
    """But for times and random names."""
    copies = Copies.of(scenario, stage, is_wanted=_is(death))
    [copied] = [left for ruin in copies.ruins for left in ruin if left.kind == KILLED]
    place = scenario.place(stage)
    stage.new_requests()
    assert scenario.run(place, *copied.strikes).was_struck
    killed = Disk.of(place.data, {})
    assert _alike(killed) == _alike(copied.disk)
    witness = stage.witness(place)
    witness.after(place.runs[-1])
    assert scenario.run(place).exit_code == 0
    witness.at_the_end(scenario.content(stage))
    for ruin in copies.ruins:
        copies.survive(ruin)
    stage.forget(place)
    copies.close()


def _alike(disk: Disk) -> Counter[tuple[str, bool, bool]]:
    """Return the names, which of them are empty files and which have another name."""
    return Counter(
        (named(name), not one.content and one.content is not None, one.link != name)
        for name, one in disk.entries.items()
    )


@pytest.mark.slow
def test_what_is_swept_to_the_same_is_made_good_from_each(stage: Stage) -> None:
    # What is deleted first is what packages of before have left.
    copies = Copies.of(NEXT, stage, is_wanted=lambda strike: strike.what.startswith("rmdir "))
    most = max(copies.ruins, key=len)
    assert len(most) > 20
    for left in most[::10]:
        copies.survive([left])
    copies.close()


# Where the guard matters: what its scene in `guards` is struck at.
MISSED = {
    "pending first": "file:1:after:kill:rename work/dlt/genesys/load/new/#",
    "stray files": "file:1:after:kill:open work/dlt/genesys/schemas/#",
    "rows and state in one package": 'sql:1:after:kill:INSERT INTO "genesys_raw"."_dlt_loads"',
}


@pytest.mark.parametrize("guard", first(1, MISSED))
def test_a_guard_that_is_off_is_missed(stage: Stage, guard: str) -> None:
    # It is what would put a second commit's rows and state into one package; of the others the
    # recovery has need.
    is_off_before = guard == "rows and state in one package"
    copies = Copies.of(
        NEXT, stage, guard=guard if is_off_before else None, is_wanted=_is(MISSED[guard])
    )
    copies.place.guard = guard
    found = []
    for left in (left for ruin in copies.ruins for left in ruin):
        try:
            copies.survive([left])
        except Violation as violation:
            found.append(violation)
    assert found
    copies.close()
