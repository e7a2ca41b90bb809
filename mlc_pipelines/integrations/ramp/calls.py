"""How calls to Ramp are made: bodies, pages, and answers read into records."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from mlc_pipelines.errors import OutcomeUnknownError
from mlc_pipelines.integrations.ramp.rows import decode
from mlc_pipelines.wire.bodies import BROKEN
from mlc_pipelines.wire.http import HttpClient
from mlc_pipelines.wire.paging import pages
from mlc_pipelines.wire.rows import one, read_page

ROOT = "/developer/v1"
T = TypeVar("T")


class _PageEnd(msgspec.Struct):
    next: str | None = None


class _Page(msgspec.Struct):
    data: list[msgspec.Raw]
    page: _PageEnd = msgspec.field(default_factory=_PageEnd)


class _Made(msgspec.Struct):
    id: str


_PAGE = msgspec.json.Decoder(_Page)
_MADE = msgspec.json.Decoder(_Made)


def as_parameter(value: object) -> str:
    """Write a filter's value as Ramp reads it; times in UTC."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return str(value)


class Calls:
    """Calls of one tenant. `repeatable` says that Ramp takes the same call twice as one."""

    def __init__(self, http: HttpClient, *, page_size: int = 100) -> None:
        self._http = http
        self._page_size = page_size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to Ramp."""
        self._http.close()

    def _get(self, path: str) -> bytes:
        return one(self._http.send("GET", ROOT + path).body, f"ramp: {path}")

    def _rows(self, path: str, read: Callable[[bytes], T], **filters: object) -> Iterator[T]:
        """Read all rows of a list that something is looked up in; RecordError for one that cannot be read."""
        return map(read, self._raw(path, **filters))

    def _raw(self, path: str, **filters: object) -> Iterator[bytes]:
        """Read all pages of a list; a filter that is None is left out, `page.next` followed as given (documented)."""
        given = [(name, as_parameter(value)) for name, value in filters.items() if value is not None]
        given.append(("page_size", str(self._page_size)))

        def fetch(cursor: str) -> tuple[list[bytes], str | None]:
            first = cursor == ROOT + path
            body = self._http.send("GET", cursor, params=given if first else ()).body
            page, rows = read_page(body, _PAGE, "data", f"ramp: a page of {path}")
            return rows, page.page.next

        return pages(ROOT + path, fetch, where=f"ramp: {path}")

    def _post(self, path: str, body: Mapping[str, Any] | None = None, *, repeatable: bool = False) -> bytes:
        return self._http.send("POST", ROOT + path, json=body, repeatable=repeatable).body

    def _patch(self, path: str, body: Mapping[str, Any]) -> bytes:
        """Change an object; a change says how it shall be, so it may be sent twice."""
        return self._http.send("PATCH", ROOT + path, json=body, repeatable=True).body

    def _delete(self, path: str, *, repeatable: bool = False) -> None:
        self._http.send("DELETE", ROOT + path, repeatable=repeatable)


def reader(kind: type[T], what: str) -> Callable[[bytes], T]:
    """Make a function that reads one row."""
    decoder = msgspec.json.Decoder(kind)
    return lambda raw: decode(raw, decoder, what)


def id_of(body: bytes, what: str) -> str:
    """Read the id of what was just made; an answer without one leaves open what Ramp did."""
    try:
        return _MADE.decode(body).id
    except BROKEN as error:
        raise OutcomeUnknownError(
            f"ramp: the answer to a new {what} has no id; look for it before sending again"
        ) from error
