"""Faults I: the warehouse and the file system."""

import ctypes
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.conftest import Expected
from tests.faults.site import Site
from tests.sandbox.process import ROOT

_HOLD = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def test_i1_a_file_another_process_holds_is_named_with_its_holder(
    site: Site, expected: Expected
) -> None:
    site.run("load", "--only", "skills").succeeded()
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(site.duckdb_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        said = site.run().error(6)
        assert "ELT_DUCKDB_PATH data/genesys.duckdb is open in another process" in said
        assert f"(PID {holder.pid})" in said
        assert "ELT_LOCK_WAIT_SECONDS" in said
        assert holder.stdin is not None
        holder.stdin.close()
    assert site.row_count() == 0
    site.run().succeeded()
    assert site.raw() == expected()


def test_i2_a_file_that_cannot_grow_keeps_what_is_committed(site: Site, expected: Expected) -> None:
    """Stands for a full disk, which needs a file system of its own: writing fails in mid-load."""
    skills = expected("skills")
    site.run("load", "--only", "skills").succeeded()

    def limit() -> None:
        # Without the signal, a write beyond the limit fails with EFBIG.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    process = subprocess.Popen(
        [sys.executable, "-m", "loader", "load", "--only", "conversation_details"],
        cwd=site.directory,
        env={**site.environment({}), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit,
    )
    said = site.ended(process).error(6)
    assert "no space left on data/work" in said
    assert site.raw("skills") == skills
    site.run().succeeded()
    assert site.raw() == expected()


def test_i3_a_path_that_cannot_be_written_is_named_before_any_request(site: Site) -> None:
    (site.directory / "a_file").write_text("not a directory")
    (site.directory / "a_directory").mkdir()
    for setting, value in (
        ("ELT_DUCKDB_PATH", "a_directory"),
        ("ELT_DUCKDB_PATH", "a_file/genesys.duckdb"),
        ("ELT_WORK_DIR", "a_file"),
        ("ELT_WORK_DIR", "a_file/work"),
    ):
        said = site.run(**{setting: value}).error(6)
        assert f"{setting} {value}" in said
    assert site.requests() == []
    assert (site.directory / "a_file").read_text() == "not a directory"


@pytest.mark.parametrize("setting", ["ELT_DUCKDB_PATH", "ELT_WORK_DIR"])
def test_i3_a_place_without_permission_is_named_before_any_request(
    site: Site, setting: str
) -> None:
    place = site.directory / "read_only"
    place.mkdir()
    place.chmod(stat.S_IRUSR | stat.S_IXUSR)
    path = "read_only/genesys.duckdb" if setting == "ELT_DUCKDB_PATH" else "read_only/work"
    process = subprocess.Popen(
        [sys.executable, "-m", "loader", "load"],
        cwd=site.directory,
        env={**site.environment({setting: path}), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_obey_permissions,
    )
    said = site.ended(process).error(6)
    assert f"{setting} {path}" in said
    assert site.requests() == []
    assert list(place.iterdir()) == []


def _obey_permissions() -> None:
    """Take from root the capability that lets it write everywhere; others lack it anyway."""
    cap_dac_override, pr_capbset_drop = 1, 24
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(pr_capbset_drop, cap_dac_override, 0, 0, 0)


def test_i3_a_file_that_is_no_warehouse_is_left_as_it_is(site: Site) -> None:
    site.duckdb_path.parent.mkdir()
    site.duckdb_path.write_bytes(b"the only copy of something else\n" * 500)
    said = site.run().error(6)
    assert "ELT_DUCKDB_PATH data/genesys.duckdb is not a DuckDB database file" in said
    assert site.duckdb_path.read_bytes() == b"the only copy of something else\n" * 500
    assert site.requests("/details/") == []


def test_i5_a_deleted_warehouse_is_loaded_again_from_the_start(
    site: Site, expected: Expected
) -> None:
    site.run().succeeded()
    _delete(site.duckdb_path)
    site.run().succeeded()
    assert site.raw() == expected()
    assert site.ledger() == [("loaded",)]


def test_i6_a_deleted_work_directory_is_restored_from_the_warehouse(
    site: Site, expected: Expected
) -> None:
    site.run().succeeded()
    shutil.rmtree(site.directory / "data" / "work")
    site.forget_requests()
    site.run().succeeded()
    # It knows that nothing is due.
    assert site.requests("/details/jobs$") == []
    assert site.raw() == expected()
    assert site.row_count() == len(expected())


def test_i6_a_work_directory_deleted_in_mid_window_costs_nothing(
    site: Site, expected: Expected
) -> None:
    site.sandbox.add_faults(
        {"match": "results.*cursor=", "nth": "all", "action": "status", "args": {"status": 503}}
    )
    site.run(ELT_RETRY_ATTEMPTS="1").error(4)
    shutil.rmtree(site.directory / "data" / "work")
    site.sandbox.clear_faults()
    site.forget_requests()
    site.run().succeeded()
    assert site.requests("POST .*/details/jobs$") == []
    assert site.raw() == expected()
    assert site.row_count() == len(expected())


def _delete(path: Path) -> None:
    path.unlink()
    path.with_name(path.name + ".wal").unlink(missing_ok=True)
