"""The endpoints of bills: the list with its filters, the full bill, the lines in bulk."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from mlc_pipelines.sandbox.procurify.answers import Answer, not_found
from mlc_pipelines.sandbox.procurify.bill_records import EXPENSE, Bill, Line
from mlc_pipelines.sandbox.procurify.bill_rows import LIST_FIELDS, BillRows
from mlc_pipelines.sandbox.procurify.gate import Call, Endpoint
from mlc_pipelines.sandbox.procurify.parameters import (
    Check,
    both_ends,
    day,
    flag,
    moment,
    one_of,
    order,
    whole,
    word,
)
from mlc_pipelines.sandbox.procurify.store import Store, locations_of

BILL_KEY = re.compile(r"[0-9a-f-]+")
SYNC_STATUSES = ("pending", "synced", "error")
DAYS: Mapping[str, Callable[[Bill], Any]] = {
    "gl_post_date": lambda bill: bill.gl_post_date,
    "invoice_date": lambda bill: bill.invoice_date,
    "due_date": lambda bill: bill.due_date,
    "submitted_date": lambda bill: bill.submitted_at,
    "payment_date": lambda bill: bill.payment.processing_date if bill.payment else None,
    "last_export_date": lambda bill: bill.last_export,
    "modified_date": lambda bill: bill.last_modified,
}
SORTS: Mapping[str, Callable[[Bill], Any]] = {
    "id": lambda bill: bill.id,
    "invoice_number": lambda bill: bill.invoice_number,
    "invoice_date": lambda bill: bill.invoice_date,
    "due_date": lambda bill: bill.due_date,
    "last_modified_datetime": lambda bill: bill.last_modified,
    "total_cost_with_tax": lambda bill: bill.total,
}
LIST_FILTERS: Mapping[str, Check] = {
    **both_ends(*DAYS, check=day),
    **both_ends("last_modified_datetime", check=moment),
    **dict.fromkeys(("vendor", "vendor[]", "department", "location", "account_code", "currency"), whole),
    **dict.fromkeys(("has_payment", "has_posting_date", "is_exported", "exclude_expense_bills"), flag),
    "type": one_of("0", "1", "2"),
    "sync_status_v2": one_of(*SYNC_STATUSES),
    "search": word,
    "order_by": order(*SORTS),
}
ITEM_FILTERS: Mapping[str, Check] = {
    "bill": whole,
    "bill_uuid": word,
    "billed": flag,
    **both_ends("created_at", "received_on", check=day),
    **dict.fromkeys(("vendor", "department", "location"), whole),
}
TESTS: Mapping[str, Callable[[Bill, Any], bool]] = {
    "vendor": lambda bill, wanted: bill.vendor.id == wanted,
    "vendor[]": lambda bill, wanted: bill.vendor.id in wanted,
    "department": lambda bill, wanted: any(row.budget.department.id == wanted for row in bill.allocations),
    "location": lambda bill, wanted: wanted in locations_of(bill),
    "account_code": lambda bill, wanted: any(row.budget.account_code.id == wanted for row in bill.allocations),
    "currency": lambda bill, wanted: bill.currency.id == wanted,
    "type": lambda bill, wanted: bill.type == int(wanted),
    "has_payment": lambda bill, wanted: (bill.payment is not None) == wanted,
    "has_posting_date": lambda bill, wanted: (bill.gl_post_date is not None) == wanted,
    "is_exported": lambda bill, wanted: (bill.last_export is not None) == wanted,
    "exclude_expense_bills": lambda bill, wanted: not (wanted and bill.type == EXPENSE),
    "sync_status_v2": lambda bill, wanted: bill.sync_status == wanted,
    "search": lambda bill, wanted: wanted.lower() in f"{bill.invoice_number} {bill.vendor.name}".lower(),
    # shown in milliseconds, compared as shown: a row's own time is in a window that ends there
    "last_modified_datetime_0": lambda bill, wanted: _shown(bill) >= wanted,
    "last_modified_datetime_1": lambda bill, wanted: _shown(bill) <= wanted,
}


class BillEndpoints:
    """Reads of bills."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows = BillRows(store)

    def endpoints(self) -> list[Endpoint]:
        """Return what is served."""
        return [
            Endpoint("/api/v3/ap/bills/", self._list, LIST_FILTERS, LIST_FIELDS),
            Endpoint("/api/v2/ap/bills/{id}/", self._one),
            Endpoint("/api/v2/ap/items/", self._items, ITEM_FILTERS),
        ]

    def _list(self, call: Call) -> Answer:
        wanted = str(call.given.get("order_by", self._store.switches.default_order))
        found = [bill for bill in self._store.visible_bills() if self._fits(bill, call.given)]
        found.sort(key=lambda bill: bill.id)
        found.sort(key=SORTS[wanted.lstrip("-")], reverse=wanted.startswith("-"))
        return call.page(found, render=self._rows.listed)

    def _fits(self, bill: Bill, given: Mapping[str, Any]) -> bool:
        for name, wanted in given.items():
            if name in TESTS and not TESTS[name](bill, wanted):
                return False
            if name[:-2] in DAYS and not self._in_range(DAYS[name[:-2]](bill), name, wanted):
                return False
        return True

    def _in_range(self, value: Any, name: str, wanted: Any) -> bool:
        found = self._store.day(value)
        return found is not None and (found >= wanted if name.endswith("_0") else found <= wanted)

    def _one(self, call: Call) -> Answer:
        key = call.key()
        visible = self._store.visible_bills()
        bill = next((row for row in visible if key in (str(row.id), row.uuid)), None)
        if bill is None or not BILL_KEY.fullmatch(key):
            raise not_found()
        if not bill.is_touched and call.someone_edits():
            bill.is_touched, bill.version = True, bill.version + 1
            bill.note = f"{bill.note} (seen by accounts payable)".strip()
            self._store.touch(bill)
        return call.one(self._rows.full(bill))

    def _items(self, call: Call) -> Answer:
        pairs = ((bill, line) for bill in self._store.visible_bills() for line in bill.lines)
        return call.page(self._matching(pairs, call.given), render=self._rows.in_bulk)

    def _matching(self, pairs: Iterable[tuple[Bill, Line]], given: Mapping[str, Any]) -> list[tuple[Bill, Line]]:
        return [(bill, line) for bill, line in pairs if self._item_fits(bill, line, given)]

    def _item_fits(self, bill: Bill, line: Line, given: Mapping[str, Any]) -> bool:
        budgets = [row.budget for row in line.allocations]
        dates = {"created_at": line.created_at, "received_on": line.received_on}
        for name, wanted in given.items():
            fits = {
                "bill": bill.id == wanted,
                "bill_uuid": bill.uuid == wanted,
                "billed": wanted is True,  # every line here is on a bill
                "vendor": bill.vendor.id == wanted,
                "department": any(row.department.id == wanted for row in budgets),
                "location": any(row.department.branch.id == wanted for row in budgets),
            }
            if not (self._in_range(dates[name[:-2]], name, wanted) if name[:-2] in dates else fits[name]):
                return False
        return True


def _shown(bill: Bill) -> Any:
    return bill.last_modified - timedelta(microseconds=bill.last_modified.microsecond % 1000)
