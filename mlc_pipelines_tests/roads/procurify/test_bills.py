"""Bills: what is approved in Procurify stands in IFS once, as an invoice and a voucher, to the last cent."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from mlc_pipelines.errors import Cause
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.roads.procurify.tenancy import UNMAPPED, Tenancy


def test_an_approved_bill_becomes_an_invoice_and_a_voucher(tenancy: Tenancy) -> None:
    """The invoice on its account and the approver's cost center, the voucher balanced, tax on its own account."""
    key = tenancy.bill(amount="1180.50", tax=19, account="4010", by="DANOKA")
    tenancy.settle()
    invoice = tenancy.invoice(key)
    assert (invoice["Company"], invoice["Identity"], invoice["InvoiceType"]) == ("10", "S-1001", "SUPPINV")
    assert (invoice["NetCurrAmount"], invoice["VatCurrAmount"]) == (Decimal("1180.50"), Decimal("224.30"))
    assert (invoice["Objstate"], invoice["PayTermId"]) == ("Balanced", "30")
    assert tenancy.rows(key) == [
        ("4010", "100", Decimal("1180.50")),
        ("1400", None, Decimal("224.30")),
        ("2400", None, Decimal("-1404.80")),
    ]
    entry = tenancy.entry("bills", key)
    assert (entry.state, entry.external_id, entry.company) == (State.DELIVERED, f"10^{invoice['InvoiceId']}", "10")


WISHES: tuple[dict[str, Any], ...] = (
    {"amount": "100.00", "split": 7},
    {"amount": "10000", "split": 3, "currency": "JPY", "vendor": "S-3001", "tax": 10},
    {"inclusive": True, "amount": "1190.00"},
    {"shipping": "19.95", "freight": "48.90"},
    {"currency": "USD", "vendor": "S-2001", "by": "JAMWES", "tax": 0},
    {"amount": "-412.35"},
    {"by": None},
    {"by": "ELIVOS"},
)


def test_what_arrives_is_what_the_bill_says(tenancy: Tenancy) -> None:
    """Gross amount and credit of the voucher are each bill's total by the simulator's own exact books."""
    keys = [tenancy.bill(**wish) for wish in WISHES]
    keys.append(str(tenancy.procurify.people.new_bill(vendor="S-1001", currency="EUR", tax=19, lines=3, split=3)))
    tenancy.settle()
    for key in keys:
        bill, invoice = tenancy.procurify.bills[int(key)], tenancy.invoice(key)
        assert (invoice["GrossAmount"], invoice["Currency"]) == (bill.total, bill.currency.name)
        assert tenancy.rows(key)[-1][2] == -bill.total
        assert {invoice["Company"]} == bill.companies


def test_bills_without_an_approver_keep_the_charged_cost_center(tenancy: Tenancy) -> None:
    """An automatic approval has no department."""
    key = tenancy.bill(by=None, account="4010")
    tenancy.settle()
    (allocation,) = tenancy.procurify.bills[int(key)].allocations
    assert tenancy.rows(key)[0][1] == allocation.budget.department.external_id


def test_a_department_without_external_id_is_found_in_the_table(tenancy: Tenancy) -> None:
    """By its id."""
    nameless = next(row for row in tenancy.procurify.departments.values() if row.external_id is None)
    tenancy.procurify.store.person("JAMWES").department = nameless
    key = tenancy.bill(currency="USD", vendor="S-2001", by="JAMWES", account="4010")
    tenancy.settle()
    assert tenancy.rows(key)[0][1] == "120"


def test_how_often_approver_and_charged_department_differ_is_told(tenancy: Tenancy) -> None:
    """In the trail of each bill, and in sum."""
    key = tenancy.bill(by="DANOKA", account="4010")
    bill = tenancy.procurify.bills[int(key)]
    bill.allocations[0].budget = tenancy.procurify.store.budget(
        tenancy.procurify.store.account("4010"), tenancy.procurify.store.department("210", company="10")
    )
    tenancy.settle()
    trail = tenancy.books.reports.trail(tenancy.entry("bills", key))
    assert "1 of 1 allocations" in trail[-1].detail
    (gap,) = [gap for gap in tenancy.session.gaps() if gap.kind == "cost_center"]
    assert gap.what.startswith(f"approver and charged department differ on 1 of 1 bills ({bill.total} EUR)")


