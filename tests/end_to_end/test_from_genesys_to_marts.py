"""From the API to the marts, nothing in between left out: sandbox, loader, dbt, both engines."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.demo import main as demo
from tests.loading import ROOT, Loader
from tests.postgres import PostgresDatabase
from tests.sandbox.process import running_sandbox
from tests.transform.test_published_samples import (
    expect_published_samples,
    published_conversation,
)
from tests.transform.warehouses import (
    DuckDBWarehouse,
    PostgresWarehouse,
    dbt,
    tables,
)

BUILT = ("genesys_staging", "genesys_intermediate", "genesys_marts")


def test_published_samples_come_through_the_api_as_written_by_hand(tmp_path: Path) -> None:
    sample = tmp_path / "sample.json"
    sample.write_text(json.dumps(published_conversation()))
    with running_sandbox(
        conversations=20, days=1, now="2021-04-03T00:00:00Z", extras=[sample]
    ) as sandbox:
        loader = Loader(sandbox, tmp_path, settings={"ELT_START": "2021-04-01"})
        loader.load()
    warehouse = DuckDBWarehouse(loader.database)
    dbt(warehouse, "seed")
    dbt(warehouse, "run")
    expect_published_samples(warehouse)


def test_day_by_day_is_one_full_refresh_and_both_engines_agree(
    postgres: PostgresDatabase, tmp_path: Path
) -> None:
    on_duckdb, on_postgres = tmp_path / "duckdb", tmp_path / "postgres"
    on_duckdb.mkdir()
    on_postgres.mkdir()
    start = {"ELT_START": "2026-03-14", "ELT_WINDOW_HOURS": "48"}
    with running_sandbox(
        conversations=120, days=3, end="2026-03-17T00:00:00Z", now="2026-03-14T18:00:00Z"
    ) as sandbox:
        loader = Loader(sandbox, on_duckdb, settings=dict(start))
        second = Loader(sandbox, on_postgres, postgres, dict(start))
        warehouse, other = DuckDBWarehouse(loader.database), PostgresWarehouse(postgres, tmp_path)
        for day, now in enumerate(
            ("2026-03-14T18:00:00Z", "2026-03-16T06:00:00Z", "2026-03-19T06:00:00Z")
        ):
            sandbox.set_clock(now)
            loader.load()
            second.load()
            if day == 0:
                dbt(warehouse, "seed")
                dbt(other, "seed")
                dbt(other, "run")
            dbt(warehouse, "run")
    day_by_day = tables(warehouse, *BUILT)

    dbt(warehouse, "run", "--full-refresh")
    assert tables(warehouse, *BUILT) == day_by_day

    dbt(other, "run")
    # Load times are each engine's own; everything else is one truth.
    assert without_load_times(tables(other, *BUILT)) == without_load_times(day_by_day)


def without_load_times(found: dict[str, list[str]]) -> dict[str, list[str]]:
    """Leave out when rows were loaded and by which run, and what only audits a run."""
    own = ("loaded_at", "load_id", "run_id", "window_attempt_id", "job_id", "byte_count")
    kept = {}
    for table, lines in found.items():
        if "audit_extract_windows" in table or "stg_loader" in table:
            continue
        rows = [json.loads(line) for line in lines]
        kept[table] = sorted(
            json.dumps({k: v for k, v in row.items() if k not in own}, sort_keys=True)
            for row in rows
        )
    return kept


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
    assert len(journey["timeline"]) == journey["metadata"]["totalInteractions"] == count > 1
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
