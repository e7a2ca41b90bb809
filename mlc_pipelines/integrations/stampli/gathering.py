"""What belongs together in a file, put in in any order and given back together; most of a long file lies on disk."""

import itertools
import sqlite3
from collections.abc import Iterator
from operator import itemgetter

_MOST_HELD = 512 * 1024  # bytes; a shorter file never touches the disk


class Gathering:
    """Things by key, given back key by key: keys in the order in which each came first, the things of one as they came.

    What goes beyond memory is in a file of SQLite's that has no name and goes with `close`.
    """

    def __init__(self) -> None:
        self._held: list[tuple[str, bytes]] = []
        self._size = 0
        self._disk: sqlite3.Connection | None = None

    def put(self, key: str, thing: bytes) -> None:
        """Take in one thing."""
        self._held.append((key, thing))
        self._size += len(thing)
        if self._size > _MOST_HELD:
            self._disk = self._spilled(self._disk or _opened())

    def close(self) -> None:
        """Forget all of it."""
        self._held = []
        if self._disk is not None:
            self._disk.close()

    def gathered(self) -> tuple[int, Iterator[tuple[str, list[bytes]]]]:
        """Count the keys, and give each with its things. Nothing can be put in after that."""
        if self._disk is None:
            by_key: dict[str, list[bytes]] = {}
            for key, thing in self._held:
                by_key.setdefault(key, []).append(thing)
            return len(by_key), iter(by_key.items())
        disk = self._spilled(self._disk)
        disk.execute("CREATE INDEX things_by_key ON things (key)")
        disk.execute("CREATE TABLE keys (first INTEGER PRIMARY KEY, key TEXT NOT NULL)")
        count = disk.execute("INSERT INTO keys SELECT min(at), key FROM things GROUP BY key").rowcount
        rows = disk.execute("SELECT first, key, thing FROM keys JOIN things USING (key) ORDER BY first, at")
        return count, (_together(rows) for _, rows in itertools.groupby(rows, key=itemgetter(0)))

    def _spilled(self, disk: sqlite3.Connection) -> sqlite3.Connection:
        disk.executemany("INSERT INTO things (key, thing) VALUES (?, ?)", self._held)
        self._held, self._size = [], 0
        return disk


def _opened() -> sqlite3.Connection:
    disk = sqlite3.connect("", check_same_thread=False)
    disk.execute("PRAGMA journal_mode = OFF")  # nothing of it is ever taken back, or needed after a crash
    disk.execute("CREATE TABLE things (at INTEGER PRIMARY KEY, key TEXT NOT NULL, thing BLOB NOT NULL)")
    return disk


def _together(rows: Iterator[tuple[int, str, bytes]]) -> tuple[str, list[bytes]]:
    _, key, first = next(rows)
    return key, [first, *(thing for _, _, thing in rows)]
