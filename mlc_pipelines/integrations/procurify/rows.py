"""Rows as Procurify's answers carry them; unknown fields pass, and every field but the key may be missing."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from mlc_pipelines.wire.moments import instant

Text = str | int | None


class BranchRow(msgspec.Struct):
    """A location, as a department names it."""

    id: int | None = None
    name: str | None = None
    external_id: Text = None


class DepartmentRow(msgspec.Struct):
    """A department with its location."""

    id: int | None = None
    name: str | None = None
    external_id: Text = None
    branch: BranchRow | int | None = None


class AccountCodeRow(msgspec.Struct):
    """A GL account; a parent groups others and is not charged."""

    id: int | None = None
    parent: int | None = None
    code: str | None = None
    description: str | None = None
    active: bool | None = None


class BudgetRow(msgspec.Struct):
    """An account in a department; the same pair comes once per period (documented)."""

    account_code: AccountCodeRow | None = None
    department: DepartmentRow | None = None


class AllocationRow(msgspec.Struct):
    """A share of a line; text with up to eight places (documented)."""

    amount: Decimal | None = None
    budget: BudgetRow | None = None


class OrderNameRow(msgspec.Struct):
    """An order, as a bill or its line names it."""

    number: Text = None


class LineRow(msgspec.Struct):
    """A line of a bill."""

    description: str | None = None
    tax_name: str | None = None
    tax_amount: Decimal | None = None
    tax_is_inclusive: bool | None = None
    shipping_amount: Decimal | None = None
    total_cost: Decimal | None = None
    po: OrderNameRow | None = None
    cost_allocations: list[AllocationRow] | None = None
    archived: bool | None = None


class CostRow(msgspec.Struct):
    """Freight or a fee of the whole bill."""

    name: str | None = None
    amount: Decimal | None = None
    cost_allocation: AllocationRow | None = None


class UserRow(msgspec.Struct):
    """Who did something, with the department of that person."""

    department: DepartmentRow | None = None


class StatusRow(msgspec.Struct):
    """When a bill came into a status."""

    status: int | None = None
    date: str | None = None
    user: UserRow | None = None


class VendorRow(msgspec.Struct):
    """A vendor; the currency is an id, the country free text (documented)."""

    id: int
    name: str | None = None
    external_id: Text = None
    active: bool | None = None
    type: Text = None
    email: list[str] | str | None = None
    address: str | None = msgspec.field(name="addressLineOne", default=None)
    city: str | None = None
    state: str | None = msgspec.field(name="state_province", default=None)
    zip_code: str | None = msgspec.field(name="postalCode", default=None)
    country: str | None = None
    phone: str | None = msgspec.field(name="phoneOne", default=None)
    currency: int | None = None


class VendorNameRow(msgspec.Struct):
    """The vendor, as a bill or an order names it."""

    id: int | None = None
    name: str | None = None


class CurrencyRow(msgspec.Struct):
    """A currency; its code is its name (documented)."""

    id: int | None = None
    name: str | None = None


class ListedRow(msgspec.Struct):
    """A row of the bill list: an index only, for it has no lines and its amounts are floats (documented)."""

    id: int
    uuid: str | None = None
    version: int | None = None
    last_modified_datetime: str | None = None
    last_export_date: str | None = None
    invoice_number: str | None = None


class BillRow(msgspec.Struct):
    """A bill in full."""

    id: int
    uuid: str | None = None
    status: int | None = None
    type: int | None = None
    version: int | None = None
    active: bool | None = None
    vendor: VendorNameRow | None = None
    vendor_name: str | None = None
    currency: CurrencyRow | None = None
    invoice_number: str | None = None
    invoice_date: str | None = None
    due_date: str | None = None
    gl_post_date: str | None = None
    payment_terms: str | None = None
    total_cost_with_tax: Decimal | None = None
    tax_amount: Decimal | None = None
    exclusive_tax_amount: Decimal | None = None
    inclusive_tax_amount: Decimal | None = None
    shipping_amount: Decimal | None = None
    items: list[LineRow] | None = None
    costs: list[CostRow] | None = None
    bill_statuses: list[StatusRow] | None = None
    added_purchase_orders: list[OrderNameRow] | None = None


class OrderRow(msgspec.Struct):
    """The head of a purchase order; departments are on its lines only (documented)."""

    procurify_PO: int | None = None  # noqa: N815  # the vendor's own spelling
    id: int | None = None
    uuid: str | None = None
    number: Text = None
    PO_Num: Text = None
    state: int | None = None
    version: int | None = None
    pref_vendor: VendorNameRow | int | None = None
    purchased_currency: CurrencyRow | str | None = None
    total: Decimal | None = None
    date: str | None = None
    last_modified: str | None = None


def word(value: Text) -> str | None:
    """Read a code that may come as text or number; an empty one is none."""
    text = str(value).strip() if value is not None else ""
    return text or None


def day(text: str | None, zone: ZoneInfo, name: str) -> date | None:
    """Read a date: a date-time with an offset is a day of the account's zone, one without is that day already."""
    if not text:
        return None
    try:
        read = datetime.fromisoformat(text)
        return read.astimezone(zone).date() if read.tzinfo else read.date()
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{name} is {text!r}, no date") from error


def moment(text: str | None, name: str) -> datetime | None:
    """Read a date-time with its offset; one without is in UTC."""
    if not text:
        return None
    try:
        return instant(text)
    except ValueError as error:
        raise ValueError(f"{name} is {text!r}, no date-time") from error
