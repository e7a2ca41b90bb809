"""The gate every call passes: slash, token, client header, budget, parameters, then the endpoint under the lock."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from mlc_pipelines.sandbox.kernel.faults import BUSY_PAGE, Faults
from mlc_pipelines.sandbox.kernel.journal import WRITING, note_effect
from mlc_pipelines.sandbox.kernel.rate import RateLimit
from mlc_pipelines.sandbox.procurify.answers import Answer, RefusalError, not_found, one, refused, respond
from mlc_pipelines.sandbox.procurify.parameters import Check, read
from mlc_pipelines.sandbox.procurify.records import Write
from mlc_pipelines.sandbox.procurify.store import Store
from mlc_pipelines.sandbox.procurify.tokens import TokenOffice
from mlc_pipelines.sandbox.procurify.writing import answer_to_write

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
TOKEN_PATH = "/oauth/token"  # noqa: S105  # a path
CLIENT_HEADER = ("x-procurify-client", "api")
JSON_TYPES = frozenset({"application/json", "application/*", "*/*"})
NOVEL = {"ai_summary": {"confidence": 0.5}}
Row = TypeVar("Row")


@dataclass(frozen=True)
class Call:
    """One read on its way to an endpoint, its filters checked."""

    request: Request
    store: Store
    faults: Faults
    given: Mapping[str, Any]

    def key(self, name: str = "id") -> str:
        """Return a part of the path."""
        return str(self.request.path_params[name])

    def one(self, content: dict[str, Any]) -> Answer:
        """Return one record."""
        return one(content | self._novel())

    def page(self, rows: Iterable[Row], *, render: Callable[[Row], dict[str, Any]]) -> Answer:
        """Return the page asked for; past the end is 404."""
        known = list(rows)
        number, size = self._whole("page", 1), page_size(self.request, self.store)
        pages = max(1, -(-len(known) // size))
        if number > pages:
            raise refused(404, "Invalid page.")
        pagination = {
            "count": len(known),
            "next": self._link(number + 1) if number < pages else None,
            "previous": self._link(number - 1) if number > 1 else None,
            "page_size": size,
            "num_pages": pages,
            "current_page": number,
        }
        shown = [render(row) | self._novel() for row in known[(number - 1) * size : number * size]]
        return Answer(200, {"metadata": {"pagination": pagination}, "data": shown})

    def someone_edits(self) -> bool:
        """Tell whether a person was quicker than this read."""
        return self.faults.someone_edits(self.request)

    def _novel(self) -> dict[str, Any]:
        return NOVEL if self.store.switches.novel_fields else {}

    def _link(self, number: int) -> str:
        return str(self.request.url.include_query_params(page=number))

    def _whole(self, name: str, default: int) -> int:
        return _positive(self.request, name, default)


def page_size(request: Request, store: Store) -> int:
    """Return the page size in force for a call."""
    return min(_positive(request, "page_size", store.switches.default_page_size), store.switches.max_page_size)


def _positive(request: Request, name: str, default: int) -> int:
    given = request.query_params.get(name, str(default))
    if not given.isascii() or not given.isdigit() or int(given) < 1:
        raise refused(400, f"{name}: Enter a whole number from 1.")
    return int(given)


Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class Endpoint:
    """A read on a path; `fields` are told by OPTIONS where the vendor does so."""

    path: str
    handler: Handler
    filters: Mapping[str, Check] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)


class Gate:
    """Turns endpoints into routes and stands before each of them."""

    def __init__(self, store: Store, *, tokens: TokenOffice, faults: Faults, budget: RateLimit) -> None:
        self.store = store
        self.tokens = tokens
        self.faults = faults
        self.budget = budget
        self._answers = 0

    def routes(self, endpoints: Sequence[Endpoint]) -> list[BaseRoute]:
        """Return the token's route, then two per endpoint: the real one, and the one that lost its slash."""
        made: list[BaseRoute] = [Route(TOKEN_PATH, self._token, methods=METHODS)]
        for endpoint in sorted(endpoints, key=lambda known: (known.path.count("{"), known.path)):
            made.append(Route(endpoint.path, self._route(endpoint), methods=METHODS))
            made.append(Route(endpoint.path.rstrip("/"), self._without_slash, methods=METHODS))
        return [*made, Route("/{rest:path}", self._nowhere, methods=METHODS)]

    def _route(self, endpoint: Endpoint) -> Callable[..., Any]:
        async def route(request: Request) -> Response:
            body = await request.body()
            with self.store.lock:
                try:
                    self._admit(request, body)
                    slow = request.method == "GET" and self._is_slow(request)
                    if not slow:
                        return self._respond(self._answer(endpoint, request, body))
                except RefusalError as refusal:
                    return self._respond(refusal.answer)
            await _left_within(self.store.switches.slow_seconds, request)
            page = BUSY_PAGE.replace(b"502 Bad Gateway", b"504 Gateway Timeout")
            return Response(page, 504, media_type="text/html")

        return route

    def _admit(self, request: Request, body: bytes) -> None:
        if request.method in WRITING:
            self.store.writes.append(Write(request.method, request.url.path, body, self.store.now()))
        accepted = {part.partition(";")[0].strip() for part in request.headers.get("accept", "*/*").split(",")}
        if not JSON_TYPES & accepted:
            raise refused(406, "Could not satisfy the request Accept header.")
        self.tokens.admit(request.headers.get("authorization", ""))
        name, value = CLIENT_HEADER
        if request.headers.get(name) != value:
            raise refused(self.store.switches.client_header_status, "Authentication credentials were not provided.")
        wait = self.budget.refuse()
        if wait is not None:
            seconds = max(1, round(wait))
            headers = {"Retry_After": str(seconds)} if self.store.switches.retry_after else {}
            raise refused(429, f"Request was throttled. Expected available in {seconds} seconds.", **headers)

    def _is_slow(self, request: Request) -> bool:
        limit = self.store.switches.slow_pages_over
        return limit is not None and page_size(request, self.store) > limit

    def _answer(self, endpoint: Endpoint, request: Request, body: bytes) -> Answer:
        if request.method in WRITING:
            answer = answer_to_write(request.method, endpoint.path, body)
            note_effect(request, f"was asked to {request.method} {request.url.path}")
            return answer
        if request.method == "OPTIONS":
            return one({"name": endpoint.path, "fields": dict(endpoint.fields)})
        strict = self.store.switches.refuse_unknown_parameters
        given = read(request.query_params, endpoint.filters, strict=strict)
        return endpoint.handler(Call(request, self.store, self.faults, given))

    def _respond(self, answer: Answer) -> Response:
        self._answers += 1
        return respond(answer, headers={"X-Procurify-Request-Id": f"req-{self._answers:08d}"})

    async def _token(self, request: Request) -> Response:
        body = await request.body()
        with self.store.lock:
            if request.method != "POST":
                return self._respond(refused(405, f'Method "{request.method}" not allowed.').answer)
            try:
                return self._respond(self.tokens.issue(content_type=request.headers.get("content-type", ""), body=body))
            except RefusalError as refusal:
                return self._respond(refusal.answer)

    async def _without_slash(self, request: Request) -> Response:
        if not self.store.switches.slash_redirects:
            return await self._nowhere(request)
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{request.url.path}/{query}", status_code=301)

    async def _nowhere(self, request: Request) -> Response:
        body = await request.body()
        with self.store.lock:
            if request.method in WRITING:
                self.store.writes.append(Write(request.method, request.url.path, body, self.store.now()))
            return self._respond(not_found().answer)


async def _left_within(seconds: float, request: Request) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while (await request.receive())["type"] != "http.disconnect":
                continue
