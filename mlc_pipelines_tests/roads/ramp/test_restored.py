"""A ledger restored from a backup, which has forgotten what was sent since: nothing is sent again, all is linked."""

from pathlib import Path

import pytest

from mlc_pipelines.errors import Cause
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.backups import back_up, bring_back
from mlc_pipelines_tests.roads.ramp.tenancy import Tenancy
from mlc_pipelines_tests.roads.ramp.test_vouchers import approved


def test_a_bill_that_was_approved_meanwhile_is_linked(tenancy: Tenancy, tmp_path: Path) -> None:
    """It says what the invoice says, so there is nothing to change and nothing to ask anybody."""
    back_up(tenancy.house.ledger.engine, tmp_path / "backup")
    reference = tenancy.invoice("INV-1")
    tenancy.run("bills")
    made = tenancy.entry("bills", reference).external_id
    tenancy.approve()
    before = tenancy.simulators.writes()
    bring_back(tenancy.house.ledger.engine, tmp_path / "backup")
    tenancy.run("bills")
    entry = tenancy.entry("bills", reference)
    assert (entry.state, entry.external_id) == (State.CONFIRMED, made)
    assert tenancy.simulators.writes() == before


def test_an_invoice_cancelled_meanwhile_needs_a_person(tenancy: Tenancy, tmp_path: Path) -> None:
    """The mark in IFS says that it was sent."""
    back_up(tenancy.house.ledger.engine, tmp_path / "backup")
    reference = tenancy.invoice("INV-1")
    tenancy.run("bills")
    tenancy.edit(reference, Objstate="Cancelled")
    bring_back(tenancy.house.ledger.engine, tmp_path / "backup")
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-1": Cause.CANCELLED_AFTER_DELIVERY}


@pytest.mark.parametrize("mode", ["draft", "submit", "preapproved"])
def test_a_bill_that_was_archived_meanwhile_is_not_made_again(tenancy: Tenancy, tmp_path: Path, mode: str) -> None:
    """Accounts payable took it back; whether the invoice is to be paid after all is theirs to say."""
    tenancy.change(ramp={"bill_mode": mode})
    back_up(tenancy.house.ledger.engine, tmp_path / "backup")
    reference = tenancy.invoice("INV-1")
    tenancy.run("bills")
    made = tenancy.bill(reference)
    tenancy.ramp.people.archive_bill(made.id)
    bring_back(tenancy.house.ledger.engine, tmp_path / "backup")
    tenancy.run("bills")
    assert tenancy.bills(reference) == [made]
    assert tenancy.causes("bills") == {"INV-1": Cause.CHANGED_AFTER_DELIVERY}
    assert f"bill {made.id} in Ramp already, which was archived" in (tenancy.entry("bills", reference).problem or "")


def test_a_bill_that_was_booked_meanwhile_is_linked(tenancy: Tenancy, tmp_path: Path) -> None:
    """Its voucher is found, and that Ramp knows of it, from a sync that told of two bills, is no wonder."""
    tenancy.ifs.people.close_period("10", 2026, 10)
    waiting = approved(tenancy, InvoiceDate="2026-10-05")
    tenancy.run("vouchers")
    back_up(tenancy.house.ledger.engine, tmp_path / "backup")
    tenancy.ifs.people.open_period("10", 2026, 10)
    approved(tenancy, "INV-2")
    tenancy.run("vouchers")
    assert len(tenancy.ramp.syncs) == 1
    bring_back(tenancy.house.ledger.engine, tmp_path / "backup")
    tenancy.run("vouchers")
    assert tenancy.entry("vouchers", waiting.id).state is State.CONFIRMED
    assert len(tenancy.ifs.vouchers) == 2
