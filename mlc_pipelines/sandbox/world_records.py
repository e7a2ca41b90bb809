"""The records of the made-up manufacturer: what is known about companies, suppliers, invoices and orders."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

AS_OF = datetime(2026, 11, 15, 18, 0, tzinfo=UTC)
CURRENCY_DIGITS: Mapping[str, int] = {"EUR": 2, "USD": 2, "JPY": 0}


@dataclass(frozen=True)
class Company:
    """One set of legal books."""

    code: str
    name: str
    currency: str
    country: str


@dataclass(frozen=True)
class Account:
    """A value of code part A in one company; kind is asset, liability, revenue or cost."""

    company: str
    code: str
    description: str
    kind: str
    valid_from: date
    valid_until: date


@dataclass(frozen=True)
class CodePartValue:
    """A value of code part B (cost center), C (plant) or D (project) in one company."""

    company: str
    part: str
    code: str
    description: str
    valid_from: date
    valid_until: date


@dataclass(frozen=True)
class PaymentTerm:
    """When a supplier of one company is paid."""

    company: str
    code: str
    description: str
    days: int


@dataclass(frozen=True)
class Supplier:
    """Whom the manufacturer owes; some lack an e-mail address, one lacks a country."""

    id: str
    name: str
    country: str | None
    currency: str
    language: str
    address: str
    city: str
    state: str | None
    zip_code: str
    tax_id: str
    phone: str
    email: str | None
    pay_term: str
    modified: datetime


@dataclass(frozen=True)
class InvoiceLine:
    """One posting line: an amount on a code string."""

    row: int
    account: str
    cost_center: str
    plant: str
    project: str | None
    amount: Decimal
    text: str


@dataclass(frozen=True)
class Invoice:
    """A supplier invoice as its posting proposal shows it; credit notes are negative throughout."""

    id: int
    company: str
    supplier: str
    series: str
    number: str
    type: str
    invoice_date: date
    due_date: date
    pay_term: str
    currency: str
    rate: Decimal
    net: Decimal
    vat: Decimal
    lines: tuple[InvoiceLine, ...]
    order_no: str | None
    text: str
    state: str
    modified: datetime


@dataclass(frozen=True)
class OrderLine:
    """A line of a purchase order; part_no is missing on no-part lines."""

    line_no: str
    release_no: str
    part_no: str | None
    description: str
    quantity: Decimal
    unit: str
    price: Decimal
    account: str
    cost_center: str


@dataclass(frozen=True)
class PurchaseOrder:
    """What was ordered from a supplier."""

    order_no: str
    company: str
    supplier: str
    order_date: date
    state: str
    site: str
    buyer: str
    currency: str
    lines: tuple[OrderLine, ...]


@dataclass(frozen=True)
class User:
    """A person of the manufacturer."""

    id: str
    name: str
    email: str
    role: str
