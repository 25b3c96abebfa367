"""A real S3 server for the tests: moto's, behind a door that can break what passes it."""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import botocore.config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.harness.bucket import tables_of

BUCKET = "contact-centre"
KEY_ID, SECRET = "test-key", "Kanarie+9f2/secret"
Environ = dict[str, Any]


@dataclass
class S3Server:
    """A running server.

    Attributes:
        url: of it.
        app: what answers.
        requests: what it was asked, as "METHOD path".
        fault: may answer in the server's stead, by status and the code of the error, or change
            what the server is told.
    """

    url: str
    app: Any
    requests: list[str] = field(default_factory=list)
    fault: Callable[[Environ], tuple[int, str] | None] | None = None

    def begin(self) -> None:
        """Forget everything and make one empty bucket."""
        self.fault = None
        with contextlib.suppress(self.client.exceptions.NoSuchBucket):
            for one in self.client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
                self.client.delete_object(Bucket=BUCKET, Key=one["Key"])
        self.client.create_bucket(Bucket=BUCKET)
        self.requests.clear()

    @cached_property
    def client(self) -> Any:  # noqa: ANN401 - boto3 makes its clients as it goes
        """Amazon's own client; to make one takes as long as twenty requests."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
            config=botocore.config.Config(retries={"max_attempts": 0}),
        )

    def environment(self) -> dict[str, str]:
        """Return the settings that point the loader at the bucket."""
        return {
            "ELT_TARGET": "spark",
            "ELT_BUCKET_URL": f"s3://{BUCKET}/elt",
            "ELT_BUCKET_KEY_ID": KEY_ID,
            "ELT_BUCKET_SECRET": SECRET,
            "ELT_BUCKET_ENDPOINT": self.url,
        }

    def do_untold(self, environ: Environ) -> None:
        """Do what is asked for, whatever becomes of the answer."""
        b"".join(self.app(environ, lambda *_: None))

    def names(self) -> list[str]:
        """Return the names of all objects."""
        found = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return [one["Key"] for page in found for one in page.get("Contents", [])]

    def query(self, sql: str, folder: Path) -> list[tuple[Any, ...]]:
        """Return the rows of a query on the raw tables, copied to a folder."""
        with tables_of(self.copied(folder) / "elt") as connection:
            return connection.execute(sql).fetchall()

    def copied(self, folder: Path) -> Path:
        """Copy all objects to a folder, and return it."""
        for name in self.names():
            # What ends so is a folder to some who write there.
            if not name.endswith("/"):
                place = folder / name
                place.parent.mkdir(parents=True, exist_ok=True)
                self.client.download_file(BUCKET, name, str(place))
        return folder

    def answer(self, environ: Environ, start: Any) -> Iterable[bytes]:  # noqa: ANN401
        """Pass a request on, unless a fault answers it."""
        path = environ["PATH_INFO"]
        self.requests.append(f"{environ['REQUEST_METHOD']} {path}")
        if self.fault is not None and (told := self.fault(environ)):
            status, code = told
            body = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
            start(f"{status} {code}", [("Content-Type", "application/xml")])
            return [body]
        answered: Iterable[bytes] = self.app(environ, start)
        return answered


def cut(environ: Environ) -> None:
    """Cut the line of a request: nothing is answered."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionError


class _Quiet(WSGIRequestHandler):
    """Writes no line for each request."""

    def log_request(self, *arguments: object) -> None:
        """Write nothing."""


@contextlib.contextmanager
def s3_server() -> Iterator[S3Server]:
    """Run a server on a free loopback port until the block ends."""
    os.environ.setdefault("MOTO_ALLOW_NONEXISTENT_REGION", "true")
    app = DomainDispatcherApplication(create_backend_app)
    running: list[S3Server] = []
    http = make_server(
        "127.0.0.1",
        0,
        lambda environ, start: running[0].answer(environ, start),
        threaded=True,
        request_handler=_Quiet,
    )
    running.append(S3Server(f"http://127.0.0.1:{http.server_port}", app))
    serving = threading.Thread(target=http.serve_forever, daemon=True)
    serving.start()
    try:
        yield running[0]
    finally:
        http.shutdown()
        serving.join()
