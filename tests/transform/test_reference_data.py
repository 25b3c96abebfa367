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
    call("a", wrapup="ININ-WRAP-UP-TIMEOUT", outcomes=["SUCCESS", "FAILURE"]),
    call("b", wrapup="removed-code", queue="queue-gone", user="user-gone"),
]
REFERENCE: Json = {
    **reference(),
    "flow_outcomes": [
        {"id": "outcome-0", "name": "Identified", "division": {"id": "division-gone"}},
    ],
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
        {"user_id": "user-gone", "user_name": "Unknown user user-gone"} | unknown | there,
    ]

    assert packed.rows(QUEUES) == [
        {"queue_id": "queue-1", "queue_name": "Support, renamed", "division_name": "Home"}
        | known
        | there,
        {"queue_id": "queue-2", "queue_name": "Sales, renamed"} | known | there,
        {"queue_id": "queue-3", "queue_name": "Claims"} | known | gone,
        {"queue_id": "queue-gone", "queue_name": "Unknown queue queue-gone"} | unknown | there,
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
            "wrapup_code_name": "Unknown wrap-up code removed-code",
            "is_system": False,
        }
        | unknown,
    ]
    assert packed.rows(USERS) == [
        {"user_id": "user-1", "user_name": "Ada Example"} | known | gone,
        {"user_id": "user-bea", "user_name": "Bea Example"} | known | there,
        {"user_id": "user-gone", "user_name": "Eve, renamed"} | known | there,
    ]
    assert packed.rows(
        "select flow_outcome_id, flow_outcome_name, division_name, is_known"
        " from genesys_marts.dim_flow_outcomes"
        " where flow_outcome_id in ('outcome-0', 'outcome-1') order by flow_outcome_id"
    ) == [
        {"flow_outcome_id": "outcome-0", "flow_outcome_name": "Identified"} | known,
        {"flow_outcome_id": "outcome-1", "flow_outcome_name": "Unknown outcome outcome-1"}
        | unknown,
    ]
    assert packed.rows(
        "select division_id, division_name, is_home_division, is_known"
        " from genesys_marts.dim_divisions where division_id like 'division-%' order by division_id"
    ) == [
        {"division_id": "division-1", "division_name": "Home", "is_home_division": True} | known,
        {
            "division_id": "division-gone",
            "division_name": "Unknown division division-gone",
            "is_home_division": False,
        }
        | unknown,
    ]
    assert packed.rows("select skill_id, skill_name, is_deleted from genesys_marts.dim_skills") == [
        {"skill_id": "skill-1", "skill_name": "German"} | there
    ]


def test_every_date_of_the_years_read_is_there_with_its_week(packed: Packed) -> None:
    """2026 began on a Thursday, so it has 53 weeks; 2027 begins in the last of them."""
    assert packed.rows(
        "select min(date_day) as first, max(date_day) as last, count(*) as found"
        " from genesys_marts.dim_dates"
    ) == [{"first": "2025-01-01", "last": "2026-12-31", "found": 730}]
    dates = packed.rows(
        "select date_day, weekday_name, iso_week_number, iso_year_number, is_weekend,"
        " week_started_date, month_started_date, quarter_number from genesys_marts.dim_dates"
        " where date_day in (cast('2025-12-28' as date), cast('2025-12-29' as date),"
        " cast('2026-12-31' as date)) order by date_day"
    )
    assert [tuple(row.values()) for row in dates] == [
        ("2025-12-28", "Sunday", 52, 2025, True, "2025-12-22", "2025-12-01", 4),
        ("2025-12-29", "Monday", 1, 2026, False, "2025-12-29", "2025-12-01", 4),
        ("2026-12-31", "Thursday", 53, 2026, False, "2026-12-28", "2026-12-01", 4),
    ]
