"""The audit: seals whole days of events and verifies that no line was changed, removed or put in."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, insert, select

from mlc_pipelines.ledger import chain, totals
from mlc_pipelines.ledger.database import reading, writing
from mlc_pipelines.ledger.tables import entries, events, seals
from mlc_pipelines.wire.clock import Clock

_PAGE = 1000
_HASHED = ("entry_id", "seq", "at", "kind", "before", "after", "actor", "detail", "previous")


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where the ledger does not agree with its chain."""

    where: str
    what: str


class Audit:
    """Seals and verifies the events of one database.

    The newest seal is remembered in a file beside the database, `anchor`: who empties the tables has to know of it too.
    """

    def __init__(self, engine: Engine, clock: Clock, anchor: Path | None = None) -> None:
        self._engine = engine
        self._clock = clock
        self._anchor = anchor

    def seal(self) -> list[date]:
        """Seal every finished day (UTC) that has events and no seal yet; return the days."""
        today = self._clock.now().astimezone(UTC).date()
        sealed = []
        with writing(self._engine) as connection:
            last = connection.execute(select(seals).order_by(seals.c.day.desc()).limit(1)).one_or_none()
            start = last.day + timedelta(days=1) if last else None
            for day in _days(connection, start, today):
                facts = _seal_of(connection, day, last.hash if last else chain.GENESIS)
                if facts is not None:
                    connection.execute(insert(seals).values(**facts, sealed_at=self._clock.now()))
                    last = connection.execute(select(seals).where(seals.c.day == day)).one()
                    sealed.append(day)
        if self._anchor is not None and sealed and last is not None:
            self._anchor.write_text(f"{last.day.isoformat()} {last.hash}\n", encoding="ascii")
        return sealed

    def verify(self) -> Iterator[Finding]:
        """Check every event, every entry against its events, every source copy, every seal, and the totals."""
        with reading(self._engine) as connection:
            wrong = list(_verify_chains(connection))
            yield from wrong
            if not wrong:  # a changed entry is named above, and the totals differ by it
                yield from _verify_totals(connection)
            previous = chain.GENESIS
            for row in connection.execute(select(seals).order_by(seals.c.day)).all():
                facts = _seal_of(connection, row.day, previous)
                if facts is None or any(getattr(row, name) != fact for name, fact in facts.items()):
                    yield Finding(f"day {row.day}", "the seal does not fit the events of that day")
                previous = row.hash
            yield from _verify_unsealed(connection)
            yield from self._verify_anchor(connection)

    def _verify_anchor(self, connection: Connection) -> Iterator[Finding]:
        if self._anchor is None or not self._anchor.exists():
            return
        day, _, head = self._anchor.read_text(encoding="ascii").strip().partition(" ")
        kept = connection.execute(select(seals.c.hash).where(seals.c.day == date.fromisoformat(day))).scalar()
        if kept != head:
            yield Finding(f"day {day}", f"its seal is {'gone' if kept is None else 'another one'}: see {self._anchor}")

    def pack(self) -> Iterator[str]:
        """Write everything an outsider needs to verify the chain, as JSON lines: events in order, then seals."""
        columns = [column for column in events.c if column.name != "id"]
        with reading(self._engine) as connection:
            for row in connection.execute(select(events.c.id, *columns).order_by(events.c.entry_id, events.c.seq)):
                yield json.dumps({"event": dict(row._mapping)}, default=str, sort_keys=True)
            for row in connection.execute(select(seals).order_by(seals.c.day)):
                yield json.dumps({"seal": dict(row._mapping)}, default=str, sort_keys=True)


def _days(connection: Connection, start: date | None, today: date) -> Iterator[date]:
    first = connection.execute(select(func.min(events.c.at))).scalar()
    if first is None:
        return
    day = max(start, first.date()) if start else first.date()
    while day < today:
        yield day
        day += timedelta(days=1)


