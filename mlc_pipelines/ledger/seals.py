"""Seals: one line for each finished day, over all events of that day, in a chain of their own, and signed."""

import hashlib
import heapq
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, String, Text, cast, func, select

from mlc_pipelines.durable import write_whole
from mlc_pipelines.ledger import chain
from mlc_pipelines.ledger.signing import SealKeys
from mlc_pipelines.ledger.tables import events, prunings, seals
from mlc_pipelines.ledger.verifying import PAGE, Finding, as_stored

_NUMBERED = ((seals, seals.c.day), (prunings, prunings.c.id))


def days(connection: Connection, start: date | None, end: date) -> Iterator[date]:
    """Give the days from the first event on, or from `start`, up to the one before `end`."""
    first = connection.execute(select(func.min(events.c.at))).scalar()
    if first is None:
        return
    day = max(start, first.date()) if start else first.date()
    while day < end:
        yield day
        day += timedelta(days=1)


def seal_of(connection: Connection, day: date, previous: str, away: Sequence[tuple[int, str]] = ()) -> dict[str, Any]:
    """Make the seal of a day, unsigned; `count` is 0 when nothing happened on it.

    `away` names events that are in archives, by number and hash.
    """
    begin = datetime.combine(day, time(), UTC)
    query = (
        select(events.c.id, events.c.hash)
        .where(events.c.at >= begin, events.c.at < begin + timedelta(days=1))
        .order_by(events.c.id)
        .execution_options(yield_per=PAGE)
    )
    state = hashlib.sha256(f"{day.isoformat()}:{previous}".encode())
    first = last = count = 0
    for number, head in heapq.merge(sorted(away), (tuple(row) for row in connection.execute(query))):
        first, last = first or number, number
        count += 1
        state.update(f":{number}:{head}".encode())
    return {
        "day": day,
        "first_event": first,
        "last_event": last,
        "count": count,
        "previous": previous,
        "hash": state.hexdigest(),
    }


def signed_text(seal: Mapping[str, Any], previous_signature: str | None) -> str:
    """Write what is signed: all of a seal and the signature before; a JSON array as events have it."""
    numbers = [seal[name] for name in ("first_event", "last_event", "count")]
    made = seal["sealed_at"] if isinstance(seal["sealed_at"], str) else chain.moment_text(seal["sealed_at"])
    return chain.encode(["seal", str(seal["day"]), *numbers, seal["previous"], seal["hash"], made, previous_signature])


def verify_seals(connection: Connection, keys: SealKeys | None) -> Iterator[Finding]:
    """Check every seal against its day and its signature; a day without one must be a quiet day.

    Seals made before there were signatures have none; the first signed one covers them.
    """
    previous, signature = chain.GENESIS, None
    sealed = connection.execute(select(*as_stored(seals)).order_by(seals.c.day)).all()
    for row in sealed:
        where = f"day {row.day}"
        if not fits(connection, row, previous):
            yield Finding(where, f"the seal does not fit the events of that day, {row.first_event} to {row.last_event}")
        elif keys is not None and (row.signature or signature):
            yield from _verify_signature(where, row, signature, keys)
        previous, signature = row.hash, row.signature
    day = func.substr(events.c.at, 1, len("2026-11-20"), type_=String)
    known = [str(row.day) for row in sealed]
    for (late,) in connection.execute(select(day).where(day.not_in(known), day < max(known, default="")).distinct()):
        yield Finding(f"day {late}", "has events but no seal, although a later day is sealed")


def _verify_signature(where: str, row: Row[Any], before: str | None, keys: SealKeys) -> Iterator[Finding]:
    if not keys.has_signed(signed_text(dict(row._mapping), before), row.key_id, row.signature):
        yield Finding(where, "the seal is not signed by a key of ours")


def fits(connection: Connection, row: Row[Any], previous: str) -> bool:
    """Tell whether a seal fits the events of its day, or what a pruning left of them."""
    try:
        facts = seal_of(connection, date.fromisoformat(str(row.day)), previous)
    except ValueError:  # no day at all
        return False
    if row.left_hash is not None:
        left = (row.previous, row.left_count, row.left_hash)
        return left == (previous, facts["count"], facts["hash"])
    return facts["count"] > 0 and all(str(getattr(row, name)) == str(value) for name, value in facts.items())


class Anchor:
    """The newest seal and pruning, remembered in a file apart from the database: who empties tables must know of it."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def remember(self, connection: Connection) -> None:
        """Write down what is the newest now, a line each."""
        if self._path is None:
            return
        lines = []
        for table, number in _NUMBERED:
            query = select(cast(number, Text), table.c.hash, table.c.signature).order_by(number.desc()).limit(1)
            lines += [" ".join(word or "" for word in row).rstrip() + "\n" for row in connection.execute(query)]
        write_whole(self._path, "".join(lines).encode("ascii"))

    def verify(self, connection: Connection) -> Iterator[Finding]:
        """Look for the seal that is remembered."""
        if self._path is None or not self._path.exists():
            return
        for line in self._path.read_text(encoding="utf-8", errors="replace").splitlines() or [""]:
            name, *kept = [*line.split(), ""][:3]
            what, (table, number) = ("pruning", _NUMBERED[1]) if name.isdigit() else ("day", _NUMBERED[0])
            query = select(table.c.hash, table.c.signature).where(cast(number, Text) == name)
            row = connection.execute(query).one_or_none()
            if row is None or [row.hash, row.signature or ""] != kept:
                yield Finding(
                    f"{what} {name}",
                    f"its seal is {'gone' if row is None else 'another one'}: see {self._path}, to be deleted after a "
                    "backup of the ledger was restored, and at no other time",
                )
