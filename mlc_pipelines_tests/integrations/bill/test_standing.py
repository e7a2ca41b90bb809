"""Tests of how a bill or a payment stands, and what that means for the invoice."""

from decimal import Decimal
from typing import Any

import pytest

from mlc_pipelines.integrations.bill.standing import Paid, failure, is_payment, paid
from mlc_pipelines_tests.integrations.bill.builders import bill, new_bill, payment


@pytest.mark.parametrize(
    ("said", "stands"),
    [
        ({"paymentStatus": "UNPAID"}, None),
        ({"paymentStatus": "SCHEDULED", "paidAmount": 100.0}, None),
        ({"paymentStatus": "UNDEFINED"}, None),
        ({"paymentStatus": "MOONLIT"}, None),
        ({}, None),
        ({"paymentStatus": "PAID", "dueAmount": 0}, "Paid 100.0"),
        ({"paymentStatus": "PAID"}, "Paid 100.0"),
        ({"paymentStatus": "PAID", "dueAmount": 40.0, "paidAmount": 60.0}, "PartlyPaid 60.0"),
        ({"paymentStatus": "PARTIAL", "dueAmount": 40.0}, "PartlyPaid 60.0"),
        ({"paymentStatus": "PARTIAL", "paidAmount": 25.5, "dueAmount": 74.5}, "PartlyPaid 25.5"),
        ({"paymentStatus": "PARTIAL", "paidAmount": 0}, None),
    ],
)
def test_a_bill_is_paid_when_nothing_is_due(said: dict[str, Any], stands: str | None) -> None:
    """A scheduled payment is none yet, and a partial one is told as such."""
    found = paid(bill(**{"paymentStatus": None, **said}))
    assert (found.text() if found else None) == stands


def test_what_was_told_can_be_read_back() -> None:
    """From the trail, to compare it with what is said later."""
    told = Paid("Paid", Decimal("1250.00"))
    assert Paid.from_text(told.text()) == told


@pytest.mark.parametrize(
    ("said", "failed"),
    [
        ({"singleStatus": "CLEARED"}, None),
        ({"singleStatus": "PROCESSED", "status": "PROCESSED"}, None),
        ({"singleStatus": "VOIDED"}, "VOIDED"),
        ({"status": "CANCELED"}, "CANCELED"),
        ({"singleStatus": "CLEARED", "disbursementStatus": "FAILED"}, "FAILED"),
        ({"singleStatus": "DISBURSEMENT_FAILED_VENDOR_BANK_REJECTED"}, "DISBURSEMENT_FAILED_VENDOR_BANK_REJECTED"),
        ({"singleStatus": "PARTIALLY_CLAIMED"}, "PARTIALLY_CLAIMED"),
        ({"singleStatus": "NEVER_HEARD_OF"}, None),
    ],
)
def test_a_payment_fails_in_many_words(said: dict[str, Any], failed: str | None) -> None:
    """The list may be longer; what is not in it is no failure."""
    assert failure(payment(**said)) == failed


def test_a_payment_is_told_by_its_id() -> None:
    """Webhooks name both payments and bills."""
    assert is_payment("stpP")
    assert not is_payment("00nB")


def test_a_bill_that_says_all_of_it_needs_no_change() -> None:
    """Whatever else BILL has put into it."""
    sent = new_bill()
    there = {
        "vendorId": "009V",
        "dueDate": "2026-11-01",
        "invoice": {"invoiceNumber": "INV-7781", "invoiceDate": "2026-10-02"},
        "billLineItems": [{"amount": 12.34, "classifications": {"departmentId": None}, "id": "l-1"}],
    }
    assert sent.stands_in(bill(**there))
    changes: list[dict[str, Any]] = [
        {"dueDate": "2026-11-02"},
        {"purchaseOrderNumber": "P-1"},
        {"billLineItems": [{"amount": 12.35}]},
        {"billLineItems": []},
        {"description": "IFS 10^1001; PO P-1"},
        {"vendorId": "009W"},
    ]
    for changed in changes:
        assert not sent.stands_in(bill(**{**there, **changed}))


def test_a_bill_is_sent_with_numbers_that_are_exact() -> None:
    """No float stands between us and BILL; an empty order number is left out."""
    body = new_bill(lines=[{"amount": "0.10", "description": "a", "classifications": {}}] * 3).body()
    assert [line["amount"] for line in body["billLineItems"]] == [Decimal("0.10")] * 3
    assert "purchaseOrderNumber" not in body
    assert body["invoice"] == {"invoiceNumber": "INV-7781", "invoiceDate": "2026-10-02"}
