"""Payments: an invoice paid in Ramp says so in IFS once, under the ETag of a fresh read."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from mlc_pipelines.errors import Cause
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.roads.installation import NAME
from mlc_pipelines_tests.roads.ramp.tenancy import Tenancy


def paid(tenancy: Tenancy, number: str = "INV-1", **attributes: Any) -> Any:
    """Bring an invoice to Ramp, have it approved, booked and paid; give its bill."""
    reference = tenancy.invoice(number, **attributes)
    tenancy.run("bills")
    tenancy.approve()
    tenancy.run("vouchers")
    tenancy.ramp.people.pay_bills()
    return tenancy.bill(reference)


def marks(tenancy: Tenancy, reference: str) -> tuple[Any, Any, Any]:
    found = tenancy.proposal(reference)
    return found["Cf_Paid_Status"], found["Cf_Paid_Date"], found["Cf_Payment_Reference"]


def test_a_paid_bill_marks_its_invoice_as_paid(tenancy: Tenancy) -> None:
    """Status, date and the bill's id, and Ramp hears that the payment is booked."""
    bill = paid(tenancy)
    tenancy.run("payments")
    assert marks(tenancy, bill.remote_id) == ("Paid", bill.paid_at.date(), f"ramp:{bill.id}")
    assert (bill.sync_status, bill.payment_reference) == ("BILL_AND_PAYMENT_SYNCED", bill.remote_id)


def test_every_change_to_an_invoice_carries_the_etag_that_was_read(tenancy: Tenancy) -> None:
    """No PATCH without If-Match."""
    paid(tenancy)
    tenancy.run("payments")
    patches = [entry for entry in tenancy.ifs.journal.entries if entry.method == "PATCH"]
    assert len(patches) == 2  # the sent mark and the paid mark
    assert all(entry.headers.get("if-match", "*") != "*" for entry in patches)


def test_a_second_pass_marks_nothing(tenancy: Tenancy) -> None:
    """The bill stays in the list of paid bills for a day; it is only seen."""
    paid(tenancy)
    tenancy.run("payments")
    before = tenancy.simulators.writes()
    tenancy.walk()
    assert tenancy.simulators.writes() == before


def test_a_finally_posted_invoice_is_held(tenancy: Tenancy) -> None:
    """It has left the proposals; a person marks it where it is now."""
    bill = paid(tenancy)
    company, _, invoice_id = bill.remote_id.partition("^")
    tenancy.ifs.people.final_post(company, int(invoice_id))
    tenancy.run("payments")
    assert tenancy.causes("payments") == {"INV-1": Cause.INVOICE_UNKNOWN}
    assert "mark it by hand" in (tenancy.entry("payments", bill.id).problem or "")


def test_the_payment_of_a_bill_born_in_ramp_is_ignored(tenancy: Tenancy) -> None:
    """There is no invoice in IFS to mark."""
    bill_id = tenancy.ramp.people.create_bill_in_ramp(company="10", coding={"Category": "10^4600"})
    tenancy.ramp.people.pay_bills([bill_id])
    tenancy.run("payments")
    assert tenancy.entry("payments", bill_id).cause == Cause.BORN_IN_TARGET
    assert tenancy.states("payments") == {"ignored": 1}


def test_a_bill_that_somebody_made_less_is_no_payment_of_the_whole(tenancy: Tenancy) -> None:
    """An approver takes off what was not delivered; the invoice is corrected in IFS, and marked then."""
    reference = tenancy.invoice("INV-1")
    tenancy.run("bills")
    tenancy.bill(reference).lines[0].amount = Decimal("80.00")
    tenancy.approve()
    tenancy.ramp.people.pay_bills()
    tenancy.run("payments")
    assert tenancy.causes("payments") == {"INV-1": Cause.AMOUNT_MISMATCH}
    assert marks(tenancy, reference)[0] is None
    coded = {"Account": "4010", "CodeB": "210", "CurrencyAmount": "80.00"}
    tenancy.edit(reference, lines=[coded], NetCurrAmount="80.00")
    tenancy.run("bills", "payments")
    assert (tenancy.causes("bills"), tenancy.causes("payments"), marks(tenancy, reference)[0]) == ({}, {}, "Paid")


