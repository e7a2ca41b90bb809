"""What is in Stampli on the first day: invoices of every kind, drawn from the world's suppliers and a seed."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from mlc_pipelines.sandbox.stampli.records import (
    APPROVED,
    CANCELLED,
    CREDIT,
    INVOICE,
    PAID,
    PENDING,
    REJECTED,
    Invoice,
    Line,
)
from mlc_pipelines.sandbox.world import CURRENCY_DIGITS, Supplier, World

TERMS = {"0": "Due on receipt", "14": "Net 14", "30": "Net 30", "45": "Net 45"}
COMPANY = {"USD": "20", "EUR": "10", "JPY": "10"}
TAX_PERCENT = {"EUR": (0, 19, 21), "USD": (0, 0, 7), "JPY": (10,)}
TWINS = (14, 15)  # the same number from two vendors
UNMAPPED_AT = 11
UNKNOWN_AT = frozenset({7, 20, 33})
BY_NAME_ONLY = frozenset({3, 13, 23, 43, 53, 63})  # Stampli has no id of the vendor
CREDIT_EVERY = 8
FREIGHT_EVERY = 4
ORDER_SHARE = 0.5
FORMS = ("RE-{0}", "2026-{0:06}", "{0:08}", "F2026/{0}")
TEXTS = ('Service, "zone 2"', "Parts; see delivery note", "Repair\nsecond visit", "Gehäuse, groß")


@dataclass(frozen=True)
class Vendor:
    """Whom an invoice is from, as Stampli knows it; `id` is empty where nobody has entered one."""

    id: str
    name: str
    currency: str
    pay_term: str


UNKNOWN_VENDORS = (
    Vendor("S-7701", "Brandt & Lauterbach Messtechnik GmbH", "EUR", "30"),
    Vendor("", "Ohio Valley Calibration LLC", "USD", "14"),
)


def make_invoices(world: World, *, seed: int, count: int) -> list[Invoice]:
    """Draw invoices; a longer list starts with the shorter one."""
    return [_invoice(world, seed=seed, position=position) for position in range(count)]


def _invoice(world: World, *, seed: int, position: int) -> Invoice:
    dice = random.Random(f"stampli {seed} {position}")
    supplier = world.suppliers[(position * 7 + dice.randrange(3)) % len(world.suppliers)]
    if position in TWINS:
        supplier = world.suppliers[position - TWINS[0]]
    vendor = _vendor(supplier, position=position)
    credit = position % CREDIT_EVERY == CREDIT_EVERY - 3
    company = COMPANY[vendor.currency]
    sign = -1 if credit else 1
    lines = _lines(dice, world, vendor, position=position, sign=sign)
    net = sum((line.amount for line in lines), Decimal(0))
    day = world.as_of.date() - timedelta(days=dice.randrange(1, 55))
    days = next(term.days for term in world.terms if term.code == vendor.pay_term)
    orders = [order.order_no for order in world.orders if order.supplier == vendor.id and order.company == company]
    made = Invoice(
        id=f"ST{900100 + position * 7}",
        company=company,
        number=_number(position),
        type=CREDIT if credit else INVOICE,
        vendor_id=vendor.id,
        vendor_name=vendor.name,
        invoice_date=day,
        due_date=day + timedelta(days=days),
        gl_date=day if position % 3 == 0 else None,
        currency=vendor.currency,
        tax=_rounded(net * dice.choice(TAX_PERCENT[vendor.currency]) / 100, vendor.currency),
        freight=_rounded(sign * Decimal(dice.randrange(900, 9000)) / 100, vendor.currency)
        if position % FREIGHT_EVERY == 1
        else Decimal(0),
        lines=lines,
        status=_status(position),
        po_number=orders[0] if orders and dice.random() < ORDER_SHARE else "",
        payment_terms=TERMS[vendor.pay_term],
    )
    if made.status in (APPROVED, PAID):
        made.approved_by = dice.choice([user.email for user in world.users])
        made.approved_at = approval_time(day)
    return made


def approval_time(day: date) -> datetime:
    """Give the afternoon after a day."""
    return datetime(day.year, day.month, day.day, 14, 30, tzinfo=UTC) + timedelta(days=1)


def _vendor(supplier: Supplier, *, position: int) -> Vendor:
    if position in UNKNOWN_AT:
        return UNKNOWN_VENDORS[0 if position != max(UNKNOWN_AT) else 1]
    by_name = position in BY_NAME_ONLY
    return Vendor("" if by_name else supplier.id, supplier.name, supplier.currency, supplier.pay_term)


def _number(position: int) -> str:
    if position in TWINS:
        return "INV-2026-100"
    return FORMS[position % len(FORMS)].format(40210 + position)


def _status(position: int) -> str:
    kinds = {4: PENDING, 12: PENDING, 22: PENDING, 9: PAID, 18: PAID, 27: PAID, 16: REJECTED, 31: CANCELLED}
    return kinds.get(position % 40, APPROVED)


def _lines(dice: random.Random, world: World, vendor: Vendor, *, position: int, sign: int) -> list[Line]:
    company = COMPANY[vendor.currency]
    accounts = [
        account
        for account in world.accounts
        if account.company == company
        and account.kind == "cost"
        and account.valid_until >= world.as_of.date()
        and account.code not in world.unmapped_accounts
    ]
    centers = [part.code for part in world.code_parts if part.company == company and part.part == "B"]
    lines = []
    for no in range(1, dice.choice((1, 1, 2, 2, 3, 4)) + 1):
        account = dice.choice(accounts)
        text = dice.choice(TEXTS) if dice.random() < 1 / 8 else account.description
        cents = Decimal(dice.randrange(2000, 480000))
        amount = _rounded(cents if CURRENCY_DIGITS[vendor.currency] == 0 else cents / 100, vendor.currency)
        lines.append(Line(no, account.code, dice.choice(centers), sign * amount, text))
    if position == UNMAPPED_AT:
        lines[0].account = min(world.unmapped_accounts)
        lines[0].description = "Price difference"
    return lines


def _rounded(amount: Decimal, currency: str) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-CURRENCY_DIGITS[currency])) + 0  # never -0.00
