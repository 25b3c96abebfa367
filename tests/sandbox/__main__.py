"""The command line: serve a sandbox organisation on loopback until told to stop.

python -m tests.sandbox --port 8080 --conversations 2000 --days 7
"""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import shlex
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from tests.sandbox.aggregate_queries import GranularityRules
from tests.sandbox.clock import DAY, MINUTE, Clock, configured_now, to_millis, to_text
from tests.sandbox.jobs import JobRules
from tests.sandbox.listings import ListingRules
from tests.sandbox.server import Sandbox, ServerRules
from tests.sandbox.world import MOST_SCRIPTS, World

LOOPBACK = "127.0.0.1"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or ctrl-c; a wrong option ends with 2 and a line on stderr."""
    options = _options(arguments)
    try:
        sandbox = _built(options)
        listener = socket.create_server((LOOPBACK, options.port))
        # Accepted connections inherit it. Without it each answer waits 40 ms: its head is sent,
        # and its body held back until the client acknowledges the head.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"ERROR sandbox: {error}\n")
        return 2
    if options.until_stdin_closes:
        threading.Thread(target=_stop_with_stdin, daemon=True).start()
    with listener, contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(sandbox, listener))
    return 0


def _built(options: argparse.Namespace) -> Sandbox:
    now = to_millis(options.now) if options.now else configured_now()
    end = to_millis(options.end) if options.end else now
    world = World(
        seed=options.seed,
        conversations=options.conversations,
        end=end,
        days=options.days,
        extras=[record for path in options.extra for record in read_extras(path)],
        pool=options.pool,
    )
    rules = ServerRules(
        client_id=options.client_id,
        client_secret=options.client_secret,
        quota=options.quota,
        token_seconds=options.token_seconds,
        compress=options.gzip,
        tenant_quota=options.tenant_quota,
        outcome_queries=options.outcome_queries,
        truncate_above=options.truncate_above,
        granularity=GranularityRules(
            hourly=round(options.hourly_days * DAY), daily=round(options.daily_days * DAY)
        ),
        jobs=JobRules(
            lag=round(options.lag_minutes * MINUTE),
            polls=options.job_polls,
            seconds=options.job_seconds,
            most=options.most_jobs,
            largest_page=options.max_page_size,
            young=options.young_polls,
            empty=options.empty,
        ),
        listings=ListingRules(
            largest_page=options.listing_page,
            more_users=_counts(options.more_users),
            is_counted=not options.uncounted_listings,
        ),
        most_buckets=options.most_buckets,
        is_bare_when_empty=options.empty == "bare",
        page_seconds=options.page_seconds,
    )
    return Sandbox(world, Clock(now), rules)


async def _serve(sandbox: Sandbox, listener: socket.socket) -> None:
    # A connection we cut on purpose is an exception to uvicorn; nobody needs its traceback.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        sandbox.app(), log_config=None, access_log=False, lifespan="off", http="h11",
        timeout_graceful_shutdown=2,
    )  # fmt: skip
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if server.started:
        sys.stdout.write(_ready_line(sandbox, listener.getsockname()[1]) + "\n")
        sys.stdout.flush()
    await serving


def _stop_with_stdin() -> None:
    """Stop when whoever started us is gone, however he went: his end of the pipe closes."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _ready_line(sandbox: Sandbox, port: int) -> str:
    """Say where it is and what to set; the last words can be pasted into a shell."""
    url = f"http://{LOOPBACK}:{port}"
    settings = {
        "GENESYS_API_URL": url,
        "GENESYS_LOGIN_URL": url,
        "GENESYS_CLIENT_ID": sandbox.rules.client_id,
        "GENESYS_CLIENT_SECRET": sandbox.rules.client_secret,
        "ELT_NOW": to_text(sandbox.clock.now),
    }
    exports = " ".join(f"{name}={shlex.quote(value)}" for name, value in settings.items())
    return f"sandbox with {len(sandbox.world)} conversations at {url} ; export {exports}"


def _counts(text: str) -> dict[str, int]:
    """Read STATE=COUNT,...; raises ValueError."""
    parts = [part.partition("=") for part in text.split(",") if part]
    return {name: int(count) for name, _, count in parts}


def read_extras(path: Path) -> list[dict[str, object]]:
    """Read AnalyticsConversation objects: one, a list, or an object with `conversations`."""
    told = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(told, dict):
        told = told.get("conversations", [told])
    if not isinstance(told, list):
        raise ValueError(f"{path} holds no conversations")
    return told


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.sandbox", description="A Genesys Cloud organisation on localhost."
    )
    add = parser.add_argument
    add("--port", type=int, default=8080, help="0 picks a free one (default: %(default)s)")
    add("--seed", type=int, default=7, help="decides the whole world (default: %(default)s)")
    add("--conversations", type=int, default=2_000, help="how many (default: %(default)s)")
    add("--days", type=int, default=7, help="over how many days (default: %(default)s)")
    add("--pool", type=int, default=MOST_SCRIPTS, help="how many differ (default: %(default)s)")
    add("--now", help="the organisation's time, ISO-8601 (default: ELT_NOW, or the real time)")
    add("--end", help="where its last day ends (default: --now); later ones are yet to come")
    add("--client-id", default="demo", help="(default: %(default)s)")
    add("--client-secret", default="sandbox-secret", help="(default: %(default)s)")
    add("--quota", type=int, default=300, help="requests a minute and token (%(default)s)")
    add("--tenant-quota", type=int, default=200, help="guides' requests a minute (%(default)s)")
    add("--outcome-queries", type=int, default=10, help="of the guides, a second (%(default)s)")
    add(
        "--truncate-above",
        type=int,
        help="guides' details: rows an answer keeps whole",
    )
    add("--token-seconds", type=float, default=86_399, help="life of a token (%(default)s)")
    add("--lag-minutes", type=float, default=30, help="how far the data lake lags (%(default)s)")
    add("--job-polls", type=int, default=1, help="polls until a job is done (%(default)s)")
    add("--job-seconds", type=float, default=0, help="how long a job takes (%(default)s)")
    add("--page-seconds", type=float, default=0, help="how long a page takes (%(default)s)")
    add("--most-jobs", type=int, help="how many jobs may run at once (no limit)")
    add("--max-page-size", type=int, default=10_000, help="of job results (%(default)s)")
    add("--hourly-days", type=float, default=7, help="longest aggregate by hours (%(default)s)")
    add("--daily-days", type=float, default=365, help="longest aggregate by days (%(default)s)")
    add("--young-polls", type=int, default=0,
        help="how often a new job's status, and its results, answer 404 (%(default)s)")  # fmt: skip
    add("--empty", choices=("list", "absent", "null", "bare"), default="list",
        help="what a page of a job without conversations looks like (%(default)s); bare is {},"
        " also for aggregates without results")  # fmt: skip
    add("--most-buckets", type=int, help="the most an aggregate answers with (no limit)")
    add("--listing-page", type=int, default=500, help="largest of listings (%(default)s)")
    add("--more-users", default="", metavar="STATE=COUNT,...",
        help="further users, who take no part in anything")  # fmt: skip
    add("--uncounted-listings", action="store_true", help="listings tell no totals")
    add("--gzip", action="store_true", help="compress answers for clients that accept it")
    add("--extra", type=Path, action="append", default=[], metavar="FILE.json",
        help="serve these conversations too; may be repeated")  # fmt: skip
    add("--until-stdin-closes", action="store_true", help="stop when standard input ends")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
