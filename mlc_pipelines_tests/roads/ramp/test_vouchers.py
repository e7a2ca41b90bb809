"""Vouchers: a bill approved in Ramp stands in IFS once, both sides equal, and Ramp knows its number."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from mlc_pipelines.errors import Cause
from mlc_pipelines.flows.content import fingerprint
from mlc_pipelines_tests.roads.installation import references
from mlc_pipelines_tests.roads.ramp.tenancy import UNMAPPED, Tenancy

RULES = {"bills": "all", "voucher_type": "M", "user_group": "AC", "credit_account": {"*": "2400"}}


def approved(tenancy: Tenancy, number: str = "INV-1", **attributes: Any) -> Any:
    """Bring an invoice to Ramp and let people approve it; give its bill."""
    reference = tenancy.invoice(number, **attributes)
    tenancy.run("bills")
    tenancy.approve()
    return tenancy.bill(reference)


def sides(voucher: dict[str, Any]) -> list[tuple[str, Decimal | None, Decimal | None]]:
    return [(row["Account"], row["CurrencyDebetAmount"], row["CurrencyCreditAmount"]) for row in voucher["VoucherRows"]]


def test_an_approved_bill_becomes_one_balanced_voucher(tenancy: Tenancy) -> None:
    """A debit per line with its code parts, one credit, the bill's id on every row."""
    lines = [
        {"Account": "4010", "CodeB": "210", "CurrencyAmount": "70.10"},
        {"Account": "4020", "CodeB": "220", "CurrencyAmount": "29.90"},
    ]
    bill = approved(tenancy, lines=lines, InvoiceDate="2026-11-03", VatCurrAmount="19.00")
    tenancy.run("vouchers")
    voucher = tenancy.voucher(bill.id)
    assert sides(voucher) == [
        ("4010", Decimal("70.10"), None),
        ("4020", Decimal("29.90"), None),
        ("1400", Decimal("19.00"), None),
        ("2400", None, Decimal("119.00")),
    ]
    assert [row["CodeB"] for row in voucher["VoucherRows"]] == ["210", "220", None, None]
    assert references(voucher) == {bill.id}
    assert (voucher["VoucherDate"], voucher["AccountingPeriod"]) == (date(2026, 11, 3), 11)
    assert voucher["Objstate"] == "Confirmed"


def test_ramp_is_told_the_number_of_the_voucher(tenancy: Tenancy) -> None:
    """The sync carries the key of the voucher, and the bill counts as booked."""
    bill = approved(tenancy)
    tenancy.run("vouchers")
    voucher = tenancy.voucher(bill.id)
    key = "^".join(str(voucher[name]) for name in ("Company", "VoucherType", "AccountingYear", "VoucherNo"))
    assert (tenancy.bill("10^900001").sync_status, tenancy.bill("10^900001").bill_reference) == ("BILL_SYNCED", key)


def test_a_bill_that_nobody_approved_is_not_booked(tenancy: Tenancy) -> None:
    """Approval is the condition, not submission."""
    tenancy.invoice("INV-1")
    tenancy.run("bills")
    tenancy.ramp.people.submit_drafts()
    tenancy.run("vouchers")
    assert tenancy.ifs.vouchers == []


def test_a_second_pass_books_nothing(tenancy: Tenancy) -> None:
    """Booked once, told once."""
    approved(tenancy)
    tenancy.run("vouchers")
    before = tenancy.simulators.writes()
    tenancy.walk()
    assert tenancy.simulators.writes() == before


def test_yen_are_booked_as_whole_yen(tenancy: Tenancy) -> None:
    """No minor unit is lost or gained on the way through both systems."""
    lines = [{"Account": "4010", "CodeB": "210", "CurrencyAmount": "1234567"}]
    bill = approved(tenancy, supplier="S-3001", lines=lines)
    tenancy.run("vouchers")
    assert sides(tenancy.voucher(bill.id)) == [
        ("4010", Decimal(1234567), None),
        ("2400", None, Decimal(1234567)),
    ]


