"""CSV files: read strictly, whole or not at all, into records by the tenant's columns."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from mlc_pipelines.integrations.stampli.feeds import Csv, Feed
from mlc_pipelines.integrations.stampli.raw import RawRecord, RawRow, RejectedFileError, from_rows, given, group
from mlc_pipelines.integrations.stampli.values import UnreadableValueError, amount

_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_PARTED = re.compile(r"[\s_-]+")
_CELL_LIMIT = 1_000_000
_MOST_DIGITS = 20  # of a count; thousands of them would be no number to Python


def read_csv(content: bytes, feed: Feed) -> list[RawRecord]:
    """Read a file; RejectedFileError when anything about its structure is not as agreed."""
    rows = list(_numbered(_text(content, feed.csv), feed))
    columns: list[str] | None = None
    if feed.csv.header:
        if not rows:
            raise RejectedFileError("the file has no header row")
        columns = _columns(rows.pop(0)[1], feed)
    trailer = _take_trailer(rows, feed)
    rows.reverse()
    read = [RawRow(number, _cells(number, cells, columns, feed)) for number, cells in _emptied(rows)]
    records = group(read, feed)
    if trailer is not None:
        _check_trailer(trailer, read, records, feed)
    return records


def again(raw: Mapping[str, Any], feed: Feed) -> RawRecord:
    """Read a record from our copy of its rows, by the layout as it is now."""
    return from_rows([RawRow(row["row"], row["cells"]) for row in raw["csv"]], feed)


def _text(content: bytes, rules: Csv) -> str:
    """Decode, or reject: a byte that does not fit is never replaced, and a mark that says otherwise is believed."""
    said = next((encoding for bom, encoding in _BOMS.items() if content.startswith(bom)), None)
    if said is not None and said != rules.encoding:
        raise RejectedFileError(f"the file is marked as {said}, {rules.encoding} was agreed")
    if b"\x00" in content and rules.encoding != "utf-16":
        raise RejectedFileError("the file has a NUL byte")
    try:
        text = content.decode(rules.encoding)
    except UnicodeDecodeError as error:
        raise RejectedFileError(f"byte {error.start} cannot be read as {rules.encoding}") from error
    if "\x00" in text:
        raise RejectedFileError("the file has a NUL character")
    return text


def _numbered(text: str, feed: Feed) -> Iterator[tuple[int, list[str]]]:
    """Give rows with their numbers, as a spreadsheet counts them; blank ones are left out."""
    rules = feed.csv
    backslash = rules.escape == "backslash"
    before = csv.field_size_limit(_CELL_LIMIT)
    number = 0
    try:
        reader = csv.reader(
            io.StringIO(text, newline=""),
            delimiter=rules.delimiter,
            quotechar=rules.quote,
            quoting=csv.QUOTE_NONE if rules.quote is None else csv.QUOTE_MINIMAL,
            doublequote=not backslash,
            escapechar="\\" if backslash else None,
            strict=True,
        )
        known: dict[str, str] = {}  # one text for cells that are alike: headers are repeated on every line
        for number, cells in enumerate(reader, start=1):
            if number > feed.limits.max_rows + rules.skip_rows + 2:
                raise RejectedFileError(f"more than {feed.limits.max_rows} rows")
            if number > rules.skip_rows and any(cell.strip() for cell in cells):
                yield number, [known.setdefault(cell, cell) for cell in cells]
    except csv.Error as error:
        raise RejectedFileError(f"row {number + 1}: {error}") from error
    finally:
        csv.field_size_limit(before)


def _emptied(rows: list[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    """Give from the end of a list, and keep nothing of what was given: a long file is held once, not twice."""
    while rows:
        yield rows.pop()


def _columns(header: Sequence[str], feed: Feed) -> list[str]:
    """Name the columns as the layout does where it names them; all that it names must be there, once."""
    wanted = {_plain(name): name for name in feed.columns.values()}
    there = [_plain(name) for name in header]
    doubled = sorted({name for name in there if name and there.count(name) > 1})
    if doubled:
        raise RejectedFileError(f"the header names {', '.join(doubled)} twice")
    missing = [name for plain, name in wanted.items() if plain not in there]
    if missing:
        raise RejectedFileError(f"the header lacks {', '.join(missing)}")
    return [wanted.get(plain, name.strip()) for plain, name in zip(there, header, strict=True)]


def _plain(name: str) -> str:
    return _PARTED.sub("", name.strip().casefold())


def _cells(number: int, cells: Sequence[str], columns: Sequence[str] | None, feed: Feed) -> dict[str, str]:
    if columns is None:
        wanted = max(int(place) for place in feed.columns.values())
        if len(cells) < wanted:
            raise RejectedFileError(f"row {number} has {len(cells)} fields, at least {wanted} were agreed")
        return {str(place): cell for place, cell in enumerate(cells, start=1)}
    if len(cells) != len(columns):
        raise RejectedFileError(f"row {number} has {len(cells)} fields, the header has {len(columns)}")
    return {name or f"#{place}": cell for place, (name, cell) in enumerate(zip(columns, cells, strict=True), start=1)}


def _take_trailer(rows: list[tuple[int, list[str]]], feed: Feed) -> list[str] | None:
    rules = feed.csv.trailer
    if rules is None:
        return None
    if not rows or rows[-1][1][0].strip() != rules.marker:
        raise RejectedFileError(f"the last row does not begin with {rules.marker}: the upload was cut off")
    return rows.pop()[1]


def _check_trailer(cells: Sequence[str], rows: Sequence[RawRow], records: Sequence[RawRecord], feed: Feed) -> None:
    rules = feed.csv.trailer
    assert rules is not None  # noqa: S101 - there is a trailer row only where one was agreed
    if len(cells) < max(rules.count or 0, rules.sum or 0):
        raise RejectedFileError(f"the last row has {len(cells)} fields, fewer than were agreed")
    try:
        if rules.count is not None:
            said, found = cells[rules.count - 1].strip(), len(rows if rules.counts == "rows" else records)
            if not said.isdecimal() or len(said) > _MOST_DIGITS or int(said) != found:
                raise RejectedFileError(f"the last row counts {said} {rules.counts}, there are {found}")
        if rules.sum is not None:
            told, summed = amount(cells[rules.sum - 1].strip(), "the last row's sum", feed.values), _sum(rows, feed)
            if told != summed:
                raise RejectedFileError(f"the last row says {told} in all, {rules.sum_of} adds up to {summed}")
    except UnreadableValueError as error:
        raise RejectedFileError(f"the last row cannot be checked: {error}") from error


def _sum(rows: Sequence[RawRow], feed: Feed) -> Decimal:
    name = feed.csv.trailer.sum_of if feed.csv.trailer else ""
    column = feed.columns.get(name, name)
    texts = (given([(name, row.cells.get(column))], feed).get(name) for row in rows)
    return sum((amount(text, name, feed.values) for text in texts if text), Decimal(0))
