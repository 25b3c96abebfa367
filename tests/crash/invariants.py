"""What must hold after every death, and what at the end; the ids are those of the issue.

Nothing here asks the loader: it reads the warehouse (a copy of it), the work directory, what the
process said, and knows from the sandbox's own world what Genesys would have served.
"""

import base64
import contextlib
import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from tests.crash.place import CLIENT_SECRET, DEAD, Ended, HookedPlace
from tests.sandbox.clock import to_millis
from tests.sandbox.world import World

Moment = datetime
Connection = duckdb.DuckDBPyConnection

DETAILS = "conversation_details"
SNAPSHOTS = (
    "users", "queues", "wrapup_codes", "skills", "divisions", "flows", "flow_outcomes",
    "external_contacts",
)  # fmt: skip
INTERACTIONS = "guides_interactions"
ERROR = re.compile(r"^ERROR GX-(\d{3}) \S")
EXIT_CODES = {0, 2, 3, 4, 5, 6, 7, 130}
MOST_MEGABYTES = 400
# Nothing newer than this may count as loaded: the sandbox's data lake, our own settle delay.
LAKE_LAG = timedelta(minutes=30)
SETTLE = timedelta(minutes=15)
OURS = re.compile(r"work|dbt|bucket|genesys\.duckdb(\.wal|\.tmp|\.lock)?")
# Files that hold records.
RECORDS = re.compile(r"^genesys\.duckdb|\.parquet$")
# When everything has happened.
LATER = to_millis("2027-01-01T00:00:00Z")
# So many people are looked for, whether or not they are in a record.
FEW = 5
# A piece of a secret this long gives it away; found at this step, no longer piece goes unnoticed.
PIECE, STEP = 8, 4


class Violation(AssertionError):
    """An invariant does not hold."""

    def __init__(self, invariant: str, what: str) -> None:
        super().__init__(f"{invariant}: {what}")
        self.invariant = invariant


def demand(condition: object, invariant: str, what: str) -> None:
    """Raise a violation unless the condition holds."""
    if not condition:
        raise Violation(invariant, what)


@dataclass(frozen=True)
class Served:
    """A record as Genesys would have served it."""

    record_id: str
    payload_hash: str


@dataclass(frozen=True)
class Truth:
    """What there is to be loaded, computed from the same world the sandbox serves."""

    world: World

    def conversations(self, start: Moment, end: Moment, asked_at: Moment) -> list[Served]:
        """Return what a job over [start, end) submitted at `asked_at` holds, in its order."""
        now = _millis(asked_at)
        numbers = self.world.active_between(_millis(start), _millis(end), now)
        records = (self.world.record(number, now) for number in numbers)
        return [
            Served(json.loads(record)["conversationId"], hashlib.sha256(record).hexdigest())
            for record in records
        ]

    def ids(self, start: str, now: str) -> set[str]:
        """Return the conversations that were active since `start` as far as can be known."""
        end = _moment(now) - LAKE_LAG
        return {one.record_id for one in self.conversations(_moment(start), end, _moment(now))}

    @cached_property
    def personal(self) -> tuple[bytes, ...]:
        """Numbers, mailboxes and names of people: a few contacts, and those who are in a record."""
        records = b"".join(self.world.record(one.number, LATER) for one in self.world)
        people = [
            one
            for number, one in enumerate(self.world.organisation.contacts)
            if number < FEW or any(text.encode() in records for text in (one.address, one.email))
        ]
        texts = {text for one in people for text in (one.address, one.email, one.name)}
        return tuple(sorted(text.encode() for text in texts))

    def payload_hash(self, conversation_id: str, now: str) -> str:
        """Return the form a conversation has by now."""
        number = self.world.number_of(conversation_id)
        assert number is not None, conversation_id
        return hashlib.sha256(self.world.record(number, _millis(_moment(now)))).hexdigest()


