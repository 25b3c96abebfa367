"""After a kill, a signal or a restored backup the next run makes the warehouse whole again."""

import shutil
import signal
import time

import pytest

from tests.harness.place import Place, fault
from tests.sandbox.process import SandboxProcess

RESULTS = "GET /api/v2/analytics/conversations/details/jobs/.*/results"
ONLY = ("--only", "conversation_details")

# Dies between dlt's two steps that hand a package from normalizing on to loading.
KILLED_BETWEEN = """
import os, signal, sys
import dlt.normalize.normalize as normalize
spool = normalize.Normalize.spool_files
def spool_and_die(self, *arguments, **options):
    extracted = self.normalize_storage.extracted_packages
    extracted.delete_package = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
    return spool(self, *arguments, **options)
normalize.Normalize.spool_files = spool_and_die
from loader.__main__ import main
main(["load", "--only", "queues"])
"""

# Gets its SIGTERM inside a commit, where dlt holds signals back, and more of them as it ends.
STOPPED_IN_COMMIT = """
import os, signal, sys
import dlt.normalize.normalize as normalize
import loader.__main__ as program
from loader.warehouses.dataset import Dataset
def stopped(what):
    def stop(*arguments, **options):
        os.kill(os.getpid(), signal.SIGTERM)
        return what(*arguments, **options)
    return stop
normalize.Normalize.spool_files = stopped(normalize.Normalize.spool_files)
Dataset.close = stopped(Dataset.close)
program._fail = stopped(program._fail)
from loader.__main__ import main
sys.exit(main(["load", "--only", "queues", "users"]))
"""


@pytest.mark.slow
def test_a_kill_while_dlt_hands_a_package_on_does_not_stop_the_next_run(loader: Place) -> None:
    loader.load("--only", "users")
    killed = loader.ended(loader.start_python("-c", KILLED_BETWEEN))
    assert killed.exit_code == -signal.SIGKILL
    loader.load("--only", "queues")
    assert len(loader.raw("queues")) > 20


def test_a_warehouse_restored_from_a_backup_is_loaded_again_from_there(
    loader: Place, sandbox: SandboxProcess
) -> None:
    loader.settings["ELT_LOOKBACK_DAYS"] = "0"
    loader.load(*ONLY)
    backup = loader.folder / "backup.duckdb"
    shutil.copy(loader.database, backup)
    sandbox.set_clock("2026-03-16T06:00:00Z")
    loader.load(*ONLY)
    whole = loader.newest("payload_hash")

    shutil.copy(backup, loader.database)
    assert loader.newest("payload_hash") != whole
    loader.load(*ONLY)
    assert loader.newest("payload_hash") == whole


def test_a_signal_ends_the_run_with_130_and_the_next_goes_on(
    loader: Place, sandbox: SandboxProcess
) -> None:
    small = {"ELT_PAGE_SIZE": "5", "ELT_COMMIT_MEGABYTES": "1"}
    sandbox.add_faults(fault(RESULTS, "delay", "2+", seconds=0.5))
    process = loader.start("load", *ONLY, **small)
    while not loader.requests(RESULTS):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert loader.ended(process).error(130) == (
        "ERROR GX-130 interrupted; the next run goes on from the last commit"
    )
    sandbox.clear_faults()
    loader.load(*ONLY, **small)
    [(total, distinct)] = loader.query(
        "select count(*), count(distinct record_id) from genesys_raw.conversation_details"
    )
    assert total >= distinct > 0


@pytest.mark.slow
def test_a_job_that_ran_when_the_run_was_killed_is_asked_for_again(
    loader: Place, sandbox: SandboxProcess
) -> None:
    jobs = "/api/v2/analytics/conversations/details/jobs"
    sandbox.add_faults(fault(f"GET {jobs}/[^a]", "delay", "all", seconds=4))
    process = loader.start("load", *ONLY)
    while not loader.requests(f"POST {jobs}$"):
        time.sleep(0.05)
    # Past the moment after which the id is kept, before the delayed answer.
    time.sleep(3)
    process.kill()
    process.communicate()
    sandbox.clear_faults()
    loader.forget_requests()
    loader.load(*ONLY)
    assert loader.requests(f"POST {jobs}$") == []
    assert loader.newest("payload_hash")


@pytest.mark.slow
def test_a_signal_inside_a_commit_is_not_forgotten(loader: Place) -> None:
    loader.load("--only", "divisions")
    stopped = loader.ended(loader.start_python("-c", STOPPED_IN_COMMIT))
    stopped.error(130)
    assert not (loader.raw("users") and loader.raw("queues"))
    loader.load("--only", "queues", "users")
    assert loader.raw("users")
    assert loader.raw("queues")


def test_one_resource_that_cannot_be_had_does_not_keep_the_others_back(
    loader: Place, sandbox: SandboxProcess
) -> None:
    sandbox.add_faults(fault("GET /api/v2/routing/skills", "mutate", "all", set={"total": 100_000}))
    outcome = loader.run("load", "--only", "skills", "divisions", "conversation_details")
    line = outcome.error(5)
    assert "skills" in line
    assert "of 100000 records" in line
    assert loader.raw("divisions")
    assert loader.raw("conversation_details")
