"""Numbers the side effects of a run, each kind by itself, and strikes at one of them.

The kinds are numbered apart because two threads act at once: one asks Genesys, one writes. Within a
kind a number means nearly the same point in every run: dlt has a few files more in one than in the
next. What an effect is said to be, and the how manieth of that name it is, means the same in each.
"""

import builtins
import errno
import functools
import io
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import duckdb
import requests

Kind = Literal["request", "file", "sql"]
Moment = Literal["before", "after"]
Blow = Literal["kill", "torn", "terminate", "interrupt", "no_space", "disconnect", "locked"]

# Torn is a power cut: what was written last is half there, which `Place.tear` sees to afterwards.
SIGNALS = {
    "kill": signal.SIGKILL,
    "torn": signal.SIGKILL,
    "terminate": signal.SIGTERM,
    "interrupt": signal.SIGINT,
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
FILE_CALLS = ("replace", "rename", "unlink", "remove", "rmdir", "mkdir", "fsync", "link")
SQL_CALLS = ("execute", "executemany", "begin", "commit", "rollback")
# Statements that leave nothing behind: dying there is dying at the next effect.
READING = re.compile(r"\s*(select|with|pragma|set|reset|use|from)\b", re.IGNORECASE)
PLACES_OF_NO_INTEREST = ("/dev/", "/proc/")
# In the name of an effect, what no two runs have in common: ids of jobs and of loads, random names
# and hashes, the number of the process, cursors.
BY_CHANCE = re.compile(
    r"(?<![0-9A-Za-z])([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{10}\.\d{2,}|[0-9a-f]{8,})"
    r"(?![0-9A-Za-z])|(?<=\.partial/)\d+|(?<=cursor=)[^&]+"
)


def named(what: str) -> str:
    """Return what an effect is said to be, as every run says it."""
    return BY_CHANCE.sub("#", " ".join(what.split()))


@dataclass(frozen=True)
class Strike:
    """What happens at an effect, and whether at each one of its kind after it as well.

    Attributes:
        kind: of the effect.
        number: of the effect among those of its kind, or among those called `what`.
        moment: whether it falls before or after the effect.
        blow: what happens.
        lasting: whether it goes on.
        what: the effect as `named` gives it; "" for any.
    """

    kind: Kind
    number: int
    moment: Moment = "before"
    blow: Blow = "kill"
    lasting: bool = False
    what: str = ""

    def __str__(self) -> str:
        """Write it as `parse` reads it: `file:17:after:kill`, with `+` if it lasts."""
        plus = "+" if self.lasting else ""
        what = f":{self.what}" if self.what else ""
        return f"{self.kind}:{self.number}{plus}:{self.moment}:{self.blow}{what}"

    @classmethod
    def parse(cls, text: str) -> "Strike":
        """Read what `__str__` wrote."""
        kind, number, moment, blow, what, *_ = [*text.split(":", 4), ""]
        for word, known in ((kind, Kind), (moment, Moment), (blow, Blow)):
            if word not in get_args(known):
                raise ValueError(f"{word!r} in {text!r} is none of {', '.join(get_args(known))}")
        lasting = number.endswith("+")
        return cls(kind, int(number.rstrip("+")), moment, blow, lasting, what)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Effect:
    """One effect of a run.

    Attributes:
        kind: of it.
        number: among those of its kind.
        what: its name, as every run says it.
        nth: among those of its name.
    """

    kind: Kind
    number: int
    what: str
    nth: int

    def struck(
        self, moment: Moment = "before", blow: Blow = "kill", *, lasting: bool = False
    ) -> Strike:
        """Return a strike at it, in any run."""
        return Strike(self.kind, self.nth, moment, blow, lasting, self.what)


@dataclass
class Effects:
    """Counts effects, writes them down and lets the strikes fall.

    Attributes:
        root: effects below it are numbered; a file written elsewhere is noted as `outside`.
        trace: where they are written down, a line each, straight to the kernel.
        strikes: what happens at which of them.
        stops: whether the process stops at every point, for somebody to look at what a kill there
            would leave; a stop holds all its threads where they are, as a kill does.
    """

    root: Path
    trace: int
    strikes: list[Strike] = field(default_factory=list)
    stops: bool = False
    _counts: dict[tuple[Kind, str], int] = field(default_factory=dict)
    _lasting: set[Strike] = field(default_factory=set)
    _lock: Any = field(default_factory=threading.RLock)

    @contextmanager
    def effect(self, kind: Kind, what: str) -> Iterator[None]:
        """Number an effect, and strike before or after it."""
        name = named(what)
        with self._lock:
            number, nth = self._count(kind, ""), self._count(kind, name)
            self.note(f"{kind} {number} {what}")
        effect = Effect(kind, number, name, nth)
        self._point(effect, "before", what)
        yield
        self._point(effect, "after", what)

    def _count(self, kind: Kind, name: str) -> int:
        number = self._counts[kind, name] = self._counts.get((kind, name), 0) + 1
        return number

    def note(self, line: str) -> None:
        """Write a line down; what a killed process wrote to a file is there all the same."""
        os.write(self.trace, (" ".join(line.split()) + "\n").encode("utf-8", "replace"))

    def path_of(self, target: Any, dir_fd: int | None = None) -> Path | None:  # noqa: ANN401
        """Return a path that is of interest, None for pipes and devices."""
        opened = target if isinstance(target, int) else dir_fd
        place = Path() if opened is None else Path(f"/proc/self/fd/{opened}").readlink()
        path = place if isinstance(target, int) else place / os.fsdecode(target)
        # Not resolved: a link is what is deleted, not what it points at.
        path = Path(os.path.abspath(path))  # noqa: PTH100
        if path.is_relative_to(self.root):
            return path.relative_to(self.root)
        # A pipe has no path.
        if str(path).startswith(PLACES_OF_NO_INTEREST) or not str(path).startswith("/"):
            return None
        self.note(f"outside {path}")
        return None

    def _point(self, effect: Effect, moment: Moment, what: str) -> None:
        """Be at a point where the process may die."""
        if self.stops:
            with self._lock:
                self.note(f"point {effect.struck(moment)}")
                signal.raise_signal(signal.SIGSTOP)
        for strike in self.strikes:
            if not self._falls(strike, effect, moment):
                continue
            self.note(f"struck {strike}")
            if strike.blow in SIGNALS:
                os.kill(os.getpid(), SIGNALS[strike.blow])
            else:
                raise _error(strike.blow, what)

    def _falls(self, strike: Strike, effect: Effect, moment: Moment) -> bool:
        if (strike.kind, strike.moment) != (effect.kind, moment):
            return False
        if strike in self._lasting:
            return True
        number = effect.nth if strike.what else effect.number
        is_it = strike.what in ("", effect.what) and number == strike.number
        if is_it and strike.lasting:
            self._lasting.add(strike)
        return is_it


def _error(blow: Blow, what: str) -> Exception:
    if blow == "no_space":
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), what.partition(" ")[2])
    if blow == "disconnect":
        return requests.exceptions.ConnectionError("Connection aborted.")
    return duckdb.IOException('IO Error: Could not set lock on file "x": Conflicting lock is held')


