"""One drop folder: looked at whole at each poll; what is known to be whole is fetched, and put away when it is done."""

import contextlib
import logging
import posixpath
import tempfile
import unicodedata
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import IO

from mlc_pipelines.errors import MlcError, RecordError, TransientError
from mlc_pipelines.integrations.stampli.feeds import Feed
from mlc_pipelines.ledger.files import FileLedger, FileMove, FileRecord, FileState, Listed
from mlc_pipelines.wire.clock import Clock
from mlc_pipelines.wire.sftp import AbsentFileError, ChangedFileError, RemoteFile, Sftp

logger = logging.getLogger(__name__)

REHASH_AFTER = timedelta(hours=24)
EMPTY_LOOKS = 3
SETTLED_LOOKS = 2
PATIENCE = 3
MEGABYTE = 1024 * 1024
SHORT_FILE = 64 * 1024  # bytes; a longer one waits on the disk until it is kept
KEPT_AT_ONCE = 100  # files in one transaction
BYTES_AT_ONCE = 8 * MEGABYTE
_READ = (FileState.DONE, FileState.DUPLICATE, FileState.REJECTED)


def is_safe(name: str) -> bool:
    """Tell whether a remote name is one: no path, no control characters, and text that can be written down."""
    odd = any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in name)
    return not odd and name not in {"", "."} and not any(part in name for part in ("/", "\\", ".."))


