"""`make bench`: our load against DuckDB alone and against dlt's default, on the same conversations.

Times on a shared machine mean little, so the contenders take turns within one run, the best turn
of each counts, and what is reported is their ratio. Nothing here is a test.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table

from loader.genesys.quota import Quota
from loader.windows import iso
from tests.bench import cluster, engines
from tests.bench.builds import build_by_size
from tests.bench.command import spent
from tests.bench.contenders import Measured
from tests.bench.days import one_more_day
from tests.bench.pages import DAYS, NOW, Pages, write_pages
from tests.bench.served import serving
from tests.bench.year import END, looked_at, make_year
from tests.sandbox.process import SandboxProcess, running_sandbox

ROOT = Path(__file__).parents[2]
PARTS = ("load", "memory", "windows", "jobs", "quota", "noop", "build", "day", "page")
# Only where asked for: they take Java and the extra `spark`.
ENGINES, CLUSTER = "engines", "cluster"
DLT_CONVERSATIONS = 3_000
TIMES_AS_LONG = 4
# A month and a year of days.
FEW_WINDOWS, MANY_WINDOWS, WINDOW_CONVERSATIONS = 30, 365, 500
# At Genesys a job takes some 20 seconds and a page 1.5: a quarter of that, and 30 windows for 90.
JOB_SECONDS, PAGE_SECONDS, JOB_WINDOWS, PAGES_A_WINDOW = 5.0, 0.375, 30, 2
CONCURRENT = 4
# A minute is a real one; a small quota makes three of them last.
QUOTA, QUOTA_MINUTES = 120, 3

console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
progress = Console(stderr=True, style="dim", highlight=False, soft_wrap=True)


def main() -> int:
    """Run the parts asked for and print a table each."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        if {"load", "memory"} & set(options.only):
            pages = write_pages(folder, options.conversations)
            console.print(
                f"{pages.count:,} conversations, {pages.byte_count / pages.count / 1000:.1f} KB "
                f"each; best of {options.repeat}; {os.cpu_count()} CPUs, "
                f"load average {os.getloadavg()[0]:.1f} before we began"
            )
        if "load" in options.only:
            console.print(_load(folder, pages, options.repeat))
        if "memory" in options.only:
            console.print(_memory(folder, pages))
        if "windows" in options.only:
            console.print(_windows(folder))
        if "jobs" in options.only:
            console.print(_jobs(folder))
        if "quota" in options.only:
            console.print(_quota(folder))
        if "noop" in options.only:
            console.print(_noop(folder))
        if "build" in options.only:
            console.print(_build(folder, options.conversations))
        if "day" in options.only:
            console.print(_day(folder, options.per_day, options.months))
        if "page" in options.only:
            console.print(_page(folder, options.per_year))
        if ENGINES in options.only:
            console.print(_engines(folder, options.conversations))
        if CLUSTER in options.only:
            console.print(*_cluster(folder, options.per_day, options.days))
    return 0


def _load(folder: Path, pages: Pages, repeat: int) -> Table:
    measured: dict[str, list[Measured]] = {}
    with (
        running_sandbox(
            conversations=pages.count, days=DAYS, now="2026-03-17T00:00:00Z", end=NOW, quota=100_000
        ) as sandbox,
        serving(folder, DAYS) as ready,
    ):
        turns: dict[str, Callable[[], Measured]] = {
            "DuckDB alone, local NDJSON: the limit": lambda: _measure("limit", folder, 0, {}),
            "our load, local pages": lambda: _measure("local", folder, 1, _NOWHERE),
            _DUCKDB_OVER_HTTP: lambda: _measure("fetched", folder, DAYS, ready),
            _OURS_OVER_HTTP: lambda: _measure("http", folder, DAYS, ready),
            "our load over HTTP, sandbox's answers": lambda: _measure(
                "http", folder, DAYS, sandbox.environment()
            ),
            "dlt's default, dicts": lambda: _measure(
                "dlt", folder, min(DLT_CONVERSATIONS, pages.count), {}
            ),
        }
        for _ in range(repeat):
            for label, turn in turns.items():
                measured.setdefault(label, []).append(turn())
    best = {label: max(results, key=lambda one: one.rate) for label, results in measured.items()}
    limit, *_, default = best.values()
    over_http = best[_OURS_OVER_HTTP].rate / best[_DUCKDB_OVER_HTTP].rate
    table = _table("", "rows", "s", "CPU s", "rows/s", "of the limit", "x dlt's default", "peak MB")
    table.caption = f"Over HTTP our load has {over_http:.2f} of the speed of DuckDB alone."
    for label, one in best.items():
        table.add_row(
            label, f"{one.rows:,}", f"{one.seconds:.1f}", f"{one.cpu_seconds:.1f}",
            f"{one.rate:,.0f}", f"{one.rate / limit.rate:.2f}", f"{one.rate / default.rate:.1f}",
            f"{one.peak_megabytes:.0f}",
        )  # fmt: skip
    return table


