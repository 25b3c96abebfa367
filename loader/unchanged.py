"""What a transform need not do again: build where nothing has changed, and run tests of code alone.

Known is of what the marts were last built (the project's files, the command's arguments, the
environment that both read, the versions of dbt) and the state the warehouse was left in. A state is
told by the warehouse itself and changes with anything that is written there by anybody: a load, an
erasure, a build that failed or was killed, a table dropped or changed by hand.

Whatever cannot be told that way is built: a model that asks for the time or reads anything beside
the warehouse, an option not known here, a warehouse that cannot tell its state.

A unit test brings its rows itself: once passed, it passes until the project is another, whatever is
loaded.
"""

import hashlib
import json
import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from loader.settings import Settings

# Options that say which models are built and how a run looks, with how many words follow them.
_OPTIONS = {
    **dict.fromkeys(("--select", "-s", "--exclude", "--selector", "--vars", "--target", "-t"), 1),
    **dict.fromkeys(("--threads", "--target-path", "--log-path"), 1),
    **dict.fromkeys(("--log-level", "--log-level-file"), 1),
    **dict.fromkeys(("--quiet", "-q", "--no-use-colors", "--use-colors", "--debug", "-d"), 0),
}
# Of those, the ones that name what is tested, and the ones that models are compiled with.
_SELECTING = frozenset({"--select", "-s", "--exclude", "--selector"})
_COMPILED_WITH = frozenset({"--vars", "--target", "-t"})
# Environment variables of dbt's that change nothing in a table, or name what is read here.
_OF_DBT = frozenset({
    "DBT_PROJECT_DIR", "DBT_PROFILES_DIR", "DBT_TARGET_PATH", "DBT_LOG_PATH", "DBT_LOG_LEVEL",
    "DBT_QUIET", "DBT_USE_COLORS", "DBT_SEND_ANONYMOUS_USAGE_STATS", "DBT_PRODUCTION_DUCKDB",
})  # fmt: skip
# dbt writes there itself, in the project's own folder; inside that of the models, models may lie.
_WRITTEN = ("target", "logs")
# Whose macros and types are in what is built.
_PACKAGES = (
    "dbt-core", "dbt-adapters", "dbt-common", "dbt-duckdb", "duckdb", "dbt-postgres", "dbt-spark",
    "pyspark", "dbt-databricks", "dbt-snowflake", "dbt-bigquery",
)  # fmt: skip
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


class UnitTests:
    """Whether the unit tests have passed on the project as it is, kept in the work directory.

    Args:
        settings: whose work directory it is.
        command: of dbt.
        arguments: of dbt, the command among them.
    """

    def __init__(self, settings: Settings, command: str, arguments: Sequence[str]) -> None:
        self._path = settings.work_dir / "unit_tests_passed"
        self._are_run = command in ("build", "test")
        options = _options([word for word in arguments if word != command])
        names = {name for name, _ in options or ()}
        self._are_all = not names & _SELECTING
        # Who names models wants to see their tests.
        self._may_be_left_out = not names & _SELECTING - {"--exclude"}
        self._of: str | None = None
        if self._are_run and options is not None:
            self._of = _hash_of([option for option in options if option[0] in _COMPILED_WITH])

    def left_out(self) -> Sequence[str]:
        """Return the options that leave them out, none where they are to be run."""
        if self._of is None or not self._may_be_left_out:
            return ()
        try:
            has_passed = self._path.read_text("utf-8") == self._of
        except OSError:
            has_passed = False
        return ("--exclude-resource-type", "unit_test") if has_passed else ()

    def keep(self, results: Iterable[Any]) -> None:
        """Keep how they ended.

        Args:
            results: of dbt's nodes.
        """
        if not self._are_run:
            return
        ended = [one.status for one in results if one.node.resource_type == "unit_test"]
        if any(status != "pass" for status in ended):
            self._path.unlink(missing_ok=True)
        elif ended and self._are_all and self._of is not None:
            self._path.write_text(self._of, "utf-8")


def _built_of(words: Sequence[str]) -> str | None:
    """Return a hash of all that a build depends on beside the warehouse, None if it cannot be told.

    The same for `run` and for `build`, which does all that `run` does and more.
    """
    return None if _options(words) is None else _hash_of(words)


def _hash_of(words: Sequence[object]) -> str | None:
    """Return a hash of `words`, the project and all that it reads, None if it cannot be told."""
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


def _options(words: Sequence[str]) -> list[tuple[str, str]] | None:
    """Return the options among dbt's arguments and their values, None if one is not known here."""
    found: list[tuple[str, str]] = []
    rest = iter(words)
    for word in rest:
        name, _, value = word.partition("=")
        if name.startswith("-") and name not in _OPTIONS:
            return None
        if _OPTIONS.get(name) and not value:
            value = next(rest, "")
            if not value:
                return None
        if _OF_ANOTHER_PLACE.search(f"{name} {value}"):
            return None
        found.append((name, value))
    return found


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
