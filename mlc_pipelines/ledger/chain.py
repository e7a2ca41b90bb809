"""The hash chain: each event of an entry carries the hash of the one before."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

GENESIS = "0" * 64


def encode(detail: Mapping[str, Any]) -> str:
    """Write facts as canonical JSON: sorted keys, no spaces, ASCII."""
    return json.dumps(detail, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def event_hash(
    *,
    entry_id: int,
    seq: int,
    at: datetime,
    kind: str,
    before: str | None,
    after: str,
    actor: str,
    detail: str,
    previous: str,
) -> str:
    """Hash one event (SHA-256, hex) over every column that has a meaning and the hash before it."""
    moment = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    text = json.dumps(
        [entry_id, seq, moment, kind, before, after, actor, detail, previous], separators=(",", ":"), ensure_ascii=True
    )
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def digest(content: bytes) -> str:
    """Hash a document (SHA-256, hex)."""
    return hashlib.sha256(content).hexdigest()
