"""Lists whose rows may be unread, for tests in which all of them are readable."""

from collections.abc import Iterable
from typing import TypeVar

from mlc_pipelines.wire.rows import Unread

T = TypeVar("T")


def all_read(rows: Iterable[T | Unread]) -> list[T]:
    """Give the rows; none of them may be unread."""
    found = list(rows)
    assert not [row for row in found if isinstance(row, Unread)]
    return [row for row in found if not isinstance(row, Unread)]
