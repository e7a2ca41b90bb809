"""The hash chain: each event of an entry carries the hash of the one before."""

import functools
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

GENESIS = "0" * 64
_canonical: Callable[[Any], str] = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode
_quick = msgspec.json.Encoder(order="sorted")


@functools.lru_cache(maxsize=64)
def moment_text(moment: datetime) -> str:
    """Write an aware time as sortable text in UTC with microseconds: `2026-11-21T08:00:00.000000Z`."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def encode(detail: Mapping[str, Any] | Sequence[Any]) -> str:
    """Write facts as canonical JSON: sorted keys, no spaces, ASCII."""
    return _written(detail).decode("ascii")


def _written(facts: object) -> bytes:
    """Write canonical JSON in a quarter of the time where all signs are ASCII; of those only DEL is told otherwise."""
    try:
        text = _quick.encode(facts)
    except UnicodeEncodeError:  # half a sign
        return _canonical(facts).encode("ascii")
    return text if text.isascii() and b"\x7f" not in text else _canonical(facts).encode("ascii")


def event_hash(
    *,
    entry_id: int,
    seq: int,
    at: datetime | str,
    kind: str,
    before: str | None,
    after: str,
    actor: str,
    detail: str,
    previous: str,
) -> str:
    """Hash one event (SHA-256, hex) over every column that has a meaning and the hash before it.

    What is hashed is a JSON array without spaces, in ASCII, of the columns in the order of the arguments. `at` may
    be the text that the database keeps.
    """
    moment = at if isinstance(at, str) else moment_text(at)
    return digest(_written([entry_id, seq, moment, kind, before, after, actor, detail, previous]))


SEALED_COLUMNS = (
    "connection", "flow", "company", "key", "version", "fingerprint", "label", "partner", "amount_micros", "currency",
    "dated", "stage", "cause", "cause_key", "problem", "reference", "external_id", "confirmation",
)  # fmt: skip
"""What an entry says of itself; each event seals it as it stood then, and the documents have digests of their own."""


PRUNING_COLUMNS = ("id", "at", "archive", "end", "entries", "events", "part", "rows", "left", "previous")


def row_digest(columns: Mapping[str, Any]) -> str:
    """Hash what an entry says after an event (SHA-256, hex, of the JSON array of its sealed columns as text)."""
    return text_digest([None if columns[name] is None else str(columns[name]) for name in SEALED_COLUMNS])


def text_digest(sealed: Sequence[str | None]) -> str:
    """Hash the sealed columns when they are text already, in their order."""
    return digest(_written(sealed))


def pruning_hash(columns: Mapping[str, Any]) -> str:
    """Hash one pruning (SHA-256, hex) over every column that has a meaning and the hash of the one before."""
    at = columns["at"]
    moment = at if isinstance(at, str) else moment_text(at)
    told = [moment if name == "at" else columns[name] for name in PRUNING_COLUMNS]
    return digest(_canonical(told).encode("ascii"))


def digest(content: bytes) -> str:
    """Hash a document (SHA-256, hex)."""
    return hashlib.sha256(content).hexdigest()
