"""One read over all its pages: next links, `$skip` where there are none, and restarts that lose no changed record."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from mlc_pipelines.errors import Cause, RecordError, TransientError
from mlc_pipelines.ifs.metadata import EntityType
from mlc_pipelines.ifs.odata import Query, both, compare, follow
from mlc_pipelines.ifs.records import Row, RowReader
from mlc_pipelines.wire.answers import Answer
from mlc_pipelines.wire.moments import instant
from mlc_pipelines.wire.paging import pages
from mlc_pipelines.wire.rows import read_page


class _Page(msgspec.Struct):
    value: list[msgspec.Raw]
    next_link: str | None = msgspec.field(name="@odata.nextLink", default=None)


_PAGE = msgspec.json.Decoder(_Page)
MOST_ANEW = 20
"""So often a moment in which more than a page of records changed is read anew while others come or go."""


@dataclass(frozen=True, slots=True)
class Place:
    """A collection: its service, its path, the type of its records and their logical names."""

    root: str
    path: str
    type: EntityType
    names: Mapping[str, str]

    def compare(self, name: str, operator: str, value: Any) -> str:
        """One comparison on a logical name, its value written as the metadata wants it."""
        attribute = self.names.get(name, name)
        return compare(attribute, operator, value, self.type.type_of(attribute))


class Reading:
    """Walks one collection. `get` asks IFS for a path below `base_url`."""

    def __init__(self, get: Callable[[str], Answer], place: Place, *, base_url: str) -> None:
        self._get = get
        self._place = place
        self._base_url = base_url
        self._reader = RowReader(place.type.keys, place.names)
        self._seen: set[object] = set()

    def all(self, query: Query) -> Iterator[Row]:
        """Every record once."""
        current = query

        def fetch(cursor: str) -> tuple[Sequence[Row], str | None]:
            nonlocal current
            link, rows = self._page(cursor)
            fresh = [row for row in map(self._reader.read, rows) if self._is_new(row)]
            if rows and not fresh:
                raise self._endless()
            if link is None and (query.top is None or len(rows) < query.top):
                return fresh, None
            current = current.after(len(rows))
            return fresh, self._below(link) if link is not None else current.address(self._place.path)

        return pages(query.address(self._place.path), fetch, where=f"ifs {self._place.path}")

    def changed(self, query: Query, *, since: datetime | None) -> Iterator[bytes]:
        """The JSON of every record changed at or after `since`, oldest change first.

        A record changed while we read moves to the end and shifts all others by one, so that `$skip` would jump over
        a record. Each page therefore starts again at the last change seen, and what was on the page before is left
        out: earlier ones are older than that. Where more records than a page has changed in one moment, `$skip` goes
        back by one, to see that the page begins where the last one ended; if not, that moment is read anew. A record
        may come twice. TransientError for a moment that does not stand still.
        """
        start, anew = since, 0
        current = self._starting(query, start)
        before: list[bytes] = []  # what was on the page before
        edge: list[bytes] = []  # its last row, which this page has to begin with
        while True:
            link, rows = self._page(current.address(self._place.path))
            if edge and rows[:1] != edge:
                anew += 1
                if anew > MOST_ANEW:
                    raise TransientError(
                        f"ifs: {self._place.path}: more records of {start} than fit on a page, and they keep changing "
                        "meanwhile, or `$skip` is not heeded; larger pages (ifs.page_size) may help"
                    )
                current, before, edge = self._starting(query, start), [], []
                continue
            known = set(before)
            yield from (row for row in dict.fromkeys(rows) if row not in known)
            if link is None and (query.top is None or len(rows) < query.top):
                return
            if not rows:
                text = f"ifs: {self._place.path}: a page without records says that more follow"
                raise RecordError(text, cause=Cause.UNREADABLE)
            before, last = rows, self._modified(rows)
            if last is not None and (start is None or last > start):
                start, anew, edge = last, 0, []
                current = self._starting(query, start)
            else:
                edge = rows[-1:] if len(rows) > 1 else []  # a page of one row cannot begin with the last one
                current = current.after(len(rows) - len(edge))

    def _endless(self) -> RecordError:
        text = f"ifs: {self._place.path}: the same page came twice; reading would never end"
        return RecordError(text, cause=Cause.UNREADABLE)

    def _starting(self, query: Query, start: datetime | None) -> Query:
        if start is None:
            return query
        return replace(query, filter=both(query.filter, self._place.compare("modified", "ge", start)))

    def _page(self, cursor: str) -> tuple[str | None, list[bytes]]:
        """Give the next link and the rows, and let go of the page: it holds all of the answer."""
        page, rows = read_page(self._get(cursor).body, _PAGE, "value", f"ifs: {self._place.path}: a page")
        return page.next_link, rows

    def _below(self, link: str) -> str:
        return follow(link, root=self._place.root, base_url=self._base_url)

    def _is_new(self, row: Row) -> bool:
        """Tell a row that was not there yet; without a whole key its JSON names it."""
        named = bool(row.keys) and len(row.keys) == len(self._place.type.keys)
        identity: object = tuple(row.keys.values()) if named else hash(row.raw)
        if identity in self._seen:
            return False
        self._seen.add(identity)
        return True

    def _modified(self, rows: Sequence[bytes]) -> datetime | None:
        for raw in reversed(rows):
            text = self._reader.read(raw).values.get("modified")
            if isinstance(text, str):
                try:
                    return instant(text)
                except ValueError:
                    continue
        return None
