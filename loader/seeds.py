"""The CSV files analysts own, as far as the loader needs them: read and checked before a request.

dbt reads the same files (`dbt_project/seeds/`) and refuses the same lines, by the same rules
(`loader.seed_rules`).
"""

import csv
from pathlib import Path

from loader.errors import SettingsError
from loader.seed_rules import problem_of_seed, seeds_of_analysts

FOLDER = Path(__file__).parent.parent / "dbt_project" / "seeds"

ATTRIBUTE_REGISTRY = "attribute_registry"
INTERACTION_COLUMNS = "interaction_columns"


def read_seed(folder: Path, seed: str) -> list[dict[str, str]]:
    """Return the lines of `seed`, values as text, blanks around them taken off.

    Raises:
        SettingsError: naming the file, the line and the remedy.
    """
    path = folder / f"{seed}.csv"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = list(reader.fieldnames or ())
            read = [(reader.line_num, line) for line in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"{path} cannot be read as CSV in UTF-8: {error}.") from None
    exact = seeds_of_analysts()[seed]["exact"]
    lines = []
    for number, line in read:
        if None in line or None in line.values():
            raise SettingsError(f"{path} line {number}: must have {len(columns)} values.")
        values = {name: text if name in exact else text.strip() for name, text in line.items()}
        lines.append((number, values))
    if problem := problem_of_seed(seed, columns, lines):
        raise SettingsError(f"{path}{problem}")
    return [values for _, values in lines]


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
    """Read every seed, so that a wrong line stops what reads them before it begins.

    Raises:
        SettingsError: naming the file, the line and the remedy.
    """
    for seed in seeds_of_analysts():
        read_seed(folder, seed)
