"""The records the simulator keeps: what Ramp knows of accounting rows, vendors, bills, syncs and webhooks."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any


@dataclass
class Connection:
    """An accounting connection; at most one is active."""

    id: str
    seq: int
    provider: str
    created_at: datetime
    last_linked_at: datetime
    settings: dict[str, Any] | None = None
    status: str = "linked"

    @property
    def is_active(self) -> bool:
        """Whether uploads and syncs go to this connection."""
        return self.status == "linked"


@dataclass
class LedgerRow:
    """An uploaded row: a GL account, an option of a custom field, or an accounting vendor; `id` is ours."""

    id: str
    ramp_id: str
    seq: int
    name: str
    created_at: datetime
    updated_at: datetime
    code: str | None = None
    classification: str | None = None
    field_id: str | None = None
    visibility: str = "VISIBLE"
    is_active: bool = True


@dataclass
class CustomField:
    """A custom accounting field, such as one code part; `id` is ours."""

    id: str
    ramp_id: str
    seq: int
    name: str
    input_type: str
    created_at: datetime
    updated_at: datetime
    display_name: str
    is_splittable: bool = False
    is_required_for: list[str] = field(default_factory=list)
    is_active: bool = True


@dataclass
class Contact:
    """A person at a vendor."""

    id: str
    seq: int
    email: str
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None


@dataclass
class Vendor:
    """A spend vendor: whom a bill is paid to."""

    id: str
    seq: int
    name: str
    country: str
    created_at: datetime
    contacts: list[Contact] = field(default_factory=list)
    state: str | None = None
    address: dict[str, Any] | None = None
    external_vendor_id: str | None = None
    accounting_vendor: str | None = None  # ramp_id of the linked accounting vendor
    vendor_owner_id: str | None = None
    is_active: bool = True


@dataclass
class Selection:
    """One coding: a field of ours with an option of ours, or free text."""

    field_external_id: str
    option_external_id: str | None = None
    free_form_text: str | None = None


@dataclass
class Line:
    """One line of a bill, in major units of the bill's currency."""

    amount: Decimal
    memo: str | None = None
    selections: list[Selection] = field(default_factory=list)


@dataclass
class Bill:
    """A bill, or a draft of one while `status` is DRAFT."""

    id: str
    seq: int
    vendor_id: str
    currency: str
    created_at: datetime
    status: str = "DRAFT"
    entity_id: str | None = None
    vendor_contact_id: str | None = None
    invoice_number: str | None = None
    issued_at: date | None = None
    due_at: date | None = None
    posting_date: date | None = None
    lines: list[Line] = field(default_factory=list)
    selections: list[Selection] = field(default_factory=list)
    memo: str | None = None
    vendor_memo: str | None = None
    remote_id: str | None = None
    enable_accounting_sync: bool = True
    purchase_order_ids: list[str] = field(default_factory=list)
    payment_method: str | None = None
    draft_bill_id: str | None = None
    approval_status: str | None = None
    sync_status: str = "NOT_SYNCED"
    status_summary: str | None = None
    archived_at: datetime | None = None
    paid_at: datetime | None = None
    payment: dict[str, Any] | None = None
    attachments: list[dict[str, Any]] = field(default_factory=list)
    bill_reference: str | None = None
    payment_reference: str | None = None
    sync_error: str | None = None
    announced: set[str] = field(default_factory=set)

    @property
    def amount(self) -> Decimal:
        """The total: Ramp adds up the lines."""
        return sum((line.amount for line in self.lines), Decimal(0))


@dataclass
class Sync:
    """One report of what the ERP booked, kept under its idempotency key."""

    id: str
    seq: int
    idempotency_key: str
    sync_type: str
    body: dict[str, Any]
    created_at: datetime


@dataclass
class Webhook:
    """A subscription of an endpoint to event types."""

    id: str
    seq: int
    endpoint_url: str
    event_types: list[str]
    secret: str
    challenge: str
    created_at: datetime
    updated_at: datetime
    additional_headers: dict[str, str] = field(default_factory=dict)
    status: str = "pending_verification"


@dataclass
class Delivery:
    """One event on its way to one endpoint; `attempts` are the statuses (or None for no answer)."""

    event_id: str | None
    type: str
    object_id: str | None
    webhook_id: str
    url: str
    body: bytes
    headers: dict[str, str]
    attempts: list[int | None] = field(default_factory=list)
    state: str = "waiting"
