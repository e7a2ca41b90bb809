"""How calls to Airbase are made: what may be written, pages, and the room that is left in the rate limit."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import msgspec

from mlc_pipelines.errors import ConfigurationError, OutcomeUnknownError, TransientError
from mlc_pipelines.integrations.airbase.errors import AbsentError, is_json, reason, trace
from mlc_pipelines.integrations.airbase.guard import is_read_only
from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.wire.answers import Answer
from mlc_pipelines.wire.bodies import BROKEN
from mlc_pipelines.wire.http import HttpClient
from mlc_pipelines.wire.memory import Budget
from mlc_pipelines.wire.paging import pages
from mlc_pipelines.wire.rows import read_page

_READS = frozenset({"GET", "HEAD"})


class _Pagination(msgspec.Struct):
    next: Any = None
    page_size: Any = None


class _Page(msgspec.Struct):
    data: list[msgspec.Raw]
    pagination: _Pagination | None = None


class _Named(msgspec.Struct):
    id: Any = None
    airbase_id: Any = None


_PAGE = msgspec.json.Decoder(_Page)
_NAMED = msgspec.json.Decoder(_Named)
_COUNT = re.compile("[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Room:
    """How much of the rate limit is left alone: below so many percent everybody waits."""

    budget: Budget
    percent: int = 10
    pause_seconds: float = 60.0

    def watch(self, headers: Mapping[str, str]) -> None:
        """Let everybody wait when an answer says that little is left; none says until when (seen in public code)."""
        limit, left = headers.get("x-ratelimit-limit", ""), headers.get("x-ratelimit-remaining", "")
        if _COUNT.fullmatch(limit) and _COUNT.fullmatch(left) and int(left) * 100 < int(limit) * self.percent:
            self.budget.pause(self.pause_seconds)


class Calls:
    """Calls of one tenant. Accounts and subsidiaries are read, and no call writes to them."""

    def __init__(self, http: HttpClient, *, room: Room, page_size: int, read_only: tuple[str, ...] = ()) -> None:
        self._http = http
        self._room = room
        self._page_size = page_size
        self._read_only = read_only

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to Airbase."""
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        params: tuple[tuple[str, str], ...] = (),
        body: Mapping[str, Any] | None = None,
        repeatable: bool | None = None,
    ) -> bytes:
        """Make one call and give its JSON. The only door to the wire, so that the guard stands before every write."""
        if method.upper() not in _READS and is_read_only(path, self._read_only):
            raise ConfigurationError(
                f"airbase: {method} {path} is refused here: accounts and subsidiaries are only read, the ERP owns them"
            )
        answer = self._http.send(method, path, params=params, json=body, repeatable=repeatable)
        self._room.watch(answer.headers)
        if answer.body.strip() and not is_json(answer.headers):
            raise _no_json(answer)
        return answer.body

    def rows(self, path: str, filters: Mapping[str, str] | None = None) -> Iterator[bytes]:
        """Read all rows of a list, each once as it is: two rows of one id that differ are both given.

        It goes on while `pagination.next` names something or the page was full, and ends at an empty page: the
        marker may be missing on a full page (rule assumed). A page that repeats the one before ends the pass with an
        error, and so does one that cannot be read: neither is any record's fault.
        """
        given = tuple((filters or {}).items())
        seen: set[str] = set()
        before: list[str] = []

        def fetch(number: str) -> tuple[list[bytes], str | None]:
            nonlocal before
            page, rows = self._page(path, (*given, ("page", number), ("page_size", str(self._page_size))))
            names = [_name(row) for row in rows]
            if names and names == before:
                raise TransientError(f"airbase: page {number} of {path} repeats the page before; it would never end")
            before = names
            end = page.pagination or _Pagination()
            size = end.page_size if isinstance(end.page_size, int) and end.page_size > 0 else self._page_size
            more = bool(rows) and (end.next not in (None, "") or len(rows) >= min(size, self._page_size))
            return rows, str(int(number) + 1) if more else None

        for row in pages("1", fetch, where=f"airbase: {path}"):
            if digest(row) not in seen:  # pages overlap when rows are added meanwhile
                seen.add(digest(row))
                yield row

    def _page(self, path: str, params: tuple[tuple[str, str], ...]) -> tuple[_Page, list[bytes]]:
        try:
            body = self.call("GET", path, params=params)
        except AbsentError as error:
            raise ConfigurationError(f"{error}; there is no such list: check airbase.paths") from error
        return read_page(body, _PAGE, "data", f"airbase: a page of {path}")


def _name(row: bytes) -> str:
    """Name a row by its id, else by its content; one that is no object has only its content."""
    try:
        named = _NAMED.decode(row)
        found = named.airbase_id or named.id
    except BROKEN:
        found = None
    return str(found) if isinstance(found, int | str) and found else digest(row)


def _no_json(answer: Answer) -> TransientError | OutcomeUnknownError:
    """Read a page of the front where an answer should be: a read may be tried again, a write must be looked up."""
    kind = answer.headers.get("content-type", "no type")
    said = f"airbase: {answer.method} {answer.url.split('?', 1)[0]}: HTTP {answer.status} with {kind}: {reason(answer)}"
    said += trace(answer.headers)
    if answer.method in _READS:
        return TransientError(said)
    return OutcomeUnknownError(f"{said}; look for the record before sending again")
