"""Raw records in S3: everything a load does, against a real S3 server."""

import os
import re
import threading
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from loader.errors import AlreadyRunning
from loader.settings import Settings
from loader.warehouses import warehouse_of
from loader.warehouses.lease import Lease
from loader.warehouses.spark import Spark
from tests.engines.bucket.s3_server import BUCKET, Environ, S3Server, cut
from tests.harness.place import Place, fault

ONLY = ("--only", "conversation_details", "users")
REFUSED = "credentials refused (ELT_BUCKET_KEY_ID, ELT_BUCKET_SECRET)."
PLACE = f"ELT_BUCKET_URL s3://{BUCKET}/elt"


def test_it_holds_what_a_duckdb_file_holds(bucket: Place, s3: S3Server, tmp_path: Path) -> None:
    bucket.load(*ONLY)
    other = Place(bucket.sandbox, tmp_path / "duckdb", settings={"ELT_START": "2026-03-14"})
    other.load(*ONLY)
    for table in ("conversation_details", "users"):
        asked = f"select record_id, payload_hash, payload from genesys_raw.{table}"
        rows = s3.query(asked, tmp_path / "copy")
        assert rows
        assert sorted(rows) == sorted(other.query(asked))
    assert "nothing is due" in bucket.load(*ONLY[:2]).stderr
    assert s3.query("select count(*) from genesys_raw.hash_salts", tmp_path / "copy") == [(1,)]
    doctor = bucket.run("doctor")
    assert (doctor.exit_code, "problem" in doctor.stdout) == (0, False), doctor.stdout
    assert "rows: every commit has the rows its ledger row tells" in doctor.stdout
    assert "spark, dataset genesys_raw:" in bucket.run("status").stdout


def test_a_load_goes_on_where_another_machine_was_stopped(
    bucket: Place, s3: S3Server, tmp_path: Path
) -> None:
    small = {"ELT_PAGE_SIZE": "5", "ELT_RETRY_ATTEMPTS": "1"}
    bucket.sandbox.add_faults(fault("GET .*/results.*cursor=", "status", nth=3, status=503))
    stopped = bucket.run("load", *ONLY[:2], **small)
    assert stopped.exit_code == 4, stopped.stderr
    bucket.sandbox.clear_faults()
    bucket.forget_requests()
    # Its work directory is another.
    bucket.load(*ONLY[:2], ELT_WORK_DIR="data/other", **small)
    pages = bucket.requests("/results")
    assert pages
    assert all("cursor=" in page["query"] for page in pages)
    asked = "select record_id, count(*) from genesys_raw.conversation_details group by 1"
    rows = s3.query(asked, tmp_path / "copy")
    assert {count for _, count in rows} == {1}


# -- the lock --------------------------------------------------------------------------------------


def lease(s3: S3Server, **options: float) -> Lease:
    settings = Settings.model_validate({"ELT_TARGET": "spark"})
    settings._warehouse = Spark.settings_model.model_validate(s3.environment())
    warehouse = warehouse_of(settings)
    assert isinstance(warehouse, Spark)
    return Lease(warehouse._store(), "genesys_raw.lock", PLACE, **options)


def test_two_machines_do_not_load_at_once(bucket: Place, s3: S3Server) -> None:
    with lease(s3).held():
        refused = bucket.run("load", *ONLY)
        assert refused.exit_code == 7
        assert f"another run (process {os.getpid()} on " in refused.stderr
        assert f"holds {PLACE}" in refused.stderr
    assert not [name for name in s3.names() if "_dlt_loads" in name]
    assert bucket.run("load", *ONLY).exit_code == 0


def test_of_many_who_want_it_one_gets_it(s3: S3Server) -> None:
    got, barrier, over = [], threading.Barrier(8), threading.Barrier(8)

    def want(number: int) -> None:
        mine = lease(s3)
        barrier.wait()
        try:
            with mine.held():
                got.append(number)
                over.wait()
        except AlreadyRunning:
            over.wait()

    for _ in range(2):
        # The first time there is no object yet, the second it is nobody's.
        got.clear()
        wanting = [threading.Thread(target=want, args=(number,)) for number in range(8)]
        for one in wanting:
            one.start()
        for one in wanting:
            one.join()
        assert len(got) == 1


