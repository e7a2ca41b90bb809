"""BILL's records in BILL's words, as answers carry them: unset fields are left out, unknown ones pass."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Self, TypeVar

import msgspec

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.wire.bodies import BROKEN
from mlc_pipelines.wire.moments import instant
from mlc_pipelines.wire.rows import sane

T = TypeVar("T", bound=msgspec.Struct)

CHART = "chart-of-accounts"
KINDS: Mapping[str, str] = {"class": "accounting-classes", "department": "departments", "location": "locations"}
"""What a code part can be in BILL, and its list there (documented)."""

LINE_FIELDS: Mapping[str, str] = {"class": "accountingClassId", "department": "departmentId", "location": "locationId"}
CHART_FIELD = "chartOfAccountId"


class Row(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What must be readable for an object to be named at all; `raw` is the row as BILL sent it."""

    id: str
    updated_time: str | None = None
    raw: bytes = msgspec.field(default=b"", name="__raw")

    @property
    def updated(self) -> datetime | None:
        """When it was last changed; None where BILL does not say it readably."""
        return moment(self.updated_time)


class Address(msgspec.Struct, frozen=True, rename="camel"):
    """Where a vendor is."""

    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    state_or_province: str | None = None
    zip_or_postal_code: str | None = None
    country: str | None = None


class VendorRow(Row, frozen=True, kw_only=True, rename="camel"):
    """A vendor as far as every list must be readable; its currency is unset where it is the organization's own."""

    bill_currency: str | None = None


class Vendor(VendorRow, frozen=True, kw_only=True, rename="camel"):
    """Whom bills are paid to; bank data is never looked at."""

    name: str = ""
    short_name: str | None = None
    archived: bool = False
    address: Address = Address()
    email: str | None = None
    phone: str | None = None


class AccountNumber(msgspec.Struct, frozen=True):
    """The nested object of an account; its shape is assumed, as one row is needed to know it."""

    number: str | None = None
    type: str | None = None


class Classification(Row, frozen=True, kw_only=True, rename="camel"):
    """An account of the chart, a class, a department or a location."""

    name: str = ""
    description: str | None = None
    archived: bool = False
    account: AccountNumber = AccountNumber()


class InvoiceOfBill(msgspec.Struct, frozen=True, rename="camel"):
    """Number and date: a nested object, though a guide lists both names flat (documented, seen in public code)."""

    invoice_number: str | None = None
    invoice_date: str | None = None


class LineItem(msgspec.Struct, frozen=True, rename="camel"):
    """A line of a bill."""

    amount: Decimal | None = None
    description: str | None = None
    classifications: dict[str, str | None] = {}


class Bill(Row, frozen=True, kw_only=True, rename="camel"):
    """What is owed to a vendor, in the vendor's currency."""

    vendor_id: str | None = None
    vendor_name: str | None = None
    invoice: InvoiceOfBill = InvoiceOfBill()
    amount: Decimal | None = None
    paid_amount: Decimal | None = None
    due_amount: Decimal | None = None
    due_date: str | None = None
    description: str | None = None
    payment_status: str | None = None
    approval_status: str | None = None
    archived: bool = False
    bill_line_items: list[LineItem] = []
    purchase_order_number: str | None = None

    @property
    def invoice_date(self) -> date | None:
        """Date of the supplier's invoice."""
        return day(self.invoice.invoice_date)


class Payment(Row, frozen=True, kw_only=True, rename="camel"):
    """A payment of one or several bills."""

    bill_ids: list[str] = []
    status: str | None = None
    single_status: str | None = None
    disbursement_status: str | None = None
    vendor_name: str | None = None
    process_date: str | None = None
    transaction_number: str | None = None

    @property
    def stands(self) -> str:
        """Say how it stands: its single status where there is one (documented)."""
        return self.single_status or self.status or "UNDEFINED"


class Login(msgspec.Struct, frozen=True, rename="camel"):
    """Whom a session belongs to."""

    organization_id: str | None = None
    user_id: str | None = None


class Status(msgspec.Struct, frozen=True):
    """Whether notifications are sent; off after too many failed tries, until someone enables it (documented)."""

    enabled: bool = True


class EventKind(msgspec.Struct, frozen=True):
    """An event type with its version, which is the text "1" (seen in public code)."""

    type: str
    version: str = "1"


class Subscription(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A webhook subscription; the key is shown once, when it is made, and never here."""

    id: str
    name: str = ""
    status: Status = Status()
    events: tuple[EventKind, ...] = ()
    notification_url: str = ""


@dataclass(frozen=True, slots=True)
class NewBill:
    """A bill as it is sent; amounts are decimals in major units."""

    vendor_id: str
    due_date: str
    invoice_number: str
    invoice_date: str
    description: str
    purchase_order_number: str
    lines: Sequence[Mapping[str, Any]]

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Self:
        """Read the payload that translation made; its amounts are text."""
        names = ("vendor_id", "due_date", "invoice_number", "invoice_date", "description", "purchase_order_number")
        return cls(**{name: payload[name] for name in names}, lines=payload["lines"])

    def total(self) -> Decimal:
        """Give the sum of the lines, which is what BILL makes the bill's amount."""
        return sum((Decimal(line["amount"]) for line in self.lines), Decimal(0))

    def body(self) -> dict[str, Any]:
        """Give the body of a create, and of a full replacement, which has the same required fields."""
        body: dict[str, Any] = {
            "vendorId": self.vendor_id,
            "dueDate": self.due_date,
            "description": self.description,
            "invoice": {"invoiceNumber": self.invoice_number, "invoiceDate": self.invoice_date},
            "billLineItems": [
                {
                    "amount": Decimal(line["amount"]),
                    "description": line["description"],
                    "classifications": dict(line["classifications"]),
                }
                for line in self.lines
            ],
        }
        return body | ({"purchaseOrderNumber": self.purchase_order_number} if self.purchase_order_number else {})

    def stands_in(self, bill: Bill) -> bool:
        """Tell whether a bill says all of this already."""
        there = [(line.amount, {k: v for k, v in line.classifications.items() if v}) for line in bill.bill_line_items]
        here = [(Decimal(line["amount"]), dict(line["classifications"])) for line in self.lines]
        heads = (bill.vendor_id, bill.invoice.invoice_number, bill.purchase_order_number or "", bill.description)
        mine = (self.vendor_id, self.invoice_number, self.purchase_order_number, self.description)
        dates = (day(bill.due_date), bill.invoice_date) == (day(self.due_date), day(self.invoice_date))
        return there == here and heads == mine and dates


def reader(kind: type[T], what: str) -> Callable[[bytes], T]:
    """Make a function that reads one object; RecordError names the attribute that does not fit."""
    decoder = msgspec.json.Decoder(kind)

    def read(raw: bytes) -> T:
        try:
            found = sane(decoder.decode(raw), raw)
        except BROKEN as error:
            raise RecordError(f"bill: a {what} cannot be read: {error}", cause=Cause.UNREADABLE) from error
        return msgspec.structs.replace(found, raw=raw) if isinstance(found, Row) else found

    return read


def moment(text: str | None) -> datetime | None:
    """Read a date-time; without a zone it is UTC. None where there is none that can be read."""
    try:
        return instant(text) if text else None
    except ValueError:
        return None


def day(text: str | None) -> date | None:
    """Read a date, alone or at the head of a date-time. None where there is none that can be read."""
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError:
        return None
