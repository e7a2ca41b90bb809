"""A whole road of two papers on a database one of whose steps fails; the next run heals it."""

from collections import Counter
from dataclasses import dataclass

from mlc_pipelines.errors import StorageError
from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.delivery import confirm, deliver
from mlc_pipelines.flows.road import Road
from mlc_pipelines.flows.translating import translate
from mlc_pipelines.ledger.leases import LEASE_SECONDS
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.faulty_storage import FaultySteps, Here
from mlc_pipelines_tests.flows.world import Paper, PaperFlow

STAGES = (collect, translate, deliver, confirm)
RUNS = 4
PAPERS = {"A": "1.00", "B": "2.50"}
ALL_TOLD = {State.CONFIRMED: len(PAPERS)}


@dataclass(frozen=True)
class Told:
    """What became of one walk: the step that failed (None when the walk had fewer), and what is wrong afterwards."""

    failed: str | None
    error: Exception | None
    wrong: tuple[str, ...]


def walk(ledger: Ledger, faults: FaultySteps, at: int) -> Told:
    """Let a connection of its own walk the road, its step `at` failing, and then as often as a schedule would."""
    flow = PaperFlow(Paper(**PAPERS))
    road = Road(flow, ledger, ledger.books(f"acme{at}"), calls_in_flight=1, workers=Here)
    error: Exception | None = None
    with faults.failing(at):
        try:
            _run(road)
        except Exception as raised:  # noqa: BLE001  # whatever it is, it is told
            error = raised
        failed = faults.failed
    for _ in range(RUNS):
        ledger.clock.sleep(LEASE_SECONDS + 1)
        _run(road)
        if road.books.entries.tally(flow.name) == ALL_TOLD:
            break
    return Told(failed, error, tuple(_wrong(road, flow, error if failed else None)))


def _run(road: Road) -> None:
    for stage in STAGES:
        stage(road)


def _wrong(road: Road, flow: PaperFlow, error: Exception | None) -> list[str]:
    wrong = []
    if error is not None and not (isinstance(error, StorageError) and "the cable was pulled" in str(error)):
        wrong.append(f"the error is {error!r}")
    if Counter(flow.kept) != Counter(PAPERS.items()):
        wrong.append(f"the target has {flow.kept}")
    if set(flow.told) != set(PAPERS):
        wrong.append(f"the source was told of {flow.told}")
    if (states := road.books.entries.tally(flow.name)) != ALL_TOLD:
        wrong.append(f"the ledger says {states}")
    return wrong
