"""Checks archives of pruned entries against the ledger, and reads one record's story out of them."""

import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, Row, select

from mlc_pipelines.ledger.archive import lines_in, read_part
from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.ledger.database import reading
from mlc_pipelines.ledger.records import Entry
from mlc_pipelines.ledger.reports import Happening
from mlc_pipelines.ledger.seals import seal_of
from mlc_pipelines.ledger.tables import prunings, seals
from mlc_pipelines.ledger.verifying import Finding

_EVENT = 40  # bytes: number and hash


def verify_archives(engine: Engine, files: Sequence[Path]) -> Iterator[Finding]:
    """Check that each part is what the ledger let go.

    When all archives are given, the first seals of days are checked too: with the archived events they fit again.
    """
    given = {file.name: file for file in files}
    days: dict[date, bytearray] = {}
    with reading(engine, long=True) as connection:
        parts = list(_parts(connection))
        whole = all(row.archive in given for row, _ in parts)
        for name in sorted(given.keys() - {row.archive for row, _ in parts}):
            yield Finding(name, "no pruning of this ledger wrote it")
        for row, start in parts:
            if row.archive not in given:
                continue
            try:
                content = read_part(given[row.archive], start, row.end)
            except (OSError, zlib.error):
                content = b""
            if digest(content) != row.part:
                yield Finding(f"pruning {row.id}", f"its part of {row.archive} was changed or cannot be read")
                whole = False
                continue
            for kind, event in lines_in(content):
                if kind == "event":
                    told = event["id"].to_bytes(8, "big") + bytes.fromhex(event["hash"])
                    days.setdefault(datetime.fromisoformat(event["at"]).date(), bytearray()).extend(told)
        if whole:
            yield from _verify_days(connection, days)


def archived_trail(engine: Engine, file: Path, entry: Entry) -> list[Happening]:
    """Tell what happened to a pruned entry, in order; nothing when this archive does not have it."""
    with reading(engine) as connection:
        found = [
            (row, start) for row, start in _parts(connection) if (row.id, row.archive) == (entry.pruning, file.name)
        ]
    events = [
        event
        for row, start in found
        for kind, event in lines_in(read_part(file, start, row.end))
        if kind == "event" and event["entry_id"] == entry.id
    ]
    names = ("seq", "kind", "before", "after", "actor", "detail")
    return [Happening(at=datetime.fromisoformat(event["at"]), **{n: event[n] for n in names}) for event in events]


def _parts(connection: Connection) -> Iterator[tuple[Row[tuple[object, ...]], int]]:
    """Give every pruning, and where its part begins in its archive."""
    ends: dict[str, int] = {}
    for row in connection.execute(select(prunings).order_by(prunings.c.id)).all():
        yield row, ends.get(row.archive, 0)
        ends[row.archive] = row.end


def _verify_days(connection: Connection, days: dict[date, bytearray]) -> Iterator[Finding]:
    for seal in connection.execute(select(seals).where(seals.c.left_hash.is_not(None)).order_by(seals.c.day)).all():
        told = days.get(seal.day, bytearray())
        lines = (told[at : at + _EVENT] for at in range(0, len(told), _EVENT))
        away = [(int.from_bytes(line[:8], "big"), line[8:].hex()) for line in lines]
        whole = seal_of(connection, seal.day, seal.previous, away)
        if (whole["count"], whole["hash"]) != (seal.count, seal.hash):
            yield Finding(f"day {seal.day}", "the seal does not fit the events of that day with those of the archives")
