"""How a bill or a payment stands in BILL, and what that means for the invoice in IFS. Pure functions."""

from dataclasses import dataclass
from decimal import Decimal

from mlc_pipelines.integrations.bill.models import Bill, Payment
from mlc_pipelines.integrations.erp.payments import PAID, PARTLY_PAID

FAILURES = frozenset(
    {
        "VOIDED", "CANCELED", "FUNDING_FAILED_VOIDED", "FUNDING_FAILED_ACTION_NEEDED", "DISBURSEMENT_ON_HOLD",
        "DISBURSEMENT_FAILED_ACTION_NEEDED", "DISBURSEMENT_FAILED_VENDOR_BANK_REJECTED", "FUNDS_ESCHEATED",
        "CANCELLATION_IN_PROGRESS", "PARTIALLY_CLAIMED", "FAILED",
    }
)  # fmt: skip
"""How a payment stands that a person must look at. `CLEARED` is not final: a bank may refuse it later (documented)."""

UNDONE = frozenset({"VOIDED", "CANCELED", "FUNDING_FAILED_VOIDED"})
"""How a payment stands after which its bills owe the money again, and say so."""

_PAYMENT_PREFIX = "stp"


def is_payment(object_id: str) -> bool:
    """Tell an id of a payment from one of a bill (documented)."""
    return object_id.startswith(_PAYMENT_PREFIX)


@dataclass(frozen=True, slots=True)
class Paid:
    """What has been paid of a bill, in the words of the mark in IFS."""

    status: str
    amount: Decimal

    def text(self) -> str:
        """Write it down: `Paid 100.00`."""
        return f"{self.status} {self.amount}"

    @classmethod
    def from_text(cls, text: str) -> "Paid":
        """Read what was written down."""
        status, _, amount = text.partition(" ")
        return cls(status, Decimal(amount))


def paid(bill: Bill) -> Paid | None:
    """Give what has been paid of a bill; None while nothing was, a scheduled payment included."""
    amount, due = bill.amount or Decimal(0), bill.due_amount
    if bill.payment_status == "PAID" and not due:
        return Paid(PAID, amount)
    if bill.payment_status not in {"PAID", "PARTIAL"}:
        return None
    part = bill.paid_amount if bill.paid_amount is not None else amount - (due or Decimal(0))
    return Paid(PARTLY_PAID, part) if part else None


def is_rest_scheduled(bill: Bill, told: Paid) -> bool:
    """Tell whether a bill says that a payment is scheduled, and still has what IFS was told of as paid."""
    return bill.payment_status == "SCHEDULED" and bill.paid_amount is not None and bill.paid_amount >= told.amount


def failure(payment: Payment) -> str | None:
    """Say how a payment has failed; None for one that has not."""
    return next((standing for standing in _said(payment) if standing in FAILURES), None)


def is_undone(payment: Payment) -> bool:
    """Tell whether the bills of a payment owe the money again; of other failures they say nothing."""
    return any(standing in UNDONE for standing in _said(payment))


def _said(payment: Payment) -> tuple[str | None, ...]:
    return payment.single_status, payment.disbursement_status, payment.status
