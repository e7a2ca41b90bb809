"""The records of the organization: vendors, classifications, bills, payments, subscriptions, notifications."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

ZERO = Decimal(0)


@dataclass
class Record:
    """What every record has; a later record has a higher `seq`."""

    id: str
    seq: int
    created: datetime
    updated: datetime
    archived: bool = False


@dataclass
class Vendor(Record):
    """Whom the organization owes; `bill_currency` is the currency of all its bills."""

    name: str = ""
    address: dict[str, str] = field(default_factory=dict)
    bill_currency: str = "USD"
    account_type: str = "BUSINESS"
    email: str | None = None
    phone: str | None = None
    short_name: str | None = None
    account_number: str | None = None
    payment_information: dict[str, Any] | None = None
    additional_info: dict[str, Any] = field(default_factory=dict)
    auto_pay: dict[str, Any] | None = None


@dataclass
class Classification(Record):
    """An account, class, department, location or the like; the parent is never shown."""

    kind: str = ""
    name: str = ""
    description: str | None = None
    parent_id: str | None = None
    account: dict[str, str] | None = None

    @property
    def number(self) -> str | None:
        """The number of an account."""
        return (self.account or {}).get("number")


@dataclass
class Line:
    """One line of a bill, exact in the bill's currency."""

    id: str
    amount: Decimal
    quantity: Decimal | None = None
    price: Decimal | None = None
    description: str | None = None
    classifications: dict[str, str] = field(default_factory=dict)


@dataclass
class Bill(Record):
    """What is owed; `scheduled` is on its way, `paid` has been paid."""

    vendor_id: str = ""
    invoice_number: str = ""
    invoice_date: date = date.min
    due_date: date = date.min
    lines: list[Line] = field(default_factory=list)
    description: str | None = None
    classifications: dict[str, str] = field(default_factory=dict)
    pay_from: str | None = None
    purchase_order_number: str | None = None
    approval_status: str = "UNASSIGNED"
    scheduled: Decimal = ZERO
    paid: Decimal = ZERO
    created_by: str = ""

    @property
    def amount(self) -> Decimal:
        """The sum of the lines."""
        return sum((line.amount for line in self.lines), ZERO)

    @property
    def due(self) -> Decimal:
        """What is not paid yet."""
        return self.amount - self.paid

    @property
    def payment_status(self) -> str:
        """PAID, SCHEDULED, PARTIAL or UNPAID."""
        if self.paid >= self.amount:
            return "PAID"
        if self.scheduled > 0:
            return "SCHEDULED"
        return "PARTIAL" if self.paid > 0 else "UNPAID"


@dataclass
class Payment(Record):
    """Money to one vendor for one or more bills; `booked` once the bills count it as paid."""

    vendor_id: str = ""
    process_date: date = date.min
    parts: list[tuple[str, Decimal]] = field(default_factory=list)
    status: str = "SCHEDULED"
    single_status: str = "SCHEDULED"
    disbursement_status: str = "SCHEDULED"
    transaction_number: str = ""
    outside: bool = False
    booked: bool = False

    @property
    def amount(self) -> Decimal:
        """The sum of its parts."""
        return sum((amount for _, amount in self.parts), ZERO)


@dataclass
class Subscription(Record):
    """Who is told of which events, and the key that signs."""

    name: str = ""
    enabled: bool = True
    events: list[str] = field(default_factory=list)
    notification_url: str = ""
    security_key: str = ""


@dataclass
class Notification:
    """One event for one subscription, with the statuses its attempts met (None is no answer)."""

    event_id: str
    seq: int
    subscription_id: str
    type: str
    payload: bytes
    created: datetime
    attempts: list[int | None] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    state: str = "waiting"


@dataclass
class SpendTransaction:
    """A card transaction of Spend & Expense."""

    id: str
    seq: int
    occurred: datetime
    merchant: str
    amount: Decimal
