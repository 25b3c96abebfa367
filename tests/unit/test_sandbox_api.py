"""The sandbox's API over the wire: every body is a published one, every rule bites."""

import base64
import gzip
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.sandbox.contract import descend, problems
from tests.sandbox.process import ROOT, SandboxProcess, running_sandbox

NOW = "2026-11-20T12:00:00Z"
COUNT = 260
JOBS = "/api/v2/analytics/conversations/details/jobs"
QUERY = "/api/v2/analytics/conversations/details/query"
WEEK = "2026-11-13T12:00:00.000Z/2026-11-20T12:00:00.000Z"
LISTINGS = {
    "/api/v2/users": "UserEntityListing",
    "/api/v2/routing/queues": "QueueEntityListing",
    "/api/v2/routing/wrapupcodes": "WrapupCodeEntityListing",
    "/api/v2/routing/skills": "SkillEntityListing",
    "/api/v2/authorization/divisions": "AuthzDivisionEntityListing",
    "/api/v2/flows": "FlowEntityListing",
    "/api/v2/flows/outcomes": "FlowOutcomeListing",
}
Told = dict[str, Any]


class Client:
    """A plain client: it remembers its token and checks every error body it gets."""

    def __init__(self, sandbox: SandboxProcess) -> None:
        self.sandbox = sandbox
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers["Authorization"] = f"Bearer {self.log_in().json()['access_token']}"

    def log_in(self, *, secret: str = "sandbox-secret", client: str = "demo",
               grant: str = "client_credentials") -> requests.Response:  # fmt: skip
        """Ask for a token."""
        with requests.Session() as http:
            http.trust_env = False
            return http.post(
                f"{self.sandbox.url}/oauth/token",
                data={"grant_type": grant},
                auth=(client, secret),
                timeout=30,
            )

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:  # noqa: ANN401
        """Send a request; an error must come with a published body."""
        answer = self.http.request(method, self.sandbox.url + path, timeout=30, **options)
        if answer.status_code >= 400:
            assert problems(answer.json(), "ErrorBody") == []
            assert answer.json()["status"] == answer.status_code
        return answer

    def get(self, path: str, model: str, **query: object) -> Told:
        """Read a document that must be of a model."""
        answer = self.ask("GET", path, params=query)
        assert answer.status_code == 200
        told: Told = answer.json()
        assert problems(told, model) == []
        return told

    def submit(self, interval: str, **more: object) -> str:
        """Submit a job and return its id."""
        answer = self.ask("POST", JOBS, json={"interval": interval, **more})
        assert answer.status_code == 202
        assert problems(answer.json(), "AsyncQueryResponse") == []
        return str(answer.json()["jobId"])

    def state(self, job: str) -> str:
        """Poll a job once."""
        return str(self.get(f"{JOBS}/{job}", "AsyncQueryStatus")["state"])

    def finish(self, interval: str, **more: object) -> str:
        """Submit a job and poll until it is done."""
        job = self.submit(interval, **more)
        while self.state(job) != "FULFILLED":
            pass
        return job

    def pages(self, job: str, page_size: int = 100) -> list[Told]:
        """Read all pages of a job."""
        query: Told = {"pageSize": page_size}
        pages = []
        while True:
            path, model = f"{JOBS}/{job}/results", "AnalyticsConversationAsyncQueryResponse"
            pages.append(self.get(path, model, **query))
            if "cursor" not in pages[-1]:
                return pages
            query["cursor"] = pages[-1]["cursor"]

    def read(self, interval: str, **more: object) -> list[Told]:
        """Read all records of an interval through a job."""
        pages = self.pages(self.finish(interval, **more))
        return [record for page in pages for record in page["conversations"]]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    with running_sandbox(conversations=COUNT, now=NOW, quota=100_000) as process:
        yield process


@pytest.fixture
def client(sandbox: SandboxProcess) -> Iterator[Client]:
    sandbox.clear_faults()
    sandbox.set_clock(NOW)
    yield Client(sandbox)


def ids(records: list[Told]) -> list[str]:
    return [record["conversationId"] for record in records]


