"""A recorded system, replayed: its house on a copy of the ledger, its answers from memory, its clock standing still."""

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, create_engine, delete, insert, select, text
from sqlalchemy.pool import StaticPool

from mlc_pipelines.flows.road import Road
from mlc_pipelines.integrations.house import House
from mlc_pipelines.integrations.integration import Session
from mlc_pipelines.ledger.database import open_engine, reading, writing
from mlc_pipelines.ledger.tables import METADATA, entries
from mlc_pipelines_tests.hostile.canaries import Free, OneToken, secret
from mlc_pipelines_tests.hostile.line import Asked, Reply, answered_by
from mlc_pipelines_tests.hostile.recording import Exchange, Recording
from mlc_pipelines_tests.roads.installation import NAME
from mlc_pipelines_tests.simulation.turns import InTurn

TOKENS = re.compile(r"[^/(),='?&:\"\s%;]+")
_WORDS = re.compile(r"%[0-9A-Fa-f]{2}")


class StillClock:
    """Tells the time of the recording; a microsecond passes with each look, and what is slept."""

    def __init__(self, at: datetime) -> None:
        self.start = at
        self.at = at

    def now(self) -> datetime:
        """Tell the time."""
        self.at += timedelta(microseconds=1)
        return self.at

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.at += timedelta(seconds=seconds)


class Room:
    """Room without an end."""

    def slot(self) -> AbstractContextManager[None]:
        """Go in."""
        return nullcontext()


ABSENT = Reply(b'{"detail": "not found"}', 404, {"content-type": "application/json"})
"""There is no such thing, as far as all systems say it alike."""


class Library:
    """Recorded answers by request; an unknown query is answered like a known one of its path."""

    def __init__(self, exchanges: Sequence[Exchange]) -> None:
        self._exact: dict[tuple[object, ...], Reply] = {}
        self._by_path: dict[tuple[str, str, str], Reply] = {}
        for exchange in exchanges:
            asked = exchange.asked
            self._exact.setdefault(asked.identity, exchange.reply)
            self._by_path.setdefault((asked.origin, asked.method, asked.path), exchange.reply)

    def __call__(self, asked: Asked) -> Reply:
        """Answer a request; what was never asked is not there."""
        alike = self._by_path.get((asked.origin, asked.method, asked.path))
        return self._exact.get(asked.identity) or alike or ABSENT


class Replayed:
    """One recorded system, at work in a folder; `restore` brings the ledger back to what it was before a flow.

    The ledger lies in memory: that a file is synced to a disk is no part of what is tried here.
    """

    def __init__(self, recording: Recording, folder: Path, *, database: str | None = None) -> None:
        self.recording = recording
        (folder / "connections").mkdir(parents=True)
        (folder / "connections" / f"{NAME}.yaml").write_text(recording.connection_file, encoding="utf-8")
        key = folder / "vault.key"
        key.write_bytes(recording.key_file)
        key.chmod(0o600)
        self._kept: sqlite3.Connection | None = None
        if database is None:
            place = f"file:{folder.name}{id(self)}?mode=memory&cache=shared"
            self._kept = sqlite3.connect(place, uri=True, check_same_thread=False)
            database = f"sqlite:///{place}&uri=true"
        self._database = database
        first = next(iter(recording.flows))
        self.clock = StillClock(recording.flows[first].at)
        self.restore(first)
        self.house = House.open(
            {
                "MLC_DATABASE_URL": database,
                "MLC_HOME": str(folder),
                "MLC_CONNECTIONS_DIR": str(folder / "connections"),
            },
            clock=self.clock,
        )
        self.session = self.open()

    def open(self) -> Session:
        """Open a session: nothing of an earlier one is known to it."""
        tenant = replace(
            self.house.tenant(NAME),
            secret=secret,
            tokens=OneToken(),
            budget=lambda *_, **__: Free(),
            slots=lambda *_, **__: Room(),
        )
        return self.house.integration(NAME).open(tenant)

    def restore(self, flow: str) -> None:
        """Put ledger and time back to what they were before a flow."""
        image, self.clock.start = self.recording.flows[flow].before, self.recording.flows[flow].at
        with closing(sqlite3.connect(":memory:")) as before:
            before.deserialize(image[:18] + b"\x01\x01" + image[20:])  # memory has no write-ahead log
            if self._kept is not None:
                before.backup(self._kept)
            else:
                _copy(before, self._database)

    def road(self, flow: str, session: Session | None = None, workers: Callable[[int], Executor] = InTurn) -> Road:
        """Give the road of a flow, worked in one thread."""
        road = self.house.road(session or self.session, NAME, flow)
        return replace(road, workers=workers)

    @contextmanager
    def answering(self, other: Callable[[Asked], Reply]) -> Iterator[None]:
        """Let `other` be the line for a block."""
        self.clock.at = self.clock.start
        with answered_by(lambda asked, _real: other(asked)):
            yield

    def close(self) -> None:
        """Close the house."""
        self.session.close()
        self.house.close()
        if self._kept is not None:
            self._kept.close()

    def standing(self, flow: str) -> dict[str, Any]:
        """Give the newest version of every record of a flow."""
        found: dict[str, Any] = {}
        after = 0
        while part := self.house.ledger.books(NAME).reports.select(flow=flow, after=after, limit=1000):
            after = part[-1].id
            found.update({entry.key: entry for entry in part})
        return found

    def sources(self, flow: str) -> list[bytes]:
        """Give the documents of every version of every record of a flow."""
        with reading(self.house.ledger.engine) as connection:
            return list(connection.execute(select(entries.c.source).where(entries.c.flow == flow)).scalars())


def _copy(before: sqlite3.Connection, database: str) -> None:
    """Let a database have the rows of the ledger that another one has, and no others."""
    source = create_engine("sqlite://", creator=lambda: before, poolclass=StaticPool)
    target = open_engine(database, durable=False)
    with reading(source) as old, writing(target) as new:
        for table in reversed(METADATA.sorted_tables):
            new.execute(delete(table))
        for table in METADATA.sorted_tables:
            rows = [dict(row._mapping) for row in old.execute(select(table))]
            if rows:
                new.execute(insert(table), rows)
            if rows and isinstance(table.columns.get("id", table.columns.values()[0]).type, BigInteger):
                last = max(row["id"] for row in rows)
                new.execute(
                    text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)"),
                    {"name": table.name, "last": last},
                )
    target.dispose()


def renamed(text: bytes, names: Mapping[str, str]) -> bytes:
    """Write other names in the places of names, wherever they stand alone."""
    for old, new in names.items():
        text = re.sub(rb"(?<![\w-])" + re.escape(old.encode()) + rb"(?![\w-])", new.encode(), text)
    return text
