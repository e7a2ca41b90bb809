"""The life of a bill: submitted, approved, denied, withdrawn, paid; each step is a row of its history."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from mlc_pipelines.sandbox.procurify.bill_records import (
    APPROVED,
    CONFIRMED,
    DENIED,
    DRAFT,
    PAID,
    PAYMENT_APPROVED,
    PAYMENT_CONFIRMED,
    PAYMENT_LIMBO,
    WITHDRAWN,
    Bill,
    StatusRow,
)
from mlc_pipelines.sandbox.procurify.records import Payment, Person
from mlc_pipelines.sandbox.procurify.store import Store

# the status wanted, and those it is reached from
MOVES = {
    CONFIRMED: (DRAFT,),
    APPROVED: (CONFIRMED,),
    DENIED: (CONFIRMED, APPROVED),
    WITHDRAWN: (DRAFT, CONFIRMED, APPROVED),
    PAYMENT_CONFIRMED: (APPROVED,),
    PAYMENT_APPROVED: (APPROVED, PAYMENT_CONFIRMED),
    PAYMENT_LIMBO: (APPROVED, PAYMENT_CONFIRMED, PAYMENT_APPROVED),
    PAID: (APPROVED, PAYMENT_CONFIRMED, PAYMENT_APPROVED, PAYMENT_LIMBO),
}
PAYMENT_STATUS = {
    PAYMENT_CONFIRMED: "scheduled",
    PAYMENT_APPROVED: "approved",
    PAYMENT_LIMBO: "processing",
    PAID: "paid",
}


def move(store: Store, bill: Bill, status: int, *, person: Person | None, at: datetime | None = None) -> None:
    """Bring a bill into a status; `at` is for the days before the first. Raises ValueError when it can not."""
    if bill.status not in MOVES[status]:
        raise ValueError(f"bill {bill.id} is {bill.status} and can not become {status}")
    bill.status, bill.editor = status, person
    bill.history.append(StatusRow(status, at or store.now(), person))
    if at is None:
        store.touch(bill)
    else:
        bill.last_modified = at


def pay(store: Store, bills: Sequence[Bill], status: int, *, person: Person | None, at: datetime | None = None) -> int:
    """Bring bills of one vendor and currency on their way to payment, together; return the payment's id."""
    first = bills[0]
    if any((bill.vendor, bill.currency) != (first.vendor, first.currency) for bill in bills):
        raise ValueError("bills paid together have one vendor and one currency")
    for bill in bills:
        move(store, bill, status, person=person, at=at)
    now = at or store.now()
    payment = first.payment or _payment(store, bills, now)
    payment.status, payment.updated_at = PAYMENT_STATUS[status], now
    payment.posted_date = now if status == PAID else None
    return payment.id


def _payment(store: Store, bills: Sequence[Bill], now: datetime) -> Payment:
    first, number, group = bills[0], store.new_id("payment"), store.new_id("group")
    made = Payment(
        id=number,
        uuid=store.new_uuid("payment", number),
        status="draft",
        amount=sum((bill.total for bill in bills), Decimal(0)),
        currency=first.currency,
        vendor=first.vendor,
        processing_date=now,
        created_at=now,
        updated_at=now,
        bill_groups=[group],
        invoice_numbers=[bill.invoice_number for bill in bills],
    )
    store.payments[made.id] = made
    for bill in bills:
        bill.payment, bill.group = made, group
    return made