def fits(name: str, patterns: Sequence[str]) -> bool:
    """Tell whether a name fits one of some patterns, whatever the case."""
    return any(fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


class Drop:
    """The folder of one feed."""

    def __init__(
        self, name: str, feed: Feed, *, files: FileLedger, remote: Callable[[], Sftp], clock: Clock, at_once: int,
        longest: float,
    ) -> None:  # fmt: skip
        self._name = name
        self._feed = feed
        self._files = files
        self._remote = remote
        self._clock = clock
        self._at_once = at_once
        self._longest = timedelta(seconds=longest)

    def listed(self) -> tuple[list[Listed], frozenset[str]]:
        """List the folder: the files that concern us, and every name there is."""
        found: list[Listed] = []
        names: set[str] = set()
        for file in self._remote().listing(self._feed.directory):
            names.add(file.name)
            kind = self._kind(file)
            if kind is not None:
                path = posixpath.join(self._feed.directory, file.name)
                at = datetime.fromtimestamp(file.mtime, UTC) if file.mtime is not None else None
                found.append(Listed(path, file.size, at, part=kind == "part"))
        return found, frozenset(names)

    def _kind(self, file: RemoteFile) -> str | None:
        if not file.is_readable or not is_safe(file.name):
            logger.warning("remote name is not read", extra={"feed": self._name, "file": repr(file.name)})
            return None
        if not file.is_regular or self._is_marker(file.name):
            return None
        if fits(file.name, self._feed.exclude):
            begun = fits(file.name, [pattern for pattern in self._feed.exclude if pattern.startswith("*.")])
            return "part" if begun else None
        return "file" if fits(file.name, self._feed.include) else None

    def _is_marker(self, name: str) -> bool:
        marker = self._feed.ready.done_marker
        return self._feed.ready.rule != "stable" and (name == marker.name or name.endswith(marker.suffix))

    def poll(self) -> None:
        """Look, put away what is done, and fetch what is whole; TransientError at the end if some could not be."""
        started = self._clock.now()
        listed, names = self.listed()
        self._files.look(self._name, listed)
        due = [each for each in self._files.select(self._name, states=_READ, listed=True) if self._is_old(each)]
        self._put_away(names, until=started + self._longest)
        self._judge(names)
        waiting = self._files.select(self._name, states=[FileState.STABLE], listed=True)
        most = self._feed.limits.max_files_per_poll
        self._fetch([*waiting, *due][:most], until=started + self._longest)

    def _is_old(self, record: FileRecord) -> bool:
        """A rewrite within the second, of the same size, shows in no listing: once a day the bytes are compared."""
        if record.archived is not None:  # it was put away, and is here again
            return True
        return record.checked_at is not None and self._clock.now() - record.checked_at >= REHASH_AFTER

    def _judge(self, names: frozenset[str]) -> None:
        """Decide which of the files that the listing shows are whole, empty for good, or too big."""
        discovered = self._files.select(self._name, states=[FileState.DISCOVERED], listed=True)
        judged = (self._judged(record, names) for record in discovered)
        self._files.move_all([move for move in judged if move is not None])

    def _judged(self, record: FileRecord, names: frozenset[str]) -> FileMove | None:
        if record.size > self._feed.limits.max_file_mb * MEGABYTE:
            problem = f"{record.size} bytes are more than {self._feed.limits.max_file_mb} MB; it is not read"
            values = {"problem": problem, "layout": self._feed.layout_version()}
            return FileMove(record, FileState.REJECTED, values)
        if record.size == 0:
            if record.looks < EMPTY_LOOKS:
                return None
            logger.warning("file is empty", extra={"feed": self._name, "file": record.path})
            return FileMove(record, FileState.EMPTY)
        return FileMove(record, FileState.STABLE) if self._is_ready(record, names) else None

    def _is_ready(self, record: FileRecord, names: frozenset[str]) -> bool:
        ready = self._feed.ready
        apart = record.last_seen - record.same_since
        settled = record.looks >= SETTLED_LOOKS and apart >= timedelta(seconds=ready.settle_seconds)
        marked = self._marker_of(record) in names or ready.done_marker.name in names
        return (settled and ready.rule != "done_marker") or (marked and ready.rule != "stable")

    def _marker_of(self, record: FileRecord) -> str:
        return posixpath.basename(record.path) + self._feed.ready.done_marker.suffix

    # Fetching

    def _fetch(self, records: Sequence[FileRecord], *, until: datetime) -> None:
        failures: list[TransientError] = []
        fetched: list[tuple[FileRecord, IO[bytes]]] = []

        def download(record: FileRecord) -> IO[bytes] | MlcError | None:
            if self._clock.now() >= until or len(failures) >= PATIENCE:
                return TransientError(f"{record.path}: left for the next poll")
            return self._download(record)

        with ThreadPoolExecutor(self._at_once) as pool:
            for record, got in self._ahead(pool, download, records):
                if isinstance(got, TransientError):
                    self._files.move(record, record.state, attempts=record.attempts + 1)
                    failures.append(got)
                elif isinstance(got, MlcError):
                    self._refuse(record, got)
                elif got is not None:
                    fetched.append((record, got))
                    if len(fetched) >= KEPT_AT_ONCE or sum(each.size for each, _ in fetched) >= BYTES_AT_ONCE:
                        self._keep(fetched)
            self._keep(fetched)
        if failures:
            raise failures[0]

    def _ahead(
        self,
        pool: ThreadPoolExecutor,
        download: Callable[[FileRecord], IO[bytes] | MlcError | None],
        records: Sequence[FileRecord],
    ) -> Iterator[tuple[FileRecord, IO[bytes] | MlcError | None]]:
        """Download in turn, no more than a few files ahead of what was taken: so few wait on our disk."""
        under_way: deque[tuple[FileRecord, Future[IO[bytes] | MlcError | None]]] = deque()
        for record in records:
            if len(under_way) >= 2 * self._at_once:
                first, future = under_way.popleft()
                yield first, future.result()
            under_way.append((record, pool.submit(download, record)))
        for record, future in under_way:
            yield record, future.result()

    def _download(self, record: FileRecord) -> IO[bytes] | MlcError | None:
        """Read a file; None when it has gone or changed meanwhile, which the next listing will show."""
        most = self._feed.limits.max_file_mb * MEGABYTE
        with contextlib.ExitStack() as stack:
            into = stack.enter_context(tempfile.SpooledTemporaryFile(SHORT_FILE))
            try:
                got = self._remote().download(record.path, into, most_bytes=most)
            except (AbsentFileError, ChangedFileError) as error:
                facts = {"file": record.path, "problem": str(error)}
                logger.info("file left or changed while it was read", extra=facts)
                return None
            except (RecordError, TransientError) as error:
                return error
            if got.size != record.size:
                logger.info("file changed since it was listed", extra={"file": record.path, "bytes": got.size})
                return None
            stack.pop_all()  # whoever keeps it closes it
        return into

    def _refuse(self, record: FileRecord, error: MlcError) -> None:
        """Let a person know of a file that the server does not give; one that was read before stays as it is."""
        logger.warning("file refused", extra={"file": record.path, "problem": str(error)})
        if record.state is FileState.STABLE:
            values = {"problem": str(error), "layout": self._feed.layout_version(), "attempts": record.attempts + 1}
            self._files.move(record, FileState.REJECTED, **values)

    def _keep(self, fetched: list[tuple[FileRecord, IO[bytes]]]) -> None:
        """Keep what was fetched, and be done with it."""
        stable = [each for each in fetched if each[0].state is FileState.STABLE]
        kept = self._files.keep(stable)
        for record, content in fetched:
            if record.state is not FileState.STABLE:
                again = self._files.recheck(record, content)
                if again is None:
                    self._files.move(record, record.state, archived=None)
                else:
                    kept.append(again)
            content.close()
        for each in kept:
            facts = {"feed": self._name, "file": each.path, "bytes": each.size, "sha256": each.sha256}
            logger.info("file %s", each.state.value, extra=facts)
        fetched.clear()

    # Putting away

    def _put_away(self, names: frozenset[str], *, until: datetime) -> None:
        """Move or delete files of which every record is committed, if that is asked for; a failure is only told."""
        if self._feed.after.remote == "none":
            return
        ended = self._files.select(self._name, states=[FileState.DONE, FileState.DUPLICATE], listed=True)
        failures = 0
        for record in (each for each in ended if each.archived is None):
            if failures >= PATIENCE or self._clock.now() >= until:
                return
            if not self._is_as_read(record):
                continue
            try:
                done = self._end(record.path)
                if self._marker_of(record) in names:
                    self._end(posixpath.join(self._feed.directory, self._marker_of(record)))
                self._files.move(record, record.state, archived=done)
            except MlcError as error:
                failures += 1
                logger.warning("file could not be put away", extra={"file": record.path, "problem": str(error)})

    def _is_as_read(self, record: FileRecord) -> bool:
        """Read a file once more: what somebody wrote under its name since is to be taken in, not put away unread."""
        content = self._download(record)
        if isinstance(content, MlcError):
            logger.warning("file could not be put away", extra={"file": record.path, "problem": str(content)})
            return False
        if content is None:
            return False
        with content:
            return self._files.recheck(record, content) is None

    def _end(self, path: str) -> str:
        to = self._feed.after.to
        if to is None:
            self._remote().remove(path)
            return "deleted"
        stamp = self._clock.now().strftime("%Y%m%dT%H%M%SZ")
        target = posixpath.join(to, f"{stamp}_{posixpath.basename(path)}")
        self._remote().move(path, target)
        return target
