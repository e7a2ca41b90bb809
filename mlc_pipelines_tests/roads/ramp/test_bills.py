"""Bills: an invoice of IFS stands in Ramp once, coded to the cent, or is held for a reason a clerk can act on."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mlc_pipelines.errors import Cause
from mlc_pipelines.flows.delivery import deliver
from mlc_pipelines.flows.road import Choice
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.roads.ramp.tenancy import UNMAPPED, Simulators, Tenancy


def line(amount: str, account: str = "4010", cost_center: str = "210", **more: str) -> dict[str, str]:
    return {"Account": account, "CodeB": cost_center, "CurrencyAmount": amount, **more}


def coding(bill_line: Any) -> dict[str, str]:
    return {chosen.field_external_id: chosen.option_external_id for chosen in bill_line.selections}


def coded(bill: Any) -> list[tuple[Decimal, dict[str, str]]]:
    return [(found.amount, coding(found)) for found in bill.lines]


def test_an_invoice_becomes_a_draft_with_every_line_coded(tenancy: Tenancy) -> None:
    """Vendor, entity, number, dates, and account with code parts on each line."""
    lines = [line("70.10", CodeC="P1", Text="Ball bearings"), line("29.90", "4020", "220", CodeD="PR-100")]
    reference = tenancy.invoice("INV-1", lines=lines, InvoiceDate="2026-11-03", DueDate="2026-12-03")
    tenancy.run("bills")
    bill = tenancy.bill(reference)
    assert (bill.status, bill.invoice_number, bill.currency, bill.amount) == ("DRAFT", "INV-1", "EUR", Decimal(100))
    assert (bill.issued_at, bill.due_at) == (date(2026, 11, 3), date(2026, 12, 3))
    assert tenancy.ramp.vendors[bill.vendor_id].external_vendor_id == "S-1001"
    assert tenancy.ramp.entities[bill.entity_id].name == "Falkenried Antriebe GmbH"
    assert coded(bill) == [
        (
            Decimal("70.10"),
            {"Category": "10^4010", "ifs-code-part-b": "10^210", "ifs-code-part-c": "10^P1"},
        ),
        (
            Decimal("29.90"),
            {"Category": "10^4020", "ifs-code-part-b": "10^220", "ifs-code-part-d": "10^PR-100"},
        ),
    ]
    assert bill.lines[0].memo == "Ball bearings"


def test_the_invoice_says_where_it_was_sent(tenancy: Tenancy) -> None:
    """The mark in IFS names the draft, and was written under the ETag that was read."""
    reference = tenancy.invoice("INV-1")
    tenancy.run("bills")
    assert tenancy.proposal(reference)["Cf_Spend_Reference"] == f"ramp:{tenancy.bill(reference).id}"
    (patch,) = [entry for entry in tenancy.ifs.journal.entries if entry.method == "PATCH"]
    assert patch.headers["if-match"] not in ("", "*")


def test_a_second_pass_over_the_same_invoices_writes_nothing(tenancy: Tenancy) -> None:
    """Our own mark in IFS is no change of the invoice."""
    tenancy.invoice("INV-1")
    tenancy.run("bills")
    before = tenancy.simulators.writes()
    tenancy.walk()
    assert tenancy.simulators.writes() == before


def test_an_edit_in_ifs_amends_the_draft(tenancy: Tenancy) -> None:
    """As long as nobody submitted it, the draft follows the invoice; there is no second one."""
    reference = tenancy.invoice("INV-1")
    tenancy.run("bills")
    first = tenancy.bill(reference).id
    tenancy.edit(reference, lines=[line("250.55"), line("1.45")], NetCurrAmount="252.00")
    tenancy.run("bills")
    bill = tenancy.bill(reference)
    assert (bill.id, bill.status, bill.amount) == (first, "DRAFT", Decimal("252.00"))
    assert [found.amount for found in bill.lines] == [Decimal("250.55"), Decimal("1.45")]
    assert tenancy.entry("bills", reference).version == 2


def test_an_edit_before_the_delivery_sends_the_newest_version_only(tenancy: Tenancy) -> None:
    """What was collected and changed again is never sent in its old form."""
    reference = tenancy.invoice("INV-1")
    tenancy.run_stages("bills", "collect", "translate")
    tenancy.edit(reference, lines=[line("80.00")], NetCurrAmount="80.00")
    tenancy.run("bills")
    assert tenancy.bill(reference).amount == Decimal("80.00")
    created = [entry for entry in tenancy.ramp.journal.writes() if entry.effect]
    assert len(created) == 1


def test_an_edit_that_no_bill_shows_is_no_change(tenancy: Tenancy) -> None:
    """Somebody writes another voucher text into an invoice whose bill is approved: nobody is asked about it."""
    reference = tenancy.invoice("INV-1")
    tenancy.run("bills")
    tenancy.approve()
    tenancy.edit(reference, VoucherText="checked by A. Lindqvist")
    tenancy.run("bills")
    assert tenancy.entry("bills", reference).version == 1
    assert tenancy.causes("bills") == {}


def after_approval(tenancy: Tenancy) -> None:
    tenancy.approve()


def after_rejection(tenancy: Tenancy) -> None:
    for bill_id in tenancy.ramp.people.submit_drafts():
        tenancy.ramp.people.reject_bill(bill_id)


@pytest.mark.parametrize("decided", [after_approval, after_rejection])
def test_an_edit_after_the_decision_is_held(tenancy: Tenancy, decided: Callable[[Tenancy], None]) -> None:
    """A bill somebody decided on is not changed behind their back."""
    reference = tenancy.invoice("INV-1")
    tenancy.run("bills")
    decided(tenancy)
    tenancy.edit(reference, lines=[line("250.00")], NetCurrAmount="250.00")
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-1": Cause.CHANGED_AFTER_DELIVERY}
    assert tenancy.bill(reference).amount == Decimal(100)


def test_a_cancelled_invoice_is_not_sent(tenancy: Tenancy) -> None:
    """Cancelled before the first pass: ignored, and Ramp never hears of it."""
    reference = tenancy.invoice("INV-1")
    tenancy.edit(reference, Objstate="Cancelled")
    tenancy.run("bills")
    assert tenancy.bills(reference) == []
    assert tenancy.entry("bills", reference).cause == Cause.CANCELLED
    assert tenancy.states("bills") == {"ignored": 1}


def test_an_invoice_cancelled_after_delivery_is_held_for_a_person(tenancy: Tenancy) -> None:
    """Nothing is archived in Ramp on our own."""
    reference = tenancy.invoice("INV-1")
    tenancy.run("bills")
    tenancy.edit(reference, Objstate="Cancelled")
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-1": Cause.CANCELLED_AFTER_DELIVERY}
    assert tenancy.bill(reference).status == "DRAFT"


@pytest.mark.parametrize(
    "mark",
    [
        {"Cf_Spend_Reference": "bill:00nABC"},
        {"Cf_Paid_Status": "Paid"},
        {"Cf_Paid_Status": "PartlyPaid", "Cf_Payment_Reference": "bill:00nABC"},
    ],
)
def test_an_invoice_that_somebody_else_sent_or_paid_is_held(tenancy: Tenancy, mark: dict[str, str]) -> None:
    """The mark stays; a person who clears it has the invoice sent by the next run."""
    reference = tenancy.invoice("INV-1", **mark)
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-1": Cause.SENT_ELSEWHERE}
    assert tenancy.bills(reference) == []
    assert {name: tenancy.proposal(reference)[name] for name in mark} == mark
    tenancy.edit(reference, **dict.fromkeys(mark))
    tenancy.run("bills")
    assert tenancy.proposal(reference)["Cf_Spend_Reference"] == f"ramp:{tenancy.bill(reference).id}"


def test_a_mark_that_somebody_else_made_meanwhile_is_not_overwritten(tenancy: Tenancy) -> None:
    """Two connections name one company: a person finds out which of the two bills is paid."""
    reference = tenancy.invoice("INV-1")
    tenancy.run_stages("bills", "collect", "translate", "deliver")
    tenancy.edit(reference, Cf_Spend_Reference="bill:00nABC")
    tenancy.run_stages("bills", "confirm")
    assert tenancy.causes("bills") == {"INV-1": Cause.SENT_ELSEWHERE}
    assert tenancy.proposal(reference)["Cf_Spend_Reference"] == "bill:00nABC"


def test_a_credit_note_is_held(tenancy: Tenancy) -> None:
    """Ramp takes no negative bill."""
    reference = tenancy.invoice("CN-1", lines=[line("-40.00")])
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"CN-1": Cause.CREDIT_NOTE}
    assert tenancy.bills(reference) == []


def test_a_negative_line_is_held_and_sent_where_the_tenant_allows_it(tenancy: Tenancy) -> None:
    """By default Ramp refuses it, so it is not tried."""
    reference = tenancy.invoice("INV-1", lines=[line("50.00"), line("-10.00")])
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-1": Cause.NEGATIVE_LINE}
    tenancy.ramp.switches.negative_lines = True
    tenancy.change(ramp={"negative_lines": True})
    tenancy.replay("bills")
    assert tenancy.bill(reference).amount == Decimal("40.00")


def test_a_missing_account_is_released_when_the_table_gains_its_row(tenancy: Tenancy) -> None:
    """The operator adds a row to the table; nobody replays anything."""
    waiting = tenancy.invoice("INV-1", lines=[line("10.00", UNMAPPED)])
    other = tenancy.invoice("INV-2")
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-1": Cause.ACCOUNT_UNMAPPED}
    assert tenancy.entry("bills", waiting).cause_key == f"account:{UNMAPPED}"
    assert tenancy.bills(other)
    tenancy.change(mapping={"accounts": {"4010": "4010", UNMAPPED: UNMAPPED}})
    tallies = tenancy.run("bills")
    assert tallies["bills"]["translate"].counts == {"released": 1, "translated": 1}
    assert coding(tenancy.bill(waiting).lines[0])["Category"] == f"10^{UNMAPPED}"


def test_a_table_translates_account_codes(tenancy: Tenancy) -> None:
    """The account in Ramp is the one that the table names."""
    tenancy.change(mapping={"accounts": {"4010": "4600"}})
    reference = tenancy.invoice("INV-1")
    tenancy.run("bills")
    assert coding(tenancy.bill(reference).lines[0])["Category"] == "10^4600"


def test_invoices_wait_for_accounts_and_dimensions_that_are_not_in_ramp_yet(bare: Tenancy) -> None:
    """Each hold names what is missing, and sending that releases it."""
    bare.run("accounting_vendors", "vendors")
    reference = bare.invoice("INV-1")
    bare.run("bills")
    assert bare.entry("bills", reference).cause_key == "gl_account:10^4010"
    bare.run("gl_accounts", "bills")
    assert bare.causes("bills") == {"INV-1": Cause.DIMENSION_UNMAPPED}
    assert bare.entry("bills", reference).cause_key == "option:10^B^210"
    bare.run("dimensions", "bills")
    assert bare.bill(reference).amount == Decimal(100)


def test_a_completed_supplier_releases_its_invoices(tenancy: Tenancy) -> None:
    """The invoice waits for its vendor, the vendor for an e-mail; the person only writes the e-mail."""
    supplier = tenancy.ifs.people.add_supplier(Name="Nordlicht Pumpen AG", Country="DE")
    reference = tenancy.invoice("INV-1", supplier=supplier)
    tenancy.walk()
    assert tenancy.causes("bills") == {"INV-1": Cause.SUPPLIER_UNKNOWN}
    assert tenancy.entry("vendors", supplier).cause == Cause.SUPPLIER_INCOMPLETE
    tenancy.ifs.people.edit_supplier(supplier, Cf_Email="faktura@nordlicht.example")
    tenancy.walk()
    assert tenancy.bill(reference).amount == Decimal(100)


def test_yen_have_no_places_and_none_are_made_up(tenancy: Tenancy) -> None:
    """An amount in yen arrives as it is, in request and in store."""
    reference = tenancy.invoice("INV-1", supplier="S-3001", lines=[line("1234567")], VatCurrAmount="123456")
    tenancy.run("bills")
    bill = tenancy.bill(reference)
    assert (bill.currency, bill.amount) == ("JPY", Decimal(1358023))
    (made,) = [entry for entry in tenancy.ramp.journal.writes() if entry.effect]
    assert b"1234567" in made.body
    assert b"1234567.0" not in made.body


def test_an_amount_finer_than_its_currency_is_held(tenancy: Tenancy) -> None:
    """Half a yen is nobody's to round."""
    tenancy.invoice("INV-1", supplier="S-3001", lines=[line("99.5")])
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-1": Cause.AMOUNT_INEXACT}


