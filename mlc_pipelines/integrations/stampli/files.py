"""From files to records: each file is read whole, in the order of its export, and is done when all of it is committed.

Whole, but not at once: its records wait in a gathering until the last of them is read, and then go a page at a time.

A record's tag is the order of its export, which only grows. A file whose every record has that tag or a later one in
the ledger is done; after a crash anywhere a file is simply read again, and the ledger drops what it has.
"""

import contextlib
import itertools
import logging
import posixpath
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import IO, Any
from zoneinfo import ZoneInfo

import msgspec

from mlc_pipelines.errors import Cause, RecordError, TransientError
from mlc_pipelines.flows.collecting import PAGE, in_parts
from mlc_pipelines.flows.content import encode, fingerprint
from mlc_pipelines.flows.flow import Sighting
from mlc_pipelines.integrations.stampli import csv_layout, xml_layout
from mlc_pipelines.integrations.stampli.drop import Drop
from mlc_pipelines.integrations.stampli.feeds import Feed
from mlc_pipelines.integrations.stampli.gathering import Gathering
from mlc_pipelines.integrations.stampli.raw import RawRecord, RejectedFileError, shown
from mlc_pipelines.integrations.stampli.values import UnreadableValueError, moment
from mlc_pipelines.ledger.files import FileMove, FileRecord, FileState
from mlc_pipelines.ledger.ledger import Books
from mlc_pipelines.ledger.records import Ignored, SourceRecord, is_word

logger = logging.getLogger(__name__)

REMEMBERED = timedelta(days=400)
FILE_KEY = "file^"
SHORT_FILE = 1024 * 1024  # bytes; a longer one is read from the disk
_NUMBER = re.compile(r"0*([0-9]+)")
_written = msgspec.msgpack.Encoder().encode
_reread = msgspec.msgpack.Decoder(RawRecord).decode


@dataclass(frozen=True, slots=True)
class Found:
    """One record of a file, with its key and the order of its export; without `raw` it stands for the file itself."""

    file: FileRecord
    key: str
    tag: str
    raw: RawRecord | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """What a flow knows of its records: how to name one, and how to write one down."""

    key: Callable[[RawRecord], str | None]
    source: Callable[[Found, RawRecord, bytes], SourceRecord]
    matters: Callable[[RawRecord], str]


def parse(content: IO[bytes], path: str, feed: Feed) -> Iterator[RawRecord]:
    """Read a file by the layout of its kind, told by the end of its name; the records count when the last one came."""
    if path.lower().endswith(".xml"):
        return xml_layout.read_xml(content, feed)
    if not feed.columns:
        raise RejectedFileError("no layout for CSV files is set")
    return csv_layout.read_csv(content, feed)


def original(source: bytes, feed: Feed) -> RawRecord:
    """Read a record back from our copy, by the layout as it is now."""
    raw: Mapping[str, Any] = msgspec.json.decode(source)
    try:
        if "twice" in raw:
            return _twice([_again(each, feed) for each in raw["twice"]])
        return _again(raw, feed)
    except RejectedFileError as error:
        raise RecordError(f"stampli: {error}", cause=Cause.UNREADABLE) from error


def _again(raw: Mapping[str, Any], feed: Feed) -> RawRecord:
    return csv_layout.again(raw, feed) if "csv" in raw else xml_layout.again(raw, feed)


def _twice(records: Sequence[RawRecord]) -> RawRecord:
    rows = tuple(row for record in records for row in record.rows)
    problem = f"{shown(rows)}: the file has it {len(records)} times, and not the same; export it anew"
    return replace(records[0], rows=rows, raw={"twice": [record.raw for record in records]}, problem=problem)