def install(effects: Effects) -> None:
    """Put the hooks around what this process calls from now on."""
    _hook_requests(effects)
    _hook_files(effects)
    _hook_duckdb(effects)
    sys.addaudithook(functools.partial(_audit, effects))


def _hook_requests(effects: Effects) -> None:
    send = requests.Session.send

    @functools.wraps(send)
    def sent(self: requests.Session, request: requests.PreparedRequest, **options: Any) -> Any:  # noqa: ANN401
        # What must be found nowhere afterwards.
        if credentials := str(request.headers.get("Authorization", "")).partition(" ")[2]:
            effects.note(f"secret {credentials}")
        with effects.effect("request", f"{request.method} {request.path_url}"):
            return send(self, request, **options)

    requests.Session.send = sent  # type: ignore[method-assign]


def _hook_files(effects: Effects) -> None:
    opened = io.open

    @functools.wraps(opened)
    def open_hooked(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        if not set(mode) & set("wax+") or isinstance(file, int):
            return opened(file, mode, *arguments, **options)
        path = effects.path_of(file)
        if path is None:
            return opened(file, mode, *arguments, **options)
        with effects.effect("file", f"open {path}"):
            return opened(file, mode, *arguments, **options)

    builtins.open = io.open = open_hooked
    for name in FILE_CALLS:
        setattr(os, name, _file_call(effects, name, getattr(os, name)))


def _file_call(effects: Effects, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def called(target: Any, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        path = effects.path_of(target, options.get("dir_fd") or options.get("src_dir_fd"))
        if path is None:
            return call(target, *arguments, **options)
        with effects.effect("file", f"{name} {path}"):
            return call(target, *arguments, **options)

    for functions in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
        if call in functions:
            # shutil asks whether the functions can do what it wants.
            functions.add(called)
    return called


def _hook_duckdb(effects: Effects) -> None:
    connection: Any = duckdb.DuckDBPyConnection

    def hooked(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def called(self: object, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
            statement = str(arguments[0]) if arguments else name
            if READING.match(statement):
                return call(self, *arguments, **options)
            with effects.effect("sql", " ".join(statement.split())[:100]):
                return call(self, *arguments, **options)

        return called

    for name in SQL_CALLS:
        setattr(connection, name, hooked(name, getattr(connection, name)))


def _audit(effects: Effects, event: str, arguments: tuple[Any, ...]) -> None:
    """Note every file that Python itself opens for writing outside the root."""
    if event == "open" and arguments[2] & WRITING and isinstance(arguments[0], str | bytes):
        effects.path_of(arguments[0])