def test_a_dead_holder_is_followed_and_told_when_it_wakes(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep = lease(s3, lease_seconds=1.5)
    # As a process that is stopped: nothing renews it.
    monkeypatch.setattr(asleep, "_renew_until", lambda is_over: None)
    with asleep.held():
        with pytest.raises(AlreadyRunning), lease(s3, lease_seconds=1.5).held():
            pass
        with lease(s3, lease_seconds=1.5).held(wait_seconds=10):
            with pytest.raises(AlreadyRunning, match="another run has taken it"):
                asleep.check()
            with pytest.raises(AlreadyRunning, match="another run has taken it"):
                asleep.check()
        # What it leaves behind does not free the lock of whoever has it.


def test_who_lives_keeps_it_longer_than_a_lease(s3: S3Server) -> None:
    with lease(s3, lease_seconds=1.5).held() as _:
        time.sleep(3)
        with pytest.raises(AlreadyRunning), lease(s3, lease_seconds=1.5).held():
            pass


def test_a_lock_taken_whose_answer_was_lost_is_ours(s3: S3Server) -> None:
    with lease(s3).held():
        pass
    lost: list[str] = []

    def lose(environ: Environ) -> tuple[int, str] | None:
        if environ["REQUEST_METHOD"] != "PUT" or "HTTP_IF_MATCH" not in environ or lost:
            return None
        lost.append(environ["PATH_INFO"])
        s3.do_untold(environ)
        return 500, "InternalError"

    s3.fault = lose
    # The store's client asks again, on a condition that no longer holds.
    with lease(s3).held():
        assert lost
        with pytest.raises(AlreadyRunning), lease(s3).held():
            pass


def test_a_store_that_heeds_no_condition_is_refused(bucket: Place, s3: S3Server) -> None:
    def deaf(environ: Environ) -> None:
        environ.pop("HTTP_IF_NONE_MATCH", None)

    s3.fault = deaf
    refused = bucket.run("load", *ONLY)
    assert refused.exit_code == 6
    assert "so cannot keep two runs apart" in refused.error(6)


# -- what goes wrong -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (403, "InvalidAccessKeyId", REFUSED),
        (403, "SignatureDoesNotMatch", REFUSED),
        (400, "ExpiredToken", REFUSED),
        (403, "AccessDenied", "no permission; it takes those to list, read, write and delete"),
    ],
)
@pytest.mark.parametrize("spared", ["", "genesys_raw.lock"], ids=["at once", "behind the lock"])
def test_who_may_not_enter_is_told_in_one_line(
    bucket: Place, s3: S3Server, status: int, code: str, told: str, spared: str
) -> None:
    def refuse(environ: Environ) -> tuple[int, str] | None:
        is_spared = bool(spared) and spared in environ["PATH_INFO"]
        return None if is_spared else (status, code)

    s3.fault = refuse
    error = bucket.run("load", *ONLY).error(6)
    assert error.startswith(f"ERROR GX-006 {PLACE}: {told}")


def test_a_machine_without_credentials_is_told_of_the_setting(
    bucket: Place, tmp_path: Path
) -> None:
    nobody = {
        "ELT_BUCKET_KEY_ID": "", "ELT_BUCKET_SECRET": "", "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": str(tmp_path),
    }  # fmt: skip
    error = bucket.run("load", *ONLY, **nobody).error(2)
    assert "ELT_BUCKET_KEY_ID is not set" in error


def test_a_bucket_that_is_not_there_is_named(bucket: Place) -> None:
    error = bucket.run("load", *ONLY, ELT_BUCKET_URL="s3://no-such-bucket").error(6)
    assert error == "ERROR GX-006 ELT_BUCKET_URL s3://no-such-bucket: there is no such bucket."


def test_a_store_that_does_not_answer_is_named(bucket: Place) -> None:
    error = bucket.run("load", *ONLY, ELT_BUCKET_ENDPOINT="http://127.0.0.1:9").error(6)
    assert error == (
        f"ERROR GX-006 {PLACE}: unreachable or closed the connection (ELT_BUCKET_ENDPOINT)."
    )