def _seal_of(connection: Connection, day: date, previous: str) -> dict[str, object] | None:
    begin = datetime.combine(day, time(), UTC)
    query = (
        select(events.c.id, events.c.hash)
        .where(events.c.at >= begin, events.c.at < begin + timedelta(days=1))
        .order_by(events.c.id)
        .execution_options(yield_per=_PAGE)
    )
    state = hashlib.sha256(f"{day.isoformat()}:{previous}".encode())
    first = last = count = 0
    for row in connection.execute(query):
        first = first or row.id
        last = row.id
        count += 1
        state.update(f":{row.id}:{row.hash}".encode())
    if not count:
        return None
    return {
        "day": day,
        "first_event": first,
        "last_event": last,
        "count": count,
        "previous": previous,
        "hash": state.hexdigest(),
    }


def _verify_unsealed(connection: Connection) -> Iterator[Finding]:
    sealed = set(connection.execute(select(seals.c.day)).scalars())
    for day in _days(connection, None, max(sealed, default=date.min)):
        if day not in sealed and _seal_of(connection, day, chain.GENESIS) is not None:
            yield Finding(f"day {day}", "has events but no seal, although a later day is sealed")


def _verify_totals(connection: Connection) -> Iterator[Finding]:
    kept, there = totals.told(connection), totals.counted(connection)
    for place in sorted({*kept, *there}):
        if kept.get(place) != there.get(place):
            yield Finding(
                f"totals of {'/'.join(place[:2])}", f"{place[4]} entries do not come to the total that is kept"
            )


def _verify_chains(connection: Connection) -> Iterator[Finding]:
    last_id = 0
    while True:
        page = connection.execute(
            select(entries).where(entries.c.id > last_id).order_by(entries.c.id).limit(_PAGE)
        ).all()
        if not page:
            break
        last_id = page[-1].id
        told = (
            select(events)
            .where(events.c.entry_id.between(page[0].id, last_id))
            .order_by(events.c.entry_id, events.c.seq)
        )
        lines: dict[int, list[Row[Any]]] = {row.id: [] for row in page}
        for event in connection.execute(told):
            if event.entry_id in lines:
                lines[event.entry_id].append(event)
        for row in page:
            yield from _verify_entry(row, lines[row.id])
    strays = select(events.c.id).where(events.c.entry_id.not_in(select(entries.c.id)))
    for (stray,) in connection.execute(strays):
        yield Finding(f"event {stray}", "belongs to no entry")


def _verify_entry(entry: Row[Any], told: Sequence[Row[Any]]) -> Iterator[Finding]:
    where = f"entry {entry.id} ({entry.connection}/{entry.flow} {entry.key} v{entry.version})"
    previous, state = chain.GENESIS, None
    for seq, event in enumerate(told, start=1):
        facts = {name: getattr(event, name) for name in _HASHED}
        if event.seq != seq:
            yield Finding(where, f"event {seq} is missing")
            return
        if event.previous != previous or event.before != state or chain.event_hash(**facts) != event.hash:
            yield Finding(where, f"event {seq} ({event.kind}) was changed or does not follow the one before")
            return
        previous, state = event.hash, event.after
    if entry.chain_head != previous or entry.chain_seq != len(told):
        yield Finding(where, "its last events are missing or were replaced")
    elif entry.state != state:
        yield Finding(where, f"stands at {entry.state}, but its events end at {state}")
    elif told:
        yield from _verify_documents(where, entry, [json.loads(event.detail) for event in told])


def _verify_documents(where: str, entry: Row[Any], details: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    if details[0].get("source") != chain.digest(entry.source):
        yield Finding(where, "the copy of its source record was changed")
    if details[-1].get("row") != chain.row_digest(dict(entry._mapping)):
        yield Finding(where, "what it says of itself (amount, ids, cause and the like) was changed")
    made = [detail["payload"] for detail in details if "payload" in detail]
    if entry.payload is not None and made[-1:] != [chain.digest(entry.payload)]:
        yield Finding(where, "what was made of it for the target was changed")
