"""What dlt keeps in its folder: load packages on their way, the state and the schemas they need.

All that knows how this folder looks inside is here.
"""

import gzip
import json
import re
import shutil
import zlib
from pathlib import Path

# What a file of rows that was written to its end ends with.
LAST_BYTES = {".parquet": b"PAR1", ".csv": b"\n"}
# Where dlt notes, in JSON, how a job has ended whose file has that name.
ENDED = ".pending_transitions"


class Packages:
    """The packages of one pipeline.

    Args:
        folder: the pipeline's, inside dlt's own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._extracted = folder / "normalize" / "extracted"
        self._normalized = folder / "load" / "normalized"
        self._deleted = folder.with_name(f"{folder.name}.deleted")

    def pending(self) -> int:
        """Return how many a killed run has left."""
        return len(_names(self._normalized) | _names(self._extracted))

    def began_with(self) -> set[str | None]:
        """Return the states pending packages began with, to be put back if one is given up.

        None stands for the one of before the first package.
        """
        return {
            _version(path)
            for packages in (self._extracted, self._normalized)
            for path in packages.glob("*/.restore/state.json")
        }

    def made_for(self) -> set[str]:
        """Return the versions of the schemas whose tables pending packages have made, or seen."""
        return {
            json.loads((path / "schema.json").read_text("utf-8"))["version_hash"]
            for path in self._normalized.glob("*")
            # dlt deletes it when the tables are there, and does not look again.
            if not (path / "schema_updates.json").exists()
        }

    def state(self) -> str | None:
        """Return the version of the state that lies beside them."""
        return _version(self._folder / "state.json")

    def give_up(self) -> None:
        """Delete them, and what else is in the folder."""
        self._delete(self._folder)

    def sweep(self) -> None:
        """Leave of the last run what is still to be loaded, and nothing else.

        Without pending packages the state is the warehouse's alone: dlt would prefer a newer one of
        its own, although the warehouse may have been restored from a backup, or be another one.
        """
        folder, extracted = self._folder, self._extracted
        shutil.rmtree(self._deleted, ignore_errors=True)
        for packages in (extracted, self._normalized):
            for path in packages.glob("*"):
                if path.is_file():
                    # What a kill inside dlt's writes leaves; we would take it for a package for
                    # ever.
                    path.unlink()
                elif (path / "package_completed.json").exists():
                    # Loaded and listed, killed before it was put away: dlt would refuse it for
                    # ever.
                    self._delete(path)
        if not self._can_be_read():
            # Half written when the power went. What the packages hold is asked for again: the state
            # behind them comes with their rows or not at all.
            self.give_up()
            return
        loading = _names(self._normalized)
        # Killed between the two steps that hand a package on, dlt could never hand it on again.
        for twin in loading & _names(extracted):
            shutil.rmtree(extracted / twin)
        if not loading and not _names(extracted):
            shutil.rmtree(folder, ignore_errors=True)
            return
        # What a kill inside dlt's schema write leaves; dlt takes any file for a schema.
        for name in _names(folder / "schemas"):
            if not name.endswith(".schema.json"):
                (folder / "schemas" / name).unlink()
        # Rows of an extract that was killed; the next asks for them again.
        for name in _names(folder / "normalize") - {"extracted", ".version"}:
            shutil.rmtree(folder / "normalize" / name)

    def _delete(self, folder: Path) -> None:
        """Delete a folder at once: half deleted by a kill, a package would pass for a whole one."""
        folder.rename(self._deleted)
        shutil.rmtree(self._deleted)

    def _can_be_read(self) -> bool:
        """Tell whether the packages, and the state and schemas they need, are whole."""
        state = self._folder / "state.json"
        packages = (self._extracted, self._normalized)
        files = [path for lying in packages for path in lying.glob("**/*") if path.is_file()]
        files += [state] if state.exists() else []
        files += (self._folder / "schemas").glob("*.schema.json")
        files += self._folder.glob("*/.version")
        return all(_is_whole(path) for path in files)


def _is_whole(path: Path) -> bool:
    if path.name == ".version":
        return re.fullmatch(rb"\d+\.\d+\.\d+", path.read_bytes().strip()) is not None
    suffix = ".json" if path.parent.name == ENDED else path.suffix
    if last := LAST_BYTES.get(suffix):
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - len(last)))
            return file.read() == last
    if suffix == ".gz":
        try:
            gzip.decompress(path.read_bytes())
        except (OSError, EOFError, zlib.error):
            return False
    if suffix == ".json":
        try:
            json.loads(path.read_bytes())
        except ValueError:
            return False
    return True


def _version(state: Path) -> str | None:
    told = json.loads(state.read_text("utf-8"))
    version: str | None = told.get("_version_hash") if told.get("_state_version") else None
    return version


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()
