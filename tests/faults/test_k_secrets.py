"""Faults K: the other side echoes our secrets, the machine would change our headers."""

import base64
import contextlib
import gzip
import socket
import zlib
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.faults.conftest import Expected
from tests.faults.relay import LOOPBACK, Exchange, Relay, Trick
from tests.faults.site import AVAILABILITY, DETAILS, LATER_PAGES, LOGIN, SUBMIT, Outcome, Site

SECRET = "Invented/Secret+1234567890=for%these-tests"


def echo(status: str) -> Trick:
    """Return a trick that answers `status` and says back what came, wherever it can be said."""

    def trick(exchange: Exchange) -> None:
        authorization = exchange.headers["authorization"]
        credentials = authorization.partition(" ")[2]
        body = (
            f'{{"code":"{credentials}","error":"{credentials}","status":400,'
            f'"message":"{authorization}","contextId":"{credentials}","entity":"{credentials}",'
            f'"state":"{credentials}","access_token":[]}}'
        ).encode()
        exchange.send(
            body,
            f"Location: http://{credentials[:60]}.example/{credentials}",
            f"ININ-Correlation-Id: {credentials}",
            f"Retry-After: {credentials}",
            f"inin-ratelimit-allowed: {credentials}",
            f"Set-Cookie: token={credentials}",
            f"Content-Length: {len(body)}",
            status=status,
        )

    return trick


@pytest.mark.parametrize(
    ("match", "status"),
    [
        (LOGIN, "401 Unauthorized"),
        (LOGIN, "302 Found"),
        (LOGIN, "200 OK"),
        (AVAILABILITY, "403 Forbidden"),
        (SUBMIT, "400 Bad Request"),
        (SUBMIT, "429 Too Many"),
        (LATER_PAGES, "307 Temporary Redirect"),
        (LATER_PAGES, "200 OK"),
    ],
)
def test_k1_what_is_echoed_is_written_nowhere(
    site: Site, relay: Relay, match: str, status: str
) -> None:
    seen: set[str] = set()

    def remember_and_echo(exchange: Exchange) -> None:
        seen.add(exchange.headers["authorization"])
        echo(status)(exchange)

    trick = relay.play(match, remember_and_echo, times=99)
    outcome = site.run("--debug", *DETAILS, ELT_RETRY_ATTEMPTS="2")
    assert trick.played > 0
    assert outcome.exit_code in (3, 4, 5)
    assert seen
    for authorization in seen:
        credentials = authorization.partition(" ")[2]
        assert_unwritten(site, outcome, credentials)
    assert_unwritten(site, outcome, site.settings["GENESYS_CLIENT_SECRET"])


def test_k1_a_refused_secret_is_written_nowhere_by_a_real_process(site: Site) -> None:
    outcome = site.ended(site.start("--debug", *DETAILS, GENESYS_CLIENT_SECRET=SECRET))
    assert outcome.exit_code == 3
    assert_unwritten(site, outcome, SECRET)


def assert_unwritten(site: Site, outcome: Outcome, secret: str) -> None:
    """Search what the run said, its files and its tables for any half of a secret."""
    written = [outcome.stdout.encode(), outcome.stderr.encode()]
    for path in site.directory.rglob("*"):
        if path.is_file():
            written += unpacked(path.read_bytes())
    # In DuckDB's file texts are compressed.
    for (table,) in site.query(
        "select table_name from information_schema.tables where table_schema = 'genesys_raw'"
    ):
        for row in site.query(f"select * from genesys_raw.{table}"):
            for value in row:
                written += unpacked(str(value).encode())
    half = max(8, len(secret) // 2)
    for piece in (secret[:half], secret[-half:]):
        forms = {
            piece.encode(),
            quote(piece, safe="").encode(),
            base64.b64encode(piece.encode()).rstrip(b"=")[:-2],
        }
        for form in forms:
            assert not [text[:200] for text in written if form in text]


def unpacked(content: bytes) -> list[bytes]:
    """Return a text and what is packed in it: gzip, and dlt's own zlib in base64."""
    found = [content]
    if content[:2] == b"\x1f\x8b":
        found.append(gzip.decompress(content))
    with contextlib.suppress(ValueError, zlib.error):
        found.append(zlib.decompress(base64.b64decode(content, validate=True)))
    return found


def test_k2_neither_netrc_nor_a_proxy_can_change_a_header(
    site: Site, expected: Expected, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".netrc").write_text(f"machine {LOOPBACK}\nlogin somebody\npassword else\n")
    (home / ".netrc").chmod(0o600)
    with socket.create_server((LOOPBACK, 0)) as trap:
        trap.settimeout(0)
        proxy = f"http://{LOOPBACK}:{trap.getsockname()[1]}"
        site.run(
            HOME=str(home), NETRC=str(home / ".netrc"), HTTP_PROXY=proxy, HTTPS_PROXY=proxy,
            http_proxy=proxy, https_proxy=proxy, ALL_PROXY=proxy, NO_PROXY="", no_proxy="",
        ).succeeded()  # fmt: skip
        with pytest.raises(BlockingIOError):
            trap.accept()
    assert site.raw() == expected()
    (login,) = site.requests(LOGIN)
    assert login["headers"]["authorization"].startswith("Basic ")
    asked = site.requests("/api/")
    assert asked
    assert len({entry["headers"]["authorization"] for entry in asked}) == 1
    assert asked[0]["headers"]["authorization"].startswith("Bearer ")
    assert "Basic" not in asked[0]["headers"]["authorization"]
    # The credentials travel in no URL.
    assert not [entry for entry in site.requests() if "sandbox-secret" in entry["query"]]
