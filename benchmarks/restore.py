"""Restores a backup of the ledger that is older than very many postings: `python -m benchmarks.restore --count 1000`.

Documents are posted through the flows of a system over HTTP; the ledger's database is restored from a backup made
before (SQLite's own, or pg_dump and pg_restore) and worked again. Nothing may be posted again, all is to be linked.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from mlc_pipelines.sandbox.offices import offices
from mlc_pipelines_tests.databases import KINDS
from mlc_pipelines_tests.roads.restoring import Restoring

FAST = "/dev/shm"  # databases that live for minutes
ENTERED = {"airbase": 1.8, "bill": 1.3, "procurify": 2.0, "ramp": 1.3, "stampli": 1.7}
"""So many documents are entered for each that is posted: some are held, some are not ready."""

WORST = 10


def main() -> int:
    """Print a line for each system; 1 when anything was posted again, not linked, or stands wrongly."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=1000, help="documents to be posted, at least")
    parser.add_argument("--systems", nargs="+", choices=sorted(offices()), default=["bill", "procurify"])
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    parser.add_argument("--quick", action="store_true", help="40 documents")
    given = parser.parse_args()
    bad = 0
    for system in given.systems:
        began = time.perf_counter()
        with tempfile.TemporaryDirectory(dir=FAST if Path(FAST).is_dir() else None) as folder:
            documents = 40 if given.quick else int(given.count * ENTERED[system])
            found = Restoring(system, Path(folder), documents=documents, kind=given.database).go()
        print(
            f"{given.database}, {system}: {found.posted} posted after the backup, and {found.acknowledged} of a queue; "
            f"{found.rewritten} writes after the restore, {found.linked} linked again, {len(found.wrong)} wrong; "
            f"{time.perf_counter() - began:.0f} s"
        )
        print("\n".join(found.wrong[:WORST]))
        bad += found.rewritten + found.posted - found.linked + len(found.wrong)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
