"""The life of a bill: draft, submitted, approved or rejected, paid, archived; each step tells the webhooks."""

from datetime import date
from typing import Any

from mlc_pipelines.sandbox.ramp.answers import RefusalError, invalid, midnight
from mlc_pipelines.sandbox.ramp.coding import is_completely_coded
from mlc_pipelines.sandbox.ramp.money import as_answer
from mlc_pipelines.sandbox.ramp.records import Bill
from mlc_pipelines.sandbox.ramp.store import Store

NEEDED_TO_SUBMIT = ("entity_id", "invoice_number", "issued_at", "due_at", "lines")


def missing_to_submit(bill: Bill) -> list[str]:
    """Name what a draft still lacks before it can be submitted."""
    return [name for name in NEEDED_TO_SUBMIT if not getattr(bill, name)]


def submit(store: Store, draft: Bill) -> Bill:
    """Turn a draft into a bill that waits for approval; the bill has a new id and remembers the draft's."""
    if missing := missing_to_submit(draft):
        raise invalid({name: ["required"] for name in missing})
    del store.drafts[draft.id]
    draft.draft_bill_id, draft.id, draft.seq = draft.id, store.new_id(), store.next_number()
    draft.status, draft.approval_status, draft.status_summary = "OPEN", "PENDING", "APPROVAL_PENDING"
    store.bills[draft.id] = draft
    store.emit("bills.created", draft.id)
    announce_ready(store, draft)
    return draft


def approve(store: Store, bill: Bill) -> None:
    """Approve a bill that waits for it."""
    if bill.approval_status != "PENDING" or bill.archived_at is not None:
        raise ValueError(f"bill {bill.id} does not wait for approval")
    bill.approval_status, bill.status_summary = "APPROVED", "PAYMENT_READY"
    store.emit("bills.approved", bill.id)
    announce_ready(store, bill)


def reject(store: Store, bill: Bill) -> None:
    """Reject a bill that waits for approval."""
    if bill.approval_status != "PENDING" or bill.archived_at is not None:
        raise ValueError(f"bill {bill.id} does not wait for approval")
    bill.approval_status, bill.status_summary = "REJECTED", "APPROVAL_REJECTED"
    store.emit("bills.rejected", bill.id)


def pay(store: Store, bill: Bill, *, method: str = "ACH", details: dict[str, Any] | None = None) -> None:
    """Pay an approved bill in full."""
    if bill.approval_status != "APPROVED" or bill.archived_at is not None or bill.status == "PAID":
        raise ValueError(f"bill {bill.id} is not payable")
    paid_on: date = (details or {}).get("payment_date") or store.now().date()
    bill.status, bill.status_summary, bill.paid_at = "PAID", "PAYMENT_COMPLETED", store.now()
    bill.payment_method = method
    bill.payment = {
        "id": store.new_id(),
        "customer_friendly_payment_id": f"PMT-{store.next_number():06d}",
        "amount": as_answer(bill.amount, bill.currency),
        "payment_method": method,
        "payment_date": midnight(paid_on),
        "effective_date": midnight(paid_on),
        "details": {name: str(value) for name, value in (details or {}).items()},
        "trace_id": {"trace_id": f"TR{store.next_number():010d}"},
    }
    store.emit("bills.paid", bill.id)
    store.emit("payments.updated", bill.payment["id"])


def give_back(store: Store, bill: Bill) -> None:
    """Let the bank send the payment back: the bill is open again, and keeps its payment, which is in error."""
    if bill.status != "PAID" or bill.payment is None:
        raise ValueError(f"bill {bill.id} is not paid")
    bill.status, bill.status_summary, bill.paid_at = "OPEN", "PAYMENT_ERROR", None
    store.emit("payments.updated", bill.payment["id"])


def archive(store: Store, bill: Bill) -> None:
    """Archive a bill; a paid one stays."""
    if bill.status == "PAID":
        raise RefusalError(400, "DEVELOPER_7001", "A paid bill cannot be archived")
    if bill.archived_at is not None:
        raise RefusalError(400, "DEVELOPER_7001", "The bill is archived already")
    bill.archived_at, bill.status_summary = store.now(), "ARCHIVED"
    store.emit("bills.archived", bill.id)


def bill_is_ready(store: Store, bill: Bill) -> bool:
    """Tell whether the ERP may book the bill now."""
    approved = bill.approval_status == "APPROVED"
    open_to_sync = approved or (store.switches.sync_on_creation and bill.approval_status == "PENDING")
    return (
        open_to_sync
        and bill.archived_at is None
        and bill.enable_accounting_sync
        and bill.sync_status == "NOT_SYNCED"
        and is_completely_coded(store, bill)
    )


def payment_is_ready(bill: Bill) -> bool:
    """Tell whether the ERP may book the payment now: fully paid, and the bill itself is booked."""
    return bill.status == "PAID" and bill.sync_status == "BILL_SYNCED"


def is_ready(store: Store, bill: Bill) -> bool:
    """Tell whether the bill or its payment waits for the ERP."""
    return bill_is_ready(store, bill) or payment_is_ready(bill)


def announce_ready(store: Store, bill: Bill) -> None:
    """Send bills.ready_to_sync once, when the bill becomes ready."""
    if "bills.ready_to_sync" not in bill.announced and bill_is_ready(store, bill):
        bill.announced.add("bills.ready_to_sync")
        store.emit("bills.ready_to_sync", bill.id)


def edit_memo(bill: Bill) -> None:
    """Let a person write into the memo, as people do while a client is busy with the same bill."""
    bill.memo = f"{bill.memo or ''} (seen, M. Lindqvist)".strip()[:1000]
