"""The drop folder: real files on the disk of this machine, and the tricks that can be played with them."""

import os
import posixpath
import shutil
import stat
import tempfile
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mlc_pipelines.sandbox.kernel.clock import SandboxClock

INVOICES = "/outbound/invoices"
VENDORS = "/outbound/vendors"
ORDERS = "/outbound/purchase_orders"
ARCHIVE = "/outbound/archive"
FOLDERS = (INVOICES, VENDORS, ORDERS, ARCHIVE)
PART = ".filepart"


@dataclass
class MidRead:
    """What happens to the next reads of a file once so many bytes of it were given."""

    path: str
    after_bytes: int
    times: int = 1
    more: bytes | None = None  # appended to the file; without it the connection is cut


class Drop:
    """Folders below a temporary directory of its own. Paths are absolute, as the SFTP client writes them."""

    def __init__(self, clock: SandboxClock) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.root = Path(tempfile.mkdtemp(prefix="stampli-"))
        self._end = weakref.finalize(self, shutil.rmtree, self.root, ignore_errors=True)
        self.mid_reads: list[MidRead] = []
        self.shown_names: dict[str, list[bytes]] = {}
        self._rests: dict[str, bytes] = {}
        self.clear()

    def clear(self) -> None:
        """Empty all folders and forget the tricks."""
        with self.lock:
            for folder in self.root.glob("*"):
                shutil.rmtree(folder)
            for name in FOLDERS:
                self.on_disk(name).mkdir(parents=True)
            self.mid_reads.clear()
            self.shown_names.clear()
            self._rests.clear()

    def close(self) -> None:
        """Remove everything from the disk."""
        self._end()

    def on_disk(self, path: str) -> Path:
        """Tell where a remote path lies; it cannot lead out of the drop folder."""
        return self.root / posixpath.normpath(f"/{path}").lstrip("/")

    def files(self, folder: str | None = None) -> dict[str, int]:
        """Give the sizes of all files by path, or of those in one folder."""
        with self.lock:
            folders = FOLDERS if folder is None else (folder,)
            return {
                f"{name}/{found.name}": found.lstat().st_size
                for name in folders
                for found in sorted(self.on_disk(name).iterdir())
                if stat.S_ISREG(found.lstat().st_mode)
            }

    def read(self, path: str) -> bytes:
        """Give a file's bytes."""
        return self.on_disk(path).read_bytes()

    def write(self, path: str, content: bytes, *, mtime: int | None = None) -> str:
        """Write a whole file at once; its time is the sandbox's now unless given. Returns the path."""
        with self.lock:
            place = self.on_disk(path)
            place.write_bytes(content)
            self.touch(path, mtime=mtime)
            return path

    def append(self, path: str, more: bytes) -> None:
        """Let a file grow."""
        with self.lock:
            with self.on_disk(path).open("ab") as file:
                file.write(more)
            self.touch(path)

    def touch(self, path: str, *, mtime: int | None = None) -> None:
        """Set a file's time."""
        seconds = int(self.clock.now().timestamp()) if mtime is None else mtime
        os.utime(self.on_disk(path), (seconds, seconds))

    def replace(self, path: str, content: bytes, *, same_second: bool) -> None:
        """Put other content under a name that exists; the time may stay the same."""
        with self.lock:
            before = int(self.on_disk(path).stat().st_mtime)
            later = max(before + 1, int(self.clock.now().timestamp()))
            self.write(path, content, mtime=before if same_second else later)

    def begin(self, path: str, content: bytes, *, part: str = PART) -> str:
        """Write the first half, under a temporary name unless `part` is empty; return the name it has now."""
        with self.lock:
            half = len(content) // 2
            self._rests[path] = content[half:]
            return self.write(path + part, content[:half])

    def finish(self, path: str) -> str:
        """Write the other half and rename to the final name."""
        with self.lock:
            rest = self._rests.pop(path)
            begun = path + PART if self.on_disk(path + PART).exists() else path
            self.append(begun, rest)
            self.on_disk(begun).rename(self.on_disk(path))
            return path

    def unfinished(self) -> Sequence[str]:
        """Name the files of which only the first half is there."""
        with self.lock:
            return list(self._rests)

    def mid_read(self, path: str) -> MidRead | None:
        """Take the trick that is prepared for the next read of a file."""
        with self.lock:
            for trick in self.mid_reads:
                if trick.path == path:
                    trick.times -= 1
                    if trick.times <= 0:
                        self.mid_reads.remove(trick)
                    return trick
            return None

    def free_name(self, folder: str, stem: str, suffix: str) -> str:
        """Give a path that no file has yet."""
        number, path = 1, f"{folder}/{stem}{suffix}"
        while self.on_disk(path).exists():
            number += 1
            path = f"{folder}/{stem}_{number}{suffix}"
        return path


def stamp(at: datetime) -> str:
    """Write a time as file names carry it."""
    return at.strftime("%Y%m%d_%H%M%S")
