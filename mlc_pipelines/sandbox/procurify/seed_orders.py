"""The purchase orders of the first day, made from the manufacturer's, and how a new one is made."""

import random
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from mlc_pipelines.sandbox.procurify.orders import CANCELLED, CLOSED, PAID
from mlc_pipelines.sandbox.procurify.records import Order, OrderLine
from mlc_pipelines.sandbox.procurify.store import Store
from mlc_pipelines.sandbox.world import PurchaseOrder
from mlc_pipelines.sandbox.world_documents import company_of

STATES = {3: CANCELLED, 6: CLOSED, 9: PAID}
ARRIVED, PARTLY = (6, 9, 12), (4, 10)
SAME_NUMBER = {1: "PO-HH-7", 5: "PO-HH-7", 8: "BRNO 12"}


def seed_orders(store: Store, *, count: int) -> None:
    """Add the orders of the first day: companies take turns, a longer list begins with the shorter one."""
    by_company = [[row for row in store.world.orders if row.company == code] for code in ("10", "20")]
    sources = [row for pair in zip(*by_company, strict=True) for row in pair]
    for position in range(count):
        dice = random.Random(f"order {store.seed} {position}")
        made = add_order(store, sources[position % len(sources)], dice=dice)
        made.state, made.po_num = STATES.get(position, 0), SAME_NUMBER.get(position)
        if position in STATES:
            made.closed_at = made.last_modified
        for line in made.lines if position in ARRIVED else made.lines[:1] if position in PARTLY else []:
            line.received = line.quantity if position in ARRIVED else (line.quantity / 2).quantize(Decimal(1))


def add_order(store: Store, source: PurchaseOrder, *, dice: random.Random, at: datetime | None = None) -> Order:
    """Add an order like this one of the manufacturer's; the lines belong to different departments."""
    vendor = store.vendor(source.supplier)
    begun = at or datetime.combine(source.order_date, time(8, dice.randrange(60), dice.randrange(60)), tzinfo=UTC)
    number = store.new_id("order")
    currency = store.currency(source.currency)
    made = Order(
        id=number,
        uuid=store.new_uuid("order", number),
        vendor=vendor,
        currency=currency,
        rate=currency.rate,
        date=begun,
        promise_date=begun + timedelta(days=21),
        last_modified=begun,
        lines=_lines(store, source),
        buyer=store.person(source.buyer),
        freight=Decimal(dice.choice((0, 0, 35, 120))),
    )
    store.orders[made.id] = made
    return made


def _lines(store: Store, source: PurchaseOrder) -> list[OrderLine]:
    company = company_of(store.world.supplier(source.supplier))
    made = []
    for place, row in enumerate(source.lines, start=1):
        budget = store.budget(store.account(row.account), store.department(row.cost_center, company=company))
        number = store.new_id("order line")
        made.append(OrderLine(number, place, row.description, row.part_no, row.unit, row.quantity, row.price, budget))
    return made
