"""The command line; each command is a file of `loader.commands`."""

import argparse
import importlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rich.console import Console
from rich.logging import RichHandler

from loader.commands.request import checked
from loader.errors import ExitCode, LoaderError
from loader.genesys.request_metrics import FETCH_THREAD
from loader.settings import DATE_FORM, Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Errors end in one `ERROR` line on stderr; a traceback is shown with --debug only.
    """
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    options.rest = rest
    if options.rest and options.command != "transform":
        parser.error(f"unrecognized arguments: {' '.join(options.rest)}")
    _log_to_stderr(options.debug)
    interrupt = _Interrupt()
    signal.signal(signal.SIGTERM, interrupt)
    # Who runs it in the background may have it ignore the terminal's.
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, interrupt)
    # Warehouse, packages, copies and dbt's logs hold what people said: nobody else reads them.
    os.umask(0o077)
    try:
        settings = Settings.read()
        request = checked(settings, options) if "only" in options else None
        # dlt takes a second to import: a command is imported once its settings are in order.
        name = options.command.replace("-", "_")
        command = importlib.import_module(f"loader.commands.{name}")
        return int(command.run(settings, request or options))
    except LoaderError as error:
        if options.debug:
            logging.getLogger(__name__).exception("traceback of the error below")
        return _fail(error.exit_code, str(error))
    except KeyboardInterrupt:
        return _fail(ExitCode.INTERRUPTED, "interrupted; the next run goes on from the last commit")
    except Exception as error:
        if options.debug:
            raise
        # Its text may quote a record.
        what = f"unexpected {type(error).__name__}, a fault of the loader"
        return _fail(ExitCode.FAULT, f"{what}; --debug shows where. Please report it.")


def _fail(code: ExitCode, text: str) -> int:
    line = " ".join(text.split())
    sys.stderr.write(f"ERROR GX-{int(code):03d} {line}\n")
    sys.stderr.flush()
    return int(code)


class _Interrupt:
    """Ends the run at the first signal; others must not break off its end, or what it says."""

    def __init__(self) -> None:
        self._has_come = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Raise KeyboardInterrupt, once."""
        if not self._has_come:
            self._has_come = True
            raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="genesys-elt",
        description="Loads raw Genesys Cloud records into the warehouse. "
        "Settings come from the environment and .env; .env.example lists them.",
    )
    parser.add_argument("--debug", action="store_true", help="log more, show tracebacks")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    load = commands.add_parser("load", help="load what is due, or a range")
    build = commands.add_parser(
        "build", help="load, then build the marts, also when a part of the load failed"
    )
    plan = commands.add_parser("plan", help="show what load would do, and how long it would take")
    again = commands.add_parser("reload", help="read a range again and show what that changed")
    for command in (load, build, plan, again):
        command.add_argument("--from", dest="start", metavar="T", help=DATE_FORM)
        command.add_argument("--to", dest="end", metavar="T", help=DATE_FORM)
        command.add_argument(
            "--only", nargs="+", default=[], metavar="RESOURCE", help="these resources only"
        )
    commands.add_parser("check", help="check the lines of all seeds; for a hook before a commit")
    commands.add_parser("status", help="show how far each resource is loaded")
    commands.add_parser(
        "reconcile", help="show where the details differ most from Genesys' aggregates"
    )
    doctor = commands.add_parser(
        "doctor", help="look whether settings, state and tables agree, and say what to do"
    )
    doctor.add_argument(
        "--deep", action="store_true", help="look at every record's hash, not at a few hundred"
    )
    doctor.add_argument(
        "--redate", action="store_true", help="date loads back that a wrong clock dated ahead"
    )
    tried = commands.add_parser(
        "check-warehouse",
        help="build a known contact centre in schemas of its own, compare every mart, drop them",
    )
    tried.add_argument("--keep", action="store_true", help="leave the schemas to look at")
    publish = commands.add_parser(
        "publish", help="write the marts as files of their own, next to the warehouse"
    )
    publish.add_argument(
        "--format", nargs="+", choices=("duckdb", "parquet"),
        help="one DuckDB file (default), a folder of Parquet files, or both",
    )  # fmt: skip
    report = commands.add_parser("report", help="write a page with charts, for a browser")
    for flag, name in (("--from", "start"), ("--to", "end")):
        report.add_argument(flag, dest=name, metavar="DAY", help="first or last day, local")
    report.add_argument("--out", type=Path, metavar="FILE", help="data/report.html by default")
    report.add_argument("--agents", action="store_true", help="with the names of agents")
    _add_metrics(commands.add_parser("metrics", help="list metrics, or compute some of them"))
    export = commands.add_parser("export", help="write one contact's journey as JSON")
    journey = commands.add_parser("journey", help="write a page with one contact's journey")
    journey.add_argument("--out", type=Path, metavar="FILE", help="data/journey.html by default")
    for command in (export, journey):
        command.add_argument(
            "contact", metavar="EXTERNAL_ID", help="the contact's id in another system"
        )
    explain = commands.add_parser(
        "explain",
        help="show one conversation: what was read, its timeline, its rows in the marts",
    )
    explain.add_argument("conversation", metavar="ID", help="Genesys' id of the conversation")
    erase = commands.add_parser(
        "erase", help="delete a person for good; without --yes it shows what that would delete"
    )
    erase.add_argument(
        "--contact", nargs="+", default=[], metavar="ID",
        help="Genesys' id or one of another system: the contact, those merged with it, and their "
        "conversations",
    )  # fmt: skip
    erase.add_argument(
        "--conversation", nargs="+", default=[], metavar="ID", help="single conversations"
    )
    erase.add_argument("--yes", action="store_true", help="erase it")
    commands.add_parser(
        "transform",
        help="run dbt on the warehouse of the settings; what follows goes to dbt (default: build), "
        "but --all-rows, which has its data tests look at all rows and not at new ones only",
        add_help=False,
    )
    return parser


