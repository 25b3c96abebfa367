"""Faults J through the command line: exit 2 before any request and before any file.

What each setting accepts is told by tests/unit/test_settings.py.
"""

import pytest

from tests.faults.conftest import Expected
from tests.faults.site import Site

pytestmark = pytest.mark.first_run

HOSTS_UNSET = {"GENESYS_API_URL": "", "GENESYS_LOGIN_URL": ""}


def refused(site: Site, told: str, *arguments: str, **changes: str) -> None:
    """Check that a run ends with 2 and says `told`, and that nothing else has happened."""
    assert told in site.run(*(arguments or ("load",)), **changes).error(2)
    assert_nothing_happened(site)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"GENESYS_CLIENT_ID": ""}, "GENESYS_CLIENT_ID is not set"),
        ({"GENESYS_CLIENT_SECRET": " \n"}, "GENESYS_CLIENT_SECRET is not set"),
        ({**HOSTS_UNSET, "GENESYS_REGION": ""}, "GENESYS_REGION is not set"),
        ({"GENESYS_LOGIN_URL": ""}, "GENESYS_LOGIN_URL is not set"),
        ({"ELT_TARGET": "postgres"}, "ELT_POSTGRES_USER is not set"),
    ],
)
def test_j1_a_setting_that_is_missing_is_named(
    site: Site, changes: dict[str, str], told: str
) -> None:
    refused(site, told, **changes)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({**HOSTS_UNSET, "GENESYS_REGION": "eu-west-9"}, "eu-west-1"),
        ({**HOSTS_UNSET, "GENESYS_REGION": "EU-WEST-1"}, "Did you mean eu-west-1?"),
        ({**HOSTS_UNSET, "GENESYS_REGION": "https://api.mypurecloud.de"}, "GENESYS_REGION"),
        ({**HOSTS_UNSET, "GENESYS_REGION": "mypurecloud.de/../evil.example"}, "GENESYS_REGION"),
        ({"GENESYS_API_URL": "http://evil.example"}, "GENESYS_API_URL must be https"),
        ({"GENESYS_LOGIN_URL": "https://u:p@host.example"}, "GENESYS_LOGIN_URL must be"),
    ],
)
def test_j2_a_host_that_is_not_one_of_genesys_is_refused(
    site: Site, changes: dict[str, str], told: str
) -> None:
    refused(site, told, **changes)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"ELT_START": "2026-13-01"}, "ELT_START: must be a UTC date or time such as 2026-03-01"),
        ({"ELT_START": "01/02/2026"}, "ELT_START: must be a UTC date or time"),
        ({"ELT_START": "2026-11-20T10:00:00"}, "ELT_START: must be a UTC date or time"),
        ({"ELT_NOW": "yesterday"}, "ELT_NOW: must be a UTC date or time"),
    ],
)
def test_j3_a_setting_that_is_no_time_is_told_the_form(
    site: Site, changes: dict[str, str], told: str
) -> None:
    refused(site, told, **changes)


@pytest.mark.parametrize("command", ["load", "plan", "reload"])
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--from", "yesterday"], "--from 'yesterday' must be a UTC date or time"),
        (["--to", "2026-11-31"], "--to '2026-11-31' must be a UTC date or time"),
    ],
)
def test_j3_an_argument_that_is_no_time_is_told_the_form(
    site: Site, command: str, arguments: list[str], told: str
) -> None:
    refused(site, told, command, *arguments)


@pytest.mark.parametrize("command", ["load", "plan", "reload"])
@pytest.mark.parametrize("start", ["2026-11-20", "2026-11-19"])
def test_j4_a_range_that_ends_before_or_where_it_begins_is_told_both_ends(
    site: Site, command: str, start: str
) -> None:
    told = f"--from {start}T00:00:00.000Z is not before --to 2026-11-19T00:00:00.000Z"
    refused(site, told, command, "--from", start, "--to", "2026-11-19")


@pytest.mark.parametrize("end", ["2026-11-20", "2026-11-19"])
def test_j4_a_range_that_ends_before_the_start_of_all_is_told_both(site: Site, end: str) -> None:
    told = f"--to {end}T00:00:00.000Z is not after ELT_START 2026-11-20T00:00:00.000Z"
    refused(site, told, "load", "--to", end)


