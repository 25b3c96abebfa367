"""`reload`: a range once more, and what that changed."""

import logging
from dataclasses import replace

from loader.commands.console import console, table
from loader.commands.session import connected
from loader.contracts import contract_of
from loader.errors import ExitCode, SettingsError
from loader.planning import Request
from loader.progress import Lines
from loader.run import Run
from loader.settings import Settings
from loader.warehouses.dataset import Dataset

logger = logging.getLogger(__name__)


def run(settings: Settings, request: Request) -> int:
    """Read a range again and show what that has changed; return the exit code as `load` does.

    Raises:
        SettingsError: no range was given.
    """
    if request.start is None or request.end is None:
        raise SettingsError("reload needs --from and --to: the range to read again.")
    with connected(settings) as (client, dataset):
        contract = contract_of(settings)
        resources = contract.resources(settings)
        windowed = [one.name for one in resources if one.kind == "window"]
        wanted = tuple(request.only or windowed)
        [(newest,)] = dataset.query("select max(load_id) from {_dlt_loads}")
        the_run = Run(settings, client, dataset, resources, Lines())
        summary = the_run.load(replace(request, only=wanted))
        healed = [
            (name, *_healed(dataset, name, newest))
            for name in contract.resource_names
            if name in wanted
        ]
    shown = table("resource", "read", "new", "changed", "as before")
    for name, *counts in healed:
        shown.add_row(name, *(f"{count:,}" for count in counts))
    console().print(shown)
    for problem in summary.problems[1:]:
        logger.warning("%s", problem)
    if summary.problems:
        raise summary.problems[0]
    return ExitCode.OK


def _healed(dataset: Dataset, table: str, before: str) -> tuple[int, int, int, int]:
    """Count the records read since a load: all, new ones, changed ones, those known as they are."""
    [(read, new, changed)] = dataset.query(
        f"""
        select count(*), count(case when known.record_id is null then 1 end),
            count(case when known.record_id is not null and known.is_same = 0 then 1 end)
        from (
            select distinct record_id, payload_hash from {{{table}}}
            where _dlt_load_id > %s
        ) as fresh
        left join (
            select older.record_id,
                max(case when older.payload_hash = newer.payload_hash then 1 else 0 end) as is_same
            from {{{table}}} as older
            inner join {{{table}}} as newer on older.record_id = newer.record_id
            where older._dlt_load_id <= %s and newer._dlt_load_id > %s
            group by older.record_id
        ) as known on fresh.record_id = known.record_id
        """,
        before, before, before,
    )  # fmt: skip
    return read, new, changed, read - new - changed