def test_a_bill_whose_reference_somebody_took_off_is_ours_all_the_same(tenancy: Tenancy) -> None:
    """We know which bill we made of the invoice."""
    bill = paid(tenancy)
    reference, bill.remote_id = bill.remote_id, None
    tenancy.run("payments")
    assert marks(tenancy, reference)[0] == "Paid"


def test_a_bill_we_did_not_send_is_held(tenancy: Tenancy) -> None:
    """Its reference looks like ours, and this connection never sent it."""
    bill = paid(tenancy)
    bill.remote_id = "10^4711"
    tenancy.run("payments")
    assert tenancy.causes("payments") == {"INV-1": Cause.INVOICE_UNKNOWN}


def test_the_payment_of_another_connections_bill_is_left_alone(tenancy: Tenancy) -> None:
    """Two connections share a business: the company is not ours, and its own connection tells its payment."""
    bill = paid(tenancy)
    bill.remote_id = "30^4711"
    tenancy.run("payments")
    assert tenancy.entry("payments", bill.id).cause == Cause.NOT_OURS
    assert tenancy.states("payments") == {"ignored": 1}


def test_the_day_is_the_payments_own(tenancy: Tenancy) -> None:
    """Somebody enters in November what was paid by hand in October."""
    bill = paid(tenancy)
    bill.payment["effective_date"] = bill.payment["payment_date"] = "2026-10-05T00:00:00"
    tenancy.run("payments")
    assert marks(tenancy, bill.remote_id)[1] == date(2026, 10, 5)


@pytest.mark.parametrize("vouchers", [True, False])
def test_a_payment_that_comes_back_is_held_until_the_bill_is_paid_anew(tenancy: Tenancy, vouchers: bool) -> None:
    """The mark in IFS is not taken back: a person finds out what became of the money."""
    if not vouchers:
        tenancy.change(ramp={"vouchers": None})
    bill = paid(tenancy)
    tenancy.run("payments")
    tenancy.ramp.people.return_payment(bill.id)
    for _ in range(2):
        tenancy.run("payments")
        assert tenancy.causes("payments") == {"INV-1": Cause.CHANGED_AFTER_DELIVERY}
        assert "is OPEN now (PAYMENT_ERROR)" in (tenancy.entry("payments", bill.id).problem or "")
    assert marks(tenancy, bill.remote_id)[0] == "Paid"
    tenancy.ramp.people.pay_bills()
    tenancy.run("payments")
    assert tenancy.states("payments") == {"confirmed": 1}


def test_a_payment_that_came_back_before_it_was_told_is_not_told(tenancy: Tenancy) -> None:
    """The bill is simply open again."""
    bill = paid(tenancy)
    tenancy.ramp.people.return_payment(bill.id)
    tenancy.hear("payments", "bills.paid", bill.id)
    tenancy.run("payments")
    assert marks(tenancy, bill.remote_id)[0] is None
    assert tenancy.states("payments") == {}


def test_an_event_of_a_payment_has_the_lists_read(tenancy: Tenancy) -> None:
    """It names no bill, and is done with all the same."""
    bill = paid(tenancy)
    tenancy.run("payments")
    tenancy.ramp.people.return_payment(bill.id)
    tenancy.hear("payments", "payments.updated", bill.payment["id"])
    tenancy.run("payments")
    assert tenancy.causes("payments") == {"INV-1": Cause.CHANGED_AFTER_DELIVERY}
    assert tenancy.house.ledger.inbox.pending(NAME, "payments") == []


def test_a_payment_waits_until_its_bill_is_booked(tenancy: Tenancy) -> None:
    """Ramp takes no payment sync before the bill's own; nothing is held, and the next pass brings it to an end."""
    reference = tenancy.invoice("INV-1")
    tenancy.run("bills")
    tenancy.approve()
    tenancy.ramp.people.pay_bills()
    tenancy.run("payments")
    assert marks(tenancy, reference)[0] == "Paid"
    assert tenancy.states("payments") == {"postponed": 1}
    tenancy.run("vouchers", "payments")
    assert tenancy.bill(reference).sync_status == "BILL_AND_PAYMENT_SYNCED"
    assert tenancy.states("payments") == {"confirmed": 1}


