"""Files that are on the disk, whole, before anything relies on them."""

import os
import secrets
from pathlib import Path


def write_whole(file: Path, content: bytes, *, new: bool = False) -> None:
    """Write a file for its owner alone, whole or not at all; with `new`, one that is there meanwhile stays as it is."""
    draft = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        if not new:
            draft.replace(file)
        elif not file.exists():
            try:
                os.link(draft, file)
            except FileExistsError:
                return
        sync_folder(file.parent)
    finally:
        draft.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Bring the names of a folder's files to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
