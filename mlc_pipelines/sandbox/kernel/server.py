"""One simulator's HTTP server: uvicorn in a daemon thread, on loopback only."""

import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

START_SECONDS = 15.0
CONNECTION = "sandbox.connection"  # where the app finds the transport it may cut, inside the ASGI scope


class _Announcing(uvicorn.Server):
    """Tells the starting thread when it accepts connections."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.accepting.set()


class Server:
    """Serves an ASGI app on 127.0.0.1; with a certificate (certfile, keyfile) over https."""

    def __init__(self, app: ASGIApp, *, port: int = 0, certificate: tuple[Path, Path] | None = None) -> None:
        self._app = app
        self._port = port
        self._certificate = certificate
        self._server: _Announcing | None = None
        self._thread: threading.Thread | None = None
        self.url = ""

    def start(self) -> None:
        """Return when the server accepts connections; `url` is known then. A restart keeps the port."""
        # asyncio turns Nagle's delay off only where the protocol is named
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", self._port))
        except OSError:
            listener.close()
            raise
        self._port = listener.getsockname()[1]
        server = _Announcing(self._config())
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True, name="sandbox")
        thread.start()
        if not server.accepting.wait(START_SECONDS):
            listener.close()
            raise RuntimeError(f"sandbox server on port {self._port} did not start in {START_SECONDS:.0f} s")
        self._server, self._thread = server, thread
        scheme = "https" if self._certificate else "http"
        self.url = f"{scheme}://127.0.0.1:{self._port}"

    def stop(self) -> None:
        """Stop accepting, give running requests a moment, and wait for the thread."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(timeout=START_SECONDS)
        self._server = self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def _with_connection(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[CONNECTION] = send.__self__.transport  # type: ignore[attr-defined]  # uvicorn binds send to its request
        await self._app(scope, receive, send)

    def _config(self) -> uvicorn.Config:
        certfile, keyfile = self._certificate or (None, None)
        return uvicorn.Config(
            self._with_connection,
            interface="asgi3",
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            ssl_certfile=certfile,
            ssl_keyfile=keyfile,
        )
