"""What a run was asked to do, and which windows are due for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from loader.resources.resource import Resource
from loader.windows import Due, Horizon


@dataclass(frozen=True)
class Request:
    """What the user asked a run to do; None means what is due."""

    start: datetime | None = None
    end: datetime | None = None
    only: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The windows one resource has due, and how far reading may go."""

    resource: Resource
    windows: Sequence[Due]
    horizon: Horizon
