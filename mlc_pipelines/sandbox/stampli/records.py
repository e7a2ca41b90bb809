"""Invoices in Stampli's words, and what becomes of them."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

INVOICE, CREDIT = "INVOICE", "CREDIT"
PENDING, APPROVED, PAID, REJECTED, CANCELLED = "PENDING", "APPROVED", "PAID", "REJECTED", "CANCELLED"
WORDS = {
    PENDING: "Pending Approval",
    APPROVED: "Approved",
    PAID: "Paid",
    REJECTED: "Rejected",
    CANCELLED: "Cancelled",
}  # what stands in a file


@dataclass
class Line:
    """What one part of an invoice was coded to; credit notes are negative."""

    no: int
    account: str
    cost_center: str
    amount: Decimal
    description: str


@dataclass
class Invoice:
    """One invoice; all amounts exact, total = lines + tax + freight."""

    id: str
    company: str
    number: str
    type: str
    vendor_id: str
    vendor_name: str
    invoice_date: date
    due_date: date | None
    gl_date: date | None
    currency: str
    tax: Decimal
    freight: Decimal
    lines: list[Line]
    status: str
    approved_by: str = ""
    approved_at: datetime | None = None
    po_number: str = ""
    payment_terms: str = ""
    exported: str = field(default="", compare=False)  # how it stood in the last export that held it

    @property
    def net(self) -> Decimal:
        """Sum of the lines."""
        return sum((line.amount for line in self.lines), Decimal(0))

    @property
    def total(self) -> Decimal:
        """What is owed."""
        return self.net + self.tax + self.freight

    @property
    def url(self) -> str:
        """Where a person finds it."""
        return f"https://stampli.example/invoices/{self.id}"

    def standing(self) -> str:
        """Give all that an export would tell, to see whether something changed since the last one."""
        told = {name: value for name, value in vars(self).items() if name != "exported"}
        return repr(sorted(told.items()))
