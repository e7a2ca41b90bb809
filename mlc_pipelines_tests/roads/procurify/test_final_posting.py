"""What happens when an invoice is finally posted in IFS, and so leaves the proposals, before we know of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mlc_pipelines.errors import Cause
from mlc_pipelines.ledger.states import Stage, State
from mlc_pipelines_tests.backups import back_up, bring_back
from mlc_pipelines_tests.roads.procurify.tenancy import Tenancy
from mlc_pipelines_tests.roads.procurify.test_changes import half_posted

PARTS = {"invoice": "PostingProposalHandling", "voucher": "VoucherHandling"}
NO_SET: dict[str, None] = {"supplier_invoice": None}
RULES = {"voucher_type": "M", "user_group": "AC", "credit_account": {"*": "2400"}}
Restored = Callable[[Tenancy], None]


@pytest.fixture
def blind(tenancy: Tenancy) -> Tenancy:
    """A connection that names no set with finally posted invoices."""
    tenancy.change(ifs={"sets": NO_SET})
    return tenancy


@pytest.fixture
def restored(tmp_path: Path, tenancy: Tenancy) -> Restored:
    """Back the ledger up; give what brings it back."""
    back_up(tenancy.house.ledger.engine, tmp_path / "backup")

    def bring(tenancy: Tenancy) -> None:
        bring_back(tenancy.house.ledger.engine, tmp_path / "backup")
        tenancy.change()

    return bring


def everywhere(tenancy: Tenancy, key: str) -> list[int]:
    """Give the ids of all invoices of a bill, finally posted ones among them."""
    invoices = [*tenancy.ifs.invoices.values(), *tenancy.ifs.finally_posted]
    return [row["InvoiceId"] for row in invoices if str(row["VoucherText"]).startswith(f"PROCURIFY:{key}:")]


def final_post(tenancy: Tenancy, key: str) -> int:
    """Let accounts payable post the invoice of a bill; give its id."""
    row = tenancy.invoice(key)
    tenancy.ifs.people.final_post(row["Company"], row["InvoiceId"])
    return int(row["InvoiceId"])


def lost(tenancy: Tenancy, part: str) -> str:
    """Post a bill so that the answer to its invoice or its voucher is lost; give its key."""
    key = tenancy.bill(account="4010")
    tenancy.ifs.faults.once("lost", method="POST", path_part=PARTS[part])
    tenancy.settle()
    assert tenancy.entry("bills", key).state is State.UNKNOWN
    return key


def test_a_first_posting_looks_once_for_each_part(blind: Tenancy) -> None:
    """Two questions and two documents, as many calls as parts; nothing that was never sent is asked for."""
    blind.bill(account="4010")
    blind.settle()
    before = len(blind.ifs.journal.entries)
    blind.bill(account="4010")
    blind.settle()
    asked = [entry for entry in blind.ifs.journal.entries[before:] if "metadata" not in entry.path]
    calls = [entry.method for entry in asked if "PostingProposal" in entry.path or "Voucher" in entry.path]
    assert calls == ["GET", "GET", "POST", "POST"]


@pytest.mark.parametrize("part", PARTS)
def test_an_invoice_posted_before_it_was_looked_up_is_not_made_again(tenancy: Tenancy, part: str) -> None:
    """The set of all invoices shows it: the bill is finished with its voucher."""
    key = lost(tenancy, part)
    invoice = final_post(tenancy, key)
    tenancy.settle()
    assert tenancy.entry("bills", key).external_id == f"10^{invoice}"
    assert (everywhere(tenancy, key), len(tenancy.ifs.vouchers)) == ([invoice], 1)


def test_a_voucher_without_an_answer_tells_that_its_invoice_was_made(blind: Tenancy) -> None:
    """Its id was written down before the voucher was tried."""
    key = lost(blind, "voucher")
    invoice = final_post(blind, key)
    blind.settle()
    assert blind.entry("bills", key).external_id == f"10^{invoice}"
    assert (everywhere(blind, key), len(blind.ifs.vouchers)) == ([invoice], 1)


def test_an_invoice_without_an_answer_that_nothing_shows_is_for_a_person(blind: Tenancy) -> None:
    """It is held with what to look for, and sent again only when somebody has looked."""
    key = lost(blind, "invoice")
    invoice = final_post(blind, key)
    blind.settle()
    blind.settle()
    assert blind.entry("bills", key).cause is Cause.OUTCOME_UNSETTLED
    assert "supplier S-1001 in company 10 was sent and the answer lost" in blind.problem("bills", key)
    assert everywhere(blind, key) == [invoice]
    blind.change(ifs={"sets": {"supplier_invoice": {"service": "ManSuppInvoiceHandling", "set": "ManSuppInvoiceSet"}}})
    blind.replay("bills")
    assert blind.entry("bills", key).state is State.DELIVERED
    assert (everywhere(blind, key), len(blind.ifs.vouchers)) == ([invoice], 1)


def test_what_a_person_looked_for_in_vain_is_sent_again(blind: Tenancy) -> None:
    """The write was lost on its way, or taken back: a replay makes the invoice."""
    key = lost(blind, "invoice")
    row = blind.invoice(key)
    blind.ifs.people.cancel_invoice(row["Company"], row["InvoiceId"])
    blind.settle()
    assert blind.entry("bills", key).cause is Cause.OUTCOME_UNSETTLED
    blind.replay("bills")
    assert blind.entry("bills", key).state is State.DELIVERED
    assert [each["Objstate"] for each in blind.invoices(key)] == ["Cancelled", "Balanced"]


def test_a_bill_that_changed_while_its_invoice_was_lost_is_held_once(blind: Tenancy) -> None:
    """The newer content takes the hold over, and a replay sends it."""
    key = lost(blind, "invoice")
    final_post(blind, key)
    blind.procurify.people.edit_bill(int(key), amount="101.00")
    blind.settle()
    blind.settle()
    entry = blind.entry("bills", key)
    assert (entry.version, entry.cause) == (2, Cause.OUTCOME_UNSETTLED)
    assert blind.invoices(key) == []
    blind.replay("bills")
    assert [row["NetCurrAmount"] for row in blind.invoices(key)] == [101]


def test_what_was_announced_and_never_sent_needs_nobody(blind: Tenancy) -> None:
    """A worker that died before the call left nothing that could be in IFS."""
    key = blind.bill(account="4010")
    blind.later()
    blind.run_stages("bills", "collect", "translate")
    with blind.road("bills").worked() as lease:
        due = blind.books.entries.due("bills", Stage.DELIVER, [State.TRANSLATED], limit=10)
        blind.books.intents.open(due, lease)
    blind.settle()
    assert blind.entry("bills", key).state is State.DELIVERED
    assert len(everywhere(blind, key)) == 1


def test_a_refused_invoice_that_was_corrected_needs_nobody_either(blind: Tenancy) -> None:
    """What IFS has refused is not there, whatever the newer content is."""
    blind.change(procurify={"invoice_type": "NONE"})
    key = blind.bill(account="4010")
    blind.settle()
    assert blind.entry("bills", key).cause is Cause.REJECTED_BY_TARGET
    blind.change(procurify={"invoice_type": "SUPPINV"})
    blind.procurify.people.edit_bill(int(key), amount="101.00")
    blind.settle()
    assert blind.entry("bills", key).state is State.DELIVERED


def test_an_invoice_posted_while_its_voucher_was_held_gets_the_voucher_alone(blind: Tenancy) -> None:
    """The voucher was refused; somebody corrects it after the invoice was finally posted."""
    key = half_posted(blind)
    invoice = final_post(blind, key)
    blind.replay("bills")
    assert blind.entry("bills", key).external_id == f"10^{invoice}"
    assert (everywhere(blind, key), len(blind.rows(key))) == ([invoice], 3)


def test_it_is_noted_when_it_was_found_only_after_a_lost_answer(blind: Tenancy) -> None:
    """Found among the proposals, its voucher refused, then finally posted: it is not made again."""
    blind.change(procurify={"vouchers": RULES | {"voucher_type": "Z"}})
    key = lost(blind, "invoice")
    blind.settle()
    assert blind.entry("bills", key).cause is Cause.REJECTED_BY_TARGET
    invoice = final_post(blind, key)
    blind.change(procurify={"vouchers": RULES})
    blind.replay("bills")
    assert (everywhere(blind, key), len(blind.ifs.vouchers)) == ([invoice], 1)


def test_a_bill_that_changed_after_its_half_was_posted_is_for_a_person(blind: Tenancy) -> None:
    """Even with another number: the invoice of the earlier content is finally posted."""
    key = half_posted(blind)
    invoice = final_post(blind, key)
    blind.procurify.bills[int(key)].invoice_number = "NO-99"
    blind.procurify.people.edit_bill(int(key), amount="101.00")
    blind.settle()
    assert blind.entry("bills", key).cause is Cause.CHANGED_AFTER_DELIVERY
    assert f"(id {invoice}, finally posted)" in blind.problem("bills", key)
    assert everywhere(blind, key) == [invoice]


def test_a_half_that_was_cancelled_on_advice_is_made_anew(blind: Tenancy) -> None:
    """The bill is posted as it is now."""
    key = half_posted(blind)
    row = blind.invoice(key)
    blind.procurify.people.edit_bill(int(key), amount="101.00")
    blind.settle()
    blind.ifs.people.cancel_invoice(row["Company"], row["InvoiceId"])
    blind.replay("bills")
    assert [(each["Objstate"], each["NetCurrAmount"]) for each in blind.invoices(key)] == [
        ("Cancelled", 100),
        ("Balanced", 101),
    ]


def test_a_number_corrected_in_ifs_is_still_our_invoice(blind: Tenancy) -> None:
    """It is known by its id."""
    key = half_posted(blind)
    row = blind.invoice(key)
    blind.ifs.people.edit_invoice(row["Company"], row["InvoiceId"], InvoiceNo="NO-77-A", VoucherText="checked")
    blind.replay("bills")
    assert blind.entry("bills", key).external_id == f"10^{row['InvoiceId']}"
    assert len(blind.ifs.invoices) == 1


@pytest.mark.parametrize("number", ["NO-77", "no-77"])
def test_a_number_that_a_clerk_has_finally_posted_is_not_doubled(tenancy: Tenancy, number: str) -> None:
    """Found in the set of all invoices, as normalised or as typed."""
    tenancy.ifs.people.final_post("10", tenancy.ifs.people.add_invoice("10", "S-1001", number))
    key = tenancy.bill(number="no-77")
    tenancy.settle()
    assert tenancy.entry("bills", key).cause is Cause.DUPLICATE_SUSPECTED
    assert (tenancy.ifs.invoices, tenancy.ifs.vouchers) == ({}, [])


def test_a_restored_ledger_knows_a_posted_invoice_again(tenancy: Tenancy, restored: Restored) -> None:
    """By the set of all invoices, under its id."""
    key = tenancy.bill(account="4010")
    tenancy.settle()
    invoice = final_post(tenancy, key)
    restored(tenancy)
    tenancy.settle()
    assert tenancy.entry("bills", key).external_id == f"10^{invoice}"
    assert (everywhere(tenancy, key), len(tenancy.ifs.vouchers)) == ([invoice], 1)


def test_without_that_set_it_is_known_by_its_voucher(blind: Tenancy, restored: Restored) -> None:
    """The voucher carries the bill's reference and amount; its invoice has left the proposals."""
    key = blind.bill(account="4010")
    blind.settle()
    invoice, voucher = final_post(blind, key), blind.voucher(key)
    restored(blind)
    blind.settle()
    made = f"10^M^{voucher['AccountingYear']}^{voucher['VoucherNo']}"
    assert blind.entry("bills", key).external_id == made
    assert (everywhere(blind, key), len(blind.ifs.vouchers)) == ([invoice], 1)


def test_a_voucher_of_another_amount_is_not_taken_for_it(blind: Tenancy, restored: Restored) -> None:
    """The bill changed since, or the voucher is of another Procurify account: a person looks."""
    key = blind.bill(account="4010")
    blind.settle()
    final_post(blind, key)
    restored(blind)
    blind.procurify.people.edit_bill(int(key), amount="101.00")
    blind.settle()
    assert blind.entry("bills", key).cause is Cause.DUPLICATE_SUSPECTED
    assert "debits 119.00 EUR, not 120.19 EUR" in blind.problem("bills", key)
    assert blind.invoices(key) == []
