"""Engines that run a query here; of two that only accounts have, an emulator or the reference."""

import contextlib
import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from tests.engines.venvs import venv
from tests.harness.postgres import PostgresDatabase

HERE = Path(__file__).parent
# Long, because a busy machine is no hang.
_START_SECONDS = 600

Row = tuple[Any, ...]
Query = Callable[[str], list[Row]]


@contextlib.contextmanager
def server(script: str, engine: str, *arguments: str, log: Path) -> Iterator[int]:
    """Run an emulator by a script beside this file, and give its port once it listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    with log.open("wb") as output:
        process = subprocess.Popen(
            [venv(engine) / "python", HERE / script, str(port), *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        until = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{script} did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.2)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def plain(value: Any) -> Any:  # noqa: ANN401 - whatever a driver returns
    """Return a value as every driver gives it: times naive in UTC, whole numbers as int."""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    return value


def _all_plain(rows: list[Row]) -> list[Row]:
    return [tuple(plain(value) for value in row) for row in rows]


def duckdb_query() -> Query:
    """Return what asks a DuckDB in memory."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    return lambda sql: _all_plain(connection.execute(sql).fetchall())


def postgres_query(database: PostgresDatabase) -> Query:
    """Return what asks a Postgres whose session is not in UTC."""
    connection = database.connect()
    connection.cursor().execute("set TimeZone = 'Asia/Tokyo'")

    def query(sql: str) -> list[Row]:
        cursor = connection.cursor()
        cursor.execute(sql)
        return _all_plain(cursor.fetchall())

    return query


@contextlib.contextmanager
def spark_query() -> Iterator[Query]:
    """Give what asks a local Spark without a catalog; nothing is compiled that runs once."""
    from pyspark.sql import SparkSession

    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.codegen.wholeStage", "false")
        .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
        .getOrCreate()
    )
    # As dbt-spark has it. Its times come in the zone of the process, hence by text.
    spark.conf.set("spark.sql.ansi.enabled", "false")

    def query(sql: str) -> list[Row]:
        found = spark.sql(sql)
        times = {field.name for field in found.schema if field.dataType.typeName() == "timestamp"}
        texts = found.selectExpr(
            *(
                f"cast(`{name}` as string) as `{name}`" if name in times else f"`{name}`"
                for name in found.columns
            )
        )
        return _all_plain(
            [
                tuple(
                    datetime.fromisoformat(value) if name in times and value else value
                    for name, value in zip(texts.columns, row, strict=True)
                )
                for row in texts.collect()
            ]
        )

    yield query
    spark.stop()


@contextlib.contextmanager
def emulator_query(engine: str, port: int) -> Iterator[Query]:
    """Give what asks an emulator; an error is a RuntimeError with its text."""
    command: list[str | Path] = [venv(engine) / "python", HERE / "ask.py", engine, str(port)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdin
        assert process.stdout
        questions, answers = process.stdin, process.stdout

        def query(sql: str) -> list[Row]:
            questions.write(json.dumps(sql) + "\n")
            answer = json.loads(answers.readline())
            if "error" in answer:
                raise RuntimeError(answer["error"])
            return [tuple(_from_json(value) for value in row) for row in answer["rows"]]

        yield query
        questions.close()


def _from_json(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict) and len(value) == 1:
        kind, text = next(iter(value.items()))
        if kind == "time":
            return datetime.fromisoformat(text)
        if kind == "date":
            return date.fromisoformat(text)
    return value