@pytest.mark.parametrize("is_stored", [False, True], ids=["on the way there", "on the way back"])
def test_a_line_cut_in_mid_commit_loses_nothing(
    bucket: Place,
    s3: S3Server,
    is_stored: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The tables are there; then the rows, the state and the load that lists them do not come in.

    Or they do, and nobody is told.
    """
    # Two clients of the store would try each request five times, and dlt five times the whole.
    monkeypatch.setattr("s3fs.core.S3FileSystem.retries", 1)
    bucket.load("--only", "users")
    for what in ("conversation_details/", "_dlt_pipeline_state/", "_dlt_loads/"):

        def cut_there(environ: Environ, what: str = what) -> None:
            if environ["REQUEST_METHOD"] == "PUT" and what in environ["PATH_INFO"]:
                if is_stored:
                    s3.do_untold(environ)
                cut(environ)

        s3.fault = cut_there
        error = bucket.run("load", *ONLY[:2], AWS_MAX_ATTEMPTS="1").error(6)
        assert error.startswith(f"ERROR GX-006 {PLACE}: unreachable or closed the connection")
    s3.fault = None
    bucket.load(*ONLY[:2])
    other = Place(bucket.sandbox, tmp_path / "duckdb", settings={"ELT_START": "2026-03-14"})
    other.load(*ONLY[:2])
    asked = "select distinct record_id, payload_hash from genesys_raw.conversation_details"
    assert sorted(s3.query(asked, tmp_path / "copy")) == sorted(other.query(asked))
    assert "problem" not in bucket.run("doctor").stdout


# What is asked for by which of the permissions that README lists.
REQUESTS = {
    "s3:ListBucket": r"GET .*list-type=2",
    "s3:GetObject": r"(GET|HEAD) /[^?]+/[^?]+\?(?!.*list-type)",
    "s3:PutObject": r"PUT ",
    "s3:DeleteObject": r"DELETE |POST .*\?delete",
}


def test_who_lacks_one_permission_is_told_and_loses_nothing(
    bucket: Place, s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock is there; what it stands before is refused."""
    # Or nothing is deleted for ten loads.
    monkeypatch.setattr("loader.warehouses.bucket.KEPT_STATES", 1)
    bucket.load("--only", "users")
    for requests in REQUESTS.values():

        def refuse(environ: Environ, requests: str = requests) -> tuple[int, str] | None:
            asked = "{REQUEST_METHOD} {PATH_INFO}?{QUERY_STRING}".format_map(environ)
            is_refused = re.match(requests, asked) and "genesys_raw.lock" not in asked
            return (403, "AccessDenied") if is_refused else None

        s3.fault = refuse
        error = bucket.run("load", *ONLY[:2]).error(6)
        assert error.startswith(f"ERROR GX-006 {PLACE}: no permission; it takes those to list, ")
    s3.fault = None
    bucket.load(*ONLY[:2])
    asked = "select record_id, count(*) from genesys_raw.conversation_details group by 1"
    assert [count for _, count in s3.query(asked, tmp_path / "copy")] == [1] * 32
    assert "problem" not in bucket.run("doctor").stdout


# -- erasing ---------------------------------------------------------------------------------------


def test_an_erased_conversation_is_in_no_object(
    bucket: Place, s3: S3Server, tmp_path: Path
) -> None:
    bucket.load(*ONLY)
    asked = "select record_id, payload_hash from genesys_raw.conversation_details order by 1"
    before = s3.query(asked, tmp_path / "before")
    gone = before[0][0]
    names = set(s3.names())
    erased = bucket.run("erase", "--conversation", gone, "--yes")
    assert erased.exit_code == 0, erased.stderr
    assert "genesys_raw.conversation_details │    1" in erased.stdout.replace("|", "│") or (
        "genesys_raw.conversation_details" in erased.stdout
    )
    assert s3.query(asked, tmp_path / "after") == before[1:]
    # Under their own names, and one more object for what was erased.
    assert names <= set(s3.names())
    for path in (tmp_path / "after").rglob("*.parquet"):
        for column in pq.read_table(path).to_pydict().values():
            assert not [value for value in column if isinstance(value, str) and gone in value]
    assert not [name for name in s3.names() if name.endswith("_statements.json")]
    again = bucket.load("--from", "2026-03-14", "--to", "2026-03-15", *ONLY[:2])
    assert "1 left out (erased)" in again.stderr
    assert "problem" not in bucket.run("doctor").stdout
