"""Counts writes that are sent too late: `python -m benchmarks.leases --pauses 500 [--quick]`.

Of two workers of one connection the one that has the lease is stopped (SIGSTOP) until the other one has taken over,
and goes on (SIGCONT); `mlc_pipelines_tests.strict.pauses` says what is late. Leases last half a second here.
"""

import argparse
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from mlc_pipelines_tests.databases import KINDS, address
from mlc_pipelines_tests.strict.pauses import Played, play

FAST = "/dev/shm"  # databases that live for some minutes


def go(seed: int, *, kind: str, pauses: int, lease_seconds: float) -> Played:
    """Play with a pair of workers and a database of their own."""
    with tempfile.TemporaryDirectory(dir=FAST if Path(FAST).is_dir() else None) as folder:
        return play(Path(folder), kind=kind, pauses=pauses, lease_seconds=lease_seconds, seed=seed)


def told(kind: str, pairs: list[Played]) -> bool:
    """Print what the pairs came to; False when anything was late, missing, there twice, unsettled or broken."""

    def count(name: str) -> int:
        return sum(value if isinstance(value, int) else len(value) for value in (getattr(p, name) for p in pairs))

    print(
        f"{kind}: {count('pauses')} pauses beyond the lease, {count('in_a_write')} of them right after a write: "
        f"{count('late')} late writes; {count('kept_back')} kept back in the moment of leaving, "
        f"{count('ended')} workers ended with one in their hand. "
        f"Of {count('writes')} writes {count('twice')} twice, {count('missing')} missing, "
        f"{count('unsettled')} unsettled, {count('broken')} broken seals; {max(pair.seconds for pair in pairs):.0f} s"
    )
    return all(pair.holds for pair in pairs)


def main() -> int:
    """Play on both databases; 1 when the lease did not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pauses", type=int, default=500)
    parser.add_argument("--pairs", type=int, default=os.cpu_count() or 1, help="of workers, at the same moment")
    parser.add_argument("--lease", type=float, default=0.5, help="seconds")
    parser.add_argument("--database", choices=KINDS, action="append")
    parser.add_argument("--quick", action="store_true", help="20 pauses")
    given = parser.parse_args()
    wanted = 20 if given.quick else given.pauses
    well = True
    for kind in given.database or KINDS:
        with tempfile.TemporaryDirectory() as folder:
            address(Path(folder), kind=kind)  # starts the server before several ask for it
        play_some = partial(go, kind=kind, pauses=-(-wanted // given.pairs), lease_seconds=given.lease)
        with ThreadPoolExecutor(given.pairs) as pool:
            well &= told(kind, list(pool.map(play_some, range(given.pairs))))
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
