"""`make lint`: sqlfluff on the project's SQL, on two cores; of the files named, else of all.

It finds what `sqlfluff lint` finds, for half of what that costs: dbt reads the project once, before
the two processes begin, and the rules of layout share what each of them would make of a file.
"""

import contextlib
import gc
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from unittest import mock

from sqlfluff.core import FluffConfig, Linter
from sqlfluff.core.errors import SQLFluffUserError
from sqlfluff.core.linter.discovery import paths_from_path
from sqlfluff.core.parser import BaseSegment
from sqlfluff.utils.reflow import ReflowSequence

ALL = ("dbt_project/models", "dbt_project/tests")
# Of two files at a time the trees are in memory: collecting garbage more often finds none.
_OBJECTS_BEFORE_COLLECTING = 200_000


def main(paths: Sequence[str]) -> int:
    """Lint files, or all that lie in a folder; return 1 if there is something to complain of."""
    os.environ |= {
        "ELT_TARGET": "duckdb",
        "ELT_DUCKDB_PATH": ":memory:",
        "DBT_TARGET_PATH": "target/lint",
    }
    files = [file for path in paths or ALL for file in paths_from_path(path)]
    linter = Linter(FluffConfig.from_root())
    # Here dbt reads the project, and opens nothing: a connection would not outlive the fork.
    try:
        list(linter.templater.sequence_files(files, linter.config))
    except SQLFluffUserError as error:
        sys.stdout.write(f"sqlfluff: {error}\n")
        return 1
    gc.freeze()
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTING)
    complaints = 0
    with (
        _layout_seen_once(),
        multiprocessing.get_context("fork").Pool(2, initializer=_begin, initargs=(linter,)) as pool,
    ):
        for lines in pool.imap_unordered(_complaints, files):
            complaints += len(lines)
            sys.stdout.writelines(f"{line}\n" for line in lines)
        pool.close()
        pool.join()
    # DuckDB tells on the terminal of what nobody takes away before the end.
    gc.unfreeze()
    sys.stdout.write(f"sqlfluff: {len(files)} files, {complaints} complaints\n")
    return 1 if complaints else 0


@contextlib.contextmanager
def _layout_seen_once() -> Iterator[None]:
    """Lay a file out for the first rule that asks: it stays as it is where nothing is repaired."""
    from_root = ReflowSequence.from_root
    last: tuple[BaseSegment, ReflowSequence] | None = None

    def seen_once(root_segment: BaseSegment, config: FluffConfig) -> ReflowSequence:
        nonlocal last
        if last is None or last[0] is not root_segment:
            last = root_segment, from_root(root_segment, config)
        return last[1]

    with mock.patch.object(ReflowSequence, "from_root", seen_once):
        yield


_linter: Linter


def _begin(linter: Linter) -> None:
    global _linter
    _linter = linter


def _complaints(file: str) -> list[str]:
    records = _linter.lint_paths((file,), processes=1).as_records()
    if not records:
        # dbt could not compile it, say; sqlfluff has warned why.
        return [f"{file}: was not looked at"]
    return [
        f"{file}:{found['start_line_no']}:{found['start_line_pos']}: "
        f"{found['code']} {found['description']}"
        for found in records[0]["violations"]
        if not found["warning"]
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
