"""Posting: an approved invoice stands in IFS once, with its voucher, or is held for what it lacks."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from mlc_pipelines.errors import Cause
from mlc_pipelines.integrations.erp.proposals import MADE, NUMBERS
from mlc_pipelines.ledger.bindings import NOTES
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.roads.installation import references
from mlc_pipelines_tests.roads.stampli.tenancy import COLUMNS, Tenancy, csv_of, invoice_feed, row

RULES = {"voucher_type": "M", "user_group": "AC", "credit_account": {"10": "2400"}}
CREATE = {"vendor_create": True}


def sides(voucher: dict[str, Any]) -> list[tuple[str, Decimal | None, Decimal | None]]:
    return [(each["Account"], each["CurrencyDebetAmount"], each["CurrencyCreditAmount"])
            for each in voucher["VoucherRows"]]  # fmt: skip


def test_what_is_noted_of_an_invoice_passes_for_no_delivery() -> None:
    """The audit holds bindings against what was delivered; a note says what was begun."""
    assert {MADE, NUMBERS} == NOTES


def test_an_approved_invoice_becomes_supplier_invoice_and_voucher(tenancy: Tenancy) -> None:
    """Both are made, coded as the file says, and the voucher's rows carry the hash of the key."""
    tenancy.post("a.csv", row())
    entry = tenancy.entry("invoices", "NT-118")
    assert (entry.state.value, entry.stage.value) == ("delivered", "done")
    (proposal,) = tenancy.proposals()
    assert (proposal["Identity"], proposal["NetCurrAmount"], proposal["VatCurrAmount"], proposal["Objstate"]) == (
        "S-1001", Decimal("100.00"), Decimal("19.00"), "Balanced",
    )  # fmt: skip
    (line,) = proposal["PostingProposalLines"]
    assert (line["Account"], line["CodeB"], line["Text"]) == ("4010", "210", "Calibration")
    (voucher,) = tenancy.ifs.vouchers
    assert sides(voucher) == [
        ("4010", Decimal("100.00"), None),
        ("1400", Decimal("19.00"), None),
        ("2400", None, Decimal("119.00")),
    ]
    assert references(voucher) == {(entry.reference or "").partition("/")[0]}
    assert {each["ReferenceSerie"] for each in voucher["VoucherRows"]} == {"STAMPLI"}
    assert tenancy.files() == {"a.csv": "done"}


def test_a_second_run_changes_nothing(tenancy: Tenancy) -> None:
    """No write to IFS, no new entry."""
    tenancy.post("a.csv", row())
    before = sum(1 for each in tenancy.ifs.journal.entries if each.effect)
    tenancy.go()
    assert sum(1 for each in tenancy.ifs.journal.entries if each.effect) == before
    assert tenancy.states("invoices") == {"delivered": 1}


def test_without_rules_only_the_supplier_invoice_is_made(opened: Callable[..., Tenancy]) -> None:
    """A tenant who books in IFS alone gets no voucher."""
    tenancy = opened(vouchers=None)
    tenancy.post("a.csv", row())
    assert len(tenancy.proposals()) == 1
    assert tenancy.ifs.vouchers == []


def test_lines_dimensions_freight_and_rounding(opened: Callable[..., Tenancy]) -> None:
    """Freight is a line of its own, a cent of rounding goes to the largest line, further code parts come along."""
    columns = {**COLUMNS, "freight_amount": "Freight", "dimension_C": "Plant"}
    tenancy = opened(feeds={"invoices": invoice_feed(columns=columns)})
    tenancy.change(mapping={"tax_accounts": {"*": "1400"}, "freight_accounts": {"10": "4600"}})
    rows = [
        row(Invoice_Amount="130.01", Freight="11.00", Plant="", Line_Amount="60.00"),
        row(Invoice_Amount="130.01", Freight="11.00", Plant="", Line_No="2", Line_Amount="40.00", GL_Account="4020"),
    ]
    tenancy.put("a.csv", content=csv_of(*rows, columns=[*rows[0]]))
    tenancy.go()
    (proposal,) = tenancy.proposals()
    lines = [(line["Account"], line["CurrencyAmount"]) for line in proposal["PostingProposalLines"]]
    assert lines == [("4010", Decimal("60.01")), ("4020", Decimal("40.00")), ("4600", Decimal("11.00"))]


