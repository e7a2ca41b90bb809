"""A small HTTP server on loopback that stamps each request with the moment in which its last byte arrived."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

import h11

_STAMPED = 35  # SO_TIMESTAMPNS of Linux: the kernel says when data came in, however late they are read
_MOST = 1 << 16


@dataclass(frozen=True, slots=True)
class Arrived:
    """One whole request; `at` is `time.time()`, by the kernel's stamp where it gives one."""

    at: float
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered, after so many seconds of work."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0


Answer = Callable[[Arrived], Reply]


class StrictServer:
    """Asks `answer` for each request, one at a time; a request that breaks off is none."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._turn = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        with suppress(OSError):
            self._listener.setsockopt(socket.SOL_SOCKET, _STAMPED, 1)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._lines: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._listen, name="strict server", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for line in (self._listener, *self._lines):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()

    def _listen(self) -> None:
        with suppress(OSError):  # closed
            while True:
                line, _ = self._listener.accept()
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._lines.add(line)
                threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        with line, suppress(OSError, h11.RemoteProtocolError):  # broken off
            talk = h11.Connection(h11.SERVER)
            while (arrived := _next(line, talk)) is not None:
                with self._turn:
                    reply = self._answer(arrived)
                time.sleep(reply.seconds)
                headers = [*reply.headers.items(), ("Content-Length", str(len(reply.body)))]
                head = h11.Response(status_code=reply.status, headers=headers)
                events = (head, h11.Data(data=reply.body), h11.EndOfMessage())
                line.sendall(b"".join(talk.send(event) or b"" for event in events))
                talk.start_next_cycle()
        self._lines.discard(line)


def _next(line: socket.socket, talk: h11.Connection) -> Arrived | None:
    """Read one request; None when the line is closed."""
    at, asked, body = time.time(), None, bytearray()
    while True:
        match talk.next_event():
            case h11.NEED_DATA:
                data, stamps, *_ = line.recvmsg(_MOST, 256)
                at = _moment(stamps)
                talk.receive_data(data)
            case h11.Request() as event:
                asked = event
            case h11.Data() as event:
                body += event.data
            case h11.EndOfMessage() if asked is not None:
                headers = {name.decode(): value.decode() for name, value in asked.headers}
                return Arrived(at, asked.method.decode(), asked.target.decode(), headers, bytes(body))
            case _:
                return None


def _moment(stamps: list[tuple[int, int, bytes]]) -> float:
    for level, kind, stamp in stamps:
        if (level, kind) == (socket.SOL_SOCKET, _STAMPED):
            seconds, nanoseconds = struct.unpack("@ll", stamp)
            return float(seconds + nanoseconds / 1e9)
    return time.time()
