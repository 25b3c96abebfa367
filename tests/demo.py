"""`make demo`: an invented contact centre from its API to tested marts, on this machine alone.

Starts the sandbox organisation, loads it as a user would load theirs, transforms, runs the tests of
the marts, shows what lies where and writes a page to look at. A second run is incremental.
`make demo CONTRACT=guides` does the same through the integration guides' contract, into a warehouse
of its own.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import duckdb
from rich import box
from rich.console import Console
from rich.table import Table

from loader.resources.guides.intervals import METRICS
from tests.sandbox.process import running_sandbox

ROOT = Path(__file__).parents[1]
DATABASES = {
    "platform": Path("data/genesys.duckdb"),
    "guides": Path("data/genesys-guides.duckdb"),
}
PAGES = {"platform": Path("data/report.html"), "guides": Path("data/report-guides.html")}
WORK_DIRS = {"platform": Path("data/demo"), "guides": Path("data/demo-guides")}

SEED = 7
CONVERSATIONS = 3_600
DAYS = 16
START = "2026-03-01"
QUOTA = 100_000
NOW = "2026-03-16T09:30:00Z"

console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)


def main(folder: Path = ROOT, contract: str = "platform") -> int:
    """Run the demo in `folder`; the exit code is that of the first step that failed."""
    os.chdir(folder)
    database, work_dir = DATABASES[contract], WORK_DIRS[contract]
    if database.exists() and not work_dir.exists():
        sys.stderr.write(
            f"ERROR {database} was not made by the demo; move it away before `make demo`.\n"
        )
        return 2
    began = time.monotonic()
    with running_sandbox(
        seed=SEED,
        conversations=CONVERSATIONS,
        days=DAYS,
        now=NOW,
        # The guides ask for each contact; nobody wants to watch the quota of a real one.
        tenant_quota=QUOTA,
    ) as sandbox:
        environment = {
            **_without_settings(os.environ),
            **sandbox.environment(),
            **(_guides_settings() if contract == "guides" else {}),
            "GENESYS_CONTRACT": contract,
            "ELT_START": START,
            "ELT_DUCKDB_PATH": str(database.resolve()),
            "ELT_WORK_DIR": str(work_dir.resolve()),
        }
        console.print(
            f"[bold]1. An invented organisation[/] answers at {sandbox.url} (contract: {contract})"
        )
        console.print("\n[bold]2. Load[/]  (python -m loader load)")
        if code := _run(["load"], environment, work_dir):
            return code
    console.print("\n[bold]3. Transform and test[/]  (python -m loader transform build)")
    if code := _run(["transform", "--quiet", "build"], environment, work_dir):
        return code
    console.print(_build_summary())
    console.print("\n[bold]4. What lies where[/]")
    with duckdb.connect(str(database), read_only=True) as connection:
        _show_tables(connection)
        for title, sql in QUERIES.items():
            _show_query(connection, title, sql)
    console.print("\n[bold]5. A page to look at[/]  (python -m loader report)")
    page = str(PAGES[contract].resolve())
    if code := _run(["report", "--out", page], environment, work_dir):
        return code
    console.print(
        f"\nDone in {time.monotonic() - began:.0f} s. Open {database} with any DuckDB client,\n"
        + (
            "or go on: `make status`, `make docs`, edit a model and `make transform`."
            if contract == "platform"
            else f"or go on with GENESYS_CONTRACT=guides ELT_DUCKDB_PATH={database}."
        )
    )
    return 0


def _run(arguments: list[str], environment: Mapping[str, str], work_dir: Path) -> int:
    # From there, because where the user stands lies the user's own .env.
    work_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "loader", *arguments],
        env={**environment, "PYTHONPATH": str(ROOT)},
        cwd=work_dir,
        check=False,
    ).returncode


def _guides_settings() -> dict[str, str]:
    """Return what the organisation grants beyond the guides."""
    return {
        "GENESYS_REQUESTS_PER_MINUTE": str(QUOTA),
        "GENESYS_REPORT_METRICS": ",".join(METRICS),
    }


def _without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Leave a user's own settings out: the demo must not reach their organisation."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(("GENESYS_", "ELT_"))
    }


def _build_summary() -> str:
    target = Path(os.environ.get("DBT_TARGET_PATH", ROOT / "dbt_project" / "target"))
    results = json.loads((target / "run_results.json").read_text("utf-8"))
    kinds = {"model": 0, "seed": 0, "test": 0, "unit_test": 0}
    for result in results["results"]:
        kind = result["unique_id"].partition(".")[0]
        kinds[kind] = kinds.get(kind, 0) + 1
    return (
        f"{kinds['model']} models built, {kinds['test'] + kinds['unit_test']} tests passed "
        f"in {results['elapsed_time']:.0f} s"
    )


def _show_tables(connection: duckdb.DuckDBPyConnection) -> None:
    names = connection.execute(
        """
        select table_schema, table_name from information_schema.tables
        where table_schema in ('genesys_raw', 'genesys_marts') and table_name not like '\\_dlt%'
            escape '\\'
        order by table_schema desc, table_name
        """
    ).fetchall()
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("schema")
    table.add_column("table")
    table.add_column("rows", justify="right")
    before = ""
    for schema, name in names:
        [(count,)] = connection.execute(f'select count(*) from "{schema}"."{name}"').fetchall()
        table.add_row(schema if schema != before else "", name, f"{count:,}")
        before = schema
    console.print(table)


def _show_query(connection: duckdb.DuckDBPyConnection, title: str, sql: str) -> None:
    console.print(f"[bold]{title}[/]")
    console.print(sql.strip("\n"), style="dim", markup=False)
    cursor = connection.execute(sql)
    table = Table(box=box.SIMPLE_HEAD)
    for column in cursor.description or []:
        table.add_column(column[0])
    for row in cursor.fetchall():
        table.add_row(*("-" if value is None else str(value) for value in row))
    console.print(table)


# The same for both contracts: whoever asks the marts need not know which it was.
QUERIES = {
    "How much does each queue handle, and how long does that take?": """
    select
        queues.queue_name,
        sum(intervals.offered_count) as offered,
        sum(intervals.handled_count) as handled,
        round(sum(intervals.handle_seconds) / sum(intervals.handled_count), 1) as aht_seconds
    from genesys_marts.fct_queue_intervals as intervals
    inner join genesys_marts.dim_queues as queues on intervals.queue_id = queues.queue_id
    where intervals.interval_kind = 'day'
    group by queues.queue_name
    order by handled desc
    limit 5
