"""`erase`: people out of everything the warehouse holds; no later load brings them back.

A person is their external contact, with all that was merged with it, and every conversation it took
part in. The marts' own tables are no source: analysts choose what those show.
"""

import argparse
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from loader.commands.console import console, table
from loader.commands.session import dataset_of
from loader.contracts import contract_of
from loader.errors import DestinationError, ExitCode, SettingsError
from loader.ledger import ErasedRecord, ledger_table
from loader.raw import DataSubjects, entity_hash, external_hash
from loader.settings import Settings
from loader.warehouses.dataset import DATASET, Dataset, StoredTable
from loader.warehouses.lock import locked

# What rows outside the raw dataset tell whom they are about by.
ABOUT = (
    "conversation_id",
    "contact_id",
    "canonical_contact_id",
    "external_contact_id",
    "reached_contact_id",
    # Somebody else may have called next, from the same phone.
    "handoff_from_conversation_id",
    "handoff_from_contact_id",
    # Of a slice that a killed build has left: the keys of the rows it was to replace.
    "replaced_conversation_id",
    "replaced_contact_id",
)
IDS = "genesys_intermediate.int_contact_external_ids_unioned"
MERGES = "genesys_intermediate.int_contact_merges_resolved"
CONVERSATIONS = "genesys_intermediate.int_journey_conversations_unioned"
# Parameters of one statement.
MOST_IDS = 500


@dataclass(frozen=True)
class Part:
    """Rows of one table that are about somebody.

    Attributes:
        table: where they lie.
        row_count: how many they are.
        condition: which they are, in SQL.
        parameters: of the condition.
        subjects: whom each goes with, by its record id, where the record id does not tell.
    """

    table: StoredTable
    row_count: int
    condition: str
    parameters: Sequence[str]
    subjects: Mapping[str, str] = field(default_factory=dict)


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
    if not all(one.strip() for one in (*contacts, *conversations)):
        raise SettingsError("erase: an id is blank, which is nobody's; say whom to erase.")
    dataset = dataset_of(settings)
    if not dataset.exists():
        raise SettingsError("the warehouse is empty: nothing has been loaded, nothing to erase.")
    with locked(settings, dataset.warehouse), closing(dataset):
        # Finishes what a killed run has left, so that nothing is waiting in files.
        dataset.connect()
        inside = {
            resource.name: DataSubjects(resource.identity, resource.subjects)
            for resource in contract_of(settings).resources(settings)
        }
        people, external_ids = _people(dataset, contacts)
        ids = entities(dataset, inside, people, conversations)
        found = parts(dataset, inside, ids)
        known = dataset.erased()
        strangers = [one for one in conversations if entity_hash(one) not in known]
        if strangers and not found:
            raise SettingsError(
                f"--conversation {' '.join(strangers)}: nothing in the warehouse is about that."
            )
        shown = table("table", "rows")
        counts: Counter[StoredTable] = Counter()
        for part in found:
            counts[part.table] += part.row_count
        for place, row_count in counts.items():
            shown.add_row(f"{place.schema}.{place.name}", f"{row_count:,}")
        if found:
            console().print(shown)
            for line in _refused(found):
                console().print(line, soft_wrap=True, markup=False)
        else:
            console().print("Nothing is left to delete: this was erased before.")
        if not options.yes:
            console().print(
                "Nothing was erased; --yes erases it."
                if found
                else "If that was interrupted, --yes brings it to its end."
            )
            return ExitCode.OK
        hashes = {*map(entity_hash, ids), *map(external_hash, external_ids)}
        write_off(dataset, hashes, found, settings.now())
    console().print(
        "Erased; no load brings it back. Backups and copies of the warehouse still hold it, and "
        "so does Genesys. `make transform` makes the tables good that count it.",
        soft_wrap=True,
    )
    if dataset.warehouse.remains:
        console().print(dataset.warehouse.remains, soft_wrap=True)
    return ExitCode.OK


def _refused(found: Sequence[Part]) -> Iterator[str]:
    """Name the quarantined records that hold an id, which nothing but that tells whom they are of.

    Each by the beginning of its payload_hash.
    """
    for part in found:
        for payload_hash, subject in part.subjects.items():
            if part.table.name == "quarantined_records":
                yield f"quarantined_records {payload_hash[:16]}: holds {subject}"