# -- tokens -------------------------------------------------------------------------------------


def test_a_token_is_given_for_the_right_credentials_alone(client: Client) -> None:
    told = client.log_in().json()
    assert set(told) == {"access_token", "token_type", "expires_in"}
    assert (told["token_type"], told["expires_in"]) == ("bearer", 86399)
    unknown = client.log_in(client="somebody")
    assert unknown.status_code == 400
    assert unknown.json()["error"] == "invalid_client"
    assert "client not found: invalid_client" in unknown.text
    assert client.log_in(secret="wrong").status_code == 401
    assert client.log_in(grant="password").json()["error"] == "unsupported_grant_type"


def test_credentials_in_the_body_count_where_there_is_no_header(client: Client) -> None:
    body = {"grant_type": "client_credentials", "client_id": "demo",
            "client_secret": "sandbox-secret"}  # fmt: skip
    url = f"{client.sandbox.url}/oauth/token"

    def status(told: dict[str, str], auth: tuple[str, str] | None = None) -> int:
        return requests.post(url, data=told, auth=auth, timeout=30).status_code

    assert status(body) == 200
    assert status({**body, "client_secret": "wrong"}) == 401
    assert status({**body, "client_id": "somebody"}) == 400
    assert status(body, ("demo", "wrong")) == 401


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "authentication.required"),
        ("Basic abc", "authentication.required"),
        ("Bearer x", "bad.credentials"),
    ],
)
def test_without_a_good_token_nothing_is_told(
    client: Client, header: str | None, code: str
) -> None:
    client.http.headers["Authorization"] = header  # type: ignore[assignment]
    answer = client.ask("GET", "/api/v2/users")
    assert (answer.status_code, answer.json()["code"]) == (401, code)


def test_a_token_expires(sandbox: SandboxProcess) -> None:
    with running_sandbox(conversations=1, now=NOW, token_seconds=0) as short:
        answer = Client(short).ask("GET", "/api/v2/users")
    assert (answer.status_code, answer.json()["code"]) == (401, "bad.credentials")


# -- details jobs -------------------------------------------------------------------------------


def test_a_job_is_polled_until_it_is_done_and_its_pages_hold_each_conversation_once(
    client: Client,
) -> None:
    job = client.submit(WEEK)
    early = client.ask("GET", f"{JOBS}/{job}/results")
    assert early.status_code == 400
    assert [client.state(job), client.state(job)] == ["PENDING", "FULFILLED"]
    pages = client.pages(job, page_size=64)
    records = [record for page in pages for record in page["conversations"]]
    assert len(pages) > 3
    assert {len(page["conversations"]) for page in pages[:-1]} == {64}
    assert len(set(ids(records))) == len(records)
    arrived = {
        told["conversationId"]
        for told in client.sandbox.truth()
        if told["versions"][0]["visibleAt"][:19] <= NOW[:19]
    }
    assert set(ids(records)) == arrived
    starts = [record["conversationStart"] for record in records]
    assert starts == sorted(starts, key=lambda text: text.replace("Z", ".000Z")[:23])
    assert any("attributes" in p for r in records for p in r["participants"])


@pytest.mark.parametrize(("size", "sizes"), [(5, [5, 5]), (9, [9, 1]), (10, [10]), (11, [10])])
def test_the_last_page_has_no_cursor_whether_full_or_not(
    client: Client, size: int, sizes: list[int]
) -> None:
    pages = client.pages(client.finish(WEEK, limit=10), page_size=size)
    assert [len(page["conversations"]) for page in pages] == sizes


def test_a_page_read_again_is_the_same_and_cursors_never_repeat(client: Client) -> None:
    job = client.finish(WEEK)
    path = f"{JOBS}/{job}/results"
    first, again = (client.ask("GET", path, params={"pageSize": 50}).json() for _ in range(2))
    assert first["conversations"] == again["conversations"]
    assert first["cursor"] != again["cursor"]
    after = [
        client.ask("GET", path, params={"pageSize": 50, "cursor": page["cursor"]}).json()
        for page in (first, again)
    ]
    assert after[0]["conversations"] == after[1]["conversations"]


