"""Every setting, read once and checked before the first request.

Sources, strongest first: the environment, `.env` in the working directory, one file per setting in
the directory ELT_SECRETS_DIR (default /run/secrets). `.env.example` lists them all.
"""

import difflib
import os
import re
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from dotenv import dotenv_values
from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from loader.errors import SettingsError
from loader.genesys.hosts import Hosts, checked_url, region_hosts
from loader.windows import Rules, floor, iso

ENV_FILE = ".env"
DATE_FORM = "a UTC date or time such as 2026-03-01 or 2026-03-01T06:00:00Z"
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2}))?")
_INTEGER = re.compile(r"\d{1,9}")
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


def _whole(value: object) -> object:
    """Refuse what int() would quietly accept: signs, blanks, underscores, exponents."""
    if isinstance(value, str) and not _INTEGER.fullmatch(value.strip()):
        raise ValueError("must be a whole number without sign")
    return value


def _minutes(value: object) -> object:
    """Read digits as a number, which a list of accepted numbers does not do by itself."""
    return int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else value


def _one_line(value: object) -> object:
    """Take the newline off that files and pasted secrets end in; refuse one inside."""
    if isinstance(value, str):
        value = value.strip()
        if any(ord(character) < 32 for character in value):
            raise ValueError("must be one line without control characters")
    return value


def _plain_path(value: object) -> object:
    """Refuse paths that dlt pastes into SQL or a format, and patterns, which DuckDB looks up."""
    if isinstance(value, str) and re.search(r"['%\\*?\[\]\x00-\x1f]", value):
        raise ValueError(r"must be a path without apostrophes, control characters and % \ * ? [ ]")
    return value


Utc = Annotated[datetime | None, BeforeValidator(parse_utc)]
Text = Annotated[str, BeforeValidator(_one_line)]
Secret = Annotated[SecretStr, BeforeValidator(_one_line)]
PlainPath = Annotated[Path, BeforeValidator(_plain_path)]


def _count(default: int, low: int, high: int, alias: str) -> Any:  # noqa: ANN401 - a pydantic field
    return Field(default=default, ge=low, le=high, alias=alias)


Whole = Annotated[int, BeforeValidator(_whole)]