def test_born_in_ramp_acknowledges_invoices_of_ifs_without_booking_them(tenancy: Tenancy) -> None:
    """IFS books its own invoice itself; Ramp is told under our reference."""
    tenancy.change(ramp={"vouchers": {**RULES, "bills": "born_in_ramp"}})
    bill = approved(tenancy)
    tenancy.run("vouchers")
    assert tenancy.ifs.vouchers == []
    assert (bill.sync_status, bill.bill_reference) == ("BILL_SYNCED", bill.remote_id)


def test_born_in_ramp_books_what_was_born_in_ramp(tenancy: Tenancy) -> None:
    """A bill that IFS does not know is booked there."""
    tenancy.change(ramp={"vouchers": {**RULES, "bills": "born_in_ramp"}})
    coding = {
        "Category": "10^4600",
        "ifs-code-part-b": "10^220",
        "ifs-code-part-c": "10^P1",
        "ifs-code-part-d": "10^PR-100",
    }
    bill_id = tenancy.ramp.people.create_bill_in_ramp(company="10", amount="12.30", coding=coding)
    tenancy.run("vouchers")
    assert sides(tenancy.voucher(bill_id)) == [("4600", Decimal("12.30"), None), ("2400", None, Decimal("12.30"))]
    assert tenancy.ramp.bills[bill_id].sync_status == "BILL_SYNCED"


def test_a_long_memo_is_cut_to_what_ifs_takes(tenancy: Tenancy) -> None:
    """Ramp takes a thousand signs of text on a line, a row of a voucher two hundred."""
    bill = approved(tenancy)
    bill.lines[0].memo = "Cloud hosting " * 40
    tenancy.run("vouchers")
    assert tenancy.voucher(bill.id)["VoucherRows"][0]["Text"] == ("Cloud hosting " * 40)[:200]


def test_a_tenant_whose_periods_are_not_asked_for_is_refused_by_ifs_itself(tenancy: Tenancy) -> None:
    """The refusal holds the record; its cause is what IFS said, in IFS's language."""
    tenancy.change(ifs={"open_periods": []})
    tenancy.ifs.people.close_period("10", 2026, 10)
    bill = approved(tenancy, InvoiceDate="2026-10-05")
    tenancy.run("vouchers")
    assert tenancy.causes("vouchers") == {"INV-1": Cause.REJECTED_BY_TARGET}
    assert "Period 2026 10 is closed" in (tenancy.entry("vouchers", bill.id).problem or "")


def test_a_date_outside_every_period_holds_the_voucher(tenancy: Tenancy) -> None:
    """A year that nobody has set up in IFS is named, and nothing is written."""
    bill = approved(tenancy, InvoiceDate="2036-02-01")
    tenancy.run("vouchers")
    entry = tenancy.entry("vouchers", bill.id)
    assert (entry.cause, entry.cause_key) == (Cause.PERIOD_CLOSED, "period:10")
    assert tenancy.ifs.vouchers == []


def test_a_period_that_is_set_up_releases_what_waits_for_it(tenancy: Tenancy) -> None:
    """Whatever the company calls it: its year need not be the calendar's."""
    bill = approved(tenancy, InvoiceDate="2036-02-01")
    tenancy.run("vouchers")
    tenancy.ifs.people.add_period("10", 2036, 8, first="2036-02-01", last="2036-02-29")
    tenancy.run("vouchers")
    voucher = tenancy.voucher(bill.id)
    assert (voucher["AccountingYear"], voucher["AccountingPeriod"]) == (2036, 8)


@pytest.mark.parametrize("status", ["Open", "Closed"])
def test_the_first_day_of_a_year_is_booked_in_its_month(tenancy: Tenancy, status: str) -> None:
    """Not in the period that opens the year, which holds that day too."""
    tenancy.ifs.people.add_period("10", 2027, 0, first="2027-01-01", last="2027-01-01", status=status)
    bill = approved(tenancy, InvoiceDate="2027-01-01")
    tenancy.run("vouchers")
    assert tenancy.voucher(bill.id)["AccountingPeriod"] == 1