@pytest.mark.parametrize("sign", ["", "-"])
def test_a_credit_is_posted_below_zero(opened: Callable[..., Tenancy], sign: str) -> None:
    """However the file writes its amounts, a credit note is negative in IFS, its voucher turned round."""
    tenancy = opened(feeds={"invoices": invoice_feed(columns={**COLUMNS, "document_type": "Type"})})
    credit = row(Invoice_Amount=f"{sign}119.00", Tax_Amount=f"{sign}19.00", Line_Amount=f"{sign}100.00", Type="credit")
    tenancy.put("a.csv", content=csv_of(credit, columns=[*credit]))
    tenancy.go()
    (proposal,) = tenancy.proposals()
    assert (proposal["InvoiceType"], proposal["NetCurrAmount"]) == ("SUPPCREDIT", Decimal("-100.00"))
    assert sides(tenancy.ifs.vouchers[0])[-1] == ("2400", Decimal("119.00"), None)


BAD = {
    "A-company": ({"Company": "77"}, "entity_unmapped"),
    "A-account": ({"GL Account": "9999"}, "account_unmapped"),
    "A-center": ({"Cost Center": "999"}, "dimension_unmapped"),
    "A-period": ({"Invoice Date": "2026-09-30"}, "period_closed"),
    "A-vendor": ({"Vendor ID": "S-9999"}, "vendor_unknown"),
    "A-total": ({"Invoice Amount": "120.00"}, "amount_mismatch"),
    "A-places": ({"Invoice Amount": "119.001"}, "amount_inexact"),
    "A-status": ({"Status": "Parked"}, "unreadable"),
    "A-day": ({"Invoice Date": "03/04/2026"}, "unreadable"),
    "A-damage": ({"GL Account": "1.23E+11"}, "unreadable"),
    "A-currency": ({"Currency": "XXQ"}, "unreadable"),
    "A-nobody": ({"Vendor ID": ""}, "unreadable"),
    "row 14": ({"Invoice Number": ""}, "unreadable"),
}


def test_bad_invoices_are_held_and_the_good_one_goes_on(tenancy: Tenancy) -> None:
    """Each with its cause, nothing of them is in IFS, and their neighbour in the file is posted."""
    rows = [row() | {"Invoice Number": number} | changes for number, (changes, _) in BAD.items()]
    tenancy.post("a.csv", *rows, row(Invoice_Number="NT-119"))
    assert tenancy.causes("invoices") == {number: cause for number, (_, cause) in BAD.items()}
    assert [each["InvoiceNo"] for each in tenancy.proposals()] == ["NT-119"]
    assert len(tenancy.ifs.vouchers) == 1
    assert tenancy.files() == {"a.csv": "done"}


def test_a_bad_value_is_told_with_its_rows(tenancy: Tenancy) -> None:
    """Who looks for the mistake finds file row, field and value."""
    tenancy.post("a.csv", row(Invoice_Number="NT-1"), row(Line_Amount="1,5"))
    entry = tenancy.entry("invoices", "NT-118")
    assert "row 3" in (entry.problem or "")
    assert "amount is '1,5'" in (entry.problem or "")
    assert b'"name":"a.csv"' in entry.source


# What a hold waits for


def test_a_hold_ends_when_the_table_has_the_word(tenancy: Tenancy) -> None:
    """A company and a status that the connection file learns release their invoices by themselves."""
    tenancy.post("a.csv", row(Company="North"), row(Invoice_Number="NT-119", Status="Parked"))
    assert tenancy.states("invoices") == {"held": 2}
    feed = invoice_feed(status_map={"Approved": "APPROVED", "Parked": "APPROVED"})
    tenancy.change(mapping={"companies": {"North": "10"}, "tax_accounts": {"*": "1400"}},
                   stampli={"feeds": {"invoices": feed}})  # fmt: skip
    tenancy.run("invoices")
    assert tenancy.states("invoices") == {"delivered": 2}


