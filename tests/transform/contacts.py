"""External contacts as a scan gives them, made by hand and small; all of them invented."""

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]


def contact(
    name: str,
    *,
    merged_to: str | None = None,
    merged_from: Sequence[str] = (),
    tree: Sequence[str] = (),
    external_ids: Sequence[str] = (),
    email: str | None = None,
) -> Json:
    """Return a contact; a merge makes it tell of canonicalContact, and its tree if one is given."""
    head = merged_to or (name if merged_from else None)
    told: Json = {
        "id": name,
        "type": "Curated",
        "firstName": name.title(),
        "cellPhone": {"e164": "+12025550100", "display": "(202) 555-0100"},
        "createDate": "2026-01-01T00:00:00.000Z",
        "customFields": {"anything": [1, {"goes": None}]},
    }
    if email:
        told["personalEmail"] = email
    if external_ids:
        source = {"id": "crm", "name": "CRM"}
        told["externalIds"] = [{"externalSource": source, "value": value} for value in external_ids]
    if head:
        told["canonicalContact"] = {"id": head}
    if merged_to:
        told["mergedTo"] = {"id": merged_to}
    if merged_from:
        told["mergedFrom"] = [{"id": one} for one in merged_from]
    if tree or merged_from:
        told["mergeSet"] = [{"id": one} for one in dict.fromkeys([head, *tree, *merged_from])]
    return told
