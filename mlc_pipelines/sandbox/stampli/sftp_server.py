"""The SFTP side: what a client may do with the drop folder, written into the journal, with faults on the way."""

import asyncio
import errno
import os
import posixpath
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NoReturn, TypeVar

import asyncssh
from asyncssh.constants import FXF_APPEND, FXF_CREAT, FXF_TRUNC, FXF_WRITE
from starlette.requests import Request

from mlc_pipelines.sandbox.kernel.journal import EFFECTS, JournalEntry, note_effect
from mlc_pipelines.sandbox.stampli.drop import MidRead
from mlc_pipelines.sandbox.stampli.house import House, Opened, cut
from mlc_pipelines.sandbox.stampli.operations import (
    LIST,
    OPEN,
    READ,
    REMOVE,
    RENAME,
    STAT,
    lost_answer,
    operation,
)

_STATUS = {errno.ENOENT: 2, errno.EACCES: 3, errno.EPERM: 3}
_FAILURE = 4
_WRITING = FXF_WRITE | FXF_APPEND | FXF_CREAT | FXF_TRUNC
T = TypeVar("T")


class DropServer(asyncssh.SFTPServer):
    """One SFTP channel."""

    def __init__(self, channel: "asyncssh.SSHServerChannel[bytes]", house: House) -> None:
        super().__init__(channel, chroot=os.fsencode(house.drop.root))
        self._house = house

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        """List a folder as it was in one moment."""
        folder = _plain(path)

        def act(request: Request) -> list[asyncssh.SFTPName]:
            happened = self._house.weather.before_listing(folder)
            if happened:
                note_effect(request, happened)
            with os.scandir(self.map_path(path)) as found:
                names = [self._name(entry.name, entry.stat(follow_symlinks=False)) for entry in found]
            own = self._house.drop.on_disk(folder).lstat()
            names += [self._name(name, own) for name in (b".", b"..")]
            shown = self._house.drop.shown_names.get(folder, [])
            names += [self._name(name, own, mode=stat.S_IFREG | 0o644) for name in shown]
            return names

        for name in await self._do(operation(LIST, folder), act):
            yield name

    def _place(self, path: bytes) -> Path:
        return Path(os.fsdecode(self.map_path(path)))

    def _name(self, name: bytes, found: os.stat_result, *, mode: int | None = None) -> asyncssh.SFTPName:
        mode = found.st_mode if mode is None else mode
        made = asyncssh.SFTPName(name, attrs=self._attrs(found, mode=mode))
        line = f"{stat.filemode(mode)}    1 stampli  stampli  {found.st_size:10} Nov 16 06:00 "
        made.longname = line.encode() + name
        return made

    def _attrs(self, found: os.stat_result, *, mode: int | None = None) -> asyncssh.SFTPAttrs:
        attrs = asyncssh.SFTPAttrs.from_local(found)
        attrs.permissions = found.st_mode if mode is None else mode
        if self._house.switches.listing_without_times:
            attrs.atime = attrs.mtime = None
        if self._house.switches.listing_without_modes:
            attrs.permissions = None
        return attrs

    async def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        """Tell size and time."""
        return await self._do(operation(STAT, _plain(path)), lambda _: self._attrs(self._place(path).stat()))

    async def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
        """Tell size and time of a link itself."""
        return await self._do(operation(STAT, _plain(path)), lambda _: self._attrs(self._place(path).lstat()))

    def fstat(self, file_obj: object) -> asyncssh.SFTPAttrs:
        """Tell size and time of an open file."""
        return self._attrs(os.fstat(_opened(file_obj).file.fileno()))

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        """Open a file to be read; nobody writes here but Stampli."""
        name = _plain(path)

        def act(request: Request) -> Opened:
            if pflags & _WRITING:
                raise asyncssh.SFTPPermissionDenied("This folder is for reading")
            file = self._place(path).open("rb")
            trick = self._house.drop.mid_read(name) or self._storm(request, size=os.fstat(file.fileno()).st_size)
            self._house.opened(1)
            return Opened(file, name, trick=trick)

        return await self._do(operation(OPEN, name), act)

    def _storm(self, request: Request, *, size: int) -> MidRead | None:
        return MidRead(request.url.path, size // 2) if request.scope.pop("sandbox.cut", False) else None

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        """Give bytes, unless a trick is due."""
        opened = _opened(file_obj)

        def act(_: Request) -> bytes:
            most = self._house.switches.longest_read or size
            opened.file.seek(offset)
            part = opened.file.read(min(size, most))
            opened.given += len(part)
            trick = opened.due()
            if trick is not None and trick.more is not None:
                self._house.drop.append(opened.path, trick.more)
            elif trick is not None:
                self._cut()
            return part

        return await self._do(operation(READ, opened.path, offset=offset, length=size), act, fair=True)

    def close(self, file_obj: object) -> None:
        """Close a file; also when the line was cut."""
        opened = _opened(file_obj)
        if not opened.file.closed:
            opened.file.close()
            self._house.opened(-1)

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Rename a file; an existing target is refused."""
        await self._rename(oldpath, newpath, over=False)

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Rename a file over another, as OpenSSH's extension does."""
        await self._rename(oldpath, newpath, over=True)

    async def _rename(self, old: bytes, new: bytes, *, over: bool) -> None:
        def act(request: Request) -> None:
            if self._house.switches.refuse_rename:
                raise asyncssh.SFTPPermissionDenied("Permission denied")
            if not over and os.path.lexists(self._place(new)):
                raise asyncssh.SFTPFailure("Failure")
            self._place(old).rename(self._place(new))
            note_effect(request, f"renamed to {_plain(new)}")

        await self._do(operation(RENAME, _plain(old), to=_plain(new)), act)

    async def remove(self, path: bytes) -> None:
        """Remove a file."""

        def act(request: Request) -> None:
            if self._house.switches.refuse_remove:
                raise asyncssh.SFTPPermissionDenied("Permission denied")
            self._place(path).unlink()
            note_effect(request, "removed")

        await self._do(operation(REMOVE, _plain(path)), act)

    async def _do(self, request: Request, act: Callable[[Request], T], *, fair: bool = False) -> T:
        """Do it under the drop folder's lock, between the faults before and after; in fair weather without."""
        house = self._house
        entry = house.journal.open(request, body=b"", at=house.drop.clock.now())
        status: int | None = None
        try:
            if not fair:
                await self._before(request, entry)
            with house.drop.lock:
                result = act(request)
            lost = None if fair else lost_answer(house.faults, request)
            if lost is not None:
                entry.fault = lost.kind
                self._cut()
            status = 0
        except asyncssh.SFTPError as exc:
            status = None if isinstance(exc, asyncssh.SFTPConnectionLost) else exc.code
            raise
        except OSError as exc:
            status = _STATUS.get(exc.errno or 0, _FAILURE)
            raise
        finally:
            house.journal.close(entry, status=status, effects=request.scope.get(EFFECTS, []))
        return result

    async def _before(self, request: Request, entry: JournalEntry) -> None:
        if self._house.faults.revoke_now():
            entry.fault = "restart"
            self._house.restarts += 1
            self._house.cut_all()
            raise asyncssh.SFTPConnectionLost("restarting")
        fault = self._house.faults.before(request)
        if fault is None:
            return
        entry.fault = fault.kind
        if fault.kind == "stall":
            await asyncio.sleep(fault.seconds)
        elif request.method == OPEN and fault.kind == "reset":
            request.scope["sandbox.cut"] = True
        elif fault.kind == "reset":
            self._cut()
        else:
            raise asyncssh.SFTPFailure("Server is busy")

    def _cut(self) -> NoReturn:
        cut(self.connection)
        raise asyncssh.SFTPConnectionLost("cut")

    # Everything else that would change something.

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        """Refuse."""
        raise asyncssh.SFTPPermissionDenied("This folder is for reading")

    def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """Refuse."""
        raise asyncssh.SFTPPermissionDenied("This folder is for reading")

    lsetstat = setstat

    def fsetstat(self, file_obj: object, attrs: asyncssh.SFTPAttrs) -> None:
        """Refuse."""
        raise asyncssh.SFTPPermissionDenied("This folder is for reading")

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """Refuse."""
        raise asyncssh.SFTPPermissionDenied("This folder is for reading")

    def rmdir(self, path: bytes) -> None:
        """Refuse."""
        raise asyncssh.SFTPPermissionDenied("This folder is for reading")

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        """Refuse."""
        raise asyncssh.SFTPPermissionDenied("This folder is for reading")

    link = symlink


def _opened(file_obj: object) -> Opened:
    if not isinstance(file_obj, Opened):
        raise asyncssh.SFTPFailure("no such handle")
    return file_obj


def _plain(path: bytes) -> str:
    return posixpath.normpath("/" + path.decode("utf-8", errors="backslashreplace").lstrip("/"))
