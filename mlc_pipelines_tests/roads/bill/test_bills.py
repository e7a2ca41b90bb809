"""Bills: an invoice of IFS stands in BILL once, coded to the cent, or is held for a reason a clerk can act on."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from mlc_pipelines.errors import Cause
from mlc_pipelines.ledger.states import State
from mlc_pipelines.sandbox.bill.records import Bill
from mlc_pipelines_tests.integrations.bill.organization import add_bill, add_row, change
from mlc_pipelines_tests.roads.bill.tenancy import UNMAPPED, Tenancy, key_of, line


def amounts(bill: Bill) -> list[Decimal]:
    return [each.amount for each in bill.lines]


def test_an_invoice_becomes_a_bill_with_every_line_coded(tenancy: Tenancy) -> None:
    """Vendor, number, dates, and account with department, location and class on each line."""
    lines = [line("70.10", CodeC="P1", Text="Ball bearings"), line("29.90", "4020", "220", CodeD="PR-100")]
    bill = tenancy.sent(lines=lines, InvoiceDate="2026-11-03", DueDate="2026-12-03")
    bound, chart = tenancy.books.dictionary.bound("bill_dimension"), tenancy.books.dictionary.bound("bill_account")
    assert (bill.invoice_number, bill.vendor_id) == ("INV-1", tenancy.vendor_of("S-1001").id)
    assert (bill.invoice_date, bill.due_date) == (date(2026, 11, 3), date(2026, 12, 3))
    assert [each.classifications for each in bill.lines] == [
        {"chartOfAccountId": chart["10^4010"], "departmentId": bound["10^B^210"], "locationId": bound["10^C^P1"]},
        {
            "chartOfAccountId": chart["10^4020"],
            "departmentId": bound["10^B^220"],
            "accountingClassId": bound["10^D^PR-100"],
        },
    ]
    assert amounts(bill) == [Decimal("70.10"), Decimal("29.90")]
    assert bill.lines[0].description == "Ball bearings"


def test_tax_is_a_line_of_its_own(tenancy: Tenancy) -> None:
    """On the account of the table."""
    bill = tenancy.sent(VatCurrAmount="19.00")
    assert amounts(bill) == [Decimal(100), Decimal(19)]
    tax = bill.lines[1].classifications
    assert tax == {"chartOfAccountId": tenancy.books.dictionary.bound("bill_account")["10^1400"]}


def test_orders_are_named_on_the_bill(tenancy: Tenancy) -> None:
    """Numbers in their field, lines in the description behind our key."""
    bill = tenancy.sent(PoRefNumber="P104001/2/1, P104002")
    assert bill.purchase_order_number == "P104001, P104002"
    assert bill.description == f"IFS {key_of(bill)}; PO P104001/2/1, P104002"


def test_the_invoice_says_where_it_was_sent(tenancy: Tenancy) -> None:
    """The mark in IFS names the bill, and was written under the ETag that was read."""
    bill = tenancy.sent()
    assert tenancy.proposal(key_of(bill))["Cf_Spend_Reference"] == f"bill:{bill.id}"
    (patch,) = [entry for entry in tenancy.ifs.journal.entries if entry.method == "PATCH"]
    assert patch.headers["if-match"] not in ("", "*")


def test_a_second_pass_writes_nothing(tenancy: Tenancy) -> None:
    """Our own mark in IFS is no change of the invoice."""
    tenancy.sent()
    before = tenancy.simulators.writes()
    tenancy.walk()
    assert tenancy.simulators.writes() == before


def test_an_edit_in_ifs_replaces_the_bill_while_nobody_has_decided(tenancy: Tenancy) -> None:
    """All its lines; there is no second bill."""
    bill = tenancy.sent()
    tenancy.edit(key_of(bill), lines=[line("250.55"), line("1.45")], NetCurrAmount="252.00")
    tenancy.run("bills")
    assert amounts(tenancy.bill_of(key_of(bill))) == [Decimal("250.55"), Decimal("1.45")]
    assert len(tenancy.bill.bills) == 1
    assert tenancy.entry("bills", key_of(bill)).version == 2


def approved(tenancy: Tenancy, bill: Bill) -> None:
    tenancy.bill.people.approve_bills([bill.id])


def approving(tenancy: Tenancy, bill: Bill) -> None:
    change(tenancy.bill, bill, approval_status="APPROVING")


def denied(tenancy: Tenancy, bill: Bill) -> None:
    tenancy.bill.people.deny_bill(bill.id)


def archived(tenancy: Tenancy, bill: Bill) -> None:
    tenancy.bill.people.archive_bill(bill.id)


def scheduled(tenancy: Tenancy, bill: Bill) -> None:
    tenancy.bill.people.schedule_payments([bill.id])


def gone(tenancy: Tenancy, bill: Bill) -> None:
    del tenancy.bill.bills[bill.id]


@pytest.mark.parametrize("decided", [approved, approving, denied, archived, scheduled, gone])
def test_an_edit_after_the_decision_is_held(tenancy: Tenancy, decided: Callable[[Tenancy, Bill], None]) -> None:
    """A bill somebody decided on is not changed behind their back, and no second one is made."""
    bill = tenancy.sent()
    decided(tenancy, bill)
    tenancy.edit(key_of(bill), lines=[line("250.00")], NetCurrAmount="250.00")
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-1": Cause.CHANGED_AFTER_DELIVERY}
    assert bill.amount == Decimal(100)
    assert len(tenancy.bill.bills) <= 1


def test_until_when_a_bill_is_replaced_can_be_set(tenancy: Tenancy) -> None:
    """It is not documented."""
    tenancy.change(bill={"amend_while": ["UNASSIGNED", "ASSIGNED", "APPROVING"]})
    bill = tenancy.sent()
    approving(tenancy, bill)
    tenancy.edit(key_of(bill), lines=[line("250.00")], NetCurrAmount="250.00")
    tenancy.run("bills")
    assert bill.amount == Decimal(250)


def test_a_cancelled_invoice_is_not_sent(tenancy: Tenancy) -> None:
    """BILL never hears of it."""
    key = tenancy.invoice("INV-1")
    tenancy.edit(key, Objstate="Cancelled")
    tenancy.run("bills")
    assert tenancy.entry("bills", key).cause == Cause.CANCELLED
    assert tenancy.bill.bills == {}


def test_an_invoice_cancelled_after_delivery_is_held_for_a_person(tenancy: Tenancy) -> None:
    """Nothing is archived on our own."""
    bill = tenancy.sent()
    tenancy.edit(key_of(bill), Objstate="Cancelled")
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-1": Cause.CANCELLED_AFTER_DELIVERY}
    assert bill.archived is False


@pytest.mark.parametrize("mark", [{"Cf_Spend_Reference": "ramp:b-1"}, {"Cf_Paid_Status": "Paid"}])
def test_an_invoice_that_somebody_else_sent_or_paid_is_held(tenancy: Tenancy, mark: dict[str, str]) -> None:
    """The mark stays; a person who clears it has the invoice sent by the next run."""
    key = tenancy.invoice("INV-1", **mark)
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-1": Cause.SENT_ELSEWHERE}
    assert tenancy.bill.bills == {}
    tenancy.edit(key, **dict.fromkeys(mark))
    tenancy.run("bills")
    assert tenancy.proposal(key)["Cf_Spend_Reference"] == f"bill:{tenancy.bill_of(key).id}"


def test_an_invoice_that_is_in_another_organization_is_not_sent_to_this_one(tenancy: Tenancy) -> None:
    """Its mark looks like ours, and no bill of it is here; a person who clears it and replays has it sent."""
    key = tenancy.invoice("INV-1", Cf_Spend_Reference="bill:00nELSEWHERE")
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-1": Cause.SENT_ELSEWHERE}
    assert tenancy.bills_of(key) == []
    tenancy.edit(key, Cf_Spend_Reference=None)
    tenancy.bill.faults.once("status", method="GET", path_part="/v3/bills/00nELSEWHERE", status=400)
    tenancy.replay("bills")
    tenancy.run("bills")
    assert tenancy.proposal(key)["Cf_Spend_Reference"] == f"bill:{tenancy.bill_of(key).id}"


def test_a_mark_that_another_organization_made_meanwhile_is_not_overwritten(tenancy: Tenancy) -> None:
    """Two connections poll in the same minute: both have sent it, and a person must know."""
    key = tenancy.invoice("INV-1")
    tenancy.run_stages("bills", "collect", "translate", "deliver")
    tenancy.edit(key, Cf_Spend_Reference="bill:00nELSEWHERE")
    tenancy.run_stages("bills", "confirm")
    assert tenancy.causes("bills") == {"INV-1": Cause.SENT_ELSEWHERE}
    assert tenancy.proposal(key)["Cf_Spend_Reference"] == "bill:00nELSEWHERE"


@pytest.mark.parametrize(
    ("attributes", "cause"),
    [
        ({"lines": [line("-40.00")]}, Cause.CREDIT_NOTE),
        ({"lines": [line("140.00"), line("-40.00")]}, Cause.NEGATIVE_LINE),
        ({"lines": [line("40.00", UNMAPPED)]}, Cause.ACCOUNT_UNMAPPED),
        ({"NetCurrAmount": "99.00"}, Cause.AMOUNT_MISMATCH),
        ({"Currency": "USD"}, Cause.VENDOR_CONFLICT),
    ],
)
def test_what_bill_cannot_take_is_held(tenancy: Tenancy, attributes: dict[str, Any], cause: Cause) -> None:
    """With its cause, before any call."""
    tenancy.invoice("INV-1", **attributes)
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-1": cause}
    assert tenancy.bill.bills == {}


def test_an_invoice_goes_on_when_its_vendor_gets_its_currency(tenancy: Tenancy) -> None:
    """The vendor is changed in BILL; nobody has to replay anything."""
    key = tenancy.invoice("INV-1", Currency="USD")
    tenancy.run("bills")
    change(tenancy.bill, tenancy.vendor_of("S-1001"), bill_currency="USD")
    tenancy.run("bills")
    assert tenancy.entry("bills", key).state is State.CONFIRMED


def test_a_vendor_that_was_not_listed_is_asked_for_its_currency(tenancy: Tenancy) -> None:
    """BILL's list may lag behind; the organization's own currency is not taken for the vendor's."""
    tenancy.run("bills")
    vendor = tenancy.vendor_of("S-1001")
    tenancy.books.dictionary.learn("vendor_currency", {})
    vendor.updated -= timedelta(days=1)
    keys = [tenancy.invoice(f"INV-{currency}", Currency=currency) for currency in ("USD", "EUR")]
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-USD": Cause.VENDOR_CONFLICT}
    assert tenancy.bill_of(keys[1]).vendor_id == vendor.id


