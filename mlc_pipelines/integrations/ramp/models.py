"""Ramp's records in Ramp's words, as answers carry them; unknown fields and enum members pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Self

import msgspec

from mlc_pipelines.accounting.money import Money
from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.integrations.ramp.amounts import as_request
from mlc_pipelines.integrations.ramp.rows import (
    BILL,
    GL_FIELD,
    KNOWN,
    VENDOR,
    BillRow,
    BillVendorRow,
    LineRow,
    PaymentRow,
    SelectedRow,
    day,
    decode,
    moment,
)

__all__ = [
    "GL_FIELD", "AccountingConnection", "AccountingVendor", "Bill", "Business", "Entity", "Field", "GlAccount",
    "LineItem", "NewBill", "NewLine", "NewVendor", "Option", "Payment", "Subscription", "Vendor", "VendorContact",
]  # fmt: skip

MEMO_LENGTH = 1000


class AccountingConnection(msgspec.Struct, frozen=True):
    """A link between Ramp and a ledger; one is active at a time."""

    id: str
    remote_provider_name: str | None = None
    is_active: bool = True


class GlAccount(msgspec.Struct, frozen=True):
    """An account that lines can be coded to; `id` is ours, and missing for one made in Ramp."""

    ramp_id: str
    id: str | None = None
    name: str = ""
    code: str | None = None
    classification: str | None = None
    is_active: bool = True


class Field(msgspec.Struct, frozen=True):
    """A custom accounting field; `id` is ours."""

    ramp_id: str
    id: str | None = None
    name: str = ""
    is_active: bool = True


class Option(msgspec.Struct, frozen=True):
    """A value of a custom field; `id` is ours."""

    ramp_id: str
    id: str | None = None
    value: str = ""
    code: str | None = None
    is_active: bool = True
    visibility: str | None = None


class AccountingVendor(msgspec.Struct, frozen=True):
    """A vendor as the ledger side of Ramp knows it; `id` is ours."""

    ramp_id: str
    id: str | None = None
    name: str = ""
    code: str | None = None
    is_active: bool = True


class Entity(msgspec.Struct, frozen=True):
    """A legal entity of the business."""

    id: str
    entity_name: str = ""
    currency: str | None = None
    is_primary: bool = False


class Business(msgspec.Struct, frozen=True):
    """The Ramp account as a whole; webhooks name its id."""

    id: str
    business_name_legal: str | None = None


class VendorContact(msgspec.Struct, frozen=True):
    """A person at a vendor."""

    id: str
    is_default: bool = False


class Subscription(msgspec.Struct, frozen=True):
    """A webhook subscription; Ramp shows the secret once, when it is made, and never here."""

    id: str
    endpoint_url: str
    event_types: tuple[str, ...] = ()
    status: str = ""


@dataclass(frozen=True, slots=True)
class Vendor:
    """A spend vendor: whom bills are paid to. `raw` is the row as Ramp sent it."""

    id: str
    name: str | None
    country: str | None
    state: str | None
    is_active: bool
    external_vendor_id: str | None
    accounting_vendor_remote_id: str | None
    created_at: datetime | None
    raw: bytes

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a vendor row."""
        row = decode(raw, VENDOR, "vendor")
        try:
            created = moment(row.created_at, "created_at")
        except ValueError as error:
            raise RecordError(f"ramp: vendor {row.id}: {error}", cause=Cause.UNREADABLE) from error
        return cls(
            id=row.id,
            name=row.name,
            country=row.country,
            state=row.state,
            is_active=row.is_active,
            external_vendor_id=row.external_vendor_id or None,
            accounting_vendor_remote_id=row.accounting_vendor_remote_id or None,
            created_at=created,
            raw=raw,
        )


