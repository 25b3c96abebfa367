"""Raw records in a folder: what other warehouses do by SQL is done to files here."""

import json
import shutil
import signal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loader.warehouses import bucket
from loader.warehouses.bucket import RawClient
from loader.warehouses.lock import file_lock
from tests.harness.place import Place
from tests.loader.test_upgrade import KILLED_AT_THE_COLUMN, OLDER

ONLY = ("--only", "conversation_details", "users")


def files(place: Place, table: str) -> list[Path]:
    assert place.bucket is not None
    return sorted((place.bucket / "genesys_raw" / table).iterdir())


def rewrite(path: Path, **columns: str) -> None:
    """Give a column of a file one value in every row."""
    rows = pq.read_table(path)
    for name, value in columns.items():
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, name, pa.array([value] * len(rows)))
    pq.write_table(rows, path)


def test_doctor_finds_what_hands_have_done_to_files(folder: Place) -> None:
    folder.load(*ONLY)
    assert "problem" not in folder.run("doctor").stdout
    [_, path] = files(folder, "users")
    kept = path.read_bytes()

    rewrite(path, payload="{}")
    assert (
        "is not what was loaded: its payload_hash is of another payload"
        in folder.run("doctor", "--deep").stdout
    )
    pq.write_table(pq.read_table(path).drop_columns(["payload"]), path)
    assert "table users: has no column payload" in folder.run("doctor").stdout
    assert "differ from the schema dlt has recorded" in folder.run("load", *ONLY).error(6)
    path.unlink()
    assert "0 of the 62 rows that were loaded are there" in folder.run("doctor").stdout
    path.write_bytes(kept)
    [*_, listed] = files(folder, "_dlt_loads")
    listed.unlink()
    assert "rows of loads that are not in _dlt_loads" in folder.run("doctor").stdout
    for one in files(folder, "users"):
        one.unlink()
    assert "table users: is gone, though dlt has recorded it" in folder.run("doctor").stdout


def test_another_contract_and_another_salt_are_refused(folder: Place) -> None:
    folder.load(*ONLY)
    place = "choose another warehouse (ELT_BUCKET_URL)."
    for changes, told in (
        ({"GENESYS_CONTRACT": "guides"}, "holds records of the contract platform"),
        ({"ELT_PII_SALT": "another salt of the tests"}, "is not the salt this warehouse hashes"),
    ):
        error = folder.run("status", **changes).error(2)
        assert told in error
        assert error.endswith(place)
    assert folder.query("select count(*) from genesys_raw.hash_salts") == [(1,)]
    assert "serves its readers itself" in folder.run("publish").error(2)


def test_loads_of_tomorrow_are_dated_back_with_their_rows(folder: Place) -> None:
    folder.load(*ONLY)
    before = folder.raw("users")
    tomorrow = "9995737578.8960001"
    [*_, listed] = files(folder, "_dlt_loads")
    load = listed.name.removeprefix("genesys__").removesuffix(".jsonl")
    for table in ("users", "conversation_details", "extract_windows"):
        for path in files(folder, table):
            if load in path.name:
                rewrite(path, _dlt_load_id=tomorrow)
    for table in ("_dlt_loads", "_dlt_pipeline_state"):
        for path in files(folder, table):
            if load in path.name:
                path.write_text(path.read_text().replace(load, tomorrow))
                path.rename(path.with_name(path.name.replace(load, tomorrow)))
    assert "behind the newest load" in folder.run("load", *ONLY).error(2)
    assert "dated back" in folder.run("doctor", "--redate").stdout
    assert "problem" not in folder.run("doctor").stdout
    assert "nothing is due" in folder.load(*ONLY[:2]).stderr
    assert folder.raw("users") == before


