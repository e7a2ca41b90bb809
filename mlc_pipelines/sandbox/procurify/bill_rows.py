"""How bills are shown: a row of the list, the full bill, and the lines in bulk."""

from datetime import date
from decimal import Decimal
from typing import Any

from mlc_pipelines.sandbox.procurify.answers import dated, number, stamp, text
from mlc_pipelines.sandbox.procurify.bill_records import EIGHT_PLACES, Allocation, Bill, Cost, Line, StatusRow
from mlc_pipelines.sandbox.procurify.record_rows import (
    account_row,
    currency_row,
    department_row,
    person_row,
    vendor_row,
)
from mlc_pipelines.sandbox.procurify.records import Person, Vendor
from mlc_pipelines.sandbox.procurify.store import Store

PLACES = 8
LIST_FIELDS = {
    "id": "integer",
    "uuid": "string",
    "status": "choice",
    "version": "integer",
    "locked": "boolean",
    "type": "choice",
    "vendor": "nested object",
    "currency": "field",
    "items": "list",
    "invoice_number": "string",
    "invoice_date": "string",
    "due_date": "string",
    "gl_post_date": "string",
    "total_cost_with_tax": "float",
    "invoice_total": "float",
    "last_modified_datetime": "datetime",
    "submitted_date": "string",
    "last_export_date": "string",
    "group": "field",
    "approver": "nested object",
    "creator": "nested object",
    "user": "nested object",
    "past_due": "boolean",
}


