"""What people do to bills, and what a reader sees of it."""

from decimal import Decimal
from typing import Any

import pytest

from mlc_pipelines.sandbox.procurify import ProcurifySandbox
from mlc_pipelines_tests.sandbox.procurify.caller import BILLS, Procurify


def test_the_approver_brings_the_department(procurify: ProcurifySandbox, api: Procurify) -> None:
    """The status row of the approval names the department of who approved, not the one charged."""
    draft = procurify.peculiar("draft").id
    procurify.people.approve(draft, by="JAMWES")
    rows = api.full(draft)["bill_statuses"]
    assert [row["status"] for row in rows] == [1, 2]
    department = rows[-1]["user"]["department"]
    assert (department["external_id"], department["branch"]["external_id"]) == ("200", "P3")
    assert [row["approver"]["name"] for row in api.rows(BILLS) if row["id"] == draft] == ["James Westbrook"]


def test_the_system_approves_without_a_user(procurify: ProcurifySandbox, api: Procurify) -> None:
    """An automatic approval has no department."""
    made = procurify.people.new_bill(by=None)
    assert api.full(made)["bill_statuses"][-1]["user"] is None


def test_a_bill_may_pass_approved_between_two_polls(procurify: ProcurifySandbox, api: Procurify) -> None:
    """Submitted at one look, paid at the next; the history tells what happened between."""
    bill = procurify.peculiar("submitted").id
    assert api.full(bill)["status"] == 1
    procurify.people.approve(bill)
    procurify.people.pay(bill)
    full = api.full(bill)
    assert (full["status"], [row["status"] for row in full["bill_statuses"]]) == (4, [1, 2, 4])


def test_a_payment_goes_on_its_way_by_steps(procurify: ProcurifySandbox) -> None:
    """Confirmed, approved, in limbo, paid: one payment throughout."""
    bill = procurify.people.new_bill()
    made = {procurify.people.pay(bill, status=status) for status in (6, 7, 8, 4)}
    assert len(made) == 1
    assert procurify.payments[made.pop()].status == "paid"
    with pytest.raises(ValueError, match="can not become"):
        procurify.people.pay(bill)


def test_every_act_moves_the_time_and_only_edits_the_version(procurify: ProcurifySandbox, api: Procurify) -> None:
    """A reader's window finds what was touched since; money or note is a new version."""
    bill = procurify.peculiar("first of two").id
    since = procurify.clock.now().isoformat()
    assert api.ids(BILLS, last_modified_datetime_0=since) == set()
    assert procurify.people.edit_bill(bill, note="checked") == 2
    assert procurify.people.edit_bill(bill, amount="1200.00") == 3
    assert procurify.people.recode_bill(bill, "4500") == 4
    procurify.people.deny(bill)
    full = api.full(bill)
    assert (full["version"], full["status"], full["note"]) == (4, 3, "checked")
    assert full["total_cost_with_tax"] == procurify.bills[bill].total == Decimal("1428.00")
    assert full["user"]["name"] == "Tomás Heidenreich"
    assert {row["budget"]["account_code"]["code"] for row in full["items"][0]["cost_allocations"]} == {"4500"}
    assert api.ids(BILLS, last_modified_datetime_0=since) == {bill}


def test_the_same_invoice_is_entered_twice(procurify: ProcurifySandbox, api: Procurify) -> None:
    """Another id and uuid, the same vendor, amount and number, or the number spelled otherwise."""
    bill = procurify.bills[procurify.people.new_bill(number="NT-2026-118", amount="250.00", vendor="S-1002")]
    twin = procurify.bills[procurify.people.duplicate_invoice_number(bill.uuid)]
    other = procurify.bills[procurify.people.duplicate_invoice_number(bill.id, number=" nt-2026-118 ")]
    assert (twin.invoice_number, twin.vendor, twin.amount) == (bill.invoice_number, bill.vendor, bill.amount)
    assert len({bill.uuid, twin.uuid, other.uuid}) == 3
    assert api.full(other.id)["invoice_number"] == " nt-2026-118 "


def test_bills_are_withdrawn_and_denied(procurify: ProcurifySandbox) -> None:
    """A denied bill can not be paid, a paid one not withdrawn."""
    bill = procurify.people.new_bill()
    procurify.people.withdraw(bill)
    assert procurify.bills[bill].status == 5
    for act, name in ((procurify.people.withdraw, "paid"), (procurify.people.submit, "denied")):
        with pytest.raises(ValueError, match="can not become"):
            act(procurify.peculiar(name).id)


def test_a_days_work_is_two_calls(procurify: ProcurifySandbox) -> None:
    """All that waits is approved, all that is approved is paid."""
    assert procurify.people.approve_bills() == [procurify.peculiar("submitted").id]
    paid = procurify.people.pay_bills()
    assert len(paid) == len(set(paid)) > 20
    assert not [bill for bill in procurify.bills.values() if bill.status in (1, 2, 6, 7, 8)]


def test_another_integration_may_export(procurify: ProcurifySandbox, api: Procurify) -> None:
    """Its traces can be asked for."""
    bill = procurify.people.sync_elsewhere(4701)
    assert api.ids(BILLS, sync_status_v2="synced") == api.ids(BILLS, is_exported="true") == {bill}


@pytest.mark.parametrize("wish", [{"colour": "red"}, {"vendor": "Nobody"}, {"currency": "XXX", "vendor": "S-1001"}])
def test_a_wish_nobody_understands_is_refused(procurify: ProcurifySandbox, wish: dict[str, Any]) -> None:
    """Nothing is entered then."""
    before = len(procurify.bills)
    with pytest.raises((KeyError, TypeError)):
        procurify.people.new_bill(**wish)
    assert len(procurify.bills) == before