def test_tax_stands_on_a_line_of_its_own(tenancy: Tenancy) -> None:
    """Coded to the tax account of the company, so that the bill is the gross amount."""
    reference = tenancy.invoice("INV-1", lines=[line("100.00")], VatCurrAmount="19.00")
    tenancy.run("bills")
    bill = tenancy.bill(reference)
    assert bill.amount == Decimal("119.00")
    assert coded(bill)[1] == (Decimal("19.00"), {"Category": "10^1400"})


def test_tax_without_an_account_waits_for_one(tenancy: Tenancy) -> None:
    """The company's own row in the table releases it."""
    tenancy.change(mapping={"tax_accounts": {"20": "1400"}})
    reference = tenancy.invoice("INV-1", VatCurrAmount="19.00")
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-1": Cause.TAX_UNMAPPED}
    tenancy.change(mapping={"tax_accounts": {"10": "1400", "20": "1400"}})
    tenancy.run("bills")
    assert tenancy.bill(reference).amount == Decimal("119.00")


def test_an_allocation_splits_a_line_and_the_last_share_takes_the_rest(tenancy: Tenancy) -> None:
    """One third and two thirds of a hundred are a hundred."""
    tenancy.change(mapping={"allocations": {"CodeB:210": "210=1 220=2"}})
    reference = tenancy.invoice("INV-1", lines=[line("100.00")])
    tenancy.run("bills")
    assert coded(tenancy.bill(reference)) == [
        (Decimal("33.33"), {"Category": "10^4010", "ifs-code-part-b": "10^210"}),
        (Decimal("66.67"), {"Category": "10^4010", "ifs-code-part-b": "10^220"}),
    ]


