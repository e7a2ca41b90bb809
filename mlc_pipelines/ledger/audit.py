"""The audit: seals whole days of events and verifies that no line was changed, removed or put in."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from mlc_pipelines.errors import MlcError
from mlc_pipelines.ledger import chain
from mlc_pipelines.ledger.database import reading, take_turns, writing
from mlc_pipelines.ledger.pruning_proof import verify_prunings
from mlc_pipelines.ledger.seals import Anchor, days, seal_of, signed_text, verify_seals
from mlc_pipelines.ledger.signing import SealKeys
from mlc_pipelines.ledger.tables import entries, events, prunings, seals
from mlc_pipelines.ledger.verifying import PAGE, Finding, as_stored, verify_bindings, verify_chains, verify_totals
from mlc_pipelines.wire.clock import Clock

LATE = timedelta(hours=1)
"""A day is over when that much more has passed: a write may be committed a little after its time was taken."""
_STANDS = ("id", "state", "chain_seq", "chain_head", "pruning")


class TamperedError(MlcError):
    """The seals are not those that we made: nothing more is sealed on top of them."""


class Audit:
    """Seals and verifies the events of one database. Without `keys` seals are not signed."""

    def __init__(self, engine: Engine, clock: Clock, anchor: Path | None = None, keys: SealKeys | None = None) -> None:
        self._engine = engine
        self._clock = clock
        self._anchor = Anchor(anchor)
        self._keys = keys

    def seal(self) -> list[date]:
        """Seal every finished day (UTC) that has events and no seal yet; return the days. May raise TamperedError."""
        today = (self._clock.now() - LATE).astimezone(UTC).date()
        sealed: list[dict[str, Any]] = []
        with writing(self._engine, long=True) as connection:
            take_turns(connection, "seal")
            for finding in self._anchor.verify(connection):
                raise TamperedError(f"audit: {finding.where}: {finding.what}")
            columns = (seals.c.day, seals.c.hash, seals.c.signature)
            newest = connection.execute(select(*columns).order_by(seals.c.day.desc()).limit(1)).one_or_none()
            last = dict(newest._mapping) if newest is not None else None
            for day in days(connection, last["day"] + timedelta(days=1) if last else None, today):
                facts = seal_of(connection, day, last["hash"] if last else chain.GENESIS)
                if facts["count"]:
                    last = self._signed(facts, last["signature"] if last else None)
                    sealed.append(last)
            if sealed:
                connection.execute(insert(seals), sealed)
        if sealed:
            self.remember()
        return [seal["day"] for seal in sealed]

    def remember(self) -> None:
        """Write down apart from the database what its newest seal and its newest pruning are."""
        with reading(self._engine) as connection:
            self._anchor.remember(connection)

    def signature(self, text: str) -> tuple[str | None, str | None]:
        """Give the id of the key that signs, and its signature; nothing where there are no keys."""
        return self._keys.sign(text) if self._keys else (None, None)

    def _signed(self, facts: dict[str, Any], before: str | None) -> dict[str, Any]:
        seal = {**facts, "sealed_at": self._clock.now()}
        key_id, signature = self.signature(signed_text(seal, before))
        return {**seal, "key_id": key_id, "signature": signature}

    def verify(self) -> Iterator[Finding]:
        """Check every event, every entry against its events, source copy, binding and seal, and the totals."""
        with reading(self._engine) as connection:
            is_whole = True
            anchored = list(self._anchor.verify(connection))  # first: the file must not be newer than what is looked at
            for part in (
                verify_chains(connection),
                verify_seals(connection, self._keys),
                verify_prunings(connection, self._keys),
                anchored,
                verify_bindings(connection),
            ):
                for finding in part:
                    is_whole = False
                    yield finding
            if is_whole:  # what is named above is why the totals differ
                yield from verify_totals(connection)

    def pack(self) -> Iterator[str]:
        """Write everything an outsider needs to verify the chain, as JSON lines; the last one is signed for all."""
        state, count = hashlib.sha256(), 0
        with reading(self._engine) as connection:
            for count, fact in enumerate(self._facts(connection), start=1):  # noqa: B007  # how many there were
                line = json.dumps(fact, default=str, sort_keys=True)
                state.update(f"{line}\n".encode())
                yield line
        end: dict[str, Any] = {"lines": count, "sha256": state.hexdigest(), "key_id": None, "signature": None}
        end["key_id"], end["signature"] = self.signature(chain.encode(["pack", count, state.hexdigest()]))
        yield json.dumps({"end": end}, sort_keys=True)

    def public_key(self) -> str | None:
        """Give the public half (hex) of the key that signs now: what an outsider should have from another hand."""
        return next(iter(self._keys.public().values())) if self._keys else None

    def _facts(self, connection: Connection) -> Iterator[dict[str, Any]]:
        """Give the lines of a pack: events by entry and number, entries, seals by day, prunings, public keys."""
        told = select(*as_stored(events)).order_by(events.c.entry_id, events.c.seq).execution_options(yield_per=PAGE)
        for row in connection.execute(told):
            yield {"event": dict(row._mapping)}
        columns = [column for column in as_stored(entries) if column.name in {*_STANDS, *chain.SEALED_COLUMNS}]
        for row in connection.execute(select(*columns).order_by(entries.c.id).execution_options(yield_per=PAGE)):
            digest = chain.row_digest(dict(row._mapping))
            yield {"entry": {name: getattr(row, name) for name in _STANDS} | {"row": digest}}
        for row in connection.execute(select(*as_stored(seals)).order_by(seals.c.day)):
            yield {"seal": dict(row._mapping)}
        for row in connection.execute(select(*as_stored(prunings)).order_by(prunings.c.id)):
            yield {"pruning": dict(row._mapping)}
        for key_id, public in (self._keys.public() if self._keys else {}).items():
            yield {"key": {"id": key_id, "public": public}}
