"""Intents and outcomes: what is about to be written to a target, committed before and after the call."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, exists, func, select, update

from mlc_pipelines.ledger import chain
from mlc_pipelines.ledger.bindings import bind
from mlc_pipelines.ledger.bulk import among, insert_rows, numbers_for
from mlc_pipelines.ledger.database import reading, writing
from mlc_pipelines.ledger.entries import to_entry
from mlc_pipelines.ledger.leases import Lease, LeaseLostError
from mlc_pipelines.ledger.moves import FENCED, Move, write_moves
from mlc_pipelines.ledger.records import Absent, Entry, Hold, Landed, Outcome, Postponed, Unknown
from mlc_pipelines.ledger.states import Stage, State
from mlc_pipelines.ledger.tables import entries, intents, totals
from mlc_pipelines.wire.clock import Clock


@dataclass(frozen=True, slots=True)
class Intent:
    """A write that was announced. `entry` is as it stands after the announcement.

    `closed_at` is when its answer was missed, by the clock alone, where an event is never put into a sealed day; it
    was perhaps never `sent` where its worker stopped.
    """

    id: int
    entry: Entry
    opened_at: datetime
    closed_at: datetime | None = None
    sent: bool = True


_CLOSE = (
    update(intents)
    .where(intents.c.id == bindparam("b_id"), FENCED)
    .values(outcome=bindparam("b_outcome"), closed_at=bindparam("b_closed_at"), external_id=bindparam("b_external_id"))
)
_ABSENT, _REFUSED, _LANDED = "absent", "refused", "landed"
_UNSENT, _STOPPED, _POSTPONED = "unsent", "stopped", "postponed"
_ENDED = intents.c.outcome.in_([_ABSENT, _REFUSED, _LANDED])
"""A write that was postponed, perhaps never sent, or of whose outcome nothing is known yet, says nothing."""
_LATER, _LOST = intents.alias("later"), intents.alias("lost")
_FIRST_LOST = (
    select(func.min(_LOST.c.opened_at))
    .where(
        _LOST.c.entry_id == intents.c.entry_id,
        _LOST.c.outcome.is_distinct_from(_POSTPONED),
        ~exists(
            select(_LATER.c.id).where(
                _LATER.c.entry_id == _LOST.c.entry_id,
                _LATER.c.id >= _LOST.c.id,
                _LATER.c.outcome.in_([_REFUSED, _LANDED]),
            )
        ),
    )
    .scalar_subquery()
)
_UNSETTLED = (
    select(
        entries, intents.c.id.label("intent_id"), _FIRST_LOST.label("opened_at"), intents.c.closed_at, intents.c.outcome
    )
    .join(intents, intents.c.entry_id == entries.c.id)
    .where(
        entries.c.connection == bindparam("b_connection"),
        entries.c.flow == bindparam("b_flow"),
        entries.c.stage == bindparam("b_stage"),
        entries.c.state.in_([State.SENDING.value, State.UNKNOWN.value]),
        ~exists(select(_LATER.c.id).where(_LATER.c.entry_id == intents.c.entry_id, _LATER.c.id > intents.c.id)),
    )
    .order_by(entries.c.id)
)


class Intents:
    """The intents of one connection."""

    def __init__(self, engine: Engine, clock: Clock, connection: str) -> None:
        self._engine = engine
        self._clock = clock
        self._name = connection

    def open(self, batch: Sequence[Entry], lease: Lease) -> list[Intent]:
        """Commit that these entries are about to be sent; they are SENDING afterwards."""
        with writing(self._engine) as connection:
            now = self._clock.now()
            ids = numbers_for(connection, intents, len(batch))
            rows = [self._row(id_, entry, now, lease) for id_, entry in zip(ids, batch, strict=True)]
            insert_rows(connection, intents, rows)
            moves = [
                Move(
                    entry,
                    State.SENDING,
                    "sending",
                    detail={"intent": id_, "attempt": entry.attempts + 1},
                    values={"attempts": entry.attempts + 1},
                )
                for id_, entry in zip(ids, batch, strict=True)
            ]
            write_moves(connection, moves, now, lease=lease)
            these = among(connection, entries.c.id, [entry.id for entry in batch])
            fresh = {row.id: to_entry(row) for row in connection.execute(select(entries).where(these))}
        return [Intent(id_, fresh[entry.id], now) for id_, entry in zip(ids, batch, strict=True)]

    def _row(self, id_: int, entry: Entry, now: datetime, lease: Lease) -> dict[str, Any]:
        return {
            "id": id_,
            "connection": self._name,
            "flow": entry.flow,
            "entry_id": entry.id,
            "stage": entry.stage.value,
            "reference": entry.reference,
            "payload_hash": chain.digest(entry.payload or b""),
            "fence": lease.fence,
            "opened_at": now,
        }

    def close(self, results: Sequence[tuple[Intent, Outcome]], lease: Lease, *, kind: str, last: bool) -> None:
        """Commit what came of intents, in one transaction, unless another worker has taken over meanwhile.

        `kind` is the kind of binding that a landed delivery makes; `last` tells that the flow has no write back.
        """
        with writing(self._engine) as connection:
            now = self._clock.now()
            told = [
                {
                    "b_id": intent.id,
                    "b_outcome": _name(outcome),
                    "b_closed_at": now,
                    "b_external_id": getattr(outcome, "external_id", None),
                    "b_lease": lease.name,
                    "b_fence": lease.fence,
                }
                for intent, outcome in results
            ]
            if told and connection.execute(_CLOSE, told).rowcount != len(told):
                raise LeaseLostError(f"{lease.name}: another worker took over and settles what this one has sent")
            moves = [_consequence(intent, outcome, last=last) for intent, outcome in results]
            landed = [
                (intent.entry, outcome.external_id)
                for intent, outcome in results
                if isinstance(outcome, Landed) and intent.entry.stage is Stage.DELIVER
            ]
            bind(connection, landed, kind, now)
            write_moves(connection, [move for move in moves if move is not None], now, lease=lease)

    def unsettled(self, flow: str, stage: Stage) -> list[Intent]:
        """Give the writes whose outcome nobody knows: open after a crash, or sent without an answer.

        One that was sent again and again counts from when the first of them was opened.
        """
        wanted = {"b_connection": self._name, "b_flow": flow, "b_stage": stage.value}
        with reading(self._engine) as connection:
            rows = connection.execute(_UNSETTLED, wanted)
            return [
                Intent(row.intent_id, to_entry(row), row.opened_at, row.closed_at, sent=row.outcome != _STOPPED)
                for row in rows
            ]

    def in_vain(self, those: Sequence[Entry], *, times: int, at_most: int) -> dict[int, int]:
        """Of entries, give those whose last writes lost their answer and were not there, and how many these were.

        So many `times`, where others of their flow and stage landed since the second of them: else it is not the
        entry that the target fails on. So many `at_most` whatever became of others.
        """
        lost: dict[int, list[int]] = {}  # the newest first
        ended: set[int] = set()
        with reading(self._engine) as connection:
            these = (among(connection, intents.c.entry_id, [entry.id for entry in those]), _ENDED)
            columns = (intents.c.id, intents.c.entry_id, intents.c.outcome)
            for row in connection.execute(select(*columns).where(*these).order_by(intents.c.id.desc())):
                if row.outcome != _ABSENT:
                    ended.add(row.entry_id)
                elif row.entry_id not in ended:
                    lost.setdefault(row.entry_id, []).append(row.id)
            return {
                entry.id: len(ids)
                for entry in those
                if len(ids := lost.get(entry.id, [])) >= times
                and (len(ids) >= at_most or self._landed_since(connection, entry, ids[times - 2]))
            }

    def _landed_since(self, connection: Connection, entry: Entry, intent_id: int) -> bool:
        others = (
            intents.c.id > intent_id,
            intents.c.connection == self._name,
            intents.c.flow == entry.flow,
            intents.c.stage == entry.stage.value,
            intents.c.outcome == _LANDED,
        )
        return connection.execute(select(intents.c.id).where(*others).limit(1)).first() is not None

    def count_open(self) -> dict[str, int]:
        """Count open or unknown writes by flow."""
        count = func.sum(totals.c.count)
        query = (
            select(totals.c.flow, count)
            .where(totals.c.connection == self._name, totals.c.state.in_([State.SENDING.value, State.UNKNOWN.value]))
            .group_by(totals.c.flow)
            .having(count > 0)
        )
        with reading(self._engine) as connection:
            return {row[0]: int(row[1]) for row in connection.execute(query)}


def _name(outcome: Outcome) -> str:
    if isinstance(outcome, Absent) and not outcome.sent:
        return _UNSENT
    if isinstance(outcome, Unknown) and not outcome.sent:
        return _STOPPED
    return _REFUSED if isinstance(outcome, Hold) else type(outcome).__name__.lower()


def _consequence(intent: Intent, outcome: Outcome, *, last: bool) -> Move | None:
    entry = intent.entry
    detail: dict[str, Any] = {"intent": intent.id}
    match outcome:
        case Landed(external_id=external_id, detail=facts):
            return _landed(entry, external_id, {**detail, **facts, "external_id": external_id}, last=last)
        case Hold(cause=cause, problem=problem, key=key):
            values = {"cause": cause.value, "cause_key": key, "problem": problem}
            return Move(
                entry, State.HELD, "refused", detail={**detail, "cause": cause.value, "problem": problem}, values=values
            )
        case Postponed(problem=problem):
            return Move(
                entry, State.POSTPONED, "postponed", detail={**detail, "problem": problem}, values={"problem": problem}
            )
        case Absent():
            return (
                None if entry.state is State.SENDING else Move(entry, _before_sending(entry), "absent", detail=detail)
            )
        case _:
            if entry.state is State.UNKNOWN:
                return None
            return Move(
                entry,
                State.UNKNOWN,
                "answer lost",
                detail={**detail, "problem": outcome.problem},
                values={"problem": outcome.problem},
            )


def _landed(entry: Entry, external_id: str, detail: dict[str, Any], *, last: bool) -> Move:
    if entry.stage is Stage.CONFIRM:
        return Move(entry, State.CONFIRMED, "confirmed", detail=detail, values={"confirmation": external_id})
    stage = Stage.DONE if last else Stage.CONFIRM
    return Move(
        entry, State.DELIVERED, "delivered", detail=detail, values={"external_id": external_id, "stage": stage.value}
    )


def _before_sending(entry: Entry) -> State:
    return State.DELIVERED if entry.stage is Stage.CONFIRM else State.TRANSLATED
