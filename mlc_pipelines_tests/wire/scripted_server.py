"""A small real HTTP server on loopback that answers by script and remembers what it was asked."""

import contextlib
import ssl
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Reply:
    """One scripted answer; `drop` closes the connection without one, `hold` waits for `ScriptedServer.let_go`.

    With `drip` the body comes a byte at a time, so many seconds apart; `times` repeats it.
    """

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False
    hold: bool = False
    short: bool = False
    drip: float = 0.0
    times: int = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came in; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class ScriptedServer:
    """Plays its replies in order, then `usual` for ever."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.replies: deque[Reply] = deque()
        self.usual = Reply()
        self.asked: list[Asked] = []
        self.let_go = threading.Event()
        self._server = _Listener(("127.0.0.1", 0), _handler(self))
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port: int = self._server.server_address[1]
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.port}/api/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def script(self, *replies: Reply | int) -> None:
        """Add replies; a bare number is a status with an empty JSON body."""
        self.replies.extend(Reply(reply) if isinstance(reply, int) else reply for reply in replies)

    @property
    def targets(self) -> list[str]:
        """Method and target of each request so far."""
        return [f"{asked.method} {asked.target}" for asked in self.asked]


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def _handler(server: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.asked.append(Asked(self.command, self.path, headers, self.rfile.read(length)))
            reply = server.replies.popleft() if server.replies else server.usual
            if reply.hold:
                server.let_go.wait(10)
            if reply.drop or reply.hold:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            length = len(reply.body) * reply.times + (10 if reply.short else 0)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # who has had enough goes away
                for _ in range(reply.times):
                    for piece in [reply.body] if not reply.drip else [bytes([byte]) for byte in reply.body]:
                        self.wfile.write(piece)
                        server.let_go.wait(reply.drip)
            self.close_connection = self.close_connection or reply.short

        do_GET = do_HEAD = do_POST = do_PATCH = do_DELETE = do_PUT = answer  # noqa: N815 - names of the stdlib

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - name of the stdlib
            """Keep quiet."""

    return Handler