# Both from an organisation that has its answers ready: the sandbox makes them on the same cores.
_DUCKDB_OVER_HTTP = "DuckDB alone over HTTP, answers ready"
_OURS_OVER_HTTP = "our load over HTTP, answers ready"


def _memory(folder: Path, pages: Pages) -> Table:
    table = _table("peak memory of our load, local pages", "rows", "s", "peak MB")
    for times in (1, TIMES_AS_LONG):
        one = _measure("local", folder, times, _NOWHERE)
        table.add_row(
            f"{times} x {pages.count:,}", f"{one.rows:,}", f"{one.seconds:.1f}",
            f"{one.peak_megabytes:.0f}",
        )  # fmt: skip
    return table


def _windows(folder: Path) -> Table:
    """Tell what a load keeps of its windows: the peak of a month and of a year of days."""
    write_pages(folder, WINDOW_CONVERSATIONS)
    table = _table("peak memory by windows, local pages", "s", "CPU s", "peak MB", "of the first's")
    few = None
    for windows in (FEW_WINDOWS, MANY_WINDOWS):
        one = _measure("local", folder, windows, _NOWHERE)
        few = few or one
        table.add_row(
            f"{windows:,} x {WINDOW_CONVERSATIONS}", f"{one.seconds:.1f}", f"{one.cpu_seconds:.1f}",
            f"{one.peak_megabytes:.0f}", f"{one.peak_megabytes / few.peak_megabytes:.2f}",
        )  # fmt: skip
    return table


def _jobs(folder: Path) -> Table:
    """Tell what reading several windows at once is worth where jobs and pages take their time."""
    table = _table(
        f"{JOB_WINDOWS} windows, jobs of {JOB_SECONDS} s, {PAGES_A_WINDOW} pages of "
        f"{PAGE_SECONDS} s", "s", "times as fast", "429s",
    )  # fmt: skip
    first = None
    with _slow_sandbox(JOB_WINDOWS, job_seconds=JOB_SECONDS, page_seconds=PAGE_SECONDS) as sandbox:
        for jobs in (1, CONCURRENT):
            began = sandbox.next_request()
            environment = {**sandbox.environment(), "ELT_CONCURRENT_JOBS": str(jobs), **_TWO_PAGES}
            one = _measure("http", folder, JOB_WINDOWS, environment)
            first = first or one
            refused = sum(entry["status"] == 429 for entry in sandbox.log(began))
            table.add_row(
                f"ELT_CONCURRENT_JOBS={jobs}", f"{one.seconds:.1f}",
                f"{first.seconds / one.seconds:.2f}", str(refused),
            )  # fmt: skip
    return table


def _quota(folder: Path) -> Table:
    """Tell how much of the quota is used where nothing else holds the load back."""
    share = Quota.share_of(QUOTA)
    # A submission, two polls and two pages each; the first minute's share is sent at once.
    windows = (QUOTA_MINUTES + 1) * share // 5
    table = _table(
        f"a quota of {QUOTA} a minute, of which {share} are ours", "s", "requests",
        "of our share used", "429s",
    )  # fmt: skip
    with _slow_sandbox(windows, quota=QUOTA) as sandbox:
        settings = {"GENESYS_REQUESTS_PER_MINUTE": str(QUOTA), **_TWO_PAGES}
        _measure("http", folder, windows, {**sandbox.environment(), **settings})
        sent = [entry for entry in sandbox.log() if entry["path"].startswith("/api/")]
        # Whole minutes, each with its burst.
        minutes = int((sent[-1]["at"] - sent[0]["at"]) / 60)
        until = sent[0]["at"] + 60 * minutes
        counted = sum(entry["at"] < until for entry in sent)
        refused = sum(entry["status"] == 429 for entry in sent)
        table.add_row(
            f"ELT_CONCURRENT_JOBS={CONCURRENT}, {minutes} minutes", f"{60 * minutes}",
            str(counted), f"{counted / minutes / share:.2f}", str(refused),
        )  # fmt: skip
    return table


# A window's conversations in two pages.
_TWO_PAGES = {"ELT_PAGE_SIZE": "60"}


