"""Collect: reads the source since the watermark and writes each record down, page by page."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from mlc_pipelines.errors import MlcError, RecordError, TransientError, legible
from mlc_pipelines.flows.flow import UNFORESEEN, Sighting
from mlc_pipelines.flows.road import Road, Tally
from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.ledger.inbox import Letter
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

SILENT_CALLS = 10
"""So many calls in a row without an answer, and the source has fallen silent: nobody is held for that."""

SILENT_FEEDS = 3
"""So many feeds in a row that cannot be read, and no further one is asked."""

T = TypeVar("T")


def in_parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut a stream into lists of at most `size`, holding one at a time; what came before an error comes before it."""
    stream = iter(items)
    while True:
        part: list[T] = []
        error: MlcError | None = None
        try:
            part.extend(islice(stream, size))
        except MlcError as stopped:
            error = stopped
        if part:
            yield part
        if error is not None:
            raise error
        if len(part) < size:
            return


def collect(road: Road) -> Tally:
    """Take in what the webhooks named, then what the feeds list; the watermark moves when all of it is committed.

    A source that cannot answer, or a page that cannot be read, interrupts its feed: what was committed stays, the
    watermark does not move. One record that came torn, or did not come, is held, and the others go on. If it is known
    it may be delivered: it stays as it is, and the watermark waits before it; what comes torn for a day is held too.
    """
    tally = Tally()
    started = road.ledger.clock.now()
    with road.worked() as lease, road.workers(road.calls_in_flight) as pool:
        source = _Source(road, pool, lease, tally)
        silent = 0
        feeds: list[Callable[[], None]] = [partial(source.feed, feed) for feed in road.flow.feeds()]
        for read in [source.letters, *feeds]:
            try:
                read()
                silent = 0
            except (TransientError, RecordError) as error:
                tally.interrupted = tally.interrupted or str(error)
                silent += 1
            if silent >= SILENT_FEEDS:
                break
    road.books.progress.note(road.flow.name, "collect", started, tally.counts)
    return tally


class _Missed(NamedTuple):
    """What came torn and is held, and what is left to be read again however long it takes."""

    torn: list[Sighting]
    left: list[Sighting]


class _Source:
    """One pass over a source."""

    def __init__(self, road: Road, pool: Executor, lease: Lease, tally: Tally) -> None:
        self._road = road
        self._pool = pool
        self._lease = lease
        self._tally = tally
        self._silence: tuple[TransientError, ...] = ()  # the last calls, as many as went wrong in a row

    def letters(self) -> None:
        """Take in what events name. One whose record did not come, or for a day torn, waits: no list may name it."""
        inbox, flow = self._road.books.inbox, self._road.flow
        for part in in_parts(inbox.pending(self._road.books.connection, flow.name), PAGE):
            heard: dict[Letter, Sighting] = {}
            for letter in part:
                seen = flow.hear(letter.event_type, letter.object_id) if letter.object_id else None
                if seen is not None:
                    heard[letter] = replace(_with_a_key(seen), position=letter.received_at)
            missed = self._take_in(list({seen.key: seen for seen in heard.values()}.values()))
            again = {seen.key for seen in (*missed.left, *filter(self._is_young, missed.torn))}
            done = [letter for letter in part if letter not in heard or heard[letter].key not in again]
            inbox.finish(done)
            self._tally.add("heard", len(done))

    def feed(self, feed: str) -> None:
        """Take in what a feed lists, and move its watermark."""
        self._silence = ()
        progress, name = self._road.books.progress, self._road.flow.name
        before = progress.position(name, feed)
        # A position in the future would hide every change until then; one record with a wrong date must not do that.
        now = self._road.ledger.clock.now()
        since = farthest = min(before, now) if before is not None else None
        torn: list[datetime] = []
        left: list[datetime] = []
        for part in in_parts(map(_with_a_key, self._road.flow.collect(feed, since)), PAGE):
            missed = self._take_in(part)
            torn += [each.position or LONG_AGO for each in missed.torn]
            left += [each.position or LONG_AGO for each in missed.left]
            # Nor may it bring the watermark to our now: a clock that is ahead would hide what changes until then.
            seen = [each.position for each in part if each.position and LONG_AGO < each.position <= now]
            farthest = max([*seen, *([farthest] if farthest else [])], default=None)
        if farthest is not None and torn:  # not past what may be readable the next time
            farthest = max(since or LONG_AGO, min(farthest, max(min(torn), now - PATIENCE)))
        if farthest is not None and left:
            farthest = max(since or LONG_AGO, min(farthest, *left))
        if farthest is not None and farthest != before:
            progress.advance(name, feed, farthest)

    def _take_in(self, part: Sequence[Sighting]) -> _Missed:
        """Write down what is not known yet, or not with that tag.

        A source that falls silent is a TransientError; what was read before is not asked for again.
        """
        road, tally = self._road, self._tally
        known = road.books.entries.tags(road.flow.name, [sighting.key for sighting in part])
        wanted = [seen for seen in part if seen.tag is None or known.get(seen.key) != seen.tag]
        tally.add("seen", len(part) - len(wanted))
        size = len(wanted) // (2 * road.calls_in_flight) + 1  # many at a time, for those that need no call of their own
        groups = self._pool.map(lambda group: [self._ask(each) for each in group], list(in_parts(wanted, size)))
        answers = [answer for group in groups for answer in group]
        silence = self._silence if len(self._silence) >= SILENT_CALLS else ()
        records: list[SourceRecord] = []
        missed = _Missed([], [])
        for seen, answer in zip(wanted, answers, strict=True):
            if isinstance(answer, TransientError):
                if not silence:
                    missed.left.append(seen)
                    records += [] if seen.key in known else [_unread(seen, str(answer))]
            elif answer is not None and answer.problem and seen.key in known and self._is_young(seen):
                missed.left.append(seen)
            elif answer is not None:
                records.append(answer)
                missed.torn.extend([seen] if answer.problem else [])
        for seen in missed.left:
            logger.warning("record did not come", extra={"flow": road.flow.name, "key": seen.key})
        tally.add("unread", len(missed.left))
        received = road.books.entries.receive(road.flow.name, records, self._lease)
        tally.add("seen", received.seen)
        tally.add("new", received.new)
        tally.add("changed", received.changed)
        road.watch("received", received.new + received.changed)
        if silence:
            raise silence[0]
        return missed

    def _is_young(self, sighting: Sighting) -> bool:
        """Tell whether a change was told of within a day: torn, it may only have been so on its way."""
        patient = self._road.ledger.clock.now() - PATIENCE
        return sighting.position is not None and sighting.position > patient

    def _ask(self, sighting: Sighting) -> SourceRecord | TransientError | None:
        """Read a record in full, unless the source has fallen silent."""
        silence = self._silence
        if len(silence) >= SILENT_CALLS:
            return silence[-1]
        try:
            record = _fetch(self._road, sighting)
        except TransientError as error:
            self._silence = (*self._silence, error)
            return error
        if len(self._silence) < SILENT_CALLS:  # who waits for an answer while others give up does not take that back
            self._silence = ()
        return record


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