class BillRows:
    """Renders the bills of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def listed(self, bill: Bill) -> dict[str, Any]:
        """Show a row of the list: dates without time, totals as binary floats, lines by id only."""
        return {
            **self._both(bill),
            "vendor": {"id": bill.vendor.id, "name": bill.vendor.name},
            "currency": bill.currency.id,
            "items": [line.id for line in bill.lines],
            "invoice_date": self._day(self._store.day(bill.invoice_date)),
            "due_date": self._day(self._store.day(bill.due_date)),
            "gl_post_date": self._day(self._store.day(bill.gl_post_date)),
            "submitted_date": self._day(self._store.day(bill.submitted_at)),
            "last_export_date": self._day(self._store.day(bill.last_export)),
            "total_cost_with_tax": _added(bill),
        }

    def full(self, bill: Bill) -> dict[str, Any]:
        """Show everything."""
        return {
            **self._both(bill),
            **self._amounts(bill),
            **_vendor_copy(bill.vendor),
            "vendor": vendor_row(bill.vendor),
            "currency": currency_row(bill.currency),
            "items": [self.line(bill, line) for line in bill.lines],
            "costs": [self._cost(bill, cost) for cost in bill.costs],
            "bill_statuses": [_status_row(row) for row in bill.history],
            "invoice_date": dated(bill.invoice_date),
            "due_date": dated(bill.due_date),
            "gl_post_date": dated(bill.gl_post_date),
            "submitted_date": stamp(bill.submitted_at),
            "last_export_date": stamp(bill.last_export),
            "payment_terms": bill.payment_terms,
            "added_purchase_orders": self._orders(bill),
            "active": bill.active,
            "note": bill.note,
            "payment_method": None,
            "creditcard": None,
            "bill_payment": {"id": bill.payment.id, "uuid": bill.payment.uuid} if bill.payment else None,
            "invoice_attachments": [],
            "comments": [],
        }

    def in_bulk(self, pair: tuple[Bill, Line]) -> dict[str, Any]:
        """Show a line on its own, with the bill it belongs to."""
        bill, line = pair
        return {**self.line(bill, line), "bill": bill.id, "bill_uuid": bill.uuid}

    def line(self, bill: Bill, line: Line) -> dict[str, Any]:
        """Show a line of the full bill."""
        net = self._net(line)
        unit_cost = line.unit_cost if net == line.amount else (net / line.quantity).quantize(EIGHT_PLACES)
        order = line.order
        return {
            "id": line.id,
            "description": line.description,
            "sku": line.order_line.sku if line.order_line else None,
            "unit": line.order_line.unit if line.order_line else "each",
            "quantity": text(line.quantity, PLACES),
            "unit_cost": number(unit_cost),
            "total_cost": number(net),
            "tax_name": f"VAT {line.tax_percent} %" if line.tax_percent else None,
            "tax_percentage": text(Decimal(line.tax_percent), 4),
            "tax_amount": number(line.tax),
            "tax_is_inclusive": line.inclusive,
            "total_cost_with_tax": number(line.amount + line.exclusive_tax),
            "shipping_amount": number(line.shipping),
            "po": {"number": order.number, "id": order.id, "uuid": order.uuid} if order else None,
            "orderitem": line.order_line.id if line.order_line else None,
            "expense": None,
            "creditcard_item": None,
            "bill_by_cost": False,
            "cost_allocations": self._allocations(bill, line),
            "custom_fields": [],
            "archived": False,
        }

    def _both(self, bill: Bill) -> dict[str, Any]:
        return {
            "id": bill.id,
            "uuid": bill.uuid,
            "status": bill.status,
            "version": bill.version,
            "locked": bill.is_locked,
            "type": bill.type,
            "invoice_number": bill.invoice_number,
            "invoice_total": number(bill.total),
            "last_modified_datetime": stamp(bill.last_modified),
            "group": bill.group,
            "approver": _named(bill.approver),
            "creator": _named(bill.creator),
            "user": _named(bill.editor),
            "past_due": bill.due_date < self._store.now() and not bill.is_locked,
            **bill.novel,
        }

    def _amounts(self, bill: Bill) -> dict[str, Any]:
        subtotal = sum((self._net(line) for line in bill.lines), Decimal(0))
        return {
            "subtotal_cost": number(subtotal),
            "total_cost": number(subtotal + bill.cost_total),
            "tax_amount": number(bill.exclusive_tax + bill.inclusive_tax),
            "inclusive_tax_amount": number(bill.inclusive_tax),
            "exclusive_tax_amount": number(bill.exclusive_tax),
            "shipping_amount": number(bill.shipping),
            "total_cost_with_tax": number(bill.total),
            "converted_total_cost": number((bill.total * bill.currency.rate).quantize(Decimal("0.01"))),
        }

    def _net(self, line: Line) -> Decimal:
        return line.amount if self._store.switches.inclusive_inside else line.amount - line.inclusive_tax

    def _allocations(self, bill: Bill, line: Line) -> list[dict[str, Any]]:
        amounts = [row.amount for row in line.allocations]
        left_out = line.amount - self._net(line)
        if left_out and amounts:
            kept = [(row * self._net(line) / line.amount).quantize(EIGHT_PLACES) for row in amounts[:-1]]
            amounts = [*kept, self._net(line) - sum(kept, Decimal(0))]
        return [_allocation(bill, row, amount) for row, amount in zip(line.allocations, amounts, strict=True)]

    def _cost(self, bill: Bill, cost: Cost) -> dict[str, Any]:
        allocation = _allocation(bill, cost.allocation, cost.amount)
        return {"id": cost.id, "name": cost.name, "amount": text(cost.amount), "cost_allocation": allocation}

    def _orders(self, bill: Bill) -> list[dict[str, Any]]:
        orders = {line.order.id: line.order for line in bill.lines if line.order}
        return [
            {"id": row.id, "number": row.number, "currency": row.currency.name, "total_amount": text(row.total)}
            for row in orders.values()
        ]

    @staticmethod
    def _day(found: date | None) -> str | None:
        return found.isoformat() if found else None


def _added(bill: Bill) -> float:
    if bill.stated_total is not None:
        return number(bill.stated_total)
    parts = [line.amount + line.exclusive_tax + line.shipping for line in bill.lines]
    return sum(map(number, [*parts, *(cost.amount for cost in bill.costs)]))


def _allocation(bill: Bill, row: Allocation, amount: Decimal) -> dict[str, Any]:
    budget = row.budget
    return {
        "id": row.id,
        "amount": text(amount, PLACES),
        "currency": bill.currency.id,
        "budget": {
            "id": budget.id,
            "account_code": account_row(budget.account_code),
            "department": department_row(budget.department),
        },
    }


def _status_row(row: StatusRow) -> dict[str, Any]:
    return {"status": row.status, "date": stamp(row.at), "user": person_row(row.person) if row.person else None}


def _named(person: Person | None) -> dict[str, Any] | None:
    return {"id": person.id, "name": person.name} if person else None


def _vendor_copy(vendor: Vendor) -> dict[str, Any]:
    return {
        "vendor_name": vendor.name,
        "vendor_address_line_one": vendor.address,
        "vendor_city": vendor.city,
        "vendor_postal_code": vendor.postal_code,
        "vendor_country": vendor.country,
    }
