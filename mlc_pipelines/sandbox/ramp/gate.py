"""The gate every call passes: rate limit, token, scope, method, then the endpoint under the store's lock."""

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mlc_pipelines.sandbox.kernel.clock import SandboxClock
from mlc_pipelines.sandbox.kernel.faults import Faults
from mlc_pipelines.sandbox.kernel.journal import note_effect
from mlc_pipelines.sandbox.ramp.answers import Answer, Numbered, RefusalError, invalid, not_found, page, respond
from mlc_pipelines.sandbox.ramp.queries import QueryCheck, read_filters, read_page
from mlc_pipelines.sandbox.ramp.store import Store
from mlc_pipelines.sandbox.ramp.tokens import TokenOffice

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PREFIX = "/developer/v1"
Row = TypeVar("Row", bound=Numbered)


@dataclass(frozen=True)
class Call:
    """One request on its way to an endpoint."""

    request: Request
    body: bytes
    gate: "Gate"

    def json(self) -> Any:
        """Return the JSON body with numbers kept exact; anything else is 422."""
        try:
            return json.loads(self.body, parse_float=Decimal, parse_constant=_no_constant)
        except (UnicodeDecodeError, ValueError) as exc:
            raise invalid({"_schema": ["Invalid JSON body."]}) from exc

    def key(self, name: str = "id") -> str:
        """Return an id from the path."""
        return str(self.request.path_params[name])

    def filters(self, allowed: Mapping[str, QueryCheck]) -> dict[str, Any]:
        """Return the filters of the query string."""
        return read_filters(self.request.query_params, allowed)

    def page(self, rows: list[Row], *, render: Callable[[Row], dict[str, Any]]) -> Answer:
        """Return the page asked for."""
        start, size = read_page(self.request.query_params)
        return page(rows, url=self.request.url, start=start, size=size, render=render)

    def note(self, effect: str) -> None:
        """Write into the journal what this call changed."""
        note_effect(self.request, effect)

    def someone_edits(self) -> bool:
        """Tell whether a person was quicker than this write."""
        return self.gate.faults.someone_edits(self.request)

    def require(self, scope: str) -> None:
        """Refuse with 403 when the token lacks a further scope."""
        self.gate.tokens.require(self.request.headers.get("authorization", ""), scope=scope)


Handler = Callable[[Call], Answer]


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


@dataclass(frozen=True)
class Endpoint:
    """A method on a path, with the scope it needs."""

    method: str
    path: str
    scope: str | None
    handler: Handler


class CallCounter:
    """So many calls in a rolling window; calls made while blocked count too and prolong it."""

    def __init__(self, clock: SandboxClock, *, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self._clock = clock
        self._calls: deque[datetime] = deque()

    def refuse(self) -> float | None:
        """Count a call; return None when it may pass, else the seconds until the next one would."""
        now = self._clock.now()
        window = timedelta(seconds=self.seconds)
        while self._calls and self._calls[0] <= now - window:
            self._calls.popleft()
        self._calls.append(now)
        if self.limit <= 0 or len(self._calls) <= self.limit:
            return None
        return (self._calls[-self.limit] + window - now).total_seconds()

    def clear(self) -> None:
        """Forget what was counted."""
        self._calls.clear()


class Gate:
    """Turns endpoints into routes and stands before each of them."""

    def __init__(self, store: Store, *, tokens: TokenOffice, faults: Faults, counter: CallCounter) -> None:
        self.store = store
        self.tokens = tokens
        self.faults = faults
        self.counter = counter

    def routes(self, endpoints: list[Endpoint]) -> list[BaseRoute]:
        """Return one route per path, fixed paths first, plus token endpoints and a 404 for the rest."""
        table: dict[str, dict[str, Endpoint]] = {}
        for endpoint in endpoints:
            table.setdefault(endpoint.path, {})[endpoint.method] = endpoint
        made: list[BaseRoute] = [
            Route(f"{PREFIX}/token", self._token_route(self.tokens.issue), methods=["POST"]),
            Route(f"{PREFIX}/token/revoke", self._token_route(self.tokens.revoke), methods=["POST"]),
        ]
        paths = sorted(table, key=lambda known: (known.count("{"), known))
        made += [Route(PREFIX + path, self._route(table[path]), methods=METHODS) for path in paths]
        return [*made, Route("/{rest:path}", self._nowhere, methods=METHODS)]

    def _route(self, methods: Mapping[str, Endpoint]) -> Callable[..., Any]:
        async def route(request: Request) -> Response:
            body = await request.body()
            return self._answer(request, lambda: self._call(request, body, methods))

        return route

    def _call(self, request: Request, body: bytes, methods: Mapping[str, Endpoint]) -> Answer:
        endpoint = methods.get("GET" if request.method == "HEAD" else request.method)
        scope = endpoint.scope if endpoint else None
        self.tokens.admit(request.headers.get("authorization", ""), scope=scope)
        if endpoint is None:
            raise RefusalError(405, "DEVELOPER_7005", f"{request.method} is not allowed here", allow=", ".join(methods))
        return endpoint.handler(Call(request, body, self))

    def _token_route(self, answer: Callable[..., Answer]) -> Callable[..., Any]:
        async def route(request: Request) -> Response:
            body = await request.body()
            headers = request.headers
            return self._answer(
                request,
                lambda: answer(
                    authorization=headers.get("authorization", ""),
                    content_type=headers.get("content-type", ""),
                    body=body,
                ),
            )

        return route

    async def _nowhere(self, request: Request) -> Response:
        def refuse() -> NoReturn:
            raise not_found("path", request.url.path)

        return self._answer(request, refuse)

    def _answer(self, request: Request, make: Callable[[], Answer]) -> Response:
        with self.store.lock:
            trace_id = self.store.new_secret(24)
            wait = self.counter.refuse()
            if wait is not None:
                headers = {"retry-after": str(max(1, round(wait)))} if self.store.switches.retry_after else {}
                return respond(Answer(429, None, headers), trace_id=trace_id)
            try:
                answer = make()
            except RefusalError as refusal:
                answer = refusal.answer()
            return respond(answer, trace_id=trace_id)