def test_an_erasure_that_was_interrupted_is_brought_to_its_end(
    folder: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.load(*ONLY, ELT_PAGE_SIZE="10", ELT_COMMIT_MEGABYTES="1")
    before = folder.raw()
    gone = min(before)[0]
    write = RawClient._write_anew
    with monkeypatch.context() as patched:

        def die(self: RawClient, *arguments: object) -> None:
            raise KeyboardInterrupt

        patched.setattr(RawClient, "_write_anew", die)
        assert folder.run("erase", "--conversation", gone, "--yes").exit_code == 130
    assert RawClient._write_anew is write
    assert folder.raw() == before
    # Whatever connects next.
    assert folder.run("status").exit_code == 0
    assert folder.raw() == {row for row in before if row[0] != gone}
    assert folder.bucket is not None
    assert not (folder.bucket / "genesys_raw" / "_statements.json").exists()
    assert "problem" not in folder.run("doctor").stdout


@pytest.mark.parametrize("is_killed", [False, True])
def test_small_files_that_have_become_many_are_joined(
    folder: Place, monkeypatch: pytest.MonkeyPatch, is_killed: bool
) -> None:
    monkeypatch.setattr(bucket, "MOST_SMALL_FILES", 2)
    folder.load(*ONLY, ELT_PAGE_SIZE="5", ELT_COMMIT_MEGABYTES="1", ELT_WINDOW_HOURS="2")
    before, ledger = folder.raw(), sorted(folder.ledger("window_attempt_id, byte_count"))
    many = files(folder, "extract_windows")
    assert len(many) > 2
    if is_killed:
        with monkeypatch.context() as patched:

            def die(self: RawClient) -> None:
                if self.fs_client.exists(self._being_joined):
                    raise KeyboardInterrupt

            patched.setattr(RawClient, "_delete_joined", die)
            assert folder.run("load", *ONLY[:2]).exit_code == 130
        assert len(files(folder, "extract_windows")) == len(many) + 1
    assert "nothing is due" in folder.load(*ONLY[:2]).stderr
    # The newest stays, and what the table's file was joined into.
    assert len(files(folder, "extract_windows")) == 2
    assert folder.raw() == before
    assert sorted(folder.ledger("window_attempt_id, byte_count")) == ledger
    assert folder.bucket is not None
    assert not (folder.bucket / "genesys_raw" / "_joined.json").exists()
    assert "problem" not in folder.run("doctor", "--deep").stdout


# Takes the lock from whoever sleeps, as a lease can be.
TAKES_THE_LOCK = """
import contextlib, sys
import loader.warehouses.spark as spark

spark.file_lock = lambda *arguments: contextlib.nullcontext()
from loader.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


COUNTED = (
    "select count(distinct record_id) from genesys_raw.conversation_details"
    " where _dlt_load_id in (select load_id from genesys_raw._dlt_loads)"
)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_who_sleeps_as_it_lists_a_load_keeps_it_where_another_goes_on_from_it(
    folder: Place, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    list_load = RawClient._store_load
    listed: list[str] = []

    def slept(self: RawClient, load_id: str) -> None:
        listed.append(load_id)
        # The first load makes the tables.
        for now in ("before", "after"):
            if now == moment and len(listed) == 2:
                words = ("-c", TAKES_THE_LOCK, "load", "--only", "users")
                folder.ended(folder.start_python(*words, ELT_WORK_DIR="data/other")).succeeded()
            if now == "before":
                list_load(self, load_id)

    with monkeypatch.context() as patched:
        patched.setattr(RawClient, "_store_load", slept)
        ended = folder.run("load", "--only", "conversation_details")
    assert len(listed) == 2
    if moment == "before":
        assert "another run has loaded" in ended.error(7)
        assert folder.query(COUNTED) == [(0,)]
        folder.load("--only", "conversation_details")
    else:
        ended.succeeded()
        assert "nothing is due" in folder.load("--only", "conversation_details").stderr
    assert folder.query(COUNTED) == [(32,)]


def test_i13_an_upgrade_that_was_killed_with_its_machine_is_begun_again(folder: Place) -> None:
    """Its columns are recorded before any file has them."""
    folder.ended(folder.start_python("-c", OLDER, "load", *ONLY)).succeeded()
    killed = folder.ended(folder.start_python("-c", KILLED_AT_THE_COLUMN, "load", *ONLY))
    assert killed.exit_code == -signal.SIGKILL
    shutil.rmtree(folder.work)
    folder.load(*ONLY)
    assert "problem" not in folder.run("doctor").stdout


def test_two_runs_do_not_load_into_one_folder(folder: Place) -> None:
    assert folder.bucket is not None
    with file_lock(folder.bucket / "genesys_raw.lock", "a folder"):
        refused = folder.run("load", *ONLY, ELT_WORK_DIR="data/other").error(7)
    assert "another run" in refused


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"ELT_BUCKET_URL": "hdfs://x/y"}, "ELT_BUCKET_URL: must be a folder of this machine, s3"),
        ({"ELT_BUCKET_URL": "s3://"}, "ELT_BUCKET_URL: must be a folder of this machine, s3"),
        ({"ELT_BUCKET_URL": "abfss://x"}, "ELT_BUCKET_URL: must be a folder of this machine, s3"),
        ({"ELT_BUCKET_URL": "it's"}, "ELT_BUCKET_URL: must not hold blanks, apostrophes"),
        ({"ELT_SPARK_METHOD": "odbc"}, "ELT_SPARK_METHOD: "),
        ({"ELT_BUCKET_URL": "gs://a-bucket/x"}, "gcsfs is not installed; `pip install -e "),
    ],
)
def test_what_cannot_be_a_bucket_is_refused(
    folder: Place, changes: dict[str, str], told: str
) -> None:
    assert told in folder.run("load", *ONLY, **changes).error(2)


def test_a_folder_that_is_a_file_is_refused(folder: Place) -> None:
    folder.data.mkdir()
    (folder.data / "bucket").write_text(json.dumps({}))
    assert "is a file, not a folder" in folder.run("load", *ONLY).error(6)
