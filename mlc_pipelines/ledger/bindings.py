"""Bindings: the key of a record in its source and its id in the target."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Engine, insert, select, update

from mlc_pipelines.ledger.bulk import among, put_rows
from mlc_pipelines.ledger.database import reading, writing
from mlc_pipelines.ledger.leases import Lease
from mlc_pipelines.ledger.moves import check_fence
from mlc_pipelines.ledger.records import Entry, is_kept, is_word
from mlc_pipelines.ledger.tables import bindings, reference_data
from mlc_pipelines.wire.clock import Clock

logger = logging.getLogger(__name__)

NOTES = frozenset({"supplier_invoice", "invoice_number"})
"""Kinds under which a flow keeps notes of what it has begun; no delivery made them."""

_IN = 500


@dataclass(frozen=True, slots=True)
class Binding:
    """One record on both sides."""

    kind: str
    key: str
    external_id: str
    reference: str | None


def bind(connection: Connection, landed: Sequence[tuple[Entry, str]], kind: str, now: datetime) -> None:
    """Write the bindings of entries and their ids in the target, in the caller's transaction.

    A later one for the same key takes its place.
    """
    rows = [
        {
            "connection": entry.connection,
            "kind": kind,
            "key": entry.key,
            "external_id": external_id,
            "reference": entry.reference,
            "entry_id": entry.id,
            "changed_at": now,
        }
        for entry, external_id in landed
    ]
    if rows:
        put_rows(connection, bindings, rows)


def changes_since(connection: Connection, name: str, causes: Mapping[str, datetime]) -> dict[str, datetime]:
    """Of causes (`kind:key`) and the times they came up, give those whose word or binding changed since, and when."""
    kinds: dict[str, list[str]] = {}
    for cause in causes:
        kind, _, key = cause.partition(":")
        kinds.setdefault(kind, []).append(key)
    changed: dict[str, datetime] = {}
    for kind, keys in kinds.items():
        for start in range(0, len(keys), _IN):
            part = keys[start : start + _IN]
            for table in (reference_data, bindings):
                mine = (table.c.connection == name, table.c.kind == kind, table.c.key.in_(part))
                for row in connection.execute(select(table.c.key, table.c.changed_at).where(*mine)):
                    cause = f"{kind}:{row.key}"
                    if row.changed_at > causes[cause]:
                        changed[cause] = max(row.changed_at, changed.get(cause, row.changed_at))
    return changed


class Dictionary:
    """What a connection knows of names: bindings made by deliveries, and reference data read from either side.

    `held` gives the leases of this process under a name: whoever works under one that was overtaken writes nothing.
    """

    def __init__(
        self, engine: Engine, clock: Clock, connection: str, held: Callable[[str], Sequence[Lease]] = lambda _: ()
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._name = connection
        self._held = held

    def bound(self, kind: str) -> dict[str, str]:
        """Give all bindings of a kind: key to external id."""
        query = select(bindings.c.key, bindings.c.external_id).where(
            bindings.c.connection == self._name, bindings.c.kind == kind
        )
        with reading(self._engine) as connection:
            return {row.key: row.external_id for row in connection.execute(query)}

    def bound_among(self, kind: str, keys: Sequence[str]) -> dict[str, str]:
        """Give the bindings of some keys: key to external id."""
        mine = (bindings.c.connection == self._name, bindings.c.kind == kind)
        with reading(self._engine) as connection:
            these = among(connection, bindings.c.key, keys)
            query = select(bindings.c.key, bindings.c.external_id).where(*mine, these)
            return {row.key: row.external_id for row in connection.execute(query)}

    def by_reference(self, kind: str, reference: str) -> Binding | None:
        """Find the record that carries our reference in the target."""
        return self._one(kind, bindings.c.reference, reference)

    def by_external_id(self, kind: str, external_id: str) -> Binding | None:
        """Find the record that has an id in the target."""
        return self._one(kind, bindings.c.external_id, external_id)

    def by_key(self, kind: str, key: str) -> Binding | None:
        """Find the record by its key in the source."""
        return self._one(kind, bindings.c.key, key)

    def link(self, kind: str, found: Sequence[tuple[Entry, str]]) -> None:
        """Bind entries to what was found of them in the target, whatever becomes of the change that they bring."""
        if found:
            with writing(self._engine) as connection:
                bind(connection, found, kind, self._clock.now())

    def _one(self, kind: str, column: Column[Any], wanted: str) -> Binding | None:
        if not is_word(wanted):  # nothing is kept under such a name, and a database may refuse to look for it
            return None
        query = select(bindings).where(bindings.c.connection == self._name, bindings.c.kind == kind, column == wanted)
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        return Binding(row.kind, row.key, row.external_id, row.reference) if row else None

    def known(self, kind: str) -> dict[str, str]:
        """Give reference data of a kind: key to value."""
        query = select(reference_data.c.key, reference_data.c.value).where(
            reference_data.c.connection == self._name, reference_data.c.kind == kind
        )
        with reading(self._engine) as connection:
            return {row.key: row.value for row in connection.execute(query)}

    def learn(self, kind: str, words: Mapping[str, str]) -> int:
        """Replace reference data of a kind; give how many keys are new, other or gone. Equal ones keep their time.

        A word that cannot be kept is left out: who needs it waits for it. LeaseLostError when another worker took over.
        """
        fit = {key: value for key, value in words.items() if (not key or is_word(key)) and is_kept(value)}
        if len(fit) < len(words):
            logger.warning(
                "words left out", extra={"connection": self._name, "kind": kind, "number": len(words) - len(fit)}
            )
        words, known = fit, self.known(kind)
        changed = {key: value for key, value in words.items() if known.get(key) != value}
        gone = [key for key in known if key not in words]
        if not changed and not gone:
            return 0
        mine = (reference_data.c.connection == self._name, reference_data.c.kind == kind)
        now = self._clock.now()
        with writing(self._engine) as connection:
            for lease in self._held(self._name)[-1:]:  # what it made this list of may have been changed since
                check_fence(connection, lease)
            for key in gone:
                connection.execute(reference_data.delete().where(*mine, reference_data.c.key == key))
            for key, value in changed.items():
                if key in known:
                    connection.execute(
                        update(reference_data)
                        .where(*mine, reference_data.c.key == key)
                        .values(value=value, changed_at=now)
                    )
                else:
                    row = {"connection": self._name, "kind": kind, "key": key, "value": value, "changed_at": now}
                    connection.execute(insert(reference_data).values(row))
        return len(changed) + len(gone)
