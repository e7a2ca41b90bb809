"""Servers beside a measurement: they have the first core, what is measured has the last."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def companion(module: str, *arguments: str) -> Iterator[Any]:
    """Run a server of ours as a process for a block; give what it says of itself when it is ready."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        try:
            yield json.loads(program.stdout.readline())
        finally:
            program.stdin.close()


def until_told(*said: Any) -> None:
    """Say where the server is, and live until the one who started it ends."""
    use_core(first=True)
    print(json.dumps(said), flush=True)
    sys.stdin.read()


def use_core(*, first: bool) -> None:
    """Keep this process and its threads to one core, where the system can: the first one or the last."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[0 if first else -1]})
