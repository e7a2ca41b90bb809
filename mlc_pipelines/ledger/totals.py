"""Totals: how many entries stand where, and their money; kept with every write, so that nobody has to count.

An amount is kept as whole units and millionths of a unit apart: in one number, a year's invoices in dong or rupiah
would not fit.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite

from mlc_pipelines.ledger.bulk import write_columns
from mlc_pipelines.ledger.tables import entries, totals

UNIT = 1_000_000
PLACE = ("connection", "flow", "company", "stage", "state", "currency", "latest")
Shift = tuple[Mapping[str, Any], int]
"""The columns of an entry, and +1 for one that comes to that place, -1 for one that leaves it."""


def shift(connection: Connection, shifts: Iterable[Shift]) -> None:
    """Bring the totals on, in the caller's write transaction."""
    sums: dict[tuple[Any, ...], list[int]] = {}
    for row, sign in shifts:
        place = tuple(row[name] or "" if name == "currency" else row[name] for name in PLACE)
        _add(sums, place, row["amount_micros"], sign)
    _write(connection, sums)


def come(connection: Connection, columns: dict[str, Sequence[Any]]) -> None:
    """Add new entries, given by column."""
    sums: dict[tuple[Any, ...], list[int]] = {}
    told = columns | {"currency": [currency or "" for currency in columns["currency"]]}
    places = zip(*(told[name] for name in PLACE), strict=True)
    for place, micros in zip(places, columns["amount_micros"], strict=True):
        _add(sums, place, micros, 1)
    _write(connection, sums)


def _add(sums: dict[tuple[Any, ...], list[int]], place: tuple[Any, ...], micros: int | None, sign: int) -> None:
    kept = sums.setdefault(place, [0, 0])
    kept[0] += sign
    kept[1] += sign * (micros or 0)


def _write(connection: Connection, sums: Mapping[tuple[Any, ...], list[int]]) -> None:
    rows = [
        (*place, count, micros // UNIT, micros % UNIT)
        for place, (count, micros) in sorted(sums.items())  # in one order, so that no two writers wait for each other
        if count or micros
    ]
    if rows:
        columns = dict(zip((*PLACE, "count", "units", "micros"), zip(*rows, strict=True), strict=True))
        write_columns(connection, _statement(connection.dialect.name), columns)


@functools.cache
def _statement(dialect: str) -> postgresql.Insert | sqlite.Insert:
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(totals)
    more = {name: totals.c[name] + statement.excluded[name] for name in ("count", "units", "micros")}
    return statement.on_conflict_do_update(index_elements=list(PLACE), set_=more)


def micros_of(units: int | None, micros: int | None) -> int:
    """Put an amount together again, in millionths."""
    return int(units or 0) * UNIT + int(micros or 0)


def told(connection: Connection) -> dict[tuple[Any, ...], tuple[int, int]]:
    """Give the totals as they are kept: count and millionths by place; places where nothing stands are left out."""
    rows = connection.execute(select(totals))
    kept = {
        tuple(row._mapping[name] for name in PLACE): (row._mapping["count"], micros_of(row.units, row.micros))
        for row in rows
    }
    return {place: there for place, there in kept.items() if there != (0, 0)}


def counted(connection: Connection) -> dict[tuple[Any, ...], tuple[int, int]]:
    """Count the entries themselves, all of them: what the totals must come to."""
    currency = func.coalesce(entries.c.currency, literal_column("''"))
    places = [currency if name == "currency" else entries.c[name] for name in PLACE]
    amount = entries.c.amount_micros
    query = select(*places, func.count(), func.sum(amount // UNIT), func.sum(amount % UNIT)).group_by(*places)
    return {tuple(row[:-3]): (row[-3], micros_of(row[-2], row[-1])) for row in connection.execute(query)}
