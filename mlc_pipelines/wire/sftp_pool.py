"""A few SFTP channels over one connection, lent out one thread at a time; a broken line is made anew on demand."""

import contextlib
import threading
from collections.abc import Callable, Iterator

import paramiko

from mlc_pipelines.wire.sftp_channel import BROKEN, Channel

_NOTICED = 0.25  # seconds


class Pool:
    """Up to so many channels; a server that allows fewer is taken at its word."""

    def __init__(self, connect: Callable[[], paramiko.Transport], *, channels: int, operation_seconds: float) -> None:
        self._connect = connect
        self._seconds = operation_seconds
        self._turn = threading.Condition()
        self._limit = channels
        self._line: paramiko.Transport | None = None
        self._idle: list[Channel] = []
        self._lent = 0
        self._closed = False

    def take(self) -> Channel:
        """Lend a channel, waiting while all are lent. Raises what the line raises; one try."""
        with self._turn:
            while True:
                line = self._connected()
                if self._idle:
                    channel = self._idle.pop()
                elif self._lent < self._limit:
                    opened = self._open(line)
                    if opened is None:
                        continue
                    channel = opened
                else:
                    self._turn.wait()
                    continue
                self._lent += 1
                return channel

    def give_back(self, channel: Channel, *, good: bool) -> None:
        """Take a channel back; one that is not good, or of a line that is gone, is closed."""
        with self._turn:
            self._lent -= 1
            if good and not self._closed and channel.transport is self._line and self._line is not None:
                self._idle.append(channel)
            else:
                with contextlib.suppress(*BROKEN):
                    channel.close()  # says good-bye, to a line that may be gone
            self._turn.notify()

    def broke(self, channel: Channel) -> None:
        """Hear that a channel broke; a line that is gone gets a moment to notice it, so that no loan is in vain."""
        if channel.transport is not None:
            channel.transport.join(_NOTICED)

    def hang_up(self) -> None:
        """Drop the line; the next loan makes a new one."""
        with self._turn:
            self._drop()

    def close(self) -> None:
        """Close channels and connection for good."""
        with self._turn:
            self._closed = True
            self._drop()
            self._turn.notify_all()

    def _connected(self) -> paramiko.Transport:
        if self._closed:
            raise RuntimeError("the SFTP connection is closed already")
        if self._line is None or not self._line.is_active():
            self._drop()
            self._line = self._connect()
        return self._line

    def _drop(self) -> None:
        line, self._line = self._line, None
        self._idle.clear()
        if line is not None:
            line.close()
            line.sock.close()

    def _open(self, line: paramiko.Transport) -> Channel | None:
        """Open one more channel; None when the server allows no more and others are lent."""
        try:
            session = line.open_session(timeout=self._seconds)
        except paramiko.ChannelException:
            if not self._lent:
                raise
            self._limit = self._lent
            return None
        session.settimeout(self._seconds)
        with _watched(line, seconds=self._seconds):
            session.invoke_subsystem("sftp")
            return Channel(session)


@contextlib.contextmanager
def _watched(line: paramiko.Transport, *, seconds: float) -> Iterator[None]:
    """Close the line when a block takes too long: the library waits for this answer for ever."""
    watch = threading.Timer(seconds, line.close)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()
