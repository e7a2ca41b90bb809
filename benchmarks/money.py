"""Books very many documents and adds them up again in fractions: `python -m benchmarks.money --cases 1000000`."""

import argparse
import logging
import os
import random
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction

from mlc_pipelines_tests.accounting.money_cases import OUTWARD
from mlc_pipelines_tests.accounting.voucher_cases import INWARD

CASES = (*OUTWARD, *INWARD)
PART = 2000
SHOWN = 20


@dataclass
class Part:
    """What some cases came to."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    off: Fraction = Fraction(0)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


def play(first: int, cases: int) -> Part:
    """Play cases by their seeds, each kind in turn."""
    logging.disable()
    part, began = Part(), time.process_time()
    for seed in range(first, first + cases):
        verdict = CASES[seed % len(CASES)](random.Random(seed))
        part.outcomes[verdict.kind, "wrong" if verdict.wrong else verdict.outcome] += 1
        part.off += verdict.off
        part.wrong += [f"seed {seed}: {verdict.kind}: {each}" for each in verdict.wrong]
    part.seconds = time.process_time() - began
    return part


def main() -> int:
    """Play, and print what was found; 1 when anything is off or wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--quick", action="store_true", help="5,000 cases")
    given = parser.parse_args()
    count = 5000 if given.quick else given.cases
    firsts = range(given.first, given.first + count, PART)
    sizes = [min(PART, given.first + count - first) for first in firsts]
    whole, began = Part(), time.perf_counter()
    with ProcessPoolExecutor(given.processes) as pool:
        for part in pool.map(play, firsts, sizes):
            whole.outcomes += part.outcomes
            whole.off += part.off
            whole.wrong += part.wrong
            whole.seconds += part.seconds
    print(f"{count} documents in {time.perf_counter() - began:.0f} s, {whole.seconds:.0f} s of CPU")
    for (kind, outcome), number in sorted(whole.outcomes.items()):
        print(f"  {kind:20} {outcome:8} {number}")
    print(f"off: {float(whole.off):g} minor units; wrong: {len(whole.wrong)}")
    print("\n".join(whole.wrong[:SHOWN]))
    return 1 if whole.off or whole.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
