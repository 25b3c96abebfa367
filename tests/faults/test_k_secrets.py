"""Faults K: secrets echoed, headers changed, the other side leads astray, and personal data."""

import base64
import contextlib
import gzip
import json
import re
import socket
import struct
import sys
import zlib
from collections.abc import Iterator, Sequence
from itertools import repeat
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.faults.conftest import Expected
from tests.faults.relay import LOOPBACK, Exchange, Relay, Trick
from tests.faults.site import (
    AVAILABILITY,
    DETAILS,
    FIRST_PAGE,
    LATER_PAGES,
    LOGIN,
    NOW,
    POLL,
    RESULTS,
    SUBMIT,
    TODAY,
    USERS,
    Site,
)
from tests.harness.outcome import Outcome
from tests.harness.place import fault
from tests.harness.tiers import first

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
    first(
        3,
        [
            (LOGIN, "401 Unauthorized"),
            (SUBMIT, "400 Bad Request"),
            (LATER_PAGES, "200 OK"),
            (LOGIN, "302 Found"),
            (LOGIN, "200 OK"),
            (AVAILABILITY, "403 Forbidden"),
            (SUBMIT, "429 Too Many"),
            (LATER_PAGES, "307 Temporary Redirect"),
        ],
    ),
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
    assert_unwritten(site, outcome, site.sandbox.client_secret)


@pytest.mark.slow
def test_k1_a_refused_secret_is_written_nowhere_by_a_real_process(site: Site) -> None:
    outcome = site.ended(site.start("--debug", *DETAILS, GENESYS_CLIENT_SECRET=SECRET))
    assert outcome.exit_code == 3
    assert_unwritten(site, outcome, SECRET)


def assert_unwritten(site: Site, outcome: Outcome, secret: str) -> None:
    """Search what the run said, its files and its tables for any half of a secret."""
    written = [outcome.stdout.encode(), outcome.stderr.encode()]
    for path in site.folder.rglob("*"):
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


# Python tells of every connection it opens; a hook cannot be taken away again, so it is one for all
# tests, and it notes only while somebody wants to know.
_connected: list[str] | None = None


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if _connected is None:
        return
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        _connected.append(f"{arguments[1][0]}:{arguments[1][1]}")
    if event == "open" and str(arguments[0]).startswith("/etc/hostname"):
        _connected.append(str(arguments[0]))


sys.addaudithook(_note)


@contextlib.contextmanager
def everything_connected_to() -> Iterator[list[str]]:
    """Note which addresses this process connects to."""
    global _connected
    noted: list[str] = []
    _connected = noted
    try:
        yield noted
    finally:
        _connected = None


ASTRAY = (
    "http://169.254.169.254/latest/meta-data/iam/",
    "file:///etc/hostname",
    "http://localhost:{port}/take",
    "https://127.0.0.1:{port}/take",
    "//127.0.0.1:{port}/take",
    "http://127.0.0.1:{port}@{host}/take",
)


@pytest.mark.parametrize(
    ("match", "locations"),
    first(
        2,
        [(LOGIN, ASTRAY), (AVAILABILITY, ASTRAY), (SUBMIT, ASTRAY[:1]), (LATER_PAGES, ASTRAY[:1])],
    ),
)
def test_k3_no_answer_leads_to_another_host_file_or_network(
    site: Site, match: str, locations: Sequence[str], expected: Expected
) -> None:
    host = site.sandbox.url.removeprefix("http://")
    with socket.create_server((LOOPBACK, 0)) as trap:
        trap.settimeout(0)
        for location in locations:
            headers = {"Location": location.format(port=trap.getsockname()[1], host=host)}
            site.sandbox.clear_faults()
            site.sandbox.add_faults(fault(match, "status", "all", status=307, headers=headers))
            with everything_connected_to() as connected:
                said = site.run().error(5)
            assert "unexpected redirect to host " in said
            assert "take" not in said
            assert set(connected) == {host}
        with pytest.raises(BlockingIOError):
            trap.accept()
    assert site.row_count() == (10 if match == LATER_PAGES else 0)
    site.sandbox.clear_faults()
    site.ends_with(expected())


