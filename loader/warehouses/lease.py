"""A lock that is an object in a bucket, held by who writes it and as long as they renew it.

Every write is conditional: the first on there being no such object, each further one on the object
being the one we wrote or looked at. So the store itself sees to it that one writer wins. The object
is never deleted, which no store does conditionally; who is done writes that nobody holds it.
"""

import json
import time
from contextlib import suppress
from datetime import datetime
from typing import Any

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotSupportedError,
    PreconditionError,
)
from obstore.store import ObjectStore

from loader.errors import DestinationError
from loader.warehouses.renewed import Renewed

# After so long without a renewal its holder counts as dead, and so does it to itself.
LEASE_SECONDS = 120.0
RENEW_SECONDS = 20.0


class Lease(Renewed):
    """One object, and us as one of those who want to hold it.

    Args:
        store: the bucket, or a folder in it.
        path: of the object.
        place: what it locks, for messages.
        lease_seconds: after which time without a renewal its holder counts as dead.
    """

    def __init__(
        self, store: ObjectStore, path: str, place: str, lease_seconds: float = LEASE_SECONDS
    ) -> None:
        super().__init__(place, lease_seconds, RENEW_SECONDS)
        self._store = store
        self._path = path
        # What we wrote last; None while we do not hold it.
        self._version: Any = None
        self._renewed = 0.0

    def check(self) -> None:
        """Make sure that it is still ours; renewed a moment ago it is.

        Raises:
            AlreadyRunning: another run has taken it.
        """
        is_late = _passed() - self._renewed > self._lease_seconds / 2
        if self._is_lost or (self._version is not None and is_late):
            self._renew()

    def _take(self) -> bool:
        """Write our name, if nobody's who lives is there."""
        try:
            self._write("create")
        except AlreadyExistsError:
            pass
        else:
            self._try_the_store()
            return True
        try:
            found = obstore.get(self._store, self._path)
            version, written = _version(found.meta), found.meta["last_modified"]
            told = _read(bytes(found.bytes()))
        except FileNotFoundError:
            return False
        if told.get("nonce") == self._nonce:
            # The store took it and its answer was lost.
            self._version, self._renewed = version, _passed()
            return True
        if told.get("holder") and (self._now() - written).total_seconds() < self._lease_seconds:
            return False
        try:
            self._write(version)
        except (AlreadyExistsError, PreconditionError):
            return self._is_ours()
        return True

    def _try_the_store(self) -> None:
        """Make sure that the store heeds a condition; some that speak S3 do not.

        Raises:
            DestinationError: it does not.
        """
        with suppress(AlreadyExistsError):
            obstore.put(self._store, self._path, b"{}", mode="create")
            raise DestinationError(
                f"{self._place}: the store takes a conditional write (If-None-Match) for any other,"
                " and so cannot keep two runs apart; use one that heeds it."
            )

    def _now(self) -> datetime:
        """Return the store's own time: clocks of machines differ."""
        beside = f"{self._path}.time"
        obstore.put(self._store, beside, b"")
        now: datetime = obstore.head(self._store, beside)["last_modified"]
        return now

    def _holder(self) -> str:
        with suppress(BaseError, OSError):
            return str(_read(bytes(obstore.get(self._store, self._path).bytes()))["holder"])
        return ""

    def _write_again(self) -> bool:
        try:
            self._write(self._version)
        except (AlreadyExistsError, PreconditionError, FileNotFoundError):
            return self._is_ours()
        return True

    def _give_back(self) -> None:
        try:
            self._write(self._version, holder="")
        finally:
            self._version = None

    def _write(self, mode: Any, holder: str | None = None) -> None:  # noqa: ANN401
        """Write the object on a condition: `create`, or the version that is there now."""
        if holder is None:
            holder = self._we
        began = _passed()
        body = json.dumps({"holder": holder, "nonce": self._nonce, "written": began}).encode()
        try:
            put = obstore.put(self._store, self._path, body, mode=mode)
        except NotSupportedError as error:
            raise DestinationError(
                f"{self._place}: the store knows no conditional write, and so cannot keep two "
                "runs apart; use one that does."
            ) from error
        self._version, self._renewed = _version(put), began

    def _is_ours(self) -> bool:
        """Tell whether the store took what we wrote and its answer was lost."""
        try:
            found = obstore.get(self._store, self._path)
        except FileNotFoundError:
            return False
        if _read(bytes(found.bytes())).get("nonce") != self._nonce:
            return False
        self._version, self._renewed = _version(found.meta), _passed()
        return True


def _version(told: Any) -> Any:  # noqa: ANN401 - what obstore tells of an object
    return {key: told[key] for key in ("e_tag", "version") if told[key] is not None}


def _read(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _passed() -> float:
    """Return a time nobody can set; that which passes while a machine sleeps counts."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
