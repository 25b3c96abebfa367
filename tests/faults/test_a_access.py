"""Faults A: tokens and permissions."""

import pytest

from tests.faults.conftest import Expected
from tests.faults.site import DETAILS, FIRST_PAGE, LATER_PAGES, LOGIN, RESULTS, Site
from tests.harness.place import fault
from tests.harness.tiers import first

LOGIN_PATH = "/oauth/token"
ASKED = "/api/v2/analytics/conversations/details/jobs/availability"


@pytest.mark.first_run
def test_a1_a_refused_secret_ends_the_run_before_anything_is_created(
    site: Site, expected: Expected
) -> None:
    said = site.run(GENESYS_CLIENT_SECRET="not-the-one-it-knows").error(3)
    assert "127.0.0.1 refused the client id or secret (401 invalid_client)" in said
    assert "GENESYS_CLIENT_SECRET" in said
    assert "not-the-one-it-knows" not in said
    assert len(site.requests()) == 1
    assert not site.database.exists()
    site.ends_with(expected())


@pytest.mark.first_run
def test_a1_a8_an_unknown_client_is_refused_with_400_and_means_the_same(site: Site) -> None:
    """A region that does not know the client answers as if there were none: both are named."""
    said = site.run(GENESYS_CLIENT_ID="nobody").error(3)
    assert "GENESYS_CLIENT_ID" in said
    assert "GENESYS_REGION" in said
    assert not site.database.exists()


def test_a2_a_revoked_token_is_renewed_once_and_the_same_page_asked_again(
    site: Site, expected: Expected
) -> None:
    site.sandbox.add_faults(fault(LATER_PAGES, "expire_token"))
    site.ends_with(expected())
    refused, again, last = site.requests(LATER_PAGES)
    assert (refused["status"], again["status"], last["status"]) == (401, 200, 200)
    assert again["query"] == refused["query"]
    assert again["headers"]["authorization"] != refused["headers"]["authorization"]
    assert len(site.requests(LOGIN)) == 2
    assert site.ledger("status, record_count") == [("loaded", len(expected()))]


def test_a3_a_fresh_token_that_is_refused_is_not_asked_for_again_and_again(
    site: Site, expected: Expected
) -> None:
    site.sandbox.add_faults(fault(LATER_PAGES, "status", "all", status=401))
    said = site.run().error(3)
    assert "conversation_details 2026-11-20T00:00Z..2026-11-20T11:30Z" in said
    assert "refused a fresh token" in said
    assert "GENESYS_CLIENT_ID" in said
    assert len(site.requests(LOGIN)) == 2
    assert len(site.requests(LATER_PAGES)) == 2
    # The page before is kept, and the next run goes on behind it.
    assert site.row_count() == 10
    assert site.ledger("status, exit_code, page_count") == [("failed", 3, 1)]
    site.sandbox.clear_faults()
    site.forget_requests()
    site.ends_with(expected())
    assert site.row_count() == len(expected())
    assert site.requests(FIRST_PAGE) == []


@pytest.mark.first_run
def test_a4_a_login_that_answers_without_a_token_sends_no_bearer(site: Site) -> None:
    for answer in (
        fault(LOGIN, "mutate", "all", drop=["access_token"]),
        fault(LOGIN, "mutate", "all", set={"access_token": None}),
        fault(LOGIN, "mutate", "all", set={"access_token": " "}),
        fault(LOGIN, "body", "all", text="<html>Welcome</html>", content_type="text/html"),
        fault(LOGIN, "body", "all", body=[]),
    ):
        site.sandbox.clear_faults()
        site.sandbox.add_faults(answer)
        said = site.run().error(5)
        assert "127.0.0.1 answered without access_token" in said
        assert "GENESYS_LOGIN_URL" in said
    assert site.requests("/api/") == []
    assert not site.database.exists()
    site.sandbox.clear_faults()
    site.run("plan").succeeded()


@pytest.mark.parametrize(
    "life",
    first(
        3, ["null", "0", "-1", '"soon"', "1000000000000", "true", "1e999", "9" * 400, "NaN", "[]"]
    ),
)
def test_a5_a_senseless_token_life_counts_as_the_usual_one(site: Site, life: str) -> None:
    token = "made-up-token-of-the-login"
    text = f'{{"access_token":"{token}","token_type":"bearer","expires_in":{life}}}'
    site.sandbox.add_faults(fault(LOGIN, "body", 1, text=text))
    # The made-up token opens nothing, so it is seen to be kept until it is refused.
    site.run("plan", "--only", "conversation_details").succeeded()
    assert [entry["path"] for entry in site.requests()] == [LOGIN_PATH, ASKED, LOGIN_PATH, ASKED]


def test_a5_a_token_is_renewed_before_it_ends(site: Site, expected: Expected) -> None:
    # Sixty seconds early is at once.
    site.sandbox.add_faults(fault(LOGIN, "mutate", "all", set={"expires_in": 60}))
    site.ends_with(expected())
    assert not [entry for entry in site.requests("/api/") if entry["status"] == 401]
    assert len(site.requests(LOGIN)) > 2


def test_a6_a_missing_permission_stops_that_resource_only(site: Site, expected: Expected) -> None:
    text = "Unable to perform the requested action. You are missing the following permission(s): "
    body = {"code": "missing.permissions", "message": text + "routing:queue:view", "status": 403}
    site.sandbox.add_faults(
        fault("GET /api/v2/routing/queues", "status", "all", status=403, body=body)
    )
    only = ("load", "--only", "queues", "skills", "conversation_details")
    said = site.run(*only).error(3)
    assert "/api/v2/routing/queues" in said
    assert "routing:queue:view" in said
    assert len(site.requests("routing/queues")) == 1
    assert site.raw() == expected()
    assert site.raw("skills") == expected("skills")
    assert site.raw("queues") == set()
    assert site.ledger("resource, status, exit_code") == [
        ("queues", "failed", 3),
        ("skills", "loaded", None),
        ("conversation_details", "loaded", None),
    ]
    site.sandbox.clear_faults()
    site.run("load", "--only", "queues").succeeded()
    assert site.raw("queues") == expected("queues")


def test_a7_a_login_that_is_down_for_a_moment_is_asked_again(
    site: Site, expected: Expected
) -> None:
    site.sandbox.add_faults(
        fault(LOGIN, "status", 1, status=503), fault(LOGIN, "status", 2, status=429)
    )
    site.ends_with(expected())
    assert len(site.requests(LOGIN)) == 3


@pytest.mark.first_run
def test_a7_a_login_that_stays_down_is_given_up(site: Site, expected: Expected) -> None:
    site.sandbox.add_faults(fault(LOGIN, "status", "all", status=503))
    said = site.run(ELT_RETRY_ATTEMPTS="2").error(4)
    assert "127.0.0.1/oauth/token: answered 503" in said
    assert "ELT_RETRY_ATTEMPTS" in said
    assert len(site.requests()) == 2
    assert not site.database.exists()
    site.sandbox.clear_faults()
    site.ends_with(expected())


def test_a7_a_login_that_fails_in_mid_window_keeps_what_is_loaded(
    site: Site, expected: Expected
) -> None:
    site.sandbox.add_faults(
        fault(LATER_PAGES, "expire_token"), fault(LOGIN, "status", "2+", status=500)
    )
    said = site.run(*DETAILS, ELT_RETRY_ATTEMPTS="2").error(4)
    assert "/oauth/token: answered 500" in said
    assert site.row_count() == 10
    site.sandbox.clear_faults()
    site.forget_requests()
    site.ends_with(expected())
    assert len(site.requests(RESULTS)) == 2
