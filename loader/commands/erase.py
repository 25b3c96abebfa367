"""`erase`: people out of everything the warehouse holds; no later load brings them back.

A person is their external contact, with all that was merged with it, and every conversation it took
part in. The marts' own tables are no source: analysts choose what those show.
"""

import argparse
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from loader.commands.console import console, table
from loader.errors import DestinationError, ExitCode, SettingsError
from loader.ledger import ErasedRecord, ledger_table
from loader.raw import entity_hash
from loader.resources import RESOURCE_NAMES
from loader.settings import Settings
from loader.warehouses.dataset import DATASET, Dataset, StoredTable
from loader.warehouses.lock import run_lock

# What rows outside the raw dataset tell whom they are about by.
ABOUT = ("conversation_id", "contact_id", "canonical_contact_id", "external_contact_id")
IDS = "genesys_intermediate.int_contact_external_ids_unioned"
MERGES = "genesys_intermediate.int_contact_merges_resolved"
CONVERSATIONS = "genesys_intermediate.int_journey_conversations_unioned"
# Parameters of one statement.
MOST_IDS = 500


@dataclass(frozen=True)
class Part:
    """The rows of one table that are about somebody: how many, and the condition on them."""

    table: StoredTable
    row_count: int
    condition: str
    parameters: Sequence[str]


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Show what the warehouse holds about people or conversations; erase it, if that is sure.

    Raises:
        SettingsError: nobody was named, or nothing knows an id.
        DestinationError: the warehouse refused it, or its models are not built.
    """
    contacts: list[str] = options.contact
    conversations: list[str] = options.conversation
    if not contacts and not conversations:
        raise SettingsError("erase needs --contact or --conversation: whom to erase.")
    dataset = Dataset(settings, RESOURCE_NAMES[settings.contract])
    if not dataset.exists():
        raise SettingsError("the warehouse is empty: nothing has been loaded, nothing to erase.")
    with run_lock(settings.work_dir), closing(dataset):
        # Finishes what a killed run has left, so that nothing is waiting in files.
        dataset.connect()
        ids = entities(dataset, contacts, conversations)
        found = parts(dataset, ids)
        known = dataset.erased()
        strangers = [one for one in conversations if entity_hash(one) not in known]
        if strangers and not found:
            raise SettingsError(
                f"--conversation {' '.join(strangers)}: nothing in the warehouse is about that."
            )
        shown = table("table", "rows")
        for part in found:
            shown.add_row(f"{part.table.schema}.{part.table.name}", f"{part.row_count:,}")
        if found:
            console().print(shown)
        else:
            console().print("Nothing is left to delete: this was erased before.")
        if not options.yes:
            console().print(
                "Nothing was erased; --yes erases it."
                if found
                else "If that was interrupted, --yes brings it to its end."
            )
            return ExitCode.OK
        write_off(dataset, ids, found, settings.now())
    console().print(
        "Erased; no load brings it back. Backups and copies of the warehouse still hold it, and "
        "so does Genesys. `make transform` makes the tables good that count it.",
        soft_wrap=True,
    )
    return ExitCode.OK


def entities(
    dataset: Dataset, contacts: Collection[str], conversations: Collection[str]
) -> set[str]:
    """Return the ids of all contacts and conversations that belong to those given.

    Args:
        dataset: connected, its models built.
        contacts: Genesys' ids or ids of another system, all of whose people are meant.
        conversations: ids of single conversations.

    Raises:
        DestinationError: the contacts have not been modelled yet.
        SettingsError: an id that nothing knows.
    """
    models = (IDS, MERGES, CONVERSATIONS)
    if contacts and not dataset.has_all(*models):
        raise DestinationError(
            "who a contact was merged with, and what it took part in, is not modelled yet; "
            "`make transform`."
        )
    found = set(conversations)
    for contact in contacts:
        people = _people(dataset, contact)
        if not people and entity_hash(contact) not in dataset.erased():
            raise SettingsError(
                f"CONTACT {contact!r}: no contact has this id, neither Genesys' own nor of another "
                "system; load and transform first, or erase conversations one by one "
                "(--conversation)."
            )
        # By their own name too: whoever comes again after an interruption must be found.
        found |= {contact, *people}
        for ids in _chunks(people):
            rows = dataset.query(
                f"select distinct conversation_id from {{{CONVERSATIONS}}} "
                f"where contact_id in ({_places(ids)})",
                *ids,
            )
            found |= {conversation for (conversation,) in rows}
    return found


def _people(dataset: Dataset, contact: str) -> list[str]:
    """Return the ids of everybody merged with a contact, its own among them; none if unknown."""
    rows = dataset.query(
        f"""
        select everybody.contact_id
        from {{{MERGES}}} as everybody
        inner join {{{MERGES}}} as meant
            on everybody.canonical_contact_id = meant.canonical_contact_id
        where meant.contact_id = %s
            or meant.contact_id in (select contact_id from {{{IDS}}} where external_id = %s)
        """,
        contact,
        contact,
    )
    return sorted({one for (one,) in rows})


def parts(dataset: Dataset, ids: Collection[str]) -> list[Part]:
    """Return what every table holds about `ids`; none of tables that hold nothing."""
    return [
        part for table, columns in sorted(dataset.columns().items())
        for part in _parts(dataset, table, columns, ids)
    ]  # fmt: skip


def _parts(
    dataset: Dataset, table: StoredTable, columns: Mapping[str, str], ids: Collection[str]
) -> Iterator[Part]:
    if table.schema == DATASET:
        conditions = ["split_part(record_id, '|', 1) in ({places})"] * ("record_id" in columns)
        if table.name == "quarantined_records":
            # A record that could not be read may have no id, but it holds one.
            conditions.append("{inside}")
    else:
        conditions = [f"{columns[column]} in ({{places}})" for column in ABOUT if column in columns]
    for chunk in _chunks(ids) if conditions else ():
        places, inside = _places(chunk), " or ".join(["strpos(payload, %s) > 0"] * len(chunk))
        condition = " or ".join(conditions).format(places=places, inside=inside)
        parameters = chunk * len(conditions)
        [(count,)] = dataset.query(
            f"select count(*) from {table.qualified} where {condition}", *parameters
        )
        if count:
            yield Part(table, count, condition, parameters)


def write_off(dataset: Dataset, ids: Collection[str], found: Sequence[Part], now: datetime) -> None:
    """Delete the parts, remember the ids by their hashes, write the tables anew.

    In this order: whatever it is interrupted by, no load brings anything back from then on, and
    erasing again goes on where it stopped.

    Raises:
        DestinationError: the warehouse refused it.
    """
    remembered = {entity_hash(one): ErasedRecord(entity_hash(one), None, None, now) for one in ids}
    records = [*remembered.values()]
    for part in found:
        table = part.table
        if table.schema == DATASET and table.name != "quarantined_records":
            rows = dataset.query(
                f"select record_id, _dlt_load_id from {table.qualified} where {part.condition}",
                *part.parameters,
            )
            records += [
                ErasedRecord(entity_hash(record_id), table.name, load_id, now)
                for record_id, load_id in rows
            ]
    dataset.commit({"erased_records": ledger_table("erased_records", records)}, {})
    dataset.execute(
        (f"delete from {part.table.qualified} where {part.condition}", part.parameters)
        for part in found
    )
    # Nothing found: it was deleted before, by an erasure that was interrupted here.
    tables = {part.table for part in found} or dataset.columns().keys()
    dataset.rewrite(sorted(tables))


def _chunks(ids: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(ids)
    for start in range(0, len(ordered), MOST_IDS):
        yield ordered[start : start + MOST_IDS]


def _places(ids: Sequence[str]) -> str:
    return ", ".join(["%s"] * len(ids))