class FileFeed:
    """The files of one feed as records for one flow."""

    def __init__(
        self, flow: str, feed: Feed, *, name: str, drop: Drop, books: Books, zone: ZoneInfo, kind: Kind
    ) -> None:
        self._flow = flow
        self._feed = feed
        self._name = name
        self._drop = drop
        self._books = books
        self._zone = zone
        self._kind = kind
        self._whole: set[int] = set()  # files that this pass has read to their end
        self._unproved: list[tuple[int, str, str]] = []  # of these the file, key and tag of what the ledger may lack

    def sightings(self) -> Iterator[Sighting]:
        """Poll the folder, then give every record that is not yet in the ledger, file by file."""
        files = self._books.files
        failure: TransientError | None = None
        try:
            self._drop.poll()
        except TransientError as error:
            failure = error  # what was fetched before is read all the same
        self._retry_rejected()
        waiting = files.select(self._name, states=[FileState.FETCHED, FileState.PARSED])
        moves: list[FileMove] = []
        self._whole, self._unproved = set(), []
        for page in in_parts(self._of_files(sorted(waiting, key=self._order), moves), PAGE):
            self._move(moves)  # a file is on its way before its first record is
            yield from map(self._sighting, self._newer(page))
        self._move(moves)
        self._whole = {record.id for record in waiting}
        for record in files.select(self._name, states=[FileState.REJECTED]):
            yield self._sighting(self._rejection(record))
        files.forget(REMEMBERED)
        if failure is not None:
            raise failure

    def _newer(self, page: Sequence[Found]) -> list[Found]:
        """Leave out records of which the ledger has this export or a later one, or of which that was given before."""
        asked = [key for _, key, _ in self._unproved] + [each.key for each in page]
        known = self._books.entries.tags(self._flow, asked)
        self._unproved = [each for each in self._unproved if (known.get(each[1]) or "") < each[2]]
        given = {key: tag for _, key, tag in self._unproved}
        newer, passed_over = [], Counter[str]()
        for each in page:
            there = known.get(each.key) or ""
            if there < each.tag:
                if given.get(each.key, "") < each.tag:
                    given[each.key] = each.tag
                    newer.append(each)
                there = given[each.key]
                self._unproved.append((each.file.id, each.key, there))
            passed_over[each.file.path] += there > each.tag
        for path, records in (+passed_over).items():
            logger.warning("older exports passed over", extra={"file": path, "records": records})
        return newer

    def _move(self, moves: list[FileMove]) -> None:
        for move in moves:
            if move.state is FileState.REJECTED:
                logger.warning("file rejected", extra={"file": move.record.path, "problem": move.values["problem"]})
        self._books.files.move_all(moves)
        moves.clear()

    def _sighting(self, found: Found) -> Sighting:
        return Sighting(found.key, tag=found.tag, carry=found)

    def record(self, sighting: Sighting) -> SourceRecord:
        """Write down one record, or what became of a file."""
        found: Found = sighting.carry
        if found.raw is None:
            return self._file_record(found)
        rows = list(found.raw.rows)
        about = {"name": posixpath.basename(found.file.path), "sha256": found.file.sha256, "rows": rows}
        return self._kind.source(found, found.raw, encode({"file": about, **found.raw.raw}))

    def finish(self) -> None:
        """Bring files to their end of which every record is committed; what another run has read is read once more."""
        parsed = self._books.files.select(self._name, states=[FileState.PARSED])
        moves: list[FileMove] = []
        others = self._of_files([record for record in parsed if record.id not in self._whole], moves)
        unproved = itertools.chain(self._unproved, ((each.file.id, each.key, each.tag) for each in others))
        late: set[int] = set()
        for page in in_parts(unproved, PAGE):
            known = self._books.entries.tags(self._flow, [key for _, key, _ in page])
            late |= {file for file, key, tag in page if (known.get(key) or "") < tag}
        # One that the layout of today rejects stays as it is: the next collect decides.
        late |= {move.record.id for move in moves if move.state is FileState.REJECTED}
        ended = [record for record in parsed if record.id not in late]
        self._books.files.move_all([FileMove(record, FileState.DONE, {"problem": None}) for record in ended])

    def kept(self, since: date) -> Iterator[Found]:
        """Read our copies of the files that came since a day once more, without asking anybody."""
        kept = self._books.files.select(self._name, states=[FileState.PARSED, FileState.DONE])
        return self._of_files([record for record in kept if record.first_seen.date() >= since], [])

    # Reading

    def _of_files(self, records: Sequence[FileRecord], moves: list[FileMove]) -> Iterator[Found]:
        """Give the records of files, each file read whole before its first; `moves` says what became of it."""
        version = self._feed.layout_version()
        for record in records:
            with contextlib.closing(Gathering()) as gathering:
                try:
                    self._gather(record, gathering)
                except RejectedFileError as error:
                    values = {"problem": str(error), "layout": version, "attempts": record.attempts + 1}
                    moves.append(FileMove(record, FileState.REJECTED, values))
                    continue
                count, by_key = gathering.gathered()
                moves.append(FileMove(record, FileState.PARSED, {"layout": version, "records": count}))
                order = self._order(record)
                for key, same in by_key:
                    yield self._found(record, key, order, self._one_of([_reread(raw) for raw in same]))
            if record.problem:  # it was rejected once: the hold that told so is answered
                yield Found(record, f"{FILE_KEY}{record.id}", f"{_told_at(record)}|read")

    def _gather(self, record: FileRecord, gathering: Gathering) -> None:
        with tempfile.SpooledTemporaryFile(SHORT_FILE) as copy:
            for part in self._books.files.content(record):
                copy.write(part)
            for raw in parse(copy, record.path, self._feed):
                key, named = self._named(raw)
                gathering.put(key or f"{FILE_KEY}{record.id}^{raw.rows[0] if raw.rows else 0}", _written(named))

    def _named(self, raw: RawRecord) -> tuple[str | None, RawRecord]:
        """Name a record; one with a name that no index takes has none, and a problem."""
        key = self._kind.key(raw)
        if key is None or is_word(key):
            return key, raw
        return None, replace(raw, problem=raw.problem or f"{shown(raw.rows)}: number or vendor is too long to be one")

    def _one_of(self, same: Sequence[RawRecord]) -> RawRecord:
        if len(same) == 1 or len({self._kind.matters(raw) for raw in same}) == 1:
            return same[0]
        return _twice(same)

    def _found(self, record: FileRecord, key: str, order: str, raw: RawRecord) -> Found:
        exported = raw.get("exported_at")
        if not exported:
            return Found(record, key, order, raw)
        try:
            at = moment(exported, "exported_at", self._feed.values.moments, self._zone)
        except UnreadableValueError as error:
            broken = replace(raw, problem=raw.problem or f"{shown(raw.rows)}: {error}")
            return Found(record, key, order, broken)
        return Found(record, key, _order_text(at, record, stamped=True), raw)

    def _order(self, record: FileRecord) -> str:
        """Give the order of a file: the stamp in its name, else the server's time, else when it was seen first."""
        stamp = self._feed.stamp
        if stamp is not None:
            found = re.search(stamp.pattern, posixpath.basename(record.path))
            try:
                if found is not None:
                    at = moment(found.group(1), "stamp", [stamp.form], self._zone)
                    return _order_text(at, record, stamped=True)
            except UnreadableValueError:
                logger.warning("stamp in the name is no time", extra={"file": record.path})
        return _order_text(record.mtime or record.first_seen, record)

    # Rejected files

    def _retry_rejected(self) -> None:
        """Read rejected files again when the layout has changed since."""
        version = self._feed.layout_version()
        for record in self._books.files.select(self._name, states=[FileState.REJECTED]):
            if record.layout != version:
                ask_again(self._books, record)

    def _rejection(self, record: FileRecord) -> Found:
        return Found(record, f"{FILE_KEY}{record.id}", _told_at(record))

    def _file_record(self, found: Found) -> SourceRecord:
        record, name = found.file, posixpath.basename(found.file.path)
        rejected = record.state is FileState.REJECTED
        about = {"name": name, "sha256": record.sha256, "id": record.id, "problem": record.problem}
        content = encode({"whole_file": about, "read": not rejected})
        return SourceRecord(
            key=found.key,
            company="",
            content=content,
            fingerprint=fingerprint([content.decode(), record.attempts]),
            tag=found.tag,
            label=name,
            problem=f"stampli: file {name} is rejected: {record.problem}" if rejected else None,
        )


