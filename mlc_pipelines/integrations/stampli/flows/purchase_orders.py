"""Purchase orders: Stampli's list, kept as reference data beside the invoices that name them."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from mlc_pipelines.errors import Cause
from mlc_pipelines.flows.content import encode
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.integrations.stampli.desk import Desk
from mlc_pipelines.integrations.stampli.files import original, whole_file
from mlc_pipelines.integrations.stampli.models import key_of, read_order
from mlc_pipelines.integrations.stampli.raw import RawRecord
from mlc_pipelines.integrations.stampli.reference import Listing, ReferenceFiles
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated

TABLE = "stampli_order"


class PurchaseOrders:
    """Writes orders into the reference table; IFS, which has its own, is not touched."""

    name = "purchase_orders"
    sentence = "Purchase orders of Stampli's list are kept as reference data; IFS is not touched."
    kind = "order"
    assets = Assets(
        collect=Asset("stampli_orders", "Purchase orders of the reference files.", ("sftp",)),
        translate=Asset("read_orders", "The same orders as understood."),
        deliver=Asset("order_references", "Orders in the reference table of this connection."),
    )
    deliver_batch = 200
    confirm_batch = 200
    amends = True
    settle_after = 0.0  # the table is ours: what was lost is simply written again

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._feed = desk.settings.feeds.purchase_orders
        self._files = ReferenceFiles(desk, self.name, self._feed, Listing("po_number", _key, read_order))
        self._lock = threading.Lock()

    def feeds(self) -> Sequence[str]:
        """One feed, if there is a folder of purchase orders at all."""
        return self._files.feeds()

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """Poll the folder."""
        return self._files.sightings()

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """Stampli has no webhooks."""
        return None

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Write down an order as the file has it."""
        return self._files.record(sighting)

    def prepare(self) -> None:
        """Bring files to their end."""
        self._files.finish()

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Read the order."""
        about_file = whole_file(entry.source, self._desk.books)
        if about_file is not None:
            return about_file
        if self._feed is None:
            return Ignored(Cause.NOT_OURS, "no folder of purchase orders is set any more")
        order = read_order(original(entry.source, self._feed), self._feed)
        told: dict[str, Any] = {**order.details, "lines": [dict(line) for line in order.lines]}
        return Translated(encode(told), entry.key)

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Nothing to look for: writing the same order twice changes nothing."""
        return {}

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Write the orders into the reference table."""
        with self._lock:
            dictionary = self._desk.books.dictionary
            told = {outgoing.entry.key: encode(outgoing.payload).decode() for outgoing in batch}
            dictionary.learn(TABLE, {**dictionary.known(TABLE), **told})
        return [Landed(outgoing.entry.key) for outgoing in batch]

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Stampli is told nothing."""
        return [Landed(outgoing.entry.external_id or "") for outgoing in batch]


def _key(raw: RawRecord) -> str | None:
    number = raw.get("po_number")
    return key_of(raw.get("company") or "", number) if number else None
