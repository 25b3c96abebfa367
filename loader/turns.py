"""The windows of a plan in the order they are committed, several of them read at once."""

import logging
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import takewhile

from loader.errors import WrongClock
from loader.fetch import Batch, Fetcher, RoomAhead
from loader.genesys.client import Client
from loader.ledger import OpenWindow, ResourceState, described
from loader.lengths import Lengths, as_one
from loader.own_jobs import OwnJobs
from loader.planning import Plan
from loader.progress import Reporter
from loader.resources.resource import query_hash
from loader.settings import Settings
from loader.windows import Due, Window, floor

logger = logging.getLogger(__name__)


class Pace:
    """How many windows are read at once: fewer for the rest of a run where Genesys refuses so many.

    Args:
        client: who is refused.
        most: where to begin.
    """

    def __init__(self, client: Client, most: int) -> None:
        self._client = client
        self._most = most
        self._jobs = most
        self._refused_before = 0

    def jobs(self, reading: int) -> int:
        """Return how many may be read at once now, where so many are read.

        While those are more than that already, what is refused says nothing of it.
        """
        refused = self._client.quota.refused_count
        if refused > self._refused_before and 1 < self._jobs >= reading:
            self._jobs -= 1
            logger.warning(
                "Genesys says that this is too fast: from now on %d windows are read at once "
                "(ELT_CONCURRENT_JOBS=%d)", self._jobs, self._most,
            )  # fmt: skip
        self._refused_before = refused
        return self._jobs


@dataclass
class Turn:
    """A window in the order of reading, and who reads it.

    Attributes:
        due: the window.
        adjustment: how it was cut anew, for the ledger.
        parts: the windows it was made of; itself alone in most cases.
        fetcher: reads it, perhaps ahead of its turn.
        is_ahead: whether others were read before it when it was begun.
        restarts: how often it has begun again.
        rate_limited: how many answers 429 it has met.
    """

    due: Due
    adjustment: str | None = None
    parts: list[Due] = field(default_factory=list)
    fetcher: Fetcher | None = None
    is_ahead: bool = False
    restarts: int = 0
    rate_limited: int = 0

    @property
    def is_joined(self) -> bool:
        """Whether several windows are asked for as one."""
        return len(self.parts) > 1

    def close(self) -> None:
        """Have nobody read it any more."""
        if self.fetcher is not None:
            self.fetcher.close()
            self.fetcher = None


