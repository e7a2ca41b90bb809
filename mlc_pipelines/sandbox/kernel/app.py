"""The application around a simulator's routes: journal, faults and the control endpoints."""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlc_pipelines.sandbox.kernel.clock import SandboxClock
from mlc_pipelines.sandbox.kernel.faults import Fault, Faults
from mlc_pipelines.sandbox.kernel.journal import EFFECTS, Journal, JournalEntry
from mlc_pipelines.sandbox.kernel.server import CONNECTION

CONTROL = "/_sandbox"
UNANSWERED = frozenset({"reset", "lost"})


class _Outcome:
    """An answer held back until it is decided what the caller gets: the answer, a cut connection, or nothing."""

    def __init__(self, *, cut: bool = False) -> None:
        self.cut = cut
        self.messages: list[Message] = []

    async def keep(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int | None:
        return next((int(m["status"]) for m in self.messages if m["type"] == "http.response.start"), None)


class FaultsAndJournal:
    """Pure ASGI middleware: writes down every request, and lets faults happen before or after it took effect."""

    def __init__(self, app: ASGIApp, *, faults: Faults, journal: Journal, clock: SandboxClock) -> None:
        self._app = app
        self._faults = faults
        self._journal = journal
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let control requests pass untouched; journal all others."""
        if scope["type"] != "http" or scope["path"].startswith(CONTROL):
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        if body is None:
            return
        request = Request(scope)
        entry = self._journal.open(request, body=body, at=self._clock.now())
        outcome = _Outcome()
        try:
            outcome = await self._decide(request, entry, _replay(body, receive), receive)
        finally:
            # before the caller learns anything: whoever has an answer finds it in the journal
            self._journal.close(entry, status=outcome.status, effects=scope.get(EFFECTS, []))
        if outcome.cut:
            await _cut(request, receive)
        for message in outcome.messages:
            await send(message)

    async def _decide(self, request: Request, entry: JournalEntry, replay: Receive, receive: Receive) -> _Outcome:
        fault = self._faults.before(request)
        if fault is not None:
            entry.fault = fault.kind
            if fault.kind != "stall":
                return _outcome_of(fault)
            if await _gone_within(fault.seconds, receive):
                return _Outcome()  # the caller gave up: nothing happened
        outcome = _Outcome()
        await self._app(request.scope, replay, outcome.keep)
        dropped = self._faults.drop_answer(request)
        if dropped is not None:
            entry.fault = dropped.kind
            return _outcome_of(dropped)
        return outcome


async def _read(receive: Receive) -> bytes | None:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    unread = [body]

    async def replay() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return await receive()

    return replay


async def _gone_within(seconds: float, receive: Receive) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                continue
            return True
    return False


def _outcome_of(fault: Fault) -> _Outcome:
    if fault.kind in UNANSWERED:
        return _Outcome(cut=True)
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fault.headers.items()]
    headers.append((b"content-length", str(len(fault.body)).encode()))
    outcome = _Outcome()
    outcome.messages = [
        {"type": "http.response.start", "status": fault.status, "headers": headers},
        {"type": "http.response.body", "body": fault.body},
    ]
    return outcome


async def _cut(request: Request, receive: Receive) -> None:
    """Close the connection with a TCP reset; the server put the connection into the scope."""
    transport: asyncio.Transport = request.scope[CONNECTION]
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        continue


def build_app(
    routes: list[BaseRoute],
    *,
    faults: Faults,
    journal: Journal,
    clock: SandboxClock,
    state: Callable[[], dict[str, Any]],
    people: Mapping[str, Callable[..., Any]],
    reset: Callable[[], None] | None = None,
) -> Starlette:
    """Put journal, faults and the control endpoints around a simulator's routes.

    `people` are the things a person can do in the simulated system; `reset` brings the first day back.
    """
    control = _Control(faults=faults, journal=journal, clock=clock, state=state, people=people, reset=reset)
    around = Middleware(FaultsAndJournal, faults=faults, journal=journal, clock=clock)
    return Starlette(routes=[*control.routes(), *routes], middleware=[around])


class _Control:
    def __init__(
        self,
        *,
        faults: Faults,
        journal: Journal,
        clock: SandboxClock,
        state: Callable[[], dict[str, Any]],
        people: Mapping[str, Callable[..., Any]],
        reset: Callable[[], None] | None,
    ) -> None:
        self._faults = faults
        self._journal = journal
        self._clock = clock
        self._state = state
        self._people = people
        self._reset = reset

    def routes(self) -> list[Route]:
        return [
            Route(f"{CONTROL}/state", self._show_state, methods=["GET"]),
            Route(f"{CONTROL}/requests", self._show_requests, methods=["GET"]),
            Route(f"{CONTROL}/faults", self._set_faults, methods=["POST"]),
            Route(f"{CONTROL}/clock", self._move_clock, methods=["POST"]),
            Route(f"{CONTROL}/reset", self._start_over, methods=["POST"]),
            Route(f"{CONTROL}/people/{{name}}", self._person, methods=["POST"]),
        ]

    async def _show_state(self, request: Request) -> Response:
        return _json(self._state())

    async def _show_requests(self, request: Request) -> Response:
        entries = self._journal.since(int(request.query_params.get("since", "0")))
        if request.query_params.get("writes"):
            written = {entry.seq for entry in self._journal.writes()}
            entries = [entry for entry in entries if entry.seq in written]
        return _json([entry.as_json() for entry in entries])

    async def _set_faults(self, request: Request) -> Response:
        wanted = await request.json()
        try:
            if "profile" in wanted:
                self._faults.profile = wanted["profile"]
            if "once" in wanted:
                self._faults.once(**wanted["once"])
        except (TypeError, ValueError) as exc:
            return _json({"error": str(exc)}, status=400)
        return _json({"profile": self._faults.profile})

    async def _move_clock(self, request: Request) -> Response:
        self._clock.advance(float((await request.json())["advance"]))
        return _json({"now": self._clock.now()})

    async def _start_over(self, request: Request) -> Response:
        self._journal.clear()
        self._faults.reset(profile=self._faults.profile)
        if self._reset is not None:
            self._reset()
        return _json({"reset": True})

    async def _person(self, request: Request) -> Response:
        name = request.path_params["name"]
        action = self._people.get(name)
        if action is None:
            return _json({"error": f"nobody can {name!r} here: {', '.join(sorted(self._people))}"}, status=404)
        body = await request.body()
        try:
            return _json({"result": action(**(json.loads(body) if body else {}))})
        except (KeyError, TypeError, ValueError) as exc:
            return _json({"error": f"{name}: {exc}"}, status=400)


def _json(content: Any, *, status: int = 200) -> Response:
    return Response(json.dumps(content, default=str), status_code=status, media_type="application/json")