def test_a_closed_period_holds_the_voucher_until_it_is_open(tenancy: Tenancy) -> None:
    """The next run sees that the period is open, and there is one voucher then; nobody need replay."""
    tenancy.ifs.people.close_period("10", 2026, 10)
    bill = approved(tenancy, InvoiceDate="2026-10-05")
    other = approved(tenancy, "INV-2", InvoiceDate="2026-11-05")
    tenancy.run("vouchers")
    assert tenancy.causes("vouchers") == {"INV-1": Cause.PERIOD_CLOSED}
    assert "period 10 of 2026 is closed in company 10" in (tenancy.entry("vouchers", bill.id).problem or "")
    assert tenancy.voucher(other.id)
    tenancy.ifs.people.open_period("10", 2026, 10)
    tenancy.run("vouchers")
    assert tenancy.voucher(bill.id)["AccountingPeriod"] == 10
    assert tenancy.bill(bill.remote_id).sync_status == "BILL_SYNCED"


def test_another_posting_date_brings_a_bill_out_of_a_closed_period(tenancy: Tenancy) -> None:
    """What the hold advises is enough: the next run books it on that day."""
    tenancy.ifs.people.close_period("10", 2026, 10)
    bill = approved(tenancy, InvoiceDate="2026-10-05")
    tenancy.run("vouchers")
    bill.posting_date = date(2026, 11, 3)
    tenancy.run("vouchers")
    assert tenancy.voucher(bill.id)["VoucherDate"] == date(2026, 11, 3)
    assert tenancy.causes("vouchers") == {}


def test_a_bill_that_waits_is_booked_on_the_posting_date_it_has_then(tenancy: Tenancy) -> None:
    """Whatever it waited for."""
    tenancy.change(ramp={"vouchers": {**RULES, "credit_account": {"20": "2400"}}})
    bill = approved(tenancy, InvoiceDate="2026-10-05")
    tenancy.run("vouchers")
    bill.posting_date = date(2026, 11, 3)
    tenancy.change(ramp={"vouchers": RULES})
    tenancy.run("vouchers")
    assert tenancy.voucher(bill.id)["VoucherDate"] == date(2026, 11, 3)


@pytest.mark.parametrize("posting_date", [None, date(2026, 11, 3)])
def test_the_posting_date_that_every_bill_has_is_no_part_of_its_fingerprint(
    tenancy: Tenancy, posting_date: date | None
) -> None:
    """Nor was it in ledgers of earlier versions, whose bills must not count as changed."""
    bill = approved(tenancy, InvoiceDate="2026-11-03")
    bill.posting_date = posting_date
    tenancy.run("vouchers")
    lines = [["100.00", None, [["Category", "10^4010"], ["ifs-code-part-b", "10^210"]]]]
    earlier = [bill.entity_id, bill.vendor_id, "INV-1", "100.00", "EUR", "2026-11-03", lines]
    assert tenancy.entry("vouchers", bill.id).fingerprint == fingerprint(earlier)


def test_a_voucher_that_left_the_hold_table_is_not_made_again(tenancy: Tenancy) -> None:
    """The answer is lost and accounting updates the general ledger at once: the rows still show our reference."""
    bill = approved(tenancy)
    tenancy.ifs.faults.once("lost", method="POST", path_part="VoucherHandling")
    tenancy.run("vouchers")
    assert tenancy.states("vouchers") == {"unknown": 1}
    assert tenancy.ifs.people.update_gl() == 1
    tenancy.run("vouchers")
    assert tenancy.ifs.vouchers == []
    assert {row["ReferenceNumber"] for row in tenancy.ifs.voucher_rows} == {bill.id}
    assert len(tenancy.ifs.voucher_rows) == 2
    assert tenancy.bill(bill.remote_id).sync_status == "BILL_SYNCED"


def test_a_bill_of_a_company_that_is_not_ours_is_left_alone(tenancy: Tenancy) -> None:
    """Another connection books it."""
    tenancy.change(companies=["10"])
    bill_id = tenancy.ramp.people.create_bill_in_ramp(company="20", coding={"Category": "20^4600"})
    tenancy.run("vouchers")
    assert tenancy.entry("vouchers", bill_id).cause == Cause.NOT_OURS
    assert tenancy.ifs.vouchers == []


