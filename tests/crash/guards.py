"""Switches off one guard of the loader after the other: somebody must notice, or it guards nothing.

A guard is switched off by a patch in the process under test, never by a switch in the product. Its
scene is a history in which it matters: with the guard on everything holds, with it off an invariant
is broken. What a guard is in dbt is switched off in a copy of the project.
"""

import contextlib
import fcntl
import http.server
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.crash.place import CLIENT_SECRET

if TYPE_CHECKING:
    from tests.crash.stage import Stage

RESULTS = r"GET .*/results"
LATER_PAGES = r"GET .*/results\?.*cursor="
LOGIN = r"POST /oauth/token"
USERS = ("--only", "users")
DETAILS = ("--only", "conversation_details")
# An endless loop is known for one after this.
SECONDS_OF_PATIENCE = 8.0


@dataclass(frozen=True)
class Guard:
    """One guard.

    Attributes:
        name: of it.
        off: patches the process under test; nothing for a guard that the scene itself takes away.
        scene: plays a history, with the guard's name if it is to be off; raises Violation.
    """

    name: str
    off: Callable[[], None]
    scene: "Callable[[Stage, str | None], None]"


def switch_off(name: str) -> None:
    """Take a guard away in this process."""
    GUARDS[name].off()


# -- how each is switched off ---------------------------------------------------------------------


def _put(owner: Any, name: str, value: Any) -> None:  # noqa: ANN401 - whatever is patched
    """Replace an attribute; by name, because nothing of this is what its owner promises."""
    setattr(owner, name, value)


def _no_total_check() -> None:
    from loader.fetch import Fetcher

    _put(Fetcher, "_is_whole", staticmethod(lambda batch: True))


def _tokens_may_repeat() -> None:
    from loader.fetch import Fetcher

    check = Fetcher._check

    def checked(self: Fetcher, answer: Any, number: int) -> None:  # noqa: ANN401
        self._seen.clear()
        check(self, answer, number)

    _put(Fetcher, "_check", checked)


def _empty_pages_for_ever() -> None:
    from loader.resources.resource import Resource

    _put(Resource, "most_empty_pages", 1 << 60)


def _rules(**changes: Any) -> None:  # noqa: ANN401
    from loader.settings import Settings

    rules = Settings.rules

    def changed(self: Settings, *arguments: Any) -> Any:  # noqa: ANN401
        return replace(rules(self, *arguments), **changes)

    _put(Settings, "rules", changed)


def _no_availability() -> None:
    from loader import planning
    from loader.windows import horizon

    def unlimited(now: Any, settle: Any, available: Any, wanted: Any = None) -> Any:  # noqa: ANN401
        return horizon(now, timedelta(0), None, wanted)

    _put(planning, "horizon", unlimited)
    from loader.resources.platform.conversation_details import ConversationDetails

    read = ConversationDetails.read

    def trusting(self: ConversationDetails, *arguments: Any) -> Any:  # noqa: ANN401
        return replace(read(self, *arguments), available_through=None)

    _put(ConversationDetails, "read", trusting)


def _pending_is_ignored() -> None:
    from dlt.pipeline.pipeline import Pipeline

    from loader.warehouses.dataset import Dataset

    connect, has_pending_data = Dataset.connect, Pipeline.has_pending_data

    def connected(self: Dataset, **options: Any) -> None:  # noqa: ANN401
        _put(Pipeline, "has_pending_data", property(lambda self: False))
        try:
            connect(self, **options)
        finally:
            # dlt itself still knows: it is our asking first that is gone.
            _put(Pipeline, "has_pending_data", has_pending_data)

    _put(Dataset, "connect", connected)


def _no_sweep() -> None:
    from loader.warehouses.packages import Packages

    _put(Packages, "sweep", lambda self: None)


def _state_before_rows() -> None:
    from loader.warehouses.dataset import Dataset

    commit = Dataset.commit

    def in_two(self: Dataset, tables: Any, states: Any, *narrow: Any) -> None:  # noqa: ANN401
        if states:
            commit(self, {}, states)
        commit(self, tables, {}, *narrow)

    _put(Dataset, "commit", in_two)


def _everything_is_quoted() -> None:
    from loader.genesys.replies import Replies

    _put(Replies, "_shown", lambda self, text, shape: str(text))


def _session(change: Callable[[Any], None]) -> None:
    from loader.genesys import client

    make = client._new_session

    def made(adapter: Any) -> Any:  # noqa: ANN401
        session = make(adapter)
        change(session)
        return session

    _put(client, "_new_session", made)