def test_lines_that_do_not_add_up_are_held(tenancy: Tenancy) -> None:
    """Lines and tax must be the gross amount of the invoice."""
    reference = tenancy.invoice("INV-1")
    tenancy.edit(reference, NetCurrAmount="100.01")
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-1": Cause.AMOUNT_MISMATCH}
    assert tenancy.bills(reference) == []


def test_a_company_without_an_entity_is_held_until_it_has_one(tenancy: Tenancy) -> None:
    """The other company goes on."""
    entities = {company.code: company.name for company in tenancy.simulators.world.companies}
    tenancy.change(ramp={"entities": {**entities, "20": "Falkenried Elsewhere"}})
    waiting = tenancy.invoice("INV-1", supplier="S-2001", company="20")
    other = tenancy.invoice("INV-2")
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-1": Cause.ENTITY_UNMAPPED}
    assert tenancy.bills(other)
    tenancy.change(ramp={"entities": entities})
    tenancy.run("bills")
    assert tenancy.bill(waiting).currency == "USD"


def test_a_number_that_ramp_has_already_is_held_as_a_duplicate(tenancy: Tenancy) -> None:
    """Mail intake was quicker than we: a person finds out which of the two is right."""
    vendor = next(found for found in tenancy.ramp.vendors.values() if found.external_vendor_id == "S-1001")
    tenancy.ramp.people.mail_in_draft(vendor.id, "INV-1", "100.00", "EUR")
    reference = tenancy.invoice("INV-1")
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-1": Cause.DUPLICATE_SUSPECTED}
    assert tenancy.bills(reference) == []


