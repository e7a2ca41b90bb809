"""Payments: an invoice paid in BILL says so in IFS, under the ETag of a fresh read; what is undone is a person's."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from mlc_pipelines.errors import Cause
from mlc_pipelines.sandbox.bill.records import Bill
from mlc_pipelines_tests.integrations.bill.organization import add_bill, change
from mlc_pipelines_tests.roads.bill.tenancy import Tenancy, key_of, line

DAY = 24 * 3600
MONTH = 31 * DAY
FIRST_PAYMENT = "P26100001"  # what people call it


def marks(tenancy: Tenancy, bill: Bill) -> tuple[Any, Any]:
    found = tenancy.proposal(key_of(bill))
    return found["Cf_Paid_Status"], found["Cf_Payment_Reference"]


def paid(tenancy: Tenancy) -> tuple[Bill, str]:
    """Bring an invoice to BILL, pay it, tell IFS; give bill and payment."""
    bill = tenancy.sent()
    payment = tenancy.pay(bill)
    tenancy.run("payments")
    return bill, payment


def test_a_paid_bill_marks_its_invoice(tenancy: Tenancy) -> None:
    """Status, the day it was paid, and the bill's id, under the ETag that was read."""
    bill, _ = paid(tenancy)
    assert marks(tenancy, bill) == ("Paid", f"bill:{bill.id}")
    assert tenancy.proposal(key_of(bill))["Cf_Paid_Date"] == tenancy.simulators.clock.now().date()
    patches = [entry for entry in tenancy.ifs.journal.entries if entry.method == "PATCH"]
    assert len(patches) == 2  # the sent mark and the paid mark
    assert all(entry.headers.get("if-match", "*") != "*" for entry in patches)


def test_a_bill_was_paid_on_the_day_of_its_last_payment_that_holds(tenancy: Tenancy) -> None:
    """Not on the day on which it was changed last in BILL, or that of a payment which was voided."""
    bill = tenancy.sent()
    undone = tenancy.pay(bill)
    tenancy.bill.store.payments[undone].process_date += timedelta(days=9)
    tenancy.bill.people.void_payment(undone)
    tenancy.pay(bill, "60.00")
    tenancy.pay(bill, "40.00")
    day = tenancy.simulators.clock.now().date()
    tenancy.simulators.clock.sleep(DAY)
    change(tenancy.bill, bill)
    tenancy.run("payments")
    assert tenancy.proposal(key_of(bill))["Cf_Paid_Date"] == day


def test_an_open_or_scheduled_bill_says_nothing(tenancy: Tenancy) -> None:
    """The payment is written down, and left alone."""
    bill = tenancy.sent()
    tenancy.run("payments")
    assert tenancy.states("payments") == {}
    tenancy.bill.people.schedule_payments([bill.id])
    tenancy.run("payments")
    assert tenancy.states("payments") == {"ignored": 1}
    assert marks(tenancy, bill) == (None, None)


def test_a_part_is_told_as_a_part_then_the_whole(tenancy: Tenancy) -> None:
    """The same mark, brought up to date."""
    bill = tenancy.sent()
    tenancy.pay(bill, "60.00")
    tenancy.run("payments")
    assert marks(tenancy, bill) == ("PartlyPaid", f"bill:{bill.id}")
    tenancy.pay(bill, "40.00")
    tenancy.run("payments")
    assert marks(tenancy, bill) == ("Paid", f"bill:{bill.id}")
    assert tenancy.causes("payments") == {}


def test_a_second_pass_marks_nothing(tenancy: Tenancy) -> None:
    """The bill is asked for again, and only seen."""
    paid(tenancy)
    before = tenancy.simulators.writes()
    tenancy.walk()
    assert tenancy.simulators.writes() == before


def test_amount_and_currency_of_a_payment_are_in_the_ledger(tenancy: Tenancy) -> None:
    """The currency is the vendor's, for a bill has none."""
    bill, _ = paid(tenancy)
    entry = tenancy.entry("payments", bill.id)
    assert (entry.amount, entry.currency, entry.company) == (bill.amount, "EUR", "10")


# Undone


@pytest.mark.parametrize("single_status", ["VOIDED", "CANCELED", "FUNDING_FAILED_VOIDED"])
def test_a_payment_that_is_undone_is_held_and_the_mark_stays(tenancy: Tenancy, single_status: str) -> None:
    """Both the bill that is open again and the payment that failed say so; IFS is not touched."""
    bill, payment = paid(tenancy)
    tenancy.simulators.clock.sleep(60)
    tenancy.bill.people.void_payment(payment, status=single_status)
    before = tenancy.simulators.writes()
    tenancy.run("payments")
    assert tenancy.causes("payments") == dict.fromkeys(("INV-1", FIRST_PAYMENT), Cause.CHANGED_AFTER_DELIVERY)
    assert marks(tenancy, bill) == ("Paid", f"bill:{bill.id}")
    assert tenancy.simulators.writes() == before


