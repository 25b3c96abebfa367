"""After a kill, a signal or a restored backup the next run makes the warehouse whole again."""

import shutil
import signal
import subprocess
import sys
import time

from tests.loading import ROOT, Loader
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

# Gets its SIGTERM inside a commit, where dlt holds signals back.
STOPPED_IN_COMMIT = """
import os, signal, sys
import dlt.normalize.normalize as normalize
spool = normalize.Normalize.spool_files
def stop_and_spool(self, *arguments, **options):
    os.kill(os.getpid(), signal.SIGTERM)
    return spool(self, *arguments, **options)
normalize.Normalize.spool_files = stop_and_spool
from loader.__main__ import main
sys.exit(main(["load", "--only", "queues", "users"]))
"""


def test_a_kill_while_dlt_hands_a_package_on_does_not_stop_the_next_run(loader: Loader) -> None:
    loader.load("--only", "users")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_BETWEEN],
        cwd=loader.folder,
        env=loader.environment({}),
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    loader.load("--only", "queues")
    assert len(loader.raw("queues")) > 20


def test_a_warehouse_restored_from_a_backup_is_loaded_again_from_there(
    loader: Loader, sandbox: SandboxProcess
) -> None:
    loader.settings["ELT_LOOKBACK_DAYS"] = "0"
    loader.load(*ONLY)
    backup = loader.folder / "backup.duckdb"
    shutil.copy(loader.database, backup)
    sandbox.set_clock("2026-03-16T06:00:00Z")
    loader.load(*ONLY)
    whole = loader.newest()

    shutil.copy(backup, loader.database)
    assert loader.newest() != whole
    loader.load(*ONLY)
    assert loader.newest() == whole


def test_a_signal_ends_the_run_with_130_and_the_next_goes_on(
    loader: Loader, sandbox: SandboxProcess
) -> None:
    small = {"ELT_PAGE_SIZE": "5", "ELT_COMMIT_MEGABYTES": "1"}
    sandbox.add_faults({"match": RESULTS, "nth": "2+", "action": "delay", "args": {"seconds": 0.5}})
    process = subprocess.Popen(
        [sys.executable, "-m", "loader", "load", *ONLY],
        cwd=loader.folder,
        env={**loader.environment(small), "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    while not any(entry["path"].endswith("/results") for entry in sandbox.log()):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert [line for line in errors.splitlines() if line.startswith("ERROR")] == [
        "ERROR GX-130 interrupted; the next run goes on from the last commit"
    ]
    sandbox.clear_faults()
    loader.load(*ONLY, **small)
    [(total, distinct)] = loader.query(
        "select count(*), count(distinct record_id) from genesys_raw.conversation_details"
    )
    assert total >= distinct > 0


def test_a_job_that_ran_when_the_run_was_killed_is_asked_for_again(
    loader: Loader, sandbox: SandboxProcess
) -> None:
    jobs = "/api/v2/analytics/conversations/details/jobs"
    sandbox.add_faults(
        {"match": f"GET {jobs}/[^a]", "nth": "all", "action": "delay", "args": {"seconds": 4}}
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "loader", "load", *ONLY],
        cwd=loader.folder,
        env=loader.environment({}),
        stderr=subprocess.DEVNULL,
    )
    while not any(entry["path"] == jobs for entry in sandbox.log()):
        time.sleep(0.05)
    # Past the moment after which the id is kept, before the delayed answer.
    time.sleep(3)
    process.kill()
    process.wait()
    sandbox.clear_faults()
    began = sandbox.next_request()
    loader.load(*ONLY)
    submitted = [entry for entry in sandbox.log(began) if entry["path"] == jobs]
    assert submitted == []
    assert loader.newest()


def test_a_signal_inside_a_commit_is_not_forgotten(loader: Loader) -> None:
    loader.load("--only", "divisions")
    stopped = subprocess.run(
        [sys.executable, "-c", STOPPED_IN_COMMIT],
        cwd=loader.folder,
        env=loader.environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert stopped.returncode == 130, stopped.stderr
    assert not (loader.raw("users") and loader.raw("queues"))
    loader.load("--only", "queues", "users")
    assert loader.raw("users")
    assert loader.raw("queues")


def test_one_resource_that_cannot_be_had_does_not_keep_the_others_back(
    loader: Loader, sandbox: SandboxProcess
) -> None:
    sandbox.add_faults(
        {
            "match": "GET /api/v2/routing/skills",
            "nth": "all",
            "action": "mutate",
            "args": {"set": {"total": 100_000}},
        }
    )
    outcome = loader.run("load", "--only", "skills", "divisions", "conversation_details")
    assert outcome.exit_code == 5
    [line] = outcome.error_lines
    assert "skills" in line
    assert "of 100000 records" in line
    assert loader.raw("divisions")
    assert loader.raw("conversation_details")
