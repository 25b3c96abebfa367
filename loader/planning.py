"""What a run was asked to do, and which windows are due for it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from loader.errors import SettingsError
from loader.genesys.client import Client
from loader.ledger import ResourceState
from loader.resources.resource import Query, Resource, SnapshotSpan
from loader.settings import Settings
from loader.windows import Due, Horizon, Window, cut, due, floor, horizon, iso


@dataclass(frozen=True)
class Request:
    """What the user asked a run to do; None means what is due."""

    start: datetime | None = None
    end: datetime | None = None
    only: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The windows one resource has due, in the order they are read.

    Attributes:
        resource: whose.
        windows: none where nothing is due.
        horizon: how far reading may go.
        found: what the resource found out for them; the same for all.
        through_load: id of the newest load a snapshot deals with.
    """

    resource: Resource[Any]
    windows: Sequence[Due]
    horizon: Horizon
    found: Any = None
    through_load: str | None = None

    @property
    def is_resumed(self) -> bool:
        """Tell whether it goes on where a run stopped; what is due beyond is a plan of its own."""
        return bool(self.windows) and self.windows[0].reason == "resumed"


class Planner:
    """Plans one resource after the other.

    Args:
        settings: the settings.
        client: asked for the availability of its data, nothing else.
        query: of what is loaded.
        state: where a resource stands, by its name.
    """

    def __init__(
        self,
        settings: Settings,
        client: Client,
        query: Query,
        state: Callable[[str], ResourceState],
    ) -> None:
        self._settings = settings
        self._client = client
        self._query = query
        self._state = state

    def check_clock(self, resources: Iterable[Resource[Any]]) -> None:
        """Refuse to go on from a state that lies in the future: a clock was or is wrong.

        Raises:
            SettingsError: naming the resource and both times.
        """
        now = self._settings.now()
        for resource in resources:
            state = self._state(resource.name)
            through = state.coverage.loaded_through or state.snapshot_at
            if through is not None and through > now:
                raise SettingsError(
                    f"{resource.name}: the warehouse is loaded through {iso(through)}, ahead of "
                    f"now ({iso(now)}); check the clock of this machine and ELT_NOW."
                )

    def plans(self, resource: Resource[Any], request: Request) -> Sequence[Plan]:
        """Return what is due: first what a run has left in its middle, if any did, then the rest.

        The rest is planned as if the first were loaded to its end; a load that got less far has to
        plan again.

        Args:
            resource: whose windows.
            request: what the user asked for.
        """
        state = self._state(resource.name)
        if resource.kind == "snapshot":
            return self._snapshots(resource, request, state)
        return self._windows(resource, request, state)

    def _snapshots(
        self, resource: Resource[Any], request: Request, state: ResourceState
    ) -> Sequence[Plan]:
        now = self._settings.now()
        limit = Horizon(now, None, None)
        if (opened := state.open) is not None:
            through = opened.through_load or self._newest_load()
            found = self._looked_up(resource, state, through, opened.window.start)
            resumed = Plan(resource, [Due(opened.window, "resumed")], limit, found, through)
            finished = replace(
                state, open=None, snapshot_at=opened.window.start, snapshot_through=through
            )
            # One that is just finished is not asked for a second time, even by name.
            return [resumed, *self._snapshots(resource, replace(request, only=()), finished)]
        through = self._newest_load()
        found = self._looked_up(resource, state, through, now)
        age = timedelta(hours=self._settings.reference_hours)
        is_due = resource.is_due(found, state.snapshot_at, now, age)
        # Asking for it by name is asking for it now.
        windows = [Due(Window(now, now), "snapshot")] if is_due or request.only else []
        return [Plan(resource, windows, limit, found, through)]

    def _windows(
        self, resource: Resource[Any], request: Request, state: ResourceState
    ) -> Sequence[Plan]:
        settings, now = self._settings, self._settings.now()
        limit = horizon(
            now,
            max(timedelta(minutes=settings.settle_minutes), resource.settle),
            resource.available_through(self._client),
            request.end,
        )
        if resource.step is not None:
            limit = replace(limit, end=floor(limit.end, resource.step))
        plans = []
        coverage = state.coverage
        if (opened := state.open) is not None:
            plans.append(Plan(resource, [Due(opened.window, "resumed", opened.rereading)], limit))
            coverage = coverage.after(opened.window, opened.rereading)
        rules = settings.rules(coverage.loaded_from)
        if request.start is None and request.end is None:
            windows = due(rules, coverage, limit.end, today=f"{now:%Y-%m-%d}")
        else:
            start = request.start or coverage.loaded_through or rules.start
            windows = [Due(window, "asked for") for window in cut(start, limit.end, rules.length)]
        return [*plans, Plan(resource, _at_steps(windows, resource.step), limit)]

    def _looked_up(
        self, resource: Resource[Any], state: ResourceState, through: str, at: datetime
    ) -> Any:  # noqa: ANN401 - each resource finds something of its own
        # Behind a load that was dated into the future, and is no more, nothing would ever come.
        behind = state.snapshot_through if (state.snapshot_through or "") <= through else None
        span = SnapshotSpan(behind, through, state.snapshot_at, at)
        return resource.look_up(self._query, span)

    def _newest_load(self) -> str:
        rows = self._query("select max(load_id) from {_dlt_loads}")
        newest: str | None = rows[0][0] if rows else None
        # Before any load there is nothing to deal with.
        return newest or "0"


def _at_steps(windows: list[Due], step: timedelta | None) -> list[Due]:
    """Begin each window at a multiple of `step`: a bucket cut in two would be counted in part."""
    if step is None:
        return windows
    return [
        replace(item, window=Window(floor(item.window.start, step), item.window.end))
        for item in windows
    ]