@dataclass(frozen=True, slots=True)
class NewVendor:
    """What we say of a vendor when we make or change it."""

    name: str
    country: str
    email: str
    state: str | None = None
    phone: str | None = None
    address: str | None = None
    city: str | None = None
    zip_code: str | None = None
    external_vendor_id: str | None = None
    accounting_vendor_remote_id: str | None = None

    def to_create(self, *, owner: str | None = None) -> dict[str, Any]:
        """Make the body that creates it; the contact is one object in spite of its name (seen in public code)."""
        contact = _given(email=self.email, phone=self.phone)
        return {"name": self.name, **self._both(), "business_vendor_contacts": contact, **_given(vendor_owner_id=owner)}

    def to_change(self) -> dict[str, Any]:
        """Make the body that changes it; the name is called `description` there (documented)."""
        return {"description": self.name, **self._both()}

    def _both(self) -> dict[str, Any]:
        return _given(
            country=self.country,
            state=self.state,
            address=self._address(),
            external_vendor_id=self.external_vendor_id,
            accounting_vendor_remote_id=self.accounting_vendor_remote_id,
        )

    def _address(self) -> dict[str, Any] | None:
        """Give the address if it has all that Ramp demands of one."""
        if not (self.address and self.city and self.zip_code):
            return None
        found = _given(state=self.state, country=self.country)
        return {"address_line_1": self.address, "city": self.city, "postal_code": self.zip_code, **found}


@dataclass(frozen=True, slots=True)
class NewLine:
    """One line of a bill to be made, with pairs of our field id and our option id."""

    amount: Money
    memo: str
    selections: tuple[tuple[str, str], ...]

    def to_request(self) -> dict[str, Any]:
        """Make the line's part of a body."""
        coded = [{"field_external_id": field, "field_option_external_id": option} for field, option in self.selections]
        return {"amount": as_request(self.amount), "memo": self.memo or None, "accounting_field_selections": coded}


@dataclass(frozen=True, slots=True)
class NewBill:
    """What we say of a bill when we make or change it; Ramp adds up the lines."""

    vendor_id: str
    entity_id: str
    invoice_number: str
    currency: str
    issued_at: date
    due_at: date
    remote_id: str
    memo: str
    lines: tuple[NewLine, ...]

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any], *, remote_id: str) -> Self:
        """Read a bill back from what translation wrote down."""
        currency = payload["currency"]
        try:
            lines = tuple(_new_line(line, currency) for line in payload["lines"])
        except (InvalidOperation, ValueError) as error:
            raise RecordError(f"ramp: bill {remote_id}: {error}", cause=Cause.AMOUNT_INEXACT) from error
        return cls(
            vendor_id=payload["vendor_id"],
            entity_id=payload["entity_id"],
            invoice_number=payload["invoice_number"],
            currency=currency,
            issued_at=date.fromisoformat(payload["issued_at"]),
            due_at=date.fromisoformat(payload["due_at"]),
            remote_id=remote_id,
            memo=payload["memo"],
            lines=lines,
        )

    def total(self) -> Money:
        """Add up the lines."""
        return Money(sum((line.amount.amount for line in self.lines), Decimal(0)), self.currency)

    def to_create(self) -> dict[str, Any]:
        """Make the body that creates a bill or a draft, without what concerns its payment."""
        return {**self.to_change(), "invoice_currency": self.currency}

    def to_change(self) -> dict[str, Any]:
        """Make the body that changes one; the lines given replace the old ones whole (documented)."""
        return {
            "vendor_id": self.vendor_id,
            "entity_id": self.entity_id,
            "invoice_number": self.invoice_number,
            "issued_at": self.issued_at.isoformat(),
            "due_at": self.due_at.isoformat(),
            "remote_id": self.remote_id,
            "memo": self.memo[:MEMO_LENGTH] or None,
            "line_items": [line.to_request() for line in self.lines],
        }


def _new_line(line: Mapping[str, Any], currency: str) -> NewLine:
    money = Money(Decimal(line["amount"]), currency)
    money.to_minor_units()
    return NewLine(money, line["memo"], tuple((field, option) for field, option in line["selections"]))


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


@dataclass(frozen=True, slots=True)
class LineItem:
    """One line of a bill."""

    amount: Money
    memo: str | None
    selections: tuple[tuple[str, str], ...]

    def codings(self) -> list[list[str]]:
        """Give pairs of field id and option id, ours both; the GL account's field is `Category`."""
        return [list(pair) for pair in self.selections]


