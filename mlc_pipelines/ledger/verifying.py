"""Holds every entry against its events: no line changed, removed or put in, and the first bad one named."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Date, Row, String, Table, exists, or_, select, type_coerce

from mlc_pipelines.ledger import chain, totals
from mlc_pipelines.ledger.bindings import NOTES
from mlc_pipelines.ledger.tables import Moment, bindings, entries, events

PAGE = 1000
_HASHED = ("entry_id", "seq", "at", "kind", "before", "after", "actor", "detail", "previous")


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where the ledger does not agree with its chain."""

    where: str
    what: str


def as_stored(table: Table) -> list[ColumnElement[Any]]:
    """Give the columns with times and days as the database keeps them: one that nobody can read is to be told of."""

    def plain(column: Column[Any]) -> ColumnElement[Any]:
        timed = isinstance(column.type, Moment | Date)
        return type_coerce(column, String).label(column.name) if timed else column

    return [plain(column) for column in table.c]


def verify_chains(connection: Connection) -> Iterator[Finding]:
    """Check every entry, in the order of their numbers; then look for events of no entry and for wrong versions."""
    last_id = 0
    while page := connection.execute(
        select(*as_stored(entries)).where(entries.c.id > last_id).order_by(entries.c.id).limit(PAGE)
    ).all():
        lines: dict[int, list[Row[Any]]] = {row.id: [] for row in page}
        told = (
            select(*as_stored(events))
            .where(events.c.entry_id.between(page[0].id, page[-1].id))
            .order_by(events.c.entry_id, events.c.seq)
        )
        for event in connection.execute(told):
            if event.entry_id in lines:
                lines[event.entry_id].append(event)
        for row in page:
            try:
                yield from verify_entry(row, lines[row.id])
            except (TypeError, ValueError, AttributeError) as error:  # SQLite keeps whatever is put into a column
                yield Finding(_named(row), f"cannot be read: {error}")
        last_id = page[-1].id
    strays = select(events.c.id).where(events.c.entry_id.not_in(select(entries.c.id))).order_by(events.c.id)
    for (stray,) in connection.execute(strays):
        yield Finding(f"event {stray}", "belongs to no entry")
    yield from _verify_versions(connection)


def verify_totals(connection: Connection) -> Iterator[Finding]:
    """Count the entries anew and compare the totals that are kept beside them."""
    kept, there = totals.told(connection), totals.counted(connection)
    for place in sorted({*kept, *there}):
        if kept.get(place) != there.get(place):
            yield Finding(
                f"totals of {'/'.join(place[:2])}", f"{place[4]} entries do not come to the total that is kept"
            )


def verify_bindings(connection: Connection) -> Iterator[Finding]:
    """Hold each binding against what the events of its record ended with: a change goes to the record that it names."""
    made, later = entries.alias("made"), entries.alias("later")
    same = (entries.c.connection, entries.c.flow, entries.c.key)
    of_made = [column == made.c[column.name] for column in same]
    is_newer = exists().where(
        *(later.c[column.name] == made.c[column.name] for column in same),
        later.c.version > made.c.version,
        later.c.external_id.is_not(None),
    )
    astray = exists().where(*of_made, made.c.external_id.is_not(None), made.c.external_id != bindings.c.external_id)
    query = (
        select(bindings.c.connection, bindings.c.kind, bindings.c.key)
        .outerjoin(entries, entries.c.id == bindings.c.entry_id)
        .where(
            bindings.c.kind.not_in(NOTES),
            or_(
                entries.c.id.is_(None),
                entries.c.connection != bindings.c.connection,
                entries.c.key != bindings.c.key,
                astray.where(~is_newer),
            ),
        )
        .order_by(bindings.c.connection, bindings.c.kind, bindings.c.key)
    )
    for row in connection.execute(query):
        where = f"binding of {row.connection}/{row.kind} {row.key}"
        yield Finding(where, "names another record there than was delivered")


def _verify_versions(connection: Connection) -> Iterator[Finding]:
    """The newest version of a record is the one that reports show; any other must not pass for it."""
    later = entries.alias("later")
    has_later = exists().where(
        later.c.connection == entries.c.connection,
        later.c.flow == entries.c.flow,
        later.c.key == entries.c.key,
        later.c.version > entries.c.version,
    )
    for row in connection.execute(
        select(*as_stored(entries)).where(entries.c.latest == has_later).order_by(entries.c.id)
    ):
        yield Finding(_named(row), "passes for the newest version of its record" if row.latest else "is passed over")


def _named(entry: Row[Any]) -> str:
    return f"entry {entry.id} ({entry.connection}/{entry.flow} {entry.key} v{entry.version})"


def verify_entry(entry: Row[Any], told: Sequence[Row[Any]]) -> Iterator[Finding]:
    """Check an entry, its documents and its events, in order, against each other; all of them as stored."""
    where = _named(entry)
    if entry.pruning is not None:
        if told:
            yield Finding(where, "its events are in an archive, yet some are here")
        return
    previous, state, last_id = chain.GENESIS, None, 0
    for seq, event in enumerate(told, start=1):
        facts = {name: getattr(event, name) for name in _HASHED}
        if event.seq != seq:
            yield Finding(where, f"event {seq} is missing")
            return
        follows = event.previous == previous and event.before == state and event.id > last_id
        if not follows or chain.event_hash(**facts) != event.hash:
            yield Finding(where, f"event {seq} ({event.kind}) was changed or does not follow the one before")
            return
        previous, state, last_id = event.hash, event.after, event.id
    if len(told) < entry.chain_seq:
        yield Finding(where, f"event {len(told) + 1} is missing")
    elif len(told) > entry.chain_seq:
        yield Finding(where, f"event {entry.chain_seq + 1} was put in")
    elif entry.chain_head != previous:
        yield Finding(where, f"event {len(told)} is not the one it ended with")
    elif entry.state != state:
        yield Finding(where, f"stands at {entry.state}, but its events end at {state}")
    else:
        yield from _verify_documents(where, entry, told)


def _verify_documents(where: str, entry: Row[Any], told: Sequence[Row[Any]]) -> Iterator[Finding]:
    details: list[Mapping[str, Any]] = [json.loads(event.detail) for event in told]
    if details[0].get("source") != chain.digest(entry.source):
        yield Finding(where, "the copy of its source record was changed")
    if details[-1].get("row") != chain.row_digest(dict(entry._mapping)):
        yield Finding(where, "what it says of itself (amount, ids, cause and the like) was changed")
    attempts = [detail["attempt"] for detail in details if "attempt" in detail] or [0]
    if (entry.received_at, entry.since, entry.attempts) != (told[0].at, told[-1].at, attempts[-1]):
        yield Finding(where, "its times or the number of its attempts were changed")
    made = [detail["payload"] for detail in details if "payload" in detail]
    if entry.payload is not None and made[-1:] != [chain.digest(entry.payload)]:
        yield Finding(where, "what was made of it for the target was changed")
