"""What happens after a posting: changes, withdrawals, duplicates, lost answers; a person decides, nothing doubles."""

from datetime import timedelta
from pathlib import Path

import pytest

from mlc_pipelines.errors import Cause
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.roads.procurify.tenancy import Tenancy

CONFIRMED = 1


def posted(tenancy: Tenancy) -> str:
    """Post a bill; give its key."""
    key = tenancy.bill(number="NO-77", account="4010")
    tenancy.settle()
    assert len(tenancy.invoices(key)) == 1
    return key


def test_another_amount_is_held(tenancy: Tenancy) -> None:
    """What changed is named, and IFS keeps what it has."""
    key = posted(tenancy)
    before = tenancy.invoice(key)
    tenancy.procurify.people.edit_bill(int(key), amount="101.00")
    tenancy.settle()
    assert tenancy.entry("bills", key).cause is Cause.CHANGED_AFTER_DELIVERY
    assert "(amounts, coding)" in tenancy.problem("bills", key)
    assert tenancy.invoice(key) == before


def test_another_coding_is_held(tenancy: Tenancy) -> None:
    """By the same cause."""
    key = posted(tenancy)
    tenancy.procurify.people.recode_bill(int(key), "4020")
    tenancy.settle()
    assert "(coding)" in tenancy.problem("bills", key)


def test_a_note_is_no_change(tenancy: Tenancy) -> None:
    """Nor is a payment, a comment or an export; the entry stays delivered."""
    key = posted(tenancy)
    tenancy.procurify.people.edit_bill(int(key), note="paid by us")
    tenancy.procurify.people.sync_elsewhere(int(key))
    tenancy.procurify.people.pay(int(key))
    tenancy.settle()
    entry = tenancy.entry("bills", key)
    assert (entry.state, entry.version) == (State.DELIVERED, 1)


def test_other_terms_are_no_change_of_the_posting(tenancy: Tenancy) -> None:
    """They are written down, and the reason why nothing was done."""
    key = posted(tenancy)
    bill = tenancy.procurify.bills[int(key)]
    bill.payment_terms = "by agreement"
    tenancy.procurify.people.edit_bill(int(key))
    tenancy.settle()
    entry = tenancy.entry("bills", key)
    assert (entry.cause, entry.version) == (Cause.ALREADY_KNOWN, 2)


def test_a_change_taken_back_is_no_change(tenancy: Tenancy) -> None:
    """The bill is as it was posted."""
    key = posted(tenancy)
    for amount in ("101.00", "100.00"):
        tenancy.procurify.people.edit_bill(int(key), amount=amount)
        tenancy.settle()
    assert tenancy.entry("bills", key).cause is Cause.ALREADY_KNOWN


def test_a_pruned_bill_that_changes_is_for_a_person(tenancy: Tenancy, tmp_path: Path) -> None:
    """Its document is in an archive: what changed cannot be told, so even a trifle is held, and nothing is posted."""
    key = posted(tenancy)
    tenancy.later(minutes=60 * 24 * 40)
    tenancy.bill(number="NO-78", account="4010")
    tenancy.settle()
    assert tenancy.house.ledger.retention.prune(timedelta(days=30), tmp_path / "archive.gz").entries
    assert tenancy.entry("bills", key).source == b""
    bill = tenancy.procurify.bills[int(key)]
    bill.payment_terms = "by agreement"
    tenancy.procurify.people.edit_bill(int(key))
    tenancy.settle()
    assert tenancy.entry("bills", key).cause is Cause.CHANGED_AFTER_DELIVERY
    assert len(tenancy.invoices(key)) == 1


def test_a_bill_corrected_before_it_was_posted_is_posted_as_it_is(tenancy: Tenancy) -> None:
    """The held version gives way."""
    key = tenancy.bill(account="6990")
    tenancy.settle()
    tenancy.procurify.people.edit_bill(int(key), amount="250.00")
    tenancy.procurify.people.recode_bill(int(key), "4010")
    tenancy.settle()
    assert tenancy.rows(key)[0][2] == 250


@pytest.mark.parametrize("act", ["deny", "withdraw"])
def test_a_bill_denied_or_withdrawn_after_posting_is_held(tenancy: Tenancy, act: str) -> None:
    """IFS is never reversed on its own."""
    key = posted(tenancy)
    getattr(tenancy.procurify.people, act)(int(key))
    tenancy.settle()
    assert tenancy.entry("bills", key).cause is Cause.CANCELLED_AFTER_DELIVERY
    assert tenancy.invoice(key)["Objstate"] == "Balanced"


@pytest.mark.parametrize("number", ["NO-77", " no-77 "])
def test_a_second_bill_with_the_same_number_is_held(tenancy: Tenancy, number: str) -> None:
    """Two people entered one invoice, however they spelled it."""
    key = posted(tenancy)
    other = str(tenancy.procurify.people.duplicate_invoice_number(int(key), number))
    tenancy.settle()
    assert tenancy.entry("bills", other).cause is Cause.DUPLICATE_SUSPECTED
    assert f"of bill {key} of the same vendor" in tenancy.problem("bills", other)
    assert len(tenancy.ifs.invoices) == 1


def test_two_bills_of_one_number_in_one_pass_are_one_invoice(tenancy: Tenancy) -> None:
    """The first goes, the second waits for a person."""
    key = tenancy.bill(number="NO-77")
    tenancy.procurify.people.duplicate_invoice_number(int(key))
    tenancy.settle()
    assert (len(tenancy.ifs.invoices), list(tenancy.causes("bills").values())) == (1, [Cause.DUPLICATE_SUSPECTED])


