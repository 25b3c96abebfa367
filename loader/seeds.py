"""The CSV files analysts own, as far as the loader needs them: read and checked before a request.

dbt reads the same files (`dbt_project/seeds/`) and refuses the same lines, in the same words.
"""

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from loader.errors import SettingsError

FOLDER = Path(__file__).parent.parent / "dbt_project" / "seeds"

DATA_TYPES = ("text", "number", "boolean", "date", "timestamp")
_COLUMN_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True)
class Seed:
    """A seed's columns and the check of one line; `key` columns are unique together.

    `check` returns what is wrong with a line and the remedy, or None. In `exact` columns blanks
    around a value belong to it. For each of the keys in `required` there must be a line.
    """

    name: str
    columns: Sequence[str]
    key: Sequence[str]
    check: Callable[[Mapping[str, str]], str | None]
    exact: Sequence[str] = ()
    required: Sequence[tuple[str, ...]] = ()


Line = Mapping[str, str]


def _registry_line(line: Line) -> str | None:
    if not line["name"]:
        return "name is empty; give the attribute's exact name"
    if line["precedence"] and not re.fullmatch(r"\d{1,6}", line["precedence"]):
        return f"precedence {line['precedence']!r} is no number; use 1, 2, 3 and so on, or nothing"
    return _column(line)


def _column(line: Line) -> str | None:
    if not _COLUMN_NAME.fullmatch(line["column_name"]):
        return (
            f"column_name {line['column_name']!r} is no column name; use lower case letters, "
            "digits and _, a letter first, 63 at most"
        )
    if line["data_type"] not in DATA_TYPES:
        return f"data_type {line['data_type']!r} is unknown; use one of {', '.join(DATA_TYPES)}"
    return None


def _filled(*columns: str) -> Callable[[Line], str | None]:
    def check(line: Line) -> str | None:
        empty = [column for column in columns if not line[column]]
        return f"{empty[0]} is empty; fill it in or remove the line" if empty else None

    return check


def _interaction_column(line: Line) -> str | None:
    if not re.fullmatch(r"[1-9]\d{0,5}", line["version"]):
        return f"version {line['version']!r} is no version; use 1, 2, 3 and so on"
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9.]{0,100}", line["source_column"]):
        return (
            f"source_column {line['source_column']!r} is no column of the export; name one "
            "exactly, * is not accepted"
        )
    return _column(line)


def _journey_state(line: Line) -> str | None:
    if not re.fullmatch(r"[A-Z_]+", line["state"]):
        return f"state {line['state']!r} is no state; write it as Genesys does, in capitals"
    if line["is_kept"].lower() not in ("true", "false"):
        return f"is_kept {line['is_kept']!r} is unclear; use true or false"
    return None


# The personal columns of marts: those that the dbt macro `personal_columns` names.
PERSONAL_COLUMNS = {
    "bridge_contact_external_ids": ("external_id",),
    "dim_contacts": (
        "first_name",
        "middle_name",
        "last_name",
        "title",
        "emails",
        "phones",
        "external_ids",
    ),
    "dim_users": ("user_name", "email", "title"),
    "fct_conversation_legs": ("wrapup_note",),
}
# Those that are never null.
PERSONAL_KEYS = ("bridge_contact_external_ids.external_id", "dim_users.user_name")
TREATMENTS = ("keep", "hash", "drop")


def _pii_treatment(line: Line) -> str | None:
    model, column, treatment = line["model_name"], line["column_name"], line["treatment"]
    if model not in PERSONAL_COLUMNS:
        return (
            f"model_name {model!r} is no mart with personal columns; use one of "
            f"{', '.join(PERSONAL_COLUMNS)}"
        )
    if column not in PERSONAL_COLUMNS[model]:
        return (
            f"column_name {column!r} is no personal column of {model}; use one of "
            f"{', '.join(PERSONAL_COLUMNS[model])}"
        )
    if treatment not in TREATMENTS:
        return f"treatment {treatment!r} is unknown; use one of {', '.join(TREATMENTS)}"
    if treatment == "drop" and f"{model}.{column}" in PERSONAL_KEYS:
        return f"{model}.{column} is never null and cannot be dropped; use keep or hash"
    return None


ATTRIBUTE_REGISTRY = Seed(
    "attribute_registry",
    (
        "name",
        "column_name",
        "data_type",
        "default_value",
        "participant_purpose",
        "precedence",
        "is_pii",
    ),
    ("column_name", "precedence"),
    _registry_line,
    exact=("name", "default_value"),
)
FLOW_OUTCOME_ALIASES = Seed(
    "flow_outcome_aliases",
    ("flow_id", "old_name", "new_name"),
    ("flow_id", "old_name"),
    _filled("flow_id", "old_name", "new_name"),
)
EXPECTED_FLOW_OUTCOMES = Seed(
    "expected_flow_outcomes",
    ("flow_id", "outcome_name"),
    ("flow_id", "outcome_name"),
    _filled("flow_id", "outcome_name"),
)
INTERACTION_COLUMNS = Seed(
    "interaction_columns",
    ("version", "source_column", "column_name", "data_type"),
    ("version", "column_name"),
    _interaction_column,
)
JOURNEY_STATES = Seed("journey_states", ("state", "is_kept"), ("state",), _journey_state)
PII_POLICY = Seed(
    "pii_policy",
    ("model_name", "column_name", "treatment"),
    ("model_name", "column_name"),
    _pii_treatment,
    required=[(model, column) for model, columns in PERSONAL_COLUMNS.items() for column in columns],
)

