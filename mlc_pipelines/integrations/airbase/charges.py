"""What is to be booked: an approved request or a payment, read through the pointers of the tenant. Pure functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.integrations.airbase.models import read_object
from mlc_pipelines.integrations.airbase.pointers import rows_at, text_at, value_at
from mlc_pipelines.integrations.airbase.settings import ChargePointers, LinePointers
from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.wire.rows import loosely

DAY = 10
"""Characters of a calendar date; what comes after it is a time without zone and not ours to shift."""

FINEST, WIDEST = 6, 11
"""Places after and, less one, before the point of an amount that is believed."""


@dataclass(frozen=True, slots=True)
class ChargeLine:
    """A coded amount; `account` is empty where nobody coded it. `tags` are pairs of type and value."""

    amount: Decimal
    account: str
    text: str
    tags: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Charge:
    """A request or a payment. What it does not say is empty; `currency_reference` is the ERP's code of the currency."""

    id: str
    number: str
    status: str
    kind: str
    subsidiary: str
    vendor: str
    vendor_id: str
    vendor_name: str
    currency: str
    currency_reference: str
    total: Decimal
    dated: date | None
    invoice_number: str
    bank_account: str
    ap_account: str
    erp_invoice: str
    lines: tuple[ChargeLine, ...]

    @property
    def has_vendor(self) -> bool:
        """Whether it names somebody who is paid; a reimbursement names an employee instead."""
        return bool(self.vendor or self.vendor_id or self.vendor_name)

    def what_matters(self) -> list[Any]:
        """Give what a voucher depends on. That a vendor is linked meanwhile is no change of the document."""
        lines = [[str(line.amount), line.account, line.text, line.tags] for line in self.lines]
        whom = self.vendor_id or self.vendor or self.vendor_name
        head = [self.kind, self.subsidiary, whom, self.currency, str(self.total), str(self.dated)]
        return [*head, self.invoice_number, self.bank_account, self.ap_account, self.erp_invoice, lines]


def charge_id(raw: bytes, fields: ChargePointers) -> str:
    """Name a document by its id; one that has none, or cannot be read, by its content."""
    try:
        document: Any = read_object(raw, "document")
    except RecordError:
        document = loosely(raw)
    return text_at(document, fields.id) or digest(raw)


def read_charge(raw: bytes, fields: ChargePointers) -> Charge:
    """Read a document; RecordError names the pointer at which something is missing or no amount."""
    document = read_object(raw, "document")
    named = text_at(document, fields.id)
    if not named:
        raise _unreadable("a document", fields.id, None, "has no id")
    total = _amount(document, fields.total, named)
    if fields.also_total is not None and value_at(document, fields.also_total) is not None:
        _agree(total, _amount(document, fields.also_total, named), named)
    return Charge(
        id=named,
        number=text_at(document, fields.number) or named,
        status=text_at(document, fields.status),
        kind=text_at(document, fields.kind),
        subsidiary=text_at(document, fields.subsidiary),
        vendor=text_at(document, fields.vendor),
        vendor_id=text_at(document, fields.vendor_id),
        vendor_name=text_at(document, fields.vendor_name),
        currency=text_at(document, fields.currency),
        currency_reference=text_at(document, fields.currency_reference),
        total=total,
        dated=_day(document, fields.dated, named),
        invoice_number=text_at(document, fields.invoice_number),
        bank_account=text_at(document, fields.bank_account),
        ap_account=text_at(document, fields.ap_account),
        erp_invoice=text_at(document, fields.erp_invoice),
        lines=tuple(_line(row, fields.line, named) for row in rows_at(document, fields.lines)),
    )


def _line(row: Any, fields: LinePointers, named: str) -> ChargeLine:
    tags = [(text_at(tag, fields.tag_type), text_at(tag, fields.tag_value)) for tag in rows_at(row, fields.tags)]
    return ChargeLine(
        amount=_amount(row, fields.amount, named),
        account=text_at(row, fields.account),
        text=text_at(row, fields.text),
        tags=tuple((kind, value) for kind, value in tags if kind and value),
    )


def _agree(total: Decimal, also: Decimal, named: str) -> None:
    if total != also:
        raise RecordError(
            f"{named} says {total} and {also} of its own total; correct it in Airbase", cause=Cause.AMOUNT_MISMATCH
        )


def _amount(document: Any, pointer: str, named: str) -> Decimal:
    """Read an amount: a decimal text (seen in public code); a number is taken as it was written."""
    found = value_at(document, pointer)
    if isinstance(found, bool) or not isinstance(found, str | int | Decimal):
        raise _unreadable(named, pointer, found, "is no amount")
    try:
        amount = Decimal(found)
    except InvalidOperation:
        raise _unreadable(named, pointer, found, "is no amount") from None
    exponent = amount.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -FINEST or amount.adjusted() > WIDEST:
        raise _unreadable(named, pointer, found, "is no amount of money")
    return amount


def _day(document: Any, pointer: str, named: str) -> date | None:
    text = text_at(document, pointer)
    if not text:
        return None
    try:
        return date.fromisoformat(text[:DAY])
    except ValueError:
        raise _unreadable(named, pointer, text, "is no date") from None


def _unreadable(named: str, pointer: str, value: object, what: str) -> RecordError:
    shown = "" if value is None or isinstance(value, Mapping | list) else f" {str(value)[:60]!r}"
    return RecordError(
        f"airbase: {named}: what stands at {pointer}{shown} {what}; compare the pointers of the connection file",
        cause=Cause.UNREADABLE,
    )
