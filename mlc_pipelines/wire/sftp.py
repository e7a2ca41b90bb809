"""SFTP with manners: the server is known before we log in, waits are bounded, and a moved file is never guessed.

paramiko is spoken in this file and its neighbours `sftp_*.py` only.
"""

import contextlib
import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Self, TypeVar

import paramiko
from pydantic import SecretStr
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)

from mlc_pipelines.errors import Cause, ConfigurationError, OutcomeUnknownError, RecordError, TransientError
from mlc_pipelines.wire.clock import Clock, SystemClock
from mlc_pipelines.wire.sftp_channel import BROKEN, Attributes, Channel, Entry, StatusError
from mlc_pipelines.wire.sftp_keys import HostKey, trusted_keys
from mlc_pipelines.wire.sftp_login import Login, Patience, connect, server_keys, why
from mlc_pipelines.wire.sftp_pool import Pool

__all__ = [
    "AbsentFileError",
    "ChangedFileError",
    "Downloaded",
    "FileRefusedError",
    "FileTooLargeError",
    "HostKey",
    "RemoteFile",
    "Sftp",
    "open_sftp",
    "server_keys",
]

logger = logging.getLogger(__name__)

_TRIES = 3
_MOST_NAMES = 100_000
_BACKOFF = wait_exponential(multiplier=2, max=30) + wait_random(0, 1)
_MACHINE = SystemClock()
T = TypeVar("T")


class AbsentFileError(TransientError):
    """The file is not there (any more). Nothing for a person to do: others clean up too, the next listing decides."""

    def __init__(self, message: str) -> None:
        super().__init__(message, refused=True)


class ChangedFileError(TransientError):
    """The file changed while it was read: what was read is worth nothing, a later poll reads it whole."""


class FileRefusedError(RecordError):
    """The server does not let us read, move or remove this file; others may go."""

    def __init__(self, message: str) -> None:
        super().__init__(message, cause=Cause.REJECTED_BY_TARGET)


class FileTooLargeError(RecordError):
    """The file is larger than it may be; it was not read."""

    def __init__(self, message: str) -> None:
        super().__init__(message, cause=Cause.UNREADABLE)


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One name of a listing. `mtime` is in whole seconds since 1970, None where the server keeps silent.

    A name that is not UTF-8 has `is_readable` false and is spelt with escapes, only to be told: it cannot be asked for.
    """

    name: str
    size: int
    mtime: int | None
    is_regular: bool
    is_readable: bool = True


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What was read: it had this size and time both when opened and after the last byte."""

    size: int
    sha256: str
    mtime: int | None


class Sftp:
    """One server, from several threads; each operation holds one channel. Paths are as the server wants them."""

    def __init__(self, where: str, address: str, *, pool: Pool, clock: Clock = _MACHINE) -> None:
        self._where = where
        self._address = address
        self._pool = pool
        self._clock = clock

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._pool.close()

    def open(self) -> None:
        """Connect and log in."""
        self._tried(lambda: self._pool.give_back(self._take(f"{self._where}: open"), good=True))

    def listing(self, directory: str) -> list[RemoteFile]:
        """List a directory with sizes and times in one go, subfolders and links flagged as not regular."""
        return self._tried(lambda: self._list(directory))

    def download(self, path: str, into: Path | IO[bytes], *, most_bytes: int) -> Downloaded:
        """Read a whole file, never a part of one: there is no going on where a broken read stopped.

        A Path appears under its name only when it is complete and on the disk; what was written into a stream before
        an error is to be thrown away.
        """
        if not isinstance(into, Path):
            return self._read(path, into.write, most_bytes=most_bytes)
        part = into.with_name(f"{into.name}.part")
        try:
            with part.open("wb") as stream:
                read = self._read(path, stream.write, most_bytes=most_bytes)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(into)
        finally:
            part.unlink(missing_ok=True)
        return read

    def move(self, source: str, target: str) -> None:
        """Rename a file; an existing target is refused by the server. A lost answer is OutcomeUnknownError."""
        label = f"{self._where}: move {source!r} to {target!r}"
        self._write(label, lambda channel: channel.rename(source, target), path=source)

    def remove(self, path: str) -> None:
        """Remove a file. A lost answer is OutcomeUnknownError."""
        self._write(f"{self._where}: remove {path!r}", lambda channel: channel.remove(path), path=path)

    def _list(self, directory: str) -> list[RemoteFile]:
        label = f"{self._where}: list {directory!r}"
        with self._lent(label) as channel:
            try:
                found = [_told(channel, directory, entry=entry) for entry in _bounded(channel.entries(directory))]
            except StatusError as exc:
                if exc.absent or exc.forbidden:
                    raise ConfigurationError(f"{label}: {exc}; check the directory and the user's rights") from exc
                raise TransientError(f"{label}: {exc}; try later") from exc
            except OverflowError:
                raise ConfigurationError(f"{label}: more than {_MOST_NAMES} names; have it cleaned up") from None
        return found

    def _read(self, path: str, into: Callable[[bytes], object], *, most_bytes: int) -> Downloaded:
        label = f"{self._where}: read {path!r}"
        digest = hashlib.sha256()
        counted = 0

        def admit(found: Attributes) -> int:
            if found.size is not None and found.size > most_bytes:
                raise FileTooLargeError(f"{label}: {found.size} bytes, more than {most_bytes}; not read")
            return most_bytes + 1 if found.size is None else found.size

        def keep(part: bytes) -> None:
            nonlocal counted
            counted += len(part)
            digest.update(part)
            try:
                into(part)
            except OSError as exc:
                raise ConfigurationError(f"{label}: cannot be kept here ({exc.strerror or exc})") from exc

        with self._lent(label, tries=True) as channel:
            try:
                before = channel.copy(path, keep, admit=admit)
                after = channel.look(path)
            except StatusError as exc:
                raise _unread(label, exc) from exc
        times = {found.mtime for found in (before, after)} - {None}
        changed = before.size != after.size or len(times) > 1
        if counted > most_bytes:
            raise FileTooLargeError(f"{label}: more than {most_bytes} bytes")
        if changed or (after.size is not None and counted != after.size):
            raise ChangedFileError(
                f"{label}: it changed while it was read ({counted} bytes read, {after.size} there now); read it later"
            )
        return Downloaded(counted, digest.hexdigest(), after.mtime)

    def _write(self, label: str, act: Callable[[Channel], None], *, path: str) -> None:
        with self._lent(label, writes=True, tries=True) as channel:
            try:
                act(channel)
            except StatusError as exc:
                # "No such file" may mean the folder that a file is moved to.
                if exc.absent and not _is_there(channel, path):
                    raise AbsentFileError(f"{label}: it is not there") from exc
                raise FileRefusedError(f"{label}: refused ({exc}); check target and the user's rights") from exc

    @contextlib.contextmanager
    def _lent(self, label: str, *, writes: bool = False, tries: bool = False) -> Iterator[Channel]:
        """Lend a channel for a block and read what breaks in it; the channel is used again only after a clean end."""
        channel = self._tried(lambda: self._take(label)) if tries else self._take(label)
        good = False
        try:
            yield channel
            good = True
        except (AbsentFileError, FileRefusedError):
            good = True
            raise
        except BROKEN as exc:
            self._pool.broke(channel)
            said = f"{label}: the line broke ({why(exc)})"
            if writes:
                raise OutcomeUnknownError(f"{said}; it may have been done: look before trying again") from exc
            raise TransientError(f"{said}; try later") from exc
        finally:
            self._pool.give_back(channel, good=good)

    def _take(self, label: str) -> Channel:
        try:
            return self._pool.take()
        except BROKEN as exc:
            self._pool.hang_up()
            said = f"{label}: {self._address} opens no channel ({why(exc)}), nothing was asked; try later"
            raise TransientError(said, refused=True) from exc

    def _tried(self, act: Callable[[], T]) -> T:
        retrying = Retrying(
            sleep=self._clock.sleep,
            retry=retry_if_exception_type(TransientError),
            wait=_BACKOFF,
            stop=stop_after_attempt(_TRIES),
            before_sleep=_tell,
            reraise=True,
        )
        return retrying(act)