def _slow_sandbox(
    windows: int, quota: int = 100_000, job_seconds: float = 0, page_seconds: float = 0
) -> AbstractContextManager[SandboxProcess]:
    """Serve so many days of 100 conversations."""
    return running_sandbox(
        conversations=100 * windows, days=windows, now="2026-03-17T00:00:00Z", end=NOW,
        quota=quota, job_seconds=job_seconds, page_seconds=page_seconds,
    )  # fmt: skip


def _noop(folder: Path) -> Table:
    """Time a load and a transform that find nothing new, whole processes."""
    table = _table("nothing new to do", "s")
    with running_sandbox(conversations=1_000, days=DAYS, now=NOW) as sandbox:
        environment = _environment(folder, {**sandbox.environment(), "ELT_START": "2026-03-09"})
        for command in (["load"], ["transform", "build"]):
            for turn in ("first", "again"):
                began = time.monotonic()
                subprocess.run(
                    [sys.executable, "-m", "loader", *command],
                    cwd=ROOT, env=environment, check=True, capture_output=True,
                )  # fmt: skip
                if turn == "again":
                    table.add_row(" ".join(command), f"{time.monotonic() - began:.1f}")
    return table


def _day(folder: Path, per_day: int, months: int) -> Table:
    """Tell what one more day costs after many months, as a multiple of what it costs after one."""
    table = _table(
        f"one more day of {per_day:,} conversations", "days before", "CPU s", "peak MB",
        "CPU of the first's", "memory of the first's",
    )  # fmt: skip
    costs = list(one_more_day(folder, per_day, months, _environment(folder, {})))
    half = len(costs) // 2
    for number, one in enumerate(costs):
        first = costs[number % half]
        nothing_new = number % half == half - 1
        table.add_row(
            f"{one.command}, nothing new" if nothing_new else one.command,
            f"{one.days:,}", f"{one.cpu_seconds:.1f}", f"{one.peak_megabytes:,}",
            f"{one.cpu_seconds / first.cpu_seconds:.2f}",
            f"{one.peak_megabytes / first.peak_megabytes:.2f}",
        )  # fmt: skip
    return table


def _build(folder: Path, conversations: int) -> Table:
    """Tell what a build costs beside DuckDB alone, and what room beside what was loaded."""
    _clear(folder)
    table = _table(
        f"{conversations:,} conversations", "CPU s", "of DuckDB alone", "peak MB", "file MB",
        "of what was loaded",
    )  # fmt: skip
    loaded, alone, build = None, None, 0.0
    for one in build_by_size(folder, conversations, _environment(folder, {})):
        if isinstance(one, Measured):
            alone = one
            table.add_row(
                "DuckDB alone: payloads once, four tables", f"{one.cpu_seconds:.1f}", "1.00",
                f"{one.peak_megabytes:,.0f}", "", "",
            )  # fmt: skip
            continue
        loaded = loaded or one.megabytes
        ratio = ""
        if alone and one.name.startswith("transform"):
            build += one.cost.cpu_seconds
            ratio = f"{build / alone.cpu_seconds:.2f}"
        table.add_row(
            one.name, f"{one.cost.cpu_seconds:.1f}", ratio, f"{one.cost.peak_megabytes:,}",
            f"{one.megabytes:,.0f}", f"{one.megabytes / loaded:.2f}",
        )  # fmt: skip
    _clear(folder)
    return table


def _page(folder: Path, per_year: int) -> Table:
    """Tell what the report of a year costs whoever writes it, and whoever looks at it."""
    settings = {**_NOWHERE, **_environment(folder, {}), "ELT_NOW": iso(END)}
    warehouse, page = folder / "genesys.duckdb", folder / "report.html"
    make_year(warehouse, per_year, settings)
    written = spent(("report", "--out", str(page)), settings)
    told = f"{per_year:,} conversations of a year, {page.stat().st_size / 1_000_000:.2f} MB"
    table = _table(f"the report of {told}", "s", "CPU s", "peak MB")
    table.add_row(
        "report", f"{written.seconds:.1f}", f"{written.cpu_seconds:.1f}",
        f"{written.peak_megabytes:,}",
    )  # fmt: skip
    for name, (seconds, cpu_seconds) in looked_at(page).items():
        table.add_row(f"in a browser: {name}", f"{seconds:.2f}", f"{cpu_seconds:.2f}", "")
    return table


