"""The lists of records that the flows read: where each is asked for, where its rows stand, what names a row."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Row = Any
_BILL = re.compile("00n[0-9A-Z]{17}")


def _any(_row: Row) -> bool:
    return True


@dataclass(frozen=True)
class Feed:
    """One list of one flow. `wanted` tells the rows that the flow takes in; others it leaves to a later poll."""

    flow: str
    path_ends: str
    rows: str
    names: tuple[str, ...]
    wanted: Callable[[Row], bool] = _any
    numbers: tuple[str, ...] = ()  # attributes that no two records have alike, beside their names


def _has(name: str, value: str) -> Callable[[Row], bool]:
    return lambda row: isinstance(row, dict) and row.get(name) == value


def _paid(row: Row) -> bool:
    return bool(_has("paymentStatus", "PAID")(row) and row.get("dueAmount") == 0)


def _of_bills(row: Row) -> bool:
    bills = row.get("billIds") if isinstance(row, dict) else None
    named = isinstance(bills, list) and all(isinstance(bill, str) for bill in bills)
    return bool(named and bills and all(_BILL.fullmatch(bill) for bill in bills))


_SUPPLIERS = ("/SupplierInfoGeneralSet", "value", ("SupplierId",))
_PROPOSALS = ("/PostingProposalHeadSet", "value", ("InvoiceId",))
_ACCOUNTS = ("/AccountArray", "value", ("Account",))
_VALUES = ("/CodeBArray", "value", ("CodeB",))

FEEDS: Mapping[str, tuple[Feed, ...]] = {
    "ramp": (
        Feed("gl_accounts", *_ACCOUNTS),
        Feed("dimensions", *_VALUES),
        Feed("accounting_vendors", *_SUPPLIERS),
        Feed("vendors", *_SUPPLIERS),
        Feed("suppliers", "/vendors", "data", ("id",)),
        Feed("bills", *_PROPOSALS),
        Feed("vouchers", "/bills", "data", ("id",), wanted=_has("approval_status", "APPROVED")),
        Feed("payments", "/bills", "data", ("id",), wanted=_has("status", "PAID")),
    ),
    "airbase": (
        Feed("vendors", *_SUPPLIERS),
        Feed("suppliers", "/vendors/", "data", ("airbase_id", "id")),
        Feed("payment_terms", "/vendor_terms/", "data", ("vendor.airbase_id", "id")),
        Feed("purchase_orders", "/PurchaseOrderSet", "value", ("OrderNo",)),
        Feed("request_vouchers", "/purchase_requests/", "data", ("id",)),
        Feed("payment_vouchers", "/ledger_entries/", "data", ("airbase_id", "id")),
    ),
    "procurify": (
        Feed("suppliers", "/vendors/", "data", ("id",)),
        Feed("purchase_orders", "/purchased/all/", "data", ("procurify_PO", "id", "uuid")),
        Feed("bills", "/v3/ap/bills/", "data", ("id", "uuid"), numbers=("invoice_number",)),
    ),
    "bill": (
        Feed("chart_of_accounts", *_ACCOUNTS),
        Feed("dimensions", *_VALUES),
        Feed("vendors", *_SUPPLIERS),
        Feed("suppliers", "/vendors", "results", ("id",)),
        Feed("bills", *_PROPOSALS),
        Feed("payments", "/bills", "results", ("id",), wanted=_paid),
        Feed("payments", "/payments", "results", ("id",), wanted=_of_bills),
    ),
}  # fmt: skip
