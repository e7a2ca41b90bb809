"""CSV files: read strictly, whole or not at all, into records by the tenant's columns.

A file is gone through twice, for its text and for its rows. The rows wait in a gathering until all of them are known
to be as agreed.
"""

import codecs
import contextlib
import csv
import io
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import IO, Any

import msgspec

from mlc_pipelines.integrations.stampli.feeds import Csv, Feed
from mlc_pipelines.integrations.stampli.gathering import Gathering
from mlc_pipelines.integrations.stampli.raw import RawRecord, RawRow, RejectedFileError, from_rows, given
from mlc_pipelines.integrations.stampli.values import UnreadableValueError, amount, normalised

_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_PARTED = re.compile(r"[\s_-]+")
_PART = 64 * 1024  # bytes
_LONGEST_LINE = 1_000_000
_MOST_DIGITS = 20  # of a count; thousands of them would be no number to Python
_Numbered = tuple[int, list[str]]
_written = msgspec.msgpack.Encoder().encode
_read = msgspec.msgpack.Decoder(_Numbered).decode


def read_csv(content: IO[bytes], feed: Feed) -> Iterator[RawRecord]:
    """Read a file; RejectedFileError before the first record when anything about its structure is not as agreed."""
    encoding = _checked_encoding(content, feed.csv)
    text = io.TextIOWrapper(content, encoding, newline="")
    with contextlib.closing(Gathering()) as gathering:
        try:
            rows = _numbered(text, feed)
            body = _Body(_columns(rows, feed), feed, gathering)
            trailer = body.take_all(rows)
        finally:
            text.detach()  # whoever opened the file closes it
        count, records = gathering.gathered()
        if trailer is not None:
            _check_trailer(trailer, body, count, feed)
        for _, members in records:
            numbered = (_read(member) for member in members)
            yield from_rows([RawRow(number, body.named(cells)) for number, cells in numbered], feed)


def again(raw: Mapping[str, Any], feed: Feed) -> RawRecord:
    """Read a record from our copy of its rows, by the layout as it is now."""
    return from_rows([RawRow(row["row"], row["cells"]) for row in raw["csv"]], feed)


def _checked_encoding(content: IO[bytes], rules: Csv) -> str:
    """Find the encoding, or reject: a byte that does not fit is never replaced, a mark that says otherwise believed."""
    content.seek(0)
    begins = content.read(_PART)
    said = next((encoding for bom, encoding in _BOMS.items() if begins.startswith(bom)), None)
    if said is not None and said != rules.encoding:
        raise RejectedFileError(f"the file is marked as {said}, {rules.encoding} was agreed")
    encoding = "utf-16-le" if rules.encoding == "utf-16" and said is None else rules.encoding
    decoder = codecs.getincrementaldecoder(encoding)()
    before = 0
    for part in itertools.chain([begins], iter(lambda: content.read(_PART), b""), [b""]):
        begun = len(decoder.getstate()[0])  # bytes of a sign that the part before had the beginning of
        try:
            text = decoder.decode(part, final=not part)
        except UnicodeDecodeError as error:
            at = before - begun + error.start
            raise RejectedFileError(f"byte {at} cannot be read as {rules.encoding}") from error
        if "\x00" in text:
            raise RejectedFileError("the file has a NUL character")
        before += len(part)
    content.seek(0)
    return encoding


def _numbered(text: io.TextIOWrapper, feed: Feed) -> Iterator[_Numbered]:
    """Give rows with their numbers, as a spreadsheet counts them; blank ones are left out."""
    rules = feed.csv
    backslash = rules.escape == "backslash"
    number = 0
    try:
        reader = csv.reader(
            _lines(text),
            delimiter=rules.delimiter,
            quotechar=rules.quote,
            quoting=csv.QUOTE_NONE if rules.quote is None else csv.QUOTE_MINIMAL,
            doublequote=not backslash,
            escapechar="\\" if backslash else None,
            strict=True,
        )
        for number, cells in enumerate(reader, start=1):
            if number > feed.limits.max_rows + rules.skip_rows + 2:
                raise RejectedFileError(f"more than {feed.limits.max_rows} rows")
            if number > rules.skip_rows and any(cell.strip() for cell in cells):
                yield number, cells
    except csv.Error as error:
        raise RejectedFileError(f"row {number + 1}: {error}") from error


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(_LONGEST_LINE + 1):
        if len(line) > _LONGEST_LINE:
            raise RejectedFileError(f"a line is longer than {_LONGEST_LINE} signs")
        yield line


