"""The two contracts a warehouse is filled by: what each grants, and its resources in order.

A warehouse holds records of one contract. `platform` is the published Platform API v2, `guides` an
analytics gateway that speaks the five integration guides.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from loader.errors import SettingsError
from loader.genesys.circuit import EndpointLimits
from loader.resources.guides import flow_outcomes
from loader.resources.guides.contacts import GuidesContacts, GuidesConversations
from loader.resources.guides.flow_outcomes import GuidesFlowOutcomes
from loader.resources.guides.interactions import GuidesInteractions
from loader.resources.guides.intervals import METRICS, REPORTS, GuidesIntervals
from loader.resources.guides.participants import GuidesParticipants
from loader.resources.platform.aggregates import QUERIES, Aggregates
from loader.resources.platform.conversation_details import ConversationDetails
from loader.resources.platform.external_contacts import ExternalContacts
from loader.resources.platform.listings import PATHS, Listing
from loader.resources.resource import Resource
from loader.seeds import (
    ATTRIBUTE_REGISTRY,
    INTERACTION_COLUMNS,
    attribute_names,
    contact_attributes,
    export_columns,
)
from loader.setting_types import names_in
from loader.settings import Settings

Maker = Callable[[str, Settings], Resource[Any]]


@dataclass(frozen=True)
class Contract:
    """What the loader has to know of a contract.

    Attributes:
        name: as GENESYS_CONTRACT has it.
        quota: requests a minute it grants.
        attempts: how often a request is sent before it is given up.
        grant: how the client's credentials are sent: as a Basic header, or in the form.
        makers: what makes each resource, by its name, in the order they are read: names before
            what names them, contacts after what names contacts.
        limits: endpoints that bear less than the quota, by path.
        seeds: those the loader itself reads for it.
    """

    name: str
    quota: int
    attempts: int
    grant: Literal["basic", "form"]
    makers: Mapping[str, Maker]
    limits: Mapping[str, EndpointLimits] = field(default_factory=dict)
    seeds: Sequence[str] = ()

    @property
    def resource_names(self) -> Sequence[str]:
        """The names of its resources, which are those of their raw tables, in order."""
        return list(self.makers)

    def resources(self, settings: Settings) -> list[Resource[Any]]:
        """Return its resources in order.

        Raises:
            SettingsError: a seed selects nothing; naming the file and the remedy.
        """
        return [make(name, settings) for name, make in self.makers.items()]


def contract_of(settings: Settings) -> Contract:
    """Return the contract of the settings."""
    return CONTRACTS[settings.contract]


def _listing(name: str, settings: Settings) -> Listing:
    return Listing(name)


def _external_contacts(name: str, settings: Settings) -> ExternalContacts:
    return ExternalContacts()


def _conversation_details(name: str, settings: Settings) -> ConversationDetails:
    return ConversationDetails(settings.page_size, job_seconds=settings.job_minutes * 60.0)


def _aggregates(name: str, settings: Settings) -> Aggregates:
    return Aggregates(name, settings.granularity, timedelta(hours=settings.window_hours))


def report_metrics(settings: Settings) -> tuple[str, ...]:
    """Return the metrics to ask for beside those the guide to interval reports names.

    Raises:
        SettingsError: one that no mart knows.
    """
    names = names_in(settings.report_metrics)
    unknown = [name for name in names if name not in METRICS]
    if unknown:
        raise SettingsError(
            f"GENESYS_REPORT_METRICS: {', '.join(unknown)} is none of {', '.join(METRICS)}."
        )
    return names


def export_filters(settings: Settings) -> dict[str, str]:
    """Return the values exported interactions must hold, by path.

    Raises:
        SettingsError: one is no path=value, or a path comes twice: no record can hold both.
    """
    filters: dict[str, str] = {}
    for one in names_in(settings.export_filters):
        path, sign, value = (part.strip() for part in one.partition("="))
        if not (path and sign and value) or path in filters:
            raise SettingsError(
                f"GENESYS_EXPORT_FILTERS: {one} must be path=value, each path once, such as "
                "queue.id=a1b2c3d4-e5f6-7890-abcd-ef1234567890."
            )
        filters[path] = value
    return filters


def _participants(name: str, settings: Settings) -> GuidesParticipants:
    return GuidesParticipants(
        attribute_names(),
        settings.page_size,
        settings.participant_type,
        contact_attributes(settings.contact_column),
    )


def _interactions(name: str, settings: Settings) -> GuidesInteractions:
    return GuidesInteractions(export_columns(), settings.page_size, export_filters(settings))


def _flow_outcomes(name: str, settings: Settings) -> GuidesFlowOutcomes:
    return GuidesFlowOutcomes(timedelta(hours=settings.window_hours), settings.page_size)


def _intervals(name: str, settings: Settings) -> GuidesIntervals:
    return GuidesIntervals(
        name, settings.granularity, report_metrics(settings), names_in(settings.report_users)
    )


def _contacts(name: str, settings: Settings) -> GuidesContacts:
    days = settings.contact_days
    return GuidesContacts(
        contact_attributes(settings.contact_column), timedelta(days=days) if days else None
    )


def _conversations(name: str, settings: Settings) -> GuidesConversations:
    return GuidesConversations(settings.page_size)


PLATFORM = Contract(
    name="platform",
    quota=300,
    attempts=8,
    grant="basic",
    makers={
        **dict.fromkeys(PATHS, _listing),
        "external_contacts": _external_contacts,
        "conversation_details": _conversation_details,
        **dict.fromkeys(QUERIES, _aggregates),
    },
)
GUIDES = Contract(
    name="guides",
    quota=200,
    attempts=5,
    grant="form",
    makers={
        "guides_participants": _participants,
        "guides_interactions": _interactions,
        "guides_flow_outcomes": _flow_outcomes,
        **dict.fromkeys(REPORTS, _intervals),
        "guides_contacts": _contacts,
        "guides_conversations": _conversations,
    },
    limits={flow_outcomes.PATH: flow_outcomes.LIMITS},
    seeds=(ATTRIBUTE_REGISTRY, INTERACTION_COLUMNS),
)
CONTRACTS = {contract.name: contract for contract in (PLATFORM, GUIDES)}
