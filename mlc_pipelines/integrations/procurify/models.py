"""Procurify's records in Procurify's words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Self
from zoneinfo import ZoneInfo

import msgspec

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.integrations.procurify.calls import decode
from mlc_pipelines.integrations.procurify.rows import (
    AllocationRow,
    BillRow,
    BranchRow,
    CurrencyRow,
    DepartmentRow,
    LineRow,
    OrderRow,
    StatusRow,
    VendorNameRow,
    VendorRow,
    day,
    moment,
    word,
)

APPROVED, DENIED, WITHDRAWN = 2, 3, 5
CANCELLED_ORDER = 1
STATUSES: Mapping[int, str] = {
    0: "a draft", 1: "confirmed", 2: "approved", 3: "denied", 4: "paid", 5: "withdrawn", 6: "payment confirmed",
    7: "payment approved", 8: "in payment limbo",
}  # fmt: skip

_BILL = msgspec.json.Decoder(BillRow)
_VENDOR = msgspec.json.Decoder(VendorRow)
_ORDER = msgspec.json.Decoder(OrderRow)
_LOOSE = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Department:
    """A department; `branch` is its location, by id, and by external id where that is told."""

    id: str | None
    name: str | None
    external_id: str | None
    branch: str | None = None
    branch_external_id: str | None = None

    @property
    def said(self) -> str:
        """Name it for a person."""
        return f"{self.name or 'without a name'} ({self.external_id or self.id or 'no id'})"

    @property
    def key(self) -> str:
        """Name it in a table: by external id, else by id."""
        return self.external_id or self.id or ""


@dataclass(frozen=True, slots=True)
class Allocation:
    """An amount on an account in a department."""

    amount: Decimal
    account: str | None
    department: Department | None
    text: str


@dataclass(frozen=True, slots=True)
class Tax:
    """A tax of a line; inclusive tax is inside the line's cost."""

    name: str
    amount: Decimal
    inclusive: bool


@dataclass(frozen=True, slots=True)
class Bill:
    """A bill in full. `allocations` are those of its lines and its costs; `raw` is the record as Procurify sent it."""

    id: str
    uuid: str | None
    status: int | None
    type: int | None
    version: int | None
    active: bool
    vendor_id: str | None
    vendor_name: str
    currency: str
    number: str | None
    invoice_date: date | None
    due_date: date | None
    posting_date: date | None
    terms: str | None
    total: Decimal
    tax: Decimal  # that comes on top of the lines
    inclusive_tax: Decimal
    shipping: Decimal
    allocations: tuple[Allocation, ...]
    uncoded: tuple[str, ...]  # lines with a cost and no allocation
    taxes: tuple[Tax, ...]
    approver: Department | None
    orders: tuple[str, ...]
    raw: bytes

    @property
    def label(self) -> str:
        """The number people read."""
        return self.number or f"PRC-{self.id}"

    @property
    def said_status(self) -> str:
        """The status in a word."""
        return STATUSES.get(self.status if self.status is not None else -1, f"in status {self.status}")

    @property
    def is_withdrawn(self) -> bool:
        """Whether it was denied, withdrawn or switched off."""
        return not self.active or self.status in {DENIED, WITHDRAWN}

    @classmethod
    def parse(cls, raw: bytes, zone: ZoneInfo) -> Self:
        """Read a bill; its dates are days of the account's zone."""
        row = decode(raw, _BILL, "bill")
        lines = [line for line in row.items or [] if not line.archived]
        vendor = row.vendor or VendorNameRow()
        return cls(
            id=str(row.id),
            uuid=row.uuid,
            status=row.status,
            type=row.type,
            version=row.version,
            active=row.active is not False,
            vendor_id=str(vendor.id) if vendor.id is not None else None,
            vendor_name=row.vendor_name or vendor.name or "",
            currency=(row.currency or CurrencyRow()).name or "",
            number=word(row.invoice_number),
            **_dates(row, zone),
            terms=word(row.payment_terms),
            total=row.total_cost_with_tax or _ZERO,
            tax=_tax(row),
            inclusive_tax=row.inclusive_tax_amount or _ZERO,
            shipping=_shipping(row, lines),
            allocations=tuple(_allocations(row, lines)),
            uncoded=tuple(_uncoded(row, lines)),
            taxes=tuple(
                Tax(line.tax_name or "", line.tax_amount, line.tax_is_inclusive is True)
                for line in lines
                if line.tax_amount
            ),
            approver=_approver(row.bill_statuses or []),
            orders=_orders(row, lines),
            raw=raw,
        )

    def matters(self, *, approver: bool, ready: bool) -> dict[str, Any]:
        """Give what a posting depends on, in groups; notes, attachments, comments and payment are no part of it."""
        return {
            "money": [
                self.currency, *(f"{amount:f}" for amount in (self.total, self.tax, self.inclusive_tax, self.shipping)),
                [[tax.name, f"{tax.amount:f}", tax.inclusive] for tax in self.taxes],
            ],
            "supplier": [self.vendor_id, self.number],
            "coding": [
                [f"{each.amount.normalize():f}", each.account, _matter(each.department)] for each in self.allocations
            ] + [_matter(self.approver) if approver else None, list(self.uncoded)],
            "dates": [str(self.invoice_date), str(self.due_date), str(self.posting_date)],
            "words": [self.terms, list(self.orders), [each.text for each in self.allocations]],
            "state": ["withdrawn" if self.is_withdrawn else "ready" if ready else "open", self.type],
        }  # fmt: skip


