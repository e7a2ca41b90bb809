"""Bodies: JSON with exact numbers, and no body without an end."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_DECODER = msgspec.json.Decoder(Any, float_hook=Decimal)


def to_json(value: object) -> bytes:
    """Write JSON; a Decimal becomes a number with the digits it has."""
    return _ENCODER.encode(value)


def from_json(body: bytes) -> Any:
    """Read JSON; a number with a point or an exponent becomes a Decimal. ValueError when it is not JSON."""
    try:
        return _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, ArithmeticError) as exc:
        raise ValueError("the body is not JSON") from exc


def bounded(chunks: Iterable[bytes], *, most: int) -> tuple[bytes, bool]:
    """Join the chunks of a body up to `most` bytes; the second value is true when there was more."""
    parts: list[bytes] = []
    room = most
    for chunk in chunks:
        parts.append(chunk[:room])
        if len(chunk) > room:
            return b"".join(parts), True
        room -= len(chunk)
    return b"".join(parts), False
