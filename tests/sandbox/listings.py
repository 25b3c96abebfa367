"""Reference data, page by page, with the defaults that make a careless reader lose history."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from tests.sandbox.errors import Refusal
from tests.sandbox.organisation import Entity, Organisation

DEFAULT_PAGE = 25
LARGEST_PAGE = 500
USER_STATES = ("active", "inactive", "deleted")

FLOW_OUTCOMES = "/api/v2/flows/outcomes"
PATHS = (
    "/api/v2/users",
    "/api/v2/routing/queues",
    "/api/v2/routing/wrapupcodes",
    "/api/v2/routing/skills",
    "/api/v2/authorization/divisions",
    "/api/v2/flows",
    FLOW_OUTCOMES,
)


def listing(
    organisation: Organisation, path: str, query: Mapping[str, str], outcomes: Sequence[Entity]
) -> dict[str, object]:
    """Return a page of one of PATHS; raises Refusal (400).

    `outcomes` are the flow outcomes of the moment, as they alone change their names.
    """
    entities = outcomes if path == FLOW_OUTCOMES else _selected(organisation, path, query)
    size = min(_positive(query, "pageSize", DEFAULT_PAGE), LARGEST_PAGE)
    number = _positive(query, "pageNumber", 1)
    pages = -(-len(entities) // size)
    others = {key: value for key, value in query.items() if key not in {"pageSize", "pageNumber"}}

    def uri(page: int) -> str:
        return f"{path}?{urlencode({**others, 'pageSize': size, 'pageNumber': page})}"

    page: dict[str, object] = {
        "entities": entities[(number - 1) * size : number * size],
        "pageSize": size,
        "pageNumber": number,
        "total": len(entities),
        "firstUri": uri(1),
        "selfUri": uri(number),
        "lastUri": uri(max(pages, 1)),
        "pageCount": pages,
    }
    if number < pages:
        page["nextUri"] = uri(number + 1)
    if number > 1:
        page["previousUri"] = uri(number - 1)
    return page


def _selected(organisation: Organisation, path: str, query: Mapping[str, str]) -> Sequence[Entity]:
    if path == "/api/v2/users":
        state = query.get("state", "active")
        if state == "any":
            return organisation.users
        if state not in USER_STATES:
            message = f"Value [{state}] is not valid for field type [State]."
            allowed = f" Allowable values are: {', '.join(USER_STATES)}, any"
            raise Refusal(400, message + allowed, "invalid.value")
        return [user for user in organisation.users if user["state"] == state]
    if path == "/api/v2/flows":
        deleted_too = query.get("deleted", "false") == "true"
        return [flow for flow in organisation.flows if deleted_too or not flow["deleted"]]
    return {
        "/api/v2/routing/queues": organisation.queues,
        "/api/v2/routing/wrapupcodes": organisation.wrap_up_codes,
        "/api/v2/routing/skills": organisation.skills,
        "/api/v2/authorization/divisions": organisation.divisions,
    }[path]


def _positive(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise Refusal(400, f"{name} must be greater than zero", "invalid.value")
    return int(text)
