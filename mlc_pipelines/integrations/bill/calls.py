"""How calls to BILL are made: bodies, filters, pages, and answers read into records."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from mlc_pipelines.errors import OutcomeUnknownError, RecordError
from mlc_pipelines.wire.bodies import BROKEN
from mlc_pipelines.wire.http import HttpClient
from mlc_pipelines.wire.paging import pages
from mlc_pipelines.wire.rows import Unread, each, one, read_page

T = TypeVar("T")


class _Page(msgspec.Struct, rename="camel"):
    results: list[msgspec.Raw] = []
    next_page: str | None = None


class _Made(msgspec.Struct):
    id: str


_PAGE = msgspec.json.Decoder(_Page)
_MADE = msgspec.json.Decoder(_Made)
_ROWS = msgspec.json.Decoder(list[msgspec.Raw])


def eq(field: str, value: object) -> str:
    """Ask for one value; a text is quoted, so that a comma in it ends nothing (documented for lists and times)."""
    return f"{field}:eq:{_written(value)}"


def since(field: str, value: datetime | date) -> str:
    """Ask for this moment or day, and later ones."""
    return f"{field}:gte:{_written(value)}"


def among(field: str, values: Iterable[str]) -> str:
    """Ask for one of several values."""
    return f'{field}:in:"{",".join(values)}"'


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return f'"{value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")}"'
    return f'"{value}"'


class Calls:
    """Calls of one tenant to one of BILL's addresses."""

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
        """Close the connections to BILL."""
        self._http.close()

    def _get(self, path: str) -> bytes:
        return one(self._http.send("GET", path).body, f"bill: {path}")

    def _rows(self, path: str, read: Callable[[bytes], T], *, filters: Sequence[str] = ()) -> Iterator[T]:
        """Read all rows of a list that something is looked up in; RecordError for one that cannot be read."""
        return map(read, self._raw(path, filters=filters))

    def _carried(
        self, path: str, read: Callable[[bytes], T], *, filters: Sequence[str] = (), sort: str | None = None
    ) -> Iterator[T | Unread]:
        """Read all rows of a list that is carried, those that cannot be read too."""
        return each(self._raw(path, filters=filters, sort=sort), read, names=("id",))

    def _raw(self, path: str, *, filters: Sequence[str] = (), sort: str | None = None) -> Iterator[bytes]:
        """Read all pages of a list. `max` is always sent; a cursor carries filters and sort (seen in public code)."""
        given = [("max", str(self._page_size))]
        asked = [("filters", ",".join(filters))] if filters else []
        asked += [("sort", sort)] if sort else []

        def fetch(cursor: str) -> tuple[list[bytes], str | None]:
            params = [*given, ("page", cursor)] if cursor else [*given, *asked]
            body = self._http.send("GET", path, params=params).body
            page, rows = read_page(body, _PAGE, "results", f"bill: a page of {path}")
            return rows, page.next_page or None

        return pages("", fetch, where=f"bill: {path}")

    def _post(self, path: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> bytes:
        return self._http.send("POST", path, json=body, headers=headers or {}).body

    def _change(self, method: str, path: str, body: Mapping[str, Any]) -> bytes:
        """Change an object; a change says how it shall be, so it may be sent twice."""
        return self._http.send(method, path, json=body, repeatable=True).body


def id_of(body: bytes, what: str) -> str:
    """Read the id of what was just made; an answer without one leaves open what BILL did."""
    try:
        return _MADE.decode(body).id
    except BROKEN as error:
        raise OutcomeUnknownError(
            f"bill: the answer to a new {what} has no id; look for it before sending again"
        ) from error


def made_rows(
    body: bytes,
    read: Callable[[bytes], T],
    what: str,
    *,
    sent: Sequence[Sequence[Hashable]],
    named: Callable[[T], Sequence[Hashable]],
) -> list[T]:
    """Read what a bulk call made, in the order of what was sent: that the answer keeps it is not said.

    Each row is known by one of its names, the first that the answer repeats as it was sent.
    """
    try:
        rows = [read(bytes(row)) for row in _ROWS.decode(body)]
    except (*BROKEN, RecordError) as error:
        raise OutcomeUnknownError(f"bill: the answer to new {what} cannot be read; look for them first") from error
    if len(rows) != len(sent):
        raise OutcomeUnknownError(f"bill: {len(sent)} {what} were sent, {len(rows)} answered; look for them first")
    places: list[dict[Hashable, int]] = [
        {name: place for place, name in enumerate(column)} for column in zip(*map(named, rows), strict=True)
    ]
    found = [next((by[name] for by, name in zip(places, names, strict=True) if name in by), None) for names in sent]
    order = [place for place in found if place is not None]
    if len(set(order)) != len(sent):
        raise OutcomeUnknownError(f"bill: the answer to new {what} names others; look for them first")
    return [rows[place] for place in order]
