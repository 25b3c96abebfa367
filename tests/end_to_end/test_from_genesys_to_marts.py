"""From the API to the marts, nothing in between left out: sandbox, loader, dbt, both engines."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.demo import main as demo
from tests.harness.place import Place
from tests.sandbox.process import ROOT, running_sandbox
from tests.transform.test_published_samples import (
    expect_published_samples,
    published_conversation,
)
from tests.transform.warehouses import MODELS_AND_SEEDS, DuckDBWarehouse, dbt

# The marts that the samples are looked up in.
ASKED = (
    "--select", "+fct_interactions", "+fct_conversation_legs", "+fct_participant_attributes",
    "+dim_users",
)  # fmt: skip


def test_published_samples_come_through_the_api_as_written_by_hand(tmp_path: Path) -> None:
    sample = tmp_path / "sample.json"
    sample.write_text(json.dumps(published_conversation()))
    with running_sandbox(
        conversations=20, days=1, now="2021-04-03T00:00:00Z", extras=[sample]
    ) as sandbox:
        loader = Place(sandbox, tmp_path, settings={"ELT_START": "2021-04-01"})
        loader.load("--only", "conversation_details")
    warehouse = DuckDBWarehouse(loader.database)
    dbt(warehouse, "build", *MODELS_AND_SEEDS, *ASKED)
    expect_published_samples(warehouse)


@pytest.mark.slow
def test_the_demo_leaves_tested_marts_and_what_the_readme_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "target"))
    monkeypatch.chdir(tmp_path)
    assert demo(tmp_path) == 0
    said = capsys.readouterr().out
    for words in ("tests passed", "fct_interactions", "Open data/genesys.duckdb"):
        assert words in said
    warehouse = DuckDBWarehouse(tmp_path / "data" / "genesys.duckdb")
    expect_results_of_readme(warehouse)
    [(external_id, count), *_] = warehouse.execute(
        """
        select ids.external_id, max(journeys.interaction_count)
        from genesys_marts.bridge_contact_external_ids as ids
        inner join genesys_marts.journey_timelines as journeys
            on ids.canonical_contact_id = journeys.canonical_contact_id
        group by ids.external_id
        having count(distinct ids.canonical_contact_id) = 1
        order by 2 desc, 1
        """
    )
    exported = subprocess.run(
        [sys.executable, "-m", "loader", "export", external_id],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    journey = json.loads(exported.stdout)
    metadata = journey["metadata"]
    assert len(journey["timeline"]) == count > 1
    assert metadata["totalInteractions"] == count + metadata["filteredOut"]
    nobody = subprocess.run(
        [sys.executable, "-m", "loader", "export", "nobody"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (nobody.returncode, nobody.stdout) == (2, "")
    assert nobody.stderr.startswith("ERROR GX-002 CONTACT 'nobody': no contact has this")
    starts = [step["startTimeUTC"] for step in journey["timeline"]]
    assert starts == sorted(starts)


def expect_results_of_readme(warehouse: DuckDBWarehouse) -> None:
    """Hold every query of the README to the result that stands below it."""
    queries = re.findall(r"```sql\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(queries) == 5
    for query in queries:
        written = [line.split() for line in re.findall(r"^-- (.*)$", query, re.MULTILINE)]
        found = [
            " ".join(cell if isinstance(cell, str) else f"{float(cell):g}" for cell in row).split()
            for row in warehouse.execute(query)
        ]
        assert found == written != [], query


def test_the_demo_does_not_touch_a_warehouse_it_did_not_make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "genesys.duckdb").write_bytes(b"mine")
    assert demo(tmp_path) == 2
    assert "was not made by the demo" in capfd.readouterr().err
    assert (tmp_path / "data" / "genesys.duckdb").read_bytes() == b"mine"
