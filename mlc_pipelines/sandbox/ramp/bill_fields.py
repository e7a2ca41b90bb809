"""What a bill or draft may carry in a request, and the checks that need the rest of the store."""

import dataclasses
from collections.abc import Iterable
from typing import Any

from mlc_pipelines.sandbox.ramp.answers import invalid
from mlc_pipelines.sandbox.ramp.coding import check_coding, selection
from mlc_pipelines.sandbox.ramp.money import check_places
from mlc_pipelines.sandbox.ramp.records import Bill, Line
from mlc_pipelines.sandbox.ramp.store import Store
from mlc_pipelines.sandbox.ramp.switches import Switches
from mlc_pipelines.sandbox.ramp.validation import (
    Check,
    ProblemError,
    amount,
    boolean,
    currency,
    day,
    identifier,
    rows,
    shape,
    text,
)

FALLBACK_CURRENCY = "USD"
PLAIN = (
    "vendor_id", "vendor_contact_id", "entity_id", "invoice_number", "issued_at", "due_at", "posting_date", "memo",
    "vendor_memo", "remote_id", "payment_method",
)  # fmt: skip


def line(value: Any) -> Line:
    """Check one line: an amount, a memo, a coding."""
    fields = {"amount": amount, "memo": text(), "accounting_field_selections": rows(selection)}
    body = shape(fields, required=["amount"])(value)
    return Line(body["amount"], body.get("memo"), body.get("accounting_field_selections") or [])


def not_here(value: Any) -> Any:
    """Refuse a field the vendor knows and this simulator does not."""
    raise ProblemError("This simulator does not keep this field.")


def bill_fields(switches: Switches) -> dict[str, Check]:
    """Return the fields drafts and bills share."""
    return {
        "vendor_id": identifier,
        "vendor_contact_id": identifier,
        "use_default_vendor_contact": boolean,
        "entity_id": identifier,
        "invoice_number": text(most=switches.invoice_number_length),
        "invoice_currency": currency,
        "issued_at": day,
        "due_at": day,
        "posting_date": day,
        "line_items": rows(line),
        "inventory_line_items": not_here,
        "accounting_field_selections": rows(selection),
        "remote_id": text(least=1),
        "enable_accounting_sync": boolean,
        "purchase_order_ids": rows(identifier),
        "memo": text(most=1000),
        "vendor_memo": text(most=400),
        "attachment_id": not_here,
    }


def with_fields(store: Store, bill: Bill, body: dict[str, Any]) -> Bill:
    """Return the bill as it would be with these fields, checked; lists given replace the old ones whole."""
    changes: dict[str, Any] = {name: body[name] for name in PLAIN if name in body}
    if "line_items" in body:
        changes["lines"] = body["line_items"] or []
    if "accounting_field_selections" in body:
        changes["selections"] = body["accounting_field_selections"] or []
    if "purchase_order_ids" in body:
        changes["purchase_order_ids"] = body["purchase_order_ids"] or []
    if body.get("invoice_currency"):
        changes["currency"] = body["invoice_currency"]
    if body.get("enable_accounting_sync") is not None:
        changes["enable_accounting_sync"] = body["enable_accounting_sync"]
    changed = dataclasses.replace(bill, **changes)
    if changed.vendor_contact_id is None and body.get("use_default_vendor_contact"):
        changed.vendor_contact_id = next((person.id for person in _contacts(store, changed)), None)
    _check_references(store, changed)
    _check_lines(store, changed)
    _check_duplicate(store, changed)
    return changed


def default_currency(store: Store, body: dict[str, Any]) -> str:
    """Return the currency of a draft that names none: its entity's."""
    entity = store.entities.get(body.get("entity_id") or "")
    return body.get("invoice_currency") or (entity.currency if entity else FALLBACK_CURRENCY)


def _contacts(store: Store, bill: Bill) -> Iterable[Any]:
    vendor = store.vendors.get(bill.vendor_id)
    return vendor.contacts if vendor else []


def _check_references(store: Store, bill: Bill) -> None:
    problems: dict[str, list[str]] = {}
    vendor = store.vendors.get(bill.vendor_id)
    if vendor is None or not vendor.is_active:
        problems["vendor_id"] = [f"vendor {bill.vendor_id} not found or inactive"]
    if bill.entity_id is not None and bill.entity_id not in store.entities:
        problems["entity_id"] = [f"entity {bill.entity_id} not found"]
    if bill.vendor_contact_id is not None and bill.vendor_contact_id not in {p.id for p in _contacts(store, bill)}:
        problems["vendor_contact_id"] = [f"contact {bill.vendor_contact_id} is not the vendor's"]
    if bill.purchase_order_ids:
        problems["purchase_order_ids"] = ["purchase order not found"]  # the sandbox has no purchase orders
    if bill.remote_id is not None and not bill.enable_accounting_sync:
        problems["enable_accounting_sync"] = ["May not be false together with remote_id."]
    if problems:
        raise invalid(problems)


def _check_lines(store: Store, bill: Bill) -> None:
    problems: dict[str, list[str]] = {}
    for place, found in enumerate(bill.lines):
        try:
            check_places(found.amount, bill.currency)
        except ValueError as exc:
            problems[f"line_items.{place}.amount"] = [str(exc)]
        if found.amount < 0 and not store.switches.negative_lines:
            problems[f"line_items.{place}.amount"] = ["Must be greater than or equal to 0."]
    if problems:
        raise invalid(problems)
    check_coding(store, bill.lines, bill.selections)


def _check_duplicate(store: Store, bill: Bill) -> None:
    if bill.invoice_number is None:
        return
    wanted = {"invoice_number": bill.invoice_number}
    others = store.bills.named(wanted) + ([] if store.switches.duplicate_drafts else store.drafts.named(wanted))
    for other in others:
        if other.vendor_id == bill.vendor_id and other.id != bill.id and other.archived_at is None:
            message = f"A bill with invoice number {bill.invoice_number} already exists for this vendor"
            raise invalid({"invoice_number": [message]})
