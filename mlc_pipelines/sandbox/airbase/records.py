"""What an Airbase tenant holds: vendors, the ledger's lists, orders, requests, entries and webhook deliveries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass
class Subsidiary:
    """One legal entity; iso_code is the country's."""

    airbase_id: str
    erp_reference_id: str
    name: str
    currency: str
    iso_code: str


@dataclass
class Account:
    """A GL account as the ERP connector before us left it."""

    airbase_id: str
    erp_reference_id: str
    name: str
    type: str
    category: str
    subsidiaries: list[Subsidiary]
    account_number: str = ""
    currency: str = ""


@dataclass
class Tag:
    """A value of a dimension."""

    airbase_id: str
    type: str
    erp_reference_id: str
    name: str
    is_active: bool = True
    subsidiaries: list[Subsidiary] = field(default_factory=list)


@dataclass
class Currency:
    """A currency row; one made by a transaction has a blank reference."""

    iso_code: str
    erp_reference_id: str


@dataclass
class Vendor:
    """A payee; the terms are not part of the accounting API's vendor."""

    airbase_id: str
    name: str
    erp_reference_id: str = ""
    erp_parent_reference_id: str = ""
    is_active: bool = True
    email: str | None = None
    subsidiaries: list[Subsidiary] = field(default_factory=list)
    created_in_airbase: bool = False
    payment_term: str | None = None
    term_changed: datetime | None = None


@dataclass
class Line:
    """A coded amount of a request or an entry; the account may be missing."""

    amount: Decimal
    account: str | None
    description: str
    tags: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class PurchaseRequest:
    """A request to buy; status is pending, approved or withdrawn."""

    id: str
    number: str
    purchase_type: str
    status: str
    subsidiary: Subsidiary
    vendor: Vendor
    currency: str
    lines: list[Line]
    approved_at: datetime | None = None

    @property
    def total(self) -> Decimal:
        """The sum of the lines."""
        return sum((line.amount for line in self.lines), Decimal(0))


@dataclass
class LedgerEntry:
    """Something to post; status is sync_ready, sync_complete or sync_failed."""

    airbase_id: str
    number: int
    type: str
    status: str
    subsidiary: Subsidiary
    vendor: Vendor | None
    currency: str
    rate: Decimal
    lines: list[Line]
    entry_at: datetime
    employee: Mapping[str, str] | None = None
    spend_owner: Mapping[str, str] | None = None
    bank_account: str | None = "1800"
    ap_account: str | None = "2400"
    invoice_number: str | None = None
    notes: str | None = None
    receipt_link: str | None = None
    erp_reference_id: str = ""
    erp_url: str = ""
    error_message: str = ""

    @property
    def total(self) -> Decimal:
        """The sum of the lines; negative for a credit."""
        return sum((line.amount for line in self.lines), Decimal(0))


@dataclass
class Payment:
    """Money that left, as the payments endpoint tells it; the facts are those of its ledger entry."""

    id: str
    number: str
    entry: LedgerEntry


@dataclass
class PurchaseOrder:
    """A purchase order pushed by the ERP; `body` is what was sent, checked."""

    id: str
    body: dict[str, Any]

    @property
    def po_number(self) -> str:
        """The unique number."""
        return str(self.body["po_number"])


@dataclass(frozen=True)
class ReadOnlyWrite:
    """A write to accounts or subsidiaries, which a connector that only reads them never makes."""

    method: str
    path: str
    body: Any


@dataclass
class Delivery:
    """One event on its way to the subscription; attempts are the statuses answered, None where nothing was."""

    event_id: str
    type: str
    url: str
    body: bytes
    headers: dict[str, str]
    state: str = "waiting"
    attempts: list[int | None] = field(default_factory=list)
