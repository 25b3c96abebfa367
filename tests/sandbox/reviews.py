"""What quality management makes of a conversation: evaluations by team leads, surveys of customers.

Shapes: AnalyticsEvaluation and AnalyticsSurvey of the published models. A review turns up in the
record of a conversation that has long ended, and nothing else of it changes then.
"""

import uuid
from collections.abc import Iterator

from tests.sandbox.conversation import Review
from tests.sandbox.draft import Draft, ParticipantDraft, SessionDraft

EVALUATED, SURVEYED = 0.08, 0.12
EVALUATION_FORMS = ("Service call quality", "Written contact quality")
SURVEY_FORM = "After contact survey"


def write_reviews(draft: Draft) -> None:
    """Write the reviews of the first agent who spoke to a customer, of some conversations."""
    evaluated, surveyed = draft.chance(EVALUATED), draft.chance(SURVEYED)
    served = next(_served(draft), None)
    if served is None or draft.direction != "inbound":
        return
    agent, session = served
    queue_id = next((s.queue_id for s in session.segments if s.queue_id), None)
    about = {"userId": agent.participant.user_id, "queueId": queue_id}
    if evaluated:
        draft.reviews.append(_evaluation(draft, session, about))
    if surveyed:
        draft.reviews.append(_survey(draft, session, about))


def _served(draft: Draft) -> Iterator[tuple[ParticipantDraft, SessionDraft]]:
    for drafted in draft.participants:
        for session in drafted.sessions:
            talked = any(segment.kind == "interact" for segment in session.segments)
            if drafted.participant.purpose == "agent" and talked:
                yield drafted, session


def _evaluation(draft: Draft, session: SessionDraft, about: dict[str, str | None]) -> Review:
    form = EVALUATION_FORMS[session.session.media in {"chat", "message", "email"}]
    status = draft.rng.choice(("Finished",) * 8 + ("Pending", "InProgress"))
    evaluator = draft.staff.lead(draft.rng, [user for user in about.values() if user])
    fields: dict[str, object] = {
        "evaluationId": draft.new_id(),
        "evaluatorId": evaluator.user_id,
        **about,
        "formId": _form_id(form),
        "formName": form,
        "contextId": _form_id(f"{form}, all versions"),
        "evaluationStatus": status,
        "assigneeApplicable": False,
        "deleted": False,
        "released": status == "Finished",
        "rescored": draft.chance(0.1),
        "systemSubmitted": False,
    }
    if status == "Finished":
        score = round(draft.rng.triangular(45, 100, 88))
        fields["oTotalScore"] = score
        fields["oTotalCriticalScore"] = min(100, score + draft.rng.randint(-15, 12))
    return Review("evaluations", session.end + draft.span(1_800, 36 * 3_600), fields)


def _survey(draft: Draft, session: SessionDraft, about: dict[str, str | None]) -> Review:
    status = draft.rng.choice(("Finished", "Finished", "Sent", "Expired", "OptOut"))
    fields: dict[str, object] = {
        "surveyId": draft.new_id(),
        **about,
        "surveyFormId": _form_id(SURVEY_FORM),
        "surveyFormName": SURVEY_FORM,
        "surveyFormContextId": _form_id(f"{SURVEY_FORM}, all versions"),
        "surveyStatus": status,
        "surveyType": "Voice" if session.session.media == "voice" else "Web",
    }
    at = session.end + draft.span(60, 6 * 3_600)
    if status != "Finished":
        return Review("surveys", at, fields)
    fields["surveyPartialResponse"] = draft.chance(0.15)
    fields["surveyPromoterScore"] = draft.rng.choice((10, 10, 9, 9, 8, 8, 7, 7, 6, 5, 3, 0))
    fields["oSurveyTotalScore"] = round(draft.rng.triangular(20, 100, 82))
    return Review("surveys", at, fields, stamped=("eventTime", "surveyCompletedDate"))


def _form_id(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"form:{name}"))
