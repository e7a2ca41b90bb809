"""What flows write down: canonical JSON, the same bytes for the same content, and its fingerprint."""

import msgspec

from mlc_pipelines.ledger.chain import digest


def encode(payload: object) -> bytes:
    """Write a payload as canonical JSON, the same bytes for the same content."""
    return msgspec.json.encode(payload, order="sorted")


def fingerprint(content: object) -> str:
    """Hash what matters of a record (SHA-256 of its canonical JSON)."""
    return digest(encode(content))