def test_a_bill_of_an_entity_that_two_companies_share_is_held(tenancy: Tenancy) -> None:
    """It could be booked in either of them; what IFS has sent is acknowledged all the same."""
    entities = dict.fromkeys(("10", "20"), next(iter(tenancy.ramp.store.entities)))
    tenancy.change(ramp={"entities": entities, "vouchers": {**RULES, "bills": "born_in_ramp"}})
    born = tenancy.ramp.people.create_bill_in_ramp(company="10", amount="12.30", coding={"Category": "10^4600"})
    sent = approved(tenancy)
    tenancy.run("vouchers")
    assert tenancy.entry("vouchers", born).cause == Cause.ENTITY_UNMAPPED
    assert (tenancy.ifs.vouchers, sent.sync_status) == ([], "BILL_SYNCED")


def test_a_coding_of_another_company_is_held(tenancy: Tenancy) -> None:
    """Somebody chose an account of company 20 on a bill of company 10."""
    bill = approved(tenancy)
    tenancy.ramp.people.recode_bill(bill.id, "Category", "20^4600")
    tenancy.run("vouchers")
    assert tenancy.causes("vouchers") == {"INV-1": Cause.ACCOUNT_UNMAPPED}
    assert tenancy.ifs.vouchers == []


def test_a_recoded_bill_is_released_by_its_new_coding(tenancy: Tenancy) -> None:
    """What a person corrects in Ramp is collected as a new version and booked."""
    bill = approved(tenancy)
    tenancy.ramp.people.recode_bill(bill.id, "Category", "20^4600")
    tenancy.run("vouchers")
    tenancy.ramp.people.recode_bill(bill.id, "Category", "10^4600")
    tenancy.run("vouchers")
    assert sides(tenancy.voucher(bill.id))[0] == ("4600", Decimal(100), None)
    assert tenancy.causes("vouchers") == {}


def test_a_missing_credit_account_is_released_when_it_is_named(tenancy: Tenancy) -> None:
    """The operator names it in the connection file, and nobody replays anything."""
    tenancy.change(ramp={"vouchers": {**RULES, "credit_account": {"20": "2400"}}})
    bill = approved(tenancy)
    tenancy.run("vouchers")
    assert tenancy.entry("vouchers", bill.id).cause_key == "credit_account:10"
    tenancy.change(ramp={"vouchers": {**RULES, "credit_account": {"10": "2400", "20": "2400"}}})
    tenancy.run("vouchers")
    assert tenancy.voucher(bill.id)


def test_an_account_that_ifs_refuses_holds_this_voucher_alone(tenancy: Tenancy) -> None:
    """An account no longer valid on the date is a matter for a person; the next bill goes on."""
    refused = approved(tenancy, InvoiceDate="2026-11-03")
    fine = approved(tenancy, "INV-2")
    made = next(row for row in tenancy.ramp.accounts.values() if row.id == "10^4010")
    copied = tenancy.ramp.store.add_row(tenancy.ramp.accounts, external_id="10^4999", name=made.name)
    copied.classification = "EXPENSE"
    tenancy.ramp.people.recode_bill(refused.id, "Category", "10^4999")
    tenancy.run("vouchers")
    assert tenancy.causes("vouchers") == {"INV-1": Cause.REJECTED_BY_TARGET}
    assert tenancy.voucher(fine.id)
    assert [references(voucher) for voucher in tenancy.ifs.vouchers] == [{fine.id}]


def test_no_vouchers_are_made_unless_the_connection_asks_for_them(tenancy: Tenancy) -> None:
    """Without the section nothing is read from Ramp either."""
    tenancy.change(ramp={"vouchers": None})
    approved(tenancy)
    tenancy.run("vouchers")
    assert tenancy.ifs.vouchers == []
    assert tenancy.states("vouchers") == {}


@pytest.mark.parametrize("kind", ["lost", "lost_504"])
def test_a_lost_answer_to_the_sync_is_repeated_as_the_same_sync(tenancy: Tenancy, kind: str) -> None:
    """The idempotency key comes from what is told, so Ramp keeps one sync."""
    bill = approved(tenancy)
    tenancy.ramp.faults.once(kind, method="POST", path_part="/syncs")
    tenancy.run("vouchers")
    tenancy.run("vouchers")
    assert len(tenancy.ramp.syncs) == 1
    assert tenancy.bill(bill.remote_id).sync_status == "BILL_SYNCED"
    assert tenancy.states("vouchers") == {"confirmed": 1}


