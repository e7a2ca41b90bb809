"""Counts what processes on shared credentials send: `python -m benchmarks.rates [--quick]`.

`mlc_pipelines_tests.strict.rates` says what is counted. Four rounds: eight processes on one credential with more work
than it may do; the same while the service turns some away; the same killed and started anew all at once; and several
credentials side by side.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from mlc_pipelines_tests.databases import KINDS
from mlc_pipelines_tests.strict.calling import Measure
from mlc_pipelines_tests.strict.rates import Counted, play

FAST = "/dev/shm"  # databases that live for a minute
LEAST_USED = 0.95
ONE = [Measure("acme", 120, 2.0, 2)]
MANY = [
    Measure("acme", 60, 2.0, 1),
    Measure("globex", 100, 5.0, 2),
    Measure("initech", 200, 10.0, 3),
    Measure("umbra", 10, 2.0, 1),
]


def told(kind: str, name: str, counted: list[Counted], *, busy: bool) -> bool:
    """Print what was counted; False when a limit was not kept, or not used where there was work for it."""
    well = True
    for each in counted:
        measure = each.measure
        enough = not busy or each.used >= LEAST_USED
        well &= enough and not (each.over_sliding or each.over_fixed or each.in_pauses)
        used = f"{each.used:.1%} of the limit used" if busy else f"{each.refused} refused"
        print(
            f"{kind}, {name}: {measure.limit} in {measure.window:g} s: {each.calls} calls, "
            f"{each.fullest} in the fullest window; {each.over_sliding} sliding and {each.over_fixed} fixed windows "
            f"above the limit, {each.in_pauses} calls in a pause; {used}"
        )
    return well


def main() -> int:
    """Play all rounds on both databases; 1 when a limit was not kept or not used."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=30.0, help="a round")
    parser.add_argument("--database", choices=KINDS, action="append")
    parser.add_argument("--quick", action="store_true", help="rounds of 8 seconds")
    given = parser.parse_args()
    seconds = 8.0 if given.quick else given.seconds
    well = True
    for kind in given.database or KINDS:
        with tempfile.TemporaryDirectory(dir=FAST if Path(FAST).is_dir() else None) as name:
            folders = [Path(name) / str(number) for number in range(4)]
            one = play(folders[0], kind=kind, measures=ONE, seconds=seconds)
            well &= told(kind, "enough work", one, busy=True)
            refused = play(folders[1], kind=kind, measures=ONE, seconds=seconds, refuse_every=97)
            well &= told(kind, "some turned away", refused, busy=False)
            restarted = play(folders[2], kind=kind, measures=ONE, seconds=seconds, restarts=4)
            well &= told(kind, "restarted", restarted, busy=False)
            many = play(folders[3], kind=kind, measures=MANY, seconds=seconds, threads=2)
            well &= told(kind, "side by side", many, busy=True)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
