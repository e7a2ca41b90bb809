"""Rotates the vault's keys under load: `python -m benchmarks.rotation [--rotations 60] [--quick]`.

Readers and writers of secrets and tokens go on in processes of their own while others make new keys and seal everything
anew; at the end all keys but the newest are thrown away, and everything has to open and be the newest that was stored.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from mlc_pipelines_tests.connections.rotating import turn
from mlc_pipelines_tests.databases import KINDS, address

FAST = "/dev/shm"  # databases that live for a minute
SHOWN = 20


def main() -> int:
    """Rotate on both databases; 1 when a read failed, or a secret was lost or went back."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rotations", type=int, default=60, help="by each rotator")
    parser.add_argument("--readers", type=int, default=4)
    parser.add_argument("--rotators", type=int, default=2)
    parser.add_argument("--database", choices=KINDS, action="append")
    parser.add_argument("--quick", action="store_true", help="5 rotations")
    given = parser.parse_args()
    well = True
    for kind in given.database or KINDS:
        began = time.perf_counter()
        with tempfile.TemporaryDirectory(dir=FAST if Path(FAST).is_dir() else None) as name:
            folder = Path(name)
            seen = turn(
                address(folder, kind=kind),
                folder,
                readers=given.readers,
                rotators=given.rotators,
                rotations=5 if given.quick else given.rotations,
            )
        print(
            f"{kind}: {seen.rotations} rotations, {seen.reads} reads, {seen.stored} stored in "
            f"{time.perf_counter() - began:.0f} s; wrong: {len(seen.wrong)}"
        )
        print("\n".join(each[:300] for each in seen.wrong[:SHOWN]), end="\n" if seen.wrong else "")
        well &= not seen.wrong
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
