"""The journal: every request as the simulator saw it, in order, and what came of it."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request

WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
EFFECTS = "sandbox.effects"  # where a handler leaves its effects, inside the ASGI scope


@dataclass
class JournalEntry:
    """One request; `status` is None when the connection was cut instead of answered."""

    seq: int
    at: datetime
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    in_flight: int
    status: int | None = None
    effect: str | None = None
    fault: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the entry as the control endpoint shows it."""
        shown = dict(vars(self))
        shown["at"] = self.at.isoformat()
        shown["headers"] = dict(self.headers)
        shown["body"] = self.body.decode("utf-8", errors="replace")
        return shown


class Journal:
    """Entries in the order the requests arrived; control requests are left out."""

    def __init__(self) -> None:
        self.entries: list[JournalEntry] = []
        self._lock = threading.Lock()
        self._seq = 0
        self._in_flight = 0

    def open(self, request: Request, *, body: bytes, at: datetime) -> JournalEntry:
        """Write down a request on arrival; credentials are replaced by the word present."""
        headers = {name: "present" if name == "authorization" else value for name, value in request.headers.items()}
        with self._lock:
            self._seq += 1
            self._in_flight += 1
            entry = JournalEntry(
                seq=self._seq,
                at=at,
                method=request.method,
                path=request.url.path if "path" not in request.scope else str(request.scope["path"]),
                query=bytes(request.scope.get("query_string", b"")).decode("latin-1"),
                headers=headers,
                body=body,
                in_flight=self._in_flight,
            )
            self.entries.append(entry)
            return entry

    def close(self, entry: JournalEntry, *, status: int | None, effects: list[str]) -> None:
        """Complete the entry once the request is answered, or was not."""
        with self._lock:
            self._in_flight -= 1
            entry.status = status
            entry.effect = "; ".join(effects) or None

    def writes(self) -> list[JournalEntry]:
        """Return the requests that could have changed something, token requests left out."""
        with self._lock:
            return [entry for entry in self.entries if entry.method in WRITING and not entry.path.endswith("/token")]

    def since(self, seq: int) -> list[JournalEntry]:
        """Return the entries after this sequence number."""
        with self._lock:
            return [entry for entry in self.entries if entry.seq > seq]

    def clear(self) -> None:
        """Forget the entries; the numbering goes on."""
        with self._lock:
            self.entries.clear()


def note_effect(request: Request, effect: str) -> None:
    """Say, from inside a handler, what this request changed: `created bill 17`."""
    request.scope.setdefault(EFFECTS, []).append(effect)