def test_an_invoice_goes_on_when_its_code_parts_are_there(bare: Tenancy) -> None:
    """They had not been sent yet."""
    key = bare.invoice("INV-1")
    bare.run("chart_of_accounts", "vendors", "bills")
    assert bare.causes("bills") == {"INV-1": Cause.DIMENSION_UNMAPPED}
    bare.run("dimensions", "bills")
    assert bare.entry("bills", key).state is State.CONFIRMED


def test_an_invoice_goes_on_when_its_vendor_is_there(tenancy: Tenancy) -> None:
    """The supplier was incomplete; the invoice waits for it."""
    supplier = tenancy.ifs.people.add_supplier(Name="Valpo Tooling", Cf_Currency="USD")
    key = tenancy.invoice("INV-1", supplier=supplier)
    tenancy.walk()
    assert tenancy.entry("bills", key).cause == Cause.SUPPLIER_UNKNOWN
    address = {"Country": "US", "Cf_Address1": "1 Mill Road", "Cf_City": "Akron", "Cf_Zip_Code": "44301"}
    tenancy.ifs.people.edit_supplier(supplier, **address)
    tenancy.walk()
    assert tenancy.entry("bills", key).state is State.CONFIRMED


def test_a_corrected_account_table_counts_for_the_next_bill(tenancy: Tenancy) -> None:
    """The account was bound to the number that the table had before; one that BILL lacks is waited for."""
    numbered = {row.number: row.id for row in tenancy.bill.accounts.values()}
    for number, sent in (("4020", True), ("9990", False)):
        tenancy.change(mapping={"accounts": {"4010": number, "4020": "4020", "1400": "1400"}})
        key = tenancy.invoice(f"INV-{number}", lines=[line("100.00", "4010")])
        tenancy.run("chart_of_accounts", "bills")
        assert [each.classifications["chartOfAccountId"] for bill in tenancy.bills_of(key) for each in bill.lines] == (
            [numbered[number]] if sent else []
        )
    assert tenancy.causes("bills") == {"INV-9990": Cause.ACCOUNT_UNMAPPED}
    made = add_row(tenancy.bill, "chart-of-accounts", "Bearings, new", "9990")
    tenancy.run("chart_of_accounts", "bills")
    assert tenancy.bill_of(key).lines[0].classifications["chartOfAccountId"] == made.id


