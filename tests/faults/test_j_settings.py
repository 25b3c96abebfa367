"""Faults J through the command line: exit 2 before any request and before any file.

What each setting accepts is told by tests/unit/test_settings.py.
"""

import pytest

from tests.faults.site import Site

HOSTS_UNSET = {"GENESYS_API_URL": "", "GENESYS_LOGIN_URL": ""}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        # J1
        ({"GENESYS_CLIENT_ID": ""}, "GENESYS_CLIENT_ID is not set"),
        ({"GENESYS_CLIENT_SECRET": " \n"}, "GENESYS_CLIENT_SECRET is not set"),
        ({**HOSTS_UNSET, "GENESYS_REGION": ""}, "GENESYS_REGION is not set"),
        ({"GENESYS_LOGIN_URL": ""}, "GENESYS_LOGIN_URL is not set"),
        ({"ELT_TARGET": "postgres"}, "ELT_POSTGRES_USER is not set"),
        # J2
        ({**HOSTS_UNSET, "GENESYS_REGION": "eu-west-9"}, "eu-west-1"),
        ({**HOSTS_UNSET, "GENESYS_REGION": "EU-WEST-1"}, "Did you mean eu-west-1?"),
        ({**HOSTS_UNSET, "GENESYS_REGION": "https://api.mypurecloud.de"}, "GENESYS_REGION"),
        ({**HOSTS_UNSET, "GENESYS_REGION": "mypurecloud.de/../evil.example"}, "GENESYS_REGION"),
        ({"GENESYS_API_URL": "http://evil.example"}, "GENESYS_API_URL must be https"),
        ({"GENESYS_LOGIN_URL": "https://u:p@host.example"}, "GENESYS_LOGIN_URL must be"),
        # J3
        ({"ELT_START": "2026-13-01"}, "ELT_START: must be a UTC date or time such as 2026-03-01"),
        ({"ELT_START": "01/02/2026"}, "ELT_START: must be a UTC date or time"),
        ({"ELT_START": "2026-11-20T10:00:00"}, "ELT_START: must be a UTC date or time"),
        ({"ELT_NOW": "yesterday"}, "ELT_NOW: must be a UTC date or time"),
        # J5
        ({"ELT_START": "2027-01-01"}, "ELT_START 2027-01-01T00:00:00.000Z lies in the future"),
        # J7, J8
        ({"ELT_WINDOW_HOURS": "0"}, "ELT_WINDOW_HOURS"),
        ({"ELT_WINDOW_HOURS": "1e3"}, "ELT_WINDOW_HOURS: must be a whole number"),
        ({"ELT_OVERLAP_MINUTES": "5"}, "ELT_SETTLE_MINUTES"),
        # J10
        ({"ELT_OVERLAP_MINUTE": "60"}, "did you mean ELT_OVERLAP_MINUTES?"),
    ],
)
def test_j_a_wrong_setting_is_named_before_anything_happens(
    site: Site, changes: dict[str, str], told: str
) -> None:
    assert told in site.run("load", **changes).error(2)
    assert_nothing_happened(site)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        # J3
        (["--from", "yesterday"], "--from 'yesterday' must be a UTC date or time"),
        (["--to", "2026-11-31"], "--to '2026-11-31' must be a UTC date or time"),
        # J4
        (
            ["--from", "2026-11-20", "--to", "2026-11-19"],
            "--from 2026-11-20T00:00:00.000Z is not before --to 2026-11-19T00:00:00.000Z",
        ),
        (["--from", "2026-11-19", "--to", "2026-11-19"], "is not before --to"),
        (["--to", "2026-11-19"], "is not after ELT_START 2026-11-20T00:00:00.000Z"),
        # J5
        (
            ["--from", "2026-11-20T12:00:01Z"],
            "lies in the future (now is 2026-11-20T12:00:00.000Z)",
        ),
        (["--only", "conversation_detail"], "--only conversation_detail: no such resource"),
        (["--only", "users", "nonsense"], "there are users, queues, wrapup_codes"),
    ],
)
@pytest.mark.parametrize("command", ["load", "plan"])
def test_j_a_wrong_argument_is_named_before_anything_happens(
    site: Site, command: str, arguments: list[str], told: str
) -> None:
    assert told in site.run(command, *arguments).error(2)
    assert_nothing_happened(site)


def test_j_a_real_process_ends_with_the_same_code_and_line(site: Site) -> None:
    said = site.ended(site.start("load", GENESYS_CLIENT_ID="")).error(2)
    assert "GENESYS_CLIENT_ID is not set" in said
    assert_nothing_happened(site)


def test_j5_an_end_in_the_future_is_read_as_far_as_the_data_go(site: Site) -> None:
    site.run(
        "load", "--only", "conversation_details", "--from", "2026-11-20T11:00:00Z",
        "--to", "2027-01-01",
    ).succeeded()  # fmt: skip
    assert site.ledger("strftime(window_end at time zone 'UTC', '%Y-%m-%d %H:%M'), limited_by") == [
        ("2026-11-20 11:30", "source availability")
    ]


def assert_nothing_happened(site: Site) -> None:
    assert site.requests() == []
    assert list(site.directory.iterdir()) == []