def entities(
    dataset: Dataset,
    inside: Mapping[str, DataSubjects],
    people: Collection[str],
    conversations: Collection[str],
) -> set[str]:
    """Return the ids of all contacts and conversations that belong to those given.

    Args:
        dataset: connected, its models built if there are people.
        inside: who tells whom the records of a raw table are about, by its name.
        people: Genesys' ids of contacts, of all that belong together.
        conversations: ids of single conversations.
    """
    found = {*people, *conversations}
    for ids in _chunks(people):
        rows = dataset.query(
            f"select distinct conversation_id from {{{CONVERSATIONS}}} "
            f"where contact_id in ({_places(ids)})",
            *ids,
        )
        found |= {conversation for (conversation,) in rows}
    for table_name, subjects in inside.items():
        if subjects.tell_who_took_part:
            found |= _took_part(dataset, table_name, subjects, people)
    return found


def _people(dataset: Dataset, contacts: Collection[str]) -> tuple[set[str], set[str]]:
    """Return the ids of everybody merged with some contacts, and all their ids elsewhere.

    Args:
        dataset: connected.
        contacts: Genesys' ids or ids of another system, all of whose people are meant.

    Raises:
        DestinationError: the contacts have not been modelled yet.
        SettingsError: an id that nothing knows.
    """
    if contacts and not dataset.has_all(IDS, MERGES, CONVERSATIONS):
        raise DestinationError(
            "who a contact was merged with, and what it took part in, is not modelled yet, or "
            "dbt is replacing it just now; `make transform`, or wait for the one that runs."
        )
    people: set[str] = set()
    # By their own names too: whoever comes again after an interruption must be found.
    external_ids = set(contacts)
    for contact in contacts:
        merged = _merged(dataset, contact)
        if not merged and not {entity_hash(contact), external_hash(contact)} & dataset.erased():
            raise SettingsError(
                f"CONTACT {contact!r}: no contact has this id, neither Genesys' own nor of another "
                "system; load and transform first, or erase conversations one by one "
                "(--conversation)."
            )
        people |= merged
    for ids in _chunks(people):
        rows = dataset.query(
            f"select external_id from {{{IDS}}} where contact_id in ({_places(ids)})", *ids
        )
        external_ids |= {one for (one,) in rows if (one or "").strip()}
    return people, external_ids


def _merged(dataset: Dataset, contact: str) -> set[str]:
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
    return {one for (one,) in rows}


def _took_part(
    dataset: Dataset, table_name: str, subjects: DataSubjects, people: Collection[str]
) -> set[str]:
    """Return the conversations people took part in by a raw table's newest versions.

    The models know those of the last transform; what was loaded since is theirs as well.
    """
    newest: dict[str, str] = {}
    for chunk in _chunks(people):
        condition, patterns = _holding(chunk, '"{}"')
        rows = dataset.query(
            f"select record_id, payload from {{all.{table_name}}} where record_id in "
            f"(select record_id from {{all.{table_name}}} where {condition}) "
            "order by extracted_at, payload_hash desc",
            *patterns,
        )
        newest |= dict(rows)
    return {
        one for payload in newest.values() for one in subjects.conversations_of(payload, people)
    }


def parts(
    dataset: Dataset, inside: Mapping[str, DataSubjects], ids: Collection[str], *views: str
) -> list[Part]:
    """Return what every table holds about `ids`; none of tables that hold nothing.

    Args:
        dataset: connected.
        inside: who tells whom the records of a raw table are about, by its name.
        ids: of conversations and contacts.
        views: what is looked at as well where it is a view, each with its schema's name.
    """
    return [
        part for table, columns in sorted(dataset.columns(*views).items())
        for part in _parts(dataset, inside, table, columns, ids)
    ]  # fmt: skip


def _parts(
    dataset: Dataset,
    inside: Mapping[str, DataSubjects],
    table: StoredTable,
    columns: Mapping[str, str],
    ids: Collection[str],
) -> Iterator[Part]:
    if table.schema != DATASET:
        about = [columns[column] for column in ABOUT if column in columns]
        for chunk in _chunks(ids) if about else ():
            condition = " or ".join(f"{column} in ({_places(chunk)})" for column in about)
            yield from _part(dataset, table, condition, chunk * len(about))
        return
    if "record_id" not in columns:
        return
    for chunk in _chunks(one for one in ids if "|" not in one):
        yield from _part(dataset, table, *_by_record_id(chunk))
    if table.name == "quarantined_records":
        # A record that could not be read may have no id, but it holds one, whole and quoted.
        yield from _inside(dataset, table, "payload_hash", '"{}"', ids, lambda payload: [
            one for one in ids
            if json.dumps(one) in payload or json.dumps(one, ensure_ascii=False) in payload
        ])  # fmt: skip
    elif table.name in inside and inside[table.name].are_in_payload:
        yield from _inside(dataset, table, "record_id", '"{}"', ids, inside[table.name].of)


