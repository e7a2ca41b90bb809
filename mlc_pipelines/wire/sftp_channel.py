"""One SFTP channel: listings with names in any encoding, and reads with many requests on the way.

The library's own listing fails as a whole at the first name that is not UTF-8, and its prefetch leaves a thread
spinning when the line breaks in mid-read; both are done here, upon its requests and answers.
"""

import stat
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import paramiko
from paramiko.sftp import (
    CMD_ATTRS,
    CMD_CLOSE,
    CMD_DATA,
    CMD_FSTAT,
    CMD_HANDLE,
    CMD_NAME,
    CMD_OPEN,
    CMD_OPENDIR,
    CMD_READ,
    CMD_READDIR,
    CMD_STATUS,
    SFTP_EOF,
    SFTP_FLAG_READ,
    SFTP_NO_SUCH_FILE,
    SFTP_OK,
    SFTP_PERMISSION_DENIED,
    SFTPError,
    int64,
)

CHUNK = 32768  # what every server gives in one answer
IN_FLIGHT = 64  # two megabytes: the window of a channel
_DESCRIBED = {SFTP_NO_SUCH_FILE: "no such file", SFTP_PERMISSION_DENIED: "permission denied"}
_LONGEST_TEXT = 200
BROKEN = (paramiko.SSHException, SFTPError, EOFError, OSError)  # what the library raises when a line breaks


class StatusError(OSError):
    """The server answered no; the channel is still good."""

    def __init__(self, code: int, text: str) -> None:
        said = " ".join(text.split())[:_LONGEST_TEXT]
        super().__init__(_DESCRIBED.get(code, f"status {code}") + (f": {said!r}" if said else ""))
        self.code = code

    @property
    def absent(self) -> bool:
        """Whether there is no such file or folder."""
        return self.code == SFTP_NO_SUCH_FILE

    @property
    def forbidden(self) -> bool:
        """Whether we lack the right."""
        return self.code == SFTP_PERMISSION_DENIED


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a server says about a file; SFTP servers may leave out any of it."""

    size: int | None
    mtime: int | None
    mode: int | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One name of a listing, as the server sent it."""

    name: bytes
    long: bytes
    attributes: Attributes

    @property
    def is_regular(self) -> bool:
        """Whether it is a file; where the mode is left out the line of text tells, as `ls -l` writes it."""
        if self.attributes.mode is None:
            return self.long.startswith(b"-")
        return stat.S_ISREG(self.attributes.mode)


class _Arrivals:
    """Where answers wait that came before it was their turn."""

    def __init__(self) -> None:
        self._held: dict[int, tuple[int, paramiko.Message]] = {}

    def _async_response(self, kind: int, message: paramiko.Message, number: int) -> None:
        """Keep an answer; the library calls it by this name."""
        self._held[number] = (kind, message)

    def has(self, number: int) -> bool:
        return number in self._held

    def take(self, number: int) -> tuple[int, paramiko.Message]:
        return self._held.pop(number)


class Channel(paramiko.SFTPClient):
    """A channel over which one thread at a time asks."""

    @property
    def transport(self) -> paramiko.Transport | None:
        """The connection below."""
        channel = self.get_channel()
        return channel.get_transport() if channel is not None else None

    def entries(self, directory: str) -> Iterator[Entry]:
        """Give all names of a directory, links unfollowed, itself and its parent left out."""
        handle = self._handle(CMD_OPENDIR, directory.encode())
        while True:
            try:
                _, answer = self._ask(CMD_NAME, CMD_READDIR, handle)
            except EOFError:
                break
            for _ in range(answer.get_int()):
                entry = Entry(answer.get_string(), answer.get_string(), _attributes(answer))
                if entry.name not in (b".", b".."):
                    yield entry
        self._ask(CMD_STATUS, CMD_CLOSE, handle)

    def look(self, path: str) -> Attributes:
        """Ask for size and time of a file now."""
        found = self.stat(path)
        return Attributes(found.st_size, found.st_mtime, found.st_mode)

    def copy(self, path: str, into: Callable[[bytes], object], *, admit: Callable[[Attributes], int]) -> Attributes:
        """Read a file into a function, as many bytes as `admit` says when it learns what the open file is."""
        handle = self._handle(CMD_OPEN, path.encode(), SFTP_FLAG_READ, paramiko.SFTPAttributes())
        try:
            _, answer = self._ask(CMD_ATTRS, CMD_FSTAT, handle)
            found = _attributes(answer)
            for part in self._parts(handle, size=admit(found)):
                into(part)
        except StatusError:
            self._ask(CMD_STATUS, CMD_CLOSE, handle)
            raise
        self._ask(CMD_STATUS, CMD_CLOSE, handle)
        return found

    def _parts(self, handle: bytes, *, size: int) -> Iterator[bytes]:
        """Give the bytes in order; fewer when the file ends early."""
        arrivals = _Arrivals()
        waiting: deque[tuple[int, int]] = deque()
        asked, given = 0, 0
        while given < size:
            while asked < size and len(waiting) < IN_FLIGHT:
                length = min(CHUNK, size - asked)
                waiting.append((self._send(arrivals, CMD_READ, handle, int64(asked), length), length))
                asked += length
            number, length = waiting.popleft()
            while not arrivals.has(number):
                self._receive()
            part = self._data(*arrivals.take(number))
            while part and len(part) < length:  # a server may give less than was asked for
                more = self._read(handle, given + len(part), length - len(part))
                if not more:
                    break
                part += more
            yield part
            given += length
            if len(part) < length:
                break
        while waiting:  # what was asked for beyond the end
            number, _ = waiting.popleft()
            while not arrivals.has(number):
                self._receive()

    def _read(self, handle: bytes, offset: int, length: int) -> bytes:
        try:
            return self._data(*self._ask(CMD_DATA, CMD_READ, handle, int64(offset), length))
        except EOFError:
            return b""

    def _data(self, kind: int, answer: paramiko.Message) -> bytes:
        if kind == CMD_STATUS:
            try:
                self._convert_status(answer)
            except EOFError:
                return b""
        if kind != CMD_DATA:
            raise SFTPError(f"answer {kind} to a read")
        return answer.get_string()

    def _handle(self, request: int, *arguments: Any) -> bytes:
        return self._ask(CMD_HANDLE, request, *arguments)[1].get_binary()

    # The library's own protected methods, which its types leave out.

    def _ask(self, wanted: int, request: int, *arguments: Any) -> tuple[int, paramiko.Message]:
        kind, answer = self._request(request, *arguments)  # type: ignore[attr-defined]
        if kind != wanted:
            raise SFTPError(f"answer {kind} to request {request}")
        return kind, answer

    def _send(self, arrivals: _Arrivals, request: int, *arguments: Any) -> int:
        return int(self._async_request(arrivals, request, *arguments))  # type: ignore[attr-defined]

    def _receive(self) -> None:
        self._read_response()  # type: ignore[attr-defined]

    def _convert_status(self, message: paramiko.Message) -> None:
        """Raise what the server answered; the library takes this for any status that comes."""
        code, text = message.get_int(), message.get_string().decode("utf-8", errors="replace")
        if code == SFTP_EOF:
            raise EOFError(text)
        if code != SFTP_OK:
            raise StatusError(code, text)


def _attributes(message: paramiko.Message) -> Attributes:
    read = paramiko.SFTPAttributes._from_msg(message)  # type: ignore[attr-defined]
    return Attributes(read.st_size, read.st_mtime, read.st_mode)
