"""Bills: listed, read, changed, archived, and made approved at once on the direct path."""

from typing import Any

from mlc_pipelines.sandbox.ramp.answers import Answer, RefusalError, invalid, not_found
from mlc_pipelines.sandbox.ramp.bill_fields import bill_fields, with_fields
from mlc_pipelines.sandbox.ramp.bill_life import announce_ready, archive, edit_memo, pay
from mlc_pipelines.sandbox.ramp.bill_rows import BILL_FILTERS, METHODS, as_bill, passes
from mlc_pipelines.sandbox.ramp.drafts import READ, WRITE
from mlc_pipelines.sandbox.ramp.gate import Call, Endpoint
from mlc_pipelines.sandbox.ramp.records import Bill
from mlc_pipelines.sandbox.ramp.store import Store
from mlc_pipelines.sandbox.ramp.validation import (
    Check,
    ProblemError,
    boolean,
    choice,
    day,
    identifier,
    read_body,
    shape,
    text,
)

REQUIRED = ("vendor_id", "entity_id", "invoice_number", "invoice_currency", "issued_at", "due_at", "line_items")
MANUAL_METHODS = ("ACH", "CARD", "CASH", "CHECK", "OTHER", "PAID_IN_ERP", "WIRE")
TRANSFER: dict[str, Check] = {
    "payment_arrival_date": day,
    "source_bank_account_id": identifier,
    "vendor_account_id": identifier,
}
DETAILS: dict[str, tuple[dict[str, Check], tuple[str, ...]]] = {
    "ACH": ({**TRANSFER, "is_same_day": boolean}, tuple(TRANSFER)),
    "DOMESTIC_WIRE": (TRANSFER, tuple(TRANSFER)),
    "INTERNATIONAL": (TRANSFER, tuple(TRANSFER)),
    "SWIFT": (TRANSFER, tuple(TRANSFER)),
    "CHECK": (
        {"payment_arrival_date": day, "source_bank_account_id": identifier},
        ("payment_arrival_date", "source_bank_account_id"),
    ),
    "CARD": ({"spend_limit_id": identifier, "transaction_id": identifier}, ("spend_limit_id",)),
    "PAID_MANUALLY": (
        {"manual_payment_method": choice(*MANUAL_METHODS), "payment_date": day, "memo": text()},
        ("manual_payment_method", "payment_date"),
    ),
}


class BillEndpoints:
    """What /bills answers; drafts are invisible here."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoints of this room."""
        return [
            Endpoint("GET", "/bills", READ, self._list),
            Endpoint("POST", "/bills", WRITE, self._create),
            Endpoint("GET", "/bills/{id}", READ, self._show),
            Endpoint("PATCH", "/bills/{id}", WRITE, self._change),
            Endpoint("DELETE", "/bills/{id}", WRITE, self._archive),
        ]

    def _list(self, call: Call) -> Answer:
        filters = call.filters(BILL_FILTERS)
        found = [bill for bill in self._store.bills.named(filters) if passes(self._store, bill, filters)]
        return call.page(found, render=lambda bill: as_bill(self._store, bill))

    def _show(self, call: Call) -> Answer:
        return Answer(200, as_bill(self._store, self._find(call), single=True))

    def _create(self, call: Call) -> Answer:
        store = self._store
        fields: dict[str, Check] = {
            **bill_fields(store.switches),
            "payment_method": choice(*METHODS),
            "use_default_payment_method": boolean,
            "payment_details": _any_object,
        }
        body = read_body(call.json(), fields, required=REQUIRED)
        _require_one(body, "vendor_contact_id", "use_default_vendor_contact")
        _require_one(body, "payment_method", "use_default_payment_method")
        if not body["line_items"]:
            raise invalid({"line_items": ["Length must be at least 1."]})
        details = _read_details(body)
        blank = Bill("", 0, body["vendor_id"], body["invoice_currency"], store.now())
        made = with_fields(store, blank, body)
        made.id, made.seq = store.new_id(), store.next_number()
        made.status, made.approval_status, made.status_summary = "OPEN", "APPROVED", "PAYMENT_READY"
        store.bills[made.id] = made
        self._announce(made, details)
        call.note(f"created bill {made.id}")
        return Answer(201, as_bill(store, made))

    def _announce(self, bill: Bill, details: dict[str, Any] | None) -> None:
        self._store.emit("bills.created", bill.id)
        self._store.emit("bills.approved", bill.id)
        announce_ready(self._store, bill)
        if bill.payment_method == "PAID_MANUALLY":
            pay(self._store, bill, method="PAID_MANUALLY", details=details)

    def _change(self, call: Call) -> Answer:
        found = self._find(call)
        fields = {**bill_fields(self._store.switches), "payment_method": choice(*METHODS)}
        del fields["invoice_currency"]
        body = read_body(call.json(), fields)
        if found.approval_status != "APPROVED" or found.archived_at is not None:
            raise RefusalError(400, "DEVELOPER_7001", "Only approved bills can be changed")
        if call.someone_edits():
            edit_memo(found)
        self._store.bills.change(found, with_fields(self._store, found, body))
        self._store.emit("bills.updated", found.id)
        announce_ready(self._store, found)
        call.note(f"changed bill {found.id}")
        return Answer(200, as_bill(self._store, found))

    def _archive(self, call: Call) -> Answer:
        found = self._find(call)
        archive(self._store, found)
        call.note(f"archived bill {found.id}")
        return Answer(204)

    def _find(self, call: Call) -> Bill:
        found = self._store.bills.get(call.key())
        if found is None:
            raise not_found("bill", call.key())
        return found


def _require_one(body: dict[str, Any], name: str, default: str) -> None:
    if bool(body.get(name)) is bool(body.get(default)):
        raise invalid({name: [f"Give one of {name} and {default}."]})


def _any_object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ProblemError("Invalid input type.")
    return value


def _read_details(body: dict[str, Any]) -> dict[str, Any] | None:
    given, method = body.get("payment_details"), body.get("payment_method")
    if given is None:
        if method == "PAID_MANUALLY":
            raise invalid({"payment_details": ["required"]})
        return None
    fields, required = DETAILS.get(method or "", ({}, ()))
    try:
        return shape(fields, required=required)(given)  # type: ignore[no-any-return]  # shape returns a dict
    except ProblemError as problem:
        inside = {f"payment_details.{name}": texts for name, texts in problem.inside.items()}
        raise invalid(inside or {"payment_details": [str(problem)]}) from problem