def test_a_hold_ends_when_the_period_is_opened(tenancy: Tenancy) -> None:
    """The period is asked for before anything is written, and again at each run."""
    tenancy.ifs.people.close_period("10", 2026, 11)
    tenancy.post("a.csv", row())
    assert tenancy.state() == ("held", "period_closed")
    assert tenancy.proposals() == []
    tenancy.ifs.people.open_period("10", 2026, 11)
    tenancy.run("invoices")
    assert tenancy.state() == ("delivered", None)


def test_a_period_that_closes_the_year_takes_no_invoice(tenancy: Tenancy) -> None:
    """It is open and holds the last day; the invoice waits for December."""
    tenancy.ifs.people.close_period("10", 2026, 12)
    tenancy.ifs.people.add_period("10", 2026, 13, first="2026-12-31", last="2026-12-31")
    tenancy.post("a.csv", row(Invoice_Date="2026-12-31", Due_Date="2027-01-31"))
    assert tenancy.state() == ("held", "period_closed")
    tenancy.ifs.people.open_period("10", 2026, 12)
    tenancy.run("invoices")
    assert [voucher["AccountingPeriod"] for voucher in tenancy.ifs.vouchers] == [12]


def test_a_hold_ends_when_the_supplier_is_there(tenancy: Tenancy) -> None:
    """A supplier entered in IFS by hand under the vendor's name is found."""
    tenancy.post("a.csv", row(Vendor_ID="V-1", Vendor_Name="Nordtek, Inc."))
    assert tenancy.state() == ("held", "vendor_unknown")
    tenancy.ifs.people.add_supplier(SupplierId="S-4711", Name="nordtek,  INC.", Country="US")
    tenancy.run("invoices")
    assert [each["Identity"] for each in tenancy.proposals()] == ["S-4711"]


def test_a_number_that_the_layout_learns_is_read_after_replay(tenancy: Tenancy) -> None:
    """Our copy is read by the layout as it is now: another form of dates, and the invoice goes."""
    tenancy.post("a.csv", row(Invoice_Date="03.11.2026"))
    assert tenancy.state() == ("held", "unreadable")
    tenancy.change(stampli={"feeds": {"invoices": invoice_feed(values={"dates": ["%Y-%m-%d", "%d.%m.%Y"]})}})
    tenancy.replay("invoices")
    assert tenancy.state() == ("delivered", None)


# Whose invoice it is


@pytest.mark.parametrize(
    ("vendor", "supplier"),
    [
        ({"Vendor ID": "S-1002"}, "S-1002"),
        ({"Vendor ID": "v-77"}, "S-1002"),
        ({"Vendor ID": "", "Vendor Name": "by name"}, "S-1001"),
    ],
)
def test_a_vendor_is_found_by_number_alias_or_name(tenancy: Tenancy, vendor: dict[str, str], supplier: str) -> None:
    """In this order, and by the exact name only."""
    name = tenancy.simulators.world.supplier("S-1001").name
    if vendor.get("Vendor Name"):
        vendor = vendor | {"Vendor Name": f" {name.upper()} "}
    tenancy.post("a.csv", row() | vendor)
    assert [each["Identity"] for each in tenancy.proposals()] == [supplier]


def test_two_suppliers_of_one_name_are_for_a_person(tenancy: Tenancy) -> None:
    """A name that fits twice fits nobody."""
    for number in ("S-71", "S-72"):
        tenancy.ifs.people.add_supplier(SupplierId=number, Name="Nordtek", Country="US")
    tenancy.post("a.csv", row(Vendor_ID="", Vendor_Name="Nordtek"))
    assert tenancy.state() == ("held", "vendor_unknown")
    assert "S-71, S-72" in (tenancy.entry("invoices", "NT-118").problem or "")