def test_the_same_number_of_another_vendor_is_another_invoice(tenancy: Tenancy) -> None:
    """Numbers belong to their vendor."""
    posted(tenancy)
    tenancy.bill(number="NO-77", vendor="S-1002")
    tenancy.settle()
    assert len(tenancy.ifs.invoices) == 2


@pytest.mark.parametrize("number", ["NO-77", "no-77"])
def test_an_invoice_that_a_clerk_entered_is_not_doubled(tenancy: Tenancy, number: str) -> None:
    """Found in IFS as normalised or as typed."""
    tenancy.ifs.people.add_invoice("10", "S-1001", number)
    key = tenancy.bill(number="no-77")
    tenancy.settle()
    assert tenancy.entry("bills", key).cause is Cause.DUPLICATE_SUSPECTED
    assert (len(tenancy.ifs.invoices), tenancy.ifs.vouchers) == (1, [])


@pytest.mark.parametrize("part", ["PostingProposalHandling", "VoucherHandling"])
@pytest.mark.parametrize("kind", ["lost", "lost_504"])
def test_a_lost_answer_is_looked_up(tenancy: Tenancy, part: str, kind: str) -> None:
    """Whether it was that of the invoice or of its voucher: both stand once in the end."""
    key = tenancy.bill(account="4010")
    tenancy.ifs.faults.once(kind, method="POST", path_part=part)
    tenancy.settle()
    assert tenancy.entry("bills", key).state is State.UNKNOWN
    tenancy.settle()
    assert tenancy.entry("bills", key).state is State.DELIVERED
    assert (len(tenancy.invoices(key)), len(tenancy.ifs.vouchers)) == (1, 1)


def half_posted(tenancy: Tenancy) -> str:
    """Post the invoice of a bill and have its voucher refused; give its key."""
    key = tenancy.bill(account="4010")
    tenancy.change(procurify={"vouchers": {"voucher_type": "Z", "user_group": "AC", "credit_account": {"*": "2400"}}})
    tenancy.settle()
    assert (tenancy.entry("bills", key).cause, tenancy.ifs.vouchers) == (Cause.REJECTED_BY_TARGET, [])
    rules = {"voucher_type": "M", "user_group": "AC", "credit_account": {"*": "2400"}}
    tenancy.change(procurify={"vouchers": rules})
    return key


def test_a_posting_that_ended_half_way_is_finished(tenancy: Tenancy) -> None:
    """The invoice is not made again."""
    key = half_posted(tenancy)
    tenancy.replay("bills")
    assert (len(tenancy.invoices(key)), len(tenancy.rows(key))) == (1, 3)


def test_a_bill_that_changed_when_half_posted_is_for_a_person(tenancy: Tenancy) -> None:
    """Old invoice and new voucher would not belong together."""
    key = half_posted(tenancy)
    tenancy.procurify.people.edit_bill(int(key), amount="101.00")
    tenancy.settle()
    assert tenancy.entry("bills", key).cause is Cause.CHANGED_AFTER_DELIVERY
    assert "earlier content" in tenancy.problem("bills", key)


def test_a_bill_takes_the_number_of_one_that_was_withdrawn_when_its_invoice_is_cancelled(tenancy: Tenancy) -> None:
    """The wrong one of two was posted: withdrawn in Procurify and cancelled in IFS, it makes way for the right one."""
    wrong = tenancy.bill(account="4010", number="NO-77")
    tenancy.settle()
    right = tenancy.bill(account="4010", number="NO-77")
    tenancy.procurify.people.withdraw(int(wrong))
    tenancy.settle()
    assert tenancy.entry("bills", right).cause is Cause.DUPLICATE_SUSPECTED
    assert f"was made of the record {wrong}" in tenancy.problem("bills", right)
    invoice = tenancy.invoice(wrong)
    tenancy.ifs.people.cancel_invoice(invoice["Company"], invoice["InvoiceId"])
    tenancy.replay("bills")
    assert tenancy.entry("bills", right).state is State.DELIVERED


def test_a_bill_that_is_no_longer_approved_when_half_posted_is_for_a_person(tenancy: Tenancy) -> None:
    """Its invoice stands in IFS, whoever corrects the bill; approved again it goes on as a changed one."""
    key = half_posted(tenancy)
    tenancy.procurify.bills[int(key)].status = CONFIRMED
    tenancy.procurify.people.edit_bill(int(key), amount="101.00")
    tenancy.settle()
    assert tenancy.entry("bills", key).cause is Cause.CANCELLED_AFTER_DELIVERY
    assert "is confirmed in Procurify, and its posting had begun" in tenancy.problem("bills", key)
    tenancy.procurify.people.approve(int(key))
    tenancy.settle()
    assert tenancy.entry("bills", key).cause is Cause.CHANGED_AFTER_DELIVERY


def test_a_bill_that_leaves_the_connection_when_half_posted_is_for_a_person(tenancy: Tenancy) -> None:
    """It is another company's now, and its invoice stands in the books of the first."""
    key = half_posted(tenancy)
    tenancy.change(companies=["20"])
    tenancy.procurify.people.edit_bill(int(key), amount="101.00")
    tenancy.settle()
    assert "company 10, which is not of this connection, and its posting had begun" in tenancy.problem("bills", key)


def test_a_bill_withdrawn_when_half_posted_is_for_a_person(tenancy: Tenancy) -> None:
    """Its invoice may stand in IFS."""
    key = half_posted(tenancy)
    tenancy.procurify.people.withdraw(int(key))
    tenancy.settle()
    assert tenancy.entry("bills", key).cause is Cause.CANCELLED_AFTER_DELIVERY
