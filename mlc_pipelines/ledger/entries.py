"""Entries: receives source records as versions, and finds what is due at a stage."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Integer, Row, bindparam, exists, func, or_, select, update

from mlc_pipelines.errors import Cause
from mlc_pipelines.ledger import chain, tables, totals
from mlc_pipelines.ledger.bindings import changes_since
from mlc_pipelines.ledger.bulk import among, insert_columns, numbers_for
from mlc_pipelines.ledger.database import reading, writing
from mlc_pipelines.ledger.leases import Lease
from mlc_pipelines.ledger.moves import Move, check_fence, event_time, write_moves
from mlc_pipelines.ledger.records import Entry, SourceRecord, from_micros, to_micros
from mlc_pipelines.ledger.states import OPEN, UNDELIVERED, Stage, State
from mlc_pipelines.ledger.tables import entries, events
from mlc_pipelines.wire.clock import Clock

_LIGHT = [column for column in entries.c if column.name not in {"source", "payload"}]
_PAGE = 500
_UNDER_WAY = OPEN | {State.TRANSLATED, State.POSTPONED}
_RECEIVED, _HELD = State.RECEIVED.value, State.HELD.value
_UNREADABLE = Cause.UNREADABLE.value
_NO_TEXT = ("version", "amount_micros", "dated")  # of what an event seals
_APART = {"state", "stage", "amount", "cause", "source", "payload"}
_PLAIN = [field.name for field in fields(Entry) if field.name not in _APART]

# Built once: to build a statement anew, and to find what it was compiled to, takes longer than SQLite's answer.
_OF = (entries.c.connection == bindparam("b_connection"), entries.c.flow == bindparam("b_flow"))
_AT = (
    *_OF,
    entries.c.stage == bindparam("b_stage"),
    entries.c.state.in_(bindparam("b_states", expanding=True)),
)
_EARLIER = entries.alias("earlier")
_WAITS = exists(
    select(_EARLIER.c.id).where(
        _EARLIER.c.connection == entries.c.connection,
        _EARLIER.c.flow == entries.c.flow,
        _EARLIER.c.key == entries.c.key,
        _EARLIER.c.version < entries.c.version,
        _EARLIER.c.stage == Stage.DELIVER.value,
        _EARLIER.c.state.in_([state.value for state in _UNDER_WAY]),
    )
)
_DUE = (
    select(entries)
    .where(*_AT, entries.c.id > bindparam("b_after"), or_(entries.c.version == 1, ~_WAITS))
    .order_by(entries.c.id)
    .limit(bindparam("b_limit", type_=Integer))
)
_OUTDATED = (
    select(entries)
    .where(*_AT, entries.c.latest.is_(False))
    .order_by(entries.c.id)
    .limit(bindparam("b_limit", type_=Integer))
)
_CAUSES = (
    select(entries.c.cause_key, func.min(entries.c.since).label("first"), func.max(entries.c.since).label("last"))
    .where(*_AT, entries.c.cause_key.is_not(None))
    .group_by(entries.c.cause_key)
)
_EVER = datetime.min.replace(tzinfo=UTC)
_MARK = update(entries).where(entries.c.id == bindparam("b_id")).values(tag=bindparam("b_tag"))


@dataclass(frozen=True, slots=True)
class Received:
    """What a page of source records came to."""

    seen: int = 0
    new: int = 0
    changed: int = 0

    def __add__(self, other: "Received") -> "Received":
        return Received(self.seen + other.seen, self.new + other.new, self.changed + other.changed)


def to_entry(row: Row[Any]) -> Entry:
    """Read a row of the table."""
    values = row._mapping
    return Entry(
        **{name: values[name] for name in _PLAIN},
        state=State(values["state"]),
        stage=Stage(values["stage"]),
        amount=from_micros(values["amount_micros"]),
        cause=Cause(values["cause"]) if values["cause"] else None,
        source=values.get("source", b""),
        payload=values.get("payload"),
    )


class Entries:
    """The entries of one connection."""

    def __init__(self, engine: Engine, clock: Clock, connection: str) -> None:
        self._engine = engine
        self._clock = clock
        self._name = connection

    def tags(self, flow: str, keys: Sequence[str]) -> dict[str, str | None]:
        """Give the source's mark on the newest version of each key that is in the ledger."""
        with reading(self._engine) as connection:
            these = (*_OF, entries.c.latest, among(connection, entries.c.key, keys))
            query = select(entries.c.key, entries.c.tag).where(*these)
            return {row.key: row.tag for row in connection.execute(query, self._of(flow))}

    def receive(self, flow: str, records: Sequence[SourceRecord], lease: Lease | None) -> Received:
        """Write records down in one transaction; the same key and fingerprint is the same entry and goes no further.

        A new fingerprint is a new version: it supersedes one that has not been delivered, and leaves one that is
        open or delivered where it is (its successor amends it through the binding). LeaseLostError when another worker
        took over: what this one has read may be older than what that one has taken in.
        """
        with writing(self._engine) as connection:
            check_fence(connection, lease)
            counts = Received()
            left = records
            while left:  # a key that comes twice on a page is taken in twice, one after the other
                firsts: dict[str, SourceRecord] = {}
                left = [record for record in left if firsts.setdefault(record.key, record) is not record]
                counts += self._receive(connection, flow, list(firsts.values()), lease)
        return counts

    def _receive(
        self, connection: Connection, flow: str, records: Sequence[SourceRecord], lease: Lease | None
    ) -> Received:
        """Write down records of different keys, a few statements for all of them."""
        now = event_time(connection, self._clock.now())
        latest = self._latest(connection, flow, [record.key for record in records])
        known = [record for record in records if record.key in latest] if latest else []
        same = {record.key for record in known if latest[record.key].fingerprint == record.fingerprint}
        fresh = [record for record in records if record.key not in same] if same else records
        before = [latest[record.key] for record in known if record.key not in same]
        marks = [
            {"b_id": latest[record.key].id, "b_tag": record.tag}
            for record in known
            if latest[record.key].tag != record.tag
        ]
        if marks:
            connection.execute(_MARK, marks)
        if before:
            self._succeed(connection, before, now, lease)
        self._insert(connection, flow, fresh, now, latest)
        return Received(seen=len(same), new=len(fresh) - len(before), changed=len(before))

    def _latest(self, connection: Connection, flow: str, keys: list[str]) -> dict[str, Row[Any]]:
        these = (*_OF, entries.c.latest, among(connection, entries.c.key, keys))
        columns = (entries.c.id, entries.c.key, entries.c.version, entries.c.fingerprint, entries.c.tag)
        return {row.key: row for row in connection.execute(select(*columns).where(*these), self._of(flow))}

    def _succeed(self, connection: Connection, before: Sequence[Row[Any]], now: datetime, lease: Lease | None) -> None:
        """Put new versions before the old ones; those that were not yet sent are superseded."""
        these = among(connection, entries.c.id, [row.id for row in before])
        connection.execute(update(entries).where(these).values(latest=False))
        rows = connection.execute(select(*_LIGHT).where(these)).all()
        totals.shift(connection, [({**row._mapping, "latest": True}, -1) for row in rows])
        totals.shift(connection, [(dict(row._mapping), 1) for row in rows])
        olds = [to_entry(row) for row in rows if row.pruning is None]
        olds = [old for old in olds if old.stage in UNDELIVERED and old.state not in OPEN]
        write_moves(connection, [Move(old, State.SUPERSEDED, "superseded") for old in olds], now, lease=lease)

    def _insert(
        self,
        connection: Connection,
        flow: str,
        records: Sequence[SourceRecord],
        now: datetime,
        latest: Mapping[str, Row[Any]],
    ) -> None:
        if not records:
            return
        versions = [latest[record.key].version + 1 if record.key in latest else 1 for record in records]
        numbers = numbers_for(connection, entries, len(records))
        columns = {"id": numbers, "connection": [self._name] * len(records), "flow": [flow] * len(records)}
        columns |= {"version": versions} | _columns(records, now)
        firsts = _first_events(columns, now)
        insert_columns(connection, entries, columns | {"chain_head": firsts["hash"]})
        insert_columns(connection, events, firsts)
        totals.come(connection, columns)

    def due(self, flow: str, stage: Stage, states: Iterable[State], *, after: int = 0, limit: int = 200) -> list[Entry]:
        """Give the next entries that stand at a stage, oldest first, with their documents.

        A version waits while an earlier one of the same key is still on its way to the target.
        """
        wanted = self._at(flow, stage, states) | {"b_after": after, "b_limit": limit}
        with reading(self._engine) as connection:
            return [to_entry(row) for row in connection.execute(_DUE, wanted)]

    def outdated(self, flow: str, stage: Stage, *, limit: int = 200) -> list[Entry]:
        """Give versions that wait or are held at a stage though a newer one is here; what was delivered is told of."""
        states = {State.HELD} if stage is Stage.CONFIRM else {State.HELD, State.TRANSLATED, State.POSTPONED}
        wanted = self._at(flow, stage, states) | {"b_limit": limit}
        with reading(self._engine) as connection:
            return [to_entry(row) for row in connection.execute(_OUTDATED, wanted)]

    def released(self, flow: str) -> Iterator[Entry]:
        """Give entries held or ignored in translation whose cause has changed since, a page of them at a time.

        The causes that wait are asked for first, then their words: neither all words nor all entries are read.
        One that was held in the future, by a clock that was ahead, is tried anew where its word is there at all.
        """
        wanted, now = self._at(flow, Stage.TRANSLATE, (State.HELD, State.IGNORED)), self._clock.now()
        with reading(self._engine) as connection:
            rows = connection.execute(_CAUSES, wanted).all()
            causes = {row.cause_key: row.first if row.last <= now else _EVER for row in rows}
            changed = changes_since(connection, self._name, causes)
        after = 0
        while changed:
            with reading(self._engine) as connection:
                these = (*_AT, among(connection, entries.c.cause_key, sorted(changed)), entries.c.id > after)
                query = select(entries).where(*these).order_by(entries.c.id).limit(_PAGE)
                page = [to_entry(row) for row in connection.execute(query, wanted)]
            if not page:
                break
            after = page[-1].id
            yield from (each for each in page if each.since < changed[each.cause_key or ""] or each.since > now)

    def move(self, moves: Sequence[Move], lease: Lease | None) -> None:
        """Write moves in one transaction."""
        with writing(self._engine) as connection:
            write_moves(connection, moves, self._clock.now(), lease=lease)

    def tally(self, flow: str) -> dict[str, int]:
        """Count the newest versions of a flow by state."""
        count = func.sum(tables.totals.c.count)
        mine = (tables.totals.c.connection == self._name, tables.totals.c.flow == flow, tables.totals.c.latest)
        query = select(tables.totals.c.state, count).where(*mine).group_by(tables.totals.c.state).having(count > 0)
        with reading(self._engine) as connection:
            return {row[0]: int(row[1]) for row in connection.execute(query)}

    def _of(self, flow: str) -> dict[str, Any]:
        return {"b_connection": self._name, "b_flow": flow}

    def _at(self, flow: str, stage: Stage, states: Iterable[State]) -> dict[str, Any]:
        return self._of(flow) | {"b_stage": stage.value, "b_states": [state.value for state in states]}


