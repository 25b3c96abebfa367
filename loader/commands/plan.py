"""`plan`: the windows due, the requests they take and how long those take at the quota."""

import math
from itertools import groupby
from typing import Any

from loader.commands.console import console, minute, table
from loader.commands.session import connected, requests_per_minute
from loader.contracts import contract_of
from loader.errors import ExitCode
from loader.genesys.quota import Quota
from loader.lengths import Lengths, as_one
from loader.planning import Plan, Planner, Request
from loader.resources.resource import Resource
from loader.settings import Settings
from loader.warehouses.dataset import Dataset
from loader.windows import Due, Window

# What a request takes where nothing is known.
REQUEST_SECONDS = 1.0


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
        waits = _waits(dataset)
    shown = table("resource", "why", "windows", "from", "to", "requests")
    requests = 0
    seconds = 0.0
    for item in plans:
        for reason, group in groupby(item.windows, key=lambda due: due.reason):
            windows = _requested(item.resource, list(group))
            start, end = min(w.start for w in windows), max(w.end for w in windows)
            pages = pages_per_hour.get(item.resource.name, 0.0)
            needed = sum(_requests(item, window, pages) for window in windows)
            requests += needed
            each = waits.get(item.resource.name, 0.0) * len(windows) + needed * REQUEST_SECONDS
            seconds += each / min(settings.concurrent_jobs, len(windows))
            shown.add_row(
                item.resource.name, reason, str(len(windows)), minute(start), minute(end),
                f"~{needed}",
            )  # fmt: skip
    screen = console()
    if not requests:
        screen.print("Nothing is due: loaded as far as Genesys guarantees its data.")
        return ExitCode.OK
    at_most = Quota.share_of(requests_per_minute(settings))
    minutes = max(requests / at_most, seconds / 60)
    screen.print(shown)
    screen.print(
        f"About {requests} requests, {minutes:.1f} min or more, "
        f"{settings.concurrent_jobs} windows at once (ELT_CONCURRENT_JOBS): "
        f"{at_most} a minute are 85 % of GENESYS_REQUESTS_PER_MINUTE."
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


def _waits(dataset: Dataset) -> dict[str, float]:
    """Return how many seconds a window of each resource has waited so far, mostly for its job."""
    rows = dataset.query(
        """
        select resource, sum(waited_seconds), count(distinct window_attempt_id)
        from {extract_windows} group by resource
        """
    )
    return {resource: float(seconds) / count for resource, seconds, count in rows}


def _requested(resource: Resource[Any], windows: list[Due]) -> list[Window]:
    """Return the windows as they are asked for, several as one where the answers are small."""
    lengths = Lengths(resource.longest, most_bytes=1)
    requested = []
    while windows:
        parts = lengths.joined(windows)
        requested.append(as_one(parts).window)
        lengths.answered(requested[-1], 0)
        windows = windows[len(parts) :]
    return requested


def _requests(item: Plan, window: Window, pages_per_hour: float) -> int:
    """Estimate the requests of a window from what windows of the resource have taken so far."""
    if item.resource.longest is not None:
        return 1
    hours = (window.end - window.start).total_seconds() / 3600
    return item.resource.overhead(item.found) + max(1, math.ceil(hours * pages_per_hour))