def _matter(department: Department | None) -> list[str | None]:
    return [department.id, department.external_id, department.branch] if department else []


def _dates(row: BillRow, zone: ZoneInfo) -> dict[str, date | None]:
    try:
        return {
            "invoice_date": day(row.invoice_date, zone, "invoice_date"),
            "due_date": day(row.due_date, zone, "due_date"),
            "posting_date": day(row.gl_post_date, zone, "gl_post_date"),
        }
    except ValueError as error:
        raise RecordError(f"procurify: bill {row.id}: {error}", cause=Cause.UNREADABLE) from error


def _tax(row: BillRow) -> Decimal:
    if row.exclusive_tax_amount is not None:
        return row.exclusive_tax_amount
    return (row.tax_amount or _ZERO) - (row.inclusive_tax_amount or _ZERO)


def _shipping(row: BillRow, lines: list[LineRow]) -> Decimal:
    if row.shipping_amount is not None:
        return row.shipping_amount
    return sum((line.shipping_amount or _ZERO for line in lines), _ZERO)


def _allocations(row: BillRow, lines: list[LineRow]) -> list[Allocation]:
    found = [_allocation(each, each.amount, line.description) for line in lines for each in line.cost_allocations or []]
    found += [
        _allocation(cost.cost_allocation, cost.amount, cost.name)
        for cost in row.costs or []
        if cost.cost_allocation is not None
    ]
    return found


def _allocation(row: AllocationRow, amount: Decimal | None, text: str | None) -> Allocation:
    budget = row.budget
    code = budget.account_code.code if budget and budget.account_code else None
    return Allocation(
        amount=amount if amount is not None else row.amount or _ZERO,
        account=word(code),
        department=to_department(budget.department) if budget and budget.department else None,
        text=" ".join((text or "").split()),
    )


def _uncoded(row: BillRow, lines: list[LineRow]) -> list[str]:
    found = [line.description or "a line" for line in lines if line.total_cost and not line.cost_allocations]
    return found + [cost.name or "a cost" for cost in row.costs or [] if cost.amount and cost.cost_allocation is None]


def _approver(rows: list[StatusRow]) -> Department | None:
    """Find the department of who approved last; none after an automatic approval or for a deleted user."""
    approvals = [row for row in rows if row.status == APPROVED]
    last = max(approvals, key=lambda row: _approved_at(row.date), default=None)
    return to_department(last.user.department) if last and last.user and last.user.department else None