def _add_metrics(metrics: argparse.ArgumentParser) -> None:
    """Add what MetricFlow's own command takes, by the same names."""
    actions = metrics.add_subparsers(dest="action", required=True, metavar="list|query")
    listed = actions.add_parser("list", help="show all metrics")
    listed.add_argument("what", nargs="?", choices=["metrics"])
    query = actions.add_parser("query", help="compute metrics")
    for flag, says in (
        ("--metrics", "which"),
        ("--group-by", "queue__queue_name and so on"),
        ("--order", "'-' before a name: it falls"),
    ):
        query.add_argument(
            flag, type=_names, default=[], required=flag == "--metrics", metavar="NAME,NAME",
            help=says,
        )  # fmt: skip
    query.add_argument(
        "--where", action="append", default=[], metavar="CONDITION",
        help="\"{{ Dimension('queue__queue_name') }} = 'Claims'\"",
    )  # fmt: skip
    for flag, name in (("--start-time", "start"), ("--end-time", "end")):
        query.add_argument(flag, dest=name, metavar="DAY", help="first or last day, local")
    query.add_argument("--limit", type=int, metavar="N", help="rows at most")
    query.add_argument("--csv", type=Path, metavar="FILE", help="write the result to a file")
    query.add_argument("--explain", action="store_true", help="show the SQL instead")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _log_to_stderr(debug: bool) -> None:
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.INFO,
        format="%(message)s",
        handlers=[RichHandler(console=Console(stderr=True), show_path=False, markup=False)]
        if sys.stderr.isatty()
        else [logging.StreamHandler()],
        force=True,
    )
    # They log what they send; some of it is not for a log.
    for name in ("urllib3", "dlt", "snowflake", "google", "databricks", "py4j"):
        logging.getLogger(name).setLevel(logging.ERROR)


def command_line() -> NoReturn:
    """Run the command of this process and end it with its exit code."""
    if "--debug" not in sys.argv:
        # Some drivers fail once more in taking down a connection that never came about.
        sys.unraisablehook = lambda _: None
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    if any(thread.name.startswith(FETCH_THREAD) for thread in threading.enumerate()):
        # A fetch that still waits for a slow host must not hold the process back.
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    command_line()
