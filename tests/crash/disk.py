"""What lies on the disk of a place, to the byte: read, compared, put back."""

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

# Contents by themselves: what many copies hold is kept once.
Contents = dict[bytes, bytes]


@dataclass(frozen=True)
class Entry:
    """A file or a folder.

    Attributes:
        content: of the file; None for a folder.
        mode: its permissions.
        changed: when its content was, in nanoseconds.
        link: the first name of the same file, if it has several.
    """

    content: bytes | None
    mode: int
    changed: int
    link: str


@dataclass(frozen=True)
class Disk:
    """All that lies in a folder, by its path in it."""

    entries: Mapping[str, Entry]

    @classmethod
    def of(cls, folder: Path, contents: Contents) -> "Disk":
        """Read it, while nobody writes there."""
        entries: dict[str, Entry] = {}
        names: dict[int, str] = {}
        for one in sorted(_lying(folder), key=lambda one: one.path):
            name, stat, content = one.path[len(str(folder)) + 1 :], one.stat(), None
            if not one.is_dir():
                content = Path(one.path).read_bytes()
                content = contents.setdefault(content, content)
            link = name if content is None else names.setdefault(stat.st_ino, name)
            entries[name] = Entry(content, stat.st_mode & 0o777, stat.st_mtime_ns, link)
        return cls(entries)

    @cached_property
    def key(self) -> tuple[tuple[str, bytes | None, str], ...]:
        """Names and bytes, and which names are of one file; not when they were written."""
        return tuple((name, one.content, one.link) for name, one in self.entries.items())

    def put(self, folder: Path) -> None:
        """Have it lie in a folder, and nothing else."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, one in self.entries.items():
            path = folder / name
            if one.content is None:
                path.mkdir()
            elif one.link != name:
                path.hardlink_to(folder / one.link)
            else:
                path.write_bytes(one.content)
                path.chmod(one.mode)
                os.utime(path, ns=(one.changed, one.changed))
        for name, one in reversed([*self.entries.items()]):
            if one.content is None:
                (folder / name).chmod(one.mode)
                os.utime(folder / name, ns=(one.changed, one.changed))


def _lying(folder: Path | str) -> Iterator["os.DirEntry[str]"]:
    with os.scandir(folder) as lying:
        for one in lying:
            yield one
            if one.is_dir():
                yield from _lying(one.path)
