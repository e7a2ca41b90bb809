"""The file ledger: every file a drop folder was seen to hold, how far it has come, and a copy of what was read.

No clock of a server decides what is new: a file is known by path, size, mtime and content, and by nothing else.
"""

import hashlib
import itertools
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import IO, Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, func, insert, or_, select, update

from mlc_pipelines.ledger.database import reading, writing
from mlc_pipelines.ledger.states import MoveError
from mlc_pipelines.ledger.tables import file_parts, files
from mlc_pipelines.wire.clock import Clock


class FileState(StrEnum):
    """How far a file has come."""

    PART = "part"  # still under its temporary name: somebody is writing it, or gave up
    DISCOVERED = "discovered"  # listed; not known to be whole
    STABLE = "stable"  # whole: may be fetched
    FETCHED = "fetched"  # our copy is kept
    PARSED = "parsed"  # its records are on their way into the ledger
    DONE = "done"  # all its records are committed
    EMPTY = "empty"  # it stayed without a byte
    DUPLICATE = "duplicate"  # we have read the same content before
    REJECTED = "rejected"  # cannot be read; kept as it came


MOVES: dict[FileState, frozenset[FileState]] = {
    FileState.PART: frozenset(),
    FileState.DISCOVERED: frozenset({FileState.STABLE, FileState.EMPTY, FileState.REJECTED}),
    FileState.STABLE: frozenset({FileState.FETCHED, FileState.DUPLICATE, FileState.REJECTED}),
    FileState.FETCHED: frozenset({FileState.PARSED, FileState.REJECTED}),
    FileState.PARSED: frozenset({FileState.DONE, FileState.REJECTED}),
    FileState.REJECTED: frozenset({FileState.FETCHED, FileState.DISCOVERED}),
    FileState.DONE: frozenset(),
    FileState.EMPTY: frozenset(),
    FileState.DUPLICATE: frozenset(),
}
UNREAD = (FileState.DISCOVERED, FileState.STABLE)
FINAL = (FileState.DONE, FileState.EMPTY, FileState.DUPLICATE, FileState.REJECTED, FileState.PART)
_IN = 500
_PART = 256 * 1024  # bytes of a file that are compressed and kept as one row
_CHANGEABLE = frozenset({"layout", "records", "problem", "archived", "checked_at", "attempts"})