@dataclass
class Standing:
    """Where a warehouse stands: its newest committed state, its rows, what is still pending."""

    connection: Connection
    place: HookedPlace

    @cached_property
    def states(self) -> dict[str, dict[str, Any]]:
        """The state of each resource as the next run would read it from the warehouse."""
        rows = self._rows(
            "select state from genesys_raw._dlt_pipeline_state as states"
            " inner join genesys_raw._dlt_loads as loads on states._dlt_load_id = loads.load_id"
            " where loads.status = 0 order by loads.load_id desc limit 1"
        )
        if not rows:
            return {}
        text = zlib.decompress(base64.b64decode(rows[0][0]))
        return _resource_states(json.loads(text))

    @cached_property
    def pending_states(self) -> dict[str, dict[str, Any]]:
        """The state behind the packages that the next run loads first; empty without any."""
        path = self.place.work / "dlt" / "genesys" / "state.json"
        if self.place.is_torn or not self._packages() or not path.exists():
            return {}
        return _resource_states(json.loads(path.read_text("utf-8")))

    def ids(self, table: str, opened: Mapping[str, Any], *, pending: bool) -> set[str]:
        """Return the ids that one reading of a window has brought so far, refused ones too.

        Args:
            table: of the records.
            opened: the window and when it was asked for, as the state has it.
            pending: whether what lies in pending packages counts.
        """
        asked = (
            opened["window"]["start"], opened["window"]["end"], opened["started_at"],
        )  # fmt: skip
        where = "window_start = ? and window_end = ? and extracted_at = ?"
        committed = (
            f"select record_id from genesys_raw.{table} where {where}"
            " and _dlt_load_id in (select load_id from genesys_raw._dlt_loads where status = 0)"
        )
        found = {row[0] for row in self._rows(committed, asked)}
        if pending:
            for path in self._packages():
                for file in path.glob(f"*_jobs/{table}.*.parquet"):
                    rows = self._rows(
                        f"select record_id from read_parquet('{file}') where {where}", asked
                    )
                    found |= {row[0] for row in rows}
            found |= {
                row[0]
                for row in self._rows(
                    f"select record_id from genesys_raw.{table} where {where}", asked
                )
            }
        return found

    @cached_property
    def loaded(self) -> list[tuple[str, str, Moment, Moment, Moment, int, int, int, str]]:
        """Each reading of a window that came to its end, with its totals over all its commits.

        Resource, attempt, window, time of asking, records, refused, pages, checksum.
        """
        return self._rows(
            """
            with rows as (
                select distinct
                    resource, window_attempt_id, window_start, window_end, started_at, status,
                    record_count, quarantined_count, page_count, checksum, _dlt_load_id
                from genesys_raw.extract_windows
                where _dlt_load_id in (select load_id from genesys_raw._dlt_loads where status = 0)
            )
            select
                resource, window_attempt_id, max(window_start),
                max(window_end) filter (status = 'loaded'), max(started_at),
                sum(record_count), sum(quarantined_count), sum(page_count), max(checksum)
            from rows
            group by resource, window_attempt_id
            having bool_or(status = 'loaded')
            order by max(_dlt_load_id)
            """
        )

    def attempt_rows(self, table: str, start: Moment, end: Moment, asked_at: Moment) -> set[Served]:
        """Return the committed rows of one reading."""
        rows = self._rows(
            f"select record_id, payload_hash from genesys_raw.{table}"
            " where window_start = ? and window_end = ? and extracted_at = ?"
            " and _dlt_load_id in (select load_id from genesys_raw._dlt_loads where status = 0)",
            (start, end, asked_at),
        )
        return {Served(*row) for row in rows}

    def newest(self, table: str) -> dict[str, str]:
        """Return what staging would choose: the newest committed version of each record.

        Of a snapshot the newest whole one alone: what is missing in it is gone at the source.
        """
        whole = (
            "true"
            if table not in SNAPSHOTS
            else "window_start = (select max(window_start) from genesys_raw.extract_windows"
            f" where resource = '{table}' and status = 'loaded')"
        )
        rows = self._rows(
            f"""
            select record_id, payload_hash from genesys_raw.{table}
            where {whole}
                and _dlt_load_id in (select load_id from genesys_raw._dlt_loads where status = 0)
            qualify row_number() over (
                partition by record_id order by extracted_at desc, payload_hash desc
            ) = 1
            """
        )
        return dict(rows)

    def tables(self) -> set[str]:
        """Return the names of the raw tables."""
        rows = self._rows(
            "select table_name from information_schema.tables where table_schema = 'genesys_raw'"
        )
        return {row[0] for row in rows}

    def texts(self) -> Iterator[tuple[bytes, bool]]:
        """Walk through every text the warehouse holds, unpacked; tell which may be of a person.

        A record may, and whatever dbt makes of it; nothing we write beside it.
        """
        columns: dict[str, list[str]] = {}
        for schema, table, column in self._rows(
            "select table_schema, table_name, column_name from information_schema.columns"
            " inner join information_schema.tables using (table_schema, table_name)"
            " where table_schema like 'genesys%' and table_type = 'BASE TABLE'"
            " and data_type in ('VARCHAR', 'JSON')"
        ):
            columns.setdefault(f'"{schema}"."{table}"', []).append(column)
        for name, texts in columns.items():
            listed = ", ".join(f'"{column}"::varchar' for column in texts)
            for row in self._rows(f"select {listed} from {name}"):
                for column, text in zip(texts, row, strict=True):
                    may_be = not name.startswith('"genesys_raw"') or column == "payload"
                    if text:
                        yield from ((piece, may_be) for piece in unpacked(text.encode()))

    def left(self) -> list[str]:
        """Return what lies where packages lie, a package or not."""
        return [path.name for folder in self._folders() for path in folder.glob("*")]

    def _folders(self) -> tuple[Path, ...]:
        folder = self.place.work / "dlt" / "genesys"
        return folder / "normalize" / "extracted", folder / "load" / "normalized"

    def _packages(self) -> list[Path]:
        return [path for folder in self._folders() for path in folder.glob("*") if path.is_dir()]

    def _rows(self, sql: str, parameters: Iterable[object] = ()) -> list[Any]:
        try:
            return self.connection.execute(sql, list(parameters)).fetchall()
        except duckdb.CatalogException:
            # Before the first commit there are no tables.
            return []


