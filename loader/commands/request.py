"""What load, plan and reload are asked for on the command line, checked before anything is done."""

import argparse
import logging
from datetime import datetime

from loader.contracts import contract_of
from loader.errors import SettingsError
from loader.planning import Request
from loader.seeds import FOLDER, read_seed
from loader.setting_types import ENV_FILE
from loader.settings import Settings, is_env_file_exposed, parse_utc
from loader.windows import iso

logger = logging.getLogger(__name__)


def checked(settings: Settings, options: argparse.Namespace) -> Request:
    """Return what is asked for, refusing what cannot be meant.

    Raises:
        SettingsError: naming the option, the setting or the line of a seed.
    """
    settings.check_source()
    if is_env_file_exposed():
        logger.warning(
            "%s holds a secret and others on this machine can read it; `chmod 600 %s`",
            ENV_FILE, ENV_FILE,
        )  # fmt: skip
    contract = contract_of(settings)
    for seed in contract.seeds:
        read_seed(FOLDER, seed)
    # What they select nothing by is refused here, before anything is asked of Genesys.
    contract.resources(settings)
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
    names = contract.resource_names
    unknown = [name for name in options.only if name not in names]
    if unknown:
        raise SettingsError(
            f"--only {unknown[0]}: no such resource in the contract {settings.contract}; there are "
            f"{', '.join(names)}."
        )
    return Request(start, end, tuple(options.only))
