"""Paging: all records once, lazily, and never for ever."""

import pytest

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.wire.paging import pages

BOOK: dict[str, tuple[list[int], str | None]] = {"a": ([1, 2], "b"), "b": ([], "c"), "c": ([3], None)}


def test_all_pages_are_one_stream() -> None:
    """Records come in order, also over an empty page."""
    assert list(pages("a", BOOK.__getitem__, where="bills")) == [1, 2, 3]


def test_a_page_is_fetched_when_it_is_needed() -> None:
    """Whoever stops early has not read on."""
    fetched: list[str] = []

    def fetch(cursor: str) -> tuple[list[int], str | None]:
        fetched.append(cursor)
        return BOOK[cursor]

    stream = pages("a", fetch, where="bills")
    assert fetched == []
    assert [next(stream), next(stream)] == [1, 2]
    assert fetched == ["a"]


def test_a_cursor_that_comes_twice_is_an_error() -> None:
    """A circle of pages ends with the place named, after its records were given once."""
    circle: dict[str, tuple[list[int], str | None]] = {"a": ([1], "b"), "b": ([2], "a")}
    stream = pages("a", circle.__getitem__, where="bills")
    assert [next(stream), next(stream)] == [1, 2]
    with pytest.raises(RecordError, match="bills: page 3 leads back") as caught:
        next(stream)
    assert caught.value.cause == Cause.UNREADABLE


def test_there_is_a_most_of_pages() -> None:
    """Cursors that are new for ever end too."""
    with pytest.raises(RecordError, match="more than 5 pages"):
        list(pages("0", lambda cursor: ([1], str(int(cursor) + 1)), where="bills", most=5))
