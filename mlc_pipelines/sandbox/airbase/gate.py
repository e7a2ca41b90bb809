"""The gate every call passes: slash, token, budget, media type, method, then the endpoint under the store's lock."""

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from mlc_pipelines.sandbox.airbase.answers import (
    Answer,
    RefusalError,
    django_page,
    invalid,
    page_of,
    refused,
    respond,
)
from mlc_pipelines.sandbox.airbase.store import Store
from mlc_pipelines.sandbox.airbase.tokens import Token, TokenOffice
from mlc_pipelines.sandbox.kernel.clock import SandboxClock
from mlc_pipelines.sandbox.kernel.faults import Faults
from mlc_pipelines.sandbox.kernel.journal import WRITING, note_effect

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
RELEASE = "2026.10.3"
PAGING = frozenset({"page", "page_size"})
Row = TypeVar("Row")


class CallBudget:
    """So many calls in a rolling window; `limit` may be changed while the sandbox runs (0 means no limit)."""

    def __init__(self, clock: SandboxClock, *, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self._clock = clock
        self._calls: deque[datetime] = deque()

    def spend(self) -> float | None:
        """Count a call; return None when it may pass, else the seconds until the next one would."""
        if self.remaining() > 0 or self.limit <= 0:
            self._calls.append(self._clock.now())
            return None
        return (self._calls[0] + timedelta(seconds=self.seconds) - self._clock.now()).total_seconds()

    def remaining(self) -> int:
        """Return how many calls are left in the window that ends now."""
        start = self._clock.now() - timedelta(seconds=self.seconds)
        while self._calls and self._calls[0] <= start:
            self._calls.popleft()
        return max(0, self.limit - len(self._calls))

    def headers(self) -> dict[str, str]:
        """Return the headers that tell the budget."""
        if self.limit <= 0:
            return {}
        return {"X-Ratelimit-Limit": str(self.limit), "X-Ratelimit-Remaining": str(self.remaining())}

    def clear(self) -> None:
        """Forget what was counted."""
        self._calls.clear()


@dataclass(frozen=True)
class Call:
    """One request on its way to an endpoint."""

    request: Request
    body: bytes
    gate: "Gate"

    def json(self) -> Any:
        """Return the JSON body with numbers kept exact."""
        try:
            return json.loads(self.body, parse_float=Decimal, parse_constant=_no_constant)
        except (UnicodeDecodeError, ValueError) as exc:
            raise refused(400, f"JSON parse error - {exc}") from exc

    def key(self) -> str:
        """Return the id from the path."""
        return str(self.request.path_params["id"])

    def filters(self, *allowed: str) -> dict[str, str]:
        """Return the filters of the query string; an empty value is one, an unknown name is refused."""
        given = self.request.query_params
        unknown = [name for name in given if name not in PAGING and name not in allowed]
        if unknown:
            raise invalid({name: ["Unknown query parameter."] for name in unknown})
        return {name: given[name] for name in allowed if name in given}

    def page(self, rows: Iterable[Row], *, render: Callable[[Row], dict[str, Any]]) -> Answer:
        """Return the page asked for."""
        switches = self.gate.store.switches
        number = self._whole("page", 1)
        size = min(self._whole("page_size", switches.default_page_size), switches.max_page_size)
        return page_of(rows, render=render, url=self.request.url, number=number, size=size, switches=switches)

    def note(self, effect: str) -> None:
        """Write into the journal what this call changed."""
        note_effect(self.request, effect)

    def someone_edits(self) -> bool:
        """Tell whether a person was quicker than this write."""
        return self.gate.faults.someone_edits(self.request)

    def _whole(self, name: str, default: int) -> int:
        given = self.request.query_params.get(name, str(default))
        if not given.isascii() or not given.isdigit() or int(given) < 1:
            raise invalid({name: ["A whole number from 1 is required."]})
        return int(given)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class Endpoint:
    """A method on a path; every path ends in a slash."""

    method: str
    path: str
    handler: Handler


class Gate:
    """Turns endpoints into routes and stands before each of them."""

    def __init__(self, store: Store, *, tokens: TokenOffice, faults: Faults, budget: CallBudget) -> None:
        self.store = store
        self.tokens = tokens
        self.faults = faults
        self.budget = budget

    def routes(self, endpoints: Iterable[Endpoint]) -> list[BaseRoute]:
        """Return two routes per path, fixed paths first: the real one, and the one that lost its slash."""
        table: dict[str, dict[str, Endpoint]] = {}
        for endpoint in endpoints:
            table.setdefault(endpoint.path, {})[endpoint.method] = endpoint
        made: list[BaseRoute] = []
        for path in sorted(table, key=lambda known: (known.count("{"), known)):
            made.append(Route(path, self._route(table[path]), methods=METHODS))
            made.append(Route(path.rstrip("/"), self._redirect, methods=METHODS))
        return [*made, Route("/{rest:path}", self._nowhere, methods=METHODS)]

    def _route(self, methods: Mapping[str, Endpoint]) -> Callable[..., Any]:
        offered = [*methods, *(["HEAD"] if "GET" in methods else []), "OPTIONS"]
        allow = ", ".join(sorted(offered, key=("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS").index))

        async def route(request: Request) -> Response:
            body = await request.body()
            return self._answer(request, lambda: self._call(request, body, methods), allow=allow)

        return route

    def _answer(self, request: Request, make: Callable[[], Answer], *, allow: str) -> Response:
        with self.store.lock:
            headers = self._trace() | {"Allow": allow, "Vary": "Accept"}
            try:
                token = self._enter(request)
                headers["X-Airbase-Auth-Token-Id"] = str(token.id)
                self._spend()
                answer = make()
            except RefusalError as refusal:
                answer = refusal.answer
            return respond(answer, headers={**headers, **self.budget.headers()})

    def _trace(self) -> dict[str, str]:
        return {"X-Request-Id": self.store.new_id(), "X-Airbase-Release-Version": RELEASE, "Server": "cloudflare"}

    def _enter(self, request: Request) -> Token:
        accepted = [part.partition(";")[0].strip() for part in request.headers.get("accept", "*/*").split(",")]
        if not {"application/json", "application/*", "*/*"} & set(accepted):
            raise refused(406, "Could not satisfy the request Accept header.")
        return self.tokens.admit(request.headers.get("authorization", ""), schemes=self.store.switches.schemes)

    def _spend(self) -> None:
        wait = self.budget.spend()
        if wait is not None:
            seconds = max(1, round(wait))
            headers = {"Retry_After": str(seconds)} if self.store.switches.retry_after else {}
            raise refused(429, f"Request was throttled. Expected available in {seconds} seconds.", **headers)

    def _call(self, request: Request, body: bytes, methods: Mapping[str, Endpoint]) -> Answer:
        if request.method == "OPTIONS":
            return Answer(200, {"renders": ["application/json"], "parses": ["application/json"]})
        endpoint = methods.get("GET" if request.method == "HEAD" else request.method)
        if endpoint is None:
            raise refused(405, f'Method "{request.method}" not allowed.')
        kind = request.headers.get("content-type", "")
        if request.method in WRITING and kind.partition(";")[0].strip().lower() != "application/json":
            raise refused(415, f'Unsupported media type "{kind}" in request.')
        return endpoint.handler(Call(request, body, self))

    async def _redirect(self, request: Request) -> Response:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{request.url.path}/{query}", status_code=301, headers=self._trace())

    async def _nowhere(self, request: Request) -> Response:
        return respond(Answer(404, html=django_page(404)), headers=self._trace())
