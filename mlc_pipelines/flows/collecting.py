"""Collect: reads the source since the watermark and writes each record down, page by page."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TypeVar

from msgspec.structs import replace

from mlc_pipelines.errors import RecordError, TransientError, legible
from mlc_pipelines.flows.flow import UNFORESEEN, Sighting
from mlc_pipelines.flows.road import Road, Tally
from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.ledger.leases import Lease
from mlc_pipelines.ledger.records import SourceRecord, is_word
from mlc_pipelines.wire.rows import MisshapenError

logger = logging.getLogger(__name__)

PAGE = 1000
"""So many records are looked up, and written down in one transaction."""

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""No watermark is older: a position before it is nonsense of one record."""

PATIENCE = timedelta(days=1)
"""So long a record that could not be read is read again with every pass, while it is held."""

T = TypeVar("T")


def in_parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut a stream into lists of at most `size`, holding one at a time."""
    stream = iter(items)
    while part := list(islice(stream, size)):
        yield part


def collect(road: Road) -> Tally:
    """Take in what the webhooks named, then what the feeds list; the watermark moves when all of it is committed.

    A source that cannot answer, or a page that cannot be read, interrupts the pass: what was committed stays, the
    watermark does not move.
    """
    tally = Tally()
    started = road.ledger.clock.now()
    with road.worked() as lease, road.workers(road.calls_in_flight) as pool:
        try:
            _answer_letters(road, pool, lease, tally)
            for feed in road.flow.feeds():
                _read_feed(road, pool, lease, feed, tally)
        except (TransientError, RecordError) as error:
            tally.interrupted = str(error)
    road.books.progress.note(road.flow.name, "collect", started, tally.counts)
    return tally


def _answer_letters(road: Road, pool: Executor, lease: Lease, tally: Tally) -> None:
    letters = road.books.inbox.pending(road.books.connection, road.flow.name)
    for part in in_parts(letters, PAGE):
        heard = [road.flow.hear(letter.event_type, letter.object_id) for letter in part if letter.object_id]
        sightings = {sighting.key: sighting for sighting in heard if sighting is not None}
        _take_in(road, pool, lease, list(sightings.values()), tally)
        road.books.inbox.finish(part)
        tally.add("heard", len(part))


def _read_feed(road: Road, pool: Executor, lease: Lease, feed: str, tally: Tally) -> None:
    before = road.books.progress.position(road.flow.name, feed)
    # A position in the future would hide every change until then; one record with a wrong date must not do that.
    now = road.ledger.clock.now()
    since = farthest = min(before, now) if before is not None else None
    torn: list[datetime] = []
    for part in in_parts(road.flow.collect(feed, since), PAGE):
        torn += _take_in(road, pool, lease, part, tally)
        seen = [min(each.position, now) for each in part if each.position and each.position > LONG_AGO]
        farthest = max([*seen, *([farthest] if farthest else [])], default=None)
    if farthest is not None and torn:  # not past what may be readable the next time
        farthest = max(since or LONG_AGO, min(farthest, max(min(torn), now - PATIENCE)))
    if farthest is not None and farthest != before:
        road.books.progress.advance(road.flow.name, feed, farthest)


def _take_in(road: Road, pool: Executor, lease: Lease, part: Sequence[Sighting], tally: Tally) -> list[datetime]:
    """Write down what is not known yet; give the positions of what cannot be read, long ago where there is none."""
    part = [_with_a_key(sighting) for sighting in part]
    unseen = road.books.entries.unseen(road.flow.name, {sighting.key: sighting.tag for sighting in part})
    wanted = [sighting for sighting in part if sighting.key in unseen]
    tally.add("seen", len(part) - len(wanted))
    size = len(wanted) // (2 * road.calls_in_flight) + 1  # many at a time, for those that need no call of their own
    groups = pool.map(lambda group: [_fetch(road, sighting) for sighting in group], list(in_parts(wanted, size)))
    fetched: list[SourceRecord | None] = []
    silence: TransientError | None = None
    try:
        for group in groups:
            fetched += group
    except TransientError as error:
        silence = error  # what was read before the source fell silent is not asked for again
    received = road.books.entries.receive(road.flow.name, [record for record in fetched if record is not None], lease)
    tally.add("seen", received.seen)
    tally.add("new", received.new)
    tally.add("changed", received.changed)
    road.watch("received", received.new + received.changed)
    if silence is not None:
        raise silence
    pairs = zip(wanted, fetched, strict=True)
    return [seen.position or LONG_AGO for seen, record in pairs if record is not None and record.problem]


def _with_a_key(sighting: Sighting) -> Sighting:
    """Give the sighting a key that the ledger can keep: its own, else one made of it."""
    if is_word(sighting.key):
        return sighting
    key = digest(sighting.key.encode(errors="backslashreplace"))[:16] if sighting.key else digest(_copy(sighting))[:16]
    return replace(sighting, key=f"row {key}", problem=sighting.problem or "its key cannot be kept")


def _fetch(road: Road, sighting: Sighting) -> SourceRecord | None:
    """Read a record in full; one that cannot be read, or not be kept as it is, is held."""
    if sighting.problem is not None:
        return unreadable(sighting, sighting.problem)
    try:
        record = road.flow.fetch(sighting)
    except (RecordError, MisshapenError) as error:
        return _unread(sighting, str(error))
    except UNFORESEEN as error:  # one record must not stop the others; the log has where it was
        logger.exception("unforeseen", extra={"flow": road.flow.name, "key": sighting.key})
        return _unread(sighting, f"unforeseen {type(error).__name__} in reading")
    if record is None:
        return None
    if record.key != sighting.key:
        return _unread(sighting, f"{sighting.key}: it calls itself {record.key}", record)
    strange = record.misfit()
    return unreadable(sighting, f"{sighting.key}: {strange}", record) if strange else record.legible()


def _unread(sighting: Sighting, problem: str, record: SourceRecord | None = None) -> SourceRecord:
    """Keep what could not be read without its tag, so that it is read again when it is listed again.

    The tag tells of the record in its source; it may only have been torn on its way.
    """
    return unreadable(replace(sighting, tag=None), problem, record)


def unreadable(sighting: Sighting, problem: str, record: SourceRecord | None = None) -> SourceRecord:
    """Keep a record that cannot be read: it is written down as held, with what is known of it."""
    content = record.content if record is not None else _copy(sighting)
    return SourceRecord(
        key=sighting.key,
        company="",
        content=content,
        fingerprint=digest(content),
        tag=sighting.tag if is_word(sighting.tag or "") else None,
        label=sighting.key,
        problem=legible(problem),
    )


def _copy(sighting: Sighting) -> bytes:
    """Give what the list said of a record, as it said it where that is known."""
    carried = getattr(sighting.carry, "raw", sighting.carry)
    if isinstance(carried, bytes):
        return carried
    return (str(carried) if carried is not None else sighting.key).encode(errors="backslashreplace")
