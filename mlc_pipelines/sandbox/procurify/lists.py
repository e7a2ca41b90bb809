"""The endpoints of the tenant's lists: vendors, accounts, places, currencies, payments, custom fields."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mlc_pipelines.sandbox.procurify import record_rows as rows
from mlc_pipelines.sandbox.procurify.answers import Answer, not_found
from mlc_pipelines.sandbox.procurify.gate import Call, Endpoint
from mlc_pipelines.sandbox.procurify.parameters import Check, flag, listed, moment, one_of, order, whole, word
from mlc_pipelines.sandbox.procurify.records import AccountCode, Payment, Vendor
from mlc_pipelines.sandbox.procurify.store import Store

VENDOR_TYPES = ("1", "2", "3", "4", "5", "6", "7", "pending")
PAYMENT_STATUSES = ("draft", "pending_approval", "approved", "denied", "scheduled", "processing", "paid", "failed")
VENDOR_FILTERS: Mapping[str, Check] = {
    "external_id": word,
    "name": word,
    "search": word,
    "type": one_of(*VENDOR_TYPES),
    "type__in": one_of(*VENDOR_TYPES),
}
VENDOR_TESTS: Mapping[str, Callable[[Vendor, Any], bool]] = {
    "external_id": lambda vendor, wanted: vendor.external_id == wanted,
    "name": lambda vendor, wanted: vendor.name.lower() == wanted.lower(),
    "search": lambda vendor, wanted: wanted.lower() in vendor.name.lower(),
    "type": lambda vendor, wanted: str(vendor.type) == wanted,
    "type__in": lambda vendor, wanted: str(vendor.type) in wanted,
}
ACCOUNT_FILTERS: Mapping[str, Check] = {"active": flag, "code": word, "is_parent": flag}
ACCOUNT_TESTS: Mapping[str, Callable[[AccountCode, Any], bool]] = {
    "active": lambda account, wanted: account.active == wanted,
    "code": lambda account, wanted: account.code == wanted,
    "is_parent": lambda account, wanted: account.is_parent == wanted,
}
PAYMENT_FILTERS: Mapping[str, Check] = {
    "updated_at_after": moment,
    "updated_at_before": moment,
    "status": listed(one_of(*PAYMENT_STATUSES)),
    "invoice_number": word,
    "vendor": listed(whole),
    "bill_groups": listed(whole),
    "order_by": order("created_at", "updated_at"),
}
PAYMENT_TESTS: Mapping[str, Callable[[Payment, Any], bool]] = {
    "updated_at_after": lambda payment, wanted: payment.updated_at >= wanted,
    "updated_at_before": lambda payment, wanted: payment.updated_at <= wanted,
    "status": lambda payment, wanted: payment.status in wanted,
    "invoice_number": lambda payment, wanted: wanted in payment.invoice_numbers,
    "vendor": lambda payment, wanted: payment.vendor.id in wanted,
    "bill_groups": lambda payment, wanted: bool(set(payment.bill_groups) & set(wanted)),
    "order_by": lambda payment, wanted: True,
}


class ListEndpoints:
    """Reads of everything that is neither a bill nor an order."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def endpoints(self) -> list[Endpoint]:
        """Return what is served."""
        return [
            Endpoint("/api/v3/vendors/", self._vendors, VENDOR_FILTERS),
            Endpoint("/api/v3/vendors/{id}/", self._vendor),
            Endpoint("/api/v3/account-codes/", self._accounts, ACCOUNT_FILTERS),
            _plain("/api/v3/accounts/", lambda held: held.budgets, rows.budget_row),
            _plain("/api/v3/departments/", lambda held: held.departments, rows.department_row),
            _plain("/api/v2/locations/", lambda held: held.locations, rows.location_row),
            _plain("/api/v2/currencies/", lambda held: held.currencies, rows.currency_row),
            _plain("/api/v3/custom-fields/order-items/", lambda held: held.custom_fields, rows.custom_field_row),
            Endpoint("/api/public/v1/payments/", self._payments, PAYMENT_FILTERS),
        ]

    def _vendors(self, call: Call) -> Answer:
        living = (row for row in self._store.vendors.values() if row.active)
        return call.page(_matching(living, call.given, VENDOR_TESTS), render=rows.vendor_row)

    def _vendor(self, call: Call) -> Answer:
        key = call.key()
        found = self._store.vendors.get(int(key)) if key.isascii() and key.isdigit() else None
        if found is None:
            raise not_found()
        return call.one(rows.vendor_row(found))

    def _accounts(self, call: Call) -> Answer:
        found = _matching(self._store.account_codes.values(), call.given, ACCOUNT_TESTS)
        return call.page(found, render=rows.account_row)

    def _payments(self, call: Call) -> Answer:
        found = _matching(self._store.payments.values(), call.given, PAYMENT_TESTS)
        wanted = str(call.given.get("order_by", "-created_at"))
        by_update = wanted.endswith("updated_at")
        found.sort(key=lambda row: row.updated_at if by_update else row.created_at, reverse=wanted.startswith("-"))
        return call.page(found, render=rows.payment_row)


def _plain(path: str, held: Callable[[Store], Mapping[int, Any]], render: Callable[[Any], dict[str, Any]]) -> Endpoint:
    return Endpoint(path, lambda call: call.page(held(call.store).values(), render=render))


def _matching(held: Iterable[Any], given: Mapping[str, Any], tests: Mapping[str, Callable[[Any, Any], bool]]) -> Any:
    return [row for row in held if all(tests[name](row, wanted) for name, wanted in given.items())]
