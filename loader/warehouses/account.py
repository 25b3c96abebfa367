"""What Snowflake, BigQuery and Databricks have in common: warehouses of an account, elsewhere.

Their drivers and adapters are extras; their lock is a row of a table (`lock_row`).
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from loader.errors import AlreadyRunning, DestinationError, SettingsError
from loader.warehouses.base import SettingsOfKind, Warehouse
from loader.warehouses.lock_row import LockRow

if TYPE_CHECKING:
    from dlt.destinations.sql_client import SqlClientBase


class Account(Warehouse[SettingsOfKind]):
    """A warehouse of an account.

    Attributes:
        driver: the module that talks to it.
        adapter: the module that is dbt's adapter.
        now_ms: SQL of its time, in whole milliseconds.
        text_type: SQL of a text's type.
    """

    driver: ClassVar[str]
    adapter: ClassVar[str]
    now_ms: ClassVar[str]
    text_type: ClassVar[str]

    def __init__(self, settings: SettingsOfKind) -> None:
        super().__init__(settings)
        self._lock: LockRow | None = None

    def check_paths(self) -> None:
        """Refuse to run without the driver.

        Raises:
            SettingsError: it is not installed.
        """
        self.check_installed(self.driver)

    def check_dbt(self) -> None:
        """Refuse to start dbt without its adapter.

        Raises:
            SettingsError: it is not installed.
        """
        self.check_installed(self.adapter)

    @contextmanager
    def lock(self, wait_seconds: float = 0.0) -> Iterator[None]:
        """Hold a row of a table beside the raw ones, and renew it."""
        self.check_paths()
        with ExitStack() as held:
            lock = LockRow(self._open_client, self.now_ms, self.text_type, self.place)
            with self._in_one_line():
                held.enter_context(lock.held(wait_seconds))
            self._lock = lock
            try:
                yield
            finally:
                self._lock = None

    def check_lock(self) -> None:
        """Make sure that the row is still ours.

        Raises:
            AlreadyRunning: another run has taken it.
            DestinationError: the warehouse cannot be asked.
        """
        if self._lock is not None:
            with self._in_one_line():
                self._lock.check()

    @contextmanager
    def _in_one_line(self) -> Iterator[None]:
        try:
            yield
        except (AlreadyRunning, DestinationError, SettingsError):
            raise
        except Exception as error:
            raise self.refused_the_lock(error) from error

    def _open_client(self) -> "AbstractContextManager[SqlClientBase[Any]]":
        """Return a client of dlt's for the raw dataset, connected while entered."""
        from dlt.common.destination.client import DestinationClientDwhConfiguration
        from dlt.common.schema import Schema
        from dlt.destinations.job_client_impl import SqlJobClientBase

        from loader.warehouses.configuration import configure

        configure(self.dlt_values)
        destination = self.destination()
        settings = cast(DestinationClientDwhConfiguration, destination.spec())
        settings._bind_dataset_name(self.raw_schema)
        client = cast(SqlJobClientBase, destination.client(Schema("lock"), settings))
        return cast("AbstractContextManager[SqlClientBase[Any]]", client.sql_client)


def key_in(setting: str, path: Path, check: Callable[[str], object], what: str) -> str:
    """Return the text of a file that is a key.

    Args:
        setting: that names the file, for messages.
        path: of it.
        check: raises anything if the text is no such key.
        what: it should be, for messages.

    Raises:
        SettingsError: it is not to be read, or is no such key.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{setting} {path} cannot be read as UTF-8 text.") from None
    try:
        check(text)
    except Exception:
        # What it says may quote the file.
        raise SettingsError(f"{setting} {path} is not {what}.") from None
    return text
