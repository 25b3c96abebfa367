"""The sandbox as a process of its own, for tests and the demo: started, controlled, stopped."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).parents[2]
SECONDS_TO_STOP = 5
Told = dict[str, Any]

_URL = re.compile(r"http://127\.0\.0\.1:\d+")


@dataclass(frozen=True, slots=True)
class SandboxProcess:
    """A running sandbox, its control paths and the time it began with."""

    url: str
    client_id: str
    client_secret: str
    pid: int
    began: str = ""

    def environment(self) -> dict[str, str]:
        """Return the settings a loader needs to reach it, ELT_NOW among them."""
        return {
            "GENESYS_API_URL": self.url,
            "GENESYS_LOGIN_URL": self.url,
            "GENESYS_CLIENT_ID": self.client_id,
            "GENESYS_CLIENT_SECRET": self.client_secret,
            "ELT_NOW": self.now(),
        }

    def now(self) -> str:
        """Return the organisation's time."""
        return str(self._control("GET", "/_clock")["now"])

    def set_clock(self, now: str) -> None:
        """Move the organisation's time to an instant."""
        self._control("POST", "/_clock", {"now": now})

    def advance_clock(self, seconds: float) -> None:
        """Let time pass."""
        self._control("POST", "/_clock", {"advance_seconds": seconds})

    def add_faults(self, *faults: Mapping[str, object]) -> None:
        """Append to the schedule; `faults.py` says what can go wrong and how."""
        self._control("POST", "/_faults", list(faults))

    def faults(self) -> list[Told]:
        """Return the schedule, with how often each fault was near (`seen`) and struck (`hits`)."""
        faults: list[Told] = self._control("GET", "/_faults")["faults"]
        return faults

    def clear_faults(self) -> None:
        """Forget the schedule."""
        self._control("DELETE", "/_faults")

    def log(self, since: int = 0) -> list[Told]:
        """Return the requests from number `since` on."""
        entries: list[Told] = self._control("GET", f"/_log?since={since}")["requests"]
        return entries

    def next_request(self) -> int:
        """Return the number the next request will have."""
        return int(self._control("GET", f"/_log?since={sys.maxsize}")["next"])

    def truth(self) -> Iterator[Told]:
        """Walk through all conversations and when the data lake shows which form of them."""
        position: object = 0
        while position is not None:
            page = self._control("GET", f"/_truth?from={position}&limit=5000")
            yield from page["conversations"]
            position = page["next"]

    def record(self, conversation_id: str) -> Told | None:
        """Return a conversation as a job asked now would show it; None before it arrives."""
        record: Told | None = self._control("GET", f"/_truth?id={conversation_id}")["record"]
        return record

    def _control(self, method: str, path: str, body: object = None) -> Told:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(method, self.url + path, json=body, timeout=60)
        if answer.status_code != 200:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        told: Told = answer.json()
        return told


@contextmanager
def running_sandbox(
    *,
    extras: Sequence[Path] = (),
    client_id: str = "demo",
    client_secret: str = "sandbox-secret",
    **options: object,
) -> Iterator[SandboxProcess]:
    """Start a sandbox on a free port, wait until it answers, stop it at the end.

    Args:
        extras: Files with conversations to serve beside the generated ones.
        client_id: The client it knows.
        client_secret: And its secret.
        options: The command line's options by name, as conversations=500, job_polls=2, gzip=True.
    """
    words = ["--until-stdin-closes"]
    words += ["--port", str(options.pop("port", 0)), "--client-id", client_id]
    words += ["--client-secret", client_secret]
    words += [word for path in extras for word in ("--extra", str(path))]
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        words += [flag] if value is True else [flag, str(value)]
    command = [sys.executable, "-m", "tests.sandbox", *words]
    with (
        tempfile.TemporaryFile("w+") as complaints,
        subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        ) as process,
    ):
        try:
            ready = process.stdout.readline() if process.stdout else ""
            url = _URL.search(ready)
            if url is None:
                process.wait(SECONDS_TO_STOP)
                complaints.seek(0)
                raise RuntimeError(f"the sandbox did not start:\n{complaints.read()}")
            started = SandboxProcess(url.group(), client_id, client_secret, process.pid)
            yield replace(started, began=started.now())
        finally:
            process.terminate()
            try:
                process.wait(SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                process.kill()
