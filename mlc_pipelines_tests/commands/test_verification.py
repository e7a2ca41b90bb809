"""The demo's verification finds what it is there to find."""

import copy
from collections.abc import Iterator
from decimal import Decimal

import pytest

from mlc_pipelines.commands.verification import verify
from mlc_pipelines.integrations.house import House
from mlc_pipelines.sandbox.offices.ramp import RampOffice
from mlc_pipelines.sandbox.ramp.records import Bill
from mlc_pipelines_tests.commands.conftest import Installation


@pytest.fixture
def office(at_work: Installation) -> Iterator[RampOffice]:
    """Lend Ramp's books, and put them back as they were."""
    bills = at_work.office.ramp.bills
    kept = copy.deepcopy(bills)
    yield at_work.office
    bills.clear()
    bills.update(kept)


def paid_bill(office: RampOffice) -> Bill:
    """Give one bill that went all the way."""
    return next(bill for bill in office.ramp.bills.values() if bill.remote_id and bill.status == "PAID")


def test_an_honest_installation_has_nothing_to_answer_for(office: RampOffice, house: House) -> None:
    """After two runs everything is accounted for."""
    assert verify(house, office) == []


def test_a_doubled_bill_is_found(office: RampOffice, house: House) -> None:
    """Two bills with one reference are a duplicate."""
    twin = copy.deepcopy(paid_bill(office))
    twin.id = "twin"
    office.ramp.bills["twin"] = twin
    assert any(f"bill {twin.remote_id} stands 2 times" in what for what in verify(house, office))


def test_a_bill_that_vanished_is_found(office: RampOffice, house: House) -> None:
    """A bill that the ledger delivered and Ramp does not have is lost."""
    bill = paid_bill(office)
    del office.ramp.bills[bill.id]
    assert any("lost" in what and str(bill.invoice_number) in what for what in verify(house, office))


def test_a_cent_is_found(office: RampOffice, house: House) -> None:
    """A bill that is a cent off is named with both amounts."""
    bill = paid_bill(office)
    bill.lines[0].amount += Decimal("0.01")
    wrong = verify(house, office)
    assert any(what.startswith("invoice ") and str(bill.amount) in what for what in wrong)


def test_a_bill_from_nowhere_is_found(office: RampOffice, house: House) -> None:
    """A bill with a reference that no invoice has is named."""
    stray = copy.deepcopy(paid_bill(office))
    stray.id, stray.remote_id, stray.status = "stray", "10^99999", "OPEN"
    office.ramp.bills["stray"] = stray
    assert any("10^99999 is in Ramp, and no document" in what for what in verify(house, office))


def test_a_payment_that_ifs_was_not_told_is_found(office: RampOffice, house: House) -> None:
    """A paid bill whose invoice carries another mark is named."""
    company, _, invoice_id = str(paid_bill(office).remote_id).partition("^")
    kept = office.ifs.invoices[company, int(invoice_id)]["Cf_Payment_Reference"]
    office.ifs.people.edit_invoice(company, int(invoice_id), Cf_Payment_Reference="somebody else's")
    try:
        (what,) = verify(house, office)
    finally:
        office.ifs.people.edit_invoice(company, int(invoice_id), Cf_Payment_Reference=kept)
    assert what.startswith("payment of bill ")
    assert "IFS does not have it" in what


def test_a_write_without_a_guard_is_found(office: RampOffice, house: House) -> None:
    """A PATCH that came to IFS without If-Match is named, though the simulator let it pass."""
    journal = office.ifs.journal
    guarded = next(entry for entry in journal.entries if entry.method == "PATCH")
    bare = copy.copy(guarded)
    bare.headers = {name: value for name, value in guarded.headers.items() if name.lower() != "if-match"}
    journal.entries.append(bare)
    try:
        (what,) = verify(house, office)
    finally:
        journal.entries.remove(bare)
    assert what.startswith("without If-Match: PATCH")


def test_a_doubled_voucher_is_found(office: RampOffice, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two vouchers that carry the reference of one bill are a duplicate."""
    vouchers = office.ifs.vouchers
    doubled = [*vouchers, {**vouchers[0], "VoucherNo": 1}]
    monkeypatch.setattr(type(office.ifs), "vouchers", property(lambda _: doubled))  # a book that IFS itself refuses
    assert any("voucher of" in what and "2 times" in what for what in verify(house, office))
