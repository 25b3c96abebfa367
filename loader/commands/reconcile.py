"""`reconcile`: where the details differ most from Genesys' aggregates."""

import argparse
from contextlib import closing
from decimal import Decimal

from rich.console import Console
from rich.markup import escape

from loader.commands.console import console, minute, table
from loader.commands.session import dataset_of
from loader.errors import ExitCode
from loader.settings import Settings
from loader.warehouses.dataset import Dataset
from loader.warehouses.lock import locked

WORST = 20

_COUNTS = """
    select reason, count(*), min(report_date), max(report_date)
    from {genesys_marts.audit_reconciliation} as compared
    group by reason
"""
# What nothing explains first, then by how far the two lie apart.
_WORST = """
    select compared.report_date,
        coalesce(queues.queue_name, users.user_name, flows.flow_name, compared.subject_id),
        compared.subject_type, compared.media_type, compared.metric_name,
        compared.details_count, compared.details_seconds,
        compared.aggregates_count, compared.aggregates_seconds,
        compared.relative_difference, compared.reason,
        compared.details_read_at, compared.aggregates_read_at
    from {genesys_marts.audit_reconciliation} as compared
    left join {genesys_marts.dim_queues} as queues
        on compared.subject_type = 'queue' and compared.subject_id = queues.queue_id
    left join {genesys_marts.dim_users} as users
        on compared.subject_type = 'agent' and compared.subject_id = users.user_id
    left join {genesys_marts.dim_flows} as flows
        on compared.subject_type = 'flow' and compared.subject_id = flows.flow_id
    where compared.reason is not null
    order by case when compared.reason = 'unexplained' then 0 else 1 end,
        compared.relative_difference desc, compared.aggregates_count desc, compared.report_date,
        compared.subject_type, compared.subject_id, compared.media_type, compared.metric_name
    limit %s
"""
_ASKED = (
    "genesys_marts.audit_reconciliation",
    "genesys_marts.dim_queues",
    "genesys_marts.dim_users",
    "genesys_marts.dim_flows",
)


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Show how many numbers agree with Genesys' aggregates, and the worst that do not."""
    dataset = dataset_of(settings)
    screen = console()
    if not dataset.exists():
        screen.print("The warehouse is empty: nothing has been loaded yet (`make load`).")
        return ExitCode.OK
    with locked(settings, dataset.warehouse, dataset.warehouse.wait_seconds), closing(dataset):
        dataset.connect(to_look=True)
        if dataset.has_all(*_ASKED):
            _show(screen, dataset)
        else:
            screen.print(
                "Nothing is compared yet: audit_reconciliation is not built (`make transform`)."
            )
    return ExitCode.OK


def _show(screen: Console, dataset: Dataset) -> None:
    found = dataset.query(_COUNTS)
    if not found:
        screen.print(
            "There is nothing to compare: no day was read both as conversations and as aggregates."
        )
        return
    counts = {reason: count for reason, count, _, _ in found}
    first, last = min(row[2] for row in found), max(row[3] for row in found)
    differ = sum(counts.values()) - counts.get(None, 0)
    screen.print(
        f"{first} to {last}: {counts.get(None, 0):,} of {sum(counts.values()):,} numbers agree to "
        f"the unit, {differ:,} differ, {counts.get('unexplained', 0):,} of them unexplained."
    )
    if not differ:
        return
    shown = table(
        "day", "of", "media", "metric", "details", "aggregates", "apart", "reason",
        "details read", "aggregates read",
    )  # fmt: skip
    for (
        day, name, subject, media, metric, count, seconds, their_count, their_seconds, apart,
        reason, read_at, their_read_at,
    ) in dataset.query(_WORST, WORST):  # fmt: skip
        shown.add_row(
            str(day),
            escape(f"{subject}: {name}"),
            escape(media),
            metric,
            _told(count, seconds),
            _told(their_count, their_seconds),
            f"{apart:.1%}",
            reason,
            minute(read_at),
            minute(their_read_at),
        )
    screen.print(shown)
    if differ > WORST:
        screen.print(f"The worst {WORST} of {differ:,}; all are in {_ASKED[0]}.")


def _told(count: int, seconds: Decimal | None) -> str:
    """Return a count, and of timers what they add up to."""
    return f"{count:,}" if seconds is None else f"{count:,} ({seconds:,.3f} s)"
