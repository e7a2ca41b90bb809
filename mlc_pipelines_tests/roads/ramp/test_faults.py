"""Bad weather on both sides, through all flows to the end: nothing lost, nothing twice, nothing overwritten."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.roads.installation import references
from mlc_pipelines_tests.roads.ramp.tenancy import Simulators, Tenancy, all_bills, small_world

INVOICES = 12
ROUNDS = 30
SETTLED = {"confirmed", "delivered", "held", "ignored", "superseded"}


@pytest.fixture(scope="module")
def busy() -> Iterator[Simulators]:
    """Simulators with a dozen invoices, among them one with an account that the table lacks."""
    with Simulators(small_world(invoices=INVOICES)) as simulators:
        for faults in (simulators.ifs.faults, simulators.ramp.faults):
            faults.stall_seconds = 1.2
        yield simulators


@pytest.fixture
def storming(busy: Simulators, tmp_path: Path) -> Iterator[Tenancy]:
    """Open a tenancy on its first day, impatient enough that a stalled call is given up."""
    busy.reset()
    tenancy = Tenancy(tmp_path / "home", busy)
    tenancy.change(ifs={"read_seconds": 1.0, "write_seconds": 1.0}, ramp={"read_seconds": 1.0, "write_seconds": 1.0})
    yield tenancy
    broken = list(tenancy.house.ledger.audit.verify())
    tenancy.close()
    assert broken == []


def pass_until_settled(tenancy: Tenancy, *flows: str) -> None:
    """Work passes as a schedule would, until every record of these flows stands where it stays.

    A run that fails is followed by the next one: tokens may end under four calls at once, more often than one call
    asks for a new one.
    """
    for _ in range(ROUNDS):
        with suppress(ConfigurationError):
            tenancy.walk()
        if all(set(tenancy.states(flow)) <= SETTLED for flow in flows):
            return
        tenancy.simulators.clock.sleep(60)
    raise AssertionError({flow: tenancy.states(flow) for flow in flows})


@pytest.mark.parametrize("profile", ["storm", "lossy", "contended", "expiring"])
def test_every_document_arrives_once_in_any_weather(storming: Tenancy, profile: str) -> None:
    """From the first account to the last payment, by the simulators' own stores and journals."""
    tenancy = storming
    tenancy.simulators.use_faults(profile)
    pass_until_settled(tenancy, "gl_accounts", "dimensions", "accounting_vendors", "vendors", "bills")
    tenancy.approve()
    pass_until_settled(tenancy, "vouchers")
    tenancy.ramp.people.pay_bills()
    pass_until_settled(tenancy, "bills", "vouchers", "payments")
    assert_bills_are_complete(tenancy)
    assert_vouchers_are_complete(tenancy)
    assert_payments_are_complete(tenancy)
    assert_changes_were_guarded(tenancy)
    assert_reference_data_is_there_once(tenancy)
    assert faults_met(tenancy), "the weather was fair after all"


def assert_bills_are_complete(tenancy: Tenancy) -> None:
    """Every invoice is in Ramp once with its amount, or held or ignored; and Ramp has no other."""
    there = Counter(bill.remote_id for bill in all_bills(tenancy.ramp))
    resting = {
        entry.key
        for entry in tenancy.books.reports.select(flow="bills", states=[State.HELD, State.IGNORED])
        if not there[entry.key]
    }
    wanted = {f"{invoice.company}^{invoice.id}": invoice for invoice in tenancy.simulators.world.invoices}
    assert len(wanted) == INVOICES
    assert set(there) | resting == set(wanted)
    assert len(there) >= INVOICES - 2
    assert max(there.values()) == 1
    for reference in there:
        bill, invoice = tenancy.bill(reference), wanted[reference]
        assert (bill.currency, bill.amount) == (invoice.currency, invoice.net + invoice.vat)
        assert tenancy.proposal(reference)["Cf_Spend_Reference"] == f"ramp:{bill.draft_bill_id}"


def assert_vouchers_are_complete(tenancy: Tenancy) -> None:
    """Every approved bill has one voucher that balances, under its own id."""
    booked = Counter(reference for voucher in tenancy.ifs.vouchers for reference in references(voucher))
    approved = {bill.id: bill for bill in tenancy.ramp.bills.values()}
    held = {entry.key for entry in tenancy.books.reports.select(flow="vouchers", states=[State.HELD])}
    assert held == set()
    assert booked == Counter(list(approved))
    for bill_id, bill in approved.items():
        rows = tenancy.voucher(bill_id)["VoucherRows"]
        assert sum(row["CurrencyDebetAmount"] or 0 for row in rows) == bill.amount
        assert sum(row["CurrencyCreditAmount"] or 0 for row in rows) == bill.amount


def assert_payments_are_complete(tenancy: Tenancy) -> None:
    """Every paid bill is marked on its invoice, and both sides agree that it is done."""
    for bill in tenancy.ramp.bills.values():
        invoice = tenancy.proposal(str(bill.remote_id))
        assert (bill.status, bill.sync_status) == ("PAID", "BILL_AND_PAYMENT_SYNCED")
        assert (invoice["Cf_Paid_Status"], invoice["Cf_Payment_Reference"]) == ("Paid", f"ramp:{bill.id}")


def assert_changes_were_guarded(tenancy: Tenancy) -> None:
    """Every PATCH to IFS carried the ETag of a read, never a star."""
    patches = [entry for entry in tenancy.ifs.journal.entries if entry.method in {"PATCH", "PUT"}]
    assert patches
    assert [entry.path for entry in patches if entry.headers.get("if-match", "*") == "*"] == []


def assert_reference_data_is_there_once(tenancy: Tenancy) -> None:
    """Accounts, options and vendors were made once, however often an upload was tried."""
    books = tenancy.ramp.store.books
    for rows in (books.accounts, books.options, books.vendors):
        assert max(Counter((row.field_id, row.id) for row in rows.values()).values()) == 1
    assert len({vendor.external_vendor_id for vendor in tenancy.ramp.vendors.values()}) == len(tenancy.ramp.vendors)


def faults_met(tenancy: Tenancy) -> bool:
    """Tell whether anything went wrong at all: a fault, a stale ETag, a refused token."""
    entries = [*tenancy.ifs.journal.entries, *tenancy.ramp.journal.entries]
    return any(entry.fault or entry.status in {401, 412} for entry in entries)


def test_a_system_that_is_down_for_a_while_costs_nothing_but_time(storming: Tenancy) -> None:
    """Ramp answers nothing for a whole pass; the pass says so, and the next one goes on where it stopped."""
    tenancy = storming
    tenancy.reference()
    tenancy.ramp.faults.once("status", path_part="/developer/v1/bills", times=100_000, status=503)
    tallies = tenancy.run("bills")
    assert tallies["bills"]["deliver"].interrupted
    assert all_bills(tenancy.ramp) == []
    tenancy.ramp.faults.reset()
    pass_until_settled(tenancy, "bills")
    assert max(Counter(bill.remote_id for bill in all_bills(tenancy.ramp)).values()) == 1


def test_a_source_that_fails_half_way_is_read_again_from_where_it_was_committed(storming: Tenancy) -> None:
    """The watermark does not move past what was not taken in."""
    tenancy = storming
    tenancy.ifs.faults.once("status", method="GET", path_part="PostingProposalHeadSet", times=100_000, status=503)
    tally = tenancy.run_stages("bills", "collect")["collect"]
    assert tally.interrupted
    assert tenancy.books.progress.position("bills", "10") is None
    tenancy.ifs.faults.reset()
    assert tenancy.run_stages("bills", "collect")["collect"].counts["new"] == INVOICES
