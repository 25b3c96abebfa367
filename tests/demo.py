"""`make demo`: an invented contact centre from its API to tested marts, on this machine alone.

Starts the sandbox organisation, loads it as a user would load theirs, transforms, runs the tests of
the marts and shows what lies where. A second run is incremental.
"""

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

from tests.sandbox.process import running_sandbox

ROOT = Path(__file__).parents[1]
DATABASE = Path("data/genesys.duckdb")
WORK_DIR = Path("data/demo")

SEED = 7
CONVERSATIONS = 2_000
DAYS = 7
START = "2026-03-09"
NOW = "2026-03-16T09:30:00Z"

console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)


def main(folder: Path = ROOT) -> int:
    """Run the demo in `folder`; the exit code is that of the first step that failed."""
    os.chdir(folder)
    if DATABASE.exists() and not WORK_DIR.exists():
        sys.stderr.write(
            f"ERROR {DATABASE} was not made by the demo; move it away before `make demo`.\n"
        )
        return 2
    began = time.monotonic()
    with running_sandbox(seed=SEED, conversations=CONVERSATIONS, days=DAYS, now=NOW) as sandbox:
        environment = {
            **_without_settings(os.environ),
            **sandbox.environment(),
            "ELT_START": START,
            "ELT_DUCKDB_PATH": str(DATABASE),
            "ELT_WORK_DIR": str(WORK_DIR),
        }
        console.print(f"[bold]1. An invented organisation[/] answers at {sandbox.url}")
        console.print("\n[bold]2. Load[/]  (python -m loader load)")
        if code := _run(["load"], environment):
            return code
    console.print("\n[bold]3. Transform and test[/]  (python -m loader transform build)")
    if code := _run(["transform", "--quiet", "build"], environment):
        return code
    console.print(_build_summary())
    console.print("\n[bold]4. What lies where[/]")
    with duckdb.connect(str(DATABASE), read_only=True) as connection:
        _show_tables(connection)
        for title, sql in QUERIES.items():
            _show_query(connection, title, sql)
    console.print(
        f"\nDone in {time.monotonic() - began:.0f} s. Open {DATABASE} with any "
        "DuckDB client,\nor go on: `make status`, `make docs`, edit a model and `make transform`."
    )
    return 0


def _run(arguments: list[str], environment: Mapping[str, str]) -> int:
    return subprocess.run(
        [sys.executable, "-m", "loader", *arguments], env=dict(environment), check=False
    ).returncode


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


QUERIES = {
    "How long do customers wait, and how long do agents need, per queue?": """
    select
        queues.queue_name,
        count(*) as answered,
        round(avg(legs.queue_wait_seconds), 1) as wait_seconds,
        round(avg(legs.handle_seconds), 1) as handle_seconds
    from genesys_marts.fct_conversation_legs as legs
    inner join genesys_marts.dim_queues as queues on legs.queue_id = queues.queue_id
    where legs.is_answered
    group by queues.queue_name
    order by answered desc
    limit 5
""",
    "How often do flows reach the outcome they are built for?": """
    select
        flows.flow_name,
        count(*) as attempts,
        count(*) filter (where attempts.is_success) as successes,
        round(avg(attempts.duration_seconds), 1) as seconds,
        max(attempts.attempt_number) as most_attempts
    from genesys_marts.fct_flow_outcome_attempts as attempts
    inner join genesys_marts.dim_flows as flows on attempts.flow_id = flows.flow_id
    group by flows.flow_name
    order by attempts desc
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
    sys.exit(main())
