"""Faults C: the network, down to the bytes."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from tests.faults import relay as tricks
from tests.faults.conftest import Expected
from tests.faults.relay import CERTIFICATES, LOOPBACK, Relay, Trick
from tests.faults.site import AVAILABILITY, FIRST_PAGE, LATER_PAGES, RESULTS, SUBMIT, Site
from tests.harness.place import fault
from tests.harness.tiers import first

WINDOW = "conversation_details 2026-11-20T00:00Z..2026-11-20T11:30Z"


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def test_c1_an_unreachable_host_is_named(site: Site, expected: Expected) -> None:
    nowhere = f"http://{LOOPBACK}:{closed_port()}"
    said = site.run(GENESYS_API_URL=nowhere, ELT_RETRY_ATTEMPTS="2").error(4)
    assert "127.0.0.1/api/v2/analytics" in said
    assert "connection refused; gave up after 2 attempts" in said
    assert site.row_count() == 0
    said = site.run(
        GENESYS_API_URL=nowhere, GENESYS_LOGIN_URL=nowhere, ELT_RETRY_ATTEMPTS="1"
    ).error(4)
    assert "127.0.0.1/oauth/token: connection refused" in said
    site.ends_with(expected())


@pytest.mark.parametrize("match", first(1, [SUBMIT, LATER_PAGES], ["POST", "GET"]))
def test_c2_a_host_that_never_answers_is_asked_again(
    site: Site, relay: Relay, match: str, expected: Expected
) -> None:
    trick = relay.play(match, tricks.hang)
    site.run(ELT_REQUEST_SECONDS="1").succeeded()
    assert trick.played == 1
    assert site.raw() == expected()
    assert site.total("retry_count") == 1


@pytest.mark.slow
def test_c2_a_host_that_never_answers_again_is_given_up(
    site: Site, relay: Relay, expected: Expected
) -> None:
    relay.play(LATER_PAGES, tricks.hang, times=9)
    said = site.run(ELT_REQUEST_SECONDS="1", ELT_RETRY_ATTEMPTS="2").error(4)
    assert f"{WINDOW}: 127.0.0.1" in said
    assert "no answer in time" in said
    assert site.row_count() == 10
    relay.stop_tricks()
    site.ends_with(expected())


def test_c3_an_answer_that_drips_is_given_up_at_its_deadline(
    site: Site, relay: Relay, expected: Expected
) -> None:
    trick = relay.play(LATER_PAGES, tricks.drip, times=9)
    said = site.run(ELT_REQUEST_SECONDS="1", ELT_RETRY_ATTEMPTS="2").error(4)
    assert trick.played == 2
    assert f"{WINDOW}: 127.0.0.1" in said
    assert "slower than 1 s" in said
    assert "ELT_REQUEST_SECONDS" in said
    relay.stop_tricks()
    site.ends_with(expected())


@pytest.mark.parametrize("trick", [tricks.drip_headers, tricks.continue_for_ever])
def test_m6_an_answer_that_never_comes_to_its_body_is_given_up_at_its_deadline(
    site: Site, relay: Relay, expected: Expected, trick: Trick
) -> None:
    played = relay.play(LATER_PAGES, trick)
    said = site.run(ELT_REQUEST_SECONDS="1", ELT_RETRY_ATTEMPTS="1").error(4)
    assert played.played == 1
    assert "slower than 1 s (ELT_REQUEST_SECONDS)" in said
    site.ends_with(expected())


def test_m6_nor_is_a_handshake_waited_for(site: Site) -> None:
    with socket.create_server((LOOPBACK, 0)) as silent:
        nobody = f"https://localhost:{silent.getsockname()[1]}"
        said = site.run(
            GENESYS_API_URL=nobody, GENESYS_LOGIN_URL=nobody, ELT_REQUEST_SECONDS="1",
            ELT_RETRY_ATTEMPTS="1",
        ).error(4)  # fmt: skip
    assert "slower than 1 s (ELT_REQUEST_SECONDS)" in said


def test_c4_a_body_shorter_than_its_length_is_asked_for_again(
    site: Site, expected: Expected
) -> None:
    site.sandbox.add_faults(
        fault(FIRST_PAGE, "cut", 1), fault(LATER_PAGES, "cut", 1, at=0), fault(SUBMIT, "cut", 1)
    )
    site.ends_with(expected())
    assert site.row_count() == len(expected())
    asked = [entry["query"] for entry in site.requests(RESULTS)]
    assert asked[0] == asked[1]
    assert asked[2] == asked[3]
    assert site.total("retry_count") == 3


CUTS = [tricks.gzip_cut, tricks.gzip_cut_and_measured_again, tricks.no_last_chunk, tricks.reset]


@pytest.mark.parametrize("turn", first(1, range(len(CUTS))))
def test_c5_c6_a_body_that_ends_too_early_is_asked_for_again(
    site: Site, relay: Relay, turn: int, expected: Expected
) -> None:
    # Each cut meets each request in one of the turns.
    places = [AVAILABILITY, SUBMIT, FIRST_PAGE, LATER_PAGES]
    played = [
        relay.play(place, trick)
        for place, trick in zip(places, CUTS[turn:] + CUTS[:turn], strict=True)
    ]
    site.run().succeeded()
    assert [each.played for each in played] == [1, 1, 1, 1]
    assert site.raw() == expected()
    assert site.row_count() == len(expected())
    assert site.query("select * from genesys_raw.quarantined_records") == []


def test_c5_a_page_cut_inside_a_text_is_not_taken_for_a_broken_record(
    site: Site, relay: Relay, expected: Expected
) -> None:
    played = relay.play(FIRST_PAGE, tricks.cut_inside_a_text)
    site.run().succeeded()
    assert played.played == 1
    assert site.raw() == expected()
    assert site.query("select * from genesys_raw.quarantined_records") == []


@pytest.mark.slow
def test_c5_a_body_that_always_ends_too_early_is_never_taken_for_a_page(
    site: Site, relay: Relay, expected: Expected
) -> None:
    relay.play(LATER_PAGES, tricks.gzip_cut, times=9)
    said = site.run(ELT_RETRY_ATTEMPTS="2").error(5)
    assert WINDOW in said
    assert "not a whole JSON document" in said
    assert site.row_count() == 10
    assert site.query("select * from genesys_raw.quarantined_records") == []
    relay.stop_tricks()
    site.ends_with(expected())


@pytest.mark.parametrize("trick", first(1, [tricks.no_last_chunk, tricks.reset]))
def test_c6_a_connection_that_always_breaks_in_the_body_is_given_up(
    site: Site, relay: Relay, trick: Trick, expected: Expected
) -> None:
    relay.play(LATER_PAGES, trick, times=9)
    said = site.run(ELT_RETRY_ATTEMPTS="2").error(4)
    assert f"{WINDOW}: 127.0.0.1" in said
    assert "gave up after 2 attempts" in said
    # What had come of the page is not in the warehouse, and the pages before it are.
    assert site.row_count() == 10
    assert site.ledger("status, exit_code, page_count") == [("failed", 4, 1)]
    relay.stop_tricks()
    site.forget_requests()
    site.run().succeeded()
    assert site.requests(SUBMIT) == []
    assert site.raw() == expected()
    assert site.row_count() == len(expected())


def test_c7_a_connection_closed_between_two_requests_is_opened_again(
    site: Site, relay: Relay, expected: Expected
) -> None:
    played = relay.play("", tricks.close_afterwards, times=99)
    site.run().succeeded()
    assert played.played == relay.connections
    assert site.raw() == expected()


def test_c8_an_answer_that_is_lost_on_its_way_is_asked_for_again_and_counts_once(
    site: Site, relay: Relay, expected: Expected
) -> None:
    relay.play(LATER_PAGES, tricks.lose)
    site.run().succeeded()
    lost, again, *_ = site.requests(LATER_PAGES)
    assert (lost["status"], again["status"]) == (200, 200)
    assert lost["query"] == again["query"]
    assert site.raw() == expected()
    assert site.row_count() == len(expected())
    assert site.total("retry_count") == 1


@pytest.mark.parametrize(
    ("answer", "told"),
    first(
        1,
        [
            (fault(LATER_PAGES, "status", 1, status=407), "answered 407"),
            (
                fault(
                    LATER_PAGES, "body", 1, text="<html>Sign in</html>", content_type="text/html"
                ),
                "answered text/html where JSON is due",
            ),
        ],
        ["proxy", "portal"],
    ),
)
def test_c10_what_stands_between_us_and_genesys_is_not_taken_for_it(
    site: Site, answer: dict[str, object], told: str, expected: Expected
) -> None:
    site.sandbox.add_faults(answer)
    said = site.run().error(5)
    assert WINDOW in said
    assert told in said
    # Asked once: nothing behind it was reached.
    assert len(site.requests(LATER_PAGES)) == 1
    assert site.row_count() == 10
    site.sandbox.clear_faults()
    site.ends_with(expected())


@contextlib.contextmanager
def served_with(certificate: str, site: Site) -> Iterator[Relay]:
    """Put the organisation behind a certificate."""
    with Relay(site.sandbox.url, certificate) as secured:
        site.settings |= {"GENESYS_API_URL": secured.url, "GENESYS_LOGIN_URL": secured.url}
        yield secured


TRUSTING_THE_AUTHORITY = {"SSL_CERT_FILE": str(CERTIFICATES / "authority.pem")}


@pytest.mark.first_run
@pytest.mark.parametrize(
    "certificate", first(2, ["self_signed", "expired", "other_host", "trusted"])
)
def test_c9_a_certificate_that_is_not_trusted_ends_the_run_before_anything_is_sent(
    site: Site, certificate: str
) -> None:
    """Each certificate has one fault; that of the last is that nobody knows who has signed it."""
    trusting = {} if certificate == "trusted" else TRUSTING_THE_AUTHORITY
    # Nothing that other programs take for leave to look away is taken for it here.
    looking_away = {"CURL_CA_BUNDLE": "", "REQUESTS_CA_BUNDLE": "", "PYTHONHTTPSVERIFY": "0"}
    with served_with(certificate, site) as secured:
        said = site.run(**trusting, **looking_away).error(4)
        assert "the certificate of localhost is not trusted" in said
        # Asked once: it will not be better in a second.
        assert secured.connections == 1
        assert secured.asked == []
    assert site.requests() == []
    assert not site.database.exists()


@pytest.mark.slow
def test_c9_a_certificate_that_expires_in_mid_window_ends_the_run_there(
    site: Site, expected: Expected
) -> None:
    """The authority is one the machine trusts, as the error tells to do where a proxy looks in."""
    with served_with("trusted", site) as secured:
        site.sandbox.add_faults(fault(LATER_PAGES, "status", "all", status=503))
        site.run(ELT_RETRY_ATTEMPTS="1", **TRUSTING_THE_AUTHORITY).error(4)
        assert len(secured.asked) > 3
    site.sandbox.clear_faults()
    assert site.row_count() == 10
    with served_with("expired", site) as secured:
        login = {"GENESYS_LOGIN_URL": site.sandbox.url}
        said = site.run(**TRUSTING_THE_AUTHORITY, **login).error(4)
        assert "the certificate of localhost is not trusted" in said
        assert secured.asked == []
    assert site.row_count() == 10
    with served_with("trusted", site):
        site.run(**TRUSTING_THE_AUTHORITY).succeeded()
    assert site.raw() == expected()
