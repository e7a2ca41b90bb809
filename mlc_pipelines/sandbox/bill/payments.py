"""Payments: list, one, and recording a payment made outside; also how payments move and what they do to bills."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from mlc_pipelines.sandbox.bill.answers import Answer, Problem, not_found
from mlc_pipelines.sandbox.bill.filters import TIME_RULES, Filterable, Rules, moment
from mlc_pipelines.sandbox.bill.gate import AP, Call, Endpoint
from mlc_pipelines.sandbox.bill.lists import PARAMETERS
from mlc_pipelines.sandbox.bill.records import Bill, Payment, Vendor
from mlc_pipelines.sandbox.bill.rows import Rows
from mlc_pipelines.sandbox.bill.store import Store, rounded
from mlc_pipelines.sandbox.bill.validation import (
    Field,
    ProblemError,
    day,
    flag,
    nested,
    number,
    read_fields,
    rows_of,
    settled,
    word,
)

FIRST_NUMBER = 26_100_000
STEPS = ("SCHEDULED", "FUNDING_STARTED", "PROCESSED", "SENT", "DELIVERED", "CLEARED")
ENDED = frozenset({"VOIDED", "CANCELED", "FUNDING_FAILED_VOIDED"})
PART = {"billId": Field(word, required=True), "amount": Field(number, required=True)}
RECORD = {
    "vendorId": Field(word, required=True),
    "processDate": Field(day, required=True),
    "payments": Field(rows_of(nested(PART)), required=True),
    "toPrintCheck": Field(flag),
}
RULES: Rules = {
    **TIME_RULES,
    "id": Filterable(lambda row: row.id, ("eq", "ne", "in")),
    "vendorId": Filterable(lambda row: row.vendor_id, ("eq", "in")),
    "singleStatus": Filterable(lambda row: row.single_status, ("eq", "ne", "in")),
    "processDate": Filterable(
        lambda row: row.process_date, ("eq", "gt", "gte", "lt", "lte"), lambda value: moment(value).date()
    ),
}


class PaymentEndpoints:
    """Payments are read here and made by people; only outside ones are recorded."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows = Rows(store)

    def endpoints(self) -> list[Endpoint]:
        """Return what is answered."""
        path = f"{AP}/v3/bills/record-payment"
        return [
            Endpoint("GET", f"{AP}/v3/payments", self._list, parameters=PARAMETERS),
            Endpoint("GET", f"{AP}/v3/payments/{{id}}", self._show),
            Endpoint("POST", path, self._record, has_body=True, entrance="payment"),
        ]

    def _list(self, call: Call) -> Answer:
        return call.page(self._store.payments.values(), rules=RULES, render=self._rows.payment)

    def _show(self, call: Call) -> Answer:
        found = self._store.payments.get(call.key())
        if found is None:
            raise not_found("Payment", call.key())
        return Answer(200, self._rows.payment(found))

    def _record(self, call: Call) -> Answer:
        body = call.json()
        values, parts = settled(lambda: self._read(body))
        payment = schedule(self._store, parts, process_date=values["processDate"], outside=True)
        advance(self._store, payment, "CLEARED")
        call.note(f"recorded payment {payment.id}")
        return Answer(201, self._rows.payment(payment))

    def _read(self, body: Any) -> tuple[dict[str, Any], list[tuple[Bill, Decimal]]]:
        values = read_fields(body, RECORD)
        vendor = self._store.vendors.get(values["vendorId"])
        if vendor is None:
            raise ProblemError(Problem(f"There is no vendor {values['vendorId']}.", "vendorId"))
        parts: list[tuple[Bill, Decimal]] = []
        for place, row in enumerate(values["payments"]):
            try:
                parts.append(self._part(row, vendor, parts))
            except ProblemError as error:
                raise ProblemError(*(problem.under(f"payments[{place}]") for problem in error.problems)) from error
        return values, parts

    def _part(self, row: Mapping[str, Any], vendor: Vendor, before: list[tuple[Bill, Decimal]]) -> tuple[Bill, Decimal]:
        bill = self._store.bills.get(row["billId"])
        if bill is None or bill.vendor_id != vendor.id or bill.archived:
            raise ProblemError(Problem(f"The vendor has no bill {row['billId']}.", "billId"))
        if any(other is bill for other, _ in before):
            raise ProblemError(Problem("The bill comes twice.", "billId"))
        amount: Decimal = row["amount"]
        if amount != rounded(amount, vendor.bill_currency) or not 0 < amount <= bill.due - bill.scheduled:
            raise ProblemError(Problem(f"{amount:f} can not be paid on this bill.", "amount"))
        return bill, rounded(amount, vendor.bill_currency)