def _counted(record: SourceRecord) -> tuple[int | None, str | None]:
    """Give the amount in millionths, and what is wrong with the record; an amount that cannot be counted is."""
    try:
        return to_micros(record.amount), record.problem
    except ValueError as error:
        return None, record.problem or str(error)


def _columns(records: Sequence[SourceRecord], now: datetime) -> dict[str, Sequence[Any]]:
    """Give what records say as columns of new entries; by column it takes half the time of row by row."""
    micros, problems = zip(*map(_counted, records), strict=True)
    held = [problem is not None for problem in problems]
    always = {"latest": True, "stage": Stage.TRANSLATE.value, "since": now, "received_at": now, "attempts": 0}
    always |= dict.fromkeys(("cause_key", "reference", "external_id", "confirmation")) | {"chain_seq": 1}
    return {
        "company": [record.company for record in records],
        "key": [record.key for record in records],
        "fingerprint": [record.fingerprint for record in records],
        "tag": [record.tag for record in records],
        "state": [_HELD if each else _RECEIVED for each in held],
        "cause": [_UNREADABLE if each else None for each in held],
        "problem": problems,
        "label": [record.label for record in records],
        "partner": [record.partner for record in records],
        "amount_micros": micros,
        "currency": [record.currency for record in records],
        "dated": [record.dated for record in records],
        "source": [record.content for record in records],
        **{name: [value] * len(records) for name, value in always.items()},
    }


