"""An invoice goes from IFS to Ramp over HTTP on a database one of whose steps fails; the next run heals it."""

from contextlib import closing
from dataclasses import dataclass, replace

from sqlalchemy import delete

from mlc_pipelines.connections.tables import tokens
from mlc_pipelines.errors import StorageError
from mlc_pipelines.ledger.database import writing
from mlc_pipelines.ledger.leases import LEASE_SECONDS
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.faulty_storage import FaultySteps, Here
from mlc_pipelines_tests.roads.installation import NAME, STAGES
from mlc_pipelines_tests.roads.ramp.tenancy import Tenancy

RUNS = 4


@dataclass(frozen=True)
class Told:
    """What became of one invoice: the step that failed (None when there were fewer), and what is wrong afterwards."""

    failed: str | None
    error: Exception | None
    wrong: tuple[str, ...]


def carry(tenancy: Tenancy, faults: FaultySteps, at: int) -> Told:
    """Carry a new invoice, step `at` failing, with a session and tokens that begin anew; then as often as needed."""
    reference = tenancy.invoice(f"INV-{at}")
    error: Exception | None = None
    with writing(tenancy.house.ledger.engine) as connection:
        connection.execute(delete(tokens))
    with faults.failing(at):
        try:
            run(tenancy)
        except Exception as raised:  # noqa: BLE001  # whatever it is, it is told
            error = raised
        failed = faults.failed
    for _ in range(RUNS):
        tenancy.simulators.clock.sleep(LEASE_SECONDS + 1)
        run(tenancy)
        if tenancy.entry("bills", reference).state is State.CONFIRMED:
            break
    return Told(failed, error, tuple(_wrong(tenancy, reference, error if failed else None)))


def run(tenancy: Tenancy) -> None:
    """Work the flow once, as a run of its own does, every step in the order in which it comes."""
    house = tenancy.house
    with closing(house.integration(NAME).open(house.tenant(NAME))) as session:
        road = replace(house.road(session, NAME, "bills"), calls_in_flight=1, workers=Here)
        for stage in STAGES.values():
            stage(road)


def _wrong(tenancy: Tenancy, reference: str, error: Exception | None) -> list[str]:
    wrong = []
    if error is not None and not (isinstance(error, StorageError) and "the cable was pulled" in str(error)):
        wrong.append(f"the error is {error!r}")
    if len(there := tenancy.bills(reference)) != 1:
        wrong.append(f"Ramp has {len(there)} of it")
    elif (mark := tenancy.proposal(reference)["Cf_Spend_Reference"]) != f"ramp:{there[0].id}":
        wrong.append(f"IFS says it was sent as {mark!r}")
    if (state := tenancy.entry("bills", reference).state) is not State.CONFIRMED:
        wrong.append(f"the ledger says {state}")
    return wrong
