"""The manufacturer's documents: purchase orders and supplier invoices, drawn from a seed."""

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from mlc_pipelines.sandbox import world_data as data
from mlc_pipelines.sandbox.world_records import (
    AS_OF,
    CURRENCY_DIGITS,
    Invoice,
    InvoiceLine,
    OrderLine,
    PurchaseOrder,
    Supplier,
)

FIRST_INVOICE_ID = 48201
DAYS = 60
CREDIT_NOTE_EVERY = 25
CANCELLED_EVERY = 70
PRELIMINARY_EVERY = 22
UNMAPPED_SHARE = 0.05
ORDER_SHARE = 0.3
PROJECT_SHARE = 0.15
FULL_RATE_MANY = 2
ORDERS_PER_COMPANY = 8
RATES = {
    ("10", "EUR"): Decimal(1),
    ("10", "USD"): Decimal("0.9215"),
    ("10", "JPY"): Decimal("0.005946"),
    ("20", "USD"): Decimal(1),
    ("20", "EUR"): Decimal("1.0852"),
    ("20", "JPY"): Decimal("0.006453"),
}
VAT_PERCENT = {"EUR": (0, 19, 21, 21), "USD": (0, 0, 0, 7), "JPY": (10,)}


def company_of(supplier: Supplier) -> str:
    """Return the company that mostly buys from this supplier: dollars in the United States, the rest in Europe."""
    return "20" if supplier.currency == "USD" else "10"


def make_orders(suppliers: Sequence[Supplier], *, seed: int) -> tuple[PurchaseOrder, ...]:
    """Draw purchase orders with part and no-part lines for both companies."""
    dice = random.Random(f"orders {seed}")
    orders = []
    for company in ("10", "20"):
        sellers = [supplier for supplier in suppliers if company_of(supplier) == company]
        for number in range(ORDERS_PER_COMPANY):
            supplier = sellers[number % len(sellers)]
            orders.append(
                PurchaseOrder(
                    order_no=f"P{company}{4001 + number}",
                    company=company,
                    supplier=supplier.id,
                    order_date=date(2026, 8, 20) + timedelta(days=dice.randrange(70)),
                    state=dice.choice(("Released", "Confirmed", "Received", "Closed")),
                    site=dice.choice(data.PLANTS[company])[0],
                    buyer=dice.choice(("PRIRAO", "LUCMOR")),
                    currency=supplier.currency,
                    lines=tuple(_order_line(dice, row, currency=supplier.currency) for row in range(1, 4)),
                )
            )
    return tuple(orders)


def _order_line(dice: random.Random, row: int, *, currency: str) -> OrderLine:
    account, text = dice.choice(data.PURCHASES)
    is_part = row < FULL_RATE_MANY or dice.random() < 1 / FULL_RATE_MANY
    return OrderLine(
        line_no=str(row),
        release_no="1",
        part_no=f"PN-{dice.randrange(10000, 99999)}" if is_part else None,
        description=text,
        quantity=Decimal(dice.randrange(1, 200)),
        unit="pcs",
        price=_amount(dice, 5, 900, currency=currency),
        account=account,
        cost_center=dice.choice(data.COST_CENTERS)[0],
    )


def make_invoices(
    suppliers: Sequence[Supplier], orders: Sequence[PurchaseOrder], *, seed: int, count: int
) -> tuple[Invoice, ...]:
    """Draw invoices over the two months before the world's date; a longer list starts with the shorter one."""
    return tuple(_invoice(suppliers, orders, seed=seed, position=position) for position in range(count))


def _invoice(suppliers: Sequence[Supplier], orders: Sequence[PurchaseOrder], *, seed: int, position: int) -> Invoice:
    dice = random.Random(f"invoice {seed} {position}")
    supplier = suppliers[(position * 7 + dice.randrange(3)) % len(suppliers)]
    company = company_of(supplier)
    credit = position % CREDIT_NOTE_EVERY == CREDIT_NOTE_EVERY - 1
    invoice_date = AS_OF.date() - timedelta(days=dice.randrange(1, DAYS))
    lines = _lines(dice, supplier, company=company, credit=credit)
    net = sum((line.amount for line in lines), Decimal(0))
    percent = dice.choice(VAT_PERCENT[supplier.currency])
    term_days = next(days for code, _, days in data.TERMS if code == supplier.pay_term)
    own_orders = [order for order in orders if order.supplier == supplier.id and order.company == company]
    return Invoice(
        id=FIRST_INVOICE_ID + position,
        company=company,
        supplier=supplier.id,
        series="SI",
        number=f"{'CN' if credit else 'INV'}-{2600 + position // 3}",
        type="SUPPCREDIT" if credit else "SUPPINV",
        invoice_date=invoice_date,
        due_date=invoice_date + timedelta(days=term_days),
        pay_term=supplier.pay_term,
        currency=supplier.currency,
        rate=RATES[company, supplier.currency],
        net=net,
        vat=(net * percent / 100).quantize(_smallest(supplier.currency)),
        lines=lines,
        order_no=dice.choice(own_orders).order_no if own_orders and dice.random() < ORDER_SHARE else None,
        text=lines[0].text,
        state=_state(position),
        modified=_modified(dice, invoice_date),
    )


def _state(position: int) -> str:
    if position % CANCELLED_EVERY == CANCELLED_EVERY // 2:
        return "Cancelled"
    return "Preliminary" if position % PRELIMINARY_EVERY == PRELIMINARY_EVERY - 1 else "Balanced"


def _modified(dice: random.Random, invoice_date: date) -> datetime:
    entered = datetime(invoice_date.year, invoice_date.month, invoice_date.day, 6, tzinfo=AS_OF.tzinfo)
    span = int((AS_OF - entered).total_seconds())
    return entered + timedelta(seconds=dice.randrange(60, span))


def _lines(dice: random.Random, supplier: Supplier, *, company: str, credit: bool) -> tuple[InvoiceLine, ...]:
    lines = []
    for row in range(1, dice.choice((1, 1, 2, 2, 3, 4, 5)) + 1):
        account, text = dice.choice(data.PURCHASES)
        if dice.random() < UNMAPPED_SHARE:
            account, text = dice.choice(sorted(data.UNMAPPED_ACCOUNTS)), "Price difference"
        amount = _amount(dice, 20, 4800, currency=supplier.currency)
        lines.append(
            InvoiceLine(
                row=row,
                account=account,
                cost_center=dice.choice(data.COST_CENTERS)[0],
                plant=dice.choice(data.PLANTS[company])[0],
                project=dice.choice(data.PROJECTS)[0] if dice.random() < PROJECT_SHARE else None,
                amount=-amount if credit else amount,
                text=text,
            )
        )
    return tuple(lines)


def _smallest(currency: str) -> Decimal:
    return Decimal(1).scaleb(-CURRENCY_DIGITS[currency])


def _amount(dice: random.Random, low: int, high: int, *, currency: str) -> Decimal:
    if CURRENCY_DIGITS[currency] == 0:
        return Decimal(dice.randrange(low * 150, high * 150))
    return Decimal(dice.randrange(low * 100, high * 100)).scaleb(-2)