def test_a_failed_payment_of_a_bill_that_still_says_paid_is_held(tenancy: Tenancy) -> None:
    """A bank may refuse it after it has cleared."""
    bill, payment = paid(tenancy)
    tenancy.bill.people.fail_disbursement(payment)
    tenancy.run("payments")
    assert tenancy.causes("payments") == {FIRST_PAYMENT: Cause.CHANGED_AFTER_DELIVERY}
    assert key_of(bill) in (tenancy.entry("payments", payment).problem or "")


def test_a_payment_that_failed_before_its_bill_was_told_is_held_all_the_same(tenancy: Tenancy) -> None:
    """Bill and payment are seen in one pass, as after a weekend: the bill says paid, the bank has refused."""
    bill = tenancy.sent()
    tenancy.bill.people.fail_disbursement(tenancy.pay(bill))
    tenancy.run("payments")
    assert marks(tenancy, bill)[0] == "Paid"
    tenancy.run("payments")
    assert tenancy.causes("payments") == {FIRST_PAYMENT: Cause.CHANGED_AFTER_DELIVERY}


def test_a_rest_that_is_only_scheduled_takes_nothing_back(tenancy: Tenancy) -> None:
    """The bill says so instead of how much is paid; what was told still holds."""
    bill = tenancy.sent()
    tenancy.pay(bill, "40.00")
    tenancy.run("payments")
    (rest,) = tenancy.bill.people.schedule_payments([bill.id])
    tenancy.run("payments")
    assert tenancy.causes("payments") == {}
    assert marks(tenancy, bill)[0] == "PartlyPaid"
    tenancy.bill.people.process_payments([rest])
    tenancy.run("payments")
    assert marks(tenancy, bill)[0] == "Paid"


def test_a_bill_that_somebody_made_less_is_no_payment_of_the_whole(tenancy: Tenancy) -> None:
    """The invoice is corrected in IFS, and marked then."""
    bill = tenancy.sent()
    tenancy.bill.people.edit_bill(bill.id, first_line="80.00")
    tenancy.pay(bill)
    tenancy.run("payments")
    assert tenancy.causes("payments") == {"INV-1": Cause.AMOUNT_MISMATCH}
    assert marks(tenancy, bill) == (None, None)
    tenancy.edit(key_of(bill), lines=[line("80.00")], NetCurrAmount="80.00")
    tenancy.run("bills", "payments")
    assert (tenancy.causes("bills"), tenancy.causes("payments"), marks(tenancy, bill)[0]) == ({}, {}, "Paid")


def test_a_bill_that_was_paid_and_archived_is_told(tenancy: Tenancy) -> None:
    """Whether a list shows archived bills unasked is not stated."""
    tenancy.bill.switches.hide_archived = True
    bill = tenancy.sent()
    tenancy.pay(bill)
    tenancy.bill.people.archive_bill(bill.id)
    tenancy.run("payments")
    assert marks(tenancy, bill)[0] == "Paid"


def test_a_part_less_than_was_told_is_held(tenancy: Tenancy) -> None:
    """Of two payments one was voided."""
    bill, _ = paid(tenancy)
    change(tenancy.bill, bill, paid=Decimal(60))
    tenancy.run("payments")
    assert tenancy.causes("payments") == {"INV-1": Cause.CHANGED_AFTER_DELIVERY}
    assert marks(tenancy, bill)[0] == "Paid"


def test_what_is_paid_anew_goes_on(tenancy: Tenancy) -> None:
    """The hold of the bill ends with the new version of it."""
    bill, payment = paid(tenancy)
    tenancy.bill.people.void_payment(payment)
    tenancy.run("payments")
    tenancy.pay(bill)
    tenancy.run("payments")
    assert tenancy.causes("payments") == {FIRST_PAYMENT: Cause.CHANGED_AFTER_DELIVERY}
    assert marks(tenancy, bill)[0] == "Paid"


def test_a_payment_that_fails_before_anything_was_told_is_nobodys_matter(tenancy: Tenancy) -> None:
    """The bill is simply open."""
    bill = tenancy.sent()
    payment = tenancy.pay(bill)
    tenancy.bill.people.void_payment(payment)
    tenancy.run("payments")
    assert tenancy.causes("payments") == {}
    assert marks(tenancy, bill) == (None, None)
    tenancy.pay(bill)
    for _ in range(2):
        tenancy.run("payments")
    assert (tenancy.causes("payments"), marks(tenancy, bill)[0]) == ({}, "Paid")


def test_a_bill_is_watched_for_a_month_and_its_payments_for_good(tenancy: Tenancy) -> None:
    """Then it is no longer asked for, and a failure is still heard of."""
    _, payment = paid(tenancy)
    tenancy.simulators.clock.sleep(MONTH)
    tenancy.run("payments")
    asked = tenancy.calls("GET", "/v3/bills")
    tenancy.run("payments")
    assert tenancy.calls("GET", "/v3/bills") == asked
    tenancy.bill.people.fail_disbursement(payment)
    tenancy.run("payments")
    assert tenancy.causes("payments") == {FIRST_PAYMENT: Cause.CHANGED_AFTER_DELIVERY}


