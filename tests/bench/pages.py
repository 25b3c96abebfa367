"""Conversations of the sandbox's world as files: pages as a details job answers, and NDJSON."""

from dataclasses import dataclass
from pathlib import Path

from tests.sandbox.clock import DAY, to_millis
from tests.sandbox.world import World

NOW = "2026-03-16T00:00:00Z"
DAYS = 7
SEED = 7
PAGE_SIZE = 1_000


@dataclass(frozen=True)
class Pages:
    """The same conversations twice; a page is a line.

    Attributes:
        pages: results of a details job.
        records: one conversation a line.
        count: how many conversations.
        byte_count: their size.
    """

    pages: Path
    records: Path
    count: int
    byte_count: int


def write_pages(folder: Path, count: int) -> Pages:
    """Write `count` conversations in their last form."""
    now = to_millis(NOW)
    world = World(SEED, count, now, DAYS)
    written = Pages(folder / "pages.ndjson", folder / "records.ndjson", count, 0)
    byte_count = 0
    with written.pages.open("wb") as pages, written.records.open("wb") as records:
        for start in range(0, count, PAGE_SIZE):
            page = [
                world.record(n, now + 10 * DAY) for n in range(start, min(start + PAGE_SIZE, count))
            ]
            pages.write(
                b'{"conversations":[%b],"dataAvailabilityDate":"2026-04-01T00:00:00Z"}\n'
                % b",".join(page)
            )
            records.write(b"\n".join(page) + b"\n")
            byte_count += sum(map(len, page))
    return Pages(written.pages, written.records, count, byte_count)
