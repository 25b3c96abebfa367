"""Every setting, read once and checked before the first request.

Sources, strongest first: the environment, `.env` in the working directory, one file per setting in
the directory ELT_SECRETS_DIR (default /run/secrets). `.env.example` lists them all. Those of a
warehouse are declared in its own file (`loader/warehouses/`).
"""

import difflib
import os
import re
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from dotenv import dotenv_values
from pydantic import BeforeValidator, Field, PrivateAttr, SecretStr, ValidationError
from pydantic_settings import BaseSettings

from loader.errors import SettingsError
from loader.genesys.hosts import Hosts, checked_url, region_hosts
from loader.limits import Limits
from loader.setting_types import (
    ENV_FILE,
    INTEGER,
    SOURCES,
    PlainPath,
    Secret,
    Text,
    Whole,
    count,
)
from loader.warehouses import kind_of, kinds
from loader.warehouses.base import WarehouseSettings
from loader.windows import Rules, floor, iso

DATE_FORM = "a UTC date or time such as 2026-03-01 or 2026-03-01T06:00:00Z"
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2}))?")
# Short ones can be found by trying; the loader's own have 64.
_SALT_LENGTH = 16


def parse_utc(value: object) -> datetime | None:
    """Parse a date or an instant with its offset; a local time without one is refused."""
    if value is None or isinstance(value, datetime):
        return value
    text = str(value).strip()
    if not text:
        return None
    if not _TIME.fullmatch(text):
        raise ValueError(f"must be {DATE_FORM}")
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"must be {DATE_FORM}") from None


def _minutes(value: object) -> object:
    """Read digits as a number, which a list of accepted numbers does not do by itself."""
    return int(value) if isinstance(value, str) and INTEGER.fullmatch(value) else value


Utc = Annotated[datetime | None, BeforeValidator(parse_utc)]


class _Target(BaseSettings):
    """Which warehouse; that tells which further settings there are."""

    model_config = SOURCES

    target: Text = Field(default="duckdb", alias="ELT_TARGET")