def _machine_is_trusted() -> None:
    def trust(session: Any) -> None:  # noqa: ANN401
        session.trust_env = True

    _session(trust)


def _redirects_are_followed() -> None:
    def follow(session: Any) -> None:  # noqa: ANN401
        session.hooks["response"].clear()
        request = session.request
        session.request = lambda *arguments, **options: request(
            *arguments, **{**options, "allow_redirects": True}
        )

    _session(follow)


def _stamped_when_read() -> None:
    from loader import fetch

    begin = fetch.Fetcher.__init__

    def begun(self: Any, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        begin(self, *arguments, **options)
        from loader.settings import Settings

        self._raw._extracted_at = Settings.read().now()

    _put(fetch.Fetcher, "__init__", begun)


def _no_lock() -> None:
    from loader.commands import session
    from loader.warehouses.duckdb import DuckDB

    _put(session, "run_lock", lambda work_dir: contextlib.nullcontext())
    _put(DuckDB, "lock", lambda self: contextlib.nullcontext())


def _everything_is_valid() -> None:
    from loader.raw import RawPages

    _put(RawPages, "_check", lambda self, payload: (None, None))
    page = RawPages.page

    def unchecked(self: RawPages, records: Any, page_number: int) -> Any:  # noqa: ANN401
        made = page(self, records, page_number)
        refused = made.quarantined
        made.quarantined = []
        import pyarrow as pa

        made.rows = pa.Table.from_pylist(
            [
                {
                    "record_id": one.record_id,
                    "window_start": one.window_start,
                    "window_end": one.window_end,
                    "extracted_at": one.extracted_at,
                    "payload_hash": one.payload_hash,
                    "payload": one.payload,
                }
                for one in refused
            ],
            schema=made.rows.schema,
        )
        return made

    _put(RawPages, "page", unchecked)


def _nothing() -> None:
    """What is to be switched off is not in the loader's process."""


# -- the scenes -----------------------------------------------------------------------------------


def _undisturbed_by(
    *faults: dict[str, Any],
    resources: tuple[str, ...] = DETAILS,
    also_ends: tuple[int, ...] = (5,),
) -> "Callable[[Stage, str | None], None]":
    """Return a scene: with faults a run tells the truth, without them the next one makes good."""

    def scene(stage: "Stage", guard: str | None) -> None:
        from tests.crash.invariants import demand
        from tests.crash.points import SECOND_DAY

        clean = stage.clean(SECOND_DAY, resources)
        place = stage.place()
        place.guard = guard
        if guard:
            place.patience = SECONDS_OF_PATIENCE
        witness = stage.witness(place)
        stage.sandbox.set_clock(SECOND_DAY)
        stage.sandbox.add_faults(*faults)
        try:
            ended = place.run("load", *resources)
        finally:
            stage.sandbox.clear_faults()
        witness.after(ended)
        if ended.exit_code == 0:
            witness.at_the_end(clean)
        else:
            demand(
                ended.exit_code in also_ends, "V15", f"exit code {ended.exit_code}: {ended.said}"
            )
        again = place.run("load", *resources)
        witness.after(again)
        demand(again.exit_code == 0, "V11", f"not made good by the next run: {again.said}")
        witness.at_the_end(clean)

    return scene


def _normalized(stage: "Stage", guard: str | None) -> None:
    """Die when the first package is ready to be loaded."""
    from tests.crash.points import NEXT, survive

    normalized = NEXT.effects(stage, "file", r"rename work/dlt/genesys/load/new/[\d.]+$")
    survive(NEXT, stage, normalized[0].struck("after"), guard=guard)


def _rows_and_state_come_apart(stage: "Stage", guard: str | None) -> None:
    """Die after each package: if rows and token are of two, one of them is between the two."""
    from tests.crash.points import NEXT, survive

    whole = NEXT.place(stage)
    whole.guard = guard
    listed = NEXT.run(whole).named("sql", r'INSERT INTO "genesys_raw"."_dlt_loads"')
    for effect in listed[:2]:
        survive(NEXT, stage, effect.struck("after"), guard=guard)


def _late_arrival(stage: "Stage", guard: str | None) -> None:
    """Load just before a conversation comes late, and again just after."""
    from tests.crash.invariants import demand

    before, after = stage.late_arrival()
    place = stage.place(ELT_START=before[:10])
    witness = stage.witness(place)
    place.guard = guard
    for now in (before, after):
        stage.sandbox.set_clock(now)
        ended = place.run("load", *DETAILS)
        witness.after(ended)
        demand(ended.exit_code == 0, "V15", ended.said)
    witness.at_the_end(stage.clean(after, DETAILS, ELT_START=before[:10]))


def _corrected(stage: "Stage", guard: str | None) -> None:
    """Let days pass: what ended on the first has been reprocessed since."""
    from tests.crash.invariants import demand

    later = "2026-03-19T06:00:00Z"
    place = stage.place(ELT_LOOKBACK_DAYS="7", ELT_PAGE_SIZE="20")
    place.guard = guard
    witness = stage.witness(place)
    for now in ("2026-03-16T06:00:00Z", later):
        stage.sandbox.set_clock(now)
        ended = place.run("load", *DETAILS)
        witness.after(ended)
        demand(ended.exit_code == 0, "V15", ended.said)
    witness.newest_is_served(now=later)


def _resumed_tomorrow(stage: "Stage", guard: str | None) -> None:
    """Go on with yesterday's job when today's has already brought newer versions."""
    from tests.crash.invariants import demand
    from tests.crash.points import FIRST

    first, second = "2026-03-15T06:00:00Z", "2026-03-16T06:00:00Z"
    place = stage.place(ELT_LOOKBACK_DAYS="7")
    place.guard = guard
    witness = stage.witness(place)
    # The first commit makes the tables; the second holds the first page, and is the last.
    listed = FIRST.effects(stage, "sql", r'INSERT INTO "genesys_raw"."_dlt_loads"')
    stage.sandbox.set_clock(first)
    witness.after(place.struck([listed[1].struck("after")], "load", *DETAILS))
    stage.sandbox.set_clock(second)
    for _ in range(2):
        ended = place.run("load", *DETAILS)
        witness.after(ended)
        demand(ended.exit_code == 0, "V15", ended.said)
    witness.newest_is_served(now=second)


def _netrc(stage: "Stage", guard: str | None) -> None:
    """Put credentials for the host into .netrc."""
    netrc = stage.folder / "netrc"
    netrc.write_text("machine 127.0.0.1\nlogin somebody\npassword else\n")
    netrc.chmod(0o600)
    from tests.crash.invariants import demand
    from tests.crash.points import SECOND_DAY

    stage.sandbox.set_clock(SECOND_DAY)
    place = stage.place(NETRC=str(netrc))
    place.guard = guard
    ended = place.run("load", *USERS)
    stage.witness(place).after(ended)
    demand(ended.exit_code == 0, "V11", ended.said)


def _quoted(stage: "Stage", guard: str | None) -> None:
    """Have the source put somebody's number into its error."""
    from tests.crash.points import SECOND_DAY

    stage.sandbox.set_clock(SECOND_DAY)
    place = stage.place()
    place.guard = guard
    number = stage.truth.personal[0].decode()
    body = {"code": number, "message": number, "status": 400}
    fault = {"match": "GET /api/v2/users", "action": "status"}
    stage.sandbox.add_faults({**fault, "args": {"status": 400, "body": body}})
    try:
        ended = place.run("load", *USERS)
    finally:
        stage.sandbox.clear_faults()
    stage.witness(place).after(ended)


def _redirected(stage: "Stage", guard: str | None) -> None:
    """Send the loader to another host, which listens."""
    from tests.crash.invariants import demand
    from tests.crash.points import SECOND_DAY

    stage.sandbox.set_clock(SECOND_DAY)
    place = stage.place()
    place.guard = guard
    with _other_host() as (url, heard):
        stage.sandbox.add_faults(
            {
                "match": "GET /api/v2/users",
                "action": "status",
                "args": {"status": 307, "headers": {"Location": url}},
            }
        )
        try:
            ended = place.run("load", *USERS)
        finally:
            stage.sandbox.clear_faults()
        demand(not heard, "V13", f"another host was asked: {heard}")
    stage.witness(place).after(ended)
    demand(ended.exit_code == 5, "V15", ended.said)


@contextlib.contextmanager
def _other_host() -> Iterator[tuple[str, list[str]]]:
    heard: list[str] = []

    class Ear(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Ear) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/elsewhere", heard
        server.shutdown()


def _locked(stage: "Stage", guard: str | None) -> None:
    """Let somebody else hold the work directory."""
    from tests.crash.invariants import demand
    from tests.crash.points import SECOND_DAY

    stage.sandbox.set_clock(SECOND_DAY)
    place = stage.place()
    place.guard = guard
    place.work.mkdir()
    with (place.work / "run.lock").open("a+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        ended = place.run("load", *USERS)
    stage.witness(place).after(ended)
    demand(ended.exit_code == 7, "V19", f"a second run ended with {ended.exit_code}")


def _stray_schema(stage: "Stage", guard: str | None) -> None:
    """Die inside dlt's schema write, which leaves a file that dlt takes for a schema."""
    from tests.crash.invariants import demand
    from tests.crash.points import NEXT

    pattern = r"open work/dlt/genesys/schemas/[0-9a-f]{16}$"
    stray = NEXT.effects(stage, "file", pattern)[0]
    place = NEXT.place(stage)
    witness = stage.witness(place)
    witness.after(NEXT.run(place, stray.struck("after")))
    place.guard = guard
    ended = NEXT.run(place)
    witness.after(ended)
    demand(ended.exit_code == 0, "V11", ended.said)
    witness.at_the_end(NEXT.content(stage))


def _many_versions(stage: "Stage", guard: str | None) -> None:
    """Build marts on a warehouse in which conversations lie in several versions."""
    from tests.crash.marts import Marts, project_without
    from tests.crash.points import NEXT

    place = NEXT.undisturbed(stage)
    project = None
    if guard:
        project = project_without(stage.folder / "mutated", guard)
    marts = Marts(stage.folder / "marts", project)
    marts.of(place, select="+stg_platform__conversations")


GUARDS = {
    guard.name: guard
    for guard in (
        Guard(
            "total check",
            _no_total_check,
            _undisturbed_by(
                {
                    "match": "GET /api/v2/users",
                    "nth": 1,
                    "action": "mutate",
                    "args": {"set": {"entities": []}},
                },
                resources=USERS,
            ),
        ),
        Guard(
            "repeated token",
            _tokens_may_repeat,
            _undisturbed_by(
                {"match": RESULTS, "nth": "all", "action": "mutate", "args": {"cursor": "same"}}
            ),
        ),
        Guard(
            "endless empty pages",
            _empty_pages_for_ever,
            _undisturbed_by(
                {"match": LATER_PAGES, "nth": "all", "action": "mutate", "args": {"empty": True}}
            ),
        ),
        Guard(
            "quarantine",
            _everything_is_valid,
            _undisturbed_by(
                {"match": RESULTS, "nth": 1, "action": "mutate", "args": {"splice": "no_id"}}
            ),
        ),
        Guard(
            "redaction",
            _everything_is_quoted,
            _undisturbed_by(
                {
                    "match": LOGIN,
                    "nth": 1,
                    "action": "status",
                    "args": {
                        "status": 401,
                        "body": {"error": CLIENT_SECRET},
                    },
                },
                also_ends=(3,),
            ),
        ),
        Guard("redaction of people", _everything_is_quoted, _quoted),
        Guard("availability", _no_availability, _undisturbed_by()),
        Guard("overlap", lambda: _rules(overlap=timedelta(0)), _late_arrival),
        Guard("lookback", lambda: _rules(lookback=timedelta(0)), _corrected),
        Guard("version is when it was asked for", _stamped_when_read, _resumed_tomorrow),
        Guard("pending first", _pending_is_ignored, _normalized),
        Guard("stray files", _no_sweep, _stray_schema),
        Guard("rows and state in one package", _state_before_rows, _rows_and_state_come_apart),
        Guard("run lock", _no_lock, _locked),
        Guard("trust_env off", _machine_is_trusted, _netrc),
        Guard("redirects off", _redirects_are_followed, _redirected),
        Guard("staging dedupe", _nothing, _many_versions),
    )
}


def caught(name: str, stage: "Stage", *, also_on: bool = True) -> str:
    """Return which invariant is broken without the guard.

    Args:
        name: of the guard.
        stage: where its scene is played.
        also_on: play it with the guard as well, when nothing may break.

    Raises:
        AssertionError: nothing is broken without it, or something is broken with it.
    """
    from tests.crash.invariants import Violation

    if also_on:
        GUARDS[name].scene(stage, None)
    try:
        GUARDS[name].scene(stage, name)
    except Violation as violation:
        return str(violation).splitlines()[0][:160]
    raise AssertionError(f"nobody notices that {name!r} is switched off")