def test_cursors_of_nobody_or_of_another_job_are_refused(client: Client) -> None:
    one, other = client.finish(WEEK), client.finish(WEEK)
    cursor = client.pages(one, page_size=200)[0]["cursor"]
    for wrong in ("nonsense", "", base64.b64encode(b"a|b|c").decode()):
        query = {"cursor": wrong}
        assert client.ask("GET", f"{JOBS}/{one}/results", params=query).status_code == 400
    foreign = client.ask("GET", f"{JOBS}/{other}/results", params={"cursor": cursor})
    assert foreign.status_code == 400


def test_a_page_is_never_larger_than_the_largest(client: Client) -> None:
    with running_sandbox(conversations=COUNT, now=NOW, max_page_size=90) as strict:
        one = Client(strict)
        pages = one.pages(one.finish(WEEK), page_size=5000)
    assert {len(page["conversations"]) for page in pages[:-1]} == {90}


def test_jobs_are_cancelled_unknown_expired(client: Client) -> None:
    job = client.finish(WEEK)
    assert client.ask("DELETE", f"{JOBS}/{job}").status_code == 204
    assert client.state(job) == "CANCELLED"
    assert client.ask("GET", f"{JOBS}/{job}/results").status_code == 400
    assert client.ask("GET", f"{JOBS}/{job[:-1]}0").status_code == 404
    another = client.finish(WEEK)
    client.sandbox.advance_clock(3 * 86400)
    assert client.state(another) == "EXPIRED"
    assert client.ask("GET", f"{JOBS}/{another}/results").status_code == 404


def test_a_slow_job_is_queued_first() -> None:
    with running_sandbox(conversations=1, now=NOW, job_polls=3) as slow:
        client = Client(slow)
        job = client.submit(WEEK)
        states = [client.state(job) for _ in range(4)]
    assert states == ["QUEUED", "QUEUED", "PENDING", "FULFILLED"]


def test_availability_lags_behind_the_clock_and_each_page_tells_it(client: Client) -> None:
    told = client.get(f"{JOBS}/availability", "DataAvailabilityResponse")
    assert told == {"dataAvailabilityDate": "2026-11-20T11:30:00Z"}
    pages = client.pages(client.finish(WEEK))
    assert {page["dataAvailabilityDate"] for page in pages} == {"2026-11-20T11:30:00Z"}


def test_a_job_shows_the_moment_it_was_submitted(client: Client) -> None:
    client.sandbox.set_clock("2026-11-18T12:00:00Z")
    job = client.finish(WEEK)
    client.sandbox.set_clock(NOW)
    then = [record for page in client.pages(job) for record in page["conversations"]]
    now = client.read(WEEK)
    assert set(ids(then)) < set(ids(now))
    ended = {record["conversationId"] for record in now if "conversationEnd" in record}
    assert any(r["conversationId"] in ended for r in then if "conversationEnd" not in r)


def test_a_window_past_the_availability_date_comes_back_partial_without_a_word(
    client: Client,
) -> None:
    client.sandbox.set_clock("2026-11-17T12:00:00Z")
    day = "2026-11-17T00:00:00.000Z/2026-11-18T00:00:00.000Z"
    partial = client.read(day)
    client.sandbox.set_clock(NOW)
    assert 0 < len(partial) < len(client.read(day))


def test_a_job_finds_what_was_alive_unless_told_to_match_the_start_of_the_day(
    client: Client,
) -> None:
    noon = "2026-11-18T12:00:00.000Z/2026-11-18T13:00:00.000Z"
    alive = client.read(noon)
    since_midnight = client.read(noon, startOfDayIntervalMatching=True)
    starts = {record["conversationStart"][:10] for record in since_midnight}
    assert starts == {"2026-11-18"}
    assert set(ids(since_midnight)) < set(ids(alive))


