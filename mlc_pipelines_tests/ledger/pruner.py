"""A process that prunes a ledger, and kills itself at the step it is told."""

import os
import signal
import sys
from datetime import datetime, timedelta
from pathlib import Path

from mlc_pipelines.ledger.database import open_engine
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines_tests.flows.world import TestClock


def go(url: str, file: str, now: str, kill_at: int) -> None:
    """Prune what has rested for thirty days, two entries at a time. 0: never killed."""
    steps = 0

    def watch(_step: str, _records: int) -> None:
        nonlocal steps
        steps += 1
        if steps == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    clock = TestClock()
    clock.at = datetime.fromisoformat(now)
    Ledger(open_engine(url), clock).retention.prune(timedelta(days=30), Path(file), batch=2, watch=watch)


if __name__ == "__main__":
    go(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