class Settings(_Target):
    """The settings by their names in the environment; units are in the names.

    `warehouse` holds those of the target.
    """

    # The source
    contract: Literal["platform", "guides"] = Field(default="platform", alias="GENESYS_CONTRACT")
    region: Text = Field(default="", alias="GENESYS_REGION")
    client_id: Text = Field(default="", alias="GENESYS_CLIENT_ID")
    client_secret: Secret = Field(default=SecretStr(""), alias="GENESYS_CLIENT_SECRET")
    api_url: Text = Field(default="", alias="GENESYS_API_URL")
    login_url: Text = Field(default="", alias="GENESYS_LOGIN_URL")
    scope: Text = Field(default="", alias="GENESYS_SCOPE")
    requests_per_minute: Whole | None = Field(
        default=None, ge=1, le=100_000, alias="GENESYS_REQUESTS_PER_MINUTE"
    )
    contact_column: Text = Field(default="customer_id", alias="GENESYS_CONTACT_COLUMN")
    contact_days: Whole = count(7, 0, 366, "GENESYS_CONTACT_DAYS")
    report_metrics: Text = Field(default="", alias="GENESYS_REPORT_METRICS")
    report_users: Text = Field(default="", alias="GENESYS_REPORT_USERS")
    participant_type: Text = Field(default="", alias="GENESYS_PARTICIPANT_TYPE")
    export_filters: Text = Field(default="", alias="GENESYS_EXPORT_FILTERS")

    # Any warehouse
    pii_salt: Secret = Field(default=SecretStr(""), alias="ELT_PII_SALT")
    slice_megabytes: Whole = count(64, 1, 4096, "ELT_SLICE_MEGABYTES")
    attributes_kilobytes: Whole = count(1024, 1, 32_768, "ELT_ATTRIBUTES_KILOBYTES")

    # The run
    work_dir: PlainPath = Field(default=Path("data/work"), alias="ELT_WORK_DIR")
    start: Utc = Field(default=None, alias="ELT_START")
    now_override: Utc = Field(default=None, alias="ELT_NOW")
    window_hours: Whole = count(24, 1, 744, "ELT_WINDOW_HOURS")
    overlap_minutes: Whole = count(60, 0, 44_640, "ELT_OVERLAP_MINUTES")
    settle_minutes: Whole = count(15, 0, 10_080, "ELT_SETTLE_MINUTES")
    lookback_days: Whole = count(3, 0, 366, "ELT_LOOKBACK_DAYS")
    reference_hours: Whole = count(24, 1, 744, "ELT_REFERENCE_HOURS")
    interval_minutes: Annotated[Literal[15, 30, 60], BeforeValidator(_minutes)] = Field(
        default=15, alias="ELT_INTERVAL_MINUTES"
    )
    page_size: Whole = count(1000, 1, 10_000, "ELT_PAGE_SIZE")
    commit_megabytes: Whole = count(96, 1, 1024, "ELT_COMMIT_MEGABYTES")
    record_megabytes: Whole = count(32, 1, 256, "ELT_RECORD_MEGABYTES")
    concurrent_jobs: Whole = count(4, 1, 32, "ELT_CONCURRENT_JOBS")
    quarantine_percent: Whole = count(1, 0, 100, "ELT_QUARANTINE_PERCENT")
    drift_percent: Whole = count(20, 0, 100, "ELT_DRIFT_PERCENT")

    # Retries and deadlines
    request_seconds: Whole = count(120, 1, 3600, "ELT_REQUEST_SECONDS")
    retry_attempts: Whole | None = Field(default=None, ge=1, le=100, alias="ELT_RETRY_ATTEMPTS")
    retry_seconds: Whole = count(600, 0, 86_400, "ELT_RETRY_SECONDS")
    job_minutes: Whole = count(60, 1, 1440, "ELT_JOB_MINUTES")

    _warehouse: WarehouseSettings | None = PrivateAttr(default=None)

    @property
    def warehouse(self) -> WarehouseSettings:
        """The settings of the target's own."""
        if self._warehouse is None:
            raise RuntimeError("read() comes first")
        return self._warehouse

    @classmethod
    def read(cls) -> Self:
        """Read and check the settings.

        Raises:
            SettingsError: naming each setting at fault and the accepted form, never a secret.
        """
        _refuse_unreadable()
        _refuse_unknown()
        folder = Path(os.environ.get("ELT_SECRETS_DIR", "/run/secrets"))
        secrets = folder if folder.is_dir() else None
        problems, settings, warehouse = [], None, None
        try:
            target = _Target(_secrets_dir=secrets).target
        except ValidationError as error:
            raise SettingsError(_in_one_line(error)) from None
        model = kind_of(target).settings_model
        try:
            settings = cls(_secrets_dir=secrets)
        except ValidationError as error:
            problems.append(_in_one_line(error))
        try:
            warehouse = model(_secrets_dir=secrets)
        except ValidationError as error:
            problems.append(_in_one_line(error))
        if settings is None or warehouse is None:
            raise SettingsError("; ".join(problem.removesuffix(".") for problem in problems) + ".")
        settings._warehouse = warehouse
        settings._check_rules()
        for name in warehouse.lacking():
            raise SettingsError(f"{name} is not set; ELT_TARGET={target} needs it.")
        return settings

    def _check_rules(self) -> None:
        if self.overlap_minutes >= self.window_hours * 60:
            raise SettingsError(
                f"ELT_OVERLAP_MINUTES ({self.overlap_minutes}) must be shorter than "
                f"ELT_WINDOW_HOURS ({self.window_hours} h)."
            )
        if self.overlap_minutes < self.settle_minutes:
            raise SettingsError(
                f"ELT_OVERLAP_MINUTES ({self.overlap_minutes}) must not be shorter than "
                f"ELT_SETTLE_MINUTES ({self.settle_minutes}), or late records fall between windows."
            )
        if self.start and self.start >= self.now():
            raise SettingsError(f"ELT_START {iso(self.start)} lies in the future.")
        if 0 < len(self.pii_salt.get_secret_value()) < _SALT_LENGTH:
            raise SettingsError(
                f"ELT_PII_SALT must have at least {_SALT_LENGTH} characters; "
                "`openssl rand -hex 32` makes one."
            )

    def check_source(self) -> None:
        """Check what only a command that talks to Genesys needs.

        Raises:
            SettingsError: a credential or the region is missing, or a host is not acceptable.
        """
        for name, value in (
            ("GENESYS_CLIENT_ID", self.client_id),
            ("GENESYS_CLIENT_SECRET", self.client_secret.get_secret_value()),
        ):
            if not value:
                raise SettingsError(
                    f"{name} is not set. Set it in the environment or in .env (see .env.example); "
                    "`make demo` needs no credentials."
                )
        if not self.client_id.isascii() or not self.client_secret.get_secret_value().isascii():
            raise SettingsError(
                "GENESYS_CLIENT_ID and GENESYS_CLIENT_SECRET hold ASCII characters only; "
                "copy them from Genesys again."
            )
        _ = self.hosts

    @property
    def hosts(self) -> Hosts:
        """The hosts to talk to, by URL or by region; both only where they mean the same."""
        if bool(self.api_url) != bool(self.login_url):
            missing = "GENESYS_LOGIN_URL" if self.api_url else "GENESYS_API_URL"
            raise SettingsError(f"{missing} is not set; set both URLs or neither.")
        if self.api_url:
            given = Hosts(
                api=checked_url("GENESYS_API_URL", self.api_url),
                login=checked_url("GENESYS_LOGIN_URL", self.login_url),
            )
            if self.region and given != (meant := region_hosts(self.region)):
                name, told, host = (
                    ("GENESYS_API_URL", given.api, meant.api)
                    if given.api != meant.api
                    else ("GENESYS_LOGIN_URL", given.login, meant.login)
                )
                raise SettingsError(
                    f"GENESYS_REGION {self.region} means {host}, but {name} is {told}; unset the "
                    "region or both URLs."
                )
            return given
        if not self.region:
            raise SettingsError(
                "GENESYS_REGION is not set: the AWS region of your organisation, such as "
                "eu-central-1, or its domain, such as mypurecloud.de."
            )
        return region_hosts(self.region)

    @property
    def commit_bytes(self) -> int:
        """The size of a commit: half of it where windows are read ahead, which hold as much."""
        size = self.commit_megabytes << 20
        return size if self.concurrent_jobs == 1 else size // 2

    @property
    def granularity(self) -> str:
        """The finest bucket of the aggregates, as an ISO duration."""
        return f"PT{self.interval_minutes}M" if self.interval_minutes < 60 else "PT1H"

    @property
    def limits(self) -> Limits:
        """How large a record may be: by the settings, or by the warehouse if that takes less."""
        megabytes = min(self.record_megabytes, kind_of(self.target).record_megabytes)
        return Limits(megabytes << 20, self.attributes_kilobytes << 10)

    def now(self) -> datetime:
        """The present, or ELT_NOW."""
        return self.now_override or datetime.now(UTC)

    def rules(self, loaded_from: datetime | None) -> Rules:
        """The window rules. Without ELT_START a first load begins 30 days back, at midnight.

        Args:
            loaded_from: where an earlier load began, kept while ELT_START is not set.
        """
        month_ago = floor(self.now() - timedelta(days=30), timedelta(days=1))
        return Rules(
            start=self.start or loaded_from or month_ago,
            length=timedelta(hours=self.window_hours),
            overlap=timedelta(minutes=self.overlap_minutes),
            lookback=timedelta(days=self.lookback_days),
        )

    def warehouse_environment(self) -> dict[str, str]:
        """The settings dbt reads, the profile's and its macros', as environment variables."""
        return {
            "ELT_TARGET": self.target,
            "ELT_SLICE_MEGABYTES": str(self.slice_megabytes),
            "ELT_ATTRIBUTES_KILOBYTES": str(self.attributes_kilobytes),
            **self.warehouse.environment(),
        }


