"""Errors the loader raises on purpose, and the exit code each ends in.

LoaderError
├── SettingsError        2  a setting is missing, wrong or contradicts another
├── AccessError          3  credentials or a permission refused
├── SourceUnavailable    4  source down, unreachable or limiting: try later
│   └── WindowUnavailable   one window only
├── SourceContractError  5  source answered what its contract rules out
├── DestinationError     6  warehouse or work directory refused
└── AlreadyRunning       7  another run holds the lock

Anything else is a fault of ours and ends in 1; an interrupted run in 130.
"""

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
    INTERRUPTED = 130


class LoaderError(Exception):
    """Base of every error raised on purpose; its text is one line a person can act on."""

    exit_code: ExitCode


class SettingsError(LoaderError):
    """A setting is missing, malformed or contradicts another; raised before any request."""

    exit_code = ExitCode.SETTINGS


class AccessError(LoaderError):
    """Genesys refused the credentials, or the role lacks a permission."""

    exit_code = ExitCode.ACCESS


class SourceUnavailable(LoaderError):
    """Genesys is down, unreachable or limiting, and patience has run out."""

    exit_code = ExitCode.SOURCE_UNAVAILABLE


class WindowUnavailable(SourceUnavailable):
    """One window cannot be had now, though the source answers: other resources still load."""


class SourceContractError(LoaderError):
    """Genesys answered something its published contract rules out."""

    exit_code = ExitCode.SOURCE_CONTRACT


class DestinationError(LoaderError):
    """The warehouse or the work directory cannot be read or written."""

    exit_code = ExitCode.DESTINATION


class AlreadyRunning(LoaderError):
    """Another run holds the lock of this work directory."""

    exit_code = ExitCode.ALREADY_RUNNING
