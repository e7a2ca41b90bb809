"""Reads the ledger for people: sums by state, holds by cause, the trail of one record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, ColumnElement, Engine, func, literal, select, union_all

from mlc_pipelines.ledger.database import reading
from mlc_pipelines.ledger.entries import to_entry
from mlc_pipelines.ledger.records import Entry, from_micros
from mlc_pipelines.ledger.states import Stage, State
from mlc_pipelines.ledger.tables import entries, events, prunings, totals
from mlc_pipelines.ledger.totals import UNIT, micros_of


@dataclass(frozen=True, slots=True)
class Sum:
    """Count and money of entries that share flow, company, stage, state and currency."""

    flow: str
    company: str
    stage: Stage
    state: State
    currency: str | None
    count: int
    amount: Decimal

    @property
    def place(self) -> str:
        """Say in one word where such entries stand: delivered, held, ignored or under_way."""
        if self.stage in {Stage.CONFIRM, Stage.DONE}:
            return "delivered"
        return {State.HELD: "held", State.IGNORED: "ignored", State.SUPERSEDED: "superseded"}.get(
            self.state, "under_way"
        )


@dataclass(frozen=True, slots=True)
class HeldGroup:
    """Held entries that share a cause."""

    flow: str
    stage: Stage
    cause: str
    cause_key: str | None
    currency: str | None
    count: int
    amount: Decimal
    since: datetime
    example: str


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of the trail."""

    seq: int
    at: datetime
    kind: str
    before: str | None
    after: str
    actor: str
    detail: str


def _amount(units: int | None, micros: int | None) -> Decimal:
    return from_micros(micros_of(units, micros)) or Decimal(0)


_IS_HELD = entries.c.state == literal(State.HELD.value, literal_execute=True)
"""Written out in the statement: the index of held entries is for those that ask for them in so many words."""


