"""What happens when an invoice is finally posted in IFS, and so leaves the proposals, before we know of it."""

from pathlib import Path

import pytest

from mlc_pipelines.errors import Cause
from mlc_pipelines_tests.backups import back_up, bring_back
from mlc_pipelines_tests.roads.stampli.tenancy import Tenancy, row


def final_post(tenancy: Tenancy) -> str:
    """Let accounts payable post the invoice, so that it leaves the proposals; give its id as we write it."""
    (proposal,) = tenancy.proposals()
    tenancy.ifs.people.final_post(proposal["Company"], proposal["InvoiceId"])
    return f"{proposal['Company']}^{proposal['InvoiceId']}"


@pytest.mark.parametrize("status", ["Approved", "Paid"])
@pytest.mark.parametrize("set_name", ["PostingProposal", "VoucherHandling"])
def test_what_was_finally_posted_before_it_was_looked_for_is_not_made_again(
    tenancy: Tenancy, set_name: str, status: str
) -> None:
    """The set of all supplier invoices shows it; only its voucher is made where that is not there."""
    tenancy.ifs.faults.once("lost", method="POST", path_part=set_name)
    tenancy.post("a.csv", row(Status=status))
    invoice = final_post(tenancy)
    tenancy.run("invoices")
    assert tenancy.entry("invoices", "NT-118").external_id == invoice
    assert (tenancy.proposals(), len(tenancy.ifs.vouchers)) == ([], 1)


@pytest.mark.parametrize("status", ["Approved", "Paid"])
def test_without_that_set_a_lost_invoice_is_for_a_person(tenancy: Tenancy, status: str) -> None:
    """Nothing tells whether it was made, so it is not made again."""
    tenancy.change(ifs={"sets": {"supplier_invoice": None}})
    tenancy.ifs.faults.once("lost", method="POST", path_part="PostingProposal")
    tenancy.post("a.csv", row(Status=status))
    final_post(tenancy)
    tenancy.run("invoices")
    assert tenancy.state() == ("held", "outcome_unsettled")
    assert (tenancy.proposals(), tenancy.ifs.vouchers) == ([], [])


@pytest.mark.parametrize("held", [True, False])
def test_an_export_that_says_paid_does_not_make_a_lost_invoice_again(tenancy: Tenancy, held: bool) -> None:
    """A newer version comes by itself, before or after the hold: that a person has looked is said by a replay alone."""
    tenancy.change(ifs={"sets": {"supplier_invoice": None}})
    tenancy.ifs.faults.once("lost", method="POST", path_part="PostingProposal")
    tenancy.post("a.csv", row())
    final_post(tenancy)
    if held:
        tenancy.run("invoices")
    tenancy.post("b.csv", row(Status="Paid"))
    tenancy.run("invoices")
    entry = tenancy.entry("invoices", "NT-118")
    assert (entry.version, entry.cause) == (2, Cause.OUTCOME_UNSETTLED)
    assert (tenancy.proposals(), tenancy.ifs.vouchers) == ([], [])
    tenancy.replay("invoices")
    assert (tenancy.state(), len(tenancy.proposals())) == (("delivered", None), 1)


def test_a_posted_invoice_of_which_only_the_voucher_shows_can_be_paid(tenancy: Tenancy, tmp_path: Path) -> None:
    """A restored ledger knows it by the voucher, and what is paid later stays in the ledger."""
    tenancy.change(ifs={"sets": {"supplier_invoice": None}})
    back_up(tenancy.house.ledger.engine, tmp_path / "backup")
    tenancy.post("a.csv", row())
    final_post(tenancy)
    bring_back(tenancy.house.ledger.engine, tmp_path / "backup")
    tenancy.change()
    tenancy.go()
    assert (tenancy.entry("invoices", "NT-118").external_id or "").startswith("10^M^2026^")
    tenancy.post("b.csv", row(Status="Paid"))
    assert tenancy.state() == ("delivered", None)
    assert (tenancy.proposals(), len(tenancy.ifs.vouchers)) == ([], 1)


def test_a_half_that_somebody_completed_and_posted_is_not_made_again(tenancy: Tenancy) -> None:
    """It could not be taken back, so it may be there: a replay asks before it makes the invoice."""
    tenancy.change(ifs={"sets": {"supplier_invoice": None}, "batch": False})
    tenancy.ifs.faults.once("reset", method="POST", path_part="PostingProposalLines")
    tenancy.ifs.faults.once("status", method="DELETE", path_part="PostingProposalHeadSet", status=403)
    tenancy.post("a.csv", row())
    assert tenancy.state() == ("held", "outcome_unsettled")
    final_post(tenancy)
    tenancy.replay("invoices")
    assert tenancy.state() == ("held", "outcome_unsettled")
    assert (tenancy.proposals(), tenancy.ifs.vouchers) == ([], [])


def test_a_posted_invoice_that_comes_under_another_word_for_its_vendor_is_a_duplicate(tenancy: Tenancy) -> None:
    """Stampli's exports learn the vendor's number: what was made by its name is known by supplier and number."""
    tenancy.change(ifs={"sets": {"supplier_invoice": None}})
    name = tenancy.simulators.world.supplier("S-1001").name
    tenancy.post("a.csv", row(Vendor_ID="", Vendor_Name=name))
    final_post(tenancy)
    tenancy.post("b.csv", row(Vendor_Name=name))
    assert tenancy.states("invoices") == {"delivered": 1, "held": 1}
    assert (tenancy.proposals(), len(tenancy.ifs.vouchers)) == ([], 1)
    tenancy.replay("invoices")
    assert tenancy.states("invoices") == {"delivered": 2}  # somebody has found out that it is another one


def test_a_number_that_another_record_has_begun_waits_for_a_person(tenancy: Tenancy) -> None:
    """The answer of the first is lost, and nobody knows yet whether it was made."""
    tenancy.change(stampli={"ifs_settle_after_seconds": 900}, ifs={"sets": {"supplier_invoice": None}})
    tenancy.ifs.faults.once("lost", method="POST", path_part="PostingProposal")
    tenancy.post("a.csv", row(Vendor_ID="S-1002"))
    final_post(tenancy)
    tenancy.post("b.csv", row(Vendor_ID="V-77"))
    assert tenancy.states("invoices") == {"unknown": 1, "held": 1}
    assert tenancy.proposals() == []


def test_a_duplicate_of_an_invoice_that_somebody_cancelled_is_made_when_it_is_released(tenancy: Tenancy) -> None:
    """Who wants the other record posted cancels the first one in IFS, and its voucher."""
    tenancy.post("a.csv", row(Vendor_ID="S-1002"))
    tenancy.post("b.csv", row(Vendor_ID="V-77", Invoice_Number="nt-118"))
    assert tenancy.states("invoices") == {"delivered": 1, "held": 1}
    (proposal,) = tenancy.proposals()
    tenancy.ifs.people.cancel_invoice("10", proposal["InvoiceId"])
    tenancy.replay("invoices")
    assert [each["Objstate"] for each in tenancy.proposals()] == ["Cancelled", "Balanced"]
