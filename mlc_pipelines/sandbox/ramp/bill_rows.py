"""Bills and drafts as answers show them, and the filters of their lists."""

from datetime import UTC, date, datetime, time
from typing import Any

from mlc_pipelines.sandbox.ramp.answers import midnight, stamp, stamp_with_offset
from mlc_pipelines.sandbox.ramp.bill_life import is_ready
from mlc_pipelines.sandbox.ramp.coding import as_selections
from mlc_pipelines.sandbox.ramp.money import as_answer
from mlc_pipelines.sandbox.ramp.queries import QueryCheck, decimal, moment, one_of, truth, uuid_text, words
from mlc_pipelines.sandbox.ramp.records import Bill
from mlc_pipelines.sandbox.ramp.store import Store

METHODS = (
    "ACH", "CARD", "CHECK", "DOMESTIC_WIRE", "INTERNATIONAL", "ONE_TIME_CARD", "ONE_TIME_CARD_DELIVERY",
    "PAID_MANUALLY", "SWIFT", "UNSPECIFIED", "VENDOR_CREDIT",
)  # fmt: skip
APPROVALS = ("APPROVED", "INITIALIZED", "PENDING", "REJECTED", "TERMINATED")
SYNC_STATES = ("BILL_AND_PAYMENT_SYNCED", "BILL_SYNCED", "NOT_SYNCED")
RANGES = ("created_at", "due_date", "issued_date", "paid_at")
SHARED_FILTERS: dict[str, QueryCheck] = {
    "entity_id": uuid_text,
    "vendor_id": uuid_text,
    "invoice_number": str,
    "remote_id": str,
    **{f"{edge}_{name}": moment for edge in ("from", "to") for name in RANGES if name != "paid_at"},
}
BILL_FILTERS: dict[str, QueryCheck] = {
    **SHARED_FILTERS,
    "approval_status": one_of(*APPROVALS),
    "payment_status": one_of("OPEN", "PAID"),
    "payment_method": one_of(*METHODS),
    "payment_id": uuid_text,
    "sync_status": one_of(*SYNC_STATES),
    "sync_ready": truth,
    "is_archived": truth,
    "is_accounting_sync_enabled": truth,
    "from_paid_at": moment,
    "to_paid_at": moment,
    "min_amount": decimal,
    "max_amount": decimal,
    "accounting_field_selection_id": uuid_text,
    "draft_bill_id": uuid_text,
    "status_summaries": words,
}


def passes_shared(bill: Bill, filters: dict[str, Any]) -> bool:
    """Tell whether a bill or draft passes the filters both lists have."""
    for name in ("entity_id", "vendor_id", "invoice_number", "remote_id"):
        if name in filters and getattr(bill, name) != filters[name]:
            return False
    moments = {
        "created_at": bill.created_at,
        "due_date": _at_midnight(bill.due_at),
        "issued_date": _at_midnight(bill.issued_at),
        "paid_at": bill.paid_at,
    }
    return all(_within(moments[name], filters, name=name) for name in RANGES)


def passes(store: Store, bill: Bill, filters: dict[str, Any]) -> bool:
    """Tell whether a bill passes the filters given; archived bills only come when asked for."""
    equal = {
        "approval_status": bill.approval_status,
        "payment_status": bill.status,
        "payment_method": (bill.payment or {}).get("payment_method") or bill.payment_method,
        "payment_id": (bill.payment or {}).get("id"),
        "sync_status": bill.sync_status,
        "sync_ready": is_ready(store, bill),
        "is_accounting_sync_enabled": bill.enable_accounting_sync,
        "draft_bill_id": bill.draft_bill_id,
    }
    if any(name in filters and filters[name] != value for name, value in equal.items()):
        return False
    if (bill.archived_at is not None) is not filters.get("is_archived", False):
        return False
    if "status_summaries" in filters and bill.status_summary not in filters["status_summaries"]:
        return False
    if not filters.get("min_amount", bill.amount) <= bill.amount <= filters.get("max_amount", bill.amount):
        return False
    chosen = filters.get("accounting_field_selection_id")
    if chosen is not None and all(
        row["id"] != chosen for line in bill.lines for row in as_selections(store, line.selections)
    ):
        return False
    return passes_shared(bill, filters)


def _at_midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), tzinfo=UTC)


def _within(value: datetime | None, filters: dict[str, Any], *, name: str) -> bool:
    earliest, latest = filters.get(f"from_{name}"), filters.get(f"to_{name}")
    if earliest is None and latest is None:
        return True
    return value is not None and (earliest is None or value >= earliest) and (latest is None or value <= latest)


def as_draft(store: Store, bill: Bill) -> dict[str, Any]:
    """Return a draft row."""
    return {
        "id": bill.id,
        "vendor": _vendor(store, bill),
        "vendor_contact_id": bill.vendor_contact_id,
        "entity_id": bill.entity_id,
        "invoice_number": bill.invoice_number,
        "invoice_currency": bill.currency,
        "amount": as_answer(bill.amount, bill.currency),
        "line_items": [
            {
                "amount": as_answer(line.amount, bill.currency),
                "memo": line.memo,
                "accounting_field_selections": as_selections(store, line.selections),
            }
            for line in bill.lines
        ],
        "inventory_line_items": [],
        "accounting_field_selections": as_selections(store, bill.selections),
        "issued_at": midnight(bill.issued_at),
        "due_at": midnight(bill.due_at),
        "posting_date": midnight(bill.posting_date or bill.issued_at),
        "accounting_date": midnight(bill.posting_date or bill.issued_at),
        "created_at": stamp(bill.created_at),
        "remote_id": bill.remote_id,
        "memo": bill.memo,
        "vendor_memo": bill.vendor_memo,
        "bill_owner": {"id": store.owner_id, "first_name": "Mara", "last_name": "Lindqvist"},
        "invoice_urls": [f"https://files.ramp.example/{file['id']}" for file in bill.attachments],
        "enable_accounting_sync": bill.enable_accounting_sync,
        "status": bill.status,
        "sync_status": bill.sync_status,
    }


def as_bill(store: Store, bill: Bill, *, single: bool = False) -> dict[str, Any]:
    """Return a bill row; the payment's trace id only shows when one bill is asked for."""
    payment = None if bill.payment is None else dict(bill.payment)
    if payment is not None and not single:
        payment.pop("trace_id")
    row = {
        **as_draft(store, bill),
        "draft_bill_id": bill.draft_bill_id,
        "approval_status": bill.approval_status,
        "status_summary": bill.status_summary,
        "archived_at": stamp(bill.archived_at),
        "paid_at": stamp_with_offset(bill.paid_at),
        "payment": payment,
        "deep_link_url": f"https://app.ramp.example/bill-pay/{bill.id}",
        "fx_conversion_rate": None,
        "purchase_order_id": None,
        "applied_vendor_credits": [],
        "item_receipt_ids": [],
    }
    if store.switches.novel_fields:
        row["settlement_outlook"] = {"kind": "NOT_YET_INVENTED"}
        row["status_summary"] = "AWAITING_SOMETHING_NEW" if bill.status == "OPEN" else bill.status_summary
    return row


def _vendor(store: Store, bill: Bill) -> dict[str, Any]:
    vendor = store.vendors[bill.vendor_id]
    remote = store.books.vendors.get(vendor.accounting_vendor or "")
    return {
        "id": vendor.id,
        "name": vendor.name,
        "remote_id": remote.id if remote else None,
        "remote_code": remote.code if remote else None,
        "remote_name": remote.name if remote else None,
        "type": "BUSINESS",
    }
