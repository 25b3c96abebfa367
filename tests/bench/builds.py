"""What a build costs by size: CPU beside DuckDB alone on the same payloads, and room on disk."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from loader.windows import iso
from tests.bench.command import ROOT, Spent, spent
from tests.bench.contenders import Measured
from tests.bench.days import END, MONTH
from tests.sandbox.process import running_sandbox

BUILDS_OF_NOTHING = 10


@dataclass(frozen=True, slots=True)
class Step:
    """What was done, what it cost, and how large the file was afterwards."""

    name: str
    cost: Spent
    megabytes: float


def build_by_size(
    folder: Path, conversations: int, settings: Mapping[str, str]
) -> Iterator[Step | Measured]:
    """Load a month, open it with DuckDB alone, build it, one more day, and ten times nothing.

    What DuckDB alone took is a `Measured`; the first step is the load whose room the others' is
    compared with, the second and third are the first build.
    """
    with running_sandbox(
        conversations=conversations, days=MONTH, now=iso(END - timedelta(days=1)), end=iso(END),
        quota=100_000,
    ) as sandbox:  # fmt: skip
        warehouse, work = folder / "genesys.duckdb", folder / "work"
        environment = {
            **settings,
            **sandbox.environment(),
            "ELT_START": iso(END - timedelta(days=MONTH)),
            "ELT_DUCKDB_PATH": str(warehouse),
            "ELT_WORK_DIR": str(work),
        }

        def step(name: str, *words: str) -> Step:
            cost = spent(words, environment)
            return Step(name, cost, warehouse.stat().st_size / 1_000_000)

        yield step("load", "load")
        yield _opened_by_duckdb_alone(folder)
        yield step("transform seed", "transform", "seed")
        yield step("transform run", "transform", "run")
        sandbox.set_clock(iso(END))
        yield step("one more day: load", "load")
        yield step("one more day: transform run", "transform", "run")
        for number in range(BUILDS_OF_NOTHING):
            # Or it would know that nothing has changed, and build nothing.
            (work / "built.json").unlink()
            yield step(f"build {number + 1} of nothing", "transform", "run")
        yield step("nothing new, and known", "transform", "run")


def _opened_by_duckdb_alone(folder: Path) -> Measured:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.contenders", "unnested", str(folder), "0"],
        cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return Measured(**json.loads(done.stdout.splitlines()[-1]))
