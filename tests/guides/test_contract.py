"""What holds for all of the guides' contract: settings, credentials, the quota, the warehouse."""

import shutil
from datetime import UTC
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, quote_plus

import pytest

from loader.genesys.quota import Quota
from tests.faults.relay import Exchange, Relay
from tests.faults.site import LOGIN
from tests.faults.test_k_secrets import SECRET, assert_unwritten
from tests.guides.site import MATCH, PARTICIPANTS, QUEUES, GuidesSite
from tests.harness.place import fault
from tests.harness.postgres import PostgresDatabase
from tests.harness.tiers import first
from tests.sandbox.process import ROOT

SEEDS = Path("dbt_project") / "seeds"
TABLES = """
    select table_name from information_schema.tables where table_schema = 'genesys_raw' order by 1
"""


@pytest.fixture
def site(site: GuidesSite) -> GuidesSite:
    site.settings |= {"ELT_PAGE_SIZE": "1000", "ELT_INTERVAL_MINUTES": "60"}
    return site


def content(site: GuidesSite) -> dict[str, int]:
    """Return how many rows each table holds."""
    return {name: site.row_count(name) for (name,) in site.query(TABLES)}


# -- settings ------------------------------------------------------------------------------------


def test_a_contract_there_is_not_is_refused_before_any_request(site: GuidesSite) -> None:
    said = site.run("load", GENESYS_CONTRACT="guide").error(2)
    assert "GENESYS_CONTRACT: input should be 'platform' or 'guides'" in said
    assert site.requests() == []


def test_a_resource_of_the_other_contract_is_refused_before_any_request(site: GuidesSite) -> None:
    said = site.read("conversation_details").error(2)
    assert "--only conversation_details: no such resource in the contract guides" in said
    assert site.requests() == []


@pytest.mark.parametrize(
    ("seed", "lines", "told"),
    [
        ("attribute_registry", [], "attribute_registry.csv is empty"),
        ("interaction_columns", [], "interaction_columns.csv is empty"),
        ("interaction_columns", ["1,*,everything,text"], "* is not accepted"),
        ("interaction_columns", ["1,id,id,text"], "lacks the source_column type, startTime, state"),
    ],
)
def test_with_nothing_to_select_no_request_is_sent(
    site: GuidesSite, tmp_path: Path, seed: str, lines: list[str], told: str
) -> None:
    """The seeds are those beside the loader, so this is a copy of it."""
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "loader", copy / "loader")
    for folder in (SEEDS, SEEDS.with_name("macros")):
        shutil.copytree(ROOT / folder, copy / folder)
    path = copy / SEEDS / f"{seed}.csv"
    header = path.read_text(encoding="utf-8").splitlines()[0]
    path.write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    said = site.ended(site.start("load", PYTHONPATH=str(copy))).error(2)
    assert told in said
    assert f"{seed}.csv" in said
    assert site.requests() == []


def test_a_column_that_no_registered_attribute_has_cannot_hold_the_contacts_ids(
    site: GuidesSite,
) -> None:
    said = site.run("load", GENESYS_CONTACT_COLUMN="crm_id").error(2)
    assert "GENESYS_CONTACT_COLUMN 'crm_id' is no column_name of" in said
    assert site.requests() == []


# -- the warehouse -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "resource"),
    first(1, [("guides", "platform", QUEUES), ("platform", "guides", "skills")]),
)
def test_a_warehouse_of_one_contract_refuses_the_other(
    site: GuidesSite, first: str, second: str, resource: str
) -> None:
    shutil.rmtree(site.data)
    site.read(resource, GENESYS_CONTRACT=first).succeeded()
    before = content(site)
    site.forget_requests()
    said = site.run("load", GENESYS_CONTRACT=second).error(2)
    assert f"GENESYS_CONTRACT is {second}" in said
    assert f"records of the contract {first}" in said
    assert "ELT_DUCKDB_PATH" in said
    assert content(site) == before
    assert [entry["path"] for entry in site.requests()] == ["/oauth/token"]
    site.read(resource, GENESYS_CONTRACT=first).succeeded()


@pytest.mark.slow
def test_a_postgres_warehouse_of_one_contract_refuses_the_other(
    site: GuidesSite, postgres: PostgresDatabase
) -> None:
    site.postgres = postgres
    site.read(QUEUES).succeeded()
    before = content(site)
    said = site.run("load", GENESYS_CONTRACT="platform").error(2)
    assert "records of the contract guides" in said
    assert "ELT_POSTGRES_DATABASE" in said
    assert content(site) == before


@pytest.mark.slow
def test_every_resource_is_the_same_on_postgres(
    site: GuidesSite, postgres: PostgresDatabase
) -> None:
    site.run("load").succeeded()
    on_duckdb = {resource: (site.raw(resource), site.row_count(resource)) for resource in MATCH}
    site.postgres = postgres
    site.run("load").succeeded()
    for resource in MATCH:
        assert (site.raw(resource), site.row_count(resource)) == on_duckdb[resource]
        assert site.raw(resource)
    assert "nothing is due" in site.run("load").succeeded().stderr