def test_negative_lines_go_where_they_are_allowed(tenancy: Tenancy) -> None:
    """Whether BILL takes them is not known."""
    tenancy.change(bill={"negative_lines": True})
    tenancy.bill.switches.negative_lines = True
    bill = tenancy.sent(lines=[line("140.00"), line("-40.00")])
    assert amounts(bill) == [Decimal(140), Decimal(-40)]


def test_yen_go_without_places(tenancy: Tenancy) -> None:
    """To the cent means to the yen."""
    bill = tenancy.sent(supplier="S-3001", lines=[line("120000")])
    assert amounts(bill) == [120000]


# Looking before creating


@pytest.mark.parametrize("kind", ["lost", "lost_504"])
def test_a_lost_answer_makes_no_second_bill(tenancy: Tenancy, kind: str) -> None:
    """It is found by our key at the start of its description."""
    key = tenancy.invoice("INV-1")
    tenancy.bill.faults.once(kind, method="POST", path_part="/v3/bills")
    tenancy.run("bills")
    assert tenancy.states("bills") == {"unknown": 1}
    tenancy.run("bills")
    assert tenancy.entry("bills", key).external_id == tenancy.bill_of(key).id
    assert tenancy.states("bills") == {"confirmed": 1}


def test_a_bill_that_was_archived_before_its_answer_came_is_not_made_again(tenancy: Tenancy) -> None:
    """Archived bills are looked at too."""
    key = tenancy.invoice("INV-1")
    tenancy.bill.faults.once("lost", method="POST", path_part="/v3/bills")
    tenancy.run("bills")
    tenancy.bill.people.archive_bill(tenancy.bill_of(key).id)
    tenancy.run("bills")
    assert len(tenancy.bills_of(key)) == 1


