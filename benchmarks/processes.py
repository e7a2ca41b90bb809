"""Programs as an operator starts them, and what they take of the machine."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True)
class Ended:
    """A program that has ended: what it said, its seconds on the clock and of the processor, its largest memory."""

    out: str
    seconds: float
    cpu_seconds: float
    peak_mib: float


_STARTER = """
import json, os, sys, time
began = time.perf_counter()
pid = os.posix_spawn(sys.executable, [sys.executable, *sys.argv[2:]], os.environ)
_, status, used = os.wait4(pid, 0)
seconds = time.perf_counter() - began
with open(sys.argv[1], "w") as told:
    json.dump([os.waitstatus_to_exitcode(status), seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024], told)
"""
"""Started in between because it is small: Linux counts the memory of who starts a program as the program's own."""


def ran(arguments: Sequence[str], environ: Mapping[str, str], *, codes: Sequence[int] = (0,)) -> Ended:
    """Run a Python program to its end; SystemExit when it fails."""
    with tempfile.NamedTemporaryFile() as told, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        starter = [sys.executable, "-I", "-S", "-c", _STARTER, told.name]
        subprocess.run([*starter, *arguments], env=dict(environ), stdout=out, stderr=err, check=True)
        code, *figures = json.loads(told.read())
        out.seek(0)
        err.seek(0)
        said, complaint = out.read().decode(), err.read().decode()
    if code not in codes:
        raise SystemExit(f"{' '.join(arguments)} ended with {code}: {complaint[-2000:]}")
    return Ended(said, *figures)


def family(pid: int) -> list[int]:
    """Give a process and all that it started, and they."""
    parents = {}
    for folder in _PROC.glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):  # it has ended meanwhile
            continue
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found


def cpu_seconds(pid: int) -> float:
    """Tell the processor's seconds of a process and of all that it started."""
    ticks = 0
    for each in family(pid):
        fields = (_PROC / str(each) / "stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))  # its own, and of its children that have ended
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mib(pids: Iterable[int]) -> float:
    """Tell the memory of processes; what they share is counted once (PSS)."""
    total = 0
    for pid in pids:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
        total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024