SEEDS = (
    ATTRIBUTE_REGISTRY,
    FLOW_OUTCOME_ALIASES,
    EXPECTED_FLOW_OUTCOMES,
    INTERACTION_COLUMNS,
    JOURNEY_STATES,
    PII_POLICY,
)


def read_seed(folder: Path, seed: Seed) -> list[dict[str, str]]:
    """Return the lines of `seed`, values as text, blanks around them taken off.

    Raises:
        SettingsError: naming the file, the line and the remedy.
    """
    path = folder / f"{seed.name}.csv"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != tuple(seed.columns):
                raise SettingsError(f"{path} line 1: the columns must be {','.join(seed.columns)}.")
            lines = [(reader.line_num, line) for line in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"{path} cannot be read as CSV in UTF-8: {error}.") from None
    taken: dict[tuple[str, ...], int] = {}
    checked = []
    for number, line in lines:
        if None in line or None in line.values():
            raise SettingsError(f"{path} line {number}: must have {len(seed.columns)} values.")
        values = {
            column: value if column in seed.exact else value.strip()
            for column, value in line.items()
        }
        problem = seed.check(values)
        if problem is not None:
            raise SettingsError(f"{path} line {number}: {problem}.")
        key = tuple(values[column] for column in seed.key)
        if key in taken:
            raise SettingsError(
                f"{path} line {number}: {' and '.join(seed.key)} {', '.join(key)} are taken by "
                f"line {taken[key]}; remove one of the two."
            )
        taken[key] = number
        checked.append(values)
    for key in seed.required:
        if key not in taken:
            raise SettingsError(
                f"{path}: {'.'.join(key)} has no line; add one with keep, hash or drop."
            )
    return checked


def attribute_names(folder: Path = FOLDER) -> list[str]:
    """Return the exact names of the registered attributes, each once.

    Raises:
        SettingsError: none is registered; a query that selects none returns none.
    """
    names = dict.fromkeys(line["name"] for line in read_seed(folder, ATTRIBUTE_REGISTRY))
    if not names:
        raise SettingsError(
            f"{folder / 'attribute_registry.csv'} is empty: the integration guides' contract "
            "returns only attributes that are asked for; register those you want."
        )
    return list(names)


def contact_attributes(column: str, folder: Path = FOLDER) -> list[str]:
    """Return the attributes that hold a contact's external id, the one to be preferred first.

    Args:
        column: their column in the attribute registry (GENESYS_CONTACT_COLUMN).
        folder: where the seeds are.

    Raises:
        SettingsError: the registry has no such column.
    """
    lines = [
        line for line in read_seed(folder, ATTRIBUTE_REGISTRY) if line["column_name"] == column
    ]
    if not lines:
        raise SettingsError(
            f"GENESYS_CONTACT_COLUMN {column!r} is no column_name of "
            f"{folder / 'attribute_registry.csv'}; name the column that holds your CRM's id."
        )
    lines.sort(key=lambda line: int(line["precedence"] or 0))
    return [line["name"] for line in lines]


# Without them a record is none, says the integration guide.
REQUIRED_COLUMNS = ("id", "type", "startTime", "state")


def export_columns(folder: Path = FOLDER) -> list[str]:
    """Return the columns to export, those of the newest version of the mapping.

    Raises:
        SettingsError: there are none, or one is missing that every record must have.
    """
    lines = read_seed(folder, INTERACTION_COLUMNS)
    path = folder / "interaction_columns.csv"
    if not lines:
        raise SettingsError(f"{path} is empty; name the columns to export.")
    version = max(int(line["version"]) for line in lines)
    columns = list(
        dict.fromkeys(line["source_column"] for line in lines if int(line["version"]) == version)
    )
    missing = [name for name in REQUIRED_COLUMNS if name not in columns]
    if missing:
        raise SettingsError(
            f"{path}: version {version} lacks the source_column {', '.join(missing)}; no record "
            "counts without."
        )
    return columns


def check_seeds(folder: Path = FOLDER) -> None:
    """Read every seed, so that a wrong line stops a run before it begins.

    Raises:
        SettingsError: naming the file, the line and the remedy.
    """
    for seed in SEEDS:
        read_seed(folder, seed)
