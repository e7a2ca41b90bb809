"""What the product costs before any record moves: `python -m benchmarks.fixed`.

The start of the command, the definitions of 1, 20 and 200 connections as a code server loads them, the memory of
Dagster's processes, and what Dagster keeps of a run.
"""

import json
import os
import re
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.dagster_ui import asked, dagster_at_work
from benchmarks.measuring import Aim, Figure, Table, program
from benchmarks.processes import Ended, family, memory_mib, ran
from mlc_pipelines.commands.playground import open_playground

SIZES = (1, 20, 50, 200)
MOST_SECONDS = 10.0
COLUMNS = ("", "seconds", "CPU seconds", "peak MiB")
LOAD = """
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._serdes import serialize_value
from mlc_pipelines.definitions import defs
print(len(serialize_value(RepositorySnap.from_def(defs().get_repository_def(), defer_snapshots=True))))
"""
EVENTS = """
import json, sys
import dagster as dg
with dg.DagsterInstance.get() as instance:
    logs = instance.all_logs(sys.argv[1])
rows = [dg.serialize_value(entry) for entry in logs]
print(json.dumps([len({entry.step_key for entry in logs if entry.step_key}), len(rows), sum(map(len, rows))]))
"""


def measure(quick: bool) -> Figure:
    """Measure in an installation of the sandbox; a quick run has 20 connections at most, which says nothing of 200."""
    rounds, sizes = (1, SIZES[:2]) if quick else (5, SIZES)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        with open_playground(folder / "home", invoices=5 if quick else 200):
            environ = dict(os.environ)
            started: dict[str, list[Ended]] = {}
            samples = sorted((folder / "home" / "connections").glob("*.yaml"))
            homes = {size: environ | _laid_out(folder / f"of_{size}", samples, size) for size in sizes}
            for _ in range(rounds):
                for name, command in (("an empty Python", ["-c", ""]), ("import dagster", ["-c", "import dagster"])):
                    started.setdefault(name, []).append(ran(command, environ))
                started.setdefault("mlc --help", []).append(ran(["-m", "mlc_pipelines.cli", "--help"], environ))
                for size in sizes:
                    started.setdefault(f"definitions, {size}", []).append(ran(["-c", LOAD], homes[size]))
            runs = _runs(environ)
            memory = _memory(folder, homes[SIZES[1]])
    largest = statistics.median(each.seconds for each in started[f"definitions, {sizes[-1]}"])
    return Figure(
        "fixed",
        "Fixed costs: start, definitions, memory, events",
        [
            Table(f"programs from start to end, medians of {rounds}", COLUMNS, _programs(started)),
            Table("a run of a Ramp connection", ("", "seconds", "CPU seconds", "steps", "event rows", "kB"), runs),
            Table(f"memory with {SIZES[1]} connections, shared pages counted once", ("", "MiB"), memory),
        ],
        aims=[
            Aim(
                f"definitions of {sizes[-1]} connections load in at most {MOST_SECONDS:.0f} s",
                f"{largest:.1f} s",
                largest <= MOST_SECONDS,
            )
        ],
        notes=[
            "Connections are of the five spend systems in turn, each with all its flows, checks, jobs and schedules."
        ],
        versions={"dagster": version("dagster")},
    )


def _programs(started: Mapping[str, Sequence[Ended]]) -> list[list[str]]:
    names = ("seconds", "cpu_seconds", "peak_mib")
    return [
        [what, *(f"{statistics.median(getattr(each, name) for each in runs):,.2f}" for name in names)]
        for what, runs in started.items()
    ]


def _laid_out(folder: Path, samples: Sequence[Path], size: int) -> dict[str, str]:
    """Lay out connections: those of the sandbox over and over, each by a name of its own; give where."""
    folder.mkdir()
    for beside in samples[0].parent.glob("*.csv"):
        (folder / beside.name).write_bytes(beside.read_bytes())
    for number in range(size):
        text = samples[number % len(samples)].read_text(encoding="utf-8")
        text = re.sub(r"^name: \w+", f"name: tenant_{number:03}", text, flags=re.MULTILINE)
        (folder / f"tenant_{number:03}.yaml").write_text(text, encoding="utf-8")
    return {"MLC_CONNECTIONS_DIR": str(folder)}


def _runs(environ: Mapping[str, str]) -> list[list[str]]:
    """Count what Dagster keeps of a run that has work, and of one that finds nothing."""
    rows = []
    for what in ("with work", "that finds nothing"):
        ended = ran(["-m", "mlc_pipelines.cli", "run", "sandbox_ramp", "--json"], environ, codes=(0, 1))
        steps, count, size = json.loads(ran(["-c", EVENTS, json.loads(ended.out)["run"]], environ).out)
        rows.append(
            [what, f"{ended.seconds:.1f}", f"{ended.cpu_seconds:.1f}", f"{steps}", f"{count}", f"{size / 1e3:.0f}"]
        )
    return rows


def _memory(folder: Path, environ: Mapping[str, str]) -> list[list[str]]:
    with dagster_at_work(folder, environ) as (pid, address):
        asked(address, "{assetNodes{assetKey{path}}}")
        parts: dict[str, list[int]] = {}
        for each in family(pid):
            parts.setdefault(_part(each), []).append(each)
        return [[name, f"{memory_mib(pids):,.0f}"] for name, pids in sorted(parts.items())]


def _part(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    for mark, name in (("dagster_webserver", "webserver"), ("_daemon", "daemon"), ("api grpc", "code servers")):
        if mark in words:
            return name
    return "dagster dev and mlc ui"


if __name__ == "__main__":
    sys.exit(program(["fixed"], [measure], __doc__))