@dataclass(frozen=True)
class Content:
    """What a warehouse holds in the end, without what differs from run to run."""

    newest: Mapping[str, Mapping[str, str]]
    states: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, standing: Standing) -> "Content":
        """Read it."""
        present = standing.tables()
        names = [name for name in (DETAILS, INTERACTIONS, *SNAPSHOTS) if name in present]
        return cls(
            newest={name: standing.newest(name) for name in names},
            # But for the id of a load, which is a time of the machine.
            states={
                name: {key: value for key, value in state.items() if key != "snapshot_through"}
                for name, state in standing.states.items()
            },
        )

    def only(self, resources: Iterable[str]) -> "Content":
        """Return the part of some resources."""
        kept = set(resources)
        return Content(
            {name: rows for name, rows in self.newest.items() if name in kept},
            {name: state for name, state in self.states.items() if name in kept},
        )

    def differences(self, other: "Content") -> list[str]:
        """Say where another content differs."""
        found = []
        for table in {*self.newest, *other.newest}:
            mine = set(self.newest.get(table, {}).items())
            theirs = set(other.newest.get(table, {}).items())
            if mine != theirs:
                few = sorted(map(str, mine ^ theirs))[:4]
                found.append(f"{table}: {len(mine - theirs)} lost, {len(theirs - mine)} new: {few}")
        for resource in {*self.states, *other.states}:
            mine_, theirs_ = self.states.get(resource), other.states.get(resource)
            if mine_ != theirs_:
                found.append(f"state of {resource}: {mine_} became {theirs_}")
        return found


