"""Reference data, page by page, with the defaults that make a careless reader lose history.

By page number nothing beyond 10 000 rows is listed, whatever the page's size.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from tests.sandbox.errors import Refusal
from tests.sandbox.organisation import Entity, Organisation

DEFAULT_PAGE = 25
LARGEST_PAGE = 500
MOST_ROWS = 10_000
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


@dataclass(frozen=True, slots=True)
class ListingRules:
    """How lists are cut, and whether they are longer than the organisation needs.

    Attributes:
        largest_page: rows; more are clamped.
        more_users: how many further users of each state there are, who take no part in anything.
        is_counted: whether a page tells how many rows and pages there are.
    """

    largest_page: int = LARGEST_PAGE
    more_users: Mapping[str, int] = field(default_factory=dict)
    is_counted: bool = True


def listing(
    organisation: Organisation,
    path: str,
    query: Mapping[str, str],
    outcomes: Sequence[Entity],
    rules: ListingRules,
) -> dict[str, object]:
    """Return a page of one of PATHS; raises Refusal (400).

    `outcomes` are the flow outcomes of the moment, as they alone change their names.
    """
    entities = outcomes if path == FLOW_OUTCOMES else _selected(organisation, path, query, rules)
    size = min(_positive(query, "pageSize", DEFAULT_PAGE), rules.largest_page)
    number = _positive(query, "pageNumber", 1)
    if number * size > MOST_ROWS:
        raise Refusal(400, f"pageNumber * pageSize must not exceed {MOST_ROWS}")
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
    if not rules.is_counted:
        for name in ("total", "pageCount", "lastUri"):
            del page[name]
    return page


def _selected(
    organisation: Organisation, path: str, query: Mapping[str, str], rules: ListingRules
) -> Sequence[Entity]:
    if path == "/api/v2/users":
        state = query.get("state", "active")
        users = [*organisation.users, *_further_users(rules)]
        if state == "any":
            return users
        if state not in USER_STATES:
            message = f"Value [{state}] is not valid for field type [State]."
            allowed = f" Allowable values are: {', '.join(USER_STATES)}, any"
            raise Refusal(400, message + allowed, "invalid.value")
        return [user for user in users if user["state"] == state]
    if path == "/api/v2/flows":
        deleted_too = query.get("deleted", "false") == "true"
        return [flow for flow in organisation.flows if deleted_too or not flow["deleted"]]
    return {
        "/api/v2/routing/queues": organisation.queues,
        "/api/v2/routing/wrapupcodes": organisation.wrap_up_codes,
        "/api/v2/routing/skills": organisation.skills,
        "/api/v2/authorization/divisions": organisation.divisions,
    }[path]


def _further_users(rules: ListingRules) -> list[Entity]:
    return [
        {"id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{state}:{number}")),
         "name": f"Further User {number}", "state": state}
        for state, count in rules.more_users.items()
        for number in range(count)
    ]  # fmt: skip


def _positive(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise Refusal(400, f"{name} must be greater than zero", "invalid.value")
    return int(text)