def test_an_invoice_paid_by_something_else_is_held(tenancy: Tenancy) -> None:
    """Somebody's own mark is not overwritten."""
    bill = paid(tenancy)
    tenancy.edit(bill.remote_id, Cf_Paid_Status="Paid", Cf_Payment_Reference="bank 7781")
    tenancy.run("payments")
    assert tenancy.causes("payments") == {"INV-1": Cause.DUPLICATE_SUSPECTED}
    assert marks(tenancy, bill.remote_id)[2] == "bank 7781"


def test_an_edit_between_read_and_mark_is_kept(tenancy: Tenancy) -> None:
    """A 412 is followed by a fresh read, never by force."""
    bill = paid(tenancy)
    tenancy.ifs.faults.once("edit", method="PATCH")
    tenancy.run("payments")
    statuses = [entry.status for entry in tenancy.ifs.journal.entries if entry.method == "PATCH"]
    assert statuses[-2:] == [412, 200]
    assert marks(tenancy, bill.remote_id)[0] == "Paid"


def test_a_lost_answer_leaves_one_mark(tenancy: Tenancy) -> None:
    """The next pass reads first, sees the mark, and writes nothing."""
    bill = paid(tenancy)
    tenancy.ifs.faults.once("lost", method="PATCH")
    tenancy.run("payments")
    tenancy.run("payments")
    patches = [entry for entry in tenancy.ifs.journal.entries if entry.method == "PATCH" and b"Paid" in entry.body]
    assert len(patches) == 1
    assert tenancy.entry("payments", bill.id).state is State.CONFIRMED


def test_without_vouchers_the_payment_is_marked_and_ramp_is_not_told(tenancy: Tenancy) -> None:
    """Ramp takes a payment sync only after a bill sync, which nobody makes then."""
    tenancy.change(ramp={"vouchers": None})
    bill = paid(tenancy)
    tenancy.run("payments")
    assert marks(tenancy, bill.remote_id)[0] == "Paid"
    assert tenancy.ramp.syncs == {}
    assert tenancy.states("payments") == {"confirmed": 1}


def test_a_tenant_with_a_status_alone_is_given_the_status(tenancy: Tenancy) -> None:
    """Attributes the tenant does not have are not written."""
    tenancy.change(ifs={"marks": {"paid": {"status": "Cf_Paid_Status", "date": None, "reference": None}}})
    bill = paid(tenancy)
    tenancy.run("payments")
    assert marks(tenancy, bill.remote_id) == ("Paid", None, None)


def test_a_payment_heard_of_by_webhook_is_marked_once(tenancy: Tenancy) -> None:
    """Event and list name the same bill."""
    bill = paid(tenancy)
    tenancy.hear("payments", "bills.paid", bill.id)
    tenancy.run("payments")
    tenancy.run("payments")
    patches = [entry for entry in tenancy.ifs.journal.entries if entry.method == "PATCH" and b"Paid" in entry.body]
    assert len(patches) == 1


ONLY_A_STATUS = {"sent": None, "paid": {"status": "Cf_Paid_Status", "date": None, "reference": None}}


@pytest.mark.parametrize("attributes", [{}, ONLY_A_STATUS])
def test_an_invoice_marked_as_paid_is_not_sent_again(tenancy: Tenancy, attributes: dict[str, Any]) -> None:
    """Our mark changes the record in IFS, and the bills flow sees no change in it, nor the mark of somebody else."""
    tenancy.change(ifs={"marks": attributes})
    bill = paid(tenancy)
    tenancy.run("payments")
    tallies = tenancy.run("bills")
    assert tallies["bills"]["collect"].counts.get("changed", 0) == 0
    assert tenancy.entry("bills", bill.remote_id).version == 1