def open_sftp(
    where: str,
    host: str,
    *,
    port: int = 22,
    username: str,
    host_keys: Sequence[str],
    password: SecretStr | None = None,
    private_key: SecretStr | None = None,
    passphrase: SecretStr | None = None,
    channels: int = 8,
    connect_seconds: float = 20.0,
    login_seconds: float = 30.0,
    operation_seconds: float = 60.0,
    keepalive_seconds: float = 15.0,
    clock: Clock = _MACHINE,
) -> Sftp:
    """Connect and log in, for use in a `with` block; `where` begins every message.

    `host_keys` are the server's public keys, several for a rotation. Connecting and listing are tried three times; an
    untrusted host key or a refused login is never tried again. A line that breaks is made anew by the next operation.
    """
    trusted = trusted_keys(where, host_keys, host=host, port=port)
    login = Login(username, password=password, private_key=private_key, passphrase=passphrase)
    patience = Patience(connect_seconds, login_seconds, operation_seconds, keepalive_seconds)

    def line() -> paramiko.Transport:
        return connect(where, host, port=port, trusted=trusted, login=login, patience=patience)

    pool = Pool(line, channels=channels, operation_seconds=operation_seconds)
    with contextlib.ExitStack() as stack:
        sftp = stack.enter_context(Sftp(where, f"{host}:{port}", pool=pool, clock=clock))
        sftp.open()
        stack.pop_all()
    return sftp


def _told(channel: Channel, directory: str, *, entry: Entry) -> RemoteFile:
    try:
        name, readable = entry.name.decode("utf-8"), True
    except UnicodeDecodeError:
        name, readable = entry.name.decode("utf-8", errors="backslashreplace"), False
    size = entry.attributes.size
    if size is None and readable and entry.is_regular:
        size = channel.look(str(PurePosixPath(directory) / name)).size
    return RemoteFile(name, size or 0, entry.attributes.mtime, entry.is_regular, is_readable=readable)


def _bounded(entries: Iterator[Entry]) -> list[Entry]:
    found: list[Entry] = []
    for entry in entries:
        if len(found) >= _MOST_NAMES:
            raise OverflowError
        found.append(entry)
    return found


def _is_there(channel: Channel, path: str) -> bool:
    try:
        channel.look(path)
    except StatusError as exc:
        return not exc.absent
    return True


def _unread(label: str, exc: StatusError) -> RecordError | TransientError:
    if exc.absent:
        return AbsentFileError(f"{label}: it is not there any more")
    if exc.forbidden:
        return FileRefusedError(f"{label}: {exc}; ask for the right to read it")
    return TransientError(f"{label}: {exc}; try later")


def _tell(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    waits = state.next_action.sleep if state.next_action else 0.0
    logger.info("sftp tried again", extra={"try": state.attempt_number, "seconds": waits, "error": str(error)})
