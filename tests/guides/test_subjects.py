"""Whose data the guides' records are: each declared path leads to ids of those it names."""

import msgspec
import pytest

from loader.contracts import GUIDES
from loader.seeds import export_columns
from loader.settings import Settings
from tests.guides.site import (
    AGENTS,
    CONTACTS,
    CONVERSATIONS,
    INTERACTIONS,
    PARTICIPANTS,
    GuidesSite,
)
from tests.sandbox.organisation import build_organisation

ORGANISATION = build_organisation(7)


def test_each_subject_is_found_where_its_resource_says(
    site: GuidesSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = (PARTICIPANTS, INTERACTIONS, AGENTS, CONTACTS, CONVERSATIONS)
    site.read(*names, ELT_START="2026-11-20", ELT_PAGE_SIZE="1000").succeeded()
    monkeypatch.setenv("GENESYS_CLIENT_ID", "nobody")
    monkeypatch.setenv("GENESYS_CLIENT_SECRET", "nothing")
    known = {
        "conversation": {one["conversationId"] for one in site.sandbox.truth()},
        "contact": {one.contact_id for one in ORGANISATION.contacts},
        "user": {str(one["id"]) for one in ORGANISATION.users},
    }
    external_ids: set[str] = set()
    asked = [one for one in GUIDES.resources(Settings.read()) if one.subjects]
    assert {one.name for one in asked} == set(names)
    for resource in asked:
        for subject in resource.subjects:
            if resource.name == INTERACTIONS and subject.path[0] not in export_columns():
                continue  # the mapping is the analysts': whoever adds it has it found
            rows = site.query(f"select payload from genesys_raw.{resource.name}")
            ids = {one for (text,) in rows for one in subject.ids_in(msgspec.json.decode(text))}
            assert ids, (resource.name, subject)
            if subject.kind == "external id":
                external_ids |= ids
            else:
                assert ids <= known[subject.kind], (resource.name, subject)
    # An attribute of a like name may hold another system's.
    assert external_ids & {one.crm_id for one in ORGANISATION.contacts}
