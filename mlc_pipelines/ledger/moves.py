"""Writes moves of entries and their events, many at a time, in a transaction that the caller opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, exists, func, select, update

from mlc_pipelines.ledger import chain, totals
from mlc_pipelines.ledger.bulk import insert_rows
from mlc_pipelines.ledger.leases import Lease, LeaseLostError
from mlc_pipelines.ledger.records import Entry, to_micros
from mlc_pipelines.ledger.states import State, check_move, stage_after
from mlc_pipelines.ledger.tables import entries, events, leases, seals


@dataclass(frozen=True, slots=True)
class Move:
    """One entry goes to one state; `values` are further columns, `detail` the facts of the event."""

    entry: Entry
    after: State
    kind: str
    actor: str = "mlc"
    detail: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)


_COLUMNS = ("cause", "cause_key", "problem", "reference", "external_id", "confirmation", "attempts", "payload", "stage")


FENCED = exists(
    select(leases.c.name).where(leases.c.name == bindparam("b_lease"), leases.c.fence == bindparam("b_fence"))
)
"""The SQL condition under which a worker may still write: its lease is in nobody else's hands."""

_MOVE = (
    update(entries)
    .where(
        entries.c.id == bindparam("b_id"),
        entries.c.chain_head == bindparam("b_head"),
        entries.c.latest == bindparam("b_latest"),
        entries.c.pruning.is_(None),  # its documents are in an archive: it goes nowhere any more
    )
    .values(
        {name: bindparam(f"b_{name}") for name in (*_COLUMNS, "state", "since", "chain_seq")}
        | {"chain_head": bindparam("b_new_head")}
    )
)
_FENCED_MOVE = _MOVE.where(FENCED)
_NEWEST_SEAL = select(func.max(seals.c.day))


def event_time(connection: Connection, now: datetime) -> datetime:
    """Give the time of an event: now, but no day that is sealed already, by a clock that was ahead for a while."""
    sealed = connection.execute(_NEWEST_SEAL).scalar()
    return max(now, datetime.combine(sealed, time(), UTC) + timedelta(days=1)) if sealed else now


def check_fence(connection: Connection, lease: Lease | None) -> None:
    """Raise LeaseLostError when another worker overtook us; none can until this transaction ends."""
    if lease is None:
        return
    fence = connection.execute(select(leases.c.fence).where(leases.c.name == lease.name).with_for_update(read=True))
    if fence.scalar() != lease.fence:
        raise LeaseLostError(f"{lease.name}: another worker took over; this one stops")


def write_moves(connection: Connection, moves: Sequence[Move], now: datetime, *, lease: Lease | None) -> None:
    """Write moves; raise LeaseLostError when another worker overtook us or moved an entry meanwhile."""
    if not moves:
        return
    written: list[dict[str, Any]] = []
    updates: list[dict[str, Any]] = []
    shifts: list[totals.Shift] = []
    now = event_time(connection, now)
    for move in moves:
        check_move(move.entry.state, move.after)
        kept = _kept(move)
        event = _event(move, now, kept)
        written.append(event)
        updates.append(_row(move, event, kept, now))
        before = _place(move.entry)
        shifts += [(before, -1), ({**before, "stage": kept["stage"], "state": move.after.value}, 1)]
    moved = connection.execute(
        _MOVE if lease is None else _FENCED_MOVE,
        updates if lease is None else [{**row, "b_lease": lease.name, "b_fence": lease.fence} for row in updates],
    )
    if moved.rowcount != len(updates):
        name = lease.name if lease else moves[0].entry.connection
        raise LeaseLostError(f"{name}: an entry was moved by another worker meanwhile; this one stops")
    insert_rows(connection, events, written)
    totals.shift(connection, shifts)


def _place(entry: Entry) -> dict[str, Any]:
    """Give what the totals need of an entry, as it was before the move."""
    told = {name: getattr(entry, name) for name in totals.PLACE}
    return {**told, "stage": entry.stage.value, "state": entry.state.value, "amount_micros": to_micros(entry.amount)}


def _event(move: Move, now: datetime, kept: Mapping[str, Any]) -> dict[str, Any]:
    entry = move.entry
    facts: dict[str, Any] = {
        "entry_id": entry.id,
        "seq": entry.chain_seq + 1,
        "at": now,
        "kind": move.kind,
        "before": entry.state.value,
        "after": move.after.value,
        "actor": move.actor,
        "detail": chain.encode({**move.detail, "row": chain.row_digest(_sealed(entry, kept))}),
        "previous": entry.chain_head,
    }
    return {**facts, "hash": chain.event_hash(**facts)}


def _sealed(entry: Entry, kept: Mapping[str, Any]) -> dict[str, Any]:
    """Give the columns that an event seals, as they are after the move."""
    return {**{name: getattr(entry, name, None) for name in chain.SEALED_COLUMNS}, **kept,
            "amount_micros": to_micros(entry.amount)}  # fmt: skip


def _kept(move: Move) -> dict[str, Any]:
    entry = move.entry
    return {
        "cause": None,
        "cause_key": None,
        "problem": None,
        "reference": entry.reference,
        "external_id": entry.external_id,
        "confirmation": entry.confirmation,
        "attempts": entry.attempts,
        "payload": entry.payload,
        "stage": stage_after(move.after, entry.stage).value,
        **move.values,
    }


def _row(move: Move, event: Mapping[str, Any], kept: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    entry = move.entry
    row = {f"b_{name}": kept[name] for name in _COLUMNS}
    return row | {
        "b_id": entry.id,
        "b_head": entry.chain_head,
        "b_latest": entry.latest,
        "b_new_head": event["hash"],
        "b_state": move.after.value,
        "b_since": now,
        "b_chain_seq": event["seq"],
    }
