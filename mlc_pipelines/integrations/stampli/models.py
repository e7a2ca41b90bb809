"""Stampli's records, read from a file's texts: typed, exact, or refused with the field and the reason."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TypeVar

from mlc_pipelines.accounting.money import places
from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import fingerprint
from mlc_pipelines.integrations.stampli.feeds import DocumentType, Feed, InvoiceFeed, Status
from mlc_pipelines.integrations.stampli.fields import DIMENSION
from mlc_pipelines.integrations.stampli.raw import RawRecord, shown
from mlc_pipelines.integrations.stampli.values import UnreadableValueError, amount, bounded, code, day, normalised

T = TypeVar("T")
_KEYED = ("document_type", "vendor_name", "currency", "status", "payment_terms")
_REFERENCE_SIGNS = 20


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line: where an amount lands. `parts` are further code parts by letter."""

    gl_account: str
    amount: Decimal
    line_no: str
    cost_center: str | None = None
    description: str | None = None
    parts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Invoice:
    """One invoice of Stampli; a credit's amounts are below zero. `status_word` is as the file has it."""

    key: str
    company: str
    number: str
    document_type: DocumentType
    vendor_id: str | None
    vendor_name: str | None
    invoice_date: date
    currency: str
    total: Decimal
    status_word: str
    tax: Decimal = Decimal(0)
    freight: Decimal = Decimal(0)
    due_date: date | None = None
    gl_date: date | None = None
    po_number: str | None = None
    payment_terms: str | None = None
    lines: tuple[InvoiceLine, ...] = ()

    @property
    def posted_on(self) -> date:
        """The day it is booked on."""
        return self.gl_date or self.invoice_date

    def content_hash(self) -> str:
        """Hash what would be posted: money, dates, vendor, currency, lines; not status, approver or file."""
        lines = sorted(
            [line.gl_account, line.cost_center or "", sorted(line.parts.items()), _plain(line.amount)]
            for line in self.lines
        )
        dates = [str(self.invoice_date), str(self.due_date), str(self.gl_date)]
        money = [_plain(self.total), _plain(self.tax), _plain(self.freight)]
        vendor = [normalised(self.vendor_id or ""), normalised(self.vendor_name or "") if not self.vendor_id else ""]
        return fingerprint([self.company, vendor, self.currency, dates, money, lines])


@dataclass(frozen=True, slots=True)
class Vendor:
    """One vendor of Stampli's list."""

    id: str
    name: str
    country: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Order:
    """One purchase order of Stampli's list, for reference."""

    company: str
    number: str
    details: Mapping[str, str] = field(default_factory=dict)
    lines: tuple[Mapping[str, str], ...] = ()


def key_of(*parts: str) -> str:
    """Join the parts of a key; a `^` inside a part cannot be taken for the one between parts."""
    return "^".join(normalised(part).replace("%", "%25").replace("^", "%5E") for part in parts)


def reference_of(key: str) -> str:
    """Give the reference by which IFS knows a record: the first 20 hex digits of its key's hash."""
    return hashlib.sha256(key.encode()).hexdigest()[:_REFERENCE_SIGNS]


def document_type(word: str | None, feed: InvoiceFeed) -> DocumentType | None:
    """Translate the word for invoice or credit; no word is an invoice, None for an unknown one."""
    return "INVOICE" if not word else _by_word(word, feed.document_types)


def status_of(word: str, feed: InvoiceFeed) -> Status | None:
    """Translate a status word; None for an unknown one."""
    return _by_word(word, feed.status_map)


def _by_word(word: str, table: Mapping[str, T]) -> T | None:
    return {normalised(name): value for name, value in table.items()}.get(normalised(word))


def invoice_key(raw: RawRecord, feed: InvoiceFeed) -> str | None:
    """Name an invoice: company, vendor, number and type; None when number or vendor is missing."""
    number, vendor = raw.get("invoice_number"), raw.get("vendor_id") or raw.get("vendor_name")
    if not number or not vendor:
        return None
    word = raw.get("document_type")
    return key_of(raw.get("company") or "", vendor, number, document_type(word, feed) or word or "")


def read_invoice(raw: RawRecord, feed: InvoiceFeed) -> Invoice:
    """Read an invoice; RecordError names rows, field and value of what cannot be understood."""
    return _told(raw, lambda: _invoice(raw, feed))


