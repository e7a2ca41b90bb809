"""Many rows into one table: numbers given beforehand, and one prepared statement for all of them."""

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Insert,
    LargeBinary,
    Table,
    any_,
    func,
    insert,
    literal,
    select,
    text,
)
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


def among(connection: Connection, column: Column[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Match a column with any of very many values; they are one parameter, however many there are."""
    if connection.dialect.name == "postgresql":
        return column == any_(literal(list(values), ARRAY(column.type)))
    each = func.json_each(msgspec.json.encode(values).decode()).table_valued("value")
    return column.in_(select(each.c.value))


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that have the same columns."""
    if rows:
        insert_columns(connection, table, {name: [row[name] for row in rows] for name in rows[0]})


def insert_columns(connection: Connection, table: Table, columns: Mapping[str, Sequence[Any]]) -> None:
    """Insert rows given by column, as many values in each."""
    write_columns(connection, _inserting(table), columns)


_inserting = functools.cache(insert)


def write_columns(connection: Connection, statement: Insert, columns: Mapping[str, Sequence[Any]]) -> None:
    """Execute an INSERT that is kept, with its rows given by column.

    As `connection.execute(statement, rows)`, which prepares each row anew and takes twice the time; one with
    ON CONFLICT it even compiles anew each time.
    """
    sql, positions, processors = _prepared(statement, tuple(columns), connection.dialect)
    ready = {
        name: _processed(processors[name], column) if name in processors else column for name, column in columns.items()
    }
    if positions is None:
        rows: Any = [dict(zip(ready, row, strict=True)) for row in zip(*ready.values(), strict=True)]
    else:
        rows = list(zip(*(ready[name] for name in positions), strict=True))
    connection.exec_driver_sql(sql, rows)


def put_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that have the same columns; one whose primary key is there already takes its place."""
    statement = _putting(table, tuple(rows[0]), connection.dialect.name)
    write_columns(connection, statement, {name: [row[name] for row in rows] for name in rows[0]})


@functools.lru_cache(maxsize=32)
def _putting(table: Table, names: tuple[str, ...], dialect: str) -> postgresql.Insert | sqlite.Insert:
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
    keys = [column.name for column in table.primary_key]
    fresh = {name: statement.excluded[name] for name in names if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=fresh)


_Processor = Callable[[Any], Any]


def _processed(process: _Processor, column: Sequence[Any]) -> list[Any]:
    """Process each value of a column; days and moments repeat themselves, so that each is processed once."""
    done = {value: process(value) for value in set(column)}
    return [done[value] for value in column]


@functools.lru_cache(maxsize=32)
def _prepared(
    statement: Insert, names: tuple[str, ...], dialect: Dialect
) -> tuple[str, list[str] | None, dict[str, _Processor]]:
    """Compile the statement, and find what turns a column's value into the driver's, where something must."""
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    columns = statement.table.c
    types = {name: columns[name].type for name in names if not isinstance(columns[name].type, LargeBinary)}
    processors = {name: type_.dialect_impl(dialect).bind_processor(dialect) for name, type_ in types.items()}
    return (
        str(compiled),
        compiled.positiontup if compiled.positional else None,
        {name: process for name, process in processors.items() if process is not None},
    )