def test_a_bill_heard_of_by_webhook_is_booked_like_a_polled_one(tenancy: Tenancy) -> None:
    """The event names it; list and event together still make one voucher."""
    bill = approved(tenancy)
    tenancy.hear("vouchers", "bills.approved", bill.id)
    tenancy.run("vouchers")
    assert tenancy.voucher(bill.id)


@pytest.mark.parametrize("sync_status", ["BILL_SYNCED", "BILL_AND_PAYMENT_SYNCED"])
def test_a_bill_that_somebody_else_booked_is_left_alone(tenancy: Tenancy, sync_status: str) -> None:
    """An event names it, late or once more; the list would not."""
    bill = approved(tenancy)
    bill.sync_status = sync_status
    tenancy.hear("vouchers", "bills.approved", bill.id)
    tenancy.run("vouchers")
    assert tenancy.ifs.vouchers == []
    assert tenancy.states("vouchers") == {}


def test_an_archived_bill_is_not_booked(tenancy: Tenancy) -> None:
    """Whatever event names it."""
    bill = approved(tenancy)
    tenancy.ramp.people.archive_bill(bill.id)
    tenancy.hear("vouchers", "bills.approved", bill.id)
    tenancy.run("vouchers")
    assert tenancy.ifs.vouchers == []
    assert tenancy.entry("vouchers", bill.id).cause == Cause.CANCELLED
    assert tenancy.states("vouchers") == {"ignored": 1}


def waiting(tenancy: Tenancy) -> Any:
    """Let an approved bill wait here for its period."""
    tenancy.ifs.people.close_period("10", 2026, 10)
    bill = approved(tenancy, InvoiceDate="2026-10-05")
    tenancy.run("vouchers")
    tenancy.ifs.people.open_period("10", 2026, 10)
    return bill


@pytest.mark.parametrize(
    ("change", "cause", "said"),
    [
        ({"archived_at": datetime(2026, 11, 20, tzinfo=UTC)}, Cause.CANCELLED, "is archived in Ramp"),
        ({"approval_status": "REJECTED"}, Cause.CANCELLED, "is REJECTED in Ramp"),
        ({"sync_status": "BILL_SYNCED"}, Cause.DUPLICATE_SUSPECTED, "is BILL_SYNCED in Ramp, and not by us"),
    ],
)
def test_a_bill_that_is_taken_back_while_it_waits_is_not_booked(
    tenancy: Tenancy, change: dict[str, Any], cause: Cause, said: str
) -> None:
    """It is read again right before its voucher is made."""
    bill = waiting(tenancy)
    vars(bill).update(change)
    tenancy.run("vouchers")
    assert tenancy.ifs.vouchers == []
    assert tenancy.causes("vouchers") == {"INV-1": cause}
    assert said in (tenancy.entry("vouchers", bill.id).problem or "")


def test_a_waiting_bill_that_was_archived_is_no_longer_held(tenancy: Tenancy) -> None:
    """The event says so, and nobody need look at it."""
    bill = waiting(tenancy)
    tenancy.ramp.people.archive_bill(bill.id)
    tenancy.hear("vouchers", "bills.archived", bill.id)
    tenancy.run("vouchers")
    assert tenancy.states("vouchers") == {"ignored": 1}


def test_a_bill_edited_between_list_and_voucher_is_booked_as_it_is_now(tenancy: Tenancy) -> None:
    """What was read before is not booked; the next pass reads the new version."""
    bill = approved(tenancy)
    tenancy.run_stages("vouchers", "collect", "translate")
    tenancy.ramp.people.recode_bill(bill.id, "Category", "10^4600")
    tenancy.run_stages("vouchers", "deliver")
    assert tenancy.states("vouchers") == {"postponed": 1}
    tenancy.run("vouchers")
    assert sides(tenancy.voucher(bill.id))[0][0] == "4600"


def archive(tenancy: Tenancy, bill: Any) -> str:
    tenancy.ramp.people.archive_bill(bill.id)
    return "bills.archived"


def recode(tenancy: Tenancy, bill: Any) -> str:
    tenancy.ramp.people.recode_bill(bill.id, "Category", "10^4600")
    return "bills.updated"