@dataclass(frozen=True, slots=True)
class Payment:
    """How a bill is or will be paid."""

    method: str | None
    amount: Money | None
    paid_on: date | None
    reference: str | None


@dataclass(frozen=True, slots=True)
class Bill:
    """A bill, or a draft of one (`status` DRAFT). `raw` is the row as Ramp sent it.

    In a list, a bill that cannot be read is not left out: it has a `problem`, and asking for its amount raises it.
    """

    id: str
    raw: bytes
    status: str | None = None
    approval_status: str | None = None
    sync_status: str | None = None
    status_summary: str | None = None
    vendor_id: str | None = None
    vendor_name: str | None = None
    entity_id: str | None = None
    invoice_number: str | None = None
    remote_id: str | None = None
    draft_bill_id: str | None = None
    total: Money | None = None
    line_items: tuple[LineItem, ...] = ()
    issued_at: date | None = None
    due_at: date | None = None
    posting_date: date | None = None
    paid_at: datetime | None = None
    created_at: datetime | None = None
    archived_at: datetime | None = None
    memo: str | None = None
    payment: Payment | None = None
    problem: str | None = None

    @property
    def amount(self) -> Money:
        """Its total; RecordError when it has none or the bill cannot be read."""
        if self.total is None:
            raise RecordError(self.problem or f"ramp: bill {self.id} has no amount", cause=Cause.UNREADABLE)
        return self.total

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a row of bills or drafts; RecordError names what cannot be read."""
        row = decode(raw, BILL, "bill")
        try:
            return cls._of(row, raw)
        except ValueError as error:
            raise RecordError(f"ramp: bill {row.id}: {error}", cause=Cause.UNREADABLE) from error

    @classmethod
    def listed(cls, raw: bytes) -> Self:
        """Read a row of a list: one that cannot be read is named and carries its problem."""
        try:
            return cls.parse(raw)
        except RecordError as error:
            known = decode(raw, KNOWN, "bill")
            statuses = (known.status, known.approval_status, known.sync_status)
            return cls(known.id, raw, *statuses, remote_id=known.remote_id or None, problem=str(error))

    @classmethod
    def _of(cls, row: BillRow, raw: bytes) -> Self:
        vendor = row.vendor or BillVendorRow()
        return cls(
            id=row.id,
            raw=raw,
            status=row.status,
            approval_status=row.approval_status,
            sync_status=row.sync_status,
            status_summary=row.status_summary,
            vendor_id=vendor.id,
            vendor_name=vendor.name,
            entity_id=row.entity_id,
            invoice_number=row.invoice_number,
            remote_id=row.remote_id or None,
            draft_bill_id=row.draft_bill_id or None,
            total=row.amount.money() if row.amount else None,
            line_items=tuple(_line(line, row.accounting_field_selections or ()) for line in row.line_items or ()),
            issued_at=day(row.issued_at, "issued_at"),
            due_at=day(row.due_at, "due_at"),
            posting_date=day(row.posting_date, "posting_date"),
            paid_at=moment(row.paid_at, "paid_at"),
            created_at=moment(row.created_at, "created_at"),
            archived_at=moment(row.archived_at, "archived_at"),
            memo=row.memo,
            payment=_payment(row.payment) if row.payment else None,
        )


def _line(line: LineRow, header: Sequence[SelectedRow]) -> LineItem:
    """Read a line; a coding of the header holds for lines that have none for its field."""
    found: dict[str, str] = {}
    for selected in [*(line.accounting_field_selections or ()), *header]:
        coding = selected.coding()
        if coding is not None:
            found.setdefault(*coding)
    return LineItem(line.amount.money(), line.memo, tuple(sorted(found.items())))


def _payment(row: PaymentRow) -> Payment:
    return Payment(
        method=row.payment_method,
        amount=row.amount.money() if row.amount else None,
        paid_on=day(row.effective_date or row.payment_date, "payment_date"),
        reference=row.customer_friendly_payment_id or row.id,
    )
