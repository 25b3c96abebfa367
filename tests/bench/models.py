"""What each model's query costs over all rows of a warehouse that was built.

    python -m tests.bench.models WAREHOUSE.duckdb TARGET [MODEL ...]

TARGET is dbt's target folder of the build (DBT_TARGET_PATH). Of tables only, dearest first: CPU
seconds of the query, their share of all, how the table is materialized, its rows. Writes nothing.
"""

import json
import sys
import time
from pathlib import Path

import duckdb

TABLES = ("incremental", "table", "closure")


def costs(warehouse: Path, target: Path) -> list[tuple[float, str, str, int]]:
    """Run each query into a table in memory, which may be as large as half of it."""
    manifest = json.loads((target / "manifest.json").read_text("utf-8"))
    found = []
    with duckdb.connect(config={"temp_directory": f"{warehouse}.tmp"}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach '{warehouse}' as warehouse (read_only)")
        for node in manifest["nodes"].values():
            how = node["config"].get("materialized")
            if node["resource_type"] != "model" or how not in TABLES:
                continue
            compiled = target / "compiled" / node["package_name"] / node["original_file_path"]
            began = time.process_time()
            connection.execute(
                f"create or replace temp table made as {compiled.read_text('utf-8')}"
            )
            cpu_seconds = time.process_time() - began
            [(rows,)] = connection.execute("select count(*) from made").fetchall()
            found.append((cpu_seconds, node["name"], how, rows))
    return sorted(found, reverse=True)


if __name__ == "__main__":
    measured = costs(Path(sys.argv[1]), Path(sys.argv[2]))
    total = sum(cpu_seconds for cpu_seconds, *_ in measured)
    wanted = sys.argv[3:]
    for cpu_seconds, name, how, rows in measured:
        if not wanted or name in wanted:
            sys.stdout.write(
                f"{cpu_seconds:7.2f} s {cpu_seconds / total:6.1%}  {name}, {how}, {rows:,} rows\n"
            )
    whole = sum(cpu_seconds for cpu_seconds, _, how, _ in measured if how != "incremental")
    sys.stdout.write(f"{total:7.2f} s in all, {whole:.2f} s of tables that are rebuilt whole\n")
