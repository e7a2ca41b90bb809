"""Collect: reads the source since the watermark and writes each record down, page by page."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from itertools import islice
from typing import TypeVar

from mlc_pipelines.errors import MlcError, RecordError, TransientError
from mlc_pipelines.flows.flow import Sighting
from mlc_pipelines.flows.road import Road, Tally
from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.ledger.leases import Lease
from mlc_pipelines.ledger.records import SourceRecord

PAGE = 200
T = TypeVar("T")


def in_parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut a stream into lists of at most `size`, holding one at a time."""
    stream = iter(items)
    while part := list(islice(stream, size)):
        yield part


def collect(road: Road) -> Tally:
    """Take in what the webhooks named, then what the feeds list; the watermark moves when all of it is committed.

    A source that cannot answer interrupts the pass: what was committed stays, the watermark does not move.
    """
    tally = Tally()
    started = road.ledger.clock.now()
    with road.worked() as lease, road.workers(road.calls_in_flight) as pool:
        try:
            _answer_letters(road, pool, lease, tally)
            for feed in road.flow.feeds():
                _read_feed(road, pool, lease, feed, tally)
        except TransientError as error:
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
    since = road.books.progress.position(road.flow.name, feed)
    farthest = since
    for part in in_parts(road.flow.collect(feed, since), PAGE):
        _take_in(road, pool, lease, part, tally)
        farthest = max(
            [sighting.position for sighting in part if sighting.position] + ([farthest] if farthest else []),
            default=None,
        )
    if farthest is not None and farthest != since:
        road.books.progress.advance(road.flow.name, feed, farthest)


def _take_in(road: Road, pool: Executor, lease: Lease, part: Sequence[Sighting], tally: Tally) -> None:
    unseen = road.books.entries.unseen(road.flow.name, {sighting.key: sighting.tag for sighting in part})
    wanted = [sighting for sighting in part if sighting.key in unseen]
    tally.add("seen", len(part) - len(wanted))
    records = [record for record in pool.map(lambda sighting: _fetch(road, sighting), wanted) if record is not None]
    received = road.books.entries.receive(road.flow.name, records, lease)
    tally.add("seen", received.seen)
    tally.add("new", received.new)
    tally.add("changed", received.changed)
    road.watch("received", received.new + received.changed)


def _fetch(road: Road, sighting: Sighting) -> SourceRecord | None:
    try:
        return road.flow.fetch(sighting)
    except RecordError as error:
        return unreadable(sighting, error)


def unreadable(sighting: Sighting, error: MlcError) -> SourceRecord:
    """Keep a record that cannot be read: it is written down as held, with what is known of it."""
    content = str(sighting.carry).encode() if sighting.carry is not None else sighting.key.encode()
    return SourceRecord(
        key=sighting.key,
        company="",
        content=content,
        fingerprint=digest(content),
        tag=sighting.tag,
        label=sighting.key,
        problem=str(error),
    )
