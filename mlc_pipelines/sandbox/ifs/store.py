"""The tenant's database: tables of rows, each with the identity and version its ETag is made of."""

import base64
import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mlc_pipelines.sandbox.ifs.schema import EntityType, Schema
from mlc_pipelines.sandbox.kernel.clock import SandboxClock

Key = tuple[Any, ...]


@dataclass
class Row:
    """One record; `read` says whether a client has ever seen it."""

    table: str
    objid: str
    objversion: str
    values: dict[str, Any]
    read: bool = False

    @property
    def etag(self) -> str:
        """The weak ETag: identity and version, in base64."""
        return f'W/"{base64.b64encode(f"{self.objid}:{self.objversion}".encode()).decode()}"'


class Store:
    """All tables under one lock; every change gives a row a new version, and a new ModifiedDate if it has one."""

    def __init__(self, schema: Schema, clock: SandboxClock) -> None:
        self.lock = threading.RLock()
        self.schema = schema
        self._clock = clock
        self._tables: dict[str, dict[Key, Row]] = {name: {} for name in schema.types}
        self._version = 0
        self._objid = 0
        self._sequences: dict[str, int] = {}
        self._ordered: dict[str, list[Row]] = {}  # rows by their keys, until a row comes or goes
        self._grouped: dict[str, dict[tuple[str, ...], dict[Key, list[Row]]]] = {}  # by the columns of `matching`
        self._undo: list[Callable[[], None]] | None = None  # what takes back the steps of a transaction under way

    def key(self, entity_type: EntityType, values: Mapping[str, Any]) -> Key:
        """Return the key of a record with these values."""
        return tuple(values[attribute.column] for attribute in entity_type.keys)

    def rows(self, table: str) -> Iterator[Row]:
        """Yield the rows of a table in the order of their keys."""
        if table not in self._ordered:
            found = self._tables[table]
            self._ordered[table] = [found[key] for key in sorted(found)]
        return iter(self._ordered[table])

    def seen(self, entity_type: EntityType) -> list[Row]:
        """Return the rows of a type, those that it shows of another among them, in the order of their keys."""
        rows = list(self.rows(entity_type.name))
        if entity_type.shows:
            rows = sorted([*rows, *self.rows(entity_type.shows)], key=lambda row: self.key(entity_type, row.values))
        return rows

    def matching(self, table: str, wanted: Mapping[str, Any]) -> list[Row]:
        """Return the rows of a table that have these values, in the order of their keys."""
        names, groups = tuple(wanted), self._grouped.setdefault(table, {})
        if names not in groups:
            made: dict[Key, list[Row]] = {}
            for row in self.rows(table):
                made.setdefault(tuple(row.values.get(name) for name in names), []).append(row)
            groups[names] = made
        return list(groups[names].get(tuple(wanted.values()), ()))

    def _look_anew(self, table: str) -> None:
        self._ordered.pop(table, None)
        self._grouped.pop(table, None)

    def find(self, table: str, key: Key) -> Row | None:
        """Return the row with this key."""
        return self._tables[table].get(key)

    def insert(self, table: str, values: Mapping[str, Any]) -> Row:
        """Keep a new row; attributes not given are null, and ModifiedDate is now unless it is given."""
        entity_type = self.schema.types[table]
        complete = {attribute.column: values.get(attribute.column) for attribute in entity_type.attributes}
        self._objid += 1
        row = Row(table, f"AAATKLAAFAAA{self._objid:06d}", "", complete)
        key = self.key(entity_type, complete)
        if key in self._tables[table]:
            raise ValueError(f"{table} {key} is there already")
        self._tables[table][key] = row
        self._look_anew(table)
        self._note(self._take_out, table, key)
        self.touch(row, keep_date=complete.get("ModifiedDate") is not None)
        return row

    def change(self, row: Row, values: Mapping[str, Any]) -> None:
        """Set attributes of a row and give it a new version."""
        self.correct(row, values)
        self.touch(row)

    def correct(self, row: Row, values: Mapping[str, Any]) -> None:
        """Set attributes of a row that keeps its version."""
        self._note(self._take_back, row, row.objversion, dict(row.values))
        row.values.update(values)
        self._grouped.pop(row.table, None)

    def touch(self, row: Row, *, keep_date: bool = False) -> None:
        """Give a row a new version, and so a new ETag."""
        self._note(self._take_back, row, row.objversion, dict(row.values))
        now = self._clock.now().replace(microsecond=0)
        self._version += 1
        row.objversion = f"{now:%Y%m%d%H%M%S}{self._version:06d}"
        if "ModifiedDate" in row.values and not keep_date:
            row.values["ModifiedDate"] = now

    def remove(self, row: Row) -> None:
        """Take a row out of its table."""
        key = self.key(self.schema.types[row.table], row.values)
        self._take_out(row.table, key)
        self._note(self._put_back, key, row)

    def _note(self, take_back: Callable[..., None], *what: Any) -> None:
        if self._undo is not None:
            self._undo.append(functools.partial(take_back, *what))

    def _take_out(self, table: str, key: Key) -> None:
        del self._tables[table][key]
        self._look_anew(table)

    def _put_back(self, key: Key, row: Row) -> None:
        self._tables[row.table][key] = row
        self._look_anew(row.table)

    def _take_back(self, row: Row, objversion: str, values: dict[str, Any]) -> None:
        row.objversion, row.values = objversion, values
        self._grouped.pop(row.table, None)

    def following(self, sequence: str, *, start: int) -> int:
        """Return the next number of a sequence that begins at start."""
        self._sequences[sequence] = max(self._sequences.get(sequence, start - 1), start - 1) + 1
        return self._sequences[sequence]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Take back everything that a block did when it fails; number sequences keep their gaps, as databases do."""
        undo = self._undo = []
        try:
            yield
        except BaseException:
            for take_back in reversed(undo):
                take_back()
            raise
        finally:
            self._undo = None