def _part(
    dataset: Dataset,
    table: StoredTable,
    condition: str,
    parameters: Sequence[str],
    subjects: Mapping[str, str] | None = None,
) -> Iterator[Part]:
    [(count,)] = dataset.query(
        f"select count(*) from {table.qualified} where {condition}", *parameters
    )
    if count:
        yield Part(table, count, condition, parameters, subjects or {})


def _by_record_id(ids: Sequence[str]) -> tuple[str, list[str]]:
    """Return the condition that a record's id is one of some, or the first of those joined in it.

    Engines cut texts at a `|` in ways of their own, but all cut them at a length.
    """
    conditions, parameters = [f"record_id in ({_places(ids)})"], [*ids]
    for length, group in groupby(sorted(ids, key=len), key=len):
        beginnings = [f"{one}|" for one in group]
        conditions.append(f"substring(record_id, 1, {length + 1}) in ({_places(beginnings)})")
        parameters += beginnings
    return " or ".join(conditions), parameters


def _inside(
    dataset: Dataset,
    table: StoredTable,
    key: str,
    written: str,
    ids: Collection[str],
    about: Callable[[str], Collection[str]],
) -> Iterator[Part]:
    """Find the rows whose payload tells whom they are about, and not their record id already.

    The warehouse narrows them down; what is left is read here.

    Args:
        dataset: connected.
        table: a raw table.
        key: the column whose value is that of all rows to be found together.
        written: how an id stands in a payload, with `{}` for the id.
        ids: of conversations and contacts.
        about: tells whom a payload is about.
    """
    found: dict[str, str] = {}
    for chunk in _chunks(ids):
        condition, patterns = _holding(chunk, written)
        rows = dataset.query(
            f"select {key}, record_id, payload from {table.qualified} where {condition}", *patterns
        )
        for value, record_id, payload in rows:
            subject = next((one for one in about(payload) if one in ids), None)
            if subject is not None and (record_id or "").partition("|")[0] not in ids:
                found[value] = subject
    for values in _chunks(found):
        condition = f"{key} in ({_places(values)})"
        yield from _part(dataset, table, condition, values, found)


def _holding(ids: Sequence[str], written: str) -> tuple[str, list[str]]:
    """Return a condition that narrows payloads down to those which may hold one of some ids.

    What JSON is apt to escape, or LIKE takes for a sign of its own, may be anything.

    Args:
        ids: of conversations and contacts.
        written: how an id stands in a payload, with `{}` for the id.
    """
    patterns = [re.sub(r'[^A-Za-z0-9 ".-]+', "%", written.format(one)) for one in ids]
    return " or ".join(["payload like %s"] * len(ids)), [f"%{one}%" for one in patterns]


def write_off(
    dataset: Dataset, hashes: Collection[str], found: Sequence[Part], now: datetime
) -> None:
    """Delete the parts, remember those they are about by their hashes, write the tables anew.

    In this order: whatever it is interrupted by, no load brings anything back from then on, and
    erasing again goes on where it stopped.

    Raises:
        DestinationError: the warehouse refused it.
    """
    records = [ErasedRecord(one, None, None, now) for one in sorted(hashes)]
    for part in found:
        table = part.table
        if table.schema == DATASET and table.name != "quarantined_records":
            rows = dataset.query(
                f"select record_id, _dlt_load_id from {table.qualified} where {part.condition}",
                *part.parameters,
            )
            records += [
                ErasedRecord(
                    entity_hash(part.subjects.get(record_id, record_id)), table.name, load_id, now
                )
                for record_id, load_id in rows
            ]
    dataset.commit({"erased_records": [ledger_table("erased_records", records)]}, {})
    dataset.execute(
        (f"delete from {part.table.qualified} where {part.condition}", part.parameters)
        for part in found
    )
    # Nothing found: it was deleted before, by an erasure that was interrupted here.
    tables = {part.table for part in found} or dataset.columns().keys()
    dataset.rewrite(sorted(tables))


def _chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    ordered = sorted(ids)
    for start in range(0, len(ordered), MOST_IDS):
        yield ordered[start : start + MOST_IDS]


def _places(ids: Sequence[str]) -> str:
    return ", ".join(["%s"] * len(ids))
