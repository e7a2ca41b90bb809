"""Files of reference data: lists of vendors or orders, from a folder that a tenant may not have."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mlc_pipelines.errors import RecordError
from mlc_pipelines.flows.content import fingerprint
from mlc_pipelines.flows.flow import Sighting
from mlc_pipelines.integrations.stampli.desk import Desk
from mlc_pipelines.integrations.stampli.feeds import Feed
from mlc_pipelines.integrations.stampli.files import FileFeed, Found, Kind
from mlc_pipelines.integrations.stampli.raw import RawRecord
from mlc_pipelines.ledger.records import SourceRecord


@dataclass(frozen=True, slots=True)
class Listing:
    """What a flow knows of the records of its list: the field of their number, their key, and how to read one."""

    number: str
    key: Callable[[RawRecord], str | None]
    read: Callable[[RawRecord, Feed], object]


class ReferenceFiles:
    """One list; without a folder nothing is asked and nothing is there."""

    def __init__(self, desk: Desk, flow: str, feed: Feed | None, listing: Listing) -> None:
        self._name = flow
        self._feed = feed
        self._listing = listing
        self._files: FileFeed | None = None
        if feed is not None:
            self._files = desk.file_feed(flow, flow, feed, Kind(listing.key, self._source, _matters))

    def feeds(self) -> list[str]:
        """Name the folder, if there is one."""
        return [self._name] if self._files is not None else []

    def sightings(self) -> Iterator[Sighting]:
        """Poll the folder."""
        return self._files.sightings() if self._files is not None else iter(())

    def record(self, sighting: Sighting) -> SourceRecord | None:
        """Write down one record as its file has it."""
        return self._files.record(sighting) if self._files is not None else None

    def finish(self) -> None:
        """Bring files to their end."""
        if self._files is not None:
            self._files.finish()

    def _source(self, found: Found, raw: RawRecord, content: bytes) -> SourceRecord:
        problem: str | None = None
        try:
            if self._feed is not None:
                self._listing.read(raw, self._feed)
        except RecordError as error:
            problem = str(error)
        return SourceRecord(
            key=found.key,
            company=raw.get("company") or "",
            content=content,
            fingerprint=_matters(raw),
            tag=found.tag,
            label=raw.get(self._listing.number) or f"row {raw.rows[0] if raw.rows else 0}",
            partner=raw.get("vendor_name") or raw.get("vendor_id") or "",
            problem=problem,
        )


def _matters(raw: RawRecord) -> str:
    head = sorted((name, text) for name, text in raw.fields.items() if name != "exported_at")
    return fingerprint([head, [sorted(line.items()) for line in raw.lines]])
