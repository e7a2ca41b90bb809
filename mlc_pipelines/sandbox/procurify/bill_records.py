"""Bills with their lines, allocations and life; sums are exact."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from mlc_pipelines.sandbox.procurify.records import Budget, Currency, Order, OrderLine, Payment, Person, Vendor
from mlc_pipelines.sandbox.world import CURRENCY_DIGITS

DRAFT, CONFIRMED, APPROVED, DENIED, PAID, WITHDRAWN = 0, 1, 2, 3, 4, 5
PAYMENT_CONFIRMED, PAYMENT_APPROVED, PAYMENT_LIMBO = 6, 7, 8
ORDER, EXPENSE, CARD = 0, 1, 2
EIGHT_PLACES = Decimal("0.00000001")


@dataclass
class Allocation:
    """A share of a line on an account in a department; up to eight places."""

    id: int
    amount: Decimal
    budget: Budget


@dataclass
class Line:
    """A line; `amount` is quantity times unit cost, an inclusive tax inside."""

    id: int
    description: str
    quantity: Decimal
    unit_cost: Decimal
    amount: Decimal
    allocations: list[Allocation]
    created_at: datetime
    tax_percent: int = 0
    tax: Decimal = Decimal(0)
    inclusive: bool = False
    shipping: Decimal = Decimal(0)
    order: Order | None = None
    order_line: OrderLine | None = None
    received_on: datetime | None = None

    @property
    def exclusive_tax(self) -> Decimal:
        """The tax that comes on top."""
        return Decimal(0) if self.inclusive else self.tax

    @property
    def inclusive_tax(self) -> Decimal:
        """The tax inside the amount."""
        return self.tax if self.inclusive else Decimal(0)


@dataclass
class Cost:
    """Freight or a fee of the whole bill, with one allocation and no tax."""

    id: int
    name: str
    amount: Decimal
    allocation: Allocation


@dataclass
class StatusRow:
    """When a bill came into a status, and by whom; None is the system."""

    status: int
    at: datetime
    person: Person | None


@dataclass
class Bill:
    """A bill; `total` is the truth a reader can be measured by, `peculiarity` says why it is in the sandbox."""

    id: int
    uuid: str
    vendor: Vendor
    currency: Currency
    type: int
    invoice_number: str
    invoice_date: datetime
    due_date: datetime
    gl_post_date: datetime | None
    payment_terms: str
    creator: Person
    lines: list[Line]
    last_modified: datetime
    status: int = DRAFT
    version: int = 1
    active: bool = True
    note: str = ""
    costs: list[Cost] = field(default_factory=list)
    history: list[StatusRow] = field(default_factory=list)
    editor: Person | None = None
    last_export: datetime | None = None
    sync_status: str | None = None
    group: int | None = None
    payment: Payment | None = None
    peculiarity: str = ""
    stated_total: Decimal | None = None
    is_touched: bool = False
    novel: dict[str, str] = field(default_factory=dict)

    @property
    def amount(self) -> Decimal:
        """The lines' amounts together, inclusive tax inside."""
        return sum((line.amount for line in self.lines), Decimal(0))

    @property
    def exclusive_tax(self) -> Decimal:
        """The tax on top."""
        return sum((line.exclusive_tax for line in self.lines), Decimal(0))

    @property
    def inclusive_tax(self) -> Decimal:
        """The tax inside the lines."""
        return sum((line.inclusive_tax for line in self.lines), Decimal(0))

    @property
    def shipping(self) -> Decimal:
        """The lines' shipping together."""
        return sum((line.shipping for line in self.lines), Decimal(0))

    @property
    def cost_total(self) -> Decimal:
        """Freight and fees together."""
        return sum((cost.amount for cost in self.costs), Decimal(0))

    @property
    def sum_of_parts(self) -> Decimal:
        """Lines, tax on top, freight and fees, shipping."""
        return self.amount + self.exclusive_tax + self.cost_total + self.shipping

    @property
    def total(self) -> Decimal:
        """What the bill says it costs; one bill of the first day says it wrongly."""
        return self.sum_of_parts if self.stated_total is None else self.stated_total

    @property
    def allocations(self) -> list[Allocation]:
        """All allocations, those of costs last."""
        return [row for line in self.lines for row in line.allocations] + [cost.allocation for cost in self.costs]

    @property
    def companies(self) -> set[str]:
        """The companies charged."""
        return {row.budget.department.branch.company for row in self.allocations}

    @property
    def approver(self) -> Person | None:
        """Who approved it last."""
        return next((row.person for row in reversed(self.history) if row.status == APPROVED), None)

    @property
    def submitted_at(self) -> datetime | None:
        """When it was submitted last."""
        return next((row.at for row in reversed(self.history) if row.status == CONFIRMED), None)

    @property
    def is_locked(self) -> bool:
        """Paid and withdrawn bills are closed to people."""
        return self.status in (PAID, WITHDRAWN)


def smallest(currency: str) -> Decimal:
    """Return the minor unit of a currency."""
    return Decimal(1).scaleb(-CURRENCY_DIGITS.get(currency, 2))


def tax_of(amount: Decimal, percent: int, *, inclusive: bool, currency: str) -> Decimal:
    """Return the tax on an amount, or inside it."""
    base = 100 + percent if inclusive else 100
    return (amount * percent / base).quantize(smallest(currency))


def shares(amount: Decimal, count: int) -> list[Decimal]:
    """Divide an amount by eight places; the last share takes what is left."""
    each = (amount / count).quantize(EIGHT_PLACES)
    return [each] * (count - 1) + [amount - each * (count - 1)]
