"""A year of the tables that the report reads: a week that was loaded and built, and copies of it.

    python -m tests.bench.year YEAR.duckdb CONVERSATIONS

Each copy lies a week earlier, under conversations and contacts of its own; queues, agents and flows
stay. Nothing of it can be built further: what the report does not read is that of one week.
"""

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import duckdb
from playwright.sync_api import sync_playwright

from loader.warehouses.duckdb import CONFIG, ROW_GROUP
from loader.windows import iso
from tests.bench.command import spent
from tests.report.browser import launched
from tests.sandbox.process import running_sandbox

WEEKS = 52
END = datetime(2026, 3, 16, tzinfo=UTC)
# What the views of dbt_project/models/report read, views between them resolved.
_TABLES = (
    ("genesys_marts", "fct_agent_intervals"),
    ("genesys_marts", "fct_queue_intervals"),
    ("genesys_marts", "fct_queue_visits"),
    ("genesys_marts", "fct_interactions"),
    ("genesys_marts", "fct_journey_steps"),
    ("genesys_marts", "fct_participant_attributes"),
    ("genesys_marts", "fct_flow_executions"),
    ("genesys_marts", "fct_flow_outcomes"),
    ("genesys_marts", "audit_day_completeness"),
    ("genesys_marts", "audit_extract_windows"),
    ("genesys_intermediate", "int_session_metrics_per_day"),
    ("genesys_intermediate", "int_aggregates_per_day"),
    ("genesys_raw", "extract_windows"),
)
_OF_ITS_OWN = ("conversation_id", "participant_id", "contact_id", "canonical_contact_id")


def make_year(warehouse: Path, conversations: int, settings: Mapping[str, str]) -> None:
    """Write a warehouse of so many conversations in a year.

    Args:
        warehouse: a file that is not there yet.
        conversations: at least one a day; a week's share of them is loaded.
        settings: where to work, for loader and dbt.
    """
    week = timedelta(days=7)
    with running_sandbox(
        conversations=conversations // WEEKS, days=week.days, now=iso(END), end=iso(END),
        quota=100_000,
    ) as sandbox:  # fmt: skip
        environment = {
            **settings,
            **sandbox.environment(),
            "ELT_START": iso(END - week),
            "ELT_DUCKDB_PATH": str(warehouse),
        }
        for words in (
            ("load",),
            ("transform", "seed"),
            ("transform", "run", "--select", "+path:models/report"),
        ):
            spent(words, environment)
    bounds = {"memory_limit": "1500MB", "temp_directory": f"{warehouse}.tmp"}
    with duckdb.connect(config={**CONFIG, **bounds}) as connection:
        connection.execute(f"attach '{warehouse}' as year (row_group_size {ROW_GROUP})")
        for schema, table in _TABLES:
            _copy_weeks(connection, schema, table)


def _copy_weeks(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> None:
    columns = connection.execute(
        "select column_name, data_type from duckdb_columns()"
        " where database_name = 'year' and schema_name = ? and table_name = ?",
        [schema, table],
    ).fetchall()
    copied = []
    for name, kind in columns:
        if name in _OF_ITS_OWN:
            copied.append(f"printf('%02x', back) || substr({name}, 3) as {name}")
        elif kind == "DATE" or kind.startswith("TIMESTAMP"):
            copied.append(f"cast({name} - to_weeks(cast(back as int)) as {kind}) as {name}")
    # Oldest first, as they would have come.
    connection.execute(
        f"create temp table week as from year.{schema}.{table};"
        f"insert into year.{schema}.{table} by name"
        f" select week.* replace ({', '.join(copied)})"
        f" from week, range({WEEKS - 1}, 0, -1) as weeks (back);"
        "drop table week"
    )


def looked_at(page: Path) -> dict[str, tuple[float, float]]:
    """Open a page in a browser; tell what things took, in wall time and CPU time of its thread."""
    found = {}
    with sync_playwright() as playwright:
        browser = launched(playwright)
        opened = browser.new_context(offline=True).new_page()
        session = opened.context.new_cdp_session(opened)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})

        def cpu_seconds() -> float:
            metrics = session.send("Performance.getMetrics")["metrics"]
            return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))

        opened.goto(page.as_uri())
        root = opened.locator("html[data-ready]")
        root.wait_for(state="attached")
        found["ready"] = int(root.get_attribute("data-ready") or 0) / 1000, cpu_seconds()
        queue = {"queue": opened.locator("#queue option").nth(1).get_attribute("value")}
        year = {"from": str(END.date() - timedelta(weeks=WEEKS))}
        for name, chosen in (
            ("a queue", queue), ("a year", year), ("a queue in a year", {**year, **queue})
        ):  # fmt: skip
            turns = []
            for _ in range(TURNS):
                opened.evaluate(_CHOOSE, "")
                before = cpu_seconds()
                seconds = opened.evaluate(_CHOOSE, urlencode(chosen)) / 1000
                turns.append((seconds, cpu_seconds() - before))
            found[name] = min(turns)
        browser.close()
    return found


TURNS = 5
# Until all is drawn and on the screen.
_CHOOSE = """
    choice => new Promise(done => {
        const began = performance.now();
        new MutationObserver((_, observer) => {
            observer.disconnect();
            requestAnimationFrame(() => done(performance.now() - began));
        }).observe(document.documentElement, {attributeFilter: ["data-shown"]});
        if (location.hash.slice(1) === choice) dispatchEvent(new HashChangeEvent("hashchange"));
        else location.hash = choice;
    })
"""


if __name__ == "__main__":
    make_year(Path(sys.argv[1]).resolve(), int(sys.argv[2]), os.environ)
