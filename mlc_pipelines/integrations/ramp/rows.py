"""Rows as Ramp's answers carry them, and how their texts are read."""

from datetime import date, datetime
from typing import Any, TypeVar

import msgspec

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.integrations.ramp.amounts import Amount
from mlc_pipelines.wire.bodies import BROKEN
from mlc_pipelines.wire.moments import instant

GL_FIELD = "Category"
"""External id of Ramp's own field for the GL account (seen in public code; it is not among the custom fields)."""

GL_KIND = "GL_ACCOUNT"
T = TypeVar("T")


class VendorRow(msgspec.Struct):
    """A vendor."""

    id: str
    name: str | None = None
    country: str | None = None
    state: str | None = None
    is_active: bool = True
    external_vendor_id: str | None = None
    accounting_vendor_remote_id: str | None = None
    created_at: str | None = None


class SelectedRow(msgspec.Struct):
    """One coding: the option under our id, the kind at `category_info.type` (documented)."""

    external_id: str | None = None
    name: str | None = None
    category_info: dict[str, Any] = {}

    def coding(self) -> list[str] | None:
        """Give field id and option id, ours both; fields of ours come back as OTHER (seen in public code)."""
        info = self.category_info
        field = GL_FIELD if info.get("type") == GL_KIND else info.get("external_id")
        option = self.external_id or self.name
        return [str(field), option] if field and option else None


class LineRow(msgspec.Struct):
    """A line of a bill."""

    amount: Amount
    memo: str | None = None
    accounting_field_selections: list[SelectedRow] | None = None


class PaymentRow(msgspec.Struct):
    """How a bill is paid."""

    id: str | None = None
    payment_method: str | None = None
    amount: Amount | None = None
    payment_date: str | None = None
    effective_date: str | None = None
    customer_friendly_payment_id: str | None = None


class BillVendorRow(msgspec.Struct):
    """The vendor, as a bill names it."""

    id: str | None = None
    name: str | None = None


class KnownRow(msgspec.Struct):
    """What must be readable for a bill to be named at all."""

    id: str
    status: str | None = None
    approval_status: str | None = None
    sync_status: str | None = None
    remote_id: str | None = None


class BillRow(KnownRow):
    """A bill or a draft; both have what the other lacks as null or not at all."""

    vendor: BillVendorRow | None = None
    entity_id: str | None = None
    invoice_number: str | None = None
    draft_bill_id: str | None = None
    amount: Amount | None = None
    line_items: list[LineRow] | None = None
    accounting_field_selections: list[SelectedRow] | None = None
    issued_at: str | None = None
    due_at: str | None = None
    posting_date: str | None = None
    paid_at: str | None = None
    created_at: str | None = None
    archived_at: str | None = None
    memo: str | None = None
    status_summary: str | None = None
    payment: PaymentRow | None = None


VENDOR = msgspec.json.Decoder(VendorRow)
BILL = msgspec.json.Decoder(BillRow)
KNOWN = msgspec.json.Decoder(KnownRow)


def decode(raw: bytes, decoder: msgspec.json.Decoder[T], what: str) -> T:
    """Read JSON into a record; RecordError names the attribute that does not fit."""
    try:
        return decoder.decode(raw)
    except BROKEN as error:
        raise RecordError(f"ramp: a {what} cannot be read: {error}", cause=Cause.UNREADABLE) from error


def moment(text: str | None, name: str) -> datetime | None:
    """Read a date-time; without offset it is UTC (documented)."""
    if not text:
        return None
    try:
        return instant(text)
    except ValueError as error:
        raise ValueError(f"{name} is {text!r}, no date-time") from error


def day(text: str | None, name: str) -> date | None:
    """Read a plain date, which answers write as a date-time (documented)."""
    read = moment(text, name)
    return read.date() if read else None
