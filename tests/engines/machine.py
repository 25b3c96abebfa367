"""A machine whose Python has the driver of an account's warehouse, and the loader on it.

Each driver lives in an environment of its own, so the loader runs there as a process.
"""

import os
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.engines.refusing import Answer, Refusing
from tests.engines.venvs import ROOT, venv
from tests.harness.outcome import Outcome

SECRET = "s3cret-of-the-account"
SNOWFLAKE = {
    "ELT_TARGET": "snowflake",
    "ELT_SNOWFLAKE_ACCOUNT": "fakesnow",
    "ELT_SNOWFLAKE_USER": "loader",
    "ELT_SNOWFLAKE_PASSWORD": SECRET,
    "ELT_SNOWFLAKE_WAREHOUSE": "wh",
    "ELT_SNOWFLAKE_DATABASE": "analytics",
}
# Run before the loader: leads its driver to a port of this machine, which no setting does.
ELSEWHERE = """
import os
if port := os.environ.get("FAKE_PORT"):
    from loader.warehouses.databricks import Databricks
    from loader.warehouses.snowflake import Snowflake
    Snowflake.options = {
        "login_timeout": 5, "network_timeout": int(os.environ.get("FAKE_SECONDS", 30)),
        "host": "127.0.0.1", "port": int(port), "protocol": "http",
    }
    Databricks.options = {
        "_connection_uri": f"http://127.0.0.1:{port}/sql/1.0/warehouses/abc",
        "_retry_stop_after_attempts_count": 1, "_retry_stop_after_attempts_duration": 5.0,
    }
"""
# Runs the loader once for each line it is given.
RUNS = """
import os
import sys
from loader.__main__ import main
for line in sys.stdin:
    settings = [word for word in line.split() if "=" in word]
    os.environ.update(setting.split("=", 1) for setting in settings)
    print(int(main(line.split()[len(settings):])), flush=True)
"""


@dataclass
class Machine:
    """A machine whose Python has a driver.

    Attributes:
        folder: where the loader runs.
        environment: the name of that Python's.
        settings: by their names.
        place: what its errors begin with.
    """

    folder: Path
    environment: str
    settings: dict[str, str] = field(default_factory=dict)
    place: str = ""

    def run(self, *words: str, **settings: str) -> Outcome:
        """Run `python -m loader WORDS` to its end."""
        with self.start("-m", "loader", *words, **settings) as process:
            # Long, because a busy machine is no hang.
            out, err = process.communicate(timeout=1800)
        return Outcome(exit_code=process.returncode, stdout=out, stderr=err, secrets=(SECRET,))

    def start(self, *words: str, **settings: str) -> "subprocess.Popen[str]":
        """Start its Python."""
        (self.folder / "sitecustomize.py").write_text(ELSEWHERE)
        machine = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("GENESYS_", "ELT_", "DBT_"))
        }
        return subprocess.Popen(
            [venv(self.environment) / "python", *words],
            cwd=self.folder,
            env={
                **machine,
                "PYTHONPATH": f"{self.folder}{os.pathsep}{ROOT}",
                **self.settings,
                **settings,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def lines_of(self, commands: Iterable[str], **settings: str) -> list[str]:
        """Run commands in one process, which all end with code 6; return what each says of why.

        Args:
            commands: one line each, settings as NAME=VALUE before its words; asked for one by one.
            settings: of all.
        """
        with self.start("-c", RUNS, **settings) as process:
            assert process.stdin
            assert process.stdout
            for command in commands:
                process.stdin.write(f"{command}\n")
                process.stdin.flush()
                assert process.stdout.readline() == "6\n"
            _, said = process.communicate()
        assert SECRET not in said
        lines: list[str] = [line for line in said.splitlines() if line]
        begin = f"ERROR GX-006 {self.place}"
        assert all(line.startswith(begin) for line in lines), said
        return [line.removeprefix(begin) for line in lines]


def answering(server: Refusing, cases: Iterable[dict[str, Answer]]) -> Iterator[str]:
    """Walk through `status`, once for each way a server answers."""
    for answers in cases:
        server.answers = answers
        yield "status"
