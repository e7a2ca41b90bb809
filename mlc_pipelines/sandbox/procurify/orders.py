"""The endpoints of purchase orders: the list by role and status, the order with its lines, the billing history."""

from collections.abc import Callable, Mapping
from typing import Any

from mlc_pipelines.sandbox.procurify.answers import Answer, not_found, number, stamp, text
from mlc_pipelines.sandbox.procurify.gate import Call, Endpoint
from mlc_pipelines.sandbox.procurify.parameters import Check, amount, both_ends, day, order, whole, word
from mlc_pipelines.sandbox.procurify.record_rows import TERMS, account_row, department_row, person_row, vendor_row
from mlc_pipelines.sandbox.procurify.records import Order, OrderLine
from mlc_pipelines.sandbox.procurify.store import Store

PURCHASED, CANCELLED, CLOSED, PAID, REOPENED = 0, 1, 3, 4, 5
LIVING = (PURCHASED, REOPENED)
RECEIVE_PENDING, RECEIVED, PARTLY_RECEIVED = 2, 3, 5
ROLES = ("purchased", "receivable")
STATUSES: Mapping[str, Callable[[Order], bool]] = {
    "all": lambda row: True,
    "open": lambda row: row.state in LIVING and row.fulfilment == "empty",
    "partial": lambda row: row.state in LIVING and row.fulfilment == "partial",
    "closed": lambda row: row.state == CLOSED,
    "cancelled": lambda row: row.state == CANCELLED,
    "paid": lambda row: row.state == PAID,
}
DAYS: Mapping[str, Callable[[Order], Any]] = {
    "date": lambda row: row.date,
    "modified_date": lambda row: row.last_modified,
    "promise_date": lambda row: row.promise_date,
}
SORTS: Mapping[str, Callable[[Order], Any]] = {**DAYS, "procurify_PO": lambda row: row.id}
LIST_FILTERS: Mapping[str, Check] = {
    **both_ends(*DAYS, check=day),
    **both_ends("total", check=amount),
    "pref_vendor": whole,
    "purchase_order": word,
    "order_by": order(*SORTS),
}
TESTS: Mapping[str, Callable[[Order, Any], bool]] = {
    "total_0": lambda row, wanted: row.total >= wanted,
    "total_1": lambda row, wanted: row.total <= wanted,
    "pref_vendor": lambda row, wanted: row.vendor.id == wanted,
    "purchase_order": lambda row, wanted: row.number == wanted,
    "order_by": lambda row, wanted: True,
}
HISTORY_FILTERS: Mapping[str, Check] = {"purchase_order": whole}


class OrderEndpoints:
    """Reads of purchase orders."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def endpoints(self) -> list[Endpoint]:
        """Return what is served."""
        return [
            Endpoint("/api/v2/purchase_orders/{id}/", self._one),
            Endpoint("/api/v2/purchase_orders/{role}/{status}/", self._list, LIST_FILTERS),
            Endpoint("/api/v3/purchase-orders/billing-history/", self._history, HISTORY_FILTERS),
        ]

    def _list(self, call: Call) -> Answer:
        role, status = call.key("role"), call.key("status")
        if role not in ROLES or status not in STATUSES:
            raise not_found()
        receivable = role == "receivable"
        found = [row for row in self._store.orders.values() if STATUSES[status](row)]
        found = [row for row in found if not receivable or (row.state in LIVING and row.fulfilment != "full")]
        found = [row for row in found if all(self._fits(row, *pair) for pair in call.given.items())]
        wanted = str(call.given.get("order_by", "-procurify_PO"))
        found.sort(key=SORTS[wanted.lstrip("-")], reverse=wanted.startswith("-"))
        return call.page(found, render=head)

    def _fits(self, row: Order, name: str, wanted: Any) -> bool:
        if name[:-2] in DAYS:
            found = self._store.day(DAYS[name[:-2]](row))
            return found is not None and (found >= wanted if name.endswith("_0") else found <= wanted)
        return TESTS[name](row, wanted)

    def _one(self, call: Call) -> Answer:
        key = call.key()
        found = next((row for row in self._store.orders.values() if key in (str(row.id), row.uuid)), None)
        if found is None:
            raise not_found()
        return call.one({**head(found), "order_items": [_line(row, found) for row in found.lines]})

    def _history(self, call: Call) -> Answer:
        wanted = call.given.get("purchase_order")
        orders = [row for row in self._store.orders.values() if wanted in (None, row.id)]
        return call.page([(row, line) for row in orders for line in row.lines], render=_billed)


def head(row: Order) -> dict[str, Any]:
    """Show an order without its lines; departments are on the lines only."""
    return {
        "id": row.id,
        "procurify_PO": row.id,
        "number": row.number,
        "PO_Num": row.po_num,
        "uuid": row.uuid,
        "state": row.state,
        "fulfilment_status": row.fulfilment,
        "version": row.version,
        "most_recent_version": True,
        "pref_vendor": vendor_row(row.vendor),
        "purchased_currency": row.currency.name,
        "purchased_currency_rate": text(row.rate, 6),
        "subtotal": text(row.subtotal),
        "freight": text(row.freight),
        "tax": text(row.tax),
        "discount": "0.00",
        "other": "0.00",
        "total": text(row.total),
        "payment_term": TERMS[row.vendor.pay_term],
        "date": stamp(row.date),
        "promise_date": stamp(row.promise_date),
        "recorded_date": stamp(row.date),
        "closed_date": stamp(row.closed_at),
        "last_modified": stamp(row.last_modified),
        "active": row.state != CANCELLED,
        "note": row.note,
    }


def _line(line: OrderLine, row: Order) -> dict[str, Any]:
    account, department = account_row(line.budget.account_code), department_row(line.budget.department)
    approval = {"user": person_row(row.buyer), "date": stamp(row.date), "status": "approved"}
    return {
        "id": line.id,
        "PO_line_num": line.num,
        "num": line.num,
        "name": line.name,
        "sku": line.sku,
        "unit": line.unit,
        "quantity": number(line.quantity),
        "price": text(line.price, 8),
        "total_cost": text(line.total_cost),
        "tax_amount": "0.00",
        "shipping_amount": "0.00",
        "account": {"id": line.budget.id, "account_code": account, "department": department},
        "spend_allocation": [
            {"amount": text(line.total_cost, 8), "account_code": account, "department": department},
        ],
        "receivedPassQty": number(line.received),
        "receivedFailQty": 0.0,
        "status": _status(line),
        "external_id": None,
        "approved_quantity": number(line.quantity),
        "approved_price": text(line.price, 8),
        "approved_datetime": stamp(row.date),
        "approval_history": [approval],
    }


def _status(line: OrderLine) -> int:
    if line.received >= line.quantity:
        return RECEIVED
    return PARTLY_RECEIVED if line.received > 0 else RECEIVE_PENDING


def _billed(pair: tuple[Order, OrderLine]) -> dict[str, Any]:
    row, line = pair
    return {
        "purchase_order": row.id,
        "purchase_order_uuid": row.uuid,
        "order_item": line.id,
        "quantity": text(line.quantity, 8),
        "received_quantity": text(line.received, 8),
        "billed_quantity": text(line.billed, 8),
    }
