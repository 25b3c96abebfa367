"""Settings: what is refused before any request, and in which words."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
import yaml  # type: ignore[import-untyped]
from dotenv import dotenv_values
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from loader.errors import SettingsError
from loader.settings import Settings, models, setting_names
from loader.warehouses import kinds
from loader.warehouses.base import WarehouseSettings

ROOT = Path(__file__).parents[2]
SECRET = "s3cret-value-nobody-may-see"
VALID = {
    "GENESYS_REGION": "eu-central-1",
    "GENESYS_CLIENT_ID": "client",
    "GENESYS_CLIENT_SECRET": SECRET,
    "ELT_NOW": "2026-03-10T12:00:00Z",
}

Read = Callable[..., Settings]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Read:
    """Read settings from nothing but the given variables."""
    monkeypatch.chdir(tmp_path)
    for name in [*setting_names(), "ELT_SECRETS_DIR"]:
        monkeypatch.delenv(name, raising=False)

    def read_settings(**changes: str) -> Settings:
        for name, value in {**VALID, **changes}.items():
            monkeypatch.setenv(name, value)
        settings = Settings.read()
        settings.check_source()
        return settings

    return read_settings


def refusal(read: Read, **changes: str) -> str:
    with pytest.raises(SettingsError) as refused:
        read(**changes)
    text = str(refused.value)
    assert "\n" not in text
    assert SECRET not in text
    return text


def default(field: FieldInfo) -> str:
    """Return the default of a setting as .env.example writes it."""
    if field.default is None:
        return ""
    if isinstance(field.default, SecretStr):
        return field.default.get_secret_value()
    return str(field.default)


def test_env_example_lists_every_setting_once_with_its_default() -> None:
    path = ROOT / ".env.example"
    listed = dotenv_values(path)
    assert listed == {
        str(field.alias): default(field)
        for model in models()
        for field in model.model_fields.values()
    }
    lines = re.findall(r"^(\w+)=", path.read_text(), re.M)
    assert sorted(lines) == sorted(setting_names()) == sorted(set(lines))


OUTPUTS = yaml.safe_load((ROOT / "profiles" / "profiles.yml").read_text())["genesys"]["outputs"]


def test_every_warehouse_has_an_output_in_the_profile() -> None:
    # Those of people and of checks are made of these.
    assert OUTPUTS.keys() - {"dev", "ci"} == kinds().keys()


@pytest.mark.parametrize("target", kinds())
def test_the_profile_reads_what_the_settings_of_its_warehouse_tell(target: str) -> None:
    """By name and with the same default: dbt run by hand is where the loader would run it."""
    model = kinds()[target].settings_model
    assert set(model.required) | set(model.not_for_dbt) <= model.model_fields.keys()
    output = str(OUTPUTS[target]).replace('"', "")
    read = re.findall(r"env_var\('(ELT_\w+)'(?:, '([^']*)')?\)", output)
    assert dict(read) == {
        str(field.alias): default(field)
        for name, field in model.model_fields.items()
        if name not in {*model.not_for_dbt, *WarehouseSettings.model_fields}
    }


def test_dbt_run_by_hand_slices_as_the_loader_would() -> None:
    sql = [path.read_text() for path in sorted((ROOT / "dbt_project").glob("m*/**/*.sql"))]
    read = dict(re.findall(r"env_var\('(\w+)', '([^']*)'\)", "".join(sql)))
    # Of one command, no setting: `transform test --all-rows`.
    assert read.pop("TEST_ALL_ROWS") == ""
    # Where raw files are, which a query of Spark's names; the profile has the settings.
    for name in ("DBT_PROJECT_DIR", "PWD", "ELT_BUCKET_URL", "ELT_SPARK_TABLE_FORMAT"):
        read.pop(name, None)
    assert read == {
        "ELT_SLICE_MEGABYTES": default(Settings.model_fields["slice_megabytes"]),
        "ELT_ATTRIBUTES_KILOBYTES": default(Settings.model_fields["attributes_kilobytes"]),
    }


@pytest.mark.parametrize("target", kinds())
def test_dbt_is_told_the_settings_that_are_set(read: Read, target: str) -> None:
    model = kinds()[target].settings_model
    told = {
        str(field.alias): [*map(str, get_args(field.annotation)), "500MB"][0]
        if field.annotation is not int
        else "7"
        for field in model.model_fields.values()
    }
    settings = read(ELT_TARGET=target, ELT_SLICE_MEGABYTES="9", **told)
    environment = settings.warehouse_environment()
    assert environment.pop("ELT_TARGET") == target
    assert environment.pop("ELT_SLICE_MEGABYTES") == "9"
    assert environment.pop("ELT_ATTRIBUTES_KILOBYTES") == "1024"
    kept = {
        str(model.model_fields[name].alias)
        for name in {*model.not_for_dbt, *WarehouseSettings.model_fields}
    }
    assert environment.keys() == told.keys() - kept
    for name, value in environment.items():
        # A path, wherever dbt runs.
        assert value in (told[name], str(Path(told[name]).resolve())), name


def test_settings_are_read_without_what_is_heavy(tmp_path: Path) -> None:
    """What is wrong with a setting is told before dlt is imported, which takes a second."""
    script = (
        "import sys; from loader.settings import Settings; Settings.read();"
        "print({'dlt', 'duckdb', 'psycopg2', 'pyarrow'} & sys.modules.keys())"
    )
    names = [name for name in os.environ if not name.startswith(("ELT_", "GENESYS_"))]
    environment = {name: os.environ[name] for name in names} | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True
    )
    assert (ended.stdout, ended.stderr) == (b"set()\n", b"")


@pytest.mark.parametrize("name", ["GENESYS_REGION", "GENESYS_CLIENT_ID", "GENESYS_CLIENT_SECRET"])
@pytest.mark.parametrize("value", ["", "   ", "\n"])
def test_j1_a_missing_required_setting_is_named(read: Read, name: str, value: str) -> None:
    assert f"{name} is not set" in refusal(read, **{name: value})


@pytest.mark.parametrize(
    "region", ["eu-west-9", "https://api.mypurecloud.de", "EU-CENTRAL-1", "evil.com/", "evil.com"]
)
def test_j2_a_region_outside_the_list_is_refused_with_the_list(read: Read, region: str) -> None:
    text = refusal(read, GENESYS_REGION=region)
    assert text.startswith("GENESYS_REGION")
    assert "eu-central-1 (mypurecloud.de)" in text


@pytest.mark.parametrize("region", ["eu-central-1", "mypurecloud.de"])
def test_a_region_is_named_by_aws_region_or_domain(read: Read, region: str) -> None:
    hosts = read(GENESYS_REGION=region).hosts
    assert (hosts.api, hosts.login) == (
        "https://api.mypurecloud.de",
        "https://login.mypurecloud.de",
    )


@pytest.mark.parametrize(
    "text",
    ["2026-13-01", "01/02/2026", "yesterday", "2026-03-01T06:00:00", "2026-03-01 06:00Z", "1e9"],
)
@pytest.mark.parametrize("name", ["ELT_START", "ELT_NOW"])
def test_j3_a_bad_date_is_refused_with_the_accepted_form(read: Read, name: str, text: str) -> None:
    message = refusal(read, **{name: text})
    assert message.startswith(f"{name}: must be a UTC date or time such as 2026-03-01")


def test_an_offset_is_converted_to_utc(read: Read) -> None:
    start = read(ELT_START="2026-03-01T01:00:00+02:00").start
    assert start is not None
    assert start.isoformat() == "2026-02-28T23:00:00+00:00"


def test_j5_a_start_in_the_future_is_refused(read: Read) -> None:
    assert "ELT_START" in refusal(read, ELT_START="2026-03-11")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"ELT_WINDOW_HOURS": "0"}, "ELT_WINDOW_HOURS"),
        ({"ELT_WINDOW_HOURS": "-1"}, "ELT_WINDOW_HOURS"),
        ({"ELT_WINDOW_HOURS": "87600"}, "ELT_WINDOW_HOURS"),
        ({"ELT_WINDOW_HOURS": "1e3"}, "whole number"),
        ({"ELT_WINDOW_HOURS": "1", "ELT_OVERLAP_MINUTES": "60"}, "ELT_OVERLAP_MINUTES"),
        ({"ELT_OVERLAP_MINUTES": "10"}, "ELT_SETTLE_MINUTES"),
        ({"ELT_TARGET": "oracle"}, f"ELT_TARGET: must be one of {', '.join(sorted(kinds()))}."),
        *(
            (
                {"ELT_TARGET": name},
                f"ELT_TARGET={name}: {engine} is not built; choose one of "
                f"{', '.join(sorted(kinds()))}, or add it: CONTRIBUTING.md says how",
            )
            for name, engine in (("redshift", "Redshift"), ("Trino", "Trino"))
        ),
        (
            {"ELT_WINDOW_HOURS": "0", "ELT_DUCKDB_MEMORY": "all"},
            "equal to 1; ELT_DUCKDB_MEMORY: string should match",
        ),
        ({"ELT_TARGET": "postgres", "ELT_POSTGRES_PORT": "0"}, "ELT_POSTGRES_PORT"),
        ({"GENESYS_CONTRACT": "swagger"}, "GENESYS_CONTRACT"),
        ({"ELT_PII_SALT": "short"}, "ELT_PII_SALT must have at least 16 characters"),
        ({"ELT_WORK_DIR": "it's here"}, "apostrophes"),
        ({"ELT_TARGET": "postgres"}, "ELT_POSTGRES_USER"),
        ({"GENESYS_CLIENT_SECRET": "schlüssel"}, "ASCII"),
        ({"GENESYS_API_URL": "https://gateway.example"}, "GENESYS_LOGIN_URL is not set"),
        (
            {
                "GENESYS_API_URL": "http://gateway.example",
                "GENESYS_LOGIN_URL": "http://gateway.example",
            },
            "https",
        ),
        (
            {
                "GENESYS_API_URL": "https://user:pw@gateway.example",
                "GENESYS_LOGIN_URL": "https://gateway.example",
            },
            "GENESYS_API_URL",
        ),
        (
            {
                "GENESYS_API_URL": "https://gateway.example",
                "GENESYS_LOGIN_URL": "https://gateway.example",
            },
            "GENESYS_REGION eu-central-1 means https://api.mypurecloud.de, but GENESYS_API_URL is "
            "https://gateway.example; unset the region or both URLs",
        ),
        (
            {
                "GENESYS_API_URL": "https://api.mypurecloud.de",
                "GENESYS_LOGIN_URL": "https://login.mypurecloud.ie",
            },
            "but GENESYS_LOGIN_URL is https://login.mypurecloud.ie",
        ),
        (
            {
                "GENESYS_REGION": "eu-cental-1",
                "GENESYS_API_URL": "https://gateway.example",
                "GENESYS_LOGIN_URL": "https://gateway.example",
            },
            "GENESYS_REGION 'eu-cental-1' is not a region we know. Did you mean eu-central-1?",
        ),
    ],
)
def test_contradictions_are_refused_with_the_rule(
    read: Read, changes: dict[str, str], rule: str
) -> None:
    assert rule in refusal(read, **changes)


def test_a_region_and_its_own_hosts_agree(read: Read) -> None:
    hosts = {
        "GENESYS_API_URL": "https://api.mypurecloud.de/",
        "GENESYS_LOGIN_URL": "https://login.mypurecloud.de",
    }
    assert read(**hosts).hosts == read(GENESYS_API_URL="", GENESYS_LOGIN_URL="").hosts


def test_a_misspelt_setting_is_refused_with_a_suggestion(read: Read) -> None:
    text = refusal(read, ELT_OVERLP_MINUTES="60")
    assert text == "ELT_OVERLP_MINUTES is not a setting; did you mean ELT_OVERLAP_MINUTES?"


@pytest.mark.parametrize("url", ["https://[x", "https://127.0.0.1:abc"])
def test_a_broken_url_is_refused_by_the_name_of_its_setting(read: Read, url: str) -> None:
    assert "GENESYS_API_URL" in refusal(
        read, GENESYS_API_URL=url, GENESYS_LOGIN_URL="https://login.example"
    )


def test_a_time_no_calendar_holds_is_refused(read: Read) -> None:
    assert "ELT_START" in refusal(read, ELT_START="9999-12-31T23:59:59-23:59")


def test_a_file_that_is_no_text_is_named(read: Read) -> None:
    Path(".env").write_bytes(b"ELT_START=\xff\n")
    assert ".env cannot be read as UTF-8" in refusal(read)


def test_a_misspelt_setting_in_the_env_file_is_refused(read: Read) -> None:
    Path(".env").write_text("ELT_STRAT=2026-03-01\n", encoding="utf-8")
    assert "did you mean ELT_START?" in refusal(read)


def test_the_environment_wins_over_the_env_file_and_that_over_secret_files(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "ELT_PAGE_SIZE").write_text("1\n")
    (secrets / "ELT_COMMIT_MEGABYTES").write_text("1\n")
    (secrets / "ELT_JOB_MINUTES").write_text("1\n")
    Path(".env").write_text("ELT_PAGE_SIZE=2\nELT_COMMIT_MEGABYTES=2\n", encoding="utf-8")
    monkeypatch.setenv("ELT_SECRETS_DIR", str(secrets))
    settings = read(ELT_PAGE_SIZE="3")
    assert (settings.page_size, settings.commit_megabytes, settings.job_minutes) == (3, 2, 1)


def test_a_secret_may_end_in_a_newline(read: Read) -> None:
    assert read(GENESYS_CLIENT_SECRET=SECRET + "\n").client_secret.get_secret_value() == SECRET


def test_the_settings_do_not_show_their_secrets(read: Read) -> None:
    assert SECRET not in repr(read())
