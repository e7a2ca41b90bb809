"""Rows: a page read row by row, so that one bad row holds itself and not the others."""

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from mlc_pipelines.errors import RecordError, TransientError
from mlc_pipelines.wire.bodies import BROKEN

logger = logging.getLogger(__name__)


class MisshapenError(TransientError):
    """An answer that came whole is not what was asked for: better the next time, unless one record is to blame."""


P = TypeVar("P")
T = TypeVar("T")

# A string without an end goes on to the end of the body, half an escape too, so that no sign is looked at twice.
_MARKS = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{},:]', re.DOTALL)
_MAY_BE_ODD = re.compile(rb"[0-9.][eE][+-]?[0-9]{2,}|[nN][aA][nN]|[iI][nN][fF]")
_WIDEST = 30  # digits before or after the point
_CLOSES = {b"[": b"]", b"{": b"}"}
_CLOSING = frozenset(_CLOSES.values())
_ANY = msgspec.json.Decoder(msgspec.Raw)
_MOST_APART = 8 * 1024 * 1024
"""Bytes of a spoiled page that is taken apart sign by sign, which is slow."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A row of a list that cannot be read, and why; `name` is what names it, where at least that is readable."""

    raw: bytes
    problem: str
    name: str | None = None


def each(rows: Iterable[bytes], read: Callable[[bytes], T], *, names: Sequence[str]) -> Iterator[T | Unread]:
    """Read row after row; one that cannot be read is given as such, named by the first of its attributes `names`."""
    for raw in rows:
        try:
            yield read(raw)
        except RecordError as error:
            yield Unread(raw, str(error), name_of(raw, names))


def readable(rows: Iterable[bytes], read: Callable[[bytes], T]) -> Iterator[T]:
    """Read row after row of what is looked up; one that cannot be read is logged and left out, and the rest goes on."""
    for raw in rows:
        try:
            yield read(raw)
        except RecordError as error:
            logger.warning("row left out", extra={"problem": str(error)})


def one(body: bytes, said: str) -> bytes:
    """Give an answer that is one JSON object or list at first sight; MisshapenError for any other JSON.

    TransientError for what is no JSON, a page of something in front of the service or one that was cut off: no fault
    of the record that was asked for.
    """
    if not _is_whole(body):
        raise _unlike(body)(f"{said}: the answer is not what the service says")
    return body


def read_page(body: bytes, decoder: msgspec.json.Decoder[P], rows: str, said: str) -> tuple[P, list[bytes]]:
    """Read a page and give it with the JSON of its rows, which stand in the list `rows` of a JSON object.

    Where a row spoils the page all of them are taken out, so that it can be told apart; the page then has none. What
    is no page at all may be better the next time: MisshapenError where it came whole, else TransientError.
    """
    try:
        page = decoder.decode(body)
        return page, [bytes(row) for row in getattr(page, rows)]
    except BROKEN as error:
        try:
            envelope, apart = _apart(body, rows)
            return decoder.decode(envelope), apart
        except BROKEN:
            why = "it is nested too deeply" if isinstance(error, RecursionError) else error
            raise _unlike(body)(f"{said} is not what the service answers: {why}") from error


def _is_whole(body: bytes) -> bool:
    text = body.strip()
    return text[:1] in _CLOSES and text[-1:] == _CLOSES[text[:1]]


def _unlike(body: bytes) -> type[TransientError]:
    """Choose the error for an answer that is not what was asked for."""
    if _is_whole(body):
        return MisshapenError
    try:
        _ANY.decode(body)
    except BROKEN:
        return TransientError
    return MisshapenError


def sane(record: T, raw: bytes) -> T:
    """Give a record back whose decimals can be added up; ValueError for NaN, infinity, and 1E+999999999.

    To write the last one out would take a gigabyte. Only JSON that may have one of them is looked through.
    """
    if _MAY_BE_ODD.search(raw) and not all(_is_sane(amount) for amount in _decimals(record)):
        raise ValueError("a number in it is no amount of anything")
    return record


def _is_sane(amount: Decimal) -> bool:
    return amount.is_finite() and abs(amount.adjusted()) <= _WIDEST


def _decimals(value: object) -> Iterator[Decimal]:
    if isinstance(value, Decimal):
        yield value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _decimals(getattr(value, name))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _decimals(inner)


def name_of(raw: bytes, names: Sequence[str]) -> str | None:
    """Give what names a row, the first of some attributes that is a text or a whole number; None where none is."""
    found = loosely(raw)
    values = [found.get(name) for name in names] if isinstance(found, dict) else []
    return next((str(each) for each in values if isinstance(each, int | str) and not isinstance(each, bool)), None)


def loosely(raw: bytes) -> Any:
    """Read JSON with half signs and NaN, inexact, only to name what cannot be read otherwise; None where that fails."""
    try:
        return json.loads(raw)
    except BROKEN:
        return None


def _apart(body: bytes, name: str) -> tuple[bytes, list[bytes]]:
    """Take a list out of a JSON object: the object with an empty list, and the JSON of each row.

    ValueError when the brackets of the page itself do not fit, or it has no such list.
    """
    start = _list_of(body, name)
    rows: list[bytes] = []
    at = end = start + 1
    for depth, sign, end in _walk(body, start):
        if depth == 0 or (depth == 1 and sign == b","):
            rows.append(body[at : end - 1].strip())
            at = end
        if depth == 0:
            break
    else:
        raise ValueError("the list is not closed")
    return body[: start + 1] + body[end - 1 :], [] if rows == [b""] else rows


def _list_of(body: bytes, name: str) -> int:
    """Find where the list of a name begins: a member of the outermost object."""
    wanted, said = f'"{name}":'.encode(), b""
    for depth, sign, end in _walk(body, 0):
        if depth == 2 and sign == b"[" and said == wanted:  # noqa: PLR2004  # inside the object and itself
            return end - 1
        if depth == 1:
            said = said + sign if sign == b":" else sign
    raise ValueError(f"there is no list {name}")


def _walk(body: bytes, start: int) -> Iterator[tuple[int, bytes, int]]:
    """Give how many brackets are open after every string, bracket, comma and colon, the sign itself and its end."""
    if len(body) > _MOST_APART:
        raise ValueError("too long to be taken apart")
    open_ones: list[bytes] = []
    for found in _MARKS.finditer(body, start):
        sign = found[0]
        if sign in _CLOSES:
            open_ones.append(sign)
        elif sign in _CLOSING and (not open_ones or _CLOSES[open_ones.pop()] != sign):
            raise ValueError("a bracket is closed that was not opened")
        yield len(open_ones), sign, found.end()
