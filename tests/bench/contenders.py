"""What is measured, each in a process of its own: `python -m tests.bench.contenders NAME FOLDER`.

All write into a new DuckDB file in FOLDER, commit and close it. Imports, and making the tables, are
not counted.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from tests.bench.pages import NOW
from tests.bench.served import line_ends

END = datetime.fromisoformat(NOW)


@dataclass(frozen=True)
class Measured:
    """Rows loaded, the wall time and CPU time they took, and the most memory the process had."""

    rows: int
    seconds: float
    cpu_seconds: float
    peak_megabytes: float

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds


def limit(folder: Path) -> Callable[[], int]:
    """DuckDB alone: id and payload of each line of NDJSON, with the storage we use."""

    def load() -> int:
        return _stored(
            folder / "limit.duckdb",
            "select json ->> 'conversationId' as record_id, json::varchar as payload"
            f" from read_ndjson_objects('{folder / 'records.ndjson'}')",
        )

    return load


def _stored(file: Path, records: str) -> int:
    with duckdb.connect(str(file), config={"force_compression": "zstd"}) as db:
        db.execute(f"create table conversation_details as {records}")
        [(rows,)] = db.execute("select count(*) from conversation_details").fetchall()
    return int(rows)


def fetched(folder: Path, windows: int) -> Callable[[], int]:
    """DuckDB alone, over HTTP: a script saves the pages of the jobs and has DuckDB read them.

    It asks as we do, for a token, jobs and cursors; it tries nothing twice, checks and hashes
    nothing, and what it has of a run that was killed is lost.
    """
    import requests

    from loader.resources.platform.conversation_details import JOBS

    url, kept = os.environ["GENESYS_API_URL"], folder / "fetched"
    kept.mkdir()

    def load() -> int:
        with requests.Session() as session:
            token = session.post(f"{url}/oauth/token", {"grant_type": "client_credentials"}).json()
            session.headers["Authorization"] = f"Bearer {token['access_token']}"
            for window in range(windows):
                job = f"{url}{JOBS}/{session.post(url + JOBS, json={}).json()['jobId']}"
                assert session.get(job).json()["state"] == "FULFILLED"
                params, page, number = {"pageSize": "1000"}, b"", 0
                while number == 0 or "cursor" in params:
                    page = session.get(f"{job}/results", params=params).content
                    (kept / f"{window:03}-{number:05}.json").write_bytes(page)
                    params.pop("cursor", None)
                    # It leads a page here, and few would parse one for it.
                    if page.startswith(b'{"cursor":"'):
                        params["cursor"] = page[:64].split(b'"')[3].decode()
                    number += 1
        return _stored(
            folder / "fetched.duckdb",
            "select record ->> 'conversationId' as record_id, record::varchar as payload"
            " from (select unnest(json -> '$.conversations[*]') as record"
            f" from read_json_objects('{kept}/*.json', maximum_object_size = 268435456))",
        )

    return load


SLICE_BYTES = 64 * 1024 * 1024
_TEXT, _TIME = "VARCHAR", "TIMESTAMP"
_METRIC = {"name": _TEXT, "value": "BIGINT", "emitDate": _TIME}
_SEGMENT = {
    **dict.fromkeys(("segmentType", "queueId", "disconnectType", "errorCode", "wrapUpCode"), _TEXT),
    **dict.fromkeys(("wrapUpNote", "requestedLanguageId", "groupId", "subject"), _TEXT),
    "conference": "BOOLEAN", "segmentStart": _TIME, "segmentEnd": _TIME,
}  # fmt: skip
_SESSION = {
    **dict.fromkeys(("sessionId", "peerId", "mediaType", "messageType", "direction"), _TEXT),
    **dict.fromkeys(("provider", "ani", "dnis", "sessionDnis", "addressFrom", "addressTo"), _TEXT),
    **dict.fromkeys(("remote", "usedRouting", "selectedAgentId", "flowInType"), _TEXT),
    **dict.fromkeys(("flowOutType", "outboundCampaignId", "outboundContactId"), _TEXT),
}
_PARTICIPANT = dict.fromkeys(
    ("participantId", "participantName", "purpose", "userId", "teamId", "externalContactId"), _TEXT
)


def unnested(folder: Path) -> Callable[[], int]:
    """DuckDB alone: the newest payloads that were loaded, in slices, each opened once.

    Participants, sessions, segments and metrics become a table each, with the storage we use.
    """
    from loader.warehouses.duckdb import CONFIG, ROW_GROUP

    session = {**_SESSION, "segments": [_SEGMENT], "metrics": [_METRIC]}
    shape = json.dumps({"participants": [{**_PARTICIPANT, "sessions": [session]}]})
    participants = "select conversation_id, unnest(participants) as element from opened"
    sessions = f"select conversation_id, unnest(element.sessions) as element from ({participants})"
    ids = "conversation_id, element.sessionId as session_id"
    tables = {
        "participants": (("conversation_id",), _PARTICIPANT, participants),
        "sessions": (("conversation_id",), _SESSION, sessions),
        **{
            name: (
                ("conversation_id", "session_id"),
                fields,
                f"select {ids}, unnest(element.{name}) as element from ({sessions})",
            )
            for name, fields in (("segments", _SEGMENT), ("metrics", _METRIC))
        },
    }

    def build() -> int:
        with duckdb.connect(config={**CONFIG, "memory_limit": "1500MB"}) as db:
            db.execute(f"attach '{folder / 'genesys.duckdb'}' as loaded (read_only)")
            db.execute(f"attach '{folder / 'unnested.duckdb'}' (row_group_size {ROW_GROUP})")
            details = "loaded.genesys_raw.conversation_details"
            [(slices,)] = db.execute(
                f"select cast(ceil(sum(byte_count) / {SLICE_BYTES}) as int)"
                " from loaded.genesys_raw.extract_windows where resource = 'conversation_details'"
            ).fetchall()
            db.execute(
                "create temp table newest as"
                f" select *, ntile({slices}) over (order by position) as slice from ("
                " select record_id as conversation_id,"
                " arg_max(rowid, (extracted_at, payload_hash)) as position"
                f" from {details} group by 1)"
            )
            for number in range(1, slices + 1):
                db.execute(
                    "create or replace temp table opened as select conversation_id,"
                    f" json_transform(payload, '{shape}').participants as participants"
                    f" from {details} as details inner join newest"
                    f" on details.rowid = newest.position where slice = {number}"
                )
                for name, (keys, fields, elements) in tables.items():
                    columns = [*keys, *(f"element.{field}" for field in fields)]
                    query = f"select {', '.join(columns)} from ({elements}) order by all"
                    db.execute(f"create table if not exists unnested.{name} as {query} limit 0")
                    db.execute(f"insert into unnested.{name} {query}")
            [(conversations,)] = db.execute("select count(*) from newest").fetchall()
        return int(conversations)

    return build


def dlt_default(folder: Path, count: int) -> Callable[[], int]:
    """Dicts given to dlt as its documentation shows: every list in a record a table of its own."""
    import dlt

    pipeline = dlt.pipeline(
        "bench",
        destination=dlt.destinations.duckdb(str(folder / "dlt.duckdb")),
        dataset_name="raw",
        pipelines_dir=str(folder / "dlt"),
    )

    def run(count: int) -> int:
        def conversations() -> Iterator[list[dict[str, Any]]]:
            left = count
            with (folder / "pages.ndjson").open("rb") as pages:
                while left > 0:
                    page = json.loads(next(pages))["conversations"][:left]
                    left -= len(page)
                    yield page

        info = pipeline.run(
            dlt.resource(conversations, name="conversation_details"), loader_file_format="parquet"
        )
        info.raise_on_failed_jobs()
        return count

    run(min(count, 1_000))
    return lambda: run(count)


def local(folder: Path, times: int) -> Callable[[], int]:
    """Our load, pages read from a file; `times` windows hold the same conversations each."""
    from loader.genesys.client import Client
    from loader.genesys.replies import Reply
    from loader.resources.platform.conversation_details import ConversationDetails
    from loader.resources.resource import Answer, Reading
    from loader.windows import Window

    class LocalPages(ConversationDetails):
        """The results of a job, line by line; the token is where the next one begins."""

        def available_through(self, client: Client) -> datetime | None:
            return None

        def submit(self, client: Client, window: Window) -> str | None:
            return None

        def read(self, client: Client, reading: Reading[None], token: str | None) -> Answer:
            start = int(token or 0)
            end = next(end for end in ends if end > start)
            with (folder / "pages.ndjson").open("rb") as pages:
                pages.seek(start)
                _, records = self._results(Reply(pages.read(end - start)))
            return Answer(records or (), None if end == ends[-1] else str(end))

    ends = line_ends(folder / "pages.ndjson")
    return _our_load(
        LocalPages(page_size=1_000, job_seconds=60.0), END - timedelta(days=times), times
    )


def over_http(days: int) -> Callable[[], int]:
    """Our load over HTTP, from the organisation the environment names."""
    from loader.resources.platform.conversation_details import ConversationDetails

    page_size = int(os.environ.get("ELT_PAGE_SIZE", "1000"))
    details = ConversationDetails(page_size=page_size, job_seconds=600.0)
    return _our_load(details, END - timedelta(days=days), days)


def _our_load(details: Any, start: datetime, windows: int) -> Callable[[], int]:  # noqa: ANN401
    from loader.commands.session import client_of
    from loader.planning import Request
    from loader.progress import Lines
    from loader.run import Run
    from loader.settings import Settings
    from loader.warehouses.dataset import Dataset

    settings = Settings.read()
    client = client_of(settings)
    warehouse = Dataset(settings, [details.name])
    warehouse.connect()

    def load() -> int:
        summary = Run(settings, client, warehouse, [details], Lines()).load(Request(start, END))
        warehouse.close()
        client.close()
        if summary.problems or summary.windows != windows:
            raise RuntimeError(f"{summary}")
        return summary.records

    return load


def main(name: str, folder: Path, amount: int) -> None:
    """Measure one and print it as JSON."""
    prepared = {
        "limit": lambda: limit(folder),
        "unnested": lambda: unnested(folder),
        "dlt": lambda: dlt_default(folder, amount),
        "local": lambda: local(folder, amount),
        "fetched": lambda: fetched(folder, amount),
        "http": lambda: over_http(amount),
    }[name]()
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    rows = prepared()
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF)
    cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    measured = Measured(rows, seconds, cpu_seconds, after.ru_maxrss / 1024)
    sys.stdout.write(json.dumps(asdict(measured)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