def test_a_bill_of_the_same_number_that_somebody_entered_is_held(tenancy: Tenancy) -> None:
    """A person finds out whether it is the same."""
    theirs = add_bill(tenancy.bill, tenancy.vendor_of("S-1001").id, "INV-1")
    key = tenancy.invoice("INV-1")
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-1": Cause.DUPLICATE_SUSPECTED}
    tenancy.bill.people.archive_bill(theirs.id)
    tenancy.replay("bills")
    assert len(tenancy.bills_of(key)) == 1


def test_the_same_number_of_two_companies_is_two_bills(tenancy: Tenancy) -> None:
    """Our key tells them apart."""
    keys = [tenancy.invoice("INV-1", company=company) for company in ("10", "20")]
    tenancy.run("bills")
    assert [len(tenancy.bills_of(key)) for key in keys] == [1, 1]


def test_an_invoice_entered_anew_waits_for_the_bill_of_the_cancelled_one(tenancy: Tenancy) -> None:
    """Both could be paid; the new one goes when a person has archived the other."""
    cancelled = tenancy.sent("INV-1")
    tenancy.edit(key_of(cancelled), Objstate="Cancelled")
    anew = tenancy.invoice("INV-1")
    tenancy.run("bills")
    assert tenancy.entry("bills", anew).cause == Cause.DUPLICATE_SUSPECTED
    assert tenancy.bills_of(anew) == []
    tenancy.bill.people.archive_bill(cancelled.id)
    tenancy.replay("bills")
    assert len(tenancy.bills_of(anew)) == 1


def test_two_valid_invoices_of_one_number_are_two_bills(tenancy: Tenancy) -> None:
    """IFS takes a number once for each series."""
    keys = [tenancy.invoice("INV-1", SeriesId=series) for series in ("SI", "SX")]
    tenancy.run("bills")
    assert [len(tenancy.bills_of(key)) for key in keys] == [1, 1]


def test_two_bills_with_our_key_need_a_person(tenancy: Tenancy) -> None:
    """Somebody copied one, description and all, while the answer was lost."""
    key = tenancy.invoice("INV-1")
    tenancy.bill.faults.once("lost", method="POST", path_part="/v3/bills")
    tenancy.run("bills")
    there = tenancy.bill_of(key)
    add_bill(tenancy.bill, there.vendor_id, "INV-1", description=there.description)
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-1": Cause.DUPLICATE_SUSPECTED}


# Many in one call


def test_a_first_load_goes_in_one_call(tenancy: Tenancy) -> None:
    """Where the connection says so."""
    tenancy.change(bill={"bulk_bills": True})
    keys = [tenancy.invoice(f"INV-{number}") for number in range(7)]
    tenancy.run("bills")
    assert (tenancy.calls("POST", "/bills/bulk"), tenancy.calls("POST", "/bills")) == (1, 0)
    for key in keys:
        assert tenancy.entry("bills", key).external_id == tenancy.bill_of(key).id


def test_one_bad_bill_of_many_is_found_by_halving(tenancy: Tenancy) -> None:
    """BILL refuses them all; the good ones go, and none goes twice."""
    tenancy.change(bill={"bulk_bills": True})
    tenancy.bill.switches.invoice_number_length = 8
    keys = [tenancy.invoice("INV-TOO-LONG" if number == 3 else f"INV-{number}") for number in range(7)]
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-TOO-LONG": Cause.REJECTED_BY_TARGET}
    assert sorted(len(tenancy.bills_of(key)) for key in keys) == [0, 1, 1, 1, 1, 1, 1]


def test_a_lost_answer_to_many_is_settled_one_by_one(tenancy: Tenancy) -> None:
    """Each is found."""
    tenancy.change(bill={"bulk_bills": True})
    keys = [tenancy.invoice(f"INV-{number}") for number in range(5)]
    tenancy.bill.faults.once("lost", method="POST", path_part="/bills/bulk")
    tenancy.run("bills")
    tenancy.run("bills")
    assert [len(tenancy.bills_of(key)) for key in keys] == [1] * 5
    assert tenancy.states("bills") == {"confirmed": 5}
