"""What every contestant shares; the standard library alone, because each runs in an environment of its own."""

import json
import os
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

_STATUS = Path("/proc/self/status")


class Watch:
    """Keeps the process to the last core, measures a block, and tells what came of it as one line of JSON."""

    def __init__(self, *packages: str) -> None:
        self._versions = {name: version(name) for name in packages}
        self._seconds = self._cpu = 0.0
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

    def __enter__(self) -> "Watch":
        self._cpu, self._seconds = _cpu(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self._cpu, self._seconds = _cpu() - self._cpu, time.perf_counter() - self._seconds

    def tell(self, **found: Any) -> None:
        """Print the measurement."""
        told = {"seconds": self._seconds, "cpu": self._cpu, "peak_mib": _peak(), "versions": self._versions, **found}
        print(json.dumps(told), file=sys.__stdout__, flush=True)


def _cpu() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _peak() -> float:
    """Give the most memory in MiB that this process had since it began, or its largest child."""
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if _STATUS.exists():  # the other counts what this process was forked from
        kib = next(int(line.split()[1]) for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return max(kib, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024
