"""Evaluations and surveys, which are attached to a conversation days after its end."""

from tests.transform.conversations import call, conversation, evaluation, survey
from tests.transform.packed import Packed

EVALUATIONS = (
    "select evaluation_id, user_id, evaluator_user_id, form_name, evaluation_status, total_score,"
    " total_critical_score, is_rescored, is_counted, evaluated_date"
    " from genesys_marts.fct_conversation_evaluations"
    " where conversation_id like 'evaluated%' order by evaluation_id"
)
SURVEYS = (
    "select survey_id, queue_id, form_context_id, survey_status, promoter_group, promoter_score,"
    " total_score, is_completed, completed_at"
    " from genesys_marts.fct_conversation_surveys"
    " where conversation_id like 'evaluated%' order by survey_id"
)

CONVERSATIONS = [
    call("evaluated")
    | {
        "evaluations": [
            evaluation("first", oTotalCriticalScore=100),
            evaluation("pending", score=None, evaluationStatus="Pending", released=False),
        ]
    },
    call("evaluated-twice")
    | {
        # One id for two, and one without any, whose score and time read as nothing.
        "evaluations": [
            evaluation("same", user="user-9"),
            evaluation("same", score=60),
            {"oTotalScore": "NaN", "eventTime": "yesterday"},
        ]
    },
    conversation("evaluated-never", None) | {"evaluations": None, "surveys": {"surveyId": "none"}},
]
LATER = [
    call("evaluated")
    | {
        "evaluations": [evaluation("first", score=95, rescored=True)],
        "surveys": [
            survey("answered", promoter_score=6, oSurveyTotalScore=70),
            survey("sent", promoter_score=None, surveyStatus="Sent", surveyCompletedDate=None),
        ],
    },
]


def _row(name: str, score: float | None, **columns: object) -> dict[str, object]:
    return {
        "evaluation_id": name,
        "user_id": "user-1",
        "evaluator_user_id": "user-2",
        "form_name": "Service quality",
        "evaluation_status": "Finished",
        **({} if score is None else {"total_score": score}),
        "is_rescored": False,
        "is_counted": score is not None,
        "evaluated_date": "2026-09-02",
        **columns,
    }


TWICE = [
    {"evaluation_id": "evaluation 3", "is_rescored": False, "is_counted": False},
    _row("same", 80.0, user_id="user-9"),
    _row("same (2)", 60.0),
]


def test_evaluations_are_those_of_the_newest_version(packed: Packed) -> None:
    first, *others = packed.between[EVALUATIONS], packed.rows(EVALUATIONS)
    assert first == sorted(
        [
            *TWICE,
            _row("first", 80.0, total_critical_score=100.0),
            _row("pending", None, evaluation_status="Pending"),
        ],
        key=lambda row: str(row["evaluation_id"]),
    )
    # What was withdrawn is gone.
    assert others == [[TWICE[0], _row("first", 95.0, is_rescored=True), *TWICE[1:]]]


def test_surveys_that_come_later_are_there(packed: Packed) -> None:
    about = {"queue_id": "queue-1", "form_context_id": "survey-form"}
    assert packed.rows(SURVEYS) == [
        {"survey_id": "answered"}
        | about
        | {"survey_status": "Finished", "promoter_group": "detractor", "promoter_score": 6}
        | {"total_score": 70.0, "is_completed": True, "completed_at": "2026-09-01 10:00:00"},
        {"survey_id": "sent"} | about | {"survey_status": "Sent", "is_completed": False},
    ]


def test_who_is_named_by_an_evaluation_alone_has_a_row(packed: Packed) -> None:
    assert packed.rows(
        "select user_id, is_known from genesys_marts.dim_users"
        " where user_id in ('user-2', 'user-9') order by user_id"
    ) == [{"user_id": "user-2", "is_known": False}, {"user_id": "user-9", "is_known": False}]
