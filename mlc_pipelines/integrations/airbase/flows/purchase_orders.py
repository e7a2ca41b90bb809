"""Purchase orders: IFS orders with their lines become orders in Airbase, one for each number."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from mlc_pipelines.accounting.money import MICRO_PLACES
from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import encode, fingerprint, kept_parts
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.ifs.purchase_orders import PurchaseOrder, PurchaseOrderLine, PurchaseOrders
from mlc_pipelines.integrations.airbase.desk import Desk
from mlc_pipelines.integrations.airbase.document_client import id_of
from mlc_pipelines.integrations.airbase.errors import AbsentError, ExistsError
from mlc_pipelines.integrations.airbase.mapping import OrderWords, line_amount, says_the_same, to_order
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated
from mlc_pipelines.wire.rows import Unread

_LINES = msgspec.json.Decoder(list[PurchaseOrderLine])
CANCELLED = "cancelled"
NOTHING_KNOWN = OrderWords(frozenset(), {}, None, None, None, {})


class OrdersToAirbase:
    """Sends purchase orders; the order number is the unique identifier (required by the vendor)."""

    name = "purchase_orders"
    sentence = "IFS purchase orders with their lines become purchase orders in Airbase."
    kind = "purchase_order"
    assets = Assets(
        collect=Asset("ifs_orders", "Purchase orders as IFS has them, with their lines.", ("ifs",)),
        translate=Asset("coded_orders", "The same orders in Airbase's words: vendor, subsidiary, accounts, tags."),
        deliver=Asset("purchase_orders", "Purchase orders in Airbase.", ("airbase",)),
    )
    deliver_batch = 1
    confirm_batch = 1
    amends = True

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._rules = desk.settings.purchase_orders
        self._orders = PurchaseOrders(desk.ifs)
        self._words = NOTHING_KNOWN
        self._seen: dict[str, Mapping[str, Any]] = {}
        self.settle_after = desk.settings.settle_after_seconds

    def feeds(self) -> Sequence[str]:
        """One feed a company, where the tenant has named the path."""
        return list(self._desk.connection.companies) if self._desk.settings.paths.purchase_orders else []

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """List orders changed since, or all where the tenant names no modified attribute for orders."""
        for order in self._orders.changed_since(feed, since):
            if isinstance(order, Unread):
                yield Sighting.of_unread(order)
                continue
            yield Sighting(order.order_no, tag=order.etag, position=order.modified, carry=(feed, order))

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """Nothing: IFS sends no events."""
        return None

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Read the lines of an order, a query of their own."""
        company, order = sighting.carry
        lines = self._orders.lines(order)
        matters = [company, order.supplier, str(order.order_date), order.currency, order.site, order.state]
        return SourceRecord(
            key=sighting.key,
            company=company,
            content=encode({"order": msgspec.Raw(order.raw), "lines": lines}),
            fingerprint=fingerprint([*matters, lines]),
            tag=sighting.tag,
            label=order.order_no,
            partner=order.supplier,
            amount=_total(order, lines),
            currency=order.currency,
            dated=order.order_date,
        )

    def prepare(self) -> None:
        """Read which vendors, subsidiaries, currencies and accounts Airbase has."""
        if not self.feeds():
            return
        desk = self._desk
        accounts, dictionary = desk.table("accounts"), desk.dictionary
        there = {a.erp_reference_id: a.name or "" for a in desk.airbase.accounts() if a.erp_reference_id}
        dictionary.learn("gl_account", there)
        dictionary.learn("account_word", accounts or {})
        dictionary.learn("order_state", self._rules.statuses)
        self._words = OrderWords(
            vendors=frozenset(dictionary.bound("vendor")),
            subsidiaries=desk.entities(),
            currencies=desk.currencies(),
            gl_accounts=frozenset(there) if desk.settings.paths.accounts else None,
            accounts=accounts,
            dimensions=desk.dimensions(),
        )

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Make an order of Airbase; one that is only planned, or was cancelled before it was sent, is left out."""
        head, rows = kept_parts(entry.source, "order", "lines")
        order, lines = self._orders.order(head), _LINES.decode(rows)
        was_sent = self._desk.dictionary.by_key(self.kind, entry.key) is not None
        if order.state in self._rules.not_sent:
            return self._planned(order, was_sent=was_sent)
        if self._rules.statuses.get(order.state or "") == CANCELLED and not was_sent:
            return Ignored(Cause.CANCELLED, f"order {order.order_no} was cancelled in IFS before it was sent")
        return Translated(encode(to_order(order, lines, self._words, self._rules)), order.order_no)

    def _planned(self, order: PurchaseOrder, *, was_sent: bool) -> Ignored:
        if was_sent:
            raise RecordError(
                f"order {order.order_no} is {order.state} again in IFS and was sent before; close it in Airbase",
                cause=Cause.CHANGED_AFTER_DELIVERY,
            )
        return Ignored(Cause.NOT_READY, f"order {order.order_no} is {order.state} in IFS and not sent yet")

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look for orders that say what we would; one of that number that differs is kept for `deliver` to change."""
        found = {}
        for outgoing in batch:
            there = self._numbered(outgoing)
            if there is not None:
                self._seen[outgoing.entry.key] = there
                if says_the_same(outgoing.payload, there):
                    found[outgoing.entry.id] = Landed(id_of(there))
        return found

    def _numbered(self, outgoing: Outgoing) -> Mapping[str, Any] | None:
        number = outgoing.entry.key
        orders = self._desk.airbase.orders(lookup=self._rules.lookup, number=number)
        if len(orders) > 1:
            raise RecordError(
                f"order {number} stands {len(orders)} times in Airbase; close all but one there",
                cause=Cause.DUPLICATE_SUSPECTED,
            )
        return orders[0] if orders else None

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Make the order, or change the one that is there where it differs."""
        (outgoing,) = batch
        there = self._seen.pop(outgoing.entry.key, None)
        if there is None and outgoing.bound is not None:
            there = self._desk.airbase.order(outgoing.bound) or self._numbered(outgoing)
        if there is not None:
            return [self._changed(outgoing, there)]
        try:
            return [Landed(self._desk.airbase.create_order(outgoing.payload))]
        except ExistsError:
            there = self._numbered(outgoing)
            if there is None:
                raise
            return [self._changed(outgoing, there)]

    def _changed(self, outgoing: Outgoing, there: Mapping[str, Any]) -> Landed:
        if says_the_same(outgoing.payload, there):
            return Landed(id_of(there), {"unchanged": "yes"})
        try:
            self._desk.airbase.change_order(id_of(there), outgoing.payload)
        except AbsentError as error:
            raise RecordError(
                f"{error}; order {outgoing.entry.key} was removed in Airbase meanwhile", cause=Cause.CHANGED_ELSEWHERE
            ) from error
        return Landed(id_of(there), {"amended": "yes"})

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Nothing: IFS is not told."""
        return [Landed("") for _ in batch]


def _total(order: PurchaseOrder, lines: Sequence[PurchaseOrderLine]) -> Decimal:
    try:
        return round(sum(map(line_amount, lines), Decimal(0)), MICRO_PLACES)
    except ArithmeticError as error:
        raise RecordError(
            f"order {order.order_no}: what its lines come to has too many digits", cause=Cause.UNREADABLE
        ) from error