class Reports:
    """Reads of one connection; nothing here writes."""

    def __init__(self, engine: Engine, connection: str) -> None:
        self._engine = engine
        self._name = connection

    def sums(self, *, flow: str | None = None) -> list[Sum]:
        """Add up the newest version of every record, by flow, company, stage, state and currency."""
        columns = (totals.c.flow, totals.c.company, totals.c.stage, totals.c.state, totals.c.currency)
        query = (
            select(*columns, totals.c.count, totals.c.units, totals.c.micros)
            .where(totals.c.connection == self._name, totals.c.latest, totals.c.count > 0)
            .order_by(*columns)
        )
        if flow is not None:
            query = query.where(totals.c.flow == flow)
        with reading(self._engine) as connection:
            return [
                Sum(row[0], row[1], Stage(row[2]), State(row[3]), row[4] or None, row[5], _amount(row[6], row[7]))
                for row in connection.execute(query)
            ]

    def miscounted(self, flow: str) -> list[str]:
        """Count the entries themselves, by an index alone; say where the totals tell another number.

        Both are read by one statement: between two, somebody else may write.
        """
        parts = []
        for table, number in ((entries, func.count()), (totals, func.sum(totals.c.count))):
            place = (table.c.stage, table.c.state)
            mine = (table.c.connection == self._name, table.c.flow == flow)
            parts.append(select(literal(table.name), *place, number).where(*mine).group_by(*place))
        with reading(self._engine) as connection:
            found = {tuple(row[:3]): int(row[3]) for row in connection.execute(union_all(*parts))}
        return [
            f"{state} in {stage}: {found.get(('entries', stage, state), 0)} records, "
            f"{found.get(('totals', stage, state), 0)} by the totals"
            for stage, state in sorted({place[1:] for place in found})
            if found.get(("entries", stage, state), 0) != found.get(("totals", stage, state), 0)
        ]

    def held(self, *, flow: str | None = None) -> list[HeldGroup]:
        """Group held entries by cause and cause key, the most first; the oldest of each is its example."""
        columns = (entries.c.flow, entries.c.stage, entries.c.cause, entries.c.cause_key, entries.c.currency)
        query = select(
            *columns,
            func.count().label("number"),
            func.sum(entries.c.amount_micros // UNIT).label("units"),
            func.sum(entries.c.amount_micros % UNIT).label("micros"),
            func.min(entries.c.since).label("since"),
            func.min(entries.c.id).label("oldest"),
        ).where(entries.c.connection == self._name, _IS_HELD)
        if flow is not None:
            query = query.where(entries.c.flow == flow)
        groups = query.group_by(*columns).subquery()
        named = [groups.c[column.name] for column in columns]
        told = (
            select(groups, entries.c.problem)
            .join(entries, entries.c.id == groups.c.oldest)
            .order_by(groups.c.number.desc(), *named)
        )
        with reading(self._engine) as connection:
            return [
                HeldGroup(
                    row.flow,
                    Stage(row.stage),
                    row.cause,
                    row.cause_key,
                    row.currency,
                    row.number,
                    _amount(row.units, row.micros),
                    row.since,
                    row.problem or "",
                )
                for row in connection.execute(told)
            ]

    def find(self, key: str) -> list[Entry]:
        """Find entries by key, document number, our reference or external id; every version, newest last."""
        named = self._named([key], entries.c.label, entries.c.reference, entries.c.external_id)
        query = select(entries).where(named).order_by(entries.c.flow, entries.c.key, entries.c.version)
        with reading(self._engine) as connection:
            return [to_entry(row) for row in connection.execute(query)]

    def _named(self, names: Sequence[str], *columns: Column[Any]) -> ColumnElement[bool]:
        """Make the condition of entries that have one of some names as key or in other columns, each by its index."""
        mine = entries.c.connection == self._name
        flows = select(totals.c.flow).where(totals.c.connection == self._name)  # the index of keys begins with them
        by_key = select(entries.c.id).where(mine, entries.c.flow.in_(flows), entries.c.key.in_(names))
        others = [select(entries.c.id).where(mine, column.in_(names)) for column in columns]
        return entries.c.id.in_(union_all(by_key, *others))

    def trail(self, entry: Entry) -> list[Happening]:
        """Tell everything that happened to an entry, in order."""
        query = select(events).where(events.c.entry_id == entry.id).order_by(events.c.seq)
        with reading(self._engine) as connection:
            return [
                Happening(row.seq, row.at, row.kind, row.before, row.after, row.actor, row.detail)
                for row in connection.execute(query)
            ]

    def archive_of(self, entry: Entry) -> str | None:
        """Name the archive that has the documents and events of an entry; None when they are here."""
        query = select(prunings.c.archive).where(prunings.c.id == entry.pruning)
        with reading(self._engine) as connection:
            return connection.execute(query).scalar()

    def select(
        self,
        *,
        flow: str | None = None,
        states: Sequence[State] = (),
        keys: Sequence[str] = (),
        causes: Sequence[str] = (),
        since: datetime | None = None,
        dated: tuple[date, date] | None = None,
        after: int = 0,
        limit: int = 500,
    ) -> list[Entry]:
        """Give newest versions that fit all conditions, by id."""
        mine = self._named(keys, entries.c.label) if keys else entries.c.connection == self._name
        conditions: list[Any] = [mine, entries.c.latest, entries.c.id > after]
        if flow is not None:
            conditions.append(entries.c.flow == flow)
        if states:
            named = entries.c.state.in_([state.value for state in states])
            conditions.append(_IS_HELD if tuple(states) == (State.HELD,) else named)
        if causes:
            conditions.append(entries.c.cause.in_(causes))
        if since is not None:
            conditions.append(entries.c.since >= since)
        if dated is not None:
            conditions.append(entries.c.dated.between(*dated))
        with reading(self._engine) as connection:
            return [
                to_entry(row)
                for row in connection.execute(select(entries).where(*conditions).order_by(entries.c.id).limit(limit))
            ]
