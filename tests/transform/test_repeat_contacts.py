"""Who had to come back: told by later conversations and by time, of rows no load brings again."""

from datetime import timedelta

from tests.transform.conversations import DAY, Json, conversation, participant, segment, session
from tests.transform.packed import Packed

DAY_SECONDS = 24 * 3600
REPEATS = (
    "select conversation_id, is_followed_by_repeat_contact, repeat_observed_through"
    " from genesys_marts.fct_interactions where conversation_id like 'repeat-%'"
    " order by conversation_id"
)
# What is loaded after the first build: ten days in which one caller came back.
LATER_DAYS = (DAY + timedelta(hours=39), DAY + timedelta(days=10))


def _call(name: str, number: str, start: float = 0, contact: str | None = None) -> Json:
    who = {"externalContactId": contact} if contact else {}
    length = [segment("interact", start, start + 60)]
    held = session(f"{name}-s", length, ani=f"tel:{number}", dnis="tel:+49300")
    return conversation(
        name, [participant("p-1", "customer", held, **who)], start=start, end=start + 60
    )


CONVERSATIONS = [
    _call("repeat-comes-back", "+4930111"),
    _call("repeat-stays-away", "+4930222", contact="repeat-contact"),
    _call("repeat-hides", "anonymous"),
    _call("repeat-hides-too", "anonymous", start=DAY_SECONDS),
]
LATER = [_call("repeat-later", "+4930111", start=5 * DAY_SECONDS)]


def test_a_repeat_flips_an_earlier_row_and_time_alone_answers_no(packed: Packed) -> None:
    comes_back, stays_away = "repeat-comes-back", "repeat-stays-away"
    hidden = [{"conversation_id": f"repeat-hides{which}"} for which in ("", "-too")]
    seen_so_far = {"repeat_observed_through": "2026-09-03 00:00:00"}
    assert packed.between[REPEATS] == [
        {"conversation_id": comes_back, **seen_so_far},
        *hidden,
        {"conversation_id": stays_away, **seen_so_far},
    ]

    whole_week = {"repeat_observed_through": "2026-09-08 09:01:00"}
    assert packed.rows(REPEATS) == [
        {"conversation_id": comes_back, "is_followed_by_repeat_contact": True, **whole_week},
        *hidden,
        {"conversation_id": "repeat-later", "repeat_observed_through": "2026-09-11 09:00:00"},
        {"conversation_id": stays_away, "is_followed_by_repeat_contact": False, **whole_week},
    ]
    assert packed.rows(
        "select conversation_id, is_followed_by_repeat_contact, started_date"
        " from genesys_marts.fct_journey_steps where canonical_contact_id = 'repeat-contact'"
    ) == [
        {"conversation_id": stays_away, "is_followed_by_repeat_contact": False}
        | {"started_date": "2026-09-01"}
    ]
