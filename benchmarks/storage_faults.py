"""Lets every step on the database fail, one at a time: `python -m benchmarks.storage_faults [--quick]`.

A step is a statement, a commit, or a commit whose answer is lost. For each step of a road of papers, and of bills from
IFS to Ramp over HTTP, the run must say what happened, and the next one must lose nothing and double nothing.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines_tests.databases import KINDS, address
from mlc_pipelines_tests.faulty_storage import FaultySteps
from mlc_pipelines_tests.flows.papers_on_faulty_storage import walk
from mlc_pipelines_tests.flows.world import open_ledger
from mlc_pipelines_tests.roads.ramp.bills_on_faulty_storage import carry
from mlc_pipelines_tests.roads.ramp.tenancy import Simulators, Tenancy, small_world

FAST = "/dev/shm"  # databases that live for some minutes
Tried = tuple[str | None, Exception | None, tuple[str, ...]]
Try = Callable[[int], Tried]
"""Lets a step fail: the step, what the run said, and what is wrong after the next runs."""


@contextmanager
def papers(folder: Path, kind: str) -> Iterator[tuple[Ledger, Try]]:
    """Give the road of papers."""
    ledger = open_ledger(folder, kind=kind)
    faults = FaultySteps([ledger.engine])

    def go(at: int) -> Tried:
        told = walk(ledger, faults, at)
        return told.failed, told.error, told.wrong

    yield ledger, go
    ledger.engine.dispose()


@contextmanager
def bills(folder: Path, kind: str) -> Iterator[tuple[Ledger, Try]]:
    """Give the road of bills, its reference data sent."""
    with Simulators(small_world()) as simulators:
        simulators.reset()
        tenancy = Tenancy(folder / "home", simulators, database=address(folder, kind=kind))
        tenancy.reference()
        faults = FaultySteps(tenancy.house.engines)
        carry(tenancy, faults, 0)

        def go(at: int) -> Tried:
            told = carry(tenancy, faults, at)
            return told.failed, told.error, told.wrong

        yield tenancy.house.ledger, go
        tenancy.close()


def play(name: str, kind: str, *, stride: int) -> int:
    """Try the steps of a road, print what they came to; give how many went wrong."""
    began, at, tried, silent, bad = time.perf_counter(), 0, 0, 0, 0
    with (
        tempfile.TemporaryDirectory(dir=FAST if Path(FAST).is_dir() else None) as folder,
        ROADS[name](Path(folder), kind) as (ledger, go),
    ):
        while True:
            at += stride
            failed, error, wrong = go(at)
            if wrong:
                bad += 1
                print(f"{kind}, {name}, step {at}, {failed}: {'; '.join(wrong)}")
            if failed is None:
                break
            tried, silent = tried + 1, silent + (error is None)
        broken = len(list(ledger.audit.verify()))
    print(
        f"{kind}, {name}: {tried} steps failed, {tried - silent} runs said so, {silent} went on without it; "
        f"{bad} not healed by the next runs, {broken} broken seals; {time.perf_counter() - began:.0f} s"
    )
    return bad + broken


ROADS = {"papers": papers, "bills over HTTP": bills}


def main() -> int:
    """Try all roads on both databases; 1 when a step was not healed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--database", choices=KINDS, action="append")
    parser.add_argument("--quick", action="store_true", help="every 25th step")
    given = parser.parse_args()
    stride = 25 if given.quick else 1
    bad = sum(play(name, kind, stride=stride) for kind in given.database or KINDS for name in ROADS)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