def _columns(rows: Iterator[_Numbered], feed: Feed) -> list[str] | None:
    """Take the header; name the columns as the layout does where it names them: all of these must be there, once."""
    if not feed.csv.header:
        return None
    _, header = next(rows, (0, []))
    if not header:
        raise RejectedFileError("the file has no header row")
    wanted = {_plain(name): name for name in feed.columns.values()}
    there = [_plain(name) for name in header]
    doubled = sorted({name for name in there if name and there.count(name) > 1})
    if doubled:
        raise RejectedFileError(f"the header names {', '.join(doubled)} twice")
    missing = [name for plain, name in wanted.items() if plain not in there]
    if missing:
        raise RejectedFileError(f"the header lacks {', '.join(missing)}")
    named = enumerate(zip(there, header, strict=True), start=1)
    return [wanted.get(plain, name.strip()) or f"#{place}" for place, (plain, name) in named]


def _plain(name: str) -> str:
    return _PARTED.sub("", name.strip().casefold())


class _Body:
    """The rows between header and trailer: checked, counted, and gathered by the record that each belongs to."""

    def __init__(self, columns: list[str] | None, feed: Feed, gathering: Gathering) -> None:
        self._columns = columns
        self._feed = feed
        self._gathering = gathering
        self._trailer = feed.csv.trailer
        self._fewest = 0 if columns else max(int(place) for place in feed.columns.values())
        names = columns or [str(place) for place in range(1, self._fewest + 1)]
        places = {name: place for place, name in enumerate(names)}
        keyed = {name: places.get(feed.columns.get(name, "")) for name in feed.grouped_by}
        self._keyed = {name: place for name, place in keyed.items() if place is not None}
        self._last: tuple[list[str], str] = ([], "")
        self.count = 0
        self.sum = Decimal(0)

    def take_all(self, rows: Iterator[_Numbered]) -> list[str] | None:
        """Take in all rows; where a trailer was agreed the last row is it, and given."""
        if self._trailer is None:
            for row in rows:
                self._take(*row)
            return None
        last: _Numbered | None = None
        for row in rows:
            if last is not None:
                self._take(*last)
            last = row
        if last is None or last[1][0].strip() != self._trailer.marker:
            raise RejectedFileError(f"the last row does not begin with {self._trailer.marker}: the upload was cut off")
        return last[1]

    def named(self, cells: Sequence[str]) -> dict[str, str]:
        """Give cells by column, without a header by position."""
        if self._columns is None:
            return {str(place): cell for place, cell in enumerate(cells, start=1)}
        return dict(zip(self._columns, cells, strict=True))

    def _take(self, number: int, cells: list[str]) -> None:
        if self._columns is None and len(cells) < self._fewest:
            raise RejectedFileError(f"row {number} has {len(cells)} fields, at least {self._fewest} were agreed")
        if self._columns is not None and len(cells) != len(self._columns):
            raise RejectedFileError(f"row {number} has {len(cells)} fields, the header has {len(self._columns)}")
        self.count += 1
        if self._trailer is not None and self._trailer.sum is not None:
            self.sum += self._amount(cells, self._trailer.sum_of)
        self._gathering.put(self._key(number, cells), _written((number, cells)))

    def _key(self, number: int, cells: Sequence[str]) -> str:
        """Name what a row belongs to; one that names nothing belongs to nothing, to be held with its number."""
        alone = f"\x00{number}"  # no text of a file has that sign
        if self._feed.csv.rows == "record":
            return alone
        picked = [cells[place] for place in self._keyed.values()]
        if picked != self._last[0]:
            names = {name: normalised(cell) for name, cell in zip(self._keyed, picked, strict=True)}
            if names.get("vendor_id"):
                names.pop("vendor_name", None)  # the number names the vendor; names of one vendor may differ
            self._last = (picked, "\n".join(names.values()) if any(names.values()) else "")
        return self._last[1] or alone

    def _amount(self, cells: Sequence[str], name: str) -> Decimal:
        text = given([(name, self.named(cells).get(self._feed.columns.get(name, name)))], self._feed).get(name)
        try:
            return amount(text, name, self._feed.values) if text else Decimal(0)
        except UnreadableValueError as error:
            raise RejectedFileError(f"the last row cannot be checked: {error}") from error


def _check_trailer(cells: Sequence[str], body: _Body, records: int, feed: Feed) -> None:
    rules = feed.csv.trailer
    assert rules is not None  # noqa: S101 - there is a trailer row only where one was agreed
    if len(cells) < max(rules.count or 0, rules.sum or 0):
        raise RejectedFileError(f"the last row has {len(cells)} fields, fewer than were agreed")
    if rules.count is not None:
        said, found = cells[rules.count - 1].strip(), body.count if rules.counts == "rows" else records
        if not said.isdecimal() or len(said) > _MOST_DIGITS or int(said) != found:
            raise RejectedFileError(f"the last row counts {said} {rules.counts}, there are {found}")
    if rules.sum is not None:
        try:
            told = amount(cells[rules.sum - 1].strip(), "the last row's sum", feed.values)
        except UnreadableValueError as error:
            raise RejectedFileError(f"the last row cannot be checked: {error}") from error
        if told != body.sum:
            raise RejectedFileError(f"the last row says {told} in all, {rules.sum_of} adds up to {body.sum}")