""",
    "Which outcomes do flows reach most?": """
    select
        outcomes.outcome_name,
        sum(outcomes.outcome_count) as attempts,
        count(distinct outcomes.flow_id) as flows,
        round(avg(outcomes.outcome_share), 3) as average_share
    from genesys_marts.fct_flow_outcomes as outcomes
    where outcomes.interval_kind = 'day'
    group by outcomes.outcome_name
    order by attempts desc, outcomes.outcome_name
    limit 5
""",
    "Who came back through another channel within a minute?": """
    select
        contacts.external_ids, steps.step_number, steps.handoff_type, steps.handoff_gap_seconds
    from genesys_marts.fct_journey_steps as steps
    inner join genesys_marts.dim_contacts as contacts
        on steps.canonical_contact_id = contacts.contact_id
    where steps.handoff_type is not null
    order by steps.handoff_gap_seconds, contacts.contact_id
    limit 5
""",
    "What do the participant attributes hold?": """
    select
        attribute_name, participant_count, fill_rate, inferred_type, empty_count,
        similar_name_count, is_registered
    from genesys_marts.audit_attribute_catalog
    order by participant_count desc
    limit 8
""",
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--contract", choices=sorted(DATABASES), default="platform")
    sys.exit(main(contract=parser.parse_args().contract))