def test_j5_a_start_in_the_future_is_refused(site: Site) -> None:
    told = "ELT_START 2027-01-01T00:00:00.000Z lies in the future"
    refused(site, told, ELT_START="2027-01-01")
    told = "lies in the future (now is 2026-11-20T12:00:00.000Z)"
    refused(site, told, "load", "--from", "2026-11-20T12:00:01Z")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"ELT_WINDOW_HOURS": "0"}, "ELT_WINDOW_HOURS: "),
        ({"ELT_WINDOW_HOURS": "87600"}, "ELT_WINDOW_HOURS: "),
        (
            {"ELT_OVERLAP_MINUTES": "5"},
            "ELT_OVERLAP_MINUTES (5) must not be shorter than ELT_SETTLE_MINUTES (15)",
        ),
        (
            {"ELT_OVERLAP_MINUTES": "1440"},
            "ELT_OVERLAP_MINUTES (1440) must be shorter than ELT_WINDOW_HOURS (24 h)",
        ),
    ],
)
def test_j7_a_window_that_could_lose_records_is_refused_with_the_rule(
    site: Site, changes: dict[str, str], told: str
) -> None:
    refused(site, told, **changes)


@pytest.mark.parametrize("value", ["1e3", "-24", "24.0", "many", "9" * 30])
def test_j8_a_number_that_is_none_is_refused(site: Site, value: str) -> None:
    refused(site, "ELT_WINDOW_HOURS: ", ELT_WINDOW_HOURS=value)


@pytest.mark.parametrize("around", ["{}\n", " {} ", "\t{}\r\n"])
def test_j9_a_secret_pasted_with_blanks_around_it_works(site: Site, around: str) -> None:
    secret = around.format(site.sandbox.client_secret)
    site.run("plan", GENESYS_CLIENT_SECRET=secret).succeeded()


def test_j9_a_secret_that_cannot_be_one_is_refused_unseen(site: Site) -> None:
    for secret in ("gr\u00fcn-geheim", "invented\nsecret"):
        outcome = site.run(GENESYS_CLIENT_SECRET=secret)
        assert "GENESYS_CLIENT_SECRET" in outcome.error(2)
        assert "geheim" not in outcome.stderr
        assert "invented" not in outcome.stderr
    assert_nothing_happened(site)


def test_j10_a_setting_that_does_not_exist_is_told_what_was_meant(site: Site) -> None:
    refused(site, "did you mean ELT_OVERLAP_MINUTES?", ELT_OVERLAP_MINUTE="60")


def test_j10_a_resource_that_does_not_exist_is_told_which_do(site: Site) -> None:
    for command in ("load", "plan"):
        refused(
            site,
            "--only conversation_detail: no such resource",
            command,
            "--only",
            "conversation_detail",
        )
        refused(site, "there are users, queues, wrapup_codes", command, "--only", "users", "no")


@pytest.mark.parametrize("setting", ["ELT_WORK_DIR", "ELT_DUCKDB_PATH"])
@pytest.mark.parametrize(
    "path", ["it's", "a\nb", "tab\there", "50%", "back\\slash", "any*", "w[h]y?"]
)
def test_j11_a_path_that_dlt_or_duckdb_would_misread_is_refused(
    site: Site, setting: str, path: str
) -> None:
    refused(
        site,
        f"{setting}: must be a path without apostrophes, control characters",
        **{setting: path},
    )


def test_j11_a_path_with_blanks_and_letters_of_all_kinds_works(
    site: Site, expected: Expected
) -> None:
    name = 'Donn\u00e9es du client; drop table "x" \u65e5\u672c \U0001f4de {} $HOME # ' + "x" * 100
    paths = {"ELT_WORK_DIR": f"{name}/work", "ELT_DUCKDB_PATH": f"{name}/{name}.duckdb"}
    site.run(**paths).succeeded()
    other = site.folder / name / f"{name}.duckdb"
    site.database.parent.mkdir()
    other.rename(site.database)
    assert site.raw() == expected()
    assert sorted(path.name for path in site.folder.iterdir()) == sorted([name, "data"])


def test_j12_a_file_of_secrets_that_all_can_read_is_named(site: Site) -> None:
    env = site.folder / ".env"
    secret = site.sandbox.client_secret
    env.write_text(f"GENESYS_CLIENT_SECRET={secret}\n")
    for mode, warned in ((0o644, 1), (0o640, 1), (0o600, 0)):
        env.chmod(mode)
        said = site.run("load", "--only", "skills").succeeded().stderr
        assert said.count("`chmod 600 .env`") == warned
    env.write_text("ELT_START=2026-11-20\n")
    env.chmod(0o644)
    said = site.run("plan").succeeded().stderr
    assert "chmod" not in said


def test_j1_a_real_process_ends_with_the_same_code_and_line(site: Site) -> None:
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
    assert list(site.folder.iterdir()) == []