def test_order_and_limit_are_honoured(client: Client) -> None:
    up = ids(client.read(WEEK))
    assert ids(client.read(WEEK, order="desc")) == up[::-1]
    assert ids(client.read(WEEK, limit=7)) == up[:7]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "does not exceed 31 days"),
        ({"interval": "2026-10-01T00:00:00Z/2026-11-02T00:00:00Z"}, "does not exceed 31 days"),
        ({"interval": "2026-11-02T00:00:00Z/2026-11-02T00:00:00Z"}, "start before it ends"),
        ({"interval": "yesterday/today"}, "not a valid interval"),
        ({"interval": WEEK, "paging": {"pageSize": 1, "pageNumber": 1}}, "Unrecognized field"),
        ({"interval": WEEK, "segmentFilters": [{"type": "or"}]}, "segmentFilters"),
        ({"interval": WEEK, "limit": 0}, "limit"),
    ],
)
def test_wrong_jobs_are_refused(client: Client, body: Told, text: str) -> None:
    answer = client.ask("POST", JOBS, json=body)
    assert answer.status_code == 400
    assert text in answer.json()["message"]


def test_exactly_31_days_and_empty_filters_are_fine(client: Client) -> None:
    client.submit("2026-10-01T00:00:00Z/2026-11-01T00:00:00Z", segmentFilters=[])


# -- details query ------------------------------------------------------------------------------


def ask_live(client: Client, interval: str, size: int = 100, number: int = 1) -> Told:
    paging = {"pageSize": size, "pageNumber": number}
    answer = client.ask("POST", QUERY, json={"interval": interval, "paging": paging})
    assert answer.status_code == 200
    told: Told = answer.json()
    assert problems(told, "AnalyticsConversationQueryResponse") == []
    for record in told.get("conversations", []):
        assert problems(record, "AnalyticsConversationWithoutAttributes") == []
    return told


def test_a_query_tells_whole_days_live_and_without_attributes(client: Client) -> None:
    hour = "2026-11-18T12:00:00.000Z/2026-11-18T13:00:00.000Z"
    whole_day = ask_live(client, hour)
    records = whole_day["conversations"]
    assert whole_day["totalHits"] == len(records) > 20
    of_the_day = [t for t in client.sandbox.truth() if t["start"].startswith("2026-11-18")]
    assert sorted(ids(records)) == sorted(told["conversationId"] for told in of_the_day)
    assert not [p for p in descend(whole_day, "conversations", "participants") if "attributes" in p]
    client.sandbox.set_clock(records[0]["conversationStart"])
    live = ask_live(client, hour)
    assert ids(live["conversations"]) == ids(records)[:1]


def test_a_query_is_paged_by_number_25_by_default(client: Client) -> None:
    pages = [ask_live(client, WEEK, 60, number) for number in range(1, 6)]
    every = [record for page in pages for record in page["conversations"]]
    assert len(every) == len(set(ids(every))) == pages[0]["totalHits"]
    assert "conversations" not in ask_live(client, WEEK, 60, 6)
    default = client.ask("POST", QUERY, json={"interval": WEEK}).json()
    assert ids(default["conversations"]) == ids(every)[:25]
    assert ask_live(client, "2025-01-01T00:00:00Z/2025-01-02T00:00:00Z") == {"totalHits": 0}


@pytest.mark.parametrize(
    ("paging", "text"),
    [
        ({"pageSize": 101, "pageNumber": 1}, "pageSize"),
        ({"pageSize": 0, "pageNumber": 1}, "pageSize"),
        ({"pageSize": 100, "pageNumber": 0}, "pageNumber"),
        ({"pageSize": 100}, "pageNumber"),
        ({"pageSize": 100, "pageNumber": 1001}, "Pagination may not exceed 100000 results"),
    ],
)
def test_paging_has_its_limits(client: Client, paging: Told, text: str) -> None:
    answer = client.ask("POST", QUERY, json={"interval": WEEK, "paging": paging})
    assert answer.status_code == 400
    assert text in answer.json()["message"]


