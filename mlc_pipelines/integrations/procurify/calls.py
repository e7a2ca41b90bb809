"""How Procurify is read: GET only, pages that may grow smaller, and rows that are seen once.

Pages are numbered, so rows shift from page to page while others change (documented). A list whose order is not sure, or
that grew or shrank while it was read, has the page before read once more; a row seen twice is given once.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from mlc_pipelines.errors import Cause, ConfigurationError, RecordError, TransientError
from mlc_pipelines.integrations.procurify.errors import AbsentError, RefusedError, is_slow
from mlc_pipelines.integrations.procurify.settings import Feed, ProcurifySettings
from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.wire.addresses import segment
from mlc_pipelines.wire.auth import Auth, TokenUnavailableError
from mlc_pipelines.wire.bodies import BROKEN
from mlc_pipelines.wire.clock import Clock
from mlc_pipelines.wire.http import HttpClient
from mlc_pipelines.wire.rows import one, read_page, sane

logger = logging.getLogger(__name__)

ATTEMPTS = 6
LONGEST_WAIT = 60.0
_NOTHING_NEW = 3  # so many pages in a row without a new row: the list does not end
_BACKOFF = wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT)
T = TypeVar("T")
Filters = Sequence[tuple[str, str]]


class _Pagination(msgspec.Struct):
    count: int | None = None
    next: str | None = None


class _Metadata(msgspec.Struct):
    pagination: _Pagination | None = None


class _Page(msgspec.Struct):
    data: list[msgspec.Raw]
    metadata: _Metadata | None = None

    @property
    def pagination(self) -> _Pagination:
        found = self.metadata.pagination if self.metadata else None
        return found or _Pagination()


class _One(msgspec.Struct):
    data: msgspec.Raw


_PAGE = msgspec.json.Decoder(_Page)
_ONE = msgspec.json.Decoder(_One)


class TooManyPagesError(Exception):
    """A window holds more pages than are read in one go; nothing of it was given yet."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a list stands: how many rows are behind, and how large a page is now."""

    behind: int
    size: int

    @property
    def number(self) -> int:
        return self.behind // self.size + 1

    @property
    def after(self) -> "_Place":
        return replace(self, behind=self.number * self.size)

    @property
    def before(self) -> "_Place":
        return replace(self, behind=max(0, (self.number - 2) * self.size))


def decode(raw: bytes, decoder: msgspec.json.Decoder[T], what: str) -> T:
    """Read JSON into a record; RecordError names the field that does not fit."""
    try:
        return sane(decoder.decode(raw), raw)
    except BROKEN as error:
        raise RecordError(f"procurify: a {what} cannot be read: {error}", cause=Cause.UNREADABLE) from error


class Calls:
    """Reads of one tenant; there is no other verb than GET. `lists` is sent once, for its retries are made here."""

    def __init__(
        self, http: HttpClient, lists: HttpClient, *, auth: Auth, settings: ProcurifySettings, clock: Clock
    ) -> None:
        self._http = http
        self._lists = lists
        self._auth = auth
        self._settings = settings
        self._clock = clock
        whole = settings.page_size
        self._sizes = sorted({whole, whole // 2, whole // 5}, reverse=True)  # 50, 25, 10

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to Procurify."""
        self._http.close()
        self._lists.close()

    def authenticate(self) -> None:
        """Get a token, unless there is one that still lives."""
        self._auth.headers()

    def _one(self, feed: Feed, record_id: str) -> bytes:
        """Read one record in full."""
        path = self._settings.path(feed).format(id=segment(record_id))
        body = one(self._http.send("GET", path).body, f"procurify: {path}")
        return bytes(decode(body, _ONE, "record").data)

    def _rows(
        self,
        feed: Feed,
        filters: Filters = (),
        *,
        order: str | None = None,
        seen: set[str] | None = None,
        most_pages: int | None = None,
    ) -> Iterator[bytes]:
        """Read a list to its end, each row once; TooManyPagesError before the first row of one that is too long."""
        asked = [*filters, *([("order_by", order)] if order else [])]
        seen = set() if seen is None else seen
        place: _Place | None = _Place(0, self._sizes[0])
        count: int | None = None
        idle = 0
        while place is not None:
            (page, rows), place = self._page(feed, asked, place)
            there = page.pagination.count
            if most_pages is not None and count is None and there is not None and there > most_pages * place.size:
                raise TooManyPagesError
            fresh = list(_unseen(rows, seen))
            if place.number > 1 and (order is None or there != count):
                (_, again), _ = self._page(feed, asked, place.before)
                fresh += _unseen(again, seen)
            yield from fresh
            idle = 0 if fresh else idle + 1
            if idle >= _NOTHING_NEW:
                raise RecordError(f"procurify: {feed.value}: page after page repeats itself", cause=Cause.UNREADABLE)
            count = there
            place = place.after if rows and page.pagination.next is not None else None

    def _page(self, feed: Feed, filters: Filters, place: _Place) -> tuple[tuple[_Page, list[bytes]], _Place]:
        """Read one page, smaller if it takes too long; give it with the place it was read at."""
        held = [place]

        def shrink(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            smaller = [size for size in self._sizes if size < held[0].size]
            if error is not None and is_slow(error) and smaller:
                held[0] = replace(held[0], size=smaller[0])
            logger.info("asking again", extra={"feed": feed.value, "page_size": held[0].size})

        retrying = Retrying(
            sleep=self._clock.sleep,
            retry=retry_if_exception(_may_pass),
            wait=_wait,
            stop=stop_after_attempt(ATTEMPTS),
            before_sleep=shrink,
            reraise=True,
        )
        page = retrying(lambda: self._ask(feed, filters, held[0]))
        return page, held[0]

    def _ask(self, feed: Feed, filters: Filters, place: _Place) -> tuple[_Page, list[bytes]]:
        paging = [("page", str(place.number)), ("page_size", str(place.size))]
        path = self._settings.path(feed)
        try:
            answer = self._lists.send("GET", path, params=[*filters, *paging])
        except AbsentError as error:
            if place.number > 1:
                return _Page([]), []  # the list grew shorter while it was read
            raise ConfigurationError(f"{error}; the path of {feed.value} has moved: set procurify.paths") from error
        except RefusedError as error:
            raise ConfigurationError(f"{error}; {feed.value} cannot be read so") from error
        return read_page(answer.body, _PAGE, "data", f"procurify: a page of {feed.value}")


def _unseen(rows: Sequence[bytes], seen: set[str]) -> Iterator[bytes]:
    """Give the rows that were not there yet as they are; two of one id that differ are told apart later."""
    for raw in rows:
        if digest(raw) not in seen:
            seen.add(digest(raw))
            yield raw


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, TransientError) and not isinstance(error, TokenUnavailableError)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, TransientError) else None
    return _BACKOFF(state) if asked is None else min(asked, LONGEST_WAIT)


def reader(kind: type[T], what: str) -> Callable[[bytes], T]:
    """Make a function that reads one row."""
    decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind)
    return lambda raw: decode(raw, decoder, what)


def given(**filters: Any) -> list[tuple[str, str]]:
    """Write filters as parameters; one that is None is left out."""
    return [(name, str(value)) for name, value in filters.items() if value is not None]
