"""The line itself is left out: whoever stands in for it is asked for the answer to each HTTP request of the process."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import unquote

import httpx

_RANDOM = re.compile(rb"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it was sent; the path as it was written, `headers` with their secrets."""

    method: str
    origin: str
    path: str
    query: str
    headers: Mapping[str, str]
    content: bytes

    @property
    def identity(self) -> tuple[str, str, str, str, bytes]:
        """What makes it the same request: all of it but the headers, and the random boundaries of a batch."""
        return self.origin, self.method, self.path, self.query, _RANDOM.sub(b"", self.content)

    @property
    def plain_path(self) -> str:
        """The path as the other side reads it."""
        return unquote(self.path)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, its body unpacked."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] | None = None


Other = Callable[[Asked, Callable[[], Reply]], Reply]
"""The other side: given a request, and what would ask the real one."""

_OF_THE_LINE = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection"})


@contextmanager
def answered_by(other: Other) -> Iterator[None]:
    """Let `other` answer whatever is asked by HTTP; all that is above the sockets is the product's own."""
    real = httpx.HTTPTransport.handle_request

    def handle(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        url = request.url
        path, _, query = url.raw_path.decode("ascii").partition("?")
        origin = f"{url.scheme}://{url.netloc.decode()}"
        asked = Asked(request.method, origin, path, query, request.headers, request.read())

        def ask() -> Reply:
            response = real(transport, request)
            body = response.read()
            kept = {name: value for name, value in response.headers.items() if name.lower() not in _OF_THE_LINE}
            return Reply(body, response.status_code, kept)

        reply = other(asked, ask)
        return httpx.Response(reply.status, headers=dict(reply.headers or {}), stream=_Body(reply.body))

    # A million requests over real sockets would take hours; everything but the sockets stays as it is.
    httpx.HTTPTransport.handle_request = handle  # type: ignore[method-assign, assignment]  # put back below
    try:
        yield
    finally:
        httpx.HTTPTransport.handle_request = real  # type: ignore[method-assign]  # put back


class _Body(httpx.SyncByteStream):
    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        yield self._body
