"""A ledger restored from a backup, which has forgotten what was sent since."""

from datetime import timedelta
from pathlib import Path

from mlc_pipelines.errors import Cause
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.backups import back_up, bring_back
from mlc_pipelines_tests.roads.bill.tenancy import Tenancy, key_of, line


def test_an_invoice_cancelled_meanwhile_needs_a_person(tenancy: Tenancy, tmp_path: Path) -> None:
    """The mark in IFS says that it was sent."""
    back_up(tenancy.house.ledger.engine, tmp_path / "backup")
    tenancy.edit(key_of(tenancy.sent()), Objstate="Cancelled")
    bring_back(tenancy.house.ledger.engine, tmp_path / "backup")
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-1": Cause.CANCELLED_AFTER_DELIVERY}


def test_a_payment_finds_its_invoice_though_the_bill_takes_no_change(tenancy: Tenancy, tmp_path: Path) -> None:
    """The bill was paid, then the invoice changed: a person compares both, and the payment is told all the same."""
    back_up(tenancy.house.ledger.engine, tmp_path / "backup")
    bill = tenancy.sent()
    tenancy.bill.people.approve_bills()
    tenancy.pay(bill)
    key = key_of(bill)
    tenancy.edit(key, lines=[line("60.00")], NetCurrAmount="60.00")
    bring_back(tenancy.house.ledger.engine, tmp_path / "backup")
    tenancy.run("bills", "payments")
    assert tenancy.causes("bills") == {"INV-1": Cause.CHANGED_AFTER_DELIVERY}
    assert tenancy.proposal(key)["Cf_Paid_Status"] == "Paid"
    assert tenancy.states("payments").get(State.HELD) is None


def test_the_bill_of_an_invoice_dated_ahead_is_found_again(tenancy: Tenancy, tmp_path: Path) -> None:
    """However long ago it was made, when the invoice was entered and its date was far."""
    tenancy.change(bill={"look_back_days": 0})
    back_up(tenancy.house.ledger.engine, tmp_path / "backup")
    key = key_of(tenancy.sent(InvoiceDate="2030-12-31"))
    tenancy.simulators.clock.sleep(24 * 3600)
    bring_back(tenancy.house.ledger.engine, tmp_path / "backup")
    tenancy.run("bills")
    assert len(tenancy.bills_of(key)) == 1


def test_the_bill_of_an_invoice_entered_long_before_its_date_is_found_again(tenancy: Tenancy, tmp_path: Path) -> None:
    """Once that date has come the vendor's bills are not read back so far; the mark in IFS names the bill."""
    tenancy.change(bill={"look_back_days": 0})
    back_up(tenancy.house.ledger.engine, tmp_path / "backup")
    dated = tenancy.simulators.clock.now() + timedelta(days=40)
    key = key_of(tenancy.sent(InvoiceDate=dated.date().isoformat()))
    tenancy.simulators.clock.sleep(45 * 24 * 3600)
    bring_back(tenancy.house.ledger.engine, tmp_path / "backup")
    tenancy.run("bills")
    assert len(tenancy.bills_of(key)) == 1
    assert tenancy.states("bills") == {"confirmed": 1}