def _order_text(at: datetime, record: FileRecord, *, stamped: bool = False) -> str:
    """Write an order that sorts as text: time, then the name where the time is the server's, then when we saw it."""
    moment_text = at.astimezone(UTC).isoformat(timespec="microseconds")
    name = "" if stamped else _NUMBER.sub(_by_length, posixpath.basename(record.path))
    return f"{moment_text}|{name}|{record.id:012}"


def _by_length(number: re.Match[str]) -> str:
    """Write a number so that 9 comes before 10: how long it is, then its digits."""
    return f"{len(number[1]):02}{number[1]}"


def _told_at(record: FileRecord) -> str:
    return f"{_order_text(record.first_seen, record)}|{record.attempts:06}"


def ask_again(books: Books, record: FileRecord) -> None:
    """Let a rejected file be read again; one of which no copy is kept is fetched again."""
    books.files.move(record, FileState.FETCHED if record.sha256 else FileState.DISCOVERED)


def whole_file(entry_source: bytes, books: Books) -> Ignored | None:
    """Decide on an entry that stands for a file; None for an entry that is a record.

    Put back on the road by a person, it asks for the file to be read again.
    """
    told: Mapping[str, Any] = msgspec.json.decode(entry_source)
    about = told.get("whole_file")
    if about is None:
        return None
    if told["read"]:
        return Ignored(Cause.ALREADY_KNOWN, f"file {about['name']} was rejected before, and has been read since")
    record = books.files.get(about["id"])
    if record is None or record.state is FileState.DONE:
        return Ignored(Cause.ALREADY_KNOWN, f"file {about['name']} has been read since")
    if record.state is FileState.REJECTED:
        ask_again(books, record)
    raise RecordError(f"stampli: file {about['name']} is read again by the next collect", cause=Cause.UNREADABLE)
