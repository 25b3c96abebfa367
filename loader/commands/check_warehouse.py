"""`check-warehouse`: builds a known contact centre in the warehouse and compares every mart.

What a warehouse does can be proved only there: permissions, staging, its version of every function.
Nothing of the user's is touched: schemas of its own, a work directory of its own, a copy of the
project with the seeds the marts were written down with.
"""

import argparse
import json
import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import SecretStr

from loader.commands.console import console, table
from loader.commands.session import dataset_of
from loader.commands.transform import ROOT, transform
from loader.errors import BuildFailed, ExitCode, LoaderError
from loader.reference import fingerprints, world
from loader.reference.fingerprints import Fingerprint, fingerprint
from loader.settings import Settings
from loader.warehouses.base import OURS
from loader.warehouses.dataset import Dataset
from loader.warehouses.lock import locked

logger = logging.getLogger(__name__)

# The same everywhere, so that hashes are.
_SALT = "invented salt of the check"
# What a load and a build of the check must not take from the user's settings.
_FIXED = {
    "contract": "platform",
    "pii_salt": SecretStr(_SALT),
    "now_override": None,
    "attributes_kilobytes": 1024,
}
# Of the columns that differ in a mart; all of them would leave no room for the rest of the table.
_SHOWN = 4
_BUILD = ("build", "--quiet")
# What a second build comes upon: the models that remember, and what they are made from.
_FIRST = (
    *("--select", "+config.materialized:incremental", "resource_type:seed"),
    *("--exclude-resource-type", "unit_test", "test"),
)
_SECOND = ("--exclude-resource-type", "unit_test")


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Load and build the reference world, compare each mart, drop what was made.

    Raises:
        BuildFailed: a mart is not as expected, or a model or test of dbt's failed.
        DestinationError: the warehouse refused something.
        AlreadyRunning: a load or a transform goes on there.
    """
    check = Check(settings)
    expected = fingerprints.read()
    with check.in_schemas_of_its_own(keep=options.keep):
        differing = _show(expected, check.marts(expected))
    if differing:
        raise BuildFailed(
            f"{check.place}: {len(differing)} of {len(expected)} marts, first {differing[0]}, are "
            "not what the same records give elsewhere; the table above says in which columns. A "
            "model of your own that differs from the shipped one explains it."
        )
    if check.failed:
        raise check.failed
    console().print(f"{len(expected)} marts equal: {check.place} gives what it should.")
    return ExitCode.OK


@dataclass
class Check:
    """One check of the settings' warehouse, in schemas of its own.

    Attributes:
        user_settings: the settings.
        ours: what the names of its schemas begin with.
        failed: what came of the last build, if something failed in it.
    """

    user_settings: Settings
    ours: str = field(default_factory=lambda: f"{OURS}_check_{secrets.token_hex(4)}")
    failed: BuildFailed | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="genesys-check-"))
        self.settings = self.user_settings.model_copy(
            update={**_FIXED, "work_dir": self._folder / "work"}
        )
        self._was_connected = False
        self._files = [path for path in self._dataset().warehouse.files if not path.exists()]

    @property
    def place(self) -> str:
        """The warehouse."""
        return self._dataset().warehouse.place

    @contextmanager
    def in_schemas_of_its_own(self, *, keep: bool = False) -> Iterator[None]:
        """Have the check's schemas, and drop them at the end, however that comes.

        Args:
            keep: leave them to look at.
        """
        try:
            try:
                yield
            except BaseException:
                if not keep:
                    # What went wrong first is what the user is told last.
                    try:
                        self._drop()
                    except LoaderError as error:
                        if self._was_connected:
                            logger.warning("the schemas %s_… are left: %s", self.ours, error)
                raise
            if not keep:
                self._drop()
        finally:
            if keep:
                logger.info("kept: the schemas %s_…", self.ours)
            shutil.rmtree(self._folder, ignore_errors=True)

    def marts(self, names: Iterable[str]) -> dict[str, Fingerprint]:
        """Load one half of the world, build, load the other, build; return what the marts hold.

        Args:
            names: of the marts; one that is not there is left out.
        """
        known = world.read()
        project = self._project(known)
        loads = list(known.tables())
        half = len(loads) // 2
        self._load(loads[:half])
        self._build(project, known.variables, *_FIRST)
        self._load(loads[half:])
        try:
            self._build(project, known.variables, *_SECOND)
        except BuildFailed as error:
            # Marts tell more: where values differ, and not only which node minds.
            self.failed = error
        with self._connected() as dataset:
            times = [float(load) for (load,) in dataset.query("select load_id from {_dlt_loads}")]
            return {
                name: fingerprint(_comparable(name, self._mart(dataset, name), sorted(times)))
                for name in names
                if dataset.has_all(f"{OURS}_marts.{name}")
            }

    @staticmethod
    def _mart(dataset: Dataset, name: str) -> dict[str, list[Any]]:
        return dataset.read(f"select * from {{{OURS}_marts.{name}}}")

    def _dataset(self) -> Dataset:
        return dataset_of(self.settings, self.ours)

    @contextmanager
    def _connected(self, *, to_look: bool = False) -> Iterator[Dataset]:
        dataset = self._dataset()
        warehouse = dataset.warehouse
        with locked(self.settings, warehouse, warehouse.wait_seconds), closing(dataset):
            dataset.connect(to_look=to_look)
            self._was_connected = True
            yield dataset

    def _load(self, loads: Iterable[dict[str, pa.Table]]) -> None:
        with self._connected() as dataset:
            for tables in loads:
                count = sum(rows.num_rows for rows in tables.values())
                logger.info("%s rows into %s", f"{count:,}", dataset.name)
                dataset.commit({name: [rows] for name, rows in tables.items()}, {})

    def _project(self, known: world.World) -> Path:
        """Copy the project, with the seeds of the world: a user's own are theirs."""
        original = Path(os.environ.get("DBT_PROJECT_DIR", ROOT / "dbt_project"))
        project = self._folder / "dbt_project"
        shutil.copytree(original, project, ignore=shutil.ignore_patterns("target", "logs"))
        for name, text in known.seeds.items():
            (project / "seeds" / f"{name}.csv").write_text(text, "utf-8")
        return project

    def _build(self, project: Path, variables: Mapping[str, Any], *options: str) -> None:
        logger.info("dbt build in %s_…", self.ours)
        os.environ["DBT_PROJECT_DIR"] = str(project)
        # Its log would go with the folder.
        places = ("--target-path", str(self._folder / "target"), "--log-level-file", "none")
        told = ("--vars", json.dumps(variables))
        transform(self.settings, [*_BUILD, *options, *places, *told], self.ours)

    def _drop(self) -> None:
        with self._connected(to_look=True) as dataset:
            dropped = dataset.drop()
        logger.info("dropped %s", ", ".join(dropped) or "nothing: nothing was made")
        for path in self._files:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _comparable(
    mart: str, columns: Mapping[str, Sequence[Any]], loads: Sequence[float]
) -> dict[str, Sequence[Any]]:
    """Return what has to be the same on every engine, and in every check.

    In place of a load's time stands the load's number.

    Args:
        mart: its name.
        columns: its columns.
        loads: the times of all loads in order, in seconds of the epoch.
    """
    return {
        name: [value and _number_of(value, loads) for value in values]
        if name == "loaded_at"
        else values
        for name, values in columns.items()
        if (mart, name) not in fingerprints.OWN
    }


def _number_of(moment: datetime, loads: Sequence[float]) -> int:
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    # Engines keep microseconds or milliseconds of it; loads are seconds apart.
    return min(range(len(loads)), key=lambda number: abs(loads[number] - seconds))


def _show(expected: Mapping[str, Fingerprint], found: Mapping[str, Fingerprint]) -> list[str]:
    """Show each mart beside what is expected of it; return the names of those that differ."""
    shown = table("mart", "rows", "expected", "equal")
    differing = []
    for name, wanted in expected.items():
        got = found.get(name)
        if got != wanted:
            differing.append(name)
        shown.add_row(
            name, f"{got.rows:,}" if got else "-", f"{wanted.rows:,}", _equality(wanted, got)
        )
    console().print(shown)
    return differing


def _equality(wanted: Fingerprint, got: Fingerprint | None) -> str:
    if got is None:
        return "no: not there"
    if got == wanted:
        return "yes"
    names = {*wanted.columns, *got.columns}
    columns = sorted(name for name in names if wanted.columns.get(name) != got.columns.get(name))
    more = f" and {len(columns) - _SHOWN} more" if len(columns) > _SHOWN else ""
    return f"no: {', '.join(columns[:_SHOWN]) or 'the same values, in other rows'}{more}"
