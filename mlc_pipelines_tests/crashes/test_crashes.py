"""Workers killed with SIGKILL at each commit, call and answered write: afterwards nothing is lost, nothing is twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlc_pipelines.integrations.catalogue import catalogue
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.crashes.harness import READING, Plant, WarmParent, open_plant

INVOICES = 3
PROPOSAL, VOUCHER = "PostingProposalHandling.svc/$batch", "VoucherHandling.svc/$batch"
SUPPLIER, MARK = "POST /main/ifsapplications/projection/v1/SupplierHandling.svc", "PATCH /main"
UNTOUCHED = {("stampli", "vendors", "deliver")}
"""Where no worker can be killed: Stampli's list names suppliers only, and a vendor that it lacks is made by invoice."""

WRITES = {
    ("airbase", "request_vouchers"): [VOUCHER],
    ("airbase", "payment_vouchers"): [VOUCHER],
    ("procurify", "suppliers"): [SUPPLIER],
    ("procurify", "bills"): [PROPOSAL, VOUCHER],
    ("ramp", "vouchers"): [VOUCHER],
    ("stampli", "invoices"): [SUPPLIER, PROPOSAL, VOUCHER, MARK],
}
"""The writes into IFS that one step of a flow makes, in their order."""


@pytest.fixture(scope="module")
def parent() -> Iterator[WarmParent]:
    """One warm parent for all."""
    with WarmParent() as opened:
        yield opened


@pytest.fixture
def plant(request: pytest.FixtureRequest, tmp_path: Path, parent: WarmParent) -> Iterator[Plant]:
    """Open the office of the system that a test is asked of."""
    with open_plant(request.param, tmp_path / "home", parent=parent, invoices=INVOICES) as opened:
        yield opened


@pytest.mark.parametrize("plant", sorted(catalogue()), indirect=True)
def test_workers_killed_at_every_step_of_every_write_lose_and_double_nothing(plant: Plant) -> None:
    """All flows, deliver and confirm: by the simulators' own books each document is there once, to the cent."""
    plant.kill_everywhere()
    plant.settle()
    assert plant.wrong() == []
    assert plant.office.duplicates() == []
    system = plant.office.system
    at_rest = {(system, *where) for where, deaths in plant.deaths.items() if len(deaths) < 3}
    assert at_rest == {where for where in UNTOUCHED if where[0] == system}  # announced, called, settled at the least
    assert {"announced", "called", "settled"} <= {step for deaths in plant.deaths.values() for step in deaths}


@pytest.mark.parametrize(("plant", "flow"), WRITES, ids=map("-".join, WRITES), indirect=["plant"])
def test_a_worker_killed_after_any_write_of_a_step_is_followed_by_one_that_finds_it(plant: Plant, flow: str) -> None:
    """Posted, then killed before the ledger knew: the next run finds it by its reference and posts nothing."""
    plant.office.act()
    names = list(plant.flows)
    plant.work(*((name, (*READING, *plant.flows[name][2:])) for name in names[: names.index(flow)]))
    plant.office.act()
    plant.work((flow, READING))
    writes = WRITES[plant.office.system, flow]
    for number, write in enumerate(writes):
        earlier = [plant.written(each) for each in writes[:number]]
        assert plant.work((flow, ["deliver"]), kill_after=write).killed
        assert [plant.written(each) for each in writes[:number]] == earlier
        assert plant.count(flow, State.SENDING) > 0
    there, posted = plant.count(flow, State.DELIVERED), [plant.written(each) for each in writes]
    is_sent = MARK in writes  # `find` leaves such a document to `deliver`, which looks part by part
    life = plant.work((flow, ["deliver"]), kill_after="called" if is_sent else "announced")
    assert not [step for step in life.steps if step.startswith("answered")]
    assert [plant.written(each) for each in writes] == posted
    assert is_sent or plant.count(flow, State.DELIVERED) == there + 1
    assert 0 not in posted
    plant.settle()
    assert plant.wrong() == []