@dataclass
class Witness:
    """Sees one place through its history.

    Attributes:
        place: what it looks at.
        truth: what there is to be loaded; without it the records themselves are not checked.
        files: how many files it has searched for secrets.
    """

    place: HookedPlace
    truth: Truth | None = None
    files: int = 0
    _through: dict[str, Moment] = field(default_factory=dict)
    # Texts in which nothing was found, by what was looked for: most files stay as they are.
    _searched: dict[tuple[bytes, ...], set[bytes]] = field(default_factory=dict)

    def after(self, ended: Ended) -> None:
        """Check what must hold whenever a run has ended, in whatever way."""
        with self.place.opened() as connection:
            self.left(ended, connection)
            if connection is not None:
                self.warehouse(Standing(connection, self.place))

    def left(self, ended: Ended, connection: Connection | None) -> None:
        """Check what the run has said and what lies on the disk."""
        self.exit_is_honest(ended)
        self.nothing_lies_outside(ended)
        self.no_file_tells(ended)
        if connection is not None:
            self.rows_are_not_behind_the_token(Standing(connection, self.place))

    def warehouse(self, standing: Standing) -> None:
        """Check what is in the warehouse."""
        self.no_text_tells(standing)
        self.watermark_is_honest(standing)
        self.windows_are_whole(standing)

    def at_the_end(self, clean: Content) -> None:
        """Check that the place holds what one undisturbed load holds."""
        with self.place.opened() as connection:
            demand(connection is not None, "V1", "there is no warehouse")
            assert connection is not None
            standing = Standing(connection, self.place)
            found = clean.differences(Content.of(standing))
            demand(not found, "V1", "; ".join(found))
            for resource, state in standing.states.items():
                demand(state["open"] is None, "V1", f"{resource} is still open")
            left = standing.left()
            demand(not left, "V1", f"would be taken for pending packages: {left}")

    def newest_is_served(self, now: str) -> None:
        """V4: of each conversation the newest version is the one Genesys serves now."""
        assert self.truth is not None
        with self.place.opened() as connection:
            assert connection is not None
            newest = Standing(connection, self.place).newest(DETAILS)
        old = [one for one, form in newest.items() if form != self.truth.payload_hash(one, now)]
        demand(newest and not old, "V4", f"{len(old)} of {len(newest)} in an old version: {old}")

    def forget_the_past(self) -> None:
        """Take the watermark as it comes: the warehouse was put back on purpose."""
        self._through.clear()

    # -- one by one -----------------------------------------------------------------------------

    def exit_is_honest(self, ended: Ended) -> None:
        """V15, V16: a code of the table, one line that says why, no traceback, bounded memory."""
        said = ended.said
        demand(not ended.is_hanging, "V11", f"hangs:\n{said}")
        demand(ended.peak_megabytes <= MOST_MEGABYTES, "V16", f"{ended.peak_megabytes} MB")
        if ended.exit_code == DEAD:
            return
        demand(ended.exit_code in EXIT_CODES, "V15", f"exit code {ended.exit_code}\n{said}")
        demand("Traceback" not in said, "V15", said)
        errors = [line for line in said.splitlines() if line.startswith("ERROR")]
        demand(len(errors) == (ended.exit_code != 0), "V15", f"{ended.exit_code}\n{said}")
        for line in errors:
            match = ERROR.match(line)
            demand(match and int(match.group(1)) == ended.exit_code, "V15", line)

    def nothing_lies_outside(self, ended: Ended) -> None:
        """V19: the loader writes into its work directory and its warehouse, and nowhere else."""
        demand(not ended.outside, "V19", f"wrote {ended.outside}")
        strangers = [path for path in self.place.data.iterdir() if not OURS.fullmatch(path.name)]
        strangers += self.place.warm.home.iterdir()
        demand(not strangers, "V19", f"found {strangers}")

    def no_file_tells(self, ended: Ended) -> None:
        """V13, V14: no piece of a secret, in any form, in any file, packed or not.

        Of people neither, but in the files that hold records.
        """
        told = [ended.stdout.encode(), ended.stderr.encode()]
        records: list[bytes] = []
        for path in self.place.folder.rglob("*"):
            if path.is_file():
                self.files += 1
                (records if RECORDS.search(path.name) else told).extend(unpacked(path.read_bytes()))
        self._demand_untold(told, records)

    def no_text_tells(self, standing: Standing) -> None:
        """V13, V14: nor in any text of the warehouse; of people but in records."""
        told: list[bytes] = []
        records: list[bytes] = []
        for text, may_be_of_a_person in standing.texts():
            (records if may_be_of_a_person else told).append(text)
        self._demand_untold(told, records)

    def _demand_untold(self, told: list[bytes], records: list[bytes]) -> None:
        self._demand_nowhere(forms(frozenset(self.place.secrets)), [*told, *records], "V13")
        if self.truth is not None:
            self._demand_nowhere(self.truth.personal, told, "V14")

    def _demand_nowhere(
        self, pieces: tuple[bytes, ...], texts: Iterable[bytes], invariant: str
    ) -> None:
        searched = self._searched.setdefault(pieces, set())
        new = {*texts} - searched
        # One automaton goes once over all, where each piece by itself would.
        any_of = "|".join("".join(f"\\x{byte:02x}" for byte in piece) for piece in pieces)
        listed = pa.array(new, pa.large_binary())
        for text in listed.filter(pc.match_substring_regex(listed, pattern=any_of)).to_pylist():
            at, piece = next((text.find(piece), piece) for piece in pieces if piece in text)
            raise Violation(invariant, f"{piece!r} in {text[max(0, at - 80) : at + 80]!r}")
        searched |= new

    def rows_are_not_behind_the_token(self, standing: Standing) -> None:
        """V9: whatever lies before a saved token is in the warehouse, or on its way there."""
        for states, pending in ((standing.states, False), (standing.pending_states, True)):
            for resource, state in states.items():
                if (opened := state["open"]) is None:
                    continue
                there = standing.ids(resource, opened, pending=pending)
                due = opened["record_count"] - opened["quarantined_count"]
                demand(
                    len(there) >= due,
                    "V9",
                    f"{resource}: {len(there)} records of the {due} before the token",
                )
                if resource == DETAILS and opened["token"]:
                    self._pages_before_the_token(opened, there)

    def _pages_before_the_token(self, opened: Mapping[str, Any], there: set[str]) -> None:
        # The sandbox's cursor says where in the results it points.
        position = int(base64.b64decode(opened["token"]).decode().split("|")[1])
        demand(
            position == opened["record_count"],
            "V9",
            f"the token points behind {position} records, the state counts "
            f"{opened['record_count']}",
        )
        if self.truth is not None:
            served = self.truth.conversations(
                _moment(opened["window"]["start"]),
                _moment(opened["window"]["end"]),
                _moment(opened["started_at"]),
            )
            missing = [one.record_id for one in served[:position] if one.record_id not in there]
            demand(len(missing) <= opened["quarantined_count"], "V9", f"missing {missing}")

    def watermark_is_honest(self, standing: Standing) -> None:
        """V10: never ahead of what the source guarantees, never back, no gap below it."""
        now = _moment(self.place.sandbox.now())
        windows: dict[str, list[tuple[Moment, Moment]]] = {}
        for resource, _, start, end, *_ in standing.loaded:
            windows.setdefault(resource, []).append((start, end))
        for resource, state in standing.states.items():
            begin, through = (
                state["coverage"][key] and _moment(state["coverage"][key])
                for key in ("loaded_from", "loaded_through")
            )
            if begin is None or through is None:
                continue
            lag = LAKE_LAG if resource == DETAILS else SETTLE
            demand(through <= now - lag, "V10", f"{resource} is ahead: {through}")
            before = self._through.get(resource, through)
            demand(through >= before, "V10", f"{resource} went back from {before} to {through}")
            self._through[resource] = through
            reached = begin
            for start, end in sorted(windows.get(resource, [])):
                if start <= reached:
                    reached = max(reached, end)
            demand(reached >= through, "V10", f"{resource}: a gap at {reached}, below {through}")

    def windows_are_whole(self, standing: Standing) -> None:
        """V2, V12: a window called loaded holds what was served, good and refused."""
        for resource, _, start, end, asked_at, records, refused, _, checksum in standing.loaded:
            rows = standing.attempt_rows(resource, start, end, asked_at)
            ids = {row.record_id for row in rows}
            if resource in (DETAILS, INTERACTIONS, *SNAPSHOTS):
                demand(
                    len(ids) == records - refused,
                    "V12",
                    f"{resource} {start}..{end}: {len(ids)} rows, {records} records served of "
                    f"which {refused} refused",
                )
                # As loader.raw.checksum_with says it, of the rows that are there.
                hash_sum = sum(int(row.payload_hash, 16) for row in rows) % (1 << 256)
                demand(
                    bool(refused) or checksum == f"{hash_sum:064x}",
                    "V12",
                    f"{resource} {start}..{end}: the checksum {checksum} is of other records",
                )
            if resource == DETAILS and self.truth is not None:
                missing = set(self.truth.conversations(start, end, asked_at)) - rows
                demand(
                    not missing,
                    "V2",
                    f"{resource} {start}..{end}: {len(missing)} conversations are missing",
                )


