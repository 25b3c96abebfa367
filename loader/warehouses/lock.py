"""Locks: one run at a time for a work directory and for a warehouse."""

import fcntl
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from loader.errors import AlreadyRunning, DestinationError

if TYPE_CHECKING:
    from loader.settings import Settings
    from loader.warehouses.base import Warehouse

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2


def _locked(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def run_lock(work_dir: Path, wait_seconds: float = 0.0) -> AbstractContextManager[None]:
    """Hold the work directory for this process; see `file_lock`."""
    return file_lock(work_dir / "run.lock", f"ELT_WORK_DIR {work_dir}", wait_seconds)


@contextmanager
def file_lock(path: Path, named: str, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold a lock file for this process; the kernel frees it even if we are killed.

    Args:
        path: of the file, which stays.
        named: whose lock it is, for messages: the setting and its value.
        wait_seconds: how long to wait for a run that holds it.

    Raises:
        AlreadyRunning: another run holds it.
        DestinationError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b", buffering=0)
    except OSError as error:
        raise DestinationError(f"{named} cannot be written: {error.strerror}.") from None
    with file:
        wait_for(lambda: _locked(file), lambda: _held(path, file), wait_seconds)
        # Whose lock it is, for the message; a full disk is no reason to stop here.
        with suppress(OSError):
            file.truncate(0)
            file.write(str(os.getpid()).encode())
        yield


def _held(path: Path, file: IO[bytes]) -> str:
    file.seek(0)
    holder = file.read(20).decode("ascii", "replace").strip()
    return f"another run{f' (process {holder})' if holder.isdigit() else ''} holds {path}"


def wait_for(
    is_ours: Callable[[], bool], held: Callable[[], str], wait_seconds: float = 0.0
) -> None:
    """Ask for a lock until it is ours.

    Args:
        is_ours: takes the lock if it is free, and tells whether it did.
        held: says who holds it.
        wait_seconds: when to give up.

    Raises:
        AlreadyRunning: another run holds it.
    """
    deadline = time.monotonic() + wait_seconds
    while not is_ours():
        if time.monotonic() >= deadline:
            waited = f"waited {wait_seconds:.0f} s." if wait_seconds else "wait for it to end."
            raise AlreadyRunning(f"{held()}; {waited}")
        time.sleep(POLL_SECONDS)


@contextmanager
def locked(
    settings: "Settings", warehouse: "Warehouse[Any]", wait_seconds: float = 0.0
) -> Iterator[None]:
    """Hold the work directory and the warehouse: no other run writes to either.

    Args:
        settings: the settings.
        warehouse: theirs.
        wait_seconds: how long to wait for a run that holds one.

    Raises:
        AlreadyRunning: another run holds one, and which.
        DestinationError: the work directory cannot be written, or the warehouse not be asked.
    """
    with run_lock(settings.work_dir, wait_seconds), warehouse.lock(wait_seconds):
        warn_of_readers(settings, warehouse)
        yield


def warn_of_readers(settings: "Settings", warehouse: "Warehouse[Any]") -> None:
    """Warn of what others on this machine can read already; what we make they cannot."""
    for path in (settings.work_dir, *warehouse.files):
        if path.exists() and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            logger.warning(
                "%s holds personal data and others on this machine can read it; `chmod go= %s`",
                path, path,
            )  # fmt: skip