def test_a_new_vendor_of_two_invoices_is_made_once(opened: Callable[..., Tenancy]) -> None:
    """Where the policy says create: one supplier, both invoices on it, and the next one finds it."""
    tenancy = opened(**CREATE, vendor_country="US")
    before = len(tenancy.ifs.suppliers)
    new = {"Vendor ID": "V-1", "Vendor Name": "Nordtek, Inc."}
    tenancy.post("a.csv", *(row(Invoice_Number=f"NT-{number}") | new for number in range(6)))
    tenancy.post("b.csv", row(Invoice_Number="NT-9") | new)
    assert len(tenancy.ifs.suppliers) == before + 1
    (made,) = {each["Identity"] for each in tenancy.proposals()}
    assert (tenancy.ifs.suppliers[made]["Name"], tenancy.ifs.suppliers[made]["Country"]) == ("Nordtek, Inc.", "US")
    assert len(tenancy.proposals()) == len(tenancy.ifs.vouchers) == 7


def test_names_may_have_to_agree(opened: Callable[..., Tenancy]) -> None:
    """A number with another name is for a person, where the tenant wants it so."""
    tenancy = opened(vendor_name_must_agree=True)
    tenancy.post("a.csv", row(Vendor_Name="Somebody else"))
    assert tenancy.state() == ("held", "vendor_conflict")


# Never twice, never half


def test_an_invoice_that_somebody_entered_by_hand_is_a_duplicate(tenancy: Tenancy) -> None:
    """IFS is asked for supplier and number before anything is made."""
    tenancy.ifs.people.add_invoice("10", "S-1001", "NT-118")
    tenancy.post("a.csv", row())
    assert tenancy.state() == ("held", "duplicate_suspected")
    assert len(tenancy.proposals()) == 1


def test_two_vendors_that_are_one_supplier_do_not_post_one_number_twice(tenancy: Tenancy) -> None:
    """Sent at the same moment: one waits for the other, finds what it has made, and says of which record."""
    tenancy.post("a.csv", row(Vendor_ID="S-1002"), row(Vendor_ID="V-77"))
    first, second = sorted(tenancy.books.reports.select(flow="invoices"), key=lambda entry: entry.state.value)
    assert (first.state, second.cause) == (State.DELIVERED, Cause.DUPLICATE_SUSPECTED)
    assert f"was made of the record {first.key}" in (second.problem or "")
    assert (len(tenancy.proposals()), len(tenancy.ifs.vouchers)) == (1, 1)


@pytest.mark.parametrize("set_name", ["PostingProposal", "VoucherHandling", "SupplierHandling"])
def test_a_lost_answer_is_looked_for(opened: Callable[..., Tenancy], set_name: str) -> None:
    """Committed, then silence, at each of the three writes: the next run finds what is there and makes the rest."""
    tenancy = opened(**CREATE)
    suppliers = len(tenancy.ifs.suppliers)
    tenancy.ifs.faults.once("lost", method="POST", path_part=set_name)
    tenancy.post("a.csv", row(Vendor_ID="V-1", Vendor_Name="Nordtek"))
    tenancy.run("invoices")
    assert tenancy.state() == ("delivered", None)
    assert (len(tenancy.proposals()), len(tenancy.ifs.vouchers)) == (1, 1)
    assert len(tenancy.ifs.suppliers) == suppliers + 1


def test_a_voucher_that_is_refused_leaves_a_half_that_is_finished_later(opened: Callable[..., Tenancy]) -> None:
    """The invoice is there, the voucher is not: the entry is held, and replay makes the voucher only."""
    tenancy = opened()
    tenancy.change(ifs={"open_periods": []})
    tenancy.ifs.people.close_period("10", 2026, 11)
    tenancy.post("a.csv", row())
    assert tenancy.state()[0] == "held"
    assert (len(tenancy.proposals()), len(tenancy.ifs.vouchers)) == (1, 0)
    tenancy.ifs.people.open_period("10", 2026, 11)
    tenancy.replay("invoices")
    assert tenancy.state() == ("delivered", None)
    assert (len(tenancy.proposals()), len(tenancy.ifs.vouchers)) == (1, 1)


