"""HTTP on loopback that adds as little time as it can: one thread a caller, no header but the needed ones."""

import re
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

Body = tuple[bytes, Sequence[bytes | memoryview]]
"""The type of an answer's content, and its parts."""

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


class PlainServer:
    """Asks `answer` with method, target and body; where it gives None, the caller is left without an answer."""

    def __init__(self, answer: Callable[[str, str, bytes], Body | None]) -> None:
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take nobody in any more."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):  # closed
            while True:
                caller, _ = self._socket.accept()
                caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._talk, args=(caller,), daemon=True).start()

    def _talk(self, caller: socket.socket) -> None:
        waiting = b""
        with caller, suppress(ConnectionError):
            while True:
                while b"\r\n\r\n" not in waiting:
                    came = caller.recv(65536)
                    if not came:
                        return
                    waiting += came
                head, _, waiting = waiting.partition(b"\r\n\r\n")
                length = _LENGTH.search(head)
                size = int(length[1]) if length else 0
                while len(waiting) < size:
                    waiting += caller.recv(65536)
                body, waiting = waiting[:size], waiting[size:]
                method, target, _ = head.decode("latin-1").split(" ", 2)
                told = self._answer(method, target, body)
                if told is None:
                    return
                _send(caller, told)


def _send(caller: socket.socket, told: Body) -> None:
    kind, parts = told
    size = sum(len(part) for part in parts)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (kind, size)
    if size < 65536:
        caller.sendall(b"".join((head, *parts)))
        return
    for part in (head, *parts):
        caller.sendall(part)
