"""Names, unknown ids and deletions: what dimensions tell of ids that conversations hold."""

from tests.transform.conversations import Json, call, reference
from tests.transform.packed import Packed

QUEUES = (
    "select queue_id, queue_name, division_name, is_known, is_deleted"
    " from genesys_marts.dim_queues where queue_id like 'queue-%' order by queue_id"
)
USERS = (
    "select user_id, user_name, is_known, is_deleted from genesys_marts.dim_users"
    " where user_id in ('user-1', 'user-bea', 'user-gone') order by user_id"
)


CONVERSATIONS = [
    call("a", wrapup="ININ-WRAP-UP-TIMEOUT"),
    call("b", wrapup="removed-code", queue="queue-gone", user="user-gone"),
]
REFERENCE: Json = {
    **reference(),
    "queues": [
        {"id": "queue-1", "name": "Support", "division": {"id": "division-1"}},
        {"id": "queue-2", "name": "Sales"},
        {"id": "queue-3", "name": "Claims"},
    ],
}
CHANGED: Json = {
    "queues": [
        {"id": "queue-1", "name": "Support, renamed", "division": {"id": "division-1"}},
        {"id": "queue-2", "name": "Sales"},
    ],
    "users": [
        {"id": "user-1", "name": "Ada Example", "state": "deleted"},
        {"id": "user-bea", "name": "Bea Example", "state": "active"},
        {"id": "user-gone", "name": "Eve Example", "state": "active"},
    ],
}
# A snapshot that stopped in the middle renames what it holds and deletes nothing.
STOPPED: Json = {"queues": [{"id": "queue-2", "name": "Sales, renamed"}]}
# Nor does one that holds no more than the rows Genesys lists.
CUT: Json = {"users": [{"id": "user-gone", "name": "Eve, renamed", "state": "active"}]}
CUT_AT = "not read to their end: users state active"


def test_g16_ids_that_nobody_knows_have_rows_and_later_names(packed: Packed) -> None:
    known, gone = {"is_known": True}, {"is_deleted": True}
    unknown, there = {"is_known": False}, {"is_deleted": False}
    assert packed.between[USERS] == [
        {"user_id": "user-1", "user_name": "Ada Example"} | known | there,
        {"user_id": "user-gone", "user_name": "Unknown user"} | unknown | there,
    ]

    assert packed.rows(QUEUES) == [
        {"queue_id": "queue-1", "queue_name": "Support, renamed", "division_name": "Home"}
        | known
        | there,
        {"queue_id": "queue-2", "queue_name": "Sales, renamed"} | known | there,
        {"queue_id": "queue-3", "queue_name": "Claims"} | known | gone,
        {"queue_id": "queue-gone", "queue_name": "Unknown queue"} | unknown | there,
    ]
    assert packed.rows(
        "select wrapup_code_id, wrapup_code_name, is_system, is_known"
        " from genesys_marts.dim_wrapup_codes order by wrapup_code_id",
    ) == [
        {
            "wrapup_code_id": "ININ-WRAP-UP-TIMEOUT",
            "wrapup_code_name": "ININ-WRAP-UP-TIMEOUT",
            "is_system": True,
        }
        | unknown,
        {"wrapup_code_id": "code-1", "wrapup_code_name": "Solved", "is_system": False} | known,
        {
            "wrapup_code_id": "removed-code",
            "wrapup_code_name": "Unknown wrap-up code",
            "is_system": False,
        }
        | unknown,
    ]
    assert packed.rows(USERS) == [
        {"user_id": "user-1", "user_name": "Ada Example"} | known | gone,
        {"user_id": "user-bea", "user_name": "Bea Example"} | known | there,
        {"user_id": "user-gone", "user_name": "Eve, renamed"} | known | there,
    ]
