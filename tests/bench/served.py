"""An organisation that has its answers ready: pages of details jobs, sent from a file over HTTP.

Sending is all it does, so that what is measured is whoever reads. `python -m tests.bench.served
FOLDER WINDOWS` serves until its standard input closes.
"""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from loader.resources.platform.conversation_details import JOBS

ROOT = Path(__file__).parents[2]


@contextmanager
def serving(folder: Path, windows: int) -> Iterator[dict[str, str]]:
    """Serve the pages of a folder as the results of so many jobs; yield the settings to reach it.

    Args:
        folder: where `write_pages` has put them.
        windows: so many jobs have a part of the pages each, the first submitted the first.
    """
    command = [sys.executable, "-m", "tests.bench.served", str(folder), str(windows)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        try:
            yield {
                "GENESYS_API_URL": url,
                "GENESYS_LOGIN_URL": url,
                "GENESYS_CLIENT_ID": "bench",
                "GENESYS_CLIENT_SECRET": "bench",
                "ELT_NOW": "2026-03-20T00:00:00Z",
            }
        finally:
            process.communicate()


class Organisation(ThreadingHTTPServer):
    """Knows where each page lies; of jobs no more than how many were asked for."""

    def __init__(self, pages: Path, windows: int) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.pages = pages
        self.windows = windows
        self.ends = line_ends(pages)
        self.jobs = 0

    def part(self, job: int) -> range:
        """Return the numbers of a job's pages."""
        job %= self.windows
        count = len(self.ends)
        return range(job * count // self.windows, (job + 1) * count // self.windows)


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Organisation

    def do_POST(self) -> None:
        """Give a token, or take a job."""
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/oauth/token":
            told = {"access_token": "ready", "token_type": "bearer", "expires_in": 86_399}
            self._tell(200, json.dumps(told).encode())
        else:
            self._tell(202, b'{"jobId":"%d"}' % self.server.jobs)
            self.server.jobs += 1

    def do_GET(self) -> None:
        """Tell until when data are there, that a job is done, or a page of its results."""
        asked = urlsplit(self.path)
        if asked.path.endswith("/availability"):
            self._tell(200, b'{"dataAvailabilityDate":"2026-04-01T00:00:00Z"}')
        elif asked.path.endswith("/results"):
            job = int(asked.path.removeprefix(JOBS).split("/")[1])
            self._send_page(job, int(parse_qs(asked.query).get("cursor", ["0"])[0]))
        else:
            self._tell(200, b'{"state":"FULFILLED"}')

    def _send_page(self, job: int, number: int) -> None:
        part, ends = self.server.part(job), self.server.ends
        if not part:
            self._tell(200, b'{"conversations":[]}')
            return
        page = part[number]
        start, end = ends[page - 1] if page else 0, ends[page]
        cursor = b'"cursor":"%d",' % (number + 1) if number + 1 < len(part) else b""
        # The rest is the page as it lies there, without its first brace and the end of the line.
        self._tell(200, b"{" + cursor, end - start - 2)
        with self.server.pages.open("rb") as pages:
            self.connection.sendfile(pages, start + 1, end - start - 2)

    def _tell(self, status: int, body: bytes, more: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body) + more))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


def line_ends(path: Path) -> list[int]:
    """Return where each line ends: to read one as a line would have it in memory twice."""
    ends, offset = [], 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            ends += [offset + found.end() for found in re.finditer(b"\n", chunk)]
            offset += len(chunk)
    return ends


def main(folder: Path, windows: int) -> None:
    """Serve on a free port, and say where."""
    organisation = Organisation(folder / "pages.ndjson", windows)
    threading.Thread(target=organisation.serve_forever, daemon=True).start()
    sys.stdout.write("http://{}:{}\n".format(*organisation.server_address))
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