def read_vendor(raw: RawRecord, feed: Feed) -> Vendor:
    """Read a vendor."""

    def read() -> Vendor:
        name = _must(raw, "vendor_name")
        country = raw.get("country")
        details = {name: text for name, text in sorted(raw.fields.items()) if name != "exported_at"}
        return Vendor(_code(raw, "vendor_id"), name, country.upper() if country else None, details)

    return _told(raw, read)


def read_order(raw: RawRecord, feed: Feed) -> Order:
    """Read a purchase order."""

    def read() -> Order:
        details = {name: text for name, text in sorted(raw.fields.items()) if name != "exported_at"}
        return Order(raw.get("company") or "", _code(raw, "po_number"), details, raw.lines)

    return _told(raw, read)


def _told(raw: RawRecord, read: Callable[[], T]) -> T:
    if raw.problem:
        raise RecordError(f"stampli: {raw.problem}", cause=Cause.UNREADABLE)
    try:
        for name in _KEYED:
            bounded(raw.get(name) or "", name)
        return read()
    except UnreadableValueError as error:
        raise RecordError(f"stampli: {shown(raw.rows)}: {error}", cause=Cause.UNREADABLE) from error


def _invoice(raw: RawRecord, feed: InvoiceFeed) -> Invoice:
    word = raw.get("document_type")
    kind = document_type(word, feed)
    if kind is None:
        raise UnreadableValueError(f"document_type is {word!r}; add the word to document_types")
    currency = _must(raw, "currency").upper()
    try:
        places(currency)
    except ValueError as error:
        raise UnreadableValueError(str(error)) from error
    vendor_id = _code(raw, "vendor_id") if raw.get("vendor_id") else None
    if vendor_id is None:
        _must(raw, "vendor_name")
    total = _amount(raw.fields, "total_amount", feed)
    # A credit's amounts are below zero, whichever way the file writes them.
    turn = Decimal(-1) if kind == "CREDIT" and total > 0 else Decimal(1)
    return Invoice(
        key=invoice_key(raw, feed) or "",
        company=_code(raw, "company"),
        number=_code(raw, "invoice_number"),
        document_type=kind,
        vendor_id=vendor_id,
        vendor_name=raw.get("vendor_name"),
        invoice_date=day(_must(raw, "invoice_date"), "invoice_date", feed.values),
        currency=currency,
        total=turn * total,
        status_word=_must(raw, "status"),
        tax=turn * _amount(raw.fields, "tax_amount", feed, must=False),
        freight=turn * _amount(raw.fields, "freight_amount", feed, must=False),
        due_date=_day(raw, "due_date", feed),
        gl_date=_day(raw, "gl_date", feed),
        po_number=_code(raw, "po_number") if raw.get("po_number") else None,
        payment_terms=raw.get("payment_terms"),
        lines=tuple(_line(line, number, turn, feed) for number, line in enumerate(raw.lines, start=1)),
    )


def _line(line: Mapping[str, str], number: int, turn: Decimal, feed: Feed) -> InvoiceLine:
    where = line.get("line_no", str(number))
    if "gl_account" not in line:
        raise UnreadableValueError(f"line {where} has no gl_account")
    cost_center = line.get("cost_center")
    parts = {
        name.removeprefix(DIMENSION): code(text, name) for name, text in line.items() if name.startswith(DIMENSION)
    }
    return InvoiceLine(
        gl_account=code(line["gl_account"], f"gl_account of line {where}"),
        amount=turn * _amount(line, "amount", feed),
        line_no=where,
        cost_center=code(cost_center, f"cost_center of line {where}") if cost_center else None,
        description=line.get("description"),
        parts=parts,
    )


def _must(raw: RawRecord, name: str) -> str:
    text = raw.get(name)
    if not text:
        raise UnreadableValueError(f"{name} is missing")
    return text


def _code(raw: RawRecord, name: str) -> str:
    return code(_must(raw, name), name)


def _day(raw: RawRecord, name: str, feed: Feed) -> date | None:
    text = raw.get(name)
    return day(text, name, feed.values) if text else None


def _amount(texts: Mapping[str, str], name: str, feed: Feed, *, must: bool = True) -> Decimal:
    text = texts.get(name)
    if text is None and must:
        raise UnreadableValueError(f"{name} is missing")
    return amount(text, name, feed.values) if text is not None else Decimal(0)


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}" if value else "0"