def test_k4_addresses_in_an_answer_are_never_called(site: Site, expected: Expected) -> None:
    whole = expected("users")
    site.forget_requests()
    with socket.create_server((LOOPBACK, 0)) as trap:
        trap.settimeout(0)
        url = f"http://{LOOPBACK}:{trap.getsockname()[1]}/next"
        uris = dict.fromkeys(("nextUri", "lastUri", "selfUri", "downloadUrl", "dataUri"), url)
        site.sandbox.add_faults(
            fault("GET /api/v2/users", "mutate", "all", set=uris),
            fault(POLL, "mutate", "all", set=uris),
            fault(RESULTS, "mutate", "all", set=uris),
        )
        with everything_connected_to() as connected:
            site.run("load", "--only", "users", "conversation_details").succeeded()
        assert set(connected) == {site.sandbox.url.removeprefix("http://")}
        with pytest.raises(BlockingIOError):
            trap.accept()
    assert {record_id for record_id, _ in site.raw("users")} == {name for name, _ in whole}


NAMES = ("../../../outside", "/tmp/outside-of-everything", "CON", "x" * 4096, "a/b", "-rf", "\\")


def test_k6_ids_that_look_like_paths_make_no_files(site: Site, tmp_path: Path) -> None:
    records = ",".join(json.dumps({"conversationId": name}) for name in NAMES)
    site.sandbox.add_faults(fault(FIRST_PAGE, "mutate", 1, splice=records))
    site.run().succeeded()
    assert {name for name, _ in site.raw()} >= set(NAMES)
    assert [path for path in tmp_path.rglob("*") if "outside" in path.name] == []
    assert sorted(path.name for path in site.folder.iterdir()) == ["data"]
    assert not Path("/tmp/outside-of-everything").exists()


PERSON = ("Nora Invented", "+46700000000", "nora@invented.example")
ATTRIBUTES = dict(zip(("name", "phone", "e-mail"), PERSON, strict=True))


def assert_nobody_is_named(site: Site, *outcomes: Outcome) -> None:
    """Search what runs said, and the ledger, for a person."""
    said = [outcome.said for outcome in outcomes]
    said += [str(row) for row in site.ledger("*")]
    assert not [part for part in PERSON for text in said if part in text]


def person(conversation_id: object) -> str:
    participant = {"purpose": "customer", "participantName": PERSON[0], "attributes": ATTRIBUTES}
    return json.dumps({"conversationId": conversation_id, "participants": [participant]})


def test_k10_a_person_is_named_in_no_line_of_a_load(site: Site) -> None:
    """What is refused is kept with its payload, in the warehouse alone."""
    broken = f'{person("bad00000-name")[:-1]},"mos":NaN}}'
    records = ",".join([person("good0000-name"), person(None), person(PERSON[1]), broken])
    site.sandbox.add_faults(fault(FIRST_PAGE, "mutate", 1, splice=records))
    outcome = site.run()
    assert "2 of " in outcome.error(5)
    refused = site.query("select payload from genesys_raw.quarantined_records")
    assert [PERSON[0] in payload for (payload,) in refused] == [True, True]
    assert_nobody_is_named(site, outcome, site.run("status"), site.run("doctor"), site.run("plan"))
    # Loaded rows are in the warehouse and nowhere else.
    left = [path for path in (site.work).rglob("*") if path.is_file()]
    written = [text for path in left for text in unpacked(path.read_bytes())]
    assert not [part for part in PERSON for text in written if part.encode() in text]