# -- reference data -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", LISTINGS)
@pytest.mark.parametrize("size", [7, 500])
def test_listings_are_paged_by_number_each_entity_once(
    client: Client, path: str, size: int
) -> None:
    more = {"state": "any"} if path.endswith("users") else {}
    first = client.get(path, LISTINGS[path], pageSize=size, **more)
    entities = list(first["entities"])
    for number in range(2, first["pageCount"] + 1):
        page = client.get(path, LISTINGS[path], pageSize=size, pageNumber=number, **more)
        assert page["pageNumber"] == number
        assert ("nextUri" in page) == (number < first["pageCount"])
        entities += page["entities"]
    assert len({entity["id"] for entity in entities}) == len(entities) == first["total"]
    beyond = client.get(path, LISTINGS[path], pageSize=size, pageNumber=20, **more)
    assert beyond["entities"] == []


def test_next_uri_leads_on_with_the_same_question(client: Client) -> None:
    first = client.get("/api/v2/users", "UserEntityListing", state="any", pageSize=40)
    second = client.ask("GET", first["nextUri"]).json()
    assert (second["pageNumber"], second["total"]) == (2, first["total"])
    assert "nextUri" not in second


def test_pages_are_25_by_default_and_never_above_500(client: Client) -> None:
    model = "UserEntityListing"
    assert len(client.get("/api/v2/users", model)["entities"]) == 25
    assert client.get("/api/v2/users", model, pageSize=100_000)["pageSize"] == 500
    assert client.ask("GET", "/api/v2/users", params={"pageSize": "0"}).status_code == 400


def test_a_careless_reader_loses_leavers_and_deleted_flows(client: Client) -> None:
    def users(**query: object) -> set[str]:
        told = client.get("/api/v2/users", "UserEntityListing", pageSize=500, **query)
        return {user["state"] for user in told["entities"]}

    def flows(**query: object) -> set[bool]:
        told = client.get("/api/v2/flows", "FlowEntityListing", pageSize=500, **query)
        return {flow["deleted"] for flow in told["entities"]}

    assert users() == {"active"}
    assert users(state="any") == {"active", "inactive", "deleted"}
    assert users(state="inactive") == {"inactive"}
    assert client.ask("GET", "/api/v2/users", params={"state": "gone"}).status_code == 400
    assert flows() == {False}
    assert flows(deleted="true") == {False, True}
    skills = client.get("/api/v2/routing/skills", "SkillEntityListing", pageSize=500)
    assert {s["state"] for s in skills["entities"]} == {"active", "inactive", "deleted"}


# -- errors, headers, quota ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v2/nothing/here", 404),
        ("GET", "/elsewhere", 404),
        ("GET", "/api/v2/users/", 404),
        ("POST", "/api/v2/users", 405),
        ("GET", QUERY, 405),
        ("POST", JOBS, 400),
        ("POST", QUERY, 400),
    ],
)
def test_what_does_not_exist_or_is_not_json_is_refused(
    client: Client, method: str, path: str, status: int
) -> None:
    assert client.ask(method, path, data=b"{no json").status_code == status


def test_a_request_that_is_too_large_is_refused(client: Client) -> None:
    assert client.ask("POST", QUERY, data=b" " * 512_001).status_code == 413


def test_every_answer_tells_the_quota_and_its_correlation_id(client: Client) -> None:
    answers = [
        client.ask("GET", "/api/v2/flows"),
        client.ask("GET", "/api/v2/nothing"),
        client.log_in(),
        client.log_in(secret="wrong"),
    ]
    for answer in answers:
        for name in ("count", "allowed", "reset"):
            assert answer.headers[f"inin-ratelimit-{name}"].isdecimal()
    correlation = [answer.headers["ININ-Correlation-Id"] for answer in answers]
    assert len(set(correlation)) == len(answers)
    assert answers[1].json()["contextId"] == correlation[1]


