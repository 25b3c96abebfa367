"""Faults H12 and H13: two runs at once, and the lock of a run that is dead."""

import fcntl
import os
import subprocess
import sys

import pytest

from tests.faults.conftest import Expected
from tests.faults.site import DETAILS, FIRST_PAGE, Site
from tests.harness.place import fault


def test_h12_a_second_run_leaves_the_first_alone(site: Site, expected: Expected) -> None:
    site.sandbox.add_faults(fault(FIRST_PAGE, "delay", 1, seconds=6))
    first = site.start(*DETAILS)
    while not site.requests(FIRST_PAGE) and first.poll() is None:
        # The log shows a request once it is answered, a fault as soon as it strikes.
        if site.sandbox.faults()[0]["hits"]:
            break
    before = len(site.sandbox.log())
    said = site.run().error(7)
    assert (
        f"another run (process {first.pid}) holds {site.lock_path.relative_to(site.folder)}" in said
    )
    assert len(site.sandbox.log()) == before
    assert first.poll() is None
    site.ended(first).succeeded()
    assert site.raw() == expected()
    assert site.row_count() == len(expected())
    site.run().succeeded()


def test_h12_status_does_not_look_into_a_run_either(site: Site) -> None:
    site.run().succeeded()
    with site.lock_path.open("a+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        site.run("status").error(7)
    site.run("status").succeeded()


@pytest.mark.slow
@pytest.mark.first_run
def test_h13_the_lock_of_a_dead_run_is_taken_over(site: Site, expected: Expected) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    site.lock_path.parent.mkdir(parents=True)
    # Once with the id of a process that is gone, once with one that lives and has nothing to do
    # with it: only who holds the lock counts.
    for number in (dead.pid, os.getpid()):
        site.lock_path.write_text(str(number))
        site.ends_with(expected())