def test_k10_a_row_the_warehouse_refuses_is_not_quoted(site: Site) -> None:
    """DuckDB's own message quotes the value it cannot cast."""
    site.run("load", "--only", "skills").succeeded()
    # DuckDB leaves a column that is zstd no type but a text's.
    site.change("alter table genesys_raw.conversation_details drop payload")
    site.change("alter table genesys_raw.conversation_details add payload integer")
    site.sandbox.add_faults(fault(FIRST_PAGE, "mutate", 1, splice=person("good0000-name")))
    outcome = site.run()
    said = outcome.error(6)
    assert "ELT_DUCKDB_PATH data/genesys.duckdb" in said
    again = site.run()
    assert again.error(6) == said
    assert_nobody_is_named(site, outcome, again)


@pytest.mark.slow
@pytest.mark.first_run
def test_k11_the_salt_of_a_warehouse_is_made_once_and_never_another(site: Site) -> None:
    site.run(*USERS, ELT_PII_SALT="").succeeded()
    [(salt,)] = site.query("select salt from genesys_raw.hash_salts")
    assert re.fullmatch("[0-9a-f]{64}", salt)
    site.run(*USERS, ELT_PII_SALT="").succeeded()
    site.run(*USERS, ELT_PII_SALT=salt).succeeded()
    assert site.query("select salt from genesys_raw.hash_salts") == [(salt,)]
    for command in (USERS, ("status",), ("doctor",)):
        outcome = site.run(*command, ELT_PII_SALT=SECRET)
        assert outcome.exit_code == 2
        assert "ELT_PII_SALT is not the salt this warehouse hashes" in (outcome.said)
        assert salt not in outcome.said
        assert SECRET not in outcome.said
    # Kept beside the records, and left neither in the work directory nor in anything that was said.
    for path in (site.work).rglob("*"):
        assert not path.is_file() or salt.encode() not in path.read_bytes()

    site.change("delete from genesys_raw.hash_salts")
    assert "hash_salts has lost its row" in site.run(*USERS, ELT_PII_SALT="").error(2)
    site.run(*USERS, ELT_PII_SALT=salt).succeeded()
    assert site.query("select salt from genesys_raw.hash_salts") == [(salt,)]

    # Killed while the tables were made, and the work directory lost: none has been used yet.
    site.change("delete from genesys_raw.hash_salts")
    site.change("delete from genesys_raw.extract_windows")
    site.run(*USERS, ELT_PII_SALT="").succeeded()
    [(another,)] = site.query("select salt from genesys_raw.hash_salts")
    assert len(another) == 64


@pytest.mark.slow
def test_k12_what_the_other_side_writes_cannot_write_on_the_terminal(site: Site) -> None:
    evil = "\x1b[2J\x1b]0;owned\x07\nERROR GX-000 all is well\r\u2028"
    body = {"code": evil, "message": evil, "status": 400, "contextId": evil}
    for wrong in (
        fault(SUBMIT, "status", "all", status=400, body=body),
        fault(SUBMIT, "mutate", "all", set={"jobId": evil}),
        fault(SUBMIT, "mutate", "all", set={"jobId": "../../../users?state=any"}),
        fault(POLL, "mutate", "all", set={"state": evil}),
        fault(RESULTS, "body", "all", text="{}", content_type="text/\x1bhtml"),
    ):
        site.sandbox.clear_faults()
        site.sandbox.add_faults(wrong)
        outcome = site.run(ELT_RETRY_ATTEMPTS="1")
        outcome.error(5)
        assert not [sign for sign in outcome.said if sign in "\x1b\x07\r\u2028"]
        assert "all is well" not in outcome.stderr
    assert site.requests("/users") == []


# Runs the loader and tells the most memory it had, in MB, after what it said.
WEIGHED = """
import resource, subprocess, sys
ended = subprocess.run([sys.executable, "-m", "loader", *sys.argv[1:]])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10, file=sys.stderr)
sys.exit(ended.returncode)
"""


