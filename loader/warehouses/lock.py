"""The lock of a work directory: one run at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from loader.errors import AlreadyRunning, DestinationError


@contextmanager
def run_lock(work_dir: Path) -> Iterator[None]:
    """Hold the work directory for this process; the kernel frees it even if we are killed.

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
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read(20).decode("ascii", "replace").strip()
            raise AlreadyRunning(
                f"another run{f' (process {holder})' if holder.isdigit() else ''} holds {path}; "
                "wait for it to end."
            ) from None
        # Whose lock it is, for the message above; a full disk is no reason to stop here.
        with suppress(OSError):
            file.truncate(0)
            file.write(str(os.getpid()).encode())
        yield
