"""What the loader does to dbt's tables on Spark: finds people in them, and erases them for good."""

from importlib.util import find_spec
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.engines import small_spark
from tests.harness.place import Place

pytestmark = [
    pytest.mark.skipif(find_spec("pyspark") is None, reason="the extra `spark` is not installed"),
    pytest.mark.usefixtures("java"),
]

ONLY = ("--only", "conversation_details")
# What dbt makes there, as far as erasing goes by it, and one table that others read; in the session
# of dbt's profile.
MAKE = """
import sys
from tests.engines.spark_session import session
spark = session()
contact, conversation = sys.argv[1:]
for schema in ("genesys_intermediate", "genesys_marts"):
    spark.sql(f"create schema if not exists {schema}")
for name, columns in {
    "genesys_intermediate.int_contact_external_ids_unioned":
        f"'{contact}' contact_id, 'crm-1' external_id",
    "genesys_intermediate.int_contact_merges_resolved":
        f"'{contact}' contact_id, '{contact}' canonical_contact_id",
    "genesys_intermediate.int_journey_conversations_unioned":
        f"'{contact}' contact_id, '{conversation}' conversation_id",
    "genesys_marts.fct_interactions":
        f"explode(array('{conversation}', 'of somebody else')) conversation_id, 7 seconds",
    # What a build that was killed in a MERGE has left: rows, and the keys of those they replace.
    "genesys_marts.fct_interactions__slice":
        f"false is_row, '{conversation}' replaced_conversation_id, string(null) conversation_id",
    "genesys_marts.fct_journey_steps__slice":
        f"false is_row, '{contact}' replaced_contact_id, string(null) canonical_contact_id",
}.items():
    spark.sql(f"create table {name} using iceberg as select {columns}")
spark.sql("create view genesys_marts.v as select * from genesys_marts.fct_interactions")
"""


def run(place: Place, *arguments: str, **changes: str) -> tuple[int, str, str]:
    """Run the loader in a process of its own: a local session's catalog has room for one."""
    ended = place.ended(place.start(*arguments, **changes))
    return ended.exit_code, ended.stdout, ended.stderr


def files_with(folder: Path, word: str) -> list[Path]:
    """Return the files in which a word stands, unpacked."""
    found = []
    for path in folder.rglob("*"):
        if path.suffix == ".parquet":
            text = str(pq.read_table(path).to_pydict())
        else:
            text = path.read_bytes().decode("latin-1") if path.is_file() else ""
        if word in text:
            found.append(path)
    return found


def test_an_erased_person_is_in_no_file(folder: Place) -> None:
    folder.settings["ELT_SPARK_CONF"] = small_spark.CONF
    folder.load("--only", "conversation_details", "external_contacts")
    assert "make transform" in folder.run("erase", "--contact", "crm-1").stderr
    assert folder.bucket is not None
    [(contact,)] = folder.query("select min(record_id) from genesys_raw.external_contacts")
    [(conversation,)] = folder.query("select min(record_id) from genesys_raw.conversation_details")
    # What make exports says where a relative path begins.
    made = folder.ended(
        folder.start_python("-c", MAKE, contact, conversation, ELT_BUCKET_URL=str(folder.bucket))
    )
    assert made.exit_code == 0, made.stderr
    warehouse = folder.bucket / "warehouse"
    assert files_with(warehouse, conversation)
    assert files_with(folder.bucket / "genesys_raw", contact)

    code, out, err = run(folder, "erase", "--contact", "crm-1")
    assert code == 0, err
    assert "genesys_marts.fct_interactions" in out
    assert "genesys_marts.v" not in out
    assert files_with(warehouse, conversation)
    code, out, err = run(folder, "erase", "--contact", "crm-1", "--yes")
    assert code == 0, err
    for word in (contact, conversation):
        assert files_with(warehouse, word) == []
        assert files_with(folder.bucket / "genesys_raw", word) == []
    assert files_with(warehouse, "of somebody else")
    assert "problem" not in folder.run("doctor").stdout
    again = folder.load("--from", "2026-03-14", "--to", "2026-03-15", *ONLY)
    assert "1 left out (erased)" in again.stderr


def test_without_java_or_a_package_one_line_says_so(folder: Place, tmp_path: Path) -> None:
    folder.load("--only", "users")
    code, _, err = run(folder, "transform", "build", JAVA_HOME="", PATH=str(tmp_path))
    assert code == 2
    assert "needs Java 17" in err.splitlines()[-1]
    code, _, err = run(
        folder, "transform", "build", "--select", "stg_loader__loads",
        ELT_SPARK_PACKAGES="org.example:no-such-package:1.0",
    )  # fmt: skip
    assert code == 6, err
    assert err.splitlines()[-1].startswith("ERROR GX-006 Spark on this machine did not start")


def test_a_server_that_does_not_answer_is_named(folder: Place) -> None:
    pytest.importorskip("pyhive")
    folder.load("--only", "users")
    code, _, err = run(
        folder, "transform", "build", ELT_SPARK_METHOD="thrift", ELT_SPARK_HOST="127.0.0.1",
        ELT_SPARK_PORT="9",
    )  # fmt: skip
    assert code == 6
    assert err.splitlines()[-1] == (
        "ERROR GX-006 Spark at ELT_SPARK_HOST 127.0.0.1:9: unreachable or closed the connection."
    )