def move_to_a_strange_entity(tenancy: Tenancy, bill: Any) -> str:
    bill.entity_id = str(uuid4())
    return "bills.updated"


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (archive, Cause.CANCELLED_AFTER_DELIVERY),
        (recode, Cause.CHANGED_AFTER_DELIVERY),
        (move_to_a_strange_entity, Cause.CHANGED_AFTER_DELIVERY),
    ],
)
def test_what_is_done_to_a_booked_bill_is_told(
    tenancy: Tenancy, change: Callable[[Tenancy, Any], str], cause: Cause
) -> None:
    """Its voucher stays as it is; a person corrects it."""
    bill = approved(tenancy)
    tenancy.run("vouchers")
    number = tenancy.entry("vouchers", bill.id).external_id or ""
    tenancy.ifs.people.close_period("10", 2026, 11)  # what stops a new voucher is no reason here
    tenancy.hear("vouchers", change(tenancy, bill), bill.id)
    tenancy.run("vouchers")
    assert tenancy.causes("vouchers") == {"INV-1": cause}
    assert number in (tenancy.entry("vouchers", bill.id).problem or "")
    assert len(tenancy.ifs.vouchers) == 1


def test_an_event_of_a_booked_bill_that_did_not_change_is_nothing_new(tenancy: Tenancy) -> None:
    """Its payment, for one, is no business of its voucher."""
    bill = approved(tenancy)
    tenancy.run("vouchers")
    tenancy.ramp.people.pay_bills()
    tenancy.hear("vouchers", "bills.updated", bill.id)
    tenancy.run("vouchers")
    assert tenancy.states("vouchers") == {"confirmed": 1}
    assert tenancy.entry("vouchers", bill.id).version == 1


def test_what_is_done_to_an_invoice_that_ifs_books_itself_is_no_matter(tenancy: Tenancy) -> None:
    """There is no voucher to be corrected."""
    tenancy.change(ramp={"vouchers": {**RULES, "bills": "born_in_ramp"}})
    bill = approved(tenancy)
    tenancy.run("vouchers")
    tenancy.hear("vouchers", recode(tenancy, bill), bill.id)
    tenancy.run("vouchers")
    assert tenancy.causes("vouchers") == {}


def test_a_bill_that_somebody_else_booked_after_us_is_held(tenancy: Tenancy) -> None:
    """Ramp knows it as booked before we ever said so; once a person has looked, a replay brings it to its end."""
    bill = approved(tenancy)
    tenancy.run_stages("vouchers", "collect", "translate", "deliver")
    bill.sync_status = "BILL_SYNCED"
    tenancy.run_stages("vouchers", "confirm")
    assert tenancy.causes("vouchers") == {"INV-1": Cause.DUPLICATE_SUSPECTED}
    tenancy.replay("vouchers", stage="confirm")
    assert tenancy.states("vouchers") == {"confirmed": 1}


def test_a_lost_sync_of_several_bills_is_known_as_ours(tenancy: Tenancy) -> None:
    """They are told of once more together with another one, which is another sync to Ramp."""
    for number in ("INV-1", "INV-2"):
        approved(tenancy, number)
    tenancy.ramp.faults.once("lost", method="POST", path_part="/syncs")
    tenancy.run("vouchers")
    approved(tenancy, "INV-3")
    tenancy.run("vouchers")
    assert tenancy.states("vouchers") == {"confirmed": 3}
    assert {bill.sync_status for bill in tenancy.ramp.bills.values()} == {"BILL_SYNCED"}


def test_unmapped_accounts_can_be_booked_once_ramp_has_them(tenancy: Tenancy) -> None:
    """Vouchers follow what the bill says, not the account table of the other direction."""
    coding = {
        "Category": f"10^{UNMAPPED}",
        "ifs-code-part-b": "10^220",
        "ifs-code-part-c": "10^P1",
        "ifs-code-part-d": "10^PR-100",
    }
    bill_id = tenancy.ramp.people.create_bill_in_ramp(company="10", coding=coding)
    tenancy.run("vouchers")
    assert sides(tenancy.voucher(bill_id))[0][0] == UNMAPPED
