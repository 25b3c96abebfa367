"""The lock of a work directory: one run at a time."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from loader.errors import AlreadyRunning, DestinationError

POLL_SECONDS = 0.2


def _locked(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def run_lock(work_dir: Path, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold the work directory for this process; the kernel frees it even if we are killed.

    Args:
        work_dir: to hold.
        wait_seconds: how long to wait for a run that holds it.

    Raises:
        AlreadyRunning: another run holds it.
        DestinationError: the work directory cannot be written.
    """
    path = work_dir / "run.lock"
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b", buffering=0)
    except OSError as error:
        raise DestinationError(
            f"ELT_WORK_DIR {work_dir} cannot be written: {error.strerror}."
        ) from None
    with file:
        deadline = time.monotonic() + wait_seconds
        while not (is_ours := _locked(file)) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        if not is_ours:
            file.seek(0)
            holder = file.read(20).decode("ascii", "replace").strip()
            raise AlreadyRunning(
                f"another run{f' (process {holder})' if holder.isdigit() else ''} holds {path}; "
                + (f"waited {wait_seconds:.0f} s." if wait_seconds else "wait for it to end.")
            )
        # Whose lock it is, for the message above; a full disk is no reason to stop here.
        with suppress(OSError):
            file.truncate(0)
            file.write(str(os.getpid()).encode())
        yield
