"""Reads the ledger for people: sums by state, holds by cause, the trail of one record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, func, or_, select

from mlc_pipelines.ledger.database import reading
from mlc_pipelines.ledger.entries import to_entry
from mlc_pipelines.ledger.records import Entry, from_micros
from mlc_pipelines.ledger.states import Stage, State
from mlc_pipelines.ledger.tables import entries, events


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


class Reports:
    """Reads of one connection; nothing here writes."""

    def __init__(self, engine: Engine, connection: str) -> None:
        self._engine = engine
        self._name = connection

    def sums(self, *, flow: str | None = None) -> list[Sum]:
        """Add up the newest version of every record, by flow, company, stage, state and currency."""
        columns = (entries.c.flow, entries.c.company, entries.c.stage, entries.c.state, entries.c.currency)
        query = (
            select(*columns, func.count(), func.coalesce(func.sum(entries.c.amount_micros), 0))
            .where(entries.c.connection == self._name, entries.c.latest)
            .group_by(*columns)
            .order_by(*columns)
        )
        if flow is not None:
            query = query.where(entries.c.flow == flow)
        with reading(self._engine) as connection:
            return [
                Sum(
                    row[0], row[1], Stage(row[2]), State(row[3]), row[4], row[5], from_micros(int(row[6])) or Decimal(0)
                )
                for row in connection.execute(query)
            ]

    def held(self, *, flow: str | None = None) -> list[HeldGroup]:
        """Group held entries by cause and cause key, the most first."""
        columns = (entries.c.flow, entries.c.stage, entries.c.cause, entries.c.cause_key, entries.c.currency)
        query = (
            select(
                *columns,
                func.count(),
                func.coalesce(func.sum(entries.c.amount_micros), 0),
                func.min(entries.c.since),
                func.min(entries.c.problem),
            )
            .where(entries.c.connection == self._name, entries.c.state == State.HELD.value)
            .group_by(*columns)
            .order_by(func.count().desc(), *columns)
        )
        if flow is not None:
            query = query.where(entries.c.flow == flow)
        with reading(self._engine) as connection:
            return [
                HeldGroup(
                    row[0],
                    Stage(row[1]),
                    row[2],
                    row[3],
                    row[4],
                    row[5],
                    from_micros(int(row[6])) or Decimal(0),
                    row[7],
                    row[8] or "",
                )
                for row in connection.execute(query)
            ]

    def find(self, key: str) -> list[Entry]:
        """Find entries by key, document number, our reference or external id; every version, newest last."""
        query = (
            select(entries)
            .where(
                entries.c.connection == self._name,
                or_(
                    entries.c.key == key,
                    entries.c.label == key,
                    entries.c.reference == key,
                    entries.c.external_id == key,
                ),
            )
            .order_by(entries.c.flow, entries.c.key, entries.c.version)
        )
        with reading(self._engine) as connection:
            return [to_entry(row) for row in connection.execute(query)]

    def trail(self, entry: Entry) -> list[Happening]:
        """Tell everything that happened to an entry, in order."""
        query = select(events).where(events.c.entry_id == entry.id).order_by(events.c.seq)
        with reading(self._engine) as connection:
            return [
                Happening(row.seq, row.at, row.kind, row.before, row.after, row.actor, row.detail)
                for row in connection.execute(query)
            ]

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
        conditions: list[Any] = [entries.c.connection == self._name, entries.c.latest, entries.c.id > after]
        if flow is not None:
            conditions.append(entries.c.flow == flow)
        if states:
            conditions.append(entries.c.state.in_([state.value for state in states]))
        if keys:
            conditions.append(or_(entries.c.key.in_(keys), entries.c.label.in_(keys)))
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
