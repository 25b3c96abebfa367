"""`make check-world`: writes what `loader check-warehouse` loads, and what its marts must be.

Needed when a model or a seed has changed what a mart holds: the marts are written down as DuckDB
builds them, and a reviewer sees in the difference which columns that has changed. `--records` also
reads the records anew from the sandbox; needed when its world or the raw tables have changed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import yaml  # type: ignore[import-untyped]

from loader.commands.check_warehouse import Check
from loader.reference import fingerprints, world
from loader.settings import Settings
from tests.sandbox.process import ROOT, running_sandbox

PROJECT = ROOT / "dbt_project"
# Four mornings: conversations that go on over midnight, days that are read again, corrections.
MORNINGS = [f"2026-03-{day}T06:00:00Z" for day in (15, 16, 17, 18)]
WORLD: dict[str, Any] = {"seed": 7, "conversations": 200, "days": 3, "end": "2026-03-17T00:00:00Z"}
# Of the loads and of dbt: what depends on when and where it ran.
_MACHINE = ("ELT_", "GENESYS_", "DBT_")


def main(arguments: list[str]) -> int:
    """Write the two files."""
    parser = argparse.ArgumentParser(prog="make check-world", description=__doc__)
    parser.add_argument("--records", action="store_true", help="read the records anew, too")
    options = parser.parse_args(arguments)
    os.umask(0o077)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for setting in [setting for setting in os.environ if setting.startswith(_MACHINE)]:
            del os.environ[setting]
        os.chdir(folder)
        loads = _records(folder) if options.records else world.read().loads
        world.write(world.World(seeds(), variables(), loads))
        os.environ["ELT_DUCKDB_PATH"] = str(folder / "check.duckdb")
        check = Check(Settings.read())
        with check.in_schemas_of_its_own():
            marts = sorted(path.stem for path in PROJECT.glob("models/marts/**/*.sql"))
            fingerprints.write(check.marts(marts))
    return 0


def _records(folder: Path) -> list[world.Load]:
    """Load some mornings from the sandbox and return what each has brought."""
    file = folder / "world.duckdb"
    loads: list[world.Load] = []
    with running_sandbox(**WORLD, now=MORNINGS[0], quota=1_000_000) as sandbox:
        for morning in MORNINGS:
            sandbox.set_clock(morning)
            before = _last_load(file)
            environment = {
                **os.environ,
                **sandbox.environment(),
                "GENESYS_REQUESTS_PER_MINUTE": "100000",
                "ELT_START": "2026-03-14",
                "ELT_DUCKDB_PATH": str(file),
                "ELT_WORK_DIR": str(folder / "work"),
                "PYTHONPATH": str(ROOT),
            }
            subprocess.run([sys.executable, "-m", "loader", "load"], env=environment, check=True)
            loads.append(_loaded_since(file, before))
    return loads


def _last_load(file: Path) -> str:
    if not file.exists():
        return ""
    with duckdb.connect(str(file), read_only=True) as connection:
        [(load,)] = connection.execute("select max(load_id) from genesys_raw._dlt_loads").fetchall()
    return str(load)


def _loaded_since(file: Path, load: str) -> world.Load:
    """Return the rows of later loads by their table; a run is one load of the world."""
    found = {}
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        tables = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'genesys_raw'"
            " and table_name not like '\\_dlt%' escape '\\' and table_name <> 'hash_salts'"
            " order by table_name"
        ).fetchall()
        for (name,) in tables:
            cursor = connection.execute(
                f"select * exclude (_dlt_load_id) from genesys_raw.{name}"
                " where _dlt_load_id > ? order by all",
                [load],
            )
            columns = [column for column, *_ in cursor.description or ()]
            rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
            if rows:
                found[name] = rows
    return found


def seeds() -> dict[str, str]:
    return {path.stem: path.read_text("utf-8") for path in sorted(PROJECT.glob("seeds/*.csv"))}


def variables() -> Mapping[str, Any]:
    variables: dict[str, Any] = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]
    return variables


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
