"""What the details add up to beside Genesys' aggregates, on a day whose aggregates change later."""

from datetime import timedelta
from typing import Any

from tests.transform.aggregates import bucket, group
from tests.transform.conversations import DAY, Json, at, conversation, participant, segment, session
from tests.transform.packed import Packed

QUEUE, USER = "reconciled-queue", "reconciled-user"
# The day after that of other scenarios, from midnight to midnight; it happens at nine o'clock.
WHOLE_DAY = (DAY + timedelta(hours=15), DAY + timedelta(hours=39))
LATER = 24 * 3600
WAITED, HANDLED = 30_000, 60_000


def _metrics(**values: int) -> list[Json]:
    return [
        {"name": name, "value": value, "emitDate": at(LATER + 90)} for name, value in values.items()
    ]


def _told(seconds: int, **values: tuple[int, int]) -> Json:
    """Return the bucket so many seconds into the scenarios' time, of counts and milliseconds."""
    return bucket(
        seconds // 900,
        [
            {"metric": name, "stats": {"count": count} | ({"sum": spent} if spent else {})}
            for name, (count, spent) in values.items()
        ],
    )


def _aggregates(handled: int) -> dict[str, list[Json]]:
    waited = {"nOffered": (1, 0), "tAcd": (1, WAITED)}
    of_both = {"tAnswered": (1, WAITED), "tHandle": (1, handled)}
    queue, user = ({name: who, "mediaType": "voice"} for name, who in (
        ("queueId", QUEUE), ("userId", USER)
    ))  # fmt: skip
    return {
        "queue_aggregates": [group(queue, _told(LATER, **waited, **of_both))],
        "agent_aggregates": [group(user, _told(LATER, **of_both))],
    }


READ: dict[str, Any] = {
    "conversation_details": [
        conversation(
            "reconciled",
            [
                participant(
                    "reconciled-q", "acd",
                    session(
                        "reconciled-acd",
                        [segment("interact", LATER, LATER + 30, queueId=QUEUE)],
                        metrics=_metrics(nOffered=1, tAcd=WAITED),
                    ),
                ),
                participant(
                    "reconciled-a", "agent",
                    session(
                        "reconciled-agent",
                        [segment("interact", LATER + 30, LATER + 90, queueId=QUEUE)],
                        metrics=_metrics(tAnswered=WAITED, tHandle=HANDLED),
                    ),
                    userId=USER,
                ),
            ],
            start=LATER,
            end=LATER + 90,
        )
    ],
    **_aggregates(HANDLED),
}  # fmt: skip
# The queue's aggregates when they were read again, hours later: half as much again.
TAMPERED: dict[str, Any] = {"queue_aggregates": _aggregates(HANDLED * 3 // 2)["queue_aggregates"]}

RECONCILED = f"""
    select subject_type, metric_name, reason, details_count, aggregates_count, details_seconds,
        aggregates_seconds, seconds_difference, relative_difference
    from genesys_marts.audit_reconciliation
    where
        subject_id in ('{QUEUE}', '{USER}')
        and is_details_day_complete and is_aggregates_day_complete
    order by subject_type, metric_name
"""


def _row(subject: str, metric: str, seconds: int | None = None, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    timed = {} if seconds is None else {
        "details_seconds": f"{seconds}.000", "aggregates_seconds": f"{seconds}.000",
        "seconds_difference": "0.000",
    }  # fmt: skip
    counted = {"details_count": 1, "aggregates_count": 1, "relative_difference": 0.0}
    return {"subject_type": subject, "metric_name": metric, **counted, **timed, **fields}


def test_details_agree_with_aggregates_until_one_of_these_changes(packed: Packed) -> None:
    """The warning names what changed, and nothing that agrees."""
    agreed = [
        _row("agent", "tAnswered", 30),
        _row("agent", "tHandle", 60),
        _row("queue", "nOffered"),
        _row("queue", "tAcd", 30),
        _row("queue", "tAnswered", 30),
    ]
    assert packed.between[RECONCILED] == [*agreed, _row("queue", "tHandle", 60)]
    apart = _row(
        "queue", "tHandle", 60, aggregates_seconds="90.000", seconds_difference="-30.000",
        relative_difference=1 / 3, reason="unexplained",
    )  # fmt: skip
    assert packed.rows(RECONCILED) == [*agreed, apart]
    packed.dbt("test", "--select", "assert_details_agree_with_aggregates")
    assert packed.rows(
        "select subject_id, metric_name"
        " from genesys_test_failures.assert_details_agree_with_aggregates"
        f" where subject_id in ('{QUEUE}', '{USER}')"
    ) == [{"subject_id": QUEUE, "metric_name": "tHandle"}]
