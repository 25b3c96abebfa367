"""Environments of the engines whose adapters are not in ours.

python -m tests.engines.venvs ENGINE…   makes them before a test needs them
"""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
REQUIREMENTS = Path(__file__).parent / "requirements"
VENVS = Path(os.environ.get("ENGINE_VENVS", ROOT / ".venv-engines"))


def venv(engine: str) -> Path:
    """Return where the programs of an engine's own environment are, made by what its file pins.

    Adapters and emulators want other versions of what the loader needs, and of each other: hence
    one each.
    """
    folder = VENVS / engine
    pins = REQUIREMENTS / f"{engine}.txt"
    made = folder / "made-of.txt"
    VENVS.mkdir(parents=True, exist_ok=True)
    with (VENVS / f"{engine}.lock").open("w") as lock:
        # Another worker may be making it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists() or made.read_text() != pins.read_text():
            uv = Path(sys.executable).with_name("uv")
            python = folder / "bin" / "python"
            subprocess.run([uv, "venv", "--quiet", "--clear", folder], check=True)
            subprocess.run(
                [uv, "pip", "install", "--quiet", "--python", python, "-r", pins], check=True
            )
            made.write_text(pins.read_text())
    return folder / "bin"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        venv(name)
