"""Answers queries by an emulator, one per line of JSON; runs in the emulator's own environment."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any


def snowflake(port: int) -> Callable[[str], list[Any]]:
    """Return what asks fakesnow."""
    import snowflake.connector

    connection = snowflake.connector.connect(
        user="tests",
        password="tests",
        account="fakesnow",
        host="127.0.0.1",
        port=port,
        protocol="http",
        database="GENESYS",
        schema="PUBLIC",
        # What the emulator cannot do it answers with 500, which is asked again for minutes.
        network_timeout=1,
    )
    return lambda sql: list(connection.cursor().execute(sql).fetchall())


def bigquery(_port: int) -> Callable[[str], list[Any]]:
    """Return what asks Google's reference implementation, which is no server."""
    from googlesql import GoogleSQL  # type: ignore[import-not-found]

    asked: Callable[[str], list[Any]] = GoogleSQL().query
    return asked


def as_json(value: Any) -> Any:  # noqa: ANN401 - whatever a driver returns
    """Return a value as JSON has it; times as {"time": <ISO 8601, UTC>}, dates as {"date": …}."""
    if isinstance(value, datetime):
        naive = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return {"time": naive.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    return value


def main() -> None:
    """Answer until there is no more question."""
    ask = {"snowflake": snowflake, "bigquery": bigquery}[sys.argv[1]](int(sys.argv[2]))
    for line in sys.stdin:
        try:
            answer: dict[str, Any] = {
                "rows": [[as_json(value) for value in row] for row in ask(json.loads(line))]
            }
        except Exception as error:  # whatever a driver raises is the answer
            answer = {"error": " ".join(str(error).split())[:400]}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