# -- credentials ---------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", first(1, ["", "analytics:readonly conversations"]))
def test_credentials_go_as_fields_of_a_form_and_in_no_header(
    site: GuidesSite, relay: Relay, scope: str
) -> None:
    seen: list[Exchange] = []

    def listen(exchange: Exchange) -> None:
        seen.append(exchange)
        body = exchange.answer().body
        exchange.send(body, f"Content-Length: {len(body)}")

    relay.play(LOGIN, listen)
    site.read(QUEUES, GENESYS_SCOPE=scope).succeeded()
    (login,) = seen
    expected = {
        "grant_type": "client_credentials",
        "client_id": site.sandbox.client_id,
        "client_secret": site.sandbox.client_secret,
    }
    assert dict(parse_qsl(login.body.decode())) == expected | ({"scope": scope} if scope else {})
    assert "authorization" not in login.headers
    assert login.headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("status", "secret"),
    first(
        2,
        [
            ("401 Unauthorized", SECRET),
            # Looks like an error code, so that its look alone does not keep it back.
            ("401 Unauthorized", "Invented-Secret_1234567890"),
            ("200 OK", SECRET),
            ("500 Error", SECRET),
            ("302 Found", SECRET),
        ],
    ),
)
def test_a_secret_echoed_as_the_form_had_it_is_written_nowhere(
    site: GuidesSite, relay: Relay, status: str, secret: str
) -> None:
    def echo(exchange: Exchange) -> None:
        sent = exchange.body.decode()
        assert quote_plus(secret) in sent
        assert parse_qs(sent)["client_secret"] == [secret]
        form = sent.partition("client_secret=")[2].partition("&")[0]
        body = f'{{"error":"{form}","code":"{form}","message":"{secret}"}}'.encode()
        exchange.send(
            body,
            f"Content-Length: {len(body)}",
            f"ININ-Correlation-Id: {form}",
            f"Location: https://{form}.example/{secret}",
            status=status,
        )

    scheduled = relay.play(LOGIN, echo, times=9)
    outcome = site.run(
        "--debug", "load", "--only", QUEUES, GENESYS_CLIENT_SECRET=secret, ELT_RETRY_ATTEMPTS="2"
    )
    assert scheduled.played > 0
    assert outcome.exit_code in (3, 4, 5)
    assert_unwritten(site, outcome, secret)
    assert_unwritten(site, outcome, quote_plus(secret))


# -- the quota -----------------------------------------------------------------------------------


def test_each_429_is_a_row_with_the_wait_it_asked_for(site: GuidesSite) -> None:
    site.sandbox.add_faults(
        fault(MATCH[QUEUES], "status", 1, status=429, retry_after=1),
        fault(MATCH[QUEUES], "status", 2, status=429),
    )
    site.read(QUEUES).succeeded()
    events = site.query(
        "select resource, endpoint, retry_after_seconds, waited_seconds >= 1 "
        "from genesys_raw.rate_limit_events order by retry_after_seconds nulls last"
    )
    endpoint = "/api/v2/analytics/conversations/aggregates/query"
    assert [row[:3] for row in events] == [(QUEUES, endpoint, 1.0), (QUEUES, endpoint, None)]
    assert events[0][3]
    assert site.total("rate_limited_count") == 2


class Waited(Exception):
    """Somebody would have waited so long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds} s")
        self.seconds = seconds

    @classmethod
    def instead(cls, seconds: float) -> None:
        """Raise it in place of waiting."""
        raise cls(seconds)


def test_without_a_setting_85_percent_of_200_requests_a_minute_are_sent(site: GuidesSite) -> None:
    told = site.run("plan", GENESYS_REQUESTS_PER_MINUTE="").succeeded().stdout
    assert "170 a minute are 85 %" in told
    quota = Quota(200)
    waits: list[float] = []
    for _ in range(170):
        quota.wait_turn("/", waits.append)
    assert (waits, round(quota.used(), 2)) == ([], 1.0)
    with pytest.raises(Waited) as one_more:
        quota.wait_turn("/", Waited.instead)
    assert 30 < one_more.value.seconds <= 60


@pytest.mark.parametrize(("left", "seconds"), [("10", 0), ("9", 6), ("1", 30), ("0", 60)])
def test_the_fewer_requests_are_left_the_longer_the_next_one_waits(left: str, seconds: int) -> None:
    quota = Quota(100_000)
    quota.heed({"X-RateLimit-Remaining": left})
    try:
        quota.wait_turn("/", Waited.instead)
    except Waited as waited:
        assert round(waited.seconds) == seconds
    else:
        assert seconds == 0


@pytest.mark.slow
def test_windows_that_are_limited_again_and_again_are_halved(site: GuidesSite) -> None:
    limited = [1, 3, 5, 7, 9]
    site.sandbox.add_faults(
        fault(MATCH[PARTICIPANTS], "status", limited, status=429, retry_after=0)
    )
    # One at a time, so that the first window meets them all.
    one = {"ELT_CONCURRENT_JOBS": "1"}
    site.read(PARTICIPANTS, ELT_START="2026-11-19", ELT_PAGE_SIZE="40", **one).succeeded()
    ledger = [
        (f"{start.astimezone(UTC):%d %H:%M}", f"{end.astimezone(UTC):%d %H:%M}", *others)
        for start, end, *others in site.windows(
            PARTICIPANTS, "window_start, window_end, status, adjustment"
        )
    ]
    half = "half a window, for the rate limit"
    assert ledger == [
        ("19 00:00", "20 00:00", "loaded", None),
        ("20 00:00", "20 05:52", "loaded", half),
        ("20 05:52", "20 11:45", "loaded", half),
    ]
    assert site.total("rate_limited_count") == len(limited)
    # Nothing is missed at the cut.
    whole = {row["participantId"] for row in site.payloads(PARTICIPANTS)}
    site.run(
        "load", "--only", PARTICIPANTS, "--from", "2026-11-19", "--to", "2026-11-20T11:45:00Z"
    ).succeeded()
    assert {row["participantId"] for row in site.payloads(PARTICIPANTS)} == whole
