"""From the API to the marts, nothing in between left out: sandbox, loader, dbt, both engines."""

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests import erd
from tests.answers import PAGES, answered
from tests.demo import _run as run_step
from tests.demo import main as demo
from tests.harness.in_process import run_here
from tests.harness.outcome import Outcome
from tests.harness.place import Place
from tests.harness.quick_dbt import quick_dbt
from tests.sandbox.process import running_sandbox
from tests.transform.test_published_samples import (
    expect_published_samples,
    published_conversation,
)
from tests.transform.warehouses import MODELS_AND_SEEDS, DuckDBWarehouse, dbt, parsed_in

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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    parsed = parsed_in(DuckDBWarehouse(tmp_path / "genesys.duckdb"))
    monkeypatch.setenv("DBT_TARGET_PATH", str(parsed))
    monkeypatch.setattr("tests.demo._run", _dbt_in_this_process)
    monkeypatch.chdir(tmp_path)
    assert demo(tmp_path) == 0
    said = capfd.readouterr().out
    for words in ("tests passed", "fct_interactions", "Open data/genesys.duckdb", "The report is "):
        assert words in said
    warehouse = DuckDBWarehouse(tmp_path / "data" / "genesys.duckdb")
    expect_results_of_pages(warehouse)
    drawn = erd.page(parsed / "manifest.json")
    assert drawn == erd.PAGE.read_text("utf-8"), "make erd draws it anew"
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
    journey = json.loads(_loader(tmp_path, "export", external_id).stdout)
    metadata = journey["metadata"]
    assert len(journey["timeline"]) == count > 1
    assert metadata["totalInteractions"] == count + metadata["filteredOut"]
    nobody = _loader(tmp_path, "export", "nobody", exit_code=2)
    assert nobody.stdout == ""
    assert nobody.stderr.startswith("ERROR GX-002 CONTACT 'nobody': no contact has this")
    starts = [step["startTimeUTC"] for step in journey["timeline"]]
    assert starts == sorted(starts)
    expect_what_explain_shows(tmp_path, warehouse)
    expect_details_to_agree_with_aggregates(tmp_path, warehouse)


def expect_what_explain_shows(folder: Path, warehouse: DuckDBWarehouse) -> None:
    """One with two legs that somebody rated: all it tells, by time, and what it became."""
    [(conversation, talked, segments, metrics)] = warehouse.execute(
        """
        select legs.conversation_id, sum(legs.talk_seconds),
            (
                select count(*) from genesys_staging.stg_platform__segments as segments
                where segments.conversation_id = legs.conversation_id
            ),
            (
                select count(*) from genesys_staging.stg_platform__session_metrics as metrics
                where metrics.conversation_id = legs.conversation_id
            )
        from genesys_marts.fct_conversation_legs as legs
        where legs.conversation_id in (
            select conversation_id from genesys_marts.fct_conversation_evaluations
        )
        group by legs.conversation_id
        having count(*) = 2 and min(legs.talk_seconds) > 0
        order by 1
        limit 1
        """
    )
    said = _loader(folder, "explain", conversation).stdout
    read, timeline, marts = re.split(r"\nTimeline\n|\nRows of genesys_marts", said)
    versions = warehouse.execute(
        "select substring(payload_hash, 1, 8) from genesys_raw.conversation_details"
        f" where record_id = '{conversation}' order by extracted_at, payload_hash"
    )
    assert re.findall(r"  ([0-9a-f]{8})  .* yes", read) == [version for (version,) in versions]
    times = re.findall(r"^ +(\d{4}-\d\d-\d\d [\d:.]{12}) ", timeline, re.MULTILINE)
    assert len(times) == segments + metrics > 8
    assert times == sorted(times)
    for mart in (
        "fct_interactions", "fct_conversation_legs", "fct_participant_attributes",
        "fct_conversation_evaluations",
    ):  # fmt: skip
        assert f"\n  {mart} " in marts
    assert re.search(rf"^talk_seconds {talked} = \S+ \+ \S+ \(", marts, re.MULTILINE)
    nothing = _loader(folder, "explain", "nothing", exit_code=2).stderr
    assert nothing.startswith("ERROR GX-002 CONVERSATION 'nothing': nothing in the warehouse is")


def expect_details_to_agree_with_aggregates(folder: Path, warehouse: DuckDBWarehouse) -> None:
    """To the unit on all days that are whole; the command shows what the day under way lacks."""
    compared = warehouse.execute(
        """
        select subject_type, count(*), count(reason), count(distinct report_date)
        from genesys_marts.audit_reconciliation
        where is_details_day_complete and is_aggregates_day_complete
        group by subject_type
        order by subject_type
        """
    )
    assert [(subject, differ, days) for subject, _, differ, days in compared] == [
        ("agent", 0, 15),
        ("flow", 0, 15),
        ("queue", 0, 15),
    ]
    assert sum(count for _, count, _, _ in compared) > 3_000
    said = _loader(folder, "reconcile").stdout
    [differing] = re.findall(r"agree to the unit, (\d+) differ, 0 of them unexplained\.\n", said)
    shown = re.findall(r"^ +(2026-03-\d\d)  .* day_open ", said, re.MULTILINE)
    assert shown == ["2026-03-16"] * min(20, int(differing)) != []
    warehouse.execute("drop view genesys_marts.audit_reconciliation")
    assert "audit_reconciliation is not built" in _loader(folder, "reconcile").stdout


def _loader(folder: Path, *command: str, exit_code: int = 0) -> Outcome:
    ended = _ended(command, folder, os.environ)
    assert ended.exit_code == exit_code, ended.stderr
    return ended


def _ended(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Outcome:
    exit_code, out, err = run_here(arguments, folder, environment)
    return Outcome(exit_code=exit_code, stdout=out, stderr=err)


def _dbt_in_this_process(
    arguments: list[str], environment: Mapping[str, str], work_dir: Path
) -> int:
    """Run a step of the demo; only dbt, which is dear to start, not in a process of its own.

    Unit tests know of no load: tests/transform runs them.
    """
    if "transform" not in arguments:
        return run_step(arguments, environment, work_dir)
    without = {"DBT_EXCLUDE_RESOURCE_TYPES": "unit_test", "DBT_LOG_LEVEL_FILE": "none"}
    with quick_dbt():
        ended = _ended(arguments, work_dir, {**environment, **without})
    sys.stderr.write(ended.said)
    return ended.exit_code


def expect_results_of_pages(warehouse: DuckDBWarehouse) -> None:
    """Hold every query of README and docs/QUESTIONS.md to the result that stands below it."""
    pages = {page: page.read_text("utf-8") for page in PAGES}
    assert sum(text.count("```sql\n") for text in pages.values()) == 15
    for page, text in pages.items():
        assert answered(text, warehouse.execute) == text, f"{page}: make answers writes it anew"


def test_the_demo_does_not_touch_a_warehouse_it_did_not_make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "genesys.duckdb").write_bytes(b"mine")
    assert demo(tmp_path) == 2
    assert "was not made by the demo" in capfd.readouterr().err
    assert (tmp_path / "data" / "genesys.duckdb").read_bytes() == b"mine"