def test_a_worker_that_dies_while_it_looks_at_a_bill_does_not_end_its_watch(tenancy: Tenancy) -> None:
    """That the rest of it was paid is told all the same."""
    tenancy.change(bill={"watch_days": 0})
    bill = tenancy.sent()
    tenancy.pay(bill, "60.00")
    tenancy.run("payments")
    tenancy.pay(bill, "40.00")
    tenancy.simulators.clock.sleep(60)
    assert list(tenancy.road("payments").flow.collect("bills", None))
    tenancy.run("payments")
    assert marks(tenancy, bill) == ("Paid", f"bill:{bill.id}")


# Others


def test_a_finally_posted_invoice_is_held(tenancy: Tenancy) -> None:
    """It has left the proposals; a person marks it where it is now."""
    bill = tenancy.sent()
    company, _, invoice_id = key_of(bill).partition("^")
    tenancy.ifs.people.final_post(company, int(invoice_id))
    tenancy.pay(bill)
    tenancy.run("payments")
    assert tenancy.causes("payments") == {"INV-1": Cause.INVOICE_UNKNOWN}


def test_an_invoice_paid_by_another_is_held(tenancy: Tenancy) -> None:
    """Nobody's mark is overwritten."""
    bill = tenancy.sent()
    tenancy.edit(key_of(bill), Cf_Paid_Status="Paid", Cf_Payment_Reference="cheque 12")
    tenancy.pay(bill)
    tenancy.run("payments")
    assert tenancy.causes("payments") == {"INV-1": Cause.DUPLICATE_SUSPECTED}
    assert marks(tenancy, bill) == ("Paid", "cheque 12")


def theirs(tenancy: Tenancy, **fields: Any) -> str:
    """A bill entered in BILL, and paid there."""
    bill = add_bill(tenancy.bill, tenancy.vendor_of("S-1001").id, "X-1", **fields)
    tenancy.pay(bill)
    return bill.id


def test_a_bill_made_in_bill_is_none_of_ours(tenancy: Tenancy) -> None:
    """The poll does not ask for it; a webhook that names it is ignored for a reason."""
    bill_id = theirs(tenancy)
    tenancy.run("payments")
    assert tenancy.states("payments") == {}
    tenancy.hear("payments", "bill.updated", bill_id)
    tenancy.run("payments")
    assert tenancy.entry("payments", bill_id).cause == Cause.BORN_IN_TARGET


def test_a_bill_that_only_looks_like_ours_is_held(tenancy: Tenancy) -> None:
    """It begins with a key, and this connection never sent it."""
    bill_id = theirs(tenancy, description="IFS 10^4711")
    tenancy.hear("payments", "bill.updated", bill_id)
    tenancy.run("payments")
    assert tenancy.entry("payments", bill_id).cause == Cause.INVOICE_UNKNOWN


def test_a_bill_of_a_company_that_is_not_ours_is_left_alone(tenancy: Tenancy) -> None:
    """Another connection to the same organization sent it, and tells its payment."""
    bill_id = theirs(tenancy, description="IFS 30^4711")
    tenancy.hear("payments", "bill.updated", bill_id)
    tenancy.run("payments")
    assert tenancy.entry("payments", bill_id).cause == Cause.NOT_OURS
    assert tenancy.states("payments") == {"ignored": 1}


def test_an_event_is_not_believed_but_looked_up(tenancy: Tenancy) -> None:
    """The bill is read anew; one that is not paid, and one that is gone, are nothing."""
    bill = tenancy.sent()
    tenancy.hear("payments", "bill.updated", bill.id)
    tenancy.hear("payments", "bill.updated", "00nGONE")
    tenancy.hear("payments", "payment.updated", "stpGONE")
    tenancy.run("payments")
    assert tenancy.states("payments") == {}
    tenancy.pay(bill)
    tenancy.hear("payments", "payment.failed", bill.id)
    tenancy.run("payments")
    assert marks(tenancy, bill)[0] == "Paid"


@pytest.mark.parametrize("by", ["updatedTime", "processDate", "nothing"])
def test_payments_are_listed_as_the_connection_says(tenancy: Tenancy, by: str) -> None:
    """By which field they can be filtered is not documented."""
    tenancy.change(bill={"payments_since": by})
    paid(tenancy)
    tenancy.run("payments")
    asked = [entry.query for entry in tenancy.bill.journal.entries if entry.path.endswith("/payments")]
    assert [f"{by}%3Agte" in query for query in asked] == [False, by != "nothing"]


def test_a_payment_under_no_id_of_one_is_held(tenancy: Tenancy) -> None:
    """It is not taken for a bill that nobody paid, and not lost."""
    bill = tenancy.sent()
    payment = tenancy.pay(bill)
    made = tenancy.bill.store.payments
    made["pay-1"] = replace(made.pop(payment), id="pay-1")
    tenancy.run("payments")
    assert tenancy.causes("payments") == {"pay-1": Cause.UNREADABLE}
