"""Retention: documents and events of records that have come to rest go into an archive; what protects them stays.

A pruned entry keeps its row: key, version, fingerprint, the source's mark, state, amounts, reference, id in the target
and the head of its chain. Its binding stays as well. A record that is read again is therefore seen as known (same
fingerprint), or becomes a new version that amends the record its binding names, or is held where the target takes no
change; it is never posted a second time. Totals and month-end match read rows alone and stay as they are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from mlc_pipelines.ledger import archive, chain
from mlc_pipelines.ledger.audit import Audit, TamperedError
from mlc_pipelines.ledger.database import reading, writing
from mlc_pipelines.ledger.leases import Lease, Leases
from mlc_pipelines.ledger.moves import check_fence
from mlc_pipelines.ledger.pruning_proof import left_of, rows_of, signed_text
from mlc_pipelines.ledger.seals import fits, seal_of
from mlc_pipelines.ledger.states import Stage, State
from mlc_pipelines.ledger.tables import entries, events, inbox, intents, prunings, seals
from mlc_pipelines.ledger.verifying import Finding, as_stored, verify_entry
from mlc_pipelines.wire.clock import Clock

BATCH = 500
"""So many entries go in one transaction: others wait for a fraction of a second."""

LEASE = "mlc/prune"
Watcher = Callable[[str, int], None]
"""Hears of each batch twice: `archived` before the ledger lets go of it, `pruned` after; and of how many entries."""

SHORTEST = timedelta(days=2)  # what is pruned lies in sealed days, and a day is sealed an hour after its end


@dataclass(frozen=True, slots=True)
class Resting:
    """Entries of one flow and state that could go: how many, their events, and the bytes of their documents."""

    connection: str
    flow: str
    state: str
    entries: int
    events: int
    document_bytes: int


@dataclass
class Pruned:
    """What a pruning came to; it stops at the first entries that do not verify."""

    entries: int = 0
    events: int = 0
    letters: int = 0
    findings: list[Finding] = field(default_factory=list)


class Retention:
    """Prunes one database."""

    def __init__(self, engine: Engine, clock: Clock, leases: Leases, audit: Audit) -> None:
        self._engine = engine
        self._clock = clock
        self._leases = leases
        self._audit = audit

    def resting(self, older_than: timedelta) -> list[Resting]:
        """Tell what would go."""
        columns = (entries.c.connection, entries.c.flow, entries.c.state)
        size = func.length(entries.c.source) + func.coalesce(func.length(entries.c.payload), 0)
        query = select(*columns, func.count(), func.sum(entries.c.chain_seq), func.sum(size))
        with reading(self._engine) as connection:
            rows = connection.execute(query.where(*self._old(older_than)).group_by(*columns).order_by(*columns))
            return [Resting(row[0], row[1], row[2], row[3], int(row[4]), int(row[5])) for row in rows]

    def prune(
        self, older_than: timedelta, file: Path, *, batch: int = BATCH, watch: Watcher = lambda _step, _records: None
    ) -> Pruned:
        """Archive and prune, a batch in each transaction; the archive has a batch before the ledger lets it go.

        Interrupted, it goes on when it is called again with the same file. ConfigurationError for a file that is not
        the one the ledger knows by that name; LeaseTakenError while another pruning is at work, LeaseLostError when it
        took over from this one.
        """
        done = Pruned()
        with self._leases.hold(LEASE) as lease:
            try:
                self._audit.seal()
            except TamperedError as error:
                done.findings.append(Finding("seals", str(error)))
                return done
            self._open(file)
            after = 0
            oldest = select(*as_stored(entries)).where(*self._old(older_than)).order_by(entries.c.id).limit(batch)
            while ids := self._prune_batch(oldest.where(entries.c.id > after), file, done, watch, lease):
                after = ids[-1]
                watch("pruned", len(ids))
            self._audit.remember()
            if not done.findings:
                done.letters = self._drop_letters(self._clock.now() - older_than)
        return done

    def _old(self, older_than: timedelta) -> tuple[ColumnElement[bool], ...]:
        if older_than < SHORTEST:
            raise ValueError("ledger: only what has rested for two days can be pruned")
        return at_rest(self._clock.now() - older_than)

    def _open(self, file: Path) -> None:
        """Bring the file to the end that the ledger knows; a new one is made known before anything is in it."""
        with reading(self._engine) as connection:
            known = connection.execute(select(func.max(prunings.c.end)).where(prunings.c.archive == file.name)).scalar()
        archive.open_archive(file, known)
        if known is None:
            with writing(self._engine) as connection:
                self._let_go(connection, self._head(connection, file, archive.EMPTY), {})

    def _prune_batch(self, chosen: Select[Any], file: Path, done: Pruned, watch: Watcher, lease: Lease) -> list[int]:
        with writing(self._engine, long=True) as connection:
            batch = connection.execute(chosen.with_for_update()).all()
            told = _told(connection, [row.id for row in batch])
            done.findings += [finding for row in batch for finding in verify_entry(row, told[row.id])]
            done.findings += _verify_days(connection, _days(told))
            if done.findings or not batch:
                return []
            check_fence(connection, lease)  # another pruning may have gone on with the file
            part = archive.append(file, _lines(connection, batch, told))
            watch("archived", len(batch))
            self._let_go(connection, self._head(connection, file, part), told)
        done.entries += len(told)
        done.events += sum(map(len, told.values()))
        return list(told)

    def _head(self, connection: Connection, file: Path, part: archive.Part) -> dict[str, Any]:
        last = connection.execute(select(prunings).order_by(prunings.c.id.desc()).limit(1)).first()
        return {
            "id": last.id + 1 if last else 1,
            "at": self._clock.now(),
            "archive": file.name,
            "end": part.end,
            "part": part.digest,
            "previous": last.hash if last else chain.GENESIS,
        }

    def _let_go(self, connection: Connection, head: dict[str, Any], told: Mapping[int, Sequence[Row[Any]]]) -> None:
        """Take documents, events and intents of entries out of the ledger; seal what it keeps of them and of days."""
        before = connection.execute(select(prunings.c.signature).order_by(prunings.c.id.desc()).limit(1)).scalar()
        head |= {"entries": len(told), "events": sum(map(len, told.values()))}
        connection.execute(insert(prunings).values(**head, rows="", left="", hash=""))
        for table in (events, intents):
            connection.execute(delete(table).where(table.c.entry_id.in_(told)))
        bare = {"source": b"", "payload": None, "pruning": head["id"]}
        connection.execute(update(entries).where(entries.c.id.in_(told)).values(bare))
        for seal in connection.execute(select(seals).where(seals.c.day.in_(_days(told)))).all():
            there = seal_of(connection, seal.day, seal.previous)
            values = {"left_count": there["count"], "left_hash": there["hash"]}
            connection.execute(update(seals).where(seals.c.day == seal.day).values(values))
        head |= {"rows": rows_of(connection, head["id"]), "left": left_of(connection)}
        head["hash"] = chain.pruning_hash(head)
        head["key_id"], head["signature"] = self._audit.signature(signed_text(head, before))
        connection.execute(update(prunings).where(prunings.c.id == head["id"]).values(head))

    def _drop_letters(self, before: datetime) -> int:
        """Remove webhook events that were taken up: they only named records, which are in the ledger."""
        with writing(self._engine, long=True) as connection:
            return connection.execute(delete(inbox).where(inbox.c.finished_at < before)).rowcount


def at_rest(before: datetime) -> tuple[ColumnElement[bool], ...]:
    """Make the conditions of entries that nothing and nobody needs any more but to look things up.

    They ended before a time, and so did every other version of the same record: while one is under way or on a
    person's desk, the earlier ones are what it is compared with. Newest versions without a date (suppliers, accounts,
    dimensions) stay, for later translations read them; so do ignored ones that a new word would call back. The entry
    of the newest event and that of the newest intent stay, so that their numbers are not given again.
    """
    other = entries.alias("other")
    same = (other.c.connection == entries.c.connection, other.c.flow == entries.c.flow, other.c.key == entries.c.key)
    newest = (select(table.c.entry_id).order_by(table.c.id.desc()).limit(1) for table in (events, intents))
    return (
        entries.c.pruning.is_(None),
        entries.c.since < before,
        _ended(entries.c),
        or_(entries.c.latest.is_(False), entries.c.dated.is_not(None)),
        ~exists(select(other.c.id).where(*same, or_(~_ended(other.c), other.c.since >= before))),
        *(func.coalesce(entries.c.id != table.scalar_subquery(), True) for table in newest),
    )


def _ended(columns: Any) -> ColumnElement[bool]:
    delivered = and_(columns.state == State.DELIVERED.value, columns.stage == Stage.DONE.value)
    ignored = and_(columns.state == State.IGNORED.value, columns.cause_key.is_(None))
    return or_(columns.state.in_([State.CONFIRMED.value, State.SUPERSEDED.value]), delivered, ignored)


def _told(connection: Connection, ids: Sequence[int]) -> dict[int, list[Row[Any]]]:
    told: dict[int, list[Row[Any]]] = {number: [] for number in ids}
    query = select(*as_stored(events)).where(events.c.entry_id.in_(ids)).order_by(events.c.entry_id, events.c.seq)
    for event in connection.execute(query):
        told[event.entry_id].append(event)
    return told


def _lines(connection: Connection, batch: Sequence[Row[Any]], told: Mapping[int, Sequence[Row[Any]]]) -> Iterator[str]:
    for row in batch:
        yield archive.line_of("entry", dict(row._mapping))
        yield from (archive.line_of("event", dict(event._mapping)) for event in told[row.id])
    announced = select(*as_stored(intents)).where(intents.c.entry_id.in_(told)).order_by(intents.c.id)
    yield from (archive.line_of("intent", dict(intent._mapping)) for intent in connection.execute(announced))


def _days(told: Mapping[int, Sequence[Row[Any]]]) -> list[date]:
    return sorted({date.fromisoformat(event.at[:10]) for lines in told.values() for event in lines})


def _verify_days(connection: Connection, days: Sequence[date]) -> Iterator[Finding]:
    """See that the seals of days still fit: what a pruning leaves of them is proof only of what it found."""
    found = {row.day: row for row in connection.execute(select(seals).where(seals.c.day.in_(days)))}
    for day in days:
        if day not in found or not fits(connection, found[day], found[day].previous):
            yield Finding(f"day {day}", "has no seal, or one that does not fit its events")
