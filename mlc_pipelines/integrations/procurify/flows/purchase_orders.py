"""Purchase orders: those of Procurify are kept for reference, so that bills can be compared with them.

Nothing of them is written in IFS. The delivery is a word in this connection's own dictionary, under the order's number.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import encode, fingerprint
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.integrations.procurify.amounts import rounded
from mlc_pipelines.integrations.procurify.desk import Desk
from mlc_pipelines.integrations.procurify.errors import AbsentError
from mlc_pipelines.integrations.procurify.models import Order
from mlc_pipelines.integrations.procurify.periods import days, first_day
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated
from mlc_pipelines.wire.rows import Unread

ONE_DAY = timedelta(days=1)
WORD = "order"
_LEARNING = threading.Lock()


class OrdersForReference:
    """Keeps the orders that were approved in Procurify, and says what they are worth to those who read bills."""

    name = "purchase_orders"
    sentence = "Approved purchase orders of Procurify are kept for reference and compared with bills; IFS gets none."
    kind = "purchase_order"
    assets = Assets(
        collect=Asset("procurify_orders", "Purchase orders with their lines, as Procurify has them.", ("procurify",)),
        translate=Asset("coded_orders", "The same orders with supplier, currency and total."),
        deliver=Asset("known_orders", "Order numbers that bills are compared with, kept in the ledger."),
    )
    deliver_batch = 100
    confirm_batch = 1
    amends = True
    settle_after = 0.0  # the words are our own

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._known: dict[str, str] = {}

    def feeds(self) -> Sequence[str]:
        """One feed: orders are global."""
        return ["orders"]

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """List orders modified since the day before the watermark: the filter knows days only (documented)."""
        zone, now = self._desk.settings.zone, self._desk.now()
        last = now.astimezone(zone).date() + ONE_DAY
        for first, until in days(self._begin(since), last, self._desk.settings.backfill_days):
            for order in self._desk.procurify.orders_changed(first, until):
                if isinstance(order, Unread):
                    yield Sighting.of_unread(order)
                    continue
                yield Sighting(order.id, tag=order.tag, position=order.modified, carry=order)

    def _begin(self, since: datetime | None) -> date:
        if since is None:
            return first_day(self._desk.settings, self._desk.now())
        return since.date() - ONE_DAY

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """Nothing: Procurify sends no events."""
        return None

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Read the order with its lines."""
        try:
            raw = self._desk.procurify.order(sighting.key)
        except AbsentError as error:
            raise RecordError(
                f"order {sighting.key} is listed, but cannot be read: {error}", cause=Cause.UNREADABLE
            ) from error
        order = Order.parse(raw, self._desk.settings.zone)
        total = rounded(order.total, order.currency) if _is_currency(order) and order.currency else None
        return SourceRecord(
            key=sighting.key,
            company="",
            content=raw,
            fingerprint=fingerprint([order.number, order.state, order.vendor_id, order.currency, f"{order.total:f}"]),
            tag=sighting.tag,
            label=order.number,
            partner=order.vendor_name,
            amount=total.amount if total else None,
            currency=total.currency if total else None,
            dated=order.ordered,
        )

    def prepare(self) -> None:
        """Read which orders are known: one that is cancelled is of interest only then."""
        self._known = self._desk.dictionary.known(WORD)

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Say what is kept of an order; one cancelled before it was known is left out."""
        order = Order.parse(entry.source, self._desk.settings.zone)
        if order.is_cancelled and order.number not in self._known:
            return Ignored(Cause.CANCELLED, f"order {order.number} was cancelled in Procurify")
        word = f"{order.vendor_id or ''}^{order.currency or ''}^{order.total:f}"
        return Translated(encode({"number": order.number, "word": None if order.is_cancelled else word}), order.number)

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look for words that are there already."""
        known = self._desk.dictionary.known(WORD)
        return {
            outgoing.entry.id: Landed(outgoing.payload["number"])
            for outgoing in batch
            if known.get(outgoing.payload["number"]) == outgoing.payload["word"]
        }

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Write the words of a batch; that of a cancelled order is taken away."""
        with _LEARNING:
            words = self._desk.dictionary.known(WORD)
            for outgoing in batch:
                words.pop(outgoing.payload["number"], None)
                if outgoing.payload["word"] is not None:
                    words[outgoing.payload["number"]] = outgoing.payload["word"]
            self._desk.dictionary.learn(WORD, words)
        return [
            Landed(outgoing.payload["number"], {"state": "cancelled" if outgoing.payload["word"] is None else "known"})
            for outgoing in batch
        ]

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Nothing: Procurify is never written."""
        return [Landed("") for _ in batch]


def _is_currency(order: Order) -> bool:
    try:
        return bool(order.currency) and rounded(order.total, order.currency or "") is not None
    except ValueError:
        return False
