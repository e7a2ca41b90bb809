"""The web server: `POST /webhooks/{connection}`, below it where a vendor wants that, `GET /healthz`, `GET /metrics`."""

import asyncio
import os
import socket
import threading
from collections import Counter
from collections.abc import Mapping
from http import HTTPStatus

import uvicorn
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from mlc_pipelines.errors import ConfigurationError, StorageError
from mlc_pipelines.integrations.house import House
from mlc_pipelines.integrations.integration import Delivery
from mlc_pipelines.webhooks.gate import Gate, Pace
from mlc_pipelines.webhooks.metrics import CONTENT_TYPE, PUBLIC, Metrics, may_read
from mlc_pipelines.webhooks.receiving import Receiver
from mlc_pipelines.webhooks.subscriptions import keep_subscriptions

BODY_BYTES = 1 << 20
HEAD_SECONDS = BODY_SECONDS = 10.0
AT_ONCE = 200


def build_app(house: House, receiver: Receiver, environ: Mapping[str, str]) -> Starlette:
    """Make the app; it calls no vendor but to finish a handshake."""
    answered = Counter[tuple[str, int]]()
    figures, public, turn = Metrics(house, answered), environ.get(PUBLIC) == "1", asyncio.Lock()

    async def webhook(request: Request) -> Response:
        name, below = request.path_params["connection"], request.path_params.get("below", "")
        status = receiver.address(name, below)
        if status is HTTPStatus.OK:
            body, source = await _body(request), request.client.host if request.client else None
            if isinstance(body, HTTPStatus):
                return _answer(body)
            delivery = Delivery(body, request.headers, house.ledger.clock.now(), below, source)
            status = await run_in_threadpool(receiver.receive, name, delivery)
        return _answer(status)

    async def healthz(_: Request) -> Response:
        return _answer(HTTPStatus.OK if await run_in_threadpool(receiver.is_well) else HTTPStatus.SERVICE_UNAVAILABLE)

    async def metrics(request: Request) -> Response:
        if not may_read(request, public=public):
            return _answer(HTTPStatus.FORBIDDEN)
        async with turn:  # one thread at most: the others are for webhooks
            try:
                text = await run_in_threadpool(figures.text)
            except (StorageError, SQLAlchemyError):
                return _answer(HTTPStatus.SERVICE_UNAVAILABLE)
        return Response(text, headers={"Content-Type": CONTENT_TYPE})

    names = {*house.connections, *(each.name for each in house.broken)}
    return Starlette(
        middleware=[Middleware(Gate, names=names, pace=Pace.read(environ), answered=answered)],
        routes=[
            Route("/webhooks/{connection}", webhook, methods=["POST"]),
            Route("/webhooks/{connection}/{below:path}", webhook, methods=["POST"]),
            Route("/healthz", healthz, methods=["GET"]),
            Route("/metrics", metrics, methods=["GET"]),
        ],
    )


def _answer(status: HTTPStatus) -> Response:
    """Say the status; the line to one who is refused is cut, for more may be coming."""
    headers = None if status is HTTPStatus.OK else {"Connection": "close"}
    return PlainTextResponse(status.phrase, status_code=status, headers=headers)


async def _body(request: Request) -> bytes | HTTPStatus:
    """Read the body as it comes, whatever length it claims; a status when it is too long, too slow or broken off."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > BODY_BYTES:
                    return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    except TimeoutError:
        return HTTPStatus.REQUEST_TIMEOUT
    except ClientDisconnect:
        return HTTPStatus.BAD_REQUEST
    return bytes(body)


class Line(H11Protocol):
    """A connection that is cut where no whole head of a request comes in time: those who say nothing take up room."""

    _awaited: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)  # type: ignore[arg-type]  # of a socket it is one that can be written to
        self._awaited = self.loop.call_later(HEAD_SECONDS, transport.close)

    def data_received(self, data: bytes) -> None:
        """Take what came. More of a head that is not whole gives no more time; the next one begins with its first."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._heard()
        elif self._awaited is None:
            self._awaited = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._heard()
        super().connection_lost(exc)

    def _heard(self) -> None:
        if self._awaited is not None:
            self._awaited.cancel()
            self._awaited = None


class WebhookServer(uvicorn.Server):
    """Receives; once it listens it sees to the subscriptions, for a new one is challenged at once."""

    def __init__(self, house: House, environ: Mapping[str, str] | None = None) -> None:
        self._receiver = Receiver(house)
        super().__init__(
            uvicorn.Config(
                build_app(house, self._receiver, os.environ if environ is None else environ),
                http=Line,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                limit_concurrency=AT_ONCE,
                timeout_graceful_shutdown=int(BODY_SECONDS),
            )
        )
        self._stop = threading.Event()
        self._keeper = threading.Thread(
            target=keep_subscriptions, args=(house, self._stop), name="subscriptions", daemon=True
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then begin to keep the subscriptions."""
        await super().startup(sockets)
        self._keeper.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop both; a call to a vendor that is under way is not waited for."""
        self._stop.set()
        await super().shutdown(sockets)
        self._receiver.close()


def serve(house: House, *, host: str, port: int) -> None:
    """Receive webhooks until a signal comes; ConfigurationError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=AT_ONCE)
    except OSError as error:
        raise ConfigurationError(
            f"webhooks: cannot listen on {host}:{port} ({error.strerror}); choose another host or port"
        ) from error
    with listening:
        WebhookServer(house).run(sockets=[listening])
