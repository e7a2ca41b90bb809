"""Plays many simulations of the road: `python -m benchmarks.simulation --seeds 1000`."""

import argparse
import functools
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from mlc_pipelines_tests.simulation.run import Told, simulate

FAST = "/dev/shm"  # databases that live for a second


def play(seed: int) -> tuple[Told, bool]:
    """Play a seed twice; tell what it came to, and whether both told the same."""
    first, again = (simulate(seed, Path(_folder().name)) for _ in range(2))
    return first, first.log == again.log


@functools.cache
def _folder() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(dir=FAST if Path(FAST).is_dir() else None)  # until this process ends


def main() -> int:
    """Play, and print what was found; 1 when anything was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="20 seeds")
    given = parser.parse_args()
    count = 20 if given.quick else given.seeds
    began = time.perf_counter()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        played = list(pool.map(play, range(given.first, given.first + count), chunksize=4))
    wrong = [told for told, _ in played if told.wrong]
    different = [told.seed for told, same in played if not same]
    for told in wrong:
        print(f"seed {told.seed}: {'; '.join(told.wrong)}")
    print(
        f"{count} seeds, each twice: {len(wrong)} with a violation, {len(different)} that told two stories "
        f"{different[:5] or ''}; {time.perf_counter() - began:.0f} s"
    )
    return 1 if wrong or different else 0


if __name__ == "__main__":
    sys.exit(main())
