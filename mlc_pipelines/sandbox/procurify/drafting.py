"""Bills as people enter them: drawn from a seed, within what somebody wished for."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from mlc_pipelines.sandbox.procurify.bill_records import (
    APPROVED,
    ORDER,
    Allocation,
    Bill,
    Cost,
    Line,
    shares,
    tax_of,
)
from mlc_pipelines.sandbox.procurify.record_rows import TERMS
from mlc_pipelines.sandbox.procurify.records import Budget, Order, Vendor
from mlc_pipelines.sandbox.procurify.store import Store
from mlc_pipelines.sandbox.world import CURRENCY_DIGITS
from mlc_pipelines.sandbox.world_data import COST_CENTERS, PURCHASES
from mlc_pipelines.sandbox.world_documents import VAT_PERCENT

SELLERS = {
    "EUR": ("S-1001", "S-1002", "S-1003", "S-1005", "S-1007", "S-1010", "S-1011"),
    "USD": ("S-2001", "S-2002", "S-2003", "S-2004", "S-2005"),
    "JPY": ("S-3001", "S-3002"),
}
HOMES = {"EUR": "10", "USD": "20", "JPY": "10"}
ORDER_SHARE = 0.3


@dataclass(frozen=True)
class Wish:
    """What a bill shall look like; None is drawn. `name` says why the sandbox has it."""

    name: str = ""
    status: int = APPROVED
    type: int = ORDER
    currency: str | None = None
    vendor: str | None = None
    number: str | None = None
    twin: str | None = None  # takes the invoice number and vendor of the bill of this name
    lines: int | None = None
    split: int | None = None  # allocations of each line; 0 is none
    amount: Decimal | None = None  # of a single line
    account: str | None = None
    tax: int | None = None
    inclusive: bool = False
    shipping: Decimal = Decimal(0)
    freight: Decimal = Decimal(0)
    approver: str | None = None  # "" is the system
    spans: bool = False  # the second allocation charges the other company
    invoice_date: datetime | None = None
    off_by: Decimal = Decimal(0)


def draft(store: Store, wish: Wish, *, dice: random.Random, at: datetime) -> Bill:
    """Add a draft entered at this time."""
    vendor = _vendor(store, wish, dice=dice)
    currency = wish.currency or vendor.currency.name
    number = store.new_id("bill")
    dated = wish.invoice_date or _midnight(store, at - timedelta(days=dice.randrange(1, 4)))
    days = next(row.days for row in store.world.terms if row.code == vendor.pay_term)
    made = Bill(
        id=number,
        uuid=store.new_uuid("bill", number),
        vendor=vendor,
        currency=store.currency(currency),
        type=wish.type,
        invoice_number=_number(store, wish, number=number, vendor=vendor),
        invoice_date=dated,
        due_date=dated + timedelta(days=days),
        gl_post_date=dated if number % 2 else None,
        payment_terms=TERMS[vendor.pay_term],
        creator=store.person("ANNLIN" if number % 2 else "MARKOV"),
        lines=[],
        last_modified=at,
        peculiarity=wish.name,
    )
    company = HOMES[currency]
    made.lines += _lines(store, wish, made, company=company, dice=dice)
    if wish.freight:
        budget = _budget(store, "4200", company=company, dice=dice)
        allocation = Allocation(store.new_id("allocation"), wish.freight, budget)
        made.costs.append(Cost(store.new_id("cost"), "Freight", wish.freight, allocation))
    made.editor = made.creator
    made.stated_total = made.sum_of_parts + wish.off_by if wish.off_by else None
    store.bills[made.id] = made
    return made


def _vendor(store: Store, wish: Wish, *, dice: random.Random) -> Vendor:
    if wish.twin:
        return store.peculiar(wish.twin).vendor
    return store.vendor(wish.vendor or dice.choice(SELLERS[wish.currency or "EUR"]))


def _number(store: Store, wish: Wish, *, number: int, vendor: Vendor) -> str:
    if wish.twin:
        return store.peculiar(wish.twin).invoice_number
    return f"{vendor.name[:2].upper()}-2026-{number - 4000}" if wish.number is None else wish.number


def _midnight(store: Store, moment: datetime) -> datetime:
    local = moment.astimezone(store.zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


def _lines(store: Store, wish: Wish, bill: Bill, *, company: str, dice: random.Random) -> list[Line]:
    single = wish.amount is not None or wish.account is not None
    count = wish.lines or (1 if single else dice.choice((1, 1, 2, 3)))
    percent = dice.choice(VAT_PERCENT[bill.currency.name]) if wish.tax is None else wish.tax
    order = _order(store, bill, dice=dice)
    return [
        _line(store, wish, bill, company=company, percent=percent, order=order, position=position, dice=dice)
        for position in range(count)
    ]


def _line(
    store: Store,
    wish: Wish,
    bill: Bill,
    *,
    company: str,
    percent: int,
    order: Order | None,
    position: int,
    dice: random.Random,
) -> Line:
    currency = bill.currency.name
    account, described = dice.choice(PURCHASES)
    quantity = Decimal(1) if wish.amount is not None else Decimal(dice.randrange(1, 12))
    price = _price(dice, currency=currency) if wish.amount is None else wish.amount
    amount = quantity * price
    matched = order.lines[position] if order and position < len(order.lines) else None
    if matched:
        matched.billed = min(matched.quantity, matched.billed + quantity)
    count = dice.choice((1, 1, 1, 2)) if wish.split is None else wish.split
    return Line(
        id=store.new_id("line"),
        description=matched.name if matched else described,
        quantity=quantity,
        unit_cost=price,
        amount=amount,
        allocations=_allocations(store, wish, amount, account=account, company=company, count=count, dice=dice),
        created_at=bill.last_modified,
        tax_percent=percent,
        tax=tax_of(amount, percent, inclusive=wish.inclusive, currency=currency),
        inclusive=wish.inclusive,
        shipping=wish.shipping if position == 0 else Decimal(0),
        order=order if matched else None,
        order_line=matched,
        received_on=bill.invoice_date if matched else None,
    )


def _allocations(
    store: Store, wish: Wish, amount: Decimal, *, account: str, company: str, count: int, dice: random.Random
) -> list[Allocation]:
    other = "20" if company == "10" else "10"
    made: list[Allocation] = []
    for place, share in enumerate(shares(amount, 2 if wish.spans else count) if count or wish.spans else []):
        home = other if wish.spans and place else company
        budget = _budget(store, wish.account or account, company=home, dice=dice)
        made.append(Allocation(store.new_id("allocation"), share, budget))
    return made


def _budget(store: Store, account: str, *, company: str, dice: random.Random) -> Budget:
    known = [code for code, _ in COST_CENTERS if code != "120"]
    return store.budget(store.account(account), store.department(dice.choice(known), company=company))


def _order(store: Store, bill: Bill, *, dice: random.Random) -> Order | None:
    own = [row for row in store.orders.values() if row.vendor is bill.vendor and row.currency is bill.currency]
    return dice.choice(own) if own and bill.type == ORDER and dice.random() < ORDER_SHARE else None


def _price(dice: random.Random, *, currency: str) -> Decimal:
    if CURRENCY_DIGITS[currency] == 0:
        return Decimal(dice.randrange(1_500, 90_000))
    return Decimal(dice.randrange(900, 64_000)).scaleb(-2)