def models() -> list[type[BaseSettings]]:
    """Return what declares settings: ours, and one for each kind of warehouse."""
    return [Settings, *(kind.settings_model for kind in kinds().values())]


def setting_names() -> list[str]:
    """Return the names of all settings, those of every warehouse among them, each once."""
    fields = [field for model in models() for field in model.model_fields.values()]
    return list(dict.fromkeys(str(field.alias) for field in fields))


# Read by itself, before the settings: where secrets lie.
_KNOWN_ELSEWHERE = {"ELT_SECRETS_DIR"}


def _refuse_unreadable() -> None:
    """Refuse files of settings that are not text; what lies in them is not shown."""
    folder = Path(os.environ.get("ELT_SECRETS_DIR", "/run/secrets"))
    secrets = [folder / name for name in setting_names()]
    for file in [Path(ENV_FILE), *secrets]:
        try:
            if file.is_file():
                file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise SettingsError(f"{file} cannot be read as UTF-8 text.") from None


def is_env_file_exposed() -> bool:
    """Tell whether .env holds a secret and others on this machine can read it."""
    file = Path(ENV_FILE)
    if not file.is_file() or not file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        return False
    kept = dotenv_values(file)
    fields = [field for model in models() for field in model.model_fields.values()]
    return any(kept.get(str(one.alias)) for one in fields if one.annotation is SecretStr)


def _refuse_unknown() -> None:
    names = setting_names()
    given = [*os.environ, *(dotenv_values(ENV_FILE) if Path(ENV_FILE).is_file() else {})]
    for name in given:
        if name.startswith(("GENESYS_", "ELT_")) and name not in {*names, *_KNOWN_ELSEWHERE}:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else ".env.example lists them all."
            raise SettingsError(f"{name} is not a setting; {hint}")


def _in_one_line(error: ValidationError) -> str:
    """Say what is wrong with each setting; the value is left out, it may be a secret."""
    problems = []
    for item in error.errors(include_input=False, include_url=False):
        what = item["msg"].removeprefix("Value error, ")
        what = what[0].lower() + what[1:]
        problems.append(f"{item['loc'][0]}: {what}")
    return "; ".join(problems) + "."
