"""What commands that talk to Genesys share: the lock, a client that is logged in, the warehouse."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from loader.genesys.client import Client, Grant, RetryPolicy
from loader.genesys.quota import Quota
from loader.resources import RESOURCE_NAMES
from loader.resources.guides.contacts import GuidesContacts, GuidesConversations
from loader.resources.guides.flow_outcomes import CARE, GuidesFlowOutcomes
from loader.resources.guides.flow_outcomes import PATH as OUTCOMES
from loader.resources.guides.interactions import GuidesInteractions
from loader.resources.guides.intervals import intervals
from loader.resources.guides.participants import GuidesParticipants
from loader.resources.guides.worklist import Contacts
from loader.resources.platform.aggregates import aggregates
from loader.resources.platform.conversation_details import ConversationDetails
from loader.resources.platform.external_contacts import ExternalContacts
from loader.resources.platform.listings import listings
from loader.resources.resource import Resource
from loader.seeds import attribute_names, contact_attributes, export_columns
from loader.settings import Settings
from loader.warehouses.dataset import Dataset
from loader.warehouses.lock import run_lock


@contextmanager
def connected(settings: Settings, *, create: bool = True) -> Iterator[tuple[Client, Dataset]]:
    """Hold the lock; log in before the warehouse is touched: a refusal changes nothing.

    Args:
        settings: checked for the source too.
        create: whether a DuckDB file that is not there is made; else it reads as empty.
    """
    dataset = Dataset(settings, RESOURCE_NAMES[settings.contract])
    dataset.check_paths()
    client = client_of(settings)
    with run_lock(settings.work_dir):
        try:
            client.login()
            if create or dataset.exists():
                dataset.connect()
            yield client, dataset
        finally:
            client.close()
            dataset.close()


def client_of(settings: Settings) -> Client:
    """Return a client of the settings' organisation, not yet logged in."""
    is_guides = settings.contract == "guides"
    care = {OUTCOMES: CARE} if is_guides else {}
    return Client(
        settings.hosts,
        settings.client_id,
        settings.client_secret.get_secret_value(),
        Quota(settings.quota, {path: care.per_second for path, care in care.items()}),
        RetryPolicy(
            request_seconds=settings.request_seconds,
            attempts=settings.retry_attempts,
            retry_seconds=settings.retry_seconds,
        ),
        now=settings.now,
        grant=Grant("form" if is_guides else "basic", settings.scope),
        care=care,
        is_clock_checked=settings.now_override is None,
    )


def resources_of(settings: Settings, dataset: Dataset) -> list[Resource]:
    """Return all resources of the contract, in the order of `RESOURCE_NAMES`."""
    minutes = settings.interval_minutes
    granularity = f"PT{minutes}M" if minutes < 60 else "PT1H"
    if settings.contract == "platform":
        details = ConversationDetails(
            page_size=settings.page_size, job_seconds=settings.job_minutes * 60.0
        )
        return [*listings(), ExternalContacts(), details, *aggregates(granularity)]
    days = settings.contact_days
    contacts = Contacts(
        dataset.query,
        contact_attributes(settings.contact_column),
        timedelta(days=days) if days else None,
    )
    return [
        GuidesParticipants(attribute_names(), settings.page_size),
        GuidesInteractions(export_columns(), settings.page_size),
        GuidesFlowOutcomes(timedelta(hours=settings.window_hours), settings.page_size),
        *intervals(granularity),
        GuidesContacts(contacts),
        GuidesConversations(contacts, settings.page_size),
    ]
