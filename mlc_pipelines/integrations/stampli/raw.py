"""Records as a file has them: texts by field, the rows they came from, and the original beside them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlc_pipelines.integrations.stampli.feeds import Feed
from mlc_pipelines.integrations.stampli.fields import DIMENSION
from mlc_pipelines.integrations.stampli.values import shortened

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
    found = {name: trimmed for name, text in texts if text is not None and (trimmed := text.strip())}
    if not feed.values.nulls:
        return found
    nulls = {word.casefold() for word in feed.values.nulls}
    return {name: text for name, text in found.items() if text.casefold() not in nulls}


def is_line_field(name: str, feed: Feed) -> bool:
    """Tell whether a field belongs to a line."""
    return name in feed.shape.lines or name.startswith(DIMENSION)


def with_defaults(texts: Texts, feed: Feed, *, line: bool) -> dict[str, str]:
    """Put the tenant's defaults under what is given."""
    return {name: text for name, text in feed.defaults.items() if is_line_field(name, feed) is line} | dict(texts)


def from_rows(rows: Sequence[RawRow], feed: Feed) -> RawRecord:
    """Make one record of its rows; header fields that differ among them are its problem."""
    below = [(name, column) for name, column in feed.columns.items() if is_line_field(name, feed)]
    above = [each for each in feed.columns.items() if each not in below]
    headers = [given([(name, row.cells.get(column)) for name, column in above], feed) for row in rows]
    read = (given([(name, row.cells.get(column)) for name, column in below], feed) for row in rows)
    lines = tuple(with_defaults(line, feed, line=True) for line in _once(read) if line)
    raw = {"csv": [{"row": row.number, "cells": row.cells} for row in rows]}
    numbers = tuple(row.number for row in rows)
    return RawRecord(with_defaults(headers[0], feed, line=False), lines, numbers, raw, _difference(rows, headers))


def _difference(rows: Sequence[RawRow], headers: Sequence[Texts]) -> str | None:
    for row, header in zip(rows, headers, strict=True):
        if header != headers[0]:
            names = sorted({*header, *headers[0]})
            differing = [name for name in names if header.get(name) != headers[0].get(name)]
            numbers = shown([row.number for row in rows])
            return f"{numbers}: {', '.join(differing)} in row {row.number} differs from row {rows[0].number}"
    return None


def _once(lines: Iterable[dict[str, str]]) -> Iterator[dict[str, str]]:
    """Leave out numbered lines that stand there twice, word for word: the same invoice twice in one file."""
    numbered: set[tuple[tuple[str, str], ...]] = set()
    for line in lines:
        if "line_no" in line:
            words = tuple(line.items())
            if words in numbered:
                continue
            numbered.add(words)
        yield line
