"""Whether `transform run` has anything to do: it builds nothing where nothing has changed.

Known is of what the marts were last built (the project's files, the command's arguments, the
environment that both read, the versions of dbt) and the state the warehouse was left in. A state is
told by the warehouse itself and changes with anything that is written there by anybody: a load, an
erasure, a build that failed or was killed, a table dropped or changed by hand.

Whatever cannot be told that way is built: a model that asks for the time or reads anything beside
the warehouse, an option not known here, a warehouse that cannot tell its state.
"""

import hashlib
import json
import os
import re
from collections.abc import Collection, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from loader.settings import Settings

# Options that say which models are built and how a run looks, with how many words follow them.
_OPTIONS = {
    **dict.fromkeys(("--select", "-s", "--exclude", "--selector", "--vars", "--target", "-t"), 1),
    **dict.fromkeys(("--threads", "--target-path", "--log-path"), 1),
    **dict.fromkeys(("--log-level", "--log-level-file"), 1),
    **dict.fromkeys(("--quiet", "-q", "--no-use-colors", "--use-colors", "--debug", "-d"), 0),
}
# Environment variables of dbt's that change nothing in a table, or name what is read here.
_OF_DBT = frozenset({
    "DBT_PROJECT_DIR", "DBT_PROFILES_DIR", "DBT_TARGET_PATH", "DBT_LOG_PATH", "DBT_LOG_LEVEL",
    "DBT_QUIET", "DBT_USE_COLORS", "DBT_SEND_ANONYMOUS_USAGE_STATS", "DBT_PRODUCTION_DUCKDB",
})  # fmt: skip
# dbt writes there itself, in the project's own folder; inside that of the models, models may lie.
_WRITTEN = ("target", "logs")
# Whose macros and types are in what is built.
_PACKAGES = ("dbt-core", "dbt-adapters", "dbt-common", "dbt-duckdb", "dbt-postgres", "duckdb")
# Asked for by `source freshness` alone.
_OF_FRESHNESS = "last_read.sql"
_CODE = (".sql", ".py", ".yml", ".yaml")
# Selected by what lies in the folder of --state.
_OF_ANOTHER_PLACE = re.compile(r"\b(state|result|source_status):")
_NAMED = re.compile(r"\benv_var\b")
_VARIABLE = re.compile(r"\benv_var\s*\(\s*['\"](\w+)['\"]")
_ANOTHER_TIME_ANOTHER_RESULT = re.compile(
    r"\b(current_(date|time|timestamp)|(local|sys)(date|time|timestamp)\w*|\w*timestamp\(\)"
    r"|(now|today|getdate)\s*\(|run_started_at|invocation_id"
    # But for what is said of a time that is given.
    r"|modules\.datetime(?!\.(timedelta|datetime|datetime\.fromisoformat)\()"
    r"|(random\w*|\w*uuid\w*)\s*\(|(table|using\s+)sample|nextval"
    r"|(read_(csv|parquet|n?d?json|text|blob|xlsx)\w*|\w+_scan|(postgres|mysql)_query)\s*\("
    r"|dblink|external_location)"
    r"|\b(from|join)\s+['\"][^'\"\s]+\.\w+['\"]",
    re.IGNORECASE,
)
# In a description they are no more than a link, in a profile what every run attaches.
_IN_MODELS = re.compile(r"\b(attach\b|https?:|s3:)", re.IGNORECASE)


class LastBuild:
    """What is known of the last build of a warehouse, kept in the work directory.

    Args:
        settings: whose work directory it is.
        command: of dbt.
        arguments: of dbt, the command among them.
    """

    def __init__(self, settings: Settings, command: str, arguments: Sequence[str]) -> None:
        self._path = settings.work_dir / "built.json"
        self._command = command
        words = list(arguments)
        words.remove(command)
        self._of = _built_of(words) if command in ("run", "build") else None
        self._before: list[str] = []

    def stands(self, state: str | None) -> bool:
        """Tell whether a `run` has nothing to do.

        Args:
            state: the one the warehouse is in, of `Warehouse.state`.
        """
        try:
            known = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            known = {}
        if state is not None and known.get("state") == state:
            self._before = known["built"]
        return self._command == "run" and self._of in self._before

    def keep(self, state: str | None, has_succeeded: bool) -> None:
        """Keep how a command ended.

        Args:
            state: the one that it left the warehouse in.
            has_succeeded: whether all of it did.
        """
        # Tests write what they found, and nothing that models read.
        built = self._before if self._command == "test" else []
        if self._of is not None and has_succeeded:
            built = [self._of]
        if state is not None and built:
            self._path.write_text(json.dumps({"state": state, "built": built}), "utf-8")
        else:
            self._path.unlink(missing_ok=True)


def _built_of(words: Sequence[str]) -> str | None:
    """Return a hash of all that a build depends on beside the warehouse, None if it cannot be told.

    The same for `run` and for `build`, which does all that `run` does and more.
    """
    if not _are_known(words):
        return None
    project, profiles = (Path(os.environ[f"DBT_{name}_DIR"]) for name in ("PROJECT", "PROFILES"))
    content = hashlib.sha256(json.dumps(words).encode())
    names: set[str] = set()
    for path in (*_files(project, _WRITTEN), profiles / "profiles.yml"):
        try:
            text = path.read_bytes()
        except OSError:
            return None
        content.update(f"{path} {len(text)}\n".encode() + text)
        if path.suffix in _CODE:
            code = text.decode("utf-8", "replace")
            found = _VARIABLE.findall(code)
            if len(found) != len(_NAMED.findall(code)) or _can_be_another(path, code):
                return None
            names.update(found)
    dbt_s = {name for name in os.environ if name.startswith("DBT_")}
    if dbt_s - names - _OF_DBT or os.environ.get("DBT_PRODUCTION_DUCKDB"):
        return None
    for name in sorted(names):
        content.update(f"{name}={os.environ.get(name)}\n".encode())
    for package in _PACKAGES:
        try:
            content.update(f"{package} {version(package)}\n".encode())
        except PackageNotFoundError:
            content.update(f"{package}\n".encode())
    return content.hexdigest()


def _are_known(words: Sequence[str]) -> bool:
    rest = iter(words)
    for word in rest:
        name, _, value = word.partition("=")
        if _OF_ANOTHER_PLACE.search(word) or (name.startswith("-") and name not in _OPTIONS):
            return False
        if _OPTIONS.get(name) and not value:
            following = next(rest, None)
            if following is None or _OF_ANOTHER_PLACE.search(following):
                return False
    return True


def _can_be_another(path: Path, code: str) -> bool:
    """Tell whether another run of the same code can give another result."""
    if path.name == _OF_FRESHNESS:
        return False
    # What a model in Python reads, nothing here can tell.
    return bool(
        path.suffix == ".py"
        or _ANOTHER_TIME_ANOTHER_RESULT.search(code)
        or (path.suffix == ".sql" and _IN_MODELS.search(code))
    )


def _files(folder: Path, but: Collection[str] = ()) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if not path.is_dir():
            yield path
        elif path.name not in but:
            yield from _files(path)
