"""What flows write down: canonical JSON, the same bytes for the same content, and its fingerprint."""

import msgspec

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.wire.bodies import BROKEN

_PARTS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ROWS = msgspec.json.Decoder(list[msgspec.Raw])


def encode(payload: object) -> bytes:
    """Write a payload as canonical JSON, the same bytes for the same content."""
    return msgspec.json.encode(payload, order="sorted")


def fingerprint(content: object) -> str:
    """Hash what matters of a record (SHA-256 of its canonical JSON)."""
    return digest(encode(content))


def kept_parts(source: bytes, *names: str) -> list[bytes]:
    """Take our copy of a record apart into the JSON of its parts.

    RecordError for a copy that has none: of a record that could not be read, only what the list said was kept.
    """
    try:
        parts = _PARTS.decode(source)
        return [bytes(parts[name]) for name in names]
    except (*BROKEN, KeyError) as error:
        raise RecordError(
            "the record was kept as it came, and cannot be read; correct it in its source, so that it is read again",
            cause=Cause.UNREADABLE,
        ) from error


def kept_rows(part: bytes) -> list[bytes]:
    """Give the JSON of each row of a part; RecordError when it is no list."""
    try:
        return [bytes(row) for row in _ROWS.decode(part)]
    except BROKEN as error:
        raise RecordError("the record was kept with lines that cannot be read", cause=Cause.UNREADABLE) from error