@cache
def forms(secrets: frozenset[str]) -> tuple[bytes, ...]:
    """Return pieces of secrets in every form they might be written in."""
    found: set[str] = set()
    for secret in secrets:
        wholes = {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}
        if secret == CLIENT_SECRET:
            # As in a Basic header, at each of the three places base64 can begin.
            bits = (base64.b64encode(b" " * n + secret.encode()).decode() for n in range(3))
            wholes |= {text[4:-4] for text in bits}
        for whole in wholes:
            last = max(1, len(whole) - PIECE + 1)
            found |= {whole[start : start + PIECE] for start in range(0, last, STEP)}
    return tuple(sorted(piece.encode() for piece in found if len(piece) == PIECE))


def unpacked(content: bytes) -> list[bytes]:
    """Return a text and what is packed in it: gzip, and dlt's own zlib in base64."""
    found = [content]
    if content[:2] == b"\x1f\x8b":
        # Cut short by a death it still shows its beginning.
        with contextlib.suppress(zlib.error):
            found.append(zlib.decompressobj(wbits=31).decompress(content))
    elif content[:1].isalnum():
        with contextlib.suppress(ValueError, zlib.error):
            found.append(zlib.decompress(base64.b64decode(content, validate=True)))
    return found


def _resource_states(state: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    resources = state.get("sources", {}).get("genesys", {}).get("resources", {})
    return {name: told["elt"] for name, told in resources.items() if "elt" in told}


def _moment(text: str) -> Moment:
    return datetime.fromisoformat(text).astimezone(UTC)


def _millis(moment: Moment) -> int:
    return to_millis(moment.astimezone(UTC).isoformat())
