"""The sandbox's faults over the wire: each goes wrong as scheduled, and only then."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.harness.place import fault
from tests.sandbox.contract import problems
from tests.sandbox.process import SandboxProcess, running_sandbox

NOW = "2026-11-20T12:00:00Z"
JOBS = "/api/v2/analytics/conversations/details/jobs"
WEEK = "2026-11-13T12:00:00.000Z/2026-11-20T12:00:00.000Z"
RESULTS = "GET .*/results"
USERS = "/api/v2/users"


@pytest.fixture(scope="module")
def process() -> Iterator[SandboxProcess]:
    with running_sandbox(conversations=120, now=NOW, quota=100_000) as running:
        yield running


@pytest.fixture
def sandbox(process: SandboxProcess) -> SandboxProcess:
    process.clear_faults()
    process.set_clock(NOW)
    return process


def log_in(sandbox: SandboxProcess) -> requests.Response:
    return requests.post(
        f"{sandbox.url}/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(sandbox.client_id, sandbox.client_secret),
        timeout=30,
    )


def client(sandbox: SandboxProcess) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Bearer {log_in(sandbox).json()['access_token']}"
    return session


def ask(
    sandbox: SandboxProcess, path: str = USERS, session: requests.Session | None = None
) -> requests.Response:
    return (session or client(sandbox)).get(sandbox.url + path, timeout=30)


def finished_job(sandbox: SandboxProcess, session: requests.Session) -> str:
    answer = session.post(sandbox.url + JOBS, json={"interval": WEEK}, timeout=30)
    job = str(answer.json()["jobId"])
    for _ in range(2):
        session.get(f"{sandbox.url}{JOBS}/{job}", timeout=30)
    return job


def page(
    sandbox: SandboxProcess, session: requests.Session, job: str, cursor: str | None = None
) -> requests.Response:
    query = {"pageSize": "50", **({"cursor": cursor} if cursor else {})}
    return session.get(f"{sandbox.url}{JOBS}/{job}/results", params=query, timeout=30)


def test_a_login_is_refused_with_an_oauth_body(sandbox: SandboxProcess) -> None:
    sandbox.add_faults(fault("POST /oauth/token", "status", status=401))
    refused = log_in(sandbox)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert log_in(sandbox).status_code == 200


def test_a_login_without_token_or_with_html(sandbox: SandboxProcess) -> None:
    sandbox.add_faults(
        fault("POST /oauth/token", "mutate", 1, drop=["access_token"]),
        fault("POST /oauth/token", "body", 2, text="<html>hi</html>", content_type="text/html"),
    )
    without, html = log_in(sandbox), log_in(sandbox)
    assert set(without.json()) == {"token_type", "expires_in"}
    assert html.headers["Content-Type"] == "text/html"
    assert html.text == "<html>hi</html>"


def test_a_revoked_token_stays_refused_and_a_fresh_one_works(sandbox: SandboxProcess) -> None:
    session = client(sandbox)
    job = finished_job(sandbox, session)
    sandbox.add_faults(fault(RESULTS, "expire_token", 2))
    assert page(sandbox, session, job).status_code == 200
    refused = page(sandbox, session, job)
    assert (refused.status_code, refused.json()["code"]) == (401, "bad.credentials")
    assert page(sandbox, session, job).status_code == 401
    assert page(sandbox, client(sandbox), job).status_code == 200


@pytest.mark.parametrize("retry_after", [3, 9_999_999_999, "Wed, 21 Oct 2026 07:28:00 GMT", None])
def test_a_429_with_any_retry_after_or_none(sandbox: SandboxProcess, retry_after: object) -> None:
    sandbox.add_faults(fault(USERS, "status", status=429, retry_after=retry_after))
    refused = ask(sandbox)
    assert refused.status_code == 429
    expected = None if retry_after is None else str(retry_after)
    assert refused.headers.get("Retry-After") == expected
    assert problems(refused.json(), "ErrorBody") == []
    assert refused.json()["code"] == "too.many.requests.retry.after"


def test_a_429_on_the_submission_takes_no_job(sandbox: SandboxProcess) -> None:
    session = client(sandbox)
    sandbox.add_faults(fault(f"POST {JOBS}", "status", status=429, retry_after=1))
    body = {"interval": WEEK}
    assert session.post(sandbox.url + JOBS, json=body, timeout=30).status_code == 429
    assert session.post(sandbox.url + JOBS, json=body, timeout=30).status_code == 202


def test_a_body_is_cut_below_its_content_length(sandbox: SandboxProcess) -> None:
    session = client(sandbox)
    job = finished_job(sandbox, session)
    whole = page(sandbox, session, job)
    sandbox.add_faults(fault(RESULTS, "cut", at=1000))
    with pytest.raises(requests.exceptions.RequestException) as told:
        page(sandbox, session, job)
    assert "1000 bytes read" in str(told.value)
    assert page(sandbox, session, job).json()["conversations"] == whole.json()["conversations"]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_as_often_as_asked(sandbox: SandboxProcess, status: int) -> None:
    sandbox.add_faults(fault(USERS, "status", [1, 3], status=status))
    session = client(sandbox)
    answers = [ask(sandbox, session=session) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [status, 200, status, 200]
    assert problems(answers[0].json(), "ErrorBody") == []


def test_answers_that_are_no_json_empty_or_an_error_in_disguise(sandbox: SandboxProcess) -> None:
    disguised = {"code": "bad.request", "status": 400, "message": "no"}
    sandbox.add_faults(
        fault(USERS, "body", 1, text="<html>", content_type="text/html"),
        fault(USERS, "body", 2, text=""),
        fault(USERS, "body", 3, body=disguised),
    )
    html, empty, error = (ask(sandbox) for _ in range(3))
    assert (html.status_code, html.headers["Content-Type"]) == (200, "text/html")
    assert (empty.status_code, empty.content) == (200, b"")
    assert (error.status_code, error.json()) == (200, disguised)


def test_results_without_conversations(sandbox: SandboxProcess) -> None:
    session = client(sandbox)
    job = finished_job(sandbox, session)
    sandbox.add_faults(fault(RESULTS, "mutate", drop=["conversations"]))
    assert set(page(sandbox, session, job).json()) == {"cursor", "dataAvailabilityDate"}


def test_the_same_cursor_for_ever(sandbox: SandboxProcess) -> None:
    session = client(sandbox)
    job = finished_job(sandbox, session)
    sandbox.add_faults(fault(RESULTS, "mutate", "all", cursor="same"))
    first = page(sandbox, session, job).json()
    second = page(sandbox, session, job, first["cursor"]).json()
    third = page(sandbox, session, job, second["cursor"]).json()
    assert first["cursor"] == second["cursor"] == third["cursor"]
    assert first["conversations"] != second["conversations"] == third["conversations"]


def test_empty_pages_with_a_new_cursor_for_ever(sandbox: SandboxProcess) -> None:
    session = client(sandbox)
    job = finished_job(sandbox, session)
    sandbox.add_faults(fault(RESULTS, "mutate", "2+", empty=True))
    pages = [page(sandbox, session, job).json()]
    for _ in range(4):
        pages.append(page(sandbox, session, job, pages[-1]["cursor"]).json())
    assert [len(one["conversations"]) for one in pages] == [50, 0, 0, 0, 0]
    assert len({one["cursor"] for one in pages}) == 5
    sandbox.clear_faults()
    # The cursors still lead where the reading stopped: nothing was lost on the way.
    rest = page(sandbox, session, job, pages[-1]["cursor"]).json()
    assert len(rest["conversations"]) == 50


def test_a_last_page_that_never_comes(sandbox: SandboxProcess) -> None:
    session = client(sandbox)
    job = finished_job(sandbox, session)
    sandbox.add_faults(fault(RESULTS, "mutate", cursor="none"))
    assert "cursor" not in page(sandbox, session, job).json()


def test_the_records_of_a_page_come_in_another_order(sandbox: SandboxProcess) -> None:
    session = client(sandbox)
    job = finished_job(sandbox, session)
    told = page(sandbox, session, job).json()["conversations"]
    sandbox.add_faults(fault(RESULTS, "mutate", reversed=True))
    assert page(sandbox, session, job).json()["conversations"] == told[::-1]
    users = session.get(f"{sandbox.url}/api/v2/users", timeout=30).json()["entities"]
    sandbox.add_faults(fault("GET /api/v2/users", "mutate", reversed=True))
    again = session.get(f"{sandbox.url}/api/v2/users", timeout=30).json()["entities"]
    assert again == users[::-1]


@pytest.mark.parametrize(
    ("kind", "bytes_on_the_wire"),
    [
        ("no_id", b'{"conversationStart":"2026-01-01'),
        ("null_id", b'"conversationId":null'),
        ("blank_id", b'"conversationId":" "'),
        ("lone_surrogate", rb"x\ud800y"),
        ("nan", b":NaN"),
        ("deep", b"[" * 300),
        ("nul", rb"a\u0000b"),
        ("not_an_object", b"a text where"),
        ('{"conversationId":"x","participants":"none"}', b'"participants":"none"'),
    ],
)
def test_a_broken_record_lies_among_the_good_ones(
    sandbox: SandboxProcess, kind: str, bytes_on_the_wire: bytes
) -> None:
    session = client(sandbox)
    job = finished_job(sandbox, session)
    good = page(sandbox, session, job).json()["conversations"]
    sandbox.add_faults(fault(RESULTS, "mutate", splice=kind, position=2))
    spoilt = page(sandbox, session, job)
    assert spoilt.content.count(bytes_on_the_wire) == 1
    records: list[Any] = json.loads(spoilt.content)["conversations"]
    assert records[:2] + records[3:] == good


@pytest.mark.parametrize("state", ["FAILED", "EXPIRED", "PENDING", "QUEUED", "CANCELLED"])
def test_a_job_stays_in_the_state_it_was_put_in(sandbox: SandboxProcess, state: str) -> None:
    session = client(sandbox)
    sandbox.add_faults(fault(f"GET {JOBS}/[0-9a-f-]{{36}}$", "job", state=state))
    job = finished_job(sandbox, session)
    for _ in range(3):
        told = session.get(f"{sandbox.url}{JOBS}/{job}", timeout=30).json()
        assert told["state"] == state
        assert problems(told, "AsyncQueryStatus") == []
    assert ("errorMessage" in told) == (state == "FAILED")
    assert page(sandbox, session, job).status_code in {400, 404}
    other = finished_job(sandbox, session)
    assert page(sandbox, session, other).status_code == 200


def test_headers_are_changed_and_removed(sandbox: SandboxProcess) -> None:
    changed = {"inin-ratelimit-allowed": "7", "Location": "http://elsewhere.example/"}
    sandbox.add_faults(fault(USERS, "headers", set=changed, remove=["ININ-Correlation-Id"]))
    answer, after = ask(sandbox), ask(sandbox)
    assert answer.headers["inin-ratelimit-allowed"] == "7"
    assert answer.headers["Location"] == "http://elsewhere.example/"
    assert "inin-ratelimit-count" in answer.headers
    assert "ININ-Correlation-Id" in after.headers


def test_a_slow_answer_outlasts_an_impatient_client(sandbox: SandboxProcess) -> None:
    session = client(sandbox)
    sandbox.add_faults(fault(USERS, "delay", seconds=1))
    with pytest.raises(requests.exceptions.ReadTimeout):
        session.get(sandbox.url + USERS, timeout=0.2)
    assert ask(sandbox).status_code == 200


def test_a_dripping_answer_comes_whole_in_the_end(sandbox: SandboxProcess) -> None:
    sandbox.add_faults(fault(USERS, "drip", size=4000, seconds=0.01))
    dripping, whole = ask(sandbox), ask(sandbox)
    assert sandbox.faults()[0]["hits"] == 1
    assert dripping.json() == whole.json()


def test_time_passes_between_two_requests(sandbox: SandboxProcess) -> None:
    sandbox.add_faults(fault(USERS, "clock", 2, advance_seconds=3600))
    ask(sandbox)
    assert sandbox.now() == NOW
    ask(sandbox)
    assert sandbox.now() == "2026-11-20T13:00:00Z"


def test_the_schedule_counts_what_it_saw_and_refuses_nonsense(sandbox: SandboxProcess) -> None:
    sandbox.add_faults(fault(USERS, "status", 2, status=500))
    for _ in range(3):
        ask(sandbox)
    (line,) = sandbox.faults()
    assert (line["seen"], line["hits"]) == (3, 1)
    for wrong in (fault(USERS, "explode"), fault("(", "cut"), fault(USERS, "cut", "x"), {}):
        with pytest.raises(RuntimeError, match="400"):
            sandbox.add_faults(wrong)
    assert len(sandbox.faults()) == 1
