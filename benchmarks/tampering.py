"""Tampers with an audit trail at random: `python -m benchmarks.tampering --count 10000`.

Edits, deletes, swaps, inserts, truncates and seals anew, in a database and in the exported pack; `mlc audit verify`
and the script of the pack have to find each that they are shown, and to name the first bad event, entry or day.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from mlc_pipelines_tests.databases import KINDS
from mlc_pipelines_tests.ledger.tampering_trial import Trial

FAST = "/dev/shm"  # a database that lives for a minute
WORST = 20


def main() -> int:
    """Tamper, and print how often each way was taken; 1 when one was not found or named wrongly."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    parser.add_argument("--quick", action="store_true", help="320 tamperings")
    given = parser.parse_args()
    count = 320 if given.quick else given.count
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=FAST if Path(FAST).is_dir() else None) as folder:
        trial = Trial(Path(folder), kind=given.database)
        wrong = [each for seed in range(given.first, given.first + count) for each in trial.judge(seed)]
        sizes = ", ".join(f"{len(rows)} {name}" for name, rows in trial.pristine.items())
        trial.close()
    print("\n".join(f"{number:6} {name}" for name, number in sorted(trial.kinds.items())))
    print("\n".join(wrong[:WORST]))
    print(
        f"{given.database}, {sizes}: {count} tamperings of {len(trial.kinds)} kinds, {len(wrong)} not found or named "
        f"wrongly; {time.perf_counter() - began:.0f} s"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
