"""Many rows into one table: numbers given beforehand, and one prepared statement for all of them."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Table, func, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite

from mlc_pipelines.ledger.tables import entries, events


def numbers_for(connection: Connection, table: Table, count: int) -> Sequence[int]:
    """Take numbers for `count` rows of a table, in the caller's write transaction; none is given twice.

    An event's hash has the number of its entry in it, so that it must be known before the entry is written.
    PostgreSQL gives them out of the table's sequence. SQLite has one writer at a time, who counts on from the last.
    """
    if connection.dialect.name == "postgresql":
        query = text("SELECT nextval(pg_get_serial_sequence(:table, 'id')) FROM generate_series(1, :count)")
        return connection.execute(query, {"table": table.name, "count": count}).scalars().all()
    last = connection.execute(select(func.max(table.c.id))).scalar() or 0
    if table is entries:  # the events of an entry outlive it when somebody deletes it: its number must not come back
        last = max(last, connection.execute(select(func.max(events.c.entry_id))).scalar() or 0)
    return range(last + 1, last + 1 + count)


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that have the same columns.

    As `connection.execute(insert(table), rows)`, which prepares each row anew and takes twice the time.
    """
    if not rows:
        return
    statement, positions, processors = _prepared(table, tuple(rows[0]), connection.dialect)
    if positions is None:
        ready: Any = [
            {name: process(row[name]) if process else row[name] for name, process in processors} for row in rows
        ]
    else:
        ready = [tuple(process(row[name]) if process else row[name] for name, process in processors) for row in rows]
    connection.exec_driver_sql(statement, ready)


def put_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that have the same columns; one whose primary key is there already takes its place."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    keys = [column.name for column in table.primary_key]
    statement = make(table)
    fresh = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=fresh), rows)


_Processor = Callable[[Any], Any] | None


@functools.lru_cache(maxsize=32)
def _prepared(
    table: Table, names: tuple[str, ...], dialect: Dialect
) -> tuple[str, list[str] | None, list[tuple[str, _Processor]]]:
    """Compile the statement, and find what turns each column's value into the driver's."""
    compiled = insert(table).compile(dialect=dialect, column_keys=list(names))
    positions = compiled.positiontup if compiled.positional else None
    order = positions if positions is not None else names
    return (
        str(compiled),
        positions,
        [(name, table.c[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in order],
    )
