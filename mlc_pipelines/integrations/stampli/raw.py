"""Records as a file has them: texts by field, the rows they came from, and the original beside them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlc_pipelines.integrations.stampli.feeds import Feed
from mlc_pipelines.integrations.stampli.fields import DIMENSION
from mlc_pipelines.integrations.stampli.values import normalised, shortened

Texts = Mapping[str, str]


class RejectedFileError(Exception):
    """A file that is not as agreed: nothing of it is used. The message says where and what."""

    def __init__(self, said: str) -> None:
        super().__init__(shortened(said))


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record: its header fields, its lines, the rows of the file, and the original for our copy.

    Blank fields and null words are left out. `problem` says why its rows do not make one record.
    """

    fields: Texts
    lines: tuple[Texts, ...]
    rows: tuple[int, ...]
    raw: Any
    problem: str | None = None

    def get(self, name: str) -> str | None:
        """Give a header field; None when it is blank."""
        return self.fields.get(name)


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row of a CSV file: its number as a spreadsheet shows it, and its cells by column."""

    number: int
    cells: dict[str, str]


def shown(rows: Sequence[int]) -> str:
    """Name rows for a person."""
    listed = ", ".join(str(row) for row in rows[:10])
    return f"row{'s' if len(rows) > 1 else ''} {listed}{' …' if len(rows) > 10 else ''}"  # noqa: PLR2004 - a screen's worth


def given(texts: Iterable[tuple[str, str | None]], feed: Feed) -> dict[str, str]:
    """Trim texts and leave out what is blank or a null word."""
    nulls = {word.casefold() for word in feed.values.nulls}
    trimmed = ((name, text.strip()) for name, text in texts if text is not None)
    return {name: text for name, text in trimmed if text and text.casefold() not in nulls}


def is_line_field(name: str, feed: Feed) -> bool:
    """Tell whether a field belongs to a line."""
    return name in feed.shape.lines or name.startswith(DIMENSION)


def split(texts: Texts, feed: Feed) -> tuple[dict[str, str], dict[str, str]]:
    """Part the fields of a row into header and line."""
    lines = {name: text for name, text in texts.items() if is_line_field(name, feed)}
    return {name: text for name, text in texts.items() if name not in lines}, lines


def with_defaults(texts: Texts, feed: Feed, *, line: bool) -> dict[str, str]:
    """Put the tenant's defaults under what is given."""
    return {name: text for name, text in feed.defaults.items() if is_line_field(name, feed) is line} | dict(texts)


def from_rows(rows: Sequence[RawRow], feed: Feed) -> RawRecord:
    """Make one record of its rows; header fields that differ among them are its problem."""
    read = [split(given(((n, row.cells.get(c)) for n, c in feed.columns.items()), feed), feed) for row in rows]
    header = read[0][0]
    problem = _difference(rows, [head for head, _ in read])
    lines = [with_defaults(line, feed, line=True) for line in _once([line for _, line in read]) if line]
    raw = {"csv": [{"row": row.number, "cells": row.cells} for row in rows]}
    numbers = tuple(row.number for row in rows)
    return RawRecord(with_defaults(header, feed, line=False), tuple(lines), numbers, raw, problem)


def _difference(rows: Sequence[RawRow], headers: Sequence[Texts]) -> str | None:
    names = sorted({name for header in headers for name in header})
    for row, header in zip(rows, headers, strict=True):
        differing = [name for name in names if header.get(name) != headers[0].get(name)]
        if differing:
            numbers = shown([row.number for row in rows])
            return f"{numbers}: {', '.join(differing)} in row {row.number} differs from row {rows[0].number}"
    return None


def _once(lines: Iterable[dict[str, str]]) -> Iterator[dict[str, str]]:
    """Leave out numbered lines that stand there twice, word for word: the same invoice twice in one file."""
    numbered: dict[str, list[dict[str, str]]] = {}
    for line in lines:
        number = line.get("line_no")
        if number is not None:
            if line in numbered.get(number, []):
                continue
            numbered.setdefault(number, []).append(line)
        yield line


def group(rows: Iterable[RawRow], feed: Feed) -> list[RawRecord]:
    """Make records of rows, also of rows that do not stand together; in the order of their first rows."""
    if feed.csv.rows == "record":
        return [from_rows([row], feed) for row in rows]
    groups: dict[tuple[str, ...], list[RawRow]] = {}
    for row in rows:
        key = _group_key(row, feed)
        # Rows that name nothing belong to nothing: each is a record of its own, to be held with its number.
        groups.setdefault(key if any(key) else (str(row.number), ""), []).append(row)
    return [from_rows(members, feed) for members in groups.values()]


def _group_key(row: RawRow, feed: Feed) -> tuple[str, ...]:
    cells = {name: normalised(row.cells.get(feed.columns.get(name, ""), "")) for name in feed.grouped_by}
    if cells.get("vendor_id"):
        cells.pop("vendor_name", None)  # the number names the vendor; names of one vendor may differ
    return tuple(cells.values())