def _approved_at(text: str | None) -> float:
    try:
        found = moment(text, "date")
    except ValueError:
        found = None
    return found.timestamp() if found else float("-inf")


def _orders(row: BillRow, lines: list[LineRow]) -> tuple[str, ...]:
    named = [word(order.number) for order in row.added_purchase_orders or []]
    named += [word(line.po.number) for line in lines if line.po is not None]
    return tuple(dict.fromkeys(number for number in named if number))


def to_department(row: DepartmentRow) -> Department:
    """Read a department, whose location may be an id only."""
    branch = row.branch if isinstance(row.branch, BranchRow) else BranchRow(id=row.branch)
    return Department(word(row.id), row.name, word(row.external_id), word(branch.id), word(branch.external_id))


@dataclass(frozen=True, slots=True)
class Vendor:
    """Whom the tenant buys from. `tax_number` comes from the field that the tenant names."""

    id: str
    name: str | None
    external_id: str | None
    type: str | None
    active: bool
    email: str | None
    address: str | None
    city: str | None
    state: str | None
    zip_code: str | None
    country: str | None
    phone: str | None
    currency: str | None
    tax_number: str | None
    raw: bytes

    @classmethod
    def parse(cls, raw: bytes, *, tax_field: str | None) -> Self:
        """Read a vendor. A number in the tax field is the id of a tax rate (documented), not a tax number."""
        row = decode(raw, _VENDOR, "vendor")
        tax = decode(raw, _LOOSE, "vendor").get(tax_field) if tax_field else None
        mails = [row.email] if isinstance(row.email, str) else row.email or []
        return cls(
            id=str(row.id),
            name=word(row.name),
            external_id=word(row.external_id),
            type=word(row.type),
            active=row.active is not False,
            email=next((mail for mail in mails if mail), None),
            address=word(row.address),
            city=word(row.city),
            state=word(row.state),
            zip_code=word(row.zip_code),
            country=word(row.country),
            phone=word(row.phone),
            currency=word(row.currency),
            tax_number=word(tax) if isinstance(tax, str) else None,
            raw=raw,
        )

    def matters(self) -> list[Any]:
        """Give what a match or a supplier made of it depends on."""
        return [
            self.name, self.external_id, self.type, self.active, self.country, self.tax_number, self.currency,
            self.email, self.address, self.city, self.state, self.zip_code, self.phone,
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Order:
    """A purchase order, its head. `number` is what bills name it by."""

    id: str
    number: str
    custom_number: str | None
    state: int | None
    vendor_id: str | None
    vendor_name: str
    currency: str | None
    total: Decimal
    ordered: date | None
    tag: str
    modified: datetime | None
    raw: bytes

    @property
    def is_cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self.state == CANCELLED_ORDER

    @classmethod
    def parse(cls, raw: bytes, zone: ZoneInfo) -> Self:
        """Read an order, listed or in full."""
        row = decode(raw, _ORDER, "purchase order")
        known = row.procurify_PO if row.procurify_PO is not None else row.id
        if known is None:
            raise RecordError(f"procurify: order {row.uuid} has no procurify_PO", cause=Cause.UNREADABLE)
        vendor = row.pref_vendor if isinstance(row.pref_vendor, VendorNameRow) else VendorNameRow(id=row.pref_vendor)
        money = row.purchased_currency
        try:
            ordered, modified = day(row.date, zone, "date"), moment(row.last_modified, "last_modified")
        except ValueError as error:
            raise RecordError(f"procurify: order {known}: {error}", cause=Cause.UNREADABLE) from error
        return cls(
            id=str(known),
            number=word(row.number) or str(known),
            custom_number=word(row.PO_Num),
            state=row.state,
            vendor_id=word(vendor.id),
            vendor_name=vendor.name or "",
            currency=money.name if isinstance(money, CurrencyRow) else money,
            total=row.total or _ZERO,
            ordered=ordered,
            tag=f"{row.uuid}^{row.version}^{row.last_modified}",
            modified=modified,
            raw=raw,
        )
