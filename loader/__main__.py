"""The command line: load, plan, reload, status, doctor, transform, export, erase."""

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import datetime
from types import FrameType

from rich.console import Console
from rich.logging import RichHandler

from loader.errors import ExitCode, LoaderError, SettingsError
from loader.genesys.traffic import FETCH_THREAD
from loader.resources import RESOURCE_NAMES
from loader.seeds import check_seeds, check_selection
from loader.settings import DATE_FORM, ENV_FILE, Settings, is_env_file_exposed, parse_utc
from loader.windows import iso


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
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return int(options.run(options))
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


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loader",
        description="Loads raw Genesys Cloud records into the warehouse. "
        "Settings come from the environment and .env; .env.example lists them.",
    )
    parser.add_argument("--debug", action="store_true", help="log more, show tracebacks")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    load = commands.add_parser("load", help="load what is due, or a range")
    load.set_defaults(run=_load)
    plan = commands.add_parser("plan", help="show what load would do, and how long it would take")
    plan.set_defaults(run=_plan)
    again = commands.add_parser("reload", help="read a range again and show what that changed")
    again.set_defaults(run=_reload)
    for command in (load, plan, again):
        command.add_argument("--from", dest="start", metavar="T", help=DATE_FORM)
        command.add_argument("--to", dest="end", metavar="T", help=DATE_FORM)
        command.add_argument(
            "--only", nargs="+", default=[], metavar="RESOURCE", help="these resources only"
        )
    status = commands.add_parser("status", help="show how far each resource is loaded")
    status.set_defaults(run=_status)
    doctor = commands.add_parser(
        "doctor", help="look whether settings, state and tables agree, and say what to do"
    )
    doctor.set_defaults(run=_doctor)
    export = commands.add_parser("export", help="write one contact's journey as JSON")
    export.add_argument("contact", metavar="EXTERNAL_ID", help="the contact's id in another system")
    export.set_defaults(run=_export)
    erase = commands.add_parser(
        "erase", help="delete a person for good; without --yes it shows what that would delete"
    )
    erase.set_defaults(run=_erase)
    erase.add_argument(
        "--contact", nargs="+", default=[], metavar="ID",
        help="Genesys' id or one of another system: the contact, those merged with it, and their "
        "conversations",
    )  # fmt: skip
    erase.add_argument(
        "--conversation", nargs="+", default=[], metavar="ID", help="single conversations"
    )
    erase.add_argument("--yes", action="store_true", help="erase it")
    transform = commands.add_parser(
        "transform",
        help="run dbt on the warehouse of the settings; what follows goes to dbt (default: build)",
        add_help=False,
    )
    transform.set_defaults(run=_transform)
    return parser


# dlt takes a second to import, so a command imports it only once its settings are in order.


def _load(options: argparse.Namespace) -> int:
    settings, start, end = _checked(options)
    from loader.commands import load

    return load(settings, start, end, options.only)


def _plan(options: argparse.Namespace) -> int:
    settings, start, end = _checked(options)
    from loader.commands import plan

    return plan(settings, start, end, options.only)


def _reload(options: argparse.Namespace) -> int:
    settings, start, end = _checked(options)
    from loader.commands import reload

    return reload(settings, start, end, options.only)


def _doctor(options: argparse.Namespace) -> int:
    settings = Settings.read()
    from loader.commands import doctor

    return doctor(settings)


def _status(options: argparse.Namespace) -> int:
    settings = Settings.read()
    from loader.commands import status

    return status(settings)


def _export(options: argparse.Namespace) -> int:
    settings = Settings.read()
    from loader.commands import export

    return export(settings, options.contact)


def _erase(options: argparse.Namespace) -> int:
    settings = Settings.read()
    from loader.commands import erase

    return erase(settings, options.contact, options.conversation, options.yes)


def _transform(options: argparse.Namespace) -> int:
    settings = Settings.read()
    from loader.transform import transform

    return transform(settings, options.rest or ["build"])


def _checked(options: argparse.Namespace) -> tuple[Settings, datetime | None, datetime | None]:
    """Return the settings and the range asked for, refusing what cannot be meant."""
    settings = Settings.read()
    settings.check_source()
    if is_env_file_exposed():
        logging.getLogger(__name__).warning(
            "%s holds a secret and others on this machine can read it; `chmod 600 %s`",
            ENV_FILE, ENV_FILE,
        )  # fmt: skip
    check_seeds()
    if settings.contract == "guides":
        check_selection(settings.contact_column)
    times: list[datetime | None] = []
    for flag, text in (("--from", options.start), ("--to", options.end)):
        try:
            times.append(parse_utc(text))
        except ValueError as error:
            raise SettingsError(f"{flag} {text!r} {error}.") from None
    start, end = times
    now = settings.now()
    if start and start >= now:
        raise SettingsError(f"--from {iso(start)} lies in the future (now is {iso(now)}).")
    if start and end and start >= end:
        raise SettingsError(f"--from {iso(start)} is not before --to {iso(end)}.")
    if end and not start and settings.start and end <= settings.start:
        raise SettingsError(f"--to {iso(end)} is not after ELT_START {iso(settings.start)}.")
    names = RESOURCE_NAMES[settings.contract]
    unknown = [name for name in options.only if name not in names]
    if unknown:
        raise SettingsError(
            f"--only {unknown[0]}: no such resource in the contract {settings.contract}; there are "
            f"{', '.join(names)}."
        )
    return settings, start, end


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
    for name in ("urllib3", "dlt", "pyrate_limiter"):
        logging.getLogger(name).setLevel(logging.ERROR)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    if any(thread.name.startswith(FETCH_THREAD) for thread in threading.enumerate()):
        # A fetch that still waits for a slow host must not hold the process back.
        os._exit(code)
    sys.exit(code)
