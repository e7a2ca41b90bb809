"""The lists of the tenant: places, accounts, people, vendors, orders and payments; amounts are Decimal."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

CENT = Decimal("0.01")


@dataclass
class Location:
    """A plant; the company it belongs to is known to the ERP only."""

    id: int
    name: str
    external_id: str
    company: str
    offset_hours: int


@dataclass
class Department:
    """A cost center of one company, at one location."""

    id: int
    name: str
    external_id: str | None
    branch: Location
    code: str = ""  # of the cost center, also where nobody has entered it as external id


@dataclass
class AccountCode:
    """A GL account; a parent groups others and is never charged."""

    id: int
    code: str
    description: str
    account_type: int
    active: bool = True
    parent: int | None = None
    is_parent: bool = False


@dataclass
class Budget:
    """An account in a department for some time; the same pair comes once per period."""

    id: int
    account_code: AccountCode
    department: Department
    start_date: date
    end_date: date


@dataclass
class Currency:
    """A currency with its rate to the base currency."""

    id: int
    name: str
    description: str
    rate: Decimal
    base: bool = False


@dataclass
class Person:
    """Someone with an account here; a deleted one has no department any more."""

    id: int
    key: str
    name: str
    email: str
    department: Department | None


@dataclass
class Vendor:
    """Whom the tenant buys from; `supplier` is the ERP's number, shown only where someone entered it as external id."""

    id: int
    name: str
    type: int | str
    currency: Currency
    modified: datetime
    supplier: str | None = None
    external_id: str | None = None
    active: bool = True
    email: str | None = None
    address: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""
    phone: str = ""
    tax: str = ""
    pay_term: str = "30"


@dataclass
class OrderLine:
    """A line of a purchase order; department and account are its own."""

    id: int
    num: int
    name: str
    sku: str | None
    unit: str
    quantity: Decimal
    price: Decimal
    budget: Budget
    received: Decimal = Decimal(0)
    billed: Decimal = Decimal(0)

    @property
    def total_cost(self) -> Decimal:
        """Quantity times price, to two places."""
        return (self.quantity * self.price).quantize(CENT)


@dataclass
class Order:
    """A purchase order; `id` is procurify_PO."""

    id: int
    uuid: str
    vendor: Vendor
    currency: Currency
    rate: Decimal
    date: datetime
    promise_date: datetime
    last_modified: datetime
    lines: list[OrderLine]
    buyer: Person
    state: int = 0
    version: int = 1
    po_num: str | None = None
    freight: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    closed_at: datetime | None = None
    note: str = ""

    @property
    def number(self) -> str:
        """The number people read."""
        return str(self.id)

    @property
    def subtotal(self) -> Decimal:
        """The lines together."""
        return sum((line.total_cost for line in self.lines), Decimal(0))

    @property
    def total(self) -> Decimal:
        """What the order costs."""
        return self.subtotal + self.freight + self.tax

    @property
    def fulfilment(self) -> str:
        """Tell whether nothing, something or everything has come."""
        if all(line.received >= line.quantity for line in self.lines):
            return "full"
        return "partial" if any(line.received > 0 for line in self.lines) else "empty"


@dataclass
class Payment:
    """Money sent for one group of bills."""

    id: int
    uuid: str
    status: str
    amount: Decimal
    currency: Currency
    vendor: Vendor
    processing_date: datetime
    created_at: datetime
    updated_at: datetime
    bill_groups: list[int]
    invoice_numbers: list[str]
    posted_date: datetime | None = None
    gl_code: str = "1800"


@dataclass
class CustomField:
    """A field the tenant added to order lines."""

    id: int
    name: str
    type: str
    values: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Write:
    """A write somebody sent; nothing was changed by it."""

    method: str
    path: str
    body: bytes
    at: datetime