def megabytes(site: Site, exit_code: int) -> tuple[str, int]:
    """Load in a process of its own; return what it said and the most memory it had."""
    ended = site.ended(site.start_python("-c", WEIGHED, *DETAILS))
    assert ended.exit_code == exit_code, ended.said
    *lines, most = ended.stderr.splitlines()
    assert "Traceback" not in ended.said
    return "\n".join(lines), int(most)


def packed(part: bytes, times: int) -> bytes:
    """Return a page with the part written into it so many times, as gzip, without holding it."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)

    def alone(text: bytes) -> bytes:
        """Pack a text so that it can stand anywhere: nothing in it points at what is before it."""
        return packer.compress(text) + packer.flush(zlib.Z_FULL_FLUSH)

    begin, end = b'{"conversations":[{"conversationId":"large000","text":"', b'"}]}'
    body = [alone(begin), alone(part) * times, packer.compress(end), packer.flush()]
    checksum = 0
    for text in (begin, *repeat(part, times), end):
        checksum = zlib.crc32(text, checksum)
    length = len(begin) + len(part) * times + len(end)
    header = b"\x1f\x8b\x08" + bytes(7)
    return b"".join([header, *body, struct.pack("<II", checksum, length % (1 << 32))])


@pytest.mark.slow
def test_k9_an_answer_that_unpacks_without_end_is_left(site: Site, relay: Relay) -> None:
    """2 GB in 2 MB: it is refused at the limit, in bounded memory."""
    bomb = packed(b" " * (1 << 20), 2048)
    relay.play(RESULTS, told(bomb), times=9)
    said, most = megabytes(site, 5)
    assert "answered more than 256 MB; lower ELT_PAGE_SIZE" in said
    assert most < 700
    assert site.row_count() == 0


@pytest.mark.first_run
def test_m9_nobody_else_reads_what_a_run_has_made(site: Site) -> None:
    site.run().succeeded()
    made = [site.data, *site.data.rglob("*")]
    assert [path for path in made if path.stat().st_mode & 0o077] == []
    site.database.chmod(0o644)
    said = site.run("status").succeeded().stderr
    assert "data/genesys.duckdb holds personal data and others on this machine can read it" in said


@pytest.mark.slow
def test_k9_a_record_of_100_mb_is_kept_out_and_the_others_load(
    site: Site, relay: Relay, expected: Expected
) -> None:
    relay.play(FIRST_PAGE, told(packed(b"x" * (1 << 20), 100)))
    said, most = megabytes(site, 5)
    assert "1 of 1 records are not valid" in said
    assert most < 700
    assert site.query("select record_id, reason from genesys_raw.quarantined_records") == [
        ("large000", "larger than 32 MB (ELT_RECORD_MEGABYTES)")
    ]
    site.run("reload", "--from", TODAY, "--to", NOW, *DETAILS[1:]).succeeded()
    assert site.raw() == expected()


def told(content: bytes) -> Trick:
    """Answer with some gzip in place of what was asked for."""
    return lambda exchange: exchange.send(
        content, "Content-Encoding: gzip", f"Content-Length: {len(content)}"
    )


@pytest.mark.slow
def test_k13_what_dbt_writes_beside_the_tables_holds_no_secret_and_no_row(site: Site) -> None:
    person_there = fault(FIRST_PAGE, "mutate", 1, splice=person("good0000-name"))
    site.sandbox.add_faults(person_there)
    password = "postgres-geheim-0815"
    site.run().succeeded()
    target = site.folder / "target"
    site.transform(
        "+fct_participant_attributes", target=str(target), ELT_POSTGRES_PASSWORD=password
    ).succeeded()
    assert any(PERSON[0] in payload for payload in site.newest().values())
    assert site.query("select count(*) from genesys_marts.fct_participant_attributes") != [(0,)]
    written = [path for path in target.rglob("*") if path.is_file()]
    assert {"manifest.json", "run_results.json"} <= {path.name for path in written}
    canaries = [*PERSON, site.sandbox.client_secret, password]
    for path in written:
        content = path.read_bytes()
        assert not [one for one in canaries if one.encode() in content], path