def _engines(folder: Path, conversations: int) -> Table:
    """Tell what the same conversations cost on each engine, as a multiple of DuckDB's."""
    table = _table(
        f"{conversations:,} conversations of {engines.DAYS} days", "", "s", "CPU s", "peak MB",
        "CPU of DuckDB's",
    )  # fmt: skip
    of_duckdb: dict[str, float] = {}
    for cost in engines.costs_of_engines(folder, conversations, _environment(folder, {})):
        one = cost.spent
        table.add_row(
            cost.step, cost.engine, f"{one.seconds:.1f}", f"{one.cpu_seconds:.1f}",
            f"{one.peak_megabytes:,}",
            f"{one.cpu_seconds / of_duckdb.setdefault(cost.step, one.cpu_seconds):.1f}",
        )  # fmt: skip
    return table


def _cluster(folder: Path, per_day: int, days: tuple[int, int]) -> tuple[Table, Table]:
    """Tell what two histories cost a Spark here, and what a cluster would do by that."""
    table = _table(
        f"Spark here, days of {per_day:,} conversations", "days", "s", "CPU s", "CPU s of tasks",
        "no task at work, s", "shuffled MB", "spilled MB", "tables MB",
    )  # fmt: skip
    measured = []
    for one in cluster.builds(folder, per_day, days, _environment(folder, {})):
        measured.append(one)
        table.add_row(
            one.step, f"{one.conversations // per_day:,}", f"{one.spent.seconds:.0f}",
            f"{one.spent.cpu_seconds:.0f}", f"{one.work.cpu_seconds:.1f}",
            f"{one.driver_seconds:.0f}", f"{one.work.shuffled_bytes / 1e6:.1f}",
            f"{one.work.spilled_bytes / 1e6:.1f}", f"{one.written_bytes / 1e6:.1f}",
        )  # fmt: skip
    assumed = cluster.Cluster()
    told = _table(
        f"{assumed.nodes} nodes of {assumed.cores} cores, {assumed.conversations:,} conversations, "
        f"{assumed.per_day:,} a day", "",
    )  # fmt: skip
    for name, value in cluster.estimate(measured, assumed):
        told.add_row(name, value)
    return table, told


# Nobody listens there: local pages ask nobody.
_NOWHERE = {
    "GENESYS_API_URL": "http://127.0.0.1:9",
    "GENESYS_LOGIN_URL": "http://127.0.0.1:9",
    "GENESYS_CLIENT_ID": "bench",
    "GENESYS_CLIENT_SECRET": "bench",
    "ELT_NOW": "2026-03-20T00:00:00Z",
}


def _measure(contender: str, folder: Path, amount: int, settings: Mapping[str, str]) -> Measured:
    _clear(folder)
    result = subprocess.run(
        [sys.executable, "-m", "tests.bench.contenders", contender, str(folder), str(amount)],
        cwd=ROOT,
        env=_environment(folder, settings),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    _clear(folder)
    return Measured(**json.loads(result.stdout.splitlines()[-1]))


def _environment(folder: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a contender: nothing of the user's own settings."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GENESYS_", "ELT_"))
    }
    return {
        **inherited,
        "ELT_DUCKDB_PATH": str(folder / "genesys.duckdb"),
        "ELT_WORK_DIR": str(folder / "work"),
        "ELT_OVERLAP_MINUTES": "0",
        "ELT_SETTLE_MINUTES": "0",
        "GENESYS_REQUESTS_PER_MINUTE": "100000",
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        **settings,
    }


def _clear(folder: Path) -> None:
    """Leave nothing of one contender to the next; the pages stay."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.suffix != ".ndjson":
            path.unlink()


class _Measurements(Table):
    """A table whose rows are told as they come as well: a part takes hours, and may fail."""

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:  # noqa: ANN401
        """Add a row, and tell it at once."""
        progress.print(" · ".join(str(cell) for cell in cells if cell))
        super().add_row(*cells, **options)


def _table(*headings: str) -> Table:
    table = _Measurements(box=box.SIMPLE_HEAD)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left", no_wrap=True)
    return table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--conversations", type=int, default=50_000)
    parser.add_argument("--repeat", type=int, default=1, help="turns of each contender")
    parser.add_argument("--per-day", type=int, default=300, help="conversations of a day more")
    parser.add_argument(
        "--days", type=lambda text: tuple(map(int, text.split(","))), default=(5, 20),
        metavar="FEW,MANY", help="of the two histories that a cluster is judged by",
    )  # fmt: skip
    parser.add_argument(
        "--months", type=int, default=12, help="of the longer history before a day more"
    )
    parser.add_argument(
        "--per-year", type=int, default=1_000_000, help="conversations that the page is about"
    )
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=list(PARTS),
        metavar="PART,...",
        help=f"of {', '.join(PARTS)}, or {ENGINES}, {CLUSTER}, which take Java",
    )
    options = parser.parse_args()
    if unknown := set(options.only) - {*PARTS, ENGINES, CLUSTER}:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    sys.exit(main())