def schedule(
    store: Store, parts: list[tuple[Bill, Decimal]], *, process_date: date | None = None, outside: bool = False
) -> Payment:
    """Make a payment for bills of one vendor; it is on its way and they are SCHEDULED."""
    payment = Payment(
        **store.stamps("stp"),
        vendor_id=parts[0][0].vendor_id,
        process_date=process_date or store.now().date(),
        parts=[(bill.id, amount) for bill, amount in parts],
        transaction_number=f"P{FIRST_NUMBER + len(store.payments) + 1}",
        outside=outside,
    )
    store.payments[payment.id] = payment
    for bill, amount in parts:
        bill.scheduled += amount
    advance(store, payment, "SCHEDULED")
    return payment


def advance(store: Store, payment: Payment, status: str) -> None:
    """Move a payment to a status of its ordinary way and tell it; bills are paid when the switch says so."""
    payment.single_status = status
    payment.status = "SCHEDULED" if STEPS.index(status) < STEPS.index("PROCESSED") else "PROCESSED"
    payment.disbursement_status = status
    if not payment.booked and STEPS.index(status) >= STEPS.index(store.switches.paid_when):
        payment.booked = True
        for bill, amount in _bills(store, payment):
            bill.scheduled -= amount
            bill.paid += amount
    _tell(store, payment)


def end(store: Store, payment: Payment, status: str = "VOIDED") -> None:
    """Void or cancel a payment; its bills owe the money again."""
    if payment.single_status in ENDED:
        raise ValueError(f"{payment.id} is {payment.single_status} already")
    for bill, amount in _bills(store, payment):
        if payment.booked:
            bill.paid -= amount
        else:
            bill.scheduled -= amount
    payment.booked = True
    payment.single_status = payment.status = payment.disbursement_status = status
    _tell(store, payment)


def label(store: Store, payment: Payment, status: str) -> None:
    """Give a payment any single status and tell it; bills stay as they are."""
    payment.single_status = payment.disbursement_status = status
    _tell(store, payment)


def fail(store: Store, payment: Payment, *, status: str, with_id: bool) -> None:
    """Let the disbursement fail; bills stay as they are, and payment.failed is told, possibly without the id."""
    payment.single_status = payment.disbursement_status = status
    store.touch(payment)
    rows = Rows(store)
    error = {"code": "BDC_1152", "message": "The vendor's bank has refused the payment."}
    notice = rows.payment_notice(payment) | {
        "bills": [rows.bill(bill) for bill, _ in _bills(store, payment)],
        "errors": [error | {"timestamp": rows.payment(payment)["updatedTime"]}],
    }
    if not with_id:
        del notice["id"]
    store.emit("payment.failed", {"payment": notice})


def _bills(store: Store, payment: Payment) -> list[tuple[Bill, Decimal]]:
    return [(store.bills[bill_id], amount) for bill_id, amount in payment.parts]


def _tell(store: Store, payment: Payment) -> None:
    rows = Rows(store)
    store.touch(payment)
    store.emit("payment.updated", {"payment": rows.payment_notice(payment)})
    for bill, _ in _bills(store, payment):
        store.touch(bill)
        store.emit("bill.updated", {"bill": rows.bill(bill)})