def _first_events(columns: Mapping[str, Sequence[Any]], now: datetime) -> dict[str, Sequence[Any]]:
    """Give the first event of each new entry, by column."""
    texts = {name: [None if each is None else str(each) for each in columns[name]] for name in _NO_TEXT}
    sealed = zip(*(texts.get(name, columns[name]) for name in chain.SEALED_COLUMNS), strict=True)
    told = zip(columns["key"], columns["version"], columns["source"], map(chain.text_digest, sealed), strict=True)
    details = [
        chain.encode({"key": key, "version": version, "source": chain.digest(source), "row": row})
        for key, version, source, row in told
    ]
    hashes = [
        chain.event_hash(
            entry_id=entry_id,
            seq=1,
            at=now,
            kind="received",
            before=None,
            after=after,
            actor="mlc",
            detail=detail,
            previous=chain.GENESIS,
        )
        for entry_id, after, detail in zip(columns["id"], columns["state"], details, strict=True)
    ]
    always = {"seq": 1, "at": now, "kind": "received", "before": None, "actor": "mlc", "previous": chain.GENESIS}
    firsts = {"entry_id": columns["id"], "after": columns["state"], "detail": details, "hash": hashes}
    return {**firsts, **{name: [value] * len(hashes) for name, value in always.items()}}
