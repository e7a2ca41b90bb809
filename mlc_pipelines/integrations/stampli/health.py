"""How the folders are: what waits, which uploads were given up, and how long nothing new has come."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from mlc_pipelines.integrations.stampli.desk import Desk
from mlc_pipelines.integrations.stampli.drop import Drop
from mlc_pipelines.integrations.stampli.feeds import Feed
from mlc_pipelines.ledger.files import FileLedger, FileRecord, FileState

OLD_PART = timedelta(hours=24)
FRIDAY = 4
_ON_ITS_WAY = (FileState.DISCOVERED, FileState.STABLE, FileState.FETCHED, FileState.PARSED)


@dataclass(frozen=True, slots=True)
class WaitingFile:
    """A file that a run would do something about; `since` is None for one that no run has seen."""

    feed: str
    name: str
    size: int
    since: datetime | None


def waiting_files(desk: Desk) -> list[WaitingFile]:
    """List the folders and tell which files a run would take up; asks the server, writes nothing.

    A file not known with its size and time is taken up by a look, one that is known waits until it is done.
    """
    return [
        waiting for name, feed in feeds_of(desk) for waiting in _waiting(name, desk.drop(name, feed), desk.books.files)
    ]


def feeds_of(desk: Desk) -> list[tuple[str, Feed]]:
    """Give the folders that are set, by name."""
    feeds = desk.settings.feeds
    every = (("invoices", feeds.invoices), ("vendors", feeds.vendors), ("purchase_orders", feeds.purchase_orders))
    return [(name, feed) for name, feed in every if feed is not None]


def _waiting(name: str, drop: Drop, files: FileLedger) -> Iterator[WaitingFile]:
    listed, _ = drop.listed()
    known = {(record.path, record.size, record.mtime): record for record in files.select(name)}
    for file in listed:
        record = known.get((file.path, file.size, file.mtime))
        if not file.part and (record is None or record.state in _ON_ITS_WAY):
            yield WaitingFile(
                name, posixpath.basename(file.path), file.size, record.first_seen if record is not None else None
            )


def on_their_way(files: FileLedger, feed: str) -> list[FileRecord]:
    """Give the files of a feed that were seen and are not done, the oldest first; reads the ledger alone."""
    there = files.select(feed, states=_ON_ITS_WAY)
    return [record for record in there if record.listed or record.state in _ON_ITS_WAY[2:]]


def old_parts(files: FileLedger, feed: str, *, now: datetime, older_than: timedelta = OLD_PART) -> list[FileRecord]:
    """Give uploads under a temporary name that we have been seeing for longer than a day: given up by the uploader."""
    parts = files.select(feed, states=[FileState.PART], listed=True)
    return [part for part in parts if now - part.first_seen >= older_than]


def rejected(files: FileLedger, feed: str) -> list[FileRecord]:
    """Give the files that could not be read."""
    return files.select(feed, states=[FileState.REJECTED])


def working_hours_without_a_file(files: FileLedger, feed: str, *, now: datetime, zone: ZoneInfo) -> float | None:
    """Tell for how many hours of working days no new file has come; None before the first one."""
    seen = [record.first_seen for record in files.select(feed) if record.state is not FileState.PART]
    return working_hours(max(seen), now, zone) if seen else None


def working_hours(since: datetime, until: datetime, zone: ZoneInfo) -> float:
    """Count the hours from one moment to another that lie on Monday to Friday in a zone."""
    moment, end = since.astimezone(zone), until.astimezone(zone)
    hours = 0.0
    while moment < end:
        midnight = datetime.combine(moment.date() + timedelta(days=1), time(), tzinfo=zone)
        step = min(midnight, end)
        if moment.weekday() <= FRIDAY:
            hours += (step.timestamp() - moment.timestamp()) / 3600
        moment = step
    return hours
