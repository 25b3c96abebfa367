"""`plan`: the windows due, the requests they take and how long those take at the quota."""

import math
from itertools import groupby

from loader.commands.console import console, minute, table
from loader.commands.session import connected, requests_per_minute
from loader.contracts import contract_of
from loader.errors import ExitCode
from loader.genesys.quota import Quota
from loader.planning import Plan, Planner, Request
from loader.settings import Settings
from loader.warehouses.dataset import Dataset
from loader.windows import Window


def run(settings: Settings, request: Request) -> int:
    """Show the windows due, the requests they take and how long those take at the quota."""
    with connected(settings, create=False) as (client, dataset):
        resources = contract_of(settings).resources(settings)
        planner = Planner(settings, client, dataset.query, dataset.state)
        planner.check_clock(resources)
        plans = [
            plan
            for resource in resources
            if not request.only or resource.name in request.only
            for plan in planner.plans(resource, request)
        ]
        pages_per_hour = _pages_per_hour(dataset)
    shown = table("resource", "why", "windows", "from", "to", "requests")
    requests = 0
    for item in plans:
        for reason, group in groupby(item.windows, key=lambda due: due.reason):
            windows = [due.window for due in group]
            start, end = min(w.start for w in windows), max(w.end for w in windows)
            pages = pages_per_hour.get(item.resource.name, 0.0)
            needed = sum(_requests(item, window, pages) for window in windows)
            requests += needed
            shown.add_row(
                item.resource.name, reason, str(len(windows)), minute(start), minute(end),
                f"~{needed}",
            )  # fmt: skip
    screen = console()
    if not requests:
        screen.print("Nothing is due: loaded as far as Genesys guarantees its data.")
        return ExitCode.OK
    minutes = requests / Quota.share_of(requests_per_minute(settings))
    screen.print(shown)
    screen.print(
        f"About {requests} requests, {minutes:.1f} min or more: "
        f"{Quota.share_of(requests_per_minute(settings))} a minute are 85 % of "
        "GENESYS_REQUESTS_PER_MINUTE."
        + ("" if pages_per_hour else " Pages are estimated once a window has been loaded."),
        soft_wrap=True,
    )
    return ExitCode.OK


def _pages_per_hour(dataset: Dataset) -> dict[str, float]:
    """Return how many pages an hour of each resource's time has taken so far."""
    rows = dataset.query(
        """
        select resource, window_attempt_id, max(window_start), max(window_end), sum(page_count)
        from {extract_windows} where window_end > window_start
        group by resource, window_attempt_id
        """
    )
    hours: dict[str, float] = {}
    pages: dict[str, float] = {}
    for resource, _, start, end, count in rows:
        hours[resource] = hours.get(resource, 0.0) + (end - start).total_seconds() / 3600
        pages[resource] = pages.get(resource, 0.0) + float(count)
    return {resource: pages[resource] / hours[resource] for resource in hours}


def _requests(item: Plan, window: Window, pages_per_hour: float) -> int:
    """Estimate the requests of a window from what windows of the resource have taken so far."""
    hours = (window.end - window.start).total_seconds() / 3600
    return item.resource.overhead(item.found) + max(1, math.ceil(hours * pages_per_hour))