def test_a_ledger_that_knows_nothing_of_a_draft_adopts_it(
    tenancy: Tenancy, started: Simulators, furnished: Path, tmp_path: Path
) -> None:
    """After a restore of an older ledger the draft with our reference is ours, and there is no second one."""
    reference = tenancy.invoice("INV-1")
    tenancy.run("bills")
    draft = tenancy.bill(reference)
    restored = Tenancy(tmp_path / "restored", started, copy_of=furnished)
    tenancy.edit(reference, lines=[line("80.00")], NetCurrAmount="80.00")
    restored.run("bills")
    assert restored.entry("bills", reference).external_id == draft.id
    restored.close()
    assert (tenancy.bill(reference).id, tenancy.bill(reference).amount) == (draft.id, Decimal("80.00"))


@pytest.mark.parametrize("mode", ["draft", "preapproved"])
def test_a_bill_that_was_archived_before_its_answer_came_is_not_made_again(tenancy: Tenancy, mode: str) -> None:
    """Archived bills are looked at too."""
    tenancy.change(ramp={"bill_mode": mode})
    reference = tenancy.invoice("INV-1")
    tenancy.ramp.faults.once("lost", method="POST", path_part="/bills")
    tenancy.run("bills")
    tenancy.ramp.people.archive_bill(tenancy.bill(reference).id)
    tenancy.run("bills")
    assert tenancy.bill(reference).archived_at is not None
    assert tenancy.states("bills") == {"confirmed": 1}


def test_submitting_is_ours_where_the_connection_says_so(tenancy: Tenancy) -> None:
    """The draft becomes a bill that waits for approval; the invoice keeps the draft's id."""
    tenancy.change(ramp={"bill_mode": "submit"})
    reference = tenancy.invoice("INV-1")
    tenancy.run("bills")
    bill = tenancy.bill(reference)
    assert bill.approval_status == "PENDING"
    assert tenancy.proposal(reference)["Cf_Spend_Reference"] == f"ramp:{bill.draft_bill_id}"


def test_a_draft_whose_invoice_was_cancelled_meanwhile_is_not_submitted(tenancy: Tenancy) -> None:
    """The worker stopped between the draft and its submission; approvers never see the bill."""
    tenancy.change(ramp={"bill_mode": "submit"})
    reference = tenancy.invoice("INV-1")
    tenancy.run_stages("bills", "collect", "translate", "deliver")
    tenancy.edit(reference, Objstate="Cancelled")
    tenancy.run("bills")
    assert tenancy.bill(reference).status == "DRAFT"
    assert tenancy.causes("bills") == {"INV-1": Cause.CANCELLED_AFTER_DELIVERY}


