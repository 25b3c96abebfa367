"""What a setting may be, and where settings are read from: the same for all of them."""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import SettingsConfigDict

ENV_FILE = ".env"
SOURCES = SettingsConfigDict(
    env_file=ENV_FILE,
    env_file_encoding="utf-8",
    # An empty value means "not set", as in the .env.example a user copies.
    env_ignore_empty=True,
    case_sensitive=True,
    extra="ignore",
    frozen=True,
    populate_by_name=False,
)
INTEGER = re.compile(r"\d{1,9}")


def _whole(value: object) -> object:
    """Refuse what int() would quietly accept: signs, blanks, underscores, exponents."""
    if isinstance(value, str) and not INTEGER.fullmatch(value.strip()):
        raise ValueError("must be a whole number without sign")
    return value


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


Text = Annotated[str, BeforeValidator(_one_line)]
Secret = Annotated[SecretStr, BeforeValidator(_one_line)]
FileOrNone = Annotated[Path | None, BeforeValidator(_one_line)]
PlainPath = Annotated[Path, BeforeValidator(_plain_path)]
Whole = Annotated[int, BeforeValidator(_whole)]


def count(default: int, low: int, high: int, alias: str) -> Any:  # noqa: ANN401 - a pydantic field
    """Return the field of a whole number with its bounds."""
    return Field(default=default, ge=low, le=high, alias=alias)


def names_in(value: str) -> tuple[str, ...]:
    """Return the names a setting lists, each once, separated by commas."""
    return tuple(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))