def test_above_the_quota_of_a_token_is_a_429_and_another_token_has_its_own() -> None:
    with running_sandbox(conversations=1, now=NOW, quota=5) as strict:
        client, other = Client(strict), Client(strict)
        answers = [client.ask("GET", "/api/v2/flows") for _ in range(7)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
        counts = [answer.headers["inin-ratelimit-count"] for answer in answers]
        assert counts == ["1", "2", "3", "4", "5", "6", "7"]
        refused = answers[-1]
        assert refused.json()["code"] == "too.many.requests.retry.after"
        assert f"[{refused.headers['Retry-After']}] seconds" in refused.json()["message"]
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.headers["inin-ratelimit-reset"] == refused.headers["Retry-After"]
        assert client.ask("POST", JOBS, json={"interval": WEEK}).status_code == 429
        assert other.ask("GET", "/api/v2/flows").status_code == 200


# -- the harness --------------------------------------------------------------------------------


def test_the_log_tells_how_requests_were_authorised_but_no_secret(client: Client) -> None:
    since = client.sandbox.next_request()
    client.log_in()
    client.ask("GET", "/api/v2/users", params={"state": "any"})
    login, users = client.sandbox.log(since)
    assert (login["method"], login["path"], login["status"]) == ("POST", "/oauth/token", 200)
    assert (users["query"], users["now"]) == ("state=any", NOW)
    forms = [entry["headers"]["authorization"].split()[0] for entry in (login, users)]
    assert forms == ["Basic", "Bearer"]
    text = json.dumps(client.sandbox.log())
    assert login["body"] == "grant_type"
    assert "sandbox-secret" not in text
    assert str(client.http.headers["Authorization"])[7:] not in text


def test_the_truth_can_be_paged_streamed_and_asked_for_one(client: Client) -> None:
    every = list(client.sandbox.truth())
    assert len(every) == COUNT
    with requests.get(f"{client.sandbox.url}/_truth?all", timeout=30) as answer:
        assert [json.loads(line) for line in answer.iter_lines()] == every
    told = client.sandbox.record(every[0]["conversationId"])
    assert told is not None
    assert told["conversationId"] == every[0]["conversationId"]
    client.sandbox.set_clock(every[0]["start"])
    assert client.sandbox.record(every[0]["conversationId"]) is None


def test_compression_is_an_option_for_clients_that_accept_it() -> None:
    with running_sandbox(conversations=20, now=NOW, gzip=True) as compressing:
        client = Client(compressing)
        headers = {"Accept-Encoding": "gzip"}
        answer = client.ask("GET", "/api/v2/users", headers=headers, stream=True)
        raw = answer.raw.read(decode_content=False)
        assert answer.headers["Content-Encoding"] == "gzip"
        assert len(json.loads(gzip.decompress(raw))["entities"]) == 25
        plain = client.ask("GET", "/api/v2/users", headers={"Accept-Encoding": "identity"})
        assert "Content-Encoding" not in plain.headers


def test_answers_are_not_compressed_by_default(client: Client) -> None:
    answer = client.ask("GET", "/api/v2/users", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers


def test_extra_files_are_served_beside_the_world(tmp_path: Path) -> None:
    samples = Path(__file__).parents[1] / "fixtures" / "genesys"
    sample = samples / "blueprint_sql_conversation1.json"
    with running_sandbox(conversations=3, now=NOW, extras=[sample]) as with_sample:
        client = Client(with_sample)
        found = client.read("2021-04-01T00:00:00Z/2021-04-02T00:00:00Z")
    assert found == [json.loads(sample.read_text(encoding="utf-8"))]


def test_many_clients_at_once_get_their_own_answers(client: Client) -> None:
    with ThreadPoolExecutor(4) as pool:
        jobs = list(pool.map(lambda _: Client(client.sandbox).finish(WEEK), range(8)))
    assert len(set(jobs)) == 8


def test_a_wrong_option_ends_with_a_line_and_not_with_a_traceback() -> None:
    with pytest.raises(RuntimeError, match="ERROR sandbox") as told, running_sandbox(now="today"):
        pass
    assert "Traceback" not in str(told.value)


def test_it_stops_when_whoever_started_it_is_gone() -> None:
    starter = (
        "import os; from tests.sandbox.process import running_sandbox\n"
        "with running_sandbox(conversations=1) as sandbox:\n"
        "    print(sandbox.url, flush=True); os._exit(9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", starter], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 9
    address = ("127.0.0.1", int(done.stdout.strip().rpartition(":")[2]))
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(address):
                return
        time.sleep(0.05)
    raise AssertionError("the sandbox outlived its starter")
