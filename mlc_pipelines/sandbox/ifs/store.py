"""The tenant's database: tables of rows, each with the identity and version its ETag is made of."""

import base64
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlc_pipelines.sandbox.ifs.schema import EntityType, Schema
from mlc_pipelines.sandbox.kernel.clock import SandboxClock

Key = tuple[Any, ...]
FOLLOWING = frozenset({"VoucherRowAnalysis"})  # nobody writes it, yet it changes with other tables


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

    def key(self, entity_type: EntityType, values: Mapping[str, Any]) -> Key:
        """Return the key of a record with these values."""
        return tuple(values[attribute.column] for attribute in entity_type.keys)

    def rows(self, table: str) -> Iterator[Row]:
        """Yield the rows of a table in the order of their keys."""
        if table not in self._ordered:
            found = self._tables[table]
            self._ordered[table] = [found[key] for key in sorted(found)]
        return iter(self._ordered[table])

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
        self.touch(row, keep_date=complete.get("ModifiedDate") is not None)
        return row

    def change(self, row: Row, values: Mapping[str, Any]) -> None:
        """Set attributes of a row and give it a new version."""
        row.values.update(values)
        self._grouped.pop(row.table, None)
        self.touch(row)

    def touch(self, row: Row, *, keep_date: bool = False) -> None:
        """Give a row a new version, and so a new ETag."""
        now = self._clock.now().replace(microsecond=0)
        self._version += 1
        row.objversion = f"{now:%Y%m%d%H%M%S}{self._version:06d}"
        if "ModifiedDate" in row.values and not keep_date:
            row.values["ModifiedDate"] = now

    def remove(self, row: Row) -> None:
        """Take a row out of its table."""
        del self._tables[row.table][self.key(self.schema.types[row.table], row.values)]
        self._look_anew(row.table)

    def following(self, sequence: str, *, start: int) -> int:
        """Return the next number of a sequence that begins at start."""
        self._sequences[sequence] = max(self._sequences.get(sequence, start - 1), start - 1) + 1
        return self._sequences[sequence]

    def snapshot(self) -> dict[str, dict[Key, tuple[Row, str, dict[str, Any]]]]:
        """Return what a change set needs to undo everything it did."""
        return {
            table: {key: (row, row.objversion, dict(row.values)) for key, row in rows.items()}
            for table, rows in self._tables.items()
            if self.schema.types[table].abilities or table in FOLLOWING
        }

    def restore(self, snapshot: dict[str, dict[Key, tuple[Row, str, dict[str, Any]]]]) -> None:
        """Undo everything since the snapshot; number sequences keep their gaps, as databases do."""
        for table, rows in snapshot.items():
            self._tables[table] = {}
            self._look_anew(table)
            for key, (row, objversion, values) in rows.items():
                row.objversion, row.values = objversion, values
                self._tables[table][key] = row
