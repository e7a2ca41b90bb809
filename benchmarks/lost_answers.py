"""Counts what becomes of writes whose answers are lost: `python -m benchmarks.lost_answers --writes 100000`.

The target performs a write and its answer is late, lost, or comes after our time-out; a share is not performed
at all. Afterwards every document must be there once.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlc_pipelines.errors import OutcomeUnknownError
from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.delivery import confirm, deliver
from mlc_pipelines.flows.flow import Outgoing
from mlc_pipelines.flows.road import Road
from mlc_pipelines.flows.translating import translate
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines.ledger.records import Landed
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.databases import KINDS
from mlc_pipelines_tests.flows.world import Paper, PaperFlow, TestClock, open_ledger

SHARES = (0.01, 0.10, 0.50)
SETTLE_SECONDS = 75.0
FAST = "/dev/shm"  # databases that live for a minute


class LossyTarget(PaperFlow):
    """A target that performs three of four lost writes: at once, or a while later."""

    settle_after = SETTLE_SECONDS

    def __init__(self, paper: Paper, *, share: float, clock: TestClock, seed: int) -> None:
        super().__init__(paper)
        self._chance = random.Random(seed)
        self._share = share
        self._clock = clock
        self._late: list[tuple[float, str]] = []
        self.made: Counter[str] = Counter()
        self.lost = 0

    def _arrive(self) -> None:
        now = self._clock.at.timestamp()
        for write in [write for write in self._late if write[0] <= now]:
            self._late.remove(write)
            self.made[write[1]] += 1

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look for what was made by now."""
        self._arrive()
        return {o.entry.id: Landed(f"T-{o.entry.key}") for o in batch if self.made[o.entry.key]}

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Make a document, and answer or not."""
        (outgoing,) = batch
        key = outgoing.entry.key
        if self._chance.random() >= self._share:
            self.made[key] += 1
            return [Landed(f"T-{key}")]
        self.lost += 1
        match self._chance.randrange(4):
            case 0:
                pass  # it never arrived
            case 1:
                self._late.append((self._clock.at.timestamp() + self._chance.uniform(0, SETTLE_SECONDS - 1), key))
            case _:
                self.made[key] += 1
        raise OutcomeUnknownError("sent, and no answer came")


def go(writes: int, share: float, kind: str) -> tuple[int, int, int, int, float]:
    """Send documents; give lost answers, documents missing, made twice, unsettled, and seconds."""
    with tempfile.TemporaryDirectory(dir=FAST if Path(FAST).is_dir() else None) as folder:
        ledger = open_ledger(Path(folder), kind=kind)
        paper = Paper(**{f"D{number}": "1.00" for number in range(writes)})
        clock = ledger.clock
        assert isinstance(clock, TestClock)
        flow = LossyTarget(paper, share=share, clock=clock, seed=1)
        began = time.perf_counter()
        _work(ledger, flow, clock)
        seconds = time.perf_counter() - began
        states = ledger.books("acme").entries.tally(flow.name)
        ledger.engine.dispose()
        missing = sum(1 for key in paper.documents if not flow.made[key])
        twice = sum(1 for count in flow.made.values() if count > 1)
        return flow.lost, missing, twice, writes - states.get(State.CONFIRMED, 0), seconds


def _work(ledger: Ledger, flow: LossyTarget, clock: TestClock) -> None:
    road = Road(flow, ledger, ledger.books("acme"), calls_in_flight=1)
    collect(road)
    translate(road)
    while sum(deliver(road).counts.values()):
        clock.sleep(SETTLE_SECONDS + 1)
    confirm(road)


def main() -> int:
    """Print a line for each share; 1 when anything is missing, there twice or unsettled."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--writes", type=int, default=100_000, help="in all; a third for each share")
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    parser.add_argument("--quick", action="store_true", help="600 writes")
    given = parser.parse_args()
    writes = (600 if given.quick else given.writes) // len(SHARES)
    bad = 0
    for share in SHARES:
        lost, missing, twice, unsettled, seconds = go(writes, share, given.database)
        bad += missing + twice + unsettled
        print(
            f"{given.database}: {writes} writes, {share:.0%} of answers lost ({lost}): {missing} missing, "
            f"{twice} twice, {unsettled} unsettled; {writes / seconds:.0f} documents/s"
        )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
