"""Bodies: JSON with exact numbers, and no body without an end."""

import time
import zlib
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_PIECE = 1024 * 1024  # bytes unpacked at a time
_DECODER = msgspec.json.Decoder(Any, float_hook=Decimal)

BROKEN = (ValueError, ArithmeticError, RecursionError)
"""What a decoder raises at JSON that cannot be read: malformed, of another shape, half a sign, or nested too deeply."""


class BadPackingError(Exception):
    """A body says that it is packed, and cannot be unpacked."""


def to_json(value: object) -> bytes:
    """Write JSON; a Decimal becomes a number with the digits it has."""
    return _ENCODER.encode(value)


def from_json(body: bytes) -> Any:
    """Read JSON; a number with a point or an exponent becomes a Decimal. ValueError when it is not JSON."""
    try:
        return _DECODER.decode(body)
    except BROKEN as exc:
        raise ValueError("the body is not JSON") from exc


def unpacked(chunks: Iterable[bytes], coding: str) -> Iterator[bytes]:
    """Unpack a body a little at a time, so that a small one that unpacks to a very large one never does so at once.

    Only gzip is asked for, and nothing packed twice is taken. A piece of no bytes is given where nothing is unpacked
    yet, so that whoever waits can look at the time. BadPackingError when it cannot be unpacked.
    """
    if coding.strip().lower() in ("", "identity"):
        yield from chunks
        return
    if coding.strip().lower() not in ("gzip", "x-gzip"):
        raise BadPackingError(f"the body is packed as {coding[:40]!r}, which was not asked for")
    unpacking = zlib.decompressobj(16 + zlib.MAX_WBITS)
    begun = False
    try:
        for chunk in chunks:
            left, begun = chunk, begun or bool(chunk)
            while left and not unpacking.eof:
                yield unpacking.decompress(left, _PIECE)
                left = unpacking.unconsumed_tail
            yield b""
        yield unpacking.flush()
    except zlib.error as error:
        raise BadPackingError("the body cannot be unpacked") from error
    if begun and not unpacking.eof:
        raise BadPackingError("the body ends before it is unpacked")


def bounded(chunks: Iterable[bytes], *, most: int, seconds: float | None = None) -> tuple[bytes, bool]:
    """Join the chunks of a body up to `most` bytes; the second value is true when there was more.

    TimeoutError when they come so slowly that all of them together take longer than `seconds`.
    """
    parts: list[bytes] = []
    room = most
    ends = None if seconds is None else time.monotonic() + seconds
    for chunk in chunks:
        if ends is not None and time.monotonic() > ends:
            raise TimeoutError("the body came too slowly")
        parts.append(chunk[:room])
        if len(chunk) > room:
            return b"".join(parts), True
        room -= len(chunk)
    return b"".join(parts), False