@dataclass(frozen=True, slots=True)
class Listed:
    """One file of a listing; a `part` is still under its temporary name."""

    path: str
    size: int
    mtime: datetime | None
    part: bool = False


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One version of one remote file, as it stands in the ledger."""

    id: int
    feed: str
    path: str
    size: int
    mtime: datetime | None
    sha256: str
    state: FileState
    listed: bool
    looks: int
    first_seen: datetime
    same_since: datetime
    last_seen: datetime
    checked_at: datetime | None
    attempts: int
    layout: str
    records: int | None
    replaces: int | None
    problem: str | None
    archived: str | None


@dataclass(frozen=True, slots=True)
class FileMove:
    """One file on its way to a state; `values` change with it."""

    record: FileRecord
    state: FileState
    values: Mapping[str, Any] = field(default_factory=dict)


_NAMES = [each.name for each in fields(FileRecord) if each.name != "state"]


def _record(row: Row[Any]) -> FileRecord:
    values = row._mapping
    return FileRecord(**{name: values[name] for name in _NAMES}, state=FileState(values["state"]))


class FileLedger:
    """The files of one connection. Whoever writes holds the connection's lease."""

    def __init__(self, engine: Engine, clock: Clock, connection: str) -> None:
        self._engine = engine
        self._clock = clock
        self._name = connection

    # Looking

    def look(self, feed: str, listing: Sequence[Listed]) -> None:
        """Write down one full listing of a feed, in one transaction.

        The same path with another size or mtime begins anew: as the same row while it was not fetched, else as a new
        one that replaces it.
        """
        with writing(self._engine) as connection:
            now = self._clock.now()
            known: dict[str, list[FileRecord]] = {}
            for record in self._all(connection, feed):
                known.setdefault(record.path, []).append(record)
            connection.execute(update(files).where(*self._of(feed), files.c.listed).values(listed=False))
            seen = [self._see(connection, feed, listed, known.get(listed.path, []), now) for listed in listing]
            again = [found for found in seen if found is not None]
            for start in range(0, len(again), _IN):
                same = files.c.id.in_(again[start : start + _IN])
                connection.execute(
                    update(files).where(same).values(listed=True, last_seen=now, looks=files.c.looks + 1)
                )

    def _see(
        self, connection: Connection, feed: str, listed: Listed, known: Sequence[FileRecord], now: datetime
    ) -> int | None:
        """Write down a file that is new or another; give the number of one that is as it was."""
        last = known[-1] if known else None
        known = [record for record in known if record.state is not FileState.PART]
        same = [record for record in known if (record.size, record.mtime) == (listed.size, listed.mtime)]
        begun: dict[str, Any] = {"listed": True, "last_seen": now, "same_since": now, "looks": 1}
        begun |= {"size": listed.size, "mtime": listed.mtime}
        if listed.part:
            self._see_part(connection, feed, listed, last, now)
        elif same and (same[-1].listed or same[-1].state not in UNREAD):
            return same[-1].id
        elif last is not None and last.state in (*UNREAD, FileState.PART):
            self._set(connection, last.id, {**begun, "state": FileState.DISCOVERED.value})
        else:
            self._insert(connection, feed, listed.path, FileState.DISCOVERED, now, **begun, replaces=_id(last))
        return None

    def _see_part(
        self, connection: Connection, feed: str, listed: Listed, last: FileRecord | None, now: datetime
    ) -> None:
        values = {"size": listed.size, "mtime": listed.mtime, "listed": True, "last_seen": now}
        if last is None or last.state is not FileState.PART:
            self._insert(connection, feed, listed.path, FileState.PART, now, **values, same_since=now, looks=1)
        elif last.listed:
            self._set(connection, last.id, {**values, "looks": last.looks + 1})
        else:  # the name is used again for another upload
            self._set(connection, last.id, {**values, "looks": 1, "first_seen": now, "same_since": now})

    def select(
        self, feed: str | None = None, *, states: Iterable[FileState] = (), listed: bool | None = None
    ) -> list[FileRecord]:
        """Give files that fit all conditions, in the order they were first written down."""
        query = select(files).where(*self._of(feed)).order_by(files.c.id)
        wanted = [state.value for state in states]
        if wanted:
            query = query.where(files.c.state.in_(wanted))
        if listed is not None:
            query = query.where(files.c.listed.is_(listed))
        with reading(self._engine) as connection:
            return [_record(row) for row in connection.execute(query)]

    def unfinished(self) -> int:
        """Count the files of all feeds that another poll will bring on."""
        query = select(func.count()).where(
            files.c.connection == self._name, files.c.listed, files.c.state.not_in([state.value for state in FINAL])
        )
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def get(self, record_id: int) -> FileRecord | None:
        """Give a file by its number in the ledger."""
        with reading(self._engine) as connection:
            row = connection.execute(select(files).where(*self._of(None), files.c.id == record_id)).first()
        return _record(row) if row else None

    def content(self, record: FileRecord) -> Iterator[bytes]:
        """Give our copy of a file, part by part."""
        query = select(file_parts.c.content).where(file_parts.c.file_id == record.id).order_by(file_parts.c.number)
        there = False
        with reading(self._engine) as connection:
            for kept in connection.execution_options(yield_per=1).execute(query).scalars():
                there = True
                yield zlib.decompress(kept)
        if not there:
            raise ValueError(f"ledger: no copy of {record.path} is kept ({record.state})")

    # Moving

    def move(self, record: FileRecord, state: FileState, **values: Any) -> FileRecord:
        """Bring a file to a state, or only change `values` when it is there; MoveError for a move that is none."""
        self.move_all([FileMove(record, state, values)])
        return replace(record, state=state, **values)

    def move_all(self, moves: Sequence[FileMove]) -> None:
        """Bring files to their states in one transaction; MoveError, and nothing moved, if one of the moves is none."""
        for move in moves:
            _check(move.record, move.state)
            odd = set(move.values) - _CHANGEABLE
            if odd:
                raise MoveError(f"ledger: {', '.join(sorted(odd))} of a file is not changed by a move")
        if moves:
            with writing(self._engine) as connection:
                for move in moves:
                    self._set(connection, move.record.id, {**move.values, "state": move.state.value})

    def keep(self, fetched: Sequence[tuple[FileRecord, IO[bytes]]]) -> list[FileRecord]:
        """Keep what was fetched of stable files, in one transaction.

        Content that was read before under any name is a duplicate, of which no second copy is kept; where other content
        came since, it is news again.
        """
        if not fetched:
            return []
        with writing(self._engine) as connection:
            return [self._keep(connection, record, content) for record, content in fetched]

    def _keep(self, connection: Connection, record: FileRecord, content: IO[bytes]) -> FileRecord:
        sha256 = _sha256(content)
        state, values = self._known(connection, record, sha256)
        _check(record, state)
        values |= {"sha256": sha256, "checked_at": self._clock.now()}
        self._set(connection, record.id, {**values, "state": state.value})
        if state is FileState.FETCHED:
            _copy(connection, record.id, content)
        return replace(record, state=state, **values)

    def recheck(self, record: FileRecord, content: IO[bytes]) -> FileRecord | None:
        """Compare a known file with what is there now; give the new version when the bytes are others."""
        sha256 = _sha256(content)
        with writing(self._engine) as connection:
            now = self._clock.now()
            self._set(connection, record.id, {"checked_at": now})
            if sha256 == record.sha256:
                return None
            twins = self._twins(connection, record, sha256)
            if any((twin.path, twin.size, twin.mtime) == (record.path, record.size, record.mtime) for twin in twins):
                return None
            state, values = self._known(connection, record, sha256)
            values |= {"size": record.size, "mtime": record.mtime, "looks": 1, "same_since": now}
            values |= {"sha256": sha256, "checked_at": now, "replaces": record.id, "listed": True, "last_seen": now}
            self._set(connection, record.id, {"listed": False})
            made = self._insert(connection, record.feed, record.path, state, now, **values)
            if state is FileState.FETCHED:
                _copy(connection, made.id, content)
            return made

    def forget(self, older_than: timedelta) -> int:
        """Drop files that are no longer listed nor on their way, and were seen last so long ago; give how many."""
        if older_than < timedelta(days=400):
            raise ValueError("ledger: files are remembered for 400 days at least")
        with writing(self._engine) as connection:
            gone = files.delete().where(
                files.c.connection == self._name,
                files.c.listed.is_(False),
                files.c.state.in_([state.value for state in (*FINAL, *UNREAD)]),
                files.c.last_seen < self._clock.now() - older_than,
            )
            return connection.execute(gone).rowcount

    # Inside

    def _of(self, feed: str | None) -> tuple[Any, ...]:
        mine = (files.c.connection == self._name,)
        return mine if feed is None else (*mine, files.c.feed == feed)

    def _all(self, connection: Connection, feed: str) -> list[FileRecord]:
        rows = connection.execute(select(files).where(*self._of(feed)).order_by(files.c.id))
        return [_record(row) for row in rows]

    def _known(self, connection: Connection, record: FileRecord, sha256: str) -> tuple[FileState, dict[str, Any]]:
        """Tell content that was read before from news, and what is written down of either.

        What comes again under its own name is news only if that name had other content since: somebody may have copied
        old files back.
        """
        twins = self._twins(connection, record, sha256)
        if not twins:
            return FileState.FETCHED, {}
        under_its_name = [twin for twin in twins if twin.path == record.path]
        last = (under_its_name or twins)[-1]
        if self._other_since(connection, record, last, sha256):
            return FileState.FETCHED, {"replaces": last.id}
        return FileState.DUPLICATE, {"replaces": last.id, "problem": f"the same content as {last.path}"}

    def _twins(self, connection: Connection, record: FileRecord, sha256: str) -> list[FileRecord]:
        """Give the files that were read with the same content, in the order they were first written down."""
        read = (FileState.FETCHED, FileState.PARSED, FileState.DONE, FileState.REJECTED)
        query = (
            select(files)
            .where(*self._of(record.feed), files.c.sha256 == sha256, files.c.id != record.id)
            .where(files.c.state.in_([state.value for state in read]))
            .order_by(files.c.id)
        )
        return [_record(row) for row in connection.execute(query)]

    def _other_since(self, connection: Connection, record: FileRecord, twin: FileRecord, sha256: str) -> bool:
        """Tell whether a file with other content, or one not read yet, may have come after a twin."""
        where: list[ColumnElement[bool]] = [files.c.path == record.path] if twin.path == record.path else []
        if twin.mtime is not None:
            where.append(or_(files.c.id > twin.id, files.c.mtime.is_(None), files.c.mtime >= twin.mtime))
        query = select(files.c.id).where(
            *self._of(record.feed),
            *where,
            files.c.id != record.id,
            files.c.sha256 != sha256,
            files.c.state.not_in([FileState.PART.value, FileState.EMPTY.value]),
        )
        return connection.execute(query.limit(1)).first() is not None

    def _set(self, connection: Connection, record_id: int, values: dict[str, Any]) -> None:
        connection.execute(update(files).where(files.c.id == record_id).values(values))

    def _insert(
        self, connection: Connection, feed: str, path: str, state: FileState, now: datetime, **values: Any
    ) -> FileRecord:
        row = {"connection": self._name, "feed": feed, "path": path, "state": state.value, "first_seen": now}
        usual = {"sha256": "", "attempts": 0, "layout": ""}
        made = connection.execute(insert(files).values(usual | row | values)).inserted_primary_key
        return _record(connection.execute(select(files).where(files.c.id == made[0])).one())  # type: ignore[index]  # one row, one key


def _id(record: FileRecord | None) -> int | None:
    return record.id if record is not None else None


def _check(record: FileRecord, state: FileState) -> None:
    if state is not record.state and state not in MOVES[record.state]:
        raise MoveError(f"ledger: file {record.path} may not move from {record.state} to {state}")


def _sha256(content: IO[bytes]) -> str:
    content.seek(0)
    return hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]  # any binary file will do


def _copy(connection: Connection, file_id: int, content: IO[bytes]) -> None:
    """Keep the bytes part by part, so that a long file is never in memory as a whole."""
    content.seek(0)
    for number in itertools.count():
        part = content.read(_PART)
        if not part:
            break
        row = {"file_id": file_id, "number": number, "content": zlib.compress(part)}
        connection.execute(insert(file_parts).values(row))
