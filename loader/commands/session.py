"""What commands that talk to Genesys share: the locks, a client that is logged in, the dataset."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from loader.contracts import contract_of
from loader.genesys.client import Client
from loader.genesys.quota import Quota
from loader.genesys.retries import RetryPolicy
from loader.genesys.tokens import Grant
from loader.settings import Settings
from loader.warehouses.base import OURS
from loader.warehouses.dataset import Dataset
from loader.warehouses.lock import run_lock, warn_of_readers


def dataset_of(settings: Settings, ours: str = OURS) -> Dataset:
    """Return the dataset of the settings' warehouse and contract, not yet connected.

    Args:
        settings: the settings.
        ours: what the names of its schemas begin with.
    """
    return Dataset(settings, contract_of(settings).resource_names, ours)


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
            warn_of_readers(settings, dataset.warehouse)
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
            attempts=settings.retry_attempts or contract.attempts,
            retry_seconds=settings.retry_seconds,
        ),
        now=settings.now,
        grant=Grant(contract.grant, settings.scope),
        endpoint_limits=contract.limits,
        is_clock_checked=settings.now_override is None,
    )
