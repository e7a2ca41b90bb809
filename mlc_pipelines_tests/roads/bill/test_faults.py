"""Bad weather on both sides, through all flows to the end: nothing lost, nothing twice, nothing overwritten."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.integrations.bill.organization import CALLS
from mlc_pipelines_tests.roads.bill.tenancy import Simulators, Tenancy, key_of
from mlc_pipelines_tests.roads.ramp.tenancy import small_world

INVOICES = 7
ROUNDS = 30
SETTLED = {"confirmed", "delivered", "held", "ignored", "superseded"}


@pytest.fixture(scope="module")
def busy() -> Iterator[Simulators]:
    """Simulators with some invoices, among them one with an account that the table lacks."""
    with Simulators(small_world(invoices=INVOICES)) as simulators:
        for faults in (simulators.ifs.faults, simulators.bill.faults):
            faults.stall_seconds = 0.6
        yield simulators


@pytest.fixture
def storming(busy: Simulators, tmp_path: Path) -> Iterator[Tenancy]:
    """Open a tenancy on its first day, impatient enough that a stalled call is given up."""
    busy.reset()
    tenancy = Tenancy(tmp_path / "home", busy)
    impatient = {"read_seconds": 0.5, "write_seconds": 0.5}
    tenancy.change(ifs=impatient, bill=impatient)
    yield tenancy
    broken = list(tenancy.house.ledger.audit.verify())
    tenancy.close()
    assert broken == []


def pass_until_settled(tenancy: Tenancy) -> None:
    """Work passes as a schedule would, until every record stands where it stays, failed runs or not."""
    flows = [flow.name for flow in tenancy.session.flows]
    for _ in range(ROUNDS):
        with suppress(ConfigurationError):  # sessions may end under four calls at once, again and again
            tenancy.walk()
        if all(set(tenancy.states(flow)) <= SETTLED for flow in flows):
            return
        tenancy.simulators.clock.sleep(60)
    raise AssertionError({flow: tenancy.states(flow) for flow in flows})


@pytest.mark.parametrize("profile", ["storm", "lossy", "contended", "expiring"])
def test_every_document_arrives_once_in_any_weather(storming: Tenancy, profile: str) -> None:
    """From the first account to the last payment, by the simulators' own stores."""
    tenancy = storming
    tenancy.simulators.use_faults(profile)
    pass_until_settled(tenancy)
    tenancy.bill.people.approve_bills()
    tenancy.bill.people.pay_bills()
    pass_until_settled(tenancy)
    keys = Counter(key_of(bill) for bill in tenancy.bill.bills.values())
    resting = {
        entry.key
        for entry in tenancy.books.reports.select(flow="bills", states=[State.HELD, State.IGNORED])
        if not keys[entry.key]
    }
    invoices = {f"{invoice.company}^{invoice.id}": invoice for invoice in tenancy.simulators.world.invoices}
    wanted = {key: invoice.net + invoice.vat for key, invoice in invoices.items() if key not in resting}
    assert len(wanted) >= INVOICES - 2
    assert dict(keys) == dict.fromkeys(wanted, 1)
    assert {key_of(bill): bill.amount for bill in tenancy.bill.bills.values()} == wanted
    assert all(tenancy.proposal(key)["Cf_Paid_Status"] == "Paid" for key in wanted)
    assert len(tenancy.bill.vendors) == len(tenancy.simulators.world.suppliers)
    numbers = Counter(row.number for row in tenancy.bill.accounts.values())
    assert set(numbers.values()) == {1}
    entries = [*tenancy.ifs.journal.entries, *tenancy.bill.journal.entries]
    assert any(entry.fault or entry.status in {401, 412} for entry in entries), "the weather was fair after all"


def test_a_bill_that_is_down_loses_nothing(storming: Tenancy) -> None:
    """The pass ends early; the next one goes on where it stood."""
    tenancy = storming
    tenancy.run("chart_of_accounts", "dimensions", "vendors")
    tenancy.bill.faults.once("status", path_part="/v3/bills", status=503, times=100)
    tenancy.run("bills")
    assert tenancy.states("bills").get("confirmed") is None
    tenancy.bill.faults.reset()
    tenancy.run("bills")
    assert set(tenancy.states("bills")) <= {"confirmed", "held"}


def test_a_spent_quota_postpones_the_records(storming: Tenancy) -> None:
    """Until the full hour; then all of them go, once."""
    tenancy = storming
    tenancy.run("chart_of_accounts", "dimensions", "vendors")
    tenancy.run_stages("bills", "collect", "translate")
    tenancy.bill.quota.calls = 0
    tally = tenancy.run_stages("bills", "deliver")["deliver"]
    assert "full hour" in (tally.interrupted or "")
    assert tenancy.bill.bills == {}
    tenancy.bill.quota.calls = CALLS
    tenancy.simulators.clock.sleep(3600)
    tenancy.run("bills")
    assert set(tenancy.states("bills")) <= {"confirmed", "held"}
