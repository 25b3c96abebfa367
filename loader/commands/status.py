"""`status`: how far each resource is loaded."""

import argparse
from contextlib import closing

from loader.commands.console import console, minute, table
from loader.commands.session import dataset_of
from loader.contracts import contract_of
from loader.errors import ExitCode
from loader.ledger import described
from loader.settings import Settings
from loader.warehouses.dataset import DATASET
from loader.warehouses.lock import locked

# The last error is the newest failure that no later success of the resource has made good. A commit
# whose ledger rows came twice counts once.
_STATUS = """
    with latest as (
        select resource, max(finished_at) as loaded_at
        from {extract_windows} where status = 'loaded' group by resource
    ),
    failures as (
        select failed.resource, failed.error,
            row_number() over (
                partition by failed.resource
                order by failed.finished_at desc, failed._dlt_load_id desc
            ) as newest
        from {extract_windows} as failed
        left join latest on failed.resource = latest.resource
        where failed.status = 'failed'
            and (latest.loaded_at is null or failed.finished_at > latest.loaded_at)
    )
    select windows.resource, max(windows.source_available_through), sum(windows.record_count),
        sum(windows.quarantined_count), max(failures.error)
    from (
        select distinct resource, window_attempt_id, _dlt_load_id, status, record_count,
            quarantined_count, source_available_through
        from {extract_windows}
    ) as windows
    left join failures on windows.resource = failures.resource and failures.newest = 1
    group by windows.resource
"""


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Show how far each resource is loaded, what is open, refused, and what went wrong last."""
    dataset = dataset_of(settings)
    screen = console()
    if not dataset.exists():
        screen.print("The warehouse is empty: nothing has been loaded yet (`make load`).")
        return ExitCode.OK
    with locked(settings, dataset.warehouse, dataset.warehouse.wait_seconds), closing(dataset):
        dataset.connect()
        facts = {row[0]: row[1:] for row in dataset.query(_STATUS)}
    shown = table(
        "resource", "loaded through", "guaranteed through", "records", "quarantined", "open window"
    )
    errors = []
    for name in contract_of(settings).resource_names:
        state = dataset.state(name)
        guaranteed, records, quarantined, error = facts.get(name, (None, 0, 0, None))
        through = state.coverage.loaded_through or state.snapshot_at
        shown.add_row(
            name,
            minute(through),
            minute(guaranteed),
            f"{int(records or 0):,}",
            f"{int(quarantined or 0):,}",
            f"{described(state.open.window)}, page {state.open.page_count}" if state.open else "-",
        )
        if error:
            errors.append(f"last error of {error}")
    screen.print(f"{settings.target}, dataset {DATASET}:")
    screen.print(shown)
    for error in errors:
        screen.print(error, style="red", soft_wrap=True, markup=False)
    return ExitCode.OK