def test_a_draft_whose_invoice_was_edited_meanwhile_is_submitted_as_it_is_now(tenancy: Tenancy) -> None:
    """The newer version amends the draft, then submits it."""
    tenancy.change(ramp={"bill_mode": "submit"})
    reference = tenancy.invoice("INV-1")
    tenancy.run_stages("bills", "collect", "translate", "deliver")
    tenancy.edit(reference, lines=[line("80.00")], NetCurrAmount="80.00")
    tenancy.run("bills")
    assert (tenancy.bill(reference).approval_status, tenancy.bill(reference).amount) == ("PENDING", Decimal(80))
    assert tenancy.states("bills") == {"confirmed": 1}


def test_a_draft_that_ramp_does_not_submit_is_left_to_a_person(tenancy: Tenancy) -> None:
    """Payment details are missing: the draft stays, the invoice is marked, nothing is held."""
    tenancy.ramp.switches.submit_refused = True
    tenancy.change(ramp={"bill_mode": "submit"})
    reference = tenancy.invoice("INV-1")
    tenancy.run("bills")
    assert tenancy.bill(reference).status == "DRAFT"
    assert tenancy.entry("bills", reference).state is State.CONFIRMED
    assert tenancy.proposal(reference)["Cf_Spend_Reference"]


def test_preapproved_bills_pass_by_the_approvals_and_follow_until_they_are_booked(tenancy: Tenancy) -> None:
    """Amended while open and not booked; held afterwards."""
    tenancy.change(ramp={"bill_mode": "preapproved"})
    reference = tenancy.invoice("INV-1")
    tenancy.run("bills")
    assert tenancy.bill(reference).approval_status == "APPROVED"
    tenancy.edit(reference, lines=[line("60.00")], NetCurrAmount="60.00")
    tenancy.run("bills")
    assert tenancy.bill(reference).amount == Decimal("60.00")
    tenancy.run("vouchers")
    tenancy.edit(reference, lines=[line("61.00")], NetCurrAmount="61.00")
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-1": Cause.CHANGED_AFTER_DELIVERY}
    assert tenancy.bill(reference).amount == Decimal("60.00")


def test_a_tenant_without_marks_is_not_written_to(tenancy: Tenancy) -> None:
    """Where IFS has no attribute for it, nothing is marked and nothing is missed."""
    tenancy.change(ifs={"marks": {"sent": None}})
    reference = tenancy.invoice("INV-1")
    tenancy.run("bills")
    assert tenancy.bill(reference)
    assert tenancy.ifs.journal.writes() == []
    assert tenancy.entry("bills", reference).state is State.CONFIRMED


def test_an_invoice_posted_before_it_was_marked_is_no_problem(tenancy: Tenancy) -> None:
    """It has left the proposals: there is nothing to mark, and the bill stands."""
    reference = tenancy.invoice("INV-1")
    road = tenancy.road("bills")
    tenancy.run_stages("bills", "collect", "translate")
    deliver(road)
    company, _, invoice_id = reference.partition("^")
    tenancy.ifs.people.final_post(company, int(invoice_id))
    tenancy.run_stages("bills", "confirm")
    assert tenancy.entry("bills", reference).state is State.CONFIRMED


def test_an_edit_between_our_read_and_our_mark_is_kept(tenancy: Tenancy) -> None:
    """IFS answers 412; we read again, and the colleague's change stays."""
    reference = tenancy.invoice("INV-1")
    tenancy.ifs.faults.once("edit", method="PATCH")
    tenancy.run("bills")
    statuses = [entry.status for entry in tenancy.ifs.journal.entries if entry.method == "PATCH"]
    assert statuses == [412, 200]
    assert tenancy.proposal(reference)["Cf_Spend_Reference"] == f"ramp:{tenancy.bill(reference).id}"


def test_an_invoice_that_changes_each_time_is_held_and_replayed_later(tenancy: Tenancy) -> None:
    """Three rounds, then a person; the replay marks it and sends nothing again."""
    reference = tenancy.invoice("INV-1")
    tenancy.ifs.faults.once("edit", method="PATCH", times=3)
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-1": Cause.CHANGED_ELSEWHERE}
    tenancy.replay("bills", stage="confirm", choice=Choice(reason="they are done"))
    assert tenancy.proposal(reference)["Cf_Spend_Reference"] == f"ramp:{tenancy.bill(reference).id}"
