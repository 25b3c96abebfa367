"""The marts a place gives, and what must hold of them."""

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.crash.invariants import Truth, demand
from tests.crash.place import HookedPlace
from tests.harness.bucket import tables_of
from tests.transform.warehouses import PROJECT, DuckDBWarehouse, dbt, tables

SCHEMAS = ("genesys_intermediate", "genesys_marts")
# When and by which run a row was read and loaded: a conversation counts as of the first read that
# told it so, and that one may have died. And tables that tell of runs and requests alone.
OF_THE_RUN = (
    "extracted_at",
    "loaded_at",
    "load_id",
    "run_id",
    "window_attempt_id",
    "job_id",
    "byte_count",
)
EXTRACTION = re.compile(r'"extractionTimestampUTC": ?"[^"]*"')
# What counts by load is added up in tables that are looked at.
AUDITS = re.compile(
    r"audit_(day_completeness|extract_windows|field_drift|lateness|quarantine|rate_limits"
    r"|window_coverage)|_record_arrivals|_record_fields|_windows_covered|stg_loader__"
    r"|audit_attribute_counts|int_session_metrics_per_day"
)
Tables = dict[str, list[str]]


@dataclass
class Marts:
    """Builds marts in one fixed place, so that dbt parses its project once.

    Attributes:
        folder: of the warehouse that is built on and of what dbt remembers.
        project: the dbt project, ours unless a guard is missing in it.
    """

    folder: Path
    project: Path | None = None

    def of(
        self,
        place: HookedPlace,
        *,
        full_refresh: bool = False,
        select: str = "",
        schemas: Sequence[str] = SCHEMAS,
    ) -> Tables:
        """Build from what a place holds, on a copy of it, and return the tables; tests included.

        V3: the tests of uniqueness are dbt's own, one for the grain of each model.
        """
        self.folder.mkdir(exist_ok=True)
        for path in self.folder.glob("genesys.duckdb*"):
            path.unlink()
        if place.bucket is not None:
            # Spark takes minutes to build what the same rows tell in a file.
            with tables_of(place.bucket) as connection:
                connection.execute(f"attach '{self.folder / 'genesys.duckdb'}' as file")
                connection.execute("copy from database memory to file")
        for path in place.data.glob(f"{place.database.name}*"):
            if path.is_file():
                shutil.copy(path, self.folder)
        return self.built(full_refresh=full_refresh, select=select, schemas=schemas)

    def built(
        self,
        *,
        full_refresh: bool = False,
        select: str = "",
        schemas: Sequence[str] = SCHEMAS,
    ) -> Tables:
        """Build once more where the last build was."""
        warehouse = DuckDBWarehouse(self.folder / "genesys.duckdb")
        # Unit tests do not look at the warehouse.
        arguments = ["build", "--exclude-resource-type", "unit_test"]
        arguments += ["--full-refresh"] if full_refresh else []
        arguments += ["--select", select, "--indirect-selection", "cautious"] if select else []
        project = self.project or PROJECT
        problems = dbt(warehouse, *arguments, project=project, expect_success=False)
        demand(not problems, "V3", "; ".join(problems)[:1000])
        return tables(warehouse, *schemas)


def without_runs(found: Tables) -> Tables:
    """Leave out what differs from run to run though the data are the same."""
    kept = {}
    for table, lines in found.items():
        if AUDITS.search(table):
            continue
        rows = (json.loads(line) for line in lines)
        kept[table] = sorted(
            json.dumps(
                {
                    name: EXTRACTION.sub("", value) if isinstance(value, str) else value
                    for name, value in row.items()
                    if name not in OF_THE_RUN
                },
                sort_keys=True,
            )
            for row in rows
        )
    return kept


def demand_alike(found: Tables, expected: Tables) -> None:
    """V1: another history of loads gave the same marts."""
    demand_equal(without_runs(found), without_runs(expected), "V1")


def demand_equal(found: Tables, expected: Tables, invariant: str) -> None:
    """Demand that two builds gave the same rows, and say which not."""
    for table in sorted({*found, *expected}):
        mine, theirs = set(found.get(table, [])), set(expected.get(table, []))
        few = [line[:300] for line in sorted(mine ^ theirs)[:2]]
        demand(
            found.get(table) == expected.get(table),
            invariant,
            f"{table}: {len(mine - theirs)} rows too many, {len(theirs - mine)} missing, as {few}",
        )


def demand_complete(found: Tables, truth: Truth, start: str, now: str) -> None:
    """V2: the marts hold the conversations there are, no more and no fewer."""
    rows = (json.loads(line) for line in found["genesys_marts.fct_interactions"])
    ids = {row["conversation_id"] for row in rows}
    expected = truth.ids(start, now)
    demand(
        ids == expected,
        "V2",
        f"{len(expected - ids)} missing, {len(ids - expected)} that do not exist",
    )


def demand_conserved(found: Tables) -> None:
    """V8: each kind of interval counts the same things, and attempts end one way or the other.

    That the parts of a conversation add up to it, and intervals to their buckets, are dbt's own
    tests: assert_handle_times_of_legs_add_up_to_the_conversation,
    assert_handle_times_are_those_of_the_segments, assert_intervals_add_up_to_their_buckets,
    assert_counts_in_interactions_are_those_of_the_facts.
    """
    queues = [json.loads(line) for line in found["genesys_marts.fct_queue_intervals"]]
    for measure in ("offered_count", "handled_count", "abandoned_count"):
        totals = _totals(queues, ("queue_id", "media_type"), measure)
        demand(len(set(totals.values())) < 2, "V8", f"{measure} by kind of interval: {totals}")
    outcomes = [json.loads(line) for line in found["genesys_marts.fct_flow_outcomes"]]
    for row in outcomes:
        counts = [row[name] for name in ("outcome_count", "success_count", "failure_count")]
        if None not in counts:
            demand(counts[0] == counts[1] + counts[2], "V8", f"outcomes do not add up: {row}")
    totals = _totals(outcomes, ("flow_id", "outcome_name"), "outcome_count")
    demand(len(set(totals.values())) < 2, "V8", f"outcomes by kind of interval: {totals}")


def _totals(
    rows: list[dict[str, Any]], names: tuple[str, ...], measure: str
) -> dict[str, tuple[tuple[Any, ...], ...]]:
    """Return a measure by kind of interval, for each of what the names tell apart."""
    kinds: dict[str, dict[tuple[str, ...], int]] = {}
    for row in rows:
        totals = kinds.setdefault(row["interval_kind"], {})
        of = tuple(str(row[name]) for name in names)
        totals[of] = totals.get(of, 0) + int(row[measure] or 0)
    return {
        kind: tuple(sorted((of, total) for of, total in totals.items() if total))
        for kind, totals in kinds.items()
    }


def project_without(folder: Path, guard: str) -> Path:
    """Copy what of the dbt project reads raw, which is read sooner, and take a guard out of it."""
    project = folder / "dbt_project"
    shutil.rmtree(project, ignore_errors=True)
    above = shutil.ignore_patterns("target", "logs", "intermediate", "marts", "assert_*")
    shutil.copytree(PROJECT, project, ignore=above)
    assert guard == "staging dedupe", guard
    chosen = "where version_number = 1"
    models = [path for path in project.rglob("*.sql") if chosen in path.read_text()]
    assert models
    for model in models:
        model.write_text(model.read_text().replace(chosen, "where version_number >= 1"))
    return project