class Settings(BaseSettings):
    """The settings by their names in the environment; units are in the names."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        env_file_encoding="utf-8",
        # An empty value means "not set", as in the .env.example a user copies.
        env_ignore_empty=True,
        case_sensitive=True,
        extra="ignore",
        frozen=True,
        populate_by_name=False,
    )

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
    contact_days: Whole = _count(7, 0, 366, "GENESYS_CONTACT_DAYS")

    # The warehouse, for loader and dbt alike
    target: Literal["duckdb", "postgres"] = Field(default="duckdb", alias="ELT_TARGET")
    duckdb_path: PlainPath = Field(default=Path("data/genesys.duckdb"), alias="ELT_DUCKDB_PATH")
    duckdb_memory: Text = Field(
        default="1500MB", alias="ELT_DUCKDB_MEMORY", pattern=r"^\d{1,6} ?(MB|GB|MiB|GiB)$"
    )
    postgres_host: Text = Field(default="localhost", alias="ELT_POSTGRES_HOST")
    postgres_port: Whole = _count(5432, 1, 65535, "ELT_POSTGRES_PORT")
    postgres_user: Text = Field(default="", alias="ELT_POSTGRES_USER")
    postgres_password: Secret = Field(default=SecretStr(""), alias="ELT_POSTGRES_PASSWORD")
    postgres_database: Text = Field(default="", alias="ELT_POSTGRES_DATABASE")
    lock_wait_seconds: Whole = _count(60, 0, 3600, "ELT_LOCK_WAIT_SECONDS")
    pii_salt: Secret = Field(default=SecretStr(""), alias="ELT_PII_SALT")

    # The run
    work_dir: PlainPath = Field(default=Path("data/work"), alias="ELT_WORK_DIR")
    start: Utc = Field(default=None, alias="ELT_START")
    now_override: Utc = Field(default=None, alias="ELT_NOW")
    window_hours: Whole = _count(24, 1, 744, "ELT_WINDOW_HOURS")
    overlap_minutes: Whole = _count(60, 0, 44_640, "ELT_OVERLAP_MINUTES")
    settle_minutes: Whole = _count(15, 0, 10_080, "ELT_SETTLE_MINUTES")
    lookback_days: Whole = _count(3, 0, 366, "ELT_LOOKBACK_DAYS")
    reference_hours: Whole = _count(24, 1, 744, "ELT_REFERENCE_HOURS")
    interval_minutes: Annotated[Literal[15, 30, 60], BeforeValidator(_minutes)] = Field(
        default=15, alias="ELT_INTERVAL_MINUTES"
    )
    page_size: Whole = _count(1000, 1, 10_000, "ELT_PAGE_SIZE")
    commit_megabytes: Whole = _count(64, 1, 1024, "ELT_COMMIT_MEGABYTES")
    quarantine_percent: Whole = _count(1, 0, 100, "ELT_QUARANTINE_PERCENT")
    drift_percent: Whole = _count(20, 0, 100, "ELT_DRIFT_PERCENT")

    # Retries and deadlines
    request_seconds: Whole = _count(120, 1, 3600, "ELT_REQUEST_SECONDS")
    retry_attempts: Whole = _count(8, 1, 100, "ELT_RETRY_ATTEMPTS")
    retry_seconds: Whole = _count(600, 0, 86_400, "ELT_RETRY_SECONDS")
    job_minutes: Whole = _count(60, 1, 1440, "ELT_JOB_MINUTES")

    @classmethod
    def read(cls) -> Self:
        """Read and check the settings.

        Raises:
            SettingsError: naming each setting at fault and the accepted form, never a secret.
        """
        _refuse_unreadable()
        _refuse_unknown(cls)
        secrets = Path(os.environ.get("ELT_SECRETS_DIR", "/run/secrets"))
        try:
            settings = cls(_secrets_dir=secrets if secrets.is_dir() else None)
        except ValidationError as error:
            raise SettingsError(_in_one_line(error)) from None
        settings._check_rules()
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
        if self.target == "postgres":
            for name, value in (
                ("ELT_POSTGRES_HOST", self.postgres_host),
                ("ELT_POSTGRES_USER", self.postgres_user),
                ("ELT_POSTGRES_DATABASE", self.postgres_database),
            ):
                if not value:
                    raise SettingsError(f"{name} is not set; ELT_TARGET=postgres needs it.")

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
        """The hosts to talk to: the region's, unless both are given by URL."""
        if bool(self.api_url) != bool(self.login_url):
            missing = "GENESYS_LOGIN_URL" if self.api_url else "GENESYS_API_URL"
            raise SettingsError(f"{missing} is not set; set both URLs or neither.")
        if self.api_url:
            return Hosts(
                api=checked_url("GENESYS_API_URL", self.api_url),
                login=checked_url("GENESYS_LOGIN_URL", self.login_url),
            )
        if not self.region:
            raise SettingsError(
                "GENESYS_REGION is not set: the AWS region of your organisation, such as "
                "eu-central-1, or its domain, such as mypurecloud.de."
            )
        return region_hosts(self.region)

    @property
    def granularity(self) -> str:
        """The finest bucket of the aggregates, as an ISO duration."""
        return f"PT{self.interval_minutes}M" if self.interval_minutes < 60 else "PT1H"

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
        """The settings dbt's profile reads, as environment variables."""
        return {
            "ELT_TARGET": self.target,
            "ELT_DUCKDB_PATH": str(self.duckdb_path.resolve()),
            "ELT_DUCKDB_MEMORY": self.duckdb_memory,
            "ELT_POSTGRES_HOST": self.postgres_host,
            "ELT_POSTGRES_PORT": str(self.postgres_port),
            "ELT_POSTGRES_USER": self.postgres_user,
            "ELT_POSTGRES_PASSWORD": self.postgres_password.get_secret_value(),
            "ELT_POSTGRES_DATABASE": self.postgres_database,
        }


def setting_names(model: type[Settings] = Settings) -> list[str]:
    """Return the names of all settings, in the order they are declared."""
    return [str(field.alias) for field in model.model_fields.values()]


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
    fields = Settings.model_fields.values()
    return any(kept.get(str(one.alias)) for one in fields if one.annotation is SecretStr)


def _refuse_unknown(model: type[Settings]) -> None:
    names = setting_names(model)
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
