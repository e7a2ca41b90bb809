"""The archive of what was pruned: a file of parts, each a gzip member of its own made of JSON lines.

`zcat FILE` shows all of it. A part has of each entry its columns with the documents and its events, then the intents of
all. A part that the ledger does not know of is what an interrupted pruning left, or what was pruned after the backup
that the ledger was restored from: the next pruning that is given the file puts it aside.
"""

import base64
import gzip
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlc_pipelines.durable import sync_folder, write_whole
from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.ledger.chain import digest


@dataclass(frozen=True, slots=True)
class Part:
    """Where a part ends in its file, in bytes, and the digest of its lines."""

    end: int
    digest: str


EMPTY = Part(0, digest(b""))


def open_archive(path: Path, known_end: int | None) -> None:
    """Make the file, or bring it to the end that the ledger remembers; ConfigurationError when it is another file."""
    there = path.stat().st_size if path.exists() else None
    if known_end is None and there:
        raise ConfigurationError(f"archive: {path} is there and not of this ledger; name another file")
    if known_end is None:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        sync_folder(path.parent)
        return
    if there is None or there < known_end:
        found = "is gone" if there is None else f"has {there} bytes instead of {known_end}"
        raise ConfigurationError(f"archive: {path} {found}; bring it back, or name another file")
    if there > known_end:
        _put_aside(path, known_end)


def _put_aside(path: Path, known_end: int) -> None:
    """Move what the ledger does not know of into a file beside: another copy of the ledger may know of it."""
    with path.open("r+b") as file:
        file.seek(known_end)
        rest = file.read()
        write_whole(path.with_name(f"{path.name}.{known_end}.{digest(rest)[:8]}"), rest)
        file.truncate(known_end)


def append(path: Path, lines: Iterable[str]) -> Part:
    """Write a part at the end of the file; it is on the disk when this returns."""
    content = "".join(f"{line}\n" for line in lines).encode()
    with path.open("ab") as file:
        file.write(gzip.compress(content, mtime=0))
        file.flush()
        os.fsync(file.fileno())
        return Part(file.tell(), digest(content))


def read_part(path: Path, start: int, end: int) -> bytes:
    """Give the lines of one part; raise OSError when it cannot be read."""
    with path.open("rb") as file:
        file.seek(start)
        try:
            return gzip.decompress(file.read(end - start))
        except EOFError as error:
            raise OSError(f"{path}: cut off") from error


def line_of(kind: str, columns: Mapping[str, Any]) -> str:
    """Write a row as a line, as the pack of the audit does; a document that is no text is in base64."""
    return json.dumps({kind: {name: _plain(value) for name, value in columns.items()}}, default=str, sort_keys=True)


def lines_in(content: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read the lines of a part: what each is, and its columns."""
    for line in content.splitlines():
        yield from json.loads(line).items()


def _plain(value: object) -> object:
    if not isinstance(value, bytes | memoryview):
        return value
    try:
        return bytes(value).decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode("ascii")}
