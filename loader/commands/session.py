"""What commands share: the locks, the dataset, and a client that is logged in."""

import logging
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from loader.contracts import contract_of
from loader.genesys.client import Client
from loader.genesys.quota import Quota
from loader.genesys.retries import RetryPolicy
from loader.genesys.tokens import Grant
from loader.settings import Settings
from loader.warehouses.base import Warehouse
from loader.warehouses.dataset import Dataset
from loader.warehouses.lock import run_lock

logger = logging.getLogger(__name__)


def dataset_of(settings: Settings) -> Dataset:
    """Return the dataset of the settings' warehouse and contract, not yet connected."""
    return Dataset(settings, contract_of(settings).resource_names)


@contextmanager
def locked(
    settings: Settings, warehouse: Warehouse[Any], wait_seconds: float = 0.0
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
        _warn_of_readers(settings, warehouse)
        yield


def _warn_of_readers(settings: Settings, warehouse: Warehouse[Any]) -> None:
    """Warn of what others on this machine can read already; what we make they cannot."""
    for path in (settings.work_dir, *warehouse.files):
        if path.exists() and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            logger.warning(
                "%s holds personal data and others on this machine can read it; `chmod go= %s`",
                path, path,
            )  # fmt: skip


@contextmanager
def connected(settings: Settings, *, create: bool = True) -> Iterator[tuple[Client, Dataset]]:
    """Hold the locks; log in before the warehouse is touched: a refusal changes nothing.

    Args:
        settings: checked for the source too.
        create: whether a DuckDB file that is not there is made; else it reads as empty.
    """
    dataset = dataset_of(settings)
    dataset.check_paths()
    client = client_of(settings)
    with run_lock(settings.work_dir), closing(client):
        client.login()
        if not create and not dataset.exists():
            yield client, dataset
            return
        with dataset.warehouse.lock(), closing(dataset):
            _warn_of_readers(settings, dataset.warehouse)
            dataset.connect()
            yield client, dataset


def requests_per_minute(settings: Settings) -> int:
    """Return what the source grants: the setting, else the contract's documented limit."""
    return settings.requests_per_minute or contract_of(settings).quota


def client_of(settings: Settings) -> Client:
    """Return a client of the settings' organisation, not yet logged in."""
    contract = contract_of(settings)
    return Client(
        settings.hosts,
        settings.client_id,
        settings.client_secret.get_secret_value(),
        Quota(
            requests_per_minute(settings),
            {path: limits.per_second for path, limits in contract.limits.items()},
        ),
        RetryPolicy(
            request_seconds=settings.request_seconds,
            attempts=settings.retry_attempts,
            retry_seconds=settings.retry_seconds,
        ),
        now=settings.now,
        grant=Grant(contract.grant, settings.scope),
        endpoint_limits=contract.limits,
        is_clock_checked=settings.now_override is None,
    )
