"""Totals: how many entries stand where, and their money; kept with every write, so that nobody has to count.

An amount is kept as whole units and millionths of a unit apart: in one number, a year's invoices in dong or rupiah
would not fit.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, func, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite

from mlc_pipelines.ledger.tables import entries, totals

UNIT = 1_000_000
PLACE = ("connection", "flow", "company", "stage", "state", "currency", "latest")
Shift = tuple[Mapping[str, Any], int]
"""The columns of an entry, and +1 for one that comes to that place, -1 for one that leaves it."""


def shift(connection: Connection, shifts: Iterable[Shift]) -> None:
    """Bring the totals on, in the caller's write transaction."""
    sums: dict[tuple[Any, ...], list[int]] = {}
    for row, sign in shifts:
        place = sums.setdefault(tuple(row[name] or "" if name == "currency" else row[name] for name in PLACE), [0, 0])
        place[0] += sign
        place[1] += sign * (row["amount_micros"] or 0)
    rows = [
        dict(zip(PLACE, place, strict=True)) | {"count": count, "units": micros // UNIT, "micros": micros % UNIT}
        for place, (count, micros) in sorted(sums.items())  # in one order, so that no two writers wait for each other
        if count or micros
    ]
    if not rows:
        return
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(totals)
    more = {name: totals.c[name] + statement.excluded[name] for name in ("count", "units", "micros")}
    connection.execute(statement.on_conflict_do_update(index_elements=list(PLACE), set_=more), rows)


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