def test_a_bill_that_jumps_over_approved_is_not_missed(tenancy: Tenancy) -> None:
    """It may be paid, or on its way to payment, between two polls."""
    keys = [tenancy.bill() for _ in range(4)]
    for key, status in zip(keys, (4, 6, 7, 8), strict=True):
        tenancy.procurify.people.pay(int(key), status=status)
    tenancy.settle()
    assert [len(tenancy.invoices(key)) for key in keys] == [1, 1, 1, 1]


RESTING: tuple[tuple[dict[str, Any], int | None, Cause], ...] = (
    ({"approve": False}, None, Cause.NOT_READY),
    ({}, 9, Cause.NOT_READY),
    ({}, 3, Cause.CANCELLED),
    ({}, 5, Cause.CANCELLED),
    ({"type": 1}, None, Cause.NOT_OURS),
    ({"type": 2}, None, Cause.NOT_OURS),
)


def test_what_is_not_carried_is_written_down_with_its_reason(tenancy: Tenancy) -> None:
    """Drafts, denied and withdrawn bills, expenses, cards, and statuses that nobody knows yet."""
    keys = []
    for wish, status, _ in RESTING:
        keys.append(tenancy.bill(**wish))
        if status is not None:
            tenancy.procurify.bills[int(keys[-1])].status = status
    tenancy.settle()
    assert [tenancy.entry("bills", key).cause for key in keys] == [cause for *_, cause in RESTING]
    assert (tenancy.states("bills"), tenancy.ifs.invoices) == ({"ignored": len(keys)}, {})


def test_a_draft_goes_on_when_it_is_approved(tenancy: Tenancy) -> None:
    """The approval moves its time, and the next poll sees it."""
    key = tenancy.bill(approve=False)
    tenancy.settle()
    tenancy.procurify.people.approve(int(key))
    tenancy.settle()
    assert tenancy.invoice(key)["Objstate"] == "Balanced"


def test_expense_bills_are_carried_where_the_tenant_wants_them(tenancy: Tenancy) -> None:
    """Card bills never."""
    tenancy.change(procurify={"bill_types": [0, 1]})
    key = tenancy.bill(type=1)
    tenancy.settle()
    assert len(tenancy.invoices(key)) == 1


def test_the_day_of_a_bill_is_the_account_s(tenancy: Tenancy) -> None:
    """Half past eleven in UTC is the next day in Berlin."""
    key = tenancy.bill()
    bill = tenancy.procurify.bills[int(key)]
    bill.invoice_date = datetime(2026, 11, 9, 23, 30, tzinfo=UTC)
    bill.gl_post_date = None
    tenancy.settle()
    assert tenancy.invoice(key)["InvoiceDate"] == date(2026, 11, 10)
    assert tenancy.voucher(key)["VoucherDate"] == date(2026, 11, 10)


def test_a_bill_without_a_number_is_known_by_its_id(tenancy: Tenancy) -> None:
    """So it is found again."""
    key = tenancy.bill(number="")
    tenancy.settle()
    assert tenancy.invoice(key)["InvoiceNo"] == f"PRC-{key}"


def test_a_bill_of_two_companies_is_held(tenancy: Tenancy) -> None:
    """One invoice cannot be in two books."""
    key = tenancy.bill(spans=True)
    tenancy.settle()
    assert "company 10 and 20" in tenancy.problem("bills", key)


def test_a_wrong_total_is_held(tenancy: Tenancy) -> None:
    """The bill says ten more than its parts."""
    key = tenancy.bill(off_by="10.00")
    tenancy.settle()
    assert (tenancy.entry("bills", key).cause, tenancy.ifs.invoices) == (Cause.AMOUNT_MISMATCH, {})


def test_an_unmapped_account_holds_the_bill_until_it_is_mapped(tenancy: Tenancy) -> None:
    """It goes on by itself."""
    key = tenancy.bill(account=UNMAPPED)
    tenancy.settle()
    assert tenancy.entry("bills", key).cause is Cause.ACCOUNT_UNMAPPED
    tenancy.change(mapping={"accounts": {UNMAPPED: "4600"}})
    tenancy.settle()
    assert tenancy.rows(key)[0][0] == "4600"