class Turns:
    """The windows of a plan, first to last.

    As many are read at once as the pace allows, and once more as many may have been read ahead and
    wait: Genesys has something to do while one is committed or takes long.

    Args:
        settings: the settings.
        client: where records come from.
        plan: whose windows.
        state: where a resource stands, by its name, with what has yet to be committed.
        pace: how many are read at once.
        erased: `entity_hash` of those whose records are left out.
        reporter: told of each window.
    """

    def __init__(
        self,
        settings: Settings,
        client: Client,
        plan: Plan,
        state: Callable[[str], ResourceState],
        pace: Pace,
        erased: Collection[str],
        reporter: Reporter,
    ) -> None:
        self._settings = settings
        self._client = client
        self._plan = plan
        self._state = state
        self._pace = pace
        self._erased = erased
        self._reporter = reporter
        self._ahead_bytes = settings.commit_bytes // settings.concurrent_jobs
        self._room = RoomAhead()
        self._jobs = OwnJobs()
        self._lengths = Lengths(plan.resource.longest, self._ahead_bytes)
        self._turns = [Turn(due) for due in plan.windows]
        self._shown: Due | None = None

    def __bool__(self) -> bool:
        """Tell whether there is a window left."""
        return bool(self._turns)

    @property
    def first(self) -> Turn:
        """The window whose turn it is."""
        return self._turns[0]

    @property
    def others_are_read(self) -> bool:
        """Whether one that comes after the first is being read, or has been."""
        return len(self._turns) > 1 and self._turns[1].fetcher is not None

    def described(self) -> str:
        """Return the first window with its resource, for a message."""
        return f"{self._plan.resource.name} {described(self.first.due.window)}"

    def take(self, timeout: float) -> Batch | OpenWindow:
        """Wait for the first window's next batch.

        Args:
            timeout: for so many seconds at most.

        Returns:
            The batch; how far the window is read if there is none yet.

        Raises:
            GranularityTooFine: the first window has to be cut anew.
            WrongClock: one of them has met that; by it nothing may be committed.
        """
        self._read_ahead()
        if self.first.due != self._shown:
            self._shown = self.first.due
            self._reporter.window(described(self._shown.window))
        fetcher = self.first.fetcher
        assert fetcher is not None, "the first is always read"
        batch = fetcher.take(timeout)
        for turn in self._turns:
            if turn.fetcher is not None and isinstance(turn.fetcher.fault, WrongClock):
                raise turn.fetcher.fault
        self._reporter.pace(self._reading(), self._client.quota.used())
        if batch is None:
            return fetcher.opened
        self.first.rate_limited += len(batch.rate_limits)
        # While this one is committed.
        self._read_ahead()
        return batch

    def done(self, byte_count: int) -> None:
        """Go on with the next: the first has been read to its end, with so many bytes."""
        turn = self._turns.pop(0)
        turn.close()
        self._lengths.answered(turn.due.window, byte_count)
        self._reporter.window_done()

    def cut_at_buckets(self, step: timedelta) -> None:
        """Read of the first window its whole buckets only."""
        window = self.first.due.window
        whole = Window(floor(window.start, step), floor(window.end, step))
        why = f"whole buckets of {step}, shorter ones are refused"
        logger.warning("%s: %s", self.described(), why)
        due = [replace(self.first.due, window=whole)] if whole.start < whole.end else []
        self._replace_first([Turn(one, why) for one in due])

    def cut_first(self) -> bool:
        """Read the first window in parts, which was too much; tell whether it can be cut."""
        turn = self.first
        self._lengths.refused(turn.due.window)
        what = f"{described(turn.due.window)}, too much for one request"
        if turn.is_joined:
            why = f"part of {what}"
            cut = [Turn(as_one(group), why, group) for group in self._lengths.apart(turn.parts)]
        else:
            why = f"half of {what}"
            cut = [Turn(half, why) for half in self._halves(turn.due)]
        if cut:
            logger.warning("%s %s", self._plan.resource.name, why)
            self._replace_first(cut)
        return bool(cut)

    def part_first(self) -> None:
        """Read again one by one what was asked for as one window and was not answered."""
        self._lengths.refused(self.first.due.window)
        why = f"part of {described(self.first.due.window)}, which was not answered"
        logger.warning("%s is asked for in parts", self.described())
        self._replace_first([Turn(part, why) for part in self.first.parts])

    def halve_others(self) -> None:
        """Read all windows after the first as two each, but for those that are read already."""
        before = len(self._turns)
        why = "half a window, for the rate limit"
        self._turns[1:] = [
            part
            for turn in self._turns[1:]
            for part in (
                [turn]
                if turn.fetcher is not None
                else [Turn(half, why) for half in self._halves(turn.due) or [turn.due]]
            )
        ]
        self._reporter.more(len(self._turns) - before)

    def close(self) -> None:
        """Have no window read any more."""
        for turn in self._turns:
            turn.close()

    def _replace_first(self, turns: Sequence[Turn]) -> None:
        self.first.close()
        self._turns[:1] = turns
        self._reporter.more(len(turns) - 1)

    def _halves(self, due: Due) -> list[Due]:
        """Return the halves of a window in the order to read them; none if it is too short."""
        halves = due.window.halves(self._plan.resource.step) or ()
        if due.reason == "start moved back":
            # Backwards, as all of it: the older half would lie beyond a gap.
            halves = halves[::-1]
        return [replace(due, window=half) for half in halves]

    def _reading(self) -> int:
        """Return how many are being read now."""
        return sum(turn.fetcher is not None and turn.fetcher.is_reading for turn in self._turns)

    def _read_ahead(self) -> None:
        reading = self._reading()
        jobs = self._pace.jobs(reading)
        number, before = 0, None
        while number < min(len(self._turns), 2 * jobs if jobs > 1 else 1):
            turn = self._turns[number]
            if turn.fetcher is None:
                if before is not None and (reading >= jobs or not self._are_tried(number)):
                    return
                self._join(number)
                turn.is_ahead = before is not None
                turn.fetcher = self._fetcher(turn, before)
                reading += 1
            before = turn.fetcher
            number += 1

    def _are_tried(self, count: int) -> bool:
        """Tell whether times as long as the first windows' were answered before.

        Others wait for that, or each would be refused that is as long.
        """
        return all(self._lengths.is_tried(turn.due.window) for turn in self._turns[:count])

    def _join(self, number: int) -> None:
        """Ask for a window and those after it as one, as far as that may be."""
        turn = self._turns[number]
        free = takewhile(
            lambda one: one.fetcher is None and one.adjustment is None, self._turns[number:]
        )
        parts = self._lengths.joined([one.due for one in free] or [turn.due])
        if len(parts) > 1:
            turn.due, turn.parts = as_one(parts), parts
            turn.adjustment = f"{len(parts)} windows in one request"
            del self._turns[number + 1 : number + len(parts)]
            self._reporter.more(1 - len(parts))

    def _fetcher(self, turn: Turn, before: Fetcher | None) -> Fetcher:
        resource, window, found = self._plan.resource, turn.due.window, self._plan.found
        asked = query_hash(resource.query(window, found))
        opened = self._state(resource.name).open
        if (
            opened is None
            or (opened.window, opened.query_hash) != (window, asked)
            # Nobody has answered yet: what will be told is as of now, not of the first attempt.
            or (opened.job_id is None and opened.page_count == 0)
        ):
            opened = OpenWindow(
                window=window,
                attempt_id=uuid.uuid4().hex,
                query_hash=asked,
                started_at=self._settings.now(),
                rereading=turn.due.rereading,
                through_load=self._plan.through_load,
            )
        return Fetcher(
            self._client,
            resource,
            opened,
            found,
            commit_bytes=self._settings.commit_bytes,
            ahead_bytes=self._ahead_bytes,
            room=self._room,
            jobs=self._jobs,
            patience=60.0 * self._settings.job_minutes,
            erased=self._erased,
            limits=self._settings.limits,
            job_age=self._settings.now() - opened.started_at if opened.job_id else None,
            after=before.has_job if before else None,
        )
