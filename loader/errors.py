"""Errors the loader raises on purpose, and the exit code each ends in.

LoaderError
├── SettingsError        2  a setting is missing, wrong or contradicts another
│   └── WrongClock          this machine's: nothing may be committed by it
├── AccessError          3  credentials or a permission refused
├── SourceUnavailable    4  source down, unreachable or limiting: try later
│   ├── WindowUnavailable   one window only
│   └── NoJobFree           so many jobs run that no other is taken
├── SourceContractError  5  source answered what its contract rules out
│   └── Refused             a request that is itself at fault
├── TooLarge             5  a window too long for one request, once it cannot be made shorter
├── DestinationError     6  warehouse or work directory refused
├── AlreadyRunning       7  another run holds the lock
├── BuildFailed          8  a model, contract or data test failed
└── Stale                9  a resource was not read to its end for too long

Anything else is a fault of ours and ends in 1; an interrupted run in 130.

Signals never reach a user; whoever reads a window answers them:

LostJob              job or page token is gone: the window begins again
└── Incomplete       fewer records than announced
GranularityTooFine   the window is cut anew at whole buckets
Unreadable           a body cut short: it is asked for again
WrongShape           a body that breaks the contract: it is not
Lacking              a record without a field it must have: it is quarantined
Abandoned            nobody wants the answer any more: whoever asks for it ends
"""

from datetime import timedelta
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells its scheduler."""

    OK = 0
    FAULT = 1
    SETTINGS = 2
    ACCESS = 3
    SOURCE_UNAVAILABLE = 4
    SOURCE_CONTRACT = 5
    DESTINATION = 6
    ALREADY_RUNNING = 7
    BUILD_FAILED = 8
    STALE = 9
    INTERRUPTED = 130


class LoaderError(Exception):
    """Base of every error raised on purpose; its text is one line a person can act on."""

    exit_code: ExitCode


class SettingsError(LoaderError):
    """A setting is missing, malformed or contradicts another; raised before any request."""

    exit_code = ExitCode.SETTINGS


class WrongClock(SettingsError):
    """The clock of this machine is wrong: a load's id is the time it began, and must only grow."""


class AccessError(LoaderError):
    """Genesys refused the credentials, or the role lacks a permission."""

    exit_code = ExitCode.ACCESS


class SourceUnavailable(LoaderError):
    """Genesys is down, unreachable or limiting, and the retries ran out."""

    exit_code = ExitCode.SOURCE_UNAVAILABLE


class WindowUnavailable(SourceUnavailable):
    """One window cannot be had now, though the source answers: other resources still load."""


class NoJobFree(SourceUnavailable):
    """So many jobs run already, ours or those of others, that Genesys takes no other."""


class SourceContractError(LoaderError):
    """Genesys answered something its published contract rules out."""

    exit_code = ExitCode.SOURCE_CONTRACT


class DestinationError(LoaderError):
    """The warehouse or the work directory cannot be read or written."""

    exit_code = ExitCode.DESTINATION


class AlreadyRunning(LoaderError):
    """Another run holds the lock of this work directory."""

    exit_code = ExitCode.ALREADY_RUNNING


class BuildFailed(LoaderError):
    """A model, its contract or a data test failed, or could not be read; dbt says which and why."""

    exit_code = ExitCode.BUILD_FAILED


class Stale(LoaderError):
    """A resource was not read to its end for longer than its freshness allows."""

    exit_code = ExitCode.STALE


class TooLarge(LoaderError):
    """Genesys cannot answer a window this long; `genesys.too_much` knows how it says so."""

    exit_code = SourceContractError.exit_code


class Refused(SourceContractError):
    """A 400 or 404: the request itself is at fault.

    `code` is Genesys' own error code; `explanation` is what it says, to decide by and never to
    show: it may quote anything.
    """

    def __init__(self, text: str, status: int, code: str, explanation: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.explanation = explanation


class LostJob(Exception):
    """The source no longer knows the job or the page token: the window must start again."""


class Incomplete(LostJob):
    """Fewer records came than were announced: a page is missing, or the list moved meanwhile."""


class GranularityTooFine(Exception):
    """The source counts in longer buckets only, and the window begins or ends inside one."""

    def __init__(self, step: timedelta) -> None:
        super().__init__(f"buckets of {step}")
        self.step = step


class Unreadable(ValueError):
    """The body is not the document that was asked for, perhaps because it was cut short."""


class WrongShape(ValueError):
    """The body is whole JSON but not the answer the contract promises; asking again is no use."""


class Lacking(ValueError):
    """A record lacks a field it must have; the text is the field's name."""


class Abandoned(Exception):
    """Nobody wants any more what is being asked for: the window before it has failed."""