def test_an_invoice_that_was_left_without_all_its_lines_is_not_delivered(opened: Callable[..., Tenancy]) -> None:
    """Where IFS takes no batches a worker may die between two lines: a person cancels it, then it is made anew."""
    tenancy = opened()
    tenancy.change(ifs={"batch": False})
    tenancy.ifs.faults.once("reset", method="POST", path_part="PostingProposalLines", after=1)
    tenancy.ifs.faults.once("status", method="DELETE", path_part="PostingProposalHeadSet", status=403)
    second = row(Line_No="2", Line_Amount="60.00", GL_Account="4020", Cost_Center="210")
    tenancy.post("a.csv", row(Line_Amount="40.00"), second)
    for _ in range(2):
        assert tenancy.state() == ("held", "outcome_unsettled")
        assert tenancy.ifs.vouchers == []
        tenancy.replay("invoices")
    (half,) = tenancy.proposals()
    tenancy.ifs.people.cancel_invoice("10", half["InvoiceId"])
    tenancy.replay("invoices")
    assert tenancy.state() == ("delivered", None)
    (voucher,) = tenancy.ifs.vouchers
    assert len(voucher["VoucherRows"]) == 4


def test_new_content_never_completes_an_old_half(opened: Callable[..., Tenancy]) -> None:
    """The invoice of the first content is in IFS: the second content does not put its voucher beside it."""
    tenancy = opened()
    tenancy.change(ifs={"open_periods": []})
    tenancy.ifs.people.close_period("10", 2026, 11)
    tenancy.post("a.csv", row())
    tenancy.ifs.people.open_period("10", 2026, 11)
    tenancy.post("b.csv", row(Invoice_Amount="219.00", Line_Amount="200.00"))
    assert tenancy.state() == ("held", "changed_after_delivery")
    assert tenancy.ifs.vouchers == []


@pytest.mark.parametrize("status", ["Cancelled", "Pending Approval"])
def test_a_half_that_is_no_longer_approved_is_for_a_person(opened: Callable[..., Tenancy], status: str) -> None:
    """What has begun in IFS is not left out in silence."""
    tenancy = opened()
    tenancy.change(ifs={"open_periods": []})
    tenancy.ifs.people.close_period("10", 2026, 11)
    tenancy.post("a.csv", row())
    tenancy.post("b.csv", row(Status=status))
    assert tenancy.state() == ("held", "cancelled_after_delivery")


def test_a_refused_invoice_that_goes_back_for_approval_waits_for_it(opened: Callable[..., Tenancy]) -> None:
    """IFS has nothing of it, so nobody has to look."""
    tenancy = opened(invoice_types={"INVOICE": "NONE", "CREDIT": "NONE"})
    tenancy.post("a.csv", row())
    tenancy.post("b.csv", row(Status="Pending Approval"))
    assert tenancy.state() == ("ignored", "not_ready")


def test_the_same_number_of_two_vendors(opened: Callable[..., Tenancy]) -> None:
    """Two invoices where numbers are the vendor's, the second one held where numbers are unique."""
    both = (row(), row(Vendor_ID="S-1002"))
    tenancy = opened()
    tenancy.post("a.csv", *both)
    assert len(tenancy.proposals()) == 2
    strict = opened(dedup_scope="invoice_number")
    strict.simulators.reset()
    strict.post("a.csv", *both)
    assert strict.states("invoices") == {"delivered": 1, "held": 1}
    assert [each["Identity"] for each in strict.proposals()] == ["S-1001"]


def test_where_numbers_are_unique_the_second_stays_held(opened: Callable[..., Tenancy]) -> None:
    """Whatever becomes of the first one, and however the number is typed."""
    tenancy = opened(dedup_scope="invoice_number")
    tenancy.post("a.csv", row(), row(Vendor_ID="S-1002"), row(Vendor_ID="S-2001", Invoice_Number="nt-118"))
    tenancy.post("b.csv", row(Status="Paid"))
    tenancy.replay("invoices")
    assert tenancy.states("invoices") == {"delivered": 1, "held": 2}
    assert len(tenancy.proposals()) == 1


def test_company_without_credit_account_holds_before_anything_is_written(opened: Callable[..., Tenancy]) -> None:
    """The rules of vouchers are part of what is checked first."""
    tenancy = opened(vouchers=RULES)
    tenancy.post("a.csv", row(Company="20", Currency="USD", Vendor_ID="S-2001"))
    assert tenancy.state() == ("held", "account_unmapped")
    assert tenancy.proposals() == []
