"""Paging: many pages become one stream of records, and a cursor that comes twice is an error."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from mlc_pipelines.errors import Cause, RecordError

T = TypeVar("T")


def pages(
    first: str, fetch: Callable[[str], tuple[Sequence[T], str | None]], *, where: str, most: int = 100_000
) -> Iterator[T]:
    """Give the records of all pages, one page in memory at a time.

    `fetch` gives the records of a page and the cursor of the next one, None at the end.
    """
    seen: set[str] = set()
    cursor: str | None = first
    while cursor is not None:
        if cursor in seen:
            raise RecordError(
                f"{where}: page {len(seen) + 1} leads back to an earlier page; reading would never end",
                cause=Cause.UNREADABLE,
            )
        if len(seen) >= most:
            raise RecordError(f"{where}: more than {most} pages; ask for fewer records", cause=Cause.UNREADABLE)
        seen.add(cursor)
        records, cursor = fetch(cursor)
        yield from records