def test_an_inactive_account_holds_the_bill_until_it_is_recoded(tenancy: Tenancy) -> None:
    """The recoded bill is a new version."""
    tenancy.procurify.people.deactivate_account("4500")
    key = tenancy.bill(account="4500")
    tenancy.settle()
    assert "inactive in Procurify" in tenancy.problem("bills", key)
    tenancy.procurify.people.recode_bill(int(key), "4510")
    tenancy.settle()
    assert tenancy.rows(key)[0][0] == "4510"


def test_a_location_that_is_no_company_holds_the_bill(tenancy: Tenancy) -> None:
    """Unless the tenant has one company for all."""
    tenancy.change(mapping={"companies": {"P3": "20"}})
    key = tenancy.bill()
    tenancy.settle()
    assert tenancy.entry("bills", key).cause is Cause.ENTITY_UNMAPPED
    tenancy.change(mapping={"companies": {"P1": "10", "P2": "10", "P3": "20"}})
    tenancy.settle()
    assert tenancy.invoice(key)["Company"] == "10"


def test_a_bill_of_another_company_is_not_ours(tenancy: Tenancy) -> None:
    """The connection names its companies."""
    tenancy.change(companies=["20"])
    key = tenancy.bill()
    tenancy.settle()
    assert tenancy.entry("bills", key).cause is Cause.NOT_OURS


def test_a_closed_period_holds_the_bill_until_it_opens(tenancy: Tenancy) -> None:
    """Nothing of it was written before."""
    key = tenancy.bill()
    day = tenancy.procurify.bills[int(key)].invoice_date
    tenancy.ifs.people.close_period("10", day.year, day.month)
    tenancy.settle()
    assert (tenancy.entry("bills", key).cause, tenancy.ifs.invoices) == (Cause.PERIOD_CLOSED, {})
    tenancy.ifs.people.open_period("10", day.year, day.month)
    tenancy.settle()
    assert len(tenancy.invoices(key)) == 1


def test_without_voucher_rules_only_the_invoice_is_made(tenancy: Tenancy) -> None:
    """IFS posts it itself; its period must be open all the same."""
    tenancy.change(procurify={"vouchers": None})
    key = tenancy.bill()
    tenancy.settle()
    assert (len(tenancy.invoices(key)), tenancy.ifs.vouchers) == (1, [])


def test_a_bill_that_cannot_be_read_is_held_with_its_field(tenancy: Tenancy) -> None:
    """Its copy is kept."""
    key = tenancy.bill()
    tenancy.procurify.faults.once(
        "status", path_part=f"/ap/bills/{key}/", status=200, body=f'{{"data": {{"id": {key}, "items": 7}}}}'
    )
    tenancy.settle()
    assert (tenancy.entry("bills", key).cause, "$.items" in tenancy.problem("bills", key)) == (Cause.UNREADABLE, True)


def test_a_bill_that_is_listed_but_not_there_is_held(tenancy: Tenancy) -> None:
    """Somebody's rights may have shrunk."""
    key = tenancy.bill()
    tenancy.procurify.faults.once("status", path_part=f"/ap/bills/{key}/", status=404)
    tenancy.settle()
    assert "listed, but cannot be read" in tenancy.problem("bills", key)


def test_credit_notes_may_be_left_to_a_person(tenancy: Tenancy) -> None:
    """By the setting."""
    tenancy.change(procurify={"credit_notes": "hold"})
    key = tenancy.bill(amount="-50.00")
    tenancy.settle()
    assert tenancy.entry("bills", key).cause is Cause.CREDIT_NOTE


def test_a_second_pass_writes_nothing_and_reads_only_the_index(tenancy: Tenancy) -> None:
    """What is known by id, version and time is not read in full again."""
    tenancy.bill()
    tenancy.settle()
    seen = tenancy.ifs.journal.entries[-1].seq
    tenancy.procurify.journal.clear()
    tenancy.settle()
    assert [entry for entry in tenancy.ifs.journal.since(seen) if entry.effect] == []
    assert not [entry for entry in tenancy.procurify.journal.entries if entry.path.startswith("/api/v2/ap/bills/")]


def test_a_bill_changed_a_moment_ago_is_left_for_the_next_poll(tenancy: Tenancy) -> None:
    """The window ends a minute before now, and begins a quarter of an hour before the last."""
    tenancy.settle()
    key = str(tenancy.procurify.people.new_bill(vendor="S-1001", currency="EUR", amount="5.00"))
    tenancy.run("bills")
    assert tenancy.invoices(key) == []
    tenancy.settle()
    assert len(tenancy.invoices(key)) == 1
